//! What the user wants, read once. [`raw::Raw`] mirrors the file and refuses unknown keys;
//! [`Config`] holds only valid values, and making one tells all errors at once, each with its path.

pub mod duration;
#[cfg(feature = "endpoints")]
mod probe;
pub mod raw;
mod shard;
mod sources;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::expose;
use crate::logs;
#[cfg(feature = "endpoints")]
use crate::source::endpoint;
use crate::source::{files, kube, kubeconfigs, objects};

/// Everything that is to be done, valid as a whole.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: Listen,
    /// The web configuration file, if there is one.
    pub web_config_file: Option<PathBuf>,
    /// The API server that says whose bearer tokens let in, if tokens do.
    pub token_review: Option<kube::Settings>,
    /// Where probes are answered besides.
    pub probe_listen: Option<Listen>,
    /// Whether to answer more than metrics: the API.
    pub stats: bool,
    /// Whom `/probe` answers about; nothing: there is none.
    pub probe: Option<Vec<expose::probe::Target>>,
    /// How to log.
    pub log: logs::Options,
    /// What to show of a certificate.
    pub expose: expose::Options,
    /// Which share of the objects; nothing: all. The sources know it too.
    pub shard: Option<objects::Shard>,
    /// What to watch; never empty.
    pub sources: Vec<SourceConfig>,
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Host name or address; empty for all of them.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// One source.
#[derive(Debug)]
pub enum SourceConfig {
    /// `kind: file`.
    Files(files::Options),
    /// `kind: kubeconfig`.
    Kubeconfigs(kubeconfigs::Options),
    /// `kind: endpoint`, `kind: served`.
    #[cfg(feature = "endpoints")]
    Endpoints(endpoint::Options),
    /// Every other kind.
    Objects(objects::Plan),
}

/// Why there is no configuration: each error with the key it is about.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {detail}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which key or line.
        detail: String,
    },
    /// Values do not fit.
    #[error("{0}")]
    Invalid(Errors),
}

/// All errors of one configuration.
#[derive(Debug, Default)]
pub struct Errors(Vec<String>);

impl Config {
    /// Makes a configuration of what was written, or tells everything that is wrong with it.
    pub fn new(raw: &raw::Raw) -> Result<Self, ConfigError> {
        let mut errors = Errors::default();
        let listen = errors.take("server.listen", raw.server.listen.parse());
        let probe_listen = Some(&raw.server.probe_listen).filter(|listen| !listen.is_empty());
        let probe_listen =
            probe_listen.and_then(|listen| errors.take("server.probeListen", listen.parse()));
        let level = errors.take("log.level", raw.log.level.parse());
        let format = errors.take("log.format", raw.log.format.parse());
        for (key, fields) in [
            (
                "metrics.exposeSubjectFields",
                &raw.metrics.expose_subject_fields,
            ),
            (
                "metrics.exposeIssuerFields",
                &raw.metrics.expose_issuer_fields,
            ),
        ] {
            // No attribute is called so, hence none becomes a label.
            let none = fields.len() == 1 && fields[0] == "none";
            for field in fields
                .iter()
                .filter(|field| !none && !FIELDS.contains(&field.as_str()))
            {
                errors.push(key, format!("`{field}` is none of {}", FIELDS.join(", ")));
            }
        }
        let shard = raw
            .shard
            .as_ref()
            .and_then(|shard| shard::chosen(shard, &shard::pod_name(), &mut errors));
        let mut sources = sources::all(raw, &mut errors);
        for source in &mut sources {
            if let SourceConfig::Objects(plan) = source {
                plan.options.shard = shard;
            }
        }
        let probe = (raw.web.enable_probe && errors.0.is_empty())
            .then(|| probed(raw, &sources, &mut errors));
        match (listen, level, format) {
            (Some(listen), Some(level), Some(format)) if errors.0.is_empty() => Ok(Self {
                listen,
                web_config_file: raw.server.web_config_file.clone(),
                probe_listen,
                token_review: raw
                    .server
                    .token_review
                    .as_ref()
                    .map(|review| kube::Settings {
                        kubeconfig: Some(PathBuf::from(&review.kubeconfig))
                            .filter(|path| !path.as_os_str().is_empty()),
                        ..kube::Settings::default()
                    }),
                stats: raw.web.enable_stats,
                probe,
                log: logs::Options { level, format },
                expose: expose::Options {
                    info: raw.metrics.expose_info,
                    not_before: raw.metrics.expose_not_before,
                    expired: raw.metrics.expose_expired,
                    relative: raw.metrics.expose_relative,
                    endpoints: looks_at_servers(&sources),
                    subject_fields: raw.metrics.expose_subject_fields.clone(),
                    issuer_fields: raw.metrics.expose_issuer_fields.clone(),
                    trim_path_components: raw.metrics.trim_path_components,
                },
                shard,
                sources,
            }),
            _ => Err(ConfigError::Invalid(errors)),
        }
    }
}

