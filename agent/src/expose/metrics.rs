//! The certificate families in the classic text format, written in chunks: 20,000 certificates
//! never stand in memory as text.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::place::{Place, places};
use super::{Options, labels};
use crate::inventory::Snapshot;
use crate::model::Certificate;

/// How much text is collected before it is handed on.
const CHUNK: usize = 64 * 1024;

/// A family of series, one per certificate.
struct Family {
    name: &'static str,
    help: &'static str,
    value: fn(&Certificate, i64) -> i64,
}

const NOT_AFTER: Family = Family {
    name: "x509_cert_not_after",
    help: "End of the certificate's validity, in seconds since 1970 (RFC 5280, 4.1.2.5).",
    value: |certificate, _| certificate.not_after,
};

const NOT_BEFORE: Family = Family {
    name: "x509_cert_not_before",
    help: "Start of the certificate's validity, in seconds since 1970 (RFC 5280, 4.1.2.5).",
    value: |certificate, _| certificate.not_before,
};

const EXPIRED: Family = Family {
    name: "x509_cert_expired",
    help: "Whether the certificate's validity has ended: 1, or 0.",
    value: |certificate, now| i64::from(now > certificate.not_after),
};

const EXPIRES_IN: Family = Family {
    name: "x509_cert_expires_in_seconds",
    help: "Seconds from the scrape to the end of the certificate's validity; negative after it.",
    value: |certificate, now| certificate.not_after.saturating_sub(now),
};

const VALID_SINCE: Family = Family {
    name: "x509_cert_valid_since_seconds",
    help: "Seconds from the start of the certificate's validity to the scrape.",
    value: |certificate, now| now.saturating_sub(certificate.not_before),
};

const ERROR_NAME: &str = "x509_cert_error";
const ERROR_HELP: &str = "1 for every location that is bad now, with the reason.";
const READ_ERRORS_NAME: &str = "x509_read_errors";
const READ_ERRORS_HELP: &str = "How many problems the watched locations have now.";

/// Writes the families that stay as they are until the inventory changes or a certificate expires.
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
    text.family(&NOT_AFTER, snapshot, options, now)?;
    if options.not_before {
        text.family(&NOT_BEFORE, snapshot, options, now)?;
    }
    if options.expired {
        text.family(&EXPIRED, snapshot, options, now)?;
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
    text.family(&EXPIRES_IN, snapshot, options, now)?;
    text.family(&VALID_SINCE, snapshot, options, now)?;
    text.flush()
}

/// When the stable families next change by themselves: the first second after some validity.
pub fn next_flip(snapshot: &Snapshot, options: &Options, now: i64) -> i64 {
    if !options.expired {
        return i64::MAX;
    }
    let bundles = snapshot.held.iter().map(|(_, _, bundle)| bundle);
    let ends = bundles
        .flat_map(|bundle| bundle.certificates())
        .map(|c| c.not_after);
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
    fn family(
        &mut self,
        family: &Family,
        snapshot: &Snapshot,
        options: &Options,
        now: i64,
    ) -> io::Result<()> {
        self.head(family.name, "gauge", family.help);
        let mut sets = Vec::new();
        for place in places(snapshot) {
            labels::of_certificates(&place, options, &mut sets);
            for (certificate, set) in place.certificates.iter().zip(&sets) {
                self.sample(family.name, set, (family.value)(certificate, now))?;
            }
        }
        Ok(())
    }

    fn problems(&mut self, snapshot: &Snapshot, options: &Options) -> io::Result<()> {
        let mut total = 0;
        // A path that is missing both as a file and as a kubeconfig is one place to a reader.
        let mut written = HashSet::new();
        self.head(ERROR_NAME, "gauge", ERROR_HELP);
        for place in places(snapshot) {
            total += place.problems.len();
            self.problems_of(&place, options, &mut written)?;
        }
        self.head(READ_ERRORS_NAME, "gauge", READ_ERRORS_HELP);
        self.sample(
            READ_ERRORS_NAME,
            "",
            i64::try_from(total).unwrap_or(i64::MAX),
        )
    }

    /// One series per reason, however many blocks have it.
    fn problems_of(
        &mut self,
        place: &Place<'_>,
        options: &Options,
        written: &mut HashSet<String>,
    ) -> io::Result<()> {
        let mut reasons: Vec<_> = place
            .problems
            .iter()
            .map(|problem| problem.reason)
            .collect();
        reasons.sort_unstable();
        reasons.dedup();
        let mut set = String::new();
        for reason in reasons {
            labels::of_location(place, options, &mut set);
            labels::push(&mut set, "reason", reason.code());
            if written.insert(set.clone()) {
                self.sample(ERROR_NAME, &set, 1)?;
            }
        }
        Ok(())
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        writeln!(self.buffer, "# HELP {name} {help}\n# TYPE {name} {kind}")
            .expect("writing to a String cannot fail");
    }

    fn sample(&mut self, name: &str, set: &str, value: i64) -> io::Result<()> {
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
mod tests;
