//! Chains as servers have them, and collections that are none.

use std::fmt::Write;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair,
    SerialNumber,
};

use super::super::forge::{BASIC_CONSTRAINTS, Forge, common_name, extension, tlv};
use super::super::{Decoded, certificates};
use super::*;

/// A certificate that is yet to be made.
struct Made {
    name: &'static str,
    issuer: &'static str,
    ca: bool,
    /// Year in which it ends.
    ends: u8,
    key: u8,
    issuer_key: u8,
}

const fn made(name: &'static str, issuer: &'static str) -> Made {
    let ca = !matches!(name.as_bytes(), [b'l', b'e', b'a', b'f', ..]);
    Made {
        name,
        issuer,
        ca,
        ends: 30,
        key: 0,
        issuer_key: 0,
    }
}

impl Made {
    const fn until(self, ends: u8) -> Self {
        Self { ends, ..self }
    }

    /// With the identifiers of its key and of its issuer's.
    const fn keys(self, key: u8, issuer_key: u8) -> Self {
        Self {
            key,
            issuer_key,
            ..self
        }
    }

    fn der(&self) -> Vec<u8> {
        let mut extensions = Vec::new();
        if self.ca {
            extensions.push(extension(BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\xff"));
        }
        if self.key > 0 {
            let value = tlv(0x04, &[self.key; 20]);
            extensions.push(extension(&[0x55, 0x1d, 0x0e], &value));
        }
        if self.issuer_key > 0 {
            let value = tlv(0x30, &tlv(0x80, &[self.issuer_key; 20]));
            extensions.push(extension(&[0x55, 0x1d, 0x23], &value));
        }
        let name = |name: &str| common_name(0x0c, name.as_bytes());
        Forge {
            subject: name(self.name),
            issuer: name(self.issuer),
            not_after: tlv(0x17, format!("{}0101000000Z", self.ends).as_bytes()),
            extensions,
            ..Forge::default()
        }
        .der()
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

/// The reasons and blocks that are told of these, one behind the other.
fn told(all: &[Made]) -> Vec<(Reason, Option<usize>)> {
    told_of(&all.iter().map(|made| pem(&made.der())).collect::<String>())
}

fn told_of(text: &str) -> Vec<(Reason, Option<usize>)> {
    let Decoded { problems, .. } = certificates(text.as_bytes());
    problems
        .into_iter()
        .map(|problem| (problem.reason, problem.block))
        .collect()
}

const LEAF: Made = made("leaf", "inter");
const INTER: Made = made("inter", "root");
const ROOT: Made = made("root", "root");

#[test]
fn a_leaf_that_outlives_its_issuer_is_told() {
    let late = (Reason::OutlivesIssuer, Some(1));
    assert_eq!(told(&[LEAF.until(31), INTER]), [late]);
    assert_eq!(told(&[LEAF.until(31), INTER, ROOT.until(20)]), [late]);
    assert_eq!(told(&[LEAF, INTER]), [], "the same second is no later");
    assert_eq!(told(&[LEAF, INTER, ROOT.until(20)]), [], "not its issuer");
}

#[test]
fn it_must_outlive_every_certificate_that_may_be_its_issuer() {
    let (renewed, old) = (INTER.until(32), INTER.until(29));
    assert_eq!(told(&[LEAF, renewed, old]), []);
    assert_eq!(
        told(&[LEAF.until(33), INTER.until(32), INTER.until(29)]),
        [(Reason::OutlivesIssuer, Some(1))]
    );
    // An older CA of the same name with another key is not the issuer.
    let leaf = || LEAF.until(33).keys(1, 2);
    assert_eq!(told(&[leaf(), INTER.keys(3, 4)]), []);
    assert_eq!(
        told(&[leaf(), INTER.keys(2, 4)]),
        [(Reason::OutlivesIssuer, Some(1))]
    );
    assert_eq!(
        told(&[leaf(), INTER.keys(0, 4)]),
        [(Reason::OutlivesIssuer, Some(1))],
        "one that does not name its key may be it"
    );
}

#[test]
fn a_ca_or_a_self_signed_certificate_outlives_nothing() {
    assert_eq!(told(&[INTER.until(40), ROOT]), []);
    assert_eq!(told(&[made("leaf", "leaf").until(40)]), []);
    assert_eq!(
        told(&[made("leaf", "leaf").until(40), made("leaf", "leaf")]),
        [],
        "what is no CA issues nothing"
    );
}

#[test]
fn every_leaf_is_looked_at_but_not_every_one_is_told() {
    let leaves = (0..50).map(|_| LEAF);
    let mut text = String::new();
    for (at, leaf) in leaves.enumerate() {
        let key = u8::try_from(at + 1).unwrap();
        write!(text, "{}", pem(&leaf.until(31).keys(key, 0).der())).unwrap();
    }
    let told = told_of(&(text + &pem(&INTER.der())));
    assert_eq!(told.len(), MAX_FINDINGS);
    assert_eq!(told[19], (Reason::OutlivesIssuer, Some(20)));
}

#[test]
fn chains_in_their_order_are_not_told() {
    const CROSS: Made = made("root", "other");
    const OTHER: Made = made("other", "other");
    const INTER_CROSS: Made = made("inter", "other");
    for (what, chain) in [
        ("a leaf", &[LEAF][..]),
        ("leaf and issuer", &[LEAF, INTER]),
        ("down to the root", &[LEAF, INTER, ROOT]),
        ("the issuer is missing", &[LEAF, ROOT]),
        ("a cross-signed root", &[LEAF, INTER, CROSS]),
        ("and its issuer", &[LEAF, INTER, CROSS, OTHER]),
        ("both roots", &[LEAF, INTER, ROOT, CROSS, OTHER]),
        ("both roots, turned", &[LEAF, INTER, CROSS, ROOT, OTHER]),
        ("both roots, apart", &[LEAF, INTER, CROSS, OTHER, ROOT]),
        ("two paths", &[LEAF, INTER, INTER_CROSS, OTHER, ROOT]),
        (
            "two paths, turned",
            &[LEAF, INTER_CROSS, INTER, ROOT, OTHER],
        ),
        ("an extra root", &[LEAF, INTER, OTHER, ROOT]),
        (
            "an old root",
            &[LEAF, INTER.keys(1, 2), ROOT.keys(3, 3), ROOT.keys(2, 2)],
        ),
        (
            "an old intermediate",
            &[LEAF.keys(1, 2), INTER.keys(3, 0), INTER.keys(2, 0)],
        ),
        (
            "roots in a circle",
            &[LEAF, INTER, CROSS, made("other", "root")],
        ),
        (
            "roots in a circle, turned",
            &[LEAF, INTER, made("other", "root"), CROSS],
        ),
        (
            "a self-signed leaf among CAs",
            &[ROOT, made("leaf", "leaf"), INTER],
        ),
        ("CAs in any order", &[ROOT, OTHER, INTER, CROSS]),
        ("two leaves", &[INTER, LEAF, made("leaf2", "inter")]),
        ("none of them related", &[OTHER, LEAF]),
    ] {
        assert_eq!(told(chain), [], "{what}");
    }
}

#[test]
fn chains_in_another_order_are_told_once() {
    let at = |block| [(Reason::ChainOutOfOrder, Some(block))];
    assert_eq!(told(&[INTER, LEAF]), at(2), "the leaf is last");
    assert_eq!(told(&[ROOT, INTER, LEAF]), at(3), "upside down");
    assert_eq!(told(&[LEAF, ROOT, INTER]), at(1), "the issuer is not next");
    assert_eq!(
        told(&[ROOT, LEAF, INTER]),
        at(3),
        "the root is before its child"
    );
    let [a, b] = [made("a", "b"), made("b", "root")];
    assert_eq!(told(&[LEAF, INTER_BY_A, b, a, ROOT]), at(4));
    assert_eq!(
        told(&[INTER, LEAF.until(31)]),
        [
            (Reason::OutlivesIssuer, Some(2)),
            (Reason::ChainOutOfOrder, Some(2))
        ]
    );
}

const INTER_BY_A: Made = made("inter", "a");

#[test]
fn what_stands_twice_counts_once() {
    assert_eq!(told(&[LEAF, INTER, LEAF, INTER]), []);
    assert_eq!(told(&[LEAF, LEAF, INTER, INTER]), []);
    assert_eq!(
        told(&[INTER, LEAF, LEAF]),
        [(Reason::ChainOutOfOrder, Some(2))]
    );
}

#[test]
fn other_blocks_between_the_certificates_are_no_matter() {
    let key = "-----BEGIN PRIVATE KEY-----\nZm9v\n-----END PRIVATE KEY-----\n";
    let [leaf, inter, root] = [LEAF, INTER, ROOT].map(|made| pem(&made.der()));
    assert_eq!(told_of(&[&*leaf, key, &inter, &root].concat()), []);
    let bad = "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n";
    let told = told_of(&[&*leaf, bad, &inter, &root].concat());
    assert_eq!(told, [(Reason::BadDer, Some(2))]);
    let told = told_of(&[&*inter, key, &leaf].concat());
    assert_eq!(told, [(Reason::ChainOutOfOrder, Some(3))]);
}

#[test]
fn a_collection_with_one_leaf_in_it_is_no_chain() {
    const NAMES: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let mut all: Vec<Made> = NAMES.map(|name| made(name, name)).into();
    all.extend([INTER, LEAF]);
    assert_eq!(told(&all), []);
    all.remove(0);
    assert_eq!(told(&all), [(Reason::ChainOutOfOrder, Some(10))]);
}

#[test]
fn in_containers_that_sort_as_they_like_the_order_says_nothing() {
    let [leaf, inter] = [LEAF.until(31), INTER].map(|made| made.der());
    let outlives = |block| vec![(Reason::OutlivesIssuer, Some(block))];
    let told = |bytes: &[u8]| {
        let problems = certificates(bytes).problems.into_iter();
        let told = problems.map(|problem| (problem.reason, problem.block));
        told.collect::<Vec<_>>()
    };
    // PKCS#7: a SET, which DER sorts by its bytes.
    let set = tlv(0xa0, &[&*inter, &leaf].concat());
    let data = tlv(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
    let signed = tlv(
        0x30,
        &[b"\x02\x01\x01\x31\0", &*data, &set, b"\x31\0"].concat(),
    );
    let kind = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    let message = tlv(0x30, &[kind, &*tlv(0xa0, &signed)].concat());
    assert_eq!(told(&message), outlives(2));
    // JKS: entries of a map.
    let mut store = b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x02".to_vec();
    for (alias, der) in [(b"\0\x01a", &inter), (b"\0\x01b", &leaf)] {
        store.extend([&b"\0\0\0\x02"[..], alias, &[0; 8], b"\0\x05X.509"].concat());
        store.extend(u32::try_from(der.len()).unwrap().to_be_bytes());
        store.extend(der);
    }
    store.extend([0; 20]);
    assert_eq!(told(&store), outlives(2));
}

#[test]
fn a_real_chain_is_tied_by_its_key_identifiers() {
    let params = |name: &str, ca: bool, end: i32| {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(u64::from(end.unsigned_abs())));
        params.not_after = rcgen::date_time_ymd(end, 1, 1);
        params.use_authority_key_identifier_extension = true;
        if ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    };
    let key = || KeyPair::generate().unwrap();
    let root = CertifiedIssuer::self_signed(params("root", true, 2040), key()).unwrap();
    let other = CertifiedIssuer::self_signed(params("root", true, 2050), key()).unwrap();
    let signed = |issuer: &Issuer<'_, KeyPair>| {
        let params = params("leaf", false, 2045);
        params.signed_by(&key(), issuer).unwrap().pem()
    };
    let leaf = signed(&root);
    let outlives = [(Reason::OutlivesIssuer, Some(1))];
    assert_eq!(told_of(&[&*leaf, &root.pem()].concat()), outlives);
    assert_eq!(told_of(&[&*leaf, &other.pem()].concat()), []);
    assert_eq!(
        told_of(&[&*leaf, &root.pem(), &other.pem()].concat()),
        outlives
    );
}

#[test]
fn the_trust_store_of_the_system_has_nothing_odd() {
    let store = std::fs::read("/etc/ssl/certs/ca-certificates.crt").expect("ca-certificates");
    let decoded = certificates(&store);
    assert!(decoded.certificates.len() > 100);
    assert_eq!(decoded.problems, []);
}
