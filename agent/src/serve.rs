//! Wires the flow: sources → inventory → exposition → port, until a signal says stop.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, oneshot};
use tokio::task::LocalSet;

use crate::clock::Clock;
use crate::config::{Config, Listen, SourceConfig};
use crate::decode;
use crate::door::Door;
use crate::exit::Exit;
use crate::expose::cache::Cache;
use crate::health::{Health, SourceHealth};
use crate::inventory::{Inventory, SourceId};
use crate::model::Change;
use crate::server::scrape::Scrape;
use crate::server::{self, App};
#[cfg(feature = "endpoints")]
use crate::source::endpoint::Endpoints;
use crate::source::files::Files;
use crate::source::kube::Reviewer;
use crate::source::kubeconfigs::Kubeconfigs;
use crate::source::objects::{Objects, Shard};
use crate::source::{Report, Sink, Source, runner};

/// Watches and answers until SIGTERM or SIGINT.
pub fn run(config: Config) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| {
            let local = LocalSet::new();
            let served = local.block_on(&runtime, serve(config));
            // A thread may hang in a file system for ever; it is not waited for.
            runtime.shutdown_background();
            served
        });
    match served {
        Ok(()) => Exit::Well,
        Err(error) => {
            tracing::error!(error, "cannot serve");
            Exit::USAGE
        }
    }
}

async fn serve(config: Config) -> Result<(), String> {
    for (one, other) in config.mixing() {
        tracing::warn!(
            one,
            other,
            "two kubeconfigs and no `cluster` to tell them apart: objects of one name are one"
        );
    }
    let clock = Clock::system();
    let inventory = Arc::new(Inventory::default());
    let sources: Vec<Rc<dyn Source>> = config.sources.into_iter().map(source).collect();
    let names: Vec<_> = sources
        .iter()
        .map(|source| (source.kind(), source.name().to_owned()))
        .collect();
    let health = Health::new(&names, &clock).map_err(|error| error.to_string())?;
    if let Some(shard) = config.shard {
        let Shard { index, total } = shard;
        tracing::info!(index, total, "watching a share of the objects");
        health.share(shard).map_err(|error| error.to_string())?;
    }
    let health = Arc::new(health);
    let app = App {
        scrape: Scrape {
            inventory: Arc::clone(&inventory),
            health: Arc::clone(&health),
            options: config.expose,
            clock,
            cache: Cache::default(),
            sources: sources.len(),
        },
        health: Arc::clone(&health),
        stats: config.stats,
        probe: config.probe,
    };
    let reviewer = match &config.token_review {
        Some(settings) => Some(Reviewer::connect(settings).await?),
        None => None,
    };
    let door = if config.web_config_file.is_some() || reviewer.is_some() {
        let told = health.door().map_err(|error| error.to_string())?;
        Some(Arc::new(Door::open(
            config.web_config_file,
            reviewer,
            told,
        )?))
    } else {
        None
    };
    let stop = stop().map_err(|error| format!("cannot wait for signals: {error}"))?;
    let listener = bind(&config.listen)?;
    let probes = config.probe_listen.as_ref().map(bind).transpose()?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let news = Arc::new(News::default());
    for (id, source) in sources.into_iter().enumerate() {
        let Some(state) = health.source(id) else {
            continue;
        };
        tracing::info!(kind = source.kind(), name = source.name(), "watching");
        let (inventory, health) = (Arc::clone(&inventory), Arc::clone(&health));
        let sink = Arc::new(Wire {
            id,
            inventory,
            health,
            state: Arc::clone(state),
            news: Arc::clone(&news),
        });
        tokio::task::spawn_local(runner::run(source, sink));
    }
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    let app = Arc::new(app);
    tokio::task::spawn_local(prepare(Arc::clone(&app), news));
    let (stopping, stopped) = oneshot::channel::<()>();
    if let Some(probes) = probes {
        let router = server::probes(Arc::clone(&app));
        tokio::task::spawn_local(server::run(probes, router, None, async {
            // Either way the sender is done.
            stopped.await.ok();
        }));
    }
    let router = server::router(app, door.clone());
    server::run(listener, router, door, stop).await;
    drop(stopping);
    tracing::info!("stopped");
    Ok(())
}

