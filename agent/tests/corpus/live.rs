//! The whole corpus and the running agent: files in a folder, lines of a watch, addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair};
use tempfile::TempDir;
use x509_certificate_exporter::decode::{self, Keystore};
use x509_certificate_exporter::model::Reason;

use super::agent::Agent;
use super::targets::text;
use super::{cluster, corpus};

/// Targets whose inputs are files.
const FILES: [&str; 8] = [
    "crl", "der", "jks", "key", "pem", "pkcs12", "pkcs7", "served",
];

/// One good certificate stands between so many bad files.
const BETWEEN: usize = 10;

fn certificate(name: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
}

#[test]
fn the_agent_reads_the_whole_corpus_and_every_neighbour_counts() {
    let folder = TempDir::new().unwrap();
    let (expected, neighbours) = files(folder.path());
    let entries = kubeconfigs(folder.path());
    cluster::serve(lines(), &folder.path().join("kubeconfig"));
    let config = folder.path().join("config.yaml");
    fs::write(&config, configuration(folder.path())).unwrap();

    let agent = Agent::start(&config);
    let metrics = agent.wait_until(|metrics| {
        let known =
            |line: &&str| line.starts_with("x509_cert_not_after{") && line.contains("neighbour-");
        metrics.lines().filter(known).count() >= neighbours + entries + SECRETS
    });
    text::samples(&metrics).unwrap();
    let counted = |what: &str| {
        metrics
            .lines()
            .filter(|line| line.starts_with("x509_cert_not_after{") && line.contains(what))
            .count()
    };
    assert_eq!(counted("subject_CN=\"neighbour-file"), neighbours);
    assert_eq!(counted("subject_CN=\"neighbour-entry"), entries);
    assert_eq!(counted("subject_CN=\"neighbour-secret"), SECRETS);
    assert!(
        !metrics
            .lines()
            .any(|line| line.starts_with("x509_exporter_panics_total") && !line.ends_with(" 0"))
    );

    // Each bad file has its reasons, and those alone.
    let told = reasons(&metrics, folder.path());
    for (name, reasons) in &expected {
        assert_eq!(
            told.get(name),
            (!reasons.is_empty()).then_some(reasons),
            "{name}"
        );
    }

    for parameters in corpus("query") {
        for path in [&b"/?"[..], b"/api/v1/certificates?"] {
            let address: Vec<u8> = [path, &parameters].concat();
            if let Some((head, _)) = agent.get(&address) {
                let status = head.get(9..12).unwrap();
                assert!(
                    ["200", "400", "404", "410", "414", "431"].contains(&status),
                    "{status}: {address:?}"
                );
            }
        }
    }
    for parameters in corpus("probe") {
        if let Some((head, body)) = agent.get(&[&b"/probe?"[..], &parameters].concat()) {
            match head.get(9..12).unwrap() {
                "200" => drop(text::samples(&body).unwrap()),
                status => assert!(["400", "404"].contains(&status), "{status}: {parameters:?}"),
            }
        }
    }
    let (head, page) = agent.get(b"/").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    text::page(&page).unwrap();
    let (_, json) = agent.get(b"/api/v1/certificates").unwrap();
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    text::samples(&agent.metrics()).unwrap();
}

/// Writes the files; each with the reasons that it should have, and how many good ones there are.
fn files(folder: &Path) -> (BTreeMap<String, BTreeSet<Reason>>, usize) {
    fs::create_dir(folder.join("files")).unwrap();
    let mut expected = BTreeMap::new();
    let mut neighbours = 0;
    for target in FILES {
        for (at, input) in corpus(target).iter().enumerate() {
            if at % BETWEEN == 0 {
                let name = format!("neighbour-file-{neighbours}");
                fs::write(folder.join("files").join(&name), certificate(&name)).unwrap();
                neighbours += 1;
            }
            let name = format!("{target}-{at}");
            fs::write(folder.join("files").join(&name), input).unwrap();
            let decoded = match decode::keystore(input) {
                Some(Keystore::Pkcs12) => decode::with_passphrases(input, &["".into()]),
                _ => decode::certificates(input),
            };
            let reasons = decoded.problems.iter().map(|problem| problem.reason);
            expected.insert(
                name,
                reasons.filter(|reason| !reason.is_warning()).collect(),
            );
        }
    }
    (expected, neighbours)
}

