//! Sets of certificates and revocation lists in PKCS#7 (CMS, RFC 5652, section 5.1): a `SignedData`
//! whose signatures are nobody's business here. Windows and Java hand out chains so (`.p7b`).

use super::Fault;
use super::der::{
    CONTEXT_0, CONTEXT_1, Element, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET,
};
use crate::model::Reason;

/// 1.2.840.113549.1.7, the arc of all that PKCS#7 can hold.
const PKCS_7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];

/// The last arc of `id-signedData`.
const SIGNED_DATA: u8 = 2;

pub(super) const CUT: Fault = Fault {
    reason: Reason::BadPkcs7,
    detail: "the PKCS#7 message is cut short or broken",
};

/// What a message carries, in order; what is no SEQUENCE is of a kind that is passed over.
#[derive(Clone, Debug, Default)]
pub(super) struct Carried<'a> {
    pub(super) certificates: Elements<'a>,
    pub(super) crls: Elements<'a>,
}

/// Finds the sets in a message.
pub(super) fn carried(message: Element<'_>) -> Result<Carried<'_>, Fault> {
    let bad = |detail| Fault {
        reason: Reason::BadPkcs7,
        detail,
    };
    let mut parts = message.elements();
    let kind = parts
        .next_with(OBJECT_IDENTIFIER)
        .filter(|_| message.tag == SEQUENCE)
        .ok_or(bad("this is not PKCS#7"))?;
    if content_type(kind) != Some(SIGNED_DATA) {
        return Err(bad(
            "this is PKCS#7, but of a kind that carries no certificates",
        ));
    }
    let content = parts.next_with(CONTEXT_0).ok_or(CUT)?;
    let signed = content.elements().next_with(SEQUENCE).ok_or(CUT)?;
    let mut fields = signed.elements();
    fields.next_with(INTEGER).ok_or(CUT)?;
    fields.next_with(SET).ok_or(CUT)?;
    fields.next_with(SEQUENCE).ok_or(CUT)?;
    let mut carried = Carried::default();
    for field in fields {
        match field.tag {
            CONTEXT_0 => carried.certificates = field.elements(),
            CONTEXT_1 => carried.crls = field.elements(),
            _ => break,
        }
    }
    Ok(carried)
}

/// Whether the element begins as a message does.
pub(super) fn looks_like_pkcs7(element: Element<'_>) -> bool {
    element.tag == SEQUENCE
        && element
            .elements()
            .next_with(OBJECT_IDENTIFIER)
            .is_some_and(|kind| content_type(kind).is_some())
}

/// The last arc of a content type.
pub(super) fn content_type(kind: Element<'_>) -> Option<u8> {
    match kind.content.strip_prefix(PKCS_7)? {
        &[arc] => Some(arc),
        _ => None,
    }
}

// === impl Carried ===

impl Carried<'_> {
    /// Whether there is nothing in it, as in the signature of something that lies elsewhere; or
    /// nothing more.
    pub(super) fn is_empty(&self) -> bool {
        self.certificates.is_at_end() && self.crls.is_at_end()
    }
}

#[cfg(test)]
mod tests {
    use super::super::der::first;
    use super::super::forge::tlv;
    use super::*;

    fn kind(arc: u8) -> Vec<u8> {
        tlv(OBJECT_IDENTIFIER, &[PKCS_7, &[arc]].concat())
    }

    /// A message whose `SignedData` ends in these fields.
    fn message(fields: &[u8]) -> Vec<u8> {
        let data = tlv(SEQUENCE, &kind(1));
        let signed = [
            &tlv(INTEGER, &[1]),
            &tlv(SET, b""),
            &data,
            fields,
            &tlv(SET, b"signers"),
        ]
        .concat();
        let content = tlv(CONTEXT_0, &tlv(SEQUENCE, &signed));
        tlv(SEQUENCE, &[kind(SIGNED_DATA), content].concat())
    }

    fn sets(message: &[u8]) -> Result<[Vec<&[u8]>; 2], &'static str> {
        let (element, _) = first(message).unwrap();
        let carried = carried(element).map_err(|fault| fault.detail)?;
        Ok(
            [carried.certificates, carried.crls]
                .map(|set| set.map(|element| element.raw).collect()),
        )
    }

    #[test]
    fn a_message_carries_certificates_or_lists_or_both() {
        let [one, two] = [tlv(SEQUENCE, b"one"), tlv(SEQUENCE, b"two")];
        let certificates = tlv(CONTEXT_0, &[&one[..], &two].concat());
        let crls = tlv(CONTEXT_1, &one);
        for (fields, expected) in [
            (&certificates[..], [vec![&one[..], &two], vec![]]),
            (&crls, [vec![], vec![&one]]),
            (
                &[&certificates[..], &crls].concat(),
                [vec![&one, &two], vec![&one]],
            ),
            (b"", [vec![], vec![]]),
        ] {
            assert_eq!(sets(&message(fields)), Ok(expected));
        }
    }

    #[test]
    fn what_carries_nothing_says_why() {
        let other = "this is PKCS#7, but of a kind that carries no certificates";
        let broken = "the PKCS#7 message is cut short or broken";
        for (message, expected) in [
            (tlv(SEQUENCE, &kind(3)), other),
            (tlv(SEQUENCE, &kind(SIGNED_DATA)), broken),
            (
                tlv(
                    SEQUENCE,
                    &[kind(SIGNED_DATA), tlv(CONTEXT_0, &tlv(SEQUENCE, b""))].concat(),
                ),
                broken,
            ),
            (tlv(SEQUENCE, b""), "this is not PKCS#7"),
            (tlv(SET, &kind(SIGNED_DATA)), "this is not PKCS#7"),
        ] {
            assert_eq!(sets(&message), Err(expected), "{message:02x?}");
        }
    }

    #[test]
    fn a_message_is_known_by_its_content_type() {
        for (bytes, expected) in [
            (message(b""), true),
            (tlv(SEQUENCE, &kind(6)), true),
            (tlv(SEQUENCE, &tlv(OBJECT_IDENTIFIER, PKCS_7)), false),
            (tlv(SEQUENCE, &tlv(OBJECT_IDENTIFIER, &[0x55, 4, 3])), false),
            (tlv(SEQUENCE, b""), false),
        ] {
            let (element, _) = first(&bytes).unwrap();
            assert_eq!(looks_like_pkcs7(element), expected, "{bytes:02x?}");
        }
    }
}
