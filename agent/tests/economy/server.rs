//! An API server that holds Secrets, on a port of its own. It writes them as they stand and keeps
//! nothing of its answers, so that what is counted is the agent's.

use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::path::Path;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub(crate) struct Server {
    port: TcpListener,
    secrets: Vec<String>,
    /// Whether it knows streamed lists, as servers from 1.32 on do.
    streams: bool,
    requests: Cell<usize>,
    watches: UnboundedSender<TcpStream>,
    accepted: RefCell<UnboundedReceiver<TcpStream>>,
}

impl Server {
    pub(crate) fn new(secrets: Vec<String>, streams: bool) -> Self {
        let (watches, accepted) = unbounded_channel();
        Self {
            port: TcpListener::bind("127.0.0.1:0").unwrap(),
            secrets,
            streams,
            requests: Cell::new(0),
            watches,
            accepted: RefCell::new(accepted),
        }
    }

    /// The next watch that it accepts.
    #[expect(
        clippy::await_holding_refcell_ref,
        reason = "there is one story at a time"
    )]
    pub(crate) async fn watched(&self) -> TcpStream {
        self.accepted.borrow_mut().recv().await.unwrap()
    }

    /// How often it was asked for something.
    pub(crate) fn requests(&self) -> usize {
        self.requests.get()
    }

    /// Writes the way to it, and returns where.
    pub(crate) fn kubeconfig(&self, directory: &Path) -> String {
        let path = directory.join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'http://{}'}}}}]\n\
             users: [{{name: u, user: {{token: t}}}}]\n",
            self.port.local_addr().unwrap()
        );
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Answers one request after the other, for ever.
    pub(crate) async fn run(&self) {
        self.port.set_nonblocking(true).unwrap();
        let port = self.port.try_clone().unwrap();
        let listener = tokio::net::TcpListener::from_std(port).unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            let mut reader = BufReader::new(&mut stream);
            while !request.ends_with("\r\n\r\n") {
                assert_ne!(reader.read_line(&mut request).await.unwrap(), 0);
            }
            self.requests.set(self.requests.get() + 1);
            if request.contains("sendInitialEvents=true") {
                self.stream(&mut stream).await;
            } else if let Some(limit) = parameter(&request, "limit") {
                let from = parameter(&request, "continue").unwrap_or(0);
                self.page(&mut stream, from, limit).await;
            } else {
                assert!(request.contains("watch=true"), "{request}");
                begin(&mut stream).await;
                self.watches.send(stream).ok();
            }
        }
    }

    async fn stream(&self, stream: &mut TcpStream) {
        if !self.streams {
            let refusal = "HTTP/1.1 422 Unprocessable Entity\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
            return stream.write_all(refusal.as_bytes()).await.unwrap();
        }
        begin(stream).await;
        for secret in &self.secrets {
            event(stream, "ADDED", secret).await;
        }
        let end = r#"{"kind":"Secret","metadata":{"resourceVersion":"10","annotations":{"k8s.io/initial-events-end":"true"}}}"#;
        event(stream, "BOOKMARK", end).await;
    }

    async fn page(&self, stream: &mut TcpStream, from: usize, limit: usize) {
        let to = (from + limit).min(self.secrets.len());
        let next = if to < self.secrets.len() {
            format!(r#","continue":"{to}""#)
        } else {
            String::new()
        };
        let head = format!(
            r#"{{"kind":"SecretList","apiVersion":"v1","metadata":{{"resourceVersion":"10"{next}}},"items":["#
        );
        let items = &self.secrets[from..to];
        let commas = items.len().saturating_sub(1);
        let length = head.len() + items.iter().map(String::len).sum::<usize>() + commas + 2;
        let status =
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(status.as_bytes()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                stream.write_all(b",").await.unwrap();
            }
            stream.write_all(item.as_bytes()).await.unwrap();
        }
        stream.write_all(b"]}").await.unwrap();
    }
}

/// Begins an answer that goes on.
async fn begin(stream: &mut TcpStream) {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
}

/// Says what happened to an object.
pub(crate) async fn event(stream: &mut TcpStream, type_: &str, object: &str) {
    let head = format!(r#"{{"type":"{type_}","object":"#);
    let length = head.len() + object.len() + 2;
    let chunk = format!("{length:x}\r\n{head}");
    stream.write_all(chunk.as_bytes()).await.unwrap();
    stream.write_all(object.as_bytes()).await.unwrap();
    stream.write_all(b"}\n\r\n").await.unwrap();
}

/// A number among the parameters of a request.
fn parameter(request: &str, name: &str) -> Option<usize> {
    let (_, rest) = request.split_once(&format!("{name}="))?;
    let digits = rest.split(|other: char| !other.is_ascii_digit());
    digits.into_iter().next()?.parse().ok()
}
