//! Cuts the body of a watch into lines, in one reused buffer of bounded size.

use std::ops::Range;

use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Bytes};
use memchr::memchr;

use super::client::Body;

/// A Secret holds at most 1 MiB, which base64 and the metadata make 1.5; four leave room for what
/// an admission webhook may add.
const LONGEST: usize = 4 << 20;
/// What the buffer keeps after an unusually long line.
const KEPT: usize = 64 << 10;

/// The lines of one body.
pub(super) struct Lines<B = Body> {
    body: B,
    buffer: Vec<u8>,
    /// Up to here the buffer has been handed out.
    start: usize,
    /// Up to here there is no line end.
    searched: usize,
    /// The rest of a line that was too long is being passed over.
    skipping: bool,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Whole(&'a [u8]),
    /// Its bytes are gone.
    TooLong,
}

enum Cut {
    Whole(Range<usize>),
    TooLong,
}

impl<B: HttpBody<Data = Bytes> + Unpin> Lines<B> {
    pub(super) fn new(body: B) -> Self {
        Self {
            body,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            skipping: false,
        }
    }

    /// The next line, or `None` where the body ends; a last line without its end is dropped, since
    /// nobody knows whether it is whole. May be cancelled at any time.
    pub(super) async fn next(&mut self) -> Result<Option<Line<'_>>, B::Error> {
        let cut = loop {
            if let Some(cut) = self.cut() {
                break cut;
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(data) = frame?.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        };
        Ok(Some(match cut {
            Cut::Whole(range) => Line::Whole(&self.buffer[range]),
            Cut::TooLong => Line::TooLong,
        }))
    }

    fn cut(&mut self) -> Option<Cut> {
        loop {
            let Some(end) = memchr(b'\n', &self.buffer[self.searched..]) else {
                return self.hold();
            };
            let end = self.searched + end;
            let line = self.start..end;
            self.start = end + 1;
            self.searched = self.start;
            if std::mem::take(&mut self.skipping) || line.is_empty() {
                continue;
            }
            return Some(if line.len() > LONGEST {
                Cut::TooLong
            } else {
                Cut::Whole(line)
            });
        }
    }

    /// No line end yet: moves what there is to the front of the buffer, or gives the line up.
    fn hold(&mut self) -> Option<Cut> {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.len() <= LONGEST && !self.skipping {
            if self.buffer.is_empty() {
                self.buffer.shrink_to(KEPT);
            }
            self.searched = self.buffer.len();
            return None;
        }
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
        self.searched = 0;
        (!std::mem::replace(&mut self.skipping, true)).then_some(Cut::TooLong)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    async fn lines(chunks: Vec<Vec<u8>>) -> Vec<Option<String>> {
        let frames = chunks
            .into_iter()
            .map(|chunk| Ok::<_, Infallible>(Frame::data(chunk.into())));
        let mut lines = Lines::<StreamBody<_>>::new(StreamBody::new(stream::iter(frames)));
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(match line {
                Line::Whole(line) => Some(String::from_utf8(line.to_vec()).unwrap()),
                Line::TooLong => None,
            });
        }
        found
    }

    fn some(lines: &[&str]) -> Vec<Option<String>> {
        lines.iter().map(|line| Some((*line).to_owned())).collect()
    }

    #[tokio::test]
    async fn lines_do_not_depend_on_how_the_body_is_cut() {
        let whole = b"one\ntwo\n\nthree\n";
        for size in 1..=whole.len() {
            let chunks = whole.chunks(size).map(<[u8]>::to_vec).collect();
            assert_eq!(
                lines(chunks).await,
                some(&["one", "two", "three"]),
                "chunks of {size}"
            );
        }
    }

    #[tokio::test]
    async fn a_last_line_without_its_end_is_dropped() {
        assert_eq!(lines(vec![b"one\ntw".to_vec()]).await, some(&["one"]));
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_the_next_one_is_read() {
        let long = vec![b'x'; LONGEST + 1];
        let rest = b"still the same line\nnext\n".to_vec();
        let expected = vec![None, Some("next".to_owned())];
        assert_eq!(
            lines(vec![b"\n".to_vec(), long.clone(), rest.clone()]).await,
            expected
        );
        assert_eq!(lines(vec![[long, rest].concat()]).await, expected);
    }
}
