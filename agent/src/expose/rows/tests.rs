use std::sync::Arc;

use super::super::metrics::tests::{crl, everything, facts};
use super::*;
use crate::inventory::Inventory;
use crate::model::{Bundle, Change, Object, ObjectKind, Reason};

const DAY: i64 = 86_400;
const NOW: i64 = 20_000 * DAY;

fn place(number: usize) -> Location {
    if number.is_multiple_of(3) {
        return Location::file(format!("/etc/{number}.pem"));
    }
    let object = Object {
        cluster: None,
        kind: [ObjectKind::Secret, ObjectKind::ConfigMap][number % 2],
        namespace: format!("namespace-{}", number % 4).into(),
        name: format!("name-{number}").into(),
    };
    Location::object(&Arc::new(object), &"tls.crt".into())
}

fn fill(inventory: &Inventory, number: usize) {
    let name = format!("Web-{}", number * 7919 % 50);
    let index = u8::try_from(number).unwrap();
    let days = i64::try_from(number % 60).unwrap() - 10;
    let mut leaf = facts(&name, "17", index);
    leaf.not_before = NOW - 300 * DAY;
    leaf.not_after = NOW + days * DAY;
    let mut bundle = Bundle {
        certificates: Some(vec![Arc::new(leaf.into())]),
        ..Bundle::default()
    };
    match number % 5 {
        0 => bundle.crls.push(crl(None, None, index)),
        1 => bundle
            .problems
            .push(Problem::in_block(Reason::BadPem, 2, "no end")),
        2 => bundle
            .problems
            .push(Problem::new(Reason::OutlivesIssuer, "long")),
        _ => {}
    }
    inventory.apply(0, Change::Upsert(place(number), bundle));
}

fn inventory() -> Inventory {
    let inventory = Inventory::default();
    (0..200).for_each(|number| fill(&inventory, number));
    inventory
}

/// All rows that a query wants, sorted as a whole.
fn sorted<'a>(snapshot: &'a Snapshot, query: &Query) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    each(snapshot, query, |row| rows.push(row));
    rows.retain(|row| query.wants(row.state(NOW)));
    rows.sort_by(|one, other| query.sort.compare(one, other));
    rows
}

