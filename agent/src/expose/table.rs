//! The table of `check`: one line per certificate or revocation list, then the problems, then the
//! warnings. What certificates say of themselves is told without what a terminal would obey.

use std::fmt::Write as _;

use super::date::Date;
use super::lines::{Line, Report, What, printable};
use super::urgency::Urgency;
use crate::model::{Location, Problem};

const COLUMNS: usize = 6;
const HEAD: [&str; COLUMNS] = [
    "STATE",
    "REMAINING",
    "NOT AFTER (UTC)",
    "SUBJECT",
    "ISSUER",
    "LOCATION",
];

/// The table as text.
pub fn render(report: &Report<'_>, coloured: bool, now: i64) -> String {
    let lines = report.lines.iter();
    let lines: Vec<_> = lines.map(|line| (line.urgency, cells(line, now))).collect();
    let mut text = String::new();
    if !lines.is_empty() {
        columns(&mut text, &lines, coloured);
    }
    tell(&mut text, "PROBLEMS", &report.problems);
    tell(&mut text, "WARNINGS", &report.warnings);
    text
}

fn tell(text: &mut String, title: &str, problems: &[(&Location, &Problem)]) {
    if problems.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(title);
    text.push('\n');
    for (location, problem) in problems {
        text.push_str(&printable(&format!("{location}: {problem}")));
        text.push('\n');
    }
}

fn cells(line: &Line<'_>, now: i64) -> [String; COLUMNS] {
    let kind = match line.what {
        What::Certificate(certificate) if certificate.profile.ca => " (CA)",
        What::Certificate(_) => "",
        What::Crl(_) => " (CRL)",
    };
    let subject = format!("{}{kind}", or_dash(printable(&line.subject)));
    [
        line.urgency.as_str().to_owned(),
        or_dash(line.left(now).map(remaining).unwrap_or_default()),
        or_dash(
            line.ends
                .map(|ends| Date::of(ends).minutes())
                .unwrap_or_default(),
        ),
        subject,
        or_dash(printable(&line.issuer())),
        printable(&line.location.to_string()),
    ]
}

fn or_dash(cell: String) -> String {
    if cell.is_empty() {
        "-".to_owned()
    } else {
        cell
    }
}

/// As kubeadm tells it, and never in years: days, below one day hours, below one hour minutes.
fn remaining(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    match seconds.unsigned_abs() {
        left if left >= 86_400 => format!("{sign}{}d", left / 86_400),
        left if left >= 3_600 => format!("{sign}{}h", left / 3_600),
        left => format!("{sign}{}m", left / 60),
    }
}

fn columns(text: &mut String, lines: &[(Urgency, [String; COLUMNS])], coloured: bool) {
    let mut widths = HEAD.map(|title| title.chars().count());
    for (_, cells) in lines {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    row(text, &HEAD, &widths, None);
    for (urgency, cells) in lines {
        let colour = coloured.then(|| colour(*urgency));
        row(text, &cells.each_ref().map(String::as_str), &widths, colour);
    }
}

/// One line; the colour is that of its first cell.
fn row(
    text: &mut String,
    cells: &[&str; COLUMNS],
    widths: &[usize; COLUMNS],
    colour: Option<&str>,
) {
    let begin = text.len();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let (on, off) = match colour {
            Some(colour) if at == 0 => (colour, "\x1b[0m"),
            _ => ("", ""),
        };
        let blank = width - cell.chars().count().min(*width);
        write!(text, "{on}{cell}{off}{:blank$}  ", "").expect("writing to a String cannot fail");
    }
    text.truncate(begin + text[begin..].trim_end().len());
    text.push('\n');
}

/// The sequence of a terminal (ECMA-48, SGR).
const fn colour(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Ok => "\x1b[32m",
        Urgency::Warning => "\x1b[33m",
        Urgency::Critical => "\x1b[31m",
        Urgency::Expired => "\x1b[1;31m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expose::lines::Sort;
    use crate::expose::lines::tests::{LIMITS, NOW, inventory};

    #[test]
    fn what_remains_is_told_in_the_largest_unit() {
        for (seconds, expected) in [
            (365 * 86_400, "365d"),
            (86_399, "23h"),
            (3_599, "59m"),
            (-90_000, "-1d"),
        ] {
            assert_eq!(remaining(seconds), expected);
        }
    }

    #[test]
    fn one_whole_table() {
        let snapshot = inventory().snapshot();
        let report = Report::of(&snapshot, LIMITS, Sort::Expires, NOW);
        insta::assert_snapshot!(render(&report, false, NOW));
    }

    #[test]
    fn colours_are_on_the_state_alone_and_move_no_column() {
        let snapshot = inventory().snapshot();
        let report = Report::of(&snapshot, LIMITS, Sort::Expires, NOW);
        let coloured = render(&report, true, NOW);
        assert!(
            coloured.contains("\n\x1b[1;31mexpired\x1b[0m "),
            "{coloured}"
        );
        let mut plain = coloured.replace("\x1b[0m", "");
        for urgency in [
            Urgency::Ok,
            Urgency::Warning,
            Urgency::Critical,
            Urgency::Expired,
        ] {
            plain = plain.replace(colour(urgency), "");
        }
        assert_eq!(plain, render(&report, false, NOW));
    }
}
