//! Certificates and revocation lists in PKCS#12 (RFC 7292): safes that hold bags, each safe in
//! clear or encrypted as a whole.
//!
//! Keys are in bags of their own, encrypted once more: those bags are stepped over, so that no key
//! is ever decrypted (decision 0004). What the safes decrypt to is wiped. The MAC at the end is what
//! tells a wrong passphrase from everything else that can be wrong.

mod cipher;
mod kdf;

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::collector::Collector;
use super::der::{
    CONTEXT_0, Element, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, first, octets,
};
use super::{Fault, Passphrase, pkcs7};
use crate::model::Reason;
use cipher::Cipher;
use kdf::{Budget, Mac, Secret};

/// Reads a keystore.
pub(super) fn read(bytes: &[u8], passphrases: &[Passphrase], collector: &mut Collector) {
    let mut faults = Vec::new();
    let opened = Store::find(bytes).and_then(|store| {
        let mut budget = Budget::default();
        let secrets = store.secrets(passphrases, &mut budget);
        // Whoever gives no passphrase wants to know only if one is needed.
        faults.extend(
            secrets
                .as_ref()
                .err()
                .filter(|&&fault| fault != NO_PASSPHRASE),
        );
        for safe in store.safes()? {
            let taken = take_safe(safe, &secrets, &mut budget, collector);
            faults.extend(taken.err());
        }
        Ok(())
    });
    faults.extend(opened.err());
    // What is wrong with all safes is told once.
    for (at, fault) in faults.iter().enumerate() {
        if !faults[..at].contains(fault) {
            collector.take_whole(*fault);
        }
    }
}

const BROKEN: Fault = Fault {
    reason: Reason::BadPkcs12,
    detail: "the keystore is cut short or broken",
};
const NO_PASSPHRASE: Fault = Fault {
    reason: Reason::BadPassphrase,
    detail: "the keystore is encrypted, and no passphrase is given",
};
const WRONG_PASSPHRASE: Fault = Fault {
    reason: Reason::BadPassphrase,
    detail: "no passphrase that is given opens the keystore",
};
const UNSUPPORTED: Fault = Fault {
    reason: Reason::UnsupportedAlgorithm,
    detail: "the keystore is encrypted by an algorithm that is not supported",
};
const TOO_SLOW: Fault = Fault {
    reason: Reason::UnsupportedAlgorithm,
    detail: "the keystore asks for more rounds of hashing than the agent computes",
};

const TOO_DEEP: Fault = Fault {
    reason: Reason::BadPkcs12,
    detail: "the keystore's bags are nested too deep",
};

/// The last arcs of the content types of PKCS#7.
const DATA: u8 = 1;
const ENCRYPTED_DATA: u8 = 6;

/// 1.2.840.113549.1.12.10.1, the arc of the kinds of bags, and its last arcs.
const BAGS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];
const CERTIFICATE_BAG: u8 = 3;
const CRL_BAG: u8 = 4;
const SAFE_CONTENTS_BAG: u8 = 6;

/// 1.2.840.113549.1.9.22.1 and 1.2.840.113549.1.9.23.1: not SDSI's.
const X509_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x16, 0x01];
const X509_CRL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x17, 0x01];

/// How deep bags are inside bags. Nobody is known to use it at all.
const MAX_DEPTH: usize = 4;

/// A keystore's outer form.
struct Store<'a> {
    /// `AuthenticatedSafe`, encoded.
    content: Cow<'a, [u8]>,
    mac: Option<Mac<'a>>,
}

// === impl Store ===

impl<'a> Store<'a> {
    fn find(bytes: &'a [u8]) -> Result<Self, Fault> {
        let (store, _) = first(bytes).ok_or(BROKEN)?;
        let mut fields = store.elements();
        fields.next_with(INTEGER).ok_or(BROKEN)?;
        let (kind, content) = fields.next().and_then(content_info).ok_or(BROKEN)?;
        if kind != Some(DATA) {
            return Err(UNSUPPORTED);
        }
        Ok(Self {
            content: content.and_then(octets).ok_or(BROKEN)?,
            mac: match fields.next() {
                Some(mac) => Some(Mac::find(mac).ok_or(BROKEN)?),
                None if fields.is_at_end() => None,
                None => return Err(BROKEN),
            },
        })
    }

    /// What may open the safes, in the order in which it is tried: first the one that the MAC tells
    /// is right, where there is one.
    fn secrets(
        &self,
        passphrases: &[Passphrase],
        budget: &mut Budget,
    ) -> Result<Vec<Secret>, Fault> {
        let mut secrets: Vec<_> = passphrases.iter().flat_map(Secret::all).collect();
        if secrets.is_empty() {
            return Err(NO_PASSPHRASE);
        }
        let Some(mac) = &self.mac else {
            return Ok(secrets);
        };
        for (at, secret) in secrets.iter().enumerate() {
            match mac.verify(secret, &self.content, budget)? {
                Some(true) => {
                    // The others stay: a store may have one passphrase for its MAC and another for
                    // its safes.
                    secrets[..=at].rotate_right(1);
                    return Ok(secrets);
                }
                Some(false) => {}
                // A MAC of a kind that is not known says nothing.
                None => return Ok(secrets),
            }
        }
        Err(WRONG_PASSPHRASE)
    }

