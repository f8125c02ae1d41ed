//! Which certificate expires next, where is it, and is somebody told in time?
//!
//! ```text
//! flags + file ─► config ──────────────────────────────┐  small structs handed down; nobody looks up
//!                                                      ▼
//! Secrets, ConfigMaps, ┐
//! caBundles, requests, │
//! files, kubeconfigs   ├► source ─bytes► decode ─Change► inventory ─Snapshot► expose ─┬► /metrics
//!                      ┘  (IO, retry)    (pure)          (one lock)           (pure)  ├► / (page)
//!                                                                                     ├► /api/v1
//!                                                                                     └► check
//! ```
//!
//! Three laws. Bytes become facts in one place, [`decode`]: no IO, never fails as a whole, one
//! result per block. Facts are kept in one place, [`inventory`]: it knows neither Kubernetes nor
//! Prometheus. Text is made in one place, [`expose`]: a function of a snapshot and, only where
//! unavoidable, of the time.

pub mod check;
pub mod cli;
pub mod clock;
pub mod config;
pub mod decode;
pub mod discover;
pub mod door;
pub mod exit;
pub mod expose;
pub mod health;
pub mod inventory;
pub mod logs;
pub mod model;
pub mod ready;
pub mod serve;
pub mod server;
pub mod source;
pub mod terminal;
pub mod tls;
