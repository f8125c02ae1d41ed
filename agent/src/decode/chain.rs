//! What the certificates of one place say of each other. Decided from that place alone, by names
//! and key identifiers; no signature is verified. No warning is better than a wrong one.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use const_oid::db::rfc5280::{ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_SUBJECT_KEY_IDENTIFIER};

use super::der::{OCTET_STRING, first};
use super::x509::Fields;
use crate::model::{Certificate, Problem, Reason};

/// What ties a certificate to its issuer. Hashes, which are dropped once the place is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    subject: u64,
    issuer: u64,
    key: Option<u64>,
    issuer_key: Option<u64>,
    /// Which block of the place it is.
    block: usize,
}

/// A certificate and its link.
#[derive(Clone, Copy)]
struct Linked<'a> {
    certificate: &'a Certificate,
    link: &'a Link,
}

/// What is odd about certificates that stand together; `ordered`: their order has a meaning.
pub(super) fn findings(
    certificates: &[Arc<Certificate>],
    links: &[Link],
    ordered: bool,
) -> Vec<Problem> {
    let mut seen = HashSet::new();
    let all: Vec<Linked<'_>> = certificates
        .iter()
        .zip(links)
        .filter(|(certificate, _)| seen.insert(certificate.fingerprint))
        .map(|(certificate, link)| Linked { certificate, link })
        .collect();
    let mut problems = outliving(&all);
    if ordered && let Some(misplaced) = misplaced(&all) {
        let detail = "its issuer stands in another place than behind it";
        problems.push(misplaced.problem(Reason::ChainOutOfOrder, detail));
    }
    problems
}

/// Certificates of more are no chain but a collection.
const MAX_CHAIN: usize = 10;

/// Findings of one place that are told.
const MAX_FINDINGS: usize = 20;

/// Leaves whose issuers all end before they do.
fn outliving(all: &[Linked<'_>]) -> Vec<Problem> {
    let mut issuers: HashMap<u64, Vec<Linked<'_>>> = HashMap::new();
    for linked in all.iter().filter(|linked| linked.certificate.profile.ca) {
        issuers
            .entry(linked.link.subject)
            .or_default()
            .push(*linked);
    }
    let outlives = |leaf: &&Linked<'_>| {
        let named = issuers.get(&leaf.link.issuer).into_iter().flatten();
        let ends = named.filter(|other| leaf.is_issued_by(other));
        let last = ends.map(|issuer| issuer.certificate.not_after).max();
        !leaf.certificate.profile.ca && last.is_some_and(|last| leaf.certificate.not_after > last)
    };
    let detail = "it is valid for longer than the certificate that issued it";
    let found = all.iter().filter(outlives).take(MAX_FINDINGS);
    found
        .map(|leaf| leaf.problem(Reason::OutlivesIssuer, detail))
        .collect()
}

/// The certificate of a chain whose issuer stands elsewhere than RFC 5246 (section 7.4.2) wants it.
///
/// A chain is one leaf with its issuer and few others. Behind the leaf, its issuer must follow at
/// once. Further up it need only follow at all: what stands between may be the same certificate by
/// another issuer, an older one of the same name, or another root (RFC 8446, section 4.4.2).
fn misplaced<'a>(all: &[Linked<'a>]) -> Option<Linked<'a>> {
    let mut leaves = all
        .iter()
        .enumerate()
        .filter(|(_, one)| !one.certificate.profile.ca);
    let (Some((mut at, _)), None) = (leaves.next(), leaves.next()) else {
        return None;
    };
    if all.len() > MAX_CHAIN {
        return None;
    }
    let mut passed = Vec::new();
    loop {
        let current = all.get(at)?;
        passed.push(current.link.subject);
        let issuers = all.iter().enumerate().filter(|(_, other)| {
            // Two that issued each other have no order.
            let in_circle = [other.link.subject, other.link.issuer];
            let is_root = other.link.subject == other.link.issuer;
            current.is_issued_by(other)
                && !passed.contains(&in_circle[0])
                && (is_root || !passed.contains(&in_circle[1]))
        });
        let positions: Vec<usize> = issuers.map(|(position, _)| position).collect();
        positions.first()?;
        let next = positions.into_iter().find(|&position| position > at);
        let follows = |position: usize| {
            let directly = all
                .get(at + 1)
                .is_some_and(|next| next.link.subject == current.link.issuer);
            current.certificate.profile.ca || directly || position == at + 1
        };
        match next {
            Some(next) if follows(next) => at = next,
            _ => return Some(*current),
        }
    }
}

// === impl Link ===

impl Link {
    /// Reads the link of a certificate.
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        let key = fields.extension(ID_CE_SUBJECT_KEY_IDENTIFIER);
        let key = key.and_then(|value| first(value));
        let issuer_key = fields.extension(ID_CE_AUTHORITY_KEY_IDENTIFIER);
        let issuer_key = issuer_key.and_then(|value| first(value)?.0.elements().next());
        Self {
            subject: hash(fields.subject.map_or(&[][..], |subject| subject.content)),
            issuer: hash(fields.issuer.content),
            key: key
                .filter(|(key, _)| key.tag == OCTET_STRING)
                .map(|(key, _)| hash(key.content)),
            issuer_key: issuer_key
                .filter(|key| key.tag == KEY_IDENTIFIER)
                .map(|key| hash(key.content)),
            block: 0,
        }
    }

    /// The same of a certificate that is this block of its place.
    pub(super) fn of_block(self, block: usize) -> Self {
        Self { block, ..self }
    }
}

/// `[0] IMPLICIT` of an `AuthorityKeyIdentifier` (RFC 5280, section 4.2.1.1).
const KEY_IDENTIFIER: u8 = 0x80;

fn hash(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

// === impl Linked ===

impl Linked<'_> {
    /// Whether the other CA may have issued it: it has that name and, where both say so, that key.
    fn is_issued_by(&self, other: &Self) -> bool {
        let keys = self.link.issuer_key.zip(other.link.key);
        self.link.issuer == other.link.subject && keys.is_none_or(|(wanted, key)| wanted == key)
    }

    fn problem(&self, reason: Reason, detail: &'static str) -> Problem {
        Problem::in_block(reason, self.link.block, detail)
    }
}

#[cfg(test)]
mod tests;
