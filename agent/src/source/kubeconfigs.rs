//! Certificates in kubeconfigs of the host, written into them or in the files that they name. Each
//! scan looks at the kubeconfigs and at those files, and reads what changed of either. A file that
//! a kubeconfig names is looked for where its other readers look: a relative path starts in the
//! directory of the kubeconfig, an absolute one at the host's `/`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use zeroize::Zeroizing;

use super::host::crew::Crew;
use super::host::ledger::{Ledger, Scanned};
use super::host::look::{Bytes, Glance, Seen, State};
use super::host::patrol::{Door, Scan, patrol};
use super::host::walk::{Expansion, Search};
use super::host::{HostRoot, Look, faulty, is_unread, label, no_certificate};
use super::{Failure, LocalFuture, Sink, Source};
use crate::decode::key::check_key;
use crate::decode::kubeconfig::{self, ClientKey, Content, MAX_ENTRIES};
use crate::decode::{self, MAX_BLOCKS};
use crate::model::{Bundle, Entry, Location, Problem, Reason};

pub use super::host::Options;

/// Certificates in kubeconfigs of the host.
#[derive(Debug)]
pub struct Kubeconfigs {
    options: Options,
}

/// One watch over the kubeconfigs, from its first scan on.
#[derive(Debug)]
pub struct Scanner {
    door: Door,
    search: Arc<Search>,
    crew: Crew,
    ledger: Ledger,
    kubeconfigs: BTreeMap<PathBuf, Kubeconfig>,
    /// The files that the kubeconfigs name.
    files: HashMap<Pair, Named>,
    compare_keys: bool,
}

/// What is known of a kubeconfig.
#[derive(Debug)]
struct Kubeconfig {
    path: Arc<str>,
    /// The user named it.
    named: bool,
    /// Its last state that is known well; `None` after a fault.
    seen: Option<Seen>,
    parts: Vec<(Entry, Part)>,
    /// What is wrong with it as a whole.
    fault: Option<Problem>,
}

/// Where the certificates of an entry are.
#[derive(Debug)]
enum Part {
    /// In the kubeconfig itself.
    Here(Bundle),
    /// In a file.
    File(Pair),
}

/// A file with a certificate, and that of its key, where they are to be compared.
type Pair = (PathBuf, Option<PathBuf>);

/// What the bytes of a kubeconfig give.
type Parts = Result<Vec<(Entry, Part)>, Problem>;

/// What is known of a file that a kubeconfig names.
#[derive(Debug)]
struct Named {
    seen: Option<Seen>,
    bundle: Bundle,
}

/// Decodes all kubeconfigs once.
pub fn scan_once(options: &Options) -> Vec<(Location, Bundle)> {
    match HostRoot::open(&options.root) {
        Ok(root) => {
            let (mut scanner, root) = (Scanner::new(options), Arc::new(root));
            Scanned::of(|sink| scanner.look_at_all(&root, Instant::now(), sink)).into_bundles()
        }
        Err(problem) => vec![(location(&label(&options.root), None), faulty(problem))],
    }
}

// === impl Kubeconfigs ===

