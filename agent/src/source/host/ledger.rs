//! What a source has said of its locations, so that it says only what is new.
//!
//! Each round, the source tells of every location it has: that it is as it was, or what it holds
//! now. What it does not name is gone. The ledger keeps fingerprints, never the bundles, and with
//! each location what its source wants to know about it next time.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::mem;
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};

use crate::model::{Bundle, Change, Location, Reason};
use crate::source::{Failure, Report, Sink};

/// What was said, and what is being said this round.
#[derive(Debug, Default)]
pub(crate) struct Ledger<M = ()> {
    pages: HashMap<Location, Page<M>>,
    round: u32,
    /// A round has been told to the end.
    told: bool,
    state: RandomState,
    errors: Vec<Failure>,
    failed: Option<Failure>,
}

/// All that is kept of one location: with ten thousand files, each byte counts.
#[derive(Debug, Default)]
struct Page<M> {
    memo: M,
    /// Of the bundle that was said; `None`: nothing was.
    fingerprint: Option<NonZeroU64>,
    /// The round that named it last.
    round: u32,
    /// Why it cannot be read.
    unread: Option<Reason>,
}

/// What was said in one round: for who looks once. Who watches takes each word as it comes, so that
/// what was found never stands in memory at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// What is new about the locations.
    pub changes: Vec<Change>,
    /// How the source is doing.
    pub reports: Vec<Report>,
}

// === impl Ledger ===

impl<M: Default> Ledger<M> {
    /// What the source wanted to know next time.
    pub(crate) fn memo(&self, location: &Location) -> Option<&M> {
        self.pages.get(location).map(|page| &page.memo)
    }

    /// The location holds what it held.
    pub(crate) fn keep(&mut self, location: &Location) {
        if let Some(page) = self.pages.get_mut(location) {
            page.round = self.round;
        }
    }

    /// There is nothing to say of the location, which is there.
    pub(crate) fn pass(&mut self, sink: &dyn Sink, location: Location, memo: M) {
        let page = self.pages.entry(location.clone()).or_default();
        if page.fingerprint.take().is_some() {
            sink.apply(Change::Remove(location));
        }
        page.memo = memo;
        page.unread = None;
        page.round = self.round;
    }

    /// The location is gone.
    pub(crate) fn drop(&mut self, sink: &dyn Sink, location: Location) {
        let page = self.pages.remove(&location);
        if page.is_some_and(|page| page.fingerprint.is_some()) {
            sink.apply(Change::Remove(location));
        }
    }

    /// The location holds this. `named`: the user counts on it.
    pub(crate) fn put(
        &mut self,
        sink: &dyn Sink,
        location: Location,
        bundle: Bundle,
        named: bool,
        memo: M,
    ) {
        let fingerprint = Some(self.fingerprint(&bundle));
        let page = self.pages.entry(location.clone()).or_default();
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
            if page.unread != unread {
                self.errors.push(failure.clone());
            }
            // What only a pattern found may well be meant for others' eyes.
            if named || reason != Reason::PermissionDenied {
                self.failed.get_or_insert(failure);
            }
        }
        page.memo = memo;
        page.unread = unread;
        page.round = self.round;
        if mem::replace(&mut page.fingerprint, fingerprint) != fingerprint {
            sink.apply(Change::Upsert(location, bundle));
        }
    }

    /// Something else than a location is wrong with this round. `is_news`: it was well before.
    pub(crate) fn fail(&mut self, failure: Failure, is_news: bool) {
        if is_news {
            self.errors.push(failure.clone());
        }
        self.failed.get_or_insert(failure);
    }

    /// Ends the round: whatever was not named in it is gone, unless it could not be `unseen`.
    pub(crate) fn end_round(&mut self, sink: &dyn Sink, unseen: impl Fn(&Location, &M) -> bool) {
        let round = self.round;
        self.pages.retain(|location, page| {
            let stays = page.round == round || unseen(location, &page.memo);
            if !stays && page.fingerprint.is_some() {
                sink.apply(Change::Remove(location.clone()));
            }
            stays
        });
        if !mem::replace(&mut self.told, true) {
            // A source that is started anew does not know what it said in its former life.
            let said = |(location, page): (&Location, &Page<M>)| {
                page.fingerprint.is_some().then(|| location.clone())
            };
            sink.apply(Change::Resync(self.pages.iter().filter_map(said).collect()));
        }
        self.round = round.wrapping_add(1);
        for failure in mem::take(&mut self.errors) {
            sink.report(Report::Error(failure));
        }
        sink.report(self.failed.take().map_or(Report::Succeeded, Report::Failed));
    }

    fn fingerprint(&self, bundle: &Bundle) -> NonZeroU64 {
        let mut hasher = self.state.build_hasher();
        bundle.certificates.hash(&mut hasher);
        bundle.crls.hash(&mut hasher);
        bundle.labels.hash(&mut hasher);
        for problem in &bundle.problems {
            (problem.reason, problem.block, &problem.detail).hash(&mut hasher);
        }
        NonZeroU64::MIN | hasher.finish()
    }
}

// === impl Scanned ===

