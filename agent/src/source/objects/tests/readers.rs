//! No object, whatever it looks like, makes a reader panic.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::source::ca_bundles::{self, Resources};
use crate::source::config_maps;
use crate::source::objects::data::{Field, Format, Key};
use crate::source::secrets::{self, SecretType};
use crate::source::{clusters, requests};

/// Every kind there is, as far as readers look into it.
fn object() -> Value {
    let config = json!({ "caBundle": "Cg==" });
    json!({
        "metadata": {
            "name": "a", "namespace": "b", "resourceVersion": "1", "labels": { "c": "d" },
            "annotations": {
                "cert-manager.io/certificate-name": "shop",
                "cert-manager.io/certificate-revision": "1",
            },
            "ownerReferences": [{ "uid": "1", "controller": true }],
        },
        "type": "Opaque",
        "data": { "tls.crt": "Cg==", "tls.key": "Cg==", "config": "e30=" },
        "binaryData": { "ca.crt": "Cg==" },
        "webhooks": [{ "name": "a", "clientConfig": config }, { "name": "a", "clientConfig": config }],
        "spec": {
            "caBundle": "Cg==", "signerName": "a.b/c",
            "connection": { "kubeconfig": "e2tpbmQ6IENvbmZpZ30=" },
            "conversion": { "strategy": "Webhook", "webhook": { "clientConfig": config } },
        },
        "status": { "certificate": "Cg==" },
    })
}

fn plans() -> Vec<Plan> {
    let field = |format| Field {
        key: Key::Pattern(regex_lite::Regex::new("").unwrap()),
        format,
        keystores: Rc::default(),
    };
    let secrets = |format| {
        let type_ = SecretType {
            type_: "Opaque".to_owned(),
            fields: vec![field(format)],
            labels: LabelFilter::default(),
        };
        secrets::plan(Options::default(), &[type_], true)
    };
    let resources = Resources {
        mutating: true,
        validating: true,
        api_services: true,
        conversions: true,
    };
    vec![
        secrets(Format::Certificates),
        secrets(Format::Kubeconfig),
        secrets(Format::Argocd),
        config_maps::plan(Options::default(), vec![field(Format::Certificates)]),
        ca_bundles::plan(Options::default(), resources),
        requests::signing_plan(Options::default(), Globs::default()),
        requests::plan(Options::default()),
        clusters::plan(Options::default()),
    ]
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[A-Za-z0-9+/]{0,40}={0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

/// Everything in a document, the document first.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                places(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_reader_finds_something_in_the_object_that_the_properties_begin_with() {
    let object = object().to_string();
    let object: Raw<'_> = serde_json::from_str(&object).unwrap();
    for plan in plans() {
        for wanted in plan.wanted {
            let read = wanted.reader.read(&object).unwrap();
            // An empty kubeconfig has no clusters.
            let empty = wanted.resource == "clusters";
            assert_eq!(read.is_empty(), empty, "{wanted:?}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_stands_wherever_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), anything()), 1..4),
    ) {
        let mut object = object();
        for (index, value) in changes {
            let mut all = Vec::new();
            places(&object, "", &mut all);
            let place = &all[index.index(all.len())];
            *object.pointer_mut(place).unwrap() = value;
        }
        let text = object.to_string();
        let Ok(object) = serde_json::from_str::<Raw<'_>>(&text) else {
            return Ok(());
        };
        for wanted in plans().into_iter().flat_map(|plan| plan.wanted) {
            wanted.reader.read(&object).ok();
        }
    }
}