    fn safes(&self) -> Result<Elements<'_>, Fault> {
        sequence(&self.content).ok_or(BROKEN)
    }
}

/// Takes the bags of a safe.
fn take_safe(
    safe: Element<'_>,
    secrets: &Result<Vec<Secret>, Fault>,
    budget: &mut Budget,
    collector: &mut Collector,
) -> Result<(), Fault> {
    let (kind, content) = content_info(safe).ok_or(BROKEN)?;
    match kind {
        Some(DATA) => {
            let content = content.and_then(octets).ok_or(BROKEN)?;
            take_bags(sequence(&content).ok_or(BROKEN)?, MAX_DEPTH, collector)
        }
        Some(ENCRYPTED_DATA) => {
            let encrypted = content.and_then(Encrypted::find).ok_or(BROKEN)?;
            let cipher = Cipher::find(encrypted.algorithm)?;
            let secrets = secrets.as_ref().map_err(|fault| *fault)?;
            let content = encrypted.decrypt(&cipher, secrets, budget)?;
            take_bags(sequence(&content).ok_or(BROKEN)?, MAX_DEPTH, collector)
        }
        _ => Err(UNSUPPORTED),
    }
}

/// Takes bags, each a block of its own.
fn take_bags(mut bags: Elements<'_>, depth: usize, collector: &mut Collector) -> Result<(), Fault> {
    for bag in bags.by_ref() {
        let mut parts = bag.elements();
        let (Some(kind), Some(value)) = (
            parts.next_with(OBJECT_IDENTIFIER),
            parts
                .next_with(CONTEXT_0)
                .and_then(|value| value.elements().next()),
        ) else {
            collector.take_fault(BROKEN);
            continue;
        };
        match kind.content.strip_prefix(BAGS) {
            Some(&[CERTIFICATE_BAG]) => match typed(value) {
                Some((X509_CERTIFICATE, der)) => collector.take_encoded_certificate(&der),
                Some(_) => collector.take_other(),
                None => collector.take_fault(BROKEN),
            },
            Some(&[CRL_BAG]) => match typed(value) {
                Some((X509_CRL, der)) => collector.take_encoded_crl(&der),
                Some(_) => collector.take_other(),
                None => collector.take_fault(BROKEN),
            },
            Some(&[SAFE_CONTENTS_BAG]) => match depth.checked_sub(1) {
                Some(depth) => take_bags(value.elements(), depth, collector)?,
                None => collector.take_fault(TOO_DEEP),
            },
            // Keys and secrets.
            _ => collector.take_other(),
        }
    }
    if bags.is_at_end() {
        Ok(())
    } else {
        Err(BROKEN)
    }
}

/// The content type of a `ContentInfo`, and what is in it.
fn content_info(element: Element<'_>) -> Option<(Option<u8>, Option<Element<'_>>)> {
    let mut parts = element.elements();
    let kind = parts.next_with(OBJECT_IDENTIFIER)?;
    let content = parts
        .next_with(CONTEXT_0)
        .and_then(|content| content.elements().next());
    Some((pkcs7::content_type(kind), content))
}

/// The elements of the one sequence that the bytes are.
fn sequence(bytes: &[u8]) -> Option<Elements<'_>> {
    let (sequence, rest) = first(bytes)?;
    (sequence.tag == SEQUENCE && rest.is_empty()).then(|| sequence.elements())
}

/// The type of a certificate or a list, and its octets.
fn typed(value: Element<'_>) -> Option<(&[u8], Cow<'_, [u8]>)> {
    let mut parts = value.elements();
    let kind = parts.next_with(OBJECT_IDENTIFIER)?;
    let content = parts.next_with(CONTEXT_0)?.elements().next()?;
    Some((kind.content, octets(content)?))
}

/// An encrypted safe: `EncryptedData` (RFC 5652, section 8).
struct Encrypted<'a> {
    algorithm: Element<'a>,
    content: Cow<'a, [u8]>,
}

// === impl Encrypted ===

impl<'a> Encrypted<'a> {
    fn find(element: Element<'a>) -> Option<Self> {
        let mut fields = element.elements();
        fields.next_with(INTEGER)?;
        let mut content = fields.next_with(SEQUENCE)?.elements();
        content.next_with(OBJECT_IDENTIFIER)?;
        Some(Self {
            algorithm: content.next_with(SEQUENCE)?,
            content: octets(content.next()?)?,
        })
    }

    /// What the first of the secrets makes of it that fits.
    fn decrypt(
        &self,
        cipher: &Cipher<'_>,
        secrets: &[Secret],
        budget: &mut Budget,
    ) -> Result<Zeroizing<Vec<u8>>, Fault> {
        for secret in secrets {
            let decrypted = cipher.decrypt(secret, &self.content, budget)?;
            // One wrong passphrase in 256 leaves what looks like padding.
            if let Some(decrypted) = decrypted
                && sequence(&decrypted).is_some()
            {
                return Ok(decrypted);
            }
        }
        Err(WRONG_PASSPHRASE)
    }
}

#[cfg(test)]
mod tests;
