//! What files of the host cost: to hold, and to look at again.

use std::fs;
use std::mem::MaybeUninit;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::inotify;
use tempfile::TempDir;

use x509_certificate_exporter::source::files::{Files, Options, Scanner};
use x509_certificate_exporter::source::host::Keystores;

use crate::certificates::Authority;
use crate::ear::{Ear, run};
use crate::meter::{Book, Cost, FEW, MANY, Meter, each};

pub(crate) fn scanning(book: &mut Book) {
    let authority = Authority::new();
    let (few, many) = (tree(&authority, FEW), tree(&authority, MANY));

    let (low, high) = (first(few.path(), FEW), first(many.path(), MANY));
    let held = each(&low, &high, |cost| cost.held);
    book.at_most(850, "bytes held for each file of leaf and CA", held);
    let beyond = each(&low, &high, |cost| cost.peak - cost.held);
    let what = "bytes at the peak of the first scan beyond that, for each file";
    book.at_most(250, what, beyond);

    let ((low, _), (high, opened)) = (again(few.path()), again(many.path()));
    book.at_most(0, "files opened for reading that have not changed", opened);
    let allocations = each(&low, &high, |cost| cost.allocations);
    book.at_most(9, "allocations for each such file", allocations);
    let peak = each(&low, &high, |cost| cost.peak);
    book.at_most(110, "bytes at the peak for each such file", peak);
    book.at_most(0, "bytes left by looking at them", high.held);
}

fn tree(authority: &Authority, files: usize) -> TempDir {
    let root = TempDir::new().unwrap();
    for number in 0..files {
        let path = root.path().join(format!("{number:06}.pem"));
        fs::write(path, authority.chain(number)).unwrap();
    }
    root
}

/// The first scan, by the source as a whole.
fn first(root: &Path, files: usize) -> Cost {
    let (source, ear) = (Files::new(options(root)), Ear::new());
    let meter = Meter::start();
    let cost = run(&source, &ear, async {
        ear.succeeds().await;
        meter.read()
    });
    assert_eq!(ear.inventory.snapshot().count(0), files);
    cost
}

/// A scan when nothing changed, and how many files it opened for reading.
fn again(root: &Path) -> (Cost, usize) {
    let events = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&events, root, inotify::WatchFlags::OPEN).unwrap();
    let opened = || {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&events, &mut buffer);
        let mut files = 0;
        while let Ok(event) = reader.next() {
            // Directories are opened too: new files may be in them.
            files += usize::from(!event.events().contains(inotify::ReadFlags::ISDIR));
        }
        files
    };
    let mut scanner = Scanner::new(&options(root));
    let mut now = Instant::now();
    let mut scan = || {
        now += Duration::from_secs(30);
        scanner.scan(now);
    };
    scan();
    assert_ne!(opened(), 0, "the first scan opens them");
    // A file is read once more before each change of it is sure to show.
    scan();
    scan();
    opened();
    let meter = Meter::start();
    scan();
    let mut cost = meter.read();
    // The thread that looked may still be letting go of what it had.
    let deadline = Instant::now() + Duration::from_secs(60);
    while cost.held > 0 && Instant::now() < deadline {
        std::thread::yield_now();
        cost.held = meter.read().held;
    }
    (cost, opened())
}

fn options(root: &Path) -> Options {
    Options {
        name: "test".into(),
        root: root.to_owned(),
        paths: vec!["/*.pem".to_owned()],
        exclude: Vec::new(),
        follow_symlinks: true,
        discovered: None,
        interval: Duration::from_secs(3600),
        timeout: Duration::from_secs(60),
        keystores: Keystores::default(),
        compare_keys: false,
    }
}
