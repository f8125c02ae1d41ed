//! Our reading of odd certificates against that of the `openssl` command, an independent oracle.
//!
//! Some certificates are made by openssl itself, some forged field by field, some are openssl's
//! with bytes exchanged. What openssl reads, we read alike. Needs `openssl` (3.0 or newer) and GNU
//! `date` in the path, and fails without them: a skipped oracle looks like an agreeing one.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test, helpers included"
)]

use std::fmt::Write;

use x509_certificate_exporter::decode;
use x509_certificate_exporter::model::{Certificate, Reason};

#[path = "openssl/details.rs"]
mod details;
#[path = "../src/decode/forge.rs"]
mod forge;
#[path = "openssl/keys.rs"]
mod keys;
#[path = "openssl/lots.rs"]
mod lots;
#[path = "openssl/mutated.rs"]
mod mutated;
#[path = "openssl/oracle.rs"]
mod oracle;

use forge::{BASIC_CONSTRAINTS, Forge, common_name, extension, name, tlv};
use oracle::{Facts, Workshop, openssl_facts};

#[test]
fn forged_certificates_are_read_as_openssl_reads_them() {
    for (what, der) in forged() {
        compare(what, &der, &der);
    }
}

#[test]
fn certificates_of_openssl_are_read_as_openssl_reads_them() {
    let workshop = Workshop::new();
    for (at, arguments) in [
        "-newkey ed25519 -subj /CN=ed25519",
        "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -subj /C=DE/O=Org/OU=Unit/CN=ec",
        "-newkey rsa:2048 -subj /CN=rsa -sha512",
        "-newkey ed25519 -subj /CN=-minus -set_serial -128",
        "-newkey ed25519 -subj /CN=long -set_serial 0x7fffffffffffffffffffffffffffffffffffffff",
        "-newkey ed25519 -subj /CN=longer -set_serial 0x0102030405060708090a0b0c0d0e0f101112131415161718191a",
        "-newkey ed25519 -subj /CN=zero -set_serial 0",
        "-newkey ed25519 -subj /CN=Zo\u{eb}\u{1f600} -utf8",
        "-newkey ed25519 -subj /O=no-common-name",
        "-newkey ed25519 -subj /CN=first/CN=second",
        "-newkey ed25519 -subj /CN=multi+OU=valued -multivalue-rdn",
        "-newkey ed25519 -subj /CN=short -days 1",
        "-newkey ed25519 -subj /CN=far -days 100000",
        "-newkey ed25519 -subj /CN=leaf -addext basicConstraints=critical,CA:FALSE",
        "-newkey ed25519 -subj /CN=ca -addext basicConstraints=critical,CA:TRUE,pathlen:300",
        "-newkey ed25519 -subj /CN=alternatives -addext subjectAltName=DNS:a.example,IP:::1,URI:urn:a",
    ]
    .into_iter()
    .enumerate()
    {
        let pem = workshop.self_signed(&format!("{at}.pem"), arguments);
        compare(arguments, &pem, &pem);
    }
}

#[test]
fn certificates_of_an_openssl_ca_with_any_dates_are_read_as_openssl_reads_them() {
    let workshop = Workshop::new();
    workshop.self_signed("ca.pem", "-newkey ed25519 -keyout ca.key -subj /CN=root");
    workshop.write("index.txt", b"");
    workshop.write("ca.cnf", CA_CONFIGURATION.as_bytes());
    for (serial, start, end) in [
        ("01", "500101000000Z", "20491231235959Z"),
        ("0a", "19700101000000Z", "99991231235959Z"),
        ("0b", "690101000000Z", "700101000000Z"),
        ("0c", "20500101000000Z", "20500101000001Z"),
        ("0d", "20240229235959Z", "20280229000000Z"),
        ("00f0", "19500101000000Z", "19500101000000Z"),
    ] {
        workshop.write("serial", serial.as_bytes());
        let arguments = format!(
            "ca -batch -config ca.cnf -selfsign -in request.pem -startdate {start} -enddate {end} -out out.pem"
        );
        let request = "req -new -key ca.key -subj /CN=dated -out request.pem";
        workshop.openssl(&request.split(' ').collect::<Vec<_>>());
        workshop.openssl(&arguments.split(' ').collect::<Vec<_>>());
        let pem = workshop.read("out.pem");
        compare(&arguments, &pem, &pem);
    }
}

