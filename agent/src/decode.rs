//! Bytes become facts here and nowhere else. Pure: no IO, no clock, no panic; never fails as a
//! whole, one result per block.

mod der;
pub mod kubeconfig;
mod name;
mod pem;
mod time;
mod x509;

use std::sync::Arc;

use self::der::{Elements, tag};
use crate::model::{Bundle, Certificate, Problem, Reason};

/// Most blocks read from one place.
const MAX_BLOCKS: usize = 10_000;
/// Most bytes of one block.
const MAX_BLOCK: usize = 1024 * 1024;

/// What was found in the bytes of one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The certificates, in order, exact duplicates included.
    pub certificates: Vec<Arc<Certificate>>,
    /// What is wrong, in order.
    pub problems: Vec<Problem>,
    /// How many well-formed blocks of other kinds were passed over: keys, requests, parameters.
    pub other_blocks: usize,
}

impl From<Decoded> for Bundle {
    fn from(decoded: Decoded) -> Self {
        Self {
            certificates: Some(decoded.certificates),
            problems: decoded.problems,
            labels: Vec::new(),
        }
    }
}

/// Decodes certificates, PEM or DER: the content decides. Bytes without any block at all are a
/// problem; a text of other blocks alone is not, since only the caller knows whether somebody
/// named it as certificates.
pub fn certificates(bytes: &[u8]) -> Decoded {
    if is_der(bytes) {
        return from_der(bytes);
    }
    if pem::is_pem(bytes) {
        return pem::decode(bytes);
    }
    let (reason, detail) = if bytes.trim_ascii().is_empty() {
        (Reason::NoCertificateFound, "it is empty")
    } else if bytes.starts_with(&[tag::SEQUENCE, 0x82]) {
        (Reason::BadDer, "the DER ends early")
    } else {
        (Reason::NoCertificateFound, "there is neither PEM nor DER")
    };
    Decoded {
        problems: vec![Problem::new(reason, detail)],
        ..Decoded::default()
    }
}

/// A SEQUENCE that begins with an element: no text does by chance.
fn is_der(bytes: &[u8]) -> bool {
    let sequence = Elements::new(bytes).next_if(tag::SEQUENCE);
    sequence.is_some_and(|sequence| Elements::new(sequence.value).next().is_some())
}

/// One certificate or several; what follows the last (a line feed, say) is nobody's business.
fn from_der(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let mut elements = Elements::new(bytes);
    while let Some(element) = elements.next_if(tag::SEQUENCE) {
        if decoded.certificates.len() == MAX_BLOCKS {
            let detail = "there are more certificates than are read from one place";
            decoded.problems.push(Problem::new(Reason::TooMany, detail));
            break;
        }
        match x509::certificate(element) {
            Ok(certificate) => decoded.certificates.push(certificate),
            Err((reason, detail)) => {
                decoded.problems.push(Problem::new(reason, detail));
                break;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests;
