//! What `ssl_exporter` tells of a target, under its names, from what is known already: nothing is looked
//! at for it.
//!
//! Families and labels stand in alphabetical order and empty labels are written, as its library does
//! it, so that the texts of both can be compared. What is not as there, docs/ssl-exporter.md tells.

use std::collections::HashSet;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::labels;
use crate::inventory::{Held, Snapshot, SourceId};
use crate::model::{Bundle, Certificate, Handshake, Location, Ocsp, OcspStatus, Verification};

/// Octets that a module may have.
pub const MOST_OF_MODULE: usize = 128;
/// The same of an address.
pub const MOST_OF_ADDRESS: usize = 2048;

/// A target that may be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address, as it was written.
    pub address: Arc<str>,
    /// The module that it is asked about by.
    pub module: Arc<str>,
    /// How `ssl_exporter` would look.
    pub prober: Prober,
    /// Whether a chain that is not trusted is no failure.
    pub insecure: bool,
    /// Where its certificates are.
    pub location: Location,
    /// Who looks there.
    pub source: SourceId,
}

/// Those probers of `ssl_exporter` that ask servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prober {
    /// One handshake, after a few words in clear for some protocols.
    Tcp,
    /// The same; its targets may be written as URLs.
    Https,
    /// A file that is fetched.
    HttpFile,
}

/// What is held of a target; nothing until somebody has looked.
pub fn held<'a>(target: &Target, snapshot: &'a Snapshot) -> Option<&'a Held> {
    let location = &target.location;
    let begins = snapshot.segments.partition_point(|segment| {
        let first = segment.held.first();
        first.is_some_and(|first| first.location <= *location)
    });
    let segment = snapshot.segments.get(begins.checked_sub(1)?)?;
    let mut held = segment.held.iter();
    held.find(|held| held.location == *location && held.source == target.source)
}

/// Writes what `ssl_exporter` would tell of a target.
pub fn write(target: &Target, bundle: &Bundle, out: &mut impl Write) -> io::Result<()> {
    let certificates = distinct(bundle);
    // Of a file there is none of this, nor of a handshake that failed.
    let handshake = bundle.handshake.as_deref();
    let handshake = handshake.and_then(|handshake| Some((handshake, handshake.tls_version?)));
    write_dates("ssl_cert", None, &certificates, out)?;
    if let Some((handshake, _)) = handshake {
        write_staple(handshake.ocsp.as_ref(), out)?;
    }
    let success = i64::from(is_success(target, bundle));
    let help = "Whether the last look went well and what was shown is trusted: 1, or 0.";
    write_one("ssl_probe_success", help, "", success, out)?;
    let prober = format!("{{prober=\"{}\"}}", target.prober.as_str());
    let help = "How ssl_exporter would have looked: 1.";
    write_one("ssl_prober", help, &prober, 1, out)?;
    if let Some((handshake, version)) = handshake {
        let version = format!("{{version=\"TLS {version}\"}}");
        let help = "The version of TLS that was spoken: 1.";
        write_one("ssl_tls_version_info", help, &version, 1, out)?;
        // As there, a chain that need not be trusted is none that was.
        if !target.insecure {
            write_verified(handshake, &certificates, out)?;
        }
    }
    Ok(())
}

/// As there: the look went well, what is stapled is an answer, and the chain is trusted or need not be.
fn is_success(target: &Target, bundle: &Bundle) -> bool {
    let is_read = bundle
        .problems
        .iter()
        .all(|problem| problem.reason.is_warning());
    let Some(handshake) = bundle.handshake.as_deref() else {
        return false;
    };
    let is_bad = |ocsp: &Ocsp| ocsp.status == OcspStatus::Bad;
    let is_trusted = handshake
        .verification
        .is_none_or(|came| came == Verification::Ok);
    is_read && !handshake.ocsp.as_ref().is_some_and(is_bad) && (is_trusted || target.insecure)
}

/// The certificates, in order. As there, two of one issuer's name and serial number are one.
fn distinct(bundle: &Bundle) -> Vec<&Certificate> {
    let mut known = HashSet::new();
    let mut distinct = Vec::new();
    for one in bundle.certificates() {
        if known.insert((one.serial(), one.issuer().common_name)) {
            distinct.push(&**one);
        }
    }
    distinct
}

/// The end and the start of each certificate's validity.
fn write_dates(
    family: &str,
    chain: Option<&str>,
    certificates: &[&Certificate],
    out: &mut impl Write,
) -> io::Result<()> {
    let ends = "End of the certificate's validity, in seconds since 1970.";
    let starts = "Start of the certificate's validity, in seconds since 1970.";
    let mut set = String::new();
    for is_end in [true, false] {
        let (name, help) = if is_end {
            (format!("{family}_not_after"), ends)
        } else {
            (format!("{family}_not_before"), starts)
        };
        // As there, a family without a series has no head.
        for (at, certificate) in certificates.iter().enumerate() {
            if at == 0 {
                write_head(&name, help, out)?;
            }
            label(&mut set, chain, certificate);
            let value = if is_end {
                certificate.not_after
            } else {
                certificate.not_before
            };
            writeln!(out, "{name}{{{set}}} {value}")?;
        }
    }
    Ok(())
}