#[test]
fn certificates_of_openssl_with_exchanged_bytes_are_read_as_openssl_reads_them() {
    let workshop = Workshop::new();
    workshop.self_signed(
        "a.pem",
        "-newkey ed25519 -subj /CN=a-name -set_serial 0x0102030405060708",
    );
    workshop.openssl(&["x509", "-in", "a.pem", "-outform", "DER", "-out", "a.der"]);
    let der = workshop.read("a.der");
    // The key and the signature behind them may hold the same octets.
    let dates: Vec<usize> = positions(&der, &[0x17, 13]).take(2).collect();
    let [not_before, not_after] = dates[..] else {
        panic!("two dates")
    };
    for date in [
        "600229000000Z",
        "491231235959Z",
        "250101120000Z",
        "6912312359Z\0\0",
        "25010112+0100",
    ] {
        let mut changed = der.clone();
        changed[not_before + 2..][..13].copy_from_slice(date.as_bytes());
        compare_dates(date, &changed);
    }
    for date in [
        "251301000000Z",
        "250230000000Z",
        "25010100000 Z",
        "2501010000000",
    ] {
        let mut changed = der.clone();
        changed[not_after + 2..][..13].copy_from_slice(date.as_bytes());
        compare_dates(date, &changed);
    }
    let serial = positions(&der, &[2, 8, 1, 2, 3, 4, 5, 6, 7, 8])
        .next()
        .expect("the serial");
    for octets in [
        [0xff, 0x7f, 0, 0, 0, 0, 0, 0],
        [0x80, 0, 0, 0, 0, 0, 0, 0],
        [0, 0xff, 1, 2, 3, 4, 5, 6],
    ] {
        let mut changed = der.clone();
        changed[serial + 2..][..8].copy_from_slice(&octets);
        compare("serial", &changed, &changed);
    }
    for found in positions(&der, b"\x0c\x06a-name").collect::<Vec<_>>() {
        for (tag, text) in [
            (0x13, b"a_name"),
            (0x14, b"Zo\xeb \xe9t"),
            (0x16, b"a@name"),
            (0x1e, b"\0Z\x01\x61\0e"),
        ] {
            let mut changed = der.clone();
            changed[found] = tag;
            changed[found + 2..][..6].copy_from_slice(text);
            compare("name", &changed, &changed);
        }
    }
}

#[test]
fn pem_in_any_dress_is_the_certificate_that_openssl_sees() {
    let workshop = Workshop::new();
    let pem = workshop.self_signed("a.pem", "-newkey ed25519 -keyout a.key -subj /CN=dressed");
    let text = String::from_utf8(pem.clone()).unwrap();
    let base64: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let wide = base64
        .as_bytes()
        .chunks(76)
        .map(|line| str::from_utf8(line).unwrap());
    let wrap =
        |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    workshop.openssl(&[
        "x509",
        "-in",
        "a.pem",
        "-trustout",
        "-addtrust",
        "serverAuth",
        "-out",
        "trusted.pem",
    ]);
    let key = String::from_utf8(workshop.read("a.key")).unwrap();
    let trusted = String::from_utf8(workshop.read("trusted.pem")).unwrap();
    assert!(trusted.contains("BEGIN TRUSTED CERTIFICATE"));
    for dressed in [
        text.replace('\n', "\r\n"),
        text.replace('\n', " \n"),
        text.trim_end().to_owned(),
        text.replace("CERTIFICATE", "X509 CERTIFICATE"),
        format!("before\n{text}after\n\n"),
        format!("{key}{text}"),
        wrap(&base64),
        wrap(&wide.collect::<Vec<_>>().join("\n")),
        trusted,
    ] {
        compare(&dressed, dressed.as_bytes(), &pem);
        assert_eq!(
            openssl_facts(dressed.as_bytes()),
            openssl_facts(&pem),
            "{dressed}"
        );
    }
}

