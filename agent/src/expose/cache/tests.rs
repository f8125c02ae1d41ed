use std::io::Read as _;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::super::metrics::tests::{crl, facts};
use super::*;
use crate::inventory::Inventory;
use crate::model::{Bundle, Certificate, Change, Location, Object, ObjectKind, Problem, Reason};

/// An answer in both forms, and how many pieces it took.
fn answer(cache: &Cache, inventory: &Inventory, options: &Options, now: i64) -> (String, usize) {
    let mut packer = Packer::default();
    let snapshot = inventory.snapshot();
    let pieces = cache.pieces(&snapshot, options, now, &mut packer).unwrap();
    let member = packer.finish(pieces).unwrap();
    let gzip: Vec<u8> = member.clone().into_parts().flatten().collect();
    assert_eq!(gzip.len() as u64, member.packed);
    let mut unpacked = String::new();
    // Of several members it would read the first alone.
    GzDecoder::new(&*gzip)
        .read_to_string(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked.len() as u64, member.plain);
    let plain: Vec<u8> = member.into_plain().flat_map(Result::unwrap).collect();
    assert_eq!(String::from_utf8(plain).unwrap(), unpacked);
    (unpacked, cache.rendered())
}

fn file(at: usize) -> Location {
    Location::file(format!("/{at:04}"))
}

fn ending(at: usize, not_after: i64) -> Bundle {
    let serial = at.to_string();
    let mut one = facts("web", &serial, 1);
    one.not_after = not_after;
    // Equal fingerprints are one certificate to the inventory.
    one.fingerprint[..8].copy_from_slice(&at.to_le_bytes());
    one.fingerprint[8..16].copy_from_slice(&not_after.to_le_bytes());
    Bundle {
        certificates: Some(vec![Arc::new(one.into())]),
        ..Bundle::default()
    }
}

fn many() -> Inventory {
    let inventory = Inventory::default();
    for at in 0..5000 {
        inventory.apply(0, Change::Upsert(file(at), ending(at, 1000)));
    }
    inventory
}

#[test]
fn what_nothing_touches_is_rendered_once() {
    let (cache, inventory, options) = (Cache::default(), many(), Options::default());
    let (first, rendered) = answer(&cache, &inventory, &options, 0);
    assert_eq!(rendered, 3 * inventory.snapshot().segments.len());
    assert_eq!(first.matches("\nx509_cert_expired{").count(), 5000);
    for now in 0..20 {
        assert_eq!(
            answer(&cache, &inventory, &options, now),
            (first.clone(), 0)
        );
    }
}

#[test]
fn a_change_among_many_renders_its_neighbours_alone() {
    let (cache, inventory, options) = (Cache::default(), many(), Options::default());
    answer(&cache, &inventory, &options, 0);
    inventory.apply(0, Change::Upsert(file(2500), ending(9999, 1000)));
    let (text, rendered) = answer(&cache, &inventory, &options, 0);
    assert_eq!((text.matches("=\"9999\"").count(), rendered), (3, 3));
    inventory.apply(0, Change::Remove(file(2500)));
    let (text, rendered) = answer(&cache, &inventory, &options, 0);
    assert_eq!((text.matches("/2500").count(), rendered), (0, 3));
    // In both segments beside it, the first of its kind: errors stand last.
    let gone = Bundle::bad(Problem::new(Reason::NotFound, "it is not there"));
    inventory.apply(0, Change::Upsert(file(2500), gone));
    let (text, rendered) = answer(&cache, &inventory, &options, 0);
    assert_eq!((text.matches("/2500").count(), rendered), (1, 4));
    assert!(text.ends_with("\nx509_read_errors 1\n"));
}

#[test]
fn what_expires_is_rendered_in_its_second_and_nothing_else_with_it() {
    let (cache, inventory, options) = (Cache::default(), many(), Options::default());
    inventory.apply(0, Change::Upsert(file(2500), ending(2500, 100)));
    let expired = |text: &str| text.lines().filter(|line| line.ends_with("} 1")).count();
    for (now, count, rendered) in [(100, 0, None), (101, 1, Some(1)), (999, 1, Some(0))] {
        let (text, pieces) = answer(&cache, &inventory, &options, now);
        assert_eq!(expired(&text), count);
        assert!(
            rendered.is_none_or(|rendered| rendered == pieces),
            "{pieces}"
        );
    }
    let all = inventory.snapshot().segments.len();
    let (text, rendered) = answer(&cache, &inventory, &options, 1001);
    assert_eq!((expired(&text), rendered), (5000, all));
    // A clock that is set back.
    let (text, rendered) = answer(&cache, &inventory, &options, 100);
    assert_eq!((expired(&text), rendered), (0, all));
}

