//! `ready [HOST:PORT]`: asks a running agent as a scraper would, and says in one line whether it
//! answers. For tests of an installation, from an image that holds nothing but the agent.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;

use crate::cli::Ready;
use crate::config::{ConfigError, Listen, duration};
use crate::exit::Exit;
use crate::terminal;
use crate::tls::{self, Stream};

/// How long one request may take, the way there included.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest that is waited: a number of seconds can be one that no clock has.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// The most that is read of an answer: the exposition of 100,000 certificates.
const MOST: usize = 256 << 20;

/// With TLS or without. What is asked is no secret, so the answer's certificate may be anybody's.
type Tls<'a> = Option<&'a TlsConnector>;
type Answer = (StatusCode, Bytes);
type Error = Box<dyn std::error::Error + Send + Sync>;

/// Asks until the agent is ready, or the time is up.
pub fn run(arguments: &Ready) -> Result<Exit, ConfigError> {
    let limit = duration::parse(&arguments.timeout)
        .map_err(|error| ConfigError::flag("--timeout", error))?;
    let is_tls = arguments.address.strip_prefix("https://");
    let mut agent: Listen = is_tls
        .unwrap_or(&arguments.address)
        .parse()
        .map_err(|error| ConfigError::flag("ready", error))?;
    if agent.host.is_empty() {
        "127.0.0.1".clone_into(&mut agent.host);
    }
    let tls = is_tls.and_then(|_| tls::trusting());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let asked = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            let asked = runtime.block_on(ask(&agent, tls.as_ref(), limit));
            // The lookup of a name may hang; it is not waited for.
            runtime.shutdown_background();
            asked
        });
    Ok(match asked {
        Ok(Some(count)) => terminal::print(format!("ready, certificates: {count}\n")),
        Ok(None) => terminal::print("ready; how many certificates, it tells by password alone\n"),
        Err(error) => terminal::fail(&format!("not ready: {error}"), Exit::Critical),
    })
}

/// How many certificates it knows, if it tells us, or what it said last.
async fn ask(agent: &Listen, tls: Tls<'_>, limit: Duration) -> Result<Option<usize>, String> {
    let end = Instant::now() + limit.min(LONGEST);
    loop {
        let trouble = match attempt(agent, tls, end).await {
            Ok((StatusCode::OK, exposition)) => return Ok(Some(count(&exposition))),
            // Only what is behind the door answers so: it was found ready before.
            Ok((StatusCode::UNAUTHORIZED, _)) => return Ok(None),
            Ok((StatusCode::SERVICE_UNAVAILABLE, text)) => {
                let text = String::from_utf8_lossy(&text);
                text.trim().escape_debug().take(200).collect()
            }
            // Whoever answers so is no agent.
            Ok((status, _)) => return Err(format!("the answer is {status}")),
            Err(error) => format!("{} port {}: {error}", agent.host, agent.port),
        };
        // A last attempt with no time left would only hide what is known.
        if Instant::now() + 2 * PAUSE >= end {
            return Err(trouble);
        }
        sleep(PAUSE).await;
    }
}

async fn attempt(agent: &Listen, tls: Tls<'_>, end: Instant) -> Result<Answer, Error> {
    let answer = get(agent, tls, "/readyz", end).await?;
    match answer {
        (StatusCode::OK, _) => get(agent, tls, "/metrics", end).await,
        other => Ok(other),
    }
}

fn count(exposition: &[u8]) -> usize {
    exposition
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"x509_cert_not_after{"))
        .count()
}

/// One request on a connection of its own.
async fn get(agent: &Listen, tls: Tls<'_>, path: &str, end: Instant) -> Result<Answer, Error> {
    let request = Request::get(path)
        .header(header::HOST, "agent")
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())?;
    let exchange = async {
        let stream = TcpStream::connect((agent.host.as_str(), agent.port)).await?;
        let stream: Box<dyn Stream> = match tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from(agent.host.clone())?;
                Box::new(tls.connect(name, stream).await?)
            }
        };
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answer = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, MOST).collect().await?;
            Ok((head.status, body.to_bytes()))
        };
        // The connection is driven until the answer is there.
        tokio::join!(answer, connection).0
    };
    let left = end.saturating_duration_since(Instant::now());
    timeout(PATIENCE.min(left), exchange)
        .await
        .map_err(|_| "no answer in time")?
}
