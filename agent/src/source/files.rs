//! Certificates in files of the host: a file named, the files of a directory, or those that match a
//! pattern. Each scan looks at all of them and reads those that changed. Which file is where is
//! [`super::host`]'s business, what is in it the decoder's; here it is decided what that means for a
//! location.

use std::collections::HashMap;
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
    ledger: Ledger,
    seen: HashMap<PathBuf, SeenFile>,
    keystores: Keystores,
    compare_keys: bool,
    keyring: Arc<Keyring>,
    /// Grows whenever the keyring changes.
    generation: u64,
    /// Why a passphrase could not be read last time.
    unread: Option<Reason>,
}

#[derive(Debug)]
struct SeenFile {
    location: Location,
    /// `None`: it could not be read, and is looked at anew each time until it is well.
    seen: Option<Seen>,
    /// The keyring that did not open it, for it is a keystore.
    closed_to: Option<u64>,
}

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
            seen: HashMap::new(),
            keystores: options.keystores.clone(),
            compare_keys: options.compare_keys,
            keyring: Arc::default(),
            generation: 0,
            unread: None,
        }
    }

    /// Looks at all files and says what is new.
    pub fn scan(&mut self, now: Instant) -> Scanned {
        Scanned::of(|sink| Scan::scan(self, now, sink))
    }

    fn look_at_all(&mut self, root: &Arc<HostRoot>, now: Instant, sink: &dyn Sink) {
        self.read_passphrases();
        let Expansion {
            files,
            faults,
            unseen,
        } = self.search.run(root, &mut self.crew);
        let glances = files.iter().map(|file| self.glance(root, file)).collect();
        let results = self.crew.run(glances);
        let mut before = std::mem::take(&mut self.seen);
        for (file, result) in files.into_iter().zip(results) {
            let known = before.remove(&file.path);
            self.learn(sink, file, known, result.flatten(), now);
        }
        // What cannot be seen is not gone.
        for (path, known) in before {
            if unseen.iter().any(|directory| path.starts_with(directory)) {
                self.ledger.keep(&known.location);
                self.seen.insert(path, known);
            }
        }
        for (path, fault) in faults {
            self.seen.remove(&path);
            let (location, bundle) = (Location::file(label(&path)), faulty(fault.problem));
            let counts = fault.named || self.search.discovered;
            self.ledger.put(sink, location, bundle, counts);
        }
        self.ledger.end_round(sink);
    }

    /// Takes the passphrases anew: what they did not open may be opened by others.
    fn read_passphrases(&mut self) {
        let (keyring, failure) = self.keystores.read(&self.keyring, &mut self.crew);
        if keyring != *self.keyring {
            self.keyring = Arc::new(keyring);
            self.generation += 1;
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
        file: &Found,
    ) -> Glance<impl Fn(&Path, &Bytes) -> Decoded + use<>> {
        let (keyring, compare) = (Arc::clone(&self.keyring), self.compare_keys);
        Glance {
            root: Arc::clone(root),
            path: file.path.clone(),
            follow: self.search.follow,
            known: self
                .seen
                .get(&file.path)
                .filter(|file| file.closed_to.is_none_or(|to| to == self.generation))
                .and_then(|file| file.seen.as_ref()?.known()),
            keys: if compare {
                sibling::key_paths(&file.path)
            } else {
                Vec::new()
            },
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
        file: Found,
        known: Option<SeenFile>,
        result: Result<Look<Decoded, State>, Problem>,
        now: Instant,
    ) {
        let Found { path, named } = file;
        let location = || match &known {
            Some(known) => known.location.clone(),
            None => Location::file(label(&path)),
        };
        match result {
            Ok(Look::Unchanged) => {
                if let Some(known) = known {
                    self.ledger.keep(&known.location);
                    self.seen.insert(path, known);
                }
            }
            Ok(Look::Read(state, mut decoded)) => {
                let location = location();
                let before = known.as_ref().and_then(|known| known.seen.as_ref());
                let seen = Seen::read(before, state, now);
                seen.withhold_mismatch(&mut decoded.problems, now);
                let is_closed = |problem: &Problem| problem.reason == Reason::BadPassphrase;
                let closed_to = decoded
                    .problems
                    .iter()
                    .any(is_closed)
                    .then_some(self.generation);
                if let Some(bundle) = bundle(decoded, named) {
                    self.ledger.put(sink, location.clone(), bundle, named);
                }
                let file = SeenFile {
                    location,
                    seen: Some(seen),
                    closed_to,
                };
                self.seen.insert(path, file);
            }
            // A pattern matches whatever is there; only a name is an expectation.
            Err(Problem {
                reason: Reason::NotFound | Reason::NotRegularFile,
                ..
            }) if !named => {}
            // Not forgotten: when its directory cannot be seen next, what is known of it stays.
            Err(problem) => {
                let location = location();
                let counts = named || self.search.discovered;
                self.ledger
                    .put(sink, location.clone(), faulty(problem), counts);
                self.seen.insert(
                    path,
                    SeenFile {
                        location,
                        seen: None,
                        closed_to: None,
                    },
                );
            }
        }
    }
}

impl Scan for Scanner {
    fn scan(&mut self, now: Instant, sink: &dyn Sink) {
        if let Some(root) = self.door.open(sink) {
            self.look_at_all(&root, now, sink);
        }
    }
}

// === helpers ===

/// The bundle of a file that was read; `None` when it is of no interest: a key, found by a pattern.
fn bundle(decoded: Decoded, named: bool) -> Option<Bundle> {
    if decoded.is_barren() && decoded.problems.is_empty() {
        return named.then(|| Bundle::bad(no_certificate()));
    }
    Some(decoded.into())
}
