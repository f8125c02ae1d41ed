//! What opens the keystores among the host's files: passphrases from the configuration, and from
//! files of our own, which are read anew at each scan because they are rotated.

use std::path::{Path, PathBuf};

use super::crew::{Crew, Errand};
use crate::decode::{self, Decoded, Keystore, Passphrase};
use crate::model::Problem;
use crate::source::Failure;
use crate::source::keystores::{Keystores, Passphrases, passphrase};

/// The passphrases that are known now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keyring {
    pkcs12: Known,
    jks: Known,
}

/// The passphrases of one kind of keystores, in the order in which they are tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    file: Option<Passphrase>,
    others: Vec<Passphrase>,
}

// === impl Keystores ===

impl Keystores {
    /// The passphrases as of now. Of a file that cannot be read, the last one that was in it stays,
    /// and why is told.
    pub(crate) fn read(&self, before: &Keyring, crew: &mut Crew) -> (Keyring, Option<Failure>) {
        let (pkcs12, one) = self.pkcs12.read(&before.pkcs12, crew);
        let (jks, other) = self.jks.read(&before.jks, crew);
        (Keyring { pkcs12, jks }, one.or(other))
    }
}

// === impl Passphrases ===

impl Passphrases {
    fn read(&self, before: &Known, crew: &mut Crew) -> (Known, Option<Failure>) {
        let empty = self.try_empty.then(|| Passphrase::from(""));
        let others = self.literal.clone().into_iter().chain(empty).collect();
        let Some(path) = self.file.clone() else {
            return (Known { file: None, others }, None);
        };
        let result = crew.run(vec![Reading(path.clone())]).pop();
        let (file, failure) = match result.map(Result::flatten) {
            Some(Ok(passphrase)) => (Some(passphrase), None),
            Some(Err(Problem { reason, detail, .. })) => {
                let detail = format!("passphraseFile {}: {detail}", path.display());
                let failure = Failure {
                    reason,
                    resource: None,
                    detail,
                };
                (before.file.clone(), Some(failure))
            }
            None => (before.file.clone(), None),
        };
        (Known { file, others }, failure)
    }
}

/// Reads a file with a passphrase.
struct Reading(PathBuf);

impl Errand for Reading {
    type Raw = Result<Passphrase, Problem>;
    type Done = Result<Passphrase, Problem>;

    fn path(&self) -> &Path {
        &self.0
    }

    fn directory(&self) -> &Path {
        self.0.parent().unwrap_or(&self.0)
    }

    fn fetch(&self) -> Self::Raw {
        passphrase(&self.0)
    }

    fn digest(&self, raw: Self::Raw) -> Self::Done {
        raw
    }
}

// === impl Keyring ===

impl Keyring {
    /// Decodes a file, whatever it is.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Decoded {
        let Some(kind) = decode::keystore(bytes) else {
            return decode::certificates(bytes);
        };
        let known = match kind {
            Keystore::Pkcs12 => &self.pkcs12,
            Keystore::Jks => &self.jks,
        };
        let all: Vec<_> = known.file.iter().chain(&known.others).cloned().collect();
        decode::with_passphrases(bytes, &all)
    }
}
