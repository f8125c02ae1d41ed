//! The watch of one kind of objects.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::filter::{Filter, Queue, Selection};
use super::ledger::{Ledger, Sight};
use super::object::{Raw, Seen};
use super::vault::Vault;
use super::{Held, Part, Unread, Wanted};
use crate::source::Sink;
use crate::source::kube::{Reference, Target, Watched};

/// One watch with all it needs.
pub(super) struct ObjectWatch<'a> {
    pub(super) index: usize,
    pub(super) target: Target,
    pub(super) wanted: &'a Wanted,
    /// Labels to copy, sorted.
    pub(super) labels: Rc<[Arc<str>]>,
    pub(super) filter: Rc<Filter>,
    pub(super) queue: Queue,
    pub(super) ledger: &'a RefCell<Ledger>,
    pub(super) vault: Rc<Vault>,
    pub(super) sink: &'a dyn Sink,
}

impl ObjectWatch<'_> {
    /// Another passphrase is there for keystores of this namespace, or of all: they are read once
    /// more.
    pub(super) fn read_again(&self, namespace: Option<&str>) {
        let other = |own: &String| namespace.is_some_and(|namespace| namespace != own);
        match namespace {
            Some(_) if self.target.namespace.as_ref().is_some_and(other) => {}
            Some(namespace) => self.queue.push(namespace),
            None => {
                for namespace in self.ledger.borrow().namespaces() {
                    self.queue.push(&namespace);
                }
            }
        }
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
        let reference = object.metadata.reference();
        let read = if self.selects(&reference) {
            self.wanted.reader.read(&object)
        } else {
            Err(Unread::Foreign)
        };
        let parts = match read {
            Ok(parts) => Some(parts),
            Err(Unread::Foreign) => None,
            Err(Unread::Malformed) => return Err(D::Error::custom("the object is malformed")),
        };
        Ok(Seen {
            reference,
            labels: object.metadata.labels(&self.labels),
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
        if parts.iter().any(locked) && self.ledger.borrow_mut().knows(&sight) {
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
        self.ledger.borrow_mut().apply(self.sink, &sight, opened);
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

impl Selection for &[ObjectWatch<'_>] {
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
