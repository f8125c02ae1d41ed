//! Certificates in Java's own keystores, JKS and JCEKS: records that follow each other, their
//! lengths before them. Chains and trusted certificates stand in clear, and are all that is looked
//! at: keys, which are encrypted, are stepped over.
//!
//! A digest over store and passphrase stands at the end. It protects nothing that is read here, so
//! it matters only to those who give a passphrase and want to know whether it is the right one.

use sha1::{Digest, Sha1};
use zeroize::Zeroize;

use super::collector::Collector;
use super::{Fault, Passphrase, java};
use crate::model::Reason;

/// Reads a keystore.
pub(super) fn read(bytes: &[u8], passphrases: &[Passphrase], collector: &mut Collector) {
    let mut reader = Reader { rest: bytes };
    if let Err(fault) = entries(&mut reader, collector) {
        collector.take_whole(fault);
        return;
    }
    let read = bytes.len() - reader.rest.len();
    let (Some(store), Some(expected)) = (bytes.get(..read), reader.take(DIGEST)) else {
        collector.take_whole(CUT);
        return;
    };
    let fits = |passphrase| digest(store, passphrase)[..] == *expected;
    if !passphrases.is_empty() && !passphrases.iter().any(fits) {
        collector.take_whole(OTHER_PASSPHRASE);
    }
}

/// The passphrase is another one.
pub(super) const OTHER_PASSPHRASE: Fault = Fault {
    reason: Reason::BadPassphrase,
    detail: "no passphrase that is known is that of the keystore; its certificates are in clear",
};
const CUT: Fault = Fault {
    reason: Reason::BadJks,
    detail: "the keystore is cut short or its lengths are wrong",
};

/// Octets of the digest at the end.
const DIGEST: usize = 20;

const PRIVATE_KEY: u32 = 1;
const TRUSTED_CERTIFICATE: u32 = 2;
/// In JCEKS alone.
const SECRET_KEY: u32 = 3;

/// Bytes that are still to be read.
struct Reader<'a> {
    rest: &'a [u8],
}

fn entries(reader: &mut Reader<'_>, collector: &mut Collector) -> Result<(), Fault> {
    reader.take(4).ok_or(CUT)?;
    let version = reader.number().ok_or(CUT)?;
    if !matches!(version, 1 | 2) {
        return Err(Fault {
            reason: Reason::BadJks,
            detail: "the keystore has a version that is not known",
        });
    }
    for _ in 0..reader.number().ok_or(CUT)? {
        let kind = reader.number().ok_or(CUT)?;
        let _alias = reader.text().ok_or(CUT)?;
        let _created = reader.take(8).ok_or(CUT)?;
        match kind {
            PRIVATE_KEY => {
                let _encrypted = reader.counted().ok_or(CUT)?;
                collector.take_other();
                for _ in 0..reader.number().ok_or(CUT)? {
                    certificate(reader, version, collector).ok_or(CUT)?;
                }
            }
            TRUSTED_CERTIFICATE => certificate(reader, version, collector).ok_or(CUT)?,
            SECRET_KEY => {
                let length = java::length(reader.rest).ok_or(Fault {
                    reason: Reason::BadJks,
                    detail: "a secret key is written in a way that is not known: what follows it is not read",
                })?;
                reader.take(length).ok_or(CUT)?;
                collector.take_other();
            }
            _ => {
                return Err(Fault {
                    reason: Reason::BadJks,
                    detail: "an entry is of a kind that is not known: what follows it is not read",
                });
            }
        }
    }
    Ok(())
}

fn certificate(reader: &mut Reader<'_>, version: u32, collector: &mut Collector) -> Option<()> {
    // In version 1, there was one type alone.
    let kind = if version == 1 { X_509 } else { reader.text()? };
    let encoded = reader.counted()?;
    if kind == X_509 {
        collector.take_encoded_certificate(encoded);
    } else {
        collector.take_other();
    }
    Some(())
}

const X_509: &[u8] = b"X.509";

/// What stands at the end of a store with this passphrase.
fn digest(store: &[u8], passphrase: &Passphrase) -> [u8; DIGEST] {
    let mut hasher = Sha1::new();
    for unit in passphrase.expose().encode_utf16() {
        let mut octets = unit.to_be_bytes();
        hasher.update(octets);
        octets.zeroize();
    }
    // The inventors' own seasoning.
    hasher.update(b"Mighty Aphrodite");
    hasher.update(store);
    hasher.finalize().into()
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        let (octets, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*octets))
    }

    /// A string, with two octets of length before it.
    fn text(&mut self) -> Option<&'a [u8]> {
        let (octets, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        self.take(u16::from_be_bytes(*octets).into())
    }

    /// Bytes, with four octets of length before them.
    fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }
}

#[cfg(test)]
mod tests;
