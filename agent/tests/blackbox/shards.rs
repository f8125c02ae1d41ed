//! Several agents that share the objects of one cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::{Agent, BINARY, certificate, path, run};

/// An API server that streams what there is, and then what happens, to whoever asks.
struct Cluster {
    address: String,
    events: Arc<Events>,
}

#[derive(Default)]
struct Events {
    lines: Mutex<Vec<String>>,
    bell: Condvar,
}

impl Cluster {
    fn of(secrets: &[String]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let added = secrets.iter().map(|secret| event("ADDED", secret));
        let mut list: Vec<String> = added.collect();
        let end = r#"{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}"#;
        list.push(event("BOOKMARK", end));
        let list = Arc::new(list);
        let events = Arc::new(Events::default());
        let told = events.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (list, events) = (list.clone(), told.clone());
                thread::spawn(move || answer(stream.unwrap(), &list, &events));
            }
        });
        Self { address, events }
    }

    fn tells(&self, type_: &str, secret: &str) {
        let mut lines = self.events.lines.lock().unwrap();
        lines.push(event(type_, secret));
        self.events.bell.notify_all();
    }
}

/// Until the agent hangs up.
fn answer(mut stream: TcpStream, list: &[String], events: &Events) -> Option<()> {
    let head = BufReader::new(stream.try_clone().unwrap()).lines();
    let head: Vec<String> = head
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let begin = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    write!(stream, "{begin}").ok()?;
    let mut say = |line: &String| write!(stream, "{:x}\r\n{line}\r\n", line.len()).ok();
    if head.first()?.contains("sendInitialEvents=true") {
        list.iter().try_for_each(&mut say)?;
        return write!(stream, "0\r\n\r\n").ok();
    }
    let mut sent = 0;
    loop {
        let lines = events.lines.lock().unwrap();
        let lines = events.bell.wait_while(lines, |lines| lines.len() == sent);
        let news = lines.unwrap()[sent..].to_vec();
        sent += news.len();
        news.iter().try_for_each(&mut say)?;
    }
}

fn event(type_: &str, object: &str) -> String {
    format!("{{\"type\":\"{type_}\",\"object\":{object}}}\n")
}

fn secret(name: &str, certificate: &str) -> String {
    let value = STANDARD.encode(certificate);
    format!(
        r#"{{"kind":"Secret","metadata":{{"name":"{name}","namespace":"shop","resourceVersion":"5"}},"data":{{"tls.crt":"{value}"}},"type":"kubernetes.io/tls"}}"#
    )
}

/// The Secrets in a scrape, each with the end of its certificate.
fn ends(metrics: &str) -> BTreeMap<String, String> {
    let series = metrics
        .lines()
        .filter(|line| line.starts_with("x509_cert_not_after{"));
    let end = |line: &str| {
        let (labels, value) = line.rsplit_once(' ').unwrap();
        let (_, name) = labels.split_once("secret_name=\"").unwrap();
        (name.split('"').next().unwrap().to_owned(), value.to_owned())
    };
    series.map(end).collect()
}

#[test]
fn three_agents_have_each_object_once_whatever_happens_to_it() {
    let folder = TempDir::new().unwrap();
    let names: BTreeSet<String> = (1..=200).map(|number| format!("web-{number}")).collect();
    let before = certificate("before", 2100);
    let secrets: Vec<String> = names.iter().map(|name| secret(name, &before)).collect();
    let cluster = Cluster::of(&secrets);
    let kubeconfig = path(&folder, "kubeconfig");
    let text = format!(
        "{{current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u}}}}],
        clusters: [{{name: c, cluster: {{server: 'http://{}'}}}}], users: [{{name: u, user: {{token: x}}}}]}}",
        cluster.address
    );
    fs::write(&kubeconfig, text).unwrap();
    let agents: Vec<Agent> = (0..3)
        .map(|index| {
            let mut command = Command::new(BINARY);
            command.args(["--watch-kube-secrets", "--kubeconfig", &kubeconfig]);
            command.args(["--total-shards", "3"]);
            // As a StatefulSet tells it, and as somebody does.
            match index {
                2 => command.args(["--shard", "2"]),
                _ => command.env("POD_NAME", format!("x509-{index}")),
            };
            Agent::of(&mut command)
        })
        .collect();
    let shares: Vec<_> = agents
        .iter()
        .enumerate()
        .map(|(index, agent)| {
            let up =
                "x509_source_up{source_kind=\"kubernetes\",source_name=\"watch-kube-secrets\"} 1";
            let metrics = agent.wait_until("/metrics", |answer| answer.contains(up));
            let told = format!("x509_exporter_shards{{shard=\"{index}\"}} 3\n");
            assert!(metrics.contains(&told), "{metrics}");
            ends(&metrics)
        })
        .collect();
    let all: Vec<&String> = shares.iter().flat_map(BTreeMap::keys).collect();
    assert_eq!(all.len(), names.len());
    assert_eq!(all.into_iter().cloned().collect::<BTreeSet<_>>(), names);
    for share in &shares {
        assert!(share.len() > 40, "{} of {}", share.len(), names.len());
    }

    let after = certificate("after", 2101);
    let of = |index: usize| shares[index].keys().next().unwrap();
    cluster.tells("DELETED", &secret(of(0), &before));
    cluster.tells("MODIFIED", &secret(of(1), &after));
    cluster.tells("ADDED", &secret("last", &after));
    agents[0].wait_until("/metrics", |answer| !ends(answer).contains_key(of(0)));
    agents[1].wait_until("/metrics", |answer| ends(answer)[of(1)] == "4133980800");
    let has_last = |agent: &&Agent| ends(&agent.get("/metrics")).contains_key("last");
    // Those before it in the watch are told, so that only this one can still be on its way.
    let begun = std::time::Instant::now();
    while agents.iter().filter(has_last).count() == 0 {
        assert!(begun.elapsed() < super::DEADLINE, "nobody has the new one");
    }
    let now: Vec<String> = agents
        .iter()
        .flat_map(|agent| ends(&agent.get("/metrics")).into_keys())
        .collect();
    assert_eq!(now.len(), names.len());
    assert_eq!(now.into_iter().collect::<BTreeSet<_>>().len(), names.len());
}

#[test]
fn a_share_that_is_none_is_told_before_a_port_is_bound() {
    let arguments = ["--watch-kube-secrets", "--listen-address", "nowhere"];
    let output = run(&[&arguments[..], &["--total-shards", "2", "--shard", "2"]].concat());
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    for expected in [
        "shard.index: 2 is not below the total of 2",
        "server.listen: ",
    ] {
        assert!(error.contains(expected), "{error}");
    }
}
