//! A certificate for a port that asks for tokens, and was given none: made as kube-rbac-proxy makes one, so that no token travels in
//! clear. It proves nothing but that the connection is one; whoever asks has to be told not to check it.

use rustls::SignatureScheme;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// `id-at-commonName` and `ecdsa-with-SHA256`, whole.
const COMMON_NAME: &[u8] = &[0x06, 3, 0x55, 4, 3];
const ECDSA_WITH_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];

/// A key that lives as long as the process, and its certificate.
pub(super) fn identity() -> Option<CertifiedKey> {
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    let random = ring::rand::SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).ok()?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.as_ref()));
    let key = rustls::crypto::ring::sign::any_supported_type(&key).ok()?;
    let public = key.public_key()?;
    // Two that are made have two numbers, as RFC 5280 has it (4.1.2.2); the first octet makes it a positive one of that length.
    let number = ring::digest::digest(&ring::digest::SHA256, &public);
    let number = [&[0x01], &number.as_ref()[..15]].concat();
    let algorithm = of(SEQUENCE, &[ECDSA_WITH_SHA256]);
    let name = of(UTF8_STRING, &[env!("CARGO_PKG_NAME").as_bytes()]);
    let name = of(SET, &[&of(SEQUENCE, &[COMMON_NAME, &name])]);
    let name = of(SEQUENCE, &[&name]);
    // Without an end, as RFC 5280 writes it (4.1.2.5): it ends with the process.
    let validity = [
        of(UTC_TIME, &[b"700101000000Z"]),
        of(GENERALIZED_TIME, &[b"99991231235959Z"]),
    ];
    let body = of(
        SEQUENCE,
        &[
            &of(VERSION, &[&of(INTEGER, &[&[2]])]),
            &of(INTEGER, &[&number]),
            &algorithm,
            &name,
            &of(SEQUENCE, &[&validity.concat()]),
            &name,
            &public,
        ],
    );
    let signer = key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256])?;
    let signature = of(BIT_STRING, &[&[0], &signer.sign(&body).ok()?]);
    let certificate = of(SEQUENCE, &[&body, &algorithm, &signature]);
    Some(CertifiedKey::new(
        vec![CertificateDer::from(certificate)],
        key,
    ))
}

/// One element of DER: its parts after each other.
fn of(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let needed = length.iter().skip_while(|octet| **octet == 0).count();
    let mut element = vec![tag];
    if content.len() >= 0x80 {
        // There are no more than eight.
        element.push(0x80 | needed.to_le_bytes()[0]);
        element.extend(&length[length.len() - needed..]);
    } else {
        element.push(length[length.len() - 1]);
    }
    element.extend(content);
    element
}
