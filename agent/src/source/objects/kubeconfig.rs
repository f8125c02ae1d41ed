//! A kubeconfig inside an object, or what serves as one: each of its clusters and users becomes a
//! part.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::sync::Arc;

use super::{Held, Part};
use crate::decode::argocd;
use crate::decode::kubeconfig::{self, Content, KubeconfigEntry, MAX_ENTRIES};
use crate::model::{Bundle, Entry, Problem, Reason};
use crate::source::kubeconfigs::{certificates, merge};

/// The parts of a kubeconfig; none where it holds no certificates.
pub(crate) fn parts(key: &Arc<str>, bytes: &[u8]) -> Vec<Part> {
    of_entries(key, kubeconfig::entries(bytes))
}

/// The parts of what Argo CD keeps of a cluster.
pub(crate) fn argocd_parts(key: &Arc<str>, bytes: &[u8]) -> Vec<Part> {
    of_entries(key, argocd::entries(bytes))
}

fn of_entries(key: &Arc<str>, entries: Result<Vec<KubeconfigEntry>, Problem>) -> Vec<Part> {
    let entries = match entries {
        Ok(entries) => entries,
        Err(problem) => return vec![Part::new(key.clone(), Bundle::bad(problem))],
    };
    let (most, mut too_many) = (MAX_ENTRIES, false);
    let mut bundles: BTreeMap<Entry, Bundle> = BTreeMap::new();
    for found in entries {
        let room = bundles.len() < most;
        // Entries with one name are one, as in kubeconfigs of the host.
        match bundles.entry(found.entry) {
            Occupied(mut known) => merge(known.get_mut(), &bundle(found.content)),
            Vacant(new) if room => drop(new.insert(bundle(found.content))),
            Vacant(_) => too_many = true,
        }
    }
    let whole = too_many.then(|| {
        let detail = format!("there are more than {most} clusters and users; the rest is not read");
        let problem = Problem::new(Reason::TooMany, detail);
        Part::new(key.clone(), Bundle::bad(problem))
    });
    let parts = bundles.into_iter().map(|(entry, bundle)| Part {
        key: key.clone(),
        entry: Some(entry.into()),
        held: Held::Bundle(bundle),
    });
    whole.into_iter().chain(parts).collect()
}

fn bundle(content: Content) -> Bundle {
    match content {
        Content::Data(bytes) => certificates(&bytes),
        Content::Path(_) => Bundle::bad(Problem::new(
            Reason::NotFound,
            "the entry names a file, and an object holds none",
        )),
        Content::Bad(problem) => Bundle::bad(problem),
    }
}

/// Whether a text without certificates may be a kubeconfig: a glance, before it is parsed.
pub(crate) fn looks_like_one(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| text.contains("clusters") && text.contains("Config"))
}

#[cfg(test)]
mod tests;
