//! The watch of the Secrets that hold passphrases of keystores.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::object::{Raw, map, text};
use super::vault::Vault;
use super::watch::ObjectWatch;
use crate::decode::Passphrase;
use crate::source::kube::{Item, Reference, Target, Watched, field};

/// Watches the Secrets of one name, in one namespace or in all.
pub(super) struct PassphraseWatch<'a> {
    namespace: Option<String>,
    name: String,
    /// The keys that hold passphrases.
    keys: BTreeSet<String>,
    vault: &'a Vault,
    /// All watches of the source: those whose keystores need it read them again.
    watches: &'a [ObjectWatch<'a>],
    listed: RefCell<HashSet<(String, String)>>,
    complete: Cell<bool>,
}

/// The passphrases of one Secret.
pub(super) struct Found {
    reference: Reference,
    values: Vec<(String, Passphrase)>,
}

impl Item for Found {
    fn reference(&self) -> &Reference {
        &self.reference
    }
}

impl<'a> PassphraseWatch<'a> {
    pub(super) fn new(
        namespace: Option<String>,
        name: &str,
        keys: BTreeSet<String>,
        vault: &'a Vault,
        watches: &'a [ObjectWatch<'a>],
    ) -> Self {
        vault.expect();
        Self {
            namespace,
            name: name.to_owned(),
            keys,
            vault,
            watches,
            listed: RefCell::default(),
            complete: Cell::new(false),
        }
    }

    pub(super) fn target(&self) -> Target {
        Target {
            prefix: "/api/v1",
            resource: "secrets",
            namespace: self.namespace.clone(),
            fields: field("metadata.name", &self.name),
            labels: String::new(),
        }
    }

    /// A passphrase in this namespace is another one now.
    fn changed(&self, namespace: &str) {
        for watch in self.watches {
            for secret in watch.wanted.secrets() {
                if secret.name != self.name {
                    continue;
                }
                // Keystores of all namespaces may look into the one that is named.
                watch.read_again(match secret.namespace {
                    Some(_) => None,
                    None => Some(namespace),
                });
            }
        }
    }

    fn learn(&self, namespace: &str, key: &str, passphrase: Option<Passphrase>) -> bool {
        self.vault.learn(namespace, &self.name, key, passphrase)
    }

    /// Whether the Secret is one that was asked for: a server may not know field selectors.
    fn selects(&self, reference: &Reference) -> bool {
        reference.name == self.name
            && self
                .namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == reference.namespace)
    }
}

impl Watched for PassphraseWatch<'_> {
    type Item = Found;

    fn decode<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<Found, D::Error> {
        let object = Raw::deserialize(deserializer)?;
        let malformed = |_| D::Error::custom("the Secret is malformed");
        let reference = object.metadata.reference().map_err(malformed)?;
        let mut values = Vec::new();
        if self.selects(&reference) {
            for (key, value) in map(object.data).map_err(malformed)? {
                if !self.keys.contains(&*key) {
                    continue;
                }
                let written = text(value).map_err(malformed)?;
                if let Ok(bytes) = STANDARD.decode(written.as_bytes()) {
                    values.push((key.into_owned(), Passphrase::from_content(bytes)));
                }
            }
        }
        Ok(Found { reference, values })
    }

    async fn apply(&self, Found { reference, values }: Found) {
        if !self.selects(&reference) {
            return;
        }
        let namespace = reference.namespace;
        let mut news = false;
        for key in &self.keys {
            let value = values.iter().find(|(name, _)| name == key);
            news |= self.learn(&namespace, key, value.map(|(_, value)| value.clone()));
            self.listed
                .borrow_mut()
                .insert((namespace.clone(), key.clone()));
        }
        if news {
            self.changed(&namespace);
        }
    }

    fn delete(&self, gone: &Reference) {
        if !self.selects(gone) {
            return;
        }
        let mut news = false;
        for key in &self.keys {
            news |= self.learn(&gone.namespace, key, None);
        }
        if news {
            self.changed(&gone.namespace);
        }
    }

    fn relisting(&self) {
        self.listed.borrow_mut().clear();
    }

    fn relisted(&self) {
        let listed = std::mem::take(&mut *self.listed.borrow_mut());
        for (namespace, key) in self.vault.names(self.namespace.as_deref(), &self.name) {
            let place = (namespace, key);
            // Others may look for other keys of the same Secret.
            if !self.keys.contains(&place.1) {
                continue;
            }
            if !listed.contains(&place) && self.learn(&place.0, &place.1, None) {
                self.changed(&place.0);
            }
        }
        if !self.complete.replace(true) {
            self.vault.complete();
        }
    }
}
