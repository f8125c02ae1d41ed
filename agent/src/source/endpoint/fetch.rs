//! A file by HTTP: one GET, no redirects, and no more than is read of a file of the host.

use http::uri::Authority;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;

use super::dial::Deadline;
use super::kit::Kit;
use crate::model::{Problem, Reason};
use crate::source::host::MAX_FILE;
use crate::tls::Stream;

/// How the file is named in the request (RFC 9112, section 3.2).
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// By its path.
    Origin,
    /// By the whole URL: to a proxy.
    Absolute,
}

/// What the server answers, if it is well.
pub(super) async fn body(
    stream: Box<dyn Stream>,
    url: &Uri,
    form: Form,
    kit: &Kit,
    deadline: Deadline,
) -> Result<Bytes, Problem> {
    let late = "connected, and the file does not come in time";
    deadline.hold(late, get(stream, url, form, kit)).await?
}

async fn get(stream: Box<dyn Stream>, url: &Uri, form: Form, kit: &Kit) -> Result<Bytes, Problem> {
    let failed = |detail: String| Problem::new(Reason::ReadFailed, detail);
    let no_http = |_| failed("it does not speak HTTP/1.1".to_owned());
    let turn = kit.bodies.acquire().await;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(no_http)?;
    let host = url.authority().map(Authority::as_str);
    let target = match form {
        Form::Absolute => url.clone(),
        Form::Origin => {
            let path = url.path_and_query().map_or("/", |path| path.as_str());
            path.parse()
                .map_err(|_| failed("it is no URL".to_owned()))?
        }
    };
    let request = Request::get(target)
        .header(header::HOST, host.unwrap_or_default())
        .header(header::USER_AGENT, AGENT)
        .header(header::ACCEPT, "*/*")
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|_| failed("it is no URL".to_owned()))?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(no_http)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => {
                let detail = "the server answers with status 404";
                return Err(Problem::new(Reason::NotFound, detail));
            }
            status if status.is_redirection() => {
                let code = status.as_u16();
                return Err(failed(format!(
                    "the server answers with status {code}, and redirects are not followed"
                )));
            }
            status => {
                let code = status.as_u16();
                return Err(failed(format!("the server answers with status {code}")));
            }
        }
        let most = usize::try_from(MAX_FILE).unwrap_or(usize::MAX);
        let body = Limited::new(answer.into_body(), most).collect().await;
        match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                let detail = "larger than any trust bundle in use";
                Err(Problem::new(Reason::TooLarge, detail))
            }
            Err(_) => Err(failed("the answer breaks off".to_owned())),
        }
    };
    let answered = tokio::select! {
        answered = answer => answered,
        // It ends before the answer only if it fails; what has come is in the answer's hands.
        Err(_) = connection => Err(failed("it ended the connection".to_owned())),
    };
    drop(turn);
    answered
}

const AGENT: &str = concat!("x509-certificate-exporter/", env!("CARGO_PKG_VERSION"));
