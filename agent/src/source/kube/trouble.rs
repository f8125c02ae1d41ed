//! Why a request to the API server failed, in our words. The answer's body does not get in:
//! it may hold what must not be shown.

use std::error::Error;
use std::io;
use std::time::Duration;

use ::kube::config::KubeconfigError;
use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};

use super::client::Credentials;
use crate::model::Reason;

/// Longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Descriptions of connection errors are short; whatever is not is cut.
const LONGEST_DETAIL: usize = 200;

/// A failed request.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(super) reason: Reason,
    pub(super) detail: String,
    pub(super) status: Option<StatusCode>,
    /// How long the server asks to be left alone.
    pub(super) pause: Option<Duration>,
    /// The version cannot be resumed from; a new list is needed.
    pub(super) stale: bool,
}

impl Trouble {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            status: None,
            pause: None,
            stale: false,
        }
    }

    pub(super) fn timeout(detail: &'static str) -> Self {
        Self::new(Reason::Timeout, detail)
    }

    /// The server answered, and not with what was asked for.
    pub(super) fn answered(status: StatusCode, headers: &HeaderMap) -> Self {
        let pause = headers
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.trim().parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE));
        let (reason, meaning) = match status {
            StatusCode::UNAUTHORIZED => (
                Reason::Unauthorized,
                "the API server does not accept the credentials",
            ),
            StatusCode::FORBIDDEN => (Reason::Forbidden, "the API server refuses the request"),
            // A list of nothing is no error: the kind itself is unknown, such as that of a custom
            // resource whose definition was not installed yet.
            StatusCode::NOT_FOUND => (Reason::NotFound, "the API server has no such resource"),
            _ => (Reason::ApiError, "the API server answered with an error"),
        };
        let detail = format!("{meaning} (status {})", status.as_u16());
        let stale = matches!(status.as_u16(), 400..=499)
            && !matches!(status.as_u16(), 401 | 403 | 408 | 429);
        Self {
            reason,
            detail,
            status: Some(status),
            pause,
            stale,
        }
    }

    /// The server ended a watch; the code is that of its last event.
    pub(super) fn ended(code: u16) -> Self {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            stale: true,
            ..Self::answered(status, &HeaderMap::new())
        }
    }

    /// The request did not get an answer, or its answer broke off.
    pub(super) fn unanswered(error: &(dyn Error + Send + Sync + 'static)) -> Self {
        if error.is::<Credentials>() {
            return Self::new(Reason::Unauthorized, "the credentials cannot be read");
        }
        let mut cause: &(dyn Error + 'static) = error;
        let mut timed_out = false;
        loop {
            timed_out |= cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
            match cause.source() {
                Some(source) => cause = source,
                None => break,
            }
        }
        let reason = if timed_out {
            Reason::Timeout
        } else {
            Reason::Unreachable
        };
        let detail = cause
            .to_string()
            .chars()
            .take(LONGEST_DETAIL)
            .collect::<String>();
        Self::new(
            reason,
            format!("the API server cannot be reached: {detail}"),
        )
    }

    /// The client cannot even be configured.
    pub(super) fn kubeconfig(path: &str, error: &KubeconfigError) -> Self {
        let (reason, meaning) = match error {
            KubeconfigError::ReadConfig(error, _) => (
                match error.kind() {
                    io::ErrorKind::NotFound => Reason::NotFound,
                    io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
                    _ => Reason::ReadFailed,
                },
                "cannot be read",
            ),
            KubeconfigError::CurrentContextNotSet | KubeconfigError::LoadContext(_) => {
                (Reason::BadKubeconfig, "names no context that it holds")
            }
            KubeconfigError::LoadClusterOfContext(_)
            | KubeconfigError::MissingClusterUrl
            | KubeconfigError::ParseClusterUrl(_) => {
                (Reason::BadKubeconfig, "names no cluster that can be used")
            }
            KubeconfigError::LoadCertificateAuthority(_) => (
                Reason::BadKubeconfig,
                "names a certificate authority that cannot be read",
            ),
            KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => (
                Reason::BadKubeconfig,
                "names a client certificate or key that cannot be read",
            ),
            _ => (Reason::BadKubeconfig, "is not a kubeconfig"),
        };
        Self::new(reason, format!("kubeconfig {path} {meaning}"))
    }

    /// The version asked for is no longer kept.
    pub(super) fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE)
    }

    /// The request as such is refused, whoever sends it and whenever.
    pub(super) fn is_unsupported(&self) -> bool {
        matches!(
            self.status,
            Some(
                StatusCode::BAD_REQUEST
                    | StatusCode::METHOD_NOT_ALLOWED
                    | StatusCode::NOT_ACCEPTABLE
                    | StatusCode::UNPROCESSABLE_ENTITY
            )
        )
    }
}
