//! Whole places: what text and bytes around certificates do to the result.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SerialNumber};

use super::collector::{MAX_BLOCK, MAX_BLOCKS};
use super::forge::{Forge, common_name, tlv};
use super::*;

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        writeln!(text, "{}", str::from_utf8(line).unwrap()).unwrap();
    }
    writeln!(text, "-----END {label}-----").unwrap();
    text
}

fn forged(name: &str) -> Vec<u8> {
    Forge {
        subject: common_name(0x0c, name.as_bytes()),
        ..Forge::default()
    }
    .der()
}

fn names(decoded: &Decoded) -> Vec<&str> {
    let names = decoded
        .certificates
        .iter()
        .map(|certificate| certificate.subject().common_name);
    names.map(Option::unwrap_or_default).collect()
}

fn reasons(decoded: &Decoded) -> Vec<(Reason, Option<usize>)> {
    decoded
        .problems
        .iter()
        .map(|problem| (problem.reason, problem.block))
        .collect()
}

#[test]
fn a_certificate_made_by_another_hand_gives_its_facts() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "DE");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "An Organisation");
    params.distinguished_name.push(DnType::CommonName, "a root");
    params.serial_number = Some(SerialNumber::from(1_234_567_890_123_u64));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    params.not_before = rcgen::date_time_ymd(2024, 2, 29);
    params.not_after = rcgen::date_time_ymd(2060, 1, 1);
    let made = params.self_signed(&key).unwrap();

    let decoded = certificates(made.pem().as_bytes());
    assert_eq!(decoded, certificates(made.der()));
    assert_eq!((decoded.problems.len(), decoded.other_blocks), (0, 0));
    let [certificate] = &decoded.certificates[..] else {
        panic!("{decoded:?}")
    };
    assert_eq!(certificate.not_before, 1_709_164_800);
    assert_eq!(certificate.not_after, 2_840_140_800);
    assert_eq!(certificate.serial(), Some("1234567890123"));
    let subject = certificate.subject();
    assert_eq!(subject, certificate.issuer());
    assert_eq!(subject.country, Some("DE"));
    assert_eq!(subject.organization, Some("An Organisation"));
    assert_eq!(subject.common_name, Some("a root"));
    assert!(certificate.profile.ca);
}

#[test]
fn the_usual_haproxy_file_gives_its_chain() {
    let text = [
        pem("EC PARAMETERS", b"parameters"),
        pem("EC PRIVATE KEY", b"key"),
        pem("CERTIFICATE", &forged("leaf")),
        pem("CERTIFICATE", &forged("intermediate")),
        pem("DH PARAMETERS", b"parameters"),
    ]
    .concat();
    let decoded = certificates(text.as_bytes());
    assert_eq!(names(&decoded), ["leaf", "intermediate"]);
    assert_eq!((reasons(&decoded), decoded.other_blocks), (vec![], 3));
}

#[test]
fn bad_blocks_are_numbered_and_cost_no_neighbour() {
    let bad_date = Forge {
        not_after: tlv(0x17, b"251301000000Z"),
        ..Forge::default()
    }
    .der();
    let cut = &forged("cut")[..100];
    let text = [
        &pem("CERTIFICATE", &forged("one")),
        "-----BEGIN CERTIFICATE-----\n@@@@\n-----END CERTIFICATE-----\n",
        &pem("PRIVATE KEY", b"key"),
        &pem("CERTIFICATE", &forged("four")),
        &pem("CERTIFICATE", cut),
        &pem("CERTIFICATE", b""),
        &pem("CERTIFICATE", &tlv(0x30, &tlv(0x02, &[0]))),
        &pem("CERTIFICATE", &bad_date),
        &pem("CERTIFICATE", &forged("nine")),
        "-----BEGIN CERTIFICATE-----\nZm9v\n",
        &pem("CERTIFICATE", &forged("eleven")),
    ]
    .concat();
    let decoded = certificates(text.as_bytes());
    assert_eq!(names(&decoded), ["one", "four", "nine", "eleven"]);
    let expected = [
        (Reason::BadBase64, 2),
        (Reason::BadDer, 5),
        (Reason::BadDer, 6),
        (Reason::BadCertificate, 7),
        (Reason::BadValidity, 8),
        (Reason::BadPem, 10),
    ];
    assert_eq!(
        reasons(&decoded),
        expected.map(|(reason, block)| (reason, Some(block)))
    );
    assert_eq!(decoded.other_blocks, 1);
}

