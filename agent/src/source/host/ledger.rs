//! What a source has said of its locations, so that it says only what is new.
//!
//! Each round, the source tells of every location it has: that it is as it was, or what it holds
//! now. What it does not name is gone. The ledger keeps fingerprints, never the bundles.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::mem;

use crate::model::{Bundle, Change, Location, Reason};
use crate::source::{Failure, Report, Sink};

/// What was said, and what is being said this round.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    said: BTreeMap<Location, Said>,
    round: u64,
    /// A round has been told to the end.
    told: bool,
    state: RandomState,
    news: Vec<(Location, Bundle)>,
    errors: Vec<Failure>,
    failed: Option<Failure>,
}

#[derive(Debug)]
struct Said {
    fingerprint: u64,
    /// Why it cannot be read.
    unread: Option<Reason>,
    round: u64,
}

/// What came of one round.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// What is new about the locations.
    pub changes: Vec<Change>,
    /// How the source is doing.
    pub reports: Vec<Report>,
}

// === impl Ledger ===

impl Ledger {
    /// The location holds what it held.
    pub(crate) fn keep(&mut self, location: &Location) {
        if let Some(said) = self.said.get_mut(location) {
            said.round = self.round;
        }
    }

    /// The location holds this. `named`: the user counts on it.
    pub(crate) fn put(&mut self, location: Location, bundle: Bundle, named: bool) {
        let fingerprint = self.fingerprint(&bundle);
        let before = self.said.get(&location);
        let unread = match (&bundle.certificates, bundle.problems.first()) {
            (None, Some(problem)) => Some(problem.reason),
            _ => None,
        };
        if let (Some(reason), Some(problem)) = (unread, bundle.problems.first()) {
            let detail = format!("{location}: {}", problem.detail);
            let failure = Failure {
                reason,
                resource: None,
                detail,
            };
            if before.is_none_or(|said| said.unread != unread) {
                self.errors.push(failure.clone());
            }
            // What only a pattern found may well be meant for others' eyes.
            if named || reason != Reason::PermissionDenied {
                self.failed.get_or_insert(failure);
            }
        }
        let is_new = before.is_none_or(|said| said.fingerprint != fingerprint);
        let said = Said {
            fingerprint,
            unread,
            round: self.round,
        };
        self.said.insert(location.clone(), said);
        if is_new {
            self.news.push((location, bundle));
        }
    }

    /// Ends the round: whatever was not named in it is gone.
    pub(crate) fn end_round(&mut self) -> Scanned {
        let round = self.round;
        let mut changes = Vec::new();
        self.said.retain(|location, said| {
            let stays = said.round == round;
            if !stays {
                changes.push(Change::Remove(location.clone()));
            }
            stays
        });
        let news = mem::take(&mut self.news);
        if mem::replace(&mut self.told, true) {
            changes.extend(
                news.into_iter()
                    .map(|(location, bundle)| Change::Upsert(location, bundle)),
            );
        } else {
            // A source that is started anew does not know what it said in its former life.
            changes = vec![Change::Resync(news)];
        }
        self.round += 1;
        let mut reports: Vec<_> = mem::take(&mut self.errors)
            .into_iter()
            .map(Report::Error)
            .collect();
        reports.push(self.failed.take().map_or(Report::Succeeded, Report::Failed));
        Scanned { changes, reports }
    }

    fn fingerprint(&self, bundle: &Bundle) -> u64 {
        let mut hasher = self.state.build_hasher();
        bundle.certificates.hash(&mut hasher);
        bundle.labels.hash(&mut hasher);
        for problem in &bundle.problems {
            (problem.reason, problem.block, &problem.detail).hash(&mut hasher);
        }
        hasher.finish()
    }
}

// === impl Scanned ===

impl Scanned {
    /// Tells a sink.
    pub(crate) fn tell(self, sink: &dyn Sink) {
        for change in self.changes {
            sink.apply(change);
        }
        for report in self.reports {
            sink.report(report);
        }
    }

    /// The bundles of a first round.
    pub(crate) fn into_bundles(self) -> Vec<(Location, Bundle)> {
        let mut bundles = Vec::new();
        for change in self.changes {
            match change {
                Change::Resync(all) => bundles.extend(all),
                Change::Upsert(location, bundle) => bundles.push((location, bundle)),
                Change::Remove(_) => {}
            }
        }
        bundles
    }
}
