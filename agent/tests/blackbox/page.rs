//! The page and the API, as a browser and a script ask for them.

use std::fs;

use tempfile::TempDir;

use super::{Agent, certificate, path};

#[test]
fn addresses_say_what_is_told() {
    let folder = TempDir::new().unwrap();
    let files: Vec<String> = [("old", 2001), ("new", 2100)]
        .into_iter()
        .map(|(name, year)| {
            let file = path(&folder, &format!("{name}.pem"));
            fs::write(&file, certificate(name, year)).unwrap();
            file
        })
        .collect();
    let agent = Agent::start(&["-f", &files[0], "-f", &files[1]]);
    let has = |answer: &str, names: [bool; 2]| {
        ["old.pem", "new.pem"].map(|name| answer.contains(name)) == names
    };
    let page = agent.wait_until("/", |answer| has(answer, [true, true]));
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n") && page.contains("default-src 'none'"));
    for (path, names) in [
        ("/?state=expired", [true, false]),
        ("/?q=NEW.PEM", [false, true]),
        ("/api/v1/certificates?state=ok", [false, true]),
        ("/api/v1/certificates?sort=-expires&limit=1", [false, true]),
        ("/api/v1/certificates?q=nowhere", [false, false]),
        ("/api/v1/certificates", [true, true]),
    ] {
        let answer = agent.get(path);
        assert!(has(&answer, names), "{path}: {answer}");
    }
    for (path, sentence) in [
        ("/?limit=1", "there is no parameter"),
        (
            "/api/v1/certificates?limit=all",
            "limit is a number from 1 to 1000",
        ),
    ] {
        let answer = agent.get(path);
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains(sentence),
            "{answer}"
        );
    }
}

#[test]
fn a_switch_takes_the_page_and_the_api_away() {
    let folder = TempDir::new().unwrap();
    let file = path(&folder, "a.pem");
    fs::write(&file, certificate("a", 2100)).unwrap();
    let config = path(&folder, "config.yaml");
    let text = format!(
        "web: {{enableStats: false}}\nsources:\n- {{kind: file, name: files, paths: [{file}]}}\n"
    );
    fs::write(&config, text).unwrap();
    let agent = Agent::start(&["--config", &config]);
    agent.wait_until("/metrics", |answer| answer.contains("x509_cert_not_after{"));
    for path in ["/", "/api/v1/certificates", "/api/v1/certificates?limit=1"] {
        assert!(agent.get(path).starts_with("HTTP/1.1 404 "), "{path}");
    }
}
