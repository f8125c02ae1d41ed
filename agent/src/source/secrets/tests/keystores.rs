//! Keystores in Secrets, and the passphrases that open them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::decode::Passphrase;
use crate::model::Bundle;
use crate::source::objects::tests::server::{Call, Stream, typed};
use crate::source::objects::{Passphrases, SecretKey};

const PKCS12: &[u8] = include_bytes!("../../../../testdata/keystores/modern.p12");
const JKS: &[u8] = include_bytes!("../../../../testdata/keystores/java-keystore.jks");
const RIGHT: &str = "changeit";

/// Secrets of type Opaque with a keystore in the key `store`.
fn stores(pkcs12: Passphrases) -> Watching {
    let keystores = Keystores {
        pkcs12,
        jks: Passphrases::default(),
    };
    let field = Field {
        key: Key::Literal("store".into()),
        format: Format::Certificates,
        keystores: Rc::new(keystores),
    };
    let type_ = SecretType {
        type_: "Opaque".into(),
        fields: vec![field],
        labels: LabelFilter::default(),
    };
    Watching {
        options: options(),
        types: vec![type_],
    }
}

fn store(name: &str, version: u32, bytes: &[u8], more: &[(&str, &str)]) -> String {
    let store = STANDARD.encode(bytes);
    let data = [&[("store", &*store)], more].concat();
    typed("Opaque", "a", name, version, &data)
}

fn reasons(bundle: &Bundle) -> Vec<Reason> {
    let problems = bundle.problems.iter();
    problems.map(|problem| problem.reason).collect()
}

fn opened(ear: &Ear, place: &str) -> bool {
    let bundle = ear.bundle(place);
    !bundle.certificates().is_empty() && bundle.problems.is_empty()
}

/// The passphrases come from the Secret `words`, key `word`, of the keystore's namespace.
fn referred() -> Watching {
    stores(Passphrases {
        secret: Some(SecretKey {
            namespace: None,
            name: "words".into(),
            key: "word".into(),
        }),
        ..Passphrases::default()
    })
}

fn words(version: u32, word: &str) -> String {
    let word = STANDARD.encode(word);
    typed("Opaque", "a", "words", version, &[("word", &word)])
}

fn is_of_words(call: &Call) -> bool {
    call.url.contains("fieldSelector=metadata.name%3Dwords")
}

