//! The files that the web configuration is made of, and whether they are still the same.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The largest file that is read.
const MOST: u64 = 1 << 20;

/// Which files were read, and how each stood just before.
#[derive(Debug, Default)]
pub(super) struct Files(Vec<(PathBuf, Stamp)>);

/// What changes when a file does, of the file that a link leads to.
type Stamp = Option<[i64; 7]>;

impl Files {
    /// The content of one.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        self.0.push((path.to_owned(), stamp(path)));
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        content(path).map_err(named)
    }

    /// Whether any of them is another than when it was read.
    pub(super) fn have_changed(&self) -> bool {
        self.0.iter().any(|(path, then)| stamp(path) != *then)
    }
}

fn content(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Asked before it is opened: a pipe would keep us until somebody writes to it.
    let length = match fs::metadata(path)? {
        there if !there.is_file() => return Err(io::Error::other("it is no file")),
        there => there.len(),
    };
    // Room for all of it at once, so that no copy is left behind where it grew.
    let room = usize::try_from(length.min(MOST) + 2).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(bytes)
}

fn stamp(path: &Path) -> Stamp {
    let of = |there: Metadata| {
        [
            there.dev().cast_signed(),
            there.ino().cast_signed(),
            there.size().cast_signed(),
            there.mtime(),
            there.mtime_nsec(),
            there.ctime(),
            there.ctime_nsec(),
        ]
    };
    fs::metadata(path).ok().map(of)
}