fn bind(listen: &Listen) -> Result<TcpListener, String> {
    server::bind(&listen.host, listen.port)
        .map_err(|error| format!("cannot listen on {}:{}: {error}", listen.host, listen.port))
}

fn source(config: SourceConfig) -> Rc<dyn Source> {
    match config {
        SourceConfig::Files(options) => Rc::new(Files::new(options)),
        SourceConfig::Kubeconfigs(options) => Rc::new(Kubeconfigs::new(options)),
        #[cfg(feature = "endpoints")]
        SourceConfig::Endpoints(options) => Rc::new(Endpoints::new(options)),
        SourceConfig::Objects(plan) => Rc::new(Objects::new(plan)),
    }
}

/// Resolves at SIGTERM or SIGINT.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    })
}

/// Renders while the sources look around for the first time, so that who asks first need not wait
/// for all of it.
async fn prepare(app: Arc<App>, news: Arc<News>) {
    while !app.health.ready() {
        news.come.notified().await;
        if let Err(error) = app.scrape.prepare() {
            tracing::debug!(%error, "nothing is prepared");
        }
    }
}

/// How many changes are worth a rendering: a few segments of the inventory, of which the last is
/// rendered again the next time.
const WORTHWHILE: usize = 1024;

/// Tells that the inventory has changed much.
#[derive(Default)]
struct News {
    changes: AtomicUsize,
    /// So many of them are worth telling.
    next: AtomicUsize,
    come: Notify,
}

impl News {
    fn changed(&self) {
        let changes = 1 + self.changes.fetch_add(1, Ordering::Relaxed);
        if changes >= self.next.load(Ordering::Relaxed).max(WORTHWHILE) {
            // Each rendering passes over all segments, so the more there are the rarer it is.
            let next = changes + (changes / 8).max(WORTHWHILE);
            self.next.store(next, Ordering::Relaxed);
            self.come.notify_one();
        }
    }
}

/// Problems of one location that are logged; the metrics tell the others' reasons too.
const LOGGED: usize = 5;

/// What one source speaks into.
struct Wire {
    id: SourceId,
    inventory: Arc<Inventory>,
    health: Arc<Health>,
    state: Arc<SourceHealth>,
    news: Arc<News>,
}

impl Sink for Wire {
    fn apply(&self, change: Change) {
        self.news.changed();
        for turn in self.inventory.apply(self.id, change) {
            let location = &turn.location;
            if turn.problems.is_empty() {
                tracing::info!(%location, "well again");
            }
            for keystore in turn.problems.iter().filter_map(decode::locked_keystore) {
                self.state.locked(keystore);
            }
            for problem in turn.problems.iter().take(LOGGED) {
                let is_warning = problem.reason.is_warning();
                let what = if is_warning { "odd" } else { "bad" };
                tracing::warn!(%location, reason = problem.reason.code(), %problem, "{what}");
            }
        }
    }

    fn report(&self, report: Report) {
        if report == Report::Panicked {
            self.health.panicked(self.state.kind());
            return;
        }
        let turned = self.state.take(&report);
        if turned {
            self.news.come.notify_one();
        }
        let source = self.state.name();
        match report {
            Report::Succeeded if turned => tracing::info!(source, "the source is up"),
            Report::Failed(failure) if turned => {
                tracing::warn!(source, reason = failure.reason.code(), %failure, "the source is down");
            }
            Report::Failed(failure) | Report::Error(failure) => {
                tracing::debug!(source, reason = failure.reason.code(), %failure, "an attempt failed");
            }
            _ => {}
        }
    }
}
