//! What `check` tells, one line for each certificate and revocation list: the table and the CSV are
//! made of it, and the exit code.

use super::place::places;
use super::urgency::{Limits, Urgency};
use crate::inventory::Snapshot;
use crate::model::{Certificate, Crl, Location, Name, Problem};

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Soonest to expire first; what never ends comes last.
    #[default]
    Expires,
    /// By location; what stands in one place stays in its order.
    Place,
    /// By the subject's name; of one name, soonest first.
    Subject,
}

/// All lines, and what is wrong.
#[derive(Debug)]
pub struct Report<'a> {
    /// Certificates and revocation lists.
    pub lines: Vec<Line<'a>>,
    /// What is bad, by location.
    pub problems: Vec<(&'a Location, &'a Problem)>,
    /// What is odd and works, by location.
    pub warnings: Vec<(&'a Location, &'a Problem)>,
}

/// One certificate or revocation list.
#[derive(Debug)]
pub struct Line<'a> {
    /// What its remaining time means.
    pub urgency: Urgency,
    /// When it ends, if it does.
    pub ends: Option<i64>,
    /// Short name of the subject; of a revocation list, of its issuer.
    pub subject: String,
    /// What it is.
    pub what: What<'a>,
    /// Where it is.
    pub location: &'a Location,
}

