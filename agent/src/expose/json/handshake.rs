//! What a server told besides its certificates.

use serde::Serialize;

use crate::expose::date::Date;
use crate::model::{Certificate, Handshake, Ocsp, Pair, Verification};

#[derive(Serialize)]
pub(super) struct HandshakeOf<'a> {
    protocol: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ocsp: Option<OcspOf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PairOf<'a>>,
}

#[derive(Serialize)]
struct OcspOf {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    produced_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    this_update: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_update: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
}

/// The file that should be served.
#[derive(Serialize)]
struct PairOf<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<bool>,
}

// === impl HandshakeOf ===

impl<'a> HandshakeOf<'a> {
    pub(super) fn of(look: Option<&'a Handshake>, leaf: Option<&Certificate>) -> Option<Self> {
        let look = look?;
        Some(Self {
            protocol: look.protocol,
            tls_version: look.tls_version,
            verification: look.verification.map(Verification::code),
            verified_not_after: look.verified_not_after.map(Date::rfc_3339),
            ocsp: look.ocsp.map(OcspOf::of),
            file: look.pair.as_ref().map(|pair| PairOf::of(pair, leaf)),
        })
    }
}

impl OcspOf {
    fn of(ocsp: Ocsp) -> Self {
        Self {
            status: ocsp.status.code(),
            produced_at: ocsp.produced_at.map(Date::rfc_3339),
            this_update: ocsp.this_update.map(Date::rfc_3339),
            next_update: ocsp.next_update.map(Date::rfc_3339),
            revoked_at: ocsp.revoked_at.map(Date::rfc_3339),
        }
    }
}

impl<'a> PairOf<'a> {
    fn of(pair: &'a Pair, leaf: Option<&Certificate>) -> Self {
        let certificate = pair.certificate.as_deref();
        Self {
            path: &pair.path,
            serial_number: certificate.and_then(Certificate::serial),
            not_after: certificate.map(|one| Date::rfc_3339(one.not_after)),
            stale: leaf.and_then(|leaf| pair.is_stale(leaf)),
        }
    }
}
