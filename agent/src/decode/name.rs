//! Distinguished names: the six attributes that become labels, as clean text.
//!
//! Walked by hand, because x509-cert refuses a whole certificate for one string it does not like
//! and keeps a copy of every attribute of those it likes. Whatever an issuer wrote, the worst that
//! happens here is a label left out or a replacement character in it.

use std::borrow::Cow;

use const_oid::db::rfc4519::{
    COMMON_NAME, COUNTRY_NAME, LOCALITY_NAME, ORGANIZATION_NAME, ORGANIZATIONAL_UNIT_NAME, ST,
};

use super::der::{Element, OBJECT_IDENTIFIER, SEQUENCE, SET};
use crate::model::Name;

/// Characters kept of one attribute. RFC 5280 allows 128 at most, but who keeps to it; beyond
/// this a name is a way to swell the exposition.
const MAX_CHARACTERS: usize = 256;

/// Octets that hold so many characters, and one more, in whatever encoding: what is behind them is
/// not looked at. The issuer of a revocation list may have megabytes.
const MAX_OCTETS: usize = 4 * (MAX_CHARACTERS + 2);

/// Reads a name; what cannot be read is left out.
pub(super) fn name(element: Element<'_>) -> Name<Cow<'_, str>> {
    let mut name = Name::default();
    let sets = element.elements().filter(|set| set.tag == SET);
    for attribute in sets.flat_map(Element::elements) {
        let mut parts = attribute.elements();
        let (SEQUENCE, Some(kind), Some(value)) = (
            attribute.tag,
            parts.next_with(OBJECT_IDENTIFIER),
            parts.next(),
        ) else {
            continue;
        };
        if let Some(slot) = slot(&mut name, kind.content)
            && slot.is_none()
        {
            *slot = text(value);
        }
    }
    name
}

fn slot<'a, T>(name: &'a mut Name<T>, oid: &[u8]) -> Option<&'a mut Option<T>> {
    [
        (COMMON_NAME, &mut name.common_name),
        (COUNTRY_NAME, &mut name.country),
        (LOCALITY_NAME, &mut name.locality),
        (ORGANIZATION_NAME, &mut name.organization),
        (ORGANIZATIONAL_UNIT_NAME, &mut name.organizational_unit),
        (ST, &mut name.state),
    ]
    .into_iter()
    .find_map(|(known, slot)| (known.as_bytes() == oid).then_some(slot))
}

/// The text of a string element; `None` where it is empty or no string.
fn text(value: Element<'_>) -> Option<Cow<'_, str>> {
    let content = beginning(value.content);
    let text = match value.tag {
        // UTF8String.
        0x0c => String::from_utf8_lossy(content),
        // NumericString, PrintableString, IA5String, VisibleString, GeneralString: ASCII by the
        // book, anything in practice.
        0x12 | 0x13 | 0x16 | 0x1a | 0x1b => match str::from_utf8(content) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => latin_1(content),
        },
        // TeletexString: T.61 by the book, Latin-1 in practice (OpenSSL reads it so).
        0x14 => latin_1(content),
        // UniversalString.
        0x1c => wide(content, |unit: [u8; 4]| u32::from_be_bytes(unit)),
        // BMPString.
        0x1e => wide(content, |unit: [u8; 2]| u16::from_be_bytes(unit).into()),
        _ => return None,
    };
    if text.is_empty() {
        return None;
    }
    if text.chars().nth(MAX_CHARACTERS).is_none() && !text.chars().any(char::is_control) {
        return Some(text);
    }
    let text: String = text.chars().take(MAX_CHARACTERS).collect();
    Some(clean(&text).into())
}

/// As much as is looked at; no character of UTF-8 is cut.
fn beginning(content: &[u8]) -> &[u8] {
    if content.len() <= MAX_OCTETS {
        return content;
    }
    let goes_on = |cut: &usize| content[MAX_OCTETS - cut] & 0xc0 == 0x80;
    let cut = (0..3).take_while(goes_on).count();
    &content[..MAX_OCTETS - cut]
}

/// Text whose control characters are replaced.
pub(super) fn clean(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

fn latin_1(content: &[u8]) -> Cow<'static, str> {
    content
        .iter()
        .copied()
        .map(char::from)
        .collect::<String>()
        .into()
}

