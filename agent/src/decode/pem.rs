//! Finds PEM blocks in text (RFC 7468) and has each decoded by rustls-pemfile.
//!
//! The crate reads a block well, but it finds only blocks that begin a line and end one, and passes
//! over the others in silence: glued lines, indentation, a byte order mark, old labels (decision
//! 0001). So the scanner here finds the blocks, in linear time and without copying, and hands the
//! content of each that is read on in the one form that the crate always reads. What it cannot make
//! sense of is a result too. Keys and other kinds are stepped over unread.

use memchr::{memchr, memchr2, memchr3, memrchr, memrchr2};
use rustls_pemfile::Item;

/// One block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block<'a> {
    /// Not a proper block; the reason is for people.
    Bad(&'static str),
    /// A certificate's content, as it stands between the lines.
    Certificate(&'a [u8]),
    /// A private key's content, as it stands between the lines: for [`super::key`] alone.
    PrivateKey(&'a [u8]),
    /// A certificate revocation list's content.
    Crl(&'a [u8]),
    /// The content of a PKCS#7 message (CMS).
    Pkcs7(&'a [u8]),
    /// A block of another well-known kind.
    Other,
}

/// The blocks of a text, in order.
#[derive(Clone, Debug)]
pub(super) struct Blocks<'a> {
    text: &'a [u8],
    /// Everything before is done.
    at: usize,
}

/// Finds the blocks of a text.
pub(super) fn blocks(text: &[u8]) -> Blocks<'_> {
    Blocks { text, at: 0 }
}

/// Decodes a block's content to DER. `scratch` only saves allocations.
///
/// The crate copies the text twice before it decodes, which is a lot for a revocation list of
/// several megabytes; so it gets a long text piece by piece.
pub(super) fn decode(content: &[u8], scratch: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut rest = without_headers(content).trim_ascii_start();
    let mut der = Vec::with_capacity(rest.len() / 4 * 3 + 3);
    loop {
        scratch.clear();
        scratch.extend_from_slice(b"-----BEGIN CERTIFICATE-----\n");
        let full = scratch.len() + PIECE;
        while scratch.len() < full && !rest.is_empty() {
            let fits = &rest[..rest.len().min(full - scratch.len())];
            let (word, behind) = rest.split_at(word(fits));
            scratch.extend_from_slice(word);
            rest = behind.trim_ascii_start();
        }
        scratch.extend_from_slice(b"\n-----END CERTIFICATE-----\n");
        let Ok(Some((Item::X509Certificate(piece), _))) =
            rustls_pemfile::read_one_from_slice(scratch)
        else {
            return None;
        };
        der.extend_from_slice(&piece);
        if rest.is_empty() {
            return Some(der);
        }
        if piece.len() != PIECE / 4 * 3 {
            // Padding belongs at the end.
            return None;
        }
    }
}

/// Labels of blocks that hold nothing of ours but belong in the places where certificates are. Of
/// those that end or begin alike, the affix.
const OTHER_LABELS: [&[u8]; 3] = [
    b"ATTRIBUTE CERTIFICATE",
    b"CERTIFICATE REQUEST",
    b"NEW CERTIFICATE REQUEST",
];
const OTHER_ENDINGS: [&[u8]; 3] = [b" KEY", b" PARAMETERS", b" Static key V1"];
const OTHER_BEGINNINGS: [&[u8]; 1] = [b"PGP "];

/// Bytes of the longest label considered.
const MAX_LABEL: usize = 64;

/// Characters of base64 that are decoded at a time: whole groups of four, and more than any
/// certificate in use has.
const PIECE: usize = 64 << 10;

/// What a label says about its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'a> {
    Certificate,
    Crl,
    Pkcs7,
    Other(&'a [u8]),
    Unknown,
}

/// A line, or a part of one, that begins or ends a block.
struct Boundary<'a> {
    start: usize,
    end: usize,
    begins: bool,
    /// `None` where the dashes behind the label are missing.
    label: Option<&'a [u8]>,
}

// === impl Blocks ===

impl<'a> Blocks<'a> {
    /// The next boundary from `from` on. Those in comments (`#`) do not count: bundles with
    /// commentary and files with a certificate commented out are common.
    fn boundary(&self, from: usize) -> Option<Boundary<'a>> {
        let mut at = from;
        loop {
            at += memchr(b'-', self.text.get(at..)?)?;
            let start = at;
            let rest = &self.text[start..];
            at += 1;
            let (begins, prefix) = if rest.starts_with(b"-----BEGIN ") {
                (true, b"-----BEGIN ".len())
            } else if rest.starts_with(b"-----END ") {
                (false, b"-----END ".len())
            } else {
                continue;
            };
            if self.is_comment(from, start) {
                at += rest.iter().take_while(|&&byte| !is_line_end(byte)).count();
                continue;
            }
            let label = label(&rest[prefix..]);
            let end = start + prefix + label.map_or(0, |label| label.len() + b"-----".len());
            return Some(Boundary {
                start,
                end,
                begins,
                label,
            });
        }
    }

    /// Whether `at` is in a line that begins with `#`. Looks back to `from` and no further, where
    /// the line can only have begun if `from` is the beginning of the text.
    fn is_comment(&self, from: usize, at: usize) -> bool {
        let before = &self.text[from..at];
        let line = match memrchr2(b'\n', b'\r', before) {
            Some(end_of_last) => &before[end_of_last + 1..],
            None if from == 0 => before,
            None => return false,
        };
        line.trim_ascii_start().first() == Some(&b'#')
    }

    /// What is between a begin boundary and the next boundary; moves on behind the block.
    fn block(&mut self, begin: &Boundary<'a>) -> Block<'a> {
        let end = match self.boundary(begin.end) {
            Some(end) if !end.begins => end,
            next => {
                self.at = next.map_or(self.text.len(), |next| next.start);
                return Block::Bad("the block has no END line");
            }
        };
        self.at = end.end;
        let (Some(begin_label), Some(end_label)) = (begin.label, end.label) else {
            return Block::Bad("the BEGIN or END line is broken");
        };
        let content = &self.text[begin.end..end.start];
        match (kind(begin_label), kind(end_label)) {
            (Kind::Unknown, _) => Block::Bad("the block's label is not known"),
            (begin, end) if begin != end => Block::Bad("the BEGIN and END lines do not match"),
            (Kind::Other(label), _) if label.ends_with(b"PRIVATE KEY") => {
                Block::PrivateKey(content)
            }
            (Kind::Certificate, _) => Block::Certificate(content),
            (Kind::Crl, _) => Block::Crl(content),
            (Kind::Pkcs7, _) => Block::Pkcs7(content),
            (Kind::Other(_), _) => Block::Other,
        }
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let boundary = self.boundary(self.at)?;
        if boundary.begins {
            return Some(self.block(&boundary));
        }
        self.at = boundary.end;
        Some(Block::Bad("an END line has no BEGIN line"))
    }
}

/// The label at the beginning of the text, without the dashes behind it.
fn label(text: &[u8]) -> Option<&[u8]> {
    let text = &text[..text.len().min(MAX_LABEL + b"-----".len())];
    let end = text.windows(5).position(|window| window == b"-----")?;
    let label = &text[..end];
    (!label.iter().any(|&byte| is_line_end(byte))).then_some(label)
}

fn kind(label: &[u8]) -> Kind<'_> {
    let label = label.trim_ascii();
    match label {
        b"CERTIFICATE" | b"TRUSTED CERTIFICATE" | b"X509 CERTIFICATE" => return Kind::Certificate,
        b"X509 CRL" => return Kind::Crl,
        b"CMS" | b"PKCS #7 SIGNED DATA" | b"PKCS7" => return Kind::Pkcs7,
        _ => {}
    }
    let known = OTHER_LABELS.contains(&label)
        || OTHER_ENDINGS.iter().any(|ending| label.ends_with(ending))
        || OTHER_BEGINNINGS
            .iter()
            .any(|beginning| label.starts_with(beginning));
    if known {
        Kind::Other(label)
    } else {
        Kind::Unknown
    }
}

/// The content behind its RFC 1421 headers, if it has any. Base64 has no colon, so the last one is
/// in the last header, which may go on until a blank line.
fn without_headers(content: &[u8]) -> &[u8] {
    let Some(colon) = memrchr(b':', content) else {
        return content;
    };
    let line_end = if content.contains(&b'\n') {
        b'\n'
    } else {
        b'\r'
    };
    let rest = &content[colon..];
    let mut lines = rest.split_inclusive(|&byte| byte == line_end);
    let header = lines.next().map_or(0, <[u8]>::len);
    let mut body = header;
    for line in lines {
        body += line.len();
        let behind = rest.get(body..).unwrap_or_default();
        if line.trim_ascii().is_empty() && !behind.trim_ascii().is_empty() {
            return behind;
        }
    }
    &rest[header..]
}

/// The length of the text up to its first blank. Nearly always that is the end of a line.
fn word(text: &[u8]) -> usize {
    let end = memchr3(b'\n', b'\r', b' ', text).unwrap_or(text.len());
    memchr2(b'\t', b'\x0c', &text[..end]).unwrap_or(end)
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests;
