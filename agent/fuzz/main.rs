//! One program for all targets; which one it is to be, the environment says.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

mod targets;

use targets::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("X509_FUZZ_TARGET").unwrap_or_default();
        let found = targets::ALL.iter().find(|(known, _)| *known == name);
        let Some((_, target)) = found else {
            let known: Vec<_> = targets::ALL.iter().map(|(name, _)| *name).collect();
            eprintln!("X509_FUZZ_TARGET is one of {}", known.join(", "));
            std::process::exit(2);
        };
        TARGET.get_or_init(|| *target);
    },
    |data: &[u8]| {
        if let Some(target) = TARGET.get() {
            target(data);
        }
    }
);
