use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::{Certificate, Facts, Reason};

fn certificate(number: u8) -> Arc<Certificate> {
    let facts = Facts {
        not_after: i64::from(number),
        fingerprint: [number; 32],
        ..Facts::default()
    };
    Arc::new(facts.into())
}

fn bundle(number: u8) -> Bundle {
    Bundle {
        certificates: Some(vec![certificate(number)]),
        ..Bundle::default()
    }
}

fn unread() -> Bundle {
    Bundle::unread(Problem::new(Reason::PermissionDenied, "may not be opened"))
}

fn place(number: u8) -> Location {
    Location::file(format!("/{number}"))
}

fn held(inventory: &Inventory) -> Vec<(Location, SourceId, Bundle)> {
    let snapshot = inventory.snapshot();
    let held = snapshot.segments.iter().flat_map(|segment| &segment.held);
    held.map(|held| (held.location.clone(), held.source, (*held.bundle).clone()))
        .collect()
}

#[test]
fn a_read_that_fails_keeps_the_last_facts_and_shows_the_problem() {
    let inventory = Inventory::default();
    inventory.apply(0, Change::Upsert(place(1), bundle(1)));
    let turns = inventory.apply(0, Change::Upsert(place(1), unread()));
    assert_eq!(
        turns,
        [Turn {
            location: place(1),
            problems: unread().problems
        }]
    );
    let (_, _, kept) = held(&inventory).remove(0);
    assert_eq!(kept.certificates(), [certificate(1)]);
    assert_eq!(kept.problems, unread().problems);
}

#[test]
fn a_bad_bundle_replaces_a_good_one() {
    let inventory = Inventory::default();
    inventory.apply(0, Change::Upsert(place(1), bundle(1)));
    let problem = Problem::new(Reason::NoCertificateFound, "the file is empty");
    inventory.apply(0, Change::Upsert(place(1), Bundle::bad(problem)));
    assert!(held(&inventory)[0].2.certificates().is_empty());
}

#[test]
fn saying_a_thing_twice_is_saying_it_once() {
    let inventory = Inventory::default();
    inventory.apply(0, Change::Upsert(place(1), bundle(1)));
    let before = inventory.snapshot().version;
    assert_eq!(inventory.apply(0, Change::Upsert(place(1), bundle(1))), []);
    assert_eq!(inventory.apply(0, Change::Remove(place(2))), []);
    assert_eq!(inventory.apply(0, Change::Resync(vec![place(1)])), []);
    assert_eq!(inventory.snapshot().version, before);
}

#[test]
fn a_resync_drops_what_it_does_not_name_and_leaves_other_sources_alone() {
    let inventory = Inventory::default();
    inventory.apply(0, Change::Upsert(place(1), bundle(1)));
    inventory.apply(0, Change::Upsert(place(2), bundle(2)));
    inventory.apply(1, Change::Upsert(place(1), bundle(1)));
    inventory.apply(0, Change::Resync(vec![place(2), place(3)]));
    assert_eq!(
        held(&inventory),
        [(place(1), 1, bundle(1)), (place(2), 0, bundle(2))]
    );
}

#[test]
fn a_location_that_becomes_well_is_told() {
    let inventory = Inventory::default();
    inventory.apply(0, Change::Upsert(place(1), unread()));
    let turns = inventory.apply(0, Change::Upsert(place(1), bundle(1)));
    assert_eq!(
        turns,
        [Turn {
            location: place(1),
            problems: Vec::new()
        }]
    );
}

#[test]
fn equal_certificates_are_kept_once() {
    let inventory = Inventory::default();
    inventory.apply(0, Change::Upsert(place(1), bundle(1)));
    inventory.apply(0, Change::Upsert(place(2), bundle(1)));
    let snapshot = inventory.snapshot();
    let held = &snapshot.segments[0].held;
    let first = |at: usize| &held[at].bundle.certificates()[0];
    assert!(Arc::ptr_eq(first(0), first(1)));
}

fn heavy(number: u8) -> Bundle {
    Bundle {
        certificates: Some(vec![certificate(number); usize::from(number)]),
        ..Bundle::default()
    }
}

