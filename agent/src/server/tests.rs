use std::io::Read as _;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::to_bytes;
use axum::http::Request;
use tower::ServiceExt as _;

use super::*;
use crate::clock::Clock;
use crate::expose::Options;
use crate::expose::cache::Cache;
use crate::expose::probe::{Prober, Target};
use crate::inventory::Inventory;
use crate::model::{Bundle, Certificate, Change, Facts, Location};
use crate::source::Report;

fn app() -> Arc<App> {
    app_at(Clock::fixed(7))
}

fn app_at(clock: Clock) -> Arc<App> {
    let inventory = Arc::new(Inventory::default());
    let certificate = Certificate::from(Facts {
        not_after: 100,
        serial: Some("1".into()),
        fingerprint: [1; 32],
        ..Facts::default()
    });
    let bundle = Bundle {
        certificates: Some(vec![Arc::new(certificate)]),
        ..Bundle::default()
    };
    inventory.apply(0, Change::Upsert(Location::file("/a"), bundle));
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
    Arc::new(App {
        scrape,
        health,
        stats: true,
        probe: None,
    })
}

async fn get_from(app: &Arc<App>, path: &str, accept: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    let request = Request::get(path).header(header::ACCEPT_ENCODING, accept);
    let request = request.body(Body::empty()).unwrap();
    let response = router(Arc::clone(app), None)
        .oneshot(request)
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    (
        head.status,
        head.headers,
        to_bytes(body, usize::MAX).await.unwrap().to_vec(),
    )
}

