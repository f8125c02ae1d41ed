//! Bytes become facts here and nowhere else. Pure: no IO, no clock, no panic; never fails as a
//! whole, one result per block.
//!
//! `pem` finds blocks in text, `der` frames elements, `x509` reads a certificate from one,
//! with `time` and `name` for its odd corners; `kubeconfig` finds certificates in a kubeconfig and
//! `argocd` in Argo CD's own kind of one; `passphrase` is what callers bring for keystores; `key`
//! compares a private key with a certificate. Nothing here knows where the bytes came from, and
//! nothing keeps or quotes them.

use std::sync::Arc;

use crate::model::{Bundle, Certificate, Crl, Problem, Reason};
use der::Element;

pub mod argocd;
mod crl;
mod der;
#[cfg(test)]
mod forge;
pub mod key;
pub mod kubeconfig;
mod name;
mod passphrase;
mod pem;
mod pkcs7;
mod time;
mod x509;

pub use passphrase::Passphrase;

/// What was found in the bytes of one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The certificates, in order, exact duplicates included.
    pub certificates: Vec<Arc<Certificate>>,
    /// The certificate revocation lists, in order.
    pub crls: Vec<Arc<Crl>>,
    /// What is wrong, in order.
    pub problems: Vec<Problem>,
    /// How many well-known blocks of other kinds were passed over: keys, requests, parameters.
    pub other_blocks: usize,
}

/// Decodes certificates, whatever the container: the content decides.
///
/// DER may be followed by other bytes, by more DER and by PEM. Blocks of all kinds are numbered
/// together, from 1. Where there is no block at all, that is a problem; where all blocks are of
/// other kinds, the caller knows whether that is one.
///
/// A keystore is read as far as that needs no passphrase.
pub fn certificates(bytes: &[u8]) -> Decoded {
    with_passphrases(bytes, &[])
}

/// Decodes certificates as [`certificates`] does, and tries the passphrases on keystores, in order.
/// The empty one is tried only if it is among them.
///
/// This may take long with PKCS#12, whose keys are derived slowly on purpose: see [`keystore`].
pub fn with_passphrases(bytes: &[u8], _passphrases: &[Passphrase]) -> Decoded {
    let mut collector = Collector::default();
    let rest = collector.take_der(bytes);
    collector.take_pem(rest);
    collector.finish()
}

/// The kinds of keystores: what passphrases are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keystore {
    /// PKCS#12: opening it takes a while, up to a second or two each passphrase.
    Pkcs12,
    /// JKS or JCEKS.
    Jks,
}

/// Which kind of keystore the bytes are, if they are one, by their first few.
pub fn keystore(bytes: &[u8]) -> Option<Keystore> {
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => Some(Keystore::Jks),
        [der::SEQUENCE, length, ..] => {
            // The length itself may have any form, the indefinite one of BER too.
            let octets = length.checked_sub(0x80).map_or(0, usize::from);
            let content = bytes.get(2 + octets..)?;
            // Nothing else in use begins with version 3 and a sequence.
            let begins = [der::INTEGER, 1, 3, der::SEQUENCE];
            content.starts_with(&begins).then_some(Keystore::Pkcs12)
        }
        _ => None,
    }
}

/// Collects the results of one place.
#[derive(Default)]
struct Collector {
    decoded: Decoded,
    /// How many blocks were begun.
    blocks: usize,
    /// There were more.
    is_full: bool,
}

/// Why a block gives no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fault {
    reason: Reason,
    detail: &'static str,
}

const CUT_DER: Fault = Fault {
    reason: Reason::BadDer,
    detail: "the DER is empty, cut short or its lengths are wrong",
};

/// Blocks read from one place: the system's trust store holds some 150, the largest bundles known
/// a few thousand.
const MAX_BLOCKS: usize = 10_000;

/// Bytes of one certificate, as it stands. Most have 1 to 4 KiB, a few freaks 100.
const MAX_BLOCK: usize = 1 << 20;

/// Most bad blocks told of one place: a small Secret can hold ten thousand.
const MAX_PROBLEMS: usize = 100;

// === impl Decoded ===

impl Decoded {
    /// Whether there is nothing in it that is kept.
    pub fn is_barren(&self) -> bool {
        self.certificates.is_empty() && self.crls.is_empty()
    }
}

impl From<Decoded> for Bundle {
    fn from(decoded: Decoded) -> Self {
        Self {
            certificates: Some(decoded.certificates),
            crls: decoded.crls,
            problems: decoded.problems,
            labels: Vec::new(),
        }
    }
}

// === impl Collector ===

