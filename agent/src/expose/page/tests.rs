mod checker;

use std::sync::Arc;

use proptest::prelude::*;

use self::checker::check;
use super::super::metrics::tests::{crl, everything, facts};
use super::*;
use crate::expose::query::{Asked, Reader};
use crate::inventory::Inventory;
use crate::model::{
    Bundle, Change, Details, Entry, EntryKind, Facts, Location, Name, Object, ObjectKind, Problem,
    Reason,
};

const NOW: i64 = 1_731_536_001;

fn sources() -> [Source; 3] {
    let source = |name: &str, up, last_success| Source {
        kind: "file",
        name: name.to_owned(),
        places: 3,
        up,
        since: NOW - 7_200,
        last_success,
        failure: None,
    };
    [
        source("files", Some(true), Some(NOW - 20)),
        Source {
            kind: "kubernetes",
            failure: Some("forbidden: secrets is <forbidden>".to_owned()),
            ..source("secrets", Some(false), Some(NOW - 86_400 * 3))
        },
        source("later", None, None),
    ]
}

fn page(snapshot: &Snapshot, sources: &[Source], parameters: &str) -> String {
    let asked = Asked::parse(parameters, Reader::Page).unwrap();
    let view = View {
        snapshot,
        sources,
        query: &asked.query,
        page: asked.page.unwrap_or(1),
        now: NOW,
    };
    let mut out = Vec::new();
    write(&view, &mut out).unwrap();
    let html = String::from_utf8(out).unwrap();
    check(&html).unwrap_or_else(|error| panic!("{error}\n{html}"));
    html
}

#[test]
fn one_whole_page() {
    let html = page(&everything().snapshot(), &sources(), "");
    insta::assert_snapshot!(html.replace(STYLE, "…"));
}

#[test]
fn problems_have_a_page_of_their_own() {
    let html = page(&everything().snapshot(), &sources(), "state=problem");
    assert!(html.contains("<h2>Problems: 2 in all</h2>"), "{html}");
    assert!(!html.contains("id=\"problems\"") && !html.contains("class=\"list\""));
}

#[test]
fn nothing_is_a_page_too_and_says_why() {
    let nothing = Snapshot::default();
    let [up, _, waiting] = sources();
    for (snapshot, sources, parameters, expected) in [
        (
            &nothing,
            &[waiting][..],
            "",
            "not every source has been read",
        ),
        (&nothing, &[up], "", "the sources hold no certificate"),
        (
            &everything().snapshot(),
            &[],
            "q=nowhere",
            "Nothing matches.",
        ),
    ] {
        let html = page(snapshot, sources, parameters);
        assert!(html.contains(expected), "{html}");
    }
}

#[test]
fn a_long_list_has_pages_that_lead_to_each_other() {
    let inventory = Inventory::default();
    for number in 0..250_u8 {
        let certificate = facts("web", "1", number).into();
        let bundle = Bundle {
            certificates: Some(vec![Arc::new(certificate)]),
            ..Bundle::default()
        };
        let location = Location::file(format!("/etc/{number:03}.pem"));
        inventory.apply(0, Change::Upsert(location, bundle));
    }
    let snapshot = inventory.snapshot();
    let page = |parameters: &str| page(&snapshot, &[], parameters);
    let first = page("q=web&sort=place");
    assert!(first.contains("<caption>1 to 100 of 250</caption>"));
    assert!(first.contains("/etc/099.pem") && !first.contains("/etc/100.pem"));
    assert!(first.contains("<a href=\"?q=web&amp;sort=place&amp;page=2\" rel=\"next\">"));
    assert!(!first.contains("rel=\"prev\""));
    // One that is beyond the end is the last.
    for number in ["3", "4", "18446744073709551615"] {
        let last = page(&format!("q=web&sort=place&page={number}"));
        assert!(last.contains("201 to 250 of 250") && last.contains("/etc/249.pem"));
        assert!(last.contains("&amp;page=2\" rel=\"prev\"") && !last.contains("rel=\"next\""));
    }
}

#[test]
fn heads_sort_and_a_second_time_the_other_way_round() {
    let snapshot = everything().snapshot();
    for (parameters, expected) in [
        (
            "",
            "aria-sort=\"ascending\"><a href=\"?sort=-expires\">Expires",
        ),
        (
            "sort=-expires",
            "aria-sort=\"descending\"><a href=\"?\">Expires",
        ),
        (
            "sort=place",
            "aria-sort=\"ascending\"><a href=\"?sort=-place\">Place",
        ),
    ] {
        let html = page(&snapshot, &[], parameters);
        assert!(html.contains(expected), "{parameters}");
        assert_eq!(html.matches("aria-sort=").count(), 1);
    }
}

