//! What is compared, and what is left alone. The forms of openssl's keys are in tests/openssl.

use rcgen::{
    CertificateParams, KeyPair as Pair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_ED25519, SignatureAlgorithm,
};

use super::super::certificates;
use super::super::forge::{Forge, tlv};
use super::*;

const ALGORITHMS: [&SignatureAlgorithm; 3] = [
    &PKCS_ECDSA_P256_SHA256,
    &PKCS_ECDSA_P384_SHA384,
    &PKCS_ED25519,
];

fn pair(algorithm: &'static SignatureAlgorithm) -> Pair {
    Pair::generate_for(algorithm).unwrap()
}

fn certificate(pair: &Pair) -> rcgen::Certificate {
    CertificateParams::default().self_signed(pair).unwrap()
}

fn reasons(decoded: &Decoded) -> Vec<Reason> {
    decoded
        .problems
        .iter()
        .map(|problem| problem.reason)
        .collect()
}

/// What is told of a place with these certificates and this key.
fn told(certificates_: &str, key: &str) -> (bool, Vec<Reason>) {
    let mut decoded = certificates(certificates_.as_bytes());
    let there = check_key(&mut decoded, certificates_.as_bytes(), key.as_bytes());
    (there, reasons(&decoded))
}

#[test]
fn a_key_belongs_to_its_own_certificate_and_to_no_other() {
    let pairs: Vec<_> = ALGORITHMS
        .into_iter()
        .flat_map(|algorithm| [pair(algorithm), pair(algorithm)])
        .collect();
    for (of_certificate, one) in pairs.iter().enumerate() {
        let certificate = certificate(one);
        for (of_key, other) in pairs.iter().enumerate() {
            let expected = Some(of_certificate == of_key);
            let pem = matches(certificate.der(), other.serialize_pem().as_bytes());
            assert_eq!(pem, expected, "{of_certificate} {of_key}");
            let der = matches(certificate.der(), &other.serialize_der());
            assert_eq!(der, expected, "{of_certificate} {of_key} in DER");
        }
    }
}

#[test]
fn the_first_certificate_is_the_one_whose_key_it_is() {
    let (one, other) = (pair(&PKCS_ED25519), pair(&PKCS_ED25519));
    let [one_pem, other_pem] = [&one, &other].map(|pair| certificate(pair).pem());
    let key = one.serialize_pem();
    let chain = [&*one_pem, &other_pem].concat();
    assert_eq!(told(&chain, &key), (true, vec![]));
    let turned = [&*other_pem, &one_pem].concat();
    assert_eq!(told(&turned, &key), (true, vec![Reason::KeyMismatch]));
    let in_one = [&*key, &one_pem].concat();
    assert_eq!(told(&in_one, &in_one), (true, vec![]));
    let in_one = [&*other_pem, &key].concat();
    assert_eq!(told(&in_one, &in_one), (true, vec![Reason::KeyMismatch]));
}

#[test]
fn among_cas_the_key_may_be_that_of_any() {
    let [old, new, other] = [(); 3].map(|()| pair(&PKCS_ED25519));
    let authority = |pair: &Pair| {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.self_signed(pair).unwrap().pem()
    };
    let both = [authority(&old), authority(&new)].concat();
    assert_eq!(told(&both, &old.serialize_pem()), (true, vec![]));
    assert_eq!(told(&both, &new.serialize_pem()), (true, vec![]));
    let mismatch = (true, vec![Reason::KeyMismatch]);
    assert_eq!(told(&both, &other.serialize_pem()), mismatch);
    // A server takes the first certificate for its own.
    let chain = [certificate(&old).pem(), authority(&new)].concat();
    assert_eq!(told(&chain, &new.serialize_pem()), mismatch);
}

#[test]
fn a_key_is_found_among_other_blocks() {
    let pair = pair(&PKCS_ED25519);
    let (certificate, key) = (certificate(&pair).pem(), pair.serialize_pem());
    assert!(is_in([&*certificate, &key].concat().as_bytes()));
    assert!(!is_in(certificate.as_bytes()) && !is_in(b""));
}

