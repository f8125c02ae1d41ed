//! How long the work on certificates takes, and what it allocates. `cargo bench` runs all of it,
//! `cargo bench -- WORD` what has the word in its name. Guards nothing: that is tests/economy.rs.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench")]

#[path = "../tests/economy/agent.rs"]
#[allow(dead_code, reason = "some of it is for the guards alone")]
mod agent;
#[path = "../tests/economy/certificates.rs"]
mod certificates;
#[path = "speed/decode.rs"]
mod decode;
#[path = "speed/expose.rs"]
mod expose;

#[global_allocator]
static MEMORY: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}
