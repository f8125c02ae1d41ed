//! Containers made by other tools (testdata/keystores) against what those tools see in them.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

use std::sync::OnceLock;

use proptest::prelude::*;
use x509_certificate_exporter::decode::{self, Decoded, Keystore, Passphrase};
use x509_certificate_exporter::model::Reason;

#[path = "formats/record.rs"]
mod record;

use record::{directory, fixture, lists_seen, recorded, seen};

fn reasons(decoded: &Decoded) -> Vec<Reason> {
    let problems = decoded.problems.iter();
    problems.map(|problem| problem.reason).collect()
}

#[test]
fn messages_give_what_openssl_sees_in_them() {
    for file in [
        "chain.p7b",
        "chain.p7b.pem",
        "chain-and-list.p7b",
        "chain-and-list.p7b.pem",
        "streamed.p7b",
    ] {
        let decoded = decode::certificates(&fixture(file));
        assert_eq!(seen(&decoded), recorded("certificates.tsv", file), "{file}");
        assert_eq!(decoded.certificates.len(), 3, "{file}");
        assert_eq!(reasons(&decoded), [], "{file}");
        let list = recorded("lists.tsv", "list.der");
        let expected = if file.contains("list") {
            &list[..]
        } else {
            &[]
        };
        assert_eq!(lists_seen(&decoded), expected, "{file}");
    }
}

#[test]
fn messages_that_carry_no_certificates_are_no_certificates() {
    let decoded = decode::certificates(&fixture("no-certificates.p7b"));
    assert_eq!((decoded.other_blocks, reasons(&decoded)), (1, vec![]));
    let decoded = decode::certificates(&fixture("enveloped.pem"));
    assert_eq!(reasons(&decoded), [Reason::BadPkcs7]);
}

#[test]
fn java_keystores_give_what_keytool_sees_in_them() {
    for (file, keys) in [
        ("java-keystore.jks", 1),
        ("java-keystore.jceks", 1),
        ("java-truststore.jks", 0),
        ("java-truststore.jceks", 0),
        ("java-secret.jceks", 1),
    ] {
        let bytes = fixture(file);
        assert_eq!(decode::keystore(&bytes), Some(Keystore::Jks));
        let decoded = decode::certificates(&bytes);
        assert_eq!(seen(&decoded), recorded("certificates.tsv", file), "{file}");
        assert_eq!(decoded.certificates.len(), 3, "{file}");
        assert_eq!((decoded.other_blocks, reasons(&decoded)), (keys, vec![]));
        let opened = decode::with_passphrases(&bytes, &["wrong".into(), "changeit".into()]);
        assert_eq!(opened, decoded, "{file}");
        let closed = decode::with_passphrases(&bytes, &["wrong".into()]);
        assert_eq!(closed.certificates, decoded.certificates, "{file}");
        assert_eq!(reasons(&closed), [Reason::BadPassphrase], "{file}");
    }
}

/// Keystores of PKCS#12 and what opens them.
const PKCS12: [(&str, &str); 21] = [
    ("modern.p12", "changeit"),
    ("many-iterations.p12", "changeit"),
    ("sha1-mac.p12", "changeit"),
    ("sha512-mac.p12", "changeit"),
    ("legacy.p12", "changeit"),
    ("3des.p12", "changeit"),
    ("2des.p12", "changeit"),
    ("rc2-128.p12", "changeit"),
    ("empty.p12", ""),
    ("3des-empty.p12", ""),
    ("null.p12", ""),
    ("utf8.p12", UTF8),
    ("utf8-3des.p12", UTF8),
    ("no-mac.p12", "changeit"),
    ("plain.p12", "changeit"),
    ("plain-no-mac.p12", ""),
    ("truststore.p12", "changeit"),
    ("truststore-plain.p12", ""),
    ("nss.p12", "changeit"),
    ("java-keystore.pkcs12", "changeit"),
    ("java-truststore.pkcs12", "changeit"),
];
const UTF8: &str = "Gr\u{fc}\u{df}e \u{20ac} \u{1f511}";

#[test]
fn pkcs12_gives_what_others_see_in_it() {
    for (file, passphrase) in PKCS12 {
        let bytes = fixture(file);
        assert_eq!(decode::keystore(&bytes), Some(Keystore::Pkcs12));
        let decoded = decode::with_passphrases(&bytes, &[passphrase.into()]);
        assert_eq!(seen(&decoded), recorded("certificates.tsv", file), "{file}");
        assert!(decoded.certificates.len() >= 2, "{file}");
        assert_eq!(reasons(&decoded), [], "{file}");
        let keys = usize::from(!file.contains("truststore"));
        assert_eq!(decoded.other_blocks, keys, "{file}");
    }
}

#[test]
fn what_is_in_clear_is_read_without_a_passphrase() {
    for file in ["plain.p12", "plain-no-mac.p12", "truststore-plain.p12"] {
        let decoded = decode::certificates(&fixture(file));
        assert_eq!(seen(&decoded), recorded("certificates.tsv", file), "{file}");
        assert_eq!(reasons(&decoded), [], "{file}");
    }
    // The MAC tells that the passphrase is another one.
    let decoded = decode::with_passphrases(&fixture("plain.p12"), &["wrong".into()]);
    assert_eq!(decoded.certificates.len(), 3);
    assert_eq!(reasons(&decoded), [Reason::BadPassphrase]);
}

