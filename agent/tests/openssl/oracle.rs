//! What the `openssl` command makes, and what it says about a certificate.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

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

/// What both sides see in a certificate that may be anything.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `None` where openssl prints no date.
    pub(crate) dates: Option<(i64, i64)>,
    pub(crate) serial: Option<String>,
    /// Those that become labels, by their short names; the first of each.
    pub(crate) subject: BTreeMap<String, String>,
    pub(crate) issuer: BTreeMap<String, String>,
    pub(crate) names: Vec<String>,
}

/// What openssl sees; `None` where it is no certificate to it.
pub(crate) fn openssl_sees(der: &[u8]) -> Option<Seen> {
    let mut command = Command::new("openssl");
    command
        .args("x509 -inform DER -noout -startdate -enddate -dateopt iso_8601 -serial".split(' '));
    command.args("-subject -issuer -nameopt sname,sep_multiline,utf8,esc_ctrl".split(' '));
    command.args(["-ext", "subjectAltName"]);
    let output = output(&mut command, der);
    if !output.status.success() {
        return None;
    }
    let shown = String::from_utf8_lossy(&output.stdout);
    // Long serials are wrapped.
    let (head, rest) = shown.split_once("\nsubject=").expect("a subject");
    let shown = format!("{}\nsubject={rest}", head.replace("\\\n", ""));
    let line = |prefix: &str| {
        let mut lines = shown.lines();
        lines.find_map(|line| line.strip_prefix(prefix))
    };
    let date = |prefix: &str| instant(line(prefix)?);
    // The lines behind a head, as far as they are indented.
    let block = |head: &str| {
        let lines = shown.lines().skip_while(|line| !line.starts_with(head));
        let lines = lines.skip(1).take_while(|line| line.starts_with("    "));
        lines.map(|line| line[4..].to_owned()).collect::<Vec<_>>()
    };
    let names = block("X509v3 Subject Alternative Name").join("");
    Some(Seen {
        dates: date("notBefore=").zip(date("notAfter=")),
        serial: line("serial=").map(str::to_owned),
        subject: attributes(&block("subject=")),
        issuer: attributes(&block("issuer=")),
        names: alternative_names(&names),
    })
}

/// `2025-01-01 00:00:00Z`, perhaps with a fraction behind it.
fn instant(text: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
    let (hour, minute, second) = (digits(11..13)?, digits(14..16)?, digits(17..19)?);
    // Day by day, as no program would: the agent's way is another one.
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let of_year = |year| if is_leap(year) { 366 } else { 365 };
    let years: i64 = if year >= 1970 {
        (1970..year).map(of_year).sum()
    } else {
        -(year..1970).map(of_year).sum::<i64>()
    };
    let lengths = [
        31,
        if is_leap(year) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let months: i64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    Some((((years + months + day - 1) * 24 + hour) * 60 + minute) * 60 + second)
}

/// The first of each kind that becomes a label, escapes undone: what is escaped is a control character.
fn attributes(lines: &[String]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (kind, value) in lines
        .iter()
        .flat_map(|line| line.split(" + "))
        .filter_map(|attribute| attribute.split_once('='))
    {
        if ["C", "ST", "L", "O", "OU", "CN"].contains(&kind) && !value.is_empty() {
            all.entry(kind.to_owned())
                .or_insert_with(|| unescaped(value));
        }
    }
    all
}

fn unescaped(value: &str) -> String {
    let mut text = String::new();
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            // A control character is two digits, and a backslash another one.
            if characters.next() == Some('\\') {
                text.push('\\');
            } else {
                characters.next();
                text.push('\u{fffd}');
            }
        } else if character.is_control() {
            text.push('\u{fffd}');
        } else {
            text.push(character);
        }
    }
    text
}

/// Ours of openssl's names; none where it shows octets, because one of them is no name.
fn alternative_names(shown: &str) -> Vec<String> {
    let ours = |name: &str| {
        let (kind, value) = name.split_once(':')?;
        let value = value.replace(char::is_control, "\u{fffd}");
        Some(match kind {
            "IP Address" if value.starts_with("<invalid") => "IP:<invalid>".to_owned(),
            "IP Address" => {
                let six = value.parse::<std::net::Ipv6Addr>();
                six.map_or(format!("IP:{value}"), |six| format!("IP:{six}"))
            }
            "othername" => "otherName".to_owned(),
            "Registered ID" => "RID".to_owned(),
            "DirName" => "dirName".to_owned(),
            "DNS" | "email" | "URI" => format!("{kind}:{value}"),
            _ => return None,
        })
    };
    let names = shown
        .split(", ")
        .filter(|name| !["", "<EMPTY>"].contains(name));
    names.map(ours).collect::<Option<_>>().unwrap_or_default()
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
    let output = output(command, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}");
    String::from_utf8(output.stdout).expect("the command prints UTF-8")
}

fn output(command: &mut Command, input: &[u8]) -> Output {
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
    child.wait_with_output().expect("the command ends")
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