#[test]
fn of_several_keys_one_that_belongs_is_enough() {
    let [one, other, third] = [(); 3].map(|()| pair(&PKCS_ED25519));
    let certificate = certificate(&one).pem();
    let keys = [other.serialize_pem(), one.serialize_pem()].concat();
    assert_eq!(told(&certificate, &keys), (true, vec![]));
    let keys = [other.serialize_pem(), third.serialize_pem()].concat();
    assert_eq!(told(&certificate, &keys), (true, vec![Reason::KeyMismatch]));
    let encrypted = third
        .serialize_pem()
        .replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
        .replace("\nM", "\n*");
    let keys = [encrypted, other.serialize_pem()].concat();
    assert_eq!(told(&certificate, &keys), (true, vec![]));
}

#[test]
fn where_the_leaf_or_the_key_cannot_be_read_nothing_is_told() {
    let (one, other) = (pair(&PKCS_ED25519), pair(&PKCS_ED25519));
    let (certificate, key) = (certificate(&one).pem(), other.serialize_pem());
    let broken = "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n";
    let behind = [broken, &certificate].concat();
    assert_eq!(told(&behind, &key), (false, vec![Reason::BadDer]));
    let undated = Forge {
        not_after: Vec::new(),
        ..Forge::default()
    };
    let undated = [&undated.der(), certificate.as_bytes()].concat();
    let mut decoded = certificates(&undated);
    assert!(!check_key(&mut decoded, &undated, key.as_bytes()));
    assert_eq!(reasons(&decoded), [Reason::BadValidity]);
    let headed = key.replace("KEY-----\nM", "KEY-----\nProc-Type: 4,ENCRYPTED\n\nM");
    assert_ne!(headed, key);
    assert_eq!(told(&certificate, &headed), (true, vec![]));
    for (nothing, there) in [
        ("", false),
        ("no key", false),
        (&*certificate, false),
        (
            "-----BEGIN PRIVATE KEY-----\n*\n-----END PRIVATE KEY-----",
            true,
        ),
        (
            "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",
            true,
        ),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nMAA=\n-----END OPENSSH PRIVATE KEY-----",
            true,
        ),
    ] {
        assert_eq!(told(&certificate, nothing), (there, vec![]), "{nothing}");
    }
}

#[test]
fn a_certificate_of_an_unknown_algorithm_has_no_key_that_could_be_told() {
    let forged = Forge::default().der();
    let key = pair(&PKCS_ECDSA_P256_SHA256);
    // The forge's key is Ed25519: 32 zeros.
    assert_eq!(matches(&forged, &key.serialize_der()), Some(false));
    let ed448 = [0x2b, 0x65, 0x71];
    let at = (0..forged.len()).filter(|&at| forged[at..].starts_with(&[0x2b, 0x65, 0x70]));
    let mut unknown = forged.clone();
    for at in at {
        unknown[at..at + 3].copy_from_slice(&ed448);
    }
    assert_eq!(matches(&unknown, &key.serialize_der()), None);
    assert_eq!(matches(b"", &key.serialize_der()), None);
}

#[test]
fn a_key_that_names_no_curve_is_known_by_belonging_alone() {
    let (one, other) = (pair(&PKCS_ECDSA_P256_SHA256), pair(&PKCS_ECDSA_P256_SHA256));
    let bare = |pair: &Pair| {
        let der = pair.serialize_der();
        let (pkcs8, _) = der::first(&der).unwrap();
        let key = pkcs8.elements().nth(2).unwrap();
        let (sec1, _) = der::first(key.content).unwrap();
        let scalar = sec1.elements().nth(1).unwrap();
        tlv(SEQUENCE, &[&[2, 1, 1], scalar.raw].concat())
    };
    let certificate = certificate(&one);
    assert_eq!(matches(certificate.der(), &bare(&one)), Some(true));
    assert_eq!(matches(certificate.der(), &bare(&other)), None);
}

#[test]
fn a_point_is_the_same_in_its_short_and_its_long_form() {
    let long = [&[4][..], &[7; 32], &[9; 32]].concat();
    let short = [&[3][..], &[7; 32]].concat();
    assert!(same_point(&long, &short) && same_point(&short, &long) && same_point(&long, &long));
    for other in [
        [&[2][..], &[7; 32]].concat(),
        [&[3][..], &[8; 32]].concat(),
        [&[4][..], &[7; 32], &[8; 32]].concat(),
        vec![4],
        vec![],
    ] {
        assert!(!same_point(&long, &other), "{other:?}");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_compared_without_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        matches(&Forge::default().der(), &bytes);
        matches(&bytes, &bytes);
        Private::read(&tlv(SEQUENCE, &[&[2, 1, 0], &bytes[..]].concat()));
    }
}
