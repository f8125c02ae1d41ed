//! The host's files, seen as if the host root were `/`.
//!
//! In: paths as the host knows them. Out: bytes, directory listings and problems. Nothing resolves
//! to a place outside the root: absolute links start again at the root, `..` stops there, and
//! magic links are refused (openat2, or its emulation in `pathrs` where the kernel or seccomp
//! refuses it). Nothing but a regular file is opened for reading, and no more than [`MAX_FILE`]
//! bytes of it. It knows neither certificates nor kubeconfigs.
//!
//! Every call here may hang with its filesystem; [`crew`] keeps that away from everybody else.

pub(crate) mod crew;
mod handles;
pub(crate) mod keyring;
pub(crate) mod ledger;
pub(crate) mod look;
mod missing;
pub(crate) mod patrol;
pub(crate) mod pattern;
pub(crate) mod walk;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
#[cfg(test)]
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pathrs::Root;
use pathrs::error::{Error, ErrorKind};
use pathrs::flags::OpenFlags;
use rustix::fs::{Dir, FileType, Stat, fstat};
use rustix::io::Errno;

use crate::model::{Bundle, Problem, Reason};
use handles::Handles;
use missing::Missing;

pub use super::keystores::{Keystores, Passphrases};
pub use ledger::Scanned;
pub use pattern::Superseded;

/// What a source of host files watches.
#[derive(Clone, Debug)]
pub struct Options {
    /// The user's name for the source.
    pub name: String,
    /// Where the host's `/` is for us.
    pub root: PathBuf,
    /// Files, patterns and, unless they are kubeconfigs, directories (their files); all absolute on
    /// the host.
    pub paths: Vec<String>,
    /// Patterns of paths that are left out.
    pub exclude: Vec<String>,
    /// The paths were looked up and not named: one that is missing is no problem, while one that
    /// is closed to us fails the source even if only a pattern found it.
    pub discovered: Option<Superseded>,
    /// Whether symbolic links are followed.
    pub follow_symlinks: bool,
    /// The time between two scans.
    pub interval: Duration,
    /// How long one operation on a file may take.
    pub timeout: Duration,
    /// What opens keystores.
    pub keystores: Keystores,
    /// Whether private keys beside certificates are read and compared with them.
    pub compare_keys: bool,
}

/// The host's root directory, open for one scan.
#[derive(Debug)]
pub struct HostRoot {
    /// Where it is for us, without links.
    dir: PathBuf,
    root: Root,
    handles: Handles,
    /// The places on the host where something is mounted for us; read when a path is missing.
    mounts: OnceLock<Vec<PathBuf>>,
}

/// What tells one state of a file from another: the file itself, never a link to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: i64,
    modified: (i64, u64),
    changed: (i64, u64),
}

/// What a look at a file gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Look<T, S = Stamp> {
    /// The file is as it was; it was not opened for reading.
    Unchanged,
    /// The file was read in this state.
    Read(S, T),
}

/// The files and directories of one directory.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Device and inode of the directory.
    pub(crate) id: (u64, u64),
    pub(crate) entries: Vec<(OsString, FileType)>,
    /// There were more entries than are kept.
    pub(crate) truncated: bool,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// A FIFO, a socket or a device.
    Other,
}

// === impl Options ===

#[cfg(feature = "endpoints")]
impl Options {
    /// Of these paths, and nothing else said.
    pub(crate) fn of_paths(paths: Vec<String>) -> Self {
        Self {
            name: String::new(),
            root: PathBuf::from("/"),
            paths,
            exclude: Vec::new(),
            discovered: None,
            follow_symlinks: true,
            interval: Duration::MAX,
            timeout: Duration::MAX,
            keystores: Keystores::default(),
            compare_keys: false,
        }
    }
}

// === impl HostRoot ===

impl HostRoot {
    /// Opens the directory under which the host's files are: `/` outside a container.
    pub fn open(dir: &Path) -> Result<Self, Problem> {
        let canonical = dir
            .canonicalize()
            .map_err(|error| failed(error.raw_os_error()))?;
        let root = Root::open(&canonical).map_err(|error| failed(errno(&error)))?;
        Ok(Self {
            dir: canonical,
            root,
            handles: Handles::default(),
            mounts: OnceLock::new(),
        })
    }

    /// Whether a path itself, not a link there, is a regular file in a known state.
    pub(crate) fn is_still(&self, path: &Path, known: impl Fn(&Stamp) -> bool) -> bool {
        let state = self.state(path).and_then(Result::ok);
        state.is_some_and(|stat| is_file(&stat) && known(&Stamp::of(&stat)))
    }

