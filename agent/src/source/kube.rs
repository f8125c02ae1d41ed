//! What every Kubernetes source shares: a client that cannot log a body, and a watch that lists,
//! follows, resumes and starts anew by itself.
//!
//! The objects are decoded here and not in kube-client: its `request` logs the whole body when
//! that does not decode, and the body of a list of Secrets is full of private keys.

mod api;
mod health;
mod lines;
mod list;
mod pace;
mod target;
mod trouble;
mod watch;
mod wire;

pub use api::Settings;

pub(crate) use api::Api;
pub(crate) use health::Health;
pub(crate) use target::{Target, field, labels};
pub(crate) use watch::{Watched, watch};
pub(crate) use wire::{Item, Reference};
