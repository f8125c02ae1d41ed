//! Certificates in ConfigMaps: trust bundles, above all.

use std::rc::Rc;

use super::objects::data::{self, Encoding, Key};
use super::objects::{LabelFilter, Options, Part, Plan, Raw, Reader, Unread, Wanted};
use crate::model::ObjectKind;

/// What is read of ConfigMaps.
#[derive(Debug)]
struct ConfigMap {
    keys: Vec<Key>,
}

/// Watches the ConfigMaps for these keys.
pub fn plan(options: Options, keys: Vec<Key>) -> Plan {
    let wanted = Wanted {
        kind: ObjectKind::ConfigMap,
        group: 0,
        prefix: "/api/v1",
        resource: "configmaps",
        namespaced: true,
        fields: String::new(),
        labels: LabelFilter::default(),
        reader: Rc::new(ConfigMap { keys }),
    };
    Plan {
        kind: "configmap",
        options,
        wanted: vec![wanted],
    }
}

impl Reader for ConfigMap {
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread> {
        let mut parts = Vec::new();
        data::parts(object.data, Encoding::Text, &self.keys, &mut parts)?;
        data::parts(object.binary_data, Encoding::Base64, &self.keys, &mut parts)?;
        Ok(parts)
    }
}
