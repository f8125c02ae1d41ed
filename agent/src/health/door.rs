//! Who was not let in, and whether the web configuration is the one in force.

use prometheus::{IntCounterVec, IntGauge, Opts};

use super::{Health, registered};

/// The door's part of [`Health`].
#[derive(Clone, Debug)]
pub struct DoorHealth {
    refused: IntCounterVec,
    in_force: IntGauge,
}

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many wait for their password or token to be checked.
    Busy,
    /// No password and no token.
    Missing,
    /// Known, and not allowed.
    NotAllowed,
    /// More requests than the rate limit has.
    RateLimited,
    /// The API server could not be asked about a token.
    ReviewFailed,
    /// No TLS, or not as it is asked for: a wrong client certificate, say.
    Tls,
    /// A wrong password or token.
    Wrong,
}

impl Refused {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Busy,
        Self::Missing,
        Self::NotAllowed,
        Self::RateLimited,
        Self::ReviewFailed,
        Self::Tls,
        Self::Wrong,
    ];

    /// The label `reason`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Missing => "no_credentials",
            Self::NotAllowed => "not_allowed",
            Self::RateLimited => "rate_limited",
            Self::ReviewFailed => "review_failed",
            Self::Tls => "tls",
            Self::Wrong => "wrong_credentials",
        }
    }
}

impl Health {
    /// Metrics of a door that is not open to everybody.
    pub fn door(&self) -> prometheus::Result<DoorHealth> {
        let name = "x509_web_refused_total";
        let help = "Connections and requests that were not let in, by reason.";
        let refused = IntCounterVec::new(Opts::new(name, help), &["reason"])?;
        let refused = registered(&self.registry, refused)?;
        for reason in Refused::ALL {
            refused.with_label_values(&[reason.code()]);
        }
        let name = "x509_web_config_last_reload_successful";
        let help = "Whether the web configuration in force is the one in its files: 1, or 0.";
        let in_force = registered(&self.registry, IntGauge::new(name, help)?)?;
        in_force.set(1);
        Ok(DoorHealth { refused, in_force })
    }
}

impl DoorHealth {
    /// Counts somebody who was not let in.
    pub fn refuse(&self, reason: Refused) {
        self.refused.with_label_values(&[reason.code()]).inc();
    }

    /// Says whether what the files say now is in force.
    pub fn set_in_force(&self, is_so: bool) {
        self.in_force.set(is_so.into());
    }
}
