//! An API server that does what the test says, one request at a time.

use std::fmt::Write as _;
use std::io;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use tokio::sync::{mpsc, oneshot};
use tower::service_fn;

use crate::source::kube::{BoxError, Client};

type Chunk = Result<Frame<Bytes>, io::Error>;
type Answer = io::Result<(StatusCode, Option<u32>, mpsc::UnboundedReceiver<Chunk>)>;

/// The server's side.
pub(in crate::source) struct Server {
    calls: mpsc::UnboundedReceiver<Call>,
}

/// One request, not answered yet.
pub(in crate::source) struct Call {
    pub(in crate::source) url: String,
    answer: oneshot::Sender<Answer>,
}

/// The body of an answer that goes on.
pub(in crate::source) struct Stream(mpsc::UnboundedSender<Chunk>);

/// A client and the server that it talks to.
pub(in crate::source) fn pair() -> (Client, Server) {
    let (sender, calls) = mpsc::unbounded_channel();
    let service = service_fn(move |request: Request<Full<Bytes>>| {
        let (answer, answered) = oneshot::channel();
        let url = request.uri().to_string();
        let sent = sender.send(Call { url, answer });
        async move {
            sent.map_err(|_| io::Error::other("the test is over"))?;
            // A request that the test dropped is one that is never answered.
            let Ok(answer) = answered.await else {
                return std::future::pending().await;
            };
            let (status, pause, chunks) = answer?;
            let chunks = stream::unfold(chunks, |mut chunks| async {
                chunks.recv().await.map(|chunk| (chunk, chunks))
            });
            let mut response = Response::builder().status(status);
            if let Some(pause) = pause {
                response = response.header("Retry-After", pause);
            }
            let body = StreamBody::new(chunks).map_err(BoxError::from);
            Ok(response.body(body.boxed_unsync())?)
        }
    });
    (Client::through(service), Server { calls })
}

impl Server {
    /// The next request, whenever it comes.
    pub(in crate::source) async fn call(&mut self) -> Call {
        self.calls.recv().await.expect("the client is gone")
    }

    /// A request that came already.
    pub(in crate::source) fn waiting(&mut self) -> Option<Call> {
        self.calls.try_recv().ok()
    }

    /// Refuses the streamed list, as servers without it do, and returns the page asked for next.
    pub(in crate::source) async fn paged(&mut self) -> Call {
        let call = self.call().await;
        if !call.is_streamed() {
            return call;
        }
        call.fails(422);
        self.call().await
    }

    /// Answers the initial list with one page, and returns the watch after it.
    /// (The first watch comes through the connection of the list, and is given up for that.)
    pub(in crate::source) async fn holds(&mut self, secrets: &[String]) -> Stream {
        self.paged().await.page("10", None, secrets);
        self.call().await.follows("10").is_dropped().await;
        self.call().await.follows("10")
    }
}

impl Call {
    pub(in crate::source) fn is_streamed(&self) -> bool {
        self.url.contains("sendInitialEvents=true")
    }

    pub(in crate::source) fn fails(self, status: u16) {
        let body = r#"{"kind":"Status","message":"PRIVATE words of the server"}"#;
        self.answer(status, None).text(body);
    }

    pub(in crate::source) fn asks_for_patience(self, seconds: u32) {
        drop(self.answer(429, Some(seconds)));
    }

    /// The connection breaks instead.
    pub(in crate::source) fn breaks(self, error: io::Error) {
        self.answer.send(Err(error)).ok();
    }

