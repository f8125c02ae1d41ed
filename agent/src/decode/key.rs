//! Whether the private key beside a certificate belongs to it.
//!
//! The only reader of private keys here. A key is compared and dropped at once: what is ours of it
//! is wiped, nothing of it is kept, told or logged, and the answer is yes, no or "cannot tell". No
//! answer is better than a wrong one: what is encrypted, odd or unknown cannot be told.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ID_EC_PUBLIC_KEY, ID_RSASSA_PSS, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1,
};
use const_oid::db::rfc8410::ID_ED_25519;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::der::{
    BIT_STRING, CONTEXT_0, CONTEXT_1, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE,
};
use super::{Decoded, der, pem, x509};
use crate::model::{Problem, Reason};

/// Compares the private key of a place with the first certificate of it, the leaf, and adds a
/// warning where the key is another one's. Both may stand in the same bytes: then these are given
/// twice. Says whether there was a key at all.
///
/// Where the first certificate is a CA's, the place may be what others trust while one CA follows
/// another: there the key may be that of any.
pub fn check_key(decoded: &mut Decoded, certificate_bytes: &[u8], key_bytes: &[u8]) -> bool {
    let Some(first) = decoded.certificates.first() else {
        return false;
    };
    let candidates = if first.profile.ca { MAX_CANDIDATES } else { 1 };
    let candidates: Vec<Vec<u8>> = encoded(certificate_bytes).take(candidates).collect();
    // Where the first block is broken, nobody knows whose key it is.
    let is_first = |der: &Vec<u8>| Sha256::digest(der)[..] == first.fingerprint;
    if !candidates.first().is_some_and(is_first) {
        return false;
    }
    let verdicts = candidates.iter().map(|der| compare(der, key_bytes));
    let Some(verdict) = verdicts.reduce(Option::max).flatten() else {
        return false;
    };
    if verdict == Verdict::Other {
        let detail = "the private key belongs to another certificate";
        let problem = Problem::new(Reason::KeyMismatch, detail);
        if !decoded.problems.contains(&problem) {
            decoded.problems.push(problem);
        }
    }
    true
}

/// Whether there is a private key in PEM among the bytes.
pub fn is_in(bytes: &[u8]) -> bool {
    keys(bytes).next().is_some()
}

/// Whether the key (PEM, or one in DER) belongs to the certificate (DER); `None`: cannot tell.
pub fn matches(certificate: &[u8], key: &[u8]) -> Option<bool> {
    match compare(certificate, key)? {
        Verdict::Same => Some(true),
        Verdict::Other => Some(false),
        Verdict::Unknown => None,
    }
}

/// What comparisons gave. Of several, the last of these counts: one that belongs is enough, and one
/// that cannot be told may be it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Other,
    Unknown,
    Same,
}

