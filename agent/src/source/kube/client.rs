//! The HTTP client of one API server: hyper's own, with TLS and credentials as kube's configuration
//! has them. docs/decisions/0005 tells why it is not kube's client.

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ::kube::config::{AuthInfo, Config};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tower::util::BoxCloneService;
use tower::{Service, ServiceExt};

use super::tls::{self, Unusable};

/// Any error on the way to the server and back.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;
/// What the server sends.
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Sends a request: a path and a query in, an answer out.
#[derive(Clone, Debug)]
pub(crate) struct Client(BoxCloneService<Request<Full<Bytes>>, Response<Body>, BoxError>);

/// The connections to one server, and who asks.
#[derive(Clone)]
struct Server {
    http: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: Uri,
    headers: HeaderMap,
    token: Option<Arc<TokenFile>>,
}

/// A bearer token that is replaced where it comes from.
struct TokenFile {
    path: PathBuf,
    last: Mutex<Option<(HeaderValue, Instant)>>,
}

/// The credentials cannot be read or sent.
#[derive(Debug, thiserror::Error)]
#[error("the credentials cannot be read")]
pub(super) struct Credentials;

/// A connection that nobody uses goes soon: its buffers still hold the last answer, and keys with it.
const IDLE: Duration = Duration::from_secs(3);
/// Tokens of service accounts are replaced long before they expire.
const TOKEN: Duration = Duration::from_secs(60);

// === impl Client ===

impl Client {
    /// A client that sends nothing yet.
    pub(super) fn new(config: &Config, patience: Duration) -> Result<Self, Unusable> {
        // Nobody asked for one so far; silently going round it would be worse.
        if config.proxy_url.is_some() {
            return Err(Unusable);
        }
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(patience));
        let tls = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(config)?)
            .https_or_http();
        let tls = match &config.tls_server_name {
            Some(name) => {
                let name = name.clone().try_into().map_err(|_| Unusable)?;
                tls.with_server_name_resolver(FixedServerNameResolver::new(name))
            }
            None => tls,
        };
        let connector = tls.enable_http1().wrap_connector(http);
        Ok(Self::through(Server {
            http: legacy::Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .build(connector),
            url: config.cluster_url.clone(),
            headers: headers(config)?,
            token: token(&config.auth_info),
        }))
    }

    /// A client that talks to this service.
    pub(crate) fn through<S, F>(service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<Body>, Error = BoxError, Future = F>
            + Clone
            + Send
            + 'static,
        F: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
    {
        Self(BoxCloneService::new(service))
    }

    /// Asks; the body of the answer is unread.
    pub(super) async fn send(
        self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Body>, BoxError> {
        self.0.oneshot(request).await
    }
}

// === impl Server ===

impl Service<Request<Full<Bytes>>> for Server {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let request = server.addressed(request)?;
            let response = server.http.request(request).await?;
            Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
        })
    }
}

impl Server {
    /// The request with the server's address before its path, and with what says who asks.
    fn addressed(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Request<Full<Bytes>>, BoxError> {
        let asked = request
            .uri()
            .path_and_query()
            .map_or("/", PathAndQuery::as_str);
        // A server may stand below a path, behind a proxy.
        let path = format!("{}{asked}", self.url.path().trim_end_matches('/'));
        let mut parts = self.url.clone().into_parts();
        parts.path_and_query = Some(path.parse()?);
        *request.uri_mut() = Uri::from_parts(parts)?;
        let headers = request.headers_mut();
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.header()?);
        }
        Ok(request)
    }
}

// === impl TokenFile ===

impl TokenFile {
    /// The token of a minute ago at most; an older one while the file cannot be read.
    fn header(&self) -> Result<HeaderValue, Credentials> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((header, read)) = &*last
            && read.elapsed() < TOKEN
        {
            return Ok(header.clone());
        }
        let read = std::fs::read_to_string(&self.path).map(SecretString::from);
        let fresh = read.ok().and_then(|token| bearer(&token).ok());
        let header = match (fresh, &*last) {
            (Some(fresh), _) => fresh,
            (None, Some((old, _))) => old.clone(),
            (None, None) => return Err(Credentials),
        };
        *last = Some((header.clone(), Instant::now()));
        Ok(header)
    }
}

// === helpers ===

fn token(user: &AuthInfo) -> Option<Arc<TokenFile>> {
    // As kubectl has it: the file counts before the token itself.
    let path = user.token_file.as_ref()?;
    Some(Arc::new(TokenFile {
        path: path.into(),
        last: Mutex::default(),
    }))
}

