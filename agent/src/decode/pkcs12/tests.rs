//! Keystores built bag by bag. Those of other programs are read in tests/formats.rs.

use pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters, Pbkdf2Params, Pbkdf2Prf};

use super::super::forge::{Forge, common_name, tlv};
use super::super::{Decoded, certificates, with_passphrases};
use super::*;
use der::Encode;

const LIST: &[u8] = include_bytes!("../../../testdata/keystores/list.der");

fn forged(name: &str) -> Vec<u8> {
    Forge {
        subject: common_name(0x0c, name.as_bytes()),
        ..Forge::default()
    }
    .der()
}

fn bag(arc: u8, value: &[u8]) -> Vec<u8> {
    let kind = tlv(0x06, &[BAGS, &[arc]].concat());
    tlv(0x30, &[kind, tlv(0xa0, value)].concat())
}

fn typed_bag(arc: u8, kind: &[u8], content: &[u8]) -> Vec<u8> {
    let content = tlv(0xa0, &tlv(0x04, content));
    bag(arc, &tlv(0x30, &[tlv(0x06, kind), content].concat()))
}

fn certificate(name: &str) -> Vec<u8> {
    typed_bag(CERTIFICATE_BAG, X509_CERTIFICATE, &forged(name))
}

fn info(arc: u8, content: &[u8]) -> Vec<u8> {
    let kind = tlv(
        0x06,
        &[b"\x2a\x86\x48\x86\xf7\x0d\x01\x07", &[arc][..]].concat(),
    );
    tlv(0x30, &[kind, tlv(0xa0, content)].concat())
}

/// A safe in clear.
fn clear(bags: &[Vec<u8>]) -> Vec<u8> {
    info(DATA, &tlv(0x04, &tlv(0x30, &bags.concat())))
}

