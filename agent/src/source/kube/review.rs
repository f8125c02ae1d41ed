//! Bearer tokens of those who come to us, as the API server judges them: whose they are
//! (`TokenReview`), and whether he may (`SubjectAccessReview`).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::api::{Settings, client, within};
use super::client::Client;
use super::trouble::Trouble;
use crate::model::Reason;

/// How long the API server has for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest answer.
const MOST: usize = 256 << 10;

/// Asks one API server.
#[derive(Debug)]
pub struct Reviewer(Mutex<Client>);

/// What it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// He may.
    Allowed,
    /// It is somebody, and he may not.
    NotAllowed,
    /// It is nobody's token.
    Unknown,
}

#[derive(Deserialize, Serialize)]
struct Review<S, T> {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    #[serde(skip_deserializing)]
    spec: Option<S>,
    #[serde(skip_serializing)]
    status: Option<T>,
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Authenticated {
    authenticated: bool,
    user: User,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct User {
    #[serde(rename(serialize = "user"))]
    username: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Access<'a> {
    #[serde(flatten)]
    user: User,
    non_resource_attributes: Attributes<'a>,
}

#[derive(Serialize)]
struct Attributes<'a> {
    path: &'a str,
    verb: &'static str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Authorized {
    allowed: bool,
}

impl Reviewer {
    /// Reads the configuration; nothing is sent yet.
    pub async fn connect(settings: &Settings) -> Result<Self, String> {
        let client = client(settings).await.map_err(|trouble| trouble.detail)?;
        Ok(Self(Mutex::new(client)))
    }

    /// Asks what is no API server.
    #[cfg(test)]
    pub(crate) fn through(client: Client) -> Self {
        Self(Mutex::new(client))
    }

    /// Whether the owner of this token may get what is at this path. The error holds nothing of it.
    pub fn judge<'a>(
        &'a self,
        token: &'a str,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Verdict, String>> {
        Box::pin(async move {
            let asked = self.ask(token, path).await;
            asked.map_err(|trouble| trouble.detail)
        })
    }

    async fn ask(&self, token: &str, path: &str) -> Result<Verdict, Trouble> {
        let spec = Token { token };
        let known: Authenticated = self.review("authentication", "TokenReview", spec).await?;
        if !known.authenticated {
            return Ok(Verdict::Unknown);
        }
        let spec = Access {
            user: known.user,
            non_resource_attributes: Attributes { path, verb: "get" },
        };
        let kind = "SubjectAccessReview";
        let may: Authorized = self.review("authorization", kind, spec).await?;
        Ok(if may.allowed {
            Verdict::Allowed
        } else {
            Verdict::NotAllowed
        })
    }

    async fn review<S: Serialize, T: DeserializeOwned + Default>(
        &self,
        group: &str,
        kind: &str,
        spec: S,
    ) -> Result<T, Trouble> {
        let broken = |what| Trouble::new(Reason::Internal, what);
        let asked: Review<S, T> = Review {
            api_version: format!("{group}.k8s.io/v1"),
            kind: kind.to_owned(),
            spec: Some(spec),
            status: None,
        };
        let asked = serde_json::to_vec(&asked).map_err(|_| broken("a review cannot be written"))?;
        let url = format!("/apis/{group}.k8s.io/v1/{}s", kind.to_lowercase());
        let request = Request::post(url)
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from_owner(Zeroizing::new(asked))))
            .map_err(|_| broken("a review cannot be asked for"))?;
        let client = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let answer = async {
            let answer = client.send(request).await;
            let answer = answer.map_err(|error| Trouble::unanswered(&*error))?;
            if !answer.status().is_success() {
                return Err(Trouble::answered(answer.status(), answer.headers()));
            }
            let mut body = answer.into_body();
            let mut bytes = Zeroizing::new(Vec::new());
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| Trouble::unanswered(&*error))?;
                if let Ok(data) = frame.into_data() {
                    if bytes.len() + data.len() > MOST {
                        return Err(broken("the API server's answer is too large"));
                    }
                    bytes.extend_from_slice(&data);
                }
            }
            Ok(bytes)
        };
        let answer = within(PATIENCE, "the API server does not answer", answer).await??;
        // The token is in the answer too: no error quotes it.
        let answer: Review<(), T> = serde_json::from_slice(&answer)
            .map_err(|_| broken("the API server's answer is no review"))?;
        Ok(answer.status.unwrap_or_default())
    }
}
