//! The port. Routes:
//!
//! - `GET /metrics`: everything known, classic text, gzip when asked for
//! - `GET /healthz`: 200 while the process lives
//! - `GET /readyz`: 200 once each source has tried, 503 until then
//! - `GET /`: what is known, for people, unless switched off
//! - `GET /api/v1/certificates`: the same as JSON; switched off together
//! - `GET /probe`: what is known of one configured server, as `ssl_exporter` tells it, if switched on
//!
//! Who may ask for them, `door` says; where nothing is said, everybody may.
//!
//! The accept loop is our own: `axum::serve` sets no time limit on headers and no limit on
//! connections.

pub mod browse;
mod places;
pub mod probe;
pub mod scrape;

use std::convert::Infallible;
use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tower::Service as _;

use self::places::{BEGIN, IDLE, Places, Pulse};
use self::scrape::{Chunks, Encoding, Scrape};
use crate::door::{self, Door};
use crate::expose::page;
use crate::expose::probe::Target;
use crate::expose::query::{Asked, Reader};
use crate::expose::rows::Gone;
use crate::health::Health;
use crate::tls::Stream;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 1024;
/// How long requests under way may go on after the signal to stop.
const GRACE: Duration = Duration::from_secs(5);

/// What the handlers read.
#[derive(Debug)]
pub struct App {
    /// Renders `/metrics`.
    pub scrape: Scrape,
    /// Answers `/readyz`.
    pub health: Arc<Health>,
    /// Whether there is more than metrics: the page and the API.
    pub stats: bool,
    /// Whom `/probe` answers about; nothing: there is none.
    pub probe: Option<Vec<Target>>,
}

/// The routes, behind the door if there is one.
pub fn router(app: Arc<App>, door: Option<Arc<Door>>) -> Router {
    let mut router = Router::new().route("/metrics", get(metrics));
    if app.stats {
        router = router
            .route("/", get(looked_at))
            .route("/api/v1/certificates", get(certificates));
    }
    if app.probe.is_some() {
        router = router.route("/probe", get(probed));
    }
    let router = router.with_state(Arc::clone(&app)).merge(probes(app));
    match door {
        Some(door) => router.layer(from_fn_with_state(door, door::guard)),
        None => router,
    }
}

/// What probes ask for, and nothing else.
pub fn probes(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(app)
}

/// Opens the port. An empty host means every address: IPv6 and IPv4 where the machine has both.
pub fn bind(host: &str, port: u16) -> io::Result<TcpListener> {
    if host.is_empty()
        && let Ok(listener) = bind_both(port)
    {
        return Ok(listener);
    }
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let listener = std::net::TcpListener::bind((host, port))?;
    // The standard library's 128 are too few: what comes beyond them waits for seconds.
    rustix::net::listen(&listener, BACKLOG.cast_signed())?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn bind_both(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v6()?;
    // Said aloud, because a sysctl (bindv6only) may say otherwise.
    rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv6Addr::UNSPECIFIED, port).into())?;
    socket.listen(BACKLOG)
}