#[test]
fn where_nothing_is_found_that_is_the_problem() {
    for bytes in [
        &b""[..],
        b"\n",
        b"hello",
        b"\xff\xfe-\0-\0",
        b"0 is a digit",
        b"# -----BEGIN X-----",
    ] {
        let decoded = certificates(bytes);
        assert_eq!(
            reasons(&decoded),
            [(Reason::NoCertificateFound, None)],
            "{bytes:?}"
        );
        assert_eq!((decoded.certificates.len(), decoded.other_blocks), (0, 0));
    }
}

#[test]
fn other_blocks_alone_are_left_to_the_caller() {
    let decoded = certificates(pem("PRIVATE KEY", b"key").as_bytes());
    assert_eq!(
        decoded,
        Decoded {
            other_blocks: 1,
            ..Decoded::default()
        }
    );
}

#[test]
fn exact_duplicates_are_kept() {
    let twice = pem("CERTIFICATE", &forged("one")).repeat(2);
    assert_eq!(names(&certificates(twice.as_bytes())), ["one", "one"]);
}

#[test]
fn der_is_known_by_its_content_whatever_follows() {
    let [one, two] = ["one", "two"].map(forged);
    let text = pem("CERTIFICATE", &two);
    for (rest, expected) in [
        (&b""[..], &["one"][..]),
        (b"\n", &["one"]),
        (b"\r\n\0\0", &["one"]),
        (b"\x30\x0a0123456789", &["one"]),
        (b"\x30\x82\x01\x00short", &["one"]),
        (&tlv(0x30, &[0; 200]), &["one"]),
        (&two, &["one", "two"]),
        (text.as_bytes(), &["one", "two"]),
    ] {
        let decoded = certificates(&[&one, rest].concat());
        assert_eq!(
            (names(&decoded), reasons(&decoded)),
            (expected.to_vec(), vec![]),
            "{rest:x?}"
        );
    }
}

#[test]
fn what_trails_der_is_not_counted_as_a_block() {
    let bad = "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
    let decoded =
        certificates(&[&forged("one"), &tlv(0x30, &[0; 200])[..], bad.as_bytes()].concat());
    assert_eq!(reasons(&decoded), [(Reason::BadBase64, Some(2))]);
}

#[test]
fn der_that_is_no_certificate_is_one_problem() {
    let cut = &forged("cut")[..200];
    let other = tlv(0x30, &tlv(0x02, &[7; 200]));
    for (bytes, reason) in [
        (cut, Reason::BadDer),
        (b"\x30\x80\x30\x80", Reason::BadDer),
        (b"\x30\x82", Reason::BadDer),
        (&other, Reason::BadCertificate),
    ] {
        assert_eq!(reasons(&certificates(bytes)), [(reason, Some(1))]);
    }
}

#[test]
fn a_key_in_der_is_passed_over_as_one_in_pem_is() {
    let algorithm = tlv(0x30, &tlv(0x06, &[0x2b, 0x65, 0x70]));
    let (number, string) = (tlv(0x02, &[7; 200]), tlv(0x04, &[7; 200]));
    for parts in [
        [tlv(0x02, &[0]), number.clone()],
        [tlv(0x02, &[1]), string.clone()],
        [tlv(0x02, &[0]), [&algorithm[..], &string].concat()],
        [algorithm.clone(), string.clone()],
        [algorithm, tlv(0x03, &[0; 200])],
    ] {
        let decoded = certificates(&tlv(0x30, &parts.concat()));
        assert_eq!((decoded.other_blocks, reasons(&decoded)), (1, vec![]));
    }
    for parts in [[tlv(0x02, &[3]), number], [tlv(0x30, b""), string]] {
        let decoded = certificates(&tlv(0x30, &parts.concat()));
        assert_eq!(reasons(&decoded), [(Reason::BadCertificate, Some(1))]);
    }
}

