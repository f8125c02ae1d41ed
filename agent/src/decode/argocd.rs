//! Finds the certificates of Argo CD's cluster Secrets: the JSON under the key `config`.
//!
//! Comes in: the value's bytes. Goes out: at most a cluster (`caData`) and a user (`certData`),
//! neither with a name. The same JSON holds a key, a token and a password: as in
//! [`kubeconfig`](super::kubeconfig), no type here has a field for those.

use std::borrow::Cow;

use serde::Deserialize;

use super::kubeconfig::{Content, KubeconfigEntry};
use crate::model::{Entry, EntryKind, Problem, Reason};

/// Finds the CA and the client certificate, in this order; a cluster that is reached otherwise
/// (token, cloud account, the system's trust) has neither.
pub fn entries(bytes: &[u8]) -> Result<Vec<KubeconfigEntry>, Problem> {
    if bytes.len() > MAX_BYTES {
        let detail = "the configuration is larger than 8 MiB";
        return Err(Problem::new(Reason::TooLarge, detail));
    }
    let config: Config<'_> = serde_json::from_slice(bytes).map_err(|_| {
        // The parser's message may hold the text it met.
        let detail = "the value is not the JSON that Argo CD keeps of a cluster";
        Problem::new(Reason::BadClusterConfig, detail)
    })?;
    let tls = config.tls_client_config.unwrap_or_default();
    let found = [
        (EntryKind::Cluster, "caData", tls.ca_data),
        (EntryKind::User, "certData", tls.cert_data),
    ];
    let entry = |(kind, field, data): (EntryKind, &str, Option<Cow<'_, str>>)| {
        let data = data.filter(|data| !data.is_empty())?;
        Some(KubeconfigEntry {
            entry: Entry {
                kind,
                name: "".into(),
            },
            content: Content::decode(field, &data),
        })
    };
    Ok(found.into_iter().filter_map(entry).collect())
}

/// Bytes of a configuration; a Secret holds an eighth.
const MAX_BYTES: usize = 8 << 20;

/// Argo CD's `ClusterConfig`, as far as it matters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    #[serde(borrow)]
    tls_client_config: Option<Tls<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tls<'a> {
    #[serde(borrow)]
    ca_data: Option<Cow<'a, str>>,
    #[serde(borrow)]
    cert_data: Option<Cow<'a, str>>,
}

#[cfg(test)]
mod tests;
