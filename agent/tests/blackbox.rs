//! The binary from outside: flags, port, signals, exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

#[path = "blackbox/check.rs"]
mod check;
#[path = "blackbox/door.rs"]
mod door;
#[path = "blackbox/endpoints.rs"]
mod endpoints;
#[path = "blackbox/page.rs"]
mod page;
#[path = "blackbox/probe.rs"]
mod probe;
#[path = "blackbox/ready.rs"]
mod ready;
#[path = "blackbox/secret.rs"]
mod secret;
#[path = "blackbox/shards.rs"]
mod shards;
#[path = "blackbox/tokens.rs"]
mod tokens;
#[path = "blackbox/watched.rs"]
mod watched;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_x509-certificate-exporter");
const DEADLINE: Duration = Duration::from_secs(20);

/// The agent, running; ended when dropped.
struct Agent {
    child: Child,
    address: String,
}

impl Agent {
    /// Starts it on a free port and waits until it listens.
    fn start(arguments: &[&str]) -> Self {
        Self::of(Command::new(BINARY).args(arguments))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command
            .args(["--listen-address", "127.0.0.1:0", "--log-format", "json"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.find(|line| line.as_ref().unwrap().contains("\"listening\""));
        let line = line.expect("the agent says where it listens").unwrap();
        let address = line
            .split("\"address\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let address = address.to_owned();
        // The log goes on being read, so that the agent never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn wait_until(&self, path: &str, what: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let answer = self.get(path);
            if what(&answer) {
                return answer;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "waited in vain; the last answer:\n{answer}"
            );
        }
    }

    fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn certificate(common_name: &str, year: i32) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_after = date_time_ymd(year, 1, 1);
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
}

fn path(folder: &TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

#[test]
fn a_file_is_exposed_and_a_missing_one_is_a_problem() {
    let folder = TempDir::new().unwrap();
    let (there, gone) = (path(&folder, "there.pem"), path(&folder, "gone.pem"));
    fs::write(&there, certificate("there", 2100)).unwrap();
    let agent = Agent::start(&["-f", &there, "-f", &gone]);
    let ready = agent.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    assert!(ready.ends_with("ready\n"));
    let metrics = agent.wait_until("/metrics", |answer| answer.contains("x509_cert_not_after{"));
    assert!(metrics.contains(&format!("filename=\"there.pem\",filepath=\"{there}\"")));
    assert!(metrics.contains("} 4102444800\n"));
    assert!(
        metrics.contains(&format!("filepath=\"{gone}\",reason=\"not_found\"}} 1")),
        "{metrics}"
    );
    assert!(metrics.contains("x509_read_errors 1\n"));
    assert_eq!(agent.terminate(), Some(0));
}

/// The names of all families, for the tests of rules, dashboards and documents.
#[test]
fn every_family_has_its_name() {
    let folder = TempDir::new().unwrap();
    let file = path(&folder, "a.pem");
    fs::write(&file, certificate("a", 2100)).unwrap();
    let kubeconfig = path(&folder, "kubeconfig");
    fs::write(&kubeconfig, NOBODY).unwrap();
    let config = path(&folder, "config.yaml");
    let web = path(&folder, "web.yml");
    fs::write(&web, "").unwrap();
    let text = format!(
        "metrics: {{exposeRelative: true, exposeInfo: true}}
server: {{webConfigFile: {web}}}
shard: {{index: 0, total: 2}}
sources:
- {{kind: file, name: files, paths: [{file}]}}
- {{kind: kubernetes, name: secrets, kubeconfig: {kubeconfig}}}
- {{kind: endpoint, name: servers, targets: [{{address: '127.0.0.1:1'}}]}}
"
    );
    fs::write(&config, text).unwrap();
    let agent = Agent::start(&["--config", &config]);
    let metrics = agent.wait_until("/metrics", |answer| {
        answer.contains("x509_cert_not_after{")
            && answer.contains("x509_kube_transport_errors_total{")
    });
    let families: BTreeSet<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    let lines = families
        .into_iter()
        .map(|family| format!("# TYPE {family}"));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_keystore_that_no_passphrase_opens_is_counted_when_that_begins() {
    let folder = TempDir::new().unwrap();
    for store in ["modern.p12", "java-keystore.jks"] {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/keystores");
        fs::copy(format!("{fixture}/{store}"), folder.path().join(store)).unwrap();
    }
    let config = path(&folder, "config.yaml");
    let text = format!(
        "cache: {{filePoll: {{interval: 1s}}}}
sources:
- kind: file
  name: stores
  paths: ['{0}/*.p12', '{0}/*.jks']
  pkcs12: {{passphrase: wrong}}
  jks: {{passphrase: wrong}}
",
        folder.path().display()
    );
    fs::write(&config, text).unwrap();
    let agent = Agent::start(&["--config", &config]);
    let metrics = agent.wait_until("/metrics", |answer| {
        answer.matches("reason=\"bad_passphrase\"} 1").count() == 2
    });
    for kind in ["pkcs12", "jks"] {
        let series = format!("x509_{kind}_passphrase_failures_total{{source_name=\"stores\"}} 1\n");
        assert!(metrics.contains(&series), "{metrics}");
    }
    assert!(!metrics.contains("wrong"), "{metrics}");
}

/// A cluster that nobody answers for.
const NOBODY: &str = "
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {token: x}}]
";

#[test]
fn a_wrong_configuration_ends_before_a_port_is_bound_and_tells_all_errors() {
    let folder = TempDir::new().unwrap();
    let file = path(&folder, "config.yaml");
    let text = "log: {level: loud}\nsources:\n- {kind: file, name: a, paths: []}\n";
    fs::write(&file, text).unwrap();
    let output = run(&["--config", &file]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("log.level: `loud`"), "{error}");
    assert!(
        error.contains("sources[0].paths: there is no path"),
        "{error}"
    );
}

#[test]
fn an_unknown_key_is_named() {
    let folder = TempDir::new().unwrap();
    let file = path(&folder, "config.yaml");
    fs::write(
        &file,
        "sources:\n- {kind: file, name: a, paths: [/a], watchFile: /b}\n",
    )
    .unwrap();
    let output = run(&["config", "--config", &file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("watchFile")
    );
}

#[test]
fn config_prints_what_it_would_read_again() {
    let folder = TempDir::new().unwrap();
    let output = run(&[
        "config",
        "-f",
        "/a",
        "-k",
        "/b",
        "--discover=k3s,rke2",
        "--watch-kube-secrets",
        "--debug",
    ]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("kind: discovery") && text.contains("rke2"),
        "{text}"
    );
    let file = path(&folder, "config.yaml");
    fs::write(&file, &output.stdout).unwrap();
    let again = run(&["config", "--config", &file]);
    assert_eq!(
        again.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    assert_eq!(output.stdout, again.stdout);
}

#[test]
fn the_flags_of_the_peer_say_which_secrets() {
    let output = run(&[
        "config",
        "--watch-kube-secrets",
        "--secret-type=Opaque:.*\\.pem",
        "-c",
        "ca.crt,ca-bundle.pem",
        "--configmap-keys=*.pem",
        "--include-namespace=a",
        "--exclude-namespace-label=team=b",
        "--kube-api-rate-limit-qps=5",
        "--max-cache-duration=300s",
    ]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    for value in [
        "team=b",
        "qps: 5",
        "Opaque",
        "pem",
        r"^ca\.crt$",
        r"^ca\-bundle\.pem$",
        r"^\*\.pem$",
    ] {
        assert!(text.contains(value), "{value} in\n{text}");
    }
    for flag in ["--include-namespace=a", "--configmap-keys=a"] {
        let alone = run(&["config", "-f", "/a", flag]);
        assert_eq!(alone.status.code(), Some(2), "{flag}");
        let error = String::from_utf8(alone.stderr).unwrap();
        assert!(error.contains("--watch-kube-secrets"), "{error}");
    }
    let empty = run(&["config", "--watch-kube-secrets", "--configmap-keys="]);
    assert_eq!(empty.status.code(), Some(2));
    let without = run(&["config", "--watch-kube-secrets"]);
    let text = String::from_utf8(without.stdout).unwrap();
    assert!(text.contains("configMaps: null"), "{text}");
}

fn table_of(folder: &Path) -> (Option<i32>, String) {
    let output = run(&["check", folder.to_str().unwrap()]);
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn check_opens_a_keystore_with_the_passphrase_in_a_file_or_the_empty_one() {
    let folder = TempDir::new().unwrap();
    let passphrase = path(&folder, "passphrase");
    fs::write(&passphrase, "changeit\n").unwrap();
    let keystores = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/keystores");
    let (modern, empty) = (
        format!("{keystores}/modern.p12"),
        format!("{keystores}/empty.p12"),
    );
    let from_file = format!("--passphrase-file={passphrase}");
    for (arguments, code, told) in [
        (vec!["check", &modern], 3, "bad_passphrase"),
        (
            vec!["check", &from_file, &modern],
            0,
            "leaf.fixture.example",
        ),
        (vec!["check", &from_file, &empty], 3, "bad_passphrase"),
        (
            vec!["check", "--try-empty-passphrase", &empty],
            0,
            "leaf.fixture.example",
        ),
    ] {
        let output = run(&arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(told) && !text.contains("changeit"), "{text}");
    }
}

#[test]
fn check_answers_as_monitoring_plugins_do() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("good.pem"), certificate("good", 2100)).unwrap();
    let (code, table) = table_of(folder.path());
    assert_eq!(code, Some(0), "{table}");
    assert!(
        table.contains("good") && table.contains("2100-01-01 00:00"),
        "{table}"
    );

    fs::write(
        folder.path().join("bad.pem"),
        "-----BEGIN CERTIFICATE-----\n",
    )
    .unwrap();
    let (code, table) = table_of(folder.path());
    assert_eq!(code, Some(3), "{table}");
    assert!(table.contains("bad.pem: bad_pem"), "{table}");

    fs::write(folder.path().join("old.pem"), certificate("old", 2020)).unwrap();
    let (code, table) = table_of(folder.path());
    assert_eq!(code, Some(2), "{table}");
    let first = table.lines().nth(1).unwrap();
    assert!(
        first.starts_with("expired") && first.contains("old"),
        "{table}"
    );
}
