//! `sources[]`: from what is written to what can be watched.

#[cfg(feature = "endpoints")]
mod endpoint;
mod kube;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use super::raw::{self, Raw};
use super::{Errors, SourceConfig, duration};
use crate::decode::Passphrase;
use crate::discover;
use crate::source::host::Options;
use crate::source::keystores::{Keystores, Passphrases, SecretKey};

/// Time between two looks below which a scan would never rest.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Beyond it, a renewal would not be seen in time for anything.
const LONGEST_INTERVAL: Duration = Duration::from_secs(86_400);
/// How long one operation on a file may take before it counts as hung.
const TIMEOUT: Duration = Duration::from_secs(5);

/// All sources, or notes of what is wrong with them.
pub(super) fn all(raw: &Raw, errors: &mut Errors) -> Vec<SourceConfig> {
    if raw.sources.is_empty() {
        errors.push("sources", "there is nothing to watch");
    }
    let default = errors.take(
        "cache.filePoll.interval",
        interval(&raw.cache.file_poll.interval),
    );
    let shared = Shared {
        host_root: PathBuf::from(raw.host_root.as_deref().unwrap_or("/")),
        interval: default.unwrap_or(SHORTEST_INTERVAL),
    };
    let mut names = HashSet::new();
    let mut valid = Vec::new();
    for (index, source) in raw.sources.iter().enumerate() {
        let at = format!("sources[{index}]");
        if source.name().is_empty() {
            errors.push(&format!("{at}.name"), "a source needs a name");
        }
        for kind in source.kinds() {
            if !names.insert((kind, source.name())) && !source.name().is_empty() {
                let error = format!("`{}` is taken", source.name());
                errors.push(&format!("{at}.name"), error);
            }
        }
        match source {
            raw::Source::File(file) => valid.extend(shared.files(&at, file, errors)),
            raw::Source::Kubeconfig(file) => valid.extend(shared.kubeconfigs(&at, file, errors)),
            raw::Source::Discovery(discovery) => {
                let both = shared.discovery(&at, discovery, errors);
                valid.extend(both.into_iter().flatten());
            }
            raw::Source::Kubernetes(source) => valid.extend(kube::kubernetes(&at, source, errors)),
            raw::Source::Cabundle(source) => valid.push(kube::cabundle(&at, source, errors)),
            raw::Source::Csr(source) => valid.push(kube::csr(&at, source, errors)),
            raw::Source::CertificateRequest(source) => {
                valid.push(kube::certificate_request(&at, source, errors));
            }
            raw::Source::Kubesphere(source) => valid.push(kube::kubesphere(&at, source, errors)),
            #[cfg(feature = "endpoints")]
            raw::Source::Endpoint(source) => {
                valid.extend(endpoint::endpoint(&at, &shared.host_root, source, errors));
            }
            #[cfg(feature = "endpoints")]
            raw::Source::Served(source) => {
                valid.extend(endpoint::served(&at, &shared.host_root, source, errors));
            }
            #[cfg(not(feature = "endpoints"))]
            raw::Source::Endpoint(_) | raw::Source::Served(_) => {
                errors.push(&at, "this build does not look at servers");
            }
        }
    }
    valid
}

/// What the sources of host files have in common.
struct Shared {
    host_root: PathBuf,
    interval: Duration,
}

impl Shared {
    fn files(&self, at: &str, file: &raw::File, errors: &mut Errors) -> Option<SourceConfig> {
        for format in file
            .formats
            .iter()
            .filter(|format| !FORMATS.contains(&format.as_str()))
        {
            errors.push(
                &format!("{at}.formats"),
                format!("`{format}` is not one of {}", FORMATS.join(", ")),
            );
        }
        let interval = self.refresh(at, file.refresh_interval.as_deref(), errors)?;
        paths(at, &file.paths, errors);
        globs(&format!("{at}.excludePaths"), &file.exclude_paths, errors);
        Some(SourceConfig::Files(Options {
            exclude: file.exclude_paths.clone(),
            follow_symlinks: file.follow_symlinks,
            compare_keys: file.compare_private_keys,
            keystores: Keystores {
                pkcs12: of_files(&format!("{at}.pkcs12"), file.pkcs12.as_ref(), errors),
                jks: of_files(&format!("{at}.jks"), file.jks.as_ref(), errors),
            },
            ..self.options(&file.name, &file.paths, interval)
        }))
    }

    fn kubeconfigs(
        &self,
        at: &str,
        kubeconfig: &raw::Kubeconfig,
        errors: &mut Errors,
    ) -> Option<SourceConfig> {
        let interval = self.refresh(at, kubeconfig.refresh_interval.as_deref(), errors)?;
        paths(at, &kubeconfig.paths, errors);
        Some(SourceConfig::Kubeconfigs(Options {
            compare_keys: kubeconfig.compare_private_keys,
            ..self.options(&kubeconfig.name, &kubeconfig.paths, interval)
        }))
    }

