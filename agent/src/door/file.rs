//! The web configuration file as it is written: the keys of Prometheus' exporter-toolkit.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::{Errors, duration, raw};

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WebFile {
    pub(super) tls_server_config: Option<Tls>,
    pub(super) http_server_config: Option<Http>,
    pub(super) basic_auth_users: Option<BTreeMap<String, String>>,
    pub(super) rate_limit: Option<RateLimit>,
}

/// `tls_server_config`.
#[derive(Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tls {
    pub(super) cert: Option<String>,
    pub(super) key: Option<String>,
    pub(super) client_ca: Option<String>,
    pub(super) cert_file: Option<String>,
    pub(super) key_file: Option<String>,
    pub(super) client_ca_file: Option<String>,
    pub(super) client_auth_type: Option<String>,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) min_version: Option<String>,
    pub(super) max_version: Option<String>,
    pub(super) cipher_suites: Option<Vec<String>>,
    pub(super) curve_preferences: Option<Vec<String>>,
    pub(super) prefer_server_cipher_suites: Option<bool>,
}

/// `http_server_config`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Http {
    /// Accepted either way: HTTP/1.1 is what is spoken, and what every client of HTTP/2 can.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    pub(super) headers: Option<BTreeMap<String, Text>>,
}

/// `rate_limit`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RateLimit {
    pub(super) interval: Option<Text>,
    pub(super) burst: Option<u32>,
}

/// What Go's YAML takes for a text: `X-XSS-Protection: 1` has no quotes in any example.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Number(i64),
    Text(String),
}

impl Text {
    pub(super) fn into_string(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl WebFile {
    /// Reads the text of a file; the error names the key or the line and quotes nothing.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        raw::yaml(text)
    }
}

impl RateLimit {
    /// The time between two requests and how many may come at once; nothing: no limit.
    pub(super) fn valid(self, errors: &mut Errors) -> Option<(std::time::Duration, u32)> {
        let text = self.interval.map(Text::into_string).unwrap_or_default();
        if matches!(text.as_str(), "" | "0") {
            return None;
        }
        let interval = errors.take("rate_limit.interval", duration::parse(&text))?;
        (!interval.is_zero()).then_some((interval, self.burst.unwrap_or_default()))
    }
}
