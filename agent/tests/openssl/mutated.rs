//! Thousands of certificates that nobody would make, drawn by lot and always the same: fields of odd
//! forms, and the DER bent in its structure. What openssl reads, we read alike; who reads what the
//! other refuses is told, and each such difference has its reason (docs/hostile.md).
//!
//! `X509_CERTIFICATES=5000 cargo test --test openssl mutated` draws more than the quick suite does;
//! `X509_SEED` others.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_certificate_exporter::decode;
use x509_certificate_exporter::model::{Certificate, Name, Reason};

use super::forge::{Forge, extension, tlv};
use super::hexadecimal;
use super::lots::Lots;
use super::oracle::{Seen, openssl_sees};

/// Drawn by the quick suite.
const FEW: usize = 250;

/// Octets of the longest serial number that is told.
const MAX_SERIAL: usize = 64;

#[test]
fn mutated_certificates_are_read_as_openssl_reads_them() {
    let number = |name: &str, usual| {
        let given = std::env::var(name).ok();
        given.map_or(usual, |text| text.parse::<usize>().unwrap())
    };
    let (count, seed) = (number("X509_CERTIFICATES", FEW), number("X509_SEED", 1));
    let next = AtomicUsize::new(0);
    let told: Mutex<BTreeMap<Verdict, usize>> = Mutex::default();
    let broken: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    let (what, der) = certificate(&mut Lots::new(seed as u64, at as u64));
                    match compare(what, &der) {
                        Ok(verdict) => *told.lock().unwrap().entry(verdict).or_default() += 1,
                        Err(difference) => {
                            let hex = STANDARD.encode(&der);
                            broken
                                .lock()
                                .unwrap()
                                .push(format!("{at}: {difference}\n{hex}"));
                        }
                    }
                }
            });
        }
    });
    let told = told.into_inner().unwrap();
    for (verdict, count) in &told {
        println!("{count:>6}  {verdict:?}");
    }
    let broken = broken.into_inner().unwrap();
    assert!(
        broken.is_empty(),
        "{} differ\n{}",
        broken.len(),
        broken.join("\n")
    );
    // Where nearly nothing is read, nothing is compared.
    let alike = told.get(&Verdict::Alike).copied().unwrap_or_default();
    assert!(
        alike > count / 3,
        "only {alike} of {count} are read by both"
    );
}

/// What came of one certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Both read it, and see the same.
    Alike,
    /// Neither reads it.
    Refused,
    /// openssl reads all of it or nothing; a part that it dislikes costs us that part alone. What was
    /// done to the certificate.
    OnlyOurs(&'static str),
    /// openssl prints a date that names no instant, or none; we read it, or say `bad_validity`.
    OddDate,
    /// An attribute is no string: openssl prints its octets, we leave it out or take the next of its kind.
    OddText,
    /// One alternative name is none: openssl reads none, we read the others.
    OddNames,
}

fn compare(what: &'static str, der: &[u8]) -> Result<Verdict, String> {
    let decoded = decode::certificates(der);
    let reasons: Vec<Reason> = decoded
        .problems
        .iter()
        .map(|problem| problem.reason)
        .collect();
    match (decoded.certificates.first(), openssl_sees(der)) {
        (None, None) => Ok(Verdict::Refused),
        (Some(_), None) => Ok(Verdict::OnlyOurs(what)),
        (None, Some(theirs))
            if theirs.dates.is_none()
                && reasons.iter().all(|reason| *reason == Reason::BadValidity) =>
        {
            Ok(Verdict::OddDate)
        }
        (None, Some(theirs)) => Err(format!(
            "only openssl reads it, we say {reasons:?}: {theirs:?}"
        )),
        (Some(ours), Some(theirs)) => {
            let is_odd = theirs.dates.is_none();
            let ours = seen(ours);
            let dates = theirs.dates.or(ours.dates);
            // Longer ones are left out: docs/hostile.md.
            let fits = |serial: &String| serial.trim_start_matches('-').len() <= 2 * MAX_SERIAL;
            let theirs = Seen {
                dates,
                serial: theirs.serial.filter(fits),
                ..theirs
            };
            if theirs.names.is_empty() && !ours.names.is_empty() {
                let ours = Seen {
                    names: Vec::new(),
                    ..ours
                };
                let alike = ours == theirs;
                return alike
                    .then_some(Verdict::OddNames)
                    .ok_or(format!("{ours:?} {theirs:?}"));
            }
            if ours == theirs {
                return Ok(if is_odd {
                    Verdict::OddDate
                } else {
                    Verdict::Alike
                });
            }
            let is_bent = what.contains("octets") || what.contains("tag");
            if is_bent && differ_in_one_text(&ours, &theirs) {
                return Ok(Verdict::OddText);
            }
            Err(format!("ours   {ours:?}\ntheirs {theirs:?}"))
        }
    }
}

/// Whether all is alike but one attribute of a name, which openssl tells.
fn differ_in_one_text(ours: &Seen, theirs: &Seen) -> bool {
    let pairs = [
        (&ours.subject, &theirs.subject),
        (&ours.issuer, &theirs.issuer),
    ];
    let odd = pairs.iter().flat_map(|(ours, theirs)| {
        theirs
            .iter()
            .filter(|(kind, value)| ours.get(*kind) != Some(value))
    });
    let more = pairs
        .iter()
        .any(|(ours, theirs)| ours.keys().any(|kind| !theirs.contains_key(kind)));
    odd.count() == 1
        && !more
        && (ours.dates, &ours.serial, &ours.names) == (theirs.dates, &theirs.serial, &theirs.names)
}

