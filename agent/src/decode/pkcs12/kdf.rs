//! Keys from passphrases as PKCS#12 has it (RFC 7292, appendix B), and the MAC that is made with
//! one. What it costs is counted: rounds are what a hostile keystore asks for.

use hmac::digest::block_api::BlockSizeUser;
use hmac::{KeyInit, Mac as _, SimpleHmac};
use sha1::{Digest, Sha1};
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use zeroize::{Zeroize, Zeroizing};

use super::super::Passphrase;
use super::super::der::{Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use super::{Fault, TOO_SLOW};

/// A passphrase in the forms that PKCS#12 knows.
pub(super) struct Secret {
    /// As it is, for PBES2.
    pub(super) utf8: Passphrase,
    /// UTF-16 with a zero behind it, for everything older.
    utf16: Zeroizing<Vec<u8>>,
}

/// What may still be computed for one keystore, all passphrases together, in rounds of hashing: some
/// two seconds where the processor knows nothing of hashes.
pub(super) struct Budget(u64);

/// `MacData`.
pub(super) struct Mac<'a> {
    hash: &'a [u8],
    digest: &'a [u8],
    salt: &'a [u8],
    iterations: u32,
}

/// What a derived key is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Encryption = 1,
    Iv = 2,
    Mac = 3,
}

/// Octets that a round takes in.
const BLOCK: usize = 64;

/// Rounds that even the smallest task is worth: a hostile keystore can hold a hundred thousand.
const OVERHEAD: u64 = 32;

// === impl Secret ===

impl Secret {
    /// The forms of a passphrase. Two programs mean different things by none: no octet, or the zero
    /// alone.
    pub(super) fn all(passphrase: &Passphrase) -> impl Iterator<Item = Self> {
        let text = passphrase.expose();
        let mut utf16 = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
        utf16.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        let nothing = utf16.is_empty().then(|| Self {
            utf8: passphrase.clone(),
            utf16: Zeroizing::default(),
        });
        utf16.extend([0, 0]);
        let usual = Self {
            utf8: passphrase.clone(),
            utf16,
        };
        [usual].into_iter().chain(nothing)
    }

    /// Derives a key of so many octets.
    pub(super) fn derive<D: Digest + BlockSizeUser>(
        &self,
        purpose: Purpose,
        salt: &[u8],
        iterations: u32,
        key: &mut [u8],
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        let outputs = key.len().div_ceil(<D as Digest>::output_size());
        let taken_in = (salt.len() + self.utf16.len()) / BLOCK;
        // Hashes of large blocks take as much longer.
        let times = outputs * D::block_size() / BLOCK;
        budget.spend(u64::from(iterations) + taken_in as u64, times)?;
        derive::<D>(purpose, &self.utf16, salt, iterations, key);
        Ok(())
    }
}

/// RFC 7292, appendix B.2, with its letters.
fn derive<D: Digest + BlockSizeUser>(
    purpose: Purpose,
    passphrase: &[u8],
    salt: &[u8],
    iterations: u32,
    key: &mut [u8],
) {
    let v = D::block_size();
    let filled = |text: &[u8]| text.len().div_ceil(v) * v;
    let mut i = Zeroizing::new(Vec::with_capacity(filled(salt) + filled(passphrase)));
    for text in [salt, passphrase] {
        i.extend(text.iter().cycle().take(filled(text)));
    }
    for part in key.chunks_mut(<D as Digest>::output_size()) {
        let mut hasher = D::new();
        for _ in 0..v {
            hasher.update([purpose as u8]);
        }
        hasher.update(&i[..]);
        let mut a = hasher.finalize();
        for _ in 1..iterations {
            a = D::digest(&a);
        }
        part.copy_from_slice(&a[..part.len()]);
        // I_j = (I_j + B + 1) mod 2^v, where B is A over and over.
        for block in i.chunks_mut(v) {
            let mut carry = 1;
            for (at, octet) in block.iter_mut().enumerate().rev() {
                let sum = u16::from(*octet) + u16::from(a[at % a.len()]) + carry;
                *octet = (sum & 0xff) as u8;
                carry = sum >> 8;
            }
        }
        a.as_mut_slice().zeroize();
    }
}

// === impl Mac ===

impl<'a> Mac<'a> {
    pub(super) fn find(element: Element<'a>) -> Option<Self> {
        let mut fields = element.elements();
        let mut digest = fields.next_with(SEQUENCE)?.elements();
        let mut algorithm = digest.next_with(SEQUENCE)?.elements();
        Some(Self {
            hash: algorithm.next_with(OBJECT_IDENTIFIER)?.content,
            digest: digest.next_with(OCTET_STRING)?.content,
            salt: fields.next_with(OCTET_STRING)?.content,
            iterations: fields.next().map_or(Some(1), iterations)?,
        })
    }

    /// Whether the content was sealed with this secret; `None` where the hash is not known.
    pub(super) fn verify(
        &self,
        secret: &Secret,
        content: &[u8],
        budget: &mut Budget,
    ) -> Result<Option<bool>, Fault> {
        let verify = match self.hash {
            SHA_1 => Self::verify_by::<Sha1>,
            SHA_224 => Self::verify_by::<Sha224>,
            SHA_256 => Self::verify_by::<Sha256>,
            SHA_384 => Self::verify_by::<Sha384>,
            SHA_512 => Self::verify_by::<Sha512>,
            SHA_512_224 => Self::verify_by::<Sha512_224>,
            SHA_512_256 => Self::verify_by::<Sha512_256>,
            _ => return Ok(None),
        };
        verify(self, secret, content, budget).map(Some)
    }

