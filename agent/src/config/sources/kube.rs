//! The sources that look into a cluster: from what is written to what can be watched.

use std::collections::HashMap;
use std::path::PathBuf;

use regex_lite::Regex;

use super::{SourceConfig, globs};
use crate::config::Errors;
use crate::config::raw::{self, Access};
use crate::expose::labels;
use crate::source::config_maps;
use crate::source::kube::Settings;
use crate::source::objects::data::Key;
use crate::source::objects::{Globs, LabelFilter, Options};
use crate::source::secrets::{self, SecretType};

/// Objects in a page that the API server would answer with.
const LARGEST_PAGE: u32 = 1000;

/// One source for Secrets and one for ConfigMaps.
pub(super) fn kubernetes(
    at: &str,
    written: &raw::Kubernetes,
    errors: &mut Errors,
) -> Vec<SourceConfig> {
    let mut sources = Vec::new();
    if let Some(secrets) = written.secrets() {
        let selected = Selected {
            at: &format!("{at}.secrets"),
            include: &secrets.include,
            exclude: &secrets.exclude,
            include_labels: &secrets.include_labels,
            exclude_labels: &secrets.exclude_labels,
            expose_labels: &secrets.expose_labels,
        };
        let options = options(at, written.access(), &selected, errors);
        let options = in_namespaces(at, &written.namespaces, options, errors);
        let types = types(&format!("{at}.secrets.types"), &secrets.types, errors);
        sources.push(SourceConfig::Objects(secrets::plan(options, &types)));
    }
    if let Some(maps) = &written.config_maps {
        let within = format!("{at}.configMaps");
        let selected = Selected {
            at: &within,
            include: &maps.include,
            exclude: &maps.exclude,
            include_labels: &maps.include_labels,
            exclude_labels: &maps.exclude_labels,
            expose_labels: &maps.expose_labels,
        };
        let options = options(at, written.access(), &selected, errors);
        let options = in_namespaces(at, &written.namespaces, options, errors);
        if maps.key_patterns.is_empty() {
            errors.push(&format!("{within}.keyPatterns"), "there is no pattern");
        }
        format(&within, maps.format.as_deref(), errors);
        let keys = patterns(&format!("{within}.keyPatterns"), &maps.key_patterns, errors);
        sources.push(SourceConfig::Objects(config_maps::plan(options, keys)));
    }
    sources
}

/// Which objects, as it is written.
struct Selected<'a> {
    at: &'a str,
    include: &'a [String],
    exclude: &'a [String],
    include_labels: &'a [String],
    exclude_labels: &'a [String],
    expose_labels: &'a [String],
}

fn options(at: &str, access: Access<'_>, selected: &Selected<'_>, errors: &mut Errors) -> Options {
    let qps = access.rate_limit.qps;
    if !qps.is_finite() || qps < 0.0 {
        errors.push(&format!("{at}.rateLimit.qps"), "it must be 0 or more");
    }
    if access.list_page_size == 0 || access.list_page_size > LARGEST_PAGE {
        let text = format!("it must be 1 to {LARGEST_PAGE}");
        errors.push(&format!("{at}.listPageSize"), text);
    }
    let within = selected.at;
    exposed(
        &format!("{within}.exposeLabels"),
        selected.expose_labels,
        errors,
    );
    globs(&format!("{within}.include"), selected.include, errors);
    globs(&format!("{within}.exclude"), selected.exclude, errors);
    let named = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Options {
        name: access.name.to_owned(),
        cluster: named(access.cluster).map(Into::into),
        settings: Settings {
            kubeconfig: named(access.kubeconfig).map(PathBuf::from),
            page_size: access.list_page_size,
            qps,
            burst: access.rate_limit.burst,
        },
        names: Globs {
            include: selected.include.to_owned(),
            exclude: selected.exclude.to_owned(),
        },
        labels: LabelFilter {
            include: selected.include_labels.to_owned(),
            exclude: selected.exclude_labels.to_owned(),
        },
        expose_labels: selected.expose_labels.to_owned(),
        ..Options::default()
    }
}

fn in_namespaces(
    at: &str,
    written: &raw::Namespaces,
    options: Options,
    errors: &mut Errors,
) -> Options {
    globs(
        &format!("{at}.namespaces.include"),
        &written.include,
        errors,
    );
    globs(
        &format!("{at}.namespaces.exclude"),
        &written.exclude,
        errors,
    );
    Options {
        namespaces: Globs {
            include: written.include.clone(),
            exclude: written.exclude.clone(),
        },
        namespace_labels: LabelFilter {
            include: written.include_labels.clone(),
            exclude: written.exclude_labels.clone(),
        },
        ..options
    }
}

/// Formats of which the content decides.
const FORMATS: [&str; 6] = ["pem", "der", "pkcs7", "pkcs12", "jks", "crl"];

fn types(at: &str, written: &[raw::SecretType], errors: &mut Errors) -> Vec<SecretType> {
    if written.is_empty() {
        errors.push(at, "there is no type");
    }
    let mut types = Vec::new();
    for (index, type_) in written.iter().enumerate() {
        types.extend(secret_type(&format!("{at}[{index}]"), type_, errors));
    }
    types
}

fn secret_type(at: &str, written: &raw::SecretType, errors: &mut Errors) -> Option<SecretType> {
    if written.type_.is_empty() {
        errors.push(&format!("{at}.type"), "a type needs a name");
    }
    format(at, written.format.as_deref(), errors);
    let keys = match (&written.key, written.key_patterns.as_slice()) {
        (Some(key), []) if !key.is_empty() => vec![Key::Literal(key.as_str().into())],
        (None, written @ [_, ..]) => patterns(&format!("{at}.keyPatterns"), written, errors),
        _ => {
            errors.push(at, "one of key and keyPatterns must be there");
            return None;
        }
    };
    Some(SecretType {
        type_: written.type_.clone(),
        keys,
        labels: LabelFilter {
            include: written.include_labels.clone(),
            exclude: written.exclude_labels.clone(),
        },
    })
}

fn format(at: &str, written: Option<&str>, errors: &mut Errors) {
    let format = written.unwrap_or("pem");
    if !FORMATS.contains(&format) {
        errors.push(
            &format!("{at}.format"),
            format!("`{format}` is not one of {}", FORMATS.join(", ")),
        );
    }
}

fn patterns(at: &str, written: &[String], errors: &mut Errors) -> Vec<Key> {
    let regex = |(index, pattern): (usize, &String)| {
        let at = format!("{at}[{index}]");
        if pattern.is_empty() {
            errors.push(&at, "the pattern is empty");
        }
        errors.take(&at, Regex::new(pattern)).map(Key::Pattern)
    };
    written.iter().enumerate().filter_map(regex).collect()
}

/// Two labels of objects that become one label of the metric would spoil the whole scrape.
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

impl raw::Kubernetes {
    /// The values of the label `source_kind` under which its name must be its own.
    pub(super) fn kinds(&self) -> Vec<&'static str> {
        let secrets = self.secrets().map(|_| "kubernetes");
        let config_maps = self.config_maps.as_ref().map(|_| "configmap");
        secrets.into_iter().chain(config_maps).collect()
    }
}
