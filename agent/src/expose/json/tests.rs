use super::super::metrics::tests::everything;
use super::super::query::Query;
use super::super::rows::{self, Column, Sort};
use super::*;

fn text(now: i64) -> String {
    let mut out = Vec::new();
    write(&everything().snapshot(), now, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn one_whole_document() {
    let text = text(1_731_536_001);
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["places"].as_array().map(Vec::len), Some(6));
    // One place and one certificate a line, for who reads the golden file.
    let lines = text
        .replace("{\"location\"", "\n{\"location\"")
        .replace("{\"not_before\"", "\n  {\"not_before\"")
        .replace("{\"this_update\"", "\n  {\"this_update\"")
        .replace("\"problems\"", "\n  \"problems\"");
    insta::assert_snapshot!(lines);
}

#[test]
fn what_ends_is_expired_in_the_second_after() {
    let count = |now, needle| text(now).matches(needle).count();
    assert_eq!(count(1_731_536_000, "\"expired\":true"), 0);
    assert_eq!(count(1_731_536_001, "\"expired\":true"), 6);
    // What a server shows is stale at any time.
    assert_eq!(count(1_731_536_000, "\"stale\":true"), 1);
    assert_eq!(count(1_731_536_001, "\"stale\":true"), 2);
}

#[test]
fn nothing_is_a_document_too() {
    let mut out = Vec::new();
    write(&Snapshot::default(), 0, &mut out).unwrap();
    let expected = "{\"version\":1,\"time\":\"1970-01-01T00:00:00Z\",\"places\":[]}\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_part_is_a_document_of_one_thing_a_place() {
    let query = Query {
        sort: Sort::new(Column::Place, false),
        ..Query::default()
    };
    let inventory = everything();
    let snapshot = inventory.snapshot();
    let mut out = Vec::new();
    let listing = rows::from(&snapshot, &query, 1_731_536_001, 0, 100);
    write_rows(&listing, None, 1_731_536_001, &mut out).unwrap();
    let part: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&text(1_731_536_001)).unwrap();
    assert_eq!(part["total"], 13);
    let things = ["certificates", "crls", "problems"];
    let list = |value: &serde_json::Value| value.as_array().unwrap().clone();
    for place in list(&part["places"]) {
        let count = things.map(|thing| list(&place[thing]).len());
        assert_eq!(count.iter().sum::<usize>(), 1, "{place}");
    }
    // Put together, they are what stands in the whole.
    for thing in things {
        let all = |document: &serde_json::Value| {
            let places = list(&document["places"]).into_iter();
            let told = places.flat_map(|place| {
                let (location, labels) = (place["location"].clone(), place["labels"].clone());
                let one = move |one| format!("{location} {labels} {one}");
                list(&place[thing]).into_iter().map(one).collect::<Vec<_>>()
            });
            told.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(all(&part), all(&whole), "{thing}");
    }
}
