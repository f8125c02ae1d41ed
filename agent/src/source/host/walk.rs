//! From what the user named to the files that are there.
//!
//! A name is tried as it stands first: it may be a file, or a directory (its files are meant, not
//! those below), even when it looks like a pattern. Only then it is one. Directories are listed
//! level by level, each in an errand of its own, so that one that hangs or is closed hides nothing
//! but itself.
//!
//! What is discovered was named by nobody: there, nothing is missed and everything is a pattern.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::crew::{Crew, Errand};
use super::pattern::{Excludes, Pattern, Step};
use super::{HostRoot, Kind, Listing, Options, is_unread};
use crate::model::{Problem, Reason};

/// What is to be found, and how.
#[derive(Debug)]
pub(crate) struct Search {
    wanted: Vec<Wanted>,
    excludes: Excludes,
    /// Symbolic links are followed.
    pub(crate) follow: bool,
    directories: bool,
    /// Nobody named what is to be found.
    pub(crate) discovered: bool,
}

/// A path as the user named it.
#[derive(Debug)]
struct Wanted {
    path: PathBuf,
    pattern: Option<Pattern>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Expansion {
    /// The files, each once.
    pub(crate) files: Vec<Found>,
    /// What is wrong with the names, as the user typed them, and with directories below them.
    pub(crate) faults: BTreeMap<PathBuf, Fault>,
    /// Directories that could not be seen to their end: what is known below them stays.
    pub(crate) unseen: Vec<PathBuf>,
}

/// A path that may be a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// The user named this very path, and did not only describe it.
    pub(crate) named: bool,
}

/// A name or a directory that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) problem: Problem,
    /// The user named it.
    pub(crate) named: bool,
}

/// One expansion under way.
struct Walk {
    root: Arc<HostRoot>,
    search: Arc<Search>,
    progress: Vec<Progress>,
    /// Where each path stands among the files, by its hash.
    positions: HashMap<u64, usize>,
    hasher: RandomState,
    /// Where discovered files are: a directory can be reached by two names.
    places: HashSet<((u64, u64), OsString)>,
    expansion: Expansion,
    next: Vec<Visit>,
}

/// How the walk for one name is going.
#[derive(Default)]
struct Progress {
    matched: bool,
    faulty: bool,
    count: usize,
    /// Directories listed below a `**`, by segment, device and inode: bind mounts can be circles.
    visited: HashSet<(usize, (u64, u64))>,
}

/// A look at one directory, or at a name that may be one.
struct Visit {
    root: Arc<HostRoot>,
    search: Arc<Search>,
    /// Which of the names it is for.
    wanted: usize,
    path: PathBuf,
    /// For which segment of the pattern; `None` to see what the name is as it stands.
    segment: Option<usize>,
}

enum Sight {
    /// Nothing there that could be listed.
    Nothing,
    /// A file, or something else that is meant by its name.
    Thing,
    Directory(Listing),
}

enum Seen {
    Nothing,
    Thing,
    Directory {
        id: (u64, u64),
        step: Step,
        truncated: bool,
    },
}

// === impl Search ===

impl Search {
    /// Prepares a search. `directories`: a directory means the files in it.
    pub(crate) fn new(options: &Options, directories: bool) -> Self {
        let discovered = options.discovered.is_some();
        let pattern = |path| {
            let exactly = || discovered.then(|| Pattern::exactly(path));
            Pattern::parse(path).or_else(exactly)
        };
        let wanted = options.paths.iter().map(|path| Wanted {
            path: PathBuf::from(path),
            pattern: pattern(path),
        });
        Self {
            wanted: wanted.collect(),
            excludes: Excludes::new(&options.exclude, options.discovered.unwrap_or_default()),
            follow: options.follow_symlinks,
            directories,
            discovered,
        }
    }

