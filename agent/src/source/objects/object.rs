//! An object as the API server sent it: the metadata read, the fields that may hold certificates
//! found and left where they stand. Nothing is copied out of the response but what a reader takes:
//! a private key that shares a Secret stays in the buffer and goes with it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Part, Unread};
use crate::source::kube::{Item, Reference};

/// An object, unread but for its name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_debug_implementations,
    reason = "it would show what a Secret holds"
)]
pub struct Raw<'a> {
    #[serde(borrow)]
    pub(crate) metadata: Metadata<'a>,
    /// Of a Secret.
    #[serde(borrow, rename = "type")]
    pub(crate) type_: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) binary_data: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) spec: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) status: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) webhooks: Option<&'a RawValue>,
}

/// What names an object, and what its owners say of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_debug_implementations, reason = "it would show annotations")]
pub struct Metadata<'a> {
    #[serde(default)]
    namespace: String,
    name: String,
    #[serde(default)]
    resource_version: String,
    #[serde(borrow)]
    labels: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    #[serde(borrow)]
    owner_references: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Owner {
    #[serde(default)]
    uid: String,
    #[serde(default)]
    controller: bool,
}

/// What is kept of an object until it is applied.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(super) reference: Reference,
    /// Those that are copied to its bundles.
    pub(super) labels: Labels,
    /// `None`: it is not one that was asked for.
    pub(super) parts: Option<Vec<Part>>,
}

/// Labels of an object: names and values, sorted.
pub(super) type Labels = Vec<(Arc<str>, Arc<str>)>;

impl Item for Seen {
    fn reference(&self) -> &Reference {
        &self.reference
    }
}

// === impl Metadata ===

impl Metadata<'_> {
    pub(super) fn reference(&self) -> Result<Reference, Unread> {
        let all = [&self.namespace, &self.name, &self.resource_version];
        if all.iter().any(|text| text.len() > LONGEST_NAME) {
            return Err(Unread::Malformed);
        }
        Ok(Reference {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            resource_version: self.resource_version.clone(),
        })
    }

    /// Those of the labels that are wanted; `wanted` is sorted.
    pub(super) fn labels(&self, wanted: &[Arc<str>]) -> Labels {
        if wanted.is_empty() {
            return Labels::new();
        }
        let present = map(self.labels).unwrap_or_default();
        let copied = wanted.iter().filter_map(|name| {
            let value = text(present.get(&**name)?).ok()?;
            (value.len() <= LONGEST_VALUE).then(|| (name.clone(), value.into()))
        });
        copied.collect()
    }

    /// One annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<String> {
        let present = map(self.annotations).ok()?;
        text(present.get(name)?).ok().map(Cow::into_owned)
    }

    /// The identity of the object that made it; empty if none did.
    pub(crate) fn controller(&self) -> String {
        let owners: Vec<Owner> = fields(self.owner_references).unwrap_or_default();
        let controller = owners.into_iter().find(|owner| owner.controller);
        controller.map(|owner| owner.uid).unwrap_or_default()
    }
}

// === helpers ===

/// Bytes of the longest name of an object or of a part of it that an API server takes, and of the
/// longest value of a label. What is longer is no object.
pub(crate) const LONGEST_NAME: usize = 253;
const LONGEST_VALUE: usize = 63;

/// The members of an object, unread; none where it is null or missing.
pub(crate) fn map(raw: Option<&RawValue>) -> Result<BTreeMap<Cow<'_, str>, &RawValue>, Unread> {
    fields(raw)
}

/// Those members of an object that a type has a field for; the others are passed over where they
/// stand. Null and missing are the default, as Go has it.
pub(crate) fn fields<'a, T>(raw: Option<&'a RawValue>) -> Result<T, Unread>
where
    T: Default + Deserialize<'a>,
{
    let Some(raw) = raw else {
        return Ok(T::default());
    };
    let fields: Result<Option<T>, _> = serde_json::from_str(raw.get());
    fields
        .map(Option::unwrap_or_default)
        .map_err(|_| Unread::Malformed)
}

/// A string, without a copy where it stands as it is; null is empty, as Go has it.
pub(crate) fn text(raw: &RawValue) -> Result<Cow<'_, str>, Unread> {
    let json = raw.get();
    match json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
        Some(_) => serde_json::from_str(json)
            .map(Cow::Owned)
            .map_err(|_| Unread::Malformed),
        None if json == "null" => Ok(Cow::Borrowed("")),
        None => Err(Unread::Malformed),
    }
}