impl Scanned {
    /// What `scan` says.
    pub(crate) fn of(scan: impl FnOnce(&dyn Sink)) -> Self {
        let heard = Mutex::default();
        scan(&heard);
        heard.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bundles of a first round.
    pub(crate) fn into_bundles(self) -> Vec<(Location, Bundle)> {
        let bundle = |change| match change {
            Change::Upsert(location, bundle) => Some((location, bundle)),
            Change::Remove(_) | Change::Resync(_) => None,
        };
        self.changes.into_iter().filter_map(bundle).collect()
    }
}

impl Sink for Mutex<Scanned> {
    fn apply(&self, change: Change) {
        let mut heard = self.lock().unwrap_or_else(PoisonError::into_inner);
        heard.changes.push(change);
    }

    fn report(&self, report: Report) {
        let mut heard = self.lock().unwrap_or_else(PoisonError::into_inner);
        heard.reports.push(report);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Crl, Name, Problem};

    fn at(path: &str) -> Location {
        Location::file(path)
    }

    fn bad(reason: Reason) -> Bundle {
        Bundle::bad(Problem::new(reason, "so it is"))
    }

    fn unread(reason: Reason) -> Bundle {
        Bundle::unread(Problem::new(reason, "so it is"))
    }

    /// A ledger after its first round.
    fn begun(bundles: &[(&str, Bundle)]) -> Ledger {
        let mut ledger = Ledger::default();
        round(&mut ledger, bundles);
        ledger
    }

    /// What is said in a round that names these.
    fn round(ledger: &mut Ledger, bundles: &[(&str, Bundle)]) -> Scanned {
        Scanned::of(|sink| {
            for (path, bundle) in bundles {
                ledger.put(sink, at(path), bundle.clone(), true, ());
            }
            ledger.end_round(sink, |_, ()| false);
        })
    }

    fn codes(reports: &[Report]) -> Vec<String> {
        let code = |report: &Report| match report {
            Report::Failed(failure) => format!("failed {}", failure.reason),
            Report::Error(failure) => format!("error {}", failure.reason),
            _ => "succeeded".into(),
        };
        reports.iter().map(code).collect()
    }

    #[test]
    fn the_first_round_ends_with_the_names_of_all_even_if_there_are_none() {
        let scanned = round(&mut Ledger::default(), &[]);
        assert_eq!(scanned.changes, [Change::Resync(Vec::new())]);
        let (a, b) = (bad(Reason::BadPem), bad(Reason::BadDer));
        let mut changes = round(
            &mut Ledger::default(),
            &[("/b", b.clone()), ("/a", a.clone())],
        )
        .changes;
        if let Some(Change::Resync(all)) = changes.last_mut() {
            all.sort();
        }
        let expected = [
            Change::Upsert(at("/b"), b),
            Change::Upsert(at("/a"), a),
            Change::Resync(vec![at("/a"), at("/b")]),
        ];
        assert_eq!(changes, expected);
    }

    #[test]
    fn what_is_said_again_is_not_told() {
        let mut ledger = begun(&[("/a", bad(Reason::BadPem)), ("/b", bad(Reason::BadPem))]);
        ledger.keep(&at("/b"));
        let scanned = round(&mut ledger, &[("/a", bad(Reason::BadPem))]);
        assert_eq!(scanned.changes, []);
    }

    #[test]
    fn a_new_revocation_list_is_news() {
        let list = |this_update| {
            let crl = Crl::new(this_update, None, None, &Name::default(), [0; 32]);
            Bundle {
                crls: vec![Arc::new(crl)],
                ..Bundle::default()
            }
        };
        let mut ledger = begun(&[("/a", list(1))]);
        let upsert = Change::Upsert(at("/a"), list(2));
        assert_eq!(round(&mut ledger, &[("/a", list(2))]).changes, [upsert]);
    }

    #[test]
    fn what_is_not_named_is_gone() {
        let mut ledger = begun(&[("/a", bad(Reason::BadPem)), ("/b", bad(Reason::BadPem))]);
        let scanned = round(&mut ledger, &[("/b", bad(Reason::BadDer))]);
        let upsert = Change::Upsert(at("/b"), bad(Reason::BadDer));
        assert_eq!(scanned.changes, [upsert, Change::Remove(at("/a"))]);
    }

    #[test]
    fn an_error_is_reported_once_for_each_change_and_the_failure_each_time() {
        let mut ledger = begun(&[]);
        let mut round = |reason| codes(&round(&mut ledger, &[("/a", unread(reason))]).reports);
        assert_eq!(round(Reason::Timeout), ["error timeout", "failed timeout"]);
        assert_eq!(round(Reason::Timeout), ["failed timeout"]);
        assert_eq!(
            round(Reason::ReadFailed),
            ["error read_failed", "failed read_failed"]
        );
    }

    #[test]
    fn bad_data_is_no_failure_of_the_source() {
        let mut ledger = begun(&[]);
        let scanned = round(&mut ledger, &[("/a", bad(Reason::BadPem))]);
        assert_eq!(codes(&scanned.reports), ["succeeded"]);
    }
}
