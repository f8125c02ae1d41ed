//! Answers to those who look: the page, and the API's answers to those who ask for a part.

use std::io;
use std::sync::Arc;

use super::scrape::{Chunks, Encoding, Scrape};
use crate::expose::gzip::Packer;
use crate::expose::json;
use crate::expose::page::{self, Source, View};
use crate::expose::query::{Asked, Refusal};
use crate::expose::rows::{self, Gone, Listing};
use crate::health::Standing;
use crate::inventory::Snapshot;

impl Scrape {
    /// The page.
    pub fn page(&self, asked: &Asked, encoding: Encoding) -> io::Result<Chunks> {
        let snapshot = self.inventory.snapshot();
        let view = View {
            snapshot: &snapshot,
            sources: &self.standings(&snapshot),
            query: &asked.query,
            page: asked.page.unwrap_or(1),
            now: self.clock.now(),
        };
        packed(encoding, |packer| page::write(&view, packer))
    }

    /// The rows that were asked for, as JSON.
    pub fn rows(&self, asked: &Asked, encoding: Encoding) -> Result<io::Result<Chunks>, Gone> {
        let snapshot = self.inventory.snapshot();
        let listing = self.listing(&snapshot, asked)?;
        let next = listing.position(asked.query.sort);
        Ok(packed(encoding, |packer| {
            json::write_rows(&listing, next.as_ref(), self.clock.now(), packer)
        }))
    }

    fn listing<'a>(&self, snapshot: &'a Snapshot, asked: &Asked) -> Result<Listing<'a>, Gone> {
        let (query, now) = (&asked.query, self.clock.now());
        let most = asked.limit.unwrap_or(usize::MAX);
        match &asked.position {
            Some(position) => rows::behind(snapshot, query, now, position, most),
            None => Ok(rows::from(snapshot, query, now, 0, most)),
        }
    }

    fn standings(&self, snapshot: &Snapshot) -> Vec<Source> {
        let sources = self.health.sources().enumerate();
        let standing = sources.map(|(id, source)| {
            let Standing {
                up,
                since,
                last_success,
                failure,
            } = source.standing();
            Source {
                kind: source.kind(),
                name: source.name().to_owned(),
                places: snapshot.count(id),
                up,
                since,
                last_success,
                failure: failure.map(|failure| failure.to_string()),
            }
        });
        standing.collect()
    }
}

/// The page that says why there is none.
pub fn refused_page(refusal: &Refusal, encoding: Encoding) -> io::Result<Chunks> {
    packed(encoding, |packer| page::write_refusal(refusal, packer))
}

/// The same as JSON.
pub fn refused(why: &str, encoding: Encoding) -> io::Result<Chunks> {
    packed(encoding, |packer| json::write_refusal(why, packer))
}

/// What is written stands in memory packed and no other way, however it travels.
pub(super) fn packed(
    encoding: Encoding,
    write: impl FnOnce(&mut Packer) -> io::Result<()>,
) -> io::Result<Chunks> {
    let mut packer = Packer::default();
    write(&mut packer)?;
    Ok(Chunks::of(packer.finish(Arc::default())?, encoding))
}
