//! Goes round after round: each on a thread of its own, so that neither a slow filesystem nor a
//! large file holds up a scrape.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::HostRoot;
use crate::model::Reason;
use crate::source::{Failure, Report, Sink};

/// The way to the host's files, tried anew for each scan.
#[derive(Debug)]
pub(crate) struct Door {
    root: PathBuf,
    /// Why it could not be opened last time.
    closed: Option<Reason>,
}

/// Something that looks at all its locations.
pub(crate) trait Scan: Send + 'static {
    /// Looks at all locations and says what is new, as it finds it. Takes as long as the crew's
    /// deadlines allow.
    fn scan(&mut self, now: Instant, sink: &dyn Sink);
}

/// Scans at once and then at every interval.
pub(crate) async fn patrol(
    mut scanner: impl Scan,
    interval: Duration,
    sink: Arc<dyn Sink>,
) -> Failure {
    loop {
        let (sender, receiver) = oneshot::channel();
        let listener = Arc::clone(&sink);
        let started = thread::Builder::new()
            .name("host-scan".into())
            .stack_size(STACK)
            .spawn(move || {
                scanner.scan(Instant::now(), &*listener);
                // Nobody waits any more when the source was dropped meanwhile.
                drop(sender.send(scanner));
            });
        if let Err(error) = started {
            return internal(format!("no thread could be started: {error}"));
        }
        let Ok(back) = receiver.await else {
            return internal("the scan panicked".into());
        };
        scanner = back;
        tokio::time::sleep(jittered(interval)).await;
    }
}

// === impl Door ===

impl Door {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            closed: None,
        }
    }

    /// Opens the host root, or reports that it is not there.
    pub(crate) fn open(&mut self, sink: &dyn Sink) -> Option<Arc<HostRoot>> {
        let problem = match HostRoot::open(&self.root) {
            Ok(root) => {
                self.closed = None;
                return Some(Arc::new(root));
            }
            Err(problem) => problem,
        };
        let reason = problem.reason;
        let detail = format!("host root {}: {}", self.root.display(), problem.detail);
        let failure = Failure {
            reason,
            resource: None,
            detail,
        };
        if self.closed.replace(reason) != Some(reason) {
            sink.report(Report::Error(failure.clone()));
        }
        sink.report(Report::Failed(failure));
        None
    }
}

// === helpers ===

fn internal(detail: String) -> Failure {
    Failure {
        reason: Reason::Internal,
        resource: None,
        detail,
    }
}

/// A little more or less, so that the nodes of a cluster do not go round in step.
pub(crate) fn jittered(interval: Duration) -> Duration {
    // 0 to 1023 of 10240, around the middle.
    let random = (RandomState::new().build_hasher().finish() % 1024) as u32;
    interval * 19 / 20 + interval / 10240 * random
}

/// Scanning itself goes no deeper than a few calls.
const STACK: usize = 512 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_longer_or_shorter_by_a_twentieth_at_most() {
        let interval = Duration::from_secs(100);
        for _ in 0..100 {
            let jittered = jittered(interval);
            assert!((95..=105).contains(&jittered.as_secs()), "{jittered:?}");
        }
        assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
    }
}
