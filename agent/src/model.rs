//! The vocabulary. Every other module speaks in these words; this one knows none of them.
//!
//! A **location** is a place that can hold certificates: a file, a kubeconfig entry, a key of a
//! Secret, a server. A **bundle** is what one location holds: certificates, CRLs and problems, in order. A
//! **change** is what a source says about its locations.

mod certificate;
mod handshake;
mod reason;
mod texts;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub use certificate::{Certificate, Crl, Details, Facts, Name, Profile};
pub use handshake::{Handshake, Ocsp, OcspStatus, Pair, Verification};
pub use reason::Reason;

/// What a source says. Saying a thing twice is saying it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The location now holds this bundle, whatever it held before.
    Upsert(Location, Bundle),
    /// The location is gone, and its certificates with it.
    Remove(Location),
    /// These are all locations of the source, told before; those it does not name are gone.
    Resync(Vec<Location>),
}

/// A place that can hold certificates. The order is the order of the exposition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// A file; the path is the host's, as the user typed it or as a pattern found it.
    File {
        /// Absolute path on the host.
        path: Arc<str>,
    },
    /// A kubeconfig (no entry: the file as a whole) or one of its clusters or users.
    Kubeconfig {
        /// Absolute path of the kubeconfig on the host.
        path: Arc<str>,
        /// The cluster or user in it.
        entry: Option<Entry>,
    },
    /// A part of a Kubernetes object.
    Object {
        /// The object; one for all of its parts.
        object: Arc<Object>,
        /// The part: see [`ObjectKind`].
        key: Arc<str>,
        /// The cluster or user, where the part is a kubeconfig or the like.
        entry: Option<Arc<Entry>>,
    },
    /// What a server shows to those who connect, or a file of it.
    Endpoint {
        /// The user's name for it.
        name: Option<Arc<str>>,
        /// Host and port, an IPv6 address in brackets; of a file, its URL without the query.
        address: Arc<str>,
    },
}

/// A Kubernetes object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// The user's name for its cluster, where several are watched.
    pub cluster: Option<Arc<str>>,
    /// What it is.
    pub kind: ObjectKind,
    /// Empty for objects of the cluster.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// The kinds of Kubernetes objects that hold certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// The part is a key of the data.
    Secret,
    /// The part is a key of the data.
    ConfigMap,
    /// The part is the name of a webhook.
    MutatingWebhookConfiguration,
    /// The part is the name of a webhook.
    ValidatingWebhookConfiguration,
    /// The part has no name.
    ApiService,
    /// The conversion webhook; the part has no name.
    CustomResourceDefinition,
    /// The part is the name of the signer.
    CertificateSigningRequest,
    /// cert-manager's; the part is the name of the Certificate, if it belongs to one.
    CertificateRequest,
    /// KubeSphere's member cluster, with its kubeconfig; the part has no name.
    Cluster,
}

/// A named cluster or user of a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// Whether it is a cluster (its CA) or a user (its client certificate).
    pub kind: EntryKind,
    /// The name under `clusters[]` or `users[]`.
    pub name: Arc<str>,
}

/// The two lists of a kubeconfig that hold certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// `clusters[].cluster.certificate-authority(-data)`.
    Cluster,
    /// `users[].user.client-certificate(-data)`.
    User,
}

/// What one location holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The certificates, in the order in which they stand; `None` when the location could not be
    /// read, in which case the last known ones stay.
    pub certificates: Option<Vec<Arc<Certificate>>>,
    /// The certificate revocation lists, in the order in which they stand.
    pub crls: Vec<Arc<Crl>>,
    /// What is wrong with the location or with one of its blocks.
    pub problems: Vec<Problem>,
    /// Labels copied from the object that holds the location (`secret_label_*`, …), sorted by name.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// What a server told besides.
    pub handshake: Option<Arc<Handshake>>,
}

/// Bad data at a location. The detail never holds bytes of the data.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The code: a label value.
    pub reason: Reason,
    /// Which block of the location, counted from 1; `None` for the location as a whole.
    pub block: Option<usize>,
    /// One lower-case sentence for people.
    pub detail: Cow<'static, str>,
}

// === impl Location ===

impl Location {
    /// A file's location.
    pub fn file(path: impl Into<Arc<str>>) -> Self {
        Self::File { path: path.into() }
    }

