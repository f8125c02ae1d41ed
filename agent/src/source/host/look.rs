//! The errand that most of a scan consists of: look at a file, and if it changed, read it and make
//! something of its bytes, which are wiped at once: keys may be among them. Where the private key
//! beside a certificate is to be compared with it, both are looked at together.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::crew::Errand;
use super::{HostRoot, Look, Stamp};
use crate::decode::key;
use crate::model::{Problem, Reason};

/// A look at one file.
pub(crate) struct Glance<F> {
    pub(crate) root: Arc<HostRoot>,
    pub(crate) path: PathBuf,
    pub(crate) follow: bool,
    /// The state in which it need not be read.
    pub(crate) known: Option<State>,
    /// Where the private key is that may belong to it: the first that is there.
    pub(crate) keys: Vec<PathBuf>,
    /// Makes something of the bytes.
    pub(crate) digest: F,
}

/// The bytes of a file and of the key beside it, if there is one and it is not in the file itself.
pub(crate) struct Bytes {
    pub(crate) file: Zeroizing<Vec<u8>>,
    pub(crate) key: Option<Zeroizing<Vec<u8>>>,
}

/// The fingerprint of the state of a file and of the key beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State(u64);

/// A state of a file. There is one for each file, so it is small.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    state: State,
    /// When it was first seen, while it can still hide a change.
    since: Option<Instant>,
}

// === impl Glance ===

impl<F, T> Errand for Glance<F>
where
    F: Fn(&Path, &Bytes) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    type Raw = Result<Look<Bytes, State>, Problem>;
    type Done = Result<Look<T, State>, Problem>;

    fn path(&self) -> &Path {
        &self.path
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    fn fetch(&self) -> Self::Raw {
        let mut keys = self.keys.iter();
        let key = keys.find_map(|path| Some((path, self.root.stamp(path, self.follow)?)));
        let state = |file: &Stamp| State::of(file, key.as_ref().map(|(_, stamp)| stamp));
        let is_known = |file: &Stamp| self.known == Some(state(file));
        if self.known.is_some() && self.root.is_still(&self.path, is_known) {
            return Ok(Look::Unchanged);
        }
        match self.root.look(&self.path, self.follow, is_known)? {
            Look::Unchanged => Ok(Look::Unchanged),
            Look::Read(file, bytes) => {
                let state = state(&file);
                let file = Zeroizing::new(bytes);
                let key = key
                    .filter(|_| !key::is_in(&file))
                    .and_then(|(path, _)| self.read_key(path));
                Ok(Look::Read(state, Bytes { file, key }))
            }
        }
    }

    fn digest(&self, raw: Self::Raw) -> Self::Done {
        Ok(match raw? {
            Look::Unchanged => Look::Unchanged,
            Look::Read(state, bytes) => Look::Read(state, (self.digest)(&self.path, &bytes)),
        })
    }
}

impl<F> Glance<F> {
    /// A key that cannot be read is none of our business: it is its server's.
    fn read_key(&self, path: &Path) -> Option<Zeroizing<Vec<u8>>> {
        match self.root.look(path, self.follow, |_| false) {
            Ok(Look::Read(_, bytes)) => Some(Zeroizing::new(bytes)),
            _ => None,
        }
    }
}

// === impl State ===

impl State {
    fn of(file: &Stamp, key: Option<&Stamp>) -> Self {
        Self(SEED.hash_one((file, key)))
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
    pub(crate) fn read(before: Option<&Self>, state: State, now: Instant) -> Self {
        match before {
            Some(before) if before.state == state => {
                let young = |since: &Instant| now.saturating_duration_since(*since) < SETTLING;
                let since = before.since.filter(young);
                Self { state, since }
            }
            _ => Self {
                state,
                since: Some(now),
            },
        }
    }

    /// The state that need not be read again.
    pub(crate) fn known(&self) -> Option<State> {
        self.since.is_none().then_some(self.state)
    }

    /// Whoever renews a certificate writes it and its key one after the other: that they do not
    /// belong together is believed when both are seen so again.
    pub(crate) fn withhold_mismatch(&self, problems: &mut Vec<Problem>, now: Instant) {
        if self.since == Some(now) {
            problems.retain(|problem| problem.reason != Reason::KeyMismatch);
        }
    }
}

/// Nobody can make two states whose fingerprints are equal.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Longer than the tick of any filesystem in use (FAT: two seconds).
const SETTLING: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::SeqCst;

    use super::*;

    fn state(root: &Path) -> State {
        std::fs::write(root.join("a"), root.as_os_str().as_encoded_bytes()).unwrap();
        match HostRoot::open(root)
            .unwrap()
            .look(Path::new("/a"), true, |_| false)
            .unwrap()
        {
            Look::Read(file, _) => State::of(&file, None),
            Look::Unchanged => unreachable!("nothing is known of it"),
        }
    }

    /// How often paths were resolved and files opened while each file was looked at once.
    fn asked(host: &Path, names: &[&str], keys: &[&str]) -> (usize, usize) {
        let path = |name: &&str| Path::new("/d").join(name);
        let glance = |root: &Arc<HostRoot>, name, known| Glance {
            root: Arc::clone(root),
            path: path(name),
            follow: true,
            known,
            keys: keys.iter().map(path).collect(),
            digest: |_: &Path, _: &Bytes| (),
        };
        let open = || Arc::new(HostRoot::open(host).unwrap());
        let root = open();
        let known = names.iter().map(|name| {
            let Ok(Look::Read(state, _)) = glance(&root, name, None).fetch() else {
                unreachable!("nothing is known of it")
            };
            (name, state)
        });
        let known: Vec<_> = known.collect();
        let root = open();
        for (name, state) in known {
            let again = glance(&root, name, Some(state)).fetch();
            assert!(matches!(again, Ok(Look::Unchanged)), "{name}");
        }
        let tally = &root.handles.tally;
        (tally.resolved.load(SeqCst), tally.opened.load(SeqCst))
    }

    #[test]
    fn of_files_that_are_as_they_were_the_directory_alone_is_resolved() {
        let host = tempfile::TempDir::new().unwrap();
        let directory = host.path().join("d");
        std::fs::create_dir(&directory).unwrap();
        for name in ["a", "b", "c", "key"] {
            std::fs::write(directory.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("a", directory.join("link")).unwrap();
        let host = host.path();
        assert_eq!(asked(host, &["a", "b", "c"], &[]), (1, 0));
        assert_eq!(asked(host, &["a", "b", "c"], &["none", "key"]), (1, 0));
        assert_eq!(asked(host, &["a", "link"], &[]), (2, 0), "and each link");
    }

    #[test]
    fn a_state_is_trusted_only_when_it_was_read_again_later() {
        let (one, other) = (
            tempfile::TempDir::new().unwrap(),
            tempfile::TempDir::new().unwrap(),
        );
        let (one, other) = (state(one.path()), state(other.path()));
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
