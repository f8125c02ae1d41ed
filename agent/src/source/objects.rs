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
mod passphrases;
#[cfg(test)]
pub(in crate::source) mod tests;
mod vault;
mod watch;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures_util::future::{join_all, join4};

pub use self::filter::Globs;
use self::filter::{Filter, Labelled, NamespaceWatch, Queue};
use self::ledger::Ledger;
use self::newest::{Newest, Revisions};
pub use self::object::{Metadata, Raw};
use self::passphrases::PassphraseWatch;
use self::vault::Vault;
pub use self::vault::{Keystores, Locked, Passphrases, SecretKey};
use self::watch::ObjectWatch;
use super::kube::{self, Api, Health, Settings, Target};
use super::{Failure, LocalFuture, Report, Sink, Source};
use crate::decode::Keystore;
use crate::model::{Bundle, Entry, ObjectKind};

/// Which objects a source looks at, and how it reaches them.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The user's name for the source.
    pub name: String,
    /// The user's name for the cluster: the label `cluster`.
    pub cluster: Option<Arc<str>>,
    /// How to reach the API server.
    pub settings: Settings,
    /// Namespaces by name.
    pub namespaces: Globs,
    /// Namespaces by label.
    pub namespace_labels: LabelFilter,
    /// Objects by name.
    pub names: Globs,
    /// Objects by label.
    pub labels: LabelFilter,
    /// Labels of the object to copy to its bundles.
    pub expose_labels: Vec<String>,
}

/// Labels as `key` or `key=value`: all of the first list, none of the second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelFilter {
    /// What must be there.
    pub include: Vec<String>,
    /// What must not.
    pub exclude: Vec<String>,
}

/// What one source does.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The label `source_kind`.
    pub kind: &'static str,
    /// Which objects.
    pub options: Options,
    /// The kinds of objects. One kind may stand there several times, each time for others.
    pub wanted: Vec<Wanted>,
}

/// One kind of objects.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The kind, for locations.
    pub kind: ObjectKind,
    /// Objects that only one of the group's watches can see at a time are accounted for together.
    /// What is watched twice, for different parts, belongs to different groups.
    pub group: usize,
    /// Group and version: `/api/v1`.
    pub prefix: &'static str,
    /// Plural name.
    pub resource: &'static str,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// What the server selects by field; empty for everything.
    pub fields: String,
    /// What the server selects by label, besides the source's own selection.
    pub labels: LabelFilter,
    /// Where the certificates are.
    pub reader: Rc<dyn Reader>,
}

/// Knows where the objects of one kind keep their certificates.
pub trait Reader: fmt::Debug {
    /// The parts of an object, each with what it holds.
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread>;

    /// Whether its keys say which revision they are, of which the newest counts: see [`newest`].
    fn has_revisions(&self) -> bool {
        false
    }

    /// What opens the keystores among them.
    fn keystores(&self) -> Vec<&Keystores> {
        Vec::new()
    }
}

/// Why an object is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is not one that was asked for.
    Foreign,
    /// It has not the shape of its kind.
    Malformed,
}

/// One place in an object that can hold certificates.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name in the object.
    pub key: Arc<str>,
    /// The cluster or user, where the part is a kubeconfig or the like.
    pub entry: Option<Arc<Entry>>,
    /// What it holds.
    pub held: Held,
}

/// What a part holds.
#[derive(Clone, Debug)]
pub enum Held {
    /// This, already decoded.
    Bundle(Bundle),
    /// A keystore that has yet to be opened.
    Keystore(Locked),
}

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

// === impl Wanted ===

impl Wanted {
    /// All objects of a kind that are not in namespaces.
    pub(super) fn all(
        kind: ObjectKind,
        prefix: &'static str,
        resource: &'static str,
        reader: impl Reader + 'static,
    ) -> Self {
        Self {
            kind,
            group: 0,
            prefix,
            resource,
            namespaced: false,
            fields: String::new(),
            labels: LabelFilter::default(),
            reader: Rc::new(reader),
        }
    }

    /// The Secrets that hold passphrases of its keystores.
    fn secrets(&self) -> Vec<&SecretKey> {
        let keystores = self.reader.keystores().into_iter();
        keystores.flat_map(Keystores::secrets).collect()
    }

    /// The files that do.
    fn files(&self) -> Vec<&Path> {
        let keystores = self.reader.keystores().into_iter();
        keystores.flat_map(Keystores::files).collect()
    }
}

// === impl Part ===

impl Part {
    /// Whether it is a keystore that takes long to open.
    fn takes_long(&self) -> bool {
        matches!(&self.held, Held::Keystore(locked) if locked.kind == Keystore::Pkcs12)
    }

    /// A part that is not a kubeconfig or the like.
    pub fn new(key: impl Into<Arc<str>>, bundle: impl Into<Bundle>) -> Self {
        Self {
            key: key.into(),
            entry: None,
            held: Held::Bundle(bundle.into()),
        }
    }
}

#[cfg(test)]
impl Part {
    pub(crate) fn bundle(&self) -> &Bundle {
        match &self.held {
            Held::Bundle(bundle) => bundle,
            Held::Keystore(_) => panic!("{} is a closed keystore", self.key),
        }
    }
}
