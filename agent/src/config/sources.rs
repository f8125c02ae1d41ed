//! `sources[]`: from what is written to what can be watched.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use regex_lite::Regex;

use super::raw::{self, Raw};
use super::{Errors, SourceConfig, duration};
use crate::discover;
use crate::expose::labels;
use crate::source::host::Options;
use crate::source::kube::Settings;
use crate::source::secrets;
use crate::source::secrets::{Globs, Key, LabelFilter, SecretType};

/// Time between two looks below which a scan would never rest.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Beyond it, a renewal would not be seen in time for anything.
const LONGEST_INTERVAL: Duration = Duration::from_secs(86_400);
/// How long one operation on a file may take before it counts as hung.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Objects in a page that the API server would answer with.
const LARGEST_PAGE: u32 = 1000;

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
            raw::Source::Kubernetes(kubernetes) => valid.push(secrets(&at, kubernetes, errors)),
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
        let options = self.options(&kubeconfig.name, &kubeconfig.paths, interval);
        Some(SourceConfig::Kubeconfigs(options))
    }

    /// One source for each of the two kinds.
    fn discovery(
        &self,
        at: &str,
        written: &raw::Discovery,
        errors: &mut Errors,
    ) -> Option<[SourceConfig; 2]> {
        let at_names = format!("{at}.distributions");
        if written.distributions.is_empty() {
            errors.push(&at_names, "there is no distribution");
        }
        let known: Vec<_> = discover::names().collect();
        for name in &written.distributions {
            if !known.contains(&name.as_str()) {
                let error = format!("`{name}` is none of {}", known.join(", "));
                errors.push(&at_names, error);
            }
        }
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
        }
    }

    fn refresh(&self, at: &str, text: Option<&str>, errors: &mut Errors) -> Option<Duration> {
        match text {
            None => Some(self.interval),
            Some(text) => errors.take(&format!("{at}.refreshInterval"), interval(text)),
        }
    }
}

const FORMATS: [&str; 2] = ["pem", "der"];

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

fn secrets(at: &str, written: &raw::Kubernetes, errors: &mut Errors) -> SourceConfig {
    let at_types = format!("{at}.secrets.types");
    if written.secrets.types.is_empty() {
        errors.push(&at_types, "there is no type");
    }
    let mut types = Vec::new();
    for (index, type_) in written.secrets.types.iter().enumerate() {
        let at = format!("{at_types}[{index}]");
        if let Some(format) = type_
            .format
            .as_deref()
            .filter(|format| !FORMATS.contains(format))
        {
            errors.push(
                &format!("{at}.format"),
                format!("`{format}` is not one of pem, der"),
            );
        }
        types.extend(secret_type(&at, type_, errors));
    }
    let qps = written.rate_limit.qps;
    if !qps.is_finite() || qps < 0.0 {
        errors.push(&format!("{at}.rateLimit.qps"), "it must be 0 or more");
    }
    if written.list_page_size == 0 || written.list_page_size > LARGEST_PAGE {
        let text = format!("it must be 1 to {LARGEST_PAGE}");
        errors.push(&format!("{at}.listPageSize"), text);
    }
    let kubeconfig = Some(written.kubeconfig.as_str()).filter(|path| !path.is_empty());
    let (namespaces, names) = (&written.namespaces, &written.secrets);
    exposed(
        &format!("{at}.secrets.exposeLabels"),
        &names.expose_labels,
        errors,
    );
    for (key, patterns) in [
        ("namespaces.include", &namespaces.include),
        ("namespaces.exclude", &namespaces.exclude),
        ("secrets.include", &names.include),
        ("secrets.exclude", &names.exclude),
    ] {
        globs(&format!("{at}.{key}"), patterns, errors);
    }
    SourceConfig::Secrets(secrets::Options {
        name: written.name.clone(),
        settings: Settings {
            kubeconfig: kubeconfig.map(PathBuf::from),
            page_size: written.list_page_size,
            qps,
            burst: written.rate_limit.burst,
        },
        namespaces: Globs {
            include: namespaces.include.clone(),
            exclude: namespaces.exclude.clone(),
        },
        namespace_labels: LabelFilter {
            include: namespaces.include_labels.clone(),
            exclude: namespaces.exclude_labels.clone(),
        },
        names: Globs {
            include: names.include.clone(),
            exclude: names.exclude.clone(),
        },
        labels: LabelFilter {
            include: names.include_labels.clone(),
            exclude: names.exclude_labels.clone(),
        },
        expose_labels: names.expose_labels.clone(),
        types,
    })
}

fn secret_type(at: &str, written: &raw::SecretType, errors: &mut Errors) -> Option<SecretType> {
    if written.type_.is_empty() {
        errors.push(&format!("{at}.type"), "a type needs a name");
    }
    let keys = match (&written.key, written.key_patterns.as_slice()) {
        (Some(key), []) if !key.is_empty() => vec![Key::Literal(key.as_str().into())],
        (None, patterns @ [_, ..]) => {
            let regex = |(index, pattern): (usize, &String)| {
                let at = format!("{at}.keyPatterns[{index}]");
                if pattern.is_empty() {
                    errors.push(&at, "the pattern is empty");
                }
                errors.take(&at, Regex::new(pattern)).map(Key::Pattern)
            };
            patterns.iter().enumerate().filter_map(regex).collect()
        }
        _ => {
            errors.push(at, "one of key and keyPatterns must be there");
            return None;
        }
    };
    Some(SecretType {
        type_: written.type_.clone(),
        keys,
    })
}

/// Two labels of Secrets that become one label of the metric would spoil the whole scrape.
fn exposed(at: &str, names: &[String], errors: &mut Errors) {
    let mut shown = HashMap::new();
    for name in names {
        if let Some(other) = shown.insert(labels::sanitized(name), name)
            && other != name
        {
            errors.push(
                at,
                format!("`{other}` and `{name}` become one label of the metric"),
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
    fn kinds(&self) -> &'static [&'static str] {
        match self {
            Self::File(_) => &["file"],
            Self::Kubeconfig(_) => &["kubeconfig"],
            Self::Discovery(_) => &["file", "kubeconfig"],
            Self::Kubernetes(_) => &["kubernetes"],
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::File(file) => &file.name,
            Self::Kubeconfig(kubeconfig) => &kubeconfig.name,
            Self::Discovery(discovery) => &discovery.name,
            Self::Kubernetes(kubernetes) => &kubernetes.name,
        }
    }
}
