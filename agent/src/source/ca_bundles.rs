//! The `caBundle`s of webhooks and API services: whom the API server itself trusts. One that
//! expires takes every request down that the webhook guards.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::kubeconfigs::merge;
use super::objects::object::{LONGEST_NAME, fields, text};
use super::objects::{Options, Part, Plan, Raw, Reader, Unread, Wanted, field};
use crate::model::{Bundle, ObjectKind, Problem, Reason};

/// Which kinds of objects are looked at.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// `MutatingWebhookConfiguration`s.
    pub mutating: bool,
    /// `ValidatingWebhookConfiguration`s.
    pub validating: bool,
    /// `APIService`s.
    pub api_services: bool,
    /// `CustomResourceDefinition`s, for their conversion webhooks.
    pub conversions: bool,
}

/// `.webhooks[]`, each with its `clientConfig`.
#[derive(Debug)]
struct Webhooks;

/// `.spec.caBundle`.
#[derive(Debug)]
struct ApiService;

/// `.spec.conversion.webhook.clientConfig.caBundle`. The schemas beside it, which may have a
/// megabyte, are passed over where they stand.
#[derive(Debug)]
struct Conversion;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    client_config: Option<ClientConfig<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientConfig<'a> {
    #[serde(borrow)]
    ca_bundle: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Definition<'a> {
    #[serde(borrow)]
    conversion: Option<Converter<'a>>,
}

#[derive(Default, Deserialize)]
struct Converter<'a> {
    #[serde(borrow)]
    strategy: Option<&'a RawValue>,
    #[serde(borrow)]
    webhook: Option<Conversions<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conversions<'a> {
    #[serde(borrow)]
    client_config: Option<ClientConfig<'a>>,
}

/// Watches the objects of these kinds.
pub fn plan(options: Options, resources: Resources) -> Plan {
    use ObjectKind as Kind;
    let mut wanted = Vec::new();
    let admission = "/apis/admissionregistration.k8s.io/v1";
    if resources.mutating {
        let resource = "mutatingwebhookconfigurations";
        let kind = Kind::MutatingWebhookConfiguration;
        wanted.push(Wanted::all(kind, admission, resource, Webhooks));
    }
    if resources.validating {
        let resource = "validatingwebhookconfigurations";
        let kind = Kind::ValidatingWebhookConfiguration;
        wanted.push(Wanted::all(kind, admission, resource, Webhooks));
    }
    if resources.api_services {
        let group = "/apis/apiregistration.k8s.io/v1";
        wanted.push(Wanted::all(
            Kind::ApiService,
            group,
            "apiservices",
            ApiService,
        ));
    }
    if resources.conversions {
        let (group, resource) = ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions");
        let kind = Kind::CustomResourceDefinition;
        wanted.push(Wanted::all(kind, group, resource, Conversion));
    }
    Plan {
        kind: "cabundle",
        options,
        wanted,
    }
}

/// More webhooks of one object are not read.
const MOST_WEBHOOKS: usize = 1000;

impl Reader for Webhooks {
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread> {
        let webhooks: Vec<Webhook<'_>> = fields(object.webhooks)?;
        let mut bundles: BTreeMap<Cow<'_, str>, Bundle> = BTreeMap::new();
        for webhook in webhooks {
            let config = webhook.client_config.unwrap_or_default();
            let Some(bundle) = field::bundle(config.ca_bundle)? else {
                continue;
            };
            let room = bundles.len() < MOST_WEBHOOKS;
            let name = webhook.name.map(text).transpose()?.unwrap_or_default();
            if name.len() > LONGEST_NAME {
                return Err(Unread::Malformed);
            }
            match bundles.entry(name) {
                // The API of today refuses two of one name; objects that are older than it stay.
                Occupied(mut known) => merge(known.get_mut(), &bundle),
                Vacant(new) if room => drop(new.insert(bundle)),
                Vacant(_) => {
                    too_many(&mut bundles);
                    break;
                }
            }
        }
        let parts = bundles.into_iter();
        Ok(parts
            .map(|(name, bundle)| Part::new(name, bundle))
            .collect())
    }
}

impl Reader for ApiService {
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread> {
        only(&fields(object.spec)?)
    }
}

impl Reader for Conversion {
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread> {
        let definition: Definition<'_> = fields(object.spec)?;
        let converter = definition.conversion.unwrap_or_default();
        let strategy = converter.strategy.map(text).transpose()?;
        let webhook = converter
            .webhook
            .filter(|_| strategy.as_deref() == Some("Webhook"));
        let config = webhook.and_then(|webhook| webhook.client_config);
        only(&config.unwrap_or_default())
    }
}

/// The only part of an object.
fn only(config: &ClientConfig<'_>) -> Result<Vec<Part>, Unread> {
    let bundle = field::bundle(config.ca_bundle)?;
    Ok(bundle
        .map(|bundle| Part::new("", bundle))
        .into_iter()
        .collect())
}

fn too_many(bundles: &mut BTreeMap<Cow<'_, str>, Bundle>) {
    if let Some(mut last) = bundles.last_entry() {
        let detail = format!("there are more than {MOST_WEBHOOKS} webhooks; the rest is not read");
        let problem = Problem::new(Reason::TooMany, detail);
        last.get_mut().problems.push(problem);
    }
}

#[cfg(test)]
mod tests;
