//! `check secret NAMESPACE/NAME` against an API server of our own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use super::check::check;
use super::{certificate, path};

/// Answers one request, and says what was asked.
fn server(status: &'static str, body: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let request: Vec<String> = lines
            .map(Result::unwrap)
            .take_while(|line| !line.is_empty())
            .collect();
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        request.join("\n")
    });
    (url, asked)
}

fn kubeconfig(folder: &TempDir, server: &str) -> String {
    let file = path(folder, "kubeconfig");
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: a, \
         clusters: [{{name: a, cluster: {{server: '{server}'}}}}], \
         users: [{{name: a, user: {{token: HUSHTOKEN}}}}], \
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}]}}"
    );
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn every_key_that_holds_certificates_is_told_and_no_other() {
    let folder = TempDir::new().unwrap();
    let keystore = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/keystores/modern.p12");
    let data: Vec<String> = [
        ("tls.crt", certificate("web.example", 2100).into_bytes()),
        ("ca.crt", certificate("above.example", 2090).into_bytes()),
        (
            "tls.key",
            b"-----BEGIN PRIVATE KEY-----\nSFVTSA==\n-----END PRIVATE KEY-----\n".to_vec(),
        ),
        ("password", b"HUSH".to_vec()),
        ("keystore.p12", fs::read(keystore).unwrap()),
    ]
    .map(|(key, value)| format!("\"{key}\": \"{}\"", STANDARD.encode(value)))
    .into();
    let secret = format!(
        "{{\"kind\": \"Secret\", \"metadata\": {{\"namespace\": \"shop\", \"name\": \"web\"}}, \"data\": {{{}}}}}",
        data.join(", ")
    );
    let passphrase = path(&folder, "passphrase");
    fs::write(&passphrase, "changeit\n").unwrap();
    let (url, asked) = server("200 OK", secret);
    let kubeconfig = kubeconfig(&folder, &url);
    let (code, text, errors) = check(&[
        "secret",
        "shop/web",
        "--kubeconfig",
        &kubeconfig,
        "--passphrase-file",
        &passphrase,
    ]);
    let asked = asked.join().unwrap();
    assert!(
        asked.starts_with("GET /api/v1/namespaces/shop/secrets/web HTTP/1.1"),
        "{asked}"
    );
    assert_eq!((code, &*errors), (Some(0), ""), "{text}");
    for told in [
        "Secret shop/web key tls.crt",
        "Secret shop/web key ca.crt",
        "Secret shop/web key keystore.p12",
        "leaf.fixture.example",
    ] {
        assert!(text.contains(told), "{told} in\n{text}");
    }
    for hidden in ["tls.key", "password", "HUSH", "SFVTSA", "changeit"] {
        assert!(!text.contains(hidden), "{hidden} in\n{text}");
    }
}

#[test]
fn a_secret_that_cannot_be_read_is_told_with_the_reason() {
    let folder = TempDir::new().unwrap();
    let file = path(&folder, "good.pem");
    fs::write(&file, certificate("good.example", 2100)).unwrap();
    for (status, body, told) in [
        (
            "404 Not Found",
            "{}",
            "not_found: the API server has no web among the secrets there",
        ),
        ("403 Forbidden", "{}", "forbidden: "),
        ("200 OK", "HUSH", "api_error: the answer is not a Secret"),
        (
            "200 OK",
            "{\"metadata\": {\"name\": \"web\"}, \"data\": {\"a\": \"SFVTSA==\"}}",
            "no_certificate_found: no key of it holds a certificate",
        ),
    ] {
        let (url, asked) = server(status, body.to_owned());
        let kubeconfig = kubeconfig(&folder, &url);
        let (code, text, errors) =
            check(&["secret", "shop/web", &file, "--kubeconfig", &kubeconfig]);
        asked.join().unwrap();
        assert_eq!(code, Some(3), "{text}");
        let told = format!("Secret shop/web: {told}");
        assert!(
            text.contains(&told) && text.contains("good.example"),
            "{told} in\n{text}"
        );
        assert!(
            !text.contains("HUSH") && !errors.contains("HUSH"),
            "{text}{errors}"
        );
    }
}
