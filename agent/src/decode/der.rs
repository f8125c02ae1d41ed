//! Frames DER elements leniently.
//!
//! The `der` crate's headers refuse tags it does not know and lengths that are not minimal, and one
//! such element anywhere would cost the whole certificate; its reader, octet by octet, took a
//! quarter of all the time of decoding. Here an element is a tag octet, a length and so many bytes;
//! what the content means is for the reader of that field. Lengths may be indefinite (BER): Windows,
//! NSS and Java write PKCS#7 and PKCS#12 so.

use std::borrow::Cow;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
pub(super) const CONTEXT_1: u8 = 0xa1;
/// `[3]`, constructed.
pub(super) const CONTEXT_3: u8 = 0xa3;
/// The bit of a tag that says that elements are inside.
const CONSTRUCTED: u8 = 0x20;

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
#[derive(Clone, Debug, Default)]
pub(super) struct Elements<'a> {
    rest: &'a [u8],
}

/// The first element, and the bytes behind it.
pub(super) fn first(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let header = Header::read(bytes)?;
    let (content, end) = match header.length {
        Some(length) => (length, 0),
        None => (contents(bytes.get(header.size..)?)?, END_OF_CONTENTS.len()),
    };
    let (raw, rest) =
        bytes.split_at_checked(header.size.checked_add(content)?.checked_add(end)?)?;
    let content = raw.get(header.size..raw.len() - end)?;
    Some((
        Element {
            tag: header.tag,
            content,
            raw,
        },
        rest,
    ))
}

/// What stands before a value.
struct Header {
    tag: u8,
    /// `None` is the indefinite form of BER.
    length: Option<usize>,
    /// Octets of the header itself.
    size: usize,
}

/// What ends a value of indefinite length.
const END_OF_CONTENTS: [u8; 2] = [0, 0];

/// How long a value of indefinite length is. Such values nest; a counter is enough to find the end
/// of the outermost one in one go, however deep they do.
fn contents(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut open) = (0_usize, 1_usize);
    loop {
        let rest = bytes.get(at..)?;
        if rest.starts_with(&END_OF_CONTENTS) {
            open -= 1;
            if open == 0 {
                return Some(at);
            }
            at += END_OF_CONTENTS.len();
            continue;
        }
        let header = Header::read(rest)?;
        open += usize::from(header.length.is_none());
        at = at
            .checked_add(header.size)?
            .checked_add(header.length.unwrap_or_default())?;
    }
}

/// The octets of a string; BER may have cut it in pieces.
pub(super) fn octets(string: Element<'_>) -> Option<Cow<'_, [u8]>> {
    if string.tag & CONSTRUCTED == 0 {
        return Some(Cow::Borrowed(string.content));
    }
    let mut whole = Vec::with_capacity(string.content.len());
    for piece in string.elements() {
        // Pieces of pieces are allowed, and made by nobody.
        if piece.tag != OCTET_STRING {
            return None;
        }
        whole.extend_from_slice(piece.content);
    }
    Some(Cow::Owned(whole))
}

// === impl Header ===

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.iter();
        let mut next = || rest.next().copied();
        let tag = next()?;
        if tag & 0x1f == 0x1f {
            // A tag number of several octets: none that we look for, so only its end matters.
            while next()? & 0x80 != 0 {}
        }
        let length = match next()? {
            short @ 0..0x80 => Some(short.into()),
            0x80 if tag & CONSTRUCTED != 0 => None,
            long @ 0x81..=0x88 => {
                let mut length = 0_u64;
                for _ in 0..long & 0x7f {
                    length = (length << 8) | u64::from(next()?);
                }
                Some(usize::try_from(length).ok()?)
            }
            _ => return None,
        };
        let size = bytes.len() - rest.len();
        Some(Self { tag, length, size })
    }
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

    /// Whether there is nothing more. After the last element, whether it was the last by intent.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
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
    fn indefinite_lengths_end_where_their_contents_do() {
        let inner = b"\x24\x80\x04\x02\0\0\x04\x01z\0\0";
        let bytes = [&b"\x30\x80\x30\x80"[..], inner, b"\0\0\x05\0\0\0rest"].concat();
        let (outer, rest) = first(&bytes).unwrap();
        assert_eq!((outer.tag, rest), (SEQUENCE, &b"rest"[..]));
        assert_eq!(outer.raw.len(), bytes.len() - rest.len());
        let [sequence, null] = outer.elements().collect::<Vec<_>>()[..] else {
            panic!("two elements");
        };
        assert_eq!((sequence.content, null.raw), (&inner[..], &b"\x05\0"[..]));
        let string = sequence.elements().next().unwrap();
        assert_eq!(octets(string).as_deref(), Some(&b"\0\0z"[..]));
    }

    #[test]
    fn a_string_is_whole_or_in_pieces() {
        for (bytes, expected) in [
            (&b"\x04\x02ab"[..], Some(&b"ab"[..])),
            (b"\x80\x02ab", Some(b"ab")),
            (b"\xa0\x06\x04\x01a\x04\x01b", Some(b"ab")),
            (b"\x24\0", Some(b"")),
            (b"\x24\x04\x24\x02\x04\0", None),
        ] {
            let (string, _) = first(bytes).unwrap();
            assert_eq!(octets(string).as_deref(), expected, "{bytes:02x?}");
        }
    }

    #[test]
    fn nesting_without_end_takes_no_longer_than_its_length() {
        let deep = b"\x30\x80".repeat(1 << 20);
        assert_eq!(first(&deep), None);
        let deep = [deep, b"\0\0".repeat(1 << 20)].concat();
        assert_eq!(first(&deep).unwrap().0.raw.len(), deep.len());
    }

    #[test]
    fn what_is_cut_short_is_no_element() {
        let too_long = [0x04, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        for bytes in [
            &b""[..],
            b"\x04",
            b"\x04\x03ab",
            b"\x04\x82\x01",
            b"\x30\x80\x00",
            b"\x30\x80\x04\x01a",
            b"\x30\x80\x30\x80\x00\x00",
            b"\x04\x80\x00\x00",
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
