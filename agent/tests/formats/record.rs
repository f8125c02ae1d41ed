//! The files of testdata/keystores, and what other tools see in them.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use x509_certificate_exporter::decode::Decoded;
use x509_certificate_exporter::model::{Certificate, Crl};

/// A line for each certificate, as testdata/keystores/make records them.
pub(crate) fn seen(decoded: &Decoded) -> Vec<String> {
    let line = |certificate: &Arc<Certificate>| {
        let name = certificate.subject().common_name.unwrap();
        let serial = hexadecimal(certificate.serial().unwrap());
        let fingerprint = text(&certificate.fingerprint);
        format!("{name}\t{serial}\t{}\t{fingerprint}", certificate.not_after)
    };
    let mut lines: Vec<_> = decoded.certificates.iter().map(line).collect();
    lines.sort_unstable();
    lines
}

/// The same for the revocation lists.
pub(crate) fn lists_seen(decoded: &Decoded) -> Vec<String> {
    let line = |crl: &Arc<Crl>| {
        let number = crl.number().map_or("<NONE>".into(), hexadecimal);
        format!(
            "{}\t{number}\t{}\t{}\t{}",
            crl.issuer().common_name.unwrap(),
            crl.this_update,
            crl.next_update.unwrap(),
            text(&crl.fingerprint),
        )
    };
    decoded.crls.iter().map(line).collect()
}

/// What the tools see in a file.
pub(crate) fn recorded(record: &str, file: &str) -> Vec<String> {
    let record = String::from_utf8(fixture(record)).unwrap();
    let mut lines: Vec<_> = record
        .lines()
        .filter_map(|line| line.strip_prefix(file)?.strip_prefix('\t'))
        .map(str::to_owned)
        .collect();
    lines.sort_unstable();
    lines
}

pub(crate) fn fixture(file: &str) -> Vec<u8> {
    std::fs::read(directory().join(file)).unwrap()
}

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/keystores")
}

fn text(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        write!(text, "{octet:02X}").unwrap();
        text
    })
}

/// A decimal number as openssl prints it: whole octets.
fn hexadecimal(decimal: &str) -> String {
    let mut octets = vec![0_u8];
    for digit in decimal.bytes() {
        let mut carry = u32::from(digit - b'0');
        for octet in octets.iter_mut().rev() {
            carry += u32::from(*octet) * 10;
            *octet = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        if carry > 0 {
            octets.insert(0, carry.to_le_bytes()[0]);
        }
    }
    text(&octets)
}
