//! Pauses between attempts: short at first, doubling, capped, and never the same for two agents.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// The pauses of one watch.
#[derive(Debug, Default)]
pub(super) struct Pace {
    attempts: u32,
}

impl Pace {
    /// The pause before the next attempt: half of it fixed, half of it chance.
    pub(super) fn next(&mut self) -> Duration {
        let step = FIRST
            .saturating_mul(1 << self.attempts.min(10))
            .min(LONGEST);
        self.attempts += 1;
        step / 2 + step.mul_f64(chance() / 2.0)
    }

    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}

/// A number in 0..1, good enough to keep agents apart.
pub(super) fn chance() -> f64 {
    // The keys of a RandomState differ from one to the next; this saves a crate.
    let bits = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(bits >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute_and_begin_anew_after_a_reset() {
        let mut pace = Pace::default();
        for step in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0] {
            let pause = pace.next().as_secs_f64();
            assert!(
                (step / 2.0..step).contains(&pause),
                "{pause} is not below {step}"
            );
        }
        pace.reset();
        assert!(pace.next() < FIRST);
    }

    #[test]
    fn two_pauses_of_the_same_step_differ() {
        assert_ne!(Pace::default().next(), Pace::default().next());
    }
}
