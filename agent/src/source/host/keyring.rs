//! What opens the keystores among the host's files: passphrases from the configuration, and from
//! files of our own, which are read anew at each scan because they are rotated.

use std::path::{Path, PathBuf};

use super::crew::{Crew, Errand};
use crate::decode::{self, Decoded, Keystore, Passphrase};
use crate::model::{Problem, Reason};
use crate::source::Failure;

/// Where the passphrases come from, for each kind of keystores.
#[derive(Clone, Debug, Default)]
pub struct Keystores {
    /// For PKCS#12.
    pub pkcs12: Passphrases,
    /// For JKS and JCEKS.
    pub jks: Passphrases,
}

/// Where passphrases come from; all of them are tried.
#[derive(Clone, Debug, Default)]
pub struct Passphrases {
    /// From the configuration.
    pub literal: Option<Passphrase>,
    /// From a file: a path here, not below the host root.
    pub file: Option<PathBuf>,
    /// Whether the empty one is tried.
    pub try_empty: bool,
}

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

/// Bytes of the largest file that is a passphrase.
const MAX_FILE: u64 = 64 << 10;

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
    type Raw = Result<Vec<u8>, Problem>;
    type Done = Result<Passphrase, Problem>;

    fn path(&self) -> &Path {
        &self.0
    }

    fn directory(&self) -> &Path {
        self.0.parent().unwrap_or(&self.0)
    }

    fn fetch(&self) -> Self::Raw {
        let failed = |error: std::io::Error| super::failed(error.raw_os_error());
        let metadata = std::fs::metadata(&self.0).map_err(failed)?;
        if !metadata.is_file() {
            return Err(Problem::new(
                Reason::NotRegularFile,
                super::not_regular(&metadata),
            ));
        }
        if metadata.len() > MAX_FILE {
            let detail = "larger than any passphrase";
            return Err(Problem::new(Reason::TooLarge, detail));
        }
        std::fs::read(&self.0).map_err(failed)
    }

    fn digest(&self, raw: Self::Raw) -> Self::Done {
        raw.map(Passphrase::from_content)
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
