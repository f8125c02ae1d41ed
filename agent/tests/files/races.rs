//! Trees that change while they are read, by somebody who wants to lead the agent out of the host root.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use rustix::io::Errno;
use tempfile::TempDir;

use super::host::{Host, NOTHING, certificate};

const ROUNDS: usize = 60;

/// Two names take each other's place, as one step.
fn swap(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// Ends the swapping however the test ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn links_and_folders_that_are_swapped_while_they_are_read_never_lead_out() {
    let host = Host::new();
    let outside = TempDir::new().unwrap();
    // What is outside has two certificates, what is inside has one.
    let two = format!("{}{}", certificate(), certificate());
    for name in ["a.pem", "b.pem"] {
        fs::write(outside.path().join(name), &two).unwrap();
    }
    let up = Path::new("../../../../../../../..");
    let away = up.join(outside.path().strip_prefix("/").unwrap());
    host.write("/file/a.pem", certificate());
    host.link("/file/link", away.join("a.pem"));
    host.write("/folder/real/b.pem", certificate());
    host.link("/folder/link", &away);
    host.link("/way", "/folder/real");
    symlink(outside.path(), host.at("/other-way")).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                swap(&host.at("/file/a.pem"), &host.at("/file/link"));
                swap(&host.at("/folder/real"), &host.at("/folder/link"));
                swap(&host.at("/way"), &host.at("/other-way"));
            }
        });
        let paths = [
            "/file/a.pem",
            "/file/*",
            "/folder/real/*.pem",
            "/folder/*/b.pem",
            "/way/b.pem",
            "/way",
        ];
        let _stop = Stop(&done);
        let mut inside = 0;
        for _ in 0..ROUNDS {
            // A watch of its own each time: nothing is known yet, all is read.
            for line in host.watch(&paths).scan() {
                assert!(!line.contains(": 2"), "{line}");
                inside += usize::from(line.contains(": 1"));
            }
        }
        assert!(inside > 0, "what is inside was never read");
    });
}

#[test]
fn devices_and_pipes_are_not_opened_whatever_names_them() {
    let host = Host::new();
    host.fifo("/etc/pipe");
    host.link("/etc/link", "pipe");
    let null = mknodat(
        CWD,
        host.at("/etc/zero"),
        FileType::CharacterDevice,
        Mode::RUSR,
        rustix::fs::makedev(1, 5),
    );
    // Only root may make one; the pipes are there for everybody.
    assert!(matches!(null, Ok(()) | Err(Errno::PERM)), "{null:?}");
    let paths = if null.is_ok() {
        vec!["/etc/pipe", "/etc/link", "/etc/zero"]
    } else {
        vec!["/etc/pipe", "/etc/link"]
    };
    let said = host.watch(&paths).scan();
    assert_eq!(said.len(), paths.len());
    for line in said {
        assert!(line.ends_with(": 0 not_regular_file"), "{line}");
    }
    assert_eq!(host.watch(&["/etc/*"]).scan(), NOTHING);
}

/// Whoever may make a hard link to a file could read it: it is a file of the folder like any other.
#[test]
fn a_hard_link_is_a_file_and_its_key_is_passed_over() {
    let host = Host::new();
    host.write(
        "/secret/a.pem",
        format!("{}{}", super::host::KEY, certificate()),
    );
    fs::create_dir(host.at("/d")).unwrap();
    fs::hard_link(host.at("/secret/a.pem"), host.at("/d/a.pem")).unwrap();
    assert_eq!(host.watch(&["/d/*.pem"]).scan(), ["file /d/a.pem: 1"]);
}
