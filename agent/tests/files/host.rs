//! A host's tree in a temporary directory, and a watch over it whose scans read as text.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode};
use tempfile::TempDir;
use x509_certificate_exporter::model::{Bundle, Change, Location};
use x509_certificate_exporter::source::Report;
use x509_certificate_exporter::source::files::{Options, Scanner};
use x509_certificate_exporter::source::host::Keystores;

pub(crate) struct Host {
    root: TempDir,
}

/// A scanner and what its last scan said.
pub(crate) struct Watch {
    pub(crate) scanner: Scanner,
    now: Instant,
    pub(crate) reports: Vec<String>,
    pub(crate) details: Vec<String>,
}

/// What a scan says when nothing is new.
pub(crate) const NOTHING: [&str; 0] = [];

pub(crate) const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

pub(crate) fn certificate() -> String {
    rcgen::generate_simple_self_signed(["test".to_owned()])
        .unwrap()
        .cert
        .pem()
}

impl Host {
    pub(crate) fn new() -> Self {
        Self {
            root: TempDir::new().unwrap(),
        }
    }

    /// Where a path of the host is for the test.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// The same, with the directories above it made.
    fn below(&self, path: &str) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.below(path), content).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: impl AsRef<Path>) {
        symlink(target, self.below(path)).unwrap();
    }

    pub(crate) fn fifo(&self, path: &str) {
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, self.below(path), FileType::Fifo, mode, 0).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.at(path)).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.at(from), self.at(to)).unwrap();
    }

    pub(crate) fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Where the host is mounted.
    pub(crate) fn root(&self) -> &str {
        self.root.path().to_str().unwrap()
    }

    pub(crate) fn options(&self, paths: &[&str]) -> Options {
        Options {
            name: "test".into(),
            root: self.root.path().to_owned(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            exclude: Vec::new(),
            follow_symlinks: true,
            discovered: None,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(60),
            keystores: Keystores::default(),
            compare_keys: false,
        }
    }

    pub(crate) fn watch(&self, paths: &[&str]) -> Watch {
        Watch::new(&self.options(paths))
    }
}

impl Watch {
    pub(crate) fn new(options: &Options) -> Self {
        let scanner = Scanner::new(options);
        Self {
            scanner,
            now: Instant::now(),
            reports: Vec::new(),
            details: Vec::new(),
        }
    }

    /// Scans, half a minute after the last time. Says `<location>: <certificates> <reasons>`, `?`
    /// for certificates that stay as they are, and `gone`.
    pub(crate) fn scan(&mut self) -> Vec<String> {
        self.now += Duration::from_secs(30);
        let scanned = self.scanner.scan(self.now);
        self.reports = scanned.reports.iter().map(report).collect();
        self.details.clear();
        let mut said = Vec::new();
        for change in scanned.changes {
            match change {
                Change::Upsert(location, bundle) => said.push((location, Some(bundle))),
                Change::Remove(location) => said.push((location, None)),
                Change::Resync(_) => {}
            }
        }
        said.sort_by(|(a, _), (b, _)| a.cmp(b));
        said.iter()
            .map(|(location, bundle)| self.line(location, bundle.as_ref()))
            .collect()
    }

    /// Scans until no file is read without need.
    pub(crate) fn settle(&mut self) {
        for _ in 0..3 {
            self.scan();
        }
    }

    fn line(&mut self, location: &Location, bundle: Option<&Bundle>) -> String {
        let Some(bundle) = bundle else {
            return format!("{location}: gone");
        };
        let mut line = match &bundle.certificates {
            Some(certificates) => format!("{location}: {}", certificates.len()),
            None => format!("{location}: ?"),
        };
        for problem in &bundle.problems {
            line.push(' ');
            line.push_str(problem.reason.code());
            self.details.push(problem.detail.to_string());
        }
        line
    }
}

pub(crate) fn report(report: &Report) -> String {
    match report {
        Report::Panicked => "panicked".into(),
        Report::Succeeded => "succeeded".into(),
        Report::Failed(failure) => format!("failed {}", failure.reason),
        Report::Error(failure) => format!("error {}", failure.reason),
        Report::Resynced { resource } => format!("resynced {resource}"),
    }
}
