//! Why something is bad or odd: codes that are label values and rows of docs/metrics.md.

use std::fmt;

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
    /// The value is not the configuration of an Argo CD cluster.
    BadClusterConfig => "bad_cluster_config",
    /// The bytes are DER, but not a certificate revocation list.
    BadCrl => "bad_crl",
    /// The bytes are not DER.
    BadDer => "bad_der",
    /// The keystore is not a well-formed JKS or JCEKS.
    BadJks => "bad_jks",
    /// The file or value is not a kubeconfig.
    BadKubeconfig => "bad_kubeconfig",
    /// No passphrase that is known opens the keystore.
    BadPassphrase => "bad_passphrase",
    /// A PEM block has no end, or no known label.
    BadPem => "bad_pem",
    /// The bytes are not well-formed PKCS#12.
    BadPkcs12 => "bad_pkcs12",
    /// The bytes are PKCS#7, but hold no set of certificates.
    BadPkcs7 => "bad_pkcs7",
    /// The certificate's dates cannot be read.
    BadValidity => "bad_validity",
    /// A symbolic link points to nothing.
    BrokenSymlink => "broken_symlink",
    /// The certificates of a chain stand in another order than that of their signatures.
    ChainOutOfOrder => "chain_out_of_order",
    /// The API server refuses the request: a right is missing.
    Forbidden => "forbidden",
    /// The server does not complete a TLS handshake: it speaks something else, or too old a version.
    HandshakeFailed => "handshake_failed",
    /// A fault of the agent's own.
    Internal => "internal",
    /// The private key beside the certificate belongs to another one.
    KeyMismatch => "key_mismatch",
    /// There is no certificate where one was named.
    NoCertificateFound => "no_certificate_found",
    /// The named path, everything a pattern could match, or the API server's resource is missing.
    NotFound => "not_found",
    /// The path leads outside the mounted directories.
    NotMounted => "not_mounted",
    /// The path is a FIFO, a socket, a device or a directory where a file was named.
    NotRegularFile => "not_regular_file",
    /// The certificate is valid for longer than the one that issued it.
    OutlivesIssuer => "outlives_issuer",
    /// The operating system refuses to open the path.
    PermissionDenied => "permission_denied",
    /// Reading failed for another reason.
    ReadFailed => "read_failed",
    /// The server shows an older certificate than the one in its file.
    ServedStale => "served_stale",
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
    /// The API server, or the server that was named, cannot be reached.
    Unreachable => "unreachable",
    /// The keystore is encrypted in a way that the agent cannot undo.
    UnsupportedAlgorithm => "unsupported_algorithm",
}

// === impl Reason ===

impl Reason {
    /// Whether it is a fact about certificates that were read well: told as a warning, and no
    /// reason to say that the location is bad.
    pub const fn is_warning(self) -> bool {
        matches!(
            self,
            Self::ChainOutOfOrder | Self::KeyMismatch | Self::OutlivesIssuer | Self::ServedStale
        )
    }
}

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
}