    /// Finds the files that are there now.
    pub(crate) fn run(self: &Arc<Self>, root: &Arc<HostRoot>, crew: &mut Crew) -> Expansion {
        let mut walk = Walk {
            root: Arc::clone(root),
            search: Arc::clone(self),
            progress: self.wanted.iter().map(|_| Progress::default()).collect(),
            positions: HashMap::new(),
            hasher: RandomState::new(),
            places: HashSet::new(),
            expansion: Expansion::default(),
            next: Vec::new(),
        };
        walk.begin();
        while !walk.next.is_empty() {
            let visits = mem::take(&mut walk.next);
            let keys: Vec<_> = visits
                .iter()
                .map(|visit| (visit.wanted, visit.path.clone(), visit.segment))
                .collect();
            for ((wanted, path, segment), result) in keys.into_iter().zip(crew.run(visits)) {
                walk.take(wanted, path, segment, result.flatten());
            }
        }
        walk.end()
    }
}

// === impl Walk ===

impl Walk {
    fn begin(&mut self) {
        let search = Arc::clone(&self.search);
        for (wanted, Wanted { path, pattern }) in search.wanted.iter().enumerate() {
            if search.excludes.cover_any(path) {
                self.progress[wanted].matched = true;
            } else if let (true, Some(pattern)) = (search.discovered, pattern) {
                self.visit(wanted, pattern.base.clone(), Some(0));
            } else if pattern.is_none() && !search.directories {
                self.found(wanted, path.clone(), true);
            } else {
                self.visit(wanted, path.clone(), None);
            }
        }
    }

    fn take(
        &mut self,
        wanted: usize,
        path: PathBuf,
        segment: Option<usize>,
        result: Result<Seen, Problem>,
    ) {
        let search = Arc::clone(&self.search);
        let Wanted {
            path: typed,
            pattern,
        } = &search.wanted[wanted];
        match (segment, result) {
            (
                _,
                Ok(Seen::Directory {
                    id,
                    step,
                    truncated,
                }),
            ) => {
                self.directory(wanted, path, segment, id, step, truncated);
            }
            (None, Ok(Seen::Thing)) => self.found(wanted, path, true),
            (None, result) => match (pattern, result) {
                (Some(pattern), _) => self.visit(wanted, pattern.base.clone(), Some(0)),
                // Whoever reads it will say why it is not there.
                (None, Ok(_)) => self.found(wanted, path, true),
                (None, Err(problem)) => self.unseen(wanted, path, true, problem),
            },
            (Some(_), Ok(_)) => {}
            (Some(_), Err(problem)) => {
                let is_base = pattern.as_ref().is_some_and(|pattern| pattern.base == path);
                if is_unread(problem.reason) {
                    self.unseen(wanted, path, is_base, problem);
                } else if is_base {
                    self.fault(wanted, typed.clone(), true, problem);
                }
                // Below the base, names come and go, and links lead where they like.
            }
        }
    }

    fn directory(
        &mut self,
        wanted: usize,
        path: PathBuf,
        segment: Option<usize>,
        id: (u64, u64),
        step: Step,
        truncated: bool,
    ) {
        let search = Arc::clone(&self.search);
        let Wanted {
            path: typed,
            pattern,
        } = &search.wanted[wanted];
        let progress = &mut self.progress[wanted];
        let mut depth = 0;
        if let (Some(segment), Some(pattern)) = (segment, pattern) {
            if pattern.is_anywhere(segment) && !progress.visited.insert((segment, id)) {
                return;
            }
            depth = path
                .components()
                .count()
                .saturating_sub(pattern.base.components().count());
        }
        progress.count += 1 + step.files.len();
        let too_many = progress.count > MOST_PATHS;
        if too_many || truncated || depth > MOST_LEVELS {
            let what = if depth > MOST_LEVELS {
                "levels of directories"
            } else {
                "paths"
            };
            let most = if depth > MOST_LEVELS {
                MOST_LEVELS
            } else {
                MOST_PATHS
            };
            let detail = format!("more than {most} {what}, at {}", path.display());
            self.expansion.unseen.push(path);
            self.fault(
                wanted,
                typed.clone(),
                true,
                Problem::new(Reason::TooMany, detail),
            );
            // What was listed of a directory is good.
            if too_many || depth > MOST_LEVELS {
                return;
            }
        }
        self.positions.reserve(step.files.len());
        self.expansion.files.reserve(step.files.len());
        for file in step.files {
            if search.discovered {
                let name = file.file_name().unwrap_or_default().to_owned();
                if !self.places.insert((id, name)) {
                    continue;
                }
            }
            self.found(wanted, file, false);
        }
        for (directory, segment) in step.directories {
            self.visit(wanted, directory, Some(segment));
        }
    }

