//! Servers and remote files that are watched: what is said before TLS, what hangs, and what is served beside a file.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use tempfile::TempDir;

use super::endpoints::{Server, pair};
use super::{Agent, certificate, path};

type Lines = &'static [&'static str];

/// A server of one behaviour: each connection is handed to it.
fn scripted(behave: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let behave = behave.clone();
            thread::spawn(move || behave(stream));
        }
    });
    address
}

/// Says and hears in turns, the server first; the last that it says is `said`'s last.
fn talk(stream: &TcpStream, said: &[&str], heard: &[&str]) -> bool {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut heard = heard.iter();
    for line in said {
        if (&*stream).write_all(line.as_bytes()).is_err() {
            return false;
        }
        let Some(expected) = heard.next() else {
            continue;
        };
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || !line.starts_with(expected) {
            return false;
        }
    }
    true
}

/// Until the other side has had enough.
fn hang(mut stream: TcpStream) {
    drop(stream.read_to_end(&mut Vec::new()));
}

/// Both ways between the client and a server, until one of them ends.
fn relay(client: TcpStream, port: &str) {
    let server = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let forth = thread::spawn(move || {
        drop(std::io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Write));
    });
    let (mut from, mut to) = (server, client);
    drop(std::io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Both));
    drop(forth.join());
}

/// An agent that looks at these targets, lines of YAML each.
fn watch(folder: &TempDir, targets: &[String]) -> Agent {
    let mut text =
        "sources:\n- kind: endpoint\n  name: named\n  refreshInterval: 1s\n  targets:\n".to_owned();
    for target in targets {
        writeln!(text, "  - {{{target}}}").unwrap();
    }
    let config = path(folder, "config.yaml");
    fs::write(&config, text).unwrap();
    Agent::start(&["--config", &config])
}

/// Whether some line of the family has all of these.
fn tells(metrics: &str, family: &str, parts: &[&str]) -> bool {
    let begin = format!("{family}{{");
    metrics
        .lines()
        .any(|line| line.starts_with(&begin) && parts.iter().all(|part| line.contains(part)))
}

fn is_problem(metrics: &str, name: &str, reason: &str) -> bool {
    let (name, reason) = (
        format!("endpoint_name=\"{name}\""),
        format!("reason=\"{reason}\"}} 1"),
    );
    tells(metrics, "x509_cert_error", &[&name, &reason])
}

#[test]
fn each_protocol_comes_to_tls_as_its_document_says() {
    let folder = TempDir::new().unwrap();
    pair(&folder, "good", 2100);
    let server = Server::start(
        folder.path(),
        "127.0.0.1",
        &["-cert", "good.pem", "-key", "good.key"],
    );
    let port: &'static str = server.port.clone().leak();
    let lines: [(&str, Lines, Lines); 4] = [
        (
            "smtp",
            &[
                "220-mail.example\r\n220 ESMTP\r\n",
                "250-mail\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
                "220 go\r\n",
            ],
            &["EHLO ", "STARTTLS\r\n"],
        ),
        (
            "imap",
            &["* OK ready\r\n", "* CAPABILITY IMAP4rev1\r\na OK go\r\n"],
            &["a STARTTLS\r\n"],
        ),
        ("pop3", &["+OK ready\r\n", "+OK go\r\n"], &["STLS\r\n"]),
        (
            "ftp",
            &["220-files\r\n and more\r\n220 ready\r\n", "234 go\r\n"],
            &["AUTH TLS\r\n"],
        ),
    ];
    let mut targets = Vec::new();
    let mut names = vec!["postgres"];
    for (protocol, said, heard) in lines {
        let address = scripted(move |stream| {
            if talk(&stream, said, heard) {
                relay(stream, port);
            }
        });
        targets.push(format!(
            "address: '{address}', name: {protocol}, protocol: {protocol}"
        ));
        names.push(protocol);
    }
    let postgres = scripted(move |mut stream| {
        let mut request = [0; 8];
        stream.read_exact(&mut request).unwrap();
        if request == [0, 0, 0, 8, 4, 210, 22, 47] {
            stream.write_all(b"S").unwrap();
            relay(stream, port);
        }
    });
    targets.push(format!(
        "address: '{postgres}', name: postgres, protocol: postgres"
    ));
    let agent = watch(&folder, &targets);
    let told = |metrics: &str, name: &str| {
        let name = format!("endpoint_name=\"{name}\"");
        tells(
            metrics,
            "x509_cert_not_after",
            &[&name, "subject_CN=\"good.example\""],
        )
    };
    agent.wait_until("/metrics", |metrics| {
        names.iter().all(|name| told(metrics, name))
    });
}

