//! Keystores in objects, and what opens them.
//!
//! A keystore is taken out of its object still closed and opened later: a PKCS#12 takes long, so
//! that happens on another thread, and its passphrase may stand in another Secret, which is watched
//! for as long as the source runs. A passphrase is held for as long as something needs it, wiped
//! when it is dropped, and shown nowhere.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use crate::decode::{self, Decoded, Keystore, Passphrase};
use crate::model::{Bundle, Problem, Reason};
use crate::source::keystores::{Keystores, passphrase};

/// A keystore, still closed.
#[derive(Clone)]
pub struct Locked {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) kind: Keystore,
    /// From the same object.
    pub(super) beside: Option<Passphrase>,
    pub(super) keystores: Rc<Keystores>,
}

/// The passphrases of one run of a source.
#[derive(Debug, Default)]
pub(super) struct Vault {
    /// By namespace, name and key.
    known: RefCell<BTreeMap<(String, String, String), Passphrase>>,
    /// Grows whenever a passphrase is another one.
    generation: Cell<u32>,
    /// Watches of Secrets with passphrases that have not been complete yet.
    awaited: Cell<usize>,
    completed: Notify,
}

/// How long keystores wait for the Secrets that hold their passphrases.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two looks at files with passphrases.
const LOOK: Duration = Duration::from_secs(15);

// === impl Vault ===

impl Vault {
    pub(super) fn generation(&self) -> u32 {
        self.generation.get()
    }

    /// One more watch is about to look for passphrases.
    pub(super) fn expect(&self) {
        self.awaited.set(self.awaited.get() + 1);
    }

    /// Such a watch is complete.
    pub(super) fn complete(&self) {
        self.awaited.set(self.awaited.get().saturating_sub(1));
        self.completed.notify_waiters();
    }

    /// Returns once all passphrases are known, or it has been too long: what comes later opens the
    /// keystores then.
    pub(super) async fn ready(&self) {
        let all = async {
            while self.awaited.get() > 0 {
                self.completed.notified().await;
            }
        };
        timeout(PATIENCE, all).await.ok();
    }

    /// A key of a Secret holds this now; `None`: nothing. Says whether that is news.
    pub(super) fn learn(
        &self,
        namespace: &str,
        name: &str,
        key: &str,
        passphrase: Option<Passphrase>,
    ) -> bool {
        let place = (namespace.to_owned(), name.to_owned(), key.to_owned());
        let mut known = self.known.borrow_mut();
        if known.get(&place) == passphrase.as_ref() {
            return false;
        }
        match passphrase {
            Some(passphrase) => known.insert(place, passphrase),
            None => known.remove(&place),
        };
        self.generation.set(self.generation.get() + 1);
        true
    }

    /// The keys that are known of the Secrets of this name in a namespace (`None`: in any).
    pub(super) fn names(&self, namespace: Option<&str>, name: &str) -> Vec<(String, String)> {
        let known = self.known.borrow();
        let of_name = known
            .keys()
            .filter(|(ns, known, _)| known == name && namespace.is_none_or(|wanted| wanted == ns));
        of_name
            .map(|(ns, _, key)| (ns.clone(), key.clone()))
            .collect()
    }

    /// Opens a keystore of an object in this namespace.
    pub(super) async fn open(&self, locked: Locked, namespace: &str) -> Bundle {
        let passphrases = self.passphrases(&locked, namespace);
        let Locked { bytes, kind, .. } = locked;
        let open = move || decode::with_passphrases(&bytes, &passphrases);
        let decoded = match kind {
            // Its certificates stand in clear.
            Keystore::Jks => open(),
            Keystore::Pkcs12 => tokio::task::spawn_blocking(open).await.unwrap_or_else(|_| {
                let detail = "the keystore could not be opened: a fault of the agent's own";
                Decoded {
                    problems: vec![Problem::new(Reason::Internal, detail)],
                    ..Decoded::default()
                }
            }),
        };
        decoded.into()
    }

    /// The nearest first.
    fn passphrases(&self, locked: &Locked, namespace: &str) -> Vec<Passphrase> {
        let from = locked.keystores.of(locked.kind);
        let referred = from.secret.as_ref().and_then(|at| {
            let namespace = at.namespace.as_deref().unwrap_or(namespace);
            let place = (namespace.to_owned(), at.name.clone(), at.key.clone());
            self.known.borrow().get(&place).cloned()
        });
        let empty = from.try_empty.then(|| Passphrase::from(""));
        let all = [
            locked.beside.clone(),
            referred,
            // One that cannot be read is a passphrase that is not known.
            from.file.as_deref().and_then(|file| passphrase(file).ok()),
            from.literal.clone(),
            empty,
        ];
        all.into_iter().flatten().collect()
    }

    /// Looks at these files for as long as the source runs, and calls when one has changed.
    pub(super) async fn follow(&self, files: &[&Path], changed: impl Fn()) {
        let mut before: Vec<_> = files.iter().map(|file| stamp(file)).collect();
        loop {
            sleep(LOOK).await;
            let now: Vec<_> = files.iter().map(|file| stamp(file)).collect();
            if now != before {
                before = now;
                self.generation.set(self.generation.get() + 1);
                changed();
            }
        }
    }
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl std::fmt::Debug for Locked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Locked")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
