//! Every place with all that is known of it, as JSON. The form is that of docs/api.md: keys come in
//! one order, and one without a value is left out.

mod handshake;

use std::io::{self, Write};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use self::handshake::HandshakeOf;
use super::date::Date;
use super::info;
use super::place::{Place, places};
use super::query::Position;
use super::rows::{Item, Listing, Row};
use crate::inventory::Snapshot;
use crate::model::{Certificate, Crl, Entry, Location, Name, Problem, Profile};

/// Grows when a key is renamed, is removed or changes its meaning.
const VERSION: u32 = 1;

/// Writes everything, place by place.
pub fn write(snapshot: &Snapshot, now: i64, out: &mut impl Write) -> io::Result<()> {
    let time = Date::rfc_3339(now);
    write!(
        out,
        "{{\"version\":{VERSION},\"time\":\"{time}\",\"places\":["
    )?;
    for (at, place) in places(snapshot).enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, &Whole::of(&place, now))?;
    }
    out.write_all(b"]}\n")
}

/// Writes rows: places of one thing each.
pub fn write_rows(
    listing: &Listing<'_>,
    next: Option<&Position>,
    now: i64,
    out: &mut impl Write,
) -> io::Result<()> {
    let (time, total) = (Date::rfc_3339(now), listing.total);
    write!(
        out,
        "{{\"version\":{VERSION},\"time\":\"{time}\",\"total\":{total},"
    )?;
    if let Some(next) = next {
        write!(out, "\"continue\":\"{next}\",")?;
    }
    out.write_all(b"\"places\":[")?;
    for (at, row) in listing.rows.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        Whole::write_row(row, now, out)?;
    }
    out.write_all(b"]}\n")
}

/// Writes why there is no answer.
pub fn write_refusal(why: &str, out: &mut impl Write) -> io::Result<()> {
    let refused = Refused {
        version: VERSION,
        error: why,
    };
    serde_json::to_writer(&mut *out, &refused)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Refused<'a> {
    version: u32,
    error: &'a str,
}

#[derive(Serialize)]
struct Whole<'a> {
    location: At<'a>,
    #[serde(serialize_with = "as_map")]
    labels: &'a [(Arc<str>, Arc<str>)],
    certificates: Certificates<'a>,
    crls: Crls<'a>,
    problems: Vec<ProblemOf<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake: Option<HandshakeOf<'a>>,
}

#[derive(Default, Serialize)]
struct At<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    cluster: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    namespace: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    key: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<EntryOf<'a>>,
}

#[derive(Serialize)]
struct EntryOf<'a> {
    kind: &'a str,
    name: &'a str,
}

/// The certificates of a place, and the time.
struct Certificates<'a>(&'a [&'a Certificate], i64);

#[derive(Serialize)]
struct CertificateOf<'a> {
    not_before: String,
    not_after: String,
    expired: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<&'a str>,
    subject: NameOf<'a>,
    issuer: NameOf<'a>,
    ca: bool,
    self_issued: bool,
    fingerprint_sha256: String,
    subject_alternative_names: Vec<&'a str>,
    #[serde(skip_serializing_if = "is_zero")]
    more_subject_alternative_names: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    key_algorithm: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    key_size: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    signature_algorithm: &'a str,
    key_usage: Usages<'a>,
    extended_key_usage: Vec<&'a str>,
}

/// The key usages of a profile.
struct Usages<'a>(&'a Profile);

/// The revocation lists of a place, and the time.
struct Crls<'a>(&'a [&'a Crl], i64);

#[derive(Serialize)]
struct CrlOf<'a> {
    this_update: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_update: Option<String>,
    stale: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
    issuer: NameOf<'a>,
    fingerprint_sha256: String,
}

/// The attributes of a name that are there.
struct NameOf<'a>(Name<&'a str>);

#[derive(Serialize)]
struct ProblemOf<'a> {
    reason: &'static str,
    warning: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<usize>,
    detail: &'a str,
}

// === impl Whole ===

impl<'a> Whole<'a> {
    fn of(place: &'a Place<'_>, now: i64) -> Self {
        let problems = place.problems.iter().chain(&place.warnings);
        Self {
            location: At::of(place.location),
            labels: place.labels,
            certificates: Certificates(&place.certificates, now),
            crls: Crls(&place.crls, now),
            problems: problems.map(|problem| ProblemOf::of(problem)).collect(),
            handshake: HandshakeOf::of(place.handshake, place.certificates.first().copied()),
        }
    }

