use std::collections::BTreeSet;

use super::*;
use crate::decode;
use crate::expose::metrics::tests::facts;
use crate::inventory::Inventory;
use crate::model::{Change, Details, Facts, Problem, Reason};

fn target(address: &str, module: &str, prober: Prober) -> Target {
    Target {
        address: address.into(),
        module: module.into(),
        prober,
        insecure: false,
        location: Location::endpoint(None, address),
        source: 1,
    }
}

fn ordinary() -> Target {
    target("a.example:443", "tcp", Prober::Tcp)
}

fn handshake() -> Handshake {
    Handshake {
        protocol: "tls",
        tls_version: Some("1.3"),
        verification: Some(Verification::Ok),
        verified_not_after: Some(1_731_536_000),
        ..Handshake::default()
    }
}

fn bundle(certificates: Vec<Certificate>, handshake: Handshake) -> Bundle {
    Bundle {
        certificates: Some(certificates.into_iter().map(Arc::new).collect()),
        handshake: Some(Arc::new(handshake)),
        ..Bundle::default()
    }
}

fn ocsp(status: OcspStatus) -> Ocsp {
    Ocsp {
        status,
        produced_at: Some(1),
        this_update: Some(2),
        next_update: None,
        revoked_at: None,
    }
}

fn text(target: &Target, bundle: &Bundle) -> String {
    let mut out = Vec::new();
    write(target, bundle, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Samples with their values as numbers.
fn samples(text: &str) -> BTreeSet<(&str, i64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "seconds")]
            let value = value as i64;
            (series, value)
        })
        .collect()
}

/// Both looked at one server of `openssl`.
#[test]
fn what_ssl_exporter_answered_is_answered() {
    let theirs = include_str!("../../../testdata/ssl_exporter/answer.txt");
    let chain = include_bytes!("../../../testdata/ssl_exporter/chain.pem");
    let mut bundle = Bundle::from(decode::certificates(chain));
    let first = bundle.certificates()[0].not_after;
    bundle.handshake = Some(Arc::new(Handshake {
        verified_not_after: Some(first),
        ocsp: Some(Ocsp {
            status: OcspStatus::Revoked,
            produced_at: Some(1_795_818_734),
            this_update: Some(1_795_818_734),
            next_update: Some(1_796_423_534),
            revoked_at: Some(1_704_067_200),
        }),
        ..handshake()
    }));
    let ours = text(&ordinary(), &bundle);
    let (theirs, ours) = (samples(theirs), samples(&ours));
    let more: Vec<_> = ours.difference(&theirs).collect();
    assert!(more.is_empty(), "{more:#?}");
    // Of the verified chain the one that expires first is told.
    let is_less = |series: &str| {
        series.starts_with("ssl_verified_cert") && !series.contains("cn=\"leaf, \\\"quoted\\\"\"")
    };
    let less: Vec<_> = theirs.difference(&ours).collect();
    assert!(less.iter().all(|(series, _)| is_less(series)), "{less:#?}");
    assert_eq!(less.len(), 4);
}

#[test]
fn one_whole_answer() {
    let mut leaf = facts("web \"a\\\n", "4", 4);
    leaf.subject.organizational_unit = Some("one".into());
    leaf.details = Details {
        alternative_names: [
            "DNS:web",
            "IP:::ffff:192.0.2.1",
            "IP:::1",
            "IP:::ffff:a:b",
            "IP:2001:db8::1",
            "email:a@b",
            "URI:spiffe://a/\"b\"",
            "DNS:*.web",
            "otherName",
        ]
        .map(Into::into)
        .into(),
        ..Details::default()
    };
    let nameless = Facts {
        serial: None,
        fingerprint: [6; 32],
        ..Facts::default()
    };
    let chain = [leaf, facts("ca", "5", 5), nameless];
    let told = Handshake {
        ocsp: Some(ocsp(OcspStatus::Good)),
        ..handshake()
    };
    let answer = text(&ordinary(), &bundle(chain.map(Into::into).into(), told));
    insta::assert_snapshot!(answer);
}

#[test]
fn a_success_is_a_look_that_went_well_at_a_chain_that_is_trusted_or_need_not_be() {
    let secure = ordinary();
    let insecure = Target {
        insecure: true,
        ..ordinary()
    };
    let of = |handshake| bundle(vec![facts("web", "4", 4).into()], handshake);
    let verification = |came| {
        of(Handshake {
            verification: Some(came),
            ..handshake()
        })
    };
    let stapled = |status| {
        of(Handshake {
            ocsp: Some(ocsp(status)),
            ..handshake()
        })
    };
    let with = |reason| Bundle {
        problems: vec![Problem::new(reason, "")],
        ..of(handshake())
    };
    for (bundle, expected) in [
        (of(handshake()), [1, 1]),
        (verification(Verification::Expired), [0, 1]),
        (verification(Verification::SelfSigned), [0, 1]),
        (stapled(OcspStatus::Good), [1, 1]),
        (stapled(OcspStatus::Revoked), [1, 1]),
        (stapled(OcspStatus::Unknown), [1, 1]),
        (stapled(OcspStatus::Bad), [0, 0]),
        // The last known is told beside the failure.
        (with(Reason::Unreachable), [0, 0]),
        (with(Reason::OutlivesIssuer), [1, 1]),
        (Bundle::unread(Problem::new(Reason::Timeout, "")), [0, 0]),
    ] {
        for (target, expected) in [&secure, &insecure].into_iter().zip(expected) {
            let answer = text(target, &bundle);
            let line = format!("\nssl_probe_success {expected}\n");
            assert!(answer.contains(&line), "{bundle:?}: {answer}");
            let told = answer.contains("\nssl_cert_not_after{");
            assert_eq!(told, !bundle.certificates().is_empty(), "{answer}");
        }
    }
}

