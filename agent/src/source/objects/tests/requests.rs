//! Stories of requests that replace each other.

use super::*;
use crate::source::requests;

fn request(namespace: &str, name: &str, revision: u32, issued: bool) -> String {
    let certificate = server::certificate();
    let certificate = if issued { certificate } else { "" };
    format!(
        r#"{{"metadata":{{"namespace":"{namespace}","name":"{name}","resourceVersion":"11","annotations":{{"cert-manager.io/certificate-name":"shop","cert-manager.io/certificate-revision":"{revision}"}}}},"status":{{"certificate":"{certificate}"}}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn the_newest_issued_request_of_a_certificate_is_known_through_renewals_and_lists() {
    let source = Objects::new(requests::plan(Options::default()));
    let ear = Arc::new(Ear::default());
    chapter(&source, &ear, async |server, ear| {
        let call = server.paged().await;
        let path = "/apis/cert-manager.io/v1/certificaterequests?";
        assert!(call.url.starts_with(path), "{}", call.url);
        let both = ["shop-1", "shop-2"];
        let both = both.map(|name| request("web", name, name[5..].parse().unwrap(), true));
        call.page("10", None, &both);
        ear.until_known(&["web/shop-2/shop"]).await;
        let watch = server.call().await.follows("10");
        watch.event("ADDED", &request("web", "shop-3", 3, false));
        watch.event("ADDED", &request("db", "shop-1", 1, true));
        ear.until_known(&["db/shop-1/shop", "web/shop-2/shop"])
            .await;
        watch.event("MODIFIED", &request("web", "shop-3", 3, true));
        ear.until_known(&["db/shop-1/shop", "web/shop-3/shop"])
            .await;
        watch.event("DELETED", &request("web", "shop-3", 3, true));
        ear.until_known(&["db/shop-1/shop", "web/shop-2/shop"])
            .await;
        watch.ends_with(410);
        server.call().await.page("20", None, &both[..1]);
        ear.until_known(&["web/shop-1/shop"]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_newest_is_remembered_from_one_run_to_the_next() {
    let include = vec!["web".to_owned()];
    let namespaces = Globs {
        include,
        exclude: Vec::new(),
    };
    let source = Objects::new(requests::plan(Options {
        namespaces,
        ..Options::default()
    }));
    let ear = Arc::new(Ear::default());
    for (version, all, known) in [
        ("10", &["shop-1", "shop-2"][..], &["web/shop-2/shop"][..]),
        ("20", &["shop-1"], &["web/shop-1/shop"]),
        ("30", &[], &[]),
    ] {
        let all: Vec<_> = all
            .iter()
            .map(|name| request("web", name, name[5..].parse().unwrap(), true))
            .collect();
        chapter(&source, &ear, async |server, ear| {
            let call = server.paged().await;
            assert!(call.url.contains("/v1/namespaces/web/"), "{}", call.url);
            call.page(version, None, &all);
            ear.until_known(known).await;
            ear.until_success().await;
            assert_eq!(ear.known(), known);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn all_revisions_of_a_certificate_are_in_one_share() {
    // Of two shares, the first has the Certificate shop of web, and the second other.
    let other = request("web", "shop-2", 2, true).replace("\"shop\"", "\"other\"");
    for (index, first, then) in [
        (0, &["web/shop-2/shop"][..], &["web/shop-1/shop"][..]),
        (1, &[], &["web/shop-2/other"]),
    ] {
        let source = Objects::new(requests::plan(Options {
            shard: Some(Shard { index, total: 2 }),
            ..Options::default()
        }));
        let ear = Arc::new(Ear::default());
        chapter(&source, &ear, async |server, ear| {
            let both = ["shop-1", "shop-2"];
            let both = both.map(|name| request("web", name, name[5..].parse().unwrap(), true));
            let watch = server.holds(&both).await;
            ear.until_success().await;
            assert_eq!(ear.known(), first);
            watch.event("MODIFIED", &other);
            ear.until_known(then).await;
        })
        .await;
    }
}
