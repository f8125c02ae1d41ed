//! What is known now: every location of every source with its bundle. The only state of the
//! agent, behind one lock that never leaves this file. Knows neither where bundles come from nor
//! who reads them.

mod known;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use self::known::Known;
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
    held: BTreeMap<(Location, SourceId), Arc<Bundle>>,
    known: Known,
    /// The last snapshot taken, until something changes.
    latest: Option<Arc<Snapshot>>,
}

/// The inventory at one moment, in the order of locations.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Two snapshots of one version are equal.
    pub version: u64,
    /// Each location of each source; one that two sources hold stands twice, side by side.
    pub held: Vec<(Location, SourceId, Arc<Bundle>)>,
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
            Change::Remove(location) => state.remove(source, location).into_iter().collect(),
            Change::Resync(all) => state.resync(source, &all),
        }
    }

    /// The facts as they are now; the same object until something changes.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(latest) = &state.latest {
            return Arc::clone(latest);
        }
        let held = state.held.iter();
        let snapshot = Arc::new(Snapshot {
            version: state.version,
            held: held
                .map(|((at, source), b)| (at.clone(), *source, Arc::clone(b)))
                .collect(),
        });
        state.latest = Some(Arc::clone(&snapshot));
        snapshot
    }
}

impl State {
    fn upsert(&mut self, source: SourceId, location: Location, mut bundle: Bundle) -> Option<Turn> {
        self.known.intern(&mut bundle);
        let turn = |problems: &[Problem], location: &Location| Turn {
            location: location.clone(),
            problems: problems.to_vec(),
        };
        let turn = match self.held.entry((location, source)) {
            Entry::Vacant(vacant) => {
                let turned =
                    (!bundle.problems.is_empty()).then(|| turn(&bundle.problems, &vacant.key().0));
                vacant.insert(Arc::new(bundle));
                turned
            }
            Entry::Occupied(mut occupied) => {
                let before = occupied.get();
                if bundle.certificates.is_none() {
                    // Could not be read: stale facts are shown beside the problem, never hidden.
                    bundle.certificates.clone_from(&before.certificates);
                    bundle.crls.clone_from(&before.crls);
                    bundle.labels.clone_from(&before.labels);
                }
                if **before == bundle {
                    return None;
                }
                let turned = (before.problems != bundle.problems)
                    .then(|| turn(&bundle.problems, &occupied.key().0));
                occupied.insert(Arc::new(bundle));
                turned
            }
        };
        self.changed();
        turn
    }

    fn remove(&mut self, source: SourceId, location: Location) -> Option<Turn> {
        let key = (location, source);
        let bundle = self.held.remove(&key)?;
        self.known.drop_dead();
        self.changed();
        let was_bad = !bundle.problems.is_empty();
        was_bad.then(|| Turn {
            location: key.0,
            problems: Vec::new(),
        })
    }

    fn resync(&mut self, source: SourceId, all: &[Location]) -> Vec<Turn> {
        let named: HashSet<&Location> = all.iter().collect();
        let of_source = self.held.keys().filter(|(_, owner)| *owner == source);
        let gone: Vec<Location> = of_source
            .map(|(location, _)| location)
            .filter(|location| !named.contains(location))
            .cloned()
            .collect();
        gone.into_iter()
            .filter_map(|location| self.remove(source, location))
            .collect()
    }

    fn changed(&mut self) {
        self.version += 1;
        self.latest = None;
    }
}

impl Snapshot {
    /// How many locations a source holds.
    pub fn count(&self, source: SourceId) -> usize {
        self.held
            .iter()
            .filter(|(_, owner, _)| *owner == source)
            .count()
    }
}

#[cfg(test)]
mod tests;
