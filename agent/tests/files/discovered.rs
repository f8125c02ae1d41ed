//! What is found on a host without being named.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};
use std::time::Instant;

use x509_certificate_exporter::config::{Config, SourceConfig, raw::Raw};
use x509_certificate_exporter::model::Change;
use x509_certificate_exporter::source::{files, kubeconfigs};

use super::host::{Host, report};
use super::hostile::{Mount, without_privileges};
use super::trees::{TREES, certificates, embedded, k3s, kubeadm, kubeconfig, kubespray, openshift};

// === a look ===

struct Look {
    files: files::Scanner,
    kubeconfigs: kubeconfigs::Scanner,
    reports: Vec<String>,
}

impl Look {
    fn new(host: &Host, keys: &str) -> Self {
        let text = format!(
            "hostRoot: {}\nsources:\n- {{kind: discovery, name: host, {keys}}}\n",
            host.root()
        );
        let config = Config::new(&Raw::parse(&text).unwrap()).unwrap();
        let [
            SourceConfig::Files(files),
            SourceConfig::Kubeconfigs(kubeconfigs),
        ] = config.sources.as_slice()
        else {
            panic!("a source of each kind: {:?}", config.sources)
        };
        assert_eq!((&*files.name, &*kubeconfigs.name), ("host", "host"));
        Self {
            files: files::Scanner::new(files),
            kubeconfigs: kubeconfigs::Scanner::new(kubeconfigs),
            reports: Vec::new(),
        }
    }

    fn of(host: &Host, distribution: &str) -> Self {
        Self::new(host, &format!("distributions: [{distribution}]"))
    }

    /// Everything that is new: `<location>: <certificates> <reasons>`.
    fn scan(&mut self) -> Vec<String> {
        let now = Instant::now();
        let scans = [self.files.scan(now), self.kubeconfigs.scan(now)];
        let mut lines = BTreeSet::new();
        self.reports.clear();
        for scanned in scans {
            self.reports.extend(scanned.reports.iter().map(report));
            let changes = scanned.changes.into_iter();
            let bundles = changes.filter_map(|change| match change {
                Change::Upsert(location, bundle) => Some((location, Some(bundle))),
                Change::Remove(location) => Some((location, None)),
                Change::Resync(_) => None,
            });
            for (location, bundle) in bundles {
                let mut line = format!("{location}: ");
                match &bundle {
                    None => line.push_str("gone"),
                    Some(bundle) => {
                        let count = bundle.certificates.as_ref().map(Vec::len);
                        line.push_str(&count.map_or("?".into(), |count| count.to_string()));
                        for problem in &bundle.problems {
                            line.push(' ');
                            line.push_str(problem.reason.code());
                        }
                    }
                }
                assert!(lines.insert(line));
            }
        }
        lines.into_iter().collect()
    }
}

/// The lines of one certificate each.
fn lines((files, kubeconfigs): (&[&str], &[&str])) -> Vec<String> {
    let files = files.iter().map(|path| format!("file {path}: 1"));
    let kubeconfigs = kubeconfigs
        .iter()
        .map(|path| format!("kubeconfig {path}: 1"));
    files.chain(kubeconfigs).collect()
}

const WELL: [&str; 2] = ["succeeded", "succeeded"];

// === what is found ===

#[test]
fn each_distribution_shows_its_certificates_and_nothing_else() {
    for (name, tree) in TREES {
        let host = Host::new();
        let expected = lines(tree(&host));
        for wanted in [name, "auto"] {
            let mut look = Look::of(&host, wanted);
            assert_eq!(look.scan(), expected, "{name}, looked for as {wanted}");
            assert_eq!(look.reports, WELL, "{name}");
        }
    }
}

