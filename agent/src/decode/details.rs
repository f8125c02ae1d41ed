//! What else a certificate says of itself: names, key, algorithms, usages. Each is read for itself
//! and bounded; an odd one costs itself and nothing else.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use const_oid::db::rfc5280::{
    ANY_EXTENDED_KEY_USAGE, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE, ID_CE_SUBJECT_ALT_NAME,
    ID_KP_CLIENT_AUTH, ID_KP_CODE_SIGNING, ID_KP_EMAIL_PROTECTION, ID_KP_OCSP_SIGNING,
    ID_KP_SERVER_AUTH, ID_KP_TIME_STAMPING,
};
use const_oid::db::rfc5912::{
    DSA_WITH_SHA_1, DSA_WITH_SHA_256, ECDSA_WITH_SHA_224, ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384,
    ECDSA_WITH_SHA_512, ID_DSA, ID_EC_PUBLIC_KEY, ID_RSASSA_PSS, MD_5_WITH_RSA_ENCRYPTION,
    RSA_ENCRYPTION, SECP_224_R_1, SECP_256_R_1, SECP_384_R_1, SECP_521_R_1,
    SHA_1_WITH_RSA_ENCRYPTION, SHA_224_WITH_RSA_ENCRYPTION, SHA_256_WITH_RSA_ENCRYPTION,
    SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use const_oid::db::rfc8410::{ID_ED_448, ID_ED_25519};
use const_oid::{ObjectIdentifier as Oid, db::fips204};

use super::der::{BIT_STRING, Element, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, first};
use super::key::unsigned;
use super::name::clean;
use super::oid;
use super::x509::Fields;
use crate::model::Details;

/// Reads the details of a certificate.
pub(super) fn details(fields: &Fields<'_>) -> Details {
    let names = fields.extension(ID_CE_SUBJECT_ALT_NAME);
    let (alternative_names, more_names) = names.map(alternative_names).unwrap_or_default();
    let (key_algorithm, key_bits) = fields.key.and_then(key).unwrap_or_default();
    let usage = fields.extension(ID_CE_KEY_USAGE);
    let extended = fields.extension(ID_CE_EXT_KEY_USAGE);
    Details {
        alternative_names,
        more_names,
        key_algorithm,
        key_bits,
        signature_algorithm: fields
            .signature
            .and_then(|signature| signature.elements().next_with(OBJECT_IDENTIFIER))
            .map(|kind| oid::name(kind.content, &SIGNATURES))
            .unwrap_or_default(),
        self_issued: fields
            .subject
            .is_some_and(|subject| subject.content == fields.issuer.content),
        key_usage: usage.and_then(key_usage).unwrap_or_default(),
        extended_key_usage: extended.map(extended_key_usage).unwrap_or_default(),
    }
}

/// Names kept of one certificate, and how many bytes they may have together. Those of a large
/// content delivery network have 100; beyond that they are a way to fill the memory.
const MAX_NAMES: usize = 100;
const MAX_NAME_BYTES: usize = 4096;

/// The bits of a tag that say whether it is constructed, and that it is the context's.
const CONSTRUCTED: u8 = 0x20;
const CONTEXT: u8 = 0x80;

/// Usages kept of one certificate; a dozen are known.
const MAX_USAGES: usize = 32;

const SIGNATURES: [(Oid, &str); 20] = [
    (MD_5_WITH_RSA_ENCRYPTION, "MD5-RSA"),
    (SHA_1_WITH_RSA_ENCRYPTION, "SHA1-RSA"),
    (SHA_224_WITH_RSA_ENCRYPTION, "SHA224-RSA"),
    (SHA_256_WITH_RSA_ENCRYPTION, "SHA256-RSA"),
    (SHA_384_WITH_RSA_ENCRYPTION, "SHA384-RSA"),
    (SHA_512_WITH_RSA_ENCRYPTION, "SHA512-RSA"),
    (ID_RSASSA_PSS, "RSASSA-PSS"),
    (DSA_WITH_SHA_1, "DSA-SHA1"),
    (DSA_WITH_SHA_256, "DSA-SHA256"),
    (Oid::new_unwrap("1.2.840.10045.4.1"), "ECDSA-SHA1"),
    (ECDSA_WITH_SHA_224, "ECDSA-SHA224"),
    (ECDSA_WITH_SHA_256, "ECDSA-SHA256"),
    (ECDSA_WITH_SHA_384, "ECDSA-SHA384"),
    (ECDSA_WITH_SHA_512, "ECDSA-SHA512"),
    (ID_ED_25519, "Ed25519"),
    (ID_ED_448, "Ed448"),
    (fips204::ID_ML_DSA_44, "ML-DSA-44"),
    (fips204::ID_ML_DSA_65, "ML-DSA-65"),
    (fips204::ID_ML_DSA_87, "ML-DSA-87"),
    (Oid::new_unwrap("1.2.156.10197.1.501"), "SM2-SM3"),
];

const KEYS: [(Oid, &str); 9] = [
    (RSA_ENCRYPTION, "RSA"),
    (ID_RSASSA_PSS, "RSASSA-PSS"),
    (ID_EC_PUBLIC_KEY, "ECDSA"),
    (ID_ED_25519, "Ed25519"),
    (ID_ED_448, "Ed448"),
    (ID_DSA, "DSA"),
    (fips204::ID_ML_DSA_44, "ML-DSA-44"),
    (fips204::ID_ML_DSA_65, "ML-DSA-65"),
    (fips204::ID_ML_DSA_87, "ML-DSA-87"),
];

/// Named curves and the bits of their fields.
const CURVES: [(Oid, u32); 9] = [
    (SECP_224_R_1, 224),
    (SECP_256_R_1, 256),
    (SECP_384_R_1, 384),
    (SECP_521_R_1, 521),
    // secp256k1, SM2, brainpoolP256r1, P384r1 and P512r1.
    (Oid::new_unwrap("1.3.132.0.10"), 256),
    (Oid::new_unwrap("1.2.156.10197.1.301"), 256),
    (Oid::new_unwrap("1.3.36.3.3.2.8.1.1.7"), 256),
    (Oid::new_unwrap("1.3.36.3.3.2.8.1.1.11"), 384),
    (Oid::new_unwrap("1.3.36.3.3.2.8.1.1.13"), 512),
];

const USAGES: [(Oid, &str); 7] = [
    (ANY_EXTENDED_KEY_USAGE, "anyExtendedKeyUsage"),
    (ID_KP_SERVER_AUTH, "serverAuth"),
    (ID_KP_CLIENT_AUTH, "clientAuth"),
    (ID_KP_CODE_SIGNING, "codeSigning"),
    (ID_KP_EMAIL_PROTECTION, "emailProtection"),
    (ID_KP_TIME_STAMPING, "timeStamping"),
    (ID_KP_OCSP_SIGNING, "OCSPSigning"),
];

/// Names of an encoded `GeneralNames` as text, and how many are left out.
fn alternative_names(value: &[u8]) -> (Vec<Cow<'static, str>>, u32) {
    let (mut kept, mut bytes, mut more) = (Vec::new(), 0, 0_u32);
    for name in first(value).into_iter().flat_map(|(all, _)| all.elements()) {
        let text = (kept.len() < MAX_NAMES && name.content.len() <= MAX_NAME_BYTES)
            .then(|| alternative_name(name));
        match text {
            Some(text) if bytes + text.len() <= MAX_NAME_BYTES => {
                bytes += text.len();
                kept.push(text.into());
            }
            _ => more = more.saturating_add(1),
        }
    }
    (kept, more)
}

/// A `GeneralName` (RFC 5280, section 4.2.1.6). Kinds that are no plain text are told by their
/// names in OpenSSL's configuration.
fn alternative_name(name: Element<'_>) -> String {
    let text = |kind| format!("{kind}:{}", clean(&String::from_utf8_lossy(name.content)));
    match name.tag & !CONSTRUCTED ^ CONTEXT {
        0 => "otherName".to_owned(),
        1 => text("email"),
        2 => text("DNS"),
        3 => "x400Address".to_owned(),
        4 => "dirName".to_owned(),
        5 => "ediPartyName".to_owned(),
        6 => text("URI"),
        7 => match *name.content {
            [a, b, c, d] => format!("IP:{}", Ipv4Addr::new(a, b, c, d)),
            ref other => <[u8; 16]>::try_from(other).map_or_else(
                |_| "IP:<invalid>".to_owned(),
                |octets| format!("IP:{}", Ipv6Addr::from(octets)),
            ),
        },
        8 => "RID".to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// Algorithm and size of a `SubjectPublicKeyInfo`.
fn key(info: Element<'_>) -> Option<(Cow<'static, str>, u32)> {
    let mut parts = info.elements();
    let mut algorithm = parts.next_with(SEQUENCE)?.elements();
    let kind = algorithm.next_with(OBJECT_IDENTIFIER)?.content;
    let name = oid::name(kind, &KEYS);
    let bits = match &*name {
        "RSA" | "RSASSA-PSS" => parts
            .next_with(BIT_STRING)
            .and_then(|key| first(key.content.strip_prefix(&[0])?))
            .and_then(|(key, _)| first_number(key)),
        "DSA" => algorithm.next_with(SEQUENCE).and_then(first_number),
        "ECDSA" => algorithm.next_with(OBJECT_IDENTIFIER).and_then(|curve| {
            let mut curves = CURVES.into_iter();
            curves.find_map(|(oid, bits)| (oid.as_bytes() == curve.content).then_some(bits))
        }),
        "Ed25519" => Some(256),
        "Ed448" => Some(456),
        _ => None,
    };
    Some((name, bits.unwrap_or_default()))
}

/// Bits of the first number of a sequence: the modulus of RSA, the prime of DSA.
fn first_number(sequence: Element<'_>) -> Option<u32> {
    let number = unsigned(sequence.elements().next_with(INTEGER)?.content);
    let zeros = number.first().map_or(0, |octet| octet.leading_zeros());
    Some(u32::try_from(number.len()).ok()? * 8 - zeros)
}

/// Bit n of the extension as bit n of a number.
fn key_usage(value: &[u8]) -> Option<u16> {
    let (bits, _) = first(value).filter(|(bits, _)| bits.tag == BIT_STRING)?;
    let (&unused, octets) = bits.content.split_first()?;
    // The last octet's bits that are said to be none are none.
    let mask = u8::MAX.checked_shl(unused.into()).unwrap_or_default();
    let octet = |at: usize| {
        let mask = if at + 1 == octets.len() {
            mask
        } else {
            u8::MAX
        };
        let octet = octets.get(at).map_or(0, |octet| octet & mask);
        u16::from(octet.reverse_bits())
    };
    Some(octet(0) | octet(1) << 8)
}

/// Purposes of an encoded `ExtKeyUsageSyntax`.
fn extended_key_usage(value: &[u8]) -> Vec<Cow<'static, str>> {
    first(value)
        .into_iter()
        .flat_map(|(all, _)| all.elements())
        .filter(|purpose| purpose.tag == OBJECT_IDENTIFIER)
        .map(|purpose| oid::name(purpose.content, &USAGES))
        .filter(|name| !name.is_empty())
        .take(MAX_USAGES)
        .collect()
}

#[cfg(test)]
mod tests;
