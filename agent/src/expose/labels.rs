//! Label sets. The order is fixed; a label without a value is left out, which to `PromQL` is the
//! same and on the wire a third of the bytes.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use super::place::Place;
use super::{Options, info};
use crate::model::{Certificate, Crl, Entry, Location, Name, Object, ObjectKind};

/// Hands out the label sets of a place's certificates, without braces, one after the other.
/// Certificates that would be equal in every label carry a `discriminator`: the first 8 hex digits
/// of their fingerprint, decided from this place alone, so that no other series ever changes.
pub fn of_certificates<'a>(
    place: &Place<'a>,
    options: &Options,
    sets: &mut Vec<String>,
    take: impl FnMut(&'a Certificate, &str) -> io::Result<()>,
) -> io::Result<()> {
    let label = |certificate: &Certificate, set: &mut String| {
        location(set, place.location, options);
        facts(set, certificate, options);
        copied(set, place);
    };
    each(
        &place.certificates,
        |one| &one.fingerprint,
        label,
        sets,
        take,
    )
}

/// Hands out the label sets of a place's revocation lists, in the same way.
pub fn of_crls<'a>(
    place: &Place<'a>,
    options: &Options,
    sets: &mut Vec<String>,
    take: impl FnMut(&'a Crl, &str) -> io::Result<()>,
) -> io::Result<()> {
    let label = |crl: &Crl, set: &mut String| {
        location(set, place.location, options);
        facts_of_crl(set, crl, options);
        copied(set, place);
    };
    each(&place.crls, |one| &one.fingerprint, label, sets, take)
}

/// Label sets of one place that stand in memory at a time. Those of a place that somebody filled with
/// the longest names, at the longest path, would have a hundred megabytes.
const AT_A_TIME: usize = 64;

/// `sets` only saves allocations.
fn each<'a, T>(
    all: &[&'a T],
    fingerprint: impl Fn(&T) -> &[u8; 32],
    label: impl Fn(&T, &mut String),
    sets: &mut Vec<String>,
    mut take: impl FnMut(&'a T, &str) -> io::Result<()>,
) -> io::Result<()> {
    let shared = shared(all, &label);
    sets.resize_with(all.len().min(AT_A_TIME), String::new);
    for (at, some) in all.chunks(AT_A_TIME).enumerate() {
        for (one, set) in some.iter().zip(sets.iter_mut()) {
            set.clear();
            label(one, set);
        }
        let alike = match &shared {
            Some(shared) => shared[at * AT_A_TIME..].to_vec(),
            None => among(&sets[..some.len()]),
        };
        for ((one, set), alike) in some.iter().zip(sets.iter_mut()).zip(alike) {
            if alike {
                let hex: String = info::hex(fingerprint(one)).chars().take(8).collect();
                push(set, "discriminator", &hex);
            }
            take(one, set)?;
        }
    }
    Ok(())
}

/// Of more than stand in memory at a time, which have the labels of another one, known by hashes.
fn shared<T>(all: &[&T], label: impl Fn(&T, &mut String)) -> Option<Vec<bool>> {
    if all.len() <= AT_A_TIME {
        return None;
    }
    let mut set = String::new();
    let hashes = all.iter().map(|one| {
        set.clear();
        label(one, &mut set);
        let mut hasher = DefaultHasher::new();
        set.hash(&mut hasher);
        hasher.finish()
    });
    let hashes: Vec<u64> = hashes.collect();
    Some(among(&hashes))
}

/// Which of them are equal to others.
fn among<T: Eq + Hash>(all: &[T]) -> Vec<bool> {
    if all.len() < 2 {
        return vec![false; all.len()];
    }
    let mut count: HashMap<&T, usize> = HashMap::with_capacity(all.len());
    for one in all {
        *count.entry(one).or_default() += 1;
    }
    all.iter().map(|one| count.get(one) != Some(&1)).collect()
}

/// Writes the labels that say where a place is.
pub fn of_location(place: &Place<'_>, options: &Options, set: &mut String) {
    set.clear();
    location(set, place.location, options);
    copied(set, place);
}

/// Appends one label; nothing if the value is empty.
pub fn push(set: &mut String, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    if !set.is_empty() {
        set.push(',');
    }
    set.push_str(name);
    set.push_str("=\"");
    escape(set, value);
    set.push('"');
}

fn location(set: &mut String, location: &Location, options: &Options) {
    match location {
        Location::File { path } => file(set, path, options),
        Location::Kubeconfig { path, entry } => {
            file(set, path, options);
            if let Some(entry) = entry {
                self::entry(set, entry);
            }
        }
        Location::Endpoint { name, address } => {
            push(set, "endpoint_name", name.as_deref().unwrap_or_default());
            push(set, "endpoint_address", address);
        }
        Location::Object { object, key, entry } => {
            push(
                set,
                "cluster",
                object.cluster.as_deref().unwrap_or_default(),
            );
            self::object(set, object, key);
            if let Some(entry) = entry {
                self::entry(set, entry);
            }
        }
    }
}

fn entry(set: &mut String, Entry { kind, name }: &Entry) {
    push(set, "embedded_kind", kind.as_str());
    push(set, "embedded_key", name);
}

/// The labels that name an object and a part of it; those of the first four kinds are the peer's.
fn object(set: &mut String, object: &Object, key: &str) {
    let names = match object.kind {
        ObjectKind::Secret => ["secret_namespace", "secret_name", "secret_key"],
        ObjectKind::ConfigMap => ["configmap_namespace", "configmap_name", "configmap_key"],
        ObjectKind::MutatingWebhookConfiguration
        | ObjectKind::ValidatingWebhookConfiguration
        | ObjectKind::ApiService
        | ObjectKind::CustomResourceDefinition => {
            push(set, "cabundle_resource_kind", object.kind.as_str());
            ["", "cabundle_resource_name", "cabundle_entry"]
        }
        ObjectKind::CertificateSigningRequest => ["", "csr_name", "csr_signer"],
        ObjectKind::CertificateRequest => [
            "certificaterequest_namespace",
            "certificaterequest_name",
            "certificate_name",
        ],
        ObjectKind::Cluster => ["", "kubesphere_cluster", ""],
    };
    for (name, value) in names
        .into_iter()
        .zip([&*object.namespace, &*object.name, key])
    {
        // Some kinds have no namespace, and parts without a name.
        if !name.is_empty() {
            push(set, name, value);
        }
    }
}

/// What the names of copied labels begin with.
fn copied_prefix(location: &Location) -> &'static str {
    let Location::Object { object, .. } = location else {
        return "label_";
    };
    match object.kind {
        ObjectKind::Secret => "secret_label_",
        ObjectKind::ConfigMap => "configmap_label_",
        ObjectKind::MutatingWebhookConfiguration
        | ObjectKind::ValidatingWebhookConfiguration
        | ObjectKind::ApiService
        | ObjectKind::CustomResourceDefinition => "cabundle_label_",
        ObjectKind::CertificateSigningRequest => "csr_label_",
        ObjectKind::CertificateRequest => "certificaterequest_label_",
        ObjectKind::Cluster => "kubesphere_cluster_label_",
    }
}

