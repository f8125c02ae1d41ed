//! Who comes to the door: what an `Authorization` says, and to which web configuration.

use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use tokio::runtime::{Builder, Runtime};
use tower::util::ServiceExt;
use x509_certificate_exporter::door::Door;
use x509_certificate_exporter::server::scrape::{Encoding, Scrape};
use x509_certificate_exporter::server::{App, router};
use x509_certificate_exporter::source::kube::{Reviewer, Settings};

use super::exposed;

/// Of `scrape me`.
const HASH: &str = "$2b$04$2o/kxvDvklXAXUPT605ADOERDRZBu9EAso/EXIUzQyuhMrEvTZXwS";
/// `prometheus:scrape me`, and as far as it goes with a zero behind it, which ends a password of bcrypt's: what
/// comes then may be the same once more, and fits.
const RIGHT: &str = "cHJvbWV0aGV1czpzY3JhcGUgbWU=";
const ENDED: &str = "cHJvbWV0aGV1czpzY3JhcGUgbWUA";

/// Up to the first line feed a header's value, then a web configuration.
///
/// The value comes to a door that has one user and asks an API server that is not there, and to the one of the
/// configuration, unless that takes bcrypt much work.
pub(crate) fn door(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (said, text) = bytes.split_at(end.unwrap_or(bytes.len()));
    let Ok(said) = HeaderValue::from_bytes(said) else {
        return;
    };
    thread_local! {
        static OURS: (Runtime, Router) = ours();
    }
    OURS.with(|(runtime, ours)| {
        let status = runtime.block_on(ask(ours, "/metrics", Some(&said)));
        is_right(&said, status);
        let text = String::from_utf8_lossy(text);
        if text.matches("$2").count() == text.matches("$04$").count() {
            theirs(runtime, &text, &said);
        }
    });
}

/// Who knows the password gets in, and nobody else; whose token cannot be reviewed is told so.
fn is_right(said: &HeaderValue, status: u16) {
    let text = str::from_utf8(said.as_bytes()).unwrap_or_default();
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    let rest = rest.trim_matches([' ', '\t']);
    match &*kind.to_ascii_lowercase() {
        "bearer" if text.len() > kind.len() => assert_eq!(status, 503),
        "basic" if rest == RIGHT => assert_eq!(status, 200),
        "basic" if rest.starts_with(ENDED) => {}
        _ => assert_eq!(status, 401),
    }
}

fn theirs(runtime: &Runtime, text: &str, said: &HeaderValue) {
    let path = std::env::temp_dir().join(format!("x509-door-{}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let scrape = exposed::scrape();
    let door = Door::open(Some(path.clone()), None, scrape.health.door().unwrap());
    std::fs::remove_file(path).unwrap();
    let Ok(door) = door else { return };
    let (scrape, door) = (Arc::new(app(scrape)), Arc::new(door));
    let router = router(Arc::clone(&scrape), Some(door));
    let asked = ["/metrics", "/", "/nowhere"].map(|path| {
        let nobody = runtime.block_on(ask(&router, path, None));
        (nobody, runtime.block_on(ask(&router, path, Some(said))))
    });
    for path in ["/healthz", "/readyz"] {
        let status = runtime.block_on(ask(&router, path, Some(said)));
        assert!(matches!(status, 200 | 503), "{path}: {status}");
    }
    let mut refused = 0;
    for (nobody, somebody) in asked {
        assert!(matches!(nobody, 200 | 404 | 401 | 429), "{nobody}");
        // Where nobody needs to say who he is, nothing that he says is wrong.
        let may = [nobody, if nobody == 401 { 200 } else { nobody }, 404, 429];
        assert!(may.contains(&somebody), "{nobody} {somebody}");
        let is_refusal = |status: &&u16| matches!(status, 401 | 429);
        refused += [nobody, somebody].iter().filter(is_refusal).count();
    }
    assert_eq!(counted(&scrape.scrape), refused);
}

/// All that were refused, as the agent tells.
fn counted(scrape: &Scrape) -> usize {
    let mut text = String::new();
    for chunk in scrape.answer(Encoding::Identity).unwrap() {
        chunk.unwrap().as_ref().read_to_string(&mut text).unwrap();
    }
    let counts = text.lines().filter_map(|line| {
        let (_, count) = line
            .split_once("x509_web_refused_total{")?
            .1
            .split_once(' ')?;
        count.parse::<usize>().ok()
    });
    counts.sum()
}

async fn ask(router: &Router, path: &str, said: Option<&HeaderValue>) -> u16 {
    let mut request = Request::get(path);
    if let Some(said) = said {
        request = request.header(AUTHORIZATION, said);
    }
    let request = request.body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    answer.status().as_u16()
}

fn app(scrape: Scrape) -> App {
    App {
        health: Arc::clone(&scrape.health),
        scrape,
        stats: true,
        probe: None,
    }
}

/// A door with one user, that asks an API server which refuses connections. Time stands still, so that who is wrong
/// need not wait.
fn ours() -> (Runtime, Router) {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let folder = std::env::temp_dir().join(format!("x509-ours-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key);
    write("tls.crt", certificate.unwrap().pem());
    write("tls.key", key.serialize_pem());
    let web = write(
        "web.yml",
        format!(
            "tls_server_config: {{cert_file: tls.crt, key_file: tls.key}}\nbasic_auth_users: {{prometheus: {HASH}}}\n"
        ),
    );
    let kubeconfig = write("kubeconfig", NOBODY.to_owned());
    let settings = Settings {
        kubeconfig: Some(kubeconfig),
        page_size: 1,
        qps: 0.0,
        burst: 0,
    };
    let reviewer = runtime.block_on(Reviewer::connect(&settings)).unwrap();
    let scrape = exposed::scrape();
    let door = Door::open(Some(web), Some(reviewer), scrape.health.door().unwrap()).unwrap();
    // What it read stays in force.
    std::fs::remove_dir_all(folder).unwrap();
    (runtime, router(Arc::new(app(scrape)), Some(Arc::new(door))))
}

/// Nothing listens at the port that was multiplexed before there were others.
const NOBODY: &str = "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
  clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], users: [{name: a, user: {token: ours}}]}";
