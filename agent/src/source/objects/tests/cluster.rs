//! Stories of objects that are in no namespace.

use tokio::time::Instant;

use super::server::{Call, Stream};
use super::*;
use crate::source::ca_bundles::{self, Resources};
use crate::source::clusters;

fn source(resources: Resources) -> Objects {
    Objects::new(ca_bundles::plan(Options::default(), resources))
}

fn definition(name: &str, version: u32, description: &str) -> String {
    let bundle = server::certificate();
    format!(
        r#"{{"metadata":{{"name":"{name}","resourceVersion":"{version}"}},"spec":{{"versions":[{{"schema":{{
        "openAPIV3Schema":{{"description":"{description}"}}}}}}],"conversion":{{"strategy":"Webhook",
        "webhook":{{"clientConfig":{{"caBundle":"{bundle}"}}}}}}}}}}"#
    )
    .replace('\n', "")
}

#[tokio::test(start_paused = true)]
async fn an_object_of_the_cluster_is_seen_rotated_and_gone() {
    let source = source(Resources {
        conversions: true,
        ..Resources::default()
    });
    let ear = Arc::new(Ear::default());
    chapter(&source, &ear, async |server, ear| {
        let call = server.call().await;
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?";
        assert!(call.url.starts_with(path), "{}", call.url);
        let stream = call.streams();
        // Definitions of two megabytes are as large as they come.
        stream.event("ADDED", &definition("large", 3, &"x".repeat(2 << 20)));
        stream.event("ADDED", &definition("small", 4, ""));
        stream.initial_end("5");
        ear.until_known(&["/large/", "/small/"]).await;
        ear.until_success().await;
        let watch = server.call().await.follows("5");
        let changed = definition("small", 6, "").replace(server::certificate(), "!");
        watch.event("MODIFIED", &changed);
        ear.until(|heard| {
            let mut all = heard.bundles.values();
            all.any(|bundle| !bundle.problems.is_empty())
        })
        .await;
        watch.event("DELETED", &changed);
        ear.until_known(&["/large/"]).await;
        watch.event(
            "MODIFIED",
            r#"{"metadata":{"name":"large","resourceVersion":"8"},"spec":{}}"#,
        );
        ear.until_known(&[]).await;
    })
    .await;
}

/// Lets the watch of this resource begin with a list, unless it is refused.
fn begin(call: Call) -> Option<Stream> {
    if call.is_streamed() {
        call.streams().initial_end("5");
        return None;
    }
    Some(call.follows("5"))
}

#[tokio::test(start_paused = true)]
async fn one_kind_that_is_refused_fails_the_source_and_hides_no_other() {
    let source = source(Resources {
        mutating: true,
        validating: true,
        ..Resources::default()
    });
    let ear = Arc::new(Ear::default());
    chapter(&source, &ear, async |server, ear| {
        let mut watch = None;
        while watch.is_none() {
            let call = server.call().await;
            if call.url.contains("/validatingwebhookconfigurations") {
                call.fails(403);
            } else {
                watch = begin(call);
            }
        }
        let resource = "validatingwebhookconfigurations";
        ear.until_failure(Reason::Forbidden, resource).await;
        let bundle = server::certificate();
        let object = format!(
            r#"{{"metadata":{{"name":"a","resourceVersion":"6"}},"webhooks":[{{"name":"w","clientConfig":{{"caBundle":"{bundle}"}}}}]}}"#
        );
        watch.unwrap().event("ADDED", &object);
        ear.until_known(&["/a/w"]).await;
        assert!(!ear.reports().contains(&Report::Succeeded));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_the_server_lacks_is_told_and_found_within_a_minute_of_its_making() {
    let source = Objects::new(clusters::plan(Options::default()));
    let ear = Arc::new(Ear::default());
    chapter(&source, &ear, async |server, ear| {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3600 / 2) {
            server.call().await.fails(404);
            ear.until_report(|report| match report {
                Report::Failed(failure) => {
                    assert_eq!(failure.reason, Reason::NotFound);
                    assert!(
                        failure
                            .detail
                            .contains("the API server has no such resource")
                    );
                    true
                }
                _ => false,
            })
            .await;
        }
        let made = Instant::now();
        let call = server.call().await;
        assert!(made.elapsed() < Duration::from_secs(60));
        let stream = call.streams();
        stream.event(
            "ADDED",
            r#"{"metadata":{"name":"a"},"spec":{"connection":{"kubeconfig":"!"}}}"#,
        );
        stream.initial_end("5");
        ear.until_known(&["/a/"]).await;
        ear.until_success().await;
    })
    .await;
}
