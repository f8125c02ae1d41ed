//! What `check` tells, as comma-separated values (RFC 4180) under one head: docs/check.md names the
//! columns.
//!
//! Names in certificates are whatever somebody wrote there, and people open such a file in a
//! spreadsheet, which takes `=…` for a formula: a text that begins like one gets a `'` before it, and
//! control characters, which the format has not, become signs.

use super::date::Date;
use super::info;
use super::lines::{Line, Report, What, printable};
use crate::model::{Location, Problem};

const HEAD: [&str; 13] = [
    "state",
    "days_left",
    "not_before",
    "not_after",
    "type",
    "subject",
    "issuer",
    "serial_number",
    "fingerprint_sha256",
    "subject_alternative_names",
    "location",
    "reason",
    "detail",
];

/// The document.
pub fn render(report: &Report<'_>, now: i64) -> String {
    let mut text = String::new();
    record(&mut text, &HEAD.map(str::to_owned));
    for line in &report.lines {
        record(&mut text, &of(line, now));
    }
    for (state, problems) in [("problem", &report.problems), ("odd", &report.warnings)] {
        for (location, problem) in problems {
            record(&mut text, &of_problem(state, location, problem));
        }
    }
    text
}

fn of(line: &Line<'_>, now: i64) -> [String; HEAD.len()] {
    let (kind, begins, serial, fingerprint, names) = match line.what {
        What::Certificate(certificate) => {
            let names: Vec<_> = certificate.alternative_names().collect();
            (
                if certificate.profile.ca {
                    "ca"
                } else {
                    "certificate"
                },
                certificate.not_before,
                certificate.serial(),
                &certificate.fingerprint,
                names.join(" "),
            )
        }
        What::Crl(crl) => {
            let (number, fingerprint) = (crl.number(), &crl.fingerprint);
            ("crl", crl.this_update, number, fingerprint, String::new())
        }
    };
    let days = |left: i64| left.div_euclid(86_400).to_string();
    [
        line.urgency.as_str().to_owned(),
        line.left(now).map(days).unwrap_or_default(),
        Date::rfc_3339(begins),
        line.ends.map(Date::rfc_3339).unwrap_or_default(),
        kind.to_owned(),
        harmless(&line.subject),
        harmless(&line.issuer()),
        serial.unwrap_or_default().to_owned(),
        info::hex(fingerprint),
        harmless(&names),
        harmless(&line.location.to_string()),
        String::new(),
        String::new(),
    ]
}

fn of_problem(state: &str, location: &Location, problem: &Problem) -> [String; HEAD.len()] {
    let mut cells = [const { String::new() }; HEAD.len()];
    state.clone_into(&mut cells[0]);
    cells[HEAD.len() - 3] = harmless(&location.to_string());
    problem.reason.code().clone_into(&mut cells[HEAD.len() - 2]);
    cells[HEAD.len() - 1] = harmless(&problem.detail);
    cells
}

fn harmless(text: &str) -> String {
    let text = printable(text);
    let guard = if text.starts_with(['=', '+', '-', '@']) {
        "'"
    } else {
        ""
    };
    format!("{guard}{text}")
}

fn record(text: &mut String, cells: &[String; HEAD.len()]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\r', '\n']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expose::lines::Sort;
    use crate::expose::lines::tests::{LIMITS, NOW, inventory};

    #[test]
    fn one_whole_document() {
        let snapshot = inventory().snapshot();
        let report = Report::of(&snapshot, LIMITS, Sort::Expires, NOW);
        let text = render(&report, NOW);
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        insta::assert_snapshot!(text.replace("\r\n", "\n"));
    }

    #[test]
    fn what_begins_like_a_formula_is_none() {
        for text in ["=1+1", "+1", "-1", "@a"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        assert_eq!(harmless("*.example.com"), "*.example.com");
    }
}
