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
