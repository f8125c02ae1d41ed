//! What a source of objects is asked to do, and what it speaks in: the kinds of objects, each with
//! the reader that knows where such an object keeps certificates, and the parts that it finds.

use std::fmt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use super::filter::Globs;
use super::object::Raw;
use super::shard::Shard;
use super::vault::Locked;
use crate::decode::Keystore;
use crate::model::{Bundle, Entry, ObjectKind};
use crate::source::keystores::{Keystores, SecretKey};
use crate::source::kube::Settings;

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
    /// Which share of them; nothing: all.
    pub shard: Option<Shard>,
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

    /// Whether its keys say which revision they are, of which the newest counts: see [`newest`](super::newest).
    fn has_revisions(&self) -> bool {
        false
    }

    /// The thing that an object is of, where objects of one thing have to be in one share.
    fn thing(&self, _object: &Raw<'_>) -> Option<String> {
        None
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

// === impl Wanted ===

impl Wanted {
    /// All objects of a kind that are not in namespaces.
    pub(in crate::source) fn all(
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
    pub(super) fn secrets(&self) -> Vec<&SecretKey> {
        let keystores = self.reader.keystores().into_iter();
        keystores.flat_map(Keystores::secrets).collect()
    }

    /// The files that do.
    pub(super) fn files(&self) -> Vec<&Path> {
        let keystores = self.reader.keystores().into_iter();
        keystores.flat_map(Keystores::files).collect()
    }
}

// === impl Part ===

impl Part {
    /// Whether it is a keystore that takes long to open.
    pub(super) fn takes_long(&self) -> bool {
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
