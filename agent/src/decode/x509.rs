//! Certificates (RFC 5280, section 4.1) from DER elements.
//!
//! The validity comes first: whoever has two readable dates is a certificate, and an odd serial,
//! name or extension costs it a label, never its expiry. x509-cert reads the parts it knows how to
//! read; what it refuses and others accept (dates before 1970, lax booleans, lengths that are not
//! minimal) is read by our own walk. As a whole it is not asked: one odd part would cost all.

use std::borrow::Cow;
use std::fmt::Write;

use const_oid::ObjectIdentifier;
use der::Decode;
use der::oid::AssociatedOid;
use sha2::{Digest, Sha256};
use x509_cert::certificate::Raw;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::time::Validity;

use super::chain::Link;
use super::der::{
    BOOLEAN, CONTEXT_0, CONTEXT_3, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
};
use super::details::details;
use super::{Fault, name, time};
use crate::model::{Certificate, Facts, Reason};

/// Octets of the longest serial number that becomes a label. RFC 5280 allows 20.
const MAX_SERIAL: usize = 64;

/// Reads the facts of a certificate, and what ties it to its issuer.
pub(super) fn certificate(element: Element<'_>) -> Result<(Certificate, Link), Fault> {
    let fields = Fields::find(element).ok_or(Fault {
        reason: Reason::BadCertificate,
        detail: "this is DER, but not a certificate",
    })?;
    let (not_before, not_after) = validity(fields.validity).ok_or(Fault {
        reason: Reason::BadValidity,
        detail: "the validity holds no readable dates",
    })?;
    let facts = Facts {
        not_before,
        not_after,
        serial: decimal(fields.serial).map(Cow::Owned),
        subject: fields.subject.map(name::name).unwrap_or_default(),
        issuer: name::name(fields.issuer),
        ca: fields.is_ca(),
        fingerprint: Sha256::digest(element.raw).into(),
        details: details(&fields),
    };
    Ok((facts.into(), Link::read(&fields)))
}

/// The `SubjectPublicKeyInfo` of what may be a certificate.
pub(super) fn public_key(element: Element<'_>) -> Option<Element<'_>> {
    Fields::find(element)?.key
}

/// The fields of a certificate that hold our facts.
pub(super) struct Fields<'a> {
    serial: Element<'a>,
    pub(super) issuer: Element<'a>,
    validity: Element<'a>,
    pub(super) subject: Option<Element<'a>>,
    /// `SubjectPublicKeyInfo`.
    pub(super) key: Option<Element<'a>>,
    extensions: Option<Element<'a>>,
    /// How it was signed.
    pub(super) signature: Option<Element<'a>>,
    /// Whether the version is that of X.509v1, where CAs were not marked.
    version_1: bool,
}

/// Start and end, in seconds since 1970.
fn validity(element: Element<'_>) -> Option<(i64, i64)> {
    if let Ok(validity) = Validity::<Raw>::from_der(element.raw) {
        let seconds =
            |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).ok();
        return Some((seconds(validity.not_before)?, seconds(validity.not_after)?));
    }
    let mut times = element.elements();
    Some((
        time::unix_seconds(times.next()?)?,
        time::unix_seconds(times.next()?)?,
    ))
}

/// A DER INTEGER in decimal.
pub(super) fn decimal(element: Element<'_>) -> Option<String> {
    let content = element.content;
    if element.tag != INTEGER || content.len() > MAX_SERIAL {
        return None;
    }
    let negative = content.first()? & 0x80 != 0;
    // Groups of nine digits, the least first: 64 octets make 155 digits.
    let mut groups = [0_u32; 18];
    // The magnitude of a negative number is that of its complement, plus one.
    for octets in content.rchunks(4).rev() {
        let number = octets.iter().fold(0, |number, &octet| {
            let octet = if negative { !octet } else { octet };
            number << 8 | u64::from(octet)
        });
        multiply_and_add(&mut groups, 1 << 32, number);
    }
    multiply_and_add(&mut groups, 1, negative.into());
    let first = groups.iter().rposition(|&group| group != 0).unwrap_or(0);
    let mut text = String::with_capacity(1 + 9 * (first + 1));
    if negative {
        text.push('-');
    }
    write!(text, "{}", groups[first]).ok()?;
    for group in groups[..first].iter().rev() {
        write!(text, "{group:09}").ok()?;
    }
    Some(text)
}

fn multiply_and_add(groups: &mut [u32], factor: u64, summand: u64) {
    let mut carry = summand;
    for group in groups {
        let value = u64::from(*group) * factor + carry;
        *group = (value % 1_000_000_000) as u32;
        carry = value / 1_000_000_000;
    }
}

/// Whether an encoded `BasicConstraints` says `cA`.
fn says_ca(value: &[u8]) -> bool {
    if let Ok(constraints) = BasicConstraints::from_der(value) {
        return constraints.ca;
    }
    super::der::first(value)
        .filter(|(sequence, _)| sequence.tag == SEQUENCE)
        .and_then(|(sequence, _)| sequence.elements().next_with(BOOLEAN))
        .is_some_and(|ca| ca.content.iter().any(|&octet| octet != 0))
}

// === impl Fields ===

impl<'a> Fields<'a> {
    /// Finds the fields where the element has the shape of a certificate.
    pub(super) fn find(element: Element<'a>) -> Option<Self> {
        if element.tag != SEQUENCE {
            return None;
        }
        let mut parts = element.elements();
        let mut fields = parts.next_with(SEQUENCE)?.elements();
        let first = fields.next()?;
        let version = (first.tag == CONTEXT_0).then_some(first);
        let serial = if version.is_some() {
            fields.next()?
        } else {
            first
        };
        let _algorithm = fields.next_with(SEQUENCE)?;
        let (issuer, validity) = (fields.next_with(SEQUENCE)?, fields.next_with(SEQUENCE)?);
        let subject = fields.next_with(SEQUENCE);
        Some(Self {
            serial,
            issuer,
            validity,
            subject,
            key: fields.clone().next_with(SEQUENCE),
            extensions: fields.find(|field| field.tag == CONTEXT_3),
            signature: parts.next_with(SEQUENCE),
            version_1: version
                .and_then(|version| version.elements().next())
                .is_none_or(|version| version.content == [0]),
        })
    }

    fn is_ca(&self) -> bool {
        match self.extensions {
            Some(_) => self.extension(BasicConstraints::OID).is_some_and(says_ca),
            None => {
                self.version_1
                    && self
                        .subject
                        .is_some_and(|subject| subject.content == self.issuer.content)
            }
        }
    }

    /// The value of an extension; of a repeated one, the first.
    pub(super) fn extension(&self, oid: ObjectIdentifier) -> Option<&'a [u8]> {
        let mut extensions = self.extensions?.elements().next_with(SEQUENCE)?.elements();
        extensions.find_map(|extension| {
            let mut parts = extension.elements();
            let kind = parts.next_with(OBJECT_IDENTIFIER)?;
            if kind.content != oid.as_bytes() {
                return None;
            }
            parts
                .find(|part| part.tag == OCTET_STRING)
                .map(|value| value.content)
        })
    }
}

#[cfg(test)]
mod tests;
