//! Gzip in pieces (RFC 1951, RFC 1952): text is packed bit by bit, each piece on its own, and what
//! was packed long ago and what is packed now stand in one member.

use std::io::{self, Write};
use std::sync::Arc;

use axum::body::Bytes;
use flate2::{Compress, Compression, Crc, Decompress, FlushCompress, FlushDecompress, Status};

/// How much plain text is packed at once.
const CHUNK: usize = 64 * 1024;

/// How much plain text is sent at once. The image's malloc maps blocks above 32 KiB anew each time,
/// and an answer is hundreds of these.
const SENT: usize = 30 * 1024;

/// RFC 1952, 2.3: deflate, no flags, no time, made fast, no system.
const HEAD: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// Text that is packed so that it can stand anywhere in a member: its end is that of a byte, and it
/// refers to nothing before it.
#[derive(Debug)]
pub struct Piece {
    bytes: Bytes,
    crc: Crc,
    plain: u64,
}

/// The first part of a member: what many answers share.
#[derive(Debug)]
pub struct Pieces {
    parts: Vec<Bytes>,
    packed: u64,
    crc: Crc,
    plain: u64,
}

/// A whole member.
#[derive(Clone, Debug)]
pub struct Member {
    shared: Arc<Pieces>,
    last: Bytes,
    /// Bytes as they are.
    pub packed: u64,
    /// Bytes of the text.
    pub plain: u64,
}

/// Makes pieces of what is written into it. It is large, so one serves for a whole answer.
pub struct Packer {
    deflate: Compress,
    text: Vec<u8>,
    out: Vec<u8>,
    crc: Crc,
    plain: u64,
}

/// A member part by part.
#[derive(Debug)]
pub struct Parts {
    member: Member,
    next: usize,
}

/// The text of a member, in chunks.
pub struct Plain {
    parts: Parts,
    part: Bytes,
    inflate: Decompress,
}

// === impl Pieces ===

impl Default for Pieces {
    fn default() -> Self {
        Self {
            parts: vec![Bytes::from_static(HEAD)],
            packed: HEAD.len() as u64,
            crc: Crc::new(),
            plain: 0,
        }
    }
}

impl Pieces {
    /// Appends a piece, which stays shared.
    pub fn push(&mut self, piece: &Piece) {
        self.parts.push(piece.bytes.clone());
        self.packed += piece.bytes.len() as u64;
        self.crc.combine(&piece.crc);
        self.plain += piece.plain;
    }
}

// === impl Packer ===

impl Default for Packer {
    fn default() -> Self {
        Self {
            deflate: Compress::new(Compression::fast(), false),
            text: Vec::with_capacity(CHUNK),
            out: Vec::new(),
            crc: Crc::new(),
            plain: 0,
        }
    }
}

impl Packer {
    /// A piece of what was written since the last one; none of nothing.
    pub fn piece(&mut self) -> io::Result<Option<Piece>> {
        // "Full" forgets what was written before.
        self.pack(FlushCompress::Full)?;
        let bytes = Bytes::copy_from_slice(&self.out);
        self.out.clear();
        let piece = Piece {
            bytes,
            crc: std::mem::take(&mut self.crc),
            plain: std::mem::take(&mut self.plain),
        };
        Ok((piece.plain > 0).then_some(piece))
    }

    /// The member that begins with these pieces and ends with what was written since the last one.
    pub fn finish(mut self, shared: Arc<Pieces>) -> io::Result<Member> {
        self.pack(FlushCompress::Finish)?;
        let mut crc = Crc::new();
        crc.combine(&shared.crc);
        crc.combine(&self.crc);
        self.out.extend(crc.sum().to_le_bytes());
        self.out.extend(crc.amount().to_le_bytes());
        self.out.shrink_to_fit();
        Ok(Member {
            packed: shared.packed + self.out.len() as u64,
            plain: shared.plain + self.plain,
            last: Bytes::from(self.out),
            shared,
        })
    }

    fn pack(&mut self, flush: FlushCompress) -> io::Result<()> {
        self.crc.update(&self.text);
        self.plain += self.text.len() as u64;
        let mut rest = &*self.text;
        loop {
            self.out.reserve(CHUNK / 4);
            let before = self.deflate.total_in();
            let packed = self.deflate.compress_vec(rest, &mut self.out, flush);
            packed.map_err(io::Error::other)?;
            let taken = usize::try_from(self.deflate.total_in() - before);
            rest = &rest[taken.map_err(io::Error::other)?..];
            // As long as there is no room left, there may be more to come.
            if rest.is_empty() && self.out.len() < self.out.capacity() {
                break;
            }
        }
        self.text.clear();
        Ok(())
    }
}

impl Write for Packer {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.text.len() + text.len() > CHUNK {
            self.pack(FlushCompress::None)?;
        }
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    /// Does nothing: only a whole piece can be had.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packer")
    }
}

// === impl Member ===

impl Member {
    /// As it is.
    pub fn into_parts(self) -> Parts {
        Parts {
            member: self,
            next: 0,
        }
    }

    /// As text, which is unpacked as it is taken.
    pub fn into_plain(self) -> Plain {
        Plain {
            // Without the head.
            parts: Parts {
                member: self,
                next: 1,
            },
            part: Bytes::new(),
            inflate: Decompress::new(false),
        }
    }
}

// === impl Parts ===

impl Iterator for Parts {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let Member { shared, last, .. } = &mut self.member;
        let part = shared.parts.get(self.next).cloned();
        self.next += 1;
        part.or_else(|| Some(std::mem::take(last)).filter(|last| !last.is_empty()))
    }
}

// === impl Plain ===

impl Iterator for Plain {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut chunk = Vec::with_capacity(SENT);
        while chunk.len() < chunk.capacity() {
            if self.part.is_empty() {
                match self.parts.next() {
                    Some(part) => self.part = part,
                    None => break,
                }
            }
            let before = self.inflate.total_in();
            let flush = FlushDecompress::None;
            let unpacked = self.inflate.decompress_vec(&self.part, &mut chunk, flush);
            let taken = self.inflate.total_in() - before;
            match unpacked {
                Ok(Status::StreamEnd) => {
                    // What is left is the sum of all.
                    self.part.clear();
                    break;
                }
                Ok(Status::Ok) => {
                    self.part = self.part.split_off(usize::try_from(taken).unwrap_or(0));
                }
                Ok(Status::BufError) => return Some(Err(io::ErrorKind::InvalidData.into())),
                Err(error) => return Some(Err(io::Error::other(error))),
            }
        }
        (!chunk.is_empty()).then(|| Ok(Bytes::from(chunk)))
    }
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plain")
    }
}
