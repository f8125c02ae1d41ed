//! What a watch says while all is well.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::server::{secret, typed};
use super::*;

const CERT: (&str, &str) = ("tls.crt", "CERT");
const CA: (&str, &str) = ("ca.crt", "CERT");

fn two_keys() -> Watching {
    Watching {
        types: vec![tls("tls.crt"), tls("ca.crt")],
        options: options(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_vanished_is_removed_and_its_neighbour_stays() {
    story(two_keys(), async |server, ear| {
        let watch = server.holds(&[secret("a", "one", 3, &[CERT, CA])]).await;
        ear.until_known(&["a/one/ca.crt", "a/one/tls.crt"]).await;
        watch.event("MODIFIED", &secret("a", "one", 11, &[CERT]));
        ear.until_known(&["a/one/tls.crt"]).await;
        watch.event("MODIFIED", &secret("a", "one", 12, &[]));
        ear.until_known(&[]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_secret_takes_all_its_keys_and_none_of_a_longer_name() {
    story(two_keys(), async |server, ear| {
        let secrets = ["web", "web-tls", "webhook"].map(|name| secret("a", name, 3, &[CERT, CA]));
        let watch = server.holds(&secrets).await;
        ear.until_success().await;
        watch.event("DELETED", &secret("a", "web", 11, &[CERT, CA]));
        ear.until_known(&[
            "a/web-tls/ca.crt",
            "a/web-tls/tls.crt",
            "a/webhook/ca.crt",
            "a/webhook/tls.crt",
        ])
        .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_resumed_where_it_ended() {
    story(options(), async |server, ear| {
        let watch = server.holds(&[]).await;
        watch.event("ADDED", &secret("a", "one", 12, &[CERT]));
        ear.until_known(&["a/one/tls.crt"]).await;
        watch.breaks();
        ear.until_error(Reason::Unreachable).await;
        let watch = server.call().await.follows("12");
        watch.bookmark("30");
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(watch);
        let watch = server.call().await.follows("30");
        watch.event("DELETED", &secret("a", "one", 31, &[CERT]));
        ear.until_known(&[]).await;
        assert!(
            ear.reports()
                .iter()
                .all(|report| *report == Report::Succeeded)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_keys_came_through_is_given_up_once_it_rests() {
    story(options(), async |server, ear| {
        let watch = server.holds(&[]).await;
        for version in 11..21 {
            watch.event("MODIFIED", &secret("a", "one", version, &[CERT]));
            tokio::time::sleep(Duration::from_secs(4)).await;
            assert!(server.waiting().is_none(), "while events come it is kept");
        }
        let rested = tokio::time::Instant::now();
        watch.is_dropped().await;
        assert!(rested.elapsed() < Duration::from_secs(2));
        let watch = server.call().await.follows("20");
        watch.bookmark("30");
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(server.waiting().is_none(), "nothing came through this one");
        assert!(!ear.reports().contains(&Report::Panicked));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_made_anew_with_another_type_survives_the_late_word_of_its_end() {
    let opaque = SecretType {
        type_: "Opaque".into(),
        ..tls("tls.crt")
    };
    let watching = Watching {
        types: vec![tls("tls.crt"), opaque],
        options: options(),
    };
    story(watching, async |server, ear| {
        let old = secret("a", "one", 3, &[CERT]);
        let new = typed("Opaque", "a", "one", 12, &[CERT]);
        let (mut tls, mut opaque) = (None, None);
        while tls.is_none() || opaque.is_none() {
            let call = server.call().await;
            let is_tls = call.url.contains("kubernetes.io");
            let watch = if is_tls { &mut tls } else { &mut opaque };
            match call.url.contains("resourceVersion=10") {
                true => *watch = Some(call.follows("10")),
                false if call.is_streamed() => call.fails(422),
                false if is_tls => call.page("10", None, std::slice::from_ref(&old)),
                false => call.page("10", None, &[]),
            }
        }
        let (tls, opaque) = (tls.unwrap(), opaque.unwrap());
        ear.until_known(&["a/one/tls.crt"]).await;
        let changes = ear.hear(|heard| heard.changes);
        opaque.event("ADDED", &new);
        ear.until(|heard| heard.changes > changes).await;
        tls.event("DELETED", &old);
        tls.event("MODIFIED", &secret("a", "one", 4, &[("tls.crt", "")]));
        tls.event("ADDED", &secret("a", "two", 14, &[CERT]));
        ear.until_known(&["a/one/tls.crt", "a/two/tls.crt"]).await;
        assert_eq!(
            ear.bundle("a/one/tls.crt").problems,
            [],
            "an older version is no news"
        );
        opaque.event("DELETED", &new);
        ear.until_known(&["a/two/tls.crt"]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn exposed_labels_come_along_sorted_and_no_others() {
    let expose_labels = ["team", "app.kubernetes.io/name", "absent"]
        .map(Into::into)
        .into();
    story(
        Options {
            expose_labels,
            ..options()
        },
        async |server, ear| {
            let _watch = server.holds(&[secret("a", "one", 3, &[CERT])]).await;
            ear.until_success().await;
            let labels = ear.bundle("a/one/tls.crt").labels;
            let labels: Vec<_> = labels
                .iter()
                .map(|(name, value)| (&**name, &**value))
                .collect();
            assert_eq!(labels, [("app.kubernetes.io/name", "x"), ("team", "blue")]);
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_or_broken_value_is_a_problem_of_its_key() {
    let watching = Watching {
        types: vec![of_type("Opaque", pattern(r"^c\d$"))],
        options: options(),
    };
    story(watching, async |server, ear| {
        let data = [("c1", ""), ("c2", "PRIVATE!"), ("c33", "CERT")];
        let empty = typed("Opaque", "a", "one", 3, &data);
        let null = r#"{"data":{"c3":null},"metadata":{"name":"two","namespace":"a"}}"#;
        let none = r#"{"metadata":{"name":"three","namespace":"a","labels":null},"data":null}"#;
        let _watch = server.holds(&[empty, null.into(), none.into()]).await;
        ear.until_success().await;
        assert_eq!(ear.known(), ["a/one/c1", "a/one/c2", "a/two/c3"]);
        for (place, reason) in [
            ("a/one/c1", Reason::NoCertificateFound),
            ("a/one/c2", Reason::BadBase64),
            ("a/two/c3", Reason::NoCertificateFound),
        ] {
            let bundle = ear.bundle(place);
            let [problem] = &*bundle.problems else {
                panic!("{place}: {bundle:?}")
            };
            assert_eq!(problem.reason, reason, "{place}");
            assert!(!problem.detail.contains("PRIVATE"));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_certificates_of_a_key_are_decoded() {
    story(options(), async |server, ear| {
        let _watch = server.holds(&[secret("a", "one", 3, &[CERT])]).await;
        ear.until_success().await;
        let bundle = ear.bundle("a/one/tls.crt");
        assert_eq!(bundle.problems, []);
        let [certificate] = bundle.certificates() else {
            panic!("{bundle:?}")
        };
        assert_eq!(certificate.subject().common_name, Some("test"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_private_key_is_a_problem_where_it_was_named_and_nothing_where_a_pattern_matched() {
    let key = STANDARD.encode(rcgen::KeyPair::generate().unwrap().serialize_pem());
    for (wanted, known) in [
        (Key::Literal("tls.key".into()), &["a/one/tls.key"][..]),
        (pattern("^tls"), &["a/one/tls.crt"][..]),
    ] {
        let types = vec![of_type("kubernetes.io/tls", wanted)];
        let watching = Watching {
            types,
            options: options(),
        };
        story(watching, async |server, ear| {
            let _watch = server
                .holds(&[secret("a", "one", 3, &[("tls.key", &key), CERT])])
                .await;
            ear.until_success().await;
            assert_eq!(ear.known(), known);
            let problems = ear.bundle(known[0]).problems;
            let reasons: Vec<_> = problems.iter().map(|problem| problem.reason).collect();
            let expected = [Reason::NoCertificateFound];
            assert_eq!(reasons, expected[..usize::from(known[0].ends_with("key"))]);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_matches_hundreds_of_keys_is_cut_off_and_says_so() {
    // Nothing, and the beginning of a keystore.
    for (value, reason) in [
        ("", Reason::NoCertificateFound),
        ("/u3+7Q==", Reason::BadJks),
    ] {
        let watching = Watching {
            types: vec![of_type("Opaque", pattern("^k"))],
            options: options(),
        };
        story(watching, async |server, ear| {
            let keys: Vec<_> = (0..300).map(|number| format!("k{number:03}")).collect();
            let data: Vec<_> = keys.iter().map(|key| (&**key, value)).collect();
            let _watch = server.holds(&[typed("Opaque", "a", "one", 3, &data)]).await;
            ear.until_success().await;
            assert_eq!(ear.known().len(), 257);
            for (key, expected) in [("a/one/k255", reason), ("a/one/k256", Reason::TooMany)] {
                let problems = ear.bundle(key).problems;
                let reasons: Vec<_> = problems.iter().map(|problem| problem.reason).collect();
                assert_eq!(reasons, [expected], "{key}");
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn success_is_said_again_while_nothing_happens_but_not_with_every_event() {
    story(options(), async |server, ear| {
        let mut watch = server.holds(&[]).await;
        ear.until_success().await;
        for version in 11..200 {
            watch.bookmark(&version.to_string());
        }
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(45)).await;
            drop(watch);
            watch = server.call().await.follows("199");
            ear.until_success().await;
        }
        assert!(ear.reports().len() < 20);
    })
    .await;
}
