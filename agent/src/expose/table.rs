//! The table of `check`: one line per certificate or revocation list, soonest to expire first, then
//! the problems, then the warnings.

use std::fmt::Write as _;

use super::date::Date;
use super::place::places;
use crate::inventory::Snapshot;
use crate::model::{Certificate, Crl, Location, Name, Problem};

/// How much time is little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds left below which a certificate is a warning.
    pub warn: i64,
    /// Seconds left below which it is critical.
    pub crit: i64,
}

/// What a certificate's remaining time means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Enough left.
    Ok,
    /// Less than the warning time.
    Warning,
    /// Less than the critical time, or not valid yet.
    Critical,
    /// Nothing left.
    Expired,
}

/// What [`render`] counted, for the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Worst state of a certificate or revocation list; `None` when there is none.
    pub worst: Option<State>,
    /// How many problems.
    pub problems: usize,
    /// How many certificates.
    pub certificates: usize,
}

/// What becomes one line.
struct Row<'a> {
    state: State,
    /// When it ends; what ends never comes last.
    ends: Option<i64>,
    subject: String,
    location: &'a Location,
}

/// The table as text, and what it says in short. Warnings are told, and do not count.
pub fn render(snapshot: &Snapshot, limits: Limits, now: i64) -> (String, Tally) {
    let mut rows = Vec::new();
    let (mut problems, mut warnings) = (String::new(), String::new());
    let mut tally = Tally::default();
    for place in places(snapshot) {
        let at = place.location;
        let certificates = place.certificates.iter();
        rows.extend(certificates.map(|certificate| Row::of(certificate, at, limits, now)));
        rows.extend(place.crls.iter().map(|crl| Row::of_crl(crl, at, now)));
        tally.certificates += place.certificates.len();
        tally.problems += place.problems.len();
        tell(&mut problems, at, &place.problems);
        tell(&mut warnings, at, &place.warnings);
    }
    rows.sort_by_key(|row| (row.ends.is_none(), row.ends, row.location));
    tally.worst = rows.iter().map(|row| row.state).max();

    let lines: Vec<[String; 5]> = rows.iter().map(|row| row.line(now)).collect();
    let head = [
        "STATE",
        "REMAINING",
        "NOT AFTER (UTC)",
        "SUBJECT",
        "LOCATION",
    ]
    .map(str::to_owned);
    let mut text = String::new();
    if !lines.is_empty() {
        columns(&mut text, std::iter::once(&head).chain(&lines));
    }
    for (title, section) in [("PROBLEMS\n", problems), ("WARNINGS\n", warnings)] {
        if section.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(title);
        text.push_str(&section);
    }
    (text, tally)
}

fn tell(section: &mut String, location: &Location, problems: &[&Problem]) {
    for problem in problems {
        writeln!(section, "{location}: {problem}").expect("writing to a String cannot fail");
    }
}

impl<'a> Row<'a> {
    fn of(certificate: &Certificate, location: &'a Location, limits: Limits, now: i64) -> Self {
        let left = certificate.not_after.saturating_sub(now);
        let state = match () {
            () if left < 0 => State::Expired,
            () if left < limits.crit || certificate.not_before > now => State::Critical,
            () if left < limits.warn => State::Warning,
            () => State::Ok,
        };
        let named = named(&certificate.subject());
        Self {
            state,
            ends: Some(certificate.not_after),
            subject: if certificate.profile.ca {
                format!("{named} (CA)")
            } else {
                named
            },
            location,
        }
    }

    /// Lists are made for days: that the next is due soon is no news, that it is late is.
    fn of_crl(crl: &Crl, location: &'a Location, now: i64) -> Self {
        let is_stale = crl.next_update.is_some_and(|next| now > next);
        Self {
            state: if is_stale { State::Expired } else { State::Ok },
            ends: crl.next_update,
            subject: format!("{} (CRL)", named(&crl.issuer())),
            location,
        }
    }

    fn line(&self, now: i64) -> [String; 5] {
        let state = match self.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Critical => "critical",
            State::Expired => "expired",
        };
        let (left, ends) = match self.ends {
            Some(ends) => (
                remaining(ends.saturating_sub(now)),
                Date::of(ends).minutes(),
            ),
            None => ("-".to_owned(), "-".to_owned()),
        };
        [
            state.to_owned(),
            left,
            ends,
            self.subject.clone(),
            self.location.to_string(),
        ]
    }
}

/// As kubeadm tells it: days, below one day hours, below one hour minutes.
fn remaining(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    match seconds.unsigned_abs() {
        left if left >= 86_400 => format!("{sign}{}d", left / 86_400),
        left if left >= 3_600 => format!("{sign}{}h", left / 3_600),
        left => format!("{sign}{}m", left / 60),
    }
}

fn named(name: &Name<&str>) -> String {
    let attributes = name.attributes();
    let named = attributes.iter().rev().find_map(|(short, value)| {
        value.map(|value| {
            if *short == "CN" {
                value.to_string()
            } else {
                format!("{short}={value}")
            }
        })
    });
    named.unwrap_or_else(|| "-".to_owned())
}

fn columns<'a>(text: &mut String, lines: impl Iterator<Item = &'a [String; 5]> + Clone) {
    let mut widths = [0; 5];
    for line in lines.clone() {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for line in lines {
        let cells = line
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inventory::Inventory;
    use crate::model::{Bundle, Change, Facts, Reason};

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
        let name = |cn: &'static str| Name {
            common_name: Some(cn.into()),
            ..Name::default()
        };
        let certificate = |cn: &'static str, days: i64| {
            let facts = Facts {
                not_after: 86_400 * (1000 + days),
                subject: name(cn),
                issuer: name("ca"),
                ca: cn == "ca",
                fingerprint: [u8::try_from(days).unwrap(); 32],
                ..Facts::default()
            };
            Arc::new(facts.into())
        };
        let crl = |days: Option<i64>, fingerprint| {
            let next = days.map(|days| 86_400 * (1000 + days));
            Arc::new(Crl::new(0, next, None, &name("ca"), [fingerprint; 32]))
        };
        let odd = "it is valid for longer than the certificate that issued it";
        let bundle = Bundle {
            certificates: Some(vec![certificate("web", 50), certificate("ca", 20)]),
            crls: vec![crl(None, 1), crl(Some(2), 2), crl(Some(-1), 3)],
            problems: vec![
                Problem::in_block(Reason::OutlivesIssuer, 1, odd),
                Problem::in_block(Reason::BadPem, 3, "the block has no END line"),
            ],
            labels: Vec::new(),
        };
        let inventory = Inventory::default();
        let limits = Limits {
            warn: 30 * 86_400,
            crit: 7 * 86_400,
        };
        let table = |bundle: &Bundle| {
            inventory.apply(0, Change::Upsert(Location::file("/a.pem"), bundle.clone()));
            render(&inventory.snapshot(), limits, 86_400 * 1000)
        };
        let (text, tally) = table(&bundle);
        insta::assert_snapshot!(text);
        let expected = Tally {
            worst: Some(State::Expired),
            problems: 1,
            certificates: 2,
        };
        assert_eq!(tally, expected);
        let fresh = Bundle {
            crls: vec![crl(Some(2), 2)],
            certificates: Some(vec![]),
            ..bundle
        };
        assert_eq!(table(&fresh).1.worst, Some(State::Ok));
    }
}