    /// One source for each of the two kinds.
    fn discovery(
        &self,
        at: &str,
        written: &raw::Discovery,
        errors: &mut Errors,
    ) -> Option<[SourceConfig; 2]> {
        distributions(at, &written.distributions, errors);
        globs(
            &format!("{at}.excludePaths"),
            &written.exclude_paths,
            errors,
        );
        let interval = self.refresh(at, written.refresh_interval.as_deref(), errors)?;
        let mut paths = discover::paths(&written.distributions);
        paths.excludes.extend(written.exclude_paths.iter().cloned());
        let files = Options {
            exclude: paths.excludes,
            discovered: Some(discover::SUPERSEDED),
            follow_symlinks: written.follow_symlinks,
            compare_keys: written.compare_private_keys,
            ..self.options(&written.name, &paths.files, interval)
        };
        let kubeconfigs = Options {
            paths: paths.kubeconfigs,
            ..files.clone()
        };
        Some([
            SourceConfig::Files(files),
            SourceConfig::Kubeconfigs(kubeconfigs),
        ])
    }

    fn options(&self, name: &str, paths: &[String], interval: Duration) -> Options {
        Options {
            name: name.to_owned(),
            root: self.host_root.clone(),
            paths: paths.to_owned(),
            exclude: Vec::new(),
            discovered: None,
            follow_symlinks: true,
            interval,
            timeout: TIMEOUT,
            keystores: Keystores::default(),
            compare_keys: false,
        }
    }

    fn refresh(&self, at: &str, text: Option<&str>, errors: &mut Errors) -> Option<Duration> {
        match text {
            None => Some(self.interval),
            Some(text) => errors.take(&format!("{at}.refreshInterval"), interval(text)),
        }
    }
}

fn distributions(at: &str, written: &[String], errors: &mut Errors) {
    let at = format!("{at}.distributions");
    if written.is_empty() {
        errors.push(&at, "there is no distribution");
    }
    let known: Vec<_> = discover::names().collect();
    for name in written {
        if !known.contains(&name.as_str()) {
            let error = format!("`{name}` is none of {}", known.join(", "));
            errors.push(&at, error);
        }
    }
}

/// Containers that the content tells apart.
const FORMATS: [&str; 6] = ["pem", "der", "pkcs7", "pkcs12", "jks", "crl"];

/// Where the passphrases come from; of files, no Secret.
fn of_files(at: &str, written: Option<&raw::Passphrases>, errors: &mut Errors) -> Passphrases {
    if written
        .is_some_and(|from| !from.passphrase_key.is_empty() || from.passphrase_secret_ref.is_some())
    {
        errors.push(at, "there is no Secret to look into; use passphraseFile");
    }
    passphrases(at, written, errors)
}

/// Where the passphrases come from.
fn passphrases(at: &str, written: Option<&raw::Passphrases>, errors: &mut Errors) -> Passphrases {
    let Some(written) = written else {
        return Passphrases::default();
    };
    let secret = written.passphrase_secret_ref.as_ref();
    if secret.is_some_and(|at| at.name.is_empty() || at.key.is_empty()) {
        let at = format!("{at}.passphraseSecretRef");
        errors.push(&at, "name and key must be there");
    }
    if !written.passphrase_file.is_empty() && !written.passphrase_file.starts_with('/') {
        let error = format!("`{}` is not absolute", written.passphrase_file);
        errors.push(&format!("{at}.passphraseFile"), error);
    }
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Passphrases {
        literal: given(&written.passphrase).map(Passphrase::from),
        key: given(&written.passphrase_key),
        file: given(&written.passphrase_file).map(PathBuf::from),
        secret: secret.map(|at| SecretKey {
            namespace: given(&at.namespace),
            name: at.name.clone(),
            key: at.key.clone(),
        }),
        try_empty: written.try_empty_passphrase,
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text)?;
    if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&interval) {
        return Err(format!("`{text}` is not between a second and a day"));
    }
    Ok(interval)
}

fn paths(at: &str, paths: &[String], errors: &mut Errors) {
    if paths.is_empty() {
        errors.push(&format!("{at}.paths"), "there is no path");
    }
    for (index, path) in paths.iter().enumerate() {
        if !path.starts_with('/') {
            errors.push(
                &format!("{at}.paths[{index}]"),
                format!("`{path}` is not absolute"),
            );
        }
    }
}

/// A pattern that is none would match nothing, in silence.
fn globs(at: &str, patterns: &[String], errors: &mut Errors) {
    for (index, pattern) in patterns.iter().enumerate() {
        errors.take(&format!("{at}[{index}]"), fast_glob::validate(pattern));
    }
}

impl raw::Source {
    /// The values of the label `source_kind` under which its name must be its own.
    fn kinds(&self) -> Vec<&'static str> {
        match self {
            Self::File(_) => vec!["file"],
            Self::Kubeconfig(_) => vec!["kubeconfig"],
            Self::Discovery(_) => vec!["file", "kubeconfig"],
            Self::Kubernetes(source) => source.kinds(),
            Self::Cabundle(_) => vec!["cabundle"],
            Self::Csr(_) => vec!["csr"],
            Self::CertificateRequest(_) => vec!["certificaterequest"],
            Self::Kubesphere(_) => vec!["kubesphere"],
            Self::Endpoint(_) => vec!["endpoint"],
            Self::Served(_) => vec!["served"],
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::File(file) => &file.name,
            Self::Kubeconfig(kubeconfig) => &kubeconfig.name,
            Self::Discovery(discovery) => &discovery.name,
            Self::Kubernetes(source) => &source.name,
            Self::Cabundle(source) => &source.name,
            Self::Csr(source) => &source.name,
            Self::CertificateRequest(source) => &source.name,
            Self::Kubesphere(source) => &source.name,
            Self::Endpoint(source) => &source.name,
            Self::Served(source) => &source.name,
        }
    }
}