#[test]
fn keys_of_openssl_are_known_in_der_too() {
    let workshop = Workshop::new();
    for arguments in [
        "genpkey -algorithm ed25519 -out key.pem",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out key.pem",
        "genrsa -out key.pem 2048",
    ] {
        workshop.openssl(&arguments.split(' ').collect::<Vec<_>>());
        for convert in [
            "pkey -in key.pem -outform DER",
            "pkey -in key.pem -outform DER -traditional",
            "pkey -in key.pem -outform DER -pubout",
            "pkcs8 -in key.pem -outform DER -topk8 -passout pass:secret",
        ] {
            let all = format!("{convert} -out key.der");
            workshop.openssl(&all.split(' ').collect::<Vec<_>>());
            let decoded = decode::certificates(&workshop.read("key.der"));
            let is_key = decoded.other_blocks == 1 && decoded.problems.is_empty();
            assert!(is_key, "{arguments}, {convert}: {decoded:?}");
        }
    }
}

/// Certificates with one oddity each.
fn forged() -> Vec<(&'static str, Vec<u8>)> {
    let plain = Forge::default;
    let trailed = |bytes: &[u8]| [&plain().der(), bytes].concat();
    let no_common_name = name(&[(10, 0x0c, b"an organisation")]);
    let wholes = vec![
        ("plain", trailed(b"")),
        ("trailing newline", trailed(b"\n")),
        ("trailing bytes", trailed(b"\0\0trailing")),
        (
            "version 1",
            Forge {
                version: None,
                ..plain()
            }
            .der(),
        ),
        (
            "version 4",
            Forge {
                version: Some(3),
                ..plain()
            }
            .der(),
        ),
        (
            "year 9999",
            Forge {
                not_after: tlv(0x18, b"99991231235959Z"),
                ..plain()
            }
            .der(),
        ),
        (
            "no common name",
            Forge {
                subject: no_common_name,
                ..plain()
            }
            .der(),
        ),
        (
            "no subject",
            Forge {
                subject: name(&[]),
                ..plain()
            }
            .der(),
        ),
    ];
    let dates = ODD_DATES.iter().map(|&(what, tag, text)| {
        (
            what,
            Forge {
                not_before: tlv(tag, text),
                ..plain()
            }
            .der(),
        )
    });
    let serials = ODD_SERIALS.iter().map(|&(what, content)| {
        (
            what,
            Forge {
                serial: tlv(0x02, content),
                ..plain()
            }
            .der(),
        )
    });
    let names = ODD_NAMES.iter().map(|&(what, tag, text)| {
        (
            what,
            Forge {
                subject: common_name(tag, text),
                ..plain()
            }
            .der(),
        )
    });
    let constraints = ODD_CONSTRAINTS.iter().map(|&(what, value)| {
        let extensions = vec![
            extension(&[0x2a; 60], b"long"),
            extension(BASIC_CONSTRAINTS, value),
        ];
        (
            what,
            Forge {
                extensions,
                ..plain()
            }
            .der(),
        )
    });
    wholes
        .into_iter()
        .chain(dates)
        .chain(serials)
        .chain(names)
        .chain(constraints)
        .collect()
}

const ODD_DATES: &[(&str, u8, &[u8])] = &[
    ("1950", 0x17, b"500101000000Z"),
    ("1960", 0x17, b"600101000000Z"),
    ("2049", 0x17, b"491231235959Z"),
    ("no seconds", 0x17, b"2501010000Z"),
    ("offset east", 0x17, b"250101010000+0130"),
    ("offset west", 0x17, b"2412311900-0500"),
    ("fraction", 0x18, b"20250101000000.5Z"),
    ("generalized before 2050", 0x18, b"20250101000000Z"),
    ("generalized without seconds", 0x18, b"202501010000Z"),
    ("generalized with offset", 0x18, b"20250101000000-0330"),
    ("1949", 0x18, b"19491231235959Z"),
    ("year 1", 0x18, b"00010101000000Z"),
    ("1900, no leap year", 0x18, b"19000228000000Z"),
    ("2000, a leap year", 0x18, b"20000229000000Z"),
];

