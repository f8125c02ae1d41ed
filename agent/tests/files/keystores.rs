//! Keystores among a host's files, and the passphrases that open them.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use x509_certificate_exporter::source::files::Options;
use x509_certificate_exporter::source::host::{Keystores, Passphrases};

use super::host::{Host, KEY, NOTHING, Watch};

/// A host with a keystore of each kind, all with the same passphrase.
fn host() -> Host {
    let host = Host::new();
    for (path, file) in [
        ("/a.p12", "modern.p12"),
        ("/b.jks", "java-truststore.jks"),
        ("/c.p12", "empty.p12"),
        ("/d.p12", "plain-no-mac.p12"),
        ("/e.p7b", "chain-and-list.p7b"),
    ] {
        host.write(path, fixture(file));
    }
    host.write("/f.key", KEY);
    host
}

fn fixture(file: &str) -> Vec<u8> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/keystores");
    fs::read(directory.join(file)).unwrap()
}

fn options(host: &Host, pkcs12: Passphrases, jks: Passphrases) -> Options {
    Options {
        keystores: Keystores { pkcs12, jks },
        ..host.options(&["/*"])
    }
}

fn literal(text: &str) -> Passphrases {
    Passphrases {
        literal: Some(text.into()),
        ..Passphrases::default()
    }
}

#[test]
fn what_needs_no_passphrase_is_read_without_and_the_rest_is_told() {
    let host = host();
    assert_eq!(
        host.watch(&["/*"]).scan(),
        [
            "file /a.p12: 0 bad_passphrase",
            "file /b.jks: 3",
            "file /c.p12: 0 bad_passphrase",
            "file /d.p12: 3",
            "file /e.p7b: 3",
        ]
    );
}

#[test]
fn each_kind_has_passphrases_of_its_own() {
    let host = host();
    let mut watch = Watch::new(&options(&host, literal("changeit"), literal("wrong")));
    assert_eq!(
        watch.scan(),
        [
            "file /a.p12: 3",
            "file /b.jks: 3 bad_passphrase",
            "file /c.p12: 0 bad_passphrase",
            "file /d.p12: 3",
            "file /e.p7b: 3",
        ]
    );
    let both = Passphrases {
        try_empty: true,
        ..literal("changeit")
    };
    let mut watch = Watch::new(&options(&host, both, literal("changeit")));
    let all = ["/a.p12", "/b.jks", "/c.p12", "/d.p12", "/e.p7b"];
    assert_eq!(watch.scan(), all.map(|path| format!("file {path}: 3")));
}

#[test]
fn a_passphrase_in_a_file_is_read_anew_and_tried_on_what_is_closed() {
    let host = host();
    let pod = TempDir::new().unwrap();
    let file = pod.path().join("passphrase");
    let rotated = Passphrases {
        file: Some(file.clone()),
        ..Passphrases::default()
    };
    let mut watch = Watch::new(&options(&host, rotated, Passphrases::default()));
    watch.scan();
    assert_eq!(watch.reports, ["error not_found", "failed not_found"]);
    watch.settle();
    assert_eq!(watch.scan(), NOTHING);
    assert_eq!(watch.reports, ["failed not_found"]);

    fs::write(&file, "wrong\n").unwrap();
    // Now it is said that one was tried.
    assert_eq!(
        watch.scan(),
        [
            "file /a.p12: 0 bad_passphrase",
            "file /c.p12: 0 bad_passphrase"
        ]
    );
    assert_eq!(watch.reports, ["succeeded"]);
    assert_eq!(watch.scan(), NOTHING);
    fs::write(&file, "changeit\r\n").unwrap();
    assert_eq!(watch.scan(), ["file /a.p12: 3"]);

    // What is open stays so, until it changes.
    fs::write(&file, "wrong").unwrap();
    assert_eq!(watch.scan(), NOTHING);
    watch.settle();
    host.write("/a.p12", fixture("legacy.p12"));
    assert_eq!(watch.scan(), ["file /a.p12: 0 bad_passphrase"]);

    // Of a file that is gone for a moment, the last passphrase stays.
    fs::write(&file, "changeit").unwrap();
    assert_eq!(watch.scan(), ["file /a.p12: 3"]);
    fs::remove_file(&file).unwrap();
    host.write("/a.p12", fixture("3des.p12"));
    assert_eq!(watch.scan(), NOTHING);
    assert_eq!(watch.reports, ["error not_found", "failed not_found"]);
}

#[test]
fn a_file_that_is_no_passphrase_fails_the_source_and_costs_no_file() {
    let host = host();
    let pod = TempDir::new().unwrap();
    let large = pod.path().join("large");
    fs::write(&large, "a".repeat(100_000)).unwrap();
    for (file, reason) in [
        (pod.path().to_owned(), "not_regular_file"),
        (large, "too_large"),
    ] {
        let from = Passphrases {
            file: Some(file),
            ..Passphrases::default()
        };
        let mut watch = Watch::new(&options(&host, from, Passphrases::default()));
        assert_eq!(watch.scan().len(), 5);
        assert_eq!(
            watch.reports,
            [format!("error {reason}"), format!("failed {reason}")]
        );
    }
}

#[test]
fn no_passphrase_is_in_what_is_printed_of_a_source() {
    let host = host();
    let options = options(&host, literal("hunter2"), literal("hunter2"));
    let watch = Watch::new(&options);
    let printed = format!("{options:?} {:?}", watch.scanner);
    assert!(!printed.contains("hunter2"), "{printed}");
}
