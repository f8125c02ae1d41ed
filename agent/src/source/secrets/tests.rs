//! Stories of one source and one API server. Time stands still and jumps to the next deadline as
//! soon as everybody waits, so that a story of an hour takes a moment.

mod failing;
mod following;
mod listing;
mod selecting;
mod server;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use regex_lite::Regex;
use tokio::sync::Notify;
use tokio::time::timeout;

use self::server::{Server, pair};
use super::*;
use crate::model::{Bundle, Change, Location, Reason};
use crate::source::kube::{Api, Settings};
use crate::source::objects::data::{Format, Key};
use crate::source::objects::{Globs, Objects};
use crate::source::{Report, Sink};

/// What is watched in a story.
struct Watching {
    options: Options,
    types: Vec<SecretType>,
}

impl From<Options> for Watching {
    fn from(options: Options) -> Self {
        Self {
            options,
            types: vec![tls("tls.crt")],
        }
    }
}

/// Plays a story against a source with these options.
async fn story(watching: impl Into<Watching>, play: impl AsyncFnOnce(&mut Server, &Ear)) {
    let Watching { options, types } = watching.into();
    let secrets = Objects::new(plan(options, &types, false));
    let ear = Arc::new(Ear::default());
    chapter(&secrets, &ear, play).await;
}

/// One run of a source.
async fn chapter(secrets: &Objects, ear: &Arc<Ear>, play: impl AsyncFnOnce(&mut Server, &Ear)) {
    let (client, mut server) = pair();
    let api = Api::new(client, options().settings);
    tokio::select! {
        () = secrets.watch(&api, ear.clone()) => panic!("the source ended"),
        end = timeout(Duration::from_secs(3600), play(&mut server, ear)) => {
            end.expect("the story goes on");
        }
    }
}

/// All Secrets of type kubernetes.io/tls, by their tls.crt.
fn options() -> Options {
    Options {
        name: "kubernetes".into(),
        settings: Settings {
            page_size: 50,
            ..Settings::default()
        },
        ..Options::default()
    }
}

fn tls(key: &str) -> SecretType {
    of_type("kubernetes.io/tls", Key::Literal(key.into()))
}

fn of_type(type_: &str, key: Key) -> SecretType {
    SecretType {
        type_: type_.into(),
        fields: vec![Field {
            key,
            format: Format::Certificates,
            keystores: Rc::default(),
        }],
        labels: LabelFilter::default(),
    }
}

fn pattern(pattern: &str) -> Key {
    Key::Pattern(Regex::new(pattern).unwrap())
}

/// Hears what the source says, and keeps what an inventory would.
#[derive(Default)]
struct Ear {
    heard: Mutex<Heard>,
    bell: Notify,
}

#[derive(Default)]
struct Heard {
    bundles: BTreeMap<Location, Bundle>,
    changes: usize,
    reports: Vec<Report>,
}

impl Sink for Ear {
    fn apply(&self, change: Change) {
        self.hear(|heard| {
            heard.changes += 1;
            match change {
                Change::Upsert(location, bundle) => drop(heard.bundles.insert(location, bundle)),
                Change::Remove(location) => drop(heard.bundles.remove(&location)),
                Change::Resync(all) => heard.bundles = all.into_iter().collect(),
            }
        });
    }

    fn report(&self, report: Report) {
        self.hear(|heard| heard.reports.push(report));
    }
}

impl Ear {
    fn hear<T>(&self, heard: impl FnOnce(&mut Heard) -> T) -> T {
        let result = heard(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_waiters();
        result
    }

    /// Returns once this is so.
    async fn until(&self, mut is_so: impl FnMut(&mut Heard) -> bool) {
        loop {
            let rung = self.bell.notified();
            if is_so(&mut self.heard.lock().unwrap()) {
                return;
            }
            rung.await;
        }
    }

    /// Returns once these locations are known and no others, each as `namespace/name/key`.
    async fn until_known(&self, expected: &[&str]) {
        self.until(|heard| heard.known() == expected).await;
    }

    /// Returns once a report says so, and forgets the reports up to it.
    async fn until_report(&self, mut is_it: impl FnMut(&Report) -> bool) {
        self.until(|heard| match heard.reports.iter().position(&mut is_it) {
            Some(found) => {
                heard.reports.drain(..=found);
                true
            }
            None => false,
        })
        .await;
    }

    async fn until_success(&self) {
        self.until_report(|report| *report == Report::Succeeded)
            .await;
    }

    async fn until_failure(&self, reason: Reason, resource: &str) {
        self.until_report(|report| {
            matches!(report, Report::Failed(failure)
                if failure.reason == reason && failure.resource == Some(resource))
        })
        .await;
    }

    async fn until_error(&self, reason: Reason) {
        self.until_report(
            |report| matches!(report, Report::Error(failure) if failure.reason == reason),
        )
        .await;
    }

    fn known(&self) -> Vec<String> {
        self.hear(|heard| heard.known())
    }

    fn bundle(&self, expected: &str) -> Bundle {
        self.hear(|heard| {
            let found = heard
                .bundles
                .iter()
                .find(|(location, _)| short(location) == expected);
            found
                .unwrap_or_else(|| panic!("{expected} is not known"))
                .1
                .clone()
        })
    }

    fn reports(&self) -> Vec<Report> {
        self.hear(|heard| std::mem::take(&mut heard.reports))
    }
}

impl Heard {
    fn known(&self) -> Vec<String> {
        self.bundles.keys().map(short).collect()
    }
}

fn short(location: &Location) -> String {
    match location {
        Location::Object { object, key, .. } => {
            format!("{}/{}/{key}", object.namespace, object.name)
        }
        other => panic!("{other} is no object"),
    }
}
