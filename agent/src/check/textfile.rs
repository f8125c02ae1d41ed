//! A file for the textfile collector of `node_exporter`: whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Whoever collects it runs as somebody else.
const MODE: u32 = 0o644;

/// Puts the text at the path: written beside it, brought to the disk, then renamed, so that a reader
/// sees the old file or the new one. The name in between does not end in `.prom`: the collector
/// passes it over.
pub(super) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let between = between(path)?;
    let written = create(&between).and_then(|mut file| {
        file.write_all(text)?;
        // Whatever umask says.
        file.set_permissions(Permissions::from_mode(MODE))?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&between, path));
    if renamed.is_err() {
        fs::remove_file(&between).ok();
    }
    renamed
}

fn between(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut between = OsString::from(".");
    between.push(name);
    between.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(between))
}

/// A new file: a link that stands there is not followed, and what a run left that was killed goes.
fn create(path: &Path) -> io::Result<File> {
    fs::remove_file(path).ok();
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_read_by_all_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x509.prom");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            MODE
        );
        assert_eq!(names(folder.path()), ["x509.prom"]);
    }

    #[test]
    fn a_file_that_cannot_be_put_there_leaves_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x509.prom");
        fs::create_dir_all(path.join("in the way")).unwrap();
        assert!(write(&path, b"new").is_err());
        assert_eq!(names(folder.path()), ["x509.prom"]);
        assert!(write(Path::new("/"), b"new").is_err());
    }
}