#[cfg(feature = "endpoints")]
use self::probe::targets as probed;

/// A build that looks at no servers has nothing to be asked about.
#[cfg(not(feature = "endpoints"))]
fn probed(_: &raw::Raw, _: &[SourceConfig], errors: &mut Errors) -> Vec<expose::probe::Target> {
    errors.push("web.enableProbe", "this build does not look at servers");
    Vec::new()
}

#[cfg(feature = "endpoints")]
fn looks_at_servers(sources: &[SourceConfig]) -> bool {
    let is_of_servers = |source: &SourceConfig| matches!(source, SourceConfig::Endpoints(_));
    sources.iter().any(is_of_servers)
}

#[cfg(not(feature = "endpoints"))]
fn looks_at_servers(_: &[SourceConfig]) -> bool {
    false
}

impl Config {
    /// Pairs of sources that reach API servers by different kubeconfigs and tell their objects under
    /// one and the same `cluster`: should these be two clusters, they mix.
    pub fn mixing(&self) -> Vec<(&str, &str)> {
        let plans = self.sources.iter().filter_map(|source| match source {
            SourceConfig::Objects(plan) => Some(&plan.options),
            _ => None,
        });
        let plans: Vec<_> = plans.collect();
        let mixes = |one: &objects::Options, other: &objects::Options| {
            one.cluster == other.cluster && one.settings.kubeconfig != other.settings.kubeconfig
        };
        let pairs = plans.iter().enumerate().filter_map(|(index, one)| {
            let other = plans[..index].iter().find(|other| mixes(one, other))?;
            Some((&*other.name, &*one.name))
        });
        pairs.collect()
    }
}

/// Reads a configuration file.
pub fn read(path: &Path) -> Result<raw::Raw, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    raw::Raw::parse(&text).map_err(|detail| ConfigError::Malformed {
        path: path.to_owned(),
        detail,
    })
}

/// Short names of the attributes that can be labels.
const FIELDS: [&str; 6] = ["C", "ST", "L", "O", "OU", "CN"];

// === impl ConfigError ===

impl ConfigError {
    /// A flag whose value does not fit.
    pub fn flag(flag: &str, error: impl fmt::Display) -> Self {
        let mut errors = Errors::default();
        errors.push(flag, error);
        Self::Invalid(errors)
    }
}

// === impl Listen ===

impl std::str::FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| format!("`{text}` is not HOST:PORT or :PORT"))?;
        let port = port
            .parse()
            .map_err(|_| format!("`{port}` is not a TCP port"))?;
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
        })
    }
}

// === impl Errors ===

impl Errors {
    /// Notes an error of one key.
    pub(crate) fn push(&mut self, key: &str, error: impl fmt::Display) {
        self.0.push(format!("{key}: {error}"));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value, or a note of the error.
    pub(crate) fn take<T, E: fmt::Display>(&mut self, key: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.push(key, error)).ok()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

#[cfg(test)]
mod tests;
