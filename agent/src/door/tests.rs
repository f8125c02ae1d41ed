use std::fs;

use futures_util::FutureExt;
use tokio::runtime::Builder;
use tokio::time::advance;

use super::*;
use crate::clock::Clock;
use crate::health::Health;

#[test]
fn changed_files_are_read_by_another_thread_and_others_go_on_meanwhile() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("web.yml");
    fs::write(&path, "").unwrap();
    let health = Health::new(&[], &Clock::fixed(0)).unwrap();
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let told = health.door().unwrap();
        let door = Arc::new(Door::open(Some(path.clone()), None, told).unwrap());
        let before = door.settings().await;
        let (free, taken) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || taken.recv().is_ok());
        fs::write(&path, "rate_limit: {interval: 1h, burst: 1}").unwrap();
        advance(LOOK).await;
        let mut first = Box::pin(door.settings());
        assert!((&mut first).now_or_never().is_none());
        advance(LOOK).await;
        let second = door.settings().now_or_never();
        assert!(second.is_some_and(|held| Arc::ptr_eq(&held, &before)));
        free.send(()).unwrap();
        assert!(busy.await.unwrap());
        assert!(first.await.limit.is_some());
    });
}

/// `scrape me`.
const HASH: &str = "$2b$04$2o/kxvDvklXAXUPT605ADOERDRZBu9EAso/EXIUzQyuhMrEvTZXwS";

/// What is behind a door with this configuration.
fn behind(text: &str) -> axum::Router {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("web.yml");
    fs::write(&path, text).unwrap();
    let health = Health::new(&[], &Clock::fixed(0)).unwrap();
    let door = Door::open(Some(path), None, health.door().unwrap()).unwrap();
    let behind = axum::routing::get(|| async { "in" });
    axum::Router::new()
        .route("/metrics", behind)
        .layer(axum::middleware::from_fn_with_state(Arc::new(door), guard))
}

/// Status, and how long it took.
async fn knock(behind: &axum::Router, said: Option<&str>) -> (u16, Duration) {
    let begun = Instant::now();
    let mut request = http::Request::get("/metrics");
    if let Some(said) = said {
        request = request.header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(said)));
    }
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = tower::ServiceExt::oneshot(behind.clone(), request).await;
    (answer.unwrap().status().as_u16(), begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn whoever_is_wrong_waits_for_it_and_nobody_else() {
    let behind = behind(&format!("basic_auth_users: {{jane: {HASH}}}"));
    let at_once = Duration::ZERO..SLOW;
    for (said, status, is_slow) in [
        (None, 401, false),
        (Some("jane:scrape me"), 200, false),
        (Some("jane:another"), 401, true),
        (Some("joe:scrape me"), 401, true),
        (Some("jane"), 401, true),
        (Some("jane:scrape me"), 200, false),
    ] {
        let (answered, after) = knock(&behind, said).await;
        assert_eq!(answered, status, "{said:?}");
        assert_eq!(at_once.contains(&after), !is_slow, "{said:?} {after:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_fills_with_time_up_to_its_burst() {
    let behind = behind("rate_limit: {interval: 10s, burst: 2}");
    for (pause, expected) in [
        (0, [200, 200, 429]),
        (10, [200, 429, 429]),
        (3600, [200, 200, 429]),
    ] {
        advance(Duration::from_secs(pause)).await;
        for status in expected {
            assert_eq!(knock(&behind, None).await.0, status, "after {pause} s");
        }
    }
}
