//! Bytes to facts.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rcgen::KeyPair;

use x509_certificate_exporter::decode::{certificates, kubeconfig};

use crate::certificates::Authority;

const KEYS: [&str; 2] = ["P-256", "RSA-2048"];

fn authority(key: &str) -> Authority {
    match key {
        "P-256" => Authority::new(),
        // ring makes no RSA keys.
        _ => Authority::with(|| {
            let made = Command::new("openssl")
                .args(["genpkey", "-quiet", "-algorithm", "RSA"])
                .args(["-pkeyopt", "rsa_keygen_bits:2048"])
                .output()
                .expect("openssl is installed");
            KeyPair::from_pem(&String::from_utf8(made.stdout).unwrap()).unwrap()
        }),
    }
}

fn decode(bencher: Bencher<'_, '_>, count: usize, bytes: &[u8]) {
    assert_eq!(certificates(bytes).certificates.len(), count);
    bencher
        .counter(ItemsCount::new(count))
        .bench(|| certificates(black_box(bytes)));
}

#[divan::bench(args = KEYS)]
fn pem_of_leaf_and_ca(bencher: Bencher<'_, '_>, key: &str) {
    decode(bencher, 2, authority(key).chain(1).as_bytes());
}

#[divan::bench(args = KEYS)]
fn pem_of_100_leaves(bencher: Bencher<'_, '_>, key: &str) {
    let authority = authority(key);
    let pem: String = (0..100).map(|number| authority.leaf(number)).collect();
    decode(bencher, 100, pem.as_bytes());
}

#[divan::bench(args = KEYS)]
fn der_of_a_leaf(bencher: Bencher<'_, '_>, key: &str) {
    decode(bencher, 1, authority(key).issue(1).der());
}

/// A trusted certificate under each name, as `cacerts` has them.
#[divan::bench]
fn jks_of_10(bencher: Bencher<'_, '_>) {
    let authority = Authority::new();
    let mut store = vec![0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 10];
    for number in 0..10 {
        let certificate = authority.issue(number);
        let der = certificate.der();
        store.extend([0, 0, 0, 2, 0, 1, b'a']);
        store.extend([0; 8]);
        store.extend([0, 5]);
        store.extend(b"X.509");
        store.extend(u32::try_from(der.len()).unwrap().to_be_bytes());
        store.extend(der.iter());
    }
    // The digest, which only a passphrase is compared with.
    store.extend([0; 20]);
    decode(bencher, 10, &store);
}

#[divan::bench]
fn kubeconfig_of_a_cluster_and_a_user(bencher: Bencher<'_, '_>) {
    let authority = Authority::new();
    let (ca, user) = (
        STANDARD.encode(&authority.pem),
        STANDARD.encode(authority.leaf(1)),
    );
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts:\n- name: c\n  context: {{cluster: k, user: u}}\n\
         clusters:\n- name: k\n  cluster:\n    server: https://192.0.2.1:6443\n    certificate-authority-data: {ca}\n\
         users:\n- name: u\n  user:\n    client-certificate-data: {user}\n"
    );
    assert_eq!(kubeconfig::entries(text.as_bytes()).unwrap().len(), 2);
    bencher.bench(|| kubeconfig::entries(black_box(text.as_bytes())));
}
