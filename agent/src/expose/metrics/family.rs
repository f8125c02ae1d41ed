//! The families, one by one.

use std::fmt;

use self::Series::{Certificates, Crls, Endpoints, Reasons};
use crate::expose::labels::push;
use crate::expose::place::Place;
use crate::model::{Certificate, Crl, Handshake, Pair, Problem, Verification};

/// A family of gauges.
#[derive(Debug)]
pub struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) series: Series,
}

/// What a family has a series of.
#[derive(Debug)]
pub(super) enum Series {
    /// Each certificate that has such a value.
    Certificates(fn(&Certificate, i64) -> Option<Value<'_>>),
    /// Each revocation list that has such a value.
    Crls(fn(&Crl, i64) -> Option<Value<'_>>),
    /// Each server of which there is such a value.
    Endpoints(Endpoint),
    /// Each reason for which a place is told of here.
    Reasons(for<'a, 'b> fn(&'b Place<'a>) -> &'b [&'a Problem]),
}

/// A value of a server; labels that the family has besides are pushed.
#[derive(Debug)]
pub(super) enum Endpoint {
    /// Of a look.
    Handshake(fn(&Handshake, &mut String) -> Option<i64>),
    /// Of what is served, and of the file that should be: its labels are there.
    Pair(fn(&Pair, &Certificate) -> Option<i64>),
}

/// A value of a series.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Integer(i64),
    /// A number of any length, in decimal.
    Decimal(&'a str),
}

pub(super) static NOT_AFTER: Family = Family {
    name: "x509_cert_not_after",
    help: "End of the certificate's validity, in seconds since 1970 (RFC 5280, 4.1.2.5).",
    series: Certificates(|certificate, _| integer(certificate.not_after)),
};

pub(super) static NOT_BEFORE: Family = Family {
    name: "x509_cert_not_before",
    help: "Start of the certificate's validity, in seconds since 1970 (RFC 5280, 4.1.2.5).",
    series: Certificates(|certificate, _| integer(certificate.not_before)),
};

pub(super) static EXPIRED: Family = Family {
    name: "x509_cert_expired",
    help: "Whether the certificate's validity has ended: 1, or 0.",
    series: Certificates(|certificate, now| integer((now > certificate.not_after).into())),
};

pub(super) static INFO: Family = Family {
    name: "x509_cert_info",
    help: "1 for every certificate, with its names, key, algorithms and usages as labels.",
    series: Certificates(|_, _| integer(1)),
};

pub(super) static EXPIRES_IN: Family = Family {
    name: "x509_cert_expires_in_seconds",
    help: "Seconds from the scrape to the end of the certificate's validity; negative after it.",
    series: Certificates(|certificate, now| integer(certificate.not_after.saturating_sub(now))),
};

pub(super) static VALID_SINCE: Family = Family {
    name: "x509_cert_valid_since_seconds",
    help: "Seconds from the start of the certificate's validity to the scrape.",
    series: Certificates(|certificate, now| integer(now.saturating_sub(certificate.not_before))),
};

pub(super) static CRL_THIS_UPDATE: Family = Family {
    name: "x509_crl_this_update",
    help: "When the revocation list was issued, in seconds since 1970 (RFC 5280, 5.1.2.4).",
    series: Crls(|crl, _| integer(crl.this_update)),
};

pub(super) static CRL_NEXT_UPDATE: Family = Family {
    name: "x509_crl_next_update",
    help: "When the next revocation list is due, in seconds since 1970 (RFC 5280, 5.1.2.5).",
    series: Crls(|crl, _| integer(crl.next_update?)),
};

pub(super) static CRL_NUMBER: Family = Family {
    name: "x509_crl_number",
    help: "Number of the revocation list, which grows with each (RFC 5280, 5.2.3).",
    series: Crls(|crl, _| crl.number().map(Value::Decimal)),
};

pub(super) static CRL_STALE: Family = Family {
    name: "x509_crl_stale",
    help: "Whether the next revocation list should have come by now: 1, or 0.",
    series: Crls(|crl, now| integer(crl.next_update.is_some_and(|next| now > next).into())),
};

pub(super) static CRL_STALE_IN: Family = Family {
    name: "x509_crl_stale_in_seconds",
    help: "Seconds from the scrape to when the next revocation list is due; negative after it.",
    series: Crls(|crl, now| integer(crl.next_update?.saturating_sub(now))),
};

pub(super) static CRL_FRESH_SINCE: Family = Family {
    name: "x509_crl_fresh_since_seconds",
    help: "Seconds from the revocation list's issue to the scrape.",
    series: Crls(|crl, now| integer(now.saturating_sub(crl.this_update))),
};

pub(super) static ENDPOINT_INFO: Family = Family {
    name: "x509_endpoint_info",
    help: "1 for every server that was looked at, with how it was and what came of it as labels.",
    series: Endpoints(Endpoint::Handshake(|look, set| {
        push(set, "protocol", look.protocol);
        push(set, "tls_version", look.tls_version.unwrap_or_default());
        let verification = look.verification.map(Verification::code);
        push(set, "verification", verification.unwrap_or_default());
        let status = look.ocsp.map(|ocsp| ocsp.status.code());
        push(set, "ocsp_status", status.unwrap_or_default());
        Some(1)
    })),
};

pub(super) static ENDPOINT_VERIFIED: Family = Family {
    name: "x509_endpoint_verified_not_after",
    help: "When the first certificate of the server's verified chain expires, in seconds since 1970.",
    series: Endpoints(Endpoint::Handshake(|look, _| look.verified_not_after)),
};

pub(super) static OCSP_THIS_UPDATE: Family = Family {
    name: "x509_endpoint_ocsp_this_update",
    help: "Since when the stapled status is known to be so, in seconds since 1970 (RFC 6960, 4.2.1).",
    series: Endpoints(Endpoint::Handshake(|look, _| look.ocsp?.this_update)),
};

pub(super) static OCSP_NEXT_UPDATE: Family = Family {
    name: "x509_endpoint_ocsp_next_update",
    help: "When there will be news of the stapled status, in seconds since 1970 (RFC 6960, 4.2.1).",
    series: Endpoints(Endpoint::Handshake(|look, _| look.ocsp?.next_update)),
};

pub(super) static SERVED_NOT_AFTER: Family = Family {
    name: "x509_cert_served_not_after",
    help: "End of the validity of what is served in the place of the file, in seconds since 1970.",
    series: Endpoints(Endpoint::Pair(|_, served| Some(served.not_after))),
};

pub(super) static SERVED_STALE: Family = Family {
    name: "x509_cert_served_stale",
    help: "Whether an older certificate is served than the one in the file: 1, or 0.",
    series: Endpoints(Endpoint::Pair(|pair, served| {
        pair.is_stale(served).map(i64::from)
    })),
};

pub(super) static ERROR: Family = Family {
    name: "x509_cert_error",
    help: "1 for every location that is bad now, with the reason.",
    series: Reasons(|place| &place.problems),
};

pub(super) static WARNING: Family = Family {
    name: "x509_cert_warning",
    help: "1 for every location whose certificates are read well, but odd, with the reason.",
    series: Reasons(|place| &place.warnings),
};

pub(super) const CHECKED_NAME: &str = "x509_check_timestamp_seconds";
pub(super) const CHECKED_HELP: &str =
    "When `check` looked and wrote this, in seconds since 1970; not exposed by the agent.";

pub(super) const READ_ERRORS_NAME: &str = "x509_read_errors";
pub(super) const READ_ERRORS_HELP: &str = "How many problems the watched locations have now.";

#[expect(
    clippy::unnecessary_wraps,
    reason = "a family may have no value for some"
)]
fn integer<'a>(value: i64) -> Option<Value<'a>> {
    Some(Value::Integer(value))
}

// === impl Value ===

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Decimal(value) => f.write_str(value),
        }
    }
}
