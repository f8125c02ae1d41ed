//! The Secrets source over real connections: a kubeconfig, a socket, and everything that is logged
//! on the way.

#![expect(
    clippy::unwrap_used,
    reason = "clippy allows it in tests, not in their helpers"
)]

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing_subscriber::fmt::MakeWriter;

use x509_certificate_exporter::model::{Change, Reason};
use x509_certificate_exporter::source::kube::Settings;
use x509_certificate_exporter::source::objects::data::{Field, Format, Key};
use x509_certificate_exporter::source::objects::{LabelFilter, Objects, Options};
use x509_certificate_exporter::source::secrets::{SecretType, plan};
use x509_certificate_exporter::source::{Failure, Report, Sink, Source};

const PATIENCE: Duration = Duration::from_secs(30);
const KEY: &str = "UFJJVkFURQ";
const TOKEN: &str = "token-of-the-test";

#[tokio::test]
async fn secrets_are_listed_and_followed_and_neither_keys_nor_tokens_are_logged() {
    let captured = Captured::default();
    let logs = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(logs);
    // With one subscriber only, tests that run at the same time without any would mark places of
    // the code as silent for all.
    let _second = tracing::Dispatch::new(
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(io::sink)
            .finish(),
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let path = kubeconfig(directory.path(), &server, &format!("token: {TOKEN}"));
    let source = secrets(&path);
    let (ear, mut heard) = Ear::pair();

    let scenario = async {
        let (mut stream, request) = accept(&listener).await;
        assert!(request.contains("sendInitialEvents=true"), "{request}");
        assert!(
            request.contains(&format!("authorization: Bearer {TOKEN}\r\n")),
            "{request}"
        );
        answer(
            &mut stream,
            "422 Unprocessable Entity",
            r#"{"kind":"Status","code":422}"#,
        )
        .await;

        let (mut stream, _) = accept(&listener).await;
        let (good, bad) = (
            secret("good"),
            format!(r#"{{"data":{{"tls.key":"{KEY}=="}},"metadata":{{}}}}"#),
        );
        let page = format!(r#"{{"metadata":{{"resourceVersion":"7"}},"items":[{bad},{good}]}}"#);
        answer(&mut stream, "200 OK", &page).await;

        let (mut stream, request) = accept(&listener).await;
        assert!(request.contains("resourceVersion=7 "), "{request}");
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        for line in [
            format!("{{\"type\":\"ADDED\",\"object\":{bad}}}\n"),
            format!("{{\"type\":\"MODIFIED\",\"object\":{}}}\n", secret("later")),
        ] {
            let (first, second) = line.split_at(line.len() / 2);
            for part in [first, second] {
                let chunk = format!("{:x}\r\n{part}\r\n", part.len());
                stream.write_all(chunk.as_bytes()).await.unwrap();
            }
        }
        let mut story = String::new();
        while !story.contains("later") {
            writeln!(story, "{}", heard.recv().await.unwrap()).unwrap();
        }
        story
    };
    let story = tokio::select! {
        failure = source.run(ear) => panic!("{failure}"),
        story = timeout(PATIENCE, scenario) => story.expect("the story goes on"),
    };
    assert_eq!(
        story,
        "error api_error\nupsert Secret a/good key tls.crt\nsucceeded\nerror api_error\n\
         upsert Secret a/later key tls.crt\n"
    );
    let logs = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(
        logs.contains("hyper_util::client"),
        "the client logs nothing at all: {logs}"
    );
    assert!(!logs.contains(KEY) && !logs.contains(TOKEN), "{logs}");
}

#[tokio::test]
async fn an_api_server_that_is_not_there_is_unreachable_and_the_source_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    for scheme in ["http", "https"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("{scheme}://{}", listener.local_addr().unwrap());
        drop(listener);
        let path = kubeconfig(directory.path(), &server, "token: x");
        let source = secrets(&path);
        let (ear, mut heard) = Ear::pair();
        let twice = async {
            for _ in 0..2 {
                assert_eq!(heard.recv().await.unwrap(), "error unreachable");
                assert_eq!(heard.recv().await.unwrap(), "failed unreachable");
            }
        };
        tokio::select! {
            failure = source.run(ear) => panic!("{failure}"),
            end = timeout(PATIENCE, twice) => end.expect("nothing fails"),
        }
    }
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_ends_the_run_and_is_not_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let (ear, _heard) = Ear::pair();
    let marker = directory.path().join("marker");
    let exec = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: touch, args: [{}]}}",
        marker.display()
    );
    let broken = directory.path().join("broken");
    std::fs::write(&broken, format!("users: [token: {TOKEN}, ]]\n{TOKEN}")).unwrap();
    let key = format!("client-certificate-data: {TOKEN}, client-key-data: {TOKEN}");
    for (path, reason) in [
        ("/nonexistent".into(), Reason::NotFound),
        (directory.path().display().to_string(), Reason::ReadFailed),
        (broken.display().to_string(), Reason::BadKubeconfig),
        (
            kubeconfig(directory.path(), "https://127.0.0.1:1", &exec),
            Reason::BadKubeconfig,
        ),
        (
            kubeconfig(directory.path(), "https://127.0.0.1:1", &key),
            Reason::BadKubeconfig,
        ),
        (
            kubeconfig(directory.path(), "not a url", "token: x"),
            Reason::BadKubeconfig,
        ),
    ] {
        let source = secrets(&path);
        let failure = timeout(PATIENCE, source.run(ear.clone()))
            .await
            .expect("it goes on");
        assert_eq!(failure.reason, reason, "{path}: {failure}");
        assert!(!failure.detail.contains(TOKEN), "{failure}");
    }
    assert!(!marker.exists(), "the command was run");
}

