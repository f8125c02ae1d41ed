use std::sync::Arc;

use super::*;
use crate::expose::cache::Cache;
use crate::expose::gzip::Packer;
use crate::inventory::Inventory;
use crate::model::{
    Bundle, Change, Crl, Details, Entry, EntryKind, Facts, Handshake, Name, Object, ObjectKind,
    Ocsp, OcspStatus, Pair, Reason, Verification,
};

pub(in crate::expose) fn facts<'a>(
    common_name: &'a str,
    serial: &'a str,
    fingerprint: u8,
) -> Facts<'a> {
    let name = |cn: &'a str| Name {
        common_name: Some(cn.into()),
        ..Name::default()
    };
    Facts {
        not_before: 1_700_000_000,
        not_after: 1_731_536_000,
        serial: Some(serial.into()),
        subject: Name {
            organization: Some("Example \"Org\"".into()),
            ..name(common_name)
        },
        issuer: name("ca"),
        ca: common_name == "ca",
        fingerprint: [fingerprint; 32],
        details: Details::default(),
    }
}

fn certificate(common_name: &str, serial: &str, fingerprint: u8) -> Arc<Certificate> {
    Arc::new(facts(common_name, serial, fingerprint).into())
}

/// A certificate of which everything is known.
fn detailed() -> Arc<Certificate> {
    let mut facts = facts("web", "4", 4);
    facts.details = Details {
        alternative_names: ["DNS:web", "IP:2001:db8::1", "URI:spiffe://a/\"b\""]
            .map(Into::into)
            .into(),
        more_names: 1,
        key_algorithm: "ECDSA".into(),
        key_bits: 256,
        signature_algorithm: "SHA256-RSA".into(),
        self_issued: false,
        key_usage: 0b101,
        extended_key_usage: vec!["serverAuth".into(), "clientAuth".into()],
    };
    Arc::new(facts.into())
}

pub(in crate::expose) fn crl(
    number: Option<&str>,
    next_update: Option<i64>,
    fingerprint: u8,
) -> Arc<Crl> {
    let issuer = facts("ca", "1", 1).subject;
    let fingerprint = [fingerprint; 32];
    Arc::new(Crl::new(
        1_731_000_000,
        next_update,
        number,
        &issuer,
        fingerprint,
    ))
}

fn listing(crls: Vec<Arc<Crl>>) -> Bundle {
    Bundle {
        crls,
        ..holding(Vec::new())
    }
}

fn holding(certificates: Vec<Arc<Certificate>>) -> Bundle {
    Bundle {
        certificates: Some(certificates),
        ..Bundle::default()
    }
}

fn object(kind: ObjectKind, namespace: &str, name: &str, key: &str) -> Location {
    let object = Object {
        cluster: None,
        kind,
        namespace: namespace.into(),
        name: name.into(),
    };
    Location::object(&Arc::new(object), &key.into())
}

fn secret(key: &str) -> Location {
    object(ObjectKind::Secret, "ns", "web", key)
}

fn text(inventory: &Inventory, options: &Options, now: i64) -> String {
    let mut packer = Packer::default();
    let snapshot = inventory.snapshot();
    let pieces = Cache::default().pieces(&snapshot, options, now, &mut packer);
    let member = packer.finish(pieces.unwrap()).unwrap();
    let chunks = member.into_plain().map(Result::unwrap);
    String::from_utf8(chunks.flatten().collect()).unwrap()
}

