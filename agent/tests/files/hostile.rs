//! Trees that somebody made to do harm, and hosts that do not behave.

use std::ffi::{CStr, CString};
use std::fs;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::thread::{CapabilitySet, CapabilitySets};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use tempfile::TempDir;

use super::host::{Host, KEY, NOTHING, Watch, certificate};

// === what is there ===

#[test]
fn in_a_hostile_directory_one_bad_file_hides_no_other() {
    let host = Host::new();
    let one = certificate();
    let bad = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    host.write("/d/good.pem", &one);
    host.write("/d/bom.pem", format!("\u{feff}{one}"));
    host.write(
        "/d/hundred.pem",
        (0..100).map(|_| certificate()).collect::<String>(),
    );
    host.write("/d/twice.pem", format!("{one}{one}"));
    host.write("/d/garbage.pem", "no certificate at all");
    host.write("/d/empty.pem", "");
    host.write("/d/truncated.pem", &one[..one.len() / 2]);
    host.write("/d/mixed.pem", format!("{one}{bad}{one}"));
    host.write("/d/key.pem", KEY);
    host.write(
        "/d/request.pem",
        KEY.replace("PRIVATE KEY", "CERTIFICATE REQUEST"),
    );
    host.write("/d/odd \"name\"\n.pem", &one);
    fs::File::create(host.at("/d/sparse.pem"))
        .unwrap()
        .set_len(200 << 20)
        .unwrap();
    host.link("/d/dangling.pem", "nowhere");
    host.link("/d/loop1.pem", "loop2.pem");
    host.link("/d/loop2.pem", "loop1.pem");
    host.link("/d/self.pem", "self.pem");
    host.link("/d/environ.pem", "../../../proc/self/environ");
    fs::create_dir(host.at("/d/directory.pem")).unwrap();
    host.fifo("/d/fifo.pem");
    let said = host.watch(&["/d/*.pem"]).scan();
    let says = |name: &str| {
        let prefix = format!("file /d/{name}: ");
        said.iter()
            .find_map(|line| line.strip_prefix(&prefix))
            .unwrap_or("silence")
            .to_owned()
    };
    for good in ["good.pem", "bom.pem", r#"odd "name"\n.pem"#] {
        assert_eq!(says(good), "1", "{good}");
    }
    assert_eq!(says("hundred.pem"), "100");
    assert_eq!(says("twice.pem"), "2");
    assert_eq!(says("mixed.pem"), "2 bad_base64");
    assert_eq!(says("garbage.pem"), "0 no_certificate_found");
    assert_eq!(says("empty.pem"), "0 no_certificate_found");
    assert_eq!(says("truncated.pem"), "0 bad_pem");
    assert_eq!(says("sparse.pem"), "0 too_large");
    assert_eq!(says("dangling.pem"), "0 broken_symlink");
    for circle in ["loop1.pem", "loop2.pem", "self.pem"] {
        assert_eq!(says(circle), "0 symlink_loop", "{circle}");
    }
    assert_eq!(says("environ.pem"), "0 not_mounted");
    for silent in ["key.pem", "request.pem", "directory.pem", "fifo.pem"] {
        assert_eq!(says(silent), "silence", "{silent}");
    }
}

#[test]
fn data_that_nests_deeply_ends_no_thread() {
    let host = Host::new();
    // SEQUENCEs of indefinite and of definite length, each in the one before.
    host.write("/d/indefinite.der", [0x30, 0x80].repeat(1 << 20));
    let mut nested = Vec::new();
    for _ in 0..10_000_u32 {
        let length = u32::try_from(nested.len()).unwrap().to_be_bytes();
        nested.splice(0..0, [0x30, 0x84].into_iter().chain(length));
    }
    host.write("/d/definite.der", &nested);
    host.write(
        "/d/begin.pem",
        "-----BEGIN CERTIFICATE-----\n".repeat(100_000),
    );
    let said = host.watch(&["/d"]).scan();
    assert_eq!(said.len(), 3);
    for line in said {
        assert!(
            line.contains(": 0 bad_") || line.contains(": 0 too_many"),
            "{line}"
        );
    }
}

