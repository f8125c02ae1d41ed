//! Servers and remote files, as they are written.

use serde::{Deserialize, Serialize};

use super::{auto, is_no};

/// `kind: endpoint`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Endpoint {
    /// The label `source_name`.
    pub name: String,
    /// Time between two rounds.
    #[serde(default = "minute")]
    pub refresh_interval: String,
    /// How long one look may take.
    #[serde(default = "patience")]
    pub timeout: String,
    /// File of those who are trusted; nothing: whom the system trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// File of a client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<String>,
    /// File of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// An HTTP proxy on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
    /// What to look at.
    pub targets: Vec<EndpointTarget>,
}

/// One of `targets`. What is not there is as the source has it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EndpointTarget {
    /// `HOST:PORT`, or a host; a URL, for a remote file.
    pub address: String,
    /// The label `endpoint_name`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How it is spoken to.
    #[serde(default = "tls")]
    pub protocol: String,
    /// The name that is asked for and verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    /// File of those who are trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// File of a client certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<String>,
    /// File of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<String>,
    /// An HTTP proxy on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
    /// How long a look may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// What should be served: a path of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The module under which `/probe` knows it; nothing: the usual one of its protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Whether `/probe` calls a look a success whatever comes of the verification.
    #[serde(default, skip_serializing_if = "is_no")]
    pub insecure_skip_verify: bool,
}

/// `kind: served`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Served {
    /// The label `source_name`.
    pub name: String,
    /// Names of distributions, or `auto` for all that are known.
    #[serde(default = "auto")]
    pub distributions: Vec<String>,
    /// Time between two rounds.
    #[serde(default = "half_a_minute")]
    pub refresh_interval: String,
    /// How long one look may take.
    #[serde(default = "few")]
    pub timeout: String,
}

fn minute() -> String {
    "60s".to_owned()
}

fn half_a_minute() -> String {
    "30s".to_owned()
}

fn patience() -> String {
    "10s".to_owned()
}

fn few() -> String {
    "5s".to_owned()
}

fn tls() -> String {
    "tls".to_owned()
}
