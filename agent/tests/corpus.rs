//! What the fuzzer found worth keeping (`ci/fuzz`), once more: fed to the targets it was found with,
//! and to the running agent, whose neighbours all still count.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails"
)]

#[path = "corpus/agent.rs"]
mod agent;
#[path = "corpus/cluster.rs"]
mod cluster;
#[path = "corpus/live.rs"]
mod live;
#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The inputs of one target: lines of base64, and comments.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let text = fs::read_to_string(directory.join(target)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| STANDARD.decode(line).unwrap()).collect()
}

#[test]
fn every_target_keeps_its_promises_on_all_of_its_corpus() {
    let mut broken = Vec::new();
    for (name, target) in targets::ALL {
        let inputs = corpus(name);
        assert!(inputs.len() > 9, "{name} has a corpus");
        for (at, input) in inputs.iter().enumerate() {
            if catch_unwind(|| target(input)).is_err() {
                broken.push(format!("{name}, input {}", at + 1));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_corpus_is_small_and_none_of_it_is_of_a_target_that_is_gone() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut size = 0;
    for file in fs::read_dir(directory).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        assert!(
            targets::ALL.iter().any(|(known, _)| *known == name),
            "{name}"
        );
        size += file.metadata().unwrap().len();
    }
    assert!(size < 1 << 20, "{size} bytes");
}