    pub(in crate::source) fn page(self, version: &str, next: Option<&str>, items: &[String]) {
        assert!(self.url.contains("limit="), "{} asks for no page", self.url);
        let next = next
            .map(|next| format!(r#","continue":"{next}""#))
            .unwrap_or_default();
        let items = items.join(",");
        self.answer(200, None).text(&format!(
            r#"{{"kind":"SecretList","apiVersion":"v1","metadata":{{"resourceVersion":"{version}"{next}}},"items":[{items}]}}"#
        ));
    }

    pub(in crate::source) fn streams(self) -> Stream {
        assert!(self.is_streamed(), "{} asks for no streamed list", self.url);
        self.answer(200, None)
    }

    /// Accepts a watch from this version.
    pub(in crate::source) fn follows(self, version: &str) -> Stream {
        let version = format!("&resourceVersion={version}");
        assert!(
            self.url.contains("watch=true"),
            "{} asks for no watch",
            self.url
        );
        assert!(
            self.url.ends_with(&version),
            "{} does not end with {version}",
            self.url
        );
        self.answer(200, None)
    }

    pub(in crate::source) fn answers(self, body: &str) {
        self.answer(200, None).text(body);
    }

    /// Answers with the beginning of a body and then with nothing.
    pub(in crate::source) fn hangs(self, body: &str) -> Stream {
        let stream = self.answer(200, None);
        stream.text(body);
        stream
    }

    fn answer(self, status: u16, pause: Option<u32>) -> Stream {
        let (sender, chunks) = mpsc::unbounded_channel();
        let status = StatusCode::from_u16(status).unwrap();
        self.answer.send(Ok((status, pause, chunks))).ok();
        Stream(sender)
    }
}

impl Stream {
    pub(in crate::source) fn text(&self, text: &str) {
        self.0.send(Ok(Frame::data(text.to_owned().into()))).ok();
    }

    pub(in crate::source) fn event(&self, type_: &str, object: &str) {
        self.text(&format!("{{\"type\":\"{type_}\",\"object\":{object}}}\n"));
    }

    pub(in crate::source) fn bookmark(&self, version: &str) {
        self.event("BOOKMARK", &format!(r#"{{"kind":"Secret","metadata":{{"resourceVersion":"{version}","creationTimestamp":null}}}}"#));
    }

    pub(in crate::source) fn initial_end(&self, version: &str) {
        self.event("BOOKMARK", &format!(r#"{{"kind":"Secret","metadata":{{"resourceVersion":"{version}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}}"#));
    }

    pub(in crate::source) fn ends_with(self, code: u16) {
        self.event(
            "ERROR",
            &format!(r#"{{"kind":"Status","status":"Failure","code":{code}}}"#),
        );
    }

    pub(in crate::source) fn breaks(self) {
        self.0.send(Err(io::ErrorKind::ConnectionReset.into())).ok();
    }

    /// The client has given the body up.
    pub(in crate::source) async fn is_dropped(&self) {
        self.0.closed().await;
    }
}

/// A Secret of type kubernetes.io/tls as the API server writes it.
pub(in crate::source) fn secret(
    namespace: &str,
    name: &str,
    version: u32,
    data: &[(&str, &str)],
) -> String {
    typed("kubernetes.io/tls", namespace, name, version, data)
}

pub(in crate::source) fn typed(
    type_: &str,
    namespace: &str,
    name: &str,
    version: u32,
    data: &[(&str, &str)],
) -> String {
    let mut fields = String::new();
    for (key, value) in data {
        let value = if *value == "CERT" {
            certificate()
        } else {
            value
        };
        let comma = if fields.is_empty() { "" } else { "," };
        write!(fields, r#"{comma}"{key}":"{value}""#).unwrap();
    }
    format!(
        r#"{{"kind":"Secret","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"{namespace}","uid":"u","resourceVersion":"{version}","labels":{{"team":"blue","app.kubernetes.io/name":"x","other":"y"}},"annotations":{{"kubectl.kubernetes.io/last-applied-configuration":"{{\"data\":{{\"tls.key\":\"PRIVATE\"}}}}"}},"managedFields":[{{"manager":"m","fieldsV1":{{"f:data":{{}}}}}}]}},"data":{{{fields}}},"type":"{type_}"}}"#
    )
}

pub(in crate::source) fn namespace(name: &str, version: u32) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","resourceVersion":"{version}","labels":{{"a":"b"}}}},"status":{{"phase":"Active"}}}}"#
    )
}

/// A PEM certificate of the subject `CN=test`, in base64.
pub(in crate::source) fn certificate() -> &'static str {
    static CERTIFICATE: OnceLock<String> = OnceLock::new();
    CERTIFICATE.get_or_init(|| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "test");
        STANDARD.encode(params.self_signed(&key).unwrap().pem())
    })
}
