//! Certificates in Kubernetes Secrets.
//!
//! One watch for each type of Secret, and for each namespace where these are named one by one (so
//! that Roles are enough); the server selects by type and labels, the agent by names. Where
//! namespaces are chosen by their labels, these are watched too, and a change applies at once.

mod data;
mod filter;
mod ledger;
mod object;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{join, join_all};
use regex_lite::Regex;
use serde::de::{DeserializeSeed, Deserializer};

pub use self::filter::Globs;
use self::filter::{Filter, Labelled, NamespaceWatch, Queue, Selection};
use self::ledger::Ledger;
use self::object::{Secret, SecretSeed, Wanted};
use super::kube::{self, Api, Health, Reference, Settings, Target, Watched};
use super::{Failure, LocalFuture, Report, Sink, Source};

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The user's name for the source.
    pub name: String,
    /// How to reach the API server.
    pub settings: Settings,
    /// Namespaces by name.
    pub namespaces: Globs,
    /// Namespaces by label.
    pub namespace_labels: LabelFilter,
    /// Secrets by name.
    pub names: Globs,
    /// Secrets by label.
    pub labels: LabelFilter,
    /// Labels of the Secret to copy to its bundles.
    pub expose_labels: Vec<String>,
    /// Types of Secrets and their keys that hold certificates.
    pub types: Vec<SecretType>,
}

/// Labels as `key` or `key=value`: all of the first list, none of the second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelFilter {
    /// What must be there.
    pub include: Vec<String>,
    /// What must not.
    pub exclude: Vec<String>,
}

/// A type of Secret and where its certificates are.
#[derive(Clone, Debug)]
pub struct SecretType {
    /// The type, such as `kubernetes.io/tls`.
    pub type_: String,
    /// The keys to read; the first that matches counts.
    pub keys: Vec<Key>,
}

/// Which keys of a Secret's data to read.
#[derive(Clone, Debug)]
pub enum Key {
    /// The key of this name.
    Literal(Arc<str>),
    /// All keys that the pattern finds.
    Pattern(Regex),
}

/// Labels of an object: names and values.
type Labels = Vec<(Arc<str>, Arc<str>)>;

/// The source.
#[derive(Debug)]
pub struct Secrets {
    options: Options,
    /// Outlives a run, so that the next one can name what is gone since.
    ledger: RefCell<Ledger>,
}

/// The watch of the Secrets of one type.
struct SecretWatch<'a> {
    index: usize,
    target: Target,
    wanted: Wanted,
    queue: Queue,
    ledger: &'a RefCell<Ledger>,
    sink: &'a dyn Sink,
}

// === impl Secrets ===

