//! One watch, for as long as the agent lives: a list, streamed where the server can, then what
//! happens after it, resumed where it ended and begun anew where it cannot be.
//!
//! The server is asked to end each stretch of the watch after about 45 seconds, which it does with
//! a bookmark. So silence beyond that means that packets are lost, and is found out within a
//! minute, on a cluster where nothing happens as on a busy one.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::time::Duration;

use serde::de::{DeserializeSeed, Deserializer};
use tokio::time::{Instant, sleep};

use super::api::within;
use super::lines::{Line, Lines};
use super::pace::{Pace, chance};
use super::trouble::Trouble;
use super::wire::{Event, EventSeed, Item, Reference};
use super::{Api, Health, Target};
use crate::model::Reason;

/// What a watch does with what it sees. Saying a thing twice must be saying it once.
pub(crate) trait Watched {
    /// What is kept of an object until it is applied.
    type Item: Item;

    /// Reads what is wanted of an object, and nothing else.
    fn decode<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<Self::Item, D::Error>;

    /// The object is there and looks so. May take its time: the watch waits.
    fn apply(&self, item: Self::Item) -> impl Future<Output = ()>;

    /// The object is gone, or no longer selected.
    fn delete(&self, gone: &Reference);

    /// A full list begins; it may break off and begin again.
    fn relisting(&self);

    /// The list is complete: what it did not name is gone.
    fn relisted(&self);

    /// A namespace whose objects must be listed apart, because the watch passed them over. May be
    /// cancelled at any time.
    fn namespace(&self) -> impl Future<Output = String> {
        pending()
    }
}

/// A stretch of the watch, plus up to [`SPREAD`] so that watches do not move in step.
const STRETCH: Duration = Duration::from_secs(40);
const SPREAD: Duration = Duration::from_secs(8);
/// So long after the last event its connection is given up, if events came through it: buffers of TLS
/// and HTTP still hold the last of them, and with it somebody's key.
const RESTED: Duration = Duration::from_secs(5);
/// The server may be so late in ending a stretch before the silence counts as failure.
const LATE: Duration = Duration::from_secs(7);
/// A watch is answered at once.
const BEGIN: Duration = Duration::from_secs(15);
/// A watch that lived so long is worth another one at once.
const LIVED: Duration = Duration::from_secs(10);

/// Watches until dropped. `index` is its place in [`Health`].
pub(crate) async fn watch<W: Watched>(
    api: &Api,
    target: &Target,
    watched: &W,
    health: &Health,
    index: usize,
) -> Infallible {
    let mut watch = Watch {
        api,
        target,
        watched,
        health,
        index,
        position: None,
        complete: false,
        following: None,
        listed: None,
        stained: false,
    };
    let mut pace = Pace::default();
    loop {
        let end = watch.stretch().await;
        let lived = watch
            .following
            .take()
            .is_some_and(|since| since.elapsed() >= LIVED);
        if lived {
            pace.reset();
        }
        match end {
            Ok(End::Rested) => pace.reset(),
            Ok(End::Whole) if lived => {}
            Ok(End::Whole | End::Broken) => sleep(pace.next()).await,
            Err(trouble) => {
                if watch.outlived(&trouble) {
                    // The server answers again; what it was away for is over.
                    pace.reset();
                }
                let pause = pace.next().max(trouble.pause.unwrap_or_default());
                watch.give_up(&trouble).await;
                sleep(pause).await;
            }
        }
    }
}

pub(super) struct Watch<'a, W> {
    pub(super) api: &'a Api,
    pub(super) target: &'a Target,
    pub(super) watched: &'a W,
    health: &'a Health,
    index: usize,
    /// The version up to which everything is known; `None` asks for a list.
    pub(super) position: Option<String>,
    /// Whether there was a complete list once.
    complete: bool,
    /// Since when the server has been sending events.
    following: Option<Instant>,
    /// When the last list was complete.
    listed: Option<Instant>,
    /// Whether somebody's secrets came through the connection and nothing has been there since.
    stained: bool,
}

/// How a stretch ended that began well.
enum End {
    Whole,
    /// By us, to be rid of its connection.
    Rested,
    Broken,
}

/// What a line of a watch meant.
pub(super) enum Sign {
    Life,
    Bookmark { initial_end: bool },
    Nothing,
}