#[test]
fn what_is_not_trusted_or_need_not_be_has_no_verified_chain() {
    let not_trusted = Handshake {
        verification: Some(Verification::Expired),
        verified_not_after: None,
        ..handshake()
    };
    for (told, insecure, expected) in [
        (handshake(), false, true),
        (handshake(), true, false),
        (not_trusted, false, false),
    ] {
        let target = Target {
            insecure,
            ..ordinary()
        };
        let answer = text(&target, &bundle(vec![facts("web", "4", 4).into()], told));
        assert_eq!(
            answer.contains("\nssl_verified_cert_not_after{chain_no=\"0\""),
            expected
        );
        assert!(answer.contains("\nssl_tls_version_info{version=\"TLS 1.3\"} 1\n"));
    }
}

#[test]
fn what_is_stapled_is_told_by_numbers_and_zero_where_nothing_is() {
    for (staple, expected) in [
        (None, ["0", "0", "0", "0", "0", "0"]),
        (Some(ocsp(OcspStatus::Bad)), ["0", "0", "0", "0", "0", "0"]),
        (
            Some(ocsp(OcspStatus::Unknown)),
            ["-62135596800", "1", "-62135596800", "1", "2", "2"],
        ),
    ] {
        let told = Handshake {
            ocsp: staple,
            ..handshake()
        };
        let answer = text(&ordinary(), &bundle(Vec::new(), told));
        let lines = answer.lines().filter(|line| line.starts_with("ssl_ocsp"));
        let values: Vec<_> = lines.map(|line| line.rsplit_once(' ').unwrap().1).collect();
        assert_eq!(values, expected);
    }
}

#[test]
fn of_a_file_nothing_is_told_that_it_has_not() {
    let told = Handshake {
        protocol: "http_file",
        ..Handshake::default()
    };
    let target = target("http://a/b.pem", "http_file", Prober::HttpFile);
    let answer = text(&target, &bundle(vec![facts("web", "4", 4).into()], told));
    let heads = answer
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    assert_eq!(
        heads.collect::<Vec<_>>(),
        [
            "ssl_cert_not_after gauge",
            "ssl_cert_not_before gauge",
            "ssl_probe_success gauge",
            "ssl_prober gauge",
        ]
    );
    assert!(answer.contains("ssl_prober{prober=\"http_file\"} 1\n"));
}

#[test]
fn two_of_one_issuer_and_serial_number_are_one() {
    let chain = vec![
        facts("web", "4", 4).into(),
        facts("other", "4", 5).into(),
        facts("web", "5", 6).into(),
    ];
    let answer = text(&ordinary(), &bundle(chain, handshake()));
    let lines = answer
        .lines()
        .filter(|line| line.starts_with("ssl_cert_not_after{"));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("cn=\"web\"") && lines[0].contains("serial_no=\"4\""));
    assert!(lines[1].contains("serial_no=\"5\""));
}

#[test]
fn a_target_is_what_is_held_of_it_by_its_source() {
    let inventory = Inventory::default();
    let apply = |source, location: Location, serial: &str| {
        let mut facts = facts("web", serial, 4);
        // Equal ones are kept once.
        let octets = serial.as_bytes();
        facts.fingerprint[..octets.len()].copy_from_slice(octets);
        let bundle = bundle(vec![facts.into()], handshake());
        inventory.apply(source, Change::Upsert(location, bundle));
    };
    let found = |target: &Target| {
        let snapshot = inventory.snapshot();
        let held = held(target, &snapshot)?;
        held.bundle.certificates()[0].serial().map(str::to_owned)
    };
    assert_eq!(found(&ordinary()), None);
    for number in 0..2000 {
        let address = format!("{number}.example:443");
        apply(1, Location::endpoint(None, address), &number.to_string());
    }
    assert_eq!(found(&ordinary()), None);
    for number in [0, 1, 999, 1000, 1999] {
        let target = target(&format!("{number}.example:443"), "tcp", Prober::Tcp);
        assert_eq!(found(&target), Some(number.to_string()));
    }
    apply(0, ordinary().location, "of another source");
    let named = Location::endpoint(Some("a".into()), "a.example:443");
    apply(1, named, "of another name");
    assert_eq!(found(&ordinary()), None);
    apply(1, ordinary().location, "its own");
    assert_eq!(found(&ordinary()).as_deref(), Some("its own"));
}

#[test]
fn a_target_is_asked_for_by_what_was_written_and_by_nothing_else() {
    for (prober, text, expected) in [
        (Prober::Tcp, "a.example:443", true),
        (Prober::Tcp, "https://a.example:443", false),
        (Prober::Https, "a.example:443", true),
        (Prober::Https, "https://a.example:443", true),
        (Prober::Https, "https://a.example:443/", true),
        (Prober::Https, "https://a.example:443//", false),
        (Prober::Https, "https://a.example:443/b", false),
        (Prober::Https, "https://https://a.example:443", false),
        (Prober::Https, "https://", false),
        (Prober::Https, "HTTPS://a.example:443", false),
        (Prober::Https, "http://a.example:443", false),
        (Prober::Https, "https://b@a.example:443", false),
        (Prober::Tcp, "A.example:443", false),
        (Prober::Tcp, "a.example", false),
        (Prober::Tcp, "a.example.:443", false),
        (Prober::Tcp, " a.example:443", false),
        (Prober::Tcp, "", false),
    ] {
        let target = target("a.example:443", "m", prober);
        assert_eq!(target.is("m", text), expected, "{text}");
        assert!(!target.is("M", text) && !target.is("", text));
    }
}