/// Few places that weigh much, so that segments are cut and joined all the time.
fn changes() -> impl Strategy<Value = Vec<(SourceId, Change)>> {
    let one = || (0..24u8, any::<u8>()).prop_map(|(at, what)| (place(at), heavy(what)));
    let all = prop::collection::vec(0..24u8, 0..12);
    let change = prop_oneof![
        8 => one().prop_map(|(at, bundle)| Change::Upsert(at, bundle)),
        1 => (0..24u8).prop_map(|at| Change::Upsert(place(at), unread())),
        4 => (0..24u8).prop_map(|at| Change::Remove(place(at))),
        1 => all.prop_map(|all| Change::Resync(all.into_iter().map(place).collect())),
    ];
    prop::collection::vec((0..2usize, change), 0..80)
}

type Plain = BTreeMap<(Location, SourceId), Bundle>;

fn apply_to(model: &mut Plain, source: SourceId, change: Change) {
    match change {
        Change::Upsert(at, mut bundle) => {
            if bundle.certificates.is_none()
                && let Some(before) = model.get(&(at.clone(), source))
            {
                bundle.certificates.clone_from(&before.certificates);
            }
            model.insert((at, source), bundle);
        }
        Change::Remove(at) => {
            model.remove(&(at, source));
        }
        Change::Resync(all) => {
            model.retain(|(at, owner), _| *owner != source || all.contains(at));
        }
    }
}

/// What a segment holds, to compare.
fn content(segment: &Segment) -> Vec<(Location, SourceId, Arc<Bundle>)> {
    let held = segment.held.iter();
    held.map(|held| (held.location.clone(), held.source, Arc::clone(&held.bundle)))
        .collect()
}

proptest! {
    #[test]
    fn any_changes_end_as_the_plain_map_says(changes in changes()) {
        let inventory = Inventory::default();
        let mut model = Plain::new();
        for (source, change) in changes {
            inventory.apply(source, change.clone());
            apply_to(&mut model, source, change);
        }
        for source in 0..2 {
            let owned = model.keys().filter(|(_, owner)| *owner == source);
            prop_assert_eq!(inventory.snapshot().count(source), owned.count());
        }
        let expected: Vec<_> =
            model.into_iter().map(|((at, source), bundle)| (at, source, bundle)).collect();
        prop_assert_eq!(held(&inventory), expected);
    }

    #[test]
    fn a_stamp_tells_what_a_segment_holds(changes in changes()) {
        let inventory = Inventory::default();
        let mut seen = BTreeMap::new();
        for (source, change) in changes {
            let is_one = !matches!(change, Change::Resync(_));
            let before = inventory.snapshot();
            inventory.apply(source, change);
            let after = inventory.snapshot();
            let known = |segment: &&Arc<Segment>| !seen.contains_key(&segment.stamp);
            if is_one {
                // Itself, the two halves of it, or itself and its neighbours made one.
                prop_assert!(after.segments.iter().filter(known).count() <= 2);
                prop_assert!(before.segments.len().abs_diff(after.segments.len()) <= 2);
            }
            for segment in &after.segments {
                prop_assert!(!segment.held.is_empty());
                let known = seen.entry(segment.stamp).or_insert_with(|| content(segment));
                prop_assert_eq!(&*known, &content(segment));
            }
            let ends = |pair: &[Arc<Segment>]| {
                pair[0].held.last().map(|held| held.location.clone())
                    < pair[1].held.first().map(|held| held.location.clone())
            };
            prop_assert!(after.segments.windows(2).all(ends));
        }
    }
}

#[test]
fn a_change_among_many_touches_one_segment_and_no_snapshot() {
    let inventory = Inventory::default();
    for at in 0..5000 {
        let at = Location::file(format!("/{at:04}"));
        inventory.apply(0, Change::Upsert(at, bundle(1)));
    }
    let before = inventory.snapshot();
    let weights = before.segments.iter().map(|segment| segment.held.len());
    assert!(weights.clone().max() <= Some(segments::FULL));
    // What comes in order leaves no half empty segments behind.
    assert!(
        weights.clone().rev().skip(1).min() >= Some(segments::FULL / 2),
        "{weights:?}"
    );
    inventory.apply(0, Change::Upsert(Location::file("/2500"), bundle(2)));
    let after = inventory.snapshot();
    let pairs = before.segments.iter().zip(&after.segments);
    let differ = pairs.filter(|(one, other)| !Arc::ptr_eq(one, other));
    assert_eq!(differ.count(), 1);
    let held = |snapshot: &Snapshot| {
        let mut all = snapshot.segments.iter().flat_map(|segment| &segment.held);
        let one = all.find(|held| held.location == Location::file("/2500"));
        one.map(|held| held.bundle.certificates()[0].not_after)
    };
    assert_eq!((held(&before), held(&after)), (Some(1), Some(2)));
}
