//! The documents say what the code does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use x509_certificate_exporter::model::{Reason, Verification};

#[test]
fn the_families_in_the_document_are_those_of_a_scrape() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("../docs/metrics.md")).unwrap();
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `x509_"));
    let described: BTreeSet<String> = rows
        .map(|row| format!("x509_{}", row.split('`').next().unwrap()))
        .collect();
    let golden = "tests/snapshots/blackbox__every_family_has_its_name.snap";
    let scrape = fs::read_to_string(root.join(golden)).unwrap();
    let families = scrape
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE x509_"));
    let exposed: BTreeSet<String> = families
        .map(|family| format!("x509_{}", family.split(' ').next().unwrap()))
        .collect();
    // Only a source that watches objects has this one, and only once a watch began.
    let later = BTreeSet::from(["x509_kube_watch_resyncs_total".to_owned()]);
    assert_eq!(described, &exposed | &later);
}

#[test]
fn the_tables_of_codes_are_those_of_the_code() {
    let reasons = Reason::ALL.iter();
    let reasons = reasons.map(|reason| (reason.code(), reason.meaning()));
    table("reason", &reasons.collect::<Vec<_>>());
    let verifications = Verification::ALL.iter();
    let verifications = verifications.map(|one| (one.code(), one.meaning()));
    table("verification", &verifications.collect::<Vec<_>>());
}

fn table(what: &str, codes: &[(&str, &str)]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = fs::read_to_string(&path).unwrap();
    let begin =
        format!("<!-- {what}s: made by `UPDATE=1 cargo test --test docs`; do not edit -->\n");
    let end = format!("<!-- end of {what}s -->");
    let (before, rest) = text.split_once(&begin).expect("the table has a beginning");
    let (table, after) = rest.split_once(&end).expect("the table has an end");
    let mut expected = format!("| {what} | meaning |\n| --- | --- |\n");
    for (code, meaning) in codes {
        writeln!(expected, "| `{code}` | {} |", meaning.trim()).unwrap();
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, format!("{before}{begin}{expected}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(table, expected, "run UPDATE=1 cargo test --test docs");
}
