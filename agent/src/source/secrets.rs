//! Certificates in Kubernetes Secrets: one watch for each type, so that the server leaves out what
//! nobody asked for.

#[cfg(test)]
mod tests;

use std::rc::Rc;

use super::kube;
use super::objects::data::{Data, Encoding, Field};
use super::objects::{Keystores, LabelFilter, Options, Part, Plan, Raw, Reader, Unread, Wanted};
use crate::model::ObjectKind;

/// A type of Secret and where its certificates are.
#[derive(Clone, Debug)]
pub struct SecretType {
    /// The type, such as `kubernetes.io/tls`.
    pub type_: String,
    /// The keys to read; the first that matches counts.
    pub fields: Vec<Field>,
    /// Which Secrets of the type, by label.
    pub labels: LabelFilter,
}

/// What is read of the Secrets of one type.
#[derive(Debug)]
struct Secret {
    type_: String,
    fields: Vec<Field>,
    compare_keys: bool,
}

/// Watches the Secrets of these types; `compare_keys`: whether a private key that stands beside a
/// certificate is compared with it.
pub fn plan(options: Options, types: &[SecretType], compare_keys: bool) -> Plan {
    let types = merged(types);
    // A Secret has one type at a time; one type may stand there with several selections.
    let group = |index: usize, type_: &SecretType| {
        let before = types[..index].iter();
        before.filter(|other| other.type_ == type_.type_).count()
    };
    let wanted = types.iter().enumerate().map(|(index, type_)| Wanted {
        kind: ObjectKind::Secret,
        group: group(index, type_),
        prefix: "/api/v1",
        resource: "secrets",
        namespaced: true,
        fields: kube::field("type", &type_.type_),
        labels: type_.labels.clone(),
        reader: Rc::new(Secret {
            type_: type_.type_.clone(),
            fields: type_.fields.clone(),
            compare_keys,
        }),
    });
    Plan {
        kind: "kubernetes",
        options,
        wanted: wanted.collect(),
    }
}

/// The types, each once for each selection, with all keys that were named for it.
fn merged(types: &[SecretType]) -> Vec<SecretType> {
    let mut merged: Vec<SecretType> = Vec::new();
    for type_ in types {
        let known = merged
            .iter_mut()
            .find(|known| known.type_ == type_.type_ && known.labels == type_.labels);
        match known {
            Some(known) => known.fields.extend(type_.fields.iter().cloned()),
            None => merged.push(type_.clone()),
        }
    }
    merged
}

impl Reader for Secret {
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread> {
        // A server that knows no field selector sends all types.
        if object
            .type_
            .as_deref()
            .is_some_and(|type_| type_ != self.type_)
        {
            return Err(Unread::Foreign);
        }
        let mut data = Data::of([(Encoding::Base64, object.data)])?;
        data.compare_keys = self.compare_keys;
        data.parts(&self.fields)
    }

    fn keystores(&self) -> Vec<&Keystores> {
        self.fields.iter().map(|field| &*field.keystores).collect()
    }
}
