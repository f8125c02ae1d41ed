//! What was issued into requests.

use super::*;
use crate::source::objects::tests::{certificate, read, shown};

/// A kubelet's, as a cluster of kubeadm has it.
fn signing_request(signer: &str, status: &str) -> String {
    format!(
        r#"{{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","metadata":{{
        "name":"csr-8vnps","generateName":"csr-","resourceVersion":"411"}},"spec":{{"groups":[
        "system:nodes"],"request":"LS0tLS1CRUdJTg==","signerName":"{signer}","usages":["digital signature",
        "server auth"],"username":"system:node:worker"}},"status":{status}}}"#
    )
}

fn issued(certificate: &str) -> String {
    format!(
        r#"{{"certificate":"{certificate}","conditions":[{{"type":"Approved","status":"True",
        "reason":"AutoApproved","message":"by hand"}}]}}"#
    )
}

fn signing_parts(signers: &[&str], object: &str) -> Result<Vec<Part>, Unread> {
    let signers = Globs {
        include: signers.iter().map(|signer| (*signer).to_owned()).collect(),
        exclude: Vec::new(),
    };
    let plan = signing_plan(Options::default(), signers);
    read(&plan, "certificatesigningrequests", object)
}

/// One of cert-manager's own making.
fn request(annotations: &str, status: &str) -> String {
    format!(
        r#"{{"apiVersion":"cert-manager.io/v1","kind":"CertificateRequest","metadata":{{
        "name":"shop-2","namespace":"web","resourceVersion":"977","annotations":{annotations},
        "ownerReferences":[{{"apiVersion":"v1","kind":"Other","name":"x","uid":"1"}},
        {{"apiVersion":"cert-manager.io/v1","kind":"Certificate","name":"shop","uid":"5d0c",
        "controller":true,"blockOwnerDeletion":true}}]}},
        "spec":{{"request":"LS0tLS1CRUdJTg==","issuerRef":{{"name":"ca","kind":"ClusterIssuer"}}}},
        "status":{status}}}"#
    )
}

fn of_certificate(revision: &str) -> String {
    format!(
        r#"{{"cert-manager.io/certificate-name":"shop","cert-manager.io/certificate-revision":"{revision}",
        "cert-manager.io/private-key-secret-name":"shop-x7f2p"}}"#
    )
}

fn parts(object: &str) -> Vec<Part> {
    read(&plan(Options::default()), "certificaterequests", object).unwrap()
}

#[test]
fn an_issued_certificate_is_a_part_by_its_signer() {
    let signer = "kubernetes.io/kubelet-serving";
    let object = signing_request(signer, &issued(&certificate("system:node:worker")));
    let expected = ["kubernetes.io/kubelet-serving CN=system:node:worker"];
    for signers in [&[][..], &[signer], &["kubernetes.io/*"]] {
        assert_eq!(shown(&signing_parts(signers, &object).unwrap()), expected);
    }
    let others = ["example.org/*", "kubernetes.io/kube-apiserver-client"];
    assert_eq!(
        signing_parts(&others, &object).unwrap_err(),
        Unread::Foreign
    );
}

#[test]
fn what_was_not_issued_holds_nothing() {
    for status in [
        "{}",
        "null",
        r#"{"certificate":null}"#,
        r#"{"certificate":"","conditions":[{"type":"Approved","status":"True"}]}"#,
        r#"{"conditions":[{"type":"Denied","status":"True","reason":"No"}]}"#,
        r#"{"conditions":[{"type":"Failed","status":"True"}]}"#,
    ] {
        let object = signing_request("example.org/x", status);
        assert!(signing_parts(&[], &object).unwrap().is_empty(), "{status}");
        assert!(
            parts(&request(&of_certificate("2"), status)).is_empty(),
            "{status}"
        );
    }
}

#[test]
fn the_server_selects_a_signer_where_it_is_the_only_one() {
    let fields = |include: &[&str]| {
        let include = include.iter().map(|signer| (*signer).to_owned()).collect();
        let exclude = Vec::new();
        let plan = signing_plan(Options::default(), Globs { include, exclude });
        plan.wanted[0].fields.clone()
    };
    assert_eq!(fields(&["a.b/c"]), "spec.signerName=a.b/c");
    assert_eq!(fields(&["a.b/c", "a.b/d"]), "");
    assert_eq!(fields(&["a.b/*"]), "");
    assert_eq!(fields(&[]), "");
}

#[test]
fn the_certificate_of_a_request_is_told_and_not_its_ca() {
    let status = format!(
        r#"{{"ca":"{}","certificate":"{}","conditions":[{{"type":"Ready","status":"True","reason":"Issued"}}]}}"#,
        certificate("ca"),
        certificate("shop.example.org"),
    );
    let key = newest::key(&Revision {
        name: "shop",
        owner: "5d0c",
        number: 2,
    });
    let parts = parts(&request(&of_certificate("2"), &status));
    assert_eq!(shown(&parts), [format!("{key} CN=shop.example.org")]);
}

#[test]
fn a_request_that_says_no_revision_stands_alone() {
    let status = issued(&certificate("x"));
    let long = "x".repeat(300);
    for (annotations, key) in [
        ("null".to_owned(), ""),
        ("{}".to_owned(), ""),
        (of_certificate(""), "shop"),
        (of_certificate("second"), "shop"),
        (
            of_certificate("2").replace("shop\"", &format!("{long}\"")),
            "",
        ),
        (
            of_certificate("2").replace("shop\"", "a\\u0000b\\u00005\""),
            "",
        ),
    ] {
        let parts = parts(&request(&annotations, &status));
        assert_eq!(shown(&parts), [format!("{key} CN=x")], "{annotations}");
    }
}

#[test]
fn whoever_owns_a_request_cannot_spoil_a_label() {
    let status = issued(&certificate("x"));
    let object = request(&of_certificate("2"), &status).replace("5d0c", "5d\\u00000c");
    let key = newest::key(&Revision {
        name: "shop",
        owner: "5d0c",
        number: 2,
    });
    assert_eq!(shown(&parts(&object)), [format!("{key} CN=x")]);
}