#[test]
fn a_host_of_all_distributions_loses_nothing() {
    let host = Host::new();
    let expected: BTreeSet<_> = TREES
        .into_iter()
        .flat_map(|(_, tree)| lines(tree(&host)))
        .collect();
    let expected: Vec<_> = expected.into_iter().collect();
    let mut look = Look::of(&host, "auto");
    assert_eq!(look.scan(), expected);
    assert_eq!(look.reports, WELL);
    let names = TREES.map(|(name, _)| name).join(", ");
    assert_eq!(Look::of(&host, &names).scan(), expected);
}

#[test]
fn a_host_with_none_of_it_is_silent() {
    let host = Host::new();
    fs::create_dir(host.at("/var")).unwrap();
    let mut look = Look::of(&host, "auto");
    assert_eq!(look.scan(), [""; 0]);
    assert_eq!(look.reports, WELL);
}

#[test]
fn what_is_not_mounted_is_silent_unless_a_link_leads_there() {
    let host = Host::new();
    fs::create_dir_all(host.at("/etc")).unwrap();
    let Some(_mount) = Mount::new("tmpfs", host.at("/etc"), None) else {
        return;
    };
    let mut look = Look::of(&host, "auto");
    assert_eq!(look.scan(), [""; 0]);
    assert_eq!(look.reports, WELL);
    host.link("/etc/kubernetes/pki", "/data/pki");
    let expected = [
        "file /etc/kubernetes/pki/*.crt: 0 not_mounted",
        "file /etc/kubernetes/pki/etcd/*.crt: 0 not_mounted",
    ];
    assert_eq!(look.scan(), expected);
}

#[test]
fn kubelets_own_certificate_counts_until_it_is_given_another() {
    let host = Host::new();
    certificates(&host, &["/var/lib/kubelet/pki/kubelet.crt"]);
    let mut look = Look::of(&host, "kubeadm");
    assert_eq!(look.scan(), ["file /var/lib/kubelet/pki/kubelet.crt: 1"]);
    certificates(&host, &["/var/lib/kubelet/pki/kubelet-server-current.pem"]);
    let expected = [
        "file /var/lib/kubelet/pki/kubelet-server-current.pem: 1",
        "file /var/lib/kubelet/pki/kubelet.crt: gone",
    ];
    assert_eq!(look.scan(), expected);
    assert_eq!(look.reports, WELL);
}

#[test]
fn a_directory_with_two_names_is_told_once() {
    let host = Host::new();
    let expected = lines(kubespray(&host));
    host.link("/etc/kubernetes/pki", "ssl");
    assert_eq!(Look::of(&host, "auto").scan(), expected);
}

#[test]
fn what_was_found_and_is_gone_is_not_missed() {
    let host = Host::new();
    certificates(&host, &["/etc/kubernetes/pki/ca.crt"]);
    embedded(&host, "/etc/kubernetes/admin.conf");
    let mut look = Look::of(&host, "auto");
    look.scan();
    fs::remove_dir_all(host.at("/etc/kubernetes")).unwrap();
    let expected = [
        "file /etc/kubernetes/pki/ca.crt: gone",
        "kubeconfig /etc/kubernetes/admin.conf user u: gone",
    ];
    assert_eq!(look.scan(), expected);
    assert_eq!(look.reports, WELL);
}

#[test]
fn exclusions_and_links_left_alone_are_those_of_both_sources() {
    let host = Host::new();
    kubeadm(&host);
    host.link("/etc/kubernetes/scheduler.conf", "admin.conf");
    let keys = "excludePaths: [super-admin.conf, /etc/kubernetes/pki/etcd], followSymlinks: false";
    let expected = [
        "file /etc/kubernetes/pki/apiserver.crt: 1",
        "file /etc/kubernetes/pki/ca.crt: 1",
        "kubeconfig /etc/kubernetes/admin.conf user u: 1",
        "kubeconfig /etc/kubernetes/kubelet.conf user u: 1",
    ];
    assert_eq!(Look::new(&host, keys).scan(), expected);
}

// === what is wrong ===