#[test]
fn what_is_named_and_holds_no_certificate_is_a_problem() {
    let host = Host::new();
    host.write("/key.pem", KEY);
    host.write("/empty.pem", "");
    host.fifo("/fifo");
    let expected = [
        "file /empty.pem: 0 no_certificate_found",
        "file /fifo: 0 not_regular_file",
        "file /key.pem: 0 no_certificate_found",
    ];
    assert_eq!(
        host.watch(&["/key.pem", "/fifo", "/empty.pem"]).scan(),
        expected
    );
}

#[test]
fn names_that_are_not_utf_8_are_escaped() {
    use std::os::unix::ffi::OsStrExt;
    let host = Host::new();
    host.write("/d/a.pem", certificate());
    for byte in [b'\xfe', b'\xff'] {
        let name = std::ffi::OsStr::from_bytes(std::slice::from_ref(&byte)).to_owned();
        fs::write(host.at("/d").join(name), certificate()).unwrap();
    }
    let expected = ["file /d/\\xFE: 1", "file /d/\\xFF: 1", "file /d/a.pem: 1"];
    assert_eq!(host.watch(&["/d"]).scan(), expected);
}

#[test]
fn nothing_outside_the_host_root_is_ever_read() {
    let host = Host::new();
    let outside = TempDir::new().unwrap();
    let secret = outside.path().join("secret.pem");
    fs::write(&secret, certificate()).unwrap();
    let relative = format!("{}{}", "../".repeat(20), secret.display());
    fs::create_dir_all(host.at("/etc/in")).unwrap();
    host.link("/etc/absolute.pem", &secret);
    host.link("/etc/relative.pem", &relative);
    host.link("/etc/directory", outside.path());
    host.link("/etc/environ", "/proc/self/environ");
    host.link("/etc/root", "/proc/self/root");
    host.link("/etc/fd", "/proc/self/fd");
    let typed = format!("/etc/in/{relative}");
    let through = format!("/etc/root{}", secret.display());
    let paths = [
        "/etc/absolute.pem",
        "/etc/relative.pem",
        "/etc/directory",
        "/etc/directory/*.pem",
        "/etc/environ",
        "/etc/fd/*",
        &typed,
        &through,
    ];
    let said = host.watch(&paths).scan();
    assert_eq!(said.len(), paths.len());
    for line in said {
        assert!(line.ends_with(": 0 not_mounted"), "{line}");
    }
}

#[test]
fn what_takes_the_place_of_a_known_file_is_seen_for_what_it_is() {
    let host = Host::new();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("a.pem"), certificate()).unwrap();
    for path in ["/d/a.pem", "/d/b.pem", "/d/c.pem", "/e/a.pem"] {
        host.write(path, certificate());
    }
    let mut watch = host.watch(&["/d/*.pem", "/e/*.pem"]);
    watch.settle();
    for path in ["/d/a.pem", "/d/b.pem", "/e/a.pem"] {
        host.remove(path);
    }
    host.link("/d/a.pem", outside.path().join("a.pem"));
    host.fifo("/d/b.pem");
    fs::remove_dir(host.at("/e")).unwrap();
    host.link("/e", outside.path());
    let expected = [
        "file /d/a.pem: 0 not_mounted",
        "file /d/b.pem: gone",
        "file /e/*.pem: 0 not_mounted",
        "file /e/a.pem: gone",
    ];
    assert_eq!(watch.scan(), expected);
}

#[test]
fn links_start_again_at_the_host_root_and_stay_below_it() {
    let host = Host::new();
    host.write("/real/a.pem", certificate());
    host.link("/etc/absolute.pem", "/real/a.pem");
    host.link("/etc/up.pem", "../../../../real/a.pem");
    host.link("/etc/directory", "/real");
    let expected = [
        "file /etc/absolute.pem: 1",
        "file /etc/directory/a.pem: 1",
        "file /etc/up.pem: 1",
    ];
    let said = host
        .watch(&["/etc/*.pem", "/etc/directory", "/etc/dir*/a.pem"])
        .scan();
    assert_eq!(said, expected);
}

