//! One answer to one scrape: the cached families, then what differs each time.

use std::collections::VecDeque;
use std::io::{self, BufWriter, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Bytes, HttpBody};
use hyper::body::Frame;

use crate::clock::Clock;
use crate::expose::cache::{self, Cache, Plain};
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
        let stable = self.cache.gzip(&snapshot, &self.options, now)?;
        self.health
            .set_bundles((0..self.sources).map(|source| snapshot.count(source)));
        let fresh = |out: &mut dyn Write| {
            let mut out = out;
            if self.options.relative {
                metrics::write_relative(&snapshot, &self.options, now, &mut out)?;
            }
            own::write(&self.health.gather(), &mut out)
        };
        let chunks = match encoding {
            // RFC 1952, 2.2: a gzip file is a series of members.
            Encoding::Gzip => Chunks {
                plain: None,
                rest: VecDeque::from([stable, cache::gzip(|out| fresh(out))?]),
            },
            Encoding::Identity => {
                let mut text = Vec::new();
                fresh(&mut text)?;
                let rest = VecDeque::from([Bytes::from(text)]);
                Chunks {
                    plain: Some(Plain::new(stable)),
                    rest,
                }
            }
        };
        self.health.scraped(begun.elapsed().as_secs_f64());
        Ok(chunks)
    }

    /// The body of one answer to who wants to know everything, as JSON. It stands in memory packed
    /// and no other way, however it travels.
    pub fn everything(&self, encoding: Encoding) -> io::Result<Chunks> {
        let snapshot = self.inventory.snapshot();
        let now = self.clock.now();
        let packed = cache::gzip(|out| {
            let mut out = BufWriter::new(out);
            json::write(&snapshot, now, &mut out)?;
            out.flush()
        })?;
        Ok(match encoding {
            Encoding::Gzip => Chunks {
                plain: None,
                rest: VecDeque::from([packed]),
            },
            Encoding::Identity => Chunks {
                plain: Some(Plain::new(packed)),
                rest: VecDeque::new(),
            },
        })
    }
}

/// A body in pieces, so that no answer stands in memory whole.
#[derive(Debug)]
pub struct Chunks {
    plain: Option<Plain>,
    rest: VecDeque<Bytes>,
}

impl Iterator for Chunks {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(plain) = &mut self.plain {
            if let Some(chunk) = plain.next() {
                return Some(chunk);
            }
            self.plain = None;
        }
        self.rest.pop_front().map(Ok)
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
}
