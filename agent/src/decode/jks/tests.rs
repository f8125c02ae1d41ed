//! Keystores built record by record. Those of keytool are read in tests/formats.rs.

use super::super::{Decoded, Passphrase, certificates, forge, with_passphrases};
use super::*;

/// A certificate as it stands in a store of version 2.
fn certificate(name: &str) -> Vec<u8> {
    let der = forge::Forge {
        subject: forge::common_name(0x0c, name.as_bytes()),
        ..forge::Forge::default()
    }
    .der();
    typed(&der)
}

fn typed(der: &[u8]) -> Vec<u8> {
    [b"\0\x05X.509", &counted(der)[..]].concat()
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    [
        &u32::try_from(bytes.len()).unwrap().to_be_bytes()[..],
        bytes,
    ]
    .concat()
}

fn entry(kind: u32, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], b"\0\x05alias", &[1; 8], content].concat()
}

fn private_key(chain: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(chain.len()).unwrap().to_be_bytes();
    let content = [counted(b"encrypted"), count.to_vec(), chain.concat()];
    entry(PRIVATE_KEY, &content.concat())
}

/// A store of these entries, with the digest that belongs to the passphrase.
fn store(version: u32, entries: &[Vec<u8>], passphrase: &str) -> Vec<u8> {
    let count = u32::try_from(entries.len()).unwrap();
    let mut store = [0xfeed_feed, version, count].map(u32::to_be_bytes).concat();
    store.extend(entries.concat());
    let digest = digest(&store, &passphrase.into());
    store.extend(digest);
    store
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
fn chains_and_trusted_certificates_are_read_and_keys_are_not() {
    let store = store(
        2,
        &[
            private_key(&[certificate("leaf"), certificate("issuer")]),
            entry(TRUSTED_CERTIFICATE, &certificate("trusted")),
            private_key(&[]),
        ],
        "secret",
    );
    let decoded = certificates(&store);
    assert_eq!(names(&decoded), ["leaf", "issuer", "trusted"]);
    assert_eq!((reasons(&decoded), decoded.other_blocks), (vec![], 2));
}

#[test]
fn a_store_of_version_1_names_no_types() {
    let untyped = certificate("one")[7..].to_vec();
    let store = store(1, &[entry(TRUSTED_CERTIFICATE, &untyped)], "");
    assert_eq!(names(&certificates(&store)), ["one"]);
}

#[test]
fn a_bad_certificate_costs_itself_alone() {
    let store = store(
        2,
        &[
            private_key(&[typed(b"\x30\x82\x01"), certificate("issuer")]),
            entry(TRUSTED_CERTIFICATE, &typed(&forge::tlv(0x30, &[5, 0]))),
            entry(TRUSTED_CERTIFICATE, b"\0\x03PGP\0\0\0\x01x"),
            entry(TRUSTED_CERTIFICATE, &certificate("trusted")),
        ],
        "",
    );
    let decoded = certificates(&store);
    assert_eq!(names(&decoded), ["issuer", "trusted"]);
    assert_eq!(
        reasons(&decoded),
        [(Reason::BadDer, Some(2)), (Reason::BadCertificate, Some(4))]
    );
    assert_eq!(decoded.other_blocks, 2);
}

#[test]
fn a_passphrase_is_checked_if_there_is_one() {
    let store = store(
        2,
        &[entry(TRUSTED_CERTIFICATE, &certificate("a"))],
        "Gr\u{fc}\u{1f511}",
    );
    for (passphrases, expected) in [
        (&[][..], &[][..]),
        (&["wrong", "Gr\u{fc}\u{1f511}"], &[]),
        (&["wrong", ""], &[(Reason::BadPassphrase, None)]),
    ] {
        let passphrases: Vec<Passphrase> = passphrases.iter().map(|&text| text.into()).collect();
        let decoded = with_passphrases(&store, &passphrases);
        assert_eq!(names(&decoded), ["a"]);
        assert_eq!(reasons(&decoded), expected);
    }
}

#[test]
fn what_follows_the_digest_does_not_matter() {
    let store = [store(2, &[private_key(&[])], "secret"), b"\n".to_vec()].concat();
    assert_eq!(reasons(&with_passphrases(&store, &["secret".into()])), []);
}

#[test]
fn an_empty_store_holds_no_certificate() {
    let decoded = certificates(&store(2, &[], "secret"));
    assert_eq!(reasons(&decoded), [(Reason::NoCertificateFound, None)]);
}

#[test]
fn a_store_that_is_cut_anywhere_gives_what_came_before() {
    let whole = store(
        2,
        &[
            entry(TRUSTED_CERTIFICATE, &certificate("one")),
            private_key(&[certificate("two"), certificate("three")]),
        ],
        "secret",
    );
    let mut seen = 0;
    for end in 4..whole.len() {
        let decoded = with_passphrases(&whole[..end], &["secret".into()]);
        assert_eq!(reasons(&decoded), [(Reason::BadJks, None)], "{end}");
        assert!(decoded.certificates.len() >= seen);
        seen = decoded.certificates.len();
    }
    assert_eq!(seen, 3);
}

#[test]
fn what_is_not_known_stops_the_reading_but_not_what_was_read() {
    let one = entry(TRUSTED_CERTIFICATE, &certificate("one"));
    for (version, entries, expected) in [
        (3, vec![one.clone()], &[][..]),
        (2, vec![one.clone(), entry(4, b"")], &["one"]),
        (2, vec![one, entry(SECRET_KEY, b"sealed")], &["one"]),
    ] {
        let decoded = certificates(&store(version, &entries, ""));
        assert_eq!(names(&decoded), expected);
        assert_eq!(reasons(&decoded), [(Reason::BadJks, None)]);
    }
}

#[test]
fn counts_that_lie_take_no_memory() {
    let mut lying = store(2, &[private_key(&[certificate("one")])], "");
    lying[8..12].fill(0xff);
    assert_eq!(reasons(&certificates(&lying)), [(Reason::BadJks, None)]);
}
