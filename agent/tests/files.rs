//! Host files, from the outside: trees made by the test, scanned one scan at a time.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test"
)]

#[path = "files/discovered.rs"]
mod discovered;
#[path = "files/host.rs"]
mod host;
#[path = "files/hostile.rs"]
mod hostile;
#[path = "files/keys.rs"]
mod keys;
#[path = "files/keystores.rs"]
mod keystores;
#[path = "files/races.rs"]
mod races;
#[path = "files/trees.rs"]
mod trees;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::sync::Arc;
use std::time::Instant;

use rustix::fs::inotify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use x509_certificate_exporter::model::Change;
use x509_certificate_exporter::source::files::{Files, Options, Scanner, scan_once};
use x509_certificate_exporter::source::{Report, Sink, Source};

use host::{Host, KEY, NOTHING, Watch, certificate};

// === what is found ===

#[test]
fn a_named_file_is_said_once() {
    let host = Host::new();
    host.write("/etc/pki/ca.crt", certificate());
    let mut watch = host.watch(&["/etc/pki/ca.crt"]);
    assert_eq!(watch.scan(), ["file /etc/pki/ca.crt: 1"]);
    for _ in 0..3 {
        assert_eq!(watch.scan(), NOTHING);
        assert_eq!(watch.reports, ["succeeded"]);
    }
}

#[test]
fn the_first_scan_ends_with_all_names_and_the_next_say_only_changes() {
    let host = Host::new();
    host.write("/a.pem", certificate());
    let mut scanner = Scanner::new(&host.options(&["/*.pem"]));
    let first = scanner.scan(Instant::now());
    assert!(matches!(
        &first.changes[..],
        [Change::Upsert(at, _), Change::Resync(all)] if all[..] == [at.clone()]
    ));
    host.write("/b.pem", certificate());
    host.remove("/a.pem");
    let second = scanner.scan(Instant::now());
    assert!(matches!(
        &second.changes[..],
        [Change::Upsert(..), Change::Remove(_)]
    ));
}

#[test]
fn a_directory_means_its_files_and_not_those_below() {
    let host = Host::new();
    host.write("/etc/certs/a.pem", certificate());
    host.write("/etc/certs/deeper/b.pem", certificate());
    symlink("a.pem", host.at("/etc/certs/link.pem")).unwrap();
    let expected = ["file /etc/certs/a.pem: 1", "file /etc/certs/link.pem: 1"];
    assert_eq!(host.watch(&["/etc/certs"]).scan(), expected);
    assert_eq!(host.watch(&["/etc/certs/"]).scan(), expected);
}

#[test]
fn patterns_match_names_classes_and_directories_at_any_depth() {
    let host = Host::new();
    for path in [
        "/e/a1.pem",
        "/e/a2.crt",
        "/e/x/b1.pem",
        "/e/x/y/c1.pem",
        "/f/x/d1.pem",
    ] {
        host.write(path, certificate());
    }
    let found = |pattern: &str| host.watch(&[pattern]).scan().join(" ").replace(": 1", "");
    assert_eq!(found("/e/*.pem"), "file /e/a1.pem");
    assert_eq!(found("/e/a?.*"), "file /e/a1.pem file /e/a2.crt");
    assert_eq!(found("/*/x/[bd]1.pem"), "file /e/x/b1.pem file /f/x/d1.pem");
    assert_eq!(
        found("/e/**/*.pem"),
        "file /e/a1.pem file /e/x/b1.pem file /e/x/y/c1.pem"
    );
    assert_eq!(found("/e/**/y/**"), "file /e/x/y/c1.pem");
    assert_eq!(found("/**/x/*"), "file /e/x/b1.pem file /f/x/d1.pem");
}

#[test]
fn two_stars_do_not_go_round_in_circles() {
    let host = Host::new();
    host.write("/e/x/a.pem", certificate());
    symlink("..", host.at("/e/x/up")).unwrap();
    symlink("/e", host.at("/e/x/root")).unwrap();
    assert_eq!(host.watch(&["/e/**/*.pem"]).scan(), ["file /e/x/a.pem: 1"]);
}

