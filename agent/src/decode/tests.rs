use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SerialNumber};

use super::*;

fn der(common_name: &str) -> Vec<u8> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.serial_number = Some(SerialNumber::from(7_u64));
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .der()
        .to_vec()
}

fn pem(der: &[u8], label: &str, width: usize, end: &str) -> String {
    let mut text = format!("-----BEGIN {label}-----{end}");
    for line in STANDARD.encode(der).as_bytes().chunks(width) {
        write!(text, "{}{end}", std::str::from_utf8(line).unwrap()).unwrap();
    }
    write!(text, "-----END {label}-----{end}").unwrap();
    text
}

fn names(decoded: &Decoded) -> Vec<&str> {
    let names = decoded.certificates.iter();
    names
        .map(|c| c.subject.common_name.as_deref().unwrap_or("-"))
        .collect()
}

fn reasons(decoded: &Decoded) -> Vec<(Reason, Option<usize>)> {
    decoded
        .problems
        .iter()
        .map(|problem| (problem.reason, problem.block))
        .collect()
}

#[test]
fn a_certificate_is_found_however_its_pem_is_laid_out() {
    let der = der("a");
    let plain = pem(&der, "CERTIFICATE", 64, "\n");
    let key = pem(b"not read", "EC PRIVATE KEY", 64, "\n");
    for (title, text) in [
        ("plain", plain.clone()),
        ("CRLF", pem(&der, "CERTIFICATE", 64, "\r\n")),
        ("CR alone", pem(&der, "CERTIFICATE", 64, "\r")),
        ("76 columns", pem(&der, "CERTIFICATE", 76, "\n")),
        ("one line", pem(&der, "CERTIFICATE", 1_000_000, "\n")),
        ("spaces at line ends", pem(&der, "CERTIFICATE", 64, " \t\n")),
        ("byte order mark", format!("\u{feff}{plain}")),
        ("indented", plain.replace('\n', "\n    ")),
        (
            "text before and after",
            format!("subject=a - b\n{plain}\n\nmore -- text -----\n"),
        ),
        ("key first", format!("{key}{plain}")),
        ("old label", pem(&der, "X509 CERTIFICATE", 64, "\n")),
        (
            "headers",
            plain.replacen('\n', "\nProc-Type: 4,CLEAR\nA: b\n\n", 1),
        ),
        ("no final line feed", plain.trim_end().to_owned()),
    ] {
        let decoded = certificates(text.as_bytes());
        assert_eq!(names(&decoded), ["a"], "{title}: {:?}", decoded.problems);
        assert_eq!(decoded.problems, [], "{title}");
    }
}

#[test]
fn trust_settings_after_the_certificate_are_passed_over() {
    let mut bytes = der("a");
    bytes.extend([0x30, 0x02, 0x05, 0x00]);
    let decoded = certificates(pem(&bytes, "TRUSTED CERTIFICATE", 64, "\n").as_bytes());
    assert_eq!(names(&decoded), ["a"]);
}

#[test]
fn blocks_glued_together_are_two() {
    let (a, b) = (
        pem(&der("a"), "CERTIFICATE", 64, "\n"),
        pem(&der("b"), "CERTIFICATE", 64, "\n"),
    );
    let decoded = certificates(format!("{}{b}", a.trim_end()).as_bytes());
    assert_eq!(names(&decoded), ["a", "b"]);
}

#[test]
fn a_bad_block_is_a_problem_and_its_neighbours_count() {
    let good = |name| pem(&der(name), "CERTIFICATE", 64, "\n");
    for (title, block, reason) in [
        (
            "not base64",
            "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n",
            Reason::BadBase64,
        ),
        (
            "odd base64",
            "-----BEGIN CERTIFICATE-----\nAAAAA\n-----END CERTIFICATE-----\n",
            Reason::BadBase64,
        ),
        (
            "not DER",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
            Reason::BadDer,
        ),
        (
            "empty",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            Reason::BadDer,
        ),
        (
            "no certificate",
            "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n",
            Reason::BadCertificate,
        ),
        (
            "no end",
            "-----BEGIN CERTIFICATE-----\nMIIB\n",
            Reason::BadPem,
        ),
        (
            "another end",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END X-----\n",
            Reason::BadPem,
        ),
        (
            "label without end",
            "-----BEGIN CERTIFICATE\nMIIB\n",
            Reason::BadPem,
        ),
    ] {
        let decoded = certificates(format!("{}{block}{}", good("a"), good("b")).as_bytes());
        assert_eq!(names(&decoded), ["a", "b"], "{title}");
        assert_eq!(reasons(&decoded), [(reason, Some(2))], "{title}");
    }
}

