//! What the `openssl` command makes, and what it says about a certificate.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What both sides say about a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// In hexadecimal, as openssl prints it.
    pub(crate) serial: Option<String>,
    pub(crate) common_name: Option<String>,
    pub(crate) ca: bool,
    pub(crate) fingerprint: String,
}

/// What openssl says; `None` where it cannot make sense of a date.
pub(crate) fn openssl_facts(certificate: &[u8]) -> Option<Facts> {
    let shown = run(
        Command::new("openssl").args([
            "x509",
            "-noout",
            "-startdate",
            "-enddate",
            "-dateopt",
            "iso_8601",
            "-serial",
            "-subject",
            "-nameopt",
            "sname,sep_multiline,utf8",
            "-fingerprint",
            "-sha256",
            "-ext",
            "basicConstraints",
        ]),
        certificate,
    );
    let shown = shown.replace("\\\n", ""); // long serials are wrapped
    let line = |prefix: &str| {
        shown
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(prefix))
    };
    let date = |prefix: &str| {
        let date = line(prefix).unwrap_or_else(|| panic!("no {prefix} in {shown}"));
        // A fraction of a second is no concern of ours.
        let date = date
            .split('.')
            .next()
            .unwrap_or_default()
            .trim()
            .trim_end_matches('Z');
        date.starts_with(|first: char| first.is_ascii_digit())
            .then(|| unix_seconds(date))
    };
    Some(Facts {
        not_before: date("notBefore=")?,
        not_after: date("notAfter=")?,
        serial: line("serial=").map(str::to_owned),
        common_name: line("CN=")
            .map(|name| name.split(" + ").next().unwrap_or_default().to_owned()),
        ca: shown.contains("CA:TRUE"),
        fingerprint: line("sha256 Fingerprint=")
            .expect("a fingerprint")
            .replace(':', ""),
    })
}

/// All that openssl says of a certificate.
pub(crate) fn openssl_text(certificate: &[u8]) -> String {
    run(
        Command::new("openssl").args(["x509", "-noout", "-text", "-certopt", "no_sigdump"]),
        certificate,
    )
}

fn unix_seconds(date: &str) -> i64 {
    let seconds = run(
        Command::new("date").args(["-u", "-d", &format!("{date} UTC"), "+%s"]),
        b"",
    );
    seconds
        .trim()
        .parse()
        .unwrap_or_else(|_| panic!("date says {seconds} to {date}"))
}

/// Runs a command and returns what it prints.
fn run(command: &mut Command, input: &[u8]) -> String {
    let mut child = command
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "this test needs {} in the path: {error}",
                command.get_program().display()
            )
        });
    // A command that needs no input may be gone already.
    child.stdin.take().expect("a pipe").write_all(input).ok();
    let output = child.wait_with_output().expect("the command ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}");
    String::from_utf8(output.stdout).expect("the command prints UTF-8")
}

/// A directory in which openssl makes certificates; gone with its keys when the test ends.
pub(crate) struct Workshop {
    directory: tempfile::TempDir,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path().join(name), content).expect("a temporary file");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).expect("a file made by openssl")
    }

    pub(crate) fn openssl(&self, arguments: &[&str]) -> String {
        run(
            Command::new("openssl")
                .args(arguments)
                .current_dir(self.path()),
            b"",
        )
    }

    /// Makes a self-signed certificate; returns its PEM.
    pub(crate) fn self_signed(&self, name: &str, arguments: &str) -> Vec<u8> {
        let mut all = vec!["req", "-x509", "-nodes", "-out", name];
        if !arguments.contains("-keyout") {
            all.extend(["-keyout", "key.pem"]);
        }
        all.extend(arguments.split(' '));
        self.openssl(&all);
        self.read(name)
    }
}