impl Secrets {
    /// A source that has not begun yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            ledger: RefCell::default(),
        }
    }

    /// Watches through a connection, which nothing ends.
    async fn watch(&self, api: &Api, sink: Arc<dyn Sink>) {
        let filter = Rc::new(self.filter());
        let watches = self.watches(&filter, &*sink);
        let labelled = filter.labelled.as_ref();
        let health = Health::new(
            sink.clone(),
            watches.len() + usize::from(labelled.is_some()),
        );
        if watches.is_empty() {
            sink.report(Report::Succeeded);
            return std::future::pending().await;
        }
        let secrets = join_all(watches.iter().map(|watch| async {
            if let Some(labelled) = labelled {
                labelled.complete().await;
            }
            kube::watch(api, &watch.target, watch, &health, watch.index).await
        }));
        let namespaces = async {
            let Some(labelled) = labelled else { return };
            let watch = NamespaceWatch {
                filter: &filter,
                labelled,
                selection: &*watches,
            };
            let target = self.namespace_target();
            kube::watch(api, &target, &watch, &health, watches.len()).await;
        };
        join(secrets, namespaces).await;
    }

    fn filter(&self) -> Filter {
        let Options {
            namespace_labels: LabelFilter { include, exclude },
            ..
        } = &self.options;
        let by_label = !include.is_empty() || !exclude.is_empty();
        Filter {
            names: self.options.names.clone(),
            namespaces: self.options.namespaces.clone(),
            labelled: by_label.then(Labelled::default),
        }
    }

    fn watches<'a>(&'a self, filter: &Rc<Filter>, sink: &'a dyn Sink) -> Vec<SecretWatch<'a>> {
        let literals = match filter.labelled {
            Some(_) => None,
            None => self.options.namespaces.literals(),
        };
        let namespaces: Vec<Option<String>> = match literals {
            Some(names) => names
                .into_iter()
                .map(|name| Some(name.to_owned()))
                .collect(),
            None => vec![None],
        };
        let types = self.types();
        let pairs = types
            .iter()
            .flat_map(|type_| namespaces.iter().map(move |ns| (type_, ns)));
        let labels = {
            let mut labels: Vec<Arc<str>> = self
                .options
                .expose_labels
                .iter()
                .map(|label| label.as_str().into())
                .collect();
            labels.sort();
            labels.dedup();
            labels
        };
        pairs
            .enumerate()
            .map(
                |(index, (SecretType { type_, keys }, namespace))| SecretWatch {
                    index,
                    target: self.secret_target(type_, namespace.clone()),
                    wanted: Wanted {
                        type_: type_.clone(),
                        keys: keys.clone(),
                        labels: labels.clone(),
                        filter: filter.clone(),
                    },
                    queue: Queue::default(),
                    ledger: &self.ledger,
                    sink,
                },
            )
            .collect()
    }

    /// The types, each once, with all keys that were named for it.
    fn types(&self) -> Vec<SecretType> {
        let mut types: Vec<SecretType> = Vec::new();
        for SecretType { type_, keys } in &self.options.types {
            match types.iter_mut().find(|known| known.type_ == *type_) {
                Some(known) => known.keys.extend(keys.iter().cloned()),
                None => types.push(SecretType {
                    type_: type_.clone(),
                    keys: keys.clone(),
                }),
            }
        }
        types
    }

    fn secret_target(&self, type_: &str, namespace: Option<String>) -> Target {
        let LabelFilter { include, exclude } = &self.options.labels;
        Target {
            prefix: "/api/v1",
            resource: "secrets",
            namespace,
            fields: kube::field("type", type_),
            labels: kube::labels(include, exclude),
        }
    }

    fn namespace_target(&self) -> Target {
        let LabelFilter { include, exclude } = &self.options.namespace_labels;
        Target {
            prefix: "/api/v1",
            resource: "namespaces",
            namespace: None,
            fields: String::new(),
            labels: kube::labels(include, exclude),
        }
    }
}

impl Source for Secrets {
    fn kind(&self) -> &'static str {
        "kubernetes"
    }

    fn name(&self) -> &str {
        &self.options.name
    }

    fn run(&self, sink: Arc<dyn Sink>) -> LocalFuture<'_, Failure> {
        Box::pin(async move {
            match Api::connect(self.options.settings.clone()).await {
                Ok(api) => {
                    self.watch(&api, sink).await;
                    std::future::pending().await
                }
                Err(failure) => failure,
            }
        })
    }
}

// === impl SecretWatch ===

impl Watched for SecretWatch<'_> {
    type Item = Secret;

    fn decode<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<Secret, D::Error> {
        SecretSeed(&self.wanted).deserialize(deserializer)
    }

    fn apply(&self, secret: Secret) {
        let Secret {
            reference,
            foreign,
            bundles,
        } = secret;
        if !foreign
            && self
                .wanted
                .filter
                .selects(&reference.namespace, &reference.name)
        {
            self.ledger
                .borrow_mut()
                .apply(self.sink, self.index, &reference, bundles);
        }
    }

    fn delete(&self, gone: &Reference) {
        self.ledger.borrow_mut().delete(self.sink, self.index, gone);
    }

    fn relisting(&self) {
        self.queue.clear();
        self.ledger.borrow_mut().relisting(self.index);
    }

    fn relisted(&self) {
        self.ledger.borrow_mut().relisted(self.sink, self.index);
    }

    fn namespace(&self) -> impl Future<Output = String> {
        self.queue.next()
    }
}

// === impl Selection ===

impl Selection for &[SecretWatch<'_>] {
    fn selected(&self, namespace: &str) {
        for watch in *self {
            watch.queue.push(namespace);
        }
    }

    fn unselected(&self, namespace: &str) {
        for watch in *self {
            watch.queue.remove(namespace);
            watch.ledger.borrow_mut().forget(watch.sink, namespace);
        }
    }
}