#[test]
fn a_trusted_certificate_is_read_without_its_trust_settings() {
    let plain = forged("one");
    let trusted = [
        &plain[..],
        &tlv(0x30, b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01"),
    ]
    .concat();
    let decoded = certificates(pem("TRUSTED CERTIFICATE", &trusted).as_bytes());
    assert_eq!(decoded, certificates(&plain));
}

#[test]
fn a_block_beyond_all_measure_is_too_large() {
    let huge = tlv(0x30, &vec![0; MAX_BLOCK]);
    for bytes in [&pem("CERTIFICATE", &huge).into_bytes(), &huge] {
        let neighbour = pem("CERTIFICATE", &forged("neighbour"));
        let decoded = certificates(&[bytes, neighbour.as_bytes()].concat());
        assert_eq!(reasons(&decoded), [(Reason::TooLarge, Some(1))]);
        assert_eq!(names(&decoded), ["neighbour"]);
    }
}

#[test]
fn beyond_so_many_blocks_the_rest_is_not_read() {
    let block = pem("DH PARAMETERS", b"");
    let full = block.repeat(MAX_BLOCKS);
    let decoded = certificates(full.as_bytes());
    assert_eq!(
        decoded,
        Decoded {
            other_blocks: MAX_BLOCKS,
            ..Decoded::default()
        }
    );
    let decoded = certificates((full + &block.repeat(2)).as_bytes());
    assert_eq!(reasons(&decoded), [(Reason::TooMany, None)]);
    assert_eq!(decoded.other_blocks, MAX_BLOCKS);

    let full = forged("der").repeat(MAX_BLOCKS + 1);
    let decoded = certificates(&[&full, block.as_bytes()].concat());
    assert_eq!(reasons(&decoded), [(Reason::TooMany, None)]);
    assert_eq!(decoded.certificates.len(), MAX_BLOCKS);
}

#[test]
fn no_problem_tells_what_the_bytes_were() {
    let text = "-----BEGIN CERTIFICATE-----\nhunter2!\n-----END CERTIFICATE-----\n\
                -----BEGIN hunter2-----\nhunter2\n-----END hunter2-----\n-----BEGIN hunter2";
    let decoded = certificates(text.as_bytes());
    assert_eq!(decoded.problems.len(), 3);
    assert!(!format!("{decoded:?}").contains("hunter2"));
}

#[test]
fn each_part_of_a_message_is_a_block_of_its_own() {
    let list = include_bytes!("../../testdata/keystores/list.der");
    let bad = tlv(0x30, &tlv(0x02, &[0]));
    let certificates = [
        &forged("one")[..],
        &bad,
        &tlv(0xa1, b"other"),
        &forged("four"),
    ]
    .concat();
    let sets = [
        tlv(0xa0, &certificates),
        tlv(0xa1, &[&bad[..], list].concat()),
    ]
    .concat();
    let der = message(&sets);
    for bytes in [der.clone(), pem("PKCS7", &der).into_bytes()] {
        let decoded = super::certificates(&[&bytes[..], pem("CMS", b"").as_bytes()].concat());
        assert_eq!(names(&decoded), ["one", "four"]);
        let expected = [
            (Reason::BadCertificate, 2),
            (Reason::BadCrl, 5),
            (Reason::BadDer, 7),
        ];
        assert_eq!(
            reasons(&decoded),
            expected.map(|(reason, block)| (reason, Some(block)))
        );
        assert_eq!((decoded.crls.len(), decoded.other_blocks), (1, 1));
    }
}

#[test]
fn a_message_whose_set_is_cut_says_so() {
    let set = [&forged("one")[..], b"\x30\x82"].concat();
    let decoded = certificates(&message(&tlv(0xa0, &set)));
    assert_eq!(names(&decoded), ["one"]);
    assert_eq!(reasons(&decoded), [(Reason::BadPkcs7, Some(2))]);
}

/// A PKCS#7 message that carries these sets.
fn message(sets: &[u8]) -> Vec<u8> {
    let kind = |arc| {
        tlv(
            0x06,
            &[b"\x2a\x86\x48\x86\xf7\x0d\x01\x07", &[arc][..]].concat(),
        )
    };
    let fields = [
        &tlv(0x02, &[1]),
        &tlv(0x31, b""),
        &tlv(0x30, &kind(1)),
        sets,
        &tlv(0x31, b""),
    ];
    let content = tlv(0xa0, &tlv(0x30, &fields.concat()));
    tlv(0x30, &[kind(2), content].concat())
}

#[test]
fn a_keystore_is_known_by_its_first_bytes() {
    for (bytes, expected) in [
        (&b"\xfe\xed\xfe\xed\0\0\0\x02"[..], Some(Keystore::Jks)),
        (b"\xce\xce\xce\xce\0\0\0\x02", Some(Keystore::Jks)),
        (
            b"\x30\x82\x01\x00\x02\x01\x03\x30\x82",
            Some(Keystore::Pkcs12),
        ),
        (b"\x30\x80\x02\x01\x03\x30\x80", Some(Keystore::Pkcs12)),
        (b"\x30\x16\x02\x01\x03\x30\x11", Some(Keystore::Pkcs12)),
        (b"\x30\x82\x01\x00\x02\x01\x00\x30\x0d", None),
        (b"\x30\xff\x02\x01\x03\x30", None),
        (b"\x30", None),
        (b"", None),
        (b"-----BEGIN CERTIFICATE-----", None),
        (&forged("one"), None),
    ] {
        assert_eq!(keystore(bytes), expected, "{bytes:02x?}");
    }
}

/// Pieces of places: good and bad blocks, and what stands between them.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}".prop_map(|name| pem("CERTIFICATE", &forged(&name))),
        "[a-z]{1,8}".prop_map(|name| pem("X509 CERTIFICATE", &forged(&name)).replace('\n', "\r\n")),
        "[a-z]{1,8}".prop_map(|name| pem("CERTIFICATE", &forged(&name)).trim_end().to_owned()),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(|der| pem("CERTIFICATE", &der)),
        Just(pem("RSA PRIVATE KEY", b"key")),
        Just(pem("SOMETHING", b"else")),
        Just(include_str!("../../testdata/keystores/list.pem").to_owned()),
        Just(include_str!("../../testdata/keystores/chain-and-list.p7b.pem").to_owned()),
        Just(include_str!("../../testdata/keystores/enveloped.pem").to_owned()),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(|der| pem("PKCS7", &der)),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(|der| pem("X509 CRL", &der)),
        Just("-----BEGIN CERTIFICATE-----\nZm9v\n".to_owned()),
        Just("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----".to_owned()),
        "(# )?[a-z0-9 \\-]{0,20}\n".prop_map(String::from),
    ]
}