/// What a line is about.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// A certificate.
    Certificate(&'a Certificate),
    /// A revocation list.
    Crl(&'a Crl),
}

// === impl Report ===

impl<'a> Report<'a> {
    /// Of everything in the snapshot.
    pub fn of(snapshot: &'a Snapshot, limits: Limits, sort: Sort, now: i64) -> Self {
        let mut report = Self {
            lines: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        for place in places(snapshot) {
            let at = place.location;
            let certificates = place.certificates.into_iter();
            let lines = certificates.map(|certificate| Line::of(certificate, at, limits, now));
            report.lines.extend(lines);
            let crls = place.crls.into_iter();
            report
                .lines
                .extend(crls.map(|crl| Line::of_crl(crl, at, now)));
            let here = |problem| (at, problem);
            report.problems.extend(place.problems.into_iter().map(here));
            report.warnings.extend(place.warnings.into_iter().map(here));
        }
        let lines = &mut report.lines;
        match sort {
            Sort::Place => {} // The order of a snapshot.
            Sort::Expires => lines.sort_by_key(Line::end),
            Sort::Subject => lines.sort_by(|one, other| {
                let by_name = one.subject.cmp(&other.subject);
                by_name.then_with(|| one.end().cmp(&other.end()))
            }),
        }
        report
    }

    /// The most urgent a certificate or revocation list; `None` when there is none.
    pub fn worst(&self) -> Option<Urgency> {
        self.lines.iter().map(|line| line.urgency).max()
    }
}

// === impl Line ===

impl<'a> Line<'a> {
    fn of(certificate: &'a Certificate, location: &'a Location, limits: Limits, now: i64) -> Self {
        let Certificate {
            not_before,
            not_after,
            ..
        } = *certificate;
        Self {
            urgency: limits.urgency(not_before, not_after, now),
            ends: Some(not_after),
            subject: short(&certificate.subject()),
            what: What::Certificate(certificate),
            location,
        }
    }

    fn of_crl(crl: &'a Crl, location: &'a Location, now: i64) -> Self {
        Self {
            urgency: Urgency::of_crl(crl, now),
            ends: crl.next_update,
            subject: short(&crl.issuer()),
            what: What::Crl(crl),
            location,
        }
    }

    /// Short name of whoever signed it.
    pub fn issuer(&self) -> String {
        match self.what {
            What::Certificate(certificate) => short(&certificate.issuer()),
            What::Crl(crl) => short(&crl.issuer()),
        }
    }

    /// Whole seconds until it ends. The second that the clock tells has begun: a bit of it is gone,
    /// so that a certificate made for a year has 364 days left at once, as kubeadm has it, too.
    pub fn left(&self, now: i64) -> Option<i64> {
        let left = self.ends?.saturating_sub(now);
        Some(if left > 0 { left - 1 } else { left })
    }

    fn end(&self) -> (bool, Option<i64>, &'a Location) {
        (self.ends.is_none(), self.ends, self.location)
    }
}

/// The text, with a sign in the place of each control character: a terminal would obey them.
pub(super) fn printable(text: &str) -> String {
    let sign = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(sign).collect()
}

/// The commonName, else the last attribute that is there; empty if there is none.
fn short(name: &Name<&str>) -> String {
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
    named.unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::inventory::Inventory;
    use crate::model::{Bundle, Change, Facts, Reason};

    pub(in crate::expose) const NOW: i64 = 86_400 * 1000;
    pub(in crate::expose) const LIMITS: Limits = Limits::of_seconds(30 * 86_400, 7 * 86_400);

    /// Two files and a server: certificates in each state, revocation lists, a problem and a warning.
    pub(in crate::expose) fn inventory() -> Inventory {
        let name = |cn: &'static str| Name {
            common_name: Some(cn.into()),
            ..Name::default()
        };
        let certificate = |cn: &'static str, days: i64| {
            let facts = Facts {
                not_after: NOW + 86_400 * days,
                subject: name(cn),
                issuer: name("ca"),
                ca: cn == "ca",
                serial: Some("17".into()),
                fingerprint: [u8::try_from(days).unwrap(); 32],
                ..Facts::default()
            };
            Arc::new(facts.into())
        };
        let crl = |days: Option<i64>, fingerprint| {
            let next = days.map(|days| NOW + 86_400 * days);
            Arc::new(Crl::new(0, next, None, &name("ca"), [fingerprint; 32]))
        };
        let odd = "it is valid for longer than the certificate that issued it";
        let inventory = Inventory::default();
        let hold = |location, bundle| {
            inventory.apply(0, Change::Upsert(location, bundle));
        };
        let file = Bundle {
            certificates: Some(vec![certificate("web", 50), certificate("ca", 20)]),
            crls: vec![crl(None, 1), crl(Some(2), 2), crl(Some(-1), 3)],
            problems: vec![
                Problem::in_block(Reason::OutlivesIssuer, 1, odd),
                Problem::in_block(Reason::BadPem, 3, "the block has no END line"),
            ],
            ..Bundle::default()
        };
        hold(Location::file("/a.pem"), file);
        // A name that means something to a terminal and to a spreadsheet.
        let hostile = Bundle {
            certificates: Some(vec![certificate("=1+1\u{1b}[2J,\"\n", 3)]),
            ..Bundle::default()
        };
        hold(Location::endpoint(None, "[::1]:6443"), hostile);
        inventory
    }

    #[test]
    fn lines_come_soonest_first_or_by_place_or_by_subject() {
        let snapshot = inventory().snapshot();
        let subjects = |sort| {
            let report = Report::of(&snapshot, LIMITS, sort, NOW);
            let shown =
                |line: &Line<'_>| format!("{} {}", line.subject.len(), line.urgency.as_str());
            report
                .lines
                .iter()
                .map(shown)
                .collect::<Vec<_>>()
                .join(", ")
        };
        insta::assert_snapshot!(subjects(Sort::Expires), @"2 expired, 2 ok, 13 critical, 2 warning, 3 ok, 2 ok");
        insta::assert_snapshot!(subjects(Sort::Place), @"3 ok, 2 warning, 2 ok, 2 ok, 2 expired, 13 critical");
        insta::assert_snapshot!(subjects(Sort::Subject), @"13 critical, 2 expired, 2 ok, 2 warning, 2 ok, 3 ok");
    }

    #[test]
    fn a_list_that_is_due_soon_is_no_news() {
        let snapshot = inventory().snapshot();
        let mut report = Report::of(&snapshot, LIMITS, Sort::Expires, NOW);
        assert_eq!(report.worst(), Some(Urgency::Expired));
        let due = |line: &Line<'_>| matches!(line.what, What::Crl(_)) && line.ends > Some(NOW);
        report.lines.retain(due);
        assert_eq!(report.worst(), Some(Urgency::Ok));
    }
}