#[test]
fn more_levels_than_anybody_has_are_a_problem_and_hide_nothing_above() {
    let host = Host::new();
    host.write("/e/a.pem", certificate());
    host.write(&format!("/e/{}b.pem", "d/".repeat(40)), certificate());
    let expected = ["file /e/**/*.pem: 0 too_many", "file /e/a.pem: 1"];
    assert_eq!(host.watch(&["/e/**/*.pem"]).scan(), expected);
}

#[test]
fn a_name_that_looks_like_a_pattern_is_a_name_if_it_is_there() {
    let host = Host::new();
    host.write("/e/[a].pem", certificate());
    host.write("/e/a.pem", certificate());
    host.write("/e/{b}/c.pem", certificate());
    assert_eq!(host.watch(&["/e/[a].pem"]).scan(), ["file /e/[a].pem: 1"]);
    assert_eq!(host.watch(&["/e/{b}"]).scan(), ["file /e/{b}/c.pem: 1"]);
}

#[test]
fn excluded_paths_are_left_out_and_not_missed() {
    let host = Host::new();
    for path in ["/e/a.pem", "/e/a.key", "/e/private/b.pem", "/e/old.pem"] {
        host.write(path, certificate());
    }
    let mut options = host.options(&["/e/**", "/e/old.pem"]);
    options.exclude = vec!["*.key".into(), "/e/private".into(), "/e/o*".into()];
    assert_eq!(Watch::new(&options).scan(), ["file /e/a.pem: 1"]);
}

#[test]
fn what_is_named_twice_is_there_once() {
    let host = Host::new();
    host.write("/e/a.pem", certificate());
    let paths = ["/e/a.pem", "/e/a.pem", "/e", "/e/*.pem", "/e//a.pem"];
    assert_eq!(host.watch(&paths).scan(), ["file /e/a.pem: 1"]);
}

#[test]
fn links_are_left_alone_on_request() {
    let host = Host::new();
    host.write("/e/a.pem", certificate());
    symlink("a.pem", host.at("/e/b.pem")).unwrap();
    let mut options = host.options(&["/e/*.pem"]);
    options.follow_symlinks = false;
    assert_eq!(Watch::new(&options).scan(), ["file /e/a.pem: 1"]);
    options.paths = vec!["/e/b.pem".into()];
    assert_eq!(
        Watch::new(&options).scan(),
        ["file /e/b.pem: 0 not_regular_file"]
    );
}

#[test]
fn a_single_scan_gives_the_bundles() {
    let host = Host::new();
    host.write("/e/a.pem", certificate());
    assert_eq!(scan_once(&host.options(&["/e", "/e/missing"])).len(), 2);
    let nowhere = Options {
        root: host.at("/nowhere"),
        ..host.options(&["/e"])
    };
    assert_eq!(scan_once(&nowhere).len(), 1);
}

// === what is missing ===

#[test]
fn a_named_path_that_is_missing_is_a_problem_and_no_failure() {
    let host = Host::new();
    host.write("/etc/x", certificate());
    let mut watch = host.watch(&[
        "/etc/a.pem",
        "/etc/*.pem",
        "/etc/none/*.pem",
        "/etc/x/y.pem",
    ]);
    let expected = [
        "file /etc/*.pem: 0 not_found",
        "file /etc/a.pem: 0 not_found",
        "file /etc/none/*.pem: 0 not_found",
        "file /etc/x/y.pem: 0 not_found",
    ];
    assert_eq!(watch.scan(), expected);
    assert_eq!(watch.reports, ["succeeded"]);
    host.write("/etc/a.pem", certificate());
    assert_eq!(
        watch.scan(),
        ["file /etc/*.pem: gone", "file /etc/a.pem: 1"]
    );
}

#[test]
fn an_empty_directory_is_a_problem() {
    let host = Host::new();
    fs::create_dir_all(host.at("/e/sub")).unwrap();
    assert_eq!(host.watch(&["/e"]).scan(), ["file /e: 0 not_found"]);
}

