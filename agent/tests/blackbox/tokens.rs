//! Bearer tokens, judged by an API server of the test's own.

use std::net::TcpListener;
use std::sync::Mutex;

use super::door::House;
use super::*;

/// What it was asked, as `KIND who path`.
type Asked = Arc<Mutex<Vec<String>>>;

/// Knows `good` and `other`; only the first may scrape. `down` ends the connection.
fn api_server() -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    let told = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            drop(answer(stream, &told));
        }
    });
    (format!("http://{address}"), asked)
}

fn answer(mut stream: TcpStream, asked: &Asked) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    let mut first = String::new();
    loop {
        line.clear();
        lines.read_line(&mut line)?;
        if first.is_empty() {
            first.clone_from(&line);
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    let body: serde_json::Value = serde_json::from_slice(&body)?;
    let spec = &body["spec"];
    let status = if first.starts_with("POST /apis/authentication.k8s.io/v1/tokenreviews ") {
        let token = spec["token"].as_str().unwrap();
        asked.lock().unwrap().push(format!("token {token}"));
        if token == "down" {
            return Ok(());
        }
        let user = serde_json::json!({"username": token, "groups": ["a"], "uid": "1", "extra": {"x": ["y"]}});
        let is_known = ["good", "other"].contains(&token);
        serde_json::json!({"authenticated": is_known, "user": user})
    } else {
        assert!(first.starts_with("POST /apis/authorization.k8s.io/v1/subjectaccessreviews "));
        let at = &spec["nonResourceAttributes"];
        assert_eq!(
            (&spec["groups"][0], &spec["extra"]["x"][0], &at["verb"]),
            (&"a".into(), &"y".into(), &"get".into())
        );
        let (user, path) = (spec["user"].as_str().unwrap(), at["path"].as_str().unwrap());
        asked.lock().unwrap().push(format!("access {user} {path}"));
        // Every account may get what is below /api of an API server, as `system:discovery` has it.
        let allowed = path.starts_with("/api/") || user == "good" && path == "/metrics";
        serde_json::json!({"allowed": allowed})
    };
    let text = serde_json::json!({"apiVersion": body["apiVersion"], "kind": body["kind"], "spec": spec, "status": status}).to_string();
    write!(
        stream,
        "HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

fn kubeconfig(url: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Config, current-context: a, contexts: [{{name: a, context: {{cluster: a, user: a}}}}], clusters: [{{name: a, cluster: {{server: '{url}'}}}}], users: [{{name: a, user: {{token: ours}}}}]}}"
    )
}

#[test]
fn a_token_lets_in_whom_the_api_server_says_and_is_asked_about_once() {
    let house = House::new();
    let (url, asked) = api_server();
    let kubeconfig = house.write("kubeconfig", &kubeconfig(&url));
    let web = house.write(
        "web.yml",
        "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n",
    );
    let file = path(&house.folder, "a.pem");
    let config = house.write(
        "config.yaml",
        &format!(
            "web: {{enableProbe: true}}
server: {{webConfigFile: {web}, tokenReview: {{kubeconfig: {kubeconfig}}}}}
sources: [{{kind: file, name: a, paths: [{file}]}}]
"
        ),
    );
    let agent = Agent::start(&["--config", &config]);
    let ask = |token: &str, path: &str| {
        let header = format!("Authorization: Bearer {token}\r\n");
        let answer = house.ask(&agent, None, path, &header).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    for _ in 0..3 {
        assert_eq!(ask("good", "/metrics"), "200");
    }
    assert_eq!(ask("good", "/"), "403");
    assert_eq!(ask("good", "/api/v1/certificates"), "403");
    assert_eq!(ask("other", "/metrics"), "403");
    assert_eq!(ask("nobody", "/metrics"), "401");
    assert_eq!(ask("down", "/metrics"), "503");
    let expected = [
        "token good",
        "access good /metrics",
        "token good",
        "access good /",
        "token other",
        "access other /metrics",
        "token nobody",
        "token down",
    ];
    assert_eq!(*asked.lock().unwrap(), expected);
    let without = house.ask(&agent, None, "/metrics", "").unwrap();
    assert!(
        without.contains("www-authenticate: Bearer\r\n"),
        "{without}"
    );
    let metrics = house.scrape(&agent, "Authorization: Bearer good\r\n");
    for (reason, count) in [
        ("not_allowed", 3),
        ("wrong_credentials", 1),
        ("review_failed", 1),
        ("no_credentials", 1),
    ] {
        let counted = format!("x509_web_refused_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&counted), "{counted}{metrics}");
    }
    // Whoever may scrape may ask about targets, too, of which there is none here.
    for (token, status) in [("good", "404"), ("other", "403"), ("nobody", "401")] {
        assert_eq!(ask(token, "/probe?target=a:1"), status);
    }
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[test]
fn tokens_travel_by_tls_whatever_is_written() {
    let house = House::new();
    let (url, _) = api_server();
    let kubeconfig = house.write("kubeconfig", &kubeconfig(&url));
    let web = house.write("web.yml", "rate_limit: {interval: 0}\n");
    let file = path(&house.folder, "a.pem");
    for web in ["", &format!("webConfigFile: {web}, ")] {
        let config = house.write(
            "config.yaml",
            &format!("server: {{{web}tokenReview: {{kubeconfig: {kubeconfig}}}}}\nsources: [{{kind: file, name: a, paths: [{file}]}}]\n"),
        );
        let agent = Agent::start(&["--config", &config]);
        let ask = |token: &str| {
            let header = format!("Authorization: Bearer {token}\r\n");
            House::ask_anybody(&agent, "/metrics", &header).unwrap()
        };
        assert!(ask("good").starts_with("HTTP/1.1 200 "));
        assert!(ask("nobody").starts_with("HTTP/1.1 401 "));
        // Whose certificate nobody signed is let in by nobody who checks.
        assert!(house.ask(&agent, None, "/healthz", "").is_err());
        let mut clear = TcpStream::connect(&agent.address).unwrap();
        write!(clear, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").ok();
        let mut answer = Vec::new();
        clear.read_to_end(&mut answer).ok();
        assert!(!answer.starts_with(b"HTTP"));
        let read = run(&["check", &agent.address]);
        let read = String::from_utf8(read.stdout).unwrap();
        assert!(read.contains("9999-12-31"), "{read}");
    }
}
