//! Certificates in files of the host: a file named, the files of a directory, or those that match a
//! pattern. Each scan looks at all of them and reads those that changed. Which file is where is
//! [`super::host`]'s business, what is in it the decoder's; here it is decided what that means for a
//! location.

use std::mem;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::host::crew::Crew;
use super::host::keyring::Keyring;
use super::host::ledger::{Ledger, Scanned};
use super::host::look::{Bytes, Glance, Seen, State};
use super::host::patrol::{Door, Scan, patrol};
use super::host::walk::{Expansion, Found, Search};
use super::host::{HostRoot, Keystores, Look, faulty, label, no_certificate};
use super::{Failure, LocalFuture, Sink, Source, sibling};
use crate::decode::{Decoded, key};
use crate::model::{Bundle, Location, Problem, Reason};

pub use super::host::Options;

/// Certificates in files of the host.
#[derive(Debug)]
pub struct Files {
    options: Options,
}

/// One watch over the files, from its first scan on.
#[derive(Debug)]
pub struct Scanner {
    door: Door,
    search: Arc<Search>,
    crew: Crew,
    ledger: Ledger<Option<Memo>>,
    keystores: Keystores,
    compare_keys: bool,
    keyring: Arc<Keyring>,
    /// Grows whenever the keyring changes.
    generation: NonZeroU32,
    /// Why a passphrase could not be read last time.
    unread: Option<Reason>,
}

/// What is to be known of a file when it is looked at next; there is none of what is no file.
#[derive(Debug, Default)]
struct Memo {
    /// `None`: it could not be read, and is looked at anew each time until it is well.
    seen: Option<Seen>,
    /// The keyring that did not open it, for it is a keystore.
    closed_to: Option<NonZeroU32>,
}

/// Which file was looked at, whether it was named, and what came of it.
type Sight = (
    (Location, bool),
    Result<Result<Look<Decoded, State>, Problem>, Problem>,
);

/// Decodes all files once.
pub fn scan_once(options: &Options) -> Vec<(Location, Bundle)> {
    match HostRoot::open(&options.root) {
        Ok(root) => {
            let (mut scanner, root) = (Scanner::new(options), Arc::new(root));
            Scanned::of(|sink| scanner.look_at_all(&root, Instant::now(), sink)).into_bundles()
        }
        Err(problem) => vec![(Location::file(label(&options.root)), faulty(problem))],
    }
}

// === impl Files ===

impl Files {
    /// A source that is not yet watching.
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Source for Files {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn name(&self) -> &str {
        &self.options.name
    }

    fn run(&self, sink: Arc<dyn Sink>) -> LocalFuture<'_, Failure> {
        let scanner = Scanner::new(&self.options);
        Box::pin(async move { patrol(scanner, self.options.interval, sink).await })
    }
}

// === impl Scanner ===

impl Scanner {
    /// A watch that has seen nothing yet.
    pub fn new(options: &Options) -> Self {
        Self {
            door: Door::new(&options.root),
            search: Arc::new(Search::new(options, true)),
            crew: Crew::new(options.timeout),
            ledger: Ledger::default(),
            keystores: options.keystores.clone(),
            compare_keys: options.compare_keys,
            keyring: Arc::default(),
            generation: NonZeroU32::MIN,
            unread: None,
        }
    }

    /// Looks at all files and says what is new.
    pub fn scan(&mut self, now: Instant) -> Scanned {
        Scanned::of(|sink| self.scan_for(now, sink))
    }

    /// The same, said as it is found.
    pub fn scan_for(&mut self, now: Instant, sink: &dyn Sink) {
        if let Some(root) = self.door.open(sink) {
            self.look_at_all(&root, now, sink);
        }
    }

    fn look_at_all(&mut self, root: &Arc<HostRoot>, now: Instant, sink: &dyn Sink) {
        self.read_passphrases();
        let Expansion {
            files,
            faults,
            unseen,
        } = self.search.run(root, &mut self.crew);
        let mut files = files.into_iter();
        let mut sights = Vec::new();
        loop {
            let batch = files.by_ref().take(BATCH);
            sights = self.look_at(root, batch, sights, now, sink);
            if sights.is_empty() {
                break;
            }
        }
        for (path, fault) in faults {
            let (location, bundle) = (Location::file(label(&path)), faulty(fault.problem));
            let counts = fault.named || self.search.discovered;
            self.ledger.put(sink, location, bundle, counts, None);
        }
        // What cannot be seen is not gone.
        let unseen: Vec<_> = unseen.iter().map(|directory| label(directory)).collect();
        let is_unseen = |location: &Location| match location {
            Location::File { path } => unseen
                .iter()
                .any(|directory| Path::new(&**path).starts_with(&**directory)),
            _ => false,
        };
        self.ledger
            .end_round(sink, |location, memo| memo.is_some() && is_unseen(location));
    }

