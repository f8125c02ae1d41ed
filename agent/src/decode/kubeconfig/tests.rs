//! Which certificates a kubeconfig has, and that nothing else of it comes out.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;

const BOTH: &str = "
apiVersion: v1
kind: Config
current-context: here
clusters:
- name: by-data
  cluster: {server: 'https://here', certificate-authority-data: Zm9v, certificate-authority: /no}
- name: by-path
  cluster: {certificate-authority: pki/ca.crt, insecure-skip-tls-verify: false}
- name: none
  cluster: {server: 'https://there'}
contexts:
- name: here
  context: {cluster: by-data, user: by-data}
users:
- name: by-data
  user:
    client-certificate-data: YmFy
    client-key-data: aHVudGVyMg==
- name: by-path
  user: {client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem, client-key: hunter2}
- name: token
  user: {token: hunter2}
- name: exec
  user: {exec: {command: hunter2, env: [{name: A, value: hunter2}]}}
";

fn data(kind: EntryKind, name: &str, data: &[u8]) -> KubeconfigEntry {
    let entry = Entry {
        kind,
        name: name.into(),
    };
    KubeconfigEntry {
        entry,
        content: Content::Data(data.to_vec()),
    }
}

fn path(kind: EntryKind, name: &str, path: &str) -> KubeconfigEntry {
    let entry = Entry {
        kind,
        name: name.into(),
    };
    KubeconfigEntry {
        entry,
        content: Content::Path(path.to_owned()),
    }
}

fn find(text: &str) -> Vec<KubeconfigEntry> {
    entries(text.as_bytes()).expect("a kubeconfig")
}

fn problem(text: &str) -> Problem {
    entries(text.as_bytes()).expect_err("no kubeconfig")
}

#[test]
fn clusters_and_users_with_a_certificate_are_found_in_order() {
    use EntryKind::{Cluster, User};
    let expected = [
        data(Cluster, "by-data", b"foo"),
        path(Cluster, "by-path", "pki/ca.crt"),
        data(User, "by-data", b"bar"),
        path(
            User,
            "by-path",
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
        ),
    ];
    assert_eq!(find(BOTH), expected);
    assert_eq!(find(&BOTH.replace('\n', "\r\n")), expected);
    assert_eq!(find(&format!("\u{feff}{BOTH}")), expected);
    assert_eq!(find(&format!("---{BOTH}---\n")), expected);
    assert_eq!(find(&format!("# a comment\n---{BOTH}...\n")), expected);
}

#[test]
fn keys_and_tokens_do_not_come_out() {
    assert!(!format!("{:?}", find(BOTH)).contains("hunter2"));
    assert!(!format!("{:?}", find(BOTH)).contains("104, 117, 110"));
}

#[test]
fn client_keys_come_out_for_who_compares_them_and_are_never_printed() {
    let found = entries_with_keys(BOTH.as_bytes()).unwrap();
    let keys: Vec<_> = found.iter().map(|(_, key)| key.clone()).collect();
    let data = ClientKey::Data(Zeroizing::new(b"hunter2".to_vec()));
    let path = ClientKey::Path("hunter2".to_owned());
    assert_eq!(keys, [None, None, Some(data), Some(path)]);
    let plain: Vec<_> = found.iter().map(|(entry, _)| entry.clone()).collect();
    assert_eq!(plain, find(BOTH));
    assert!(!format!("{found:?}").contains("hunter2"));
}

#[test]
fn a_client_key_that_is_no_text_costs_itself_alone() {
    let odd = BOTH.replace("aHVudGVyMg==", "[a, list]");
    assert_ne!(odd, BOTH);
    let found = entries_with_keys(odd.as_bytes()).unwrap();
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|(_, key)| key.is_none()));
    let odd = BOTH.replace("aHVudGVyMg==", "'*'");
    let found = entries_with_keys(odd.as_bytes()).unwrap();
    assert!(found[2].1.is_none() && found[3].1.is_some());
}