#[test]
fn what_is_there_and_cannot_be_decoded_is_a_problem() {
    let host = Host::new();
    kubeadm(&host);
    host.write(
        "/etc/kubernetes/pki/ca.crt",
        "-----BEGIN CERTIFICATE-----\n",
    );
    host.write("/etc/kubernetes/admin.conf", "users: {");
    host.write(
        "/etc/kubernetes/scheduler.conf",
        kubeconfig("client-certificate: gone.crt"),
    );
    let mut look = Look::of(&host, "auto");
    let said = look.scan();
    for line in [
        "file /etc/kubernetes/pki/ca.crt: 0 bad_pem",
        "kubeconfig /etc/kubernetes/admin.conf: 0 bad_kubeconfig",
        "kubeconfig /etc/kubernetes/scheduler.conf user u: 0 not_found",
        "file /etc/kubernetes/pki/apiserver.crt: 1",
    ] {
        assert!(said.iter().any(|said| said == line), "{line} in {said:#?}");
    }
    assert_eq!(look.reports, WELL);
}

#[test]
fn what_is_there_and_closed_fails_the_sources() {
    without_privileges(|| {
        let closed = "permission_denied";
        for (path, location) in [
            (
                "/etc/kubernetes/pki/apiserver.crt",
                "file /etc/kubernetes/pki/apiserver.crt",
            ),
            (
                "/etc/kubernetes/pki/etcd",
                "file /etc/kubernetes/pki/etcd/*.crt",
            ),
            (
                "/etc/kubernetes/admin.conf",
                "kubeconfig /etc/kubernetes/admin.conf",
            ),
            (
                "/etc/kubernetes/static-pod-resources/kube-apiserver-certs/configmaps",
                "file /etc/kubernetes/static-pod-resources/kube-apiserver-certs/configmaps",
            ),
        ] {
            let host = Host::new();
            kubeadm(&host);
            openshift(&host);
            host.mode(path, 0);
            let mut look = Look::of(&host, "auto");
            let said = look.scan();
            host.mode(path, 0o700);
            let line = format!("{location}: ? {closed}");
            assert!(said.contains(&line), "{line} in {said:#?}");
            let failed = format!("failed {closed}");
            assert!(look.reports.contains(&failed), "{path}: {:?}", look.reports);
        }
    });
}

// === check ===

fn check(host: &Host, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_x509-certificate-exporter"))
        .args([
            "check",
            "--host-root",
            host.root(),
            "--warn",
            "1d",
            "--crit",
            "1h",
        ])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn check_without_a_path_looks_where_distributions_keep_certificates() {
    let host = Host::new();
    let found = lines(kubeadm(&host));
    k3s(&host);
    let output = check(&host, &[]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    for line in found {
        let location = line.trim_end_matches(": 1");
        assert!(
            table.contains(&format!("{location}\n")),
            "{location} in\n{table}"
        );
    }
    assert!(
        table.contains("/var/lib/rancher/k3s/server/tls/client-admin.crt"),
        "{table}"
    );

    let output = check(&host, &["--distribution", "k3s"]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{table}");
    assert!(
        table.contains("/k3s/") && !table.contains("/etc/kubernetes"),
        "{table}"
    );

    fs::write(
        host.at("/etc/kubernetes/pki/ca.crt"),
        "-----BEGIN CERTIFICATE-----\n",
    )
    .unwrap();
    let output = check(&host, &[]);
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{table}");
    assert!(
        table.contains("file /etc/kubernetes/pki/ca.crt: bad_pem"),
        "{table}"
    );
}

#[test]
fn check_that_finds_nothing_says_so_and_could_not_tell() {
    let output = check(&Host::new(), &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(3), Vec::new()));
    assert!(error.contains("name a TARGET"), "{error}");
}

#[test]
fn check_refuses_a_distribution_that_nobody_knows() {
    let output = check(&Host::new(), &["--distribution", "slackware"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        error.contains("`slackware` is none of auto, ") && error.contains("k3s"),
        "{error}"
    );
}
