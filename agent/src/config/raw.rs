//! The file as it is written: the peer's v4 keys, and a few of ours. Unknown keys are errors.

mod endpoint;
mod kube;

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::endpoint::{Endpoint, EndpointTarget, Served};
pub use self::kube::{
    Access, Cabundle, CertificateRequest, ConfigMaps, Csr, Kubernetes, Kubesphere, Namespaces,
    PageSize, Passphrases, RateLimit, SecretType, Secrets,
};
use crate::discover;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Raw {
    /// Where the host's root directory is mounted; host paths are resolved inside it.
    pub host_root: Option<String>,
    /// What is answered besides metrics.
    pub web: Web,
    /// The port.
    pub server: Server,
    /// The log.
    pub log: Log,
    /// What is shown of a certificate.
    pub metrics: Metrics,
    /// How often files are looked at.
    pub cache: Cache,
    /// Which share of a cluster's objects is watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// What is watched.
    pub sources: Vec<Source>,
}

/// `web`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Web {
    /// Whether the inventory is answered at `/api/v1/certificates`.
    pub enable_stats: bool,
    /// Whether `/probe` is answered, for those who come from `ssl_exporter`.
    #[serde(skip_serializing_if = "is_no")]
    pub enable_probe: bool,
}

/// `server`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Server {
    /// `HOST:PORT` or `:PORT`.
    pub listen: String,
    /// A web configuration file: who may come in, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_config_file: Option<PathBuf>,
    /// Bearer tokens let in whom an API server says they are of and may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_review: Option<TokenReview>,
    /// Where probes are answered besides, without TLS; empty: nowhere.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub probe_listen: String,
}

/// `server.tokenReview`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokenReview {
    /// Of the cluster that is asked; empty: the one that the agent runs in.
    pub kubeconfig: String,
}

/// `log`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Log {
    /// error, warn, info, debug or trace.
    pub level: String,
    /// text or json.
    pub format: String,
}

/// `metrics`.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the peer's file"
)]
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Metrics {
    /// The families that depend on the time of the scrape.
    pub expose_relative: bool,
    /// Accepted as the peer has it; `x509_cert_error` is always on here.
    pub expose_per_cert_error: bool,
    /// `x509_cert_not_before`.
    pub expose_not_before: bool,
    /// `x509_cert_expired` and `x509_crl_stale`.
    pub expose_expired: bool,
    /// `x509_cert_info`.
    pub expose_info: bool,
    /// Accepted as the peer has it; there is nothing to switch.
    pub expose_diagnostics: bool,
    /// Attributes of the subject that become labels; empty: all; `none` alone: none.
    pub expose_subject_fields: Vec<String>,
    /// Attributes of the issuer that become labels; empty: all; `none` alone: none.
    pub expose_issuer_fields: Vec<String>,
    /// Leading components cut off `filepath`.
    pub trim_path_components: usize,
}

/// `cache`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct Cache {
    /// How often files are looked at.
    pub file_poll: FilePoll,
}

/// `cache.filePoll`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct FilePoll {
    /// Time between two looks.
    pub interval: String,
}

/// `shard`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shard {
    /// Its number, from 0; nothing: the one that ends the pod's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// How many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
}

/// One of `sources`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// Files of the host.
    File(File),
    /// Kubeconfigs of the host.
    Kubeconfig(Kubeconfig),
    /// Files and kubeconfigs of the host, wherever distributions of Kubernetes keep them.
    Discovery(Discovery),
    /// Secrets and ConfigMaps of a cluster.
    Kubernetes(Box<Kubernetes>),
    /// `caBundles` of a cluster's webhooks and API services.
    Cabundle(Cabundle),
    /// CertificateSigningRequests of a cluster.
    Csr(Csr),
    /// cert-manager's CertificateRequests.
    CertificateRequest(CertificateRequest),
    /// KubeSphere's member clusters.
    Kubesphere(Kubesphere),
    /// Servers and remote files.
    Endpoint(Endpoint),
    /// Servers of Kubernetes on this node, each paired with its file.
    Served(Served),
}

/// `kind: file`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct File {
    /// The label `source_name`.
    pub name: String,
    /// Files, patterns and directories.
    pub paths: Vec<String>,
    /// Patterns of what to leave out.
    #[serde(default)]
    pub exclude_paths: Vec<String>,
    /// Whether symbolic links are followed.
    #[serde(default = "yes")]
    pub follow_symlinks: bool,
    /// Time between two looks, in place of `cache.filePoll.interval`.
    #[serde(default)]
    pub refresh_interval: Option<String>,
    /// Formats to expect; the content decides.
    #[serde(default)]
    pub formats: Vec<String>,
    /// What opens a PKCS#12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pkcs12: Option<Passphrases>,
    /// What a JKS or JCEKS is checked with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jks: Option<Passphrases>,
    /// Whether private keys beside certificates are read and compared with them.
    #[serde(default, skip_serializing_if = "is_no")]
    pub compare_private_keys: bool,
}