fn place() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat())
}

/// How many blocks there are: those of a message are its certificates and lists.
fn blocks(text: &str) -> usize {
    let mut collector = Collector::default();
    collector.take_pem(text.as_bytes());
    collector.blocks
}

/// One after the other: blocks are numbered on, and nothing found is a matter of the whole.
fn joined(first: Decoded, blocks_of_first: usize, second: Decoded) -> Decoded {
    let mut joined = first;
    joined.certificates.extend(second.certificates);
    joined.crls.extend(second.crls);
    joined.other_blocks += second.other_blocks;
    joined
        .problems
        .extend(second.problems.into_iter().map(|problem| Problem {
            block: problem.block.map(|block| block + blocks_of_first),
            ..problem
        }));
    if joined
        .problems
        .iter()
        .any(|problem| problem.block.is_some())
        || joined.certificates.len() + joined.crls.len() + joined.other_blocks > 0
    {
        joined
            .problems
            .retain(|problem| problem.reason != Reason::NoCertificateFound);
    } else {
        joined.problems.truncate(1);
    }
    joined
}

proptest! {
    #[test]
    fn two_places_in_one_give_the_results_of_both(a in place(), b in place()) {
        let both = certificates(format!("{a}\n{b}").as_bytes());
        let expected = joined(
            certificates(a.as_bytes()),
            blocks(&a),
            certificates(b.as_bytes()),
        );
        prop_assert_eq!(both, expected);
    }

    #[test]
    fn every_block_gives_one_result(text in place()) {
        let decoded = certificates(text.as_bytes());
        let results = decoded.certificates.len() + decoded.crls.len() + decoded.other_blocks
            + decoded.problems.iter().filter(|problem| problem.block.is_some()).count();
        prop_assert_eq!(results, blocks(&text));
        prop_assert!(results >= pem::blocks(text.as_bytes()).count());
    }

    #[test]
    fn any_bytes_are_decoded_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        certificates(&bytes);
    }

    #[test]
    fn any_bytes_in_a_block_are_decoded_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let text = [b"-----BEGIN CERTIFICATE-----\n", &bytes[..], b"\n-----END CERTIFICATE-----"].concat();
        certificates(&text);
        certificates(pem("CERTIFICATE", &bytes).as_bytes());
    }

    #[test]
    fn a_certificate_changed_anywhere_is_decoded_without_panic(
        at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<prop::sample::Index>(),
    ) {
        let mut der = forged("mutated");
        let at = at.index(der.len());
        der[at] = with;
        let decoded = certificates(&der);
        let results = decoded.certificates.len() + decoded.problems.len();
        prop_assert!(results == 1, "{:?}", decoded);
        certificates(&der[..cut.index(der.len())]);
    }
}
