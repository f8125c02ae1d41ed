//! Object identifiers as people know them. The names are those of Go and OpenSSL; what has none is
//! told in numbers.

use std::borrow::Cow;
use std::fmt::Write;

use const_oid::ObjectIdentifier;

/// Identifiers of one kind and what they are called.
pub(super) type Names = [(ObjectIdentifier, &'static str)];

/// The name of an identifier, else its numbers; empty where there is nothing to read.
pub(super) fn name(content: &[u8], known: &Names) -> Cow<'static, str> {
    let named = known.iter().find(|(oid, _)| oid.as_bytes() == content);
    match named {
        Some((_, name)) => Cow::Borrowed(name),
        None => dotted(content).map_or(Cow::Borrowed(""), Cow::Owned),
    }
}

/// An identifier in numbers (X.690, clause 8.19). Arcs may have the 128 bits of a UUID; const-oid
/// knows no more than 32, nor more than 39 octets.
fn dotted(content: &[u8]) -> Option<String> {
    if content.len() > MAX_OCTETS || content.last()? & 0x80 != 0 {
        return None;
    }
    let mut text = String::new();
    let mut arc = 0_u128;
    for octet in content {
        arc = arc.checked_mul(128)? | u128::from(octet & 0x7f);
        if octet & 0x80 != 0 {
            continue;
        }
        let written = if text.is_empty() {
            // The first two arcs are one number.
            let first = (arc / 40).min(2);
            write!(text, "{first}.{}", arc - first * 40)
        } else {
            write!(text, ".{arc}")
        };
        written.ok()?;
        arc = 0;
    }
    Some(text)
}

/// Octets of the longest identifier that is told.
const MAX_OCTETS: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(content: &[u8]) -> String {
        name(content, &[]).into_owned()
    }

    #[test]
    fn identifiers_are_told_in_numbers() {
        for (content, expected) in [
            (&[0x2a, 0x86, 0x48][..], "1.2.840"),
            (&[0x55, 0x1d, 0x11], "2.5.29.17"),
            (&[0x27], "0.39"),
            (&[0x4f], "1.39"),
            (&[0x50], "2.0"),
            (&[0x88, 0x37], "2.999"),
            (&[0x2a, 0x80, 0x01], "1.2.1"),
        ] {
            assert_eq!(numbers(content), expected, "{content:02x?}");
        }
        let uuid = [&[0x69, 0x83][..], &[0xff; 17], &[0x7f]].concat();
        assert_eq!(
            numbers(&uuid),
            format!("2.25.{}", u128::MAX),
            "the longest UUID"
        );
    }

    #[test]
    fn what_is_no_identifier_is_nothing() {
        let too_large = [&[0x69, 0x84][..], &[0x80; 17], &[0]].concat();
        for content in [&[][..], &[0x2a, 0x86], &[0x2a; 65], &too_large] {
            assert_eq!(numbers(content), "", "{content:02x?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_are_those_of_const_oid(arcs in proptest::collection::vec(any::<u32>(), 1..6)) {
            let mut text = String::from("1.3");
            for arc in arcs {
                write!(text, ".{arc}").unwrap();
            }
            let oid = ObjectIdentifier::new(&text).unwrap();
            prop_assert_eq!(numbers(oid.as_bytes()), text);
        }
    }
}
