//! What `/probe` is asked about: one of the targets that are configured, and nothing else.

use std::io;

use axum::http::StatusCode;
use percent_encoding::percent_decode_str;

use super::browse::packed;
use super::scrape::{Chunks, Encoding, Scrape};
use crate::expose::probe::{self, MOST_OF_ADDRESS, MOST_OF_MODULE, Target};

/// Octets that the parameters may have together.
const MOST: usize = 8192;

/// The module that is meant where none is named, as `ssl_exporter`'s own configuration has it.
const DEFAULT_MODULE: &str = "tcp";

/// Why there is no answer. It never repeats what was asked.
pub type Refusal = (StatusCode, &'static str);

const NO_TARGET: Refusal = (StatusCode::BAD_REQUEST, "the parameter target is missing\n");
const TOO_LONG: Refusal = (StatusCode::BAD_REQUEST, "the parameters are too long\n");
const NO_UTF8: Refusal = (StatusCode::BAD_REQUEST, "a parameter is no UTF-8\n");
const TWICE: Refusal = (
    StatusCode::BAD_REQUEST,
    "the parameters module and target may stand there once\n",
);
const UNKNOWN: Refusal = (
    StatusCode::NOT_FOUND,
    "no target of this module is configured by this address; no other is looked at\n",
);
/// That is no failure of the target, and must not be told as one.
const TOO_EARLY: Refusal = (
    StatusCode::SERVICE_UNAVAILABLE,
    "the target was not looked at yet\n",
);

impl Scrape {
    /// What is known of a target.
    pub fn probe(
        &self,
        target: &Target,
        encoding: Encoding,
    ) -> Result<io::Result<Chunks>, Refusal> {
        let snapshot = self.inventory.snapshot();
        let held = probe::held(target, &snapshot).ok_or(TOO_EARLY)?;
        let write = |packer: &mut _| probe::write(target, &held.bundle, packer);
        Ok(packed(encoding, write))
    }
}

/// Chooses the target that the part of an address behind its `?` asks about.
pub fn choose<'a>(targets: &'a [Target], parameters: &str) -> Result<&'a Target, Refusal> {
    let (module, target) = asked(parameters)?;
    let mut targets = targets.iter();
    targets.find(|one| one.is(&module, &target)).ok_or(UNKNOWN)
}

/// Module and target. Other parameters are passed over, as `ssl_exporter` does.
pub fn asked(parameters: &str) -> Result<(String, String), Refusal> {
    if parameters.len() > MOST {
        return Err(TOO_LONG);
    }
    let (mut module, mut target) = (None, None);
    for pair in parameters.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (place, most) = match &*decoded(name)? {
            "module" => (&mut module, MOST_OF_MODULE),
            "target" => (&mut target, MOST_OF_ADDRESS),
            _ => continue,
        };
        let value = decoded(value)?;
        if value.len() > most {
            return Err(TOO_LONG);
        }
        if place.replace(value).is_some() {
            return Err(TWICE);
        }
    }
    let is_said = |text: &String| !text.is_empty();
    let target = target.filter(is_said).ok_or(NO_TARGET)?;
    let module = module.filter(is_said);
    Ok((module.unwrap_or_else(|| DEFAULT_MODULE.to_owned()), target))
}

/// Decoded once, as forms are.
fn decoded(text: &str) -> Result<String, Refusal> {
    let text = text.replace('+', " ");
    let text = percent_decode_str(&text).decode_utf8();
    text.map(Into::into).map_err(|_| NO_UTF8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_once_and_others_passed_over() {
        for (parameters, module, target) in [
            ("target=a:1", "tcp", "a:1"),
            ("target=a:1&module=", "tcp", "a:1"),
            ("module=https&target=a:1&debug=true&x", "https", "a:1"),
            ("&&t%61rget=%5b::1%5D:1&", "tcp", "[::1]:1"),
            (
                "target=http://a/b?c=d&module=http_file",
                "http_file",
                "http://a/b?c=d",
            ),
            ("target=a%2541", "tcp", "a%41"),
            ("target=a%00+%0A%zz%e2%82%ac", "tcp", "a\0 \n%zz€"),
        ] {
            let read = asked(parameters);
            assert_eq!(
                read,
                Ok((module.to_owned(), target.to_owned())),
                "{parameters}"
            );
        }
    }

    #[test]
    fn what_is_missing_said_twice_too_long_or_no_text_is_refused() {
        let long = |name: &str, length: usize| format!("target=a&x=&{name}={}", "a".repeat(length));
        for (parameters, expected) in [
            ("", NO_TARGET),
            ("target", NO_TARGET),
            ("target=&module=tcp", NO_TARGET),
            ("TARGET=a:1", NO_TARGET),
            ("target=a:1&target=a:1", TWICE),
            ("target=&target=a:1", TWICE),
            ("target=a:1&%74arget=b:1", TWICE),
            ("module=a&target=a:1&module=a", TWICE),
            ("target=%ff", NO_UTF8),
            ("target=%c0%af", NO_UTF8),
            ("target=a:1&module=%ff", NO_UTF8),
            ("target=a:1&%ff", NO_UTF8),
            (&*long("module", MOST_OF_MODULE + 1), TOO_LONG),
            (&*long("x", MOST), TOO_LONG),
            (
                &*format!("target={}", "a".repeat(MOST_OF_ADDRESS + 1)),
                TOO_LONG,
            ),
        ] {
            assert_eq!(asked(parameters), Err(expected), "{parameters}");
        }
        assert!(asked(&long("module", MOST_OF_MODULE)).is_ok());
    }
}
