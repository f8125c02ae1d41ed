//! Flags and subcommands. The names of the peer's v3 and v4 flags keep their meaning; a flag adds
//! to what the file says.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
use clap_complete::{generate, shells};

use crate::config::raw::{self, Raw};
use crate::config::{self, ConfigError};
use crate::discover;
use crate::exit::Exit;

/// Where the file is looked for when none is named.
const DEFAULT_FILE: &str = "/etc/x509-certificate-exporter/config.yaml";

/// Watches X.509 certificates where Kubernetes clusters keep them and tells Prometheus when they
/// expire.
#[derive(Debug, Parser)]
#[command(
    name = "x509-certificate-exporter",
    version,
    disable_version_flag = true
)]
#[command(args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to watch and how.
    #[command(flatten)]
    pub options: Options,
    /// Print the version.
    #[arg(short = 'v', long, action = clap::ArgAction::Version)]
    version: Option<bool>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at files, kubeconfigs, servers and Secrets once, print a table, and exit as monitoring
    /// plugins do: 0 well, 1 warning, 2 critical or expired, 3 could not tell. Without a TARGET: at
    /// the files and kubeconfigs of every known distribution of Kubernetes.
    Check(Check),
    /// Print what lets a shell complete subcommands and flags.
    Completions {
        /// Which shell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the effective configuration; exit 2 if it is wrong.
    Config,
    /// Ask a running agent whether it is ready and how many certificates it knows; exit 2 if not.
    Ready(Ready),
    /// Watch and answer scrapes.
    Serve,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Files, patterns, directories, kubeconfigs; `https://HOST[:PORT]` or HOST:PORT, for what a
    /// server shows; the two words `secret NAMESPACE/NAME`.
    #[arg(value_name = "TARGET")]
    pub targets: Vec<String>,
    /// Instead of a TARGET: look where this distribution keeps them; may be repeated.
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        conflicts_with = "targets"
    )]
    pub distribution: Vec<String>,
    /// A file with the passphrase of PKCS#12 keystores.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<String>,
    /// Try the empty passphrase on PKCS#12 keystores too.
    #[arg(long)]
    pub try_empty_passphrase: bool,
    /// Warn when less than this is left.
    #[arg(long, default_value = "28d", value_name = "DURATION")]
    pub warn: String,
    /// Critical when less than this is left.
    #[arg(long, default_value = "14d", value_name = "DURATION")]
    pub crit: String,
    /// A server, or the API server, must have answered after this.
    #[arg(long, default_value = "10s", value_name = "DURATION")]
    pub timeout: String,
    /// How to tell it; a table, if not said otherwise.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// In which order the lines of a table or CSV come.
    #[arg(long, value_enum, default_value_t)]
    pub sort: Order,
    /// Write the metrics into this file, for the textfile collector of `node_exporter`; nothing is
    /// printed then unless --format says how.
    #[arg(long, value_name = "FILE")]
    pub textfile: Option<PathBuf>,
}

/// How `check` tells what it found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// As `/api/v1/certificates` has it.
    Json,
    /// For spreadsheets.
    Csv,
    /// As `/metrics` has it.
    Prometheus,
}

/// The shells that completions are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// `source <(… completions bash)`.
    Bash,
    /// `… completions fish | source`.
    Fish,
    /// `source <(… completions zsh)`.
    Zsh,
}

/// In which order `check` tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Order {
    /// Soonest to expire first.
    #[default]
    Expires,
    /// By kind and name of the place.
    Place,
    /// By name.
    Subject,
}

/// Arguments of `ready`.
#[derive(Debug, Args)]
pub struct Ready {
    /// Where it listens; https:// before it, where it takes TLS alone.
    #[arg(default_value = "127.0.0.1:9793", value_name = "[https://]HOST:PORT")]
    pub address: String,
    /// Go on asking for so long.
    #[arg(long, default_value = "30s", value_name = "DURATION")]
    pub timeout: String,
}

