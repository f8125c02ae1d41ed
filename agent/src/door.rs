//! Who may come in: TLS, client certificates, passwords and limits as a web configuration file says,
//! and bearer tokens as the API server says. `/healthz` and `/readyz` are open to everybody who gets
//! through TLS: they tell nothing but that the agent lives.

mod clients;
mod file;
mod files;
mod made;
mod passwords;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use self::file::WebFile;
use self::files::Files;
use self::passwords::{Checks, Users};
use self::tokens::Tokens;
use crate::config::Errors;
use crate::health::door::{DoorHealth, Refused};
use crate::source::kube::Reviewer;

/// The files are looked at no more often than this.
const LOOK: Duration = Duration::from_secs(1);
/// Whoever came with something wrong gets his answer after this, and after the check itself.
const SLOW: Duration = Duration::from_millis(500);

/// A door that is not open to everybody.
#[derive(Debug)]
pub struct Door {
    path: Option<PathBuf>,
    state: Mutex<Watched>,
    checks: Checks,
    tokens: Option<Tokens>,
    health: DoorHealth,
}

/// What the files said, and when they were looked at.
#[derive(Debug)]
struct Watched {
    settings: Arc<Settings>,
    files: Files,
    looked: Instant,
}

/// What one state of the files says.
#[derive(Default)]
struct Settings {
    tls: Option<TlsAcceptor>,
    headers: HeaderMap,
    users: Users,
    limit: Option<Limit>,
}

/// A bucket of requests that fills with time.
struct Limit {
    interval: Duration,
    burst: u32,
    /// How many are in it, and since when.
    left: Mutex<(f64, Instant)>,
}

