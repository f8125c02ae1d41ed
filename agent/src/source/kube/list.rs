//! The list that a watch begins with: streamed as events, one object at a time, where the server
//! can; in pages of bounded size where it cannot, which is found out by trying.

use std::time::Duration;

use serde::de::DeserializeSeed;
use serde_json::value::RawValue;

use super::Watched;
use super::api::{ANSWER, within};
use super::client::Body;
use super::lines::Lines;
use super::trouble::Trouble;
use super::watch::{Sign, Watch};
use super::wire::{ObjectSeed, Page};
use crate::model::Reason;

/// A streamed list of any size is through by then.
const STREAM: Duration = Duration::from_secs(600);
/// A streamed list that falls silent without its end will not end: the server did not understand.
const QUIET: Duration = Duration::from_secs(15);
/// No list is longer than so many pages.
const PAGES: usize = 1_000_000;

impl<W: Watched> Watch<'_, W> {
    /// Lists everything and sets the position after it.
    pub(super) async fn list(&mut self) -> Result<(), Trouble> {
        // The semaphore is never closed; were it, an unbounded list would still be a list.
        let _permit = self.api.lists.acquire().await.ok();
        if self.api.streams.get() != Some(false) {
            self.watched.relisting();
            match self.streamed().await {
                Ok(Some(version)) => {
                    self.api.streams.set(Some(true));
                    self.position = Some(version);
                    return Ok(());
                }
                Ok(None) => {}
                Err(trouble) if trouble.is_unsupported() => self.without_streams(),
                Err(trouble) => return Err(trouble),
            }
        }
        self.watched.relisting();
        self.position = Some(self.pages(None).await?);
        // After silence not before: a server that answers nothing has said nothing of streams.
        if self.api.streams.get().is_none() {
            self.without_streams();
        }
        Ok(())
    }

    /// The server is asked to stream no more.
    fn without_streams(&self) {
        if self.api.streams.replace(Some(false)) != Some(false) {
            tracing::debug!("the API server does not stream lists; asking for pages");
        }
    }

    /// A list that arrives as events; `None` where the server took it for an ordinary watch.
    async fn streamed(&mut self) -> Result<Option<String>, Trouble> {
        let body = self.api.get(&self.target.streamed(STREAM), ANSWER).await?;
        // Line by line, the position moves; it counts only once the end is there.
        self.position = Some(String::new());
        let outcome = self.initial_events(body).await;
        let position = self.position.take();
        Ok(if outcome? {
            position.filter(|version| !version.is_empty())
        } else {
            None
        })
    }

    /// Whether the end of the initial events was announced.
    async fn initial_events(&mut self, body: Body) -> Result<bool, Trouble> {
        let mut lines = Lines::new(body);
        loop {
            let silent = "the API server fell silent in the middle of a list";
            let line = match within(QUIET, silent, lines.next()).await {
                Ok(line) => line,
                // It did understand once: something else is wrong now.
                Err(trouble) if self.api.streams.get() == Some(true) => return Err(trouble),
                Err(_) => return Ok(false),
            };
            match line.map_err(|error| Trouble::unanswered(&*error))? {
                None => {
                    let detail = "the list broke off before its end";
                    return Err(Trouble::new(Reason::ApiError, detail));
                }
                Some(line) => {
                    if let Sign::Bookmark { initial_end } = self.line(&line).await? {
                        return Ok(initial_end);
                    }
                }
            }
        }
    }

    /// Lists in pages, all or one namespace, and returns the version of the list.
    pub(super) async fn pages(&self, namespace: Option<&str>) -> Result<String, Trouble> {
        let mut limit = self.api.page_size();
        let mut next: Option<String> = None;
        let mut version = None;
        let mut expired = false;
        for _ in 0..PAGES {
            let url = self.target.page(namespace, limit, next.as_deref());
            let bytes = match self.api.collect(&url).await {
                Ok(bytes) => bytes,
                // The list took longer than its version is kept: once more from the start. (Of one
                // namespace, a full list does the same and is as rare.)
                Err(trouble)
                    if trouble.is_gone() && next.is_some() && namespace.is_none() && !expired =>
                {
                    expired = true;
                    next = None;
                    version = None;
                    self.watched.relisting();
                    continue;
                }
                Err(trouble) if trouble.reason == Reason::TooLarge && limit > 1 => {
                    limit = (limit / 4).max(1);
                    continue;
                }
                Err(trouble) => return Err(trouble),
            };
            let page: Page<'_> = serde_json::from_slice(&bytes)
                .map_err(|_| Trouble::new(Reason::ApiError, "the answer is not a list"))?;
            self.take(page.items.unwrap_or_default()).await;
            let version = version.get_or_insert(page.metadata.resource_version);
            next = page.metadata.next.filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(std::mem::take(version));
            }
        }
        Err(Trouble::new(Reason::TooMany, "the list does not end"))
    }

    async fn take(&self, items: Vec<&RawValue>) {
        for item in items {
            let mut json = serde_json::Deserializer::from_str(item.get());
            match ObjectSeed(self.watched).deserialize(&mut json) {
                Ok(item) => self.watched.apply(item).await,
                Err(_) => self.spoilt(Reason::ApiError, "an object does not decode"),
            }
        }
    }
}