// === what cannot be read ===

#[test]
fn a_file_that_may_not_be_read_keeps_its_certificates_and_fails_the_source_once() {
    without_privileges(|| {
        let host = Host::new();
        host.write("/e/a.pem", certificate());
        let mut watch = host.watch(&["/e/a.pem"]);
        watch.settle();
        host.mode("/e/a.pem", 0);
        assert_eq!(watch.scan(), ["file /e/a.pem: ? permission_denied"]);
        assert_eq!(
            watch.reports,
            ["error permission_denied", "failed permission_denied"]
        );
        assert_eq!(watch.scan(), NOTHING);
        assert_eq!(watch.reports, ["failed permission_denied"]);
        host.mode("/e/a.pem", 0o600);
        assert_eq!(watch.scan(), ["file /e/a.pem: 1"]);
        assert_eq!(watch.reports, ["succeeded"]);
    });
}

#[test]
fn a_closed_file_that_only_a_pattern_found_does_not_fail_the_source() {
    without_privileges(|| {
        let host = Host::new();
        host.write("/e/a.key", KEY);
        host.mode("/e/a.key", 0);
        let mut watch = host.watch(&["/e"]);
        assert_eq!(watch.scan(), ["file /e/a.key: ? permission_denied"]);
        assert_eq!(watch.reports, ["error permission_denied", "succeeded"]);
    });
}

#[test]
fn a_closed_directory_keeps_what_is_known_below_it() {
    without_privileges(|| {
        let host = Host::new();
        host.write("/e/x/a.pem", certificate());
        host.write("/e/y/b.pem", certificate());
        let mut watch = host.watch(&["/e/**/*.pem", "/e/x"]);
        watch.settle();
        host.mode("/e/x", 0);
        let closed = watch.scan();
        host.mode("/e/x", 0o700);
        assert_eq!(closed, ["file /e/x: ? permission_denied"]);
        assert_eq!(
            watch.reports,
            ["error permission_denied", "failed permission_denied"]
        );
        assert_eq!(watch.scan(), ["file /e/x: gone"]);
        host.remove("/e/x/a.pem");
        assert_eq!(
            watch.scan(),
            ["file /e/x: 0 not_found", "file /e/x/a.pem: gone"]
        );
    });
}

#[test]
fn a_filesystem_that_hangs_costs_neither_the_scan_nor_what_is_known() {
    let host = Host::new();
    for path in [
        "/good/a.pem",
        "/hung/a.pem",
        "/hung/b.pem",
        "/walked/x/a.pem",
    ] {
        host.write(path, certificate());
    }
    let mut options = host.options(&["/hung/a.pem", "/hung/b.pem", "/good", "/walked/**"]);
    options.timeout = Duration::from_secs(1);
    let mut watch = Watch::new(&options);
    watch.settle();

    let Some(hung) = Hung::mount(host.at("/hung")) else {
        return;
    };
    let Some(walked) = Hung::mount(host.at("/walked/x")) else {
        return;
    };
    host.write("/good/b.pem", certificate());
    let expected = [
        "file /good/b.pem: 1",
        "file /hung/a.pem: ? timeout",
        "file /hung/b.pem: ? timeout",
        "file /walked/x: ? timeout",
    ];
    assert_eq!(watch.scan(), expected);
    assert_eq!(watch.reports.last().unwrap(), "failed timeout");
    // Their threads are still away: nothing of it is tried, and nothing waited for.
    let started = Instant::now();
    assert_eq!(watch.scan(), NOTHING);
    assert_eq!(watch.reports, ["failed timeout"]);
    assert!(started.elapsed() < options.timeout);

    drop((hung, walked));
    let deadline = Instant::now() + Duration::from_secs(30);
    while watch.reports != ["succeeded"] && Instant::now() < deadline {
        watch.scan();
        thread::yield_now();
    }
    assert_eq!(watch.reports, ["succeeded"]);
}

