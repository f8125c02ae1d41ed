//! What the API server sends, reduced while it is parsed: nothing here keeps an annotation, a
//! managed field or a payload.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Watched;

/// What names an object, and which version of it this is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reference {
    /// Empty for objects of the cluster.
    #[serde(default)]
    pub(crate) namespace: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) resource_version: String,
}

/// What is kept of an object until it is applied.
pub(crate) trait Item {
    fn reference(&self) -> &Reference;
}

/// One line of a watch.
pub(super) enum Event<T> {
    /// Added or modified: a watch that resumes cannot tell them apart.
    Applied(T),
    Deleted(Reference),
    /// Nothing happened up to this version.
    Bookmark {
        version: String,
        initial_end: bool,
    },
    /// The server ends the watch; the HTTP status it would have given.
    Error(u16),
    /// A type of event that did not exist when this was written.
    Unknown,
}

/// Reads an [`Event`].
pub(super) struct EventSeed<'a, W>(pub(super) &'a W);

/// Reads one object as its watch wants it.
pub(super) struct ObjectSeed<'a, W>(pub(super) &'a W);

/// A page of a list. The items stay raw, so that one that does not decode spoils no other.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    pub(super) metadata: PageMetadata,
    #[serde(borrow)]
    pub(super) items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    /// Not optional: an answer without it is no list, and must not empty the inventory.
    pub(super) resource_version: String,
    #[serde(default, rename = "continue")]
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Type,
    Object,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "UPPERCASE")]
enum Type {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
struct Named {
    metadata: Reference,
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: String,
    #[serde(default)]
    annotations: Option<BookmarkAnnotations>,
}

#[derive(Deserialize)]
struct BookmarkAnnotations {
    #[serde(default, rename = "k8s.io/initial-events-end")]
    initial_events_end: Option<String>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    code: u16,
}

// === impl Reference ===

impl Item for Reference {
    fn reference(&self) -> &Reference {
        self
    }
}

impl Reference {
    /// Reads the name out of an object and drops the rest.
    pub(crate) fn of_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Named::deserialize(deserializer).map(|object| object.metadata)
    }
}

// === impl EventSeed ===

impl<'de, W: Watched> DeserializeSeed<'de> for EventSeed<'_, W> {
    type Value = Event<W::Item>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(EventVisitor(self.0, PhantomData))
    }
}

struct EventVisitor<'a, 'de, W>(&'a W, PhantomData<&'de ()>);

impl<'de, W: Watched> Visitor<'de> for EventVisitor<'_, 'de, W> {
    type Value = Event<W::Item>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event of a watch")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut kind = None;
        let mut event = None;
        while let Some(field) = map.next_key()? {
            match field {
                Field::Type => kind = Some(map.next_value()?),
                Field::Object => event = Some(self.object(kind.as_ref(), &mut map)?),
                Field::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        event.ok_or_else(|| de::Error::missing_field("object"))
    }
}

impl<'de, W: Watched> EventVisitor<'_, 'de, W> {
    fn object<A: MapAccess<'de>>(
        &self,
        kind: Option<&Type>,
        map: &mut A,
    ) -> Result<Event<W::Item>, A::Error> {
        Ok(match kind {
            // The API server writes the type first; whatever does not is no API server.
            None => return Err(de::Error::missing_field("type")),
            Some(Type::Added | Type::Modified) => {
                Event::Applied(map.next_value_seed(ObjectSeed(self.0))?)
            }
            Some(Type::Deleted) => Event::Deleted(map.next_value::<Named>()?.metadata),
            Some(Type::Bookmark) => {
                let metadata = map.next_value::<Bookmark>()?.metadata;
                Event::Bookmark {
                    version: metadata.resource_version,
                    initial_end: metadata
                        .annotations
                        .and_then(|annotations| annotations.initial_events_end)
                        .is_some_and(|value| value == "true"),
                }
            }
            Some(Type::Error) => Event::Error(map.next_value::<Status>()?.code),
            Some(Type::Unknown) => {
                map.next_value::<IgnoredAny>()?;
                Event::Unknown
            }
        })
    }
}

// === impl ObjectSeed ===

impl<'de, W: Watched> DeserializeSeed<'de> for ObjectSeed<'_, W> {
    type Value = W::Item;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<W::Item, D::Error> {
        self.0.decode(deserializer)
    }
}