#[test]
fn the_policy_allows_the_style_sheet_of_the_page_alone() {
    let digest = Sha256::digest(STYLE.as_bytes());
    let hash = format!("'sha256-{}'", BASE64_STANDARD.encode(digest));
    assert!(POLICY.starts_with("default-src 'none';") && POLICY.contains(&hash));
    let html = page(&everything().snapshot(), &[], "");
    assert!(html.contains(&format!("<style>{STYLE}</style>")));
    assert!(!html.contains("style=") && !html.contains("<script") && !html.contains("src="));
}

/// What breaks out of a text, where it is taken for more than a text.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        Just("<script>alert(1)</script>".to_owned()),
        Just("\" onmouseover=\"alert(1)".to_owned()),
        Just("' autofocus '".to_owned()),
        Just("</style></title></td></table>".to_owned()),
        Just("<!-- ".to_owned()),
        Just("&lt;&amp;&#60;&".to_owned()),
        Just("\u{202e}gnp.exe\u{2066}".to_owned()),
        Just("\0\u{1b}[31m\r\n\t".to_owned()),
        Just("javascript:alert(1)".to_owned()),
        any::<String>(),
    ];
    prop::collection::vec(parts, 1..4).prop_map(|parts| parts.concat())
}

fn hostile_inventory(text: &str) -> Inventory {
    let inventory = Inventory::default();
    let name = || Name {
        country: Some(text.into()),
        organization: Some(text.into()),
        common_name: Some(text.into()),
        ..Name::default()
    };
    let certificate = Facts {
        subject: name(),
        issuer: name(),
        serial: Some(text.into()),
        details: Details {
            alternative_names: vec![text.to_owned().into(), "DNS:a".into()],
            key_algorithm: text.to_owned().into(),
            signature_algorithm: text.to_owned().into(),
            extended_key_usage: vec![text.to_owned().into()],
            ..Details::default()
        },
        ..Facts::default()
    };
    let bundle = Bundle {
        certificates: Some(vec![Arc::new(certificate.into())]),
        crls: vec![crl(Some(text), Some(1), 1)],
        problems: vec![Problem::in_block(Reason::BadPem, 1, text.to_owned())],
        labels: vec![(text.into(), text.into())],
        ..Bundle::default()
    };
    let entry = Entry {
        kind: EntryKind::User,
        name: text.into(),
    };
    let object = Object {
        cluster: Some(text.into()),
        kind: ObjectKind::Secret,
        namespace: text.into(),
        name: text.into(),
    };
    for location in [
        Location::file(text),
        Location::Kubeconfig {
            path: text.into(),
            entry: Some(entry.clone()),
        },
        Location::Object {
            object: Arc::new(object),
            key: text.into(),
            entry: Some(Arc::new(entry)),
        },
    ] {
        inventory.apply(0, Change::Upsert(location, bundle.clone()));
    }
    inventory
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The document has the tags that it has with a harmless text, and no others.
    #[test]
    fn no_text_becomes_a_tag_or_an_attribute(text in hostile()) {
        let source = |text: &str| Source {
            kind: "file",
            name: text.to_owned(),
            up: Some(false),
            failure: Some(text.to_owned()),
            ..Source::default()
        };
        let outline = |text: &str, state| {
            let query = Query {
                text: text.to_owned(),
                state,
                namespace: text.to_owned(),
                ..Query::default()
            };
            let empty = Query { state, dated: true, ..Query::default() };
            [query, empty].map(|query| {
                let view = View {
                    snapshot: &hostile_inventory(text).snapshot(),
                    sources: &[source(text)],
                    query: &query,
                    page: 1,
                    now: NOW,
                };
                let mut out = Vec::new();
                write(&view, &mut out).unwrap();
                let html = String::from_utf8(out).unwrap();
                let hidden = ['\0', '\u{202e}', '\u{2066}', '\u{1b}', '\r'];
                prop_assert!(!html.contains(hidden), "a character that is not seen");
                check(&html).map_err(TestCaseError::fail)
            })
        };
        prop_assume!(!text.is_empty());
        for state in [None, Some(State::Problem)] {
            let [asked, all] = outline(&text, state);
            let [harmless_asked, harmless] = outline("x", state);
            prop_assert_eq!(asked?, harmless_asked?);
            prop_assert_eq!(all?, harmless?);
        }
    }

    #[test]
    fn a_refusal_is_a_page_whatever_it_is_about(parameters in hostile()) {
        if let Err(refusal) = Asked::parse(&parameters, Reader::Page) {
            let mut out = Vec::new();
            write_refusal(&refusal, &mut out).unwrap();
            let html = String::from_utf8(out).unwrap();
            prop_assert!(check(&html).is_ok(), "{html}");
        }
    }
}
