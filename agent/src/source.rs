//! Where bytes come from. A source owns a set of locations, reads them, has them decoded, and says
//! what changed. It knows the vocabulary and the decoders; not who listens.

pub mod ca_bundles;
pub mod clusters;
pub mod config_maps;
#[cfg(feature = "endpoints")]
pub mod endpoint;
pub mod files;
pub mod host;
pub mod keystores;
pub mod kube;
pub mod kubeconfigs;
pub mod objects;
pub mod requests;
pub mod runner;
pub mod secrets;
mod sibling;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::model::{Change, Reason};

/// What listens to one source.
pub trait Sink: Send + Sync {
    /// Takes a change of the source's locations.
    fn apply(&self, change: Change);
    /// Takes word of how the source itself is doing.
    fn report(&self, report: Report);
}

/// How a source is doing. Sent after each attempt, good or bad; not once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Everything the source watches was looked at, or its watch is alive.
    Succeeded,
    /// The attempt failed: what is known stays, `source_up` goes to 0. A state, not an event: it is
    /// not counted.
    Failed(Failure),
    /// One operation failed: an event, counted. Alone, the source as a whole still works.
    Error(Failure),
    /// A fault of ours was caught by the fence around the source.
    Panicked,
    /// The watch was begun anew with a full list (`resource`: what was watched).
    Resynced {
        /// Plural name of the Kubernetes resource.
        resource: &'static str,
    },
}

/// An operation of ours that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Failure {
    /// The code: a label value.
    pub reason: Reason,
    /// Plural name of the Kubernetes resource, or `None` for host files.
    pub resource: Option<&'static str>,
    /// One lower-case sentence for people; never bytes of the data.
    pub detail: String,
}

/// A future that lives on the agent's single-threaded runtime.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Something that watches locations for as long as the agent lives.
pub trait Source {
    /// `file`, `kubeconfig`, `kubernetes`, …: the label `source_kind`.
    fn kind(&self) -> &'static str;
    /// The user's name for it: the label `source_name`.
    fn name(&self) -> &str;
    /// Watches until dropped. Returns only when the source cannot go on; the runner then reports
    /// the failure and starts it anew after a pause.
    fn run(&self, sink: Arc<dyn Sink>) -> LocalFuture<'_, Failure>;
}
