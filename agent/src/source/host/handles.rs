//! Handles that are kept while one scan lasts, because they spare system calls for each file.
//!
//! The directory that was resolved last: the state of a name in it is told without resolving the
//! whole path again. The directory of our own open files: through it, what was resolved is opened
//! for reading in one call, where a full check of procfs takes fifty.
//!
//! Neither opens what the long way would not: a state is only compared, and of what is opened for
//! reading it was seen before that it is a regular file, and is seen after that it is that one.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
#[cfg(test)]
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pathrs::flags::OpenFlags;
use pathrs::procfs::{ProcfsBase, ProcfsHandle};
use pathrs::{HandleRef, Root};
use rustix::fs::{AtFlags, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;
use rustix::path::DecInt;

/// The handles of one scan.
#[derive(Debug, Default)]
pub(super) struct Handles {
    directory: Mutex<Option<(PathBuf, Arc<OwnedFd>)>>,
    /// `/proc/self/fd`; `None` where it cannot be had.
    descriptors: OnceLock<Option<OwnedFd>>,
    #[cfg(test)]
    pub(super) tally: Tally,
}

/// What the kernel was asked for.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) resolved: std::sync::atomic::AtomicUsize,
    pub(super) opened: std::sync::atomic::AtomicUsize,
}

// === impl Handles ===

impl Handles {
    /// What stands under a path's name in its directory; a link is not followed. `None` where it
    /// takes the long way to tell.
    pub(super) fn state(&self, root: &Root, path: &Path) -> Option<Result<Stat, Errno>> {
        let (directory, name) = (path.parent()?, path.file_name()?);
        let directory = self.directory(root, directory)?;
        Some(statat(directory, name, AtFlags::SYMLINK_NOFOLLOW))
    }

    /// Opens for reading what was resolved.
    pub(super) fn reopen(&self, file: &File, stat: &Stat) -> Result<File, pathrs::error::Error> {
        #[cfg(test)]
        self.tally.opened.fetch_add(1, SeqCst);
        // Non-blocking, because a lease on the file would otherwise hold us up.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let reopened = self
            .descriptors()
            .and_then(|all| openat(all, DecInt::from_fd(file), flags, Mode::empty()).ok());
        let same = |file: &OwnedFd| {
            fstat(file).is_ok_and(|now| (now.st_dev, now.st_ino) == (stat.st_dev, stat.st_ino))
        };
        if let Some(file) = reopened.filter(same) {
            return Ok(file.into());
        }
        let flags = OpenFlags::O_RDONLY | OpenFlags::O_NONBLOCK;
        HandleRef::from_fd(file.as_fd()).reopen(flags)
    }

    fn directory(&self, root: &Root, path: &Path) -> Option<Arc<OwnedFd>> {
        // Not held while the file system is asked, which may hang.
        let last = || {
            self.directory
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let is = |at: &Path| at.as_os_str() == path.as_os_str();
        if let Some((_, directory)) = last().as_ref().filter(|(at, _)| is(at)) {
            return Some(Arc::clone(directory));
        }
        #[cfg(test)]
        self.tally.resolved.fetch_add(1, SeqCst);
        let directory = Arc::new(OwnedFd::from(root.resolve(path).ok()?));
        *last() = Some((path.to_owned(), Arc::clone(&directory)));
        Some(directory)
    }

    fn descriptors(&self) -> Option<&OwnedFd> {
        let open = || {
            let flags = OpenFlags::O_PATH | OpenFlags::O_DIRECTORY;
            let all = ProcfsHandle::new().ok()?;
            Some(all.open(ProcfsBase::ProcSelf, "fd", flags).ok()?.into())
        };
        self.descriptors.get_or_init(open).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;
    use crate::source::host::{HostRoot, Look};

    #[test]
    fn a_directory_that_is_swapped_for_a_link_during_a_scan_leads_nowhere() {
        let (host, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let path = Path::new("/d/a.pem");
        fs::create_dir(host.path().join("d")).unwrap();
        fs::write(host.path().join("d/a.pem"), "inside").unwrap();
        fs::write(outside.path().join("a.pem"), "outside").unwrap();
        let root = HostRoot::open(host.path()).unwrap();
        let Ok(Look::Read(inside, _)) = root.look(path, true, |_| false) else {
            panic!("it is read")
        };
        assert!(root.is_still(path, |stamp| *stamp == inside));

        fs::rename(host.path().join("d"), outside.path().join("d")).unwrap();
        symlink(outside.path(), host.path().join("d")).unwrap();
        // The file that was there is as it was; what is there now is not seen, and never read.
        assert!(root.is_still(path, |stamp| *stamp == inside));
        assert!(root.look(path, true, |_| false).is_err());
        fs::remove_file(outside.path().join("d/a.pem")).unwrap();
        symlink("../a.pem", outside.path().join("d/a.pem")).unwrap();
        assert!(
            !root.is_still(path, |_| true),
            "links are not followed here"
        );
        assert_eq!(root.stamp(path, true), None);
    }

    #[test]
    fn what_is_opened_is_what_was_resolved_even_if_our_descriptors_are_not_ours() {
        let host = TempDir::new().unwrap();
        fs::write(host.path().join("a.pem"), "right").unwrap();
        let forged = TempDir::new().unwrap();
        for descriptor in 0..1024 {
            fs::write(forged.path().join(descriptor.to_string()), "wrong").unwrap();
        }
        let handles = Handles::default();
        let forged = File::open(forged.path()).unwrap();
        handles.descriptors.set(Some(forged.into())).unwrap();
        let handle = Root::open(host.path().canonicalize().unwrap())
            .unwrap()
            .resolve("a.pem")
            .unwrap();
        let handle = File::from(OwnedFd::from(handle));
        let mut opened = handles.reopen(&handle, &fstat(&handle).unwrap()).unwrap();
        let mut text = String::new();
        opened.read_to_string(&mut text).unwrap();
        assert_eq!(text, "right");
    }
}