    fn write_row(row: &Row<'_>, now: i64, out: &mut impl Write) -> io::Result<()> {
        let (mut certificate, mut crl, mut problem) = (None, None, None);
        match row.item {
            Item::Certificate(one) => certificate = Some(one),
            Item::Crl(one) => crl = Some(one),
            Item::Problem(one) => problem = Some(ProblemOf::of(one)),
        }
        let whole = Whole {
            location: At::of(&row.held.location),
            labels: &row.held.bundle.labels,
            certificates: Certificates(certificate.as_slice(), now),
            crls: Crls(crl.as_slice(), now),
            problems: problem.into_iter().collect(),
            handshake: {
                let bundle = &row.held.bundle;
                let leaf = bundle.certificates().first().map(|leaf| &**leaf);
                HandshakeOf::of(bundle.handshake.as_deref(), leaf)
            },
        };
        serde_json::to_writer(&mut *out, &whole)?;
        Ok(())
    }
}

// === impl At ===

impl<'a> At<'a> {
    fn of(location: &'a Location) -> Self {
        let entry_of = |Entry { kind, name }: &'a Entry| EntryOf {
            kind: kind.as_str(),
            name,
        };
        match location {
            Location::File { path } => Self {
                kind: "file",
                path,
                ..Self::default()
            },
            Location::Kubeconfig { path, entry } => Self {
                kind: "kubeconfig",
                path,
                entry: entry.as_ref().map(entry_of),
                ..Self::default()
            },
            Location::Object { object, key, entry } => Self {
                kind: object.kind.as_str(),
                cluster: object.cluster.as_deref().unwrap_or_default(),
                namespace: &object.namespace,
                name: &object.name,
                key,
                entry: entry.as_deref().map(entry_of),
                ..Self::default()
            },
            Location::Endpoint { name, address } => Self {
                kind: "endpoint",
                name: name.as_deref().unwrap_or_default(),
                address,
                ..Self::default()
            },
        }
    }
}

// === impl Certificates ===

impl Serialize for Certificates<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let &Self(certificates, now) = self;
        serializer.collect_seq(certificates.iter().map(|one| CertificateOf::of(one, now)))
    }
}

// === impl CertificateOf ===

impl<'a> CertificateOf<'a> {
    fn of(certificate: &'a Certificate, now: i64) -> Self {
        let profile = &*certificate.profile;
        Self {
            not_before: Date::rfc_3339(certificate.not_before),
            not_after: Date::rfc_3339(certificate.not_after),
            expired: now > certificate.not_after,
            serial_number: certificate.serial(),
            subject: NameOf(certificate.subject()),
            issuer: NameOf(certificate.issuer()),
            ca: profile.ca,
            self_issued: profile.self_issued,
            fingerprint_sha256: info::hex(&certificate.fingerprint),
            subject_alternative_names: certificate.alternative_names().collect(),
            more_subject_alternative_names: profile.more_names,
            key_algorithm: certificate.key_algorithm(),
            key_size: profile.key_bits,
            signature_algorithm: certificate.signature_algorithm(),
            key_usage: Usages(profile),
            extended_key_usage: certificate.extended_key_usage().collect(),
        }
    }
}

// === impl Usages ===

impl Serialize for Usages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(info::key_usages(self.0))
    }
}

// === impl Crls ===

impl Serialize for Crls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let &Self(crls, now) = self;
        serializer.collect_seq(crls.iter().map(|crl| CrlOf {
            this_update: Date::rfc_3339(crl.this_update),
            next_update: crl.next_update.map(Date::rfc_3339),
            stale: crl.next_update.is_some_and(|next| now > next),
            number: crl.number(),
            issuer: NameOf(crl.issuer()),
            fingerprint_sha256: info::hex(&crl.fingerprint),
        }))
    }
}

// === impl NameOf ===

impl Serialize for NameOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let attributes = self.0.attributes();
        let there = attributes
            .into_iter()
            .filter_map(|(short, value)| Some((short, value?)));
        serializer.collect_map(there)
    }
}

// === impl ProblemOf ===

impl<'a> ProblemOf<'a> {
    fn of(problem: &'a Problem) -> Self {
        Self {
            reason: problem.reason.code(),
            warning: problem.reason.is_warning(),
            block: problem.block,
            detail: &problem.detail,
        }
    }
}

// === helpers ===

fn as_map<S: Serializer>(
    labels: &&[(Arc<str>, Arc<str>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(labels.iter().map(|(key, value)| (&**key, &**value)))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests;
