//! Certificate revocation lists (RFC 5280, section 5.1) from DER elements: when they were issued,
//! when the next is due, which they are. The revoked certificates, which can be a hundred thousand,
//! are one element that is stepped over.

use sha2::{Digest, Sha256};

use super::der::{
    CONTEXT_0, Element, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
    UTC_TIME, first,
};
use super::{Fault, name, time, x509};
use crate::model::{Crl, Reason};

/// 2.5.29.20, cRLNumber.
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];

/// Reads the facts of a revocation list.
pub(super) fn crl(element: Element<'_>) -> Result<Crl, Fault> {
    let fields = Fields::find(element).ok_or(Fault {
        reason: Reason::BadCrl,
        detail: "this is DER, but not a certificate revocation list",
    })?;
    let bad_dates = Fault {
        reason: Reason::BadCrl,
        detail: "the certificate revocation list holds no readable dates",
    };
    let next_update = match fields.next_update {
        Some(next) => Some(time::unix_seconds(next).ok_or(bad_dates)?),
        None => None,
    };
    Ok(Crl::new(
        time::unix_seconds(fields.this_update).ok_or(bad_dates)?,
        next_update,
        fields.number().as_deref(),
        &name::name(fields.issuer),
        Sha256::digest(element.raw).into(),
    ))
}

/// Whether the element has the shape of a revocation list: where a certificate has its validity,
/// this has a time.
pub(super) fn looks_like_crl(element: Element<'_>) -> bool {
    Fields::find(element).is_some()
}

/// The fields of `TBSCertList` that hold our facts.
struct Fields<'a> {
    issuer: Element<'a>,
    this_update: Element<'a>,
    next_update: Option<Element<'a>>,
    extensions: Option<Element<'a>>,
}

// === impl Fields ===

impl<'a> Fields<'a> {
    fn find(element: Element<'a>) -> Option<Self> {
        if element.tag != SEQUENCE {
            return None;
        }
        let mut fields = element.elements().next_with(SEQUENCE)?.elements();
        // Version 1 says no version.
        let first = fields.next()?;
        if first.tag == INTEGER {
            fields.next_with(SEQUENCE)?;
        } else if first.tag != SEQUENCE {
            return None;
        }
        let issuer = fields.next_with(SEQUENCE)?;
        let this_update = fields.next().filter(is_time)?;
        let next = fields.clone().next().filter(is_time);
        Some(Self {
            issuer,
            this_update,
            next_update: next,
            extensions: fields.find(|field| field.tag == CONTEXT_0),
        })
    }

    /// cRLNumber in decimal.
    fn number(&self) -> Option<String> {
        let mut extensions = self.extensions?.elements().next_with(SEQUENCE)?.elements();
        let value = extensions.find_map(|extension| {
            let mut parts = extension.elements();
            let kind = parts.next_with(OBJECT_IDENTIFIER)?;
            if kind.content != CRL_NUMBER {
                return None;
            }
            parts.find(|part| part.tag == OCTET_STRING)
        })?;
        x509::decimal(first(value.content)?.0)
    }
}

fn is_time(element: &Element<'_>) -> bool {
    matches!(element.tag, UTC_TIME | GENERALIZED_TIME)
}

#[cfg(test)]
mod tests {
    use super::super::forge::{common_name, extension, tlv};
    use super::*;

    const THIS: &[u8] = b"\x17\x0d250101000000Z";
    const NEXT: &[u8] = b"\x17\x0d260101000000Z";
    const ALGORITHM: &[u8] = b"\x30\x05\x06\x03\x2b\x65\x70";

    /// A list of these fields, between the issuer and the signature.
    fn list(version: &[u8], dates: &[&[u8]], rest: &[u8]) -> Vec<u8> {
        let issuer = common_name(0x0c, b"issuer");
        let fields = [version, ALGORITHM, &issuer, &dates.concat(), rest].concat();
        let signature = tlv(0x03, &[0; 65]);
        tlv(
            0x30,
            &[&tlv(0x30, &fields), ALGORITHM, &signature[..]].concat(),
        )
    }

    fn read(der: &[u8]) -> Result<Crl, Reason> {
        crl(first(der).unwrap().0).map_err(|fault| fault.reason)
    }

    fn numbered(octets: &[u8]) -> Vec<u8> {
        let other = extension(&[0x55, 0x1d, 0x23], b"other");
        let number = extension(CRL_NUMBER, &tlv(INTEGER, octets));
        tlv(0xa0, &tlv(0x30, &[other, number].concat()))
    }

    #[test]
    fn a_list_of_either_version_gives_its_facts() {
        let der = list(b"\x02\x01\x01", &[THIS, NEXT], &numbered(&[1, 0]));
        let read_2 = read(&der).unwrap();
        assert_eq!(
            (read_2.this_update, read_2.next_update),
            (1_735_689_600, Some(1_767_225_600))
        );
        assert_eq!(read_2.number(), Some("256"));
        assert_eq!(read_2.issuer().common_name, Some("issuer"));
        assert_eq!(read_2.fingerprint, <[u8; 32]>::from(Sha256::digest(&der)));
        let read_1 = read(&list(b"", &[THIS], b"")).unwrap();
        assert_eq!(
            (read_1.this_update, read_1.next_update, read_1.number()),
            (1_735_689_600, None, None)
        );
    }

    #[test]
    fn a_hundred_thousand_entries_are_stepped_over() {
        let entry = tlv(
            0x30,
            &[tlv(INTEGER, &[0x11; 16]), tlv(UTC_TIME, b"250101000000Z")].concat(),
        );
        let revoked = tlv(0x30, &entry.repeat(100_000));
        let der = list(
            b"\x02\x01\x01",
            &[THIS, NEXT],
            &[revoked, numbered(&[7])].concat(),
        );
        assert!(der.len() > 3 << 20);
        assert_eq!(read(&der).unwrap().number(), Some("7"));
    }

    #[test]
    fn a_list_without_readable_dates_is_bad() {
        let bad: &[u8] = b"\x17\x0d251301000000Z";
        for der in [
            list(b"\x02\x01\x01", &[bad, NEXT], b""),
            list(b"\x02\x01\x01", &[THIS, bad], b""),
            list(b"\x02\x01\x01", &[], b""),
            list(b"\x04\x00", &[THIS], b""),
            tlv(0x30, b""),
            tlv(0x04, &[0; 200]),
        ] {
            assert_eq!(read(&der), Err(Reason::BadCrl), "{der:02x?}");
        }
    }

    #[test]
    fn an_odd_number_costs_the_number_alone() {
        for number in [
            &[0x55; 65][..],
            b"", // no digit at all
        ] {
            let read = read(&list(b"\x02\x01\x01", &[THIS], &numbered(number))).unwrap();
            assert_eq!(read.number(), None);
        }
    }
}
