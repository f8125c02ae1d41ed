//! The errand that most of a scan consists of: look at a file, and if it changed, read it and make
//! something of its bytes, which are dropped at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::crew::Errand;
use super::{HostRoot, Look, Stamp};
use crate::model::Problem;

/// A look at one file.
pub(crate) struct Glance<F> {
    pub(crate) root: Arc<HostRoot>,
    pub(crate) path: PathBuf,
    pub(crate) follow: bool,
    /// The state in which it need not be read.
    pub(crate) known: Option<Stamp>,
    /// Makes something of the bytes of the file at a path.
    pub(crate) digest: F,
}

/// When a state of a file was first seen, and whether it can still hide a change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    stamp: Stamp,
    since: Instant,
    settled: bool,
}

// === impl Glance ===

impl<F, T> Errand for Glance<F>
where
    F: Fn(&Path, &[u8]) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    type Raw = Result<Look<Vec<u8>>, Problem>;
    type Done = Result<Look<T>, Problem>;

    fn path(&self) -> &Path {
        &self.path
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    fn fetch(&self) -> Self::Raw {
        self.root.look(&self.path, self.follow, self.known.as_ref())
    }

    fn digest(&self, raw: Self::Raw) -> Self::Done {
        Ok(match raw? {
            Look::Unchanged => Look::Unchanged,
            Look::Read(stamp, bytes) => Look::Read(stamp, (self.digest)(&self.path, &bytes)),
        })
    }
}

// === impl Seen ===

impl Seen {
    /// Remembers that a file was read in a state.
    ///
    /// File times are coarse: a file that is written twice within one tick looks the same after the
    /// second time. So a state is trusted only once the file was read again in it, longer after its
    /// first sight than any filesystem's tick. This needs no clock that agrees with the host's, nor
    /// with that of a file server.
    pub(crate) fn read(before: Option<&Self>, stamp: Stamp, now: Instant) -> Self {
        match before {
            Some(before) if before.stamp == stamp => {
                let settled = now.saturating_duration_since(before.since) >= SETTLING;
                Self { settled, ..*before }
            }
            _ => Self {
                stamp,
                since: now,
                settled: false,
            },
        }
    }

    /// The state that need not be read again.
    pub(crate) fn known(&self) -> Option<Stamp> {
        self.settled.then_some(self.stamp)
    }
}

/// Longer than the tick of any filesystem in use (FAT: two seconds).
const SETTLING: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(root: &Path) -> Stamp {
        std::fs::write(root.join("a"), root.as_os_str().as_encoded_bytes()).unwrap();
        match HostRoot::open(root)
            .unwrap()
            .look(Path::new("/a"), true, None)
            .unwrap()
        {
            Look::Read(stamp, _) => stamp,
            Look::Unchanged => unreachable!("nothing is known of it"),
        }
    }

    #[test]
    fn a_state_is_trusted_only_when_it_was_read_again_later() {
        let (one, other) = (
            tempfile::TempDir::new().unwrap(),
            tempfile::TempDir::new().unwrap(),
        );
        let (one, other) = (stamp(one.path()), stamp(other.path()));
        let start = Instant::now();
        let first = Seen::read(None, one, start);
        assert_eq!(first.known(), None);
        let soon = Seen::read(Some(&first), one, start + SETTLING / 2);
        assert_eq!(soon.known(), None);
        let later = Seen::read(Some(&soon), one, start + SETTLING);
        assert_eq!(later.known(), Some(one));
        let changed = Seen::read(Some(&later), other, start + 2 * SETTLING);
        assert_eq!(changed.known(), None);
    }
}
