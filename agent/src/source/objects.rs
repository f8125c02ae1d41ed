//! Certificates in Kubernetes objects: what the sources of all kinds share.
//!
//! A [`Plan`] names the kinds of objects to watch, each with the [`Reader`] that knows where such an
//! object keeps certificates. One watch for each kind, and for each namespace where these are named
//! one by one (so that Roles are enough); the server selects by fields and labels, the agent by
//! names. Where namespaces are chosen by their labels, these are watched too, and a change applies
//! at once.

pub mod data;
pub(crate) mod field;
mod filter;
pub(crate) mod kubeconfig;
mod ledger;
pub(crate) mod newest;
pub(crate) mod object;
pub mod once;
mod passphrases;
mod plan;
mod shard;
#[cfg(test)]
pub(in crate::source) mod tests;
mod vault;
mod watch;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures_util::future::{join_all, join4};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use tower::Service;

pub use self::filter::Globs;
use self::filter::{Filter, Labelled, NamespaceWatch, Queue};
use self::ledger::Ledger;
use self::newest::{Newest, Revisions};
pub use self::object::{Metadata, Raw};
use self::passphrases::PassphraseWatch;
pub use self::plan::{Held, LabelFilter, Options, Part, Plan, Reader, Unread, Wanted};
pub use self::shard::Shard;
pub use self::vault::Locked;
use self::vault::Vault;
use self::watch::ObjectWatch;
pub use super::keystores::{Keystores, Passphrases, SecretKey};
use super::kube::{self, Api, Body, BoxError, Client, Health, Target};
use super::{Failure, LocalFuture, Report, Sink, Source};
use crate::model::ObjectKind;

/// The source.
#[derive(Debug)]
pub struct Objects {
    plan: Plan,
    /// One for each kind and group. They outlive a run, so that the next one can name what is gone
    /// since.
    ledgers: HashMap<(ObjectKind, usize), RefCell<Ledger>>,
    /// As old as the ledgers.
    revisions: Mutex<Revisions>,
}

// === impl Objects ===

impl Objects {
    /// A source that has not begun yet.
    pub fn new(plan: Plan) -> Self {
        let ledger = |wanted: &Wanted| {
            let ledger = Ledger::new(plan.options.cluster.clone(), wanted.kind);
            ((wanted.kind, wanted.group), RefCell::new(ledger))
        };
        Self {
            ledgers: plan.wanted.iter().map(ledger).collect(),
            revisions: Mutex::default(),
            plan,
        }
    }

    /// Watches what answers in place of an API server: whatever that says, nothing ends it.
    pub async fn watch_through<S, F>(&self, server: S, sink: Arc<dyn Sink>)
    where
        S: Service<Request<Full<Bytes>>, Response = Response<Body>, Error = BoxError, Future = F>
            + Clone
            + Send
            + 'static,
        F: Future<Output = Result<Response<Body>, BoxError>> + Send + 'static,
    {
        let api = Api::new(Client::through(server), self.plan.options.settings.clone());
        self.watch(&api, sink).await;
    }

    /// Watches through a connection, which nothing ends.
    pub(super) async fn watch(&self, api: &Api, sink: Arc<dyn Sink>) {
        for ledger in self.ledgers.values() {
            ledger.borrow_mut().begin();
        }
        let filter = Rc::new(self.filter());
        let vault = Rc::new(Vault::default());
        let newest = Newest {
            revisions: &self.revisions,
            sink: &*sink,
        };
        let watches = self.watches(&filter, &vault, &newest);
        let passphrases = self.passphrases(&filter, &vault, &watches);
        let labelled = filter.labelled.as_ref();
        let count = watches.len() + passphrases.len();
        let health = Health::new(sink.clone(), count + usize::from(labelled.is_some()));
        if watches.is_empty() {
            sink.report(Report::Succeeded);
            return std::future::pending().await;
        }
        let objects = join_all(watches.iter().map(|watch| async {
            if let Some(labelled) = labelled {
                labelled.complete().await;
            }
            if !watch.wanted.secrets().is_empty() {
                vault.ready().await;
            }
            kube::watch(api, &watch.target, watch, &health, watch.index).await
        }));
        let secrets = join_all(passphrases.iter().enumerate().map(|(index, watch)| {
            let (index, health) = (watches.len() + index, &health);
            async move { kube::watch(api, &watch.target(), watch, health, index).await }
        }));
        let namespaces = async {
            let Some(labelled) = labelled else { return };
            let watch = NamespaceWatch {
                filter: &filter,
                labelled,
                selection: &*watches,
            };
            let target = self.namespace_target();
            kube::watch(api, &target, &watch, &health, count).await;
        };
        let files = self.follow_files(&vault, &watches);
        join4(objects, secrets, namespaces, files).await;
    }

