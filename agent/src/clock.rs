//! The only place that asks what time it is, so that tests can say.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of wall-clock time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn system() -> Self {
        Self(Arc::new(|| seconds(SystemTime::now())))
    }

    /// A clock that a test sets.
    pub fn fixed(now: i64) -> Self {
        Self(Arc::new(move || now))
    }

    /// A clock that a test moves.
    #[cfg(test)]
    pub(crate) fn moved(now: Arc<std::sync::atomic::AtomicI64>) -> Self {
        Self(Arc::new(move || {
            now.load(std::sync::atomic::Ordering::Relaxed)
        }))
    }

    /// Seconds since 1970.
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

fn seconds(time: SystemTime) -> i64 {
    let whole = |duration: std::time::Duration| i64::try_from(duration.as_secs());
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => whole(after).unwrap_or(i64::MAX),
        Err(before) => whole(before.duration()).map_or(i64::MIN, |seconds| -seconds),
    }
}