#[test]
fn json_is_read_as_yaml() {
    let json = r#"{"kind":"Config","apiVersion":"v1","clusters":[{"name":"a","cluster":{
        "certificate-authority-data":"Zm9v"}}],"users":null}"#;
    let expected = [data(EntryKind::Cluster, "a", b"foo")];
    assert_eq!(find(json), expected);
    assert_eq!(find(&json.replace('\n', "\n\t")), expected);
}

#[test]
fn base64_may_have_line_breaks_and_lack_padding() {
    for value in [
        "Zm9vYg==",
        "Zm9vYg",
        "|\n      Zm9\n      vYg==\n",
        "\"Zm9v\\nYg==\\n\"",
        "\"Zm9v\n      Yg==\"",
    ] {
        let text =
            format!("clusters:\n- name: a\n  cluster:\n    certificate-authority-data: {value}\n");
        assert_eq!(
            find(&text),
            [data(EntryKind::Cluster, "a", b"foob")],
            "{value}"
        );
    }
}

#[test]
fn data_that_is_not_base64_is_bad_for_its_entry_alone() {
    let text = "
clusters: [{name: a, cluster: {certificate-authority-data: 'hunter2!', certificate-authority: /x}}]
users: [{name: b, user: {client-certificate-data: '!'}}, {name: c, user: {client-certificate: /c}}]
";
    let found = find(text);
    let [a, b, c] = &found[..] else {
        panic!("{found:?}")
    };
    for (entry, field) in [
        (a, "certificate-authority-data"),
        (b, "client-certificate-data"),
    ] {
        let Content::Bad(problem) = &entry.content else {
            panic!("{entry:?}")
        };
        assert_eq!(problem.reason, Reason::BadBase64);
        assert_eq!(problem.detail, format!("{field} is not base64"));
    }
    assert_eq!(c, &path(EntryKind::User, "c", "/c"));
}

#[test]
fn empty_data_gives_way_to_the_path() {
    let text = "clusters: [{name: a, cluster: {certificate-authority-data: '', certificate-authority: /a}}]
users: [{name: b, user: {client-certificate-data: null, client-certificate: ''}}]";
    assert_eq!(find(text), [path(EntryKind::Cluster, "a", "/a")]);
}

#[test]
fn of_the_same_name_both_entries_stay_and_of_the_same_key_the_last_value() {
    let text = "users: [{name: a, user: {client-certificate: /1, client-certificate: /2}},
        {name: a, user: {client-certificate: /3}}]";
    let expected = ["/2", "/3"].map(|at| path(EntryKind::User, "a", at));
    assert_eq!(find(text), expected);
}

#[test]
fn names_are_text_whatever_they_look_like() {
    for (written, name) in [
        ("12", "12"),
        ("true", "true"),
        ("1.50", "1.50"),
        ("''", ""),
        ("null", ""),
    ] {
        let text = format!("users: [{{name: {written}, user: {{client-certificate: /a}}}}]");
        assert_eq!(
            find(&text),
            [path(EntryKind::User, name, "/a")],
            "{written}"
        );
    }
    assert_eq!(
        find("users: [{user: {client-certificate: /a}}]"),
        [path(EntryKind::User, "", "/a")]
    );
}

