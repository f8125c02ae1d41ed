//! How a source with several watches is doing: well when all of them are.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::source::{Failure, Report, Sink};

/// Signs of life come with every event; this many are enough.
const SPARING: Duration = Duration::from_secs(5);

/// Gathers the words of all watches of one source.
pub(crate) struct Health {
    sink: Arc<dyn Sink>,
    /// One for each watch: whether its last attempt worked.
    well: RefCell<Vec<bool>>,
    reported: Cell<Option<Instant>>,
}

impl Health {
    pub(crate) fn new(sink: Arc<dyn Sink>, watches: usize) -> Self {
        Self {
            sink,
            well: RefCell::new(vec![false; watches]),
            reported: Cell::new(None),
        }
    }

    /// The watch is complete and lives.
    pub(super) fn alive(&self, watch: usize) {
        let mut well = self.well.borrow_mut();
        well[watch] = true;
        let recent = self
            .reported
            .get()
            .is_some_and(|reported| reported.elapsed() < SPARING);
        if recent || !well.iter().all(|well| *well) {
            return;
        }
        self.reported.set(Some(Instant::now()));
        self.sink.report(Report::Succeeded);
    }

    /// The watch could not be begun, or fell silent.
    pub(super) fn failed(&self, watch: usize, failure: Failure) {
        self.well.borrow_mut()[watch] = false;
        // The next success is news again.
        self.reported.set(None);
        self.sink.report(Report::Error(failure.clone()));
        self.sink.report(Report::Failed(failure));
    }

    /// Something went wrong that the watch gets over.
    pub(super) fn error(&self, failure: Failure) {
        self.sink.report(Report::Error(failure));
    }

    pub(super) fn resynced(&self, resource: &'static str) {
        self.sink.report(Report::Resynced { resource });
    }
}
