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

    /// Something else than a location is wrong with this round. `is_news`: it was well before.
    pub(crate) fn fail(&mut self, failure: Failure, is_news: bool) {
        if is_news {
            self.errors.push(failure.clone());
        }
        self.failed.get_or_insert(failure);
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
        bundle.crls.hash(&mut hasher);
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
        for (path, bundle) in bundles {
            ledger.put(at(path), bundle.clone(), true);
        }
        ledger.end_round();
        ledger
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
    fn the_first_round_is_a_resync_even_if_it_is_empty() {
        let scanned = Ledger::default().end_round();
        assert_eq!(scanned.changes, [Change::Resync(Vec::new())]);
    }

    #[test]
    fn what_is_said_again_is_not_told() {
        let mut ledger = begun(&[("/a", bad(Reason::BadPem)), ("/b", bad(Reason::BadPem))]);
        ledger.put(at("/a"), bad(Reason::BadPem), true);
        ledger.keep(&at("/b"));
        assert_eq!(ledger.end_round().changes, []);
    }

    #[test]
    fn a_new_revocation_list_is_news() {
        let list = |this_update| {
            let crl = Crl {
                this_update,
                next_update: None,
                number: None,
                issuer: Name::default(),
                fingerprint: [0; 32],
            };
            Bundle {
                crls: vec![Arc::new(crl)],
                ..Bundle::default()
            }
        };
        let mut ledger = begun(&[("/a", list(1))]);
        ledger.put(at("/a"), list(2), true);
        let upsert = Change::Upsert(at("/a"), list(2));
        assert_eq!(ledger.end_round().changes, [upsert]);
    }

    #[test]
    fn what_is_not_named_is_gone() {
        let mut ledger = begun(&[("/a", bad(Reason::BadPem)), ("/b", bad(Reason::BadPem))]);
        ledger.put(at("/b"), bad(Reason::BadDer), true);
        let upsert = Change::Upsert(at("/b"), bad(Reason::BadDer));
        assert_eq!(
            ledger.end_round().changes,
            [Change::Remove(at("/a")), upsert]
        );
    }

    #[test]
    fn an_error_is_reported_once_for_each_change_and_the_failure_each_time() {
        let mut ledger = begun(&[]);
        let mut round = |reason| {
            ledger.put(at("/a"), unread(reason), true);
            codes(&ledger.end_round().reports)
        };
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
        ledger.put(at("/a"), bad(Reason::BadPem), true);
        assert_eq!(codes(&ledger.end_round().reports), ["succeeded"]);
    }
}
