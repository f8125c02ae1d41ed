//! Takes the blocks of one place in order, whatever they stand in: numbers them, bounds them, and
//! keeps what they give.

use std::sync::Arc;

use super::chain::{self, Link};
use super::der::{self, BIT_STRING, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use super::{CUT_DER, Decoded, Fault, crl, looks_like_der, pem, pkcs7, x509};
use crate::model::{Certificate, Problem, Reason};

/// Collects the results of one place.
#[derive(Default)]
pub(super) struct Collector {
    decoded: Decoded,
    /// How many blocks were begun.
    pub(super) blocks: usize,
    /// There were more.
    is_full: bool,
    /// One for each certificate.
    links: Vec<Link>,
    /// The order of the certificates is that of a container, and says nothing.
    is_unordered: bool,
}

/// Blocks read from one place: the system's trust store holds some 150, the largest bundles known
/// a few thousand.
pub const MAX_BLOCKS: usize = 10_000;

/// Bytes of one certificate, as it stands. Most have 1 to 4 KiB, a few freaks 100.
pub(super) const MAX_BLOCK: usize = 1 << 20;

/// Most bad blocks told of one place: a small Secret can hold ten thousand.
const MAX_PROBLEMS: usize = 100;

// === impl Collector ===

impl Collector {
    /// Takes the DER that the bytes begin with; returns what is behind it.
    pub(super) fn take_der<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        if let Some((element, rest)) = der::first(bytes)
            && rest.trim_ascii().is_empty()
            && looks_like_key(element)
        {
            self.take_other();
            return &[];
        }
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

    pub(super) fn take_pem(&mut self, text: &[u8]) {
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

    pub(super) fn take_certificate(&mut self, element: Element<'_>) {
        if self.begin_block() {
            self.push(check_size(element.raw).and_then(|()| x509::certificate(element)));
        }
    }

    /// Takes a certificate as it stands in a keystore.
    pub(super) fn take_encoded_certificate(&mut self, der: &[u8]) {
        self.is_unordered = true;
        self.take_served_certificate(der);
    }

    /// Takes a certificate as a server sends it.
    pub(super) fn take_served_certificate(&mut self, der: &[u8]) {
        match der::first(der) {
            Some((element, _)) => self.take_certificate(element),
            None => self.take_fault(CUT_DER),
        }
    }

    pub(super) fn take_crl(&mut self, element: Element<'_>) {
        if self.begin_block() {
            match crl::crl(element) {
                Ok(crl) => self.decoded.crls.push(Arc::new(crl)),
                Err(fault) => self.fault(fault),
            }
        }
    }

    /// Takes a revocation list as it stands in a keystore.
    pub(super) fn take_encoded_crl(&mut self, der: &[u8]) {
        match der::first(der) {
            Some((element, _)) => self.take_crl(element),
            None => self.take_fault(CUT_DER),
        }
    }

    /// Takes what a message carries: each a block of its own.
    fn take_pkcs7(&mut self, message: Element<'_>) {
        match pkcs7::carried(message) {
            Ok(carried) if carried.is_empty() => self.take_other(),
            Ok(mut carried) => {
                self.is_unordered = true;
                for element in carried.certificates.by_ref() {
                    match element.tag {
                        SEQUENCE => self.take_certificate(element),
                        _ => self.take_other(),
                    }
                }
                for element in carried.crls.by_ref() {
                    match element.tag {
                        SEQUENCE => self.take_crl(element),
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
    pub(super) fn take_other(&mut self) {
        if self.begin_block() {
            self.decoded.other_blocks += 1;
        }
    }

    /// Takes a block that cannot be read.
    pub(super) fn take_fault(&mut self, fault: Fault) {
        if self.begin_block() {
            self.fault(fault);
        }
    }

    /// Takes what is wrong with the place as a whole.
    pub(super) fn take_whole(&mut self, fault: Fault) {
        let problem = Problem::new(fault.reason, fault.detail);
        self.decoded.problems.push(problem);
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

    fn push(&mut self, result: Result<(Certificate, Link), Fault>) {
        match result {
            Ok((certificate, link)) => {
                if self.decoded.certificates.is_empty() {
                    // A leaf and its issuer are the rule; a Vec begins with four.
                    self.decoded.certificates.reserve_exact(2);
                }
                self.decoded.certificates.push(Arc::new(certificate));
                self.links.push(link.of_block(self.blocks));
            }
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

    pub(super) fn finish(mut self) -> Decoded {
        if self.blocks == 0 && self.decoded.problems.is_empty() {
            let detail = "no certificate in any form that is known";
            self.decoded
                .problems
                .push(Problem::new(Reason::NoCertificateFound, detail));
        }
        let found = chain::findings(&self.decoded.certificates, &self.links, !self.is_unordered);
        self.decoded.problems.extend(found);
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

/// Whether the element has the shape of a key, private (PKCS#1, PKCS#8, SEC 1) or public. A directory
/// of certificates holds keys too, and they are no broken certificates.
fn looks_like_key(element: Element<'_>) -> bool {
    let mut parts = element.elements();
    let (Some(first), Some(second)) = (parts.next(), parts.next()) else {
        return false;
    };
    match (first.tag, second.tag) {
        // Version and algorithm, version and modulus, version and key.
        (INTEGER, SEQUENCE | INTEGER | OCTET_STRING) => matches!(first.content, [0 | 1]),
        // Algorithm and what is encrypted by it, or the key.
        (SEQUENCE, OCTET_STRING | BIT_STRING) => {
            first.elements().next_with(OBJECT_IDENTIFIER).is_some()
        }
        _ => false,
    }
}
