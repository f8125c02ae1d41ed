//! What one look at a server told besides its certificates.

use std::sync::Arc;

use super::Certificate;

/// What one look at a server told besides its certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Handshake {
    /// How it was spoken to: `tls`, `smtp`, …
    pub protocol: &'static str,
    /// `1.2` or `1.3` (RFC 5246, RFC 8446); none where no TLS was spoken.
    pub tls_version: Option<&'static str>,
    /// Whether the chain is trusted; none where nobody was asked to.
    pub verification: Option<Verification>,
    /// When the first certificate of the verified chain expires, in seconds since 1970. The trust
    /// anchor is not among them.
    pub verified_not_after: Option<i64>,
    /// What was stapled (RFC 6066, section 8).
    pub ocsp: Option<Ocsp>,
    /// What should be served.
    pub pair: Option<Pair>,
}

/// The file that a server is expected to serve.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    /// Absolute path on the host.
    pub path: Arc<str>,
    /// The first certificate in it; none where the file could not be read.
    pub certificate: Option<Arc<Certificate>>,
}

/// A stapled answer about the leaf (RFC 6960, section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ocsp {
    /// What it says.
    pub status: OcspStatus,
    /// When it was signed, in seconds since 1970.
    pub produced_at: Option<i64>,
    /// Since when it is known to be so.
    pub this_update: Option<i64>,
    /// When there will be news.
    pub next_update: Option<i64>,
    /// Since when the certificate is revoked.
    pub revoked_at: Option<i64>,
}

/// The status of a certificate, as a responder has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OcspStatus {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked,
    /// The responder does not know it.
    Unknown,
    /// What was stapled is no answer, or one about another certificate.
    Bad,
}

macro_rules! verifications {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal,)+) => {
        /// What came of verifying a chain: a closed list, each a label value and a row of
        /// docs/metrics.md.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Verification { $($(#[doc = $doc])+ $variant,)+ }

        impl Verification {
            /// All of them, in alphabetical order of their codes.
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

verifications! {
    /// A signature in the chain is not that of its issuer.
    BadSignature => "bad_signature",
    /// The server's certificate is that of a certificate authority.
    CaAsLeaf => "ca_as_leaf",
    /// A certificate of the chain has expired.
    Expired => "expired",
    /// A certificate of the chain is not valid yet.
    NotYetValid => "not_yet_valid",
    /// The chain is trusted, is valid now and names the server.
    Ok => "ok",
    /// Something else is wrong, such as an extension or a kind of key that is not understood.
    Other => "other",
    /// The server's certificate is its own issuer, and nobody trusts it.
    SelfSigned => "self_signed",
    /// The chain leads to nobody who is trusted.
    UnknownIssuer => "unknown_issuer",
    /// The server did not show that it has the key of its certificate.
    Unproven => "unproven",
    /// The certificate names another host.
    WrongHost => "wrong_host",
    /// The certificate is not for servers.
    WrongPurpose => "wrong_purpose",
}

// === impl Pair ===

impl Pair {
    /// Whether an older certificate is served than the one in the file: another one, and not issued
    /// later. Nothing where that cannot be told.
    pub fn is_stale(&self, served: &Certificate) -> Option<bool> {
        let file = self.certificate.as_ref()?;
        let is_other = file.fingerprint != served.fingerprint;
        Some(is_other && served.not_before <= file.not_before)
    }
}

// === impl OcspStatus ===

impl OcspStatus {
    /// The label value.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
            Self::Bad => "bad",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Facts;

    fn certificate(not_before: i64, fingerprint: u8) -> Arc<Certificate> {
        Arc::new(Certificate::from(Facts {
            not_before,
            fingerprint: [fingerprint; 32],
            ..Facts::default()
        }))
    }

    #[test]
    fn what_is_served_is_stale_if_it_is_another_and_not_issued_later() {
        let pair = |certificate| Pair {
            path: "/a".into(),
            certificate,
        };
        let file = pair(Some(certificate(5, 1)));
        for (served, expected) in [
            (certificate(5, 1), false),
            (certificate(4, 2), true),
            (certificate(5, 2), true),
            (certificate(6, 2), false),
        ] {
            assert_eq!(file.is_stale(&served), Some(expected), "{served:?}");
        }
        assert_eq!(pair(None).is_stale(&certificate(5, 1)), None);
    }

    #[test]
    fn verifications_are_listed_in_alphabetical_order() {
        assert!(Verification::ALL.is_sorted_by_key(|one| one.code()));
    }
}
