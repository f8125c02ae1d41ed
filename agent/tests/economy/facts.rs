//! What facts cost on their way in, and while they stand in the inventory.

use x509_certificate_exporter::decode;
use x509_certificate_exporter::inventory::Inventory;
use x509_certificate_exporter::model::Change;

use crate::agent::{fill, place};
use crate::certificates::Authority;
use crate::meter::{Book, FEW, MANY, cost, each};

pub(crate) fn decoding(book: &mut Book) {
    let authority = Authority::new();
    let [few, many] = [FEW, MANY].map(|count| {
        let pem: String = (0..count).map(|number| authority.leaf(number)).collect();
        cost(|| decode::certificates(pem.as_bytes())).1
    });
    let allocations = each(&few, &many, |cost| cost.allocations);
    book.at_most(23, "allocations for each leaf", allocations);
    let bytes = each(&few, &many, |cost| cost.bytes);
    book.at_most(4200, "bytes allocated for each leaf", bytes);
    let peak = each(&few, &many, |cost| cost.peak);
    book.at_most(
        680,
        "bytes at the peak for each leaf, all of them held",
        peak,
    );
}

pub(crate) fn holding(book: &mut Book) {
    let authority = Authority::new();
    let held = |places, with_ca| {
        let inventory = Inventory::default();
        let ((), cost) = cost(|| fill(&inventory, &authority, 0..places, with_ca));
        cost
    };
    let each = |with_ca| each(&held(FEW, with_ca), &held(MANY, with_ca), |cost| cost.held);
    let (leaf, chain) = (each(false), each(true));
    book.at_most(760, "bytes held for each leaf, with its place", leaf);
    let what = "bytes more where a known CA stands with it";
    book.at_most(16, what, chain.saturating_sub(leaf));
}

pub(crate) fn forgetting(book: &mut Book) {
    let authority = Authority::new();
    let inventory = Inventory::default();
    let mut next = 0;
    // A hundred places come and go at a time, never the same leaf twice.
    let mut cycles = |count: usize| {
        for _ in 0..count {
            let places = next..next + 100;
            fill(&inventory, &authority, places.clone(), true);
            for number in places {
                inventory.apply(0, Change::Remove(place(number)));
            }
            next += 100;
        }
    };
    cycles(20);
    let ((), cost) = cost(|| cycles(20));
    let what = "bytes left by 2,000 places that came and went";
    book.at_most(1024, what, cost.held);
}