/// An encrypted safe; its algorithm as it is encoded.
fn sealed_by(algorithm: &[u8], content: &[u8]) -> Vec<u8> {
    let kind = tlv(0x06, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
    let content = tlv(0x30, &[&kind, algorithm, &tlv(0x80, content)].concat());
    info(
        ENCRYPTED_DATA,
        &tlv(0x30, &[tlv(0x02, &[0]), content].concat()),
    )
}

fn pbkdf2(prf: Pbkdf2Prf, iterations: u32) -> Parameters {
    let kdf = Pbkdf2Params {
        salt: b"salt"[..].try_into().unwrap(),
        iteration_count: iterations,
        key_length: None,
        prf,
    };
    Parameters {
        kdf: Kdf::Pbkdf2(kdf),
        encryption: EncryptionScheme::Aes256Cbc { iv: [7; 16] },
    }
}

fn pbes2(parameters: &Parameters) -> Vec<u8> {
    let kind = tlv(0x06, b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d");
    tlv(0x30, &[kind, parameters.to_der().unwrap()].concat())
}

fn sealed_with(parameters: &Parameters, passphrase: &str, content: &[u8]) -> Vec<u8> {
    let mut buffer = content.to_vec();
    buffer.resize(content.len() + 16, 0);
    let sealed = parameters.encrypt_in_place(passphrase, &mut buffer, content.len());
    sealed_by(&pbes2(parameters), sealed.unwrap())
}

fn sealed(passphrase: &str, bags: &[Vec<u8>]) -> Vec<u8> {
    let parameters = pbkdf2(Pbkdf2Prf::HmacWithSha256, 2);
    sealed_with(&parameters, passphrase, &tlv(0x30, &bags.concat()))
}

/// A store of these safes, and what stands behind them.
fn store(safes: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let safes = info(DATA, &tlv(0x04, &tlv(0x30, &safes.concat())));
    tlv(0x30, &[&tlv(0x02, &[3]), &safes, behind].concat())
}

/// A MAC of SHA-256 over the safes.
fn mac(safes: &[Vec<u8>], passphrase: &str) -> Vec<u8> {
    let secret = Secret::all(&passphrase.into()).next().unwrap();
    let digest = kdf::sealed(&secret, b"salt", 3, &tlv(0x30, &safes.concat()));
    let hash = tlv(0x30, &tlv(0x06, b"\x60\x86\x48\x01\x65\x03\x04\x02\x01"));
    let digest = tlv(0x30, &[hash, tlv(0x04, &digest)].concat());
    tlv(
        0x30,
        &[digest, tlv(0x04, b"salt"), tlv(0x02, &[3])].concat(),
    )
}

fn open(store: &[u8], passphrases: &[&str]) -> Decoded {
    let passphrases: Vec<Passphrase> = passphrases.iter().map(|&text| text.into()).collect();
    with_passphrases(store, &passphrases)
}

fn names(decoded: &Decoded) -> Vec<&str> {
    let certificates = decoded.certificates.iter();
    certificates
        .map(|certificate| certificate.subject().common_name.unwrap())
        .collect()
}

fn reasons(decoded: &Decoded) -> Vec<(Reason, Option<usize>)> {
    let problems = decoded.problems.iter();
    problems
        .map(|problem| (problem.reason, problem.block))
        .collect()
}

#[test]
fn each_bag_is_a_block_and_a_bad_one_costs_itself_alone() {
    let bags = [
        certificate("one"),
        bag(2, &tlv(0x30, b"")), // a key
        typed_bag(CERTIFICATE_BAG, X509_CERTIFICATE, b"\x30\x82\x01"),
        typed_bag(CERTIFICATE_BAG, X509_CERTIFICATE, &tlv(0x30, &[5, 0])),
        typed_bag(CERTIFICATE_BAG, b"\x2a\x03", b"of another type"),
        tlv(0x30, b""),
        bag(CERTIFICATE_BAG, &tlv(0x30, b"")),
        typed_bag(CRL_BAG, X509_CRL, LIST),
        typed_bag(CRL_BAG, X509_CRL, b"\x30\x00"),
        typed_bag(CRL_BAG, b"\x2a\x03", b"of another type"),
        certificate("eleven"),
    ];
    for safe in [clear(&bags), sealed("secret", &bags)] {
        let decoded = open(
            &store(&[safe, clear(&[certificate("last")])], b""),
            &["secret"],
        );
        assert_eq!(names(&decoded), ["one", "eleven", "last"]);
        let expected = [
            (Reason::BadDer, 3),
            (Reason::BadCertificate, 4),
            (Reason::BadPkcs12, 6),
            (Reason::BadPkcs12, 7),
            (Reason::BadCrl, 9),
        ];
        assert_eq!(
            reasons(&decoded),
            expected.map(|(reason, block)| (reason, Some(block)))
        );
        assert_eq!((decoded.crls.len(), decoded.other_blocks), (1, 3));
    }
}

#[test]
fn bags_are_found_in_bags_down_to_a_depth() {
    let nest = |bag: Vec<u8>| self::bag(SAFE_CONTENTS_BAG, &tlv(0x30, &bag));
    let mut nested = certificate("nested");
    for _ in 0..MAX_DEPTH {
        nested = nest(nested);
    }
    let decoded = certificates(&store(
        &[clear(&[nested.clone(), certificate("last")])],
        b"",
    ));
    assert_eq!(names(&decoded), ["nested", "last"]);
    let deeper = clear(&[nest(nested), certificate("last")]);
    let decoded = certificates(&store(&[deeper], b""));
    assert_eq!(names(&decoded), ["last"]);
    assert_eq!(reasons(&decoded), [(Reason::BadPkcs12, Some(1))]);
}

#[test]
fn what_is_in_clear_counts_where_the_rest_is_closed() {
    let safes = [
        sealed("secret", &[certificate("closed")]),
        clear(&[certificate("open")]),
        sealed("secret", &[certificate("closed too")]),
    ];
    for mac in [vec![], mac(&safes, "secret")] {
        let store = store(&safes, &mac);
        for passphrases in [&[][..], &["wrong"], &["wrong", ""]] {
            let decoded = open(&store, passphrases);
            assert_eq!(names(&decoded), ["open"]);
            assert_eq!(reasons(&decoded), [(Reason::BadPassphrase, None)]);
        }
        let decoded = open(&store, &["wrong", "secret"]);
        assert_eq!(names(&decoded), ["closed", "open", "closed too"]);
        assert_eq!(reasons(&decoded), []);
    }
}

#[test]
fn mac_and_safes_may_have_passphrases_of_their_own() {
    let safes = [
        sealed("one", &[certificate("one")]),
        sealed("two", &[certificate("two")]),
    ];
    let store = store(&safes, &mac(&safes, "three"));
    let decoded = open(&store, &["one", "two", "three"]);
    assert_eq!(
        (names(&decoded), reasons(&decoded)),
        (vec!["one", "two"], vec![])
    );
    let decoded = open(&store, &["three", "two"]);
    assert_eq!(names(&decoded), ["two"]);
    assert_eq!(reasons(&decoded), [(Reason::BadPassphrase, None)]);
}

#[test]
fn a_wrong_passphrase_that_leaves_what_looks_like_padding_is_still_wrong() {
    let parameters = pbkdf2(Pbkdf2Prf::HmacWithSha256, 2);
    let content = tlv(0x30, &certificate("one"));
    let store = store(&[sealed_with(&parameters, "secret", &content)], b"");
    let mut buffer = content.clone();
    buffer.resize(content.len() + 16, 0);
    let sealed = parameters.encrypt_in_place("secret", &mut buffer, content.len());
    let sealed = sealed.unwrap().to_vec();
    let pads = |wrong: &String| {
        parameters
            .decrypt_in_place(wrong, &mut sealed.clone())
            .is_ok()
    };
    let lucky = (0..100_000).map(|n| format!("wrong {n}")).find(pads);
    let lucky = lucky.unwrap();
    assert_eq!(names(&open(&store, &[&lucky, "secret"])), ["one"]);
    let decoded = open(&store, &[&lucky]);
    assert_eq!(reasons(&decoded), [(Reason::BadPassphrase, None)]);
}

#[test]
fn a_mac_of_a_kind_that_is_not_known_says_nothing() {
    let safes = [sealed("secret", &[certificate("one")])];
    let mut mac = mac(&safes, "another");
    let hash = mac.windows(2).position(|window| window == b"\x60\x86");
    mac[hash.unwrap()] = 0x2a;
    let store = store(&safes, &mac);
    assert_eq!(names(&open(&store, &["wrong", "secret"])), ["one"]);
    let decoded = open(&store, &["wrong"]);
    assert_eq!(reasons(&decoded), [(Reason::BadPassphrase, None)]);
}

#[test]
fn every_pseudorandom_function_of_pbes2_is_known() {
    for prf in [
        Pbkdf2Prf::HmacWithSha1,
        Pbkdf2Prf::HmacWithSha224,
        Pbkdf2Prf::HmacWithSha256,
        Pbkdf2Prf::HmacWithSha384,
        Pbkdf2Prf::HmacWithSha512,
    ] {
        let content = tlv(0x30, &certificate("one"));
        let safe = sealed_with(&pbkdf2(prf, 2), "secret", &content);
        assert_eq!(names(&open(&store(&[safe], b""), &["secret"])), ["one"]);
    }
}

#[test]
fn what_cannot_be_undone_says_so_with_a_passphrase_and_without() {
    let old = |arc: u8| {
        let kind = tlv(
            0x06,
            &[b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01", &[arc][..]].concat(),
        );
        let parameters = tlv(0x30, &[tlv(0x04, b"salt"), tlv(0x02, &[1])].concat());
        sealed_by(&tlv(0x30, &[kind, parameters].concat()), &[0; 16])
    };
    let scrypt = {
        let kind = tlv(0x06, b"\x2b\x06\x01\x04\x01\xda\x47\x04\x0b");
        let cost = [tlv(0x02, b"\x40\0\0\0"), tlv(0x02, &[8]), tlv(0x02, &[1])].concat();
        let kdf = tlv(
            0x30,
            &[kind, tlv(0x30, &[tlv(0x04, b"salt"), cost].concat())].concat(),
        );
        let aes = tlv(0x06, b"\x60\x86\x48\x01\x65\x03\x04\x01\x2a");
        let aes = tlv(0x30, &[aes, tlv(0x04, &[0; 16])].concat());
        let kind = tlv(0x06, b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d");
        let algorithm = tlv(0x30, &[kind, tlv(0x30, &[kdf, aes].concat())].concat());
        sealed_by(&algorithm, &[0; 16])
    };
    let unknown = tlv(0x30, &[tlv(0x06, b"\x2a\x03"), tlv(0x05, b"")].concat());
    let of_public_keys = tlv(0x30, &[tlv(0x02, &[3]), info(2, &tlv(0x30, b""))].concat());
    for store in [
        store(&[old(1)], b""),
        store(&[old(2)], b""),
        store(&[scrypt], b""),
        store(&[sealed_by(&unknown, &[0; 16])], b""),
        store(&[info(3, &tlv(0x30, b""))], b""),
        of_public_keys,
    ] {
        for passphrases in [&[][..], &["secret"]] {
            let reasons = reasons(&open(&store, passphrases));
            assert_eq!(
                reasons,
                [(Reason::UnsupportedAlgorithm, None)],
                "{store:02x?}"
            );
        }
    }
}

#[test]
fn rounds_without_end_are_not_computed() {
    let many = pbkdf2(Pbkdf2Prf::HmacWithSha256, 100_000_000);
    let content = tlv(0x30, &certificate("one"));
    let slow_safe = sealed_by(&pbes2(&many), &[0; 16]);
    let old = {
        let kind = tlv(0x06, b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03");
        let rounds = tlv(0x02, b"\x7f\xff\xff\xff\xff\xff\xff\xff");
        let parameters = tlv(0x30, &[tlv(0x04, b"salt"), rounds].concat());
        sealed_by(&tlv(0x30, &[kind, parameters].concat()), &[0; 16])
    };
    let slow_mac = {
        let hash = tlv(0x30, &tlv(0x06, b"\x2b\x0e\x03\x02\x1a"));
        let digest = tlv(0x30, &[hash, tlv(0x04, &[0; 20])].concat());
        let rounds = tlv(0x02, b"\x7f\xff\xff\xff");
        tlv(0x30, &[digest, tlv(0x04, b"salt"), rounds].concat())
    };
    // No more together than alone.
    let half = pbkdf2(Pbkdf2Prf::HmacWithSha256, 5);
    let halves = vec![sealed_with(&half, "secret", &content); 3];
    for store in [
        store(&[slow_safe], b""),
        store(&[old], b""),
        store(&[clear(&[certificate("in clear")])], &slow_mac),
    ] {
        let decoded = open(&store, &["secret"]);
        assert_eq!(reasons(&decoded), [(Reason::UnsupportedAlgorithm, None)]);
        let in_clear = usize::from(store.ends_with(&slow_mac));
        assert_eq!(decoded.certificates.len(), in_clear);
    }
    assert_eq!(names(&open(&store(&halves, b""), &["secret"])).len(), 3);
    // Two tasks each: hashing and decrypting.
    let mut budget = Budget::of(150);
    let cipher = pbes2(&half);
    let cipher = Cipher::find(first(&cipher).unwrap().0).unwrap();
    let secret = Secret::all(&"secret".into()).next().unwrap();
    let mut decrypt = || cipher.decrypt(&secret, &[0; 16], &mut budget).map(|_| ());
    assert_eq!(decrypt(), Ok(()));
    assert_eq!(decrypt(), Err(TOO_SLOW));
}

#[test]
fn a_store_that_is_cut_anywhere_is_broken() {
    let safes = [
        clear(&[certificate("one")]),
        sealed("secret", &[certificate("two")]),
    ];
    let whole = store(&safes, &mac(&safes, "secret"));
    for end in 8..whole.len() {
        let reasons = reasons(&open(&whole[..end], &["secret"]));
        assert_eq!(reasons, [(Reason::BadPkcs12, None)], "{end}");
    }
    for broken in [
        store(&[], b"\x30\x80"),
        store(&[], &tlv(0x30, b"")),
        store(&[tlv(0x30, b"")], b""),
        store(&[info(DATA, &tlv(0x04, b"\x30\x05"))], b""),
        store(&[info(DATA, &tlv(0x04, b"\x30\x02\x30\x05"))], b""),
        store(&[info(ENCRYPTED_DATA, &tlv(0x30, b""))], b""),
        tlv(
            0x30,
            &[tlv(0x02, &[3]), info(DATA, &tlv(0x04, b"")), vec![0; 200]].concat(),
        ),
    ] {
        let reasons = reasons(&open(&broken, &["secret"]));
        assert_eq!(reasons, [(Reason::BadPkcs12, None)], "{broken:02x?}");
    }
}

#[test]
fn lengths_may_be_indefinite_and_strings_in_pieces() {
    let safes = tlv(0x30, &clear(&[certificate("one")]));
    let (left, right) = safes.split_at(safes.len() / 2);
    let string = [
        b"\x24\x80",
        &tlv(0x04, left)[..],
        &tlv(0x04, right),
        b"\0\0",
    ]
    .concat();
    let kind = tlv(0x06, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
    let store = [
        b"\x30\x80\x02\x01\x03\x30\x80",
        &kind[..],
        b"\xa0\x80",
        &string,
        b"\0\0\0\0\0\0",
    ]
    .concat();
    let decoded = certificates(&store);
    assert_eq!((names(&decoded), reasons(&decoded)), (vec!["one"], vec![]));
}

#[test]
fn an_empty_store_holds_no_certificate() {
    let decoded = certificates(&store(&[clear(&[])], b""));
    assert_eq!(reasons(&decoded), [(Reason::NoCertificateFound, None)]);
}
