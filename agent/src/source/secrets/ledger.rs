//! Which locations of which Secrets are known, so that what vanished can be named. Keys only: the
//! facts are the listener's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Bundle, Change, Location, Object, ObjectKind};
use crate::source::Sink;
use crate::source::kube::Reference;

/// The known Secrets by namespace and name.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    namespaces: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Entry>>,
}

#[derive(Debug)]
struct Entry {
    /// The watch that saw the Secret. One that was made anew with another type is seen by two,
    /// in no certain order: its end in the one must not remove what the other found.
    owner: usize,
    /// Its version as a number; 0 where it is none.
    version: u64,
    /// Whether the running list named it.
    listed: bool,
    keys: Vec<Arc<str>>,
}

impl Ledger {
    /// The Secret now has these keys and no others.
    pub(super) fn apply(
        &mut self,
        sink: &dyn Sink,
        owner: usize,
        reference: &Reference,
        bundles: Vec<(Arc<str>, Bundle)>,
    ) {
        let version = reference.resource_version.parse().unwrap_or(0);
        let (namespace, name, before) = self.take(reference);
        if let Some(before) = before {
            if before.owner != owner && before.version > version {
                self.put(namespace, name, before);
                return;
            }
            for key in &before.keys {
                if bundles.iter().all(|(now, _)| now != key) {
                    sink.apply(Change::Remove(location(&namespace, &name, key)));
                }
            }
        }
        if bundles.is_empty() {
            return;
        }
        let keys = bundles.iter().map(|(key, _)| key.clone()).collect();
        for (key, bundle) in bundles {
            sink.apply(Change::Upsert(location(&namespace, &name, &key), bundle));
        }
        self.put(
            namespace,
            name,
            Entry {
                owner,
                version,
                listed: true,
                keys,
            },
        );
    }

    /// The Secret is gone, as far as this watch can see.
    pub(super) fn delete(&mut self, sink: &dyn Sink, owner: usize, reference: &Reference) {
        let (namespace, name, entry) = self.take(reference);
        match entry {
            Some(entry) if entry.owner == owner => remove(sink, &namespace, &name, &entry),
            Some(entry) => self.put(namespace, name, entry),
            None => {}
        }
    }

    /// The namespace is no longer looked at.
    pub(super) fn forget(&mut self, sink: &dyn Sink, namespace: &str) {
        let Some((namespace, secrets)) = self.namespaces.remove_entry(namespace) else {
            return;
        };
        for (name, entry) in &secrets {
            remove(sink, &namespace, name, entry);
        }
    }

    /// A full list of this watch begins.
    pub(super) fn relisting(&mut self, owner: usize) {
        for entry in self.namespaces.values_mut().flat_map(BTreeMap::values_mut) {
            entry.listed &= entry.owner != owner;
        }
    }

    /// The list is complete: what it did not name is gone.
    pub(super) fn relisted(&mut self, sink: &dyn Sink, owner: usize) {
        self.namespaces.retain(|namespace, secrets| {
            secrets.retain(|name, entry| {
                let stays = entry.owner != owner || entry.listed;
                if !stays {
                    remove(sink, namespace, name, entry);
                }
                stays
            });
            !secrets.is_empty()
        });
    }

    /// Takes the entry out, with its names as they are shared already.
    fn take(&mut self, reference: &Reference) -> (Arc<str>, Arc<str>, Option<Entry>) {
        let name = reference.name.as_str();
        let Some((namespace, _)) = self.namespaces.get_key_value(&*reference.namespace) else {
            return (reference.namespace.as_str().into(), name.into(), None);
        };
        let namespace = namespace.clone();
        let Some(secrets) = self.namespaces.get_mut(&namespace) else {
            return (namespace, name.into(), None);
        };
        let (name, entry) = match secrets.remove_entry(name) {
            Some((name, entry)) => (name, Some(entry)),
            None => (name.into(), None),
        };
        if secrets.is_empty() {
            self.namespaces.remove(&namespace);
        }
        (namespace, name, entry)
    }

    fn put(&mut self, namespace: Arc<str>, name: Arc<str>, entry: Entry) {
        self.namespaces
            .entry(namespace)
            .or_default()
            .insert(name, entry);
    }
}

fn remove(sink: &dyn Sink, namespace: &Arc<str>, name: &Arc<str>, entry: &Entry) {
    for key in &entry.keys {
        sink.apply(Change::Remove(location(namespace, name, key)));
    }
}

fn location(namespace: &Arc<str>, name: &Arc<str>, key: &Arc<str>) -> Location {
    let object = Object {
        cluster: None,
        kind: ObjectKind::Secret,
        namespace: namespace.clone(),
        name: name.clone(),
    };
    Location::object(&Arc::new(object), key)
}
