//! Why a path does not resolve: is nothing there, does a link point to nothing, or does it lead to
//! a directory of the host that we were not given? Walks the path one name at a time; slow, so only
//! done when a path is missing. What it finds is only ever told, never opened.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::FileType;

use super::{HostRoot, failed, label};
use crate::model::{Problem, Reason};

/// The first name on the way that does not exist.
pub(super) enum Missing {
    /// It is this one, after all links before it.
    At {
        /// Where it would be on the host.
        place: PathBuf,
        /// The names after it.
        rest: PathBuf,
        /// A link named it, not the user.
        linked: bool,
    },
    /// It cannot be told, for this reason.
    Unknown(Problem),
}

// === impl Missing ===

impl Missing {
    /// Finds out what is missing on the way to a path.
    pub(super) fn find(host: &HostRoot, path: &Path) -> Self {
        let mut place = PathBuf::from("/");
        let mut names = VecDeque::new();
        prepend(&mut names, path, false);
        let mut links = 0;
        while let Some((name, linked)) = names.pop_front() {
            if name == ".." {
                place.pop();
                continue;
            }
            let next = place.join(&name);
            let rest = || names.iter().map(|(name, _)| name).collect();
            let handle = match host.root.resolve_nofollow(&next) {
                Ok(handle) => handle,
                Err(error) => {
                    let problem = failed(super::errno(&error));
                    return match problem.reason {
                        Reason::NotFound => Self::At {
                            rest: rest(),
                            place: next,
                            linked,
                        },
                        _ => Self::Unknown(problem),
                    };
                }
            };
            let is_link = rustix::fs::fstat(&handle)
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink);
            if !is_link {
                place = next;
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Self::Unknown(Problem::new(Reason::SymlinkLoop, "too many symbolic links"));
            }
            match rustix::fs::readlinkat(&handle, "", Vec::new()) {
                Ok(target) => {
                    let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                    if target.is_absolute() {
                        place = PathBuf::from("/");
                    }
                    prepend(&mut names, &target, true);
                }
                Err(error) => return Self::Unknown(failed(Some(error.raw_os_error()))),
            }
        }
        // It is there by now, or its last part is not a directory.
        Self::Unknown(Problem::new(Reason::NotFound, "no such file or directory"))
    }

    /// Says it in the closed list of reasons. `directory`: the whole path should be one.
    pub(super) fn into_problem(self, host: &HostRoot, directory: bool) -> Problem {
        let (place, rest, linked) = match self {
            Self::At {
                place,
                rest,
                linked,
            } => (place, rest, linked),
            Self::Unknown(problem) => return problem,
        };
        let target = place.join(&rest);
        let is_folder = directory || !rest.as_os_str().is_empty();
        if is_outside_mounts(host, &place, is_folder) {
            let add = match target.parent() {
                Some(parent) if parent != Path::new("/") && !directory => parent,
                _ => &target,
            };
            let detail = if linked {
                format!(
                    "leads to {}, which is not mounted: add {}",
                    label(&target),
                    label(add)
                )
            } else {
                format!("not mounted: add {}", label(add))
            };
            return Problem::new(Reason::NotMounted, detail);
        }
        if linked {
            let detail = format!("leads to {}, which does not exist", label(&target));
            return Problem::new(Reason::BrokenSymlink, detail);
        }
        Problem::new(Reason::NotFound, "no such file or directory")
    }
}

// === helpers ===

/// Whether a missing place may well exist on the host, because it is below none of the directories
/// that were mounted for us.
fn is_outside_mounts(host: &HostRoot, place: &Path, is_folder: bool) -> bool {
    if host.dir == Path::new("/") {
        return false;
    }
    let mounts = host.mounts.get_or_init(|| mounts_below(&host.dir));
    if mounts.is_empty() {
        // A plain copy of a host's tree: a top-level folder is the most that was left out.
        return is_folder && place.parent() == Some(Path::new("/"));
    }
    !mounts.iter().any(|mount| place.starts_with(mount))
}

/// The places on the host where something is mounted for us.
fn mounts_below(root: &Path) -> Vec<PathBuf> {
    // Never larger than some hundred KiB, and never blocking.
    let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .filter_map(|field| {
            let mount = PathBuf::from(OsString::from_vec(unescape(field)));
            Some(Path::new("/").join(mount.strip_prefix(root).ok()?))
        })
        .collect()
}

/// Blanks, tabs, line ends and backslashes stand in mountinfo as three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), tail)
            }
            _ => (*first, tail),
        };
        bytes.push(byte);
        rest = tail;
    }
    bytes
}

fn prepend(names: &mut VecDeque<(OsString, bool)>, path: &Path, linked: bool) {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => names.push_front((name.to_owned(), linked)),
            Component::ParentDir => names.push_front((OsString::from(".."), linked)),
            Component::CurDir | Component::Prefix(_) | Component::RootDir => {}
        }
    }
}

/// As many as the kernel follows.
const MAX_LINKS: usize = 40;

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn mount_points_with_blanks_are_read_back() {
        assert_eq!(unescape(br"/host/a\040b\134c"), br"/host/a b\c");
        assert_eq!(unescape(br"/host/a\9"), br"/host/a\9");
    }

    #[test]
    fn names_of_a_link_come_before_the_rest() {
        let mut names = VecDeque::new();
        prepend(&mut names, Path::new("/c"), false);
        prepend(&mut names, Path::new("../a/./b"), true);
        let names: Vec<_> = names
            .iter()
            .map(|(name, linked)| (name.as_bytes(), *linked))
            .collect();
        assert_eq!(
            names,
            [
                (&b".."[..], true),
                (b"a", true),
                (b"b", true),
                (b"c", false)
            ]
        );
    }
}
