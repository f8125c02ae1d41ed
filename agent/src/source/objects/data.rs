//! The `data` of Secrets and ConfigMaps: wanted keys become parts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex_lite::Regex;
use serde_json::value::RawValue;

use zeroize::Zeroizing;

use super::object::{LONGEST_NAME, map, text};
use super::{Held, Part, Unread, kubeconfig};
use super::{Keystores, vault::Locked};
use crate::decode::{self, Decoded, Keystore, Passphrase};
use crate::model::{Bundle, Problem, Reason};
use crate::source::sibling;

/// Which keys of an object's data to read.
#[derive(Clone, Debug)]
pub enum Key {
    /// The key of this name.
    Literal(Arc<str>),
    /// All keys that the pattern finds.
    Pattern(Regex),
}

/// Some keys, and what is expected there.
#[derive(Clone, Debug)]
pub struct Field {
    /// Which keys.
    pub key: Key,
    /// What they hold.
    pub format: Format,
    /// What opens keystores there.
    pub keystores: Rc<Keystores>,
}

/// What a value holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Certificates, in a container that the content tells; a kubeconfig too.
    #[default]
    Certificates,
    /// A kubeconfig.
    Kubeconfig,
    /// Argo CD's description of how to reach a cluster.
    Argocd,
}

/// How the values of a field are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `data` of a Secret, `binaryData` of a ConfigMap.
    Base64,
    /// `data` of a ConfigMap.
    Text,
}

/// The data of one object.
pub(crate) struct Data<'a> {
    /// The members of the fields, unread.
    members: Vec<(Encoding, BTreeMap<Cow<'a, str>, &'a RawValue>)>,
    /// Whether a private key is compared with the certificate beside it.
    pub(crate) compare_keys: bool,
}

/// More keys of one object are not read: a pattern may match what nobody meant.
const MOST_KEYS: usize = 256;

/// More PKCS#12 keystores of one object are not opened: each may take two seconds, and all other
/// objects of the watch wait for them.
const MOST_KEYSTORES: usize = 16;

// === impl Data ===

impl<'a> Data<'a> {
    pub(crate) fn of(
        fields: impl IntoIterator<Item = (Encoding, Option<&'a RawValue>)>,
    ) -> Result<Self, Unread> {
        let members = fields
            .into_iter()
            .map(|(encoding, field)| Ok((encoding, map(field)?)));
        Ok(Self {
            members: members.collect::<Result<_, _>>()?,
            compare_keys: false,
        })
    }

    /// The wanted keys as parts.
    pub(crate) fn parts(&self, fields: &[Field]) -> Result<Vec<Part>, Unread> {
        let mut parts = Vec::new();
        let mut read = 0;
        for (encoding, members) in &self.members {
            for (name, value) in members {
                let Some((key, field)) = wanted(fields, name) else {
                    continue;
                };
                if key.len() > LONGEST_NAME {
                    return Err(Unread::Malformed);
                }
                if read == MOST_KEYS {
                    let detail = format!(
                        "there are more than {MOST_KEYS} such keys: this and the rest are not read"
                    );
                    let problem = Problem::new(Reason::TooMany, detail);
                    parts.push(Part::new(key, Bundle::bad(problem)));
                    return Ok(parts);
                }
                let before = parts.len();
                self.part(&key, field, (*encoding, &text(value)?), &mut parts);
                read += usize::from(parts.len() > before);
            }
        }
        Ok(parts)
    }

    /// What a value holds; nothing where it is a private key or the like that a pattern happened
    /// to match.
    fn part(
        &self,
        key: &Arc<str>,
        field: &Field,
        (encoding, written): (Encoding, &str),
        parts: &mut Vec<Part>,
    ) {
        let slow = parts.iter().filter(|part| part.takes_long()).count();
        let mut bad = |reason, detail: &'static str| {
            let bundle = Bundle::bad(Problem::new(reason, detail));
            parts.push(Part::new(key.clone(), bundle));
        };
        // cert-manager makes its Secrets with an empty tls.crt and fills it later.
        if written.is_empty() {
            return bad(Reason::NoCertificateFound, "the key is empty");
        }
        let Some(bytes) = bytes(encoding, written) else {
            return bad(Reason::BadBase64, "the value is not base64");
        };
        match field.format {
            Format::Kubeconfig => {
                let found = kubeconfig::parts(key, &bytes);
                if found.is_empty() && matches!(field.key, Key::Literal(_)) {
                    let detail = "the kubeconfig holds no certificate";
                    return bad(Reason::NoCertificateFound, detail);
                }
                return parts.extend(found);
            }
            Format::Argocd => return parts.extend(kubeconfig::argocd_parts(key, &bytes)),
            Format::Certificates => {}
        }
        if let Some(kind) = decode::keystore(&bytes) {
            if kind == Keystore::Pkcs12 && slow == MOST_KEYSTORES {
                return bad(
                    Reason::TooMany,
                    "there are more than 16 PKCS#12 keystores in the object: this one is not opened",
                );
            }
            let beside = field.keystores.of(kind).key.as_deref();
            let locked = Locked {
                bytes,
                kind,
                beside: beside.and_then(|key| self.passphrase(key)),
                keystores: field.keystores.clone(),
            };
            return parts.push(Part {
                key: key.clone(),
                entry: None,
                held: Held::Keystore(locked),
            });
        }
        let mut decoded = decode::certificates(&bytes);
        if decoded.is_barren() && kubeconfig::looks_like_one(&bytes) {
            return parts.extend(kubeconfig::parts(key, &bytes));
        }
        if self.compare_keys {
            self.compare(key, &bytes, &mut decoded);
        }
        if decoded.is_barren() && decoded.problems.is_empty() {
            if matches!(field.key, Key::Literal(_)) {
                bad(
                    Reason::NoCertificateFound,
                    "the key holds PEM blocks, and none is a certificate",
                );
            }
            return;
        }
        parts.push(Part::new(key.clone(), decoded));
    }

    /// Compares a certificate with the key in the same value, else with that of the sibling.
    fn compare(&self, name: &str, bytes: &[u8], decoded: &mut Decoded) {
        if decode::key::check_key(decoded, bytes, bytes) {
            return;
        }
        for sibling in sibling::key_names(name) {
            let found = self.value(&sibling);
            if found.is_some_and(|key| decode::key::check_key(decoded, bytes, &key)) {
                return;
            }
        }
    }

    fn passphrase(&self, key: &str) -> Option<Passphrase> {
        let mut bytes = self.value(key)?;
        Some(Passphrase::from_content(std::mem::take(&mut *bytes)))
    }

    fn value(&self, key: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.members.iter().find_map(|(encoding, members)| {
            let written = text(members.get(key)?).ok()?;
            bytes(*encoding, &written)
        })
    }
}

/// A value may hold a private key: it is wiped.
fn bytes(encoding: Encoding, written: &str) -> Option<Zeroizing<Vec<u8>>> {
    match encoding {
        Encoding::Text => Some(Zeroizing::new(written.as_bytes().to_vec())),
        Encoding::Base64 => STANDARD.decode(written).ok().map(Zeroizing::new),
    }
}

/// The key, if it is wanted; a named one is shared by all objects.
fn wanted<'a>(fields: &'a [Field], name: &str) -> Option<(Arc<str>, &'a Field)> {
    fields.iter().find_map(|field| match &field.key {
        Key::Literal(literal) => (**literal == *name).then(|| (literal.clone(), field)),
        Key::Pattern(pattern) => pattern.is_match(name).then(|| (name.into(), field)),
    })
}