    /// One watch for each Secret that holds passphrases.
    fn passphrases<'a>(
        &self,
        filter: &Filter,
        vault: &'a Vault,
        watches: &'a [ObjectWatch<'a>],
    ) -> Vec<PassphraseWatch<'a>> {
        let mut keys: BTreeMap<(Option<String>, &str), BTreeSet<String>> = BTreeMap::new();
        for SecretKey {
            namespace,
            name,
            key,
        } in self.plan.wanted.iter().flat_map(Wanted::secrets)
        {
            let namespaces = match namespace {
                Some(namespace) => vec![Some(namespace.clone())],
                None => self.namespaces(filter),
            };
            for namespace in namespaces {
                let keys = keys.entry((namespace, name)).or_default();
                keys.insert(key.clone());
            }
        }
        let watch = |((namespace, name), keys): ((Option<String>, &str), _)| {
            PassphraseWatch::new(namespace, name, keys, vault, watches)
        };
        keys.into_iter().map(watch).collect()
    }

    /// Has keystores read again when a file with a passphrase is another one.
    async fn follow_files(&self, vault: &Vault, watches: &[ObjectWatch<'_>]) {
        let files: Vec<&Path> = self.plan.wanted.iter().flat_map(Wanted::files).collect();
        if files.is_empty() {
            return;
        }
        let changed = || {
            for watch in watches
                .iter()
                .filter(|watch| !watch.wanted.files().is_empty())
            {
                watch.read_again(None);
            }
        };
        vault.follow(&files, changed).await;
    }

    fn filter(&self) -> Filter {
        let Options {
            namespace_labels: LabelFilter { include, exclude },
            names,
            namespaces,
            ..
        } = &self.plan.options;
        let by_label = !include.is_empty() || !exclude.is_empty();
        Filter {
            names: names.clone(),
            namespaces: namespaces.clone(),
            labelled: by_label.then(Labelled::default),
        }
    }

    fn watches<'a>(
        &'a self,
        filter: &Rc<Filter>,
        vault: &Rc<Vault>,
        newest: &'a Newest<'a>,
    ) -> Vec<ObjectWatch<'a>> {
        let namespaces = self.namespaces(filter);
        let labels = self.exposed_labels();
        let mut watches = Vec::new();
        for wanted in &self.plan.wanted {
            let Some(ledger) = self.ledgers.get(&(wanted.kind, wanted.group)) else {
                continue;
            };
            let everywhere = [None];
            let namespaces = if wanted.namespaced {
                &namespaces
            } else {
                &everywhere[..]
            };
            for namespace in namespaces {
                watches.push(ObjectWatch {
                    index: watches.len(),
                    target: self.target(wanted, namespace.clone()),
                    wanted,
                    labels: labels.clone(),
                    options: &self.plan.options,
                    filter: filter.clone(),
                    queue: Queue::default(),
                    ledger,
                    others: self.others(wanted),
                    vault: vault.clone(),
                    sink: if wanted.reader.has_revisions() {
                        newest
                    } else {
                        newest.sink
                    },
                });
            }
        }
        watches
    }

    /// The ledgers of other groups for the same kind.
    fn others(&self, of: &Wanted) -> Vec<&RefCell<Ledger>> {
        let ledgers = self.ledgers.iter();
        let others = ledgers.filter(|((kind, group), _)| *kind == of.kind && *group != of.group);
        others.map(|(_, ledger)| ledger).collect()
    }

    /// The namespaces that are watched one by one; `None` for all at once.
    fn namespaces(&self, filter: &Filter) -> Vec<Option<String>> {
        let literals = match filter.labelled {
            Some(_) => None,
            None => self.plan.options.namespaces.literals(),
        };
        match literals {
            Some(names) => names
                .into_iter()
                .map(|name| Some(name.to_owned()))
                .collect(),
            None => vec![None],
        }
    }

    fn exposed_labels(&self) -> Rc<[Arc<str>]> {
        let names = self.plan.options.expose_labels.iter();
        let mut labels: Vec<Arc<str>> = names.map(|label| label.as_str().into()).collect();
        labels.sort();
        labels.dedup();
        labels.into()
    }

    fn target(&self, wanted: &Wanted, namespace: Option<String>) -> Target {
        let all = &self.plan.options.labels;
        let both = |one: &[String], other: &[String]| [one, other].concat();
        Target {
            prefix: wanted.prefix,
            resource: wanted.resource,
            namespace,
            fields: wanted.fields.clone(),
            labels: kube::labels(
                &both(&all.include, &wanted.labels.include),
                &both(&all.exclude, &wanted.labels.exclude),
            ),
        }
    }

    fn namespace_target(&self) -> Target {
        let LabelFilter { include, exclude } = &self.plan.options.namespace_labels;
        Target {
            prefix: "/api/v1",
            resource: "namespaces",
            namespace: None,
            fields: String::new(),
            labels: kube::labels(include, exclude),
        }
    }
}

impl Source for Objects {
    fn kind(&self) -> &'static str {
        self.plan.kind
    }

    fn name(&self) -> &str {
        &self.plan.options.name
    }

    fn run(&self, sink: Arc<dyn Sink>) -> LocalFuture<'_, Failure> {
        Box::pin(async move {
            match Api::connect(self.plan.options.settings.clone()).await {
                Ok(api) => {
                    self.watch(&api, sink).await;
                    std::future::pending().await
                }
                Err(failure) => failure,
            }
        })
    }
}