    /// Reads a regular file, unless its state is a known one.
    pub(crate) fn look(
        &self,
        path: &Path,
        follow: bool,
        known: impl Fn(&Stamp) -> bool,
    ) -> Result<Look<Vec<u8>>, Problem> {
        let (handle, stat) = self.resolve(path, follow)?;
        if !is_file(&stat) {
            let what = not_regular(FileType::from_raw_mode(stat.st_mode));
            return Err(Problem::new(Reason::NotRegularFile, what));
        }
        let stamp = Stamp::of(&stat);
        if known(&stamp) {
            return Ok(Look::Unchanged);
        }
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if size > MAX_FILE {
            return Err(too_large());
        }
        let file = self.handles.reopen(&handle, &stat);
        let file = file.map_err(|error| failed(errno(&error)))?;
        Ok(Look::Read(stamp, read(file, size)?))
    }

    /// The state of a regular file, which is not opened for reading.
    pub(crate) fn stamp(&self, path: &Path, follow: bool) -> Option<Stamp> {
        let stat = match self.state(path) {
            Some(Ok(stat)) if !follow || !is(FileType::Symlink, &stat) => stat,
            Some(Err(Errno::NOENT)) => return None,
            _ => self.resolve(path, follow).ok()?.1,
        };
        is_file(&stat).then(|| Stamp::of(&stat))
    }

    /// What a path leads to.
    pub(crate) fn kind(&self, path: &Path) -> Result<Kind, Problem> {
        let (_, stat) = self.resolve(path, true)?;
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            _ => Kind::Other,
        })
    }

    /// Lists a directory; `None` when the path leads to something else, or, if that is no matter,
    /// to nothing. What a link promises is always missed.
    pub(crate) fn list(
        &self,
        path: &Path,
        may_be_missing: bool,
    ) -> Result<Option<Listing>, Problem> {
        let flags = OpenFlags::O_RDONLY | OpenFlags::O_DIRECTORY | OpenFlags::O_NONBLOCK;
        let file = match attempt(|| self.root.open_subpath(path, flags)) {
            Ok(file) => file,
            Err(error) if errno(&error) == Some(Errno::NOTDIR.raw_os_error()) => return Ok(None),
            Err(error) if may_be_missing && self.is_missing(path, &error) => return Ok(None),
            Err(error) => return Err(self.problem(path, &error, true)),
        };
        let io = |error: io::Error| failed(error.raw_os_error());
        let stat = fstat(&file).map_err(|error| io(error.into()))?;
        let mut listing = Listing {
            id: (stat.st_dev, stat.st_ino),
            ..Listing::default()
        };
        for entry in Dir::new(OwnedFd::from(file)).map_err(|error| io(error.into()))? {
            let entry = entry.map_err(|error| io(error.into()))?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            if listing.entries.len() == MAX_ENTRIES {
                listing.truncated = true;
                break;
            }
            listing
                .entries
                .push((OsString::from_vec(name.to_vec()), entry.file_type()));
        }
        Ok(Some(listing))
    }

    /// Resolves a path to a handle that cannot be read from, so that no FIFO, device or lease is
    /// ever touched.
    fn resolve(&self, path: &Path, follow: bool) -> Result<(File, Stat), Problem> {
        if !is_nameable(path) {
            return Err(Problem::new(
                Reason::NotFound,
                "no file can have such a name",
            ));
        }
        #[cfg(test)]
        self.handles.tally.resolved.fetch_add(1, SeqCst);
        let resolve = if follow {
            Root::resolve
        } else {
            Root::resolve_nofollow
        };
        let handle = attempt(|| resolve(&self.root, path))
            .map_err(|error| self.problem(path, &error, false))?;
        let file = File::from(OwnedFd::from(handle));
        let stat = fstat(&file).map_err(|error| failed(Some(error.raw_os_error())))?;
        Ok((file, stat))
    }

    /// What stands under a path's name, told the short way.
    fn state(&self, path: &Path) -> Option<Result<Stat, Errno>> {
        is_nameable(path).then(|| self.handles.state(&self.root, path))?
    }

    /// Whether nothing is there, and no link says that there should be.
    fn is_missing(&self, path: &Path, error: &Error) -> bool {
        let is_plain = || matches!(Missing::find(self, path), Missing::At { linked: false, .. });
        errno(error) == Some(Errno::NOENT.raw_os_error()) && is_plain()
    }

    /// Names what is wrong with a path that does not resolve.
    fn problem(&self, path: &Path, error: &Error, directory: bool) -> Problem {
        let errno = errno(error);
        match errno.map(Errno::from_raw_os_error) {
            Some(Errno::NOENT | Errno::NOTDIR) => {
                Missing::find(self, path).into_problem(self, directory)
            }
            _ => failed(errno),
        }
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

// === helpers ===

/// The bundle of a location that has a problem as a whole: what is known stays if it could not be
/// read, and is gone if it is wrong.
pub(crate) fn faulty(problem: Problem) -> Bundle {
    if is_unread(problem.reason) {
        Bundle::unread(problem)
    } else {
        Bundle::bad(problem)
    }
}

/// Whether the place could not be read, and not: was read and is wrong.
pub(crate) fn is_unread(reason: Reason) -> bool {
    use Reason::{Internal, PermissionDenied, ReadFailed, Timeout};
    matches!(reason, Internal | PermissionDenied | ReadFailed | Timeout)
}

/// The problem of a place that was named for its certificates and has none.
pub(crate) fn no_certificate() -> Problem {
    Problem::new(Reason::NoCertificateFound, "no certificate in it")
}

/// A path as a label: bytes that are not UTF-8 as `\xNN`, so that two files never share one.
pub(crate) fn label(path: &Path) -> Arc<str> {
    let bytes = path.as_os_str().as_bytes();
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.contains(char::is_control)
    {
        return text.into();
    }
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // A line feed in a name would forge a line of the log.
            if c.is_control() {
                text.extend(c.escape_default());
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            text.push_str("\\x");
            text.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[digit as usize])),
            );
        }
    }
    text.into()
}

