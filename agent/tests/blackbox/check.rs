//! `check` from outside: its forms, its file for the textfile collector, its exit codes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tempfile::TempDir;

use super::{certificate, path, run};

/// Runs `check`: the exit code, the output, the errors.
pub(super) fn check(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(&[&["check"], arguments].concat());
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn each_form_tells_the_same_certificate_and_the_same_verdict() {
    let folder = TempDir::new().unwrap();
    let old = path(&folder, "old.pem");
    fs::write(&old, certificate("old.example", 2020)).unwrap();
    for (format, told) in [
        ("table", "expired  -"),
        (
            "json",
            "\"not_after\":\"2020-01-01T00:00:00Z\",\"expired\":true",
        ),
        (
            "csv",
            ",2020-01-01T00:00:00Z,certificate,old.example,old.example,",
        ),
        ("prometheus", "x509_cert_not_after{filename=\"old.pem\""),
    ] {
        let (code, text, errors) = check(&[&old, "--format", format]);
        assert_eq!(code, Some(2), "{format}: {errors}");
        assert!(
            text.contains(told) && text.contains(&old),
            "{format}: {text}"
        );
        assert!(!text.contains('\u{1b}'), "no terminal, no colours: {text}");
        assert_eq!(errors, "");
    }
}

#[test]
fn one_filter_reads_what_check_and_what_the_agent_say() {
    let folder = TempDir::new().unwrap();
    let file = path(&folder, "good.pem");
    fs::write(&file, certificate("good.example", 2100)).unwrap();
    let (code, text, _) = check(&[&file, "--format=json"]);
    assert_eq!(code, Some(0), "{text}");
    let agent = super::Agent::start(&["--watch-file", &file]);
    let answer = agent.wait_until("/api/v1/certificates", |answer| {
        answer.contains("good.example")
    });
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    // All but the time.
    let places =
        |text: &str| text[text.find("\"places\"").unwrap()..text.rfind('}').unwrap()].to_owned();
    assert_eq!(places(&text), places(body));
}

#[test]
fn the_metrics_of_check_are_those_of_a_scrape() {
    let folder = TempDir::new().unwrap();
    let (file, missing) = (path(&folder, "good.pem"), path(&folder, "missing.pem"));
    fs::write(&file, certificate("good.example", 2100)).unwrap();
    let (code, text, _) = check(&[&file, &missing, "--format=prometheus"]);
    assert_eq!(code, Some(3), "{text}");
    let agent = super::Agent::start(&["--watch-file", &file, "--watch-file", &missing]);
    let scrape = agent.wait_until("/metrics", |answer| answer.contains("missing.pem"));
    let mut own = 0;
    for line in text.lines() {
        if line.contains("x509_check_timestamp_seconds") {
            own += 1;
        } else {
            assert!(scrape.contains(line), "{line} in\n{scrape}");
        }
    }
    assert_eq!(own, 3, "{text}");
}

#[test]
fn a_textfile_is_written_whole_and_nothing_is_printed() {
    let folder = TempDir::new().unwrap();
    let (file, textfile) = (path(&folder, "good.pem"), path(&folder, "x509.prom"));
    fs::write(&file, certificate("good.example", 2100)).unwrap();
    let (code, text, errors) = check(&[&file, "--textfile", &textfile]);
    assert_eq!((code, &*text, &*errors), (Some(0), "", ""));
    let written = fs::read_to_string(&textfile).unwrap();
    assert!(written.contains("subject_CN=\"good.example\""), "{written}");
    assert!(
        written.contains("\nx509_check_timestamp_seconds "),
        "{written}"
    );
    let mode = fs::metadata(&textfile).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);

    // With --format, both.
    let (_, text, _) = check(&[&file, "--textfile", &textfile, "--format=table"]);
    assert!(text.contains("good.example"), "{text}");
    // One that cannot be written is told, and what was asked for is told all the same.
    let nowhere = path(&folder, "nowhere/x509.prom");
    let (code, _, errors) = check(&[&file, "--textfile", &nowhere]);
    assert_eq!(code, Some(3));
    assert!(errors.contains(&nowhere), "{errors}");
}

#[test]
fn wrong_usage_is_nothing_that_is_known_of_certificates() {
    for arguments in [
        &["--no-such-flag"][..],
        &["--warn", "soon"],
        &["--format", "xml"],
        &["-f", "/a", "/b"],
    ] {
        let (code, text, errors) = check(arguments);
        assert_eq!((code, &*text), (Some(3), ""), "{arguments:?}");
        assert!(!errors.is_empty());
    }
    let (code, text, _) = check(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("TARGET"), "{text}");
}

#[test]
fn a_target_that_is_none_is_told_and_the_others_count() {
    let folder = TempDir::new().unwrap();
    let file = path(&folder, "good.pem");
    fs::write(&file, certificate("good.example", 2100)).unwrap();
    let (code, text, errors) = check(&["https://user:HUSH@:1", "secret", "web", &file]);
    assert_eq!(code, Some(3), "{errors}");
    assert!(text.contains("good.example"), "{text}");
    assert!(errors.contains("secret web: is not"), "{errors}");
    assert!(errors.contains("https://:1: is not"), "{errors}");
    assert!(!errors.contains("HUSH"), "{errors}");
}

#[test]
fn each_shell_can_read_its_completions() {
    for (shell, argument, told) in [
        ("bash", Some("-n"), "--textfile"),
        ("fish", None, "textfile"),
        ("zsh", None, "--textfile"),
    ] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains(told) && text.contains("completions"),
            "{text}"
        );
        // The others are seldom there.
        let Some(argument) = argument else { continue };
        let status = Command::new(shell).args([argument, "-c", &text]).status();
        assert!(status.unwrap().success(), "{shell}");
    }
}
