//! What is known now: every location of every source with its bundle. The only state of the
//! agent, behind one lock that never leaves this file. Knows neither where bundles come from nor
//! who reads them.

mod known;
mod segments;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use self::known::Known;
use self::segments::Segments;
pub use self::segments::{Held, Segment};
use crate::model::{Bundle, Change, Location, Problem};

/// A source's place in the list of sources.
pub type SourceId = usize;

/// The facts of all sources. Sources write through [`apply`](Self::apply), the exposition reads
/// through [`snapshot`](Self::snapshot).
#[derive(Debug, Default)]
pub struct Inventory {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Grows with each change that a reader could see.
    version: u64,
    held: Segments,
    /// How many locations each source holds.
    counts: Vec<usize>,
    known: Known,
}

/// The inventory at one moment, in the order of locations.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Two snapshots of one version are equal.
    pub version: u64,
    /// Each location of each source, in short runs that snapshots share; one location that two
    /// sources hold stands twice, side by side.
    pub segments: Vec<Arc<Segment>>,
    /// How many locations each source holds.
    counts: Vec<usize>,
}

/// A location whose problems are not what they were: what a log wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The place.
    pub location: Location,
    /// What is wrong now; empty when it became well.
    pub problems: Vec<Problem>,
}

impl Inventory {
    /// Takes a change of one source and tells which locations turned bad or well by it.
    pub fn apply(&self, source: SourceId, change: Change) -> Vec<Turn> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match change {
            Change::Upsert(location, bundle) => {
                state.upsert(source, location, bundle).into_iter().collect()
            }
            Change::Remove(location) => state.remove(source, &location).into_iter().collect(),
            Change::Resync(all) => state.resync(source, &all),
        }
    }

    /// The facts as they are now. As long as somebody keeps them, a change copies the segment that
    /// it touches.
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Snapshot {
            version: state.version,
            segments: state.held.list().to_vec(),
            counts: state.counts.clone(),
        }
    }
}

impl State {
    fn upsert(&mut self, source: SourceId, location: Location, mut bundle: Bundle) -> Option<Turn> {
        self.known.intern(&mut bundle);
        let turned = match self.held.find(&location, source) {
            Err(at) => {
                let turned = (!bundle.problems.is_empty()).then(|| Turn {
                    location: location.clone(),
                    problems: bundle.problems.clone(),
                });
                let held = Held {
                    location,
                    source,
                    bundle: Arc::new(bundle),
                };
                self.held.insert(at, held);
                *self.count(source) += 1;
                turned
            }
            Ok(at) => {
                let before = &self.held.held(at).bundle;
                if bundle.certificates.is_none() {
                    // Could not be read: stale facts are shown beside the problem, never hidden.
                    bundle.certificates.clone_from(&before.certificates);
                    bundle.crls.clone_from(&before.crls);
                    bundle.labels.clone_from(&before.labels);
                    bundle.handshake.clone_from(&before.handshake);
                }
                if **before == bundle {
                    return None;
                }
                let turned = (before.problems != bundle.problems).then(|| Turn {
                    location,
                    problems: bundle.problems.clone(),
                });
                self.held.replace(at, Arc::new(bundle));
                turned
            }
        };
        self.version += 1;
        turned
    }

    fn remove(&mut self, source: SourceId, location: &Location) -> Option<Turn> {
        let at = self.held.find(location, source).ok()?;
        let Held {
            location, bundle, ..
        } = self.held.remove(at);
        *self.count(source) -= 1;
        self.known.drop_dead();
        self.version += 1;
        let was_bad = !bundle.problems.is_empty();
        was_bad.then(|| Turn {
            location,
            problems: Vec::new(),
        })
    }

    fn resync(&mut self, source: SourceId, all: &[Location]) -> Vec<Turn> {
        let named: HashSet<&Location> = all.iter().collect();
        let of_source = self.held.iter().filter(|held| held.source == source);
        let gone: Vec<Location> = of_source
            .map(|held| &held.location)
            .filter(|location| !named.contains(location))
            .cloned()
            .collect();
        gone.iter()
            .filter_map(|location| self.remove(source, location))
            .collect()
    }

    fn count(&mut self, source: SourceId) -> &mut usize {
        if self.counts.len() <= source {
            self.counts.resize(source + 1, 0);
        }
        &mut self.counts[source]
    }
}

impl Snapshot {
    /// How many locations a source holds.
    pub fn count(&self, source: SourceId) -> usize {
        self.counts.get(source).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
