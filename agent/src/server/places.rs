//! The places of connections: so many are served at once, and whoever wastes one loses it. How long
//! a client may take depends on what it is at, not on how long its connection has lived: a scraper
//! that comes every minute keeps its connection, and no answer is cut in the middle.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::{AbortHandle, yield_now};
use tokio::time::{Instant, sleep_until};

/// Connections served at once; a further one takes the place of the one that has been at the same for
/// longest.
const PLACES: usize = 256;
/// How long a client may take to begin: to send its first request's head.
pub(super) const BEGIN: Duration = Duration::from_secs(10);
/// How long it may take to read one answer.
const ANSWER: Duration = Duration::from_secs(60);
/// How long it may take to the next request: longer than the intervals at which scrapers come.
pub(super) const IDLE: Duration = Duration::from_secs(75);

/// All that are taken.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Place>);

#[derive(Debug)]
struct Place {
    task: AbortHandle,
    pulse: Arc<Pulse>,
}

/// What one connection is at.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<(Phase, Instant)>);

#[derive(Clone, Copy, Debug)]
enum Phase {
    Begun,
    Answered,
    Idle,
}

/// One answer; over when dropped.
#[derive(Debug)]
pub(super) struct Answering(Arc<Pulse>);

impl Places {
    /// Gives a place to a connection, and takes one away if there is none: then the runtime must have
    /// its turn, or as many as it grants to one task were accepted before the first is closed.
    pub(super) async fn take(&mut self, task: AbortHandle, pulse: Arc<Pulse>) {
        self.0.retain(|place| !place.task.is_finished());
        let full = self.0.len() >= PLACES;
        if full {
            // Whatever it is at: were those who are answered spared, slow readers would drive out
            // each newcomer before it has said a word.
            let since = |index: &usize| self.0[*index].pulse.state().1;
            if let Some(longest) = (0..self.0.len()).min_by_key(since) {
                tracing::debug!("too many connections: the one that takes longest is closed");
                self.0.swap_remove(longest).task.abort();
            }
        }
        self.0.push(Place { task, pulse });
        if full {
            yield_now().await;
        }
    }
}

impl Pulse {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new((Phase::Begun, Instant::now()))))
    }

    /// An answer begins.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        *self.state() = (Phase::Answered, Instant::now());
        Answering(Arc::clone(self))
    }

    /// Resolves when the client has taken too long.
    pub(super) async fn overdue(&self) {
        loop {
            let deadline = self.deadline();
            if deadline <= Instant::now() {
                return;
            }
            sleep_until(deadline).await;
        }
    }

    fn deadline(&self) -> Instant {
        let (phase, since) = *self.state();
        since
            + match phase {
                Phase::Begun => BEGIN,
                Phase::Answered => ANSWER,
                Phase::Idle => IDLE,
            }
    }

    fn state(&self) -> MutexGuard<'_, (Phase, Instant)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.state() = (Phase::Idle, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn how_long_a_client_may_take_depends_on_what_it_is_at() {
        let pulse = Pulse::new();
        let begun = Instant::now();
        pulse.overdue().await;
        assert_eq!(begun.elapsed(), BEGIN);
        let answering = pulse.answering();
        let begun = Instant::now();
        pulse.overdue().await;
        assert_eq!(begun.elapsed(), ANSWER);
        drop(answering);
        let begun = Instant::now();
        pulse.overdue().await;
        assert_eq!(begun.elapsed(), IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_takes_the_place_of_who_takes_longest() {
        let mut tasks = tokio::task::JoinSet::new();
        let mut places = Places::default();
        let mut join = async || {
            let pulse = Pulse::new();
            let task = tasks.spawn(std::future::pending::<()>());
            places.take(task.clone(), Arc::clone(&pulse)).await;
            (task, pulse)
        };
        let (scraper, scraping) = join().await;
        let (reader, reading) = join().await;
        let _slowly = reading.answering();
        let (silent, _) = join().await;
        tokio::time::advance(Duration::from_secs(1)).await;
        drop(scraping.answering());
        let mut stay = vec![scraper];
        for _ in 3..PLACES {
            stay.push(join().await.0);
        }
        for _ in 0..10 {
            yield_now().await; // until all have begun
        }
        for gone in [reader, silent] {
            assert!(!gone.is_finished());
            stay.push(join().await.0);
            assert!(gone.is_finished(), "at once");
        }
        assert!(stay.iter().all(|task| !task.is_finished()));
        assert_eq!(places.0.len(), PLACES);
    }
}
