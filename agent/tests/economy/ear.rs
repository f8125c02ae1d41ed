//! Keeps what a source says, as the agent does, and lets the test wait for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::time::timeout;

use x509_certificate_exporter::inventory::Inventory;
use x509_certificate_exporter::model::Change;
use x509_certificate_exporter::source::{Report, Sink, Source};

/// On a busy machine, things take long.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Ear {
    pub(crate) inventory: Inventory,
    heard: Sender<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    changes: usize,
    successes: usize,
}

impl Ear {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inventory: Inventory::default(),
            heard: Sender::default(),
        })
    }

    /// How many changes there have been.
    pub(crate) fn changes(&self) -> usize {
        self.heard.borrow().changes
    }

    /// Waits until so many changes were heard in all.
    pub(crate) async fn hears(&self, changes: usize) {
        self.wait(|heard| heard.changes >= changes).await;
    }

    /// Waits until the source has done its work once.
    pub(crate) async fn succeeds(&self) {
        self.wait(|heard| heard.successes > 0).await;
    }

    async fn wait(&self, enough: impl FnMut(&Heard) -> bool) {
        let mut heard = self.heard.subscribe();
        let patient = timeout(PATIENCE, heard.wait_for(enough)).await;
        assert!(patient.is_ok(), "the source says nothing");
    }

    fn note(&self, note: impl FnOnce(&mut Heard)) {
        self.heard.send_modify(note);
    }
}

impl Sink for Ear {
    fn apply(&self, change: Change) {
        self.inventory.apply(0, change);
        self.note(|heard| heard.changes += 1);
    }

    fn report(&self, report: Report) {
        match report {
            Report::Succeeded => self.note(|heard| heard.successes += 1),
            // An error: a list that is not streamed begins with a refusal.
            Report::Error(_) | Report::Resynced { .. } => {}
            Report::Failed(_) | Report::Panicked => panic!("{report:?}"),
        }
    }
}

/// Lets the source run while the story is told.
pub(crate) fn run<S: Source, T>(source: &S, ear: &Arc<Ear>, story: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::select! {
            failure = source.run(ear.clone()) => panic!("{failure}"),
            end = story => end,
        }
    })
}