/// Tries again where a rename or a mount elsewhere got in the way of a safe answer.
fn attempt<T>(attempt: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let mut result = attempt();
    for _ in 1..ATTEMPTS {
        match &result {
            Err(error) if error.can_retry() || error.kind() == ErrorKind::SafetyViolation => {
                result = attempt();
            }
            _ => break,
        }
    }
    result
}

fn is(kind: FileType, stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

fn is_file(stat: &Stat) -> bool {
    is(FileType::RegularFile, stat)
}

/// Whether a path can be one to the kernel.
fn is_nameable(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    bytes.len() <= MAX_PATH && !bytes.contains(&0)
}

fn read(file: File, size: u64) -> Result<Vec<u8>, Problem> {
    // One byte more than the file has, so that reading to its end needs no larger buffer.
    let mut bytes = Vec::with_capacity(usize::try_from(size + 1).unwrap_or_default());
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(error.raw_os_error()))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(too_large());
    }
    Ok(bytes)
}

fn too_large() -> Problem {
    Problem::new(
        Reason::TooLarge,
        format!("larger than {} MiB", MAX_FILE >> 20),
    )
}

pub(super) fn not_regular(kind: FileType) -> &'static str {
    match kind {
        FileType::Symlink => "a symbolic link, and links are not to be followed",
        FileType::Directory => "a directory, not a file",
        FileType::Fifo => "a named pipe, not a file",
        FileType::Socket => "a socket, not a file",
        FileType::BlockDevice | FileType::CharacterDevice => "a device, not a file",
        _ => "not a regular file",
    }
}

/// The problem behind an error number; those that tell of a missing path are [`Missing`]'s.
pub(crate) fn failed(errno: Option<i32>) -> Problem {
    let Some(errno) = errno else {
        return Problem::new(Reason::ReadFailed, "the path could not be resolved safely");
    };
    match Errno::from_raw_os_error(errno) {
        Errno::NOENT | Errno::NOTDIR => Problem::new(Reason::NotFound, "no such file or directory"),
        Errno::ACCESS | Errno::PERM => Problem::new(
            Reason::PermissionDenied,
            "the operating system refuses to open it",
        ),
        Errno::LOOP => Problem::new(Reason::SymlinkLoop, "too many symbolic links"),
        Errno::TIMEDOUT => Problem::new(Reason::Timeout, "the filesystem gave up waiting"),
        _ => Problem::new(
            Reason::ReadFailed,
            io::Error::from_raw_os_error(errno)
                .to_string()
                .to_lowercase(),
        ),
    }
}

fn errno(error: &Error) -> Option<i32> {
    match error.kind() {
        ErrorKind::OsError(errno) => errno,
        _ => None,
    }
}

/// The most that is read of one file: several times the largest trust bundle in use. A node's pod has
/// room for two at a time, as text and decoded, in the 32 MiB that it may be given.
pub const MAX_FILE: u64 = 6 << 20;

/// The most entries of one directory that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// `PATH_MAX` of Linux.
const MAX_PATH: usize = 4096;

const ATTEMPTS: usize = 3;
