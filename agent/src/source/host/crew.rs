//! Runs operations that may hang, and goes on when one does.
//!
//! A filesystem whose server is gone holds a thread in the kernel for as long as it likes, and
//! nothing can free it. So a batch of errands is run by one worker thread that publishes what it is
//! at; the supervisor, which touches no filesystem, gives an errand up after a deadline, leaves its
//! thread behind and goes on with a fresh one. A thread that comes back finds itself replaced and
//! ends. While it is away its path is not tried again, and after some have been lost below a
//! directory, nor are its neighbours.

use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::model::{Problem, Reason};

/// One operation on the host's files.
pub(crate) trait Errand: Send + Sync + 'static {
    /// What was fetched.
    type Raw;
    /// What was made of it.
    type Done: Send + 'static;

    /// The path it is about.
    fn path(&self) -> &Path;
    /// The directory that is suspect if the errand hangs.
    fn directory(&self) -> &Path;
    /// Touches the host's files. This may hang.
    fn fetch(&self) -> Self::Raw;
    /// Makes something of it. This takes time, but ends.
    fn digest(&self, raw: Self::Raw) -> Self::Done;
}

/// Runs errands, and remembers which threads it lost.
#[derive(Debug, Default)]
pub(crate) struct Crew {
    deadline: Duration,
    lost: Vec<Lost>,
}

#[derive(Debug)]
struct Lost {
    path: PathBuf,
    directory: PathBuf,
    thread: JoinHandle<()>,
}

/// The errands of one batch, and how far their worker is.
struct Batch<E: Errand> {
    errands: Vec<E>,
    state: Mutex<State<E::Done>>,
    news: Condvar,
}

struct State<D> {
    /// Which worker is in charge: the others have been given up.
    worker: usize,
    /// Which errand it is at.
    at: usize,
    /// Since when it has been fetching; `None` while it is not.
    since: Option<Instant>,
    /// The worker's thread has ended.
    ended: bool,
    results: Vec<Option<Result<D, Problem>>>,
}

// === impl Crew ===

impl Crew {
    /// A crew that gives an errand up after a deadline.
    pub(crate) fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            lost: Vec::new(),
        }
    }

    /// Runs errands; one result each, in order.
    pub(crate) fn run<E: Errand>(&mut self, errands: Vec<E>) -> Vec<Result<E::Done, Problem>> {
        self.run_beside(errands, || ())
    }

    /// The same, doing something in this thread meanwhile: once, and briefly, since nothing is given
    /// up before it is done.
    pub(crate) fn run_beside<E: Errand>(
        &mut self,
        errands: Vec<E>,
        meanwhile: impl FnOnce(),
    ) -> Vec<Result<E::Done, Problem>> {
        let mut meanwhile = Some(meanwhile);
        let mut meanwhile = || meanwhile.take().into_iter().for_each(|work| work());
        self.lost.retain(|lost| !lost.thread.is_finished());
        let batch = Arc::new(Batch::new(errands));
        self.give_up_suspects(&batch, &mut batch.lock());
        loop {
            // Not in a `while let`: that would hold the lock while the worker needs it.
            let next = batch.lock().next();
            let Some(at) = next else { break };
            if let Err(error) = self.supervise(&batch, &mut meanwhile) {
                let problem = internal(format!("no thread could be started: {error}"));
                batch.lock().results[at] = Some(Err(problem));
            }
        }
        meanwhile();
        let results = mem::take(&mut batch.lock().results);
        results.into_iter().flatten().collect()
    }

    /// Starts a worker, and watches it until it has ended or must be given up.
    fn supervise<E: Errand>(
        &mut self,
        batch: &Arc<Batch<E>>,
        meanwhile: &mut dyn FnMut(),
    ) -> std::io::Result<()> {
        let worker = batch.lock().take_charge();
        let theirs = Arc::clone(batch);
        let thread = thread::Builder::new()
            .name("host-files".into())
            .stack_size(STACK)
            .spawn(move || theirs.work(worker))?;
        meanwhile();
        let mut state = batch.lock();
        while !state.ended {
            let left = match state.since {
                Some(since) => self.deadline.saturating_sub(since.elapsed()),
                None => self.deadline,
            };
            if left.is_zero() {
                let at = state.at;
                state.results[at] = Some(Err(self.hung()));
                // From here on, whatever the worker brings is not wanted any more.
                state.worker += 1;
                let errand = &batch.errands[at];
                self.lost.push(Lost {
                    path: errand.path().to_owned(),
                    directory: errand.directory().to_owned(),
                    thread,
                });
                self.give_up_suspects(batch, &mut state);
                return Ok(());
            }
            state = batch
                .news
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let at = state.at;
        if let Some(result @ None) = state.results.get_mut(at) {
            *result = Some(Err(internal("the agent failed on it: a fault of its own")));
        }
        Ok(())
    }

    /// Settles the errands that would only hang as well.
    fn give_up_suspects<E: Errand>(&self, batch: &Batch<E>, state: &mut State<E::Done>) {
        if self.lost.is_empty() {
            return;
        }
        for (errand, result) in batch.errands.iter().zip(&mut state.results) {
            if result.is_none() && self.suspects(errand.path()) {
                *result = Some(Err(self.hung()));
            }
        }
    }

    fn suspects(&self, path: &Path) -> bool {
        self.lost.len() >= MOST_LOST
            || self.lost.iter().any(|lost| {
                lost.path == path
                    || (self.lost.len() >= MANY_LOST
                        && lost.directory != Path::new("/")
                        && path.starts_with(&lost.directory))
            })
    }

    fn hung(&self) -> Problem {
        Problem::new(
            Reason::Timeout,
            format!("no answer within {:?}", self.deadline),
        )
    }
}