/// What to watch and how.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the peer's"
)]
pub struct Options {
    /// Configuration file.
    #[arg(short = 'C', long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Watch this file or pattern; may be repeated.
    #[arg(short = 'f', long, global = true, value_name = "PATH")]
    pub watch_file: Vec<String>,
    /// Watch the files of this directory; may be repeated.
    #[arg(short = 'd', long, global = true, value_name = "PATH")]
    pub watch_dir: Vec<String>,
    /// Watch this kubeconfig; may be repeated.
    #[arg(short = 'k', long, global = true, value_name = "PATH")]
    pub watch_kubeconf: Vec<String>,
    /// Watch what Kubernetes keeps on this host: of every known distribution, or of those named.
    #[arg(
        long,
        global = true,
        value_name = "NAME,…",
        num_args = 0..=1,
        require_equals = true,
        value_delimiter = ',',
        default_missing_value = discover::AUTO
    )]
    pub discover: Vec<String>,
    /// Watch Secrets.
    #[arg(long, global = true)]
    pub watch_kube_secrets: bool,
    /// Kubeconfig of the cluster whose Secrets are watched.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<String>,
    /// Secret type and key, as TYPE:KEY; may be repeated.
    #[arg(short = 's', long, global = true, value_name = "TYPE:KEY")]
    pub secret_type: Vec<String>,
    /// Key of ConfigMaps, which are then watched too; may be repeated.
    #[arg(
        short = 'c',
        long,
        global = true,
        value_name = "KEY,…",
        value_delimiter = ',',
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub configmap_keys: Vec<String>,
    /// Watch only this namespace; may be repeated.
    #[arg(long, global = true, value_name = "NAMESPACE")]
    pub include_namespace: Vec<String>,
    /// Leave this namespace out; may be repeated.
    #[arg(long, global = true, value_name = "NAMESPACE")]
    pub exclude_namespace: Vec<String>,
    /// Watch only namespaces with this label; may be repeated.
    #[arg(long, global = true, value_name = "KEY[=VALUE]")]
    pub include_namespace_label: Vec<String>,
    /// Leave namespaces with this label out; may be repeated.
    #[arg(long, global = true, value_name = "KEY[=VALUE]")]
    pub exclude_namespace_label: Vec<String>,
    /// Watch only Secrets with this label; may be repeated.
    #[arg(long, global = true, value_name = "KEY[=VALUE]")]
    pub include_label: Vec<String>,
    /// Leave Secrets with this label out; may be repeated.
    #[arg(long, global = true, value_name = "KEY[=VALUE]")]
    pub exclude_label: Vec<String>,
    /// Copy this label of Secrets to their series; may be repeated.
    #[arg(long, global = true, value_name = "KEY")]
    pub expose_secret_label: Vec<String>,
    /// Requests a second to the API server; 0: no bound.
    #[arg(long, global = true, value_name = "N")]
    pub kube_api_rate_limit_qps: Option<f64>,
    /// Requests to the API server at once before the bound holds.
    #[arg(long, global = true, value_name = "N")]
    pub kube_api_rate_limit_burst: Option<u32>,
    /// Which share of the objects is watched, from 0; without it, the number that ends the pod's name
    /// (`POD_NAME`, else the host's name), as of a `StatefulSet`.
    #[arg(long, global = true, value_name = "N")]
    pub shard: Option<u32>,
    /// In how many shares the objects are watched, each by another agent.
    #[arg(long, global = true, value_name = "N")]
    pub total_shards: Option<u32>,
    /// Accepted for the peer's sake: nothing is asked for at a scrape, so there is no cache.
    #[arg(long, global = true, value_name = "DURATION")]
    pub max_cache_duration: Option<String>,
    /// Address to listen on.
    #[arg(short = 'b', long, global = true, value_name = "[HOST]:PORT")]
    pub listen_address: Option<String>,
    /// TLS, client certificates and passwords of the port: a file as Prometheus' own exporters take.
    #[arg(long = "web.config.file", global = true, value_name = "FILE")]
    pub web_config_file: Option<PathBuf>,
    /// Answer `/healthz` and `/readyz`, and nothing else, at this address too.
    #[arg(
        long = "probe.listen-address",
        global = true,
        value_name = "[HOST]:PORT"
    )]
    pub probe_listen_address: Option<String>,
    /// Expose the families that depend on the time of the scrape.
    #[arg(long, global = true)]
    pub expose_relative_metrics: bool,
    /// Accepted for the peer's sake: errors are always exposed.
    #[arg(long, global = true)]
    pub expose_per_cert_error_metrics: bool,
    /// Leading components cut off the label `filepath`.
    #[arg(long, global = true, value_name = "N")]
    pub trim_path_components: Option<usize>,
    /// Do not follow symbolic links.
    #[arg(long, global = true)]
    pub skip_symlinks: bool,
    /// Where the host's root directory is mounted.
    #[arg(long, global = true, value_name = "DIR")]
    pub host_root: Option<String>,
    /// error, warn, info, debug or trace.
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// text or json.
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// The same as `--log-level debug`.
    #[arg(long, global = true)]
    pub debug: bool,
}

/// Tells what is wrong with the words of the command line, or what was asked about them. A monitoring
/// plugin that is called wrongly says that it could not tell, not that something is critical.
pub fn refuse(error: &clap::Error) -> Exit {
    // With nobody there to read it, the exit code still is.
    error.print().ok();
    let is_check = std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == "check");
    match (error.use_stderr(), is_check) {
        (false, _) => Exit::Well,
        (true, true) => Exit::Unknown,
        (true, false) => Exit::USAGE,
    }
}

/// What a shell reads to complete our words.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    match shell {
        Shell::Bash => generate(shells::Bash, &mut command, name, &mut text),
        Shell::Fish => generate(shells::Fish, &mut command, name, &mut text),
        Shell::Zsh => generate(shells::Zsh, &mut command, name, &mut text),
    }
    text
}