/// Text in units of `N` octets; what is no character, or half a unit at the end, is replaced.
fn wide<const N: usize>(content: &[u8], code: impl Fn([u8; N]) -> u32) -> Cow<'static, str> {
    let (units, half) = content.as_chunks();
    let characters = units.iter().map(|&unit| char::from_u32(code(unit)));
    let half = (!half.is_empty()).then_some(None);
    characters
        .chain(half)
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::super::der;
    use super::super::forge::{self, tlv};
    use super::*;

    fn read(attributes: &[(u8, u8, &[u8])]) -> Name<String> {
        owned(&forge::name(attributes))
    }

    fn owned(bytes: &[u8]) -> Name<String> {
        let name = name(der::first(bytes).unwrap().0);
        Name {
            country: name.country.map(Cow::into_owned),
            state: name.state.map(Cow::into_owned),
            locality: name.locality.map(Cow::into_owned),
            organization: name.organization.map(Cow::into_owned),
            organizational_unit: name.organizational_unit.map(Cow::into_owned),
            common_name: name.common_name.map(Cow::into_owned),
        }
    }

    fn common_name(tag: u8, value: &[u8]) -> Option<String> {
        read(&[(3, tag, value)]).common_name
    }

    #[test]
    fn the_six_attributes_are_told_apart() {
        let name = read(&[
            (3, 12, b"cn"),
            (6, 19, b"DE"),
            (7, 12, b"l"),
            (8, 12, b"st"),
            (9, 12, b"a street"),
            (10, 12, b"o"),
            (11, 12, b"ou"),
        ]);
        let short = name
            .attributes()
            .map(|(key, value)| (key, value.unwrap().to_string()));
        let expected = [
            ("C", "DE"),
            ("ST", "st"),
            ("L", "l"),
            ("O", "o"),
            ("OU", "ou"),
            ("CN", "cn"),
        ];
        assert_eq!(short, expected.map(|(key, value)| (key, value.to_owned())));
    }

    #[test]
    fn of_a_repeated_attribute_the_first_that_can_be_read_counts() {
        let name = read(&[
            (11, 3, b"\0bits"),
            (11, 12, b""),
            (11, 12, b"one"),
            (11, 12, b"two"),
        ]);
        assert_eq!(name.organizational_unit.as_deref(), Some("one"));
    }

    #[test]
    fn every_kind_of_string_is_read() {
        for (tag, value, expected) in [
            (0x0c, "Zoë".as_bytes(), "Zoë"),
            (0x0c, b"a\xffb", "a\u{fffd}b"),
            (0x13, b"plain", "plain"),
            (0x13, b"under_score@", "under_score@"),
            (0x13, "Zoë".as_bytes(), "Zoë"),
            (0x13, b"Zo\xeb", "Zoë"),
            (0x12, b"12 34", "12 34"),
            (0x14, b"Zo\xeb", "Zoë"),
            (0x16, b"ia5", "ia5"),
            (0x1a, b"visible", "visible"),
            (0x1b, b"general", "general"),
            (0x1c, b"\0\0\0Z\0\x01\xf6\x00", "Z😀"),
            (0x1c, b"\0\0\0Z\xff\xff\xff\xff", "Z\u{fffd}"),
            (0x1e, b"\0Z\x01\x61", "Zš"),
            (0x1e, b"\0Z\xd8\x00\0Y", "Z\u{fffd}Y"),
            (0x1e, b"\0Z\0", "Z\u{fffd}"),
        ] {
            assert_eq!(
                common_name(tag, value).as_deref(),
                Some(expected),
                "{tag:02x}"
            );
        }
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(
            common_name(12, b"a\nb\0c\x1b[1m").unwrap(),
            "a\u{fffd}b\u{fffd}c\u{fffd}[1m"
        );
        assert_eq!(
            common_name(12, "a\u{85}b".as_bytes()).unwrap(),
            "a\u{fffd}b"
        );
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = "ë".repeat(257);
        assert_eq!(common_name(12, long.as_bytes()).unwrap(), "ë".repeat(256));
        let kept = "ë".repeat(256);
        assert_eq!(common_name(12, kept.as_bytes()).unwrap(), kept);
    }

    #[test]
    fn text_of_any_length_is_read_as_its_beginning() {
        for (tag, unit, character) in [
            (0x0c, "x".as_bytes(), 'x'),
            (0x0c, "ë".as_bytes(), 'ë'),
            (0x0c, "€".as_bytes(), '€'),
            (0x0c, "😀".as_bytes(), '😀'),
            (0x13, "€".as_bytes(), '€'),
            (0x13, "😀".as_bytes(), '😀'),
            (0x14, b"\xeb", 'ë'),
            (0x14, b"\x80", '\u{fffd}'),
            (0x1c, b"\0\x01\xf6\0", '😀'),
            (0x1e, b"\x20\xac", '€'),
            (0x1e, b"\0\xac", '¬'),
        ] {
            for more in 0..9 {
                let long = unit.repeat(MAX_CHARACTERS + 100 * more);
                let whole: String = [character; MAX_CHARACTERS].iter().collect();
                assert_eq!(common_name(tag, &long), Some(whole), "{tag:x} {unit:x?}");
            }
        }
    }

    #[test]
    fn what_is_no_string_is_left_out() {
        assert_eq!(common_name(0x03, b"\0bits"), None);
        assert_eq!(common_name(0x30, b""), None);
        assert_eq!(common_name(0x0c, b""), None);
    }

    #[test]
    fn a_broken_attribute_does_not_cost_the_others() {
        let cn = tlv(OBJECT_IDENTIFIER, &[0x55, 0x04, 3]);
        let good = tlv(SEQUENCE, &[cn.clone(), tlv(12, b"cn")].concat());
        let sets = [
            tlv(SET, b"\x30\x7fcut"),
            tlv(SEQUENCE, b""),
            tlv(SET, &tlv(SEQUENCE, &cn)),
            tlv(SET, &tlv(SEQUENCE, &tlv(12, b"no kind"))),
            tlv(SET, &good),
        ];
        let bytes = tlv(SEQUENCE, &sets.concat());
        assert_eq!(owned(&bytes).common_name.as_deref(), Some("cn"));
    }
}
