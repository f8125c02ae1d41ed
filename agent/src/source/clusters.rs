//! Certificates of KubeSphere's member clusters: each Cluster holds the kubeconfig by which the
//! host cluster reaches it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::objects::object::fields;
use super::objects::{Options, Part, Plan, Raw, Reader, Unread, Wanted, field, kubeconfig};
use crate::model::{Bundle, ObjectKind};

/// What is read of a Cluster.
#[derive(Debug)]
struct Cluster;

#[derive(Default, Deserialize)]
struct Spec<'a> {
    #[serde(borrow)]
    connection: Option<Connection<'a>>,
}

#[derive(Default, Deserialize)]
struct Connection<'a> {
    #[serde(borrow)]
    kubeconfig: Option<&'a RawValue>,
}

/// Watches the Clusters.
pub fn plan(options: Options) -> Plan {
    Plan {
        kind: "kubesphere",
        options,
        wanted: vec![Wanted::all(
            ObjectKind::Cluster,
            "/apis/cluster.kubesphere.io/v1alpha1",
            "clusters",
            Cluster,
        )],
    }
}

impl Reader for Cluster {
    fn read(&self, object: &Raw<'_>) -> Result<Vec<Part>, Unread> {
        let spec: Spec<'_> = fields(object.spec)?;
        let connection = spec.connection.unwrap_or_default();
        let key: Arc<str> = "".into();
        Ok(match field::bytes(connection.kubeconfig)? {
            // The host cluster itself, or a member that has not yet called in through its proxy.
            None => Vec::new(),
            Some(Ok(bytes)) => kubeconfig::parts(&key, &bytes),
            Some(Err(problem)) => vec![Part::new(key, Bundle::bad(problem))],
        })
    }
}

#[cfg(test)]
mod tests;