impl Door {
    /// Reads the web configuration file, if there is one; the error names each key that is wrong.
    pub fn open(
        path: Option<PathBuf>,
        reviewer: Option<Reviewer>,
        health: DoorHealth,
    ) -> Result<Self, String> {
        let mut files = Files::default();
        let settings = Settings::read(path.as_deref(), reviewer.is_some(), &mut files)?;
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &ring::rand::SystemRandom::new());
        let key = key.map_err(|_| "there is no randomness to be had".to_owned())?;
        let tokens = reviewer.map(|reviewer| Tokens::new(reviewer, key.clone()));
        Ok(Self {
            path,
            tokens,
            state: Mutex::new(Watched {
                settings: Arc::new(settings),
                files,
                looked: Instant::now(),
            }),
            checks: Checks::new(key),
            health,
        })
    }

    /// TLS as it holds now, if there is any.
    pub async fn tls(self: &Arc<Self>) -> Option<TlsAcceptor> {
        self.settings().await.tls.clone()
    }

    /// What holds now. Files that have changed are read again; should they be wrong, what they said
    /// before goes on, and it is told. A disk may take its time and a key some work: this is waited for
    /// by the one who saw the change, while others are answered by what held before.
    async fn settings(self: &Arc<Self>) -> Arc<Settings> {
        if let Some(before) = self.changed() {
            let door = Arc::clone(self);
            let read = tokio::task::spawn_blocking(move || door.reload());
            if read.await.is_err() {
                self.watched().files = before;
            }
        }
        Arc::clone(&self.watched().settings)
    }

    /// The files if any of them has changed; they are not looked at until they have been read again.
    fn changed(&self) -> Option<Files> {
        let mut state = self.watched();
        if state.looked.elapsed() < LOOK {
            return None;
        }
        state.looked = Instant::now();
        // Some questions to the kernel, once a second at most, are not worth a thread.
        let has_changed = state.files.have_changed();
        has_changed.then(|| std::mem::take(&mut state.files))
    }

    fn reload(&self) {
        let mut files = Files::default();
        let read = Settings::read(self.path.as_deref(), self.tokens.is_some(), &mut files);
        self.health.set_in_force(read.is_ok());
        let mut state = self.watched();
        state.files = files;
        match read {
            Ok(settings) => {
                state.settings = Arc::new(settings);
                tracing::info!("the web configuration has changed and is in force");
            }
            Err(error) => {
                tracing::error!(
                    error,
                    "the web configuration is wrong: the one before stays in force"
                );
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection that did not get through TLS.
    pub fn refuse_tls(&self, error: &std::io::Error) {
        tracing::debug!(%error, "a connection did not get through TLS");
        self.health.refuse(Refused::Tls);
    }

    async fn judge(
        &self,
        settings: &Settings,
        said: Option<HeaderValue>,
        path: &str,
    ) -> Result<(), Refused> {
        if let Some(limit) = &settings.limit
            && !limit.allows()
        {
            return Err(Refused::RateLimited);
        }
        if settings.users.is_empty() && self.tokens.is_none() {
            return Ok(());
        }
        let said = said.ok_or(Refused::Missing)?;
        if let Some(tokens) = &self.tokens
            && let Some(token) = bearer(said.as_bytes())
        {
            return tokens.check(token, right_to(path)).await;
        }
        if settings.users.is_empty() {
            return Err(Refused::Wrong);
        }
        let (name, password) = basic(said.as_bytes()).ok_or(Refused::Wrong)?;
        self.checks.check(&settings.users, &name, password).await
    }
}

/// Lets a request in, or not.
pub async fn guard(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let settings = door.settings().await;
    let is_open = matches!(request.uri().path(), "/healthz" | "/readyz");
    let judged = if is_open {
        Ok(())
    } else {
        let said = request.headers().get(AUTHORIZATION).cloned();
        let path = request.uri().path().to_owned();
        door.judge(&settings, said, &path).await
    };
    let mut response = match judged {
        Ok(()) => next.run(request).await,
        Err(reason) => {
            door.health.refuse(reason);
            if matches!(reason, Refused::Wrong | Refused::NotAllowed) {
                tokio::time::sleep(SLOW).await;
            }
            refusal(reason, &settings, door.tokens.is_some())
        }
    };
    for (name, value) in &settings.headers {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

fn refusal(reason: Refused, settings: &Settings, by_token: bool) -> Response {
    let status = match reason {
        Refused::Missing | Refused::Wrong | Refused::Tls => StatusCode::UNAUTHORIZED,
        Refused::NotAllowed => StatusCode::FORBIDDEN,
        Refused::Busy | Refused::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Refused::ReviewFailed => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = status.into_response();
    if status == StatusCode::UNAUTHORIZED {
        let ways = [("Basic", !settings.users.is_empty()), ("Bearer", by_token)];
        for (way, _) in ways.iter().filter(|(_, is_open)| *is_open) {
            let way = HeaderValue::from_static(way);
            response.headers_mut().append(WWW_AUTHENTICATE, way);
        }
    }
    response
}

/// The path whose right is asked for: that of the metrics for what Prometheus scrapes, or of the page for all else. `/probe` tells
/// of a server what it shows to everybody who connects. The API's own would not do: `/api/*` is what
/// every account may get of a Kubernetes API server (`system:discovery`).
fn right_to(path: &str) -> &str {
    match path {
        "/metrics" | "/probe" => "/metrics",
        _ => "/",
    }
}

/// The token of an `Authorization` of the kind Bearer (RFC 6750).
fn bearer(said: &[u8]) -> Option<&str> {
    let (kind, token) = said.split_at_checked(7)?;
    if !kind.eq_ignore_ascii_case(b"bearer ") {
        return None;
    }
    std::str::from_utf8(token.trim_ascii()).ok()
}

/// Name and password of an `Authorization` of the kind Basic (RFC 7617).
fn basic(said: &[u8]) -> Option<(String, Zeroizing<String>)> {
    let (kind, pair) = said.split_at_checked(6)?;
    if !kind.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let pair = Zeroizing::new(STANDARD.decode(pair.trim_ascii()).ok()?);
    let (name, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    Some((name.to_owned(), Zeroizing::new(password.to_owned())))
}

// === impl Settings ===

impl Settings {
    fn read(path: Option<&Path>, by_token: bool, files: &mut Files) -> Result<Self, String> {
        let Some(path) = path else {
            let nothing = WebFile::default();
            let settings = Self::valid(nothing, Path::new("."), by_token, files);
            return settings.map_err(|errors| errors.to_string());
        };
        let text = files.read(path).map_err(|error| error.to_string())?;
        let text = std::str::from_utf8(&text);
        let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = text.map_err(|_| of_file(&"it is no UTF-8"))?;
        let file = WebFile::parse(text).map_err(|error| of_file(&error))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::valid(file, folder, by_token, files).map_err(|errors| of_file(&errors))
    }

    fn valid(
        file: WebFile,
        folder: &Path,
        by_token: bool,
        files: &mut Files,
    ) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        let mut settings = Self::default();
        let tls = file.tls_server_config.unwrap_or_default();
        // Tokens never travel in clear.
        if (by_token || tls != file::Tls::default())
            && let Some(config) = tls::config(&tls, folder, files, &mut errors)
        {
            settings.tls = Some(TlsAcceptor::from(Arc::new(config)));
        }
        let headers = file.http_server_config.and_then(|http| http.headers);
        for (name, value) in headers.unwrap_or_default() {
            let key = format!("http_server_config.headers.{name}");
            match header(&name, &value.into_string()) {
                Ok(Some((name, value))) => drop(settings.headers.insert(name, value)),
                Ok(None) => {}
                Err(error) => errors.push(&key, error),
            }
        }
        for (name, hash) in file.basic_auth_users.unwrap_or_default() {
            let key = format!("basic_auth_users.{name}");
            errors.take(&key, settings.users.add(name, &hash));
        }
        let limit = file.rate_limit.and_then(|limit| limit.valid(&mut errors));
        settings.limit = limit.map(|(interval, burst)| Limit {
            interval,
            burst,
            left: Mutex::new((f64::from(burst), Instant::now())),
        });
        if errors.len() == 0 {
            Ok(settings)
        } else {
            Err(errors)
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings")
    }
}

/// The headers that may be set, each with its values where they are few. An empty value sets none.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

fn header(name: &str, value: &str) -> Result<Option<(HeaderName, HeaderValue)>, String> {
    let known = HEADERS.iter().find(|(known, _)| *known == name);
    let Some((_, values)) = known else {
        let all: Vec<_> = HEADERS.iter().map(|(name, _)| *name).collect();
        return Err(format!("is none of {}", all.join(", ")));
    };
    if value.is_empty() {
        return Ok(None);
    }
    if !values.is_empty() && !values.contains(&value) {
        return Err(format!("is not {}", values.join(" or ")));
    }
    let name = name.parse().map_err(|_| "is no header's name".to_owned())?;
    let value = value
        .parse()
        .map_err(|_| "is no header's value".to_owned())?;
    Ok(Some((name, value)))
}

// === impl Limit ===

impl Limit {
    fn allows(&self) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = left.1.elapsed().as_secs_f64() / self.interval.as_secs_f64();
        let now = (left.0 + gained).min(f64::from(self.burst));
        let allowed = now >= 1.0;
        *left = (if allowed { now - 1.0 } else { now }, Instant::now());
        allowed
    }
}
