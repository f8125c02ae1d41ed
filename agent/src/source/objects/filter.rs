//! Which objects the user wants: by name, and by their namespace's name and labels.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use serde::de::Deserializer;
use tokio::sync::Notify;

use crate::source::kube::{Reference, Watched};

/// Globs: one of the first list, if there is any, and none of the second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Globs {
    /// What may be seen; empty for everything.
    pub include: Vec<String>,
    /// What may not.
    pub exclude: Vec<String>,
}

/// Everything that is decided here and not on the server.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) names: Globs,
    pub(super) namespaces: Globs,
    /// Only where namespaces are chosen by label.
    pub(super) labelled: Option<Labelled>,
}

/// The namespaces that the server selected by their labels.
#[derive(Debug, Default)]
pub(super) struct Labelled {
    selected: RefCell<BTreeSet<String>>,
    /// Those that the running list named.
    listed: RefCell<BTreeSet<String>>,
    complete: Cell<bool>,
    completed: Notify,
}

/// Namespaces whose objects one watch must list apart.
#[derive(Debug, Default)]
pub(super) struct Queue {
    names: RefCell<BTreeSet<String>>,
    bell: Notify,
}

/// What a selection changes when namespaces come and go.
pub(super) trait Selection {
    fn selected(&self, namespace: &str);
    fn unselected(&self, namespace: &str);
}

/// The watch of namespaces. The server applies the labels, so that names are all there is to read.
pub(super) struct NamespaceWatch<'a, S> {
    pub(super) filter: &'a Filter,
    pub(super) labelled: &'a Labelled,
    pub(super) selection: S,
}

// === impl Globs ===

impl Globs {
    /// Whether the name is one of these.
    pub fn matches(&self, name: &str) -> bool {
        (self.include.is_empty() || any(&self.include, name)) && !any(&self.exclude, name)
    }

    /// The names that are included, when they are names and not patterns.
    pub(in crate::source) fn literals(&self) -> Option<BTreeSet<&str>> {
        let literal = |name: &String| !name.contains(['*', '?', '[', ']', '{', '}', '!', '\\']);
        if self.include.is_empty() || !self.include.iter().all(literal) {
            return None;
        }
        Some(
            self.include
                .iter()
                .map(|name| &**name)
                .filter(|name| self.matches(name))
                .collect(),
        )
    }
}

fn any(globs: &[String], name: &str) -> bool {
    globs.iter().any(|glob| fast_glob::glob_match(glob, name))
}

// === impl Filter ===

impl Filter {
    pub(super) fn selects_namespace(&self, namespace: &str) -> bool {
        self.namespaces.matches(namespace)
            && self
                .labelled
                .as_ref()
                .is_none_or(|labelled| labelled.holds(namespace))
    }
}

// === impl Labelled ===

impl Labelled {
    fn holds(&self, namespace: &str) -> bool {
        self.selected.borrow().contains(namespace)
    }

    /// Returns once it is known which namespaces are selected.
    pub(super) async fn complete(&self) {
        while !self.complete.get() {
            self.completed.notified().await;
        }
    }
}

// === impl Queue ===

impl Queue {
    pub(super) fn push(&self, namespace: &str) {
        self.names.borrow_mut().insert(namespace.to_owned());
        self.bell.notify_one();
    }

    pub(super) fn remove(&self, namespace: &str) {
        self.names.borrow_mut().remove(namespace);
    }

    /// A full list is about to show them all.
    pub(super) fn clear(&self) {
        self.names.borrow_mut().clear();
    }

    pub(super) async fn next(&self) -> String {
        loop {
            if let Some(name) = self.names.borrow_mut().pop_first() {
                return name;
            }
            self.bell.notified().await;
        }
    }
}

// === impl NamespaceWatch ===

impl<S: Selection> Watched for NamespaceWatch<'_, S> {
    type Item = Reference;

    fn decode<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<Reference, D::Error> {
        Reference::of_object(deserializer)
    }

    async fn apply(&self, namespace: Reference) {
        let name = namespace.name;
        if !self.filter.namespaces.matches(&name) {
            return;
        }
        self.labelled.listed.borrow_mut().insert(name.clone());
        let new = self.labelled.selected.borrow_mut().insert(name.clone());
        if new {
            self.selection.selected(&name);
        }
    }

    fn delete(&self, gone: &Reference) {
        self.labelled.listed.borrow_mut().remove(&gone.name);
        let known = self.labelled.selected.borrow_mut().remove(&gone.name);
        if known {
            self.selection.unselected(&gone.name);
        }
    }

    fn relisting(&self) {
        self.labelled.listed.borrow_mut().clear();
    }

    fn relisted(&self) {
        let listed = std::mem::take(&mut *self.labelled.listed.borrow_mut());
        let before = self.labelled.selected.replace(listed.clone());
        for gone in before.difference(&listed) {
            self.selection.unselected(gone);
        }
        self.labelled.complete.set(true);
        self.labelled.completed.notify_waiters();
    }
}