/// Something of everything.
pub(in crate::expose) fn everything() -> Inventory {
    let inventory = Inventory::default();
    let upsert = |source, location, bundle| {
        inventory.apply(source, Change::Upsert(location, bundle));
    };
    let ca = certificate("ca", "1", 1);
    upsert(
        0,
        Location::file("/etc/kubernetes/pki/ca.crt"),
        holding(vec![Arc::clone(&ca)]),
    );
    let mut mixed = holding(vec![certificate("a", "2", 2)]);
    mixed
        .problems
        .push(Problem::in_block(Reason::BadBase64, 2, "not base64"));
    mixed
        .problems
        .push(Problem::in_block(Reason::BadBase64, 3, "not base64"));
    upsert(0, Location::file("/etc/mixed.pem"), mixed);
    let entry = Entry {
        kind: EntryKind::User,
        name: "admin".into(),
    };
    let path = "/etc/kubernetes/admin.conf".into();
    let user = Location::Kubeconfig {
        path,
        entry: Some(entry),
    };
    upsert(1, user, holding(vec![certificate("admin", "3", 3)]));
    let mut labelled = holding(vec![detailed(), ca]);
    let detail = "it is valid for longer than the certificate that issued it";
    labelled
        .problems
        .push(Problem::in_block(Reason::OutlivesIssuer, 1, detail));
    labelled.labels = vec![("app.kubernetes.io/name".into(), "web".into())];
    upsert(2, secret("tls.crt"), labelled);
    let huge = "1234567890123456789012345678901234567890";
    let lists = vec![
        crl(Some(huge), Some(1_731_536_000), 6),
        crl(None, None, 7),
        crl(None, None, 8),
        crl(None, None, 8),
    ];
    let config = object(ObjectKind::ConfigMap, "ns", "lists", "ca.crl");
    upsert(2, config, listing(lists));
    let mut shown = holding(vec![certificate("web", "8", 8)]);
    shown.handshake = Some(Arc::new(handshake()));
    shown
        .problems
        .push(Problem::new(Reason::ServedStale, "it serves the old one"));
    let server = Location::endpoint(Some("shop".into()), "shop.example:443");
    upsert(3, server, shown);
    inventory
}

/// A look of which everything is known, at a server that shows an old certificate.
fn handshake() -> Handshake {
    let renewed = Facts {
        not_before: 1_730_000_000,
        ..facts("web", "9", 9)
    };
    Handshake {
        protocol: "smtp",
        tls_version: Some("1.3"),
        verification: Some(Verification::Ok),
        verified_not_after: Some(1_731_536_000),
        ocsp: Some(Ocsp {
            status: OcspStatus::Revoked,
            produced_at: Some(1_731_000_000),
            this_update: Some(1_731_000_001),
            next_update: Some(1_731_600_000),
            revoked_at: Some(1_730_900_000),
        }),
        pair: Some(Pair {
            path: "/etc/shop/web.crt".into(),
            certificate: Some(Arc::new(renewed.into())),
        }),
    }
}

#[test]
fn one_whole_exposition() {
    let options = Options {
        info: true,
        endpoints: true,
        ..Options::default()
    };
    let text = text(&everything(), &options, 1_731_536_001);
    insta::assert_snapshot!(text);
}

#[test]
fn two_renderings_of_one_snapshot_are_equal_bytes() {
    let (inventory, options) = (everything(), Options::default());
    assert_eq!(text(&inventory, &options, 5), text(&inventory, &options, 5));
}

#[test]
fn a_certificate_is_expired_in_the_second_after_its_end() {
    let inventory = Inventory::default();
    inventory.apply(
        0,
        Change::Upsert(secret("a"), holding(vec![certificate("a", "1", 1)])),
    );
    let expired = |now| {
        let text = text(&inventory, &Options::default(), now);
        let line = text
            .lines()
            .find(|line| line.starts_with("x509_cert_expired{"))
            .unwrap();
        line.ends_with(" 1")
    };
    assert!(!expired(1_731_536_000));
    assert!(expired(1_731_536_001));
    let flip = |now| next_flip(&inventory.snapshot().segments[0], &Options::default(), now);
    assert_eq!(flip(1_731_536_000), 1_731_536_001);
    assert_eq!(flip(1_731_536_001), i64::MAX);
}

#[test]
fn a_revocation_list_is_stale_in_the_second_after_the_next_should_have_come() {
    let inventory = Inventory::default();
    let lists = vec![crl(Some("1"), Some(100), 1), crl(Some("2"), None, 2)];
    inventory.apply(0, Change::Upsert(secret("a"), listing(lists)));
    let stale = |now| {
        let text = text(&inventory, &Options::default(), now);
        let lines = text
            .lines()
            .filter(|line| line.starts_with("x509_crl_stale{"));
        lines.map(|line| line.ends_with(" 1")).collect::<Vec<_>>()
    };
    assert_eq!(stale(100), [false, false]);
    assert_eq!(stale(101), [true, false]);
    let flip = |now| next_flip(&inventory.snapshot().segments[0], &Options::default(), now);
    assert_eq!((flip(100), flip(101)), (101, i64::MAX));
}