impl Kubeconfigs {
    /// A source that is not yet watching.
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Source for Kubeconfigs {
    fn kind(&self) -> &'static str {
        "kubeconfig"
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
            search: Arc::new(Search::new(options, false)),
            crew: Crew::new(options.timeout),
            ledger: Ledger::default(),
            kubeconfigs: BTreeMap::new(),
            files: HashMap::new(),
            compare_keys: options.compare_keys,
        }
    }

    /// Looks at all kubeconfigs and the files they name, and says what is new.
    pub fn scan(&mut self, now: Instant) -> Scanned {
        Scanned::of(|sink| Scan::scan(self, now, sink))
    }

    fn look_at_all(&mut self, root: &Arc<HostRoot>, now: Instant, sink: &dyn Sink) {
        let faults = self.look_at_kubeconfigs(root, now);
        self.look_at_files(root, now);
        for kubeconfig in self.kubeconfigs.values() {
            let path = &kubeconfig.path;
            let counts = kubeconfig.named || self.search.discovered;
            if let Some(problem) = &kubeconfig.fault {
                let bundle = faulty(problem.clone());
                self.ledger
                    .put(sink, location(path, None), bundle, counts, ());
            }
            for (entry, bundle) in kubeconfig.bundles(&self.files) {
                let location = location(path, Some(entry));
                self.ledger.put(sink, location, bundle, counts, ());
            }
        }
        for (path, problem, named) in faults {
            let counts = named || self.search.discovered;
            let (location, bundle) = (location(&label(&path), None), faulty(problem));
            self.ledger.put(sink, location, bundle, counts, ());
        }
        self.ledger.end_round(sink, |_, ()| false);
    }

    /// Brings the kubeconfigs up to date; gives back what is wrong with the names for them.
    fn look_at_kubeconfigs(
        &mut self,
        root: &Arc<HostRoot>,
        now: Instant,
    ) -> Vec<(PathBuf, Problem, bool)> {
        let Expansion {
            files,
            faults,
            unseen,
        } = self.search.run(root, &mut self.crew);
        let compare = self.compare_keys;
        let glances = files.iter().map(|file| Glance {
            root: Arc::clone(root),
            path: file.path.clone(),
            follow: self.search.follow,
            known: self.kubeconfigs.get(&file.path).and_then(Kubeconfig::known),
            keys: Vec::new(),
            digest: move |path: &Path, bytes: &Bytes| parts(path, &bytes.file, compare),
        });
        let results = self.crew.run(glances.collect());
        let mut before = mem::take(&mut self.kubeconfigs);
        for (file, result) in files.into_iter().zip(results) {
            let known = before
                .remove(&file.path)
                .unwrap_or_else(|| Kubeconfig::new(&file.path));
            if let Some(kubeconfig) = known.learn(result.flatten(), file.named, now) {
                self.kubeconfigs.insert(file.path, kubeconfig);
            }
        }
        // What cannot be seen is not gone.
        before.retain(|path, _| unseen.iter().any(|directory| path.starts_with(directory)));
        self.kubeconfigs.append(&mut before);
        faults
            .into_iter()
            .map(|(path, fault)| (path, fault.problem, fault.named))
            .collect()
    }

    /// Brings the files up to date that the kubeconfigs name now, and forgets the others.
    fn look_at_files(&mut self, root: &Arc<HostRoot>, now: Instant) {
        let parts = self
            .kubeconfigs
            .values()
            .flat_map(|kubeconfig| &kubeconfig.parts);
        let pairs: BTreeSet<_> = parts
            .filter_map(|(_, part)| match part {
                Part::File(pair) => Some(pair.clone()),
                Part::Here(_) => None,
            })
            .collect();
        let glances = pairs.iter().map(|pair| {
            let (path, key) = pair.clone();
            let compare = key.is_some();
            Glance {
                root: Arc::clone(root),
                path,
                follow: true,
                known: self.files.get(pair).and_then(|file| file.seen?.known()),
                keys: key.into_iter().collect(),
                digest: move |_: &Path, bytes: &Bytes| {
                    let key = bytes.key.as_ref().unwrap_or(&bytes.file);
                    compared(&bytes.file, compare.then_some(key))
                },
            }
        });
        let results = self.crew.run(glances.collect());
        let mut before = mem::take(&mut self.files);
        for (pair, result) in pairs.into_iter().zip(results) {
            let known = before.remove(&pair);
            let file = match (result.flatten(), known) {
                (Ok(Look::Unchanged), Some(known)) => known,
                (Ok(Look::Read(state, mut bundle)), known) => {
                    let before = known.and_then(|known| known.seen);
                    let seen = Seen::read(before.as_ref(), state, now);
                    seen.withhold_mismatch(&mut bundle.problems, now);
                    Named {
                        seen: Some(seen),
                        bundle,
                    }
                }
                (Err(problem), _) => Named {
                    seen: None,
                    bundle: faulty(problem),
                },
                // Nothing is unchanged that was not known.
                (Ok(Look::Unchanged), None) => continue,
            };
            self.files.insert(pair, file);
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

// === impl Kubeconfig ===

impl Kubeconfig {
    fn new(path: &Path) -> Self {
        Self {
            path: label(path),
            named: false,
            seen: None,
            parts: Vec::new(),
            fault: None,
        }
    }

    fn known(&self) -> Option<State> {
        self.seen?.known()
    }

    /// Decides what a look at it means; `None` if there is no such kubeconfig any more.
    fn learn(
        mut self,
        result: Result<Look<Parts, State>, Problem>,
        named: bool,
        now: Instant,
    ) -> Option<Self> {
        self.named = named;
        match result {
            Ok(Look::Unchanged) => {}
            Ok(Look::Read(state, parts)) => {
                self.seen = Some(Seen::read(self.seen.as_ref(), state, now));
                self.fault = None;
                match parts {
                    Ok(parts) if parts.is_empty() && named => self.fail(no_certificate()),
                    Ok(mut parts) => {
                        self.fault = (parts.len() > MAX_ENTRIES).then(too_many_entries);
                        parts.truncate(MAX_ENTRIES);
                        self.parts = parts;
                    }
                    Err(problem) => self.fail(problem),
                }
            }
            // A pattern matches whatever is there; only a name is an expectation.
            Err(Problem {
                reason: Reason::NotFound | Reason::NotRegularFile,
                ..
            }) if !named => {
                return None;
            }
            Err(problem) => {
                self.seen = None;
                self.fail(problem);
            }
        }
        Some(self)
    }

    /// Keeps what is known if the kubeconfig could not be read, and drops it if it is wrong.
    fn fail(&mut self, problem: Problem) {
        if !is_unread(problem.reason) {
            self.parts.clear();
        }
        self.fault = Some(problem);
    }

    /// One bundle for each entry; entries with one name are one.
    ///
    /// All entries may name one and the same large file, and each shows all of it: together they have
    /// no more room than one place has.
    fn bundles(&self, files: &HashMap<Pair, Named>) -> BTreeMap<Entry, Bundle> {
        let mut bundles: BTreeMap<_, Bundle> = BTreeMap::new();
        let (mut room, beyond) = (MAX_BLOCKS, Bundle::bad(too_many_certificates()));
        for (entry, part) in &self.parts {
            let bundle = match part {
                Part::Here(bundle) => bundle,
                Part::File(pair) => match files.get(pair) {
                    Some(file) => &file.bundle,
                    None => continue,
                },
            };
            let found = bundle.certificates().len() + bundle.crls.len();
            let left = room.checked_sub(found);
            let bundle = left.map_or(&beyond, |_| bundle);
            room = left.unwrap_or(room);
            match bundles.get_mut(entry) {
                Some(merged) => merge(merged, bundle),
                None => drop(bundles.insert(entry.clone(), bundle.clone())),
            }
        }
        bundles
    }
}

// === helpers ===

fn location(path: &Arc<str>, entry: Option<Entry>) -> Location {
    Location::Kubeconfig {
        path: Arc::clone(path),
        entry,
    }
}

/// Adds one bundle to another. If either could not be read, what is known of both stays.
pub(super) fn merge(bundle: &mut Bundle, other: &Bundle) {
    bundle.certificates = match (bundle.certificates.take(), &other.certificates) {
        (Some(mut certificates), Some(others)) => {
            certificates.extend(others.iter().cloned());
            Some(certificates)
        }
        _ => None,
    };
    bundle.crls.extend(other.crls.iter().cloned());
    bundle.problems.extend(other.problems.iter().cloned());
}

/// The parts of the kubeconfig at a path. A key is compared where it is kept as its certificate is:
/// both inside, or both in files.
fn parts(path: &Path, bytes: &[u8], compare_keys: bool) -> Parts {
    let directory = path.parent().unwrap_or(path);
    let entries = if compare_keys {
        kubeconfig::entries_with_keys(bytes)?
    } else {
        let entries = kubeconfig::entries(bytes)?.into_iter();
        entries.map(|entry| (entry, None)).collect()
    };
    Ok(entries
        .into_iter()
        .take(MAX_ENTRIES + 1)
        .map(|(found, key)| {
            let part = match (found.content, key) {
                (Content::Data(bytes), Some(ClientKey::Data(key))) => {
                    Part::Here(compared(&bytes, Some(&key)))
                }
                (Content::Data(bytes), _) => Part::Here(certificates(&bytes)),
                (Content::Path(path), Some(ClientKey::Path(key))) => {
                    Part::File((directory.join(path), Some(directory.join(key))))
                }
                (Content::Path(path), _) => Part::File((directory.join(path), None)),
                (Content::Bad(problem), _) => Part::Here(Bundle::bad(problem)),
            };
            (found.entry, part)
        })
        .collect())
}

fn too_many_entries() -> Problem {
    let detail = format!("more than {MAX_ENTRIES} clusters and users: the rest is not read");
    Problem::new(Reason::TooMany, detail)
}

fn too_many_certificates() -> Problem {
    let detail = format!(
        "the entries before it show {MAX_BLOCKS} certificates, or all but: this one does not"
    );
    Problem::new(Reason::TooMany, detail)
}

/// The bundle of a place that is there for its certificates.
pub(super) fn certificates(bytes: &[u8]) -> Bundle {
    compared(bytes, None)
}

/// The same, compared with a key.
fn compared(bytes: &[u8], key: Option<&Zeroizing<Vec<u8>>>) -> Bundle {
    let mut decoded = decode::certificates(bytes);
    if decoded.is_barren() && decoded.problems.is_empty() {
        return Bundle::bad(no_certificate());
    }
    if let Some(key) = key {
        check_key(&mut decoded, bytes, key);
    }
    decoded.into()
}

#[cfg(test)]
mod tests;
