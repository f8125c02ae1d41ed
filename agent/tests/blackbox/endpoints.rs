//! `check HOST:PORT` against servers of `openssl`, and against some that are none.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P384_SHA384, date_time_ymd};
use tempfile::TempDir;

use super::check::check;

/// A server of `openssl`; ended when dropped.
pub(super) struct Server {
    child: Child,
    pub(super) port: String,
}

impl Server {
    /// Starts it at a free port of the host, with what is in the folder.
    pub(super) fn start(folder: &Path, host: &str, arguments: &[&str]) -> Self {
        Self::start_at(folder, &format!("{host}:0"), arguments)
    }

    pub(super) fn start_at(folder: &Path, address: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .args(["s_server", "-www", "-accept", address])
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl is there");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Of a port that it was not told it says which it is.
        let accepting =
            lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT").map(str::to_owned));
        let accepting = accepting.expect("openssl says where it accepts");
        let told = accepting.rsplit_once(':').or(address.rsplit_once(':'));
        let port = told.unwrap().1.trim().to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Writes NAME.pem and NAME.key.
pub(super) fn pair(folder: &TempDir, name: &str, year: i32) {
    let mut params = CertificateParams::new(vec![format!("{name}.example")]).unwrap();
    let subject = &mut params.distinguished_name;
    subject.push(DnType::CommonName, format!("{name}.example"));
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(year, 1, 1);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let file = |kind: &str| folder.path().join(format!("{name}.{kind}"));
    fs::write(file("pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(file("key"), key.serialize_pem()).unwrap();
}

#[test]
fn an_expired_certificate_is_read_as_it_is_served() {
    let folder = TempDir::new().unwrap();
    pair(&folder, "old", 2020);
    let server = Server::start(
        folder.path(),
        "127.0.0.1",
        &["-cert", "old.pem", "-key", "old.key"],
    );
    let (code, text, errors) = check(&[&format!("127.0.0.1:{}", server.port)]);
    assert_eq!((code, &*errors), (Some(2), ""), "{text}");
    let line = text.lines().nth(1).unwrap();
    assert!(line.starts_with("expired"), "{text}");
    assert!(line.contains("2020-01-01 00:00  old.example"), "{text}");
    assert!(
        line.ends_with(&format!("endpoint 127.0.0.1:{}", server.port)),
        "{text}"
    );
}

#[test]
fn each_version_of_tls_that_is_in_use_is_spoken_and_an_old_one_told() {
    let folder = TempDir::new().unwrap();
    pair(&folder, "good", 2100);
    for (version, told) in [
        ("-tls1_3", Ok("good.example")),
        ("-tls1_2", Ok("good.example")),
        ("-tls1_1", Err("handshake_failed")),
    ] {
        let arguments = ["-cert", "good.pem", "-key", "good.key", version];
        let server = Server::start(folder.path(), "127.0.0.1", &arguments);
        let (code, text, _) = check(&[&format!("https://127.0.0.1:{}/healthz", server.port)]);
        let (expected, told) = told.map_or_else(|told| (3, told), |told| (0, told));
        assert_eq!(code, Some(expected), "{version}: {text}");
        assert!(text.contains(told), "{version}: {text}");
    }
}

#[test]
fn a_server_that_wants_to_see_a_certificate_of_ours_has_shown_its_own() {
    let folder = TempDir::new().unwrap();
    pair(&folder, "good", 2100);
    for version in ["-tls1_3", "-tls1_2"] {
        let arguments = [
            "-cert", "good.pem", "-key", "good.key", "-Verify", "1", version,
        ];
        let server = Server::start(folder.path(), "127.0.0.1", &arguments);
        let (code, text, _) = check(&[&format!("127.0.0.1:{}", server.port)]);
        assert_eq!(code, Some(0), "{version}: {text}");
        assert!(text.contains("good.example"), "{version}: {text}");
    }
}

#[test]
fn the_server_is_told_the_name_of_the_host_and_shows_the_chain_that_belongs_to_it() {
    let folder = TempDir::new().unwrap();
    pair(&folder, "other", 2100);
    pair(&folder, "good", 2100);
    pair(&folder, "above", 2090);
    let arguments = [
        "-cert",
        "other.pem",
        "-key",
        "other.key",
        "-cert_chain",
        "above.pem",
        "-servername",
        "localhost",
        "-cert2",
        "good.pem",
        "-key2",
        "good.key",
    ];
    let server = Server::start(folder.path(), "127.0.0.1", &arguments);
    let (_, text, _) = check(&[&format!("localhost:{}", server.port)]);
    assert!(
        text.contains("good.example") && !text.contains("other.example"),
        "{text}"
    );
    let (_, text, _) = check(&[&format!("127.0.0.1:{}", server.port), "--sort=place"]);
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[1].contains("other.example") && lines[2].contains("above.example"),
        "{text}"
    );
}

#[test]
fn an_address_of_ipv6_stands_in_brackets() {
    let folder = TempDir::new().unwrap();
    pair(&folder, "good", 2100);
    let server = Server::start(
        folder.path(),
        "[::1]",
        &["-cert", "good.pem", "-key", "good.key"],
    );
    let address = format!("[::1]:{}", server.port);
    let (code, text, _) = check(&[&address, "--format=prometheus"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("endpoint_address=\"{address}\"")),
        "{text}"
    );
}

#[test]
fn a_server_that_says_nothing_or_nonsense_or_is_none_is_told_and_the_others_count() {
    let folder = TempDir::new().unwrap();
    pair(&folder, "good", 2100);
    let server = Server::start(
        folder.path(),
        "127.0.0.1",
        &["-cert", "good.pem", "-key", "good.key"],
    );
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    // The kernel accepts; nobody answers.
    let silent = free();
    let talker = free();
    let talking = talker.local_addr().unwrap();
    let nonsense = std::thread::spawn(move || {
        let mut stream = talker.accept().unwrap().0;
        stream.write_all(b"220 mail.example ESMTP\r\n").unwrap();
        // Until the other side has had enough.
        drop(stream.read_to_end(&mut Vec::new()));
    });
    let closed = free().local_addr().unwrap();
    let (code, text, _) = check(&[
        &silent.local_addr().unwrap().to_string(),
        &talking.to_string(),
        &closed.to_string(),
        "no-such-host.invalid:443",
        &format!("127.0.0.1:{}", server.port),
        "--timeout=2s",
    ]);
    nonsense.join().unwrap();
    assert_eq!(code, Some(3), "{text}");
    for told in [
        format!(
            "endpoint {}: timeout: connected, and",
            silent.local_addr().unwrap()
        ),
        format!("endpoint {talking}: handshake_failed: it does not speak TLS"),
        format!("endpoint {closed}: unreachable: cannot connect: connection refused"),
        "endpoint no-such-host.invalid:443: ".to_owned(),
        "good.example".to_owned(),
    ] {
        assert!(text.contains(&told), "{told} in\n{text}");
    }
}
