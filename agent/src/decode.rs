//! Bytes become facts here and nowhere else. Pure: no IO, no clock, no panic; never fails as a
//! whole, one result per block.
//!
//! `pem` finds blocks in text, `der` frames elements; `x509` and `crl` read facts from those, with
//! `time` and `name` for their odd corners; `pkcs7`, `pkcs12` and `jks` (with `java`) find them in
//! their containers; `collector` takes all of a place in order. `kubeconfig` finds certificates in a
//! kubeconfig, and `argocd` in Argo CD's own kind of one; `passphrase` is what callers bring for
//! keystores; `key` compares a private key with a certificate. Nothing here knows where the bytes
//! came from, and nothing keeps or quotes them.

use std::sync::Arc;

use crate::model::{Bundle, Certificate, Crl, Problem, Reason};
use collector::Collector;

pub mod argocd;
mod chain;
mod collector;
mod crl;
mod der;
mod details;
#[cfg(test)]
mod forge;
mod java;
mod jks;
pub mod key;
pub mod kubeconfig;
mod name;
mod ocsp;
mod oid;
mod passphrase;
mod pem;
mod pkcs12;
mod pkcs7;
mod time;
mod x509;

pub use collector::MAX_BLOCKS;
pub use ocsp::ocsp;
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
/// A keystore is read as far as that needs no passphrase: JKS and JCEKS wholly, of PKCS#12 what is in
/// clear.
pub fn certificates(bytes: &[u8]) -> Decoded {
    with_passphrases(bytes, &[])
}

/// Decodes certificates as [`certificates`] does, and tries the passphrases on keystores, in order.
/// The empty one is tried only if it is among them.
///
/// This may take long with PKCS#12, whose keys are derived slowly on purpose: see [`keystore`].
pub fn with_passphrases(bytes: &[u8], passphrases: &[Passphrase]) -> Decoded {
    let mut collector = Collector::default();
    match keystore(bytes) {
        Some(Keystore::Pkcs12) => pkcs12::read(bytes, passphrases, &mut collector),
        Some(Keystore::Jks) => jks::read(bytes, passphrases, &mut collector),
        None => {
            let rest = collector.take_der(bytes);
            collector.take_pem(rest);
        }
    }
    collector.finish()
}

/// Decodes a chain as a server sends it: certificates in DER, one by one.
pub fn served<'a>(chain: impl IntoIterator<Item = &'a [u8]>) -> Decoded {
    let mut collector = Collector::default();
    for der in chain {
        collector.take_served_certificate(der);
    }
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

/// Which keystore could not be opened by its passphrase, where that is the problem.
pub fn locked_keystore(problem: &Problem) -> Option<Keystore> {
    let java = problem.detail == jks::OTHER_PASSPHRASE.detail;
    let kind = if java {
        Keystore::Jks
    } else {
        Keystore::Pkcs12
    };
    (problem.reason == Reason::BadPassphrase).then_some(kind)
}

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
            handshake: None,
        }
    }
}

/// Whether the bytes begin with a SEQUENCE whose length has the long form, as that of every
/// certificate has. No text begins so: `0` is a digit, but what follows is no character in UTF-8.
fn looks_like_der(bytes: &[u8]) -> bool {
    matches!(bytes, [der::SEQUENCE, 0x80..=0x88, ..])
}

#[cfg(test)]
mod tests;