impl Collector {
    /// Takes the DER that the bytes begin with; returns what is behind it.
    fn take_der<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while looks_like_der(bytes) {
            // What trails a certificate may be anything: OpenSSL's trust settings, for one.
            let trails = self.blocks > 0;
            let Some((element, rest)) = der::first(bytes) else {
                if !trails && self.begin_block() {
                    self.fault(CUT_DER);
                    return &[];
                }
                break;
            };
            if pkcs7::looks_like_pkcs7(element) {
                self.take_pkcs7(element);
            } else if crl::looks_like_crl(element) {
                self.take_crl(element);
            } else {
                let result = check_size(element.raw).and_then(|()| x509::certificate(element));
                let is_none = |fault: &Fault| fault.reason == Reason::BadCertificate;
                if (trails && result.as_ref().is_err_and(is_none)) || !self.begin_block() {
                    break;
                }
                self.push(result);
            }
            bytes = rest;
        }
        bytes
    }

    fn take_pem(&mut self, text: &[u8]) {
        let mut scratch = Vec::new();
        for block in pem::blocks(text) {
            if self.is_full {
                return;
            }
            match block {
                pem::Block::Certificate(body) => {
                    let der = check_size(body).and_then(|()| pem_der(body, &mut scratch));
                    self.take_framed(&der, Self::take_certificate);
                }
                pem::Block::Crl(body) => {
                    self.take_framed(&pem_der(body, &mut scratch), Self::take_crl);
                }
                pem::Block::Pkcs7(body) => {
                    self.take_framed(&pem_der(body, &mut scratch), Self::take_pkcs7);
                }
                pem::Block::PrivateKey(_) | pem::Block::Other => self.take_other(),
                pem::Block::Bad(detail) => self.take_fault(Fault {
                    reason: Reason::BadPem,
                    detail,
                }),
            }
        }
    }

    /// Takes what a block decodes to. What follows the first element is not part of it: OpenSSL's
    /// trust settings in a TRUSTED CERTIFICATE, stray bytes elsewhere.
    fn take_framed(
        &mut self,
        block: &Result<Vec<u8>, Fault>,
        take: impl FnOnce(&mut Self, Element<'_>),
    ) {
        let block = block.as_ref().map_err(|fault| *fault);
        match block.and_then(|der| der::first(der).ok_or(CUT_DER)) {
            Ok((element, _)) => take(self, element),
            Err(fault) => self.take_fault(fault),
        }
    }

    fn take_certificate(&mut self, element: Element<'_>) {
        if self.begin_block() {
            self.push(check_size(element.raw).and_then(|()| x509::certificate(element)));
        }
    }

    fn take_crl(&mut self, element: Element<'_>) {
        if self.begin_block() {
            match crl::crl(element) {
                Ok(crl) => self.decoded.crls.push(Arc::new(crl)),
                Err(fault) => self.fault(fault),
            }
        }
    }

    /// Takes what a message carries: each a block of its own.
    fn take_pkcs7(&mut self, message: Element<'_>) {
        match pkcs7::carried(message) {
            Ok(carried) if carried.is_empty() => self.take_other(),
            Ok(mut carried) => {
                for element in carried.certificates.by_ref() {
                    match element.tag {
                        der::SEQUENCE => self.take_certificate(element),
                        _ => self.take_other(),
                    }
                }
                for element in carried.crls.by_ref() {
                    match element.tag {
                        der::SEQUENCE => self.take_crl(element),
                        _ => self.take_other(),
                    }
                }
                if !carried.is_empty() {
                    self.take_fault(pkcs7::CUT);
                }
            }
            Err(fault) => self.take_fault(fault),
        }
    }

    /// Takes a block that is known not to be ours.
    fn take_other(&mut self) {
        if self.begin_block() {
            self.decoded.other_blocks += 1;
        }
    }

    /// Takes a block that cannot be read.
    fn take_fault(&mut self, fault: Fault) {
        if self.begin_block() {
            self.fault(fault);
        }
    }

    /// Counts one more block; no more than the agent reads.
    fn begin_block(&mut self) -> bool {
        if self.blocks == MAX_BLOCKS {
            if !self.is_full {
                self.is_full = true;
                let detail = "more than 10000 blocks: the rest is not read";
                let problem = Problem::new(Reason::TooMany, detail);
                self.decoded.problems.push(problem);
            }
            return false;
        }
        self.blocks += 1;
        true
    }

    fn push(&mut self, result: Result<Certificate, Fault>) {
        match result {
            Ok(certificate) => self.decoded.certificates.push(Arc::new(certificate)),
            Err(fault) => self.fault(fault),
        }
    }

    fn fault(&mut self, fault: Fault) {
        match self.decoded.problems.len() {
            told if told < MAX_PROBLEMS => {
                let problem = Problem::in_block(fault.reason, self.blocks, fault.detail);
                self.decoded.problems.push(problem);
            }
            MAX_PROBLEMS => {
                let detail = "there are more bad blocks than are told";
                self.decoded
                    .problems
                    .push(Problem::new(Reason::TooMany, detail));
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Decoded {
        if self.blocks == 0 {
            let detail = "no PEM block and no DER certificate";
            self.decoded
                .problems
                .push(Problem::new(Reason::NoCertificateFound, detail));
        }
        self.decoded
    }
}

/// Decodes the body of a PEM block.
fn pem_der(body: &[u8], scratch: &mut Vec<u8>) -> Result<Vec<u8>, Fault> {
    pem::decode(body, scratch).ok_or(Fault {
        reason: Reason::BadBase64,
        detail: "the block's content is not base64",
    })
}

/// Certificates alone have such a bound. A list of a hundred thousand revoked certificates has four
/// megabytes, and costs no more than its hash: what the caller reads of one place bounds it.
fn check_size(block: &[u8]) -> Result<(), Fault> {
    if block.len() > MAX_BLOCK {
        return Err(Fault {
            reason: Reason::TooLarge,
            detail: "the block is larger than 1 MiB",
        });
    }
    Ok(())
}

/// Whether the bytes begin with a SEQUENCE whose length has the long form, as that of every
/// certificate has. No text begins so: `0` is a digit, but what follows is no character in UTF-8.
fn looks_like_der(bytes: &[u8]) -> bool {
    matches!(bytes, [der::SEQUENCE, 0x80..=0x88, ..])
}

#[cfg(test)]
mod tests;
