//! Bytes to facts. Whatever they are: no panic, and what comes out is bounded and clean.

use x509_certificate_exporter::decode::kubeconfig::{Content, KubeconfigEntry};
use x509_certificate_exporter::decode::{
    self, Decoded, Passphrase, argocd as cluster, key as keys,
};
use x509_certificate_exporter::model::{Certificate, Name, OcspStatus, Problem};

/// Certificates, lists and messages in PEM or DER.
pub(crate) fn certificates(bytes: &[u8]) {
    check(&decode::certificates(bytes));
}

/// Certificates as a server sends them: the first octet of each says how long it is.
pub(crate) fn served(bytes: &[u8]) {
    let (mut chain, mut rest) = (Vec::new(), bytes);
    while let Some((&length, behind)) = rest.split_first() {
        // Certificates have some hundreds of octets.
        let length = (usize::from(length) * 8).min(behind.len());
        let (one, behind) = behind.split_at(length);
        chain.push(one);
        rest = behind;
    }
    check(&decode::served(chain));
}

/// What a server staples.
pub(crate) fn ocsp(bytes: &[u8]) {
    // Version 3, serial number 1.
    let leaf = [0x30, 10, 0x30, 8, 0xa0, 3, 2, 1, 2, 2, 1, 1];
    let Some(ocsp) = decode::ocsp(bytes, &leaf) else {
        assert!(bytes.is_empty(), "something is stapled");
        return;
    };
    let is_bad = ocsp.status == OcspStatus::Bad;
    assert_eq!(is_bad, ocsp.this_update.is_none());
    let is_revoked = ocsp.status == OcspStatus::Revoked;
    assert_eq!(is_revoked, ocsp.revoked_at.is_some());
}

/// PKCS#12, without a passphrase and with some.
pub(crate) fn pkcs12(bytes: &[u8]) {
    check(&decode::certificates(bytes));
    let passphrases = ["changeit", ""].map(Passphrase::from);
    check(&decode::with_passphrases(bytes, &passphrases));
}

/// JKS and JCEKS.
pub(crate) fn jks(bytes: &[u8]) {
    check(&decode::with_passphrases(bytes, &["changeit".into()]));
}

/// A certificate and a private key, in one text or behind each other.
pub(crate) fn key(bytes: &[u8]) {
    let mut decoded = decode::certificates(bytes);
    keys::check_key(&mut decoded, bytes, bytes);
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes(*length));
    let (certificate, private) = rest.split_at(length.min(rest.len()));
    keys::is_in(private);
    keys::matches(certificate, private);
    let mut decoded = decode::certificates(certificate);
    keys::check_key(&mut decoded, certificate, private);
    check(&decoded);
}

/// A kubeconfig.
pub(crate) fn kubeconfig(bytes: &[u8]) {
    let alone = decode::kubeconfig::entries(bytes);
    let with_keys = decode::kubeconfig::entries_with_keys(bytes);
    match (alone, with_keys) {
        (Ok(alone), Ok(with_keys)) => {
            let without = with_keys.into_iter().map(|(entry, _)| entry);
            assert_eq!(alone, without.collect::<Vec<_>>(), "keys cost certificates");
            entries(alone, bytes);
        }
        (Err(problem), Err(_)) => quotes_nothing(&problem),
        // Reading keys can only cost more.
        (alone, with_keys) => panic!("{} {}", alone.is_ok(), with_keys.is_ok()),
    }
}

/// The JSON that Argo CD keeps of a cluster.
pub(crate) fn argocd(bytes: &[u8]) {
    match cluster::entries(bytes) {
        Ok(found) => entries(found, bytes),
        Err(problem) => quotes_nothing(&problem),
    }
}

fn entries(entries: Vec<KubeconfigEntry>, bytes: &[u8]) {
    assert!(entries.len() <= bytes.len());
    for entry in entries {
        clean(&entry.entry.name);
        match entry.content {
            Content::Bad(problem) => quotes_nothing(&problem),
            Content::Data(data) => check(&decode::certificates(&data)),
            Content::Path(path) => assert!(!path.is_empty()),
        }
    }
}

/// Promises about all that the decoders give.
fn check(decoded: &Decoded) {
    let found = decoded.certificates.len() + decoded.crls.len() + decoded.other_blocks;
    assert!(found <= 10_000, "{found} blocks");
    assert!(
        decoded.problems.len() <= 150,
        "{} problems",
        decoded.problems.len()
    );
    assert!(
        found > 0 || !decoded.problems.is_empty(),
        "neither anything found nor a reason"
    );
    decoded.problems.iter().for_each(quotes_nothing);
    for certificate in &decoded.certificates {
        facts(certificate);
    }
    for crl in &decoded.crls {
        names(&crl.issuer());
        assert!(crl.number().is_none_or(|number| number.len() <= 160));
    }
}

fn facts(certificate: &Certificate) {
    names(&certificate.subject());
    names(&certificate.issuer());
    let serial = certificate.serial().unwrap_or("0");
    assert!(serial.len() <= 160);
    let digits = serial.strip_prefix('-').unwrap_or(serial);
    assert!(
        digits.bytes().all(|digit| digit.is_ascii_digit()),
        "{serial}"
    );
}

fn names(name: &Name<&str>) {
    for (_, value) in name.attributes() {
        clean(value.unwrap_or_default());
    }
}

/// What becomes a label is short, and no terminal takes it for an order.
fn clean(text: &str) {
    assert!(text.chars().count() <= 256, "{text}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// Words of problems are ours.
fn quotes_nothing(problem: &Problem) {
    assert!(problem.detail.len() <= 200, "{}", problem.detail);
    assert!(problem.detail.is_ascii(), "{}", problem.detail);
}
