//! The vocabulary. Every other module speaks in these words; this one knows none of them.
//!
//! A **location** is a place that can hold certificates: a file, a kubeconfig entry, a key of a
//! Secret. A **bundle** is what one location holds: certificates and problems, in order. A
//! **change** is what a source says about its locations.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What a source says. Saying a thing twice is saying it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The location now holds this bundle, whatever it held before.
    Upsert(Location, Bundle),
    /// The location is gone, and its certificates with it.
    Remove(Location),
    /// These are all locations of the source; those it does not name are gone.
    Resync(Vec<(Location, Bundle)>),
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
    /// A key of a Kubernetes Secret.
    Secret {
        /// Namespace of the Secret.
        namespace: Arc<str>,
        /// Name of the Secret.
        name: Arc<str>,
        /// Key in the Secret's data.
        key: Arc<str>,
    },
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
    /// What is wrong with the location or with one of its blocks.
    pub problems: Vec<Problem>,
    /// Labels copied from the object that holds the location (`secret_label_*`), sorted by name.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
}

/// The facts kept of a certificate (RFC 5280, section 4.1.2). Never its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// Start of the validity, in seconds since 1970.
    pub not_before: i64,
    /// End of the validity, in seconds since 1970.
    pub not_after: i64,
    /// Serial number in decimal; `None` where it could not be read.
    pub serial: Option<Box<str>>,
    /// Whom the certificate names.
    pub subject: Name,
    /// Who signed it.
    pub issuer: Name,
    /// Whether basicConstraints says `cA` (version 1 certificates: self-issued).
    pub ca: bool,
    /// SHA-256 of the DER.
    pub fingerprint: [u8; 32],
}

/// The attributes of a distinguished name that become labels; of a repeated one, the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Name {
    /// countryName.
    pub country: Option<Arc<str>>,
    /// stateOrProvinceName.
    pub state: Option<Arc<str>>,
    /// localityName.
    pub locality: Option<Arc<str>>,
    /// organizationName.
    pub organization: Option<Arc<str>>,
    /// organizationalUnitName.
    pub organizational_unit: Option<Arc<str>>,
    /// commonName.
    pub common_name: Option<Arc<str>>,
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

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal,)+) => {
        /// Why something is bad: a closed list, each a label value and a row of docs/metrics.md.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[doc = $doc])+ $variant,)+ }

        impl Reason {
            /// All reasons, in alphabetical order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The label value.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What it means, for the documents.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }
        }
    };
}

reasons! {
    /// The API server answered with an error of its own.
    ApiError => "api_error",
    /// A PEM block or a data field is not base64.
    BadBase64 => "bad_base64",
    /// The bytes are DER, but not a certificate.
    BadCertificate => "bad_certificate",
    /// The bytes are not DER.
    BadDer => "bad_der",
    /// The file is not a kubeconfig.
    BadKubeconfig => "bad_kubeconfig",
    /// A PEM block has no end, or no known label.
    BadPem => "bad_pem",
    /// The certificate's dates cannot be read.
    BadValidity => "bad_validity",
    /// A symbolic link points to nothing.
    BrokenSymlink => "broken_symlink",
    /// The API server refuses the request: a right is missing.
    Forbidden => "forbidden",
    /// A fault of the agent's own.
    Internal => "internal",
    /// There is no certificate where one was named.
    NoCertificateFound => "no_certificate_found",
    /// The named path, or everything a pattern could match, is missing.
    NotFound => "not_found",
    /// The path leads outside the mounted directories.
    NotMounted => "not_mounted",
    /// The path is a FIFO, a socket, a device or a directory where a file was named.
    NotRegularFile => "not_regular_file",
    /// The operating system refuses to open the path.
    PermissionDenied => "permission_denied",
    /// Reading failed for another reason.
    ReadFailed => "read_failed",
    /// Symbolic links go round in a circle.
    SymlinkLoop => "symlink_loop",
    /// The operation did not end in time.
    Timeout => "timeout",
    /// There is more data than the agent reads from one place.
    TooLarge => "too_large",
    /// There are more blocks or paths than the agent keeps from one place.
    TooMany => "too_many",
    /// The API server does not accept the credentials.
    Unauthorized => "unauthorized",
    /// The API server cannot be reached.
    Unreachable => "unreachable",
}

// === impl Location ===

impl Location {
    /// A file's location.
    pub fn file(path: impl Into<Arc<str>>) -> Self {
        Self::File { path: path.into() }
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
            Self::Secret {
                namespace,
                name,
                key,
            } => {
                write!(f, "secret {namespace}/{name} key {key}")
            }
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
            certificates: None,
            problems: vec![problem],
            labels: Vec::new(),
        }
    }

    /// A location that was read and is wrong as a whole: it holds no certificate.
    pub fn bad(problem: Problem) -> Self {
        Self {
            certificates: Some(Vec::new()),
            problems: vec![problem],
            labels: Vec::new(),
        }
    }

    /// The certificates known from this bundle alone.
    pub fn certificates(&self) -> &[Arc<Certificate>] {
        self.certificates.as_deref().unwrap_or_default()
    }
}

// === impl Name ===

impl Name {
    /// The attributes in the order and with the short names that labels use.
    pub fn attributes(&self) -> [(&'static str, Option<&Arc<str>>); 6] {
        [
            ("C", self.country.as_ref()),
            ("ST", self.state.as_ref()),
            ("L", self.locality.as_ref()),
            ("O", self.organization.as_ref()),
            ("OU", self.organizational_unit.as_ref()),
            ("CN", self.common_name.as_ref()),
        ]
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

// === impl Reason ===

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_listed_in_alphabetical_order() {
        let codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        assert_eq!(codes, sorted);
    }

    #[test]
    fn a_problem_names_its_block_and_its_reason() {
        let problem = Problem::in_block(Reason::BadBase64, 2, "not base64");
        assert_eq!(problem.to_string(), "bad_base64 (block 2): not base64");
    }
}
