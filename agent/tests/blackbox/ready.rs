//! `ready`, against an agent and against those who are none.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Agent, certificate, path, run};

const WAITING: (&str, &str) = ("503 Service Unavailable", "waiting for somebody\n");
/// No answer that HTTP knows.
const HANGS_UP: (&str, &str) = ("", "");
const READY: (&str, &str) = ("200 OK", "ready\n");
const METRICS: (&str, &str) = (
    "200 OK",
    "# TYPE x509_cert_not_after gauge\nx509_cert_not_after{a=\"\"} 1\nx509_cert_not_after{a=\"x509_cert_not_after{\"} 2\nx509_cert_not_after_all 3\n",
);

/// Answers so, one connection after the other; gives back what it was asked.
fn answer(
    listener: TcpListener,
    answers: Vec<(&'static str, &'static str)>,
) -> thread::JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let connection = |(status, body): (&str, &str)| {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let lines = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty());
            let request = lines.collect::<Vec<_>>().join("\n");
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .unwrap();
            request
        };
        answers.into_iter().map(connection).collect()
    })
}

fn ask(listener: &TcpListener, timeout: &str) -> Output {
    let address = listener.local_addr().unwrap().to_string();
    // As a script would put it together: without the brackets of IPv6.
    let address = address.replace(['[', ']'], "");
    run(&["ready", &address, "--timeout", timeout])
}

fn said(output: Output) -> (Option<i32>, String) {
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn a_running_agent_is_ready_and_says_how_many_certificates_it_knows() {
    let folder = TempDir::new().unwrap();
    let file = path(&folder, "two.pem");
    fs::write(&file, certificate("one", 2100) + &certificate("two", 2100)).unwrap();
    let agent = Agent::start(&["-f", &file]);
    for host in ["127.0.0.1", "localhost"] {
        let address = agent.address.replace("127.0.0.1", host);
        let expected = (Some(0), "ready, certificates: 2\n".to_owned());
        assert_eq!(said(run(&["ready", &address])), expected, "{address}");
    }
}

#[test]
fn an_agent_that_is_not_ready_yet_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = answer(listener.try_clone().unwrap(), vec![WAITING, READY, METRICS]);
    let expected = (Some(0), "ready, certificates: 2\n".to_owned());
    assert_eq!(said(ask(&listener, "20s")), expected);
    let requests = server.join().unwrap();
    let paths: Vec<_> = requests.iter().map(|head| head.split(' ').nth(1)).collect();
    assert_eq!(paths, [Some("/readyz"), Some("/readyz"), Some("/metrics")]);
    assert!(
        requests[2].contains("accept-encoding: identity"),
        "{requests:?}"
    );
}

#[test]
fn who_hangs_up_is_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = answer(
        listener.try_clone().unwrap(),
        vec![HANGS_UP, READY, METRICS],
    );
    assert_eq!(said(ask(&listener, "20s")).0, Some(0));
    server.join().unwrap();
}

#[test]
fn who_is_not_ready_in_time_is_told_with_the_reason_in_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // Nobody accepts what the kernel has queued.
    let begun = Instant::now();
    let (code, text) = said(ask(&listener, "1s"));
    assert_eq!(code, Some(2));
    assert!(text.contains("no answer in time"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(10));

    drop(listener);
    let (code, text) = said(run(&["ready", &address, "--timeout", "1s"]));
    assert_eq!((code, text.lines().count()), (Some(2), 1), "{text}");
    assert!(text.to_lowercase().contains("refused"), "{text}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    answer(listener.try_clone().unwrap(), vec![WAITING; 9]);
    let expected = (Some(2), "not ready: waiting for somebody\n".to_owned());
    assert_eq!(said(ask(&listener, "1s")), expected);
}

#[test]
fn who_is_no_agent_is_not_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = answer(listener.try_clone().unwrap(), vec![("404 Not Found", "")]);
    let begun = Instant::now();
    let (code, text) = said(ask(&listener, "20s"));
    assert_eq!(
        (code, text.as_str()),
        (Some(2), "not ready: the answer is 404 Not Found\n")
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
    server.join().unwrap();
}

#[test]
fn an_address_of_ipv6_needs_no_brackets() {
    let listener = match TcpListener::bind("[::1]:0") {
        Ok(listener) => listener,
        Err(error) => {
            assert!(
                std::env::var_os("CI").is_none(),
                "this test needs IPv6: {error}"
            );
            return;
        }
    };
    let server = answer(listener.try_clone().unwrap(), vec![READY, METRICS]);
    assert_eq!(said(ask(&listener, "20s")).0, Some(0));
    server.join().unwrap();
}

#[test]
fn a_wrong_address_or_duration_is_wrong_usage() {
    for arguments in [
        &["ready", "nowhere"][..],
        &["ready", "a:1", "--timeout", "soon"],
    ] {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