impl<W: Watched> Watch<'_, W> {
    /// Lists if need be, then follows until the server ends it.
    async fn stretch(&mut self) -> Result<End, Trouble> {
        if self.position.is_none() {
            self.list().await?;
            self.watched.relisted();
            self.listed = Some(Instant::now());
            // A streamed list had a connection of its own; pages are asked for through the next watch's.
            self.stained = self.target.confidential() && self.api.streams.get() != Some(true);
            if std::mem::replace(&mut self.complete, true) {
                self.health.resynced(self.target.resource);
            }
            self.health.alive(self.index);
        }
        self.follow().await
    }

    /// Whether the server knows no more of a version that was not listed just now: a list is due at
    /// once. Were it said of a fresh list, the next one would have to wait.
    fn outlived(&self, trouble: &Trouble) -> bool {
        self.position.is_some() && trouble.is_gone() && !self.is_fresh()
    }

    /// Whether the last list was complete just now.
    fn is_fresh(&self) -> bool {
        self.listed.is_some_and(|since| since.elapsed() < LIVED)
    }

    async fn give_up(&mut self, trouble: &Trouble) {
        let resumed = self.position.is_some();
        if trouble.stale {
            self.position = None;
        }
        if resumed && trouble.is_gone() {
            // As ordinary as a night without network; the list that follows says so. A server that
            // forgets what it listed just now is not: what is known is true, and no watch is.
            if self.is_fresh() {
                self.health.error(self.target.failure(trouble));
            }
            return;
        }
        if matches!(
            trouble.reason,
            Reason::Unauthorized | Reason::Unreachable | Reason::Timeout
        ) {
            self.api.renew().await;
        }
        self.health.failed(self.index, self.target.failure(trouble));
    }

    async fn follow(&mut self) -> Result<End, Trouble> {
        let lasting = STRETCH + SPREAD.mul_f64(chance());
        let version = self.position.as_deref().unwrap_or_default();
        let body = self
            .api
            .get(&self.target.followed(version, lasting), BEGIN)
            .await?;
        self.following = Some(Instant::now());
        self.health.alive(self.index);
        let mut lines = Lines::new(body);
        loop {
            let rest = if self.stained { RESTED } else { lasting + LATE };
            let line = tokio::select! {
                biased;
                namespace = self.watched.namespace() => {
                    // In line with the events, so that none of them is older than the list.
                    if let Err(trouble) = self.pages(Some(&namespace)).await {
                        self.position = None;
                        return Err(trouble);
                    }
                    continue;
                }
                line = within(rest, "the API server fell silent", lines.next()) => line,
            };
            if line.is_err() && std::mem::take(&mut self.stained) {
                return Ok(End::Rested);
            }
            match line? {
                Ok(None) => {
                    self.health.alive(self.index);
                    return Ok(End::Whole);
                }
                Ok(Some(line)) => match self.line(&line).await? {
                    Sign::Life => {
                        self.stained = self.target.confidential();
                        self.health.alive(self.index);
                    }
                    Sign::Bookmark { .. } => self.health.alive(self.index),
                    Sign::Nothing => {}
                },
                Err(error) => {
                    let trouble = Trouble::unanswered(&*error);
                    self.health.error(self.target.failure(&trouble));
                    self.stained = false; // that connection is gone
                    return Ok(End::Broken);
                }
            }
        }
    }

    pub(super) async fn line(&mut self, line: &Line<'_>) -> Result<Sign, Trouble> {
        let Line::Whole(line) = line else {
            self.spoilt(Reason::TooLarge, "an object is too large");
            return Ok(Sign::Nothing);
        };
        let mut json = serde_json::Deserializer::from_slice(line);
        let Ok(event) = EventSeed(self.watched).deserialize(&mut json) else {
            // The words of the decoder may quote the object; ours do not.
            self.spoilt(Reason::ApiError, "an object does not decode");
            return Ok(Sign::Nothing);
        };
        match event {
            Event::Applied(item) => {
                let version = item.reference().resource_version.clone();
                self.watched.apply(item).await;
                self.reached(&version);
                Ok(Sign::Life)
            }
            Event::Deleted(gone) => {
                self.reached(&gone.resource_version);
                self.watched.delete(&gone);
                Ok(Sign::Life)
            }
            Event::Bookmark {
                version,
                initial_end,
            } => {
                self.reached(&version);
                Ok(Sign::Bookmark { initial_end })
            }
            Event::Error(code) => Err(Trouble::ended(code)),
            Event::Unknown => Ok(Sign::Nothing),
        }
    }

    fn reached(&mut self, version: &str) {
        if let Some(position) = &mut self.position
            && !version.is_empty()
        {
            version.clone_into(position);
        }
    }

    pub(super) fn spoilt(&self, reason: Reason, detail: &'static str) {
        let failure = self.target.failure(&Trouble::new(reason, detail));
        self.health.error(failure);
    }
}
