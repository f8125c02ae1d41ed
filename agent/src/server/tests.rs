use std::io::Read as _;

use axum::body::to_bytes;
use axum::http::Request;
use tower::ServiceExt as _;

use super::*;
use crate::clock::Clock;
use crate::expose::Options;
use crate::expose::cache::Cache;
use crate::inventory::Inventory;
use crate::model::{Bundle, Certificate, Change, Location, Name};
use crate::source::Report;

fn app() -> Arc<App> {
    let inventory = Arc::new(Inventory::default());
    let certificate = Certificate {
        not_before: 0,
        not_after: 100,
        serial: Some("1".into()),
        subject: Name::default(),
        issuer: Name::default(),
        ca: false,
        fingerprint: [1; 32],
    };
    let bundle = Bundle {
        certificates: Some(vec![Arc::new(certificate)]),
        ..Bundle::default()
    };
    inventory.apply(0, Change::Upsert(Location::file("/a"), bundle));
    let clock = Clock::fixed(7);
    let health = Arc::new(Health::new(&[("file", "files".to_owned())], &clock).unwrap());
    let scrape = Scrape {
        inventory,
        health: Arc::clone(&health),
        options: Options {
            relative: true,
            ..Options::default()
        },
        clock,
        cache: Cache::default(),
        sources: 1,
    };
    Arc::new(App { scrape, health })
}

async fn get_from(app: &Arc<App>, path: &str, accept: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = Request::get(path).header(header::ACCEPT_ENCODING, accept);
    let request = request.body(Body::empty()).unwrap();
    let response = router(Arc::clone(app)).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    (
        head.status,
        head.headers,
        to_bytes(body, usize::MAX).await.unwrap().to_vec(),
    )
}

#[tokio::test]
async fn ready_only_after_each_source_has_tried() {
    let app = app();
    assert_eq!(
        get_from(&app, "/readyz", "").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );
    app.health.source(0).unwrap().take(&Report::Succeeded);
    assert_eq!(get_from(&app, "/readyz", "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn alive_before_ready() {
    assert_eq!(get_from(&app(), "/healthz", "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn unknown_routes_are_not_found() {
    assert_eq!(
        get_from(&app(), "/secrets", "").await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn gzip_and_identity_say_the_same() {
    let app = app();
    let (_, head, plain) = get_from(&app, "/metrics", "identity").await;
    assert_eq!(head.get(header::CONTENT_ENCODING), None);
    let (_, head, packed) = get_from(&app, "/metrics", "gzip, deflate").await;
    assert_eq!(head[header::CONTENT_ENCODING], "gzip");
    let mut unpacked = String::new();
    flate2::read::MultiGzDecoder::new(&*packed)
        .read_to_string(&mut unpacked)
        .unwrap();
    // Process metrics and the scrape histogram differ from scrape to scrape.
    let same = |text: &str| {
        let lines = text
            .lines()
            .filter(|l| !l.contains("process_") && !l.contains("x509_scrape"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let plain = String::from_utf8(plain).unwrap();
    assert_eq!(same(&plain), same(&unpacked));
    for family in [
        "x509_cert_not_after",
        "x509_cert_expires_in_seconds",
        "x509_source_bundles",
    ] {
        assert!(
            plain.contains(&format!("# TYPE {family} gauge")),
            "{family}"
        );
    }
    assert!(plain.contains("x509_source_bundles{source_kind=\"file\",source_name=\"files\"} 1"));
}

#[test]
fn gzip_is_used_only_when_asked_for() {
    for (accept, expected) in [
        ("gzip", Encoding::Gzip),
        ("deflate, GZIP;q=0.5", Encoding::Gzip),
        ("*", Encoding::Gzip),
        ("gzip;q=0", Encoding::Identity),
        ("*;q=0", Encoding::Identity),
        ("identity", Encoding::Identity),
        ("", Encoding::Identity),
    ] {
        assert_eq!(
            Encoding::asked_for(std::iter::once(accept)),
            expected,
            "{accept}"
        );
    }
}
