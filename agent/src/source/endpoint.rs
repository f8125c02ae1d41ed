//! Certificates that servers show, and remote files: one look each, round after round, on a thread
//! with a runtime of its own, so that no handshake and no slow server ever holds up a scrape.
//!
//! `address` and `protocol` say where and how, `dial` gets there, `witness` shakes hands and keeps
//! what is shown, `fetch` reads a remote file, `verify` says whether it is trusted, `pair` reads the
//! file that should be served, `kit` what we bring along; `target` puts one look together.

mod address;
mod dial;
mod fetch;
mod kit;
mod pair;
mod protocol;
mod target;
mod verify;
mod witness;

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::oneshot;

pub use self::address::Address;
use self::kit::Kit;
pub use self::kit::{IdentityFiles, Trust};
pub use self::pair::Pairing;
use self::pair::Shelf;
pub use self::protocol::Protocol;
pub use self::target::{Place, Target};
use super::host::patrol::jittered;
use super::{Failure, LocalFuture, Report, Sink, Source};
use crate::model::{Bundle, Change, Location, Reason};

/// What is watched.
#[derive(Clone, Debug)]
pub struct Options {
    /// The user's name for the source.
    pub name: String,
    /// `endpoint`, or `served`: then the servers are known, and not named.
    pub kind: &'static str,
    /// Where the host's `/` is for us: what should be served is there.
    pub root: PathBuf,
    /// The time between two rounds.
    pub interval: Duration,
    /// How long one operation on a file may take.
    pub timeout: Duration,
    /// What to look at.
    pub targets: Vec<Target>,
}

/// Servers and remote files.
#[derive(Debug)]
pub struct Endpoints {
    options: Options,
}

/// Looks that are under way at a time: each has a connection, and a handshake's memory.
const AT_A_TIME: usize = 64;

/// Names that are looked up at a time, each by a thread: the C library waits where it is called.
const LOOKUPS: usize = 16;

/// A handshake's arithmetic goes no deeper; neither do the files.
const STACK: usize = 512 << 10;

/// Round after round over the targets.
struct Watch {
    options: Options,
    shelf: Shelf,
    /// Why a place could not be looked at last time, of all that there are.
    told: HashMap<Location, Option<Reason>>,
    /// A round has been told to the end.
    begun: bool,
}

// === impl Endpoints ===

impl Endpoints {
    /// A source that is not yet watching.
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Source for Endpoints {
    fn kind(&self) -> &'static str {
        self.options.kind
    }

    fn name(&self) -> &str {
        &self.options.name
    }

    fn run(&self, sink: Arc<dyn Sink>) -> LocalFuture<'_, Failure> {
        let watch = Watch::new(self.options.clone());
        Box::pin(async move {
            // Dropped with this future, which ends the thread.
            let (_wanted, unwanted) = oneshot::channel::<Infallible>();
            let (failed, failure) = oneshot::channel();
            let started = thread::Builder::new()
                .name("endpoints".into())
                .stack_size(STACK)
                .spawn(move || {
                    if let Err(error) = on_this_thread(watch, &*sink, unwanted) {
                        // Nobody waits any more when the source was dropped meanwhile.
                        failed.send(error).ok();
                    }
                });
            if let Err(error) = started {
                return internal(format!("no thread could be started: {error}"));
            }
            match failure.await {
                Ok(error) => internal(format!("no runtime could be built: {error}")),
                Err(_) => internal("a look panicked".to_owned()),
            }
        })
    }
}

fn on_this_thread(
    watch: Watch,
    sink: &dyn Sink,
    unwanted: oneshot::Receiver<Infallible>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(LOOKUPS)
        .thread_stack_size(STACK)
        .build()?;
    runtime.block_on(async {
        tokio::select! {
            _ = unwanted => {}
            () = watch.run(sink) => {}
        }
    });
    // The lookup of a name may hang; it is not waited for.
    runtime.shutdown_background();
    Ok(())
}

fn internal(detail: String) -> Failure {
    Failure {
        reason: Reason::Internal,
        resource: None,
        detail,
    }
}

// === impl Watch ===

impl Watch {
    fn new(options: Options) -> Self {
        Self {
            shelf: Shelf::new(options.root.clone(), options.timeout),
            options,
            told: HashMap::new(),
            begun: false,
        }
    }

    async fn run(mut self, sink: &dyn Sink) {
        loop {
            self.round(sink).await;
            tokio::time::sleep(jittered(self.options.interval)).await;
        }
    }

    /// Looks at all targets once, and says what is new.
    async fn round(&mut self, sink: &dyn Sink) {
        let kit = Kit::of(&self.options.targets);
        let mut looks = Vec::new();
        for target in &self.options.targets {
            // Nothing should be served here: a distribution that is not on this node.
            if let Some(candidates) = self.shelf.find(&target.pairing) {
                looks.push((target, candidates));
            }
        }
        let mut seen = HashSet::new();
        let mut failures = Vec::new();
        let kit = &kit;
        let looking = looks.into_iter().map(|(target, candidates)| async move {
            (target, target.look_with(kit, candidates).await)
        });
        let mut looking = stream::iter(looking).buffer_unordered(AT_A_TIME);
        while let Some((target, bundle)) = looking.next().await {
            let location = target.location();
            let failure = failure(&location, &bundle);
            let is_closed = failure
                .as_ref()
                .is_some_and(|failure| failure.reason == Reason::Unreachable);
            if is_closed && matches!(target.pairing, Pairing::Known(_)) {
                continue;
            }
            let reason = failure.as_ref().map(|failure| failure.reason);
            let before = self.told.insert(location.clone(), reason);
            if let Some(failure) = failure {
                if before.flatten() != reason {
                    sink.report(Report::Error(failure.clone()));
                }
                failures.push(failure);
            }
            sink.apply(Change::Upsert(location.clone(), bundle));
            seen.insert(location);
        }
        drop(looking);
        self.told.retain(|location, _| {
            let stays = seen.contains(location);
            if !stays {
                sink.apply(Change::Remove(location.clone()));
            }
            stays
        });
        if !std::mem::replace(&mut self.begun, true) {
            // A source that is started anew does not know what it said in its former life.
            sink.apply(Change::Resync(seen.iter().cloned().collect()));
        }
        // One server that is away is its own affair; if all are, it is more likely ours.
        let all_failed = !seen.is_empty() && failures.len() == seen.len();
        let first = failures.into_iter().next().filter(|_| all_failed);
        sink.report(first.map_or(Report::Succeeded, Report::Failed));
    }
}

/// Why a place could not be looked at.
fn failure(location: &Location, bundle: &Bundle) -> Option<Failure> {
    let problem = bundle.problems.first()?;
    bundle.certificates.is_none().then(|| Failure {
        reason: problem.reason,
        resource: None,
        detail: format!("{location}: {}", problem.detail),
    })
}

#[cfg(test)]
mod tests;