    fn verify_by<D: Digest + BlockSizeUser>(
        &self,
        secret: &Secret,
        content: &[u8],
        budget: &mut Budget,
    ) -> Result<bool, Fault> {
        let mut key = Zeroizing::new(vec![0; <D as Digest>::output_size()]);
        secret.derive::<D>(Purpose::Mac, self.salt, self.iterations, &mut key, budget)?;
        budget.spend((content.len() / BLOCK) as u64, 1)?;
        // A key of any length is one.
        let Ok(mut mac) = SimpleHmac::<D>::new_from_slice(&key) else {
            return Ok(false);
        };
        mac.update(content);
        Ok(mac.verify_slice(self.digest).is_ok())
    }
}

const SHA_1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA_224: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA_384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA_512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];
const SHA_512_224: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x05];
const SHA_512_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x06];

/// The value of an INTEGER that counts rounds; what is beyond all measure is as much as can be.
pub(super) fn iterations(element: Element<'_>) -> Option<u32> {
    if element.tag != INTEGER || element.content.first()? & 0x80 != 0 {
        return None;
    }
    let value = element.content.iter().try_fold(0_u32, |value, &octet| {
        value.checked_mul(256)?.checked_add(octet.into())
    });
    Some(value.unwrap_or(u32::MAX))
}

// === impl Budget ===

impl Default for Budget {
    fn default() -> Self {
        Self(7_000_000)
    }
}

impl Budget {
    /// Takes from what is left, before it is computed.
    pub(super) fn spend(&mut self, rounds: u64, times: usize) -> Result<(), Fault> {
        let cost = rounds.saturating_add(OVERHEAD).saturating_mul(times as u64);
        self.0 = self.0.checked_sub(cost).ok_or(TOO_SLOW)?;
        Ok(())
    }
}

#[cfg(test)]
impl Budget {
    /// So many rounds.
    pub(super) fn of(rounds: u64) -> Self {
        Self(rounds)
    }
}

/// The MAC of SHA-256 over some content.
#[cfg(test)]
pub(super) fn sealed(secret: &Secret, salt: &[u8], iterations: u32, content: &[u8]) -> Vec<u8> {
    let mut key = [0; 32];
    derive::<Sha256>(Purpose::Mac, &secret.utf16, salt, iterations, &mut key);
    let mut mac = SimpleHmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(content);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<const N: usize>(
        passphrase: &str,
        salt: [u8; 8],
        purpose: Purpose,
        iterations: u32,
    ) -> String {
        let secret = Secret::all(&passphrase.into()).next().unwrap();
        let mut key = [0; N];
        let mut budget = Budget::default();
        secret
            .derive::<Sha1>(purpose, &salt, iterations, &mut key, &mut budget)
            .unwrap();
        format!("{key:02x?}").replace(['[', ']', ',', ' '], "")
    }

    /// The vectors that went round with PKCS#12 1.0 and are in the tests of most programs.
    #[test]
    fn keys_are_those_of_the_known_vectors() {
        let smeg = 0x0a58_cf64_530d_823f_u64.to_be_bytes();
        let queeg = 0x05de_c959_acff_72f7_u64.to_be_bytes();
        let mac = 0x3d83_c0e4_546a_c140_u64.to_be_bytes();
        for (key, expected) in [
            (
                key::<24>("smeg", smeg, Purpose::Encryption, 1),
                "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3",
            ),
            (key::<8>("smeg", smeg, Purpose::Iv, 1), "79993dfe048d3b76"),
            (
                key::<20>("smeg", mac, Purpose::Mac, 1),
                "8d967d88f6caa9d714800ab3d48051d63f73a312",
            ),
            (
                key::<24>("queeg", queeg, Purpose::Encryption, 1000),
                "ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4",
            ),
            (
                key::<8>("queeg", queeg, Purpose::Iv, 1000),
                "11dedad7758d4860",
            ),
        ] {
            assert_eq!(key, expected);
        }
    }

    #[test]
    fn rounds_are_counted_before_they_are_computed() {
        let mut budget = Budget::of(10 + 3 * OVERHEAD);
        assert_eq!(budget.spend(3, 2), Ok(()));
        assert_eq!(budget.spend(5, 1), Err(TOO_SLOW));
        assert_eq!(budget.spend(4, 1), Ok(()));
        assert_eq!(budget.spend(u64::MAX, 2), Err(TOO_SLOW));
    }

    #[test]
    fn a_number_of_rounds_is_read_or_beyond_all_measure() {
        for (content, expected) in [
            (&[1][..], Some(1)),
            (&[0, 0xff], Some(255)),
            (&[9, 0x27, 0xc0], Some(600_000)),
            (&[0, 0xff, 0xff, 0xff, 0xff], Some(u32::MAX)),
            (&[1, 0, 0, 0, 0], Some(u32::MAX)),
            (&[0x80], None),
            (&[], None),
        ] {
            let element = Element {
                tag: INTEGER,
                content,
                raw: &[],
            };
            assert_eq!(iterations(element), expected, "{content:02x?}");
        }
    }
}
