//! DER's outer form: tag, length, value. More lenient than the `der` crate where that costs
//! nothing (lengths that are not minimal, bytes after the end), because an expiry watcher that
//! drops odd certificates is blind exactly where it is needed. Everything is borrowed.

/// Universal tags (X.690, 8.1.2) of what a certificate is made of.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
}

/// One element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    /// The first byte of the tag.
    pub(crate) tag: u8,
    /// What it holds.
    pub(crate) value: &'a [u8],
    /// Tag, length and value.
    pub(crate) whole: &'a [u8],
}

/// The elements that stand one after the other in some bytes; ends where the bytes are no DER.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
}

impl<'a> Elements<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next element if it has this tag; else nothing is consumed.
    pub(crate) fn next_if(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = self.clone();
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let bytes = self.rest;
        let (&tag, mut at) = bytes.split_first()?;
        if tag & 0x1f == 0x1f {
            // A tag of several bytes: the last has no high bit. None of ours, but it can be passed.
            let last = at.iter().take(4).position(|byte| byte & 0x80 == 0)?;
            at = at.get(last + 1..)?;
        }
        let (&first, mut at) = at.split_first()?;
        let length = if first & 0x80 == 0 {
            usize::from(first)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 8 {
                return None;
            }
            let (digits, rest) = at.split_at_checked(count)?;
            at = rest;
            digits.iter().try_fold(0_usize, |length, digit| {
                length.checked_mul(256)?.checked_add(usize::from(*digit))
            })?
        };
        let (value, rest) = at.split_at_checked(length)?;
        let whole = bytes.get(..bytes.len() - rest.len())?;
        self.rest = rest;
        Some(Element { tag, value, whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_is_not_minimal_is_read() {
        let bytes = [tag::INTEGER, 0x82, 0x00, 0x01, 0x2a, 0xff];
        let mut elements = Elements::new(&bytes);
        assert_eq!(
            elements.next().map(|element| element.value),
            Some(&[0x2a][..])
        );
        assert_eq!(elements.rest, [0xff]);
    }

    #[test]
    fn what_ends_early_is_no_element() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 0x05, 0x00],
            &[0x30, 0x80],
            &[0x30, 0x84, 0xff],
            &[0x1f, 0x80],
        ] {
            assert_eq!(Elements::new(bytes).next(), None, "{bytes:x?}");
        }
    }

    #[test]
    fn a_tag_of_several_bytes_is_passed() {
        let bytes = [0x1f, 0x81, 0x01, 0x01, 0xaa];
        assert_eq!(
            Elements::new(&bytes).next().map(|element| element.value),
            Some(&[0xaa][..])
        );
    }
}