/// Serves until `stop` resolves, then lets requests under way end.
pub async fn run(
    listener: TcpListener,
    router: Router,
    door: Option<Arc<Door>>,
    stop: impl Future<Output = ()>,
) {
    let mut places = Places::default();
    let mut connections = JoinSet::new();
    let (closing, closed) = tokio::sync::watch::channel(false);
    tokio::pin!(stop);
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok(stream) => {
                let (router, mut closed) = (router.clone(), closed.clone());
                let door = door.clone();
                let pulse = Pulse::new();
                let watched = Arc::clone(&pulse);
                let task = connections.spawn(async move {
                    let stop = async move {
                        // The sender lives as long as this loop; an error also means "stop".
                        drop(closed.wait_for(|closing| *closing).await);
                    };
                    let tls = match &door {
                        Some(door) => door.tls().await.zip(Some(door)),
                        None => None,
                    };
                    let stream: Box<dyn Stream> = match tls {
                        None => Box::new(stream),
                        Some((tls, door)) => {
                            match tokio::time::timeout(BEGIN, tls.accept(stream)).await {
                                Ok(Ok(stream)) => Box::new(stream),
                                Ok(Err(error)) => return door.refuse_tls(&error),
                                Err(late) => return door.refuse_tls(&late.into()),
                            }
                        }
                    };
                    connection(stream, router, &watched, stop).await;
                });
                places.take(task, pulse).await;
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::ConnectionAborted {
                    continue;
                }
                // Out of file descriptors, say: some connection must end first.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    drop(listener);
    closing.send_replace(true);
    drop(
        tokio::time::timeout(GRACE, async {
            while connections.join_next().await.is_some() {}
        })
        .await,
    );
}

/// The next connection. What is written to it leaves at once: an answer's last piece must not wait
/// until the client has acknowledged the one before (RFC 9293, 3.7.4), which takes it 40 ms.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn connection(
    stream: Box<dyn Stream>,
    router: Router,
    pulse: &Arc<Pulse>,
    stop: impl Future<Output = ()>,
) {
    let service = service_fn(|request| {
        let answering = pulse.answering();
        let answer = router.clone().call(request);
        async move {
            // What is dropped with the body tells when it is sent; all else of it stays as it is.
            let response: Result<Response, Infallible> = answer.await;
            response.map(|response| {
                response.map(|body| {
                    body.map_err(move |error| {
                        let _until_dropped = &answering;
                        error
                    })
                })
            })
        }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(16 * 1024);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection, stop);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = pulse.overdue() => return tracing::debug!("a client takes too long"),
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The media type of the classic text format.
const EXPOSITION: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

async fn metrics(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let encoding = asked_for(&headers);
    respond(app.scrape.answer(encoding), encoding, EXPOSITION)
}

async fn probed(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let targets = app.probe.as_deref().unwrap_or_default();
    let encoding = asked_for(&headers);
    let chosen = probe::choose(targets, &query.unwrap_or_default());
    match chosen.and_then(|target| app.scrape.probe(target, encoding)) {
        Ok(body) => respond(body, encoding, EXPOSITION),
        Err(refusal) => refusal.into_response(),
    }
}

async fn looked_at(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let encoding = asked_for(&headers);
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = match Asked::parse(&query.unwrap_or_default(), Reader::Page) {
        Ok(asked) => respond(app.scrape.page(&asked, encoding), encoding, kind),
        Err(refusal) => {
            let body = browse::refused_page(&refusal, encoding);
            refuse(StatusCode::BAD_REQUEST, respond(body, encoding, kind))
        }
    };
    if let Ok(policy) = HeaderValue::from_str(&page::POLICY) {
        let head = response.headers_mut();
        head.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    guarded(response)
}

async fn certificates(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let encoding = asked_for(&headers);
    let kind = HeaderValue::from_static("application/json");
    let query = query.unwrap_or_default();
    if query.is_empty() {
        return guarded(respond(app.scrape.everything(encoding), encoding, kind));
    }
    let refused = |status, why: &str| {
        let body = browse::refused(why, encoding);
        refuse(status, respond(body, encoding, kind.clone()))
    };
    guarded(match Asked::parse(&query, Reader::Api) {
        Err(refusal) => refused(StatusCode::BAD_REQUEST, &refusal.to_string()),
        Ok(asked) => match app.scrape.rows(&asked, encoding) {
            Err(Gone) => refused(
                StatusCode::GONE,
                "nothing that the answer before ended with is there any more: begin anew, without continue",
            ),
            Ok(body) => respond(body, encoding, kind),
        },
    })
}

/// An answer that is none; what went wrong on the way stays.
fn refuse(status: StatusCode, mut response: Response) -> Response {
    if response.status().is_success() {
        *response.status_mut() = status;
    }
    response
}

/// Headers of what is told to people: nobody keeps it, guesses what it is, or shows it in a frame of
/// his own.
fn guarded(mut response: Response) -> Response {
    let head = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        head.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn asked_for(headers: &HeaderMap) -> Encoding {
    let accept = headers.get_all(header::ACCEPT_ENCODING).iter();
    Encoding::asked_for(accept.filter_map(|value| value.to_str().ok()))
}

fn respond(body: io::Result<Chunks>, encoding: Encoding, kind: HeaderValue) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            // Writing into memory fails only when a bound of the encoder's is broken.
            tracing::error!(%error, "an answer could not be rendered");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let mut response = Body::new(body).into_response();
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, kind);
    head.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if encoding == Encoding::Gzip {
        head.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    if app.health.ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "waiting for the first attempt of each source\n",
        )
    }
}

#[cfg(test)]
mod tests;
