//! Frames DER elements leniently, on the `der` crate's reader.
//!
//! The crate's own headers refuse tags it does not know and lengths that are not minimal, and one
//! such element anywhere would cost the whole certificate. Here an element is a tag octet, a
//! definite length and so many bytes; what the content means is for the reader of that field.

use der::{Length, Reader, SliceReader};

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0] EXPLICIT`.
pub(super) const CONTEXT_0: u8 = 0xa0;
/// `[1] EXPLICIT`.
pub(super) const CONTEXT_1: u8 = 0xa1;
/// `[3] EXPLICIT`.
pub(super) const CONTEXT_3: u8 = 0xa3;

/// One element: tag, length and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// The identifier octet.
    pub(super) tag: u8,
    /// The value.
    pub(super) content: &'a [u8],
    /// The whole element.
    pub(super) raw: &'a [u8],
}

/// The elements of a constructed value, in order. Ends where the bytes stop being elements.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a> {
    rest: &'a [u8],
}

/// The first element, and the bytes behind it.
pub(super) fn first(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let tag = reader.read_byte().ok()?;
    if tag & 0x1f == 0x1f {
        // A tag number of several octets: none that we look for, so only its end matters.
        while reader.read_byte().ok()? & 0x80 != 0 {}
    }
    let length = length(&mut reader)?;
    let content = reader.read_slice(length).ok()?;
    let end = usize::try_from(reader.position()).ok()?;
    let (raw, rest) = bytes.split_at_checked(end)?;
    Some((Element { tag, content, raw }, rest))
}

/// A definite length, minimal or not. The indefinite ones of BER are not supported.
fn length(reader: &mut SliceReader<'_>) -> Option<Length> {
    let octet = reader.read_byte().ok()?;
    if octet < 0x80 {
        return Some(Length::from(octet));
    }
    let octets = octet & 0x7f;
    if !(1..=8).contains(&octets) {
        return None;
    }
    let mut length = 0_u64;
    for _ in 0..octets {
        length = (length << 8) | u64::from(reader.read_byte().ok()?);
    }
    u32::try_from(length).ok().map(Length::new)
}

// === impl Element ===

impl<'a> Element<'a> {
    /// The elements inside.
    pub(super) fn elements(self) -> Elements<'a> {
        Elements { rest: self.content }
    }
}

// === impl Elements ===

impl<'a> Elements<'a> {
    /// The next element, if it has this tag.
    pub(super) fn next_with(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let (element, rest) = first(self.rest)?;
        self.rest = rest;
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_read_in_any_definite_form() {
        for header in [
            &[0x04, 0x02][..],
            &[0x04, 0x81, 0x02],
            &[0x04, 0x84, 0, 0, 0, 2],
        ] {
            let bytes = [header, b"abcd"].concat();
            let (element, rest) = first(&bytes).unwrap();
            assert_eq!(
                (element.tag, element.content, rest),
                (OCTET_STRING, &b"ab"[..], &b"cd"[..])
            );
            assert_eq!(element.raw, [header, b"ab"].concat());
        }
    }

    #[test]
    fn what_is_cut_short_or_indefinite_is_no_element() {
        let too_long = [0x04, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        for bytes in [
            &b""[..],
            b"\x04",
            b"\x04\x03ab",
            b"\x04\x82\x01",
            b"\x30\x80\x00\x00",
            b"\x1f\x81",
            b"\x04\x88\xff\xff\xff\xff\xff\xff\xff\xff",
            &too_long,
        ] {
            assert_eq!(first(bytes), None, "{bytes:02x?}");
        }
    }

    #[test]
    fn tags_of_several_octets_are_stepped_over() {
        let (element, rest) = first(b"\x1f\x81\x01\x01ab").unwrap();
        assert_eq!((element.content, rest), (&b"a"[..], &b"b"[..]));
    }

    proptest! {
        #[test]
        fn elements_are_parts_of_the_bytes_in_order(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let elements: Vec<_> = Elements { rest: &bytes }.collect();
            let joined: Vec<u8> = elements.iter().flat_map(|element| element.raw).copied().collect();
            prop_assert!(bytes.starts_with(&joined));
            prop_assert!(elements.iter().all(|element| element.raw.ends_with(element.content)));
        }
    }
}
