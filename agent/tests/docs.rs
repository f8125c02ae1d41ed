//! The documents say what the code does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use x509_certificate_exporter::model::Reason;

const BEGIN: &str = "<!-- reasons: made by `UPDATE=1 cargo test --test docs`; do not edit -->\n";
const END: &str = "<!-- end of reasons -->";

#[test]
fn the_table_of_reasons_is_that_of_the_code() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the table has a beginning");
    let (table, after) = rest.split_once(END).expect("the table has an end");

    let mut expected = String::from("| reason | meaning |\n| --- | --- |\n");
    for reason in Reason::ALL {
        writeln!(expected, "| `{reason}` | {} |", reason.meaning().trim()).unwrap();
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(table, expected, "run UPDATE=1 cargo test --test docs");
}
