//! What somebody who means harm can make the agent hold at one time: the largest that is read of each
//! thing, filled with what costs most. A pod on a node may be given 32 MiB, and lives on some seven
//! of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use x509_certificate_exporter::decode;
use x509_certificate_exporter::decode::kubeconfig::{Content, entries};
use x509_certificate_exporter::model::{Bundle, Change, Location};
use x509_certificate_exporter::server::scrape::Encoding;
use x509_certificate_exporter::source::host::MAX_FILE;

use crate::agent::Agent;
use crate::forge::{BASIC_CONSTRAINTS, Forge, common_name, extension, name, tlv};
use crate::meter::{Book, cost};

const MIB: usize = 1 << 20;
#[expect(clippy::cast_possible_truncation, reason = "some MiB")]
const FILE: usize = MAX_FILE as usize;

pub(crate) fn decoding(book: &mut Book) {
    // Text that is three times as long once it is read.
    let list = list(&common_name(0x14, &vec![0xeb; FILE - 1000]));
    of(book, 4096, "a revocation list of one name", &list);
    let pem = |label, der: &[u8]| {
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
            STANDARD.encode(der)
        )
    };
    let text = pem(
        "X509 CRL",
        &self::list(&common_name(0x0c, &vec![b'a'; FILE / 4 * 3 - 1000])),
    );
    of(book, 7 * MIB, "the same as PEM", text.as_bytes());
    let text = pem("PKCS7", &[0x30, 0x80].repeat(FILE / 8 * 3 - 100));
    of(book, 7 * MIB, "levels of nothing", text.as_bytes());
    of(
        book,
        4 * MIB,
        "certificates, as small as they can be",
        &small().repeat(FILE / small().len()),
    );
    of(
        book,
        10 * MIB,
        "certificates full of names",
        &large(0).repeat(FILE / large(0).len()),
    );
    of(
        book,
        8192,
        "blocks that are none",
        "-----BEGIN CERTIFICATE-----\n".repeat(FILE / 28).as_bytes(),
    );

    let data = STANDARD.encode(vec![b'a'; 3 * MIB / 4]);
    let aliases = "- {name: u, user: {client-certificate-data: *a}}\n".repeat(1000);
    let text = format!("a: &a {data}\nusers:\n{aliases}");
    told(book, 32_000, "a kubeconfig of aliases", &text);
    let mut text = "users:\n".to_owned();
    while text.len() < 4 * MIB - 100 {
        text += "- {name: u, user: {client-certificate: /a}}\n";
    }
    told(book, 14 * MIB, "a kubeconfig of short entries", &text);
}

/// A file of many certificates that all are as large as they can be, and how it is told.
pub(crate) fn telling(book: &mut Book) {
    let agent = Agent::new(0);
    let file: Vec<u8> = (0..).flat_map(large).take(FILE).collect();
    let bundle: Bundle = decode::certificates(&file).into();
    let path = format!("/{}", "\"".repeat(4000));
    agent.apply(Change::Upsert(Location::file(path), bundle));
    let (_, cost) = cost(|| agent.answer(Encoding::Identity));
    book.at_most(
        7 * MIB,
        "bytes at the peak of telling such a file",
        cost.peak,
    );
}

fn of(book: &mut Book, limit: usize, what: &str, bytes: &[u8]) {
    assert!(
        bytes.len() <= FILE && bytes.len() > FILE / 2,
        "{what}: {}",
        bytes.len()
    );
    let (_, cost) = cost(|| decode::certificates(bytes));
    book.at_most(
        limit,
        format!("bytes at the peak of decoding {what}"),
        cost.peak,
    );
}

fn told(book: &mut Book, limit: usize, what: &str, text: &str) {
    let (found, cost) = cost(|| entries(text.as_bytes()));
    if let Ok(found) = found {
        let data = found
            .iter()
            .filter(|entry| matches!(entry.content, Content::Data(_)));
        assert!(data.count() < 1000);
    }
    book.at_most(
        limit,
        format!("bytes at the peak of reading {what}"),
        cost.peak,
    );
}

fn list(issuer: &[u8]) -> Vec<u8> {
    let algorithm = tlv(0x30, b"\x06\x03\x2b\x65\x70");
    let fields = [&algorithm[..], issuer, b"\x17\x0d250101000000Z"].concat();
    tlv(
        0x30,
        &[tlv(0x30, &fields), algorithm, tlv(0x03, &[0; 65])].concat(),
    )
}

fn small() -> Vec<u8> {
    let nothing = || tlv(0x30, b"");
    let forge = Forge {
        issuer: nothing(),
        subject: nothing(),
        key: nothing(),
        signature: nothing(),
        // DER is known by a length of more than one octet.
        extensions: vec![extension(&[0x2a; 60], b"")],
        ..Forge::default()
    };
    forge.der()
}

/// Names of as many octets as are kept of each, all of which are escaped when they are told.
fn large(number: usize) -> Vec<u8> {
    let serial = tlv(0x02, &[&[0x55; 56], &number.to_be_bytes()[..]].concat());
    let long = "\"".repeat(256);
    let attributes: Vec<(u8, u8, &[u8])> = [3, 6, 7, 8, 10, 11]
        .map(|kind| (kind, 0x0c, long.as_bytes()))
        .into();
    let host = tlv(0x82, &[b'"'; 1000]);
    let forge = Forge {
        serial,
        issuer: name(&attributes),
        subject: name(&attributes),
        extensions: vec![
            extension(BASIC_CONSTRAINTS, b"\x30\0"),
            extension(&[0x55, 0x1d, 0x11], &tlv(0x30, &host)),
        ],
        ..Forge::default()
    };
    forge.der()
}
