//! A location as a reader sees it: what all sources say of it, told once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use crate::inventory::{Held, Segment, Snapshot};
use crate::model::{Bundle, Certificate, Crl, Handshake, Location, Problem};

/// One location with what it holds. Two sources that watch one file make one place; what stands
/// there twice is told once.
#[derive(Debug)]
pub struct Place<'a> {
    /// What the first of them says.
    pub held: &'a Held,
    /// Where.
    pub location: &'a Location,
    /// Labels of the object that holds it.
    pub labels: &'a [(Arc<str>, Arc<str>)],
    /// What stands there, in order.
    pub certificates: Vec<&'a Certificate>,
    /// What a server told besides.
    pub handshake: Option<&'a Handshake>,
    /// The revocation lists that stand there, in order.
    pub crls: Vec<&'a Crl>,
    /// What is wrong there, in order.
    pub problems: Vec<&'a Problem>,
    /// What is odd about certificates that were read well, in order.
    pub warnings: Vec<&'a Problem>,
}

/// The places of a snapshot, in order.
pub fn places(snapshot: &Snapshot) -> impl Iterator<Item = Place<'_>> {
    snapshot.segments.iter().flat_map(|segment| within(segment))
}

/// The places of a segment, in order.
pub fn within(segment: &Segment) -> impl Iterator<Item = Place<'_>> {
    segment
        .held
        .chunk_by(|one, other| one.location == other.location)
        .filter_map(place)
}

/// What all sources say of one location.
fn place(group: &[Held]) -> Option<Place<'_>> {
    let first = group.first()?;
    let bundles = || group.iter().map(|held| &*held.bundle);
    let all = bundles().flat_map(|bundle| &bundle.problems);
    let (warnings, problems) = once(all, |problem| *problem)
        .into_iter()
        .partition(|problem| problem.reason.is_warning());
    Some(Place {
        held: first,
        location: &first.location,
        labels: &first.bundle.labels,
        handshake: bundles().find_map(|bundle| bundle.handshake.as_deref()),
        certificates: once(
            bundles()
                .flat_map(|bundle: &Bundle| bundle.certificates().iter().map(|shared| &**shared)),
            |certificate| certificate.fingerprint,
        ),
        crls: once(
            bundles().flat_map(|bundle: &Bundle| bundle.crls.iter().map(|shared| &**shared)),
            |crl| crl.fingerprint,
        ),
        problems,
        warnings,
    })
}

/// All things, each once: of those that are alike, the first.
fn once<'a, T, K: Eq + Hash>(
    all: impl Iterator<Item = &'a T>,
    key: impl Fn(&&'a T) -> K,
) -> Vec<&'a T> {
    let mut all: Vec<&T> = all.collect();
    if all.len() <= 8 {
        // Nearly all places: a leaf and the CAs above it.
        let mut kept = Vec::with_capacity(all.len());
        for one in all {
            if !kept.iter().any(|other| key(other) == key(&one)) {
                kept.push(one);
            }
        }
        return kept;
    }
    let mut seen = HashSet::with_capacity(all.len());
    all.retain(|one| seen.insert(key(one)));
    all
}