/// Writes the labels of a file.
pub fn file(set: &mut String, path: &str, options: &Options) {
    push(
        set,
        "filename",
        path.rsplit('/')
            .find(|part| !part.is_empty())
            .unwrap_or(path),
    );
    push(set, "filepath", trimmed(path, options.trim_path_components));
}

/// The path without its first components; the leading slash stays, as the peer has it.
fn trimmed(path: &str, components: usize) -> &str {
    let mut rest = path;
    for _ in 0..components {
        let inner = rest.strip_prefix('/').unwrap_or(rest);
        let Some(slash) = inner.find('/') else {
            return rest;
        };
        rest = &inner[slash..];
    }
    rest
}

fn facts(set: &mut String, certificate: &Certificate, options: &Options) {
    push(
        set,
        "serial_number",
        certificate.serial().unwrap_or_default(),
    );
    name(
        set,
        "issuer_",
        &certificate.issuer(),
        &options.issuer_fields,
    );
    name(
        set,
        "subject_",
        &certificate.subject(),
        &options.subject_fields,
    );
    push(set, "ca", if certificate.profile.ca { "true" } else { "" });
}

fn facts_of_crl(set: &mut String, crl: &Crl, options: &Options) {
    push(set, "crl_number", crl.number().unwrap_or_default());
    name(set, "issuer_", &crl.issuer(), &options.issuer_fields);
}

fn name(set: &mut String, prefix: &str, name: &Name<&str>, wanted: &[String]) {
    for (attribute, value) in name.attributes() {
        if let Some(value) = value
            && (wanted.is_empty() || wanted.iter().any(|field| field == attribute))
        {
            if !set.is_empty() {
                set.push(',');
            }
            set.push_str(prefix);
            set.push_str(attribute);
            set.push_str("=\"");
            escape(set, value);
            set.push('"');
        }
    }
}

fn copied(set: &mut String, place: &Place<'_>) {
    let prefix = copied_prefix(place.location);
    for (label, value) in place.labels {
        push(set, &format!("{prefix}{}", sanitized(label)), value);
    }
}

/// A Kubernetes label key as a Prometheus label name: what neither allows becomes `_`.
pub(crate) fn sanitized(key: &str) -> String {
    key.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

/// Escapes as the text format asks: backslash, quote and line feed.
pub(super) fn escape(set: &mut String, value: &str) {
    if !value
        .bytes()
        .any(|byte| matches!(byte, b'\\' | b'"' | b'\n'))
    {
        set.push_str(value);
        return;
    }
    for c in value.chars() {
        match c {
            '\\' => set.push_str("\\\\"),
            '"' => set.push_str("\\\""),
            '\n' => set.push_str("\\n"),
            c => set.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_escaped_and_an_empty_one_left_out() {
        let mut set = String::new();
        push(&mut set, "a", "x\\y\"z\n");
        push(&mut set, "b", "");
        push(&mut set, "c", "1");
        assert_eq!(set, r#"a="x\\y\"z\n",c="1""#);
    }

    #[test]
    fn what_has_no_label_has_none() {
        let mut set = String::new();
        let object = Object {
            cluster: None,
            kind: ObjectKind::Cluster,
            namespace: "none".into(),
            name: "member".into(),
        };
        super::object(&mut set, &object, "none");
        assert_eq!(set, r#"kubesphere_cluster="member""#);
    }

    #[test]
    fn leading_components_are_cut_and_the_slash_stays() {
        assert_eq!(trimmed("/mnt/watch/x/etc/ca.crt", 3), "/etc/ca.crt");
        assert_eq!(trimmed("/ca.crt", 3), "/ca.crt");
        assert_eq!(trimmed("/etc/ca.crt", 0), "/etc/ca.crt");
    }
}
