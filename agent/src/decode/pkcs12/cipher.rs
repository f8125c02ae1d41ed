//! How a safe is encrypted: PBES2 (RFC 8018), which the `pkcs5` crate undoes, or the older schemes
//! of PKCS#12 (RFC 7292, appendix C), of which those with 3DES and RC2 are undone here.

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use der::Decode;
use des::{TdesEde2, TdesEde3};
use pkcs5::pbes2::{Kdf, Parameters, Pbkdf2Prf};
use rc2::Rc2;
use sha1::Sha1;
use zeroize::Zeroizing;

use super::super::der::{Element, OBJECT_IDENTIFIER, OCTET_STRING};
use super::kdf::{Budget, Purpose, Secret, iterations};
use super::{BROKEN, Fault, UNSUPPORTED};

/// An algorithm with its parameters.
pub(super) enum Cipher<'a> {
    Pbes2(Box<Parameters>),
    Pbes1 {
        scheme: Scheme,
        salt: &'a [u8],
        iterations: u32,
    },
}

/// What the key is for.
#[derive(Clone, Copy)]
pub(super) enum Scheme {
    TripleDes3,
    TripleDes2,
    Rc2Of128,
    Rc2Of40,
}

/// 1.2.840.113549.1.5.13.
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];

/// 1.2.840.113549.1.12.1, the arc of the older schemes.
const PBES1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];

/// Octets that one round of hashing is worth, where they are decrypted: 3DES is as slow as that.
const OCTETS_PER_ROUND: usize = 2;

// === impl Cipher ===

impl<'a> Cipher<'a> {
    /// The algorithm that an `AlgorithmIdentifier` names.
    pub(super) fn find(algorithm: Element<'a>) -> Result<Self, Fault> {
        let mut parts = algorithm.elements();
        let kind = parts.next_with(OBJECT_IDENTIFIER).ok_or(BROKEN)?.content;
        let parameters = parts.next().ok_or(UNSUPPORTED)?;
        if kind == PBES2 {
            // What the crate does not take, it does not know.
            let parameters = Parameters::from_der(parameters.raw).map_err(|_| UNSUPPORTED)?;
            return match parameters.kdf {
                Kdf::Pbkdf2(_) => Ok(Self::Pbes2(Box::new(parameters))),
                // Scrypt would take as much memory as the file says.
                _ => Err(UNSUPPORTED),
            };
        }
        let scheme = match kind.strip_prefix(PBES1) {
            Some([3]) => Scheme::TripleDes3,
            Some([4]) => Scheme::TripleDes2,
            Some([5]) => Scheme::Rc2Of128,
            Some([6]) => Scheme::Rc2Of40,
            _ => return Err(UNSUPPORTED),
        };
        let mut parts = parameters.elements();
        Ok(Self::Pbes1 {
            scheme,
            salt: parts.next_with(OCTET_STRING).ok_or(BROKEN)?.content,
            iterations: parts.next().and_then(iterations).ok_or(BROKEN)?,
        })
    }

    /// Decrypts with a secret; `None` where what comes out is not padded as it should be.
    pub(super) fn decrypt(
        &self,
        secret: &Secret,
        content: &[u8],
        budget: &mut Budget,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, Fault> {
        budget.spend((content.len() / OCTETS_PER_ROUND) as u64, 1)?;
        let mut buffer = Zeroizing::new(content.to_vec());
        let length = match self {
            Self::Pbes2(parameters) => {
                let Kdf::Pbkdf2(pbkdf2) = &parameters.kdf else {
                    return Err(UNSUPPORTED);
                };
                let (output, blocks) = match pbkdf2.prf {
                    Pbkdf2Prf::HmacWithSha1 => (20, 1),
                    Pbkdf2Prf::HmacWithSha224 => (28, 1),
                    Pbkdf2Prf::HmacWithSha256 => (32, 1),
                    _ => (48, 2),
                };
                // HMAC hashes twice.
                let outputs = parameters.encryption.key_size().div_ceil(output);
                budget.spend(2 * u64::from(pbkdf2.iteration_count), outputs * blocks)?;
                let passphrase = secret.utf8.expose();
                match parameters.decrypt_in_place(passphrase, &mut buffer) {
                    Ok(plain) => Some(plain.len()),
                    Err(pkcs5::Error::DecryptFailed) => None,
                    Err(_) => return Err(UNSUPPORTED),
                }
            }
            &Self::Pbes1 {
                scheme,
                salt,
                iterations,
            } => {
                let decrypt = match scheme {
                    Scheme::TripleDes3 => pbes1::<TdesEde3, 24>,
                    Scheme::TripleDes2 => pbes1::<TdesEde2, 16>,
                    Scheme::Rc2Of128 => pbes1::<Rc2, 16>,
                    Scheme::Rc2Of40 => pbes1::<Rc2, 5>,
                };
                decrypt(secret, salt, iterations, &mut buffer, budget)?
            }
        };
        Ok(length.map(|length| {
            buffer.truncate(length);
            buffer
        }))
    }
}

/// Decrypts with a cipher whose key has `KEY` octets; how long what comes out is.
fn pbes1<C: BlockCipherDecrypt + KeyInit, const KEY: usize>(
    secret: &Secret,
    salt: &[u8],
    iterations: u32,
    buffer: &mut [u8],
    budget: &mut Budget,
) -> Result<Option<usize>, Fault> {
    let mut key = Zeroizing::new([0; KEY]);
    let mut iv = [0; 8];
    secret.derive::<Sha1>(Purpose::Encryption, salt, iterations, &mut key[..], budget)?;
    secret.derive::<Sha1>(Purpose::Iv, salt, iterations, &mut iv, budget)?;
    let decryptor = cbc::Decryptor::<C>::new_from_slices(&key[..], &iv).map_err(|_| UNSUPPORTED)?;
    let plain = decryptor.decrypt_padded::<Pkcs7>(buffer);
    Ok(plain.ok().map(<[u8]>::len))
}