#[test]
fn an_empty_kubeconfig_has_no_entries() {
    for text in [
        "kind: Config",
        "kind: KubeletConfiguration",
        "{apiVersion: v1, kind: Config, clusters: null, users: []}",
        "clusters: []",
        "users: [{name: a}, {name: b, user: null}, {name: c, user: {}}]",
    ] {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn what_is_no_kubeconfig_is_a_problem() {
    for text in [
        "",
        "\n",
        "# nothing",
        "hunter2",
        "- hunter2",
        "hunter2: hunter2",
        "clusters: {a: hunter2}",
        "clusters: hunter2",
        "clusters: [hunter2]",
        "users: [{name: a, user: hunter2}]",
        "users: [{name: a, user: {client-certificate: [hunter2]}}]",
        "users: [{name: {hunter2: hunter2}}]",
        "users: [{name: 'hunter2",
        "users: &a [*hunter2]",
        "users: *hunter2",
        "\thunter2: {",
        "users:\n- name: a\n user: hunter2: hunter2",
        "users: [{name: a, user: {token: hunter2, client-certificate: !!binary hunter2*}}]",
        "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n",
    ] {
        let problem = problem(text);
        assert_eq!(
            (problem.reason, problem.block),
            (Reason::BadKubeconfig, None),
            "{text}"
        );
        assert!(!problem.detail.contains("hunter2"), "{problem}");
    }
    let problem = entries(b"users: \xff").expect_err("not UTF-8");
    assert_eq!(problem.reason, Reason::BadKubeconfig);
}

#[test]
fn a_problem_names_the_line_and_nothing_of_it() {
    let text = "kind: Config\nusers:\n- name: a\n  user:\n    token: hunter2\n    client-certificate: {hunter2: 1}\n";
    assert_eq!(
        problem(text).detail,
        "the YAML cannot be read as a kubeconfig at line 6"
    );
}

#[test]
fn yaml_that_grows_or_nests_beyond_measure_is_too_large() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    bomb += "extensions: *a8\nkind: Config\n";
    let deep = format!("{}users: []", "a: {".repeat(1000));
    let block = (0..1000)
        .map(|depth| " ".repeat(depth) + "a:\n")
        .collect::<String>();
    let long = " ".repeat(MAX_BYTES + 1);
    let wide = format!("kind: Config\nextensions: [{}]", "a, ".repeat(300_000));
    for text in [bomb, block, long, wide] {
        assert_eq!(problem(&text).reason, Reason::TooLarge, "{}", &text[..60]);
    }
    problem(&deep);
}

#[test]
fn data_beyond_measure_is_too_large_for_its_entry_alone() {
    let text = format!(
        "clusters: [{{name: a, cluster: {{certificate-authority-data: {}}}}}]\nusers: [{{name: b, user: {{client-certificate: /b}}}}]",
        "A".repeat(MAX_DATA + 1),
    );
    let found = find(&text);
    let [a, b] = &found[..] else {
        panic!("two entries")
    };
    assert!(matches!(&a.content, Content::Bad(problem) if problem.reason == Reason::TooLarge));
    assert_eq!(b, &path(EntryKind::User, "b", "/b"));
}

#[test]
fn anchors_within_measure_are_followed() {
    let text = "ca: &ca {certificate-authority-data: Zm9v}\nclusters: [{name: a, cluster: *ca}, {name: b, cluster: *ca}]";
    let expected = ["a", "b"].map(|name| data(EntryKind::Cluster, name, b"foo"));
    assert_eq!(find(text), expected);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        entries(&bytes).ok();
    }

    #[test]
    fn any_yaml_is_read_without_panic_or_quotation(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "users", "clusters", "user", "cluster", "name", "client-certificate-data", ": ", "- ",
                "{", "}", "[", "]", "\n", "  ", "&a ", "*a", "|", ">", "'", "\"", "!!binary ", "<<", "# ",
                "hunter2", "---\n", ", ", "\t", "? ", "%YAML 1.1\n",
            ]),
            0..60,
        ),
    ) {
        if let Err(problem) = entries(words.concat().as_bytes()) {
            prop_assert!(!problem.detail.contains("hunter2"));
        }
    }

    #[test]
    fn a_kubeconfig_cut_or_changed_anywhere_quotes_nothing(
        at in any::<prop::sample::Index>(), with in "[ -~\n]", cut in any::<prop::sample::Index>(),
    ) {
        let mut text = BOTH.to_owned();
        let at = at.index(text.len());
        text.replace_range(at..=at, &with);
        for text in [&text[..], &text[..cut.index(text.len())]] {
            let shown = match entries(text.as_bytes()) {
                Ok(entries) => format!("{entries:?}"),
                Err(problem) => problem.to_string(),
            };
            prop_assert!(!shown.contains("unter"), "{}", shown);
        }
    }
}