// === impl Batch ===

impl<E: Errand> Batch<E> {
    fn new(errands: Vec<E>) -> Self {
        let results = errands.iter().map(|_| None).collect();
        let state = State {
            worker: 0,
            at: 0,
            since: None,
            ended: true,
            results,
        };
        Self {
            errands,
            state: Mutex::new(state),
            news: Condvar::new(),
        }
    }

    /// A panic of an errand happens outside the lock, so that the state is always whole.
    fn lock(&self) -> MutexGuard<'_, State<E::Done>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker's life.
    fn work(self: Arc<Self>, worker: usize) {
        let _farewell = Farewell {
            batch: &self,
            worker,
        };
        loop {
            let at = {
                let mut state = self.lock();
                let Some(at) = state.next().filter(|_| state.worker == worker) else {
                    return;
                };
                state.at = at;
                state.since = Some(Instant::now());
                at
            };
            let errand = &self.errands[at];
            let raw = errand.fetch();
            {
                let mut state = self.lock();
                if state.worker != worker {
                    return;
                }
                state.since = None;
            }
            let done = errand.digest(raw);
            self.lock().results[at] = Some(Ok(done));
        }
    }
}

/// Says that a worker's thread has ended, by a panic too.
struct Farewell<'a, E: Errand> {
    batch: &'a Batch<E>,
    worker: usize,
}

impl<E: Errand> Drop for Farewell<'_, E> {
    fn drop(&mut self) {
        let mut state = self.batch.lock();
        if state.worker == self.worker {
            state.ended = true;
            self.batch.news.notify_one();
        }
    }
}

// === impl State ===

impl<D> State<D> {
    /// The first errand without a result.
    fn next(&self) -> Option<usize> {
        (self.at..self.results.len()).find(|at| self.results[*at].is_none())
    }

    fn take_charge(&mut self) -> usize {
        self.worker += 1;
        self.since = None;
        self.ended = false;
        self.worker
    }
}

// === helpers ===

fn internal(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(Reason::Internal, detail)
}

/// From so many lost threads on, the directories they hang in are left alone.
const MANY_LOST: usize = 4;

/// No more threads than this are ever lost: then nothing is tried until one comes back.
const MOST_LOST: usize = 16;

/// Twice what the deepest YAML that is read takes without optimisation. Only pages that are touched
/// count.
const STACK: usize = 2 << 20;

#[cfg(test)]
mod tests;
