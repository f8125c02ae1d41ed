//! A location as a reader sees it: what all sources say of it, told once.

use std::collections::HashSet;

use crate::inventory::Snapshot;
use crate::model::{Bundle, Certificate, Location, Problem};

/// One location with its certificates and problems. Two sources that watch one file make one
/// place; a certificate that stands there twice is told once.
#[derive(Debug)]
pub struct Place<'a> {
    /// Where.
    pub location: &'a Location,
    /// Labels of the object that holds it.
    pub labels: &'a [(std::sync::Arc<str>, std::sync::Arc<str>)],
    /// What stands there, in order.
    pub certificates: Vec<&'a Certificate>,
    /// What is wrong there, in order.
    pub problems: Vec<&'a Problem>,
}

/// The places of a snapshot, in order.
pub fn places(snapshot: &Snapshot) -> impl Iterator<Item = Place<'_>> {
    snapshot
        .held
        .chunk_by(|(one, ..), (other, ..)| one == other)
        .filter_map(|group| {
            let (location, _, first) = group.first()?;
            let bundles = || group.iter().map(|(_, _, bundle)| &**bundle);
            Some(Place {
                location,
                labels: &first.labels,
                certificates: certificates(bundles()),
                problems: problems(bundles()),
            })
        })
}

fn certificates<'a>(bundles: impl Iterator<Item = &'a Bundle>) -> Vec<&'a Certificate> {
    let mut all: Vec<&Certificate> = bundles
        .flat_map(|bundle| bundle.certificates().iter().map(|shared| &**shared))
        .collect();
    if all.len() > 1 {
        let mut seen = HashSet::with_capacity(all.len());
        all.retain(|certificate| seen.insert(certificate.fingerprint));
    }
    all
}

fn problems<'a>(bundles: impl Iterator<Item = &'a Bundle>) -> Vec<&'a Problem> {
    let mut all: Vec<&Problem> = bundles.flat_map(|bundle| &bundle.problems).collect();
    if all.len() > 1 {
        let mut seen = HashSet::with_capacity(all.len());
        all.retain(|problem| seen.insert(*problem));
    }
    all
}
