//! A Secret, reduced while it is parsed: the wanted keys become bundles on the spot, everything
//! else is passed over without being copied. A private key that shares the Secret stays in the
//! response buffer and goes with it.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::data::DataSeed;
use super::filter::Filter;
use super::{Key, Labels};
use crate::model::Bundle;
use crate::source::kube::{Item, Reference};

/// What is kept of a Secret until it is applied.
#[derive(Debug)]
pub(super) struct Secret {
    pub(super) reference: Reference,
    /// Of another type than asked for: a server that knows no field selector.
    pub(super) foreign: bool,
    pub(super) bundles: Vec<(Arc<str>, Bundle)>,
}

/// What is wanted of the Secrets of one type.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) type_: String,
    pub(super) keys: Vec<Key>,
    /// Labels to copy, sorted.
    pub(super) labels: Vec<Arc<str>>,
    pub(super) filter: Rc<Filter>,
}

/// Reads a [`Secret`].
#[derive(Clone, Copy)]
pub(super) struct SecretSeed<'a>(pub(super) &'a Wanted);

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Metadata,
    Data,
    Type,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum MetadataField {
    Namespace,
    Name,
    ResourceVersion,
    Labels,
    #[serde(other)]
    Other,
}

impl Item for Secret {
    fn reference(&self) -> &Reference {
        &self.reference
    }
}

// === impl Wanted ===

impl Wanted {
    /// The key, if it is wanted, and whether it was named; a named one is shared by all Secrets.
    pub(super) fn key(&self, name: &str) -> Option<(Arc<str>, bool)> {
        self.keys.iter().find_map(|key| match key {
            Key::Literal(literal) => (**literal == *name).then(|| (literal.clone(), true)),
            Key::Pattern(pattern) => pattern.is_match(name).then(|| (name.into(), false)),
        })
    }
}

// === impl SecretSeed ===

impl<'de> DeserializeSeed<'de> for SecretSeed<'_> {
    type Value = Secret;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Secret, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SecretSeed<'_> {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Secret")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret, A::Error> {
        let mut named = None;
        let mut bundles = Vec::new();
        let mut foreign = false;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Metadata => named = Some(map.next_value_seed(MetadataSeed(self.0))?),
                Field::Data if named.as_ref().is_some_and(|named| self.is_filtered(named)) => {
                    map.next_value::<IgnoredAny>()?;
                }
                Field::Data => map.next_value_seed(DataSeed(self.0, &mut bundles))?,
                Field::Type => foreign = map.next_value::<String>()? != self.0.type_,
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let (reference, labels) = named.ok_or_else(|| de::Error::missing_field("metadata"))?;
        for (_, bundle) in &mut bundles {
            bundle.labels.clone_from(&labels);
        }
        Ok(Secret {
            reference,
            foreign,
            bundles,
        })
    }
}

impl SecretSeed<'_> {
    fn is_filtered(self, (reference, _): &(Reference, Labels)) -> bool {
        !self.0.filter.selects(&reference.namespace, &reference.name)
    }
}

// --- metadata -------------------------------------------------------------------------------------

struct MetadataSeed<'a>(&'a Wanted);

impl<'de> DeserializeSeed<'de> for MetadataSeed<'_> {
    type Value = (Reference, Labels);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MetadataSeed<'_> {
    type Value = (Reference, Labels);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the metadata of a Secret")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut reference = Reference::default();
        let mut labels = Vec::new();
        while let Some(field) = map.next_key()? {
            match field {
                MetadataField::Namespace => reference.namespace = map.next_value()?,
                MetadataField::Name => reference.name = map.next_value()?,
                MetadataField::ResourceVersion => reference.resource_version = map.next_value()?,
                MetadataField::Labels => map.next_value_seed(LabelsSeed(self.0, &mut labels))?,
                MetadataField::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if reference.name.is_empty() {
            return Err(de::Error::missing_field("name"));
        }
        labels.sort();
        Ok((reference, labels))
    }
}

struct LabelsSeed<'a>(&'a Wanted, &'a mut Labels);

impl<'de> DeserializeSeed<'de> for LabelsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LabelsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("labels")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(wanted, labels) = self;
        while let Some(name) = map.next_key_seed(Chosen(|name: &str| {
            wanted
                .labels
                .iter()
                .find(|label| ***label == *name)
                .cloned()
        }))? {
            match name {
                Some(name) => labels.push((name, map.next_value::<String>()?.into())),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

// --- names ----------------------------------------------------------------------------------------

/// Reads a name without copying it and says what is wanted of it.
pub(super) struct Chosen<F>(pub(super) F);

impl<'de, T, F: Fn(&str) -> Option<T>> DeserializeSeed<'de> for Chosen<F> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: Fn(&str) -> Option<T>> Visitor<'_> for Chosen<F> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<T>, E> {
        Ok((self.0)(name))
    }
}
