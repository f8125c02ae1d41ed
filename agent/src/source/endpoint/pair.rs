//! The file that a server should serve: the one that is named, or the first that is where a
//! distribution keeps it. No key in it is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::decode;
use crate::model::{Certificate, Pair, Problem, Reason};
use crate::source::host::crew::Crew;
use crate::source::host::look::{Bytes, Glance};
use crate::source::host::walk::Search;
use crate::source::host::{HostRoot, Look, Options, label};

/// Which file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pairing {
    /// None.
    #[default]
    None,
    /// This one: a path on the host.
    Named(String),
    /// The first of these patterns that finds any. Where there is none, neither is the server.
    Known(Vec<&'static str>),
}

/// The files that may be the one.
#[derive(Debug, Default)]
pub(super) struct Candidates(Vec<Candidate>);

/// A file on the host, and the first certificate in it.
type Candidate = (Arc<str>, Result<Arc<Certificate>, Problem>);

/// The way to the host's files.
#[derive(Debug)]
pub(super) struct Shelf {
    root: PathBuf,
    crew: Crew,
}

/// What a key beside a certificate is called where its ending does not tell.
const KEYS: &str = "/**/*-key.pem";

// === impl Shelf ===

impl Shelf {
    pub(super) fn new(root: PathBuf, timeout: Duration) -> Self {
        Self {
            root,
            crew: Crew::new(timeout),
        }
    }

    /// Reads what a server should serve. Nothing: a server that nobody named is not there.
    pub(super) fn find(&mut self, pairing: &Pairing) -> Option<Candidates> {
        let root = match (pairing, HostRoot::open(&self.root)) {
            (Pairing::None, _) => return Some(Candidates::default()),
            (_, Ok(root)) => Arc::new(root),
            (Pairing::Named(path), Err(problem)) => {
                return Some(Candidates(vec![(path.as_str().into(), Err(problem))]));
            }
            (Pairing::Known(_), Err(_)) => return None,
        };
        match pairing {
            Pairing::None => None,
            Pairing::Named(path) => Some(self.read(&root, &[PathBuf::from(path)])),
            Pairing::Known(patterns) => patterns.iter().find_map(|pattern| {
                let found = self.expand(&root, pattern);
                let mut candidates = self.read(&root, &found);
                candidates.0.retain(|(_, certificate)| certificate.is_ok());
                Some(candidates).filter(|candidates| !candidates.0.is_empty())
            }),
        }
    }

    fn expand(&mut self, root: &Arc<HostRoot>, pattern: &str) -> Vec<PathBuf> {
        let mut options = Options::of_paths(vec![pattern.to_owned()]);
        options.exclude = vec![KEYS.to_owned()];
        options.discovered = Some(&[]);
        let search = Arc::new(Search::new(&options, false));
        let found = search.run(root, &mut self.crew).files;
        found.into_iter().map(|found| found.path).collect()
    }

    fn read(&mut self, root: &Arc<HostRoot>, paths: &[PathBuf]) -> Candidates {
        let glance = |path: &PathBuf| Glance {
            root: Arc::clone(root),
            path: path.clone(),
            follow: true,
            known: None,
            keys: Vec::new(),
            digest: |_: &Path, bytes: &Bytes| decode::certificates(&bytes.file).certificates,
        };
        let looks = self.crew.run(paths.iter().map(glance).collect());
        let candidates = paths.iter().zip(looks).map(|(path, look)| {
            let certificate = match look.flatten() {
                Ok(Look::Read(_, certificates)) => certificates.into_iter().next().ok_or_else(none),
                Ok(Look::Unchanged) => Err(none()),
                Err(problem) => Err(problem),
            };
            (label(path), certificate)
        });
        Candidates(candidates.collect())
    }
}

fn none() -> Problem {
    Problem::new(Reason::NoCertificateFound, "there is no certificate in it")
}

// === impl Candidates ===