/// The public key of a certificate; the parts are parts of its DER.
enum Public<'a> {
    /// Modulus and exponent.
    Rsa([&'a [u8]; 2]),
    /// Curve and point.
    Ec(&'a [u8], &'a [u8]),
    Ed25519(&'a [u8]),
}

/// A private key; the parts are parts of its DER.
enum Private<'a> {
    /// Modulus and exponent: of an RSA key, more need not be looked at.
    Rsa([&'a [u8]; 2]),
    Ec {
        curve: Option<&'a [u8]>,
        scalar: &'a [u8],
        point: Option<&'a [u8]>,
    },
    Ed25519(&'a [u8]),
}

/// Keys of one place that are compared.
const MAX_KEYS: usize = 8;

/// Certificates of one place whose key it may be.
const MAX_CANDIDATES: usize = 8;

/// Bytes of one key. The longest RSA keys in use have 13 KiB.
const MAX_KEY: usize = 64 << 10;

/// Octets of the longest scalar that is computed with.
const MAX_SCALAR: usize = 48;

/// The DER of the certificates, in order, until one is broken.
fn encoded(bytes: &[u8]) -> Box<dyn Iterator<Item = Vec<u8>> + '_> {
    if super::looks_like_der(bytes) {
        let first = der::first(bytes).map(|(element, _)| element.raw.to_owned());
        return Box::new(first.into_iter());
    }
    let bodies = pem::blocks(bytes).filter_map(|block| match block {
        pem::Block::Certificate(body) => Some(body),
        _ => None,
    });
    let mut scratch = Vec::new();
    Box::new(bodies.map_while(move |body| {
        let der = pem::decode(body, &mut scratch)?;
        Some(der::first(&der)?.0.raw.to_owned())
    }))
}

/// The contents of the private keys in PEM.
fn keys(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    pem::blocks(bytes).filter_map(|block| match block {
        pem::Block::PrivateKey(body) => Some(body),
        _ => None,
    })
}

/// Compares all keys: which of several is meant is not known.
fn compare(certificate: &[u8], keys: &[u8]) -> Option<Verdict> {
    let public = der::first(certificate)
        .and_then(|(element, _)| x509::public_key(element))
        .and_then(Public::read);
    let verdict = |key: &[u8]| {
        let belongs = public.as_ref().zip(Private::read(key));
        match belongs.and_then(|(public, private)| private.belongs_to(public)) {
            Some(true) => Verdict::Same,
            Some(false) => Verdict::Other,
            None => Verdict::Unknown,
        }
    };
    if Private::read(keys).is_some() {
        return Some(verdict(keys));
    }
    let keys = self::keys(keys).take(MAX_KEYS);
    keys.map(|body| base64(body).map_or(Verdict::Unknown, |der| verdict(&der)))
        .max()
}

/// Decodes the content of a block. One with headers, which is encrypted, is not base64.
fn base64(body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if body.len() > MAX_KEY {
        return None;
    }
    // As long as the text: a buffer that grew would leave a copy behind.
    let mut compact = Zeroizing::new(Vec::with_capacity(body.len()));
    compact.extend(body.iter().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(vec![0; compact.len()]);
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&STANDARD, config);
    let length = engine.decode_slice(&*compact, &mut der).ok()?;
    der.truncate(length);
    Some(der)
}

// === impl Public ===

impl<'a> Public<'a> {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7).
    fn read(info: Element<'a>) -> Option<Self> {
        let mut parts = info.elements();
        let mut algorithm = parts.next_with(SEQUENCE)?.elements();
        let kind = algorithm.next_with(OBJECT_IDENTIFIER)?;
        let [0, key @ ..] = parts.next_with(BIT_STRING)?.content else {
            return None;
        };
        if is_rsa(kind) {
            let mut numbers = der::first(key)?.0.elements();
            let mut number = || Some(unsigned(numbers.next_with(INTEGER)?.content));
            return Some(Self::Rsa([number()?, number()?]));
        }
        if is(kind, ID_EC_PUBLIC_KEY) {
            let curve = algorithm.next_with(OBJECT_IDENTIFIER)?;
            return Some(Self::Ec(curve.content, key));
        }
        is(kind, ID_ED_25519).then_some(Self::Ed25519(key))
    }
}

// === impl Private ===

impl<'a> Private<'a> {
    /// Reads PKCS#8 (RFC 5958), PKCS#1 (RFC 8017, A.1.2) or SEC 1 (RFC 5915) by their shapes.
    fn read(der: &'a [u8]) -> Option<Self> {
        let (sequence, _) = der::first(der)?;
        let mut parts = sequence.elements();
        let (SEQUENCE, Some(_version), Some(second)) =
            (sequence.tag, parts.next_with(INTEGER), parts.next())
        else {
            return None;
        };
        match second.tag {
            SEQUENCE => Self::read_pkcs8(second, parts.next_with(OCTET_STRING)?.content),
            INTEGER => Self::read_pkcs1(sequence),
            OCTET_STRING => Self::read_sec1(sequence, None),
            _ => None,
        }
    }

    fn read_pkcs8(algorithm: Element<'a>, key: &'a [u8]) -> Option<Self> {
        let mut algorithm = algorithm.elements();
        let kind = algorithm.next_with(OBJECT_IDENTIFIER)?;
        let (inner, _) = der::first(key)?;
        match () {
            () if is_rsa(kind) => Self::read_pkcs1(inner),
            () if is(kind, ID_EC_PUBLIC_KEY) => {
                let curve = algorithm.next_with(OBJECT_IDENTIFIER);
                Self::read_sec1(inner, curve.map(|curve| curve.content))
            }
            () if is(kind, ID_ED_25519) && inner.tag == OCTET_STRING => {
                Some(Self::Ed25519(inner.content))
            }
            () => None,
        }
    }

    fn read_pkcs1(sequence: Element<'a>) -> Option<Self> {
        // Version, modulus, public exponent and six numbers more: one of DSA has fewer.
        let numbers = sequence.elements().take_while(|part| part.tag == INTEGER);
        if numbers.clone().count() < 9 {
            return None;
        }
        let mut numbers = numbers.skip(1).map(|number| unsigned(number.content));
        Some(Self::Rsa([numbers.next()?, numbers.next()?]))
    }

    fn read_sec1(sequence: Element<'a>, curve: Option<&'a [u8]>) -> Option<Self> {
        let mut parts = sequence.elements();
        parts.next_with(INTEGER)?;
        let scalar = unsigned(parts.next_with(OCTET_STRING)?.content);
        let inside = |tag, kind| {
            let mut parts = sequence.elements();
            let mut part = parts.find(|part| part.tag == tag)?.elements();
            part.next_with(kind).map(|part| part.content)
        };
        Some(Self::Ec {
            curve: curve.or_else(|| inside(CONTEXT_0, OBJECT_IDENTIFIER)),
            scalar,
            point: inside(CONTEXT_1, BIT_STRING).and_then(|bits| bits.strip_prefix(&[0])),
        })
    }

    fn belongs_to(&self, public: &Public<'_>) -> Option<bool> {
        match (self, public) {
            (Self::Rsa(private), Public::Rsa(public)) => Some(private == public),
            (Self::Ed25519(seed), Public::Ed25519(public)) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
                Some(pair.public_key().as_ref() == *public)
            }
            (
                Self::Ec {
                    curve,
                    scalar,
                    point,
                },
                Public::Ec(of_public, public),
            ) => {
                if curve.is_some_and(|curve| curve != *of_public) {
                    return Some(false);
                }
                let belongs = computed(of_public, scalar, public)
                    .or_else(|| Some(same_point((*point)?, public)))?;
                // One that does not name its curve may be of another.
                (belongs || curve.is_some()).then_some(belongs)
            }
            _ => Some(false),
        }
    }
}

// === helpers ===

/// Whether the point is the scalar's, by computing it; `None` on curves that ring does not know.
fn computed(curve: &[u8], scalar: &[u8], point: &[u8]) -> Option<bool> {
    let (algorithm, octets) = match curve {
        curve if curve == SECP_256_R_1.as_bytes() => (&ECDSA_P256_SHA256_ASN1_SIGNING, 32),
        curve if curve == SECP_384_R_1.as_bytes() => (&ECDSA_P384_SHA384_ASN1_SIGNING, 48),
        _ => return None,
    };
    // ring would call another form of the same point another point.
    if point.first() != Some(&4) || point.len() != 1 + 2 * octets {
        return None;
    }
    let mut padded = Zeroizing::new([0; MAX_SCALAR]);
    let padded = padded.get_mut(..octets)?;
    padded
        .get_mut(octets.checked_sub(scalar.len())?..)?
        .copy_from_slice(scalar);
    let pair = EcdsaKeyPair::from_private_key_and_public_key(
        algorithm,
        padded,
        point,
        &SystemRandom::new(),
    );
    match pair {
        Ok(_) => Some(true),
        Err(error) => (error.to_string() == "InconsistentComponents").then_some(false),
    }
}

/// Whether two points are one, each in the long or the short form (SEC 1, section 2.3.3).
fn same_point(one: &[u8], other: &[u8]) -> bool {
    let short = |point: &[u8]| {
        let (&form, rest) = point.split_first()?;
        match form {
            2 | 3 => Some((form & 1, rest.to_owned())),
            4 => Some((rest.last()? & 1, rest[..rest.len() / 2].to_owned())),
            _ => None,
        }
    };
    one == other || short(one).is_some_and(|one| short(other) == Some(one))
}

fn is(kind: Element<'_>, known: ObjectIdentifier) -> bool {
    kind.content == known.as_bytes()
}

fn is_rsa(kind: Element<'_>) -> bool {
    is(kind, RSA_ENCRYPTION) || is(kind, ID_RSASSA_PSS)
}

/// A number without its leading zeros.
pub(super) fn unsigned(content: &[u8]) -> &[u8] {
    let zeros = content.iter().take_while(|&&octet| octet == 0).count();
    &content[zeros..]
}

#[cfg(test)]
mod tests;
