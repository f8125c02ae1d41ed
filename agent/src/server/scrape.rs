//! One answer to one scrape: the cached families, then what differs each time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use crate::clock::Clock;
use crate::expose::cache::Cache;
use crate::expose::gzip::{Member, Packer, Parts, Plain};
use crate::expose::{Options, json, metrics, own};
use crate::health::Health;
use crate::inventory::Inventory;

/// Renders what is known.
#[derive(Debug)]
pub struct Scrape {
    /// The facts.
    pub inventory: Arc<Inventory>,
    /// The agent's own metrics.
    pub health: Arc<Health>,
    /// What the user wants to see.
    pub options: Options,
    /// What time it is.
    pub clock: Clock,
    /// The last rendering.
    pub cache: Cache,
    /// How many sources there are.
    pub sources: usize,
}

/// How the answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `Content-Encoding: gzip`.
    Gzip,
    /// Plain text.
    Identity,
}

impl Encoding {
    /// What the values of `Accept-Encoding` ask for (RFC 9110, 12.5.3).
    pub fn asked_for<'a>(accept: impl Iterator<Item = &'a str>) -> Self {
        let mut gzip = None;
        let mut any = None;
        for coding in accept.flat_map(|value| value.split(',')) {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .unwrap_or("1");
            let wanted = weight.parse::<f32>().is_ok_and(|weight| weight > 0.0);
            match name {
                _ if name.eq_ignore_ascii_case("gzip") => gzip = Some(wanted),
                "*" => any = Some(wanted),
                _ => {}
            }
        }
        if gzip.or(any).unwrap_or(false) {
            Self::Gzip
        } else {
            Self::Identity
        }
    }
}

impl Scrape {
    /// The body of one answer.
    pub fn answer(&self, encoding: Encoding) -> io::Result<Chunks> {
        let begun = Instant::now();
        let now = self.clock.now();
        let snapshot = self.inventory.snapshot();
        let mut packer = Packer::default();
        let stable = self
            .cache
            .pieces(&snapshot, &self.options, now, &mut packer)?;
        self.health
            .set_bundles((0..self.sources).map(|source| snapshot.count(source)));
        if self.options.relative {
            metrics::write_relative(&snapshot, &self.options, now, &mut packer)?;
        }
        own::write(&self.health.gather(), &mut packer)?;
        let member = packer.finish(stable)?;
        self.health.scraped(begun.elapsed().as_secs_f64());
        tracing::debug!(
            rendered = self.cache.rendered(),
            packed = member.packed,
            plain = member.plain,
            "a scrape is answered"
        );
        Ok(Chunks::of(member, encoding))
    }

    /// Renders what has changed before anybody asks.
    pub fn prepare(&self) -> io::Result<()> {
        let (snapshot, mut packer) = (self.inventory.snapshot(), Packer::default());
        let now = self.clock.now();
        self.cache
            .pieces(&snapshot, &self.options, now, &mut packer)?;
        tracing::debug!(
            rendered = self.cache.rendered(),
            "prepared for the next scrape"
        );
        Ok(())
    }

    /// The body of one answer to who wants to know everything, as JSON. It stands in memory packed
    /// and no other way, however it travels.
    pub fn everything(&self, encoding: Encoding) -> io::Result<Chunks> {
        let snapshot = self.inventory.snapshot();
        let mut packer = Packer::default();
        json::write(&snapshot, self.clock.now(), &mut packer)?;
        Ok(Chunks::of(packer.finish(Arc::default())?, encoding))
    }
}

/// A body in pieces, so that no answer stands in memory whole.
#[derive(Debug)]
pub struct Chunks {
    of: Form,
    /// Bytes that are still to come.
    left: u64,
}

#[derive(Debug)]
enum Form {
    Packed(Parts),
    Plain(Plain),
}

impl Chunks {
    pub(super) fn of(member: Member, encoding: Encoding) -> Self {
        let left = match encoding {
            Encoding::Gzip => member.packed,
            Encoding::Identity => member.plain,
        };
        let of = match encoding {
            Encoding::Gzip => Form::Packed(member.into_parts()),
            Encoding::Identity => Form::Plain(member.into_plain()),
        };
        Self { of, left }
    }
}

impl Iterator for Chunks {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let chunk = match &mut self.of {
            Form::Packed(parts) => parts.next().map(Ok),
            Form::Plain(plain) => plain.next(),
        };
        if let Some(Ok(chunk)) = &chunk {
            self.left = self.left.saturating_sub(chunk.len() as u64);
        }
        chunk
    }
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.next().map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    /// Known from the start, so that answers travel whole and unframed.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
