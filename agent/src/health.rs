//! How the agent and its sources are doing: the agent's own metrics, and whether it is ready.
//! Sources' state is written by the runner's reports and read by each scrape.

pub mod door;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::{
    Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector,
    proto::MetricFamily,
};

use crate::clock::Clock;
use crate::decode::Keystore;
use crate::model::Reason;
use crate::source::objects::Shard;
use crate::source::{Failure, Report};

const SOURCE: [&str; 2] = ["source_kind", "source_name"];

/// The agent's own metrics and readiness.
#[derive(Debug)]
pub struct Health {
    registry: Registry,
    sources: Vec<Arc<SourceHealth>>,
    bundles: IntGaugeVec,
    panics: IntCounterVec,
    scrapes: Histogram,
}

/// One source's part of [`Health`].
#[derive(Debug)]
pub struct SourceHealth {
    kind: &'static str,
    name: String,
    clock: Clock,
    standing: Mutex<Standing>,
    up: IntGaugeVec,
    last_success: IntGaugeVec,
    errors: IntCounterVec,
    transport_errors: IntCounterVec,
    resyncs: IntCounterVec,
    pkcs12_passphrases: IntCounterVec,
    jks_passphrases: IntCounterVec,
}

/// How a source is doing, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether its last attempt succeeded; none before the first.
    pub up: Option<bool>,
    /// Since when that is so.
    pub since: i64,
    /// When it last succeeded.
    pub last_success: Option<i64>,
    /// Why its last attempt failed.
    pub failure: Option<Failure>,
}

