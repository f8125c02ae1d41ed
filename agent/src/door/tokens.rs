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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::{BodyExt, Full};
    use hyper::body::Bytes;
    use tokio::time::advance;

    use super::*;
    use crate::source::kube::{BoxError, Client};

    /// What the API server says of every token, nothing where it is down, and how often it was asked.
    type Api = Arc<Mutex<(Option<Verdict>, usize)>>;

    fn tokens(says: Verdict) -> (Tokens, Api) {
        let api: Api = Arc::new(Mutex::new((Some(says), 0)));
        let server = Arc::clone(&api);
        let service = tower::service_fn(move |request: http::Request<Full<Bytes>>| {
            let is_token = request.uri().path().ends_with("/tokenreviews");
            let mut api = server.lock().unwrap();
            api.1 += usize::from(is_token);
            let answer = api.0.ok_or_else(|| BoxError::from("down")).map(|says| {
                let status = if is_token {
                    format!("{{\"authenticated\":{}}}", says != Verdict::Unknown)
                } else {
                    format!("{{\"allowed\":{}}}", says == Verdict::Allowed)
                };
                let text = format!("{{\"apiVersion\":\"a\",\"kind\":\"b\",\"status\":{status}}}");
                let body = Full::from(text).map_err(|never| match never {});
                http::Response::new(body.boxed_unsync())
            });
            std::future::ready(answer)
        });
        let random = ring::rand::SystemRandom::new();
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &random).unwrap();
        let reviewer = Reviewer::through(Client::through(service));
        (Tokens::new(reviewer, key), api)
    }

    fn say(api: &Api, says: Option<Verdict>) {
        api.lock().unwrap().0 = says;
    }

    fn asked(api: &Api) -> usize {
        api.lock().unwrap().1
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_may_no_longer_is_out_after_minutes_and_who_may_now_is_in_after_seconds() {
        for (says, refused) in [
            (Verdict::Unknown, Refused::Wrong),
            (Verdict::NotAllowed, Refused::NotAllowed),
        ] {
            let (tokens, api) = tokens(Verdict::Allowed);
            assert_eq!(tokens.check("a", "/metrics").await, Ok(()));
            say(&api, Some(says));
            advance(GOOD.saturating_sub(SECOND)).await;
            assert_eq!(tokens.check("a", "/metrics").await, Ok(()));
            assert_eq!(asked(&api), 1);
            advance(SECOND).await;
            assert_eq!(tokens.check("a", "/metrics").await, Err(refused));
            assert_eq!(asked(&api), 2);
            say(&api, Some(Verdict::Allowed));
            advance(BAD.saturating_sub(SECOND)).await;
            assert_eq!(tokens.check("a", "/metrics").await, Err(refused));
            assert_eq!(asked(&api), 2);
            advance(SECOND).await;
            assert_eq!(tokens.check("a", "/metrics").await, Ok(()));
            assert_eq!(asked(&api), 3);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_nobody_can_be_asked_who_was_let_in_stays_for_a_while_and_nobody_else() {
        let (tokens, api) = tokens(Verdict::Allowed);
        assert_eq!(tokens.check("a", "/metrics").await, Ok(()));
        say(&api, Some(Verdict::Unknown));
        assert_eq!(tokens.check("b", "/metrics").await, Err(Refused::Wrong));
        say(&api, None);
        advance(ALONE.saturating_sub(SECOND)).await;
        assert_eq!(tokens.check("a", "/metrics").await, Ok(()));
        for (token, path) in [("a", "/"), ("b", "/metrics"), ("c", "/metrics")] {
            let answer = tokens.check(token, path).await;
            assert_eq!(answer, Err(Refused::ReviewFailed), "{token}");
        }
        advance(SECOND).await;
        let answer = tokens.check("a", "/metrics").await;
        assert_eq!(answer, Err(Refused::ReviewFailed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_wrong_tokens_makes_nobody_unknown_who_may() {
        let (tokens, api) = tokens(Verdict::Allowed);
        assert_eq!(tokens.check("a", "/metrics").await, Ok(()));
        say(&api, Some(Verdict::Unknown));
        for wrong in 0..2 * MOST {
            let answer = tokens.check(&wrong.to_string(), "/metrics").await;
            assert_eq!(answer, Err(Refused::Wrong));
        }
        assert_eq!(tokens.known().len(), MOST);
        assert_eq!(tokens.check("a", "/metrics").await, Ok(()));
        assert_eq!(asked(&api), 1 + 2 * MOST);
    }
}