    fn visit(&mut self, wanted: usize, path: PathBuf, segment: Option<usize>) {
        let (root, search) = (Arc::clone(&self.root), Arc::clone(&self.search));
        self.next.push(Visit {
            root,
            search,
            wanted,
            path,
            segment,
        });
    }

    fn found(&mut self, wanted: usize, path: PathBuf, named: bool) {
        self.progress[wanted].matched = true;
        let files = &mut self.expansion.files;
        let (hash, next) = (self.hasher.hash_one(&path), files.len());
        match files.get_mut(*self.positions.entry(hash).or_insert(next)) {
            Some(found) if found.path == path => found.named |= named,
            _ => files.push(Found { path, named }),
        }
    }

    /// Keeps that a directory could not be seen: under the user's own words if they named it.
    fn unseen(&mut self, wanted: usize, path: PathBuf, named: bool, problem: Problem) {
        let typed = if named {
            &self.search.wanted[wanted].path
        } else {
            &path
        };
        self.fault(wanted, typed.clone(), named, problem);
        self.expansion.unseen.push(path);
    }

    fn fault(&mut self, wanted: usize, path: PathBuf, named: bool, problem: Problem) {
        self.progress[wanted].faulty = true;
        self.expansion
            .faults
            .entry(path)
            .or_insert(Fault { problem, named });
    }

    fn end(mut self) -> Expansion {
        let search = Arc::clone(&self.search);
        for (wanted, Wanted { path, pattern }) in search.wanted.iter().enumerate() {
            let Progress {
                matched, faulty, ..
            } = self.progress[wanted];
            if matched || faulty || search.discovered {
                continue;
            }
            let detail = match pattern {
                Some(_) => "nothing matches the pattern",
                None => "the directory holds no file",
            };
            self.fault(
                wanted,
                path.clone(),
                true,
                Problem::new(Reason::NotFound, detail),
            );
        }
        self.expansion
    }
}

// === impl Visit ===

impl Errand for Visit {
    type Raw = Result<Sight, Problem>;
    type Done = Result<Seen, Problem>;

    fn path(&self) -> &Path {
        &self.path
    }

    fn directory(&self) -> &Path {
        match self.segment {
            Some(_) => &self.path,
            None => self.path.parent().unwrap_or(&self.path),
        }
    }

    fn fetch(&self) -> Self::Raw {
        if self.segment.is_none() {
            match self.root.kind(&self.path) {
                Ok(Kind::Directory) if self.search.directories => {}
                Ok(_) => return Ok(Sight::Thing),
                Err(problem) if is_unread(problem.reason) => return Err(problem),
                Err(_) => return Ok(Sight::Nothing),
            }
        }
        Ok(self
            .root
            .list(&self.path, self.search.discovered)?
            .map_or(Sight::Nothing, Sight::Directory))
    }

    fn digest(&self, raw: Self::Raw) -> Self::Done {
        let listing = match raw? {
            Sight::Nothing => return Ok(Seen::Nothing),
            Sight::Thing => return Ok(Seen::Thing),
            Sight::Directory(listing) => listing,
        };
        let Search {
            wanted,
            excludes,
            follow,
            ..
        } = &*self.search;
        let everything = Pattern::everything();
        let (pattern, segment) = match (&wanted[self.wanted].pattern, self.segment) {
            (Some(pattern), Some(segment)) => (pattern, segment),
            _ => (&everything, 0),
        };
        let step = pattern.step(&self.path, &listing, segment, *follow, excludes);
        Ok(Seen::Directory {
            id: listing.id,
            step,
            truncated: listing.truncated,
        })
    }
}

// === helpers ===

/// The most paths that one name may stand for.
const MOST_PATHS: usize = 100_000;

/// The most levels of directories that one name may reach down.
const MOST_LEVELS: usize = 32;