impl Health {
    /// Metrics for these sources, each a kind and a name.
    pub fn new(sources: &[(&'static str, String)], clock: &Clock) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let families = Families::new(&registry)?;
        build_info(&registry)?;
        let process = prometheus::process_collector::ProcessCollector::for_self();
        registry.register(Box::new(process))?;
        Ok(Self {
            sources: sources
                .iter()
                .map(|(kind, name)| Arc::new(families.source(kind, name, clock)))
                .collect(),
            bundles: families.bundles,
            panics: families.panics,
            scrapes: families.scrapes,
            registry,
        })
    }

    /// Says which share of the objects is watched here.
    pub fn share(&self, shard: Shard) -> prometheus::Result<()> {
        let name = "x509_exporter_shards";
        let help = "In how many shares objects are watched; the label is the number of this one.";
        let shares = registered(
            &self.registry,
            IntGaugeVec::new(Opts::new(name, help), &["shard"])?,
        )?;
        let index = shard.index.to_string();
        shares.with_label_values(&[&index]).set(shard.total.into());
        Ok(())
    }

    /// The part of one source.
    pub fn source(&self, index: usize) -> Option<&Arc<SourceHealth>> {
        self.sources.get(index)
    }

    /// All sources, in order.
    pub fn sources(&self) -> impl Iterator<Item = &SourceHealth> {
        self.sources.iter().map(|source| &**source)
    }

    /// Whether each source has tried once, with or without success.
    pub fn ready(&self) -> bool {
        self.sources
            .iter()
            .all(|source| source.known().up.is_some())
    }

    /// Says how many bundles each source holds; in the order of the sources.
    pub fn set_bundles(&self, counts: impl Iterator<Item = usize>) {
        for (source, count) in self.sources.iter().zip(counts) {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.bundles.with_label_values(&source.labels()).set(count);
        }
    }

    /// Takes the time that a scrape took.
    pub fn scraped(&self, seconds: f64) {
        self.scrapes.observe(seconds);
    }

    /// Counts a panic that the fence caught.
    pub fn panicked(&self, component: &str) {
        self.panics.with_label_values(&[component]).inc();
    }

    /// The own metrics as they are now.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

impl SourceHealth {
    /// Takes word of one attempt; true if the source turned up or down by it.
    pub fn take(&self, report: &Report) -> bool {
        match report {
            Report::Succeeded => {
                self.last_success
                    .with_label_values(&self.labels())
                    .set(self.clock.now());
                self.turn(None)
            }
            Report::Failed(failure) => self.turn(Some(failure)),
            Report::Error(failure) => {
                self.count(failure);
                false
            }
            Report::Panicked => false,
            Report::Resynced { resource } => {
                self.resyncs
                    .with_label_values(&[self.name.as_str(), resource])
                    .inc();
                false
            }
        }
    }

    /// Counts a keystore that its passphrases no longer open: each once, until it is well again.
    pub fn locked(&self, keystore: Keystore) {
        let counter = match keystore {
            Keystore::Pkcs12 => &self.pkcs12_passphrases,
            Keystore::Jks => &self.jks_passphrases,
        };
        counter.with_label_values(&[self.name.as_str()]).inc();
    }

    /// The label `source_kind`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The label `source_name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is doing.
    pub fn standing(&self) -> Standing {
        self.known().clone()
    }

    fn known(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, failure: Option<&Failure>) -> bool {
        let (up, now) = (failure.is_none(), self.clock.now());
        let gauge = self.up.with_label_values(&self.labels());
        gauge.set(i64::from(up));
        let mut standing = self.known();
        let turned = standing.up != Some(up);
        standing.up = Some(up);
        if turned {
            standing.since = now;
        }
        if up {
            standing.last_success = Some(now);
        }
        if standing.failure.as_ref() != failure {
            standing.failure = failure.cloned();
        }
        turned
    }

    fn count(&self, failure: &Failure) {
        let reason = failure.reason.code();
        self.errors
            .with_label_values(&[self.kind, &self.name, reason])
            .inc();
        if let Some(resource) = failure.resource {
            self.transport_errors
                .with_label_values(&[&self.name, resource, reason])
                .inc();
        }
    }

    fn labels(&self) -> [&str; 2] {
        [self.kind, &self.name]
    }
}

/// The families, registered.
struct Families {
    up: IntGaugeVec,
    last_success: IntGaugeVec,
    bundles: IntGaugeVec,
    errors: IntCounterVec,
    transport_errors: IntCounterVec,
    resyncs: IntCounterVec,
    pkcs12_passphrases: IntCounterVec,
    jks_passphrases: IntCounterVec,
    panics: IntCounterVec,
    scrapes: Histogram,
}

impl Families {
    fn new(registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGaugeVec> {
            registered(registry, IntGaugeVec::new(Opts::new(name, help), &SOURCE)?)
        };
        let counter = |name: &str, help: &str, labels: &[&str]| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let scrapes =
            HistogramOpts::new("x509_scrape_duration_seconds", "Time to answer a scrape.")
                .buckets(vec![0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0]);
        Ok(Self {
            up: gauge(
                "x509_source_up",
                "Whether the source's last attempt succeeded: 1, or 0.",
            )?,
            last_success: gauge(
                "x509_source_last_success_timestamp_seconds",
                "When the source last succeeded, in seconds since 1970.",
            )?,
            bundles: gauge(
                "x509_source_bundles",
                "How many places the source holds: files, kubeconfig entries, parts of objects.",
            )?,
            errors: counter(
                "x509_source_errors_total",
                "Failed operations of the source, by reason.",
                &["source_kind", "source_name", "reason"],
            )?,
            transport_errors: counter(
                "x509_kube_transport_errors_total",
                "Failed requests to the API server, by reason.",
                &["source_name", "resource", "reason"],
            )?,
            resyncs: counter(
                "x509_kube_watch_resyncs_total",
                "How often a watch was begun anew with a full list.",
                &["source_name", "resource"],
            )?,
            pkcs12_passphrases: counter(
                "x509_pkcs12_passphrase_failures_total",
                "How often no passphrase opened a PKCS#12 keystore.",
                &["source_name"],
            )?,
            jks_passphrases: counter(
                "x509_jks_passphrase_failures_total",
                "How often no passphrase was that of a JKS or JCEKS keystore.",
                &["source_name"],
            )?,
            panics: counter(
                "x509_panic_total",
                "Faults of the agent that the fence around a component caught.",
                &["component"],
            )?,
            scrapes: registered(registry, Histogram::with_opts(scrapes)?)?,
        })
    }

    fn source(&self, kind: &'static str, name: &str, clock: &Clock) -> SourceHealth {
        // Born at 0, so that a rule sees a source that never succeeds, and a rate its first error.
        self.up.with_label_values(&[kind, name]).set(0);
        self.bundles.with_label_values(&[kind, name]).set(0);
        self.panics.with_label_values(&[kind]);
        if matches!(kind, "file" | "kubernetes" | "configmap") {
            self.pkcs12_passphrases.with_label_values(&[name]);
            self.jks_passphrases.with_label_values(&[name]);
        }
        // No operation fails with what is odd about a certificate.
        for reason in Reason::ALL.iter().filter(|reason| !reason.is_warning()) {
            self.errors.with_label_values(&[kind, name, reason.code()]);
        }
        SourceHealth {
            kind,
            name: name.to_owned(),
            clock: clock.clone(),
            standing: Mutex::default(),
            up: self.up.clone(),
            last_success: self.last_success.clone(),
            errors: self.errors.clone(),
            transport_errors: self.transport_errors.clone(),
            resyncs: self.resyncs.clone(),
            pkcs12_passphrases: self.pkcs12_passphrases.clone(),
            jks_passphrases: self.jks_passphrases.clone(),
        }
    }
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn build_info(registry: &Registry) -> prometheus::Result<()> {
    let name = "x509_exporter_build_info";
    let help = "1, with what this build is made of as labels.";
    let info = IntGaugeVec::new(
        Opts::new(name, help),
        &["version", "revision", "os", "arch"],
    )?;
    let revision = option_env!("X509_REVISION").unwrap_or("unknown");
    let labels = [
        env!("CARGO_PKG_VERSION"),
        revision,
        std::env::consts::OS,
        std::env::consts::ARCH,
    ];
    info.with_label_values(&labels).set(1);
    registry.register(Box::new(info))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Failure;

    fn health() -> Health {
        let sources = [("file", "a".to_owned()), ("kubernetes", "b".to_owned())];
        Health::new(&sources, &Clock::fixed(7)).unwrap()
    }

    fn failed() -> Report {
        let detail = "secrets is forbidden".to_owned();
        Report::Failed(Failure {
            reason: Reason::Forbidden,
            resource: Some("secrets"),
            detail,
        })
    }

    #[test]
    fn no_series_waits_for_a_source_that_fails_with_a_warning() {
        let families = health().gather();
        let errors = families
            .iter()
            .find(|family| family.name() == "x509_source_errors_total");
        let series = errors.unwrap().get_metric();
        let reasons = series.iter().flat_map(prometheus::proto::Metric::get_label);
        let told: Vec<_> = reasons
            .filter(|label| label.name() == "reason")
            .map(|label| label.value().to_owned())
            .collect();
        let is_told = |reason: &Reason| told.iter().any(|told| told == reason.code());
        for reason in Reason::ALL {
            assert_eq!(is_told(reason), !reason.is_warning(), "{reason}");
        }
    }

    #[test]
    fn ready_once_each_source_has_tried_even_in_vain() {
        let health = health();
        assert!(!health.ready());
        health.source(0).unwrap().take(&Report::Succeeded);
        assert!(!health.ready());
        health.source(1).unwrap().take(&failed());
        assert!(health.ready());
    }

    #[test]
    fn up_is_true_now_and_only_a_turn_is_told() {
        let health = health();
        let source = health.source(1).unwrap();
        assert!(source.take(&failed()));
        assert!(!source.take(&failed()));
        assert!(source.take(&Report::Succeeded));
        assert_eq!(source.up.with_label_values(&source.labels()).get(), 1);
        assert_eq!(
            source
                .last_success
                .with_label_values(&source.labels())
                .get(),
            7
        );
        assert!(source.take(&failed()));
        assert_eq!(source.up.with_label_values(&source.labels()).get(), 0);
        let Report::Failed(failure) = failed() else {
            unreachable!("it is a failure")
        };
        assert!(!source.take(&Report::Error(failure)));
        let counted = source
            .transport_errors
            .with_label_values(&["b", "secrets", "forbidden"]);
        assert_eq!(counted.get(), 1);
    }

    #[test]
    fn how_a_source_stands_is_told_since_when_and_why() {
        let health = health();
        let source = health.source(0).unwrap();
        assert_eq!(source.standing(), Standing::default());
        source.take(&Report::Succeeded);
        let well = Standing {
            up: Some(true),
            since: 7,
            last_success: Some(7),
            failure: None,
        };
        assert_eq!(source.standing(), well);
        let failed = failed();
        source.take(&failed);
        let standing = source.standing();
        assert_eq!((standing.up, standing.last_success), (Some(false), Some(7)));
        assert!(
            matches!(failed, Report::Failed(failure) if Some(&failure) == standing.failure.as_ref())
        );
        source.take(&Report::Succeeded);
        assert_eq!(source.standing(), well);
    }
}
