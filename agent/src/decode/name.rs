//! Distinguished names (RFC 5280, 4.1.2.4): the six attributes that become labels. A value that
//! cannot be read costs that label and nothing else.

use std::sync::Arc;

use super::der::{Element, Elements, tag};
use crate::model::Name;

/// Longest value kept, in characters.
const LONGEST: usize = 256;

/// id-at (2.5.4), the arc of all six attribute types.
const ID_AT: [u8; 2] = [0x55, 0x04];

/// Reads a Name; of a repeated attribute the first value counts.
pub(super) fn name(element: Element<'_>) -> Name {
    let mut name = Name::default();
    let attributes = Elements::new(element.value)
        .filter(|set| set.tag == tag::SET)
        .flat_map(|set| Elements::new(set.value));
    for attribute in attributes.filter(|attribute| attribute.tag == tag::SEQUENCE) {
        let mut parts = Elements::new(attribute.value);
        let (Some(oid), Some(value)) = (parts.next_if(tag::OID), parts.next()) else {
            continue;
        };
        let slot = match oid.value.strip_prefix(&ID_AT) {
            Some([3]) => &mut name.common_name,
            Some([6]) => &mut name.country,
            Some([7]) => &mut name.locality,
            Some([8]) => &mut name.state,
            Some([10]) => &mut name.organization,
            Some([11]) => &mut name.organizational_unit,
            _ => continue,
        };
        if slot.is_none() {
            *slot = text(value);
        }
    }
    name
}

/// The string types of `DirectoryString` and what is found beside them.
fn text(value: Element<'_>) -> Option<Arc<str>> {
    const UTF8: u8 = 0x0c;
    const NUMERIC: u8 = 0x12;
    const PRINTABLE: u8 = 0x13;
    const TELETEX: u8 = 0x14;
    const IA5: u8 = 0x16;
    const VISIBLE: u8 = 0x1a;
    const UNIVERSAL: u8 = 0x1c;
    const BMP: u8 = 0x1e;
    let bytes = value.value;
    match value.tag {
        UTF8 | NUMERIC | PRINTABLE | IA5 | VISIBLE => match std::str::from_utf8(bytes) {
            Ok(text) => bounded(text.chars()),
            Err(_) => bounded(String::from_utf8_lossy(bytes).chars()),
        },
        // T.61 in theory, Latin-1 in all practice.
        TELETEX => bounded(bytes.iter().map(|byte| char::from(*byte))),
        BMP => {
            let (units, _) = bytes.as_chunks::<2>();
            let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
            bounded(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)))
        }
        UNIVERSAL => {
            let (units, _) = bytes.as_chunks::<4>();
            let units = units.iter().map(|unit| u32::from_be_bytes(*unit));
            bounded(units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)))
        }
        _ => None,
    }
}

/// Not empty, not too long, no control character: fit for a label and a terminal.
fn bounded(chars: impl Iterator<Item = char>) -> Option<Arc<str>> {
    let clean = |c: char| {
        if c.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            c
        }
    };
    let text: String = chars.take(LONGEST).map(clean).collect();
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(tag: u8, value: &[u8]) -> Option<Arc<str>> {
        text(Element {
            tag,
            value,
            whole: &[],
        })
    }

    #[test]
    fn every_string_type_is_read() {
        for (tag, bytes, expected) in [
            (0x0c, &b"gr\xc3\xbcn"[..], "grün"),
            (0x13, b"plain", "plain"),
            (0x14, b"gr\xfcn", "grün"),
            (0x1e, b"\0g\0r\0\xfc\0n", "grün"),
            (0x1c, b"\0\0\0g\0\0\0\xfc", "gü"),
            (0x0c, b"bad \xff utf-8", "bad \u{fffd} utf-8"),
            (0x0c, b"line\nfeed", "line\u{fffd}feed"),
        ] {
            assert_eq!(string(tag, bytes).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_value_that_is_no_string_costs_its_label() {
        assert_eq!(string(0x03, b"\0bits"), None);
        assert_eq!(string(0x0c, b""), None);
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(
            string(0x0c, &[b'a'; 5000]).map(|text| text.len()),
            Some(LONGEST)
        );
    }
}
