//! The sources that look into a cluster: from what is written to what can be watched.

/// Which objects, of what has its lists under these names.
macro_rules! selected {
    ($at:expr, $written:expr) => {
        Selected {
            at: $at,
            include: &$written.include,
            exclude: &$written.exclude,
            include_labels: &$written.include_labels,
            exclude_labels: &$written.exclude_labels,
            expose_labels: &$written.expose_labels,
        }
    };
}

mod kinds;

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use regex_lite::Regex;

pub(super) use self::kinds::{cabundle, certificate_request, csr, kubesphere};
use super::{SourceConfig, globs, passphrases};
use crate::config::Errors;
use crate::config::raw::{self, Access};
use crate::expose::labels;
use crate::source::config_maps;
use crate::source::kube::Settings;
use crate::source::objects::data::{Field, Format, Key};
use crate::source::objects::{Globs, Keystores, LabelFilter, Options};
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
        let within = format!("{at}.secrets");
        let options = options(at, written.access(), &selected!(&within, secrets), errors);
        let options = in_namespaces(at, &written.namespaces, options, errors);
        let types = types(&format!("{within}.types"), &secrets.types, errors);
        let plan = secrets::plan(options, &types, secrets.compare_private_keys);
        sources.push(SourceConfig::Objects(plan));
    }
    if let Some(maps) = &written.config_maps {
        let within = format!("{at}.configMaps");
        let options = options(at, written.access(), &selected!(&within, maps), errors);
        let options = in_namespaces(at, &written.namespaces, options, errors);
        if maps.key_patterns.is_empty() {
            errors.push(&format!("{within}.keyPatterns"), "there is no pattern");
        }
        let value = Value {
            at: &within,
            format: maps.format.as_deref(),
            pkcs12: maps.pkcs12.as_ref(),
            jks: maps.jks.as_ref(),
        };
        if maps
            .pkcs12
            .iter()
            .chain(&maps.jks)
            .any(|from| !from.passphrase_key.is_empty())
        {
            errors.push(
                &within,
                "passphraseKey belongs to Secrets; use passphraseSecretRef",
            );
        }
        let keys = patterns(&format!("{within}.keyPatterns"), &maps.key_patterns, errors);
        let fields = value.fields(keys, errors);
        sources.push(SourceConfig::Objects(config_maps::plan(options, fields)));
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

/// Containers that the content tells apart.
const CONTAINERS: [&str; 6] = ["pem", "der", "pkcs7", "pkcs12", "jks", "crl"];

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
    let value = Value {
        at,
        format: written.format.as_deref(),
        pkcs12: written.pkcs12.as_ref(),
        jks: written.jks.as_ref(),
    };
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
        fields: value.fields(keys, errors),
        labels: LabelFilter {
            include: written.include_labels.clone(),
            exclude: written.exclude_labels.clone(),
        },
    })
}

/// What is expected at some keys, as it is written.
struct Value<'a> {
    at: &'a str,
    format: Option<&'a str>,
    pkcs12: Option<&'a raw::Passphrases>,
    jks: Option<&'a raw::Passphrases>,
}

impl Value<'_> {
    fn fields(&self, keys: Vec<Key>, errors: &mut Errors) -> Vec<Field> {
        let format = match self.format {
            None => Format::Certificates,
            Some("kubeconfig") => Format::Kubeconfig,
            Some("argocd") => Format::Argocd,
            Some(format) if CONTAINERS.contains(&format) => Format::Certificates,
            Some(format) => {
                let known = CONTAINERS.join(", ");
                let error = format!("`{format}` is none of {known}, kubeconfig, argocd");
                errors.push(&format!("{}.format", self.at), error);
                Format::Certificates
            }
        };
        let keystores = Rc::new(Keystores {
            pkcs12: passphrases(&format!("{}.pkcs12", self.at), self.pkcs12, errors),
            jks: passphrases(&format!("{}.jks", self.at), self.jks, errors),
        });
        let field = |key| Field {
            key,
            format,
            keystores: keystores.clone(),
        };
        keys.into_iter().map(field).collect()
    }
}

fn patterns(at: &str, written: &[String], errors: &mut Errors) -> Vec<Key> {
    let regex = |(index, pattern): (usize, &String)| {
        let at = format!("{at}[{index}]");
        if pattern.is_empty() {
            errors.push(&at, "the pattern is empty");
        }
        let regex = errors.take(&at, Regex::new(pattern))?;
        Some(literal(pattern).map_or(Key::Pattern(regex), |key| Key::Literal(key.into())))
    };
    written.iter().enumerate().filter_map(regex).collect()
}

/// The only key that a pattern can find, where it is one written as a pattern: `^tls\.crt$`.
fn literal(pattern: &str) -> Option<String> {
    let mut characters = pattern.strip_prefix('^')?.strip_suffix('$')?.chars();
    let mut key = String::new();
    while let Some(character) = characters.next() {
        key.push(match character {
            '\\' => characters.next().filter(char::is_ascii_punctuation)?,
            plain if plain.is_ascii_alphanumeric() || matches!(plain, '-' | '_') => plain,
            _ => return None,
        });
    }
    Some(key).filter(|key| !key.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_can_find_one_key_alone_is_that_key() {
        for (pattern, key) in [
            (r"^tls\.crt$", Some("tls.crt")),
            (r"^ca-bundle_1\.pem$", Some("ca-bundle_1.pem")),
            ("^tls.crt$", None),
            (r"^tls\.crt", None),
            (r"^\d$", None),
            ("^a|b$", None),
            (r"^a\$", None),
            ("^$", None),
        ] {
            assert_eq!(literal(pattern).as_deref(), key, "{pattern}");
        }
    }
}
