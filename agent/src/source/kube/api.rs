//! The connection to one API server: configuration, credentials, rate, deadlines.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use ::kube::config::Config;
use http::Request;
use http::header::ACCEPT;
use http_body_util::{BodyExt, Full};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};

use super::client::{Body, Client};
use super::kubeconfig;
use super::target::Target;
use super::trouble::Trouble;
use crate::model::Reason;
use crate::source::Failure;

/// How to reach an API server, and how hard to press it.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Path of a kubeconfig; `None` means in-cluster, and outside of a cluster what `KUBECONFIG`
    /// or the home directory says.
    pub kubeconfig: Option<PathBuf>,
    /// Objects in a page of a list, where it is not streamed.
    pub page_size: u32,
    /// Requests a second; 0 for no limit.
    pub qps: f64,
    /// Requests that may be sent at once before the limit holds.
    pub burst: u32,
}

/// How long one part of an answer may be awaited: the truth is told within half a minute.
pub(super) const ANSWER: Duration = Duration::from_secs(25);
/// A page beyond this is asked for again in smaller pages.
const LARGEST_PAGE: usize = 8 << 20;
/// Lists that may run at a time, so that many watches do not hold many pages.
const LISTS: usize = 4;
/// Credentials are read anew at most this often.
const RENEWAL: Duration = Duration::from_secs(60);

/// A client with its limits.
pub(crate) struct Api {
    settings: Settings,
    client: RefCell<Client>,
    /// When the credentials were read; `None` where the client came from elsewhere.
    renewed: Cell<Option<Instant>>,
    rate: Rate,
    /// Whether the server streams its lists; found out by trying.
    pub(super) streams: Cell<Option<bool>>,
    pub(super) lists: Semaphore,
}

/// A bucket of permits that fills with time.
struct Rate {
    /// Time that one request costs; zero for no limit.
    cost: Duration,
    /// Time that may be saved up.
    burst: Duration,
    /// Up to here all time is spent.
    spent: Cell<Instant>,
}

impl Api {
    /// Reads the configuration; nothing is sent yet.
    pub(crate) async fn connect(settings: Settings) -> Result<Self, Failure> {
        match client(&settings).await {
            Ok(client) => {
                let api = Self::new(client, settings);
                api.renewed.set(Some(Instant::now()));
                Ok(api)
            }
            Err(Trouble { reason, detail, .. }) => Err(Failure {
                reason,
                resource: None,
                detail,
            }),
        }
    }

    pub(crate) fn new(client: Client, settings: Settings) -> Self {
        Self {
            rate: Rate::new(settings.qps, settings.burst),
            settings,
            client: RefCell::new(client),
            renewed: Cell::new(None),
            streams: Cell::new(None),
            lists: Semaphore::new(LISTS),
        }
    }

    pub(super) fn page_size(&self) -> u32 {
        self.settings.page_size.max(1)
    }

    /// Reads the credentials and trust anchors anew, should they have been replaced where they come
    /// from. The client does so for tokens in files by itself.
    pub(super) async fn renew(&self) {
        if self
            .renewed
            .get()
            .is_none_or(|renewed| renewed.elapsed() < RENEWAL)
        {
            return;
        }
        self.renewed.set(Some(Instant::now()));
        if let Ok(client) = client(&self.settings).await {
            self.client.replace(client);
        }
    }

    /// Sends a GET and hands out the body of a good answer, unread. The body of a bad one is
    /// dropped: it may hold anything.
    pub(super) async fn get(&self, url: &str, patience: Duration) -> Result<Body, Trouble> {
        self.rate.wait().await;
        let request = Request::get(url)
            .header(ACCEPT, "application/json")
            .body(Full::default())
            .map_err(|_| Trouble::new(Reason::Internal, "the request cannot be built"))?;
        let client = self.client.borrow().clone();
        let response = within(
            patience,
            "the API server does not answer",
            client.send(request),
        )
        .await?
        .map_err(|error| Trouble::unanswered(&*error))?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        Err(Trouble::answered(response.status(), response.headers()))
    }