#[test]
fn a_deleted_file_is_gone_and_missed_if_it_was_named() {
    let host = Host::new();
    host.write("/e/a.pem", certificate());
    host.write("/e/b.pem", certificate());
    let mut watch = host.watch(&["/e/a.pem", "/e/b*"]);
    watch.settle();
    host.remove("/e/a.pem");
    host.remove("/e/b.pem");
    let expected = [
        "file /e/a.pem: 0 not_found",
        "file /e/b*: 0 not_found",
        "file /e/b.pem: gone",
    ];
    assert_eq!(watch.scan(), expected);
    host.write("/e/a.pem", certificate());
    assert_eq!(watch.scan(), ["file /e/a.pem: 1"]);
}

#[test]
fn a_target_outside_what_is_mounted_names_the_directory_to_add() {
    let host = Host::new();
    host.link("/etc/a.pem", "/opt/certs/a.pem");
    let mut watch = host.watch(&["/etc/a.pem", "/srv/b/c.pem"]);
    let expected = [
        "file /etc/a.pem: 0 not_mounted",
        "file /srv/b/c.pem: 0 not_mounted",
    ];
    assert_eq!(watch.scan(), expected);
    let target = "leads to /opt/certs/a.pem, which is not mounted: add /opt/certs";
    assert_eq!(watch.details, [target, "not mounted: add /srv/b"]);
}

#[test]
fn a_host_root_that_is_missing_fails_the_source_until_it_is_there() {
    let host = Host::new();
    let root = host.at("/late");
    let mut watch = Watch::new(&Options {
        root: root.clone(),
        ..host.options(&["/a.pem"])
    });
    assert_eq!(watch.scan(), NOTHING);
    assert_eq!(watch.reports, ["error not_found", "failed not_found"]);
    watch.scan();
    assert_eq!(watch.reports, ["failed not_found"]);
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.pem"), certificate()).unwrap();
    assert_eq!(watch.scan(), ["file /a.pem: 1"]);
    assert_eq!(watch.reports, ["succeeded"]);
}

// === renewal ===

#[test]
fn every_form_of_renewal_is_seen_within_one_scan() {
    let host = Host::new();
    for path in [
        "/pki/in-place.pem",
        "/pki/renamed.pem",
        "/pki/v1.pem",
        "/pki/v2.pem",
    ] {
        host.write(path, certificate());
    }
    host.link("/pki/current.pem", "v1.pem");
    host.link("/etc/two-hops.pem", "/pki/current.pem");
    host.write("/vol/..1/tls.crt", certificate());
    host.write("/vol/..2/tls.crt", certificate());
    host.link("/vol/..data", "..1");
    host.link("/vol/tls.crt", "..data/tls.crt");
    let paths = [
        "/pki/in-place.pem",
        "/pki/renamed.pem",
        "/etc/two-hops.pem",
        "/vol",
    ];
    let mut watch = host.watch(&paths);
    watch.settle();

    host.write("/pki/in-place.pem", certificate() + "\n");
    assert_eq!(watch.scan(), ["file /pki/in-place.pem: 1"]);
    host.write("/pki/new", certificate());
    host.rename("/pki/new", "/pki/renamed.pem");
    assert_eq!(watch.scan(), ["file /pki/renamed.pem: 1"]);
    host.link("/pki/new", "v2.pem");
    host.rename("/pki/new", "/pki/current.pem");
    assert_eq!(watch.scan(), ["file /etc/two-hops.pem: 1"]);
    host.write("/pki/v2.pem", certificate() + "\n");
    assert_eq!(watch.scan(), ["file /etc/two-hops.pem: 1"]);
    host.link("/vol/new", "..2");
    host.rename("/vol/new", "/vol/..data");
    assert_eq!(watch.scan(), ["file /vol/tls.crt: 1"]);
    assert_eq!(watch.scan(), NOTHING);
}