fn secrets(kubeconfig: &str) -> Objects {
    let options = Options {
        name: "kubernetes".into(),
        settings: Settings {
            kubeconfig: Some(kubeconfig.into()),
            ..Settings::default()
        },
        ..Options::default()
    };
    let tls = SecretType {
        type_: "kubernetes.io/tls".into(),
        fields: vec![Field {
            key: Key::Literal("tls.crt".into()),
            format: Format::Certificates,
            keystores: Rc::default(),
        }],
        labels: LabelFilter::default(),
    };
    Objects::new(plan(options, &[tls], false))
}

fn kubeconfig(directory: &Path, server: &str, user: &str) -> String {
    let path = directory.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: u, user: {{{user}}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn secret(name: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"a","resourceVersion":"5"}},"data":{{"tls.crt":"eA==","tls.key":"{KEY}=="}},"type":"kubernetes.io/tls"}}"#
    )
}

async fn accept(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut reader = BufReader::new(&mut stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        assert_ne!(
            reader.read_line(&mut request).await.unwrap(),
            0,
            "{request}"
        );
    }
    (stream, request)
}

async fn answer(stream: &mut TcpStream, status: &str, body: &str) {
    let head = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
}

/// Tells what it hears, in few words.
struct Ear(mpsc::UnboundedSender<String>);

impl Ear {
    fn pair() -> (Arc<dyn Sink>, mpsc::UnboundedReceiver<String>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Arc::new(Self(sender)), receiver)
    }
}

impl Sink for Ear {
    fn apply(&self, change: Change) {
        let words = match change {
            Change::Upsert(location, _) => format!("upsert {location}"),
            Change::Remove(location) => format!("remove {location}"),
            Change::Resync(all) => format!("resync {}", all.len()),
        };
        self.0.send(words).ok();
    }

    fn report(&self, report: Report) {
        let words = match report {
            Report::Panicked => "panicked".to_owned(),
            Report::Succeeded => "succeeded".to_owned(),
            Report::Failed(Failure { reason, .. }) => format!("failed {reason}"),
            Report::Error(Failure { reason, .. }) => format!("error {reason}"),
            Report::Resynced { resource } => format!("resynced {resource}"),
        };
        self.0.send(words).ok();
    }
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