    /// A server's location.
    pub fn endpoint(name: Option<Arc<str>>, address: impl Into<Arc<str>>) -> Self {
        let address = address.into();
        Self::Endpoint { name, address }
    }

    /// A part of an object.
    pub fn object(object: &Arc<Object>, key: &Arc<str>) -> Self {
        Self::Object {
            object: Arc::clone(object),
            key: Arc::clone(key),
            entry: None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => write!(f, "file {path}"),
            Self::Kubeconfig { path, entry: None } => write!(f, "kubeconfig {path}"),
            Self::Kubeconfig {
                path,
                entry: Some(Entry { kind, name }),
            } => {
                write!(f, "kubeconfig {path} {} {name}", kind.as_str())
            }
            Self::Endpoint {
                name: None,
                address,
            } => write!(f, "endpoint {address}"),
            Self::Endpoint {
                name: Some(name),
                address,
            } => write!(f, "endpoint {name} ({address})"),
            Self::Object { object, key, entry } => {
                write!(f, "{object}")?;
                match object.kind.part() {
                    Some(part) if !key.is_empty() => write!(f, " {part} {key}")?,
                    _ => {}
                }
                entry.as_ref().map_or(Ok(()), |entry| {
                    write!(f, " {} {}", entry.kind.as_str(), entry.name)
                })
            }
        }
    }
}

// === impl Object ===

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cluster,
            kind,
            namespace,
            name,
        } = self;
        if let Some(cluster) = cluster {
            write!(f, "cluster {cluster}: ")?;
        }
        let kind = kind.as_str();
        if namespace.is_empty() {
            write!(f, "{kind} {name}")
        } else {
            write!(f, "{kind} {namespace}/{name}")
        }
    }
}

// === impl ObjectKind ===

impl ObjectKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 9] = [
        Self::Secret,
        Self::ConfigMap,
        Self::MutatingWebhookConfiguration,
        Self::ValidatingWebhookConfiguration,
        Self::ApiService,
        Self::CustomResourceDefinition,
        Self::CertificateSigningRequest,
        Self::CertificateRequest,
        Self::Cluster,
    ];

    /// As Kubernetes has it: `Secret`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::MutatingWebhookConfiguration => "MutatingWebhookConfiguration",
            Self::ValidatingWebhookConfiguration => "ValidatingWebhookConfiguration",
            Self::ApiService => "APIService",
            Self::CustomResourceDefinition => "CustomResourceDefinition",
            Self::CertificateSigningRequest => "CertificateSigningRequest",
            Self::CertificateRequest => "CertificateRequest",
            Self::Cluster => "Cluster",
        }
    }

    /// What its parts are called, where they have names.
    const fn part(self) -> Option<&'static str> {
        match self {
            Self::Secret | Self::ConfigMap => Some("key"),
            Self::MutatingWebhookConfiguration | Self::ValidatingWebhookConfiguration => {
                Some("webhook")
            }
            Self::CertificateSigningRequest => Some("signer"),
            Self::CertificateRequest => Some("certificate"),
            Self::ApiService | Self::CustomResourceDefinition | Self::Cluster => None,
        }
    }
}

// === impl EntryKind ===

impl EntryKind {
    /// The value of the label `embedded_kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::User => "user",
        }
    }
}

// === impl Bundle ===

impl Bundle {
    /// A location that could not be read: the last known certificates stay, the problem shows.
    pub fn unread(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            ..Self::default()
        }
    }

    /// A location that was read and is wrong as a whole: it holds no certificate.
    pub fn bad(problem: Problem) -> Self {
        Self {
            certificates: Some(Vec::new()),
            problems: vec![problem],
            ..Self::default()
        }
    }

    /// The certificates known from this bundle alone.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        self.certificates.as_deref().unwrap_or_default()
    }
}

// === impl Problem ===

impl Problem {
    /// A problem of a location as a whole.
    pub fn new(reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            block: None,
            detail: detail.into(),
        }
    }

    /// A problem of one block, counted from 1.
    pub fn in_block(reason: Reason, block: usize, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            block: Some(block),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block {
            Some(block) => write!(f, "{} (block {block}): {}", self.reason, self.detail),
            None => write!(f, "{}: {}", self.reason, self.detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_block_and_its_reason() {
        let problem = Problem::in_block(Reason::BadBase64, 2, "not base64");
        assert_eq!(problem.to_string(), "bad_base64 (block 2): not base64");
    }
}
