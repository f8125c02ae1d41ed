//! What every Kubernetes source shares: a client that cannot log a body, and a watch that lists,
//! follows, resumes and starts anew by itself.
//!
//! Of kube, only the configuration is used: its client logs the whole body of an answer when that
//! does not decode, and the body of a list of Secrets is full of private keys.

mod api;
mod client;
mod health;
mod kubeconfig;
mod lines;
mod list;
mod pace;
mod review;
mod target;
mod tls;
mod trouble;
mod watch;
mod wire;

pub use api::Settings;
pub use review::{Reviewer, Verdict};

pub(crate) use api::Api;
pub(crate) use client::{Body, BoxError, Client};
pub(crate) use health::Health;
pub(crate) use target::{Target, field, labels};
pub(crate) use watch::{Watched, watch};
pub(crate) use wire::{Item, Reference};