#[test]
fn a_truncated_tail_is_a_problem_beside_what_came_before() {
    let text = format!(
        "{}{}",
        pem(&der("a"), "CERTIFICATE", 64, "\n"),
        pem(&der("b"), "CERTIFICATE", 64, "\n")
    );
    let decoded = certificates(&text.as_bytes()[..text.len() - 60]);
    assert_eq!(names(&decoded), ["a"]);
    assert_eq!(reasons(&decoded), [(Reason::BadPem, Some(2))]);
}

#[test]
fn other_blocks_alone_are_no_problem_here() {
    let text = pem(b"x", "PRIVATE KEY", 64, "\n") + &pem(b"x", "CERTIFICATE REQUEST", 64, "\n");
    let decoded = certificates(text.as_bytes());
    assert_eq!((decoded.other_blocks, decoded.problems.len()), (2, 0));
}

#[test]
fn what_holds_no_certificate_says_why() {
    for (bytes, reason) in [
        (&b""[..], Reason::NoCertificateFound),
        (b" \n\t\n", Reason::NoCertificateFound),
        (b"0123456789 is text", Reason::NoCertificateFound),
        (b"\x7fELF\x02\x01\x01", Reason::NoCertificateFound),
        (b"\x30\x82\x04\x00\x30\x82", Reason::BadDer),
        (b"\x30\x03\x02\x01\x01", Reason::BadCertificate),
    ] {
        let decoded = certificates(bytes);
        assert_eq!(reasons(&decoded), [(reason, None)], "{bytes:x?}");
    }
}

#[test]
fn der_is_known_by_its_content_with_a_line_feed_or_another_after_it() {
    let (a, b) = (der("a"), der("b"));
    assert_eq!(names(&certificates(&a)), ["a"]);
    assert_eq!(names(&certificates(&[&a[..], b"\n"].concat())), ["a"]);
    assert_eq!(names(&certificates(&[a, b].concat())), ["a", "b"]);
}

#[test]
fn a_hundred_certificates_and_duplicates_are_all_told() {
    let text = pem(&der("a"), "CERTIFICATE", 64, "\n");
    assert_eq!(
        certificates(text.repeat(100).as_bytes()).certificates.len(),
        100
    );
}

#[test]
fn bounds_have_reasons() {
    let huge = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        "A".repeat(MAX_BLOCK + 1)
    );
    assert_eq!(
        reasons(&certificates(huge.as_bytes())),
        [(Reason::TooLarge, Some(1))]
    );
    let many = "-----BEGIN X-----\n-----END X-----\n".repeat(MAX_BLOCKS + 1);
    assert_eq!(
        reasons(&certificates(many.as_bytes())),
        [(Reason::TooMany, Some(MAX_BLOCKS + 1))]
    );
}

#[test]
fn facts_are_those_of_the_certificate() {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "root");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Example");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2060, 1, 1);
    let root = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let decoded = certificates(root.pem().as_bytes());
    let [certificate] = decoded.certificates.as_slice() else {
        panic!("{decoded:?}")
    };
    assert!(certificate.ca);
    assert_eq!(
        (certificate.not_before, certificate.not_after),
        (1_577_836_800, 2_840_140_800)
    );
    assert_eq!(certificate.subject.organization.as_deref(), Some("Example"));
    assert_eq!(certificate.issuer, certificate.subject);
    assert!(!certificates(&der("leaf")).certificates[0].ca);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        certificates(&bytes);
        drop(kubeconfig::entries(&bytes));
    }

    #[test]
    fn a_mutated_certificate_never_panics(at in 0..2000_usize, byte: u8, cut in 0..2000_usize) {
        let mut bytes = der("a");
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes.truncate(length - cut % 40);
        certificates(&bytes);
        certificates(pem(&bytes, "CERTIFICATE", 64, "\n").as_bytes());
    }

    #[test]
    fn dashes_and_labels_never_panic(parts in prop::collection::vec("-----BEGIN |-----END |-----|CERTIFICATE|\n|:|AAAA", 0..40)) {
        certificates(parts.concat().as_bytes());
    }

    #[test]
    fn two_texts_give_what_each_gives(parts in prop::collection::vec(0..4_usize, 0..12), cut in 0..12_usize) {
        let blocks = [
            pem(&der("a"), "CERTIFICATE", 64, "\n"),
            pem(b"x", "PRIVATE KEY", 64, "\n"),
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(),
            "text\n".to_owned(),
        ];
        let text = |parts: &[usize]| parts.iter().map(|part| &*blocks[*part]).collect::<String>();
        let (one, two) = parts.split_at(cut.min(parts.len()));
        let of = |parts: &[usize]| {
            let decoded = pem::decode(text(parts).as_bytes());
            (decoded.certificates, decoded.problems.len(), decoded.other_blocks)
        };
        let (mut certificates, problems, others) = of(one);
        let (more, more_problems, more_others) = of(two);
        certificates.extend(more);
        prop_assert_eq!(of(&parts), (certificates, problems + more_problems, others + more_others));
    }
}
