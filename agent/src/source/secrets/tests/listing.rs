//! The first list and those after a break.

use super::server::{secret, typed};
use super::*;

const CERT: (&str, &str) = ("tls.crt", "CERT");

#[tokio::test(start_paused = true)]
async fn a_streamed_list_shows_each_secret_as_it_comes_and_succeeds_at_its_end() {
    story(options(), async |server, ear| {
        let call = server.call().await;
        assert_eq!(
            call.url,
            "/api/v1/secrets?fieldSelector=type%3Dkubernetes.io%2Ftls&watch=true\
             &allowWatchBookmarks=true&timeoutSeconds=600&sendInitialEvents=true\
             &resourceVersionMatch=NotOlderThan"
        );
        let stream = call.streams();
        stream.event(
            "ADDED",
            &secret("a", "one", 3, &[CERT, ("tls.key", "UFJJVkFURQ==")]),
        );
        ear.until_known(&["a/one/tls.crt"]).await;
        assert_eq!(ear.reports(), []);
        stream.event("ADDED", &secret("b", "two", 4, &[CERT]));
        stream.initial_end("7");
        ear.until_success().await;
        assert_eq!(ear.known(), ["a/one/tls.crt", "b/two/tls.crt"]);
        let _watch = server.call().await.follows("7");
        stream.is_dropped().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_to_stream_is_asked_for_pages_and_not_asked_to_stream_again() {
    story(options(), async |server, ear| {
        server.call().await.fails(422);
        let page = server.call().await;
        assert_eq!(
            page.url,
            "/api/v1/secrets?fieldSelector=type%3Dkubernetes.io%2Ftls&limit=50"
        );
        page.page("10", Some("a/b="), &[secret("a", "one", 3, &[CERT])]);
        let page = server.call().await;
        assert!(
            page.url.ends_with("&limit=50&continue=a%2Fb%3D"),
            "{}",
            page.url
        );
        page.page("10", None, &[secret("b", "two", 4, &[CERT])]);
        ear.until_success().await;
        assert_eq!(ear.known(), ["a/one/tls.crt", "b/two/tls.crt"]);
        server.call().await.follows("10").ends_with(410);
        assert!(!server.call().await.is_streamed());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_bookmark_or_silence_means_that_the_streamed_list_was_not_understood() {
    for bookmark in [true, false] {
        story(options(), async |server, ear| {
            let stream = server.call().await.streams();
            stream.event("ADDED", &secret("a", "one", 3, &[CERT]));
            if bookmark {
                stream.bookmark("7");
            }
            server
                .call()
                .await
                .page("10", None, &[secret("b", "two", 4, &[CERT])]);
            ear.until_success().await;
            assert_eq!(ear.known(), ["b/two/tls.crt"], "the list is the truth");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamed_list_that_breaks_off_is_begun_anew_and_drops_nothing() {
    story(options(), async |server, ear| {
        let stream = server.call().await.streams();
        stream.event("ADDED", &secret("a", "one", 3, &[CERT]));
        drop(stream);
        ear.until_failure(Reason::ApiError, "secrets").await;
        assert_eq!(ear.known(), ["a/one/tls.crt"]);
        server.call().await.streams().initial_end("9");
        ear.until_known(&[]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_version_expires_between_pages_starts_again() {
    story(options(), async |server, ear| {
        server
            .paged()
            .await
            .page("10", Some("next"), &[secret("a", "one", 3, &[CERT])]);
        server.call().await.fails(410);
        let page = server.call().await;
        assert!(
            page.url.ends_with("&limit=50"),
            "{} is not the first page",
            page.url
        );
        page.page("20", None, &[secret("a", "two", 4, &[CERT])]);
        ear.until_success().await;
        assert_eq!(ear.known(), ["a/two/tls.crt"]);
        server.call().await.follows("20");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_expires_again_and_again_is_a_failure() {
    story(options(), async |server, ear| {
        server.paged().await.page("10", Some("next"), &[]);
        server.call().await.fails(410);
        server.call().await.page("11", Some("next"), &[]);
        server.call().await.fails(410);
        ear.until_failure(Reason::ApiError, "secrets").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_during_a_break_is_removed_by_the_list_after_it() {
    story(options(), async |server, ear| {
        let secrets = ["stays", "goes"].map(|name| secret("a", name, 3, &[CERT]));
        let watch = server.holds(&secrets).await;
        ear.until_known(&["a/goes/tls.crt", "a/stays/tls.crt"])
            .await;
        watch.ends_with(410);
        server.call().await.page("20", None, &secrets[..1]);
        ear.until_known(&["a/stays/tls.crt"]).await;
        ear.until_report(|report| {
            *report
                == Report::Resynced {
                    resource: "secrets",
                }
        })
        .await;
        server.call().await.follows("20");
        assert!(
            !ear.reports()
                .iter()
                .any(|report| matches!(report, Report::Failed(_)))
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_between_two_runs_is_removed_by_the_first_list_of_the_second() {
    let secrets = Objects::new(plan(options(), &[tls("tls.crt")], false));
    let ear = Arc::new(Ear::default());
    chapter(&secrets, &ear, async |server, ear| {
        let _watch = server
            .holds(&["x", "y"].map(|name| secret("a", name, 3, &[CERT])))
            .await;
        ear.until_known(&["a/x/tls.crt", "a/y/tls.crt"]).await;
    })
    .await;
    chapter(&secrets, &ear, async |server, ear| {
        let _watch = server.holds(&[secret("a", "y", 3, &[CERT])]).await;
        ear.until_known(&["a/y/tls.crt"]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_does_not_decode_spoils_no_other_of_its_page() {
    story(options(), async |server, ear| {
        let bad = r#"{"metadata":{"name":7,"namespace":"a"},"data":{"tls.key":"PRIVATE"}}"#;
        server
            .paged()
            .await
            .page("10", None, &[bad.into(), secret("a", "good", 4, &[CERT])]);
        ear.until_error(Reason::ApiError).await;
        ear.until_success().await;
        assert_eq!(ear.known(), ["a/good/tls.crt"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_too_large_is_asked_for_in_smaller_ones() {
    story(options(), async |server, ear| {
        let padding = "x".repeat(9 << 20);
        server
            .paged()
            .await
            .answers(&format!(r#"{{"padding":"{padding}"}}"#));
        let page = server.call().await;
        assert!(page.url.ends_with("&limit=12"), "{}", page.url);
        page.page("10", None, &[secret("a", "one", 4, &[CERT])]);
        ear.until_success().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_list_removes_nothing() {
    story(options(), async |server, ear| {
        server
            .holds(&[secret("a", "one", 3, &[CERT])])
            .await
            .ends_with(410);
        for answer in ["{}", "<html>", "[]", r#"{"metadata":{},"items":[]}"#] {
            server.call().await.answers(answer);
            ear.until_failure(Reason::ApiError, "secrets").await;
            assert_eq!(ear.known(), ["a/one/tls.crt"], "after {answer}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ignores_the_field_selector_is_filtered_here() {
    story(options(), async |server, ear| {
        let secrets = [
            typed("Opaque", "a", "opaque", 3, &[CERT]),
            secret("a", "tls", 4, &[CERT]),
        ];
        let _watch = server.holds(&secrets).await;
        ear.until_known(&["a/tls/tls.crt"]).await;
    })
    .await;
}