const ODD_SERIALS: &[(&str, &[u8])] = &[
    ("serial 0", &[0]),
    ("serial -1", &[0xff]),
    ("serial -128", &[0x80]),
    ("serial of 20 bytes", &[0x7f; 20]),
    ("serial of 26 bytes", &[0x55; 26]),
    ("serial of 32 bytes", &[0x81; 32]),
    ("serial of 64 bytes", &[0x11; 64]),
];

const ODD_NAMES: &[(&str, u8, &[u8])] = &[
    ("UTF-8", 0x0c, "Zoë 😀".as_bytes()),
    ("PrintableString", 0x13, b"plain"),
    ("illegal PrintableString", 0x13, b"under_score@"),
    ("IA5String", 0x16, b"user@example"),
    ("TeletexString", 0x14, b"Zo\xeb"),
    ("NumericString", 0x12, b"12 34"),
    ("BMPString", 0x1e, b"\0Z\x01\x61"),
    ("UniversalString", 0x1c, b"\0\0\0Z\0\x01\xf6\0"),
];

const ODD_CONSTRAINTS: &[(&str, &[u8])] = &[
    ("CA", b"\x30\x03\x01\x01\xff"),
    ("lax boolean", b"\x30\x03\x01\x01\x01"),
    ("not a CA", b"\x30\x00"),
    ("long path", b"\x30\x07\x01\x01\xff\x02\x02\x03\xe8"),
];

fn compare(what: &str, ours: &[u8], theirs: &[u8]) {
    let decoded = decode::certificates(ours);
    assert!(
        decoded.problems.is_empty(),
        "{what}: {:?}",
        decoded.problems
    );
    let [certificate] = &decoded.certificates[..] else {
        panic!("{what}: one certificate")
    };
    let theirs = openssl_facts(theirs).unwrap_or_else(|| panic!("{what}: openssl reads no dates"));
    assert_eq!(our_facts(certificate), theirs, "{what}");
}

/// Alike where openssl reads the dates, and a bad validity where it does not.
fn compare_dates(what: &str, der: &[u8]) {
    if openssl_facts(der).is_some() {
        compare(what, der, der);
    } else {
        let reasons: Vec<_> = decode::certificates(der)
            .problems
            .into_iter()
            .map(|p| p.reason)
            .collect();
        assert_eq!(reasons, [Reason::BadValidity], "{what}");
    }
}

fn our_facts(certificate: &Certificate) -> Facts {
    Facts {
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        serial: certificate.serial().map(hexadecimal),
        common_name: certificate.subject().common_name.map(str::to_owned),
        ca: certificate.profile.ca,
        fingerprint: certificate
            .fingerprint
            .iter()
            .fold(String::new(), |mut text, octet| {
                write!(text, "{octet:02X}").unwrap();
                text
            }),
    }
}

/// A decimal number in openssl's hexadecimal: whole octets, the sign before.
fn hexadecimal(decimal: &str) -> String {
    let (sign, digits) = decimal
        .strip_prefix('-')
        .map_or(("", decimal), |digits| ("-", digits));
    let mut octets = vec![0_u8];
    for digit in digits.bytes() {
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
    octets.iter().fold(sign.to_owned(), |mut text, octet| {
        write!(text, "{octet:02X}").unwrap();
        text
    })
}

fn positions<'a>(bytes: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    (0..bytes.len()).filter(move |&at| bytes[at..].starts_with(needle))
}

const CA_CONFIGURATION: &str = "
[ca]
default_ca = here
[here]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = default
policy = any
unique_subject = no
x509_extensions = extensions
[extensions]
basicConstraints = CA:TRUE
[any]
commonName = supplied
";
