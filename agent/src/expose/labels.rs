//! Label sets. The order is fixed; a label without a value is left out, which to `PromQL` is the
//! same and on the wire a third of the bytes.

use std::collections::HashMap;

use super::place::Place;
use super::{Options, info};
use crate::model::{Certificate, Crl, Entry, Location, Name, Object, ObjectKind};

/// Writes the label sets of a place's certificates, without braces, one string each.
/// Certificates that would be equal in every label carry a `discriminator`: the first 8 hex digits
/// of their fingerprint, decided from this place alone, so that no other series ever changes.
pub fn of_certificates(place: &Place<'_>, options: &Options, sets: &mut Vec<String>) {
    sets.resize_with(place.certificates.len(), String::new);
    for (certificate, set) in place.certificates.iter().zip(sets.iter_mut()) {
        set.clear();
        location(set, place.location, options);
        facts(set, certificate, options);
        copied(set, place);
    }
    let fingerprints = place.certificates.iter().map(|one| &one.fingerprint);
    discriminate(fingerprints, sets);
}

/// Writes the label sets of a place's revocation lists, in the same way.
pub fn of_crls(place: &Place<'_>, options: &Options, sets: &mut Vec<String>) {
    sets.resize_with(place.crls.len(), String::new);
    for (crl, set) in place.crls.iter().zip(sets.iter_mut()) {
        set.clear();
        location(set, place.location, options);
        facts_of_crl(set, crl, options);
        copied(set, place);
    }
    discriminate(place.crls.iter().map(|one| &one.fingerprint), sets);
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
        Location::Endpoint { address } => push(set, "endpoint_address", address),
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
        push(set, name, value);
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

fn file(set: &mut String, path: &str, options: &Options) {
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

fn discriminate<'a>(fingerprints: impl Iterator<Item = &'a [u8; 32]>, sets: &mut [String]) {
    if sets.len() < 2 {
        return;
    }
    let mut count: HashMap<&str, usize> = HashMap::with_capacity(sets.len());
    for set in sets.iter() {
        *count.entry(set).or_default() += 1;
    }
    let shared: Vec<bool> = sets
        .iter()
        .map(|set| count.get(&**set) != Some(&1))
        .collect();
    for ((set, fingerprint), shared) in sets.iter_mut().zip(fingerprints).zip(shared) {
        if shared {
            let hex: String = info::hex(fingerprint).chars().take(8).collect();
            push(set, "discriminator", &hex);
        }
    }
}

/// Escapes as the text format asks: backslash, quote and line feed.
fn escape(set: &mut String, value: &str) {
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
    fn leading_components_are_cut_and_the_slash_stays() {
        assert_eq!(trimmed("/mnt/watch/x/etc/ca.crt", 3), "/etc/ca.crt");
        assert_eq!(trimmed("/ca.crt", 3), "/ca.crt");
        assert_eq!(trimmed("/etc/ca.crt", 0), "/etc/ca.crt");
    }
}