impl Candidates {
    /// The one that belongs to what is served, and what is wrong with it. Of several, as where each
    /// member of etcd has one, that is the one that is served, else one of the same names.
    pub(super) fn choose(self, served: Option<&Certificate>) -> (Option<Pair>, Option<Problem>) {
        let Self(mut all) = self;
        let is = |test: &dyn Fn(&Certificate, &Certificate) -> bool| {
            let served = served?;
            let fits = |(_, file): &Candidate| file.as_ref().is_ok_and(|file| test(file, served));
            all.iter().position(fits)
        };
        let same = is(&|file, served| file.fingerprint == served.fingerprint);
        let alike = same.or_else(|| {
            is(&|file, served| {
                file.subject() == served.subject()
                    && file.alternative_names().eq(served.alternative_names())
            })
        });
        let at = match (alike, all.len()) {
            (Some(at), _) => at,
            (None, 1) => 0,
            (None, _) => return (None, None),
        };
        let (path, certificate) = all.swap_remove(at);
        let problem = certificate.as_ref().err().map(|problem| {
            let detail = format!("the file that it should serve, {path}: {}", problem.detail);
            Problem::new(problem.reason, detail)
        });
        let certificate = certificate.ok();
        (Some(Pair { path, certificate }), problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Details, Facts, Name};

    fn certificate(common_name: &str, fingerprint: u8) -> Arc<Certificate> {
        Arc::new(Certificate::from(Facts {
            fingerprint: [fingerprint; 32],
            subject: Name {
                common_name: Some(common_name.into()),
                ..Name::default()
            },
            details: Details::default(),
            ..Facts::default()
        }))
    }

    fn path(candidates: Vec<Candidate>, served: Option<&Certificate>) -> Option<String> {
        let (pair, _) = Candidates(candidates).choose(served);
        pair.map(|pair| pair.path.to_string())
    }

    #[test]
    fn of_several_files_the_one_that_is_served_counts_or_one_of_its_names() {
        let files = || {
            let file = |path: &str, name, fingerprint| -> Candidate {
                (path.into(), Ok(certificate(name, fingerprint)))
            };
            vec![file("/1", "member-1", 1), file("/2", "member-2", 2)]
        };
        let chosen = |served: &Certificate| path(files(), Some(served));
        assert_eq!(chosen(&certificate("any", 2)).as_deref(), Some("/2"));
        assert_eq!(chosen(&certificate("member-1", 9)).as_deref(), Some("/1"));
        assert_eq!(chosen(&certificate("member-3", 9)), None);
        assert_eq!(path(files(), None), None);
        let alone = files().split_off(1);
        let other = certificate("other", 9);
        assert_eq!(path(alone, Some(&other)).as_deref(), Some("/2"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_with_its_path() {
        let missing = Problem::new(Reason::NotFound, "no such file or directory");
        let candidates = Candidates(vec![("/a".into(), Err(missing))]);
        let (pair, problem) = candidates.choose(Some(&certificate("a", 1)));
        assert_eq!(pair.unwrap().certificate, None);
        assert_eq!(
            problem.unwrap().to_string(),
            "not_found: the file that it should serve, /a: no such file or directory"
        );
    }

    #[test]
    fn what_no_distribution_keeps_here_is_nobodys_to_serve() {
        let host = tempfile::TempDir::new().unwrap();
        let mut shelf = Shelf::new(host.path().to_owned(), Duration::from_secs(5));
        let known = Pairing::Known(vec!["/pki/*.pem", "/ssl/server.crt"]);
        assert!(shelf.find(&known).is_none());
        std::fs::create_dir(host.path().join("pki")).unwrap();
        std::fs::write(host.path().join("pki/server-key.pem"), "a key").unwrap();
        assert!(shelf.find(&known).is_none(), "keys are not opened");
        let named = Pairing::Named("/pki/missing.pem".to_owned());
        let (_, problem) = shelf.find(&named).unwrap().choose(None);
        assert_eq!(problem.unwrap().reason, Reason::NotFound);
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        std::fs::create_dir(host.path().join("ssl")).unwrap();
        std::fs::write(host.path().join("ssl/server.crt"), pem).unwrap();
        let (pair, problem) = shelf.find(&known).unwrap().choose(None);
        assert_eq!((&*pair.unwrap().path, problem), ("/ssl/server.crt", None));
    }
}
