//! Which Secrets are looked at.

use super::server::{Call, Stream, namespace, secret};
use super::*;

const CERT: (&str, &str) = ("tls.crt", "CERT");

fn globs(include: &[&str], exclude: &[&str]) -> Globs {
    let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
    Globs {
        include: owned(include),
        exclude: owned(exclude),
    }
}

#[tokio::test(start_paused = true)]
async fn names_and_namespaces_are_matched_by_globs() {
    let options = Options {
        namespaces: globs(&["team-*", "web"], &["*-test"]),
        names: globs(&["*"], &["old-?"]),
        ..options()
    };
    story(options, async |server, ear| {
        let secrets: Vec<_> = ["team-a", "team-a-test", "web", "web2"]
            .into_iter()
            .flat_map(|namespace| ["new", "old-1"].map(|name| secret(namespace, name, 3, &[CERT])))
            .collect();
        let watch = server.holds(&secrets).await;
        ear.until_known(&["team-a/new/tls.crt", "web/new/tls.crt"])
            .await;
        watch.event("ADDED", &secret("web", "old-2", 11, &[CERT]));
        watch.event("ADDED", &secret("web", "zebra", 12, &[CERT]));
        ear.until_known(&["team-a/new/tls.crt", "web/new/tls.crt", "web/zebra/tls.crt"])
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn labels_are_selected_on_the_server() {
    let labels = LabelFilter {
        include: vec!["a=b".into()],
        exclude: vec!["c".into()],
    };
    story(
        Options {
            labels,
            ..options()
        },
        async |server, _| {
            let url = server.call().await.url;
            assert!(url.contains("&labelSelector=a%3Db%2C%21c&"), "{url}");
        },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn namespaces_named_one_by_one_are_watched_one_by_one() {
    let options = Options {
        namespaces: globs(&["web", "db", "web", "test"], &["t*"]),
        ..options()
    };
    story(options, async |server, ear| {
        for name in ["db", "web"] {
            let call = server.call().await;
            let path = format!("/api/v1/namespaces/{name}/secrets?");
            assert!(call.url.starts_with(&path), "{}", call.url);
            let stream = call.streams();
            stream.event("ADDED", &secret(name, "one", 3, &[CERT]));
            stream.initial_end("5");
        }
        ear.until_known(&["db/one/tls.crt", "web/one/tls.crt"])
            .await;
        ear.until_success().await;
    })
    .await;
}

/// A Role in each of the namespaces is all the rights there may be.
#[tokio::test(start_paused = true)]
async fn where_namespaces_are_named_no_answer_makes_the_source_ask_for_more_than_these() {
    let watching = Watching {
        types: vec![tls("tls.crt"), of_type("Opaque", pattern("crt$"))],
        options: Options {
            namespaces: globs(&["web", "db"], &[]),
            ..options()
        },
    };
    story(watching, async |server, _| {
        let mut asked = BTreeMap::new();
        for turn in 0..200 {
            let call = server.call().await;
            let named = ["db", "web"].into_iter().find(|name| {
                call.url
                    .starts_with(&format!("/api/v1/namespaces/{name}/secrets?"))
            });
            let named = named.unwrap_or_else(|| panic!("{}", call.url));
            *asked.entry(named).or_insert(0) += 1;
            match turn % 7 {
                0 => call.fails(403),
                1 => call.fails(422),
                2 => call.fails(410),
                3 => call.fails(500),
                _ if call.is_streamed() => call.streams().initial_end("5"),
                _ if call.url.contains("limit=") => call.page("5", None, &[]),
                _ => call.follows("5").ends_with(410),
            }
        }
        assert!(asked.values().all(|asked| *asked > 20), "{asked:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_forbidden_fails_the_source_and_hides_no_other() {
    let options = Options {
        namespaces: globs(&["db", "web"], &[]),
        ..options()
    };
    story(options, async |server, ear| {
        server.call().await.fails(403);
        let stream = server.call().await.streams();
        stream.event("ADDED", &secret("web", "one", 3, &[CERT]));
        stream.initial_end("5");
        ear.until_failure(Reason::Forbidden, "secrets").await;
        ear.until_known(&["web/one/tls.crt"]).await;
        let (mut web, mut refused) = (None, 0);
        while web.is_none() || refused < 3 {
            let call = server.call().await;
            if call.url.contains("/web/") {
                web = Some(call.follows("5"));
            } else {
                refused += 1;
                call.fails(403);
            }
        }
        let web = web.unwrap();
        web.bookmark("6");
        web.event("MODIFIED", &secret("web", "two", 7, &[CERT]));
        ear.until_known(&["web/one/tls.crt", "web/two/tls.crt"])
            .await;
        let reports = ear.reports();
        assert!(!reports.contains(&Report::Succeeded), "{reports:?}");
        let db = loop {
            let call = server.call().await;
            if call.url.contains("/db/") {
                break call;
            }
            drop(call.follows("7"));
        };
        db.streams().initial_end("9");
        ear.until_success().await;
    })
    .await;
}

fn by_label() -> Options {
    let include = vec!["watched=yes".into()];
    Options {
        namespace_labels: LabelFilter {
            include,
            exclude: vec![],
        },
        ..options()
    }
}

fn is_of_namespaces(call: &Call) -> bool {
    call.url
        .starts_with("/api/v1/namespaces?labelSelector=watched%3Dyes")
}

/// The two watches of a source that selects by namespace label, once `shown` is selected.
async fn watches(server: &mut Server, secrets: &[String]) -> (Stream, Stream) {
    let call = server.call().await;
    assert!(is_of_namespaces(&call), "{}", call.url);
    let stream = call.streams();
    stream.event("ADDED", &namespace("shown", 3));
    stream.initial_end("5");
    let (mut namespaces, mut watch) = (None, None);
    while namespaces.is_none() || watch.is_none() {
        let call = server.call().await;
        match is_of_namespaces(&call) {
            true => namespaces = Some(call.follows("5")),
            false if call.is_streamed() => {
                let stream = call.streams();
                for secret in secrets {
                    stream.event("ADDED", secret);
                }
                stream.initial_end("6");
            }
            false => watch = Some(call.follows("6")),
        }
    }
    (namespaces.unwrap(), watch.unwrap())
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_listed_before_it_is_known_which_namespaces_are_selected() {
    story(by_label(), async |server, ear| {
        let stream = server.call().await.streams();
        stream.event("ADDED", &namespace("shown", 3));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(server.waiting().is_none());
        drop(stream);
        ear.until_failure(Reason::ApiError, "namespaces").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_gains_or_loses_its_label_gains_or_loses_its_secrets_at_once() {
    story(by_label(), async |server, ear| {
        let secrets = [
            secret("hidden", "one", 3, &[CERT]),
            secret("shown", "one", 4, &[CERT]),
        ];
        let (namespaces, watch) = watches(server, &secrets).await;
        ear.until_known(&["shown/one/tls.crt"]).await;

        namespaces.event("ADDED", &namespace("hidden", 7));
        let call = server.call().await;
        assert!(
            call.url
                .starts_with("/api/v1/namespaces/hidden/secrets?fieldSelector=")
        );
        // This is said before the list is answered, and is not lost.
        watch.event("MODIFIED", &secret("hidden", "two", 9, &[CERT]));
        watch.event("DELETED", &secret("hidden", "three", 9, &[CERT]));
        call.page(
            "8",
            None,
            &[secrets[0].clone(), secret("hidden", "three", 5, &[CERT])],
        );
        ear.until_known(&[
            "hidden/one/tls.crt",
            "hidden/two/tls.crt",
            "shown/one/tls.crt",
        ])
        .await;

        namespaces.event("DELETED", &namespace("shown", 10));
        ear.until_known(&["hidden/one/tls.crt", "hidden/two/tls.crt"])
            .await;
        watch.event("MODIFIED", &secret("shown", "one", 11, &[CERT]));
        watch.event("DELETED", &secret("hidden", "two", 12, &[CERT]));
        ear.until_known(&["hidden/one/tls.crt"]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_was_unselected_during_a_break_loses_its_secrets() {
    story(by_label(), async |server, ear| {
        let (namespaces, _watch) = watches(server, &[secret("shown", "one", 4, &[CERT])]).await;
        ear.until_known(&["shown/one/tls.crt"]).await;
        namespaces.ends_with(410);
        server.call().await.streams().initial_end("20");
        ear.until_known(&[]).await;
        ear.until_report(|report| {
            *report
                == Report::Resynced {
                    resource: "namespaces",
                }
        })
        .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_cannot_be_listed_leads_to_a_full_list() {
    story(by_label(), async |server, ear| {
        let (namespaces, _watch) = watches(server, &[]).await;
        namespaces.event("ADDED", &namespace("new", 7));
        server.call().await.fails(500);
        ear.until_failure(Reason::ApiError, "secrets").await;
        let stream = server.call().await.streams();
        stream.event("ADDED", &secret("new", "one", 8, &[CERT]));
        stream.initial_end("9");
        ear.until_known(&["new/one/tls.crt"]).await;
        ear.until_success().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_two_selections_of_one_type_hold_is_gone_when_neither_holds_it() {
    let labelled = |label: &str| {
        let mut type_ = tls("tls.crt");
        type_.labels.include.push(label.into());
        type_
    };
    let watching = Watching {
        options: options(),
        types: vec![labelled("team=blue"), labelled("other=y")],
    };
    story(watching, async |server, ear| {
        let (mut blue, mut other) = (None, None);
        while blue.is_none() || other.is_none() {
            let call = server.call().await;
            let slot = if call.url.contains("team%3Dblue") {
                &mut blue
            } else {
                &mut other
            };
            if call.is_streamed() {
                let stream = call.streams();
                stream.event("ADDED", &secret("a", "one", 3, &[CERT]));
                stream.initial_end("5");
            } else {
                *slot = Some(call.follows("5"));
            }
        }
        let (blue, other) = (blue.unwrap(), other.unwrap());
        ear.until_known(&["a/one/tls.crt"]).await;
        blue.event("DELETED", &secret("a", "one", 6, &[CERT]));
        blue.event("ADDED", &secret("a", "two", 7, &[CERT]));
        ear.until_known(&["a/one/tls.crt", "a/two/tls.crt"]).await;
        other.event("DELETED", &secret("a", "one", 8, &[CERT]));
        ear.until_known(&["a/two/tls.crt"]).await;
    })
    .await;
}
