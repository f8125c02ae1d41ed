//! The data of a Secret: wanted values are decoded where they stand in the response.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::object::{Chosen, Wanted};
use crate::decode;
use crate::model::{Bundle, Problem, Reason};

/// More keys of one Secret are not read: a pattern may match what nobody meant.
const MOST_KEYS: usize = 256;

/// Reads the data of a Secret into bundles.
pub(super) struct DataSeed<'a>(
    pub(super) &'a Wanted,
    pub(super) &'a mut Vec<(Arc<str>, Bundle)>,
);

impl<'de> DeserializeSeed<'de> for DataSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for DataSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of a Secret")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(wanted, bundles) = self;
        while let Some(key) = map.next_key_seed(Chosen(|name: &str| wanted.key(name)))? {
            match key {
                Some((key, named)) if bundles.len() < MOST_KEYS => {
                    let bundle = map.next_value_seed(ValueSeed { named })?;
                    bundles.extend(bundle.map(|bundle| (key, bundle)));
                }
                Some(_) => {
                    map.next_value::<IgnoredAny>()?;
                    too_many(bundles);
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

fn too_many(bundles: &mut [(Arc<str>, Bundle)]) {
    let Some((_, last)) = bundles.last_mut() else {
        return;
    };
    if last
        .problems
        .iter()
        .all(|problem| problem.reason != Reason::TooMany)
    {
        let detail =
            format!("the Secret has more than {MOST_KEYS} such keys; the rest is not read");
        last.problems.push(Problem::new(Reason::TooMany, detail));
    }
}

/// Reads a value; `None` where it is a private key or the like that a pattern happened to match.
struct ValueSeed {
    named: bool,
}

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Option<Bundle>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for ValueSeed {
    type Value = Option<Bundle>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("base64")
    }

    /// Go writes an empty value either way.
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        self.visit_str("")
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        // cert-manager makes its Secrets with an empty tls.crt and fills it later.
        if value.is_empty() {
            return Ok(Some(bad(Reason::NoCertificateFound, "the key is empty")));
        }
        let Ok(bytes) = STANDARD.decode(value) else {
            return Ok(Some(bad(Reason::BadBase64, "the value is not base64")));
        };
        let decoded = decode::certificates(&bytes);
        let barren = decoded.certificates.is_empty() && decoded.problems.is_empty();
        Ok(match (barren, self.named) {
            (false, _) => Some(decoded.into()),
            (true, true) => Some(bad(
                Reason::NoCertificateFound,
                "the key holds PEM blocks, and none is a certificate",
            )),
            (true, false) => None,
        })
    }
}

fn bad(reason: Reason, detail: &'static str) -> Bundle {
    Bundle::bad(Problem::new(reason, detail))
}
