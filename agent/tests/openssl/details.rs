//! Names, keys, algorithms and usages as `openssl x509 -text` has them.

use std::net::Ipv6Addr;

use x509_certificate_exporter::decode;
use x509_certificate_exporter::model::Certificate;

use super::forge::{Forge, extension, tlv};
use super::oracle::{Workshop, openssl_text};

/// What both sides say, in openssl's words.
#[derive(Debug, PartialEq, Eq)]
struct Details {
    names: Vec<String>,
    key: String,
    bits: Option<u32>,
    signature: String,
    usages: Vec<String>,
    purposes: Vec<String>,
}

#[test]
fn details_of_certificates_of_openssl_are_read_as_openssl_reads_them() {
    let workshop = Workshop::new();
    for arguments in [
        "-newkey rsa:2048 -sha512",
        "-newkey rsa:1031 -sha1",
        "-newkey rsa:1024 -md5",
        "-newkey rsa:1024 -sha224",
        "-newkey rsa:1024 -sha384",
        "-newkey rsa:1024 -sigopt rsa_padding_mode:pss -sha256",
        "-newkey rsa-pss -pkeyopt rsa_keygen_bits:1024",
        "-newkey ed25519",
        "-newkey ed448",
        "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -sha1",
        "-newkey ec -pkeyopt ec_paramgen_curve:secp224r1 -sha224",
        "-newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -sha384",
        "-newkey ec -pkeyopt ec_paramgen_curve:secp521r1 -sha512",
        "-newkey ec -pkeyopt ec_paramgen_curve:secp256k1",
        "-newkey sm2 -sm3 -sigopt distid:1234567812345678",
        "-newkey ec -pkeyopt ec_paramgen_curve:brainpoolP256r1",
        "-newkey ec -pkeyopt ec_paramgen_curve:brainpoolP384r1",
        "-newkey ec -pkeyopt ec_paramgen_curve:brainpoolP512r1",
        "-newkey ed25519 -addext subjectAltName=DNS:a.example,IP:192.0.2.1,IP:2001:db8::1,IP:::1",
        "-newkey ed25519 -addext subjectAltName=IP:::ffff:192.0.2.1,IP:1:0:0:2::3,IP:1:2:3:4:5:6:7:8",
        "-newkey ed25519 -addext subjectAltName=URI:spiffe://a/ns/b,email:me@example.com,DNS:*.a",
        "-newkey ed25519 -addext subjectAltName=RID:1.2.3,otherName:1.2.3;UTF8:hi,DNS:behind",
        "-newkey ed25519 -addext keyUsage=digitalSignature,nonRepudiation,keyEncipherment",
        "-newkey ed25519 -addext keyUsage=critical,dataEncipherment,keyAgreement,keyCertSign",
        "-newkey ed25519 -addext keyUsage=cRLSign,encipherOnly",
        "-newkey ed25519 -addext keyUsage=decipherOnly",
        "-newkey ed25519 -addext extendedKeyUsage=serverAuth,clientAuth,codeSigning",
        "-newkey ed25519 -addext extendedKeyUsage=emailProtection,timeStamping,OCSPSigning",
        "-newkey ed25519 -addext extendedKeyUsage=critical,anyExtendedKeyUsage,1.2.3.4",
    ] {
        let pem = workshop.self_signed("a.pem", &format!("{arguments} -subj /CN=a"));
        compare(arguments, &pem);
    }
}

#[test]
fn details_of_a_dsa_certificate_are_read_as_openssl_reads_them() {
    let workshop = Workshop::new();
    for command in [
        "genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -out p",
        "genpkey -paramfile p -out k",
        "req -x509 -key k -subj /CN=a -sha256 -out a.pem",
    ] {
        workshop.openssl(&command.split(' ').collect::<Vec<_>>());
    }
    compare("DSA", &workshop.read("a.pem"));
}

#[test]
fn details_of_forged_certificates_are_read_as_openssl_reads_them() {
    const NAMES: &[u8] = &[0x55, 0x1d, 0x11];
    const USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
    for (what, oid, value) in [
        ("no names", NAMES, &b"\x30\0"[..]),
        ("an empty name", NAMES, b"\x30\x02\x82\0"),
        ("an odd address", NAMES, b"\x30\x05\x87\x03abc"),
        ("a critical bit that is none", USAGE, b"\x03\x02\x05\xff"),
        ("nine usages", USAGE, b"\x03\x03\x07\xff\x80"),
        ("more than nine usages", USAGE, b"\x03\x03\x00\x80\xff"),
        ("a usage of no octets", USAGE, b"\x03\x01\x00"),
    ] {
        let extensions = vec![extension(&[0x2a; 60], b"long"), extension(oid, value)];
        let forge = Forge {
            extensions,
            ..Forge::default()
        };
        compare(what, &forge.der());
    }
    let unknown = Forge {
        key: tlv(
            0x30,
            &[tlv(0x30, b"\x06\x03\x2a\x03\x04"), tlv(0x03, b"\0k")].concat(),
        ),
        signature: tlv(0x30, b"\x06\x04\x2a\x86\x48\x63"),
        ..Forge::default()
    };
    compare("unknown algorithms", &unknown.der());
}

fn compare(what: &str, certificate: &[u8]) {
    let decoded = decode::certificates(certificate);
    let [read] = &decoded.certificates[..] else {
        panic!("{what}: {decoded:?}")
    };
    let text = openssl_text(certificate);
    assert_eq!(ours(read), theirs(&text), "{what}: {text}");
}

