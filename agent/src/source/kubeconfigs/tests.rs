use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use base64::Engine;
use tempfile::TempDir;

use super::*;
use crate::model::Change;

struct Host {
    root: TempDir,
    now: Instant,
}

impl Host {
    fn new() -> Self {
        Self {
            root: TempDir::new().unwrap(),
            now: Instant::now(),
        }
    }

    fn at(&self, path: &str) -> PathBuf {
        let path = self.root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        fs::write(self.at(path), content).unwrap();
    }

    fn options(&self, paths: &[&str]) -> Options {
        Options {
            name: "test".into(),
            root: self.root.path().to_owned(),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            exclude: Vec::new(),
            follow_symlinks: true,
            discovered: None,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(60),
            keystores: crate::source::host::Keystores::default(),
            compare_keys: false,
        }
    }

    fn watch(&self, paths: &[&str]) -> Scanner {
        Scanner::new(&self.options(paths))
    }

    /// One scan, half a minute after the last: `<location>: <certificates> <reasons>` or `gone`.
    fn scan(&mut self, scanner: &mut Scanner) -> Vec<String> {
        self.now += Duration::from_secs(30);
        let line = |location: &Location, bundle: &Bundle| {
            let count = bundle
                .certificates
                .as_ref()
                .map_or("?".into(), |all| all.len().to_string());
            let reasons = bundle.problems.iter().map(|problem| problem.reason.code());
            format!(
                "{location}: {}",
                [count.as_str()]
                    .into_iter()
                    .chain(reasons)
                    .collect::<Vec<_>>()
                    .join(" ")
            )
        };
        let mut said = Vec::new();
        for change in scanner.scan(self.now).changes {
            match change {
                Change::Upsert(location, bundle) => said.push(line(&location, &bundle)),
                Change::Remove(location) => said.push(format!("{location}: gone")),
                Change::Resync(_) => {}
            }
        }
        said.sort();
        said
    }

    fn settle(&mut self, scanner: &mut Scanner) {
        for _ in 0..3 {
            self.scan(scanner);
        }
    }
}

fn certificate() -> String {
    rcgen::generate_simple_self_signed(["test".to_owned()])
        .unwrap()
        .cert
        .pem()
}

fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A kubeconfig with one cluster `c` and one user `u`.
fn kubeconfig(cluster: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    {cluster}\n\
         users:\n- name: u\n  user:\n    {user}\n"
    )
}

fn embedded() -> String {
    kubeconfig(
        &format!("certificate-authority-data: {}", base64(&certificate())),
        &format!("client-certificate-data: {}", base64(&certificate())),
    )
}

const NOTHING: [&str; 0] = [];

#[test]
fn clusters_and_users_have_a_location_each() {
    let mut host = Host::new();
    host.write("/etc/admin.conf", embedded());
    let mut watch = host.watch(&["/etc/admin.conf"]);
    let expected = [
        "kubeconfig /etc/admin.conf cluster c: 1",
        "kubeconfig /etc/admin.conf user u: 1",
    ];
    assert_eq!(host.scan(&mut watch), expected);
    assert_eq!(host.scan(&mut watch), NOTHING);
    assert_eq!(scan_once(&host.options(&["/etc/*.conf"])).len(), 2);
}