fn seen(certificate: &Certificate) -> Seen {
    let attributes = |name: &Name<&str>| {
        let all = name.attributes().into_iter();
        all.filter_map(|(kind, value)| Some((kind.to_owned(), value?.to_owned())))
            .collect()
    };
    Seen {
        dates: Some((certificate.not_before, certificate.not_after)),
        serial: certificate.serial().map(hexadecimal),
        subject: attributes(&certificate.subject()),
        issuer: attributes(&certificate.issuer()),
        names: certificate.alternative_names().map(str::to_owned).collect(),
    }
}

/// A certificate of odd fields, most of them bent.
fn certificate(lots: &mut Lots) -> (&'static str, Vec<u8>) {
    let mut extensions = vec![extension(&[0x2a; 60], b"long")];
    if lots.one_in(2) {
        extensions.push(extension(&[0x55, 0x1d, 0x11], &alternative_names(lots)));
    }
    let forge = Forge {
        version: lots.pick(&[Some(2), Some(2), Some(0), Some(1), None]),
        serial: tlv(0x02, &serial(lots)),
        issuer: name(lots),
        not_before: time(lots),
        not_after: time(lots),
        subject: name(lots),
        extensions,
        ..Forge::default()
    };
    let der = forge.der();
    match lots.below(4) {
        0 => ("odd fields", der),
        1 => ("other octets", lots.bytes_exchanged(der)),
        _ => lots.bent(&der),
    }
}

fn serial(lots: &mut Lots) -> Vec<u8> {
    let length = lots.pick(&[1, 1, 2, 8, 16, 20, 21, 32, 64]);
    let mut octets = lots.octets(length);
    match lots.below(8) {
        0 => octets[0] = 0,
        1 => octets[0] = 0xff,
        2 => octets[0] &= 0x7f,
        _ => {}
    }
    octets
}

fn time(lots: &mut Lots) -> Vec<u8> {
    let year = lots.pick(&[
        "1949", "1950", "1969", "1970", "1999", "2000", "2024", "2049", "2050", "2100", "9999",
    ]);
    let day = lots.pick(&["0101", "0228", "0229", "0230", "1231", "1301", "0600"]);
    let hour = lots.pick(&[
        "000000", "235959", "240000", "126000", "123460", "1234", "12",
    ]);
    let zone = lots.pick(&["Z", "Z", "Z", "", "+0100", "-0530", "+01", "z", ".5Z", ".Z"]);
    let short = lots.one_in(2);
    let year = if short { &year[2..] } else { year };
    // The ordinary ones are the most.
    let (day, hour, zone) = match lots.below(8) {
        0 => (day, hour, zone),
        1 => ("0228", "235959", zone),
        _ => ("0615", "120000", "Z"),
    };
    let tag = if short { 0x17 } else { 0x18 };
    tlv(tag, format!("{year}{day}{hour}{zone}").as_bytes())
}

fn name(lots: &mut Lots) -> Vec<u8> {
    let mut sets = Vec::new();
    for _ in 0..lots.below(5) {
        let attributes = (0..=lots.below(8) / 7).map(|_| {
            // CN, C, L, ST, O, OU; and some that become no label.
            let kind = tlv(
                0x06,
                &[0x55, 0x04, lots.pick(&[3, 3, 6, 7, 8, 10, 11, 5, 4, 13])],
            );
            tlv(0x30, &[kind, text(lots)].concat())
        });
        let attributes: Vec<Vec<u8>> = attributes.collect();
        sets.push(tlv(0x31, &attributes.concat()));
    }
    tlv(0x30, &sets.concat())
}

fn text(lots: &mut Lots) -> Vec<u8> {
    let words = [
        "a",
        "Zo\u{eb}",
        "\u{1f600}",
        "x,y=z+\"",
        " ",
        "\\",
        "#",
        "\u{202e}",
        "b\tc",
        "\u{85}",
        "longer words",
    ];
    let text: String = (0..=lots.below(3)).map(|_| lots.pick(&words)).collect();
    match lots.pick(&[0x0c_u8, 0x0c, 0x13, 0x16, 0x14, 0x1e, 0x1c, 0x12]) {
        tag @ 0x1e => {
            let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            // Without pairs of units, which openssl does not know.
            let alone = text
                .chars()
                .all(|character| u32::from(character) < 0x1_0000);
            tlv(tag, if alone { &units } else { b"\0a" })
        }
        tag @ 0x1c => {
            let units = text
                .chars()
                .flat_map(|character| u32::from(character).to_be_bytes());
            tlv(tag, &units.collect::<Vec<_>>())
        }
        0x14 => {
            let octets = text
                .chars()
                .filter_map(|character| u8::try_from(u32::from(character)).ok());
            tlv(0x14, &octets.collect::<Vec<_>>())
        }
        0x0c => tlv(0x0c, text.as_bytes()),
        tag => {
            let octets = text
                .chars()
                .filter(char::is_ascii)
                .map(|character| character as u8);
            tlv(tag, &octets.collect::<Vec<_>>())
        }
    }
}

fn alternative_names(lots: &mut Lots) -> Vec<u8> {
    let names = (0..lots.below(5)).map(|_| match lots.below(5) {
        0 => tlv(0x82, b"a.example"),
        1 => tlv(0x81, b"me@a.example"),
        2 => tlv(0x86, b"spiffe://a/ns/b"),
        3 => tlv(0x87, &lots.octets(4)),
        _ => tlv(0x87, &lots.octets(16)),
    });
    let names: Vec<Vec<u8>> = names.collect();
    tlv(0x30, &names.concat())
}
