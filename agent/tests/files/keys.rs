//! Private keys beside certificates: compared on request, and nothing else.

use rcgen::{CertificateParams, KeyPair};
use rustix::fs::inotify;

use super::host::{Host, KEY, NOTHING, Watch};

/// A certificate and its key.
fn pair() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::default().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn comparing(host: &Host, paths: &[&str]) -> Watch {
    let mut options = host.options(paths);
    options.compare_keys = true;
    Watch::new(&options)
}

#[test]
fn a_key_of_another_certificate_is_told_when_it_is_seen_again() {
    let host = Host::new();
    let ((certificate, key), (_, other)) = (pair(), pair());
    host.write("/tls.crt", &certificate);
    host.write("/tls.key", &key);
    let mut watch = comparing(&host, &["/tls.crt"]);
    assert_eq!(watch.scan(), ["file /tls.crt: 1"]);
    watch.settle();
    // The key alone changes, and what is read once may be half of a renewal.
    host.write("/tls.key", &other);
    assert_eq!(watch.scan(), NOTHING);
    assert_eq!(watch.scan(), ["file /tls.crt: 1 key_mismatch"]);
    watch.settle();
    assert_eq!(watch.scan(), NOTHING);
    host.write("/tls.key", &key);
    assert_eq!(watch.scan(), ["file /tls.crt: 1"]);
    watch.settle();
    // So does the certificate alone.
    host.write("/tls.crt", pair().0);
    assert_eq!(watch.scan(), ["file /tls.crt: 1"]);
    assert_eq!(watch.scan(), ["file /tls.crt: 1 key_mismatch"]);
    host.remove("/tls.key");
    assert_eq!(watch.scan(), ["file /tls.crt: 1"]);
}

#[test]
fn nobody_looks_for_keys_unless_asked() {
    let host = Host::new();
    host.write("/tls.crt", pair().0);
    host.write("/tls.key", pair().1);
    let events = opened(&host, "/tls.key");
    let mut watch = host.watch(&["/tls.crt"]);
    assert_eq!(watch.scan(), ["file /tls.crt: 1"]);
    assert_eq!(watch.scan(), NOTHING);
    assert_eq!(events(), 0);
}

#[test]
fn a_key_that_did_not_change_is_not_opened_again() {
    let host = Host::new();
    let (certificate, key) = pair();
    host.write("/tls.crt", certificate);
    host.write("/tls.key", key);
    let events = opened(&host, "/tls.key");
    let mut watch = comparing(&host, &["/tls.crt"]);
    watch.scan();
    assert_ne!(events(), 0, "the first scan opens it");
    watch.settle();
    events();
    watch.scan();
    assert_eq!(events(), 0);
}

#[test]
fn a_key_in_the_file_itself_counts_before_the_one_beside_it() {
    let host = Host::new();
    let ((certificate, key), (_, other)) = (pair(), pair());
    host.write("/own.pem", [&*certificate, &key].concat());
    host.write("/own-key.pem", &other);
    host.write("/odd.pem", [&*other, &certificate].concat());
    host.write("/odd.key", &key);
    let mut watch = comparing(&host, &["/o*.pem"]);
    watch.scan();
    assert_eq!(watch.scan(), ["file /odd.pem: 1 key_mismatch"]);
}

#[test]
fn the_first_key_of_the_obvious_names_that_is_there_is_taken() {
    let host = Host::new();
    let ((certificate, key), (_, other)) = (pair(), pair());
    for (path, content) in [
        ("/a.pem", &certificate),
        ("/a-key.pem", &other),
        ("/b.pem", &certificate),
        ("/b.key", &key),
        ("/b-key.pem", &other),
        ("/c.cert", &certificate),
        ("/c.key", &other),
        ("/d.txt", &certificate),
        ("/d.key", &other),
    ] {
        host.write(path, content);
    }
    let mut watch = comparing(&host, &["/*.pem", "/*.cert", "/*.txt"]);
    watch.scan();
    let expected = [
        "file /a.pem: 1 key_mismatch",
        "file /c.cert: 1 key_mismatch",
    ];
    assert_eq!(watch.scan(), expected);
}

#[test]
fn what_is_beside_a_certificate_and_cannot_be_read_as_a_key_is_nothing() {
    let host = Host::new();
    for name in [
        "directory",
        "fifo",
        "broken",
        "garbage",
        "encrypted",
        "large",
    ] {
        host.write(&format!("/{name}.crt"), pair().0);
    }
    host.write("/directory.key/file", "");
    host.fifo("/fifo.key");
    host.link("/broken.key", "nowhere");
    host.write("/garbage.key", KEY);
    let encrypted = pair().1.replace("PRIVATE", "ENCRYPTED PRIVATE");
    host.write("/encrypted.key", encrypted.replace("\nM", "\n*"));
    host.write("/large.key", vec![b'\n'; 17 << 20]);
    let mut watch = comparing(&host, &["/*.crt"]);
    let said = watch.scan();
    assert!(said.iter().all(|line| line.ends_with(": 1")), "{said:?}");
    assert_eq!(watch.scan(), NOTHING);
    assert_eq!(watch.reports, ["succeeded"]);
}

/// Counts how often a file was opened since it was asked last.
fn opened(host: &Host, path: &str) -> impl Fn() -> usize {
    let events = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&events, host.at(path), inotify::WatchFlags::OPEN).unwrap();
    move || {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&events, &mut buffer);
        std::iter::from_fn(|| reader.next().ok().map(drop)).count()
    }
}
