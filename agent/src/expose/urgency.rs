//! How urgent a certificate is: the rule of the alerts, for those who look without Prometheus.
//!
//! Little time is left when less is left than so many days and than such a share of the lifetime:
//! days alone would never be content with a certificate of a week. The shares lie below the points
//! at which certificates are usually renewed: at a third by cert-manager and by clients of ACME, at
//! ten percent by the kubelet, in the last month by scripts on nodes.

use crate::model::{Certificate, Crl, Location};

/// What the time that is left means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Enough left.
    Ok,
    /// Little left.
    Warning,
    /// Very little left, or not valid yet.
    Critical,
    /// Nothing left.
    Expired,
}

/// How much is little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Less than so many seconds,
    pub seconds: i64,
    /// and less than so many thousandths of the lifetime.
    pub per_mille: i64,
}

/// Where the urgencies begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of [`Urgency::Warning`].
    pub warning: Limit,
    /// Of [`Urgency::Critical`].
    pub critical: Limit,
}

/// Limits of what Kubernetes keeps.
pub const OBJECTS: Limits = Limits::new(150, 75);

/// Limits of files and kubeconfigs on nodes.
pub const FILES: Limits = Limits::new(60, 30);

const DAY: i64 = 86_400;

// === impl Urgency ===

impl Urgency {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Expired => "expired",
        }
    }

    /// Of a certificate, where it is.
    pub fn of(certificate: &Certificate, location: &Location, now: i64) -> Self {
        let limits = match location {
            Location::Object { .. } | Location::Endpoint { .. } => OBJECTS,
            Location::File { .. } | Location::Kubeconfig { .. } => FILES,
        };
        limits.urgency(certificate.not_before, certificate.not_after, now)
    }

    /// Lists are made for days: that the next is due soon is no news, that it is late is.
    pub fn of_crl(crl: &Crl, now: i64) -> Self {
        let is_stale = crl.next_update.is_some_and(|next| now > next);
        if is_stale { Self::Expired } else { Self::Ok }
    }
}

// === impl Limits ===

impl Limits {
    /// So many seconds, whatever the lifetime.
    pub const fn of_seconds(warning: i64, critical: i64) -> Self {
        Self {
            warning: Limit {
                seconds: warning,
                per_mille: i64::MAX,
            },
            critical: Limit {
                seconds: critical,
                per_mille: i64::MAX,
            },
        }
    }

    const fn new(warning: i64, critical: i64) -> Self {
        Self {
            warning: Limit {
                seconds: 28 * DAY,
                per_mille: warning,
            },
            critical: Limit {
                seconds: 14 * DAY,
                per_mille: critical,
            },
        }
    }

    /// What these limits say of a validity.
    pub fn urgency(self, not_before: i64, not_after: i64, now: i64) -> Urgency {
        let left = not_after.saturating_sub(now);
        let lifetime = not_after.saturating_sub(not_before);
        match () {
            () if left < 0 => Urgency::Expired,
            () if not_before > now => Urgency::Critical,
            () if self.critical.is_reached(lifetime, left) => Urgency::Critical,
            () if self.warning.is_reached(lifetime, left) => Urgency::Warning,
            () => Urgency::Ok,
        }
    }
}

// === impl Limit ===

impl Limit {
    fn is_reached(self, lifetime: i64, left: i64) -> bool {
        let share = i128::from(lifetime) * i128::from(self.per_mille);
        left < self.seconds && i128::from(left) * 1000 < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much is left when each urgency begins.
    fn begins(limits: Limits, lifetime: i64) -> [i64; 2] {
        [Urgency::Warning, Urgency::Critical].map(|urgency| {
            let all: Vec<i64> = (0..lifetime.min(40 * DAY)).collect();
            let below = |left: &i64| limits.urgency(0, lifetime, lifetime - left) >= urgency;
            i64::try_from(all.partition_point(below)).unwrap()
        })
    }

    #[test]
    fn the_smaller_of_days_and_a_share_counts() {
        const HOUR: i64 = 3_600;
        for (limits, lifetime, expected) in [
            (OBJECTS, HOUR, [540, 270]),
            (OBJECTS, 24 * HOUR, [12_960, 6_480]),
            (OBJECTS, 47 * DAY, [609_120, 304_560]),
            (OBJECTS, 90 * DAY, [1_166_400, 583_200]),
            (OBJECTS, 3650 * DAY, [28 * DAY, 14 * DAY]),
            (FILES, 365 * DAY, [1_892_160, 946_080]),
            (FILES, 3650 * DAY, [28 * DAY, 14 * DAY]),
        ] {
            assert_eq!(begins(limits, lifetime), expected, "{lifetime}");
        }
    }

    #[test]
    fn it_expires_in_the_second_after_and_what_is_not_valid_yet_is_critical() {
        assert_eq!(OBJECTS.urgency(0, 100, 100), Urgency::Critical);
        assert_eq!(OBJECTS.urgency(0, 100, 101), Urgency::Expired);
        assert_eq!(OBJECTS.urgency(10, 100, 9), Urgency::Critical);
        assert_eq!(OBJECTS.urgency(10, 100, 10), Urgency::Ok);
        assert_eq!(OBJECTS.urgency(i64::MIN, i64::MAX, 0), Urgency::Ok);
        assert_eq!(OBJECTS.urgency(i64::MAX, i64::MIN, 0), Urgency::Expired);
    }
}
