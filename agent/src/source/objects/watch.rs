//! The watch of one kind of objects.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::filter::{Filter, Queue, Selection};
use super::ledger::Ledger;
use super::object::{Raw, Seen};
use super::{Unread, Wanted};
use crate::source::Sink;
use crate::source::kube::{Reference, Target, Watched};

/// One watch with all it needs.
pub(super) struct ObjectWatch<'a> {
    pub(super) index: usize,
    pub(super) target: Target,
    wanted: &'a Wanted,
    /// Labels to copy, sorted.
    labels: Rc<[Arc<str>]>,
    filter: Rc<Filter>,
    queue: Queue,
    ledger: &'a RefCell<Ledger>,
    sink: &'a dyn Sink,
}

impl<'a> ObjectWatch<'a> {
    pub(super) fn new(
        index: usize,
        target: Target,
        wanted: &'a Wanted,
        labels: Rc<[Arc<str>]>,
        filter: Rc<Filter>,
        ledger: &'a RefCell<Ledger>,
        sink: &'a dyn Sink,
    ) -> Self {
        Self {
            index,
            target,
            wanted,
            labels,
            filter,
            queue: Queue::default(),
            ledger,
            sink,
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
        let mut parts = match read {
            Ok(parts) => Some(parts),
            Err(Unread::Foreign) => None,
            Err(Unread::Malformed) => return Err(D::Error::custom("the object is malformed")),
        };
        let labels = object.metadata.labels(&self.labels);
        for part in parts.iter_mut().flatten() {
            part.bundle.labels.extend(labels.iter().cloned());
        }
        Ok(Seen { reference, parts })
    }

    fn apply(&self, Seen { reference, parts }: Seen) {
        if let Some(parts) = parts {
            self.ledger
                .borrow_mut()
                .apply(self.sink, self.index, &reference, parts);
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
