//! What opens keystores, wherever they stand: where passphrases come from, and how one is read.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::host::{failed, not_regular};
use crate::decode::{Keystore, Passphrase};
use crate::model::{Problem, Reason};

/// Where the passphrases of the keystores of one place come from.
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
    /// From this key of the same object.
    pub key: Option<String>,
    /// From this file: a path here, not below the host root.
    pub file: Option<PathBuf>,
    /// From another Secret.
    pub secret: Option<SecretKey>,
    /// Whether the empty one is tried.
    pub try_empty: bool,
}

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretKey {
    /// Its namespace; `None`: that of the keystore.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The key.
    pub key: String,
}

/// Bytes of the largest file that is a passphrase.
const MAX_FILE: u64 = 64 << 10;

/// The passphrase in a file. It is mounted for us, and small.
pub(super) fn passphrase(file: &Path) -> Result<Passphrase, Problem> {
    let failed = |error: std::io::Error| failed(error.raw_os_error());
    let metadata = std::fs::metadata(file).map_err(failed)?;
    if !metadata.is_file() {
        let what = not_regular(FileType::from_raw_mode(metadata.mode()));
        return Err(Problem::new(Reason::NotRegularFile, what));
    }
    if metadata.len() > MAX_FILE {
        let detail = "larger than any passphrase";
        return Err(Problem::new(Reason::TooLarge, detail));
    }
    std::fs::read(file)
        .map_err(failed)
        .map(Passphrase::from_content)
}

// === impl Keystores ===

impl Keystores {
    pub(super) fn of(&self, kind: Keystore) -> &Passphrases {
        match kind {
            Keystore::Pkcs12 => &self.pkcs12,
            Keystore::Jks => &self.jks,
        }
    }

    /// The Secrets that hold passphrases.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &SecretKey> {
        let both = [&self.pkcs12, &self.jks];
        both.into_iter().filter_map(|from| from.secret.as_ref())
    }

    /// The files that hold passphrases.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let both = [&self.pkcs12, &self.jks];
        both.into_iter().filter_map(|from| from.file.as_deref())
    }
}
