//! What becomes of the clusters and users of a kubeconfig that an object holds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair};

use super::*;
use crate::model::EntryKind;

/// A PEM certificate of this subject, in base64.
fn certificate(name: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    STANDARD.encode(certificate.pem())
}

fn read(text: &str) -> Vec<Part> {
    parts(&"value".into(), text.as_bytes())
}

/// Kind and name of a part's entry, its subjects, the reasons of its problems.
fn shown(part: &Part) -> (String, Vec<&str>, Vec<Reason>) {
    assert_eq!(&*part.key, "value");
    let entry = part.entry.as_deref();
    let entry = entry.map_or("whole".to_owned(), |Entry { kind, name }| {
        format!("{} {name}", kind.as_str())
    });
    let subjects = part.bundle().certificates().iter();
    let reasons = part.bundle().problems.iter().map(|problem| problem.reason);
    (
        entry,
        subjects
            .filter_map(|found| found.subject.common_name.as_deref())
            .collect(),
        reasons.collect(),
    )
}

#[test]
fn each_cluster_and_user_with_a_certificate_is_a_part() {
    let text = format!(
        "clusters: [{{name: far, cluster: {{certificate-authority-data: {}}}}}]
users: [{{name: admin, user: {{client-certificate-data: {}, client-key-data: x}}}}, {{name: t, user: {{token: y}}}}]",
        certificate("ca"),
        certificate("me"),
    );
    let parts = read(&text);
    let shown: Vec<_> = parts.iter().map(shown).collect();
    let expected = [
        ("cluster far".to_owned(), vec!["ca"], vec![]),
        ("user admin".to_owned(), vec!["me"], vec![]),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn entries_with_one_name_are_one_and_lose_nothing() {
    let text = format!(
        "users: [{{name: a, user: {{client-certificate-data: {}}}}}, {{name: a, user: {{client-certificate-data: '!'}}}}, {{name: a, user: {{client-certificate-data: {}}}}}]",
        certificate("one"),
        certificate("two"),
    );
    let parts = read(&text);
    let [part] = &parts[..] else {
        panic!("{parts:?}")
    };
    let expected = (
        "user a".to_owned(),
        vec!["one", "two"],
        vec![Reason::BadBase64],
    );
    assert_eq!(shown(part), expected);
}

#[test]
fn a_file_that_an_entry_names_is_not_looked_for() {
    let parts = read("clusters: [{name: a, cluster: {certificate-authority: /etc/hunter2.crt}}]");
    let [part] = &parts[..] else {
        panic!("{parts:?}")
    };
    let expected = ("cluster a".to_owned(), vec![], vec![Reason::NotFound]);
    assert_eq!(shown(part), expected);
    assert!(!part.bundle().problems[0].detail.contains("hunter2"));
}

#[test]
fn what_is_no_kubeconfig_is_a_problem_of_the_whole_and_an_empty_one_nothing() {
    let parts = read("hunter2");
    let [part] = &parts[..] else {
        panic!("{parts:?}")
    };
    let expected = ("whole".to_owned(), vec![], vec![Reason::BadKubeconfig]);
    assert_eq!(shown(part), expected);
    assert!(read("{kind: Config, clusters: [], users: []}").is_empty());
}

#[test]
fn more_entries_than_are_kept_are_told_once() {
    let users: Vec<_> = (0..MOST_ENTRIES + 2)
        .map(|number| format!("{{name: {number}, user: {{client-certificate-data: eA}}}}"))
        .collect();
    let parts = read(&format!("users: [{}]", users.join(", ")));
    assert_eq!(parts.len(), MOST_ENTRIES + 1);
    assert_eq!(
        shown(&parts[0]),
        ("whole".to_owned(), vec![], vec![Reason::TooMany])
    );
}

#[test]
fn argo_cds_cluster_has_two_parts_without_a_name() {
    let text = format!(
        r#"{{"tlsClientConfig":{{"caData":"{}","certData":"{}","keyData":"x"}}}}"#,
        certificate("ca"),
        certificate("me"),
    );
    let parts = argocd_parts(&"value".into(), text.as_bytes());
    let entries: Vec<_> = parts.iter().map(|part| part.entry.as_deref()).collect();
    let entry = |kind| Entry {
        kind,
        name: "".into(),
    };
    let expected = [EntryKind::Cluster, EntryKind::User].map(entry);
    assert_eq!(entries, expected.each_ref().map(Some));
    assert_eq!(shown(&parts[1]).1, ["me"]);
}
