//! The PEM walk (RFC 7468): one result per block, whatever stands around it. A scanner of our own
//! finds the blocks, leniently (BOM, indentation, any line width, blocks glued together, text
//! before, between and after); `rustls-pemfile` decodes each (docs/decisions/0001). Blocks of other
//! kinds, keys among them, are passed over without being copied.

use std::fmt::Write as _;

use rustls_pemfile::Item;

use super::der::Elements;
use super::{Decoded, MAX_BLOCK, MAX_BLOCKS, x509};
use crate::model::{Problem, Reason};

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// Longest label of a block; RFC 7468 sets none, nobody comes near.
const LONGEST_LABEL: usize = 64;

/// Whether there is anything that looks like a block.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    find(bytes, BEGIN).is_some()
}

/// Decodes all certificates of a text.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    for (index, block) in (Blocks { rest: bytes }).enumerate() {
        let number = index + 1;
        if number > MAX_BLOCKS {
            let detail = "there are more blocks than are read from one place";
            decoded
                .problems
                .push(Problem::in_block(Reason::TooMany, number, detail));
            break;
        }
        let mut bad = |reason, detail: &'static str| {
            decoded
                .problems
                .push(Problem::in_block(reason, number, detail));
        };
        match block {
            Block::Other => decoded.other_blocks += 1,
            Block::Broken(detail) => bad(Reason::BadPem, detail),
            Block::Certificate(body) => match certificate(body) {
                Ok(certificate) => decoded.certificates.push(certificate),
                Err((reason, detail)) => bad(reason, detail),
            },
        }
    }
    decoded
}

fn certificate(
    body: &[u8],
) -> Result<std::sync::Arc<crate::model::Certificate>, (Reason, &'static str)> {
    if body.len() > MAX_BLOCK {
        return Err((Reason::TooLarge, "the block is larger than any certificate"));
    }
    let text = normalized(body).ok_or((Reason::BadBase64, "the block is not base64"))?;
    let Ok(Some((Item::X509Certificate(der), _))) =
        rustls_pemfile::read_one_from_slice(text.as_bytes())
    else {
        return Err((Reason::BadBase64, "the block is not base64"));
    };
    // The first element alone: openssl's TRUSTED CERTIFICATE has its trust settings after it.
    let element = Elements::new(&der)
        .next()
        .ok_or((Reason::BadDer, "the block holds no DER"))?;
    x509::certificate(element)
}

/// The block as RFC 7468 would have it, or nothing if other characters than base64's stand in it.
fn normalized(body: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(body.len() + 64);
    text.push_str("-----BEGIN CERTIFICATE-----\n");
    for byte in without_headers(body) {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => {
                text.push(char::from(*byte));
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => return None,
        }
    }
    writeln!(text, "\n-----END CERTIFICATE-----").expect("writing to a String cannot fail");
    Some(text)
}

/// Headers as RFC 1421 has them (`Name: value`, up to an empty line) say nothing of interest.
fn without_headers(body: &[u8]) -> &[u8] {
    if !body.contains(&b':') {
        return body;
    }
    let mut rest = body;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        if line.contains(&b':') {
            continue;
        }
        if line.trim_ascii().is_empty() {
            if !rest.contains(&b':') {
                return rest;
            }
        } else if !rest.contains(&b':') {
            return body
                .get(body.len() - rest.len() - line.len()..)
                .unwrap_or_default();
        }
    }
    rest
}

/// One block of a text.
#[derive(Debug, PartialEq, Eq)]
enum Block<'a> {
    /// A certificate's base64, with whatever stands in between.
    Certificate(&'a [u8]),
    /// A key, a request, parameters, …
    Other,
    /// Something begins that is no block.
    Broken(&'static str),
}

struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Block<'a>;

    fn next(&mut self) -> Option<Block<'a>> {
        let begin = find(self.rest, BEGIN)?;
        let after = self.rest.get(begin + BEGIN.len()..)?;
        let Some((label, body)) = label(after) else {
            self.rest = after;
            return Some(Block::Broken("the label of the block has no end"));
        };
        let end = find(body, END);
        let again = find(body, BEGIN);
        let Some(end) = end.filter(|end| again.is_none_or(|again| *end < again)) else {
            // Whatever begins before this block ends is a block of its own.
            self.rest = again
                .and_then(|again| body.get(again..))
                .unwrap_or_default();
            return Some(Block::Broken("the block has no end"));
        };
        let (body, tail) = body.split_at_checked(end)?;
        let tail = tail.get(END.len()..)?;
        let Some((end_label, tail)) = self::label(tail) else {
            self.rest = tail;
            return Some(Block::Broken("the end of the block has no end"));
        };
        self.rest = tail;
        Some(match label {
            _ if label != end_label => Block::Broken("the block ends with another label"),
            b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE" => {
                Block::Certificate(body)
            }
            _ => Block::Other,
        })
    }
}

/// A label and what follows its dashes.
fn label(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let window = bytes.get(..bytes.len().min(LONGEST_LABEL + DASHES.len()))?;
    let end = find(window, DASHES)?;
    let (label, rest) = bytes.split_at_checked(end)?;
    let fits = label.iter().all(|byte| matches!(byte, b' '..=b'~'));
    fits.then_some((label, rest.get(DASHES.len()..)?))
}

/// Where `needle`, which begins with a dash, first stands.
fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + bytes.get(from..)?.iter().position(|byte| *byte == b'-')?;
        if bytes.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}
