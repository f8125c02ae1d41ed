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
    let held = snapshot.held.iter();
    held.map(|(at, source, bundle)| (at.clone(), *source, (**bundle).clone()))
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
    let [(_, _, one), (_, _, two)] = snapshot.held.as_slice() else {
        panic!("two bundles")
    };
    assert!(Arc::ptr_eq(&one.certificates()[0], &two.certificates()[0]));
}

fn changes() -> impl Strategy<Value = Vec<(SourceId, Change)>> {
    let one = || (0..6u8, 0..4u8).prop_map(|(at, what)| (place(at), bundle(what)));
    let change = prop_oneof![
        one().prop_map(|(at, bundle)| Change::Upsert(at, bundle)),
        (0..6u8).prop_map(|at| Change::Upsert(place(at), unread())),
        (0..6u8).prop_map(|at| Change::Remove(place(at))),
        prop::collection::vec(0..6u8, 0..4)
            .prop_map(|all| Change::Resync(all.into_iter().map(place).collect())),
    ];
    prop::collection::vec((0..2usize, change), 0..40)
}

proptest! {
    #[test]
    fn any_changes_end_as_the_plain_map_says(changes in changes()) {
        let inventory = Inventory::default();
        let mut model: BTreeMap<(Location, SourceId), Bundle> = BTreeMap::new();
        for (source, change) in changes {
            inventory.apply(source, change.clone());
            match change {
                Change::Upsert(at, mut bundle) => {
                    if bundle.certificates.is_none()
                        && let Some(before) = model.get(&(at.clone(), source))
                    {
                        bundle.certificates.clone_from(&before.certificates);
                    }
                    model.insert((at, source), bundle);
                }
                Change::Remove(at) => { model.remove(&(at, source)); }
                Change::Resync(all) => {
                    model.retain(|(at, owner), _| *owner != source || all.contains(at));
                }
            }
        }
        let expected: Vec<_> =
            model.into_iter().map(|((at, source), bundle)| (at, source, bundle)).collect();
        prop_assert_eq!(held(&inventory), expected);
    }
}