    /// Looks at some of the files, so that what is in them never stands in memory at once, and
    /// meanwhile learns from the look at those before.
    fn look_at(
        &mut self,
        root: &Arc<HostRoot>,
        files: impl Iterator<Item = Found>,
        before: Vec<Sight>,
        now: Instant,
        sink: &dyn Sink,
    ) -> Vec<Sight> {
        let (looked_at, glances): (Vec<_>, Vec<_>) = files
            .map(|Found { path, named }| {
                let location = Location::file(label(&path));
                let glance = self.glance(root, path, &location);
                ((location, named), glance)
            })
            .unzip();
        let mut crew = mem::take(&mut self.crew);
        let results = crew.run_beside(glances, || {
            for ((location, named), result) in before {
                self.learn(sink, location, named, result.flatten(), now);
            }
        });
        self.crew = crew;
        looked_at.into_iter().zip(results).collect()
    }

    /// Takes the passphrases anew: what they did not open may be opened by others.
    fn read_passphrases(&mut self) {
        let (keyring, failure) = self.keystores.read(&self.keyring, &mut self.crew);
        if keyring != *self.keyring {
            self.keyring = Arc::new(keyring);
            self.generation = self.generation.saturating_add(1);
        }
        let reason = failure.as_ref().map(|failure| failure.reason);
        let is_news = self.unread != reason;
        self.unread = reason;
        if let Some(failure) = failure {
            self.ledger.fail(failure, is_news);
        }
    }

    fn glance(
        &self,
        root: &Arc<HostRoot>,
        path: PathBuf,
        location: &Location,
    ) -> Glance<impl Fn(&Path, &Bytes) -> Decoded + use<>> {
        let (keyring, compare) = (Arc::clone(&self.keyring), self.compare_keys);
        let memo = self.ledger.memo(location).and_then(Option::as_ref);
        Glance {
            root: Arc::clone(root),
            follow: self.search.follow,
            known: memo
                .filter(|file| file.closed_to.is_none_or(|to| to == self.generation))
                .and_then(|file| file.seen.as_ref()?.known()),
            keys: if compare {
                sibling::key_paths(&path)
            } else {
                Vec::new()
            },
            path,
            digest: move |_: &Path, bytes: &Bytes| {
                let mut decoded = keyring.decode(&bytes.file);
                if compare {
                    let key = bytes.key.as_ref().unwrap_or(&bytes.file);
                    key::check_key(&mut decoded, &bytes.file, key);
                }
                decoded
            },
        }
    }

    /// Decides what a look at a file means.
    fn learn(
        &mut self,
        sink: &dyn Sink,
        location: Location,
        named: bool,
        result: Result<Look<Decoded, State>, Problem>,
        now: Instant,
    ) {
        match result {
            Ok(Look::Unchanged) => self.ledger.keep(&location),
            Ok(Look::Read(state, mut decoded)) => {
                let memo = self.ledger.memo(&location).and_then(Option::as_ref);
                let seen = Seen::read(memo.and_then(|memo| memo.seen.as_ref()), state, now);
                seen.withhold_mismatch(&mut decoded.problems, now);
                let is_closed = |problem: &Problem| problem.reason == Reason::BadPassphrase;
                let closed = decoded.problems.iter().any(is_closed);
                let memo = Some(Memo {
                    seen: Some(seen),
                    closed_to: closed.then_some(self.generation),
                });
                match bundle(decoded, named) {
                    Some(bundle) => self.ledger.put(sink, location, bundle, named, memo),
                    None => self.ledger.pass(sink, location, memo),
                }
            }
            // A pattern matches whatever is there; only a name is an expectation.
            Err(Problem {
                reason: Reason::NotFound | Reason::NotRegularFile,
                ..
            }) if !named => self.ledger.drop(sink, location),
            // Not forgotten: when its directory cannot be seen next, what is known of it stays.
            Err(problem) => {
                let counts = named || self.search.discovered;
                let memo = Some(Memo::default());
                self.ledger
                    .put(sink, location, faulty(problem), counts, memo);
            }
        }
    }
}

impl Scan for Scanner {
    fn scan(&mut self, now: Instant, sink: &dyn Sink) {
        self.scan_for(now, sink);
    }
}

// === helpers ===

/// How many files are looked at before it is said what is in them, which is while those after them
/// are looked at: twice as many may stand in memory.
const BATCH: usize = 128;

/// The bundle of a file that was read; `None` when it is of no interest: a key, found by a pattern.
fn bundle(decoded: Decoded, named: bool) -> Option<Bundle> {
    if decoded.is_barren() && decoded.problems.is_empty() {
        return named.then(|| Bundle::bad(no_certificate()));
    }
    Some(decoded.into())
}