/// What is stapled; as there, zeros where nothing is, or what is no answer.
fn write_staple(ocsp: Option<&Ocsp>, out: &mut impl Write) -> io::Result<()> {
    let ocsp = ocsp.filter(|ocsp| ocsp.status != OcspStatus::Bad);
    let status = match ocsp.map(|ocsp| ocsp.status) {
        Some(OcspStatus::Revoked) => 1,
        Some(OcspStatus::Unknown) => 2,
        _ => 0,
    };
    // What an answer does not say is Go's beginning of time there.
    let time = |of: fn(&Ocsp) -> Option<i64>| ocsp.map_or(0, |ocsp| of(ocsp).unwrap_or(NEVER));
    let is_stapled = i64::from(ocsp.is_some());
    for (name, help, value) in [
        (
            "next_update",
            "When the responder will know more, in seconds since 1970; 0 where nothing is stapled.",
            time(|ocsp| ocsp.next_update),
        ),
        (
            "produced_at",
            "When the answer was signed, in seconds since 1970; 0 where nothing is stapled.",
            time(|ocsp| ocsp.produced_at),
        ),
        (
            "revoked_at",
            "Since when the certificate is revoked, in seconds since 1970; 0 where nothing is stapled.",
            time(|ocsp| ocsp.revoked_at),
        ),
        (
            "stapled",
            "Whether an answer of the responder came with the handshake: 1, or 0.",
            is_stapled,
        ),
        (
            "status",
            "What the answer says: 0 good (or nothing is stapled), 1 revoked, 2 unknown.",
            status,
        ),
        (
            "this_update",
            "Since when the responder knows it to be so, in seconds since 1970; 0 where nothing is stapled.",
            time(|ocsp| ocsp.this_update),
        ),
    ] {
        write_one(&format!("ssl_ocsp_response_{name}"), help, "", value, out)?;
    }
    Ok(())
}

/// The zero of Go's `time.Time`, in the year 1.
const NEVER: i64 = -62_135_596_800;

/// The certificate of the verified chain that expires first: no other of it is kept.
fn write_verified(
    handshake: &Handshake,
    certificates: &[&Certificate],
    out: &mut impl Write,
) -> io::Result<()> {
    let Some(first) = handshake.verified_not_after else {
        return Ok(());
    };
    let mut all = certificates.iter().copied();
    let one = all.find(|one| one.not_after == first);
    write_dates("ssl_verified_cert", Some("0"), one.as_slice(), out)
}

fn write_head(name: &str, help: &str, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")
}

fn write_one(
    name: &str,
    help: &str,
    set: &str,
    value: i64,
    out: &mut impl Write,
) -> io::Result<()> {
    write_head(name, help, out)?;
    writeln!(out, "{name}{set} {value}")
}

/// Writes the labels of a certificate, without braces.
fn label(set: &mut String, chain: Option<&str>, certificate: &Certificate) {
    let names = |kind: &'static str| {
        let all = certificate.alternative_names();
        all.filter_map(move |name| name.strip_prefix(kind))
    };
    set.clear();
    if let Some(chain) = chain {
        put(set, "chain_no", chain);
    }
    let subject = certificate.subject();
    put(set, "cn", subject.common_name.unwrap_or_default());
    put_list(set, "dnsnames", names("DNS:"));
    put_list(set, "emails", names("email:"));
    put_list(set, "ips", names("IP:").map(as_go_has_it));
    let issuer = certificate.issuer();
    put(set, "issuer_cn", issuer.common_name.unwrap_or_default());
    put_list(set, "ou", subject.organizational_unit.into_iter());
    put(set, "serial_no", certificate.serial().unwrap_or_default());
}

/// An address of IPv4 in one of IPv6 is the one of IPv4.
fn as_go_has_it(address: &str) -> &str {
    let inner = address.strip_prefix("::ffff:");
    let inner = inner.filter(|inner| inner.parse::<Ipv4Addr>().is_ok());
    inner.unwrap_or(address)
}

fn put(set: &mut String, name: &str, value: &str) {
    begin(set, name);
    labels::escape(set, value);
    set.push('"');
}

/// `,a,b,`, or nothing at all.
fn put_list<'a>(set: &mut String, name: &str, values: impl Iterator<Item = &'a str>) {
    begin(set, name);
    let before = set.len();
    for value in values {
        set.push(',');
        labels::escape(set, value);
    }
    if set.len() > before {
        set.push(',');
    }
    set.push('"');
}

fn begin(set: &mut String, name: &str) {
    if !set.is_empty() {
        set.push(',');
    }
    set.push_str(name);
    set.push_str("=\"");
}

// === impl Target ===

impl Target {
    /// Whether it is this that is asked about, octet by octet.
    pub fn is(&self, module: &str, text: &str) -> bool {
        *self.module == *module && (*self.address == *text || self.is_url(text))
    }

    /// Its address behind `https://`, as `ssl_exporter` takes it.
    fn is_url(&self, text: &str) -> bool {
        let of_https = self.prober == Prober::Https;
        let rest = text.strip_prefix("https://").filter(|_| of_https);
        rest.is_some_and(|rest| *rest.strip_suffix('/').unwrap_or(rest) == *self.address)
    }
}

// === impl Prober ===

impl Prober {
    /// The value of the label `prober`.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Https => "https",
            Self::HttpFile => "http_file",
        }
    }
}

#[cfg(test)]
mod tests;