#[tokio::test]
async fn a_clock_that_is_moved_changes_what_has_expired_and_nothing_else() {
    let now = Arc::new(AtomicI64::new(7));
    let app = app_at(Clock::moved(Arc::clone(&now)));
    let mut told = Vec::new();
    for second in [7, 101, 7, 99, 100, 1_000_000_000, -5] {
        now.store(second, Ordering::Relaxed);
        app.health.source(0).unwrap().take(&Report::Succeeded);
        let text = String::from_utf8(get_from(&app, "/metrics", "").await.2).unwrap();
        let values = |family: &str| -> Vec<String> {
            let lines = text.lines().filter(|line| line.starts_with(family));
            lines
                .map(|line| line.rsplit(' ').next().unwrap().to_owned())
                .collect()
        };
        assert_eq!(values("x509_cert_not_after{"), ["100"]);
        assert_eq!(
            values("x509_source_last_success_timestamp_seconds{"),
            [second.to_string()]
        );
        told.push(values("x509_cert_expired{").join(" "));
    }
    assert_eq!(told, ["0", "1", "0", "0", "0", "1", "0"]);
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
async fn what_is_prepared_is_not_rendered_again() {
    let app = app();
    app.scrape.prepare().unwrap();
    assert_ne!(app.scrape.cache.rendered(), 0);
    get_from(&app, "/metrics", "").await;
    assert_eq!(app.scrape.cache.rendered(), 0);
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
    flate2::read::GzDecoder::new(&*packed)
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

#[tokio::test]
async fn an_answer_says_how_long_it_is_and_a_head_has_no_more() {
    let app = app();
    for path in [
        "/metrics",
        "/",
        "/?page=x",
        "/api/v1/certificates",
        "/api/v1/certificates?limit=1",
    ] {
        for accept in ["gzip", "identity", "gzip;q=0"] {
            let (_, head, body) = get_from(&app, path, accept).await;
            assert_eq!(head[header::CONTENT_LENGTH], body.len().to_string());
            assert_eq!(
                head.contains_key(header::CONTENT_ENCODING),
                accept == "gzip"
            );
            let request = Request::head(path).header(header::ACCEPT_ENCODING, accept);
            let request = request.body(Body::empty()).unwrap();
            let response = router(Arc::clone(&app), None)
                .oneshot(request)
                .await
                .unwrap();
            assert!(response.headers().contains_key(header::CONTENT_LENGTH));
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            assert!(body.is_empty(), "{path} {accept}");
        }
    }
}

#[tokio::test]
async fn the_inventory_is_json_packed_when_asked_for() {
    let app = app();
    let path = "/api/v1/certificates";
    let (status, head, plain) = get_from(&app, path, "identity").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(head[header::CONTENT_TYPE], "application/json");
    assert_eq!(head.get(header::CONTENT_ENCODING), None);
    let read: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    let certificate = &read["places"][0]["certificates"][0];
    assert_eq!(certificate["not_after"], "1970-01-01T00:01:40Z");
    let (_, head, packed) = get_from(&app, path, "gzip").await;
    assert_eq!(head[header::CONTENT_ENCODING], "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*packed)
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(plain, unpacked);
}

#[tokio::test]
async fn the_page_is_html_that_may_load_nothing() {
    let app = app();
    app.health.source(0).unwrap().take(&Report::Succeeded);
    let (status, head, plain) = get_from(&app, "/", "identity").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(head[header::CONTENT_TYPE], "text/html; charset=utf-8");
    let policy = head[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    assert_eq!(head[header::CACHE_CONTROL], "no-store");
    assert_eq!(head[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(head[header::REFERRER_POLICY], "no-referrer");
    let plain = String::from_utf8(plain).unwrap();
    assert!(plain.contains("1 source, up") && plain.contains("/a</bdi>"));
    let (_, head, packed) = get_from(&app, "/", "gzip").await;
    assert_eq!(head[header::CONTENT_ENCODING], "gzip");
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&*packed)
        .read_to_string(&mut unpacked)
        .unwrap();
    assert_eq!(plain, unpacked);
}

#[tokio::test]
async fn what_is_not_understood_is_refused_with_a_sentence() {
    let app = app();
    let (status, head, body) = get_from(&app, "/?page=x", "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(head.contains_key(header::CONTENT_SECURITY_POLICY));
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("page is a number from 1 on"), "{body}");
    for (parameters, status, sentence) in [
        (
            "limit=x",
            StatusCode::BAD_REQUEST,
            "limit is a number from 1 to 1000",
        ),
        ("x", StatusCode::BAD_REQUEST, "there is no parameter \"x\""),
        ("continue=expires.1", StatusCode::GONE, "begin anew"),
    ] {
        let path = format!("/api/v1/certificates?{parameters}");
        let (told, head, body) = get_from(&app, &path, "").await;
        assert_eq!((told, &head[header::CONTENT_TYPE]), (status, &JSON));
        let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let error = read["error"].as_str().unwrap();
        assert!(
            error.starts_with(sentence) || error.contains(sentence),
            "{error}"
        );
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[tokio::test]
async fn the_api_answers_in_parts() {
    let app = app();
    for number in 2..6 {
        let certificate = Certificate::from(Facts {
            not_after: 100 * i64::from(number),
            fingerprint: [number; 32],
            ..Facts::default()
        });
        let bundle = Bundle {
            certificates: Some(vec![Arc::new(certificate)]),
            ..Bundle::default()
        };
        let location = Location::file(format!("/{number}"));
        app.scrape
            .inventory
            .apply(0, Change::Upsert(location, bundle));
    }
    let (mut paths, mut next) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/certificates?sort=-expires&limit=2&continue={next}");
        let (status, _, body) = get_from(&app, &path, "").await;
        assert_eq!(status, StatusCode::OK);
        let read: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&read["version"], &read["total"]), (&1.into(), &5.into()));
        let places = read["places"].as_array().unwrap();
        assert!(places.len() <= 2);
        paths.extend(places.iter().map(|place| place["location"]["path"].clone()));
        match read["continue"].as_str() {
            Some(position) => position.clone_into(&mut next),
            None => break,
        }
    }
    assert_eq!(paths, ["/5", "/4", "/3", "/2", "/a"]);
}

#[tokio::test]
async fn the_page_and_the_inventory_can_be_switched_off() {
    let mut app = app();
    Arc::get_mut(&mut app).unwrap().stats = false;
    for path in ["/", "/?page=1", "/api/v1/certificates"] {
        let (status, ..) = get_from(&app, path, "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    assert_eq!(get_from(&app, "/metrics", "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_probe_is_answered_about_what_is_configured_and_known() {
    let ask = async |app: &Arc<App>, parameters: &str| {
        let path = format!("/probe?{parameters}");
        let (status, head, body) = get_from(app, &path, "").await;
        (status, head, String::from_utf8(body).unwrap())
    };
    let mut app = app();
    let (status, ..) = ask(&app, "target=a:1").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it is off by default");

    let location = Location::endpoint(None, "a:1");
    let target = Target {
        address: "a:1".into(),
        module: "tcp".into(),
        prober: Prober::Tcp,
        insecure: false,
        location: location.clone(),
        source: 0,
    };
    Arc::get_mut(&mut app).unwrap().probe = Some(vec![target]);
    let (status, _, body) = ask(&app, "target=a:1").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, "the target was not looked at yet\n");

    let change = Change::Upsert(location, Bundle::default());
    app.scrape.inventory.apply(0, change);
    let (status, head, body) = ask(&app, "target=a:1").await;
    assert_eq!(status, StatusCode::OK);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(head[header::CONTENT_TYPE], kind);
    assert!(body.ends_with("ssl_prober{prober=\"tcp\"} 1\n"), "{body}");
    let (_, head, _) = get_from(&app, "/probe?target=a:1", "gzip").await;
    assert_eq!(head[header::CONTENT_ENCODING], "gzip");

    for (parameters, expected) in [
        ("", StatusCode::BAD_REQUEST),
        ("target=a:1&target=a:1", StatusCode::BAD_REQUEST),
        ("target=a:1&module=https", StatusCode::NOT_FOUND),
        ("target=a:2", StatusCode::NOT_FOUND),
    ] {
        let (status, _, body) = ask(&app, parameters).await;
        assert_eq!(status, expected, "{parameters}");
        assert!(body.ends_with('\n') && !body.contains("a:"), "{body}");
    }
}

#[tokio::test]
async fn an_empty_host_is_every_address() {
    let listener = bind("", 0).unwrap();
    let port = listener.local_addr().unwrap().port();
    let ipv4 = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    ipv4.unwrap();
    match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await {
        Ok(_) => drop(
            TcpStream::connect((Ipv6Addr::LOCALHOST, port))
                .await
                .unwrap(),
        ),
        Err(error) => skip(&error),
    }
}

#[tokio::test]
async fn what_is_answered_leaves_at_once() {
    let listener = bind("127.0.0.1", 0).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap());
    let (client, served) = tokio::join!(client, accept(&listener));
    assert!(served.unwrap().nodelay().unwrap());
    drop(client);
}

#[test]
fn an_empty_host_is_that_of_ipv4_where_there_is_no_ipv6() {
    // The filter is this thread's.
    let run = || {
        refuse_ipv6();
        let listener = in_runtime(|| bind("", 0).unwrap().local_addr().unwrap());
        assert!(listener.is_ipv4(), "{listener}");
    };
    std::thread::spawn(run).join().unwrap();
}

/// In a network without any address, as on a host that has none of IPv4.
#[test]
fn an_empty_host_is_both_where_the_kernel_would_part_them() {
    const NAME: &str = "server::tests::an_empty_host_is_both_where_the_kernel_would_part_them";
    const PARTED: &str = "X509_TEST_BINDV6ONLY";
    if std::env::var_os(PARTED).is_some() {
        let parted = in_runtime(|| rustix::net::sockopt::ipv6_v6only(bind("", 0).unwrap()));
        assert!(!parted.unwrap());
        return;
    }
    let script = r#"echo 1 >/proc/sys/net/ipv6/bindv6only && exec "$0" "$@""#;
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .args([NAME, "--exact"])
        .env(PARTED, "yes")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    if text.is_empty() {
        return skip(&String::from_utf8_lossy(&output.stderr));
    }
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

fn in_runtime<T>(what: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async { what() })
}

fn refuse_ipv6() {
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };
    let socket = if cfg!(target_arch = "x86_64") {
        41
    } else {
        198
    };
    let inet6 = u64::from(rustix::net::AddressFamily::INET6.as_raw());
    let length = SeccompCmpArgLen::Dword;
    let is_inet6 = SeccompCondition::new(0, length, SeccompCmpOp::Eq, inet6).unwrap();
    let rules = [(socket, vec![SeccompRule::new(vec![is_inet6]).unwrap()])].into();
    let errno = rustix::io::Errno::AFNOSUPPORT.raw_os_error().unsigned_abs();
    let (allow, refuse) = (SeccompAction::Allow, SeccompAction::Errno(errno));
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, allow, refuse, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

fn skip(error: &dyn std::fmt::Display) {
    let why = format!("this test needs IPv6 and a network of its own: {error}");
    assert!(
        std::env::var_os("CI").is_none(),
        "{why}, and nothing passes by skipping"
    );
    eprintln!("SKIPPED: {why}");
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