/// The two watches of a source whose passphrases are in a Secret, once both lists are answered.
async fn watches(server: &mut Server, words: &[String], stores: &[String]) -> (Stream, Stream) {
    let (mut of_words, mut of_stores) = (None, None);
    while of_words.is_none() || of_stores.is_none() {
        let call = server.call().await;
        let is_of_words = is_of_words(&call);
        let (slot, objects) = if is_of_words {
            (&mut of_words, words)
        } else {
            (&mut of_stores, stores)
        };
        if !call.is_streamed() {
            *slot = Some(call.follows("5"));
            continue;
        }
        let stream = call.streams();
        for object in objects {
            stream.event("ADDED", object);
        }
        stream.initial_end("5");
    }
    (of_words.unwrap(), of_stores.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_passphrase_is_taken_from_the_same_secret_from_the_configuration_or_is_empty() {
    let from = Passphrases {
        key: Some("word".into()),
        literal: Some(Passphrase::from("for three")),
        ..Passphrases::default()
    };
    story(stores(from), async |server, ear| {
        let (right, wrong) = (STANDARD.encode("changeit\n"), STANDARD.encode("wrong"));
        let stores = [
            store("one", 3, PKCS12, &[("word", &right)]),
            store("two", 4, PKCS12, &[("word", &wrong)]),
            store("three", 4, PKCS12, &[]),
            store("four", 5, JKS, &[]),
        ];
        let _watch = server.holds(&stores).await;
        ear.until_success().await;
        assert!(opened(ear, "a/one/store"));
        assert!(opened(ear, "a/four/store"));
        for place in ["a/two/store", "a/three/store"] {
            let bundle = ear.bundle(place);
            assert_eq!(reasons(&bundle), [Reason::BadPassphrase], "{place}");
            assert!(bundle.certificates().is_empty());
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_passphrase_in_another_secret_is_known_before_the_keystores_and_followed() {
    story(referred(), async |server, ear| {
        let stores = [store("one", 3, PKCS12, &[])];
        let (words_watch, _stores_watch) = watches(server, &[words(4, RIGHT)], &stores).await;
        ear.until_known(&["a/one/store"]).await;
        assert!(opened(ear, "a/one/store"));

        words_watch.event("MODIFIED", &words(6, "wrong"));
        let again = server.call().await;
        assert!(
            again
                .url
                .starts_with("/api/v1/namespaces/a/secrets?fieldSelector=type")
        );
        again.page("7", None, &stores);
        ear.until(|heard| {
            heard
                .bundles
                .values()
                .any(|bundle| !bundle.problems.is_empty())
        })
        .await;
        assert_eq!(reasons(&ear.bundle("a/one/store")), [Reason::BadPassphrase]);

        words_watch.event("MODIFIED", &words(8, RIGHT));
        server.call().await.page("9", None, &stores);
        ear.until(|heard| {
            heard
                .bundles
                .values()
                .all(|bundle| bundle.problems.is_empty())
        })
        .await;
        assert!(opened(ear, "a/one/store"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_namespaces_are_named_each_watch_reads_its_own_again_and_hears_of_its_ends() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("word");
    std::fs::write(&file, "not yet").unwrap();
    let mut watching = stores(Passphrases {
        file: Some(file.clone()),
        ..Passphrases::default()
    });
    watching.options.namespaces.include = vec!["a".into(), "b".into()];
    story(watching, async |server, ear| {
        let bytes = STANDARD.encode(PKCS12);
        let store = |namespace: &str| typed("Opaque", namespace, "one", 3, &[("store", &bytes)]);
        let mut watches = Vec::new();
        while watches.len() < 2 {
            let call = server.call().await;
            let namespace = if call.url.contains("/a/") { "a" } else { "b" };
            if call.is_streamed() {
                let stream = call.streams();
                stream.event("ADDED", &store(namespace));
                stream.initial_end("5");
            } else {
                watches.push((namespace, call.follows("5")));
            }
        }
        ear.until_known(&["a/one/store", "b/one/store"]).await;
        std::fs::write(&file, RIGHT).unwrap();
        ear.until_known(&["a/one/store", "b/one/store"]).await;
        let mut asked = Vec::new();
        for _ in 0..2 {
            let call = server.call().await;
            let namespace = if call.url.contains("/a/") { "a" } else { "b" };
            asked.push(namespace);
            call.page("7", None, &[store(namespace)]);
        }
        asked.sort_unstable();
        assert_eq!(asked, ["a", "b"]);
        ear.until(|heard| {
            heard
                .bundles
                .values()
                .all(|bundle| bundle.problems.is_empty())
        })
        .await;
        assert!(server.waiting().is_none(), "no watch reads for another");
        for (namespace, watch) in &watches {
            watch.event("DELETED", &store(namespace));
        }
        ear.until_known(&[]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_passphrase_that_may_not_be_read_fails_the_source_and_hides_no_keystore() {
    story(referred(), async |server, ear| {
        let stores = [store("one", 3, PKCS12, &[])];
        let call = server.call().await;
        assert!(is_of_words(&call), "{}", call.url);
        call.fails(403);
        ear.until_failure(Reason::Forbidden, "secrets").await;
        // Other keystores have waited long enough by now.
        let mut allowed = None;
        while allowed.is_none() {
            let call = server.call().await;
            match (is_of_words(&call), call.is_streamed()) {
                (true, _) => call.fails(403),
                (false, true) => {
                    let stream = call.streams();
                    stream.event("ADDED", &stores[0]);
                    stream.initial_end("5");
                }
                (false, false) => allowed = Some(call.follows("5")),
            }
        }
        ear.until_known(&["a/one/store"]).await;
        assert_eq!(reasons(&ear.bundle("a/one/store")), [Reason::BadPassphrase]);

        let mut of_words = None;
        loop {
            let call = server.call().await;
            match (is_of_words(&call), call.is_streamed()) {
                (true, true) => {
                    let stream = call.streams();
                    stream.event("ADDED", &words(6, RIGHT));
                    stream.initial_end("6");
                }
                (true, false) => of_words = Some(call.follows("6")),
                (false, _) => {
                    call.page("7", None, &stores);
                    break;
                }
            }
        }
        ear.until(|heard| {
            heard
                .bundles
                .values()
                .all(|bundle| bundle.problems.is_empty())
        })
        .await;
        assert!(opened(ear, "a/one/store"));
        drop((allowed, of_words));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_passphrase_in_a_file_is_read_anew_when_the_file_is_another_one() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("word");
    std::fs::write(&file, "not yet\n").unwrap();
    let from = Passphrases {
        file: Some(file.clone()),
        ..Passphrases::default()
    };
    story(stores(from), async |server, ear| {
        let stores = [store("one", 3, PKCS12, &[])];
        let _watch = server.holds(&stores).await;
        ear.until_success().await;
        assert_eq!(reasons(&ear.bundle("a/one/store")), [Reason::BadPassphrase]);
        std::fs::write(&file, "changeit\n").unwrap();
        server.call().await.page("7", None, &stores);
        ear.until(|heard| {
            heard
                .bundles
                .values()
                .all(|bundle| bundle.problems.is_empty())
        })
        .await;
        assert!(opened(ear, "a/one/store"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_keystore_that_is_as_it_was_is_not_opened_again_by_the_next_list() {
    let from = Passphrases {
        literal: Some(RIGHT.into()),
        ..Passphrases::default()
    };
    story(stores(from), async |server, ear| {
        let stores = ["one", "two"].map(|name| store(name, 3, PKCS12, &[]));
        let watch = server.holds(&stores).await;
        ear.until_known(&["a/one/store", "a/two/store"]).await;
        let before = ear.hear(|heard| heard.changes);
        watch.ends_with(410);
        let _watch = server.holds(&stores[..1]).await;
        ear.until_known(&["a/one/store"]).await;
        assert!(opened(ear, "a/one/store"));
        // The end of the other, and nothing else.
        assert_eq!(ear.hear(|heard| heard.changes), before + 1);
    })
    .await;
}

/// The Secret with the passphrases is in the namespace `a`, whoever asks.
fn named() -> Passphrases {
    Passphrases {
        secret: Some(SecretKey {
            namespace: Some("a".into()),
            name: "words".into(),
            key: "word".into(),
        }),
        ..Passphrases::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_passphrase_that_comes_while_the_first_keystore_is_being_opened_opens_it() {
    story(stores(named()), async |server, ear| {
        let (words_watch, stores_watch) = watches(server, &[words(4, "wrong")], &[]).await;
        ear.until_success().await;
        let store = store("one", 6, PKCS12, &[]);
        stores_watch.event("ADDED", &store);
        words_watch.event("MODIFIED", &words(7, RIGHT));
        server.call().await.page("8", None, &[store]);
        ear.until(|heard| {
            let mut bundles = heard.bundles.values();
            bundles.any(|bundle| bundle.problems.is_empty())
        })
        .await;
        assert!(opened(ear, "a/one/store"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_references_to_one_secret_do_not_forget_what_the_other_knows() {
    let mut watching = stores(named());
    let anywhere = Passphrases {
        secret: Some(SecretKey {
            namespace: None,
            name: "words".into(),
            key: "another".into(),
        }),
        ..Passphrases::default()
    };
    watching.types[0].fields[0].keystores = Rc::new(Keystores {
        pkcs12: named(),
        jks: anywhere,
    });
    story(watching, async |server, ear| {
        let store = store("one", 3, PKCS12, &[]);
        let mut streams = BTreeMap::new();
        while streams.len() < 3 {
            let call = server.call().await;
            let url = call.url.split('&').next().unwrap().to_owned();
            if !call.is_streamed() {
                streams.insert(url, call.follows("5"));
                continue;
            }
            let object = if is_of_words(&call) {
                words(4, RIGHT)
            } else {
                store.clone()
            };
            let stream = call.streams();
            stream.event("ADDED", &object);
            stream.initial_end("5");
        }
        ear.until_success().await;
        assert!(opened(ear, "a/one/store"));
        let everywhere = "/api/v1/secrets?fieldSelector=metadata.name%3Dwords";
        streams.remove(everywhere).unwrap().ends_with(410);
        let stream = server.call().await.streams();
        stream.event("ADDED", &words(4, RIGHT));
        stream.initial_end("9");
        let _watch = server.call().await.follows("9");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(server.waiting().is_none(), "nothing is read again");
        assert!(opened(ear, "a/one/store"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_keystore_that_is_opened_while_its_namespace_is_left_is_not_told() {
    let mut watching = stores(Passphrases {
        literal: Some(RIGHT.into()),
        ..Passphrases::default()
    });
    watching.options.namespace_labels.include = vec!["watched=yes".into()];
    story(watching, async |server, ear| {
        let namespaces = server.call().await.streams();
        for name in ["a", "b"] {
            namespaces.event("ADDED", &server::namespace(name, 3));
        }
        namespaces.initial_end("5");
        let (mut of_namespaces, mut of_stores) = (None, None);
        while of_namespaces.is_none() || of_stores.is_none() {
            let call = server.call().await;
            match (call.url.contains("/namespaces?"), call.is_streamed()) {
                (true, _) => of_namespaces = Some(call.follows("5")),
                (false, true) => call.streams().initial_end("5"),
                (false, false) => of_stores = Some(call.follows("5")),
            }
        }
        let (namespaces, stores) = (of_namespaces.unwrap(), of_stores.unwrap());
        stores.event("ADDED", &store("one", 6, PKCS12, &[]));
        namespaces.event("DELETED", &server::namespace("a", 7));
        let other = store("two", 8, PKCS12, &[]).replace(r#""a""#, r#""b""#);
        stores.event("ADDED", &other);
        ear.until(|heard| heard.known().contains(&"b/two/store".to_owned()))
            .await;
        assert_eq!(ear.known(), ["b/two/store"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_started_anew_tries_the_passphrases_of_now() {
    let Watching { options, types } = stores(named());
    let secrets = Objects::new(plan(options, &types, false));
    let ear = Arc::new(Ear::default());
    for (word, is_open) in [("wrong", false), (RIGHT, true)] {
        chapter(&secrets, &ear, async |server, ear| {
            let stores = [store("one", 3, PKCS12, &[])];
            let _watches = watches(server, &[words(4, word)], &stores).await;
            ear.until_success().await;
            assert_eq!(opened(ear, "a/one/store"), is_open, "{word}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_object_holds_up_the_others_by_keystores_without_end() {
    let from = Passphrases {
        literal: Some(RIGHT.into()),
        ..Passphrases::default()
    };
    let Watching { options, mut types } = stores(from);
    types[0].fields[0].key = pattern("^s");
    let watching = Watching { options, types };
    story(watching, async |server, ear| {
        let bytes = STANDARD.encode(PKCS12);
        let keys: Vec<_> = (10..28).map(|number| format!("s{number}")).collect();
        let data: Vec<_> = keys.iter().map(|key| (&**key, &*bytes)).collect();
        let _watch = server.holds(&[typed("Opaque", "a", "one", 3, &data)]).await;
        ear.until_success().await;
        let opened: Vec<_> = keys
            .iter()
            .filter(|key| opened(ear, &format!("a/one/{key}")))
            .collect();
        assert_eq!(opened.len(), 16);
        assert_eq!(reasons(&ear.bundle("a/one/s27")), [Reason::TooMany]);
    })
    .await;
}