#[test]
fn what_a_server_says_instead_of_coming_to_tls_is_told() {
    type Said = (
        &'static str,
        &'static str,
        &'static [&'static str],
        &'static str,
    );
    let folder = TempDir::new().unwrap();
    let cases: [Said; 10] = [
        ("says-nothing", "tls", &[], "timeout"),
        ("greets-and-hangs", "smtp", &["220 mail\r\n"], "timeout"),
        ("half-a-line", "ftp", &["220-fi"], "timeout"),
        (
            "hangs-before-tls",
            "imap",
            &["* OK\r\n", "a OK\r\n"],
            "timeout",
        ),
        (
            "speaks-at-once",
            "tls",
            &["220 mail\r\n"],
            "handshake_failed",
        ),
        ("is-mail", "imap", &["220 mail\r\n"], "handshake_failed"),
        ("goes-away", "smtp", &["554 no\r\n"], "handshake_failed"),
        (
            "has-no-tls",
            "smtp",
            &["220 mail\r\n", "250 mail\r\n", "502 what\r\n"],
            "handshake_failed",
        ),
        (
            "refuses",
            "pop3",
            &["+OK\r\n", "-ERR no\r\n"],
            "handshake_failed",
        ),
        ("says-no", "postgres", &["N"], "handshake_failed"),
    ];
    let targets: Vec<_> = cases
        .iter()
        .map(|(name, protocol, said, _)| {
            let said: &'static [&'static str] = said;
            let address = scripted(move |stream| {
                let heard = vec![""; said.len().saturating_sub(1)];
                if talk(&stream, said, &heard) {
                    hang(stream);
                }
            });
            format!("address: '{address}', name: {name}, protocol: {protocol}, timeout: 300ms")
        })
        .collect();
    let agent = watch(&folder, &targets);
    let told = |metrics: &str| {
        let is = |(name, _, _, reason): &Said| is_problem(metrics, name, reason);
        cases.iter().all(is)
    };
    agent.wait_until("/metrics", told);
}

#[test]
fn greetings_without_an_end_are_not_read_to_their_end() {
    let folder = TempDir::new().unwrap();
    let flood = |text: &'static str| {
        scripted(move |mut stream| while stream.write_all(text.as_bytes()).is_ok() {})
    };
    let (lines, line) = (flood("220-and more\r\n"), flood("2200000000000000"));
    let agent = watch(
        &folder,
        &[
            format!("address: '{lines}', name: lines, protocol: smtp, timeout: 60s"),
            format!("address: '{line}', name: line, protocol: ftp, timeout: 60s"),
        ],
    );
    agent.wait_until("/metrics", |metrics| {
        ["lines", "line"]
            .iter()
            .all(|name| is_problem(metrics, name, "handshake_failed"))
    });
}

#[test]
fn a_remote_file_is_read_by_one_request_and_no_redirect_is_followed() {
    let folder = TempDir::new().unwrap();
    let (pem, elsewhere) = (
        certificate("remote.example", 2100),
        certificate("elsewhere.example", 2100),
    );
    let address = scripted(move |stream| {
        let mut reader = BufReader::new(&stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let answer = match line.split(' ').nth(1).unwrap_or_default() {
            "/ca.pem?token=secret" => {
                format!("200 OK\r\nContent-Length: {}\r\n\r\n{pem}", pem.len())
            }
            "/moved" => "302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".to_owned(),
            "/elsewhere" => format!(
                "200 OK\r\nContent-Length: {}\r\n\r\n{elsewhere}",
                elsewhere.len()
            ),
            "/text" => "200 OK\r\nContent-Length: 5\r\n\r\nHello".to_owned(),
            "/broken" => "200 OK\r\nContent-Length: 5000\r\n\r\n-----BEGIN".to_owned(),
            _ => "404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        drop((&stream).write_all(format!("HTTP/1.1 {answer}").as_bytes()));
    });
    let paths = [
        ("there", "ca.pem?token=secret"),
        ("moved", "moved"),
        ("text", "text"),
        ("broken", "broken"),
        ("missing", "missing"),
    ];
    let target = |(name, path): &(&str, &str)| {
        format!("address: 'http://{address}/{path}', name: {name}, protocol: http_file")
    };
    let agent = watch(&folder, &paths.iter().map(target).collect::<Vec<_>>());
    let url = format!("endpoint_address=\"http://{address}/ca.pem\"");
    let metrics = agent.wait_until("/metrics", |metrics| {
        tells(
            metrics,
            "x509_cert_not_after",
            &[&url, "subject_CN=\"remote.example\""],
        ) && is_problem(metrics, "moved", "read_failed")
            && is_problem(metrics, "text", "no_certificate_found")
            && is_problem(metrics, "broken", "read_failed")
            && is_problem(metrics, "missing", "not_found")
    });
    assert!(!metrics.contains("elsewhere.example"), "{metrics}");
    assert!(!metrics.contains("secret"), "{metrics}");
}

#[test]
fn a_server_is_stale_from_the_renewal_of_its_file_until_it_is_restarted() {
    let folder = TempDir::new().unwrap();
    pair(&folder, "good", 2090);
    let arguments = ["-cert", "good.pem", "-key", "good.key"];
    let server = Server::start(folder.path(), "127.0.0.1", &arguments);
    let file = path(&folder, "good.pem");
    let address = format!("127.0.0.1:{}", server.port);
    let agent = watch(
        &folder,
        &[format!("address: '{address}', name: web, file: {file}")],
    );
    let until = |value: &str| {
        let labels = format!(
            "x509_cert_served_stale{{endpoint_name=\"web\",endpoint_address=\"{address}\",filename=\"good.pem\",filepath=\"{file}\"}} {value}"
        );
        agent.wait_until("/metrics", |metrics| {
            metrics.lines().any(|line| line == labels)
        })
    };
    until("0");
    pair(&folder, "good", 2100);
    let metrics = until("1");
    let shown = "x509_cert_served_not_after";
    assert!(
        tells(&metrics, shown, &["endpoint_name=\"web\"", " 3786912000"]),
        "{metrics}"
    );
    let port = server.port.clone();
    drop(server);
    let _server = Server::start_at(folder.path(), &format!("127.0.0.1:{port}"), &arguments);
    let metrics = until("0");
    assert!(
        tells(&metrics, shown, &["endpoint_name=\"web\"", " 4102444800"]),
        "{metrics}"
    );
}
