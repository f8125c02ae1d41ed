//! What the agent may cost, in counts: bytes held, bytes at the peak, allocations, files opened,
//! pieces rendered. Never in time, which no two machines have in common. Each limit stands a fifth
//! or so above what was measured: who goes past it has found a regression, or has a reason to move
//! it.
//!
//! The counters are those of the whole process, so the guards run one after the other and without
//! the harness, whose threads would be counted too. `cargo test --test economy WORD` runs those
//! whose names contain the word.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test"
)]

#[path = "economy/agent.rs"]
mod agent;
#[path = "economy/certificates.rs"]
mod certificates;
#[path = "economy/ear.rs"]
mod ear;
#[path = "economy/facts.rs"]
mod facts;
#[path = "economy/files.rs"]
mod files;
#[path = "../src/decode/forge.rs"]
mod forge;
#[path = "economy/hostile.rs"]
mod hostile;
#[path = "economy/meter.rs"]
mod meter;
#[path = "economy/scrapes.rs"]
mod scrapes;
#[path = "economy/secrets.rs"]
mod secrets;
#[path = "economy/server.rs"]
mod server;

use std::process::ExitCode;

use meter::Book;

type Guard = fn(&mut Book);

/// What is guarded, and by what.
const GUARDS: [(&str, Guard); 13] = [
    ("decoding", facts::decoding),
    ("holding", facts::holding),
    ("forgetting", facts::forgetting),
    ("rendering", scrapes::rendering),
    ("changing", scrapes::changing),
    ("scraping", scrapes::unchanged),
    ("telling everything", scrapes::telling_everything),
    ("looking", scrapes::looking),
    ("listing Secrets", secrets::listing),
    ("following Secrets", secrets::following),
    ("scanning files", files::scanning),
    ("decoding what is hostile", hostile::decoding),
    ("telling what is hostile", hostile::telling),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let mut book = Book::default();
    for (name, guard) in GUARDS {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            println!("{name}");
            guard(&mut book);
        }
    }
    book.close()
}
