//! The watch of one kind of objects.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::filter::{Filter, Queue, Selection};
use super::ledger::{Ledger, Sight};
use super::object::{Labels, Raw, Seen};
use super::vault::Vault;
use super::{Held, Options, Part, Unread, Wanted};
use crate::model::Change;
use crate::source::kube::{Reference, Target, Watched};
use crate::source::{Report, Sink};

/// Keeps what is said until it is known whether it is to be told.
#[derive(Default)]
struct Heard(Mutex<Vec<Change>>);

/// One watch with all it needs.
pub(super) struct ObjectWatch<'a> {
    pub(super) index: usize,
    pub(super) target: Target,
    pub(super) wanted: &'a Wanted,
    pub(super) options: &'a Options,
    /// Labels to copy, sorted.
    pub(super) labels: Rc<[Arc<str>]>,
    pub(super) filter: Rc<Filter>,
    pub(super) queue: Queue,
    pub(super) ledger: &'a RefCell<Ledger>,
    /// Those of other groups, which may hold the same parts of the same objects.
    pub(super) others: Vec<&'a RefCell<Ledger>>,
    pub(super) vault: Rc<Vault>,
    pub(super) sink: &'a dyn Sink,
}

impl ObjectWatch<'_> {
    /// Another passphrase is there for keystores of this namespace, or of all: they are read once
    /// more.
    pub(super) fn read_again(&self, namespace: Option<&str>) {
        let namespaces = match namespace {
            Some(namespace) => vec![namespace.into()],
            None => self.ledger.borrow().namespaces(),
        };
        // The ledger is shared: what another watch looks after stays that one's.
        let own = self.target.namespace.as_deref();
        for namespace in namespaces
            .iter()
            .filter(|ns| own.is_none_or(|own| *own == ***ns))
        {
            self.queue.push(namespace);
        }
    }

    /// Has the ledger say what is new; but not the end of what other groups still hold.
    fn tell(&self, say: impl FnOnce(&mut Ledger, &dyn Sink)) {
        if self.others.is_empty() {
            return say(&mut self.ledger.borrow_mut(), self.sink);
        }
        let heard = Heard::default();
        say(&mut self.ledger.borrow_mut(), &heard);
        let changes = heard.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            let is_held = match &change {
                Change::Remove(at) => self.others.iter().any(|other| other.borrow().holds(at)),
                _ => false,
            };
            if !is_held {
                self.sink.apply(change);
            }
        }
    }

    /// Whether the object is in our share.
    fn has(&self, object: &Raw<'_>, reference: &Reference) -> bool {
        let Options { shard, cluster, .. } = self.options;
        shard.is_none_or(|shard| {
            let thing = self.wanted.reader.thing(object);
            let name = thing.as_ref().unwrap_or(&reference.name);
            shard.has(cluster.as_deref(), &reference.namespace, name)
        })
    }

    fn selects(&self, reference: &Reference) -> bool {
        self.filter.names.matches(&reference.name)
            && (!self.wanted.namespaced || self.filter.selects_namespace(&reference.namespace))
    }
}

impl Watched for ObjectWatch<'_> {
    type Item = Seen;

    fn decode<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<Seen, D::Error> {
        let object = Raw::deserialize(deserializer)?;
        let malformed = |_| D::Error::custom("the object is malformed");
        let reference = object.metadata.reference().map_err(malformed)?;
        let read = if !self.selects(&reference) {
            Err(Unread::Foreign)
        } else if !self.has(&object, &reference) {
            // An object may come to be of another thing: then nothing of it is ours any more.
            Ok(Vec::new())
        } else {
            self.wanted.reader.read(&object)
        };
        let parts = match read {
            Ok(parts) => Some(parts),
            Err(Unread::Foreign) => None,
            Err(unread @ Unread::Malformed) => return Err(malformed(unread)),
        };
        let labels = match &parts {
            Some(parts) if !parts.is_empty() => object.metadata.labels(&self.labels),
            _ => Labels::new(),
        };
        Ok(Seen {
            reference,
            labels,
            parts,
        })
    }

    async fn apply(&self, seen: Seen) {
        let Some(parts) = seen.parts else { return };
        let sight = Sight {
            owner: self.index,
            reference: &seen.reference,
            generation: self.vault.generation(),
        };
        let locked = |part: &Part| matches!(part.held, Held::Keystore(_));
        let has_keystores = parts.iter().any(locked);
        if has_keystores && self.ledger.borrow_mut().knows(&sight) {
            return;
        }
        let mut opened = Vec::with_capacity(parts.len());
        for Part { key, entry, held } in parts {
            let mut bundle = match held {
                Held::Bundle(bundle) => bundle,
                Held::Keystore(locked) => {
                    let namespace = &seen.reference.namespace;
                    self.vault.open(locked, namespace).await
                }
            };
            bundle.labels.extend(seen.labels.iter().cloned());
            opened.push(((key, entry), bundle));
        }
        // Keystores take their time, and the world does not wait.
        if !self.selects(&seen.reference) {
            return;
        }
        self.tell(|ledger, sink| ledger.apply(sink, &sight, opened));
        if has_keystores && sight.generation != self.vault.generation() {
            self.read_again(Some(&seen.reference.namespace));
        }
    }

    fn delete(&self, gone: &Reference) {
        self.tell(|ledger, sink| ledger.delete(sink, self.index, gone));
    }

    fn relisting(&self) {
        self.queue.clear();
        self.ledger.borrow_mut().relisting(self.index);
    }

    fn relisted(&self) {
        self.tell(|ledger, sink| ledger.relisted(sink, self.index));
    }

    fn namespace(&self) -> impl Future<Output = String> {
        self.queue.next()
    }
}

impl Selection for &[ObjectWatch<'_>] {
    fn selected(&self, namespace: &str) {
        for watch in *self {
            watch.queue.push(namespace);
        }
    }

    fn unselected(&self, namespace: &str) {
        for watch in *self {
            watch.queue.remove(namespace);
            watch.tell(|ledger, sink| ledger.forget(sink, namespace));
        }
    }
}

impl Sink for Heard {
    fn apply(&self, change: Change) {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push(change);
    }

    fn report(&self, _: Report) {}
}
