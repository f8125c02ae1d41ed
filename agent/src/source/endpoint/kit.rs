//! What looks need from files of our own: trust anchors, client certificates. Read anew for each
//! round, once for all targets that name them, so that what was renewed is used.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::target::Target;
use super::verify::{self, Anchors};
use super::witness::Identity;
use crate::model::{Problem, Reason};
use crate::source::host::failed;

/// Who is trusted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Nobody is asked to verify.
    Unasked,
    /// Whom the system trusts.
    Usual,
    /// Who is in this file: a path here, not below the host root.
    File(PathBuf),
}

/// Certificate and key: paths here, not below the host root.
pub type IdentityFiles = (PathBuf, PathBuf);

/// The files' contents.
#[derive(Debug)]
pub(super) struct Kit {
    anchors: HashMap<Trust, Arc<Anchors>>,
    identities: HashMap<IdentityFiles, Arc<Identity>>,
    faults: HashMap<PathBuf, Problem>,
    /// For remote files, each of which may be large.
    pub(super) bodies: Semaphore,
}

/// Remote files that are read at a time.
const BODIES: usize = 2;

/// Octets of the largest file: several times the trust bundle of any system.
const MAX_FILE: u64 = 4 << 20;

/// What a small file of our own holds.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let unread = |error: std::io::Error| failed(error.raw_os_error());
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(unread)?;
    if !file.metadata().map_err(unread)?.is_file() {
        let detail = "it is no regular file";
        return Err(Problem::new(Reason::NotRegularFile, detail));
    }
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(unread)?;
    if bytes.len() as u64 > MAX_FILE {
        let detail = "larger than any such file";
        return Err(Problem::new(Reason::TooLarge, detail));
    }
    Ok(bytes)
}

// === impl Kit ===

impl Kit {
    /// For looks that need nothing.
    pub(super) fn empty() -> Self {
        Self {
            anchors: HashMap::new(),
            identities: HashMap::new(),
            faults: HashMap::new(),
            bodies: Semaphore::new(BODIES),
        }
    }

    /// Reads what these targets name.
    pub(super) fn of(targets: &[Target]) -> Self {
        let mut kit = Self::empty();
        for target in targets {
            if target.trust != Trust::Unasked && !kit.anchors.contains_key(&target.trust) {
                let anchors = match &target.trust {
                    Trust::File(path) => kit.take(path, verify::of_file(path)),
                    _ => Some(verify::usual()),
                };
                kit.anchors
                    .extend(anchors.map(|anchors| (target.trust.clone(), Arc::new(anchors))));
            }
            if let Some(files) = &target.identity
                && !kit.identities.contains_key(files)
            {
                let (chain, key) = files;
                let chain = kit.take(chain, certificates(chain));
                let key = kit.take(key, private_key(key));
                let identity = chain.zip(key).map(Arc::new);
                kit.identities
                    .extend(identity.map(|identity| (files.clone(), identity)));
            }
        }
        kit
    }

    /// Who is trusted, if that could be read.
    pub(super) fn anchors(&self, trust: &Trust) -> Option<&Anchors> {
        self.anchors.get(trust).map(|anchors| &**anchors)
    }

    /// The client certificate, if it could be read.
    pub(super) fn identity(&self, files: Option<&IdentityFiles>) -> Option<&Identity> {
        self.identities.get(files?).map(|identity| &**identity)
    }

    /// What is wrong with the files that a target names.
    pub(super) fn faults(&self, target: &Target) -> Vec<Problem> {
        let trusted = match &target.trust {
            Trust::File(path) => Some(("caFile", path)),
            _ => None,
        };
        let identity = target.identity.iter();
        let identity = identity.flat_map(|(chain, key)| [("certFile", chain), ("keyFile", key)]);
        let faulty = trusted
            .into_iter()
            .chain(identity)
            .filter_map(|(key, path)| {
                let problem = self.faults.get(path)?;
                let detail = format!("{key} {}: {}", path.display(), problem.detail);
                Some(Problem::new(problem.reason, detail))
            });
        faulty.collect()
    }

    fn take<T>(&mut self, path: &Path, value: Result<T, Problem>) -> Option<T> {
        value
            .map_err(|problem| self.faults.insert(path.to_owned(), problem))
            .ok()
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let pem = read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).flatten().collect();
    if chain.is_empty() {
        let detail = "there is no certificate in it";
        return Err(Problem::new(Reason::NoCertificateFound, detail));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Problem> {
    let pem = read(path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let detail = "there is no private key in it that can be read";
        Problem::new(Reason::BadPem, detail)
    })
}