/// `kind: kubeconfig`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Kubeconfig {
    /// The label `source_name`.
    pub name: String,
    /// Files and patterns.
    pub paths: Vec<String>,
    /// Time between two looks, in place of `cache.filePoll.interval`.
    #[serde(default)]
    pub refresh_interval: Option<String>,
    /// Whether private keys beside certificates are read and compared with them.
    #[serde(default, skip_serializing_if = "is_no")]
    pub compare_private_keys: bool,
}

/// `kind: discovery`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Discovery {
    /// The label `source_name`, of files and of kubeconfigs.
    pub name: String,
    /// Names of distributions, or `auto` for all that are known.
    #[serde(default = "auto")]
    pub distributions: Vec<String>,
    /// Patterns of what to leave out.
    #[serde(default)]
    pub exclude_paths: Vec<String>,
    /// Whether symbolic links are followed.
    #[serde(default = "yes")]
    pub follow_symlinks: bool,
    /// Time between two looks, in place of `cache.filePoll.interval`.
    #[serde(default)]
    pub refresh_interval: Option<String>,
    /// Whether private keys beside certificates are read and compared with them.
    #[serde(default, skip_serializing_if = "is_no")]
    pub compare_private_keys: bool,
}

impl Raw {
    /// Reads the text of a file; the error names the key or the line.
    pub fn parse(text: &str) -> Result<Self, String> {
        yaml(text)
    }
}

impl Source {
    /// Files under a name of ours.
    pub fn of_files(name: &str, paths: Vec<String>, follow_symlinks: bool) -> Self {
        Self::File(File {
            name: name.to_owned(),
            paths,
            exclude_paths: Vec::new(),
            follow_symlinks,
            refresh_interval: None,
            compare_private_keys: false,
            formats: Vec::new(),
            pkcs12: None,
            jks: None,
        })
    }

    /// Kubeconfigs under a name of ours.
    pub fn of_kubeconfigs(name: &str, paths: Vec<String>) -> Self {
        Self::Kubeconfig(Kubeconfig {
            name: name.to_owned(),
            paths,
            refresh_interval: None,
            compare_private_keys: false,
        })
    }

    /// What these distributions keep, under a name of ours.
    pub fn of_distributions(name: &str, distributions: Vec<String>, follow_symlinks: bool) -> Self {
        Self::Discovery(Discovery {
            name: name.to_owned(),
            distributions,
            exclude_paths: Vec::new(),
            follow_symlinks,
            refresh_interval: None,
            compare_private_keys: false,
        })
    }
}

impl Raw {
    /// The same as a file.
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self).unwrap_or_default()
    }
}

impl Default for Web {
    fn default() -> Self {
        Self {
            enable_stats: true,
            enable_probe: false,
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: ":9793".to_owned(),
            web_config_file: None,
            token_review: None,
            probe_listen: String::new(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: "text".to_owned(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            expose_relative: false,
            expose_per_cert_error: true,
            expose_not_before: true,
            expose_expired: true,
            expose_info: false,
            expose_diagnostics: false,
            expose_subject_fields: Vec::new(),
            expose_issuer_fields: Vec::new(),
            trim_path_components: 0,
        }
    }
}

impl Default for FilePoll {
    fn default() -> Self {
        Self {
            interval: "30s".to_owned(),
        }
    }
}

/// Reads YAML; an empty text says nothing. The error names the key or the line.
pub(crate) fn yaml<T: DeserializeOwned + Default>(text: &str) -> Result<T, String> {
    if text.trim().is_empty() {
        return Ok(T::default());
    }
    // Whoever names the wrong file may have named a key: no error quotes what it read.
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| unquoted(&error.to_string()))
}

/// The message of an error without the value that it is about: it may be a passphrase in the place
/// of another key, or one without quotes.
fn unquoted(message: &str) -> String {
    for what in ["invalid type: ", "invalid value: "] {
        let Some((before, said)) = message.split_once(what) else {
            continue;
        };
        let Some((value, expected)) = said.rsplit_once(", expected ") else {
            continue;
        };
        let kind = value
            .split(['"', '`'])
            .next()
            .unwrap_or_default()
            .trim_end();
        return format!("{before}{what}{kind}, expected {expected}");
    }
    message.to_owned()
}

fn auto() -> Vec<String> {
    vec![discover::AUTO.to_owned()]
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
fn is_no(value: &bool) -> bool {
    !value
}

fn yes() -> bool {
    true
}
