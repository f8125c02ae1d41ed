//! The certificate families in the classic text format, written in chunks: 20,000 certificates
//! never stand in memory as text.

mod family;

use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use self::family::{
    ERROR_HELP, ERROR_NAME, Family, READ_ERRORS_HELP, READ_ERRORS_NAME, WARNING_HELP, WARNING_NAME,
};
use super::place::{Place, places};
use super::{Options, info, labels};
use crate::inventory::Snapshot;
use crate::model::{Certificate, Crl, Problem};

/// How much text is collected before it is handed on.
const CHUNK: usize = 64 * 1024;

/// Writes the families that stay as they are until the inventory changes, a certificate expires
/// or a revocation list is due.
pub fn write_stable(
    snapshot: &Snapshot,
    options: &Options,
    now: i64,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut text = Text {
        out,
        buffer: String::with_capacity(CHUNK + 4096),
    };
    text.certificates(&family::NOT_AFTER, snapshot, options, now)?;
    if options.not_before {
        text.certificates(&family::NOT_BEFORE, snapshot, options, now)?;
    }
    if options.expired {
        text.certificates(&family::EXPIRED, snapshot, options, now)?;
    }
    if options.info {
        text.certificates(&family::INFO, snapshot, options, now)?;
    }
    for family in [
        &family::CRL_THIS_UPDATE,
        &family::CRL_NEXT_UPDATE,
        &family::CRL_NUMBER,
    ] {
        text.crls(family, snapshot, options, now)?;
    }
    if options.expired {
        text.crls(&family::CRL_STALE, snapshot, options, now)?;
    }
    text.problems(snapshot, options)?;
    text.flush()
}

/// Writes the opt-in families that differ at every scrape.
pub fn write_relative(
    snapshot: &Snapshot,
    options: &Options,
    now: i64,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut text = Text {
        out,
        buffer: String::with_capacity(CHUNK + 4096),
    };
    text.certificates(&family::EXPIRES_IN, snapshot, options, now)?;
    text.certificates(&family::VALID_SINCE, snapshot, options, now)?;
    text.crls(&family::CRL_STALE_IN, snapshot, options, now)?;
    text.crls(&family::CRL_FRESH_SINCE, snapshot, options, now)?;
    text.flush()
}

/// When the stable families next change by themselves: the first second after some
/// validity, or after a revocation list should have come.
pub fn next_flip(snapshot: &Snapshot, options: &Options, now: i64) -> i64 {
    if !options.expired {
        return i64::MAX;
    }
    let bundles = || {
        snapshot
            .segments
            .iter()
            .flat_map(|segment| segment.held.iter().map(|held| &held.bundle))
    };
    let ends = bundles()
        .flat_map(|bundle| bundle.certificates())
        .map(|certificate| certificate.not_after);
    let dues = bundles()
        .flat_map(|bundle| &bundle.crls)
        .filter_map(|crl| crl.next_update);
    let ends = ends.chain(dues);
    ends.filter(|end| *end >= now)
        .min()
        .map_or(i64::MAX, |end| end.saturating_add(1))
}

/// Text on its way out.
struct Text<'a, W> {
    out: &'a mut W,
    buffer: String,
}

impl<W: Write> Text<'_, W> {
    fn certificates(
        &mut self,
        family: &Family<Certificate>,
        snapshot: &Snapshot,
        options: &Options,
        now: i64,
    ) -> io::Result<()> {
        let of = |place: &Place<'_>, sets: &mut Vec<String>| {
            labels::of_certificates(place, options, sets);
            if family.name == family::INFO.name {
                for (certificate, set) in place.certificates.iter().zip(sets) {
                    info::push_facts(set, certificate);
                }
            }
        };
        self.family(family, snapshot, now, |place| &place.certificates, of)
    }

    fn crls(
        &mut self,
        family: &Family<Crl>,
        snapshot: &Snapshot,
        options: &Options,
        now: i64,
    ) -> io::Result<()> {
        let of = |place: &Place<'_>, sets: &mut Vec<String>| labels::of_crls(place, options, sets);
        self.family(family, snapshot, now, |place| &place.crls, of)
    }

    fn family<T>(
        &mut self,
        family: &Family<T>,
        snapshot: &Snapshot,
        now: i64,
        things: for<'a, 'b> fn(&'b Place<'a>) -> &'b Vec<&'a T>,
        label: impl Fn(&Place<'_>, &mut Vec<String>),
    ) -> io::Result<()> {
        self.head(family.name, "gauge", family.help);
        let mut sets = Vec::new();
        for place in places(snapshot) {
            label(&place, &mut sets);
            for (thing, set) in things(&place).iter().zip(&sets) {
                if let Some(value) = (family.value)(thing, now) {
                    self.sample(family.name, set, value)?;
                }
            }
        }
        Ok(())
    }

    fn problems(&mut self, snapshot: &Snapshot, options: &Options) -> io::Result<()> {
        self.head(ERROR_NAME, "gauge", ERROR_HELP);
        self.reasons(ERROR_NAME, snapshot, options, |place| &place.problems)?;
        self.head(WARNING_NAME, "gauge", WARNING_HELP);
        self.reasons(WARNING_NAME, snapshot, options, |place| &place.warnings)?;
        self.head(READ_ERRORS_NAME, "gauge", READ_ERRORS_HELP);
        let total: usize = places(snapshot).map(|place| place.problems.len()).sum();
        self.sample(READ_ERRORS_NAME, "", total)
    }

    /// One series per place and reason, however many blocks have it.
    fn reasons(
        &mut self,
        name: &str,
        snapshot: &Snapshot,
        options: &Options,
        problems: for<'a, 'b> fn(&'b Place<'a>) -> &'b Vec<&'a Problem>,
    ) -> io::Result<()> {
        // A path that is missing both as a file and as a kubeconfig is one place to a reader.
        let mut written = HashSet::new();
        let mut set = String::new();
        for place in places(snapshot) {
            let problems = problems(&place).iter();
            let mut reasons: Vec<_> = problems.map(|problem| problem.reason).collect();
            reasons.sort_unstable();
            reasons.dedup();
            for reason in reasons {
                labels::of_location(&place, options, &mut set);
                labels::push(&mut set, "reason", reason.code());
                if written.insert(set.clone()) {
                    self.sample(name, &set, 1)?;
                }
            }
        }
        Ok(())
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        writeln!(self.buffer, "# HELP {name} {help}\n# TYPE {name} {kind}")
            .expect("writing to a String cannot fail");
    }

    fn sample(&mut self, name: &str, set: &str, value: impl fmt::Display) -> io::Result<()> {
        self.buffer.push_str(name);
        if !set.is_empty() {
            self.buffer.push('{');
            self.buffer.push_str(set);
            self.buffer.push('}');
        }
        writeln!(self.buffer, " {value}").expect("writing to a String cannot fail");
        if self.buffer.len() >= CHUNK {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(self.buffer.as_bytes())?;
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests;
