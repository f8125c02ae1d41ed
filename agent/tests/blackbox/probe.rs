//! `/probe`: about what is configured, from what is known; nobody who asks makes the agent connect.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

use super::endpoints::{Server, pair};
use super::{Agent, path};

/// A port that answers whoever connects, and counts him.
struct Ear {
    port: u16,
    heard: Arc<AtomicUsize>,
}

impl Ear {
    fn new(host: &str, answer: String) -> Self {
        // Where there is no IPv6, its forms have nobody to reach.
        let listener = TcpListener::bind((host, 0)).or_else(|_| TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut stream = stream.unwrap();
                let mut asked = [0; 4096];
                drop(stream.read(&mut asked));
                drop(stream.write_all(answer.as_bytes()));
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

/// An agent that looks once, and then no more while the test runs.
fn agent(folder: &TempDir, targets: &str) -> Agent {
    let config = path(folder, "config.yaml");
    let text = format!(
        "web: {{enableProbe: true}}
sources:
- {{kind: endpoint, name: a, refreshInterval: 24h, targets: [{targets}]}}
"
    );
    std::fs::write(&config, text).unwrap();
    let agent = Agent::start(&["--config", &config]);
    agent.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    agent
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    let octets = text.bytes().map(|octet| format!("%{octet:02X}"));
    octets.collect()
}

#[test]
fn nobody_who_asks_makes_the_agent_connect() {
    let folder = TempDir::new().unwrap();
    let inner = Ear::new("127.0.0.1", "HTTP/1.1 200 OK\r\n\r\n".to_owned());
    let inner6 = Ear::new("::1", String::new());
    let (secret, secret6) = (inner.port, inner6.port);
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{secret}/\r\nContent-Length: 0\r\n\r\n"
    );
    let outer = Ear::new("127.0.0.1", redirect);
    let open = outer.port;
    let targets = format!(
        "{{address: 'localhost:{open}'}},
         {{address: '127.0.0.1:{open}', protocol: https}},
         {{address: 'http://127.0.0.1:{open}/a.pem', protocol: http_file}}"
    );
    let agent = agent(&folder, &targets);
    let heard = outer.heard();
    assert!(heard >= 3, "each was looked at: {heard}");

    // What is configured is answered, again and again, by what the first look told.
    for _ in 0..10 {
        for (module, target) in [
            ("tcp", format!("localhost:{open}")),
            ("https", format!("https://127.0.0.1:{open}/")),
            ("http_file", format!("http://127.0.0.1:{open}/a.pem")),
        ] {
            for target in [escaped(&target), target] {
                let answer = agent.get(&format!("/probe?module={module}&target={target}"));
                assert_eq!(status(&answer), "200", "{answer}");
                assert!(answer.contains("\nssl_probe_success 0\n"), "{answer}");
            }
        }
    }

    // All else is refused.
    for text in &forms(open, secret, secret6) {
        for module in ["", "tcp", "https", "http_file", "file", "q9z", "%00"] {
            for target in [escaped(text), escaped(&escaped(text))] {
                let answer = agent.get(&format!("/probe?module={module}&target={target}"));
                assert!(matches!(status(&answer), "400" | "404"), "{text}: {answer}");
                let body = answer.split_once("\r\n\r\n").unwrap().1;
                assert_eq!(body.matches('\n').count(), 1, "{body}");
                assert!(!body.contains(text.as_str()), "{body}");
            }
        }
    }
    for parameters in [
        format!("target=localhost:{open}&target=127.0.0.1:{secret}"),
        format!("target=127.0.0.1:{secret}&target=localhost:{open}"),
        format!("target=localhost:{open}&%74arget=127.0.0.1:{secret}"),
        format!("target[]=127.0.0.1:{secret}"),
        format!("target=localhost:{open};target=127.0.0.1:{secret}"),
        format!("module=tcp&module=https&target=localhost:{open}"),
        format!("module=TCP&target=localhost:{open}"),
        "target=%ff".to_owned(),
        format!("target={}", "x".repeat(2049)),
        String::new(),
    ] {
        let answer = agent.get(&format!("/probe?{parameters}"));
        assert!(
            matches!(status(&answer), "400" | "404"),
            "{parameters}: {answer}"
        );
    }
    // Other ways to say where.
    for path in ["/probe/", "/probe/..", "//probe", "/Probe"] {
        let answer = agent.get(&format!("{path}?target=localhost:{open}"));
        assert_eq!(status(&answer), "404", "{path}: {answer}");
    }

    assert_eq!((inner.heard(), inner6.heard()), (0, 0));
    assert_eq!(outer.heard(), heard, "no request made a connection");
    // Nothing that was asked is a label.
    let metrics = agent.get("/metrics");
    assert!(!metrics.contains("q9z") && !metrics.contains("passwd"));
}

/// What is not configured, and other forms of what is: ports of what is configured, of an inner server, and of one of IPv6.
fn forms(open: u16, secret: u16, secret6: u16) -> Vec<String> {
    let mut texts: Vec<String> = [open, secret]
        .into_iter()
        .flat_map(|port| {
            [
                "127.1",
                "127.0.1",
                "2130706433",
                "0x7f000001",
                "0177.0.0.1",
                "127.000.000.001",
                "0",
                "0.0.0.0",
                "[::ffff:127.0.0.1]",
                "[::ffff:7f00:1]",
                "[::127.0.0.1]",
                "localhost.",
                "LOCALHOST",
                "lo\u{200b}calhost",
                "\u{ff4c}ocalhost",
                "\u{ff11}27.0.0.1",
                "127\u{3002}0\u{3002}0\u{3002}1",
                "localhost\0",
                "\0localhost",
                "localhost%00",
                " localhost",
                "a@localhost",
                "a:b@localhost",
                "localhost:1@127.0.0.1",
                "//localhost",
                "https://localhost",
                "http://localhost",
                "HTTPS://127.0.0.1",
                "https://a@127.0.0.1",
                "https://127.0.0.1#@a",
                "file:///etc/passwd?",
            ]
            .map(|host| format!("{host}:{port}"))
        })
        .collect();
    texts.extend([
        format!("127.0.0.1:{secret}"),
        format!("localhost:{secret}"),
        format!("[::1]:{secret6}"),
        format!("[0:0:0:0:0:0:0:1]:{secret6}"),
        format!("[::1%25lo]:{secret6}"),
        format!("::1:{secret6}"),
        format!("localhost:0{open}"),
        format!("localhost:+{open}"),
        format!("localhost:{open} "),
        format!("localhost:{open}/"),
        format!("localhost:{open}\n"),
        format!("localhost:{open},127.0.0.1:{secret}"),
        format!("http://127.0.0.1:{open}/a.pem?"),
        format!("http://127.0.0.1:{open}/./a.pem"),
        format!("http://127.0.0.1:{open}/%61.pem"),
        format!("http://127.0.0.1:{open}@127.0.0.1:{secret}/a.pem"),
        format!("http://127.0.0.1:{secret}/a.pem"),
        "/etc/passwd".to_owned(),
        "*".to_owned(),
        "localhost".to_owned(),
    ]);
    texts
}

#[test]
fn a_server_is_told_as_ssl_exporter_tells_it() {
    let folder = TempDir::new().unwrap();
    pair(&folder, "good", 2100);
    pair(&folder, "old", 2020);
    let start = |name: &str| {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        let arguments = ["-cert", &certificate, "-key", &key, "-tls1_2"];
        Server::start(folder.path(), "127.0.0.1", &arguments)
    };
    let (good, old) = (start("good"), start("old"));
    let targets = format!(
        "{{address: '127.0.0.1:{0}', caFile: {ca}, serverName: good.example}},
         {{address: '127.0.0.1:{0}', name: strict, module: strict, caFile: {ca}}},
         {{address: '127.0.0.1:{1}'}},
         {{address: '127.0.0.1:{1}', name: lax, module: lax, insecureSkipVerify: true}}",
        good.port,
        old.port,
        ca = path(&folder, "good.pem"),
    );
    let agent = agent(&folder, &targets);
    let ask = |module: &str, server: &Server| {
        let target = format!("127.0.0.1:{}", server.port);
        let answer = agent.get(&format!("/probe?module={module}&target={target}"));
        assert_eq!(status(&answer), "200", "{answer}");
        answer
    };
    for (module, server, success) in [
        ("tcp", &good, 1),
        ("strict", &good, 0),
        ("tcp", &old, 0),
        ("lax", &old, 1),
    ] {
        let answer = ask(module, server);
        let line = format!("\nssl_probe_success {success}\n");
        assert!(answer.contains(&line), "{module}: {answer}");
        assert!(answer.contains("\nssl_tls_version_info{version=\"TLS 1.2\"} 1\n"));
        assert!(answer.contains("\nssl_cert_not_after{cn=\""), "{answer}");
    }
    let answer = ask("tcp", &good);
    let labels = "cn=\"good.example\",dnsnames=\",good.example,\",emails=\"\",ips=\"\",issuer_cn=\"good.example\",ou=\"\",serial_no=\"";
    assert!(
        answer.contains(&format!("\nssl_cert_not_after{{{labels}")),
        "{answer}"
    );
    let verified = format!("\nssl_verified_cert_not_after{{chain_no=\"0\",{labels}");
    assert!(answer.contains(&verified), "{answer}");
    assert!(!ask("lax", &old).contains("ssl_verified"));
}

#[test]
fn there_is_no_probe_unless_it_is_switched_on() {
    let folder = TempDir::new().unwrap();
    let config = path(&folder, "config.yaml");
    let text = "sources:\n- {kind: endpoint, name: a, targets: [{address: '127.0.0.1:1'}]}\n";
    std::fs::write(&config, text).unwrap();
    let agent = Agent::start(&["--config", &config]);
    let answer = agent.get("/probe?target=127.0.0.1:1");
    assert_eq!(status(&answer), "404", "{answer}");
}