#[test]
fn what_looks_alike_in_two_segments_is_told_by_the_first_of_them() {
    let (cache, inventory, options) = (Cache::default(), many(), Options::default());
    let gone = || Bundle::bad(Problem::new(Reason::NotFound, "it is not there"));
    let kubeconfig = Location::Kubeconfig {
        path: "/2500".into(),
        entry: None,
    };
    inventory.apply(1, Change::Upsert(kubeconfig, gone()));
    let errors = || {
        let (text, rendered) = answer(&cache, &inventory, &options, 0);
        let errors = text
            .lines()
            .filter(|line| line.starts_with("x509_cert_error{"));
        (errors.map(str::to_owned).collect::<Vec<_>>(), rendered)
    };
    let (alone, _) = errors();
    assert_eq!(alone.len(), 1);
    inventory.apply(0, Change::Upsert(file(2500), gone()));
    let (both, rendered) = errors();
    // Two families of certificates, their error, and the segment of the kubeconfig has none left.
    assert_eq!((both, rendered), (alone.clone(), 4));
    inventory.apply(0, Change::Upsert(file(2500), ending(2500, 1000)));
    assert_eq!(errors(), (alone, 4));
}

#[derive(Clone, Debug)]
enum Step {
    Upsert(u8, u8),
    Remove(u8),
    Scrape(i64),
}

fn place(at: u8) -> Location {
    let path = Arc::from(format!("/{}", at / 3));
    match at % 3 {
        0 => Location::File { path },
        1 => Location::Kubeconfig { path, entry: None },
        _ => {
            let object = Object {
                cluster: None,
                kind: ObjectKind::Secret,
                namespace: "ns".into(),
                name: path,
            };
            Location::object(&Arc::new(object), &"tls.crt".into())
        }
    }
}

/// Some certificates, lists and problems; so many problems that few bundles fill a segment.
fn anything(what: u8) -> Bundle {
    let one = |number: u8| -> Arc<Certificate> {
        let mut one = facts("web", "1", number);
        one.not_after = i64::from(number);
        Arc::new(one.into())
    };
    let mut bundle = Bundle {
        certificates: Some((what % 16..what % 19).map(one).collect()),
        ..Bundle::default()
    };
    if what.is_multiple_of(5) {
        bundle.crls = vec![crl(Some("1"), Some(i64::from(what % 16)), what)];
    }
    let reasons = [Reason::NotFound, Reason::OutlivesIssuer, Reason::BadBase64];
    for block in 0..usize::from(what) {
        let reason = reasons[block * usize::from(what) % 3];
        let problem = Problem::in_block(reason, block, "so it is");
        bundle.problems.push(problem);
    }
    bundle
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_kept_says_what_a_fresh_rendering_says(
        steps in prop::collection::vec(prop_oneof![
            4 => (0..60u8, any::<u8>()).prop_map(|(at, what)| Step::Upsert(at, what)),
            1 => (0..60u8).prop_map(Step::Remove),
            2 => (0..20i64).prop_map(Step::Scrape),
        ], 0..50)
    ) {
        let (kept, inventory) = (Cache::default(), Inventory::default());
        let options = Options { info: true, ..Options::default() };
        for step in steps {
            match step {
                Step::Upsert(at, what) => {
                    let mut bundle = anything(what);
                    if at % 3 == 1 {
                        // A kubeconfig as a whole holds nothing, but may be bad.
                        bundle.certificates = Some(Vec::new());
                        bundle.crls = Vec::new();
                    }
                    inventory.apply(0, Change::Upsert(place(at), bundle));
                }
                Step::Remove(at) => {
                    inventory.apply(0, Change::Remove(place(at)));
                }
                Step::Scrape(now) => {
                    let (text, _) = answer(&kept, &inventory, &options, now);
                    let (fresh, _) = answer(&Cache::default(), &inventory, &options, now);
                    prop_assert_eq!(&text, &fresh);
                    let mut series: Vec<_> = text.lines().map(|line| line.rsplit_once(' ')).collect();
                    let count = series.len();
                    series.sort_unstable();
                    series.dedup();
                    prop_assert_eq!(series.len(), count);
                }
            }
        }
    }
}