#[test]
fn a_file_written_anew_with_its_old_time_and_size_is_read_again() {
    let host = Host::new();
    let (first, mut second) = (certificate(), certificate());
    while second.len() != first.len() {
        second = certificate();
    }
    host.write("/a.pem", first);
    let mut watch = host.watch(&["/a.pem"]);
    watch.settle();
    let before = fs::metadata(host.at("/a.pem")).unwrap();
    let changed = || fs::metadata(host.at("/a.pem")).map(|file| (file.ctime(), file.ctime_nsec()));
    // Until the filesystem's clock has ticked.
    while changed().unwrap() == (before.ctime(), before.ctime_nsec()) {
        host.write("/a.pem", &second);
        let file = fs::File::options()
            .write(true)
            .open(host.at("/a.pem"))
            .unwrap();
        file.set_modified(before.modified().unwrap()).unwrap();
    }
    assert_eq!(watch.scan(), ["file /a.pem: 1"]);
}

#[test]
fn a_file_that_did_not_change_is_not_opened_for_reading() {
    let host = Host::new();
    host.write("/pki/a.pem", certificate());
    host.write("/pki/key.pem", KEY);
    host.link("/pki/b.pem", "a.pem");
    let mut watch = host.watch(&["/pki/*"]);
    let events = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    for file in ["/pki/a.pem", "/pki/key.pem"] {
        inotify::add_watch(&events, host.at(file), inotify::WatchFlags::OPEN).unwrap();
    }
    let opened = || {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&events, &mut buffer);
        std::iter::from_fn(|| reader.next().ok().map(drop)).count()
    };
    watch.scan();
    assert_ne!(opened(), 0, "the first scan opens them");
    watch.settle();
    opened();
    watch.scan();
    assert_eq!(opened(), 0);
}

// === the source ===

struct Ear(UnboundedSender<Result<Change, Report>>);

impl Sink for Ear {
    fn apply(&self, change: Change) {
        self.0.send(Ok(change)).unwrap();
    }

    fn report(&self, report: Report) {
        self.0.send(Err(report)).unwrap();
    }
}

#[test]
fn a_source_scans_at_once_and_again_after_its_interval() {
    let host = Host::new();
    host.write("/a.pem", certificate());
    let mut options = host.options(&["/a.pem"]);
    options.interval = std::time::Duration::from_millis(1);
    let files = Files::new(options);
    assert_eq!((files.kind(), files.name()), ("file", "test"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let (sender, mut heard) = unbounded_channel();
    let story = async {
        assert!(matches!(
            heard.recv().await.unwrap(),
            Ok(Change::Upsert(..))
        ));
        assert!(matches!(heard.recv().await.unwrap(), Ok(Change::Resync(_))));
        assert_eq!(heard.recv().await.unwrap(), Err(Report::Succeeded));
        host.remove("/a.pem");
        while !matches!(heard.recv().await.unwrap(), Ok(Change::Upsert(..))) {}
        assert_eq!(heard.recv().await.unwrap(), Err(Report::Succeeded));
    };
    runtime.block_on(async {
        tokio::select! {
            failure = files.run(Arc::new(Ear(sender))) => panic!("{failure}"),
            () = story => {}
        }
    });
}

/// Takes all files away as soon as it hears of one.
struct Thief(std::path::PathBuf, std::sync::Mutex<usize>);

impl Sink for Thief {
    fn apply(&self, change: Change) {
        if let Change::Upsert(..) = change {
            *self.1.lock().unwrap() += 1;
            for entry in fs::read_dir(&self.0).unwrap() {
                fs::remove_file(entry.unwrap().path()).unwrap();
            }
        }
    }

    fn report(&self, _: Report) {}
}

#[test]
fn what_is_found_is_told_in_batches_and_does_not_wait_for_the_end() {
    let host = Host::new();
    let certificate = certificate();
    for number in 0..1000 {
        host.write(&format!("/d/{number}.pem"), &certificate);
    }
    let thief = Thief(host.at("/d"), std::sync::Mutex::default());
    Scanner::new(&host.options(&["/d/*.pem"])).scan_for(Instant::now(), &thief);
    let told = thief.1.into_inner().unwrap();
    assert!((1..=256).contains(&told), "{told}");
}