#[test]
fn a_file_that_is_named_is_found_by_relative_and_absolute_paths_and_through_links() {
    let mut host = Host::new();
    let conf = kubeconfig(
        "certificate-authority: pki/ca.crt",
        "client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem",
    );
    host.write("/etc/kubernetes/kubelet.conf", conf);
    host.write("/etc/kubernetes/pki/ca.crt", certificate());
    host.write("/var/lib/kubelet/pki/kubelet-client-1.pem", certificate());
    host.write("/var/lib/kubelet/pki/kubelet-client-2.pem", certificate());
    let current = host.at("/var/lib/kubelet/pki/kubelet-client-current.pem");
    symlink("/var/lib/kubelet/pki/kubelet-client-1.pem", &current).unwrap();
    let mut watch = host.watch(&["/etc/kubernetes/kubelet.conf"]);
    let expected = [
        "kubeconfig /etc/kubernetes/kubelet.conf cluster c: 1",
        "kubeconfig /etc/kubernetes/kubelet.conf user u: 1",
    ];
    assert_eq!(host.scan(&mut watch), expected);
    host.settle(&mut watch);
    fs::remove_file(&current).unwrap();
    symlink("/var/lib/kubelet/pki/kubelet-client-2.pem", &current).unwrap();
    assert_eq!(host.scan(&mut watch), expected[1..]);
    host.write("/etc/kubernetes/pki/ca.crt", certificate() + "\n");
    assert_eq!(host.scan(&mut watch), expected[..1]);
}

#[test]
fn a_file_that_is_missing_is_a_problem_of_its_entry() {
    let mut host = Host::new();
    let conf = kubeconfig(
        "certificate-authority: ca.crt",
        "client-certificate: /opt/x/u.pem",
    );
    host.write("/etc/a.conf", conf);
    let mut watch = host.watch(&["/etc/a.conf"]);
    let expected = [
        "kubeconfig /etc/a.conf cluster c: 0 not_found",
        "kubeconfig /etc/a.conf user u: 0 not_mounted",
    ];
    assert_eq!(host.scan(&mut watch), expected);
    host.write("/etc/ca.crt", certificate());
    assert_eq!(
        host.scan(&mut watch),
        ["kubeconfig /etc/a.conf cluster c: 1"]
    );
}

#[test]
fn a_named_file_never_leads_out_of_the_host_root() {
    let mut host = Host::new();
    let outside = TempDir::new().unwrap();
    let secret = outside.path().join("secret.pem");
    fs::write(&secret, certificate()).unwrap();
    let up = format!("{}{}", "../".repeat(20), secret.display());
    let conf = kubeconfig(
        &format!("certificate-authority: {up}"),
        &format!("client-certificate: {}", secret.display()),
    );
    host.write("/etc/a.conf", conf);
    let mut watch = host.watch(&["/etc/a.conf"]);
    for line in host.scan(&mut watch) {
        assert!(line.ends_with(": 0 not_mounted"), "{line}");
    }
}

#[test]
fn hostile_paths_are_problems() {
    let mut host = Host::new();
    for path in [
        r#""a\0b""#.to_owned(),
        "x/".repeat(5000),
        "/".to_owned(),
        "..".to_owned(),
    ] {
        host.write(
            "/etc/a.conf",
            kubeconfig(&format!("certificate-authority: {path}"), "{}"),
        );
        let mut watch = host.watch(&["/etc/a.conf"]);
        let said = host.scan(&mut watch);
        assert!(
            said[0].starts_with("kubeconfig /etc/a.conf cluster c: 0 not_"),
            "{said:?}"
        );
    }
}

#[test]
fn entries_with_one_name_are_one() {
    let mut host = Host::new();
    let data = base64(&certificate());
    let user = format!("- name: u\n  user: {{client-certificate-data: {data}}}\n");
    host.write("/a.conf", format!("kind: Config\nusers:\n{user}{user}"));
    let mut watch = host.watch(&["/a.conf"]);
    assert_eq!(host.scan(&mut watch), ["kubeconfig /a.conf user u: 2"]);
}

#[test]
fn a_kubeconfig_that_changes_says_only_what_changed() {
    let mut host = Host::new();
    let authority = format!("certificate-authority-data: {}", base64(&certificate()));
    let user = || format!("client-certificate-data: {}", base64(&certificate()));
    host.write("/a.conf", kubeconfig(&authority, &user()));
    let mut watch = host.watch(&["/a.conf"]);
    host.settle(&mut watch);
    host.write("/new", kubeconfig(&authority, &user()));
    fs::rename(host.at("/new"), host.at("/a.conf")).unwrap();
    assert_eq!(host.scan(&mut watch), ["kubeconfig /a.conf user u: 1"]);
    host.write("/a.conf", kubeconfig(&authority, "{}"));
    assert_eq!(host.scan(&mut watch), ["kubeconfig /a.conf user u: gone"]);
}

