//! What goes wrong between the agent and the API server.

use std::io;
use std::sync::Mutex;

use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

use super::server::secret;
use super::*;

const CERT: (&str, &str) = ("tls.crt", "CERT");

#[tokio::test(start_paused = true)]
async fn a_refused_list_is_a_failure_with_its_reason_until_it_is_allowed() {
    for (status, reason) in [
        (401, Reason::Unauthorized),
        (403, Reason::Forbidden),
        (404, Reason::NotFound),
        (429, Reason::ApiError),
        (500, Reason::ApiError),
        (503, Reason::ApiError),
    ] {
        story(options(), async |server, ear| {
            for _ in 0..3 {
                server.call().await.fails(status);
                ear.until_failure(reason, "secrets").await;
            }
            server.call().await.streams().initial_end("5");
            ear.until_success().await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn facts_stay_while_the_watch_cannot_be_restarted() {
    story(options(), async |server, ear| {
        let watch = server.holds(&[secret("a", "one", 3, &[CERT])]).await;
        ear.until_success().await;
        watch.breaks();
        for _ in 0..5 {
            server
                .call()
                .await
                .breaks(io::ErrorKind::ConnectionRefused.into());
            ear.until_failure(Reason::Unreachable, "secrets").await;
        }
        server.call().await.breaks(io::ErrorKind::TimedOut.into());
        ear.until_failure(Reason::Timeout, "secrets").await;
        server.call().await.fails(503);
        ear.until_failure(Reason::ApiError, "secrets").await;
        assert_eq!(ear.known(), ["a/one/tls.crt"]);
        // What the server no longer knows of is listed at once: it was away long enough.
        server.call().await.follows("10").ends_with(410);
        let answered = Instant::now();
        server
            .call()
            .await
            .page("20", None, &[secret("b", "two", 11, &[CERT])]);
        assert!(
            answered.elapsed() < Duration::from_secs(1),
            "{:?}",
            answered.elapsed()
        );
        let _watch = server.call().await.follows("20");
        ear.until_success().await;
        assert_eq!(ear.known(), ["b/two/tls.crt"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_too_old_is_answered_with_a_list_whichever_way_it_is_said() {
    story(options(), async |server, ear| {
        drop(server.holds(&[]).await);
        for version in ["20", "21"] {
            server.call().await.fails(410);
            server.call().await.page(version, None, &[]);
            server.call().await.follows(version).ends_with(410);
            server.call().await.page(version, None, &[]);
            drop(server.call().await.follows(version));
        }
        assert!(
            !ear.reports()
                .iter()
                .any(|report| matches!(report, Report::Failed(_)))
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_noticed_within_a_minute() {
    story(options(), async |server, ear| {
        let watch = server.holds(&[]).await;
        let begun = Instant::now();
        ear.until_failure(Reason::Timeout, "secrets").await;
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{:?}",
            begun.elapsed()
        );
        watch.is_dropped().await;
        // The next attempt hangs, too.
        let _unanswered = server.call().await;
        ear.until_failure(Reason::Timeout, "secrets").await;
        let _watch = server.call().await.follows("10");
        ear.until_success().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_in_a_list_is_told_within_half_a_minute_and_is_no_word_against_streams() {
    story(options(), async |server, ear| {
        let _silent = server.call().await.streams();
        server.call().await.fails(500);
        ear.until_failure(Reason::ApiError, "secrets").await;
        let stream = server.call().await.streams();
        stream.event("ADDED", &secret("a", "one", 3, &[CERT]));
        stream.initial_end("7");
        ear.until_success().await;
        server.call().await.fails(410);
        let _silent = server.call().await.streams();
        let begun = Instant::now();
        ear.until_failure(Reason::Timeout, "secrets").await;
        let told = begun.elapsed();
        assert!(told <= Duration::from_secs(30), "{told:?}");
        assert_eq!(ear.known(), ["a/one/tls.crt"]);
        server.call().await.streams().initial_end("9");
        ear.until_known(&[]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_knows_what_it_listed_is_told() {
    story(options(), async |server, ear| {
        server
            .holds(&[secret("a", "one", 3, &[CERT])])
            .await
            .ends_with(410);
        ear.until_error(Reason::ApiError).await;
        server
            .call()
            .await
            .page("20", None, &[secret("a", "two", 11, &[CERT])]);
        let _watch = server.call().await.follows("20");
        assert_eq!(ear.known(), ["a/two/tls.crt"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_stops_in_the_middle_is_a_timeout() {
    story(options(), async |server, ear| {
        let page = server.paged().await;
        let stream = page.hangs(r#"{"metadata":"#);
        ear.until_failure(Reason::Timeout, "secrets").await;
        stream.is_dropped().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_patience_gets_it() {
    story(options(), async |server, ear| {
        server.call().await.asks_for_patience(120);
        let begun = Instant::now();
        ear.until_failure(Reason::ApiError, "secrets").await;
        server.call().await.asks_for_patience(4_000_000_000);
        assert!(
            begun.elapsed() >= Duration::from_secs(120),
            "{:?}",
            begun.elapsed()
        );
        let begun = Instant::now();
        server.call().await;
        let waited = begun.elapsed().as_secs();
        assert!(
            (300..310).contains(&waited),
            "there is a limit to it: {waited} s"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn no_answer_makes_a_storm_of_requests() {
    for kind in 0..5 {
        story(options(), async |server, _| {
            let mut calls = 0;
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(600) {
                let call = server.call().await;
                calls += 1;
                assert!(
                    calls < 80,
                    "{calls} requests in {:?} of kind {kind}",
                    begun.elapsed()
                );
                match kind {
                    _ if call.is_streamed() => call.fails(422),
                    0 => call.fails(500),
                    1 => call.breaks(io::ErrorKind::ConnectionReset.into()),
                    _ if call.url.contains("limit=") => call.page("1", None, &[]),
                    2 => drop(call.follows("1")),
                    3 => call.follows("1").ends_with(410),
                    _ => call.follows("1").breaks(),
                }
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_too_long_is_an_error_and_the_watch_goes_on() {
    story(options(), async |server, ear| {
        let watch = server.holds(&[]).await;
        let value = "eHh4".repeat(2 << 20);
        watch.event("ADDED", &secret("a", "large", 11, &[("tls.crt", &value)]));
        ear.until_error(Reason::TooLarge).await;
        watch.event("ADDED", &secret("a", "small", 12, &[CERT]));
        ear.until_known(&["a/small/tls.crt"]).await;
    })
    .await;
}

/// Everything that anybody logs, at whatever level.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_objects_are_errors_that_tell_nothing_of_their_bytes_to_anybody() {
    let captured = Captured::default();
    let logs = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(logs);
    // With one subscriber only, tests that run at the same time without any would mark places of
    // the code as silent for all.
    let _second = tracing::Dispatch::new(
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(io::sink)
            .finish(),
    );
    story(options(), async |server, ear| {
        server.call().await.fails(422);
        server.call().await.answers(r#"{"items":[{"data":{"tls.key":"PRIVATE"}}]}"#);
        server.call().await.answers(r#"{"metadata":{"resourceVersion":"PRIVATE"#);
        ear.until_failure(Reason::ApiError, "secrets").await;
        ear.until_failure(Reason::ApiError, "secrets").await;
        let bad = r#"{"metadata":{"name":"x","namespace":"a"},"data":{"tls.crt":["PRIVATE"]}}"#;
        let watch = server.holds(&[bad.to_owned()]).await;
        ear.until_error(Reason::ApiError).await;
        for line in [
            r#"{"type":"ADDED","object":{"data":{"tls.key":"PRIVATE"#,
            r#"{"type":"ADDED","object":"PRIVATE"}"#,
            r#"{"type":"ADDED","object":{"metadata":{"name":["PRIVATE"]}}}"#,
            r#"{"object":{"metadata":{"name":"PRIVATE"}},"type":"ADDED"}"#,
            r#"{"type":"ADDED","object":{"metadata":{"name":"x"},"data":{"tls.crt":{"PRIVATE":1}}}}"#,
            r#"{"type":"PRIVATE"}"#,
            "PRIVATE",
            "\u{0}\u{1}PRIVATE",
        ] {
            watch.text(line);
            watch.text("\n");
            ear.until(|heard| match heard.reports.pop() {
                Some(Report::Error(failure)) => {
                    assert_eq!(failure.resource, Some("secrets"));
                    assert!(!failure.detail.contains("PRIVATE"), "{failure}");
                    failure.reason == Reason::ApiError
                }
                Some(Report::Failed(failure)) => panic!("{failure} after {line}"),
                _ => false,
            })
            .await;
        }
        watch.event("ADDED", &secret("a", "good", 12, &[CERT, ("tls.key", "UFJJVkFURQ==")]));
        ear.until_known(&["a/good/tls.crt"]).await;
        watch.ends_with(500);
        ear.until(|heard| match heard.reports.pop() {
            Some(Report::Failed(failure)) => !failure.detail.contains("PRIVATE"),
            _ => false,
        })
        .await;
    })
    .await;
    let logs = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(
        logs.contains("asking for pages"),
        "nothing is logged at all: {logs}"
    );
    assert!(
        !logs.contains("PRIVATE") && !logs.contains("UFJJVkFURQ"),
        "{logs}"
    );
}
