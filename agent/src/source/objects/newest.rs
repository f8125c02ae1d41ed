//! Of several objects that stand for one thing, only those of the newest revision are told.
//!
//! Stands between the watches and whoever listens. A reader puts name, owner and revision into the
//! key of a part ([`key`]), so that the ledger, which knows nothing of it, names the same key when
//! the part is gone. Here the key is opened: what goes on has the name alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Bundle, Change, Location, Object};
use crate::source::{Report, Sink};

/// What a key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revision<'a> {
    /// The thing: what listeners know as the key.
    pub(crate) name: &'a str,
    /// Tells it from an earlier one of its name.
    pub(crate) owner: &'a str,
    /// The higher, the newer.
    pub(crate) number: i64,
}

/// All revisions of all things.
#[derive(Debug, Default)]
pub(super) struct Revisions {
    things: BTreeMap<Thing, BTreeMap<Place, Bundle>>,
}

/// A sink that lets through what is newest.
pub(super) struct Newest<'a> {
    pub(super) revisions: &'a Mutex<Revisions>,
    pub(super) sink: &'a dyn Sink,
}

/// Namespace, name and owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Thing {
    namespace: Arc<str>,
    name: Arc<str>,
    owner: Box<str>,
}

/// One object of one revision; the newest is the last.
type Place = (i64, Arc<Object>);

/// Neither a name nor an owner of Kubernetes' making has it.
const SEPARATOR: char = '\0';

/// The key of a part.
pub(crate) fn key(revision: &Revision<'_>) -> Arc<str> {
    let Revision {
        name,
        owner,
        number,
    } = revision;
    format!("{name}{SEPARATOR}{owner}{SEPARATOR}{number}").into()
}

// === impl Revision ===

impl<'a> Revision<'a> {
    /// What a key says; `None`: it is an ordinary one.
    fn of(key: &'a str) -> Option<Self> {
        let (rest, number) = key.rsplit_once(SEPARATOR)?;
        let (name, owner) = rest.rsplit_once(SEPARATOR)?;
        let number = number.parse().ok()?;
        Some(Self {
            name,
            owner,
            number,
        })
    }
}

// === impl Revisions ===

impl Revisions {
    /// What a change means to those who see the newest alone.
    fn apply(&mut self, change: Change) -> Vec<Change> {
        match change {
            Change::Upsert(location, bundle) => match opened(&location) {
                Some((thing, place)) => self.upsert(&thing, place, bundle),
                None => vec![Change::Upsert(location, bundle)],
            },
            Change::Remove(location) => match opened(&location) {
                Some((thing, place)) => self.remove(&thing, &place),
                None => vec![Change::Remove(location)],
            },
            // None of our sources says so; were one to, it would be taken at its word.
            Change::Resync(all) => self.resync(all),
        }
    }

    fn upsert(&mut self, thing: &Thing, place: Place, bundle: Bundle) -> Vec<Change> {
        let places = self.things.entry(thing.clone()).or_default();
        let before = newest(places);
        let (number, object) = place;
        places.insert((number, object.clone()), bundle.clone());
        if before > Some(number) {
            return Vec::new();
        }
        // The new comes before the old goes, so that no scrape misses both.
        let mut changes = vec![Change::Upsert(thing.location(&object), bundle)];
        if let Some(before) = before.filter(|before| *before < number) {
            changes.extend(of(before, places).map(|(old, _)| Change::Remove(thing.location(old))));
        }
        changes
    }

    fn remove(&mut self, thing: &Thing, place: &Place) -> Vec<Change> {
        let Some(places) = self.things.get_mut(thing) else {
            return Vec::new();
        };
        let before = newest(places);
        places.remove(place);
        let mut changes = Vec::new();
        if let Some(now) = newest(places).filter(|now| Some(*now) < before) {
            changes
                .extend(of(now, places).map(|(former, bundle)| {
                    Change::Upsert(thing.location(former), bundle.clone())
                }));
        }
        changes.push(Change::Remove(thing.location(&place.1)));
        if places.is_empty() {
            self.things.remove(thing);
        }
        changes
    }

    fn resync(&mut self, all: Vec<Location>) -> Vec<Change> {
        let named: BTreeSet<_> = all.iter().filter_map(opened).collect();
        let places = self.things.iter();
        let gone: Vec<_> = places
            .flat_map(|(thing, places)| places.keys().map(|place| (thing.clone(), place.clone())))
            .filter(|place| !named.contains(place))
            .collect();
        let mut changes: Vec<_> = gone
            .iter()
            .flat_map(|(thing, place)| self.remove(thing, place))
            .collect();
        let mut told = all;
        told.retain(|location| opened(location).is_none());
        for (thing, places) in &self.things {
            let now = newest(places).into_iter();
            told.extend(now.flat_map(|now| of(now, places).map(|(at, _)| thing.location(at))));
        }
        changes.push(Change::Resync(told));
        changes
    }
}

fn newest(places: &BTreeMap<Place, Bundle>) -> Option<i64> {
    places.last_key_value().map(|((number, _), _)| *number)
}

/// The objects of one revision.
fn of(
    revision: i64,
    places: &BTreeMap<Place, Bundle>,
) -> impl Iterator<Item = (&Arc<Object>, &Bundle)> {
    let places = places.iter();
    places.filter_map(move |((number, object), bundle)| {
        (*number == revision).then_some((object, bundle))
    })
}

/// Which thing is where; `None` for a part that stands alone.
fn opened(location: &Location) -> Option<(Thing, Place)> {
    let Location::Object { object, key, .. } = location else {
        return None;
    };
    let Revision {
        name,
        owner,
        number,
    } = Revision::of(key)?;
    let thing = Thing {
        namespace: object.namespace.clone(),
        name: name.into(),
        owner: owner.into(),
    };
    Some((thing, (number, object.clone())))
}

// === impl Thing ===

impl Thing {
    /// What listeners know.
    fn location(&self, object: &Arc<Object>) -> Location {
        Location::object(object, &self.name)
    }
}

// === impl Newest ===

impl Sink for Newest<'_> {
    fn apply(&self, change: Change) {
        let mut revisions = self
            .revisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for change in revisions.apply(change) {
            self.sink.apply(change);
        }
    }

    fn report(&self, report: Report) {
        self.sink.report(report);
    }
}

#[cfg(test)]
mod tests;
