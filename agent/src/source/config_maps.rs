//! Certificates in ConfigMaps: trust bundles, above all.

use std::rc::Rc;

use super::objects::data::{Data, Encoding, Field};
use super::objects::{Keystores, LabelFilter, Options, Part, Plan, Raw, Reader, Unread, Wanted};
use crate::model::ObjectKind;

/// What is read of ConfigMaps.
#[derive(Debug)]
struct ConfigMap {
    fields: Vec<Field>,
}

/// Watches the ConfigMaps for these keys.
pub fn plan(options: Options, fields: Vec<Field>) -> Plan {
    let wanted = Wanted {
        kind: ObjectKind::ConfigMap,
        group: 0,
        prefix: "/api/v1",
        resource: "configmaps",
        namespaced: true,
        fields: String::new(),
        labels: LabelFilter::default(),
        reader: Rc::new(ConfigMap { fields }),
    };
    Plan {
        kind: "configmap",
        options,
        wanted: vec![wanted],
    }
}

impl Reader for ConfigMap {
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread> {
        let data = [
            (Encoding::Text, object.data),
            (Encoding::Base64, object.binary_data),
        ];
        Data::of(data)?.parts(&self.fields)
    }

    fn keystores(&self) -> Vec<&Keystores> {
        self.fields.iter().map(|field| &*field.keystores).collect()
    }
}