    /// Asks for one object, as JSON.
    pub(crate) async fn object(&self, target: &Target, name: &str) -> Result<Vec<u8>, Failure> {
        let answer = self.collect(&target.named(name)).await;
        answer.map_err(|trouble| target.unread(trouble, name))
    }

    /// Sends a GET and collects the body.
    pub(super) async fn collect(&self, url: &str) -> Result<Vec<u8>, Trouble> {
        let mut body = self.get(url, ANSWER).await?;
        let mut bytes = Vec::new();
        let silent = "the API server stopped in the middle of a list";
        while let Some(frame) = within(ANSWER, silent, body.frame()).await? {
            let frame = frame.map_err(|error| Trouble::unanswered(&*error))?;
            if let Ok(data) = frame.into_data() {
                if bytes.len() + data.len() > LARGEST_PAGE {
                    return Err(Trouble::new(
                        Reason::TooLarge,
                        "a page of the list is too large",
                    ));
                }
                bytes.extend_from_slice(&data);
            }
        }
        Ok(bytes)
    }
}

/// Awaits something of the server for so long and no longer.
pub(super) async fn within<T>(
    patience: Duration,
    what: &'static str,
    future: impl Future<Output = T>,
) -> Result<T, Trouble> {
    timeout(patience, future)
        .await
        .map_err(|_| Trouble::timeout(what))
}

pub(super) async fn client(settings: &Settings) -> Result<Client, Trouble> {
    let config = config(settings).await?;
    if config.auth_info.exec.is_some() || config.auth_info.auth_provider.is_some() {
        return Err(Trouble::new(
            Reason::BadKubeconfig,
            "the kubeconfig gets its credentials from a command, and the agent runs none",
        ));
    }
    Client::new(&config, ANSWER)
        .map_err(|unusable| Trouble::new(Reason::BadKubeconfig, unusable.to_string()))
}

async fn config(settings: &Settings) -> Result<Config, Trouble> {
    if let Some(path) = &settings.kubeconfig {
        return kubeconfig::config(path).await;
    }
    match Config::incluster() {
        Ok(config) => Ok(config),
        Err(in_cluster) => kubeconfig::of_environment().await.unwrap_or_else(|| {
            let detail =
                format!("there is neither a service account nor a kubeconfig: {in_cluster}");
            Err(Trouble::new(Reason::NotFound, detail))
        }),
    }
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            page_size: 50,
            qps: 0.0,
            burst: 0,
        }
    }
}

// === impl Rate ===

impl Rate {
    fn new(qps: f64, burst: u32) -> Self {
        let cost = if qps.is_finite() && qps > 0.0 {
            Duration::try_from_secs_f64(1.0 / qps).unwrap_or(Duration::from_secs(3600))
        } else {
            Duration::ZERO
        };
        let burst = cost.saturating_mul(burst.saturating_sub(1));
        let now = Instant::now();
        Self {
            cost,
            burst,
            spent: Cell::new(now.checked_sub(burst).unwrap_or(now)),
        }
    }

    /// Returns when the next request may be sent; requests take their turns as they come.
    async fn wait(&self) {
        if self.cost.is_zero() {
            return;
        }
        let now = Instant::now();
        // A full bucket: `burst` of time unspent before now.
        let oldest = now.checked_sub(self.burst).unwrap_or(now);
        let turn = self.spent.get().max(oldest);
        self.spent.set(turn + self.cost);
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rate_lets_a_burst_through_and_spaces_the_rest() {
        let rate = Rate::new(2.0, 3);
        tokio::time::advance(Duration::from_secs(60)).await;
        let begun = Instant::now();
        let mut waited = Vec::new();
        for _ in 0..5 {
            rate.wait().await;
            waited.push(begun.elapsed().as_millis());
        }
        assert_eq!(waited, [0, 0, 0, 500, 1000]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_rate_is_no_limit() {
        let rate = Rate::new(0.0, 0);
        let begun = Instant::now();
        for _ in 0..1000 {
            rate.wait().await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
