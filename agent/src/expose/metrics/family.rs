//! The families, one by one.

use std::fmt;

use crate::model::{Certificate, Crl};

/// A family of series, one for each `T` that has a value.
pub(super) struct Family<T> {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) value: for<'a> fn(&'a T, i64) -> Option<Value<'a>>,
}

/// A value of a series.
pub(super) enum Value<'a> {
    Integer(i64),
    /// A number of any length, in decimal.
    Decimal(&'a str),
}

pub(super) const NOT_AFTER: Family<Certificate> = Family {
    name: "x509_cert_not_after",
    help: "End of the certificate's validity, in seconds since 1970 (RFC 5280, 4.1.2.5).",
    value: |certificate, _| integer(certificate.not_after),
};

pub(super) const NOT_BEFORE: Family<Certificate> = Family {
    name: "x509_cert_not_before",
    help: "Start of the certificate's validity, in seconds since 1970 (RFC 5280, 4.1.2.5).",
    value: |certificate, _| integer(certificate.not_before),
};

pub(super) const EXPIRED: Family<Certificate> = Family {
    name: "x509_cert_expired",
    help: "Whether the certificate's validity has ended: 1, or 0.",
    value: |certificate, now| integer((now > certificate.not_after).into()),
};

pub(super) const INFO: Family<Certificate> = Family {
    name: "x509_cert_info",
    help: "1 for every certificate, with its names, key, algorithms and usages as labels.",
    value: |_, _| integer(1),
};

pub(super) const EXPIRES_IN: Family<Certificate> = Family {
    name: "x509_cert_expires_in_seconds",
    help: "Seconds from the scrape to the end of the certificate's validity; negative after it.",
    value: |certificate, now| integer(certificate.not_after.saturating_sub(now)),
};

pub(super) const VALID_SINCE: Family<Certificate> = Family {
    name: "x509_cert_valid_since_seconds",
    help: "Seconds from the start of the certificate's validity to the scrape.",
    value: |certificate, now| integer(now.saturating_sub(certificate.not_before)),
};

pub(super) const CRL_THIS_UPDATE: Family<Crl> = Family {
    name: "x509_crl_this_update",
    help: "When the revocation list was issued, in seconds since 1970 (RFC 5280, 5.1.2.4).",
    value: |crl, _| integer(crl.this_update),
};

pub(super) const CRL_NEXT_UPDATE: Family<Crl> = Family {
    name: "x509_crl_next_update",
    help: "When the next revocation list is due, in seconds since 1970 (RFC 5280, 5.1.2.5).",
    value: |crl, _| integer(crl.next_update?),
};

pub(super) const CRL_NUMBER: Family<Crl> = Family {
    name: "x509_crl_number",
    help: "Number of the revocation list, which grows with each (RFC 5280, 5.2.3).",
    value: |crl, _| crl.number().map(Value::Decimal),
};

pub(super) const CRL_STALE: Family<Crl> = Family {
    name: "x509_crl_stale",
    help: "Whether the next revocation list should have come by now: 1, or 0.",
    value: |crl, now| integer(crl.next_update.is_some_and(|next| now > next).into()),
};

pub(super) const CRL_STALE_IN: Family<Crl> = Family {
    name: "x509_crl_stale_in_seconds",
    help: "Seconds from the scrape to when the next revocation list is due; negative after it.",
    value: |crl, now| integer(crl.next_update?.saturating_sub(now)),
};

pub(super) const CRL_FRESH_SINCE: Family<Crl> = Family {
    name: "x509_crl_fresh_since_seconds",
    help: "Seconds from the revocation list's issue to the scrape.",
    value: |crl, now| integer(now.saturating_sub(crl.this_update)),
};

pub(super) const ERROR_NAME: &str = "x509_cert_error";
pub(super) const ERROR_HELP: &str = "1 for every location that is bad now, with the reason.";
pub(super) const WARNING_NAME: &str = "x509_cert_warning";
pub(super) const WARNING_HELP: &str =
    "1 for every location whose certificates are read well, but odd, with the reason.";
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