#[test]
fn a_kubeconfig_as_a_whole_is_missing_garbage_or_without_certificates() {
    let mut host = Host::new();
    host.write("/garbage", "{{{{");
    host.write(
        "/token",
        "kind: Config\nusers:\n- name: u\n  user: {token: abc}\n",
    );
    let mut watch = host.watch(&["/garbage", "/missing", "/token"]);
    let expected = [
        "kubeconfig /garbage: 0 bad_kubeconfig",
        "kubeconfig /missing: 0 not_found",
        "kubeconfig /token: 0 no_certificate_found",
    ];
    assert_eq!(host.scan(&mut watch), expected);
    host.write("/garbage", embedded());
    let expected = [
        "kubeconfig /garbage cluster c: 1",
        "kubeconfig /garbage user u: 1",
        "kubeconfig /garbage: gone",
    ];
    assert_eq!(host.scan(&mut watch), expected);
}

#[test]
fn a_pattern_finds_kubeconfigs_and_forgets_those_that_are_gone() {
    let mut host = Host::new();
    let user = format!("client-certificate-data: {}", base64(&certificate()));
    host.write("/home/a/.kube/config", kubeconfig("{}", &user));
    host.write("/home/b/.kube/config", "kind: Config\n");
    let mut watch = host.watch(&["/home/*/.kube/config", "/opt/*.conf"]);
    let expected = [
        "kubeconfig /home/a/.kube/config user u: 1",
        "kubeconfig /opt/*.conf: 0 not_mounted",
    ];
    assert_eq!(host.scan(&mut watch), expected);
    host.settle(&mut watch);
    fs::remove_file(host.at("/home/a/.kube/config")).unwrap();
    assert_eq!(
        host.scan(&mut watch),
        ["kubeconfig /home/a/.kube/config user u: gone"]
    );
}

#[test]
fn yaml_that_nests_deeply_ends_no_thread() {
    let mut host = Host::new();
    let map: Vec<_> = (0..2000)
        .map(|level| format!("{}a:", " ".repeat(level)))
        .collect();
    host.write("/flow", "[".repeat(1 << 20));
    host.write("/block", "- ".repeat(1 << 20));
    host.write("/map", map.join("\n"));
    let mut watch = host.watch(&["/flow", "/block", "/map"]);
    let said = host.scan(&mut watch);
    assert_eq!(said.len(), 3);
    for line in said {
        assert!(
            line.ends_with(": 0 bad_kubeconfig") || line.ends_with(": 0 too_large"),
            "{line}"
        );
    }
}

/// A certificate and its key.
fn pair() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::default();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn comparing(host: &Host) -> Scanner {
    Scanner::new(&Options {
        compare_keys: true,
        ..host.options(&["/etc/*.conf"])
    })
}

const WELL: [&str; 1] = ["kubeconfig /etc/u.conf user u: 1"];
const ODD: [&str; 1] = ["kubeconfig /etc/u.conf user u: 1 key_mismatch"];

#[test]
fn a_key_inside_is_compared_with_the_certificate_inside_on_request() {
    let mut host = Host::new();
    let ((certificate, key), (_, other)) = (pair(), pair());
    let user = |key: &str| {
        kubeconfig(
            "server: here",
            &format!(
                "client-certificate-data: {}\n    client-key-data: {}",
                base64(&certificate),
                base64(key)
            ),
        )
    };
    host.write("/etc/u.conf", user(&key));
    let mut watch = comparing(&host);
    assert_eq!(host.scan(&mut watch), WELL);
    host.settle(&mut watch);
    host.write("/etc/u.conf", user(&other));
    assert_eq!(host.scan(&mut watch), ODD);
    host.write("/etc/u.conf", user("no key"));
    assert_eq!(host.scan(&mut watch), WELL);
    host.write("/etc/u.conf", user(&other));
    let mut quiet = host.watch(&["/etc/*.conf"]);
    assert_eq!(host.scan(&mut quiet), WELL);
}