fn stamps(rows: &[Row<'_>]) -> Vec<u64> {
    rows.iter().map(Row::stamp).collect()
}

fn queries() -> impl Iterator<Item = Query> {
    let states = [None, Some(State::Warning), Some(State::Problem)];
    let texts = ["", "wEb-1", "no end"];
    Sort::ALL.into_iter().flat_map(move |sort| {
        states.into_iter().flat_map(move |state| {
            texts.into_iter().map(move |text| Query {
                text: text.to_owned(),
                state,
                sort,
                ..Query::default()
            })
        })
    })
}

#[test]
fn pages_are_the_sorted_list_cut_in_parts() {
    let (inventory, mut told) = (inventory(), 0);
    let snapshot = inventory.snapshot();
    for query in queries() {
        let expected = sorted(&snapshot, &query);
        told += expected.len();
        for most in [7, 64, 1000] {
            let (mut pages, mut parts) = (Vec::new(), Vec::new());
            while pages.len() < expected.len() {
                let page = from(&snapshot, &query, NOW, pages.len(), most);
                assert!(page.rows.len() <= most && page.total == expected.len());
                pages.extend(page.rows);
                assert_eq!(page.left, expected.len() - pages.len());
            }
            let mut part = from(&snapshot, &query, NOW, 0, most);
            while let Some(position) = part.position(query.sort) {
                parts.extend(part.rows);
                part = behind(&snapshot, &query, NOW, &position, most).unwrap();
                assert_eq!(part.total, expected.len());
            }
            parts.extend(part.rows);
            for rows in [pages, parts] {
                assert_eq!(stamps(&rows), stamps(&expected), "{query:?} {most}");
            }
        }
    }
    assert!(told > 1000, "{told}");
}

#[test]
fn what_stays_is_told_once_whatever_comes_and_goes() {
    for sort in Sort::ALL {
        let query = Query {
            sort,
            ..Query::default()
        };
        let inventory = inventory();
        let staying: Vec<usize> = (0..200).filter(|number| number % 7 != 0).collect();
        let (mut told, mut position) = (Vec::new(), None);
        for round in 0_usize.. {
            assert!(round < 100, "it goes round in a circle");
            let snapshot = inventory.snapshot();
            let part = match &position {
                None => from(&snapshot, &query, NOW, 0, 20),
                Some(position) => behind(&snapshot, &query, NOW, position, 20).unwrap(),
            };
            told.extend(stamps(&part.rows));
            position = part.position(sort);
            if position.is_none() {
                break;
            }
            drop(part);
            // Some that were told go, some that were not come, each in its turn.
            for number in (round % 5 * 7..200).step_by(35) {
                if round < 5 {
                    inventory.apply(0, Change::Remove(place(number)));
                } else {
                    fill(&inventory, number);
                }
            }
        }
        let snapshot = inventory.snapshot();
        for row in sorted(&snapshot, &query) {
            let stays = staying
                .iter()
                .any(|number| place(*number) == row.held.location);
            if stays {
                let times = told.iter().filter(|stamp| **stamp == row.stamp()).count();
                assert_eq!(times, 1, "{sort:?} {:?}", row.held.location);
            }
        }
    }
}

#[test]
fn where_to_go_on_is_lost_when_all_that_an_answer_ended_with_has_gone() {
    let inventory = inventory();
    let (query, snapshot) = (Query::default(), inventory.snapshot());
    let part = from(&snapshot, &query, NOW, 0, 20);
    let position = part.position(query.sort).unwrap();
    assert_eq!(position.stamps.len(), REMEMBERED);
    let last: Vec<_> = part.rows[16..]
        .iter()
        .map(|row| &row.held.location)
        .collect();
    inventory.apply(0, Change::Remove(last[3].clone()));
    assert!(behind(&inventory.snapshot(), &query, NOW, &position, 20).is_ok());
    for location in last {
        inventory.apply(0, Change::Remove(location.clone()));
    }
    let snapshot = inventory.snapshot();
    let gone = behind(&snapshot, &query, NOW, &position, 20);
    assert_eq!(gone.err(), Some(Gone));
}

#[test]
fn what_is_looked_for_is_found_wherever_it_stands() {
    let inventory = everything();
    let snapshot = inventory.snapshot();
    for (text, kind, namespace, expected) in [
        ("", None, "", 13),
        ("PKI/ca.crt", None, "", 1),
        ("ns/web", None, "", 3),
        ("spiffe://a", None, "", 1),
        ("example \"org\"", None, "", 9),
        ("04:04:04:04", None, "", 1),
        ("0404", None, "", 1),
        ("040", None, "", 0),
        ("bad_base64", None, "", 2),
        ("nowhere", None, "", 0),
        ("", Some("Secret"), "", 3),
        ("", Some("file"), "", 4),
        ("", None, "ns", 6),
        ("", None, "n", 0),
    ] {
        let query = Query {
            text: text.to_owned(),
            kind,
            namespace: namespace.to_owned(),
            ..Query::default()
        };
        let listing = from(&snapshot, &query, NOW, 0, 100);
        assert_eq!(listing.rows.len(), expected, "{query:?}");
    }
}

#[test]
fn each_state_is_counted_and_can_be_asked_for() {
    let inventory = inventory();
    let snapshot = inventory.snapshot();
    let counts = count(&snapshot, &Query::default(), NOW);
    for (state, expected) in State::ALL.into_iter().zip([40, 49, 36, 115, 40, 40]) {
        let query = Query {
            state: Some(state),
            ..Query::default()
        };
        let listing = from(&snapshot, &query, NOW, 0, 1000);
        assert_eq!(
            (counts.of(state), listing.total),
            (expected, expected),
            "{state:?}"
        );
        assert!(listing.rows.iter().all(|row| row.state(NOW) == state));
    }
    let kinds: Vec<_> = counts.kinds.into_iter().collect();
    assert_eq!(kinds, ["ConfigMap", "Secret", "file"]);
}
