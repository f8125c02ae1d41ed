//! What KubeSphere's Clusters hold.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::source::objects::tests::{certificate, read, shown};

/// A member as KubeSphere 3.4 keeps it.
fn member(connection: &str) -> String {
    format!(
        r#"{{"apiVersion":"cluster.kubesphere.io/v1alpha1","kind":"Cluster","metadata":{{
        "name":"shenzhen","resourceVersion":"7341","finalizers":["finalizer.cluster.kubesphere.io"],
        "labels":{{"cluster.kubesphere.io/region":"south"}}}},
        "spec":{{"joinFederation":true,"enable":true,"provider":"kubesphere","connection":{connection}}},
        "status":{{"kubernetesVersion":"v1.28.4","nodeCount":3,"conditions":[{{"type":"Ready",
        "status":"True"}}]}}}}"#
    )
}

fn with_kubeconfig(text: &str) -> String {
    member(&format!(
        r#"{{"type":"direct","kubernetesAPIEndpoint":"https://10.0.0.2:6443","kubeconfig":"{}"}}"#,
        STANDARD.encode(text)
    ))
}

fn parts(object: &str) -> Vec<Part> {
    read(&plan(Options::default()), "clusters", object).unwrap()
}

#[test]
fn the_clusters_and_users_of_a_members_kubeconfig_are_told() {
    let (ca, admin) = (certificate("kubernetes"), certificate("kubernetes-admin"));
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- name: kubernetes\n  cluster:\n    \
         server: https://10.0.0.2:6443\n    certificate-authority-data: {ca}\nusers:\n- name: admin\n  user:\n    \
         client-certificate-data: {admin}\n    client-key-data: aHVudGVyMg==\n"
    );
    let expected = [
        " cluster kubernetes CN=kubernetes",
        " user admin CN=kubernetes-admin",
    ];
    assert_eq!(shown(&parts(&with_kubeconfig(&text))), expected);
}

#[test]
fn a_member_that_cannot_be_reached_yet_and_the_host_itself_hold_nothing() {
    for object in [
        member(r#"{"type":"proxy","kubernetesAPIEndpoint":"","kubeconfig":null}"#),
        member(r#"{"type":"proxy","token":"hunter2","kubeconfig":""}"#),
        member("{}"),
        member("null"),
        r#"{"metadata":{"name":"host","resourceVersion":"1"}}"#.to_owned(),
    ] {
        assert!(parts(&object).is_empty(), "{object}");
    }
}

#[test]
fn a_kubeconfig_that_is_none_is_a_problem_of_the_member_as_a_whole() {
    assert_eq!(
        shown(&parts(&with_kubeconfig("hunter2"))),
        [" bad_kubeconfig"]
    );
    let object = member(r#"{"kubeconfig":"hunter2!"}"#);
    assert_eq!(shown(&parts(&object)), [" bad_base64"]);
}

#[test]
fn a_kubeconfig_written_with_escapes_is_read_too() {
    let text = "clusters: [{name: '??????', cluster: {certificate-authority: /a}}]";
    let plain = with_kubeconfig(text);
    let (before, encoded) = plain.split_once("kubeconfig\":").unwrap();
    let escaped = format!("{before}kubeconfig\":{}", encoded.replace('/', r"\/"));
    assert_ne!(plain, escaped);
    assert_eq!(shown(&parts(&escaped)), [" cluster ?????? not_found"]);
}
