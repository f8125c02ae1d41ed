//! What is held, in the order of locations, cut into short runs: a change touches one of them, and
//! a reader sees by its stamp which.

use std::sync::Arc;

use super::SourceId;
use crate::model::{Bundle, Location};

/// How many series and the like a segment holds before it is cut in two.
pub(super) const FULL: usize = 512;

/// A run of neighbouring locations.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    /// Another one after each change; no two segments ever have the same.
    pub stamp: u64,
    /// What the locations hold, in order. Never empty. All that is said of one location is in one
    /// segment.
    pub held: Vec<Held>,
    /// The sum of what [`weight`] says.
    weight: usize,
}

/// What a source holds at a location.
#[derive(Clone, Debug)]
pub struct Held {
    /// Where.
    pub location: Location,
    /// Who says so.
    pub source: SourceId,
    /// What.
    pub bundle: Arc<Bundle>,
}

/// All segments, in order.
#[derive(Debug, Default)]
pub(super) struct Segments {
    list: Vec<Arc<Segment>>,
    /// The last stamp given.
    stamp: u64,
}

/// Where something is held, or would be.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    segment: usize,
    held: usize,
}

impl Segments {
    /// Where a source holds a location (`Ok`), or where it would (`Err`).
    pub(super) fn find(&self, location: &Location, source: SourceId) -> Result<At, At> {
        let begins = |segment: &Arc<Segment>| {
            let first = segment.held.first();
            first.is_some_and(|first| first.location <= *location)
        };
        let segment = self.list.partition_point(begins).saturating_sub(1);
        let held = self.list.get(segment).map_or(&[][..], |one| &one.held);
        let of = |held: &Held| (&held.location, held.source).cmp(&(location, source));
        match held.binary_search_by(of) {
            Ok(held) => Ok(At { segment, held }),
            Err(held) => Err(At { segment, held }),
        }
    }

    /// What is held where [`find`](Self::find) found it.
    pub(super) fn held(&self, at: At) -> &Held {
        &self.list[at.segment].held[at.held]
    }

    /// Holds something new where [`find`](Self::find) said.
    pub(super) fn insert(&mut self, at: At, held: Held) {
        if self.list.is_empty() {
            self.list.push(Arc::default());
        }
        let segment = self.touch(at.segment);
        segment.weight += weight(&held.bundle);
        if segment.held.len() == segment.held.capacity() {
            // Twice as much, as a list grows by itself, would stand empty for as long as we live.
            segment.held.reserve_exact(segment.held.len() / 8 + 8);
        }
        segment.held.insert(at.held, held);
        self.cut(at);
    }

    /// Holds another bundle in the same place.
    pub(super) fn replace(&mut self, at: At, bundle: Arc<Bundle>) {
        let segment = self.touch(at.segment);
        let held = &mut segment.held[at.held];
        segment.weight = segment.weight + weight(&bundle) - weight(&held.bundle);
        held.bundle = bundle;
        self.cut(at);
    }

    /// Lets go.
    pub(super) fn remove(&mut self, at: At) -> Held {
        let segment = self.touch(at.segment);
        let gone = segment.held.remove(at.held);
        segment.weight -= weight(&gone.bundle);
        if segment.held.is_empty() {
            self.list.remove(at.segment);
        } else if segment.weight < FULL / 4 {
            self.join(at.segment.saturating_sub(1));
            self.join(at.segment);
        }
        gone
    }

    /// The segments.
    pub(super) fn list(&self) -> &[Arc<Segment>] {
        &self.list
    }

    /// Everything held, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.list.iter().flat_map(|segment| &segment.held)
    }

    /// A segment that is about to change: copied, if a snapshot has it.
    fn touch(&mut self, at: usize) -> &mut Segment {
        self.stamp += 1;
        let segment = Arc::make_mut(&mut self.list[at]);
        segment.stamp = self.stamp;
        segment
    }

    /// Cuts a segment in which something grew, if it is too large, between two locations.
    fn cut(&mut self, grown: At) {
        let segment = &self.list[grown.segment];
        if segment.weight <= FULL {
            return;
        }
        let between = |at: &usize| segment.held[at - 1].location != segment.held[*at].location;
        let half = segment.weight / 2;
        let mut before = 0;
        let distances: Vec<usize> = std::iter::once(half)
            .chain(segment.held.iter().map(|held| {
                before += weight(&held.bundle);
                before.abs_diff(half)
            }))
            .collect();
        let last = segment.held.len() - 1;
        let middle = if grown.held == last && last > 0 && between(&last) {
            // What comes in order fills one segment after the other.
            Some(last)
        } else {
            (1..=last).filter(between).min_by_key(|at| distances[*at])
        };
        let Some(middle) = middle else { return };
        let segment = self.touch(grown.segment);
        let rest = segment.held.split_off(middle);
        segment.held.shrink_to_fit();
        let moved = rest.iter().map(|held| weight(&held.bundle)).sum();
        segment.weight -= moved;
        self.stamp += 1;
        let rest = Segment {
            stamp: self.stamp,
            held: rest,
            weight: moved,
        };
        self.list.insert(grown.segment + 1, Arc::new(rest));
    }

    /// Makes one of a segment and the next, if it is well below what is cut again.
    fn join(&mut self, at: usize) {
        let weights = self.list.get(at).zip(self.list.get(at + 1));
        if weights.is_some_and(|(one, next)| one.weight + next.weight <= FULL * 3 / 4) {
            let next = Arc::unwrap_or_clone(self.list.remove(at + 1));
            let segment = self.touch(at);
            segment.weight += next.weight;
            segment.held.reserve_exact(next.held.len());
            segment.held.extend(next.held);
        }
    }
}

/// About how many lines are told of a bundle.
fn weight(bundle: &Bundle) -> usize {
    1 + bundle.certificates().len() + bundle.crls.len() + bundle.problems.len()
}