#[test]
fn a_warning_is_no_error() {
    let inventory = Inventory::default();
    let mut bundle = holding(vec![certificate("a", "1", 1)]);
    for block in 1..3 {
        let odd = Problem::in_block(Reason::OutlivesIssuer, block, "odd");
        bundle.problems.push(odd);
    }
    inventory.apply(0, Change::Upsert(secret("a"), bundle));
    let text = text(&inventory, &Options::default(), 0);
    let of = |needle: &str| text.lines().filter(|line| line.starts_with(needle)).count();
    assert_eq!((of("x509_cert_error{"), of("x509_cert_warning{")), (0, 1));
    assert!(text.ends_with("\nx509_read_errors 0\n"), "{text}");
}

#[test]
fn the_facts_are_a_family_that_must_be_asked_for() {
    let quiet = text(&everything(), &Options::default(), 0);
    assert!(!quiet.contains("x509_cert_info") && !quiet.contains("fingerprint"));
}

#[test]
fn certificates_equal_in_every_label_carry_a_discriminator_and_others_do_not() {
    let inventory = Inventory::default();
    let twins = vec![
        certificate("a", "1", 1),
        certificate("a", "1", 2),
        certificate("b", "1", 3),
    ];
    inventory.apply(0, Change::Upsert(secret("a"), holding(twins)));
    let text = text(&inventory, &Options::default(), 0);
    let of = |needle: &str| text.lines().filter(|l| l.contains(needle)).count();
    assert_eq!(of("discriminator=\"01010101\""), 3);
    assert_eq!(of("discriminator=\"02020202\""), 3);
    assert_eq!(of("discriminator=\"03030303\""), 0);
}

#[test]
fn an_exact_duplicate_and_a_second_source_make_no_second_series() {
    let inventory = Inventory::default();
    let file = || Location::file("/a");
    let twice = vec![certificate("a", "1", 1), certificate("a", "1", 1)];
    inventory.apply(0, Change::Upsert(file(), holding(twice)));
    inventory.apply(
        1,
        Change::Upsert(file(), holding(vec![certificate("a", "1", 1)])),
    );
    let text = text(&inventory, &Options::default(), 0);
    assert_eq!(
        text.lines()
            .filter(|l| l.starts_with("x509_cert_not_after{"))
            .count(),
        1
    );
}

#[test]
fn a_path_that_is_missing_as_a_file_and_as_a_kubeconfig_is_one_series() {
    let inventory = Inventory::default();
    let gone = || Bundle::bad(Problem::new(Reason::NotFound, "it is not there"));
    inventory.apply(0, Change::Upsert(Location::file("/a"), gone()));
    let kubeconfig = Location::Kubeconfig {
        path: "/a".into(),
        entry: None,
    };
    inventory.apply(1, Change::Upsert(kubeconfig, gone()));
    let text = text(&inventory, &Options::default(), 0);
    assert_eq!(
        text.lines()
            .filter(|l| l.starts_with("x509_cert_error{"))
            .count(),
        1
    );
}

#[test]
fn fields_that_are_not_wanted_are_no_labels() {
    let options = Options {
        subject_fields: vec!["CN".to_owned()],
        ..Options::default()
    };
    let text = text(&everything(), &options, 0);
    assert!(text.contains("subject_CN=\"web\"") && !text.contains("subject_O="));
}

#[test]
fn relative_families_tell_the_seconds_at_the_scrape() {
    let mut out = Vec::new();
    let snapshot = everything().snapshot();
    write_relative(&snapshot, &Options::default(), 1_731_535_990, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.lines()
            .any(|l| l.starts_with("x509_cert_expires_in_seconds{") && l.ends_with(" 10"))
    );
    assert!(text.lines().any(|l| l.ends_with(" 31535990")));
    let value = |family: &str| {
        let of = |line: &&str| line.starts_with(&format!("{family}{{"));
        let lines: Vec<_> = text.lines().filter(of).collect();
        (lines.len(), lines[0].rsplit(' ').next().unwrap().to_owned())
    };
    assert_eq!(value("x509_crl_stale_in_seconds"), (1, "10".to_owned()));
    assert_eq!(
        value("x509_crl_fresh_since_seconds"),
        (3, "535990".to_owned())
    );
}
