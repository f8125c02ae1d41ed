//! What readers cost.

use x509_certificate_exporter::server::scrape::Encoding;

use crate::agent::Agent;
use crate::meter::{Book, Cost, FEW, MANY, cost, each};

/// Both ways in which an answer travels.
const ENCODINGS: [(&str, Encoding); 2] =
    [("gzip", Encoding::Gzip), ("identity", Encoding::Identity)];

pub(crate) fn unchanged(book: &mut Book) {
    let [few, many] = [FEW, MANY].map(|places| {
        let agent = Agent::new(places);
        ENCODINGS.map(|(_, encoding)| {
            // The first pays for all, and whatever is made once is made.
            agent.answer(encoding);
            agent.answer(encoding);
            cost(|| agent.answer(encoding))
        })
    });
    for (index, (name, _)) in ENCODINGS.into_iter().enumerate() {
        let ((few_size, few), (size, many)) = (few[index], many[index]);
        let what = format!("{name}: bytes at the peak of a scrape without a change");
        book.at_most(480_000, what, many.peak);
        let what = format!("{name}: growth of that with four times the places");
        book.at_most(8 * 1024, what, many.peak.saturating_sub(few.peak));
        let what = format!("{name}: allocations of it, for the agent's own families");
        book.at_most(680, what, few.allocations);
        // Plain text is unpacked for each reader, a piece at a time.
        let pieces = [0, (size - few_size).div_ceil(30 * 1024)][index];
        let what = format!("{name}: more of them with four times the places, but for pieces");
        let more = many.allocations.saturating_sub(few.allocations);
        book.at_most(16, what, more.saturating_sub(pieces));
        book.at_most(0, format!("{name}: bytes left by it"), many.held);
    }
}

pub(crate) fn rendering(book: &mut Book) {
    let [few, many] = [FEW, MANY].map(|places| {
        let mut agent = Agent::new(places);
        // Whatever is made once in the agent's life is made.
        agent.answer(Encoding::Gzip);
        agent.forget();
        cost(|| agent.answer(Encoding::Gzip)).1
    });
    let beyond = |cost: &Cost| cost.peak - cost.held;
    let what = "bytes at the peak beyond the result";
    book.at_most(690_000, what, beyond(&many));
    // Labels stand in memory for one segment at a time, and the segments of few places are small.
    let what = "growth of that with each place";
    book.at_most(140, what, each(&few, &many, beyond));
    let allocations = each(&few, &many, |cost| cost.allocations);
    let what = "allocations for each place of leaf and CA";
    book.at_most(20, what, allocations);
}

pub(crate) fn changing(book: &mut Book) {
    let [few, many] = [FEW, MANY].map(|places| {
        let mut agent = Agent::new(places);
        agent.answer(Encoding::Gzip);
        agent.answer(Encoding::Gzip);
        let unchanged = agent.rendered();
        let change = agent.renewal();
        agent.apply(change);
        let (_, cost) = cost(|| agent.answer(Encoding::Gzip));
        (cost, agent.rendered(), unchanged)
    });
    let what = "pieces rendered where nothing changed";
    book.at_most(0, what, many.2);
    // The three families that every certificate is in, of the one segment that it touches.
    let what = "pieces rendered after one change";
    book.at_most(3, what, many.1);
    let what = "allocations of the scrape after it, for each place that has not changed";
    book.at_most(1, what, each(&few.0, &many.0, |cost| cost.allocations));
    let what = "bytes at its peak";
    book.at_most(590_000, what, many.0.peak);

    let mut agent = Agent::new(FEW);
    let mut cycles = |count: usize| {
        for _ in 0..count {
            let change = agent.renewal();
            agent.apply(change);
            agent.answer(Encoding::Gzip);
        }
    };
    cycles(10);
    let ((), thousand) = cost(|| cycles(1000));
    let what = "bytes left by 1,000 changes, each with a scrape";
    book.at_most(4_000, what, thousand.held);
}

pub(crate) fn telling_everything(book: &mut Book) {
    let [few, many] = [FEW, MANY].map(|places| {
        let agent = Agent::new(places);
        ENCODINGS.map(|(_, encoding)| cost(|| agent.everything(encoding)))
    });
    for (index, (name, _)) in ENCODINGS.into_iter().enumerate() {
        let what = format!("{name}: bytes at the peak beyond the packed document");
        let packed = many[0].0;
        book.at_most(550_000, what, many[index].1.peak.saturating_sub(packed));
        let what = format!("{name}: bytes at the peak for each place");
        book.at_most(
            165,
            what,
            each(&few[index].1, &many[index].1, |cost| cost.peak),
        );
    }
}

/// Asks an agent, and returns how many bytes it said.
type Ask = fn(&Agent) -> usize;

/// A page and a part of the API's list: neither costs more memory where there is more.
pub(crate) fn looking(book: &mut Book) {
    let asks: [(&str, Ask); 3] = [
        ("page", |agent| agent.page("", Encoding::Gzip)),
        ("page of a search", |agent| {
            agent.page("q=a&sort=place", Encoding::Gzip)
        }),
        ("part of 100", |agent| {
            agent.part("limit=100&sort=subject", Encoding::Gzip)
        }),
    ];
    for (name, ask) in asks {
        let [few, many] = [FEW, MANY].map(|places| {
            let agent = Agent::new(places);
            ask(&agent);
            cost(|| ask(&agent)).1
        });
        book.at_most(490_000, format!("{name}: bytes at the peak"), many.peak);
        let what = format!("{name}: growth of that with each place");
        book.at_most(2, what, each(&few, &many, |cost| cost.peak));
        let what = format!("{name}: allocations for each place");
        book.at_most(5, what, each(&few, &many, |cost| cost.allocations));
        book.at_most(0, format!("{name}: bytes left by it"), many.held);
    }
}
