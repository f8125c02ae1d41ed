//! The `data` of Secrets and ConfigMaps: wanted keys become parts.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex_lite::Regex;
use serde_json::value::RawValue;

use super::object::{map, text};
use super::{Part, Unread};
use crate::decode;
use crate::model::{Bundle, Problem, Reason};

/// Which keys of an object's data to read.
#[derive(Clone, Debug)]
pub enum Key {
    /// The key of this name.
    Literal(Arc<str>),
    /// All keys that the pattern finds.
    Pattern(Regex),
}

/// How the values of a field are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `data` of a Secret, `binaryData` of a ConfigMap.
    Base64,
    /// `data` of a ConfigMap.
    Text,
}

/// More keys of one object are not read: a pattern may match what nobody meant.
const MOST_KEYS: usize = 256;

/// Reads the wanted keys of one field into parts.
pub(crate) fn parts(
    field: Option<&RawValue>,
    encoding: Encoding,
    keys: &[Key],
    parts: &mut Vec<Part>,
) -> Result<(), Unread> {
    for (name, value) in map(field)? {
        let Some((key, named)) = wanted(keys, &name) else {
            continue;
        };
        if parts.len() == MOST_KEYS {
            too_many(parts);
            break;
        }
        let bundle = bundle(&text(value)?, encoding, named);
        parts.extend(bundle.map(|bundle| Part::new(key, bundle)));
    }
    Ok(())
}

/// The key, if it is wanted, and whether it was named; a named one is shared by all objects.
fn wanted(keys: &[Key], name: &str) -> Option<(Arc<str>, bool)> {
    keys.iter().find_map(|key| match key {
        Key::Literal(literal) => (**literal == *name).then(|| (literal.clone(), true)),
        Key::Pattern(pattern) => pattern.is_match(name).then(|| (name.into(), false)),
    })
}

fn too_many(parts: &mut [Part]) {
    if let Some(last) = parts.last_mut() {
        let detail = format!("there are more than {MOST_KEYS} such keys; the rest is not read");
        let problem = Problem::new(Reason::TooMany, detail);
        last.bundle.problems.push(problem);
    }
}

/// What a value holds; `None` where it is a private key or the like that a pattern happened to
/// match.
fn bundle(written: &str, encoding: Encoding, named: bool) -> Option<Bundle> {
    // cert-manager makes its Secrets with an empty tls.crt and fills it later.
    if written.is_empty() {
        return Some(bad(Reason::NoCertificateFound, "the key is empty"));
    }
    let decoded = match encoding {
        Encoding::Text => decode::certificates(written.as_bytes()),
        Encoding::Base64 => match STANDARD.decode(written) {
            Ok(bytes) => decode::certificates(&bytes),
            Err(_) => return Some(bad(Reason::BadBase64, "the value is not base64")),
        },
    };
    let barren = decoded.certificates.is_empty() && decoded.problems.is_empty();
    match (barren, named) {
        (false, _) => Some(decoded.into()),
        (true, true) => Some(bad(
            Reason::NoCertificateFound,
            "the key holds PEM blocks, and none is a certificate",
        )),
        (true, false) => None,
    }
}

fn bad(reason: Reason, detail: &'static str) -> Bundle {
    Bundle::bad(Problem::new(reason, detail))
}
