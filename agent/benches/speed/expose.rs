//! Facts to text. Places hold a leaf and the CA each: there are twice as many certificates.

use divan::Bencher;

use x509_certificate_exporter::server::scrape::Encoding;

use crate::agent::Agent;

const PLACES: [usize; 2] = [500, 10_000];

/// The first scrape of all.
#[divan::bench(args = PLACES, sample_count = 20, sample_size = 1)]
fn first(bencher: Bencher<'_, '_>, places: usize) {
    let mut agent = Agent::new(places);
    bencher.bench_local(|| {
        agent.forget();
        agent.answer(Encoding::Gzip)
    });
}

/// The first after one place has another leaf.
#[divan::bench(args = PLACES, sample_count = 20, sample_size = 1)]
fn after_a_change(bencher: Bencher<'_, '_>, places: usize) {
    let mut agent = Agent::new(places);
    agent.answer(Encoding::Gzip);
    // Making the leaf is no part of it.
    let renewals: Vec<_> = (0..20).map(|_| agent.renewal()).collect();
    let mut renewals = renewals.into_iter().cycle();
    bencher
        .with_inputs(|| renewals.next().unwrap())
        .bench_local_values(|change| {
            agent.apply(change);
            agent.answer(Encoding::Gzip)
        });
}

#[divan::bench(args = PLACES)]
fn unchanged_gzip(bencher: Bencher<'_, '_>, places: usize) {
    let agent = Agent::new(places);
    bencher.bench_local(|| agent.answer(Encoding::Gzip));
}

#[divan::bench(args = PLACES, sample_count = 20)]
fn unchanged_identity(bencher: Bencher<'_, '_>, places: usize) {
    let agent = Agent::new(places);
    bencher.bench_local(|| agent.answer(Encoding::Identity));
}

#[divan::bench(args = PLACES, sample_count = 10)]
fn json(bencher: Bencher<'_, '_>, places: usize) {
    let agent = Agent::new(places);
    bencher.bench_local(|| agent.everything(Encoding::Gzip));
}

#[divan::bench(args = PLACES, sample_count = 20)]
fn page(bencher: Bencher<'_, '_>, places: usize) {
    let agent = Agent::new(places);
    bencher.bench_local(|| agent.page("", Encoding::Gzip));
}

#[divan::bench(args = PLACES, sample_count = 20)]
fn page_of_a_search(bencher: Bencher<'_, '_>, places: usize) {
    let agent = Agent::new(places);
    bencher.bench_local(|| agent.page("q=99&sort=-place", Encoding::Gzip));
}

/// Half of the rows are before it.
#[divan::bench(args = PLACES, sample_count = 20)]
fn page_in_the_middle(bencher: Bencher<'_, '_>, places: usize) {
    let agent = Agent::new(places);
    let parameters = format!("sort=subject&page={}", places / 100);
    bencher.bench_local(|| agent.page(&parameters, Encoding::Gzip));
}

#[divan::bench(args = PLACES, sample_count = 20)]
fn part(bencher: Bencher<'_, '_>, places: usize) {
    let agent = Agent::new(places);
    bencher.bench_local(|| agent.part("limit=100", Encoding::Gzip));
}