#[test]
fn a_wrong_passphrase_is_told_apart_from_what_cannot_be_opened_at_all() {
    let wrong = ["wrong".into(), "Changeit".into(), "".into()];
    for file in [
        "modern.p12",
        "legacy.p12",
        "no-mac.p12",
        "java-keystore.pkcs12",
    ] {
        for passphrases in [&[][..], &wrong] {
            let decoded = decode::with_passphrases(&fixture(file), passphrases);
            assert_eq!(reasons(&decoded), [Reason::BadPassphrase], "{file}");
            assert_eq!(decoded.certificates.len(), 0);
        }
    }
    let right = [&wrong[..], &["changeit".into()]].concat();
    let decoded = decode::with_passphrases(&fixture("modern.p12"), &right);
    assert_eq!((decoded.certificates.len(), reasons(&decoded)), (3, vec![]));
    for passphrases in [&[][..], &["changeit".into()]] {
        let decoded = decode::with_passphrases(&fixture("rc4.p12"), passphrases);
        assert_eq!(reasons(&decoded), [Reason::UnsupportedAlgorithm]);
    }
    let modern = fixture("modern.p12");
    let decoded = decode::with_passphrases(&modern[..modern.len() / 2], &["changeit".into()]);
    assert_eq!(reasons(&decoded), [Reason::BadPkcs12]);
}

#[test]
fn the_empty_passphrase_is_tried_if_it_is_given() {
    for file in ["empty.p12", "3des-empty.p12", "null.p12"] {
        let decoded = decode::certificates(&fixture(file));
        assert_eq!(reasons(&decoded), [Reason::BadPassphrase], "{file}");
    }
}

#[test]
fn keys_alone_are_no_certificates() {
    let decoded = decode::with_passphrases(&fixture("keys-alone.p12"), &["changeit".into()]);
    assert_eq!((decoded.other_blocks, reasons(&decoded)), (1, vec![]));
}

#[test]
fn revocation_lists_give_what_openssl_sees_in_them() {
    for file in ["list.der", "list.pem", "unnumbered.pem"] {
        let decoded = decode::certificates(&fixture(file));
        assert_eq!(lists_seen(&decoded), recorded("lists.tsv", file), "{file}");
        assert_eq!(decoded.crls.len(), 1);
        assert_eq!((seen(&decoded), reasons(&decoded)), (vec![], vec![]));
    }
}

#[test]
fn containers_of_all_kinds_stand_in_one_file() {
    let files = ["list.pem", "chain-and-list.p7b.pem", "chain.p7b.pem"];
    let decoded = decode::certificates(&files.map(fixture).concat());
    assert_eq!((decoded.certificates.len(), decoded.crls.len()), (6, 2));
    assert_eq!(reasons(&decoded), []);
    let files = ["chain.p7b", "list.der", "chain.p7b.pem"];
    let decoded = decode::certificates(&files.map(fixture).concat());
    assert_eq!((decoded.certificates.len(), decoded.crls.len()), (6, 1));
    assert_eq!(reasons(&decoded), []);
}

/// All files, and what opens those that open quickly.
fn everything() -> &'static [(Vec<u8>, Vec<Passphrase>)] {
    static EVERYTHING: OnceLock<Vec<(Vec<u8>, Vec<Passphrase>)>> = OnceLock::new();
    EVERYTHING.get_or_init(|| {
        let files = std::fs::read_dir(directory()).unwrap();
        files
            .map(|file| {
                let path = file.unwrap().path();
                let slow = ["nss.p12", "null.p12", "many-iterations.p12"];
                let passphrases = match path.file_name().unwrap().to_str().unwrap() {
                    name if slow.contains(&name) => vec![],
                    name if name.contains("utf8") => vec![UTF8.into()],
                    name if name.contains("empty") => vec!["".into()],
                    _ => vec!["changeit".into()],
                };
                (std::fs::read(path).unwrap(), passphrases)
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn files_changed_anywhere_are_decoded_without_panic(
        which in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let files = everything();
        let (bytes, passphrases) = &files[which.index(files.len())];
        let mut bytes = bytes.clone();
        for (at, with) in changes {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        decode::with_passphrases(&bytes, passphrases);
    }

    #[test]
    fn any_bytes_behind_the_beginning_of_a_container_are_decoded_without_panic(
        beginning in prop::sample::select(BEGINNINGS),
        rest in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0x30), 0_u8..8], 0..300),
    ) {
        let bytes = [beginning, &rest].concat();
        decode::with_passphrases(&bytes, &["".into()]);
        // A length that fits lets the readers get further.
        if let ([0x30, 0x80, begun @ ..], Ok(length)) = (&bytes[..], u16::try_from(bytes.len() - 2)) {
            let framed = [&[0x30, 0x82], &length.to_be_bytes()[..], begun].concat();
            decode::with_passphrases(&framed, &["".into()]);
        }
    }
}

const BEGINNINGS: &[&[u8]] = &[
    b"\xfe\xed\xfe\xed\0\0\0\x02\0\0\0\x03\0\0\0\x01\0\0",
    b"\xfe\xed\xfe\xed\0\0\0\x01\0\0\0\x03\0\0\0\x02\0\0",
    b"\xce\xce\xce\xce\0\0\0\x02\0\0\0\x03\0\0\0\x03\0\0\x12345678\xac\xed\0\x05",
    b"\x30\x80\x02\x01\x03\x30",
    b"\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80\x04",
    b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01\x31\0\x30\0\xa0",
    b"\x30\x80\x30\x80\x02\x01\x01\x30\0\x30\0\x17\x0d250101000000Z",
];
