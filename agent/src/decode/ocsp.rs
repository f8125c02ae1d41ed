//! What a server staples (RFC 6960, section 4.2.1): the status of its certificate, and for when
//! that is said. The signature is not checked: who can staple can show any certificate.

use super::der::{
    CONTEXT_0, Element, Elements, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING,
    SEQUENCE, first,
};
use super::time;
use crate::model::{Ocsp, OcspStatus};

/// ENUMERATED.
const STATUS: u8 = 0x0a;
/// `responderID`, by name and by key.
const RESPONDERS: [u8; 2] = [0xa1, 0xa2];
/// `good`, `revoked` and `unknown`; what is good or unknown holds nothing.
const GOOD: u8 = 0x80;
const REVOKED: u8 = 0xa1;
const UNKNOWN: u8 = 0x82;
/// `id-pkix-ocsp-basic`, 1.3.6.1.5.5.7.48.1.1.
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// Reads what was stapled to a certificate; nothing where nothing was. An answer about another
/// certificate, as it stays behind after a renewal, is bad.
pub fn ocsp(bytes: &[u8], leaf: &[u8]) -> Option<Ocsp> {
    let bad = Ocsp {
        status: OcspStatus::Bad,
        produced_at: None,
        this_update: None,
        next_update: None,
        revoked_at: None,
    };
    (!bytes.is_empty()).then(|| read(bytes, leaf).unwrap_or(bad))
}

fn read(bytes: &[u8], leaf: &[u8]) -> Option<Ocsp> {
    let mut response = first(bytes)?.0.is(SEQUENCE)?;
    // Anything but `successful` comes without an answer.
    if response.next_with(STATUS)?.content != [0] {
        return None;
    }
    let mut typed = response
        .next_with(CONTEXT_0)?
        .elements()
        .next()?
        .is(SEQUENCE)?;
    if typed.next_with(OBJECT_IDENTIFIER)?.content != BASIC {
        return None;
    }
    let basic = first(typed.next_with(OCTET_STRING)?.content)?.0;
    let mut data = basic.is(SEQUENCE)?.next_with(SEQUENCE)?.elements();
    let mut field = data.next()?;
    if field.tag == CONTEXT_0 {
        // The version, which is the first.
        field = data.next()?;
    }
    if !RESPONDERS.contains(&field.tag) {
        return None;
    }
    let produced_at = instant(data.next()?)?;
    let serial = serial(leaf)?;
    let mut singles = data.next_with(SEQUENCE)?.elements();
    let mut single = singles.find_map(|single| {
        let mut single = single.is(SEQUENCE)?;
        // Two hashes of the issuer and their algorithm stand before it.
        let number = single.next_with(SEQUENCE)?.elements().last()?;
        (number.tag == INTEGER && number.content == serial).then_some(single)
    })?;
    let (status, revoked_at) = status(single.next()?)?;
    let this_update = instant(single.next()?)?;
    let next = single.next().filter(|field| field.tag == CONTEXT_0);
    let next_update = match next {
        Some(next) => Some(instant(next.elements().next()?)?),
        None => None,
    };
    Some(Ocsp {
        status,
        produced_at: Some(produced_at),
        this_update: Some(this_update),
        next_update,
        revoked_at,
    })
}

/// The serial number of a certificate.
fn serial(certificate: &[u8]) -> Option<&[u8]> {
    let mut fields = first(certificate)?.0.is(SEQUENCE)?;
    let mut fields = fields.next_with(SEQUENCE)?.elements();
    // Version 1 says no version.
    let number = fields.find(|field| field.tag != CONTEXT_0)?;
    (number.tag == INTEGER).then_some(number.content)
}

fn status(field: Element<'_>) -> Option<(OcspStatus, Option<i64>)> {
    match field.tag {
        GOOD => Some((OcspStatus::Good, None)),
        UNKNOWN => Some((OcspStatus::Unknown, None)),
        REVOKED => Some((
            OcspStatus::Revoked,
            Some(instant(field.elements().next()?)?),
        )),
        _ => None,
    }
}

fn instant(element: Element<'_>) -> Option<i64> {
    let is_time = element.tag == GENERALIZED_TIME;
    is_time.then(|| time::unix_seconds(element)).flatten()
}

impl<'a> Element<'a> {
    /// What is in it, if it is such an element.
    fn is(self, tag: u8) -> Option<Elements<'a>> {
        (self.tag == tag).then(|| self.elements())
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::tlv;
    use super::*;

    const THIS: &[u8] = b"\x18\x0f20260101000000Z";
    const NEXT: &[u8] = b"\x18\x0f20260108000000Z";

    /// An answer with this status and these fields after it.
    fn answer(status: &[u8], rest: &[u8]) -> Vec<u8> {
        let id = tlv(SEQUENCE, &tlv(INTEGER, &[7]));
        let single = tlv(SEQUENCE, &[&id, status, THIS, rest].concat());
        let responder = tlv(0xa2, &tlv(OCTET_STRING, &[1; 20]));
        let data = [&*responder, THIS, &tlv(SEQUENCE, &single)].concat();
        let basic = tlv(SEQUENCE, &tlv(SEQUENCE, &data));
        let typed = [tlv(OBJECT_IDENTIFIER, BASIC), tlv(OCTET_STRING, &basic)].concat();
        let typed = tlv(CONTEXT_0, &tlv(SEQUENCE, &typed));
        tlv(SEQUENCE, &[&tlv(STATUS, &[0])[..], &typed].concat())
    }

    /// As much of a certificate as matters.
    fn leaf(serial: u8) -> Vec<u8> {
        let version = tlv(CONTEXT_0, &tlv(INTEGER, &[2]));
        let fields = [version, tlv(INTEGER, &[serial])].concat();
        tlv(SEQUENCE, &tlv(SEQUENCE, &fields))
    }

    #[test]
    fn an_answer_says_how_the_certificate_is_and_until_when() {
        let next = tlv(CONTEXT_0, NEXT);
        let good = ocsp(&answer(&[GOOD, 0], &next), &leaf(7)).unwrap();
        let expected = Ocsp {
            status: OcspStatus::Good,
            produced_at: Some(1_767_225_600),
            this_update: Some(1_767_225_600),
            next_update: Some(1_767_830_400),
            revoked_at: None,
        };
        assert_eq!(good, expected);
        let revoked = ocsp(&answer(&tlv(REVOKED, THIS), &[]), &leaf(7)).unwrap();
        assert_eq!(revoked.status, OcspStatus::Revoked);
        assert_eq!(
            (revoked.revoked_at, revoked.next_update),
            (Some(1_767_225_600), None)
        );
        let unknown = ocsp(&answer(&[UNKNOWN, 0], &[]), &leaf(7)).unwrap();
        assert_eq!(unknown.status, OcspStatus::Unknown);
    }

    #[test]
    fn what_is_no_answer_is_bad_and_nothing_is_nothing() {
        assert_eq!(ocsp(&[], &leaf(7)), None);
        let whole = answer(&[GOOD, 0], &[]);
        for end in 1..whole.len() {
            assert_eq!(
                ocsp(&whole[..end], &leaf(7)).unwrap().status,
                OcspStatus::Bad
            );
        }
        let of_another = ocsp(&whole, &leaf(8)).unwrap();
        assert_eq!(of_another.status, OcspStatus::Bad);
        assert_eq!(ocsp(&whole, b"no DER").unwrap().status, OcspStatus::Bad);
        let try_later = tlv(SEQUENCE, &tlv(STATUS, &[3]));
        assert_eq!(ocsp(&try_later, &leaf(7)).unwrap().status, OcspStatus::Bad);
    }
}