/// What every request says of who asks.
fn headers(config: &Config) -> Result<HeaderMap, Unusable> {
    let user = &config.auth_info;
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers {
        headers.append(name, value.clone());
    }
    if let Some(token) = &user.token {
        headers.insert(AUTHORIZATION, bearer(token)?);
    } else if let (Some(name), Some(password)) = (&user.username, &user.password) {
        let pair = STANDARD.encode(format!("{name}:{}", password.expose_secret()));
        headers.insert(AUTHORIZATION, secret(&format!("Basic {pair}"))?);
    }
    let mut say = |name: &str, value: &str| {
        let name: HeaderName = name.parse().map_err(|_| Unusable)?;
        headers.append(name, value.parse().map_err(|_| Unusable)?);
        Ok(())
    };
    if let Some(name) = &user.impersonate {
        say("impersonate-user", name)?;
    }
    if let Some(uid) = &user.impersonate_uid {
        say("impersonate-uid", uid)?;
    }
    for group in user.impersonate_groups.iter().flatten() {
        say("impersonate-group", group)?;
    }
    for (key, values) in user.impersonate_user_extra.iter().flatten() {
        for value in values {
            say(&format!("impersonate-extra-{key}"), value)?;
        }
    }
    Ok(headers)
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Unusable> {
    secret(&format!("Bearer {}", token.expose_secret().trim()))
}

/// A value that no log shows.
fn secret(value: &str) -> Result<HeaderValue, Unusable> {
    let mut value: HeaderValue = value.parse().map_err(|_| Unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str, configure: impl FnOnce(&mut Config)) -> Server {
        let mut config = Config::new(url.parse().unwrap());
        config.root_cert = Some(Vec::new());
        configure(&mut config);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls::config(&config).unwrap())
            .https_or_http()
            .enable_http1()
            .build();
        Server {
            http: legacy::Client::builder(TokioExecutor::new()).build(connector),
            url: config.cluster_url.clone(),
            headers: headers(&config).unwrap(),
            token: token(&config.auth_info),
        }
    }

    fn asked(server: &Server) -> Request<Full<Bytes>> {
        let request = Request::get("/api/v1/secrets?limit=1").body(Full::default());
        server.addressed(request.unwrap()).unwrap()
    }

    #[test]
    fn a_path_is_asked_for_below_the_servers_own() {
        for (url, expected) in [
            (
                "https://10.0.0.1:6443",
                "https://10.0.0.1:6443/api/v1/secrets?limit=1",
            ),
            (
                "https://host/k8s/c-1/",
                "https://host/k8s/c-1/api/v1/secrets?limit=1",
            ),
            (
                "https://[::1]:6443/",
                "https://[::1]:6443/api/v1/secrets?limit=1",
            ),
        ] {
            assert_eq!(asked(&server(url, |_| {})).uri().to_string(), expected);
        }
    }

    #[test]
    fn who_asks_is_said_and_not_shown() {
        let request = asked(&server("https://host", |config| {
            config.auth_info.token = Some("SECRET\n".to_owned().into());
            config.auth_info.impersonate = Some("jane".into());
            config.auth_info.impersonate_groups = Some(vec!["a".into(), "b".into()]);
        }));
        let headers = request.headers();
        assert_eq!(headers["authorization"], "Bearer SECRET");
        assert!(!format!("{request:?}").contains("SECRET"));
        assert_eq!(headers["impersonate-user"], "jane");
        let groups = headers.get_all("impersonate-group").iter();
        assert_eq!(groups.collect::<Vec<_>>(), ["a", "b"]);

        let request = asked(&server("https://host", |config| {
            config.auth_info.username = Some("jane".into());
            config.auth_info.password = Some("SECRET".to_owned().into());
        }));
        assert_eq!(request.headers()["authorization"], "Basic amFuZTpTRUNSRVQ=");
        assert!(!format!("{request:?}").contains("amFuZTp"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_read_again_after_a_minute_and_kept_while_it_cannot_be() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("token");
        let server = server("https://host", |config| {
            config.auth_info.token_file = Some(path.to_str().unwrap().to_owned());
        });
        let token = || asked(&server).headers()["authorization"].clone();
        let request = Request::get("/").body(Full::default()).unwrap();
        assert!(server.addressed(request).unwrap_err().is::<Credentials>());
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(token(), "Bearer one");
        std::fs::write(&path, "two").unwrap();
        assert_eq!(token(), "Bearer one");
        tokio::time::advance(TOKEN).await;
        assert_eq!(token(), "Bearer two");
        std::fs::remove_file(&path).unwrap();
        tokio::time::advance(TOKEN).await;
        assert_eq!(token(), "Bearer two");
    }

    #[test]
    fn a_configuration_that_cannot_be_followed_makes_no_client() {
        let refused = |configure: fn(&mut Config)| {
            let mut config = Config::new("https://host".parse().unwrap());
            config.root_cert = Some(Vec::new());
            assert!(Client::new(&config, TOKEN).is_ok());
            configure(&mut config);
            Client::new(&config, TOKEN).is_err()
        };
        assert!(refused(
            |c| c.proxy_url = Some("http://proxy".parse().unwrap())
        ));
        assert!(refused(
            |c| c.root_cert = Some(vec![b"no certificate".to_vec()])
        ));
        assert!(refused(
            |c| c.auth_info.token = Some("a\nb".to_owned().into())
        ));
        assert!(refused(
            |c| c.auth_info.client_certificate = Some("/nowhere".into())
        ));
        assert!(refused(
            |c| c.auth_info.client_key_data = Some("AAAA".to_owned().into())
        ));
        assert!(refused(|c| c.tls_server_name = Some("not a name".into())));
    }
}
