//! The oddities on which other parsers lose a certificate, one by one.

use super::super::der;
use super::super::forge::{self, BASIC_CONSTRAINTS, Forge, common_name, extension, tlv};
use super::*;

fn read(der: &[u8]) -> Result<Certificate, Fault> {
    let (element, _) = der::first(der).expect("the test's DER is framed");
    certificate(element).map(|(certificate, _)| certificate)
}

fn read_forged(forge: &Forge) -> Certificate {
    read(&forge.der()).expect("a certificate")
}

fn reason(der: &[u8]) -> Reason {
    read(der).expect_err("no certificate").reason
}

fn serial(content: &[u8]) -> Option<String> {
    let forge = Forge {
        serial: tlv(0x02, content),
        ..Forge::default()
    };
    read_forged(&forge).serial().map(String::from)
}

#[test]
fn the_facts_of_an_ordinary_certificate_are_read() {
    let der = Forge {
        extensions: vec![extension(BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\xff")],
        ..Forge::default()
    }
    .der();
    let certificate = read(&der).unwrap();
    assert_eq!(certificate.not_before, 1_735_689_600);
    assert_eq!(certificate.not_after, 2_051_222_400);
    assert_eq!(certificate.serial(), Some("42"));
    assert_eq!(certificate.subject().common_name, Some("subject"));
    assert_eq!(certificate.issuer().common_name, Some("issuer"));
    assert!(certificate.profile.ca);
    assert_eq!(
        certificate.fingerprint,
        <[u8; 32]>::from(Sha256::digest(&der))
    );
}

#[test]
fn the_forge_makes_what_x509_cert_reads_too() {
    let der = Forge::default().der();
    let theirs = x509_cert::Certificate::from_der(&der).unwrap();
    let theirs = theirs
        .tbs_certificate()
        .validity()
        .not_after
        .to_unix_duration()
        .as_secs();
    assert_eq!(u64::try_from(read(&der).unwrap().not_after), Ok(theirs));
}

#[test]
fn dates_that_x509_cert_refuses_are_read() {
    for (tag, text, not_before) in [
        (0x17, &b"600101000000Z"[..], -315_619_200),
        (0x17, b"2501010000Z", 1_735_689_600),
        (0x17, b"250101010000+0100", 1_735_689_600),
        (0x18, b"20250101000000.5Z", 1_735_689_600),
        (0x18, b"00010101000000Z", -62_135_596_800),
    ] {
        let forge = Forge {
            not_before: tlv(tag, text),
            ..Forge::default()
        };
        assert!(
            x509_cert::Certificate::from_der(&forge.der()).is_err(),
            "{text:?}"
        );
        let certificate = read_forged(&forge);
        assert_eq!(certificate.not_before, not_before);
        assert_eq!(certificate.not_after, 2_051_222_400);
    }
}

#[test]
fn a_date_that_is_none_is_a_bad_validity() {
    for not_after in [
        tlv(0x17, b"251301000000Z"),
        tlv(0x17, b""),
        tlv(0x0c, b"350101000000Z"),
        Vec::new(),
    ] {
        let forge = Forge {
            not_after,
            ..Forge::default()
        };
        assert_eq!(reason(&forge.der()), Reason::BadValidity);
    }
}

#[test]
fn the_year_9999_is_a_date() {
    let forge = Forge {
        not_after: tlv(0x18, b"99991231235959Z"),
        ..Forge::default()
    };
    assert_eq!(read_forged(&forge).not_after, 253_402_300_799);
}

#[test]
fn serials_become_decimal_whatever_their_length_and_sign() {
    for (content, expected) in [
        (&[0x00][..], "0"),
        (&[0x7f], "127"),
        (&[0x80], "-128"),
        (&[0xff], "-1"),
        (&[0xff, 0xff], "-1"),
        (&[0xff, 0x00], "-256"),
        (&[0x00, 0xff], "255"),
        (&[0x3b, 0x9a, 0xca, 0x00], "1000000000"),
        (&[0x3b, 0x9a, 0xc9, 0xff], "999999999"),
        (
            &[0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x64, 0x00, 0x00],
            "1000000000000000000",
        ),
        (
            &[0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            "340282366920938463463374607431768211456",
        ),
        (
            &[0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            "-340282366920938463463374607431768211456",
        ),
    ] {
        assert_eq!(serial(content).as_deref(), Some(expected));
    }
    assert_eq!(
        serial(&[0x7f; 32]).as_deref(),
        Some("57669001306428065956053000376875938421040345304064124051023973211784186134399"),
    );
    // 2^511 - 1, the largest that becomes a label, has 154 digits.
    let largest = [&[0x7f][..], &[0xff; 63]].concat();
    let digits = serial(&largest).unwrap();
    assert!(digits.len() == 154 && digits.starts_with("670390396497129854978701249910"));
}

#[test]
fn a_serial_that_is_none_costs_only_its_label() {
    assert_eq!(serial(&[]), None);
    assert_eq!(serial(&[0x11; 65]), None);
    let forge = Forge {
        serial: tlv(0x0c, b"serial"),
        ..Forge::default()
    };
    let certificate = read_forged(&forge);
    assert_eq!(
        (certificate.serial(), certificate.not_after),
        (None, 2_051_222_400)
    );
}

#[test]
fn names_that_are_none_cost_only_their_labels() {
    let forge = Forge {
        issuer: tlv(0x30, b"\x31\x7fcut"),
        subject: tlv(0x30, b""),
        ..Forge::default()
    };
    let certificate = read_forged(&forge);
    assert_eq!(certificate.issuer(), crate::model::Name::default());
    assert_eq!(certificate.subject(), crate::model::Name::default());
    assert_eq!(certificate.not_after, 2_051_222_400);
}

#[test]
fn extensions_of_any_kind_do_not_cost_the_certificate() {
    let ca = extension(BASIC_CONSTRAINTS, b"\x30\x03\x01\x01\xff");
    let certificate = read_forged(&Forge {
        extensions: vec![
            extension(&[0x2a; 60], b"a long identifier"),
            tlv(0x04, b"no extension"),
            tlv(0x30, &tlv(0x06, BASIC_CONSTRAINTS)),
            ca.clone(),
            ca,
            extension(BASIC_CONSTRAINTS, b"garbage"),
        ],
        ..Forge::default()
    });
    assert!(certificate.profile.ca);
    let certificate = read_forged(&Forge {
        extensions: vec![tlv(0x30, b"\x06\x7fcut")],
        ..Forge::default()
    });
    assert!(!certificate.profile.ca);
}

#[test]
fn basic_constraints_say_who_is_a_ca_in_strict_and_in_lax_encoding() {
    for (value, ca) in [
        (&b"\x30\x00"[..], false),
        (b"\x30\x03\x01\x01\xff", true),
        (b"\x30\x03\x01\x01\x01", true),
        (b"\x30\x03\x01\x01\x00", false),
        (b"\x30\x06\x01\x01\xff\x02\x01\x00", true),
        (b"\x30\x07\x01\x01\xff\x02\x02\x03\xe8", true),
        (b"\x30\x81\x03\x01\x01\xff", true),
        (b"\x30\x81\x03\x01\x01\x00", false),
        (b"\x30\x03\x01\x01\xff\x00", true),
        (b"\x30\x03\x02\x01\x00", false),
        (b"\x04\x03\x01\x01\xff", false),
        (b"", false),
    ] {
        let extensions = vec![extension(BASIC_CONSTRAINTS, value)];
        let certificate = read_forged(&Forge {
            extensions,
            ..Forge::default()
        });
        assert_eq!(certificate.profile.ca, ca, "{value:02x?}");
    }
}

#[test]
fn a_critical_extension_is_read_too() {
    let parts = [
        tlv(0x06, BASIC_CONSTRAINTS),
        tlv(0x01, b"\xff"),
        tlv(0x04, b"\x30\x03\x01\x01\xff"),
    ];
    let extensions = vec![tlv(0x30, &parts.concat())];
    assert!(
        read_forged(&Forge {
            extensions,
            ..Forge::default()
        })
        .profile
        .ca
    );
}

#[test]
fn a_self_issued_certificate_of_version_1_is_a_ca_and_of_version_3_is_not() {
    for (version, subject, ca) in [
        (None, &b"issuer"[..], true),
        (None, b"other", false),
        (Some(0), b"issuer", true),
        (Some(2), b"issuer", false),
    ] {
        let subject = common_name(0x0c, subject);
        assert_eq!(
            read_forged(&Forge {
                version,
                subject,
                ..Forge::default()
            })
            .profile
            .ca,
            ca
        );
    }
}

#[test]
fn any_version_is_a_certificate() {
    for version in [None, Some(0), Some(1), Some(3), Some(0xff)] {
        assert_eq!(
            read_forged(&Forge {
                version,
                ..Forge::default()
            })
            .not_before,
            1_735_689_600
        );
    }
}

#[test]
fn lengths_that_are_not_minimal_are_no_obstacle() {
    let long = |tag: u8, content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &length[..], content].concat()
    };
    let subject = {
        let attribute = [long(0x06, &[0x55, 0x04, 0x03]), long(0x0c, b"long")].concat();
        long(0x30, &long(0x31, &long(0x30, &attribute)))
    };
    let certificate = read_forged(&Forge {
        serial: long(0x02, &[7]),
        not_before: long(0x17, b"250101000000Z"),
        subject,
        ..Forge::default()
    });
    assert_eq!(certificate.not_before, 1_735_689_600);
    assert_eq!(certificate.serial(), Some("7"));
    assert_eq!(certificate.subject().common_name, Some("long"));
}

#[test]
fn other_der_is_no_certificate() {
    let sequence = |parts: &[&[u8]]| tlv(0x30, &parts.concat());
    let algorithm = tlv(0x30, &tlv(0x06, &[0x2b, 0x65, 0x70]));
    let integer = tlv(0x02, &[0]);
    let name = forge::name(&[]);
    for (what, der) in [
        ("nothing", sequence(&[])),
        ("a string", tlv(0x0c, b"text")),
        ("RSA private key", sequence(&[&integer, &integer, &integer])),
        (
            "PKCS#8",
            sequence(&[&integer, &algorithm, &tlv(0x04, b"key")]),
        ),
        ("public key", sequence(&[&algorithm, &tlv(0x03, b"\0key")])),
        (
            "request",
            sequence(&[
                &sequence(&[&integer, &name, &algorithm, &tlv(0xa0, b"")]),
                &algorithm,
            ]),
        ),
        (
            "CRL",
            sequence(&[&sequence(&[
                &integer,
                &algorithm,
                &name,
                &tlv(0x17, b"250101000000Z"),
            ])]),
        ),
        (
            "PKCS#7",
            sequence(&[&tlv(0x06, &[0x2a]), &tlv(0xa0, &algorithm)]),
        ),
    ] {
        assert_eq!(reason(&der), Reason::BadCertificate, "{what}");
    }
}
