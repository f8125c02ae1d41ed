//! Bearer tokens, judged by the API server; what it said holds for some minutes.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ring::hmac;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::passwords::Waiting;
use crate::health::door::Refused;
use crate::source::kube::{Reviewer, Verdict};

/// How long a good token is good without being asked about again.
const GOOD: Duration = Duration::from_secs(120);
/// How long one that is not is not; a role that was bound meanwhile counts after it.
const BAD: Duration = Duration::from_secs(10);
/// How long a good one stays good while the API server cannot be asked.
const ALONE: Duration = Duration::from_secs(600);
/// Tokens that are remembered, each for one path.
const MOST: usize = 64;
/// Reviews at a time.
const AT_ONCE: usize = 4;

/// Asks about tokens, and remembers the answers.
#[derive(Debug)]
pub(super) struct Tokens {
    reviewer: Reviewer,
    key: hmac::Key,
    /// By a MAC of token and path, so that no token is kept.
    known: Mutex<BTreeMap<Vec<u8>, Known>>,
    turns: Semaphore,
    waiting: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    verdict: Verdict,
    at: Instant,
}

impl Tokens {
    pub(super) fn new(reviewer: Reviewer, key: hmac::Key) -> Self {
        Self {
            reviewer,
            key,
            known: Mutex::default(),
            turns: Semaphore::new(AT_ONCE),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether the owner of this token may get what is at this path.
    pub(super) async fn check(&self, token: &str, path: &str) -> Result<(), Refused> {
        let mut mac = hmac::Context::with_key(&self.key);
        mac.update(path.as_bytes());
        mac.update(&[0]);
        mac.update(token.as_bytes());
        let mac = mac.sign().as_ref().to_vec();
        if let Some(verdict) = self.fresh(&mac) {
            return judged(verdict);
        }
        let waiting = Waiting::new(&self.waiting).ok_or(Refused::Busy)?;
        let turn = self.turns.acquire().await.map_err(|_| Refused::Busy)?;
        if let Some(verdict) = self.fresh(&mac) {
            return judged(verdict);
        }
        let asked = self.reviewer.judge(token, path).await;
        drop((turn, waiting));
        let verdict = match asked {
            Ok(verdict) => {
                self.remember(mac, verdict);
                verdict
            }
            Err(error) => {
                let before = self.known().get(&mac).copied();
                let held = before.filter(|known| {
                    known.verdict == Verdict::Allowed && known.at.elapsed() < ALONE
                });
                tracing::warn!(error, held = held.is_some(), "a token cannot be reviewed");
                held.ok_or(Refused::ReviewFailed)?.verdict
            }
        };
        judged(verdict)
    }

    fn fresh(&self, mac: &[u8]) -> Option<Verdict> {
        let known = self.known().get(mac).copied()?;
        let holds = match known.verdict {
            Verdict::Allowed => GOOD,
            Verdict::NotAllowed | Verdict::Unknown => BAD,
        };
        (known.at.elapsed() < holds).then_some(known.verdict)
    }

    fn remember(&self, mac: Vec<u8>, verdict: Verdict) {
        let mut known = self.known();
        // A flood of wrong tokens makes room of its own kind first: those who may stay known.
        while known.len() >= MOST && !known.contains_key(&mac) {
            let oldest = known
                .iter()
                .min_by_key(|(_, one)| (one.verdict == Verdict::Allowed, one.at))
                .map(|(mac, _)| mac.clone());
            let Some(oldest) = oldest else { break };
            known.remove(&oldest);
        }
        let at = Instant::now();
        known.insert(mac, Known { verdict, at });
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn judged(verdict: Verdict) -> Result<(), Refused> {
    match verdict {
        Verdict::Allowed => Ok(()),
        Verdict::NotAllowed => Err(Refused::NotAllowed),
        Verdict::Unknown => Err(Refused::Wrong),
    }
}
