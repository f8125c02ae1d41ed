//! The decoder beside the `openssl` command, on certificates that are odd in the ways that make
//! parsers lose them. openssl must be there: a test that cannot run fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use rcgen::{CertificateParams, DnType, DnValue, KeyPair, SerialNumber};
use x509_certificate_exporter::decode;
use x509_certificate_exporter::model::Certificate;

fn openssl(der: &[u8], arguments: &[&str]) -> String {
    let mut child = Command::new("openssl")
        .args(["x509", "-inform", "DER", "-noout"])
        .args(arguments)
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the openssl command is there");
    child.stdin.take().unwrap().write_all(der).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Seconds since 1970 of a date that openssl prints with `-dateopt iso_8601`.
fn seconds(text: &str, name: &str) -> i64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    let output = Command::new("date")
        .args(["-u", "-d", line, "+%s"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .expect("date reads it")
}

fn decoded(der: &[u8]) -> Certificate {
    let decoded = decode::certificates(der);
    assert_eq!(decoded.problems, []);
    (*decoded.certificates[0]).clone()
}

fn hexadecimal(decimal: &str) -> String {
    let output = Command::new("python3")
        .args([
            "-c",
            "import sys; n = int(sys.argv[1]); print('-' * (n < 0) + '%X' % abs(n))",
            decimal,
        ])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn compare(title: &str, der: &[u8]) {
    let ours = decoded(der);
    let theirs = openssl(der, &["-dates", "-serial", "-dateopt", "iso_8601"]);
    assert_eq!(
        ours.not_before,
        seconds(&theirs, "notBefore="),
        "{title}: {theirs}"
    );
    assert_eq!(
        ours.not_after,
        seconds(&theirs, "notAfter="),
        "{title}: {theirs}"
    );
    let serial = theirs
        .lines()
        .find_map(|line| line.strip_prefix("serial="))
        .unwrap();
    let trimmed = serial.trim_start_matches('0');
    let expected = if trimmed.is_empty() { "0" } else { trimmed };
    assert_eq!(
        hexadecimal(ours.serial.as_deref().unwrap()),
        expected,
        "{title}"
    );
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "odd");
    params.not_before = rcgen::date_time_ymd(2024, 2, 29);
    params.not_after = rcgen::date_time_ymd(2034, 12, 31);
    params
}

fn made(params: CertificateParams) -> Vec<u8> {
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .der()
        .to_vec()
}

/// Replaces bytes of equal length; the signature breaks, which neither side looks at.
fn patched(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = der
        .windows(from.len())
        .position(|window| window == from)
        .expect("it stands there");
    [&der[..at], to, &der[at + from.len()..]].concat()
}

#[test]
fn odd_serials_are_told_as_openssl_tells_them() {
    for bytes in [
        &[1][..],
        &[0x7f],
        &[0x80, 0x00],
        &[0xde, 0xad, 0xbe, 0xef],
        &[0x11; 20],
        &[0x11; 26],
        &[0x7f; 32],
    ] {
        let mut params = params();
        params.serial_number = Some(SerialNumber::from_slice(bytes));
        compare(&format!("serial {bytes:x?}"), &made(params));
    }
    let mut params = params();
    params.serial_number = Some(SerialNumber::from_slice(&[0x11, 0x22, 0x33]));
    let der = made(params);
    compare(
        "negative serial",
        &patched(
            &der,
            &[0x02, 3, 0x11, 0x22, 0x33],
            &[0x02, 3, 0x91, 0x22, 0x33],
        ),
    );
}

#[test]
fn odd_dates_are_told_as_openssl_tells_them() {
    let der = made(params());
    compare("plain", &der);
    for (title, from, to) in [
        ("before 1970", &b"240229000000Z"[..], &b"600229000000Z"[..]),
        ("1950", b"240229000000Z", b"500101000000Z"),
        ("2049", b"341231000000Z", b"491231235959Z"),
    ] {
        compare(title, &patched(&der, from, to));
    }
    let mut far = params();
    far.not_after = rcgen::date_time_ymd(9999, 12, 31);
    compare("year 9999", &made(far));
}

#[test]
fn a_month_that_is_none_is_a_problem_and_not_a_date() {
    let der = patched(&made(params()), b"341231000000Z", b"341331000000Z");
    let decoded = decode::certificates(&der);
    assert_eq!(decoded.certificates, []);
    assert_eq!(decoded.problems[0].reason.code(), "bad_validity");
}

#[test]
fn names_are_told_as_openssl_tells_them() {
    for value in [
        DnValue::Utf8String("grün \u{1f512}".to_owned()),
        DnValue::PrintableString("plain".try_into().unwrap()),
        DnValue::BmpString("breit ü".try_into().unwrap()),
        DnValue::TeletexString("alt".try_into().unwrap()),
        DnValue::UniversalString("vier".try_into().unwrap()),
    ] {
        let mut params = params();
        params
            .distinguished_name
            .push(DnType::OrganizationName, value.clone());
        let der = made(params);
        let theirs = openssl(&der, &["-subject", "-nameopt", "utf8,sep_multiline,lname"]);
        let organization = theirs
            .lines()
            .find_map(|line| line.trim().strip_prefix("organizationName="))
            .unwrap();
        assert_eq!(
            decoded(&der).subject.organization.as_deref(),
            Some(organization),
            "{value:?}"
        );
    }
}

#[test]
fn an_extension_that_nobody_understands_costs_nothing() {
    let mut params = params();
    for content in [&b""[..], b"\xff\xff", b"\x30\x80"] {
        let oid = &[2, 5, 29, 19, 77];
        params
            .custom_extensions
            .push(rcgen::CustomExtension::from_oid_content(
                oid,
                content.to_vec(),
            ));
    }
    compare("odd extensions", &made(params));
}
