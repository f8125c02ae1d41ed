//! The stable families, rendered once and kept compressed. Every scrape between two changes is a
//! copy of these bytes; scrapes at the same time share them.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::{Options, metrics};
use crate::inventory::Snapshot;

/// How much plain text one step of [`Plain`] yields.
const CHUNK: usize = 64 * 1024;

/// The last rendering. Written by whichever scrape finds it out of date.
#[derive(Debug, Default)]
pub struct Cache {
    last: Mutex<Option<Rendering>>,
}

#[derive(Debug)]
struct Rendering {
    version: u64,
    /// The seconds for which the text holds, as long as the inventory stays.
    valid: Range<i64>,
    gzip: Bytes,
}

impl Cache {
    /// The stable families as a gzip member.
    pub fn gzip(&self, snapshot: &Snapshot, options: &Options, now: i64) -> io::Result<Bytes> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rendering) = &*last
            && rendering.version == snapshot.version
            && rendering.valid.contains(&now)
        {
            return Ok(rendering.gzip.clone());
        }
        // Dropped first: two renderings of 20,000 certificates need not stand side by side.
        *last = None;
        let gzip = gzip(|out| metrics::write_stable(snapshot, options, now, out))?;
        let valid = now..metrics::next_flip(snapshot, options, now);
        *last = Some(Rendering {
            version: snapshot.version,
            valid,
            gzip: gzip.clone(),
        });
        Ok(gzip)
    }
}

/// What is written, as one gzip member.
pub fn gzip(write: impl FnOnce(&mut GzEncoder<Vec<u8>>) -> io::Result<()>) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    write(&mut encoder)?;
    encoder.flush()?;
    Ok(Bytes::from(encoder.finish()?))
}

/// The plain text behind a gzip member, in chunks.
pub struct Plain(GzDecoder<io::Cursor<Bytes>>);

impl Plain {
    /// Starts reading at the beginning.
    pub fn new(gzip: Bytes) -> Self {
        Self(GzDecoder::new(io::Cursor::new(gzip)))
    }
}

impl Iterator for Plain {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut chunk = Vec::with_capacity(CHUNK);
        let limit = u64::try_from(CHUNK).unwrap_or(u64::MAX);
        match self.0.by_ref().take(limit).read_to_end(&mut chunk) {
            Ok(0) => None,
            Ok(_) => Some(Ok(Bytes::from(chunk))),
            Err(error) => Some(Err(error)),
        }
    }
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plain")
    }
}
