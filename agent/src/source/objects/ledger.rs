//! Which locations of which objects are known, so that what vanished can be named. Names only: the
//! facts are the listener's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Bundle, Change, Entry, Location, Object, ObjectKind};
use crate::source::Sink;
use crate::source::kube::Reference;

/// The known objects of one kind by namespace (empty: of the cluster) and name.
#[derive(Debug)]
pub(super) struct Ledger {
    cluster: Option<Arc<str>>,
    kind: ObjectKind,
    namespaces: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Known>>,
}

#[derive(Debug)]
struct Known {
    object: Arc<Object>,
    /// The watch that saw the object. A Secret that was made anew with another type is seen by
    /// two, in no certain order: its end in the one must not remove what the other found.
    owner: usize,
    /// Its version as a number; 0 where it is none.
    version: u64,
    /// With which passphrases its keystores were opened.
    generation: u32,
    /// Whether the running list named it.
    listed: bool,
    parts: Box<[Name]>,
}

/// No passphrases are of it.
const NO_GENERATION: u32 = u32::MAX;

/// What names a part: its key, and the cluster or user in it.
pub(super) type Name = (Arc<str>, Option<Arc<Entry>>);

/// What a watch saw of an object.
pub(super) struct Sight<'a> {
    pub(super) owner: usize,
    pub(super) reference: &'a Reference,
    /// That of the passphrases that were tried.
    pub(super) generation: u32,
}

impl Ledger {
    pub(super) fn new(cluster: Option<Arc<str>>, kind: ObjectKind) -> Self {
        Self {
            cluster,
            kind,
            namespaces: BTreeMap::new(),
        }
    }

    /// Whether the object was seen before as it is now, with the same passphrases: then its
    /// keystores need not be opened again.
    pub(super) fn knows(&mut self, sight: &Sight<'_>) -> bool {
        let Reference {
            namespace, name, ..
        } = sight.reference;
        let objects = self.namespaces.get_mut(&**namespace);
        let known = objects.and_then(|objects| objects.get_mut(&**name));
        known.is_some_and(|known| {
            let same = known.owner == sight.owner
                && known.generation == sight.generation
                && known.version != 0
                && known.version == sight.version();
            known.listed |= same;
            same
        })
    }

    /// Another run begins: it counts the generations of passphrases from the start.
    pub(super) fn begin(&mut self) {
        for known in self.namespaces.values_mut().flat_map(BTreeMap::values_mut) {
            known.generation = NO_GENERATION;
        }
    }

    /// Whether it holds this location.
    pub(super) fn holds(&self, location: &Location) -> bool {
        let Location::Object { object, key, entry } = location else {
            return false;
        };
        let objects = self.namespaces.get(&object.namespace);
        let known = objects.and_then(|objects| objects.get(&object.name));
        known.is_some_and(|known| {
            let mut parts = known.parts.iter();
            parts.any(|(of, inside)| of == key && inside == entry)
        })
    }

    /// The object now has these parts and no others.
    pub(super) fn apply(&mut self, sink: &dyn Sink, sight: &Sight<'_>, parts: Vec<(Name, Bundle)>) {
        let version = sight.version();
        let &Sight {
            owner,
            reference,
            generation,
        } = sight;
        let before = match self.take(reference) {
            Some(before) if before.owner != owner && before.version > version => {
                return self.put(before);
            }
            before => before,
        };
        let named: Box<[Name]> = parts.iter().map(|(name, _)| name.clone()).collect();
        let object = match before {
            Some(before) => {
                for part in before.parts.iter().filter(|part| !named.contains(part)) {
                    sink.apply(Change::Remove(location(&before.object, part)));
                }
                before.object
            }
            None => self.object(reference),
        };
        if parts.is_empty() {
            return;
        }
        for (name, bundle) in parts {
            sink.apply(Change::Upsert(location(&object, &name), bundle));
        }
        self.put(Known {
            object,
            owner,
            version,
            generation,
            listed: true,
            parts: named,
        });
    }

    /// The object is gone, as far as this watch can see.
    pub(super) fn delete(&mut self, sink: &dyn Sink, owner: usize, reference: &Reference) {
        match self.take(reference) {
            Some(known) if known.owner == owner => remove(sink, &known),
            Some(known) => self.put(known),
            None => {}
        }
    }

    /// The namespace is no longer looked at.
    pub(super) fn forget(&mut self, sink: &dyn Sink, namespace: &str) {
        for known in self
            .namespaces
            .remove(namespace)
            .iter()
            .flat_map(BTreeMap::values)
        {
            remove(sink, known);
        }
    }

    /// A full list of this watch begins.
    pub(super) fn relisting(&mut self, owner: usize) {
        for known in self.namespaces.values_mut().flat_map(BTreeMap::values_mut) {
            known.listed &= known.owner != owner;
        }
    }

    /// The list is complete: what it did not name is gone.
    pub(super) fn relisted(&mut self, sink: &dyn Sink, owner: usize) {
        self.namespaces.retain(|_, objects| {
            objects.retain(|_, known| {
                let stays = known.owner != owner || known.listed;
                if !stays {
                    remove(sink, known);
                }
                stays
            });
            !objects.is_empty()
        });
    }

    /// The namespaces that hold something.
    pub(super) fn namespaces(&self) -> Vec<Arc<str>> {
        self.namespaces.keys().cloned().collect()
    }

    fn take(&mut self, reference: &Reference) -> Option<Known> {
        let objects = self.namespaces.get_mut(&*reference.namespace)?;
        let known = objects.remove(&*reference.name);
        if objects.is_empty() {
            self.namespaces.remove(&*reference.namespace);
        }
        known
    }

    fn put(&mut self, known: Known) {
        self.namespaces
            .entry(known.object.namespace.clone())
            .or_default()
            .insert(known.object.name.clone(), known);
    }

    /// A new object; its namespace's name is shared where it is known.
    fn object(&self, reference: &Reference) -> Arc<Object> {
        let namespace = match self.namespaces.get_key_value(&*reference.namespace) {
            Some((known, _)) => known.clone(),
            None => reference.namespace.as_str().into(),
        };
        Arc::new(Object {
            cluster: self.cluster.clone(),
            kind: self.kind,
            namespace,
            name: reference.name.as_str().into(),
        })
    }
}

fn remove(sink: &dyn Sink, known: &Known) {
    for part in &known.parts {
        sink.apply(Change::Remove(location(&known.object, part)));
    }
}

impl Sight<'_> {
    fn version(&self) -> u64 {
        self.reference.resource_version.parse().unwrap_or(0)
    }
}

fn location(object: &Arc<Object>, (key, entry): &Name) -> Location {
    Location::Object {
        object: object.clone(),
        key: key.clone(),
        entry: entry.clone(),
    }
}
