//! The stable families, kept packed: for each segment and each family a piece, rendered when the
//! segment changes, or when something in it expires. Every scrape between two changes is made of
//! the same bytes; scrapes at the same time share them.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::hash::RandomState;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::Options;
use super::gzip::{Packer, Piece, Pieces};
use super::metrics::{self, Family, Labelled};
use crate::inventory::{Segment, Snapshot};

/// The last rendering. Written by whichever scrape finds it out of date.
#[derive(Debug, Default)]
pub struct Cache {
    last: Mutex<Rendering>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Rendering {
    version: u64,
    /// The seconds for which the text holds, as long as the inventory stays.
    valid: Range<i64>,
    runs: Vec<Run>,
    /// All of them, in the order of an answer.
    pieces: Arc<Pieces>,
    rendered: usize,
}

/// What is kept of a segment.
#[derive(Debug)]
struct Run {
    stamp: u64,
    valid: Range<i64>,
    /// One for each family that has series here.
    pieces: Vec<Option<Piece>>,
    problems: usize,
    /// See [`Labelled::doubtful`].
    doubtful: Vec<u64>,
    /// Which of these no segment before has.
    shown: Vec<bool>,
}

/// What one rendering knows.
struct Scribe<'a> {
    families: Vec<&'static Family>,
    options: &'a Options,
    now: i64,
    hasher: &'a RandomState,
    /// The doubtful series of the segments so far.
    seen: HashSet<u64>,
    packer: &'a mut Packer,
    rendered: usize,
}

impl Cache {
    /// The stable families. The packer must be fresh; what is written into it after this call comes
    /// after them.
    pub fn pieces(
        &self,
        snapshot: &Snapshot,
        options: &Options,
        now: i64,
        packer: &mut Packer,
    ) -> io::Result<Arc<Pieces>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.version == snapshot.version && last.valid.contains(&now) {
            last.rendered = 0;
            return Ok(Arc::clone(&last.pieces));
        }
        // What is out of date is dropped first: two renderings need not stand side by side.
        let mut runs = std::mem::take(&mut *last).runs;
        let stamps = snapshot.segments.iter().map(|segment| segment.stamp);
        let stamps: HashSet<u64> = stamps.collect();
        runs.retain(|run| stamps.contains(&run.stamp));
        let mut scribe = Scribe {
            families: metrics::stable(options),
            options,
            now,
            hasher: &self.hasher,
            seen: HashSet::new(),
            packer,
            rendered: 0,
        };
        // Those that stay are in the order in which they were.
        let mut before = runs.into_iter().peekable();
        let mut runs = Vec::with_capacity(snapshot.segments.len());
        for segment in &snapshot.segments {
            let run = before.next_if(|run| run.stamp == segment.stamp);
            runs.push(scribe.run(segment, run)?);
        }
        let pieces = Arc::new(scribe.all(&runs)?);
        *last = Rendering {
            version: snapshot.version,
            valid: now..runs
                .iter()
                .map(|run| run.valid.end)
                .min()
                .unwrap_or(i64::MAX),
            runs,
            pieces: Arc::clone(&pieces),
            rendered: scribe.rendered,
        };
        Ok(pieces)
    }

    /// How many pieces the last call rendered.
    pub fn rendered(&self) -> usize {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.rendered
    }
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            version: 0,
            valid: 0..0,
            runs: Vec::new(),
            pieces: Arc::default(),
            rendered: 0,
        }
    }
}

impl Scribe<'_> {
    /// Renders what is out of date of a segment.
    fn run(&mut self, segment: &Segment, before: Option<Run>) -> io::Result<Run> {
        let labelled = LazyCell::new(|| Labelled::of(segment, self.options));
        let is_new = before.is_none();
        let mut run = before.unwrap_or_else(|| Run {
            stamp: segment.stamp,
            valid: 0..0,
            pieces: self.families.iter().map(|_| None).collect(),
            problems: labelled.problems(),
            doubtful: labelled.doubtful(self.hasher),
            shown: Vec::new(),
        });
        let flips = is_new || !run.valid.contains(&self.now);
        if flips {
            run.valid = self.now..metrics::next_flip(segment, self.options, self.now);
        }
        let doubtful = run.doubtful.iter();
        let shown: Vec<bool> = doubtful.map(|hash| self.seen.insert(*hash)).collect();
        let turns = is_new || run.shown != shown;
        run.shown = shown;
        let mut shown = run.shown.iter().copied();
        for (family, piece) in self.families.iter().zip(&mut run.pieces) {
            if is_new || flips && family.flips() || turns && family.is_of_problems() {
                labelled.write(family, self.now, &mut shown, self.packer)?;
                *piece = self.packer.piece()?;
                self.rendered += usize::from(piece.is_some());
            }
        }
        Ok(run)
    }

    /// All pieces in their order, family by family, each behind its head.
    fn all(&mut self, runs: &[Run]) -> io::Result<Pieces> {
        let mut all = Pieces::default();
        for (at, family) in self.families.iter().enumerate() {
            family.write_head(self.packer)?;
            for piece in runs.iter().filter_map(|run| run.pieces[at].as_ref()) {
                if let Some(heads) = self.packer.piece()? {
                    all.push(&heads);
                }
                all.push(piece);
            }
        }
        let problems = runs.iter().map(|run| run.problems).sum();
        metrics::write_read_errors(problems, self.packer)?;
        if let Some(rest) = self.packer.piece()? {
            all.push(&rest);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
