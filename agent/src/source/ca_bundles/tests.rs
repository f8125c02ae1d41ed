//! What webhooks, API services and definitions trust.

use super::*;
use crate::source::objects::tests::{certificate, read, shown};

const ALL: Resources = Resources {
    mutating: true,
    validating: true,
    api_services: true,
    conversions: true,
};

fn parts(resource: &str, object: &str) -> Vec<Part> {
    read(&plan(Options::default(), ALL), resource, object).unwrap()
}

/// cert-manager's own, as its chart makes it.
fn webhooks(kind: &str, webhooks: &str) -> String {
    format!(
        r#"{{"kind":"{kind}","apiVersion":"admissionregistration.k8s.io/v1","metadata":{{
        "name":"cert-manager-webhook","uid":"b2","resourceVersion":"812","generation":2,
        "labels":{{"app":"webhook"}},"annotations":{{
        "cert-manager.io/inject-ca-from-secret":"cert-manager/cert-manager-webhook-ca"}}}},
        "webhooks":{webhooks}}}"#
    )
}

fn webhook(name: &str, bundle: &str) -> String {
    format!(
        r#"{{"name":"{name}","clientConfig":{{"service":{{"namespace":"cert-manager",
        "name":"cert-manager-webhook","path":"/validate","port":443}}{bundle}}},
        "rules":[{{"operations":["CREATE","UPDATE"],"apiGroups":["cert-manager.io"],"apiVersions":["v1"],
        "resources":["*/*"],"scope":"*"}}],"failurePolicy":"Fail","matchPolicy":"Equivalent",
        "namespaceSelector":{{}},"sideEffects":"None","timeoutSeconds":30,
        "admissionReviewVersions":["v1"]}}"#
    )
}

fn bundle(base64: &str) -> String {
    format!(r#","caBundle":"{base64}""#)
}

#[test]
fn each_webhook_with_a_bundle_is_a_part_by_its_name() {
    let (one, two) = (certificate("one"), certificate("two"));
    let written = format!(
        "[{},{},{},{}]",
        webhook("b.cert-manager.io", &bundle(&two)),
        webhook("a.cert-manager.io", &bundle(&one)),
        webhook("none.cert-manager.io", ""),
        webhook("empty.cert-manager.io", &bundle("")),
    );
    for (kind, resource) in [
        (
            "MutatingWebhookConfiguration",
            "mutatingwebhookconfigurations",
        ),
        (
            "ValidatingWebhookConfiguration",
            "validatingwebhookconfigurations",
        ),
    ] {
        let expected = ["a.cert-manager.io CN=one", "b.cert-manager.io CN=two"];
        assert_eq!(shown(&parts(resource, &webhooks(kind, &written))), expected);
    }
}

#[test]
fn two_webhooks_of_one_name_are_one_part_and_lose_nothing() {
    let written = format!(
        "[{},{}]",
        webhook("same", &bundle(&certificate("one"))),
        webhook("same", &bundle(&certificate("two"))),
    );
    let object = webhooks("MutatingWebhookConfiguration", &written);
    let parts = parts("mutatingwebhookconfigurations", &object);
    assert_eq!(shown(&parts), ["same CN=one CN=two"]);
}

#[test]
fn a_bundle_that_holds_none_is_a_problem_of_its_webhook_alone() {
    let written = format!(
        "[{},{},{}]",
        webhook("a", &bundle("Cg==")),
        webhook("b", &bundle("!")),
        webhook("c", &bundle(&certificate("one"))),
    );
    let object = webhooks("ValidatingWebhookConfiguration", &written);
    let parts = parts("validatingwebhookconfigurations", &object);
    assert_eq!(
        shown(&parts),
        ["a no_certificate_found", "b bad_base64", "c CN=one"]
    );
}

#[test]
fn webhooks_beyond_measure_are_cut_off_and_said_so() {
    let all: Vec<_> = (0..MOST_WEBHOOKS + 2)
        .map(|number| webhook(&format!("{number:04}"), &bundle("!")))
        .collect();
    let object = webhooks(
        "MutatingWebhookConfiguration",
        &format!("[{}]", all.join(",")),
    );
    let parts = parts("mutatingwebhookconfigurations", &object);
    assert_eq!(parts.len(), MOST_WEBHOOKS);
    assert_eq!(
        shown(&parts[MOST_WEBHOOKS - 1..]),
        ["0999 bad_base64 too_many"]
    );
}

#[test]
fn an_api_service_has_one_bundle_and_a_local_one_none() {
    let service = |spec: &str| {
        format!(
            r#"{{"kind":"APIService","apiVersion":"apiregistration.k8s.io/v1","metadata":{{
            "name":"v1beta1.metrics.k8s.io","resourceVersion":"630"}},"spec":{{{spec}}},
            "status":{{"conditions":[{{"type":"Available","status":"True"}}]}}}}"#
        )
    };
    let remote = format!(
        r#""service":{{"namespace":"kube-system","name":"metrics-server","port":443}},
        "group":"metrics.k8s.io","version":"v1beta1","groupPriorityMinimum":100,"versionPriority":100{}"#,
        bundle(&certificate("metrics"))
    );
    assert_eq!(
        shown(&parts("apiservices", &service(&remote))),
        [" CN=metrics"]
    );
    let local = r#""version":"v1","groupPriorityMinimum":18000,"versionPriority":1"#;
    assert!(parts("apiservices", &service(local)).is_empty());
}

#[test]
fn a_definition_has_the_bundle_of_its_conversion_webhook() {
    let definition = |conversion: &str| {
        let schema =
            r#"{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object"}}}}"#;
        format!(
            r#"{{"kind":"CustomResourceDefinition","apiVersion":"apiextensions.k8s.io/v1","metadata":{{
            "name":"issuers.example.org","resourceVersion":"940"}},"spec":{{"group":"example.org",
            "names":{{"plural":"issuers","kind":"Issuer"}},"scope":"Namespaced","versions":[{{"name":"v1",
            "served":true,"storage":true,"schema":{schema}}}]{conversion}}}}}"#
        )
    };
    let webhook = |strategy: &str| {
        format!(
            r#","conversion":{{"strategy":"{strategy}","webhook":{{"clientConfig":{{"service":{{
            "namespace":"a","name":"b","path":"/convert","port":443}}{}}},
            "conversionReviewVersions":["v1"]}}}}"#,
            bundle(&certificate("convert"))
        )
    };
    let resource = "customresourcedefinitions";
    let parts = |conversion: &str| parts(resource, &definition(conversion));
    assert_eq!(shown(&parts(&webhook("Webhook"))), [" CN=convert"]);
    assert!(parts(&webhook("None")).is_empty());
    assert!(parts(r#","conversion":{"strategy":"None"}"#).is_empty());
    assert!(parts(r#","conversion":{"strategy":"Webhook","webhook":{}}"#).is_empty());
    assert!(parts("").is_empty());
}

#[test]
fn only_the_kinds_that_were_asked_for_are_watched() {
    let some = Resources {
        validating: true,
        conversions: true,
        ..Resources::default()
    };
    let plan = plan(Options::default(), some);
    let resources: Vec<_> = plan.wanted.iter().map(|wanted| wanted.resource).collect();
    let expected = [
        "validatingwebhookconfigurations",
        "customresourcedefinitions",
    ];
    assert_eq!(resources, expected);
}
