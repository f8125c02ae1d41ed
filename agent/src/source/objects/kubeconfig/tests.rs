//! What becomes of the clusters and users of a kubeconfig that an object holds.

use super::*;
use crate::source::objects::tests::{certificate, shown};

fn read(text: &str) -> Vec<Part> {
    parts(&"value".into(), text.as_bytes())
}

#[test]
fn each_cluster_and_user_with_a_certificate_is_a_part() {
    let text = format!(
        "clusters: [{{name: far, cluster: {{certificate-authority-data: {}}}}}]
users: [{{name: admin, user: {{client-certificate-data: {}, client-key-data: x}}}}, {{name: t, user: {{token: y}}}}]",
        certificate("ca"),
        certificate("me"),
    );
    let expected = ["value cluster far CN=ca", "value user admin CN=me"];
    assert_eq!(shown(&read(&text)), expected);
}

#[test]
fn entries_with_one_name_are_one_and_lose_nothing() {
    let text = format!(
        "users: [{{name: a, user: {{client-certificate-data: {}}}}}, {{name: a, user: {{client-certificate-data: '!'}}}}, {{name: a, user: {{client-certificate-data: {}}}}}]",
        certificate("one"),
        certificate("two"),
    );
    assert_eq!(
        shown(&read(&text)),
        ["value user a CN=one CN=two bad_base64"]
    );
}

#[test]
fn a_file_that_an_entry_names_is_not_looked_for() {
    let parts = read("clusters: [{name: a, cluster: {certificate-authority: /etc/hunter2.crt}}]");
    assert_eq!(shown(&parts), ["value cluster a not_found"]);
    assert!(!parts[0].bundle().problems[0].detail.contains("hunter2"));
}

#[test]
fn what_is_no_kubeconfig_is_a_problem_of_the_whole_and_an_empty_one_nothing() {
    assert_eq!(shown(&read("hunter2")), ["value bad_kubeconfig"]);
    assert!(read("{kind: Config, clusters: [], users: []}").is_empty());
}

#[test]
fn more_entries_than_are_kept_are_told_once() {
    let users: Vec<_> = (0..MAX_ENTRIES + 2)
        .map(|number| format!("{{name: {number}, user: {{client-certificate-data: eA}}}}"))
        .collect();
    let parts = read(&format!("users: [{}]", users.join(", ")));
    assert_eq!(parts.len(), MAX_ENTRIES + 1);
    assert_eq!(shown(&parts[..1]), ["value too_many"]);
}

#[test]
fn argo_cds_cluster_has_two_parts_without_a_name() {
    let text = format!(
        r#"{{"tlsClientConfig":{{"caData":"{}","certData":"{}","keyData":"x"}}}}"#,
        certificate("ca"),
        certificate("me"),
    );
    let parts = argocd_parts(&"value".into(), text.as_bytes());
    assert_eq!(shown(&parts), ["value cluster  CN=ca", "value user  CN=me"]);
}