fn theirs(text: &str) -> Details {
    let line = |head: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(head));
        line.map(|rest| rest.trim().to_owned())
    };
    // An extension's content is the line behind its name.
    let list = |head: &str| {
        let mut lines = text.lines().map(str::trim);
        lines.find(|line| line.starts_with(head));
        let content = lines.next().unwrap_or_default();
        let parts = content
            .split(", ")
            .filter(|part| !["", "...", "<EMPTY>"].contains(part));
        // Some versions say how long an odd address is.
        let plain = |part: &str| part.split(" length=").next().unwrap_or_default().to_owned();
        parts
            .map(|part| {
                if part.contains("<invalid") {
                    plain(part).trim_end_matches('>').to_owned() + ">"
                } else {
                    part.to_owned()
                }
            })
            .collect::<Vec<_>>()
    };
    let bits = line("Public-Key: (").map(|rest| rest.replace(" bit)", "").parse().unwrap());
    Details {
        names: list("X509v3 Subject Alternative Name:"),
        key: line("Public Key Algorithm:").unwrap(),
        bits,
        signature: line("Signature Algorithm:").unwrap(),
        usages: list("X509v3 Key Usage:"),
        purposes: list("X509v3 Extended Key Usage:"),
    }
}

/// Ours, in openssl's words.
fn ours(certificate: &Certificate) -> Details {
    let profile = &*certificate.profile;
    assert_eq!(profile.more_names, 0);
    assert_eq!(
        profile.self_issued,
        certificate.subject() == certificate.issuer()
    );
    let names = certificate.alternative_names().map(|name| match name {
        "otherName" => "othername: 1.2.3::hi".to_owned(),
        "RID" => "Registered ID:1.2.3".to_owned(),
        name => name.strip_prefix("IP:").map_or(name.to_owned(), |address| {
            format!("IP Address:{}", long_form(address))
        }),
    });
    let usages = USAGES.iter().enumerate();
    let usages = usages.filter(|(bit, _)| profile.key_usage & (1 << bit) != 0);
    let purposes = certificate.extended_key_usage().map(|purpose| {
        let known = PURPOSES.iter().find(|(ours, _)| *ours == purpose);
        known.map_or(purpose, |(_, theirs)| *theirs).to_owned()
    });
    let key = certificate.key_algorithm();
    let of_key = KEYS.iter().find(|(ours, _)| *ours == key);
    let signature = certificate.signature_algorithm();
    let of_signature = SIGNATURES.iter().find(|(ours, _)| *ours == signature);
    Details {
        names: names.collect(),
        key: of_key.map_or(key, |(_, theirs)| theirs).to_owned(),
        // openssl does not say how long these are.
        bits: (!key.starts_with("Ed") && profile.key_bits > 0).then_some(profile.key_bits),
        signature: of_signature
            .map_or(signature, |(_, theirs)| theirs)
            .to_owned(),
        usages: usages.map(|(_, name)| (*name).to_owned()).collect(),
        purposes: purposes.collect(),
    }
}

/// An address as openssl writes it, which shortens nothing.
fn long_form(address: &str) -> String {
    match address.parse::<Ipv6Addr>() {
        Ok(six) => six.segments().map(|part| format!("{part:X}")).join(":"),
        Err(_) => address.to_owned(),
    }
}

const USAGES: [&str; 9] = [
    "Digital Signature",
    "Non Repudiation",
    "Key Encipherment",
    "Data Encipherment",
    "Key Agreement",
    "Certificate Sign",
    "CRL Sign",
    "Encipher Only",
    "Decipher Only",
];

const PURPOSES: [(&str, &str); 7] = [
    ("serverAuth", "TLS Web Server Authentication"),
    ("clientAuth", "TLS Web Client Authentication"),
    ("codeSigning", "Code Signing"),
    ("emailProtection", "E-mail Protection"),
    ("timeStamping", "Time Stamping"),
    ("OCSPSigning", "OCSP Signing"),
    ("anyExtendedKeyUsage", "Any Extended Key Usage"),
];

const KEYS: [(&str, &str); 6] = [
    ("RSA", "rsaEncryption"),
    ("RSASSA-PSS", "rsassaPss"),
    ("ECDSA", "id-ecPublicKey"),
    ("Ed25519", "ED25519"),
    ("Ed448", "ED448"),
    ("DSA", "dsaEncryption"),
];

const SIGNATURES: [(&str, &str); 16] = [
    ("MD5-RSA", "md5WithRSAEncryption"),
    ("SHA1-RSA", "sha1WithRSAEncryption"),
    ("SHA224-RSA", "sha224WithRSAEncryption"),
    ("SHA256-RSA", "sha256WithRSAEncryption"),
    ("SHA384-RSA", "sha384WithRSAEncryption"),
    ("SHA512-RSA", "sha512WithRSAEncryption"),
    ("RSASSA-PSS", "rsassaPss"),
    ("DSA-SHA256", "dsa_with_SHA256"),
    ("ECDSA-SHA1", "ecdsa-with-SHA1"),
    ("ECDSA-SHA224", "ecdsa-with-SHA224"),
    ("ECDSA-SHA256", "ecdsa-with-SHA256"),
    ("ECDSA-SHA384", "ecdsa-with-SHA384"),
    ("ECDSA-SHA512", "ecdsa-with-SHA512"),
    ("Ed25519", "ED25519"),
    ("Ed448", "ED448"),
    ("SM2-SM3", "SM2-with-SM3"),
];