/// Writes kubeconfigs, and good ones between them; how many of those there are.
fn kubeconfigs(folder: &Path) -> usize {
    fs::create_dir(folder.join("kubeconfigs")).unwrap();
    let inputs = [corpus("kubeconfig"), corpus("config")].concat();
    for (at, input) in inputs.iter().enumerate() {
        let name = format!("neighbour-entry-{at}");
        let data = STANDARD.encode(certificate(&name));
        let good = format!("users: [{{name: a, user: {{client-certificate-data: {data}}}}}]");
        fs::write(folder.join("kubeconfigs").join(&name), good).unwrap();
        fs::write(folder.join("kubeconfigs").join(format!("{at}")), input).unwrap();
    }
    inputs.len()
}

/// Good Secrets.
const SECRETS: usize = 20;

/// The lines of all watches and all objects, good ones between them, and the end of the list.
fn lines() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for input in corpus("watch") {
        all.extend(input.split(|&byte| byte == b'\n').map(<[u8]>::to_vec));
    }
    for key in [corpus("object"), corpus("argocd")].concat() {
        all.push([b"{\"type\":\"ADDED\",\"object\":", &key[..], b"}"].concat());
    }
    // Which end the watch: they have tests of their own.
    let ends = |line: &Vec<u8>| {
        let text = String::from_utf8_lossy(line);
        text.contains("ERROR") || text.contains("BOOKMARK") || text.contains("\\u")
    };
    all.retain(|line| !ends(line));
    let step = all.len() / SECRETS;
    for number in 0..SECRETS {
        let data = STANDARD.encode(certificate(&format!("neighbour-secret-{number}")));
        let secret = format!(
            "{{\"type\":\"ADDED\",\"object\":{{\"metadata\":{{\"name\":\"good-{number}\",\"namespace\":\"good\",\
             \"resourceVersion\":\"7\"}},\"type\":\"kubernetes.io/tls\",\"data\":{{\"tls.crt\":\"{data}\"}}}}}}"
        );
        all.insert(number * (step + 1), secret.into_bytes());
    }
    let end = br#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
    all.push(end.to_vec());
    all
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "metrics: {{exposeInfo: true, exposeRelative: true}}
web: {{enableProbe: true}}
sources:
- {{kind: endpoint, name: servers, targets: [{{address: '127.0.0.1:1', module: m\u{f6}d}}]}}
- kind: file
  name: files
  paths: ['{folder}/files/*']
  pkcs12: {{tryEmptyPassphrase: true}}
- {{kind: kubeconfig, name: kubeconfigs, paths: ['{folder}/kubeconfigs/*']}}
- kind: kubernetes
  name: secrets
  kubeconfig: {folder}/kubeconfig
  secrets:
    types:
    - {{type: kubernetes.io/tls, key: tls.crt}}
"
    )
}

/// The reasons that are told of the files.
fn reasons(metrics: &str, folder: &Path) -> BTreeMap<String, BTreeSet<Reason>> {
    let mut told = BTreeMap::<_, BTreeSet<_>>::new();
    let path = format!("filepath=\"{}/files/", folder.display());
    let errors = metrics
        .lines()
        .filter(|line| line.starts_with("x509_cert_error{"));
    for line in errors {
        let Some((_, behind)) = line.split_once(&path) else {
            continue;
        };
        let (name, _) = behind.split_once('"').unwrap();
        let (_, reason) = behind.split_once("reason=\"").unwrap();
        let (code, _) = reason.split_once('"').unwrap();
        let reason = Reason::ALL
            .iter()
            .find(|reason| reason.code() == code)
            .unwrap();
        told.entry(name.to_owned()).or_default().insert(*reason);
    }
    told
}