impl Options {
    /// The file with the flags laid over it.
    pub fn effective(self) -> Result<Raw, ConfigError> {
        if !self.watch_kube_secrets && self.names_secrets() {
            let error = "is needed by the flags that say which Secrets and ConfigMaps";
            return Err(ConfigError::flag("--watch-kube-secrets", error));
        }
        let default = PathBuf::from(DEFAULT_FILE);
        let mut raw = match &self.config {
            Some(path) => config::read(path)?,
            None if !self.names_sources() && default.exists() => config::read(&default)?,
            None => Raw::default(),
        };
        self.lay_over(&mut raw);
        Ok(raw)
    }

    /// Whether a flag says what to watch.
    pub fn names_sources(&self) -> bool {
        let paths = [
            &self.watch_file,
            &self.watch_dir,
            &self.watch_kubeconf,
            &self.discover,
        ];
        self.watch_kube_secrets || paths.iter().any(|paths| !paths.is_empty())
    }

    fn names_secrets(&self) -> bool {
        let lists = [
            &self.secret_type,
            &self.configmap_keys,
            &self.include_namespace,
            &self.exclude_namespace,
            &self.include_namespace_label,
            &self.exclude_namespace_label,
            &self.include_label,
            &self.exclude_label,
            &self.expose_secret_label,
        ];
        self.kubeconfig.is_some() || lists.iter().any(|list| !list.is_empty())
    }

    fn lay_over(self, raw: &mut Raw) {
        let metrics = &mut raw.metrics;
        metrics.expose_relative |= self.expose_relative_metrics;
        metrics.expose_per_cert_error |= self.expose_per_cert_error_metrics;
        set(&mut metrics.trim_path_components, self.trim_path_components);
        set(&mut raw.server.listen, self.listen_address);
        set(&mut raw.server.probe_listen, self.probe_listen_address);
        let web_config_file = &mut raw.server.web_config_file;
        *web_config_file = self.web_config_file.or(web_config_file.take());
        set(
            &mut raw.log.level,
            self.log_level.or(self.debug.then(|| "debug".to_owned())),
        );
        set(&mut raw.log.format, self.log_format);
        raw.host_root = self.host_root.or(raw.host_root.take());
        if self.shard.is_some() || self.total_shards.is_some() {
            let shard = raw.shard.get_or_insert_default();
            shard.index = self.shard.or(shard.index);
            shard.total = self.total_shards.or(shard.total);
        }
        let mut file = |name: &str, paths: Vec<String>| {
            if !paths.is_empty() {
                raw.sources
                    .push(raw::Source::of_files(name, paths, !self.skip_symlinks));
            }
        };
        file("watch-file", self.watch_file);
        // As in v3, a pattern here is one of directories.
        let files_of = |directory: String| {
            if directory.contains(['*', '?', '[']) {
                format!("{}/*", directory.trim_end_matches('/'))
            } else {
                directory
            }
        };
        file(
            "watch-dir",
            self.watch_dir.into_iter().map(files_of).collect(),
        );
        if !self.watch_kubeconf.is_empty() {
            raw.sources.push(raw::Source::of_kubeconfigs(
                "watch-kubeconf",
                self.watch_kubeconf,
            ));
        }
        if !self.discover.is_empty() {
            raw.sources.push(raw::Source::of_distributions(
                "discover",
                self.discover,
                !self.skip_symlinks,
            ));
        }
        if self.watch_kube_secrets {
            let mut secrets = raw::Secrets {
                include_labels: self.include_label,
                exclude_labels: self.exclude_label,
                expose_labels: self.expose_secret_label,
                ..raw::Secrets::default()
            };
            if !self.secret_type.is_empty() {
                secrets.types = self
                    .secret_type
                    .iter()
                    .map(|text| secret_type(text))
                    .collect();
            }
            let key_patterns = self.configmap_keys.iter().map(|key| only(key)).collect();
            let config_maps = raw::ConfigMaps {
                key_patterns,
                ..raw::ConfigMaps::default()
            };
            raw.sources
                .push(raw::Source::Kubernetes(Box::new(raw::Kubernetes {
                    name: "watch-kube-secrets".to_owned(),
                    kubeconfig: self.kubeconfig.unwrap_or_default(),
                    rate_limit: raw::RateLimit {
                        qps: self.kube_api_rate_limit_qps.unwrap_or_default(),
                        burst: self.kube_api_rate_limit_burst.unwrap_or_default(),
                    },
                    namespaces: raw::Namespaces {
                        include: self.include_namespace,
                        exclude: self.exclude_namespace,
                        include_labels: self.include_namespace_label,
                        exclude_labels: self.exclude_namespace_label,
                    },
                    secrets: Some(secrets),
                    config_maps: Some(config_maps)
                        .filter(|config_maps| !config_maps.key_patterns.is_empty()),
                    ..raw::Kubernetes::default()
                })));
        }
    }
}

/// v3 takes `TYPE:REGEX`; a key without a colon is an error that the configuration tells.
fn secret_type(text: &str) -> raw::SecretType {
    let (type_, key) = text.split_once(':').unwrap_or((text, ""));
    raw::SecretType {
        type_: type_.to_owned(),
        key_patterns: vec![key.to_owned()],
        ..raw::SecretType::default()
    }
}

/// The pattern that finds this key alone.
fn only(key: &str) -> String {
    format!("^{}$", regex_lite::escape(key))
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}
