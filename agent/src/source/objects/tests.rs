//! What the stories of all kinds of objects need: a server that does what the test says, and an ear.

mod cluster;
mod readers;
mod requests;
pub(in crate::source) mod server;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use tokio::sync::Notify;
use tokio::time::timeout;

use self::server::{Server, pair};
use super::*;
use crate::model::{Bundle, Change, Entry, Location, Reason};
use crate::source::kube::Settings;

/// One run of a source.
pub(in crate::source) async fn chapter(
    source: &Objects,
    ear: &Arc<Ear>,
    play: impl AsyncFnOnce(&mut Server, &Ear),
) {
    let (client, mut server) = pair();
    let api = Api::new(client, Settings::default());
    tokio::select! {
        () = source.watch(&api, ear.clone()) => panic!("the source ended"),
        end = timeout(Duration::from_secs(3600), play(&mut server, ear)) => {
            end.expect("the story goes on");
        }
    }
}

/// What a plan's reader of this resource makes of an object.
pub(in crate::source) fn read(
    plan: &Plan,
    resource: &str,
    object: &str,
) -> Result<Vec<Part>, Unread> {
    let mut wanted = plan.wanted.iter();
    let wanted = wanted.find(|wanted| wanted.resource == resource);
    let object: Raw<'_> = serde_json::from_str(object).unwrap();
    wanted.expect("the plan wants it").reader.read(&object)
}

/// Parts as text: the key and the entry, then the subjects, then the reasons of problems.
pub(in crate::source) fn shown(parts: &[Part]) -> Vec<String> {
    let show = |part: &Part| {
        let mut words = vec![part.key.to_string()];
        if let Some(Entry { kind, name }) = part.entry.as_deref() {
            words.push(format!("{} {name}", kind.as_str()));
        }
        let bundle = part.bundle();
        for found in bundle.certificates() {
            words.extend(found.subject().common_name.map(|name| format!("CN={name}")));
        }
        words.extend(
            bundle
                .problems
                .iter()
                .map(|problem| problem.reason.to_string()),
        );
        words.join(" ")
    };
    parts.iter().map(show).collect()
}

/// A PEM certificate of this subject, in base64.
pub(in crate::source) fn certificate(name: &str) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    STANDARD.encode(certificate.pem())
}

/// Hears what the source says, and keeps what an inventory would.
#[derive(Default)]
pub(in crate::source) struct Ear {
    heard: Mutex<Heard>,
    bell: Notify,
}

#[derive(Default)]
pub(in crate::source) struct Heard {
    pub(in crate::source) bundles: BTreeMap<Location, Bundle>,
    pub(in crate::source) changes: usize,
    pub(in crate::source) reports: Vec<Report>,
}

impl Sink for Ear {
    fn apply(&self, change: Change) {
        self.hear(|heard| {
            heard.changes += 1;
            match change {
                Change::Upsert(location, bundle) => drop(heard.bundles.insert(location, bundle)),
                Change::Remove(location) => drop(heard.bundles.remove(&location)),
                Change::Resync(all) => heard.bundles.retain(|at, _| all.contains(at)),
            }
        });
    }

    fn report(&self, report: Report) {
        self.hear(|heard| heard.reports.push(report));
    }
}

impl Ear {
    pub(in crate::source) fn hear<T>(&self, heard: impl FnOnce(&mut Heard) -> T) -> T {
        let result = heard(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_waiters();
        result
    }

    /// Returns once this is so.
    pub(in crate::source) async fn until(&self, mut is_so: impl FnMut(&mut Heard) -> bool) {
        loop {
            let rung = self.bell.notified();
            if is_so(&mut self.heard.lock().unwrap()) {
                return;
            }
            rung.await;
        }
    }

    /// Returns once these locations are known and no others, each as `namespace/name/key`.
    pub(in crate::source) async fn until_known(&self, expected: &[&str]) {
        self.until(|heard| heard.known() == expected).await;
    }

    /// Returns once a report says so, and forgets the reports up to it.
    pub(in crate::source) async fn until_report(&self, mut is_it: impl FnMut(&Report) -> bool) {
        self.until(|heard| match heard.reports.iter().position(&mut is_it) {
            Some(found) => {
                heard.reports.drain(..=found);
                true
            }
            None => false,
        })
        .await;
    }

    pub(in crate::source) async fn until_success(&self) {
        self.until_report(|report| *report == Report::Succeeded)
            .await;
    }

    pub(in crate::source) async fn until_failure(&self, reason: Reason, resource: &str) {
        self.until_report(|report| {
            matches!(report, Report::Failed(failure)
                if failure.reason == reason && failure.resource == Some(resource))
        })
        .await;
    }

    pub(in crate::source) async fn until_error(&self, reason: Reason) {
        self.until_report(
            |report| matches!(report, Report::Error(failure) if failure.reason == reason),
        )
        .await;
    }

    pub(in crate::source) fn known(&self) -> Vec<String> {
        self.hear(|heard| heard.known())
    }

    pub(in crate::source) fn bundle(&self, expected: &str) -> Bundle {
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

    pub(in crate::source) fn reports(&self) -> Vec<Report> {
        self.hear(|heard| std::mem::take(&mut heard.reports))
    }
}

impl Heard {
    pub(in crate::source) fn known(&self) -> Vec<String> {
        self.bundles.keys().map(short).collect()
    }
}

fn short(location: &Location) -> String {
    match location {
        Location::Object { object, key, entry } => {
            let entry = entry.as_ref().map_or_else(String::new, |entry| {
                format!("/{}:{}", entry.kind.as_str(), entry.name)
            });
            format!("{}/{}/{key}{entry}", object.namespace, object.name)
        }
        other => panic!("{other} is no object"),
    }
}
