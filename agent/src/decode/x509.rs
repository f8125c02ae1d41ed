//! One certificate (RFC 5280, 4.1): its facts from its DER. The validity is read first and decides
//! alone whether the certificate counts; an odd serial, name or extension costs a label.

use std::fmt::Write as _;
use std::sync::Arc;

use der::Decode as _;
use sha2::{Digest as _, Sha256};
use x509_cert::ext::pkix::BasicConstraints;

use super::der::{Element, Elements, tag};
use super::{name, time};
use crate::model::{Certificate, Reason};

/// Longest serial number told, in bytes; RFC 5280 allows 20.
const LONGEST_SERIAL: usize = 64;

/// id-ce-basicConstraints, 2.5.29.19.
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];

const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// The facts of a certificate, or what it is not and why.
pub(super) fn certificate(whole: Element<'_>) -> Result<Arc<Certificate>, (Reason, &'static str)> {
    let parts =
        Parts::find(whole).ok_or((Reason::BadCertificate, "it is DER, but not a certificate"))?;
    let mut dates = Elements::new(parts.validity.value).map(time::seconds);
    let (Some(Some(not_before)), Some(Some(not_after))) = (dates.next(), dates.next()) else {
        return Err((Reason::BadValidity, "its validity cannot be read"));
    };
    Ok(Arc::new(Certificate {
        not_before,
        not_after,
        serial: serial(parts.serial.value),
        subject: parts.subject.map(name::name).unwrap_or_default(),
        issuer: name::name(parts.issuer),
        ca: parts.ca(),
        fingerprint: Sha256::digest(whole.whole).into(),
    }))
}

/// Where things stand in a `TBSCertificate`.
struct Parts<'a> {
    version_1: bool,
    serial: Element<'a>,
    issuer: Element<'a>,
    validity: Element<'a>,
    subject: Option<Element<'a>>,
    extensions: Option<Element<'a>>,
}

impl<'a> Parts<'a> {
    fn find(certificate: Element<'a>) -> Option<Self> {
        let tbs = Elements::new(certificate.value).next_if(tag::SEQUENCE)?;
        let mut elements = Elements::new(tbs.value);
        let version_1 = elements.next_if(VERSION).is_none();
        let serial = elements.next_if(tag::INTEGER)?;
        elements.next_if(tag::SEQUENCE)?; // signature algorithm
        let issuer = elements.next_if(tag::SEQUENCE)?;
        let validity = elements.next_if(tag::SEQUENCE)?;
        let subject = elements.next_if(tag::SEQUENCE);
        let extensions = elements.find(|element| element.tag == EXTENSIONS);
        Some(Self {
            version_1,
            serial,
            issuer,
            validity,
            subject,
            extensions,
        })
    }

    /// basicConstraints decides; version 1 has no extensions, and a certificate of it is a CA if
    /// it names itself as issuer, as the old roots do.
    fn ca(&self) -> bool {
        let Some(extensions) = self.extensions else {
            return self.version_1
                && self
                    .subject
                    .is_some_and(|subject| subject.whole == self.issuer.whole);
        };
        let list = Elements::new(extensions.value)
            .next()
            .map_or(&[][..], |list| list.value);
        let value = Elements::new(list).find_map(|extension| {
            let mut parts = Elements::new(extension.value);
            parts
                .next_if(tag::OID)
                .filter(|oid| oid.value == BASIC_CONSTRAINTS)?;
            parts.next_if(tag::BOOLEAN); // critical
            parts.next_if(tag::OCTET_STRING)
        });
        value.is_some_and(|value| match BasicConstraints::from_der(value.value) {
            Ok(constraints) => constraints.ca,
            // BER writes TRUE with any byte but 0.
            Err(_) => Elements::new(value.value)
                .next_if(tag::SEQUENCE)
                .and_then(|sequence| Elements::new(sequence.value).next_if(tag::BOOLEAN))
                .is_some_and(|flag| flag.value.iter().any(|byte| *byte != 0)),
        })
    }
}

/// An INTEGER in decimal; nothing if it is empty or longer than anybody's serial number.
fn serial(bytes: &[u8]) -> Option<Box<str>> {
    /// Nine decimal digits at a time.
    const BASE: u64 = 1_000_000_000;
    if bytes.is_empty() || bytes.len() > LONGEST_SERIAL {
        return None;
    }
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let flip = if negative { 0xff } else { 0 };
    let mut limbs: Vec<u64> = Vec::new();
    let mut add = |mut carry: u64, factor: u64| {
        for limb in &mut limbs {
            let product = *limb * factor + carry;
            *limb = product % BASE;
            carry = product / BASE;
        }
        if carry > 0 {
            limbs.push(carry);
        }
    };
    for byte in bytes {
        add(u64::from(byte ^ flip), 256);
    }
    // Two's complement: -x is !x + 1.
    add(u64::from(negative), 1);
    let mut text = String::from(if negative { "-" } else { "" });
    let mut limbs = limbs.iter().rev();
    text.push_str(&limbs.next().map_or("0".to_owned(), ToString::to_string));
    for limb in limbs {
        write!(text, "{limb:09}").expect("writing to a String cannot fail");
    }
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_told_in_decimal() {
        for (bytes, expected) in [
            (&[0][..], "0"),
            (&[0x7f], "127"),
            (&[0x00, 0xff], "255"),
            (&[0xff], "-1"),
            (&[0x80], "-128"),
            (&[0x3b, 0x9a, 0xca, 0x00], "1000000000"),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 0], "18446744073709551616"),
            (
                &[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                "18446744073709551615",
            ),
        ] {
            assert_eq!(serial(bytes).as_deref(), Some(expected), "{bytes:x?}");
        }
        assert_eq!(serial(&[]), None);
        assert_eq!(serial(&[1; LONGEST_SERIAL + 1]), None);
    }
}
