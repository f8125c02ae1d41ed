//! Which certificates Argo CD keeps of a cluster, and that nothing else of it comes out.

use proptest::prelude::*;

use super::*;

const BOTH: &str = r#"{
  "username": "hunter2", "password": "hunter2", "bearerToken": "hunter2",
  "awsAuthConfig": {"clusterName": "hunter2"}, "execProviderConfig": {"command": "hunter2"},
  "tlsClientConfig": {
    "insecure": false, "serverName": "kubernetes",
    "caData": "Zm9v", "certData": "YmFy", "keyData": "aHVudGVyMg=="
  }
}"#;

fn data(kind: EntryKind, data: &[u8]) -> KubeconfigEntry {
    KubeconfigEntry {
        entry: Entry {
            kind,
            name: "".into(),
        },
        content: Content::Data(data.to_vec()),
    }
}

#[test]
fn the_ca_and_the_client_certificate_are_found_and_nothing_else() {
    let found = entries(BOTH.as_bytes()).unwrap();
    let expected = [
        data(EntryKind::Cluster, b"foo"),
        data(EntryKind::User, b"bar"),
    ];
    assert_eq!(found, expected);
    let shown = format!("{found:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("104, 117, 110"));
}

#[test]
fn a_cluster_that_is_reached_otherwise_has_no_entries() {
    for text in [
        "{}",
        r#"{"bearerToken":"hunter2"}"#,
        r#"{"tlsClientConfig":null}"#,
        r#"{"tlsClientConfig":{"insecure":true}}"#,
        r#"{"tlsClientConfig":{"caData":"","certData":null}}"#,
    ] {
        assert_eq!(entries(text.as_bytes()), Ok(Vec::new()), "{text}");
    }
}

#[test]
fn data_that_is_not_base64_is_bad_for_its_entry_alone() {
    let text = BOTH.replace("Zm9v", "hunter2!");
    let found = entries(text.as_bytes()).unwrap();
    let problem = Problem::new(Reason::BadBase64, "caData is not base64");
    assert_eq!(found[0].content, Content::Bad(problem));
    assert_eq!(found[1], data(EntryKind::User, b"bar"));
}

#[test]
fn what_is_no_configuration_is_told_without_a_word_of_it() {
    for text in [
        "",
        "hunter2",
        "[\"hunter2\"]",
        r#"{"tlsClientConfig":"hunter2"}"#,
        r#"{"tlsClientConfig":{"caData":["hunter2"]}}"#,
        &BOTH[..BOTH.len() - 1],
        &"[".repeat(100_000),
    ] {
        let problem = entries(text.as_bytes()).unwrap_err();
        assert_eq!(problem.reason, Reason::BadClusterConfig);
        assert!(!problem.detail.contains("hunter2"), "{problem}");
    }
    let problem = entries(&vec![b' '; MAX_BYTES + 1]).unwrap_err();
    assert_eq!(problem.reason, Reason::TooLarge);
}

proptest! {
    #[test]
    fn a_configuration_cut_or_changed_anywhere_quotes_nothing(
        at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = BOTH.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = with;
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            let shown = match entries(bytes) {
                Ok(entries) => format!("{entries:?}"),
                Err(problem) => problem.to_string(),
            };
            prop_assert!(!shown.contains("unter"), "{}", shown);
        }
    }
}