#[test]
fn a_named_key_is_compared_with_the_named_certificate_on_request() {
    let mut host = Host::new();
    let ((certificate, key), (_, other)) = (pair(), pair());
    let user = |key: &str| {
        let user = format!("client-certificate: pki/u.crt\n    client-key: {key}");
        kubeconfig("server: here", &user)
    };
    host.write("/etc/pki/u.crt", &certificate);
    host.write("/etc/pki/odd.key", &other);
    host.write("/etc/u.conf", user("/etc/pki/odd.key"));
    let mut watch = comparing(&host);
    assert_eq!(host.scan(&mut watch), WELL, "it may be half of a renewal");
    assert_eq!(host.scan(&mut watch), ODD);
    host.settle(&mut watch);
    host.write("/etc/pki/odd.key", &key);
    assert_eq!(host.scan(&mut watch), WELL);
    // As the kubelet has it: one file for both.
    host.write("/etc/pki/u.crt", [&*certificate, &other].concat());
    host.write("/etc/u.conf", user("pki/u.crt"));
    host.scan(&mut watch);
    assert_eq!(host.scan(&mut watch), ODD);
    host.write("/etc/pki/u.crt", [&*certificate, &key].concat());
    assert_eq!(host.scan(&mut watch), WELL);
    // Where one is inside and the other is not, nothing is told.
    host.write("/etc/u.conf", {
        let user = format!(
            "client-certificate: pki/u.crt\n    client-key-data: {}",
            base64(&other)
        );
        kubeconfig("server: here", &user)
    });
    host.settle(&mut watch);
    assert_eq!(host.scan(&mut watch), NOTHING);
}

#[test]
fn a_kubeconfig_of_more_entries_than_anybody_has_shows_the_first_and_says_so() {
    let mut host = Host::new();
    let users = (0..MAX_ENTRIES + 10).map(|number| {
        format!("- {{name: u{number:04}, user: {{client-certificate: /missing}}}}\n")
    });
    host.write("/k", format!("users:\n{}", users.collect::<String>()));
    let mut watch = host.watch(&["/k"]);
    let said = host.scan(&mut watch);
    assert_eq!(said.len(), MAX_ENTRIES + 1);
    assert_eq!(said[0], "kubeconfig /k user u0000: 0 not_found");
    assert!(said.contains(&"kubeconfig /k: 0 too_many".to_owned()));
    host.write(
        "/k",
        "users: [{name: u, user: {client-certificate: /missing}}]",
    );
    let said = host.scan(&mut watch);
    assert!(said.contains(&"kubeconfig /k: gone".to_owned()), "{said:?}");
}

#[test]
fn entries_that_all_name_one_large_file_have_the_room_of_one_place_together() {
    let mut host = Host::new();
    host.write("/bundle", certificate().repeat(MAX_BLOCKS / 4));
    let users = (0..6)
        .map(|number| format!("- {{name: u{number}, user: {{client-certificate: /bundle}}}}\n"));
    host.write("/k", format!("users:\n{}", users.collect::<String>()));
    host.write(
        "/neighbour",
        "users: [{name: a, user: {client-certificate: /one}}]",
    );
    host.write("/one", certificate());
    let mut watch = host.watch(&["/k", "/neighbour"]);
    let said = host.scan(&mut watch);
    let expected = [2500, 2500, 2500, 2500].map(|count| format!(": {count}"));
    for (number, count) in expected.iter().enumerate() {
        assert!(
            said[number].ends_with(&format!("u{number}{count}")),
            "{said:?}"
        );
    }
    assert_eq!(
        said[4..6],
        [
            "kubeconfig /k user u4: 0 too_many",
            "kubeconfig /k user u5: 0 too_many"
        ]
    );
    assert_eq!(said[6], "kubeconfig /neighbour user a: 1");
}