#[test]
fn what_lies_below_no_mount_is_not_mounted_and_what_does_is_missing() {
    let host = Host::new();
    fs::create_dir_all(host.at("/etc/pki")).unwrap();
    let Some(_mount) = Mount::new("tmpfs", host.at("/etc/pki"), None) else {
        return;
    };
    host.link("/etc/pki/a.pem", "/etc/ssl/a.pem");
    host.link("/etc/pki/b.pem", "b/missing.pem");
    let mut watch = host.watch(&["/etc/pki/*.pem", "/etc/x.pem", "/etc/pki/y.pem", "/var/*"]);
    let expected = [
        "file /etc/pki/a.pem: 0 not_mounted",
        "file /etc/pki/b.pem: 0 broken_symlink",
        "file /etc/pki/y.pem: 0 not_found",
        "file /etc/x.pem: 0 not_mounted",
        "file /var/*: 0 not_mounted",
    ];
    let mut said = watch.scan();
    said.sort_by_key(|line| expected.iter().position(|expected| expected == line));
    assert_eq!(said, expected);
}

// === kernels without openat2 ===

/// Runs all these tests again where openat2 is refused: as by kernels before 5.6, and by the
/// seccomp profiles of that time.
#[test]
fn the_same_holds_where_openat2_is_refused() {
    if std::env::var_os(REFUSED).is_some() {
        use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
        let answer = openat2(CWD, ".", OFlags::PATH, Mode::empty(), ResolveFlags::IN_ROOT);
        assert!(matches!(answer, Err(Errno::PERM | Errno::NOSYS)));
        return;
    }
    for errno in [Errno::PERM, Errno::NOSYS] {
        // The filter is this thread's, and its children's.
        let run = move || {
            refuse_openat2(errno);
            let program = std::env::current_exe().unwrap();
            Command::new(program).env(REFUSED, "yes").output().unwrap()
        };
        let output = thread::spawn(run).join().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "with {errno}: {text}");
    }
}

const REFUSED: &str = "X509_TEST_OPENAT2_REFUSED";

fn refuse_openat2(errno: Errno) {
    let openat2 = 437; // on every architecture
    let refuse = SeccompAction::Errno(errno.raw_os_error().unsigned_abs());
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let rules = [(openat2, Vec::new())].into();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

// === seams ===

/// Runs a test for which the modes of files count, even if it is run by root.
pub(crate) fn without_privileges(test: fn()) {
    let run = move || {
        // They are this thread's, and inherited by those that it starts.
        rustix::thread::set_capabilities(
            None,
            CapabilitySets {
                effective: CapabilitySet::empty(),
                permitted: CapabilitySet::empty(),
                inheritable: CapabilitySet::empty(),
            },
        )
        .unwrap();
        test();
    };
    thread::spawn(run).join().unwrap();
}

/// A filesystem that never answers: FUSE, with nobody behind it.
struct Hung {
    /// Closing it ends what waits, so it goes first.
    _device: fs::File,
    _mount: Mount,
}

impl Hung {
    fn mount(at: PathBuf) -> Option<Self> {
        let device = fs::File::options().read(true).write(true).open("/dev/fuse");
        let device = device.inspect_err(|error| skip(error)).ok()?;
        let data = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0",
            device.as_raw_fd()
        );
        let mount = Mount::new("fuse", at, CString::new(data).ok().as_deref())?;
        Some(Self {
            _device: device,
            _mount: mount,
        })
    }
}

pub(crate) struct Mount(PathBuf);

impl Mount {
    /// `None`, and a word about it, where the test may not mount.
    pub(crate) fn new(kind: &str, at: PathBuf, data: Option<&CStr>) -> Option<Self> {
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount("test", &at, kind, flags, data)
            .inspect_err(|error| skip(error))
            .ok()?;
        Some(Self(at))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        rustix::mount::unmount(&self.0, UnmountFlags::DETACH).unwrap();
    }
}

fn skip(error: &dyn std::fmt::Display) {
    assert!(
        std::env::var_os("CI").is_none(),
        "this test needs the right to mount, and nothing passes by skipping: {error}"
    );
    eprintln!("SKIPPED: this test needs the right to mount: {error}");
}
