//! Hosts as distributions of Kubernetes leave them: what they write, where, with which modes, and what
//! lies beside it.

use std::fs;
use std::sync::OnceLock;

use super::host::{Host, KEY, certificate};

/// Makes a host and says what is to be found on it: files, then kubeconfigs with their entries.
pub(crate) type Tree = fn(&Host) -> (&'static [&'static str], &'static [&'static str]);

pub(crate) const TREES: [(&str, Tree); 9] = [
    ("openshift", openshift),
    ("talos", talos),
    ("kubespray", kubespray),
    ("kubekey", kubekey),
    ("kubeadm", kubeadm),
    ("k3s", k3s),
    ("rke2", rke2),
    ("k0s", k0s),
    ("microk8s", microk8s),
];

pub(crate) fn kubeadm(host: &Host) -> (&'static [&'static str], &'static [&'static str]) {
    certificates(
        host,
        &[
            "/etc/kubernetes/pki/ca.crt",
            "/etc/kubernetes/pki/apiserver.crt",
        ],
    );
    certificates(host, &["/etc/kubernetes/pki/etcd/server.crt"]);
    keys(
        host,
        &["/etc/kubernetes/pki/ca.key", "/etc/kubernetes/pki/sa.key"],
    );
    host.write(
        "/etc/kubernetes/pki/sa.pub",
        KEY.replace("PRIVATE", "PUBLIC"),
    );
    host.mode("/etc/kubernetes/pki/etcd", 0o700);
    kubelet(host, "/var/lib/kubelet/pki");
    embedded(host, "/etc/kubernetes/admin.conf");
    embedded(host, "/etc/kubernetes/super-admin.conf");
    let current = "/var/lib/kubelet/pki/kubelet-client-current.pem";
    referring(host, "/etc/kubernetes/kubelet.conf", current);
    host.write(
        "/etc/kubernetes/bootstrap-kubelet.conf",
        kubeconfig("token: x"),
    );
    host.write("/etc/kubernetes/manifests/etcd.yaml", "kind: Pod\n");
    (
        &[
            "/etc/kubernetes/pki/apiserver.crt",
            "/etc/kubernetes/pki/ca.crt",
            "/etc/kubernetes/pki/etcd/server.crt",
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
            "/var/lib/kubelet/pki/kubelet-server-current.pem",
        ],
        &[
            "/etc/kubernetes/admin.conf user u",
            "/etc/kubernetes/kubelet.conf user u",
            "/etc/kubernetes/super-admin.conf user u",
        ],
    )
}

fn kubekey(host: &Host) -> (&'static [&'static str], &'static [&'static str]) {
    certificates(host, &["/etc/kubernetes/pki/ca.crt"]);
    certificates(
        host,
        &[
            "/etc/ssl/etcd/ssl/ca.pem",
            "/etc/ssl/etcd/ssl/member-node1.pem",
        ],
    );
    keys(
        host,
        &[
            "/etc/ssl/etcd/ssl/ca-key.pem",
            "/etc/ssl/etcd/ssl/member-node1-key.pem",
        ],
    );
    host.mode("/etc/ssl/etcd/ssl", 0o700);
    embedded(host, "/etc/kubernetes/admin.conf");
    (
        &[
            "/etc/kubernetes/pki/ca.crt",
            "/etc/ssl/etcd/ssl/ca.pem",
            "/etc/ssl/etcd/ssl/member-node1.pem",
        ],
        &["/etc/kubernetes/admin.conf user u"],
    )
}

pub(crate) fn kubespray(host: &Host) -> (&'static [&'static str], &'static [&'static str]) {
    certificates(
        host,
        &["/etc/kubernetes/ssl/ca.crt", "/etc/kubernetes/ssl/old.pem"],
    );
    certificates(
        host,
        &[
            "/etc/kubernetes/ssl/etcd/server.crt",
            "/etc/ssl/etcd/ssl/node-a.pem",
        ],
    );
    keys(
        host,
        &[
            "/etc/kubernetes/ssl/old-key.pem",
            "/etc/ssl/etcd/ssl/node-a-key.pem",
        ],
    );
    embedded(host, "/etc/kubernetes/scheduler.conf");
    (
        &[
            "/etc/kubernetes/ssl/ca.crt",
            "/etc/kubernetes/ssl/etcd/server.crt",
            "/etc/kubernetes/ssl/old.pem",
            "/etc/ssl/etcd/ssl/node-a.pem",
        ],
        &["/etc/kubernetes/scheduler.conf user u"],
    )
}

macro_rules! rancher {
    ($name:ident) => {
        pub(crate) fn $name(host: &Host) -> (&'static [&'static str], &'static [&'static str]) {
            const FILES: &[&str] = &[
                concat!(
                    "/var/lib/rancher/",
                    stringify!($name),
                    "/agent/client-kubelet.crt"
                ),
                concat!(
                    "/var/lib/rancher/",
                    stringify!($name),
                    "/server/tls/client-admin.crt"
                ),
                concat!(
                    "/var/lib/rancher/",
                    stringify!($name),
                    "/server/tls/etcd/peer-ca.crt"
                ),
                concat!(
                    "/var/lib/rancher/",
                    stringify!($name),
                    "/server/tls/kube-scheduler/kube-scheduler.crt"
                ),
            ];
            const KUBECONFIGS: &[&str] = &[
                concat!(
                    "/etc/rancher/",
                    stringify!($name),
                    "/",
                    stringify!($name),
                    ".yaml user u"
                ),
                concat!(
                    "/var/lib/rancher/",
                    stringify!($name),
                    "/agent/kubelet.kubeconfig user u"
                ),
                concat!(
                    "/var/lib/rancher/",
                    stringify!($name),
                    "/server/cred/admin.kubeconfig user u"
                ),
            ];
            let path = |index: usize| KUBECONFIGS[index].trim_end_matches(" user u");
            certificates(host, FILES);
            embedded(host, path(0));
            referring(host, path(1), FILES[0]);
            referring(host, path(2), FILES[1]);
            let server = concat!("/var/lib/rancher/", stringify!($name), "/server");
            let temporary = format!("{server}/tls/temporary-certs/apiserver-loopback-client__.crt");
            certificates(host, &[&temporary]);
            let key = format!("{server}/tls/client-admin.key");
            keys(host, &[&key, &format!("{server}/cred/passwd")]);
            host.mode(server, 0o700);
            (FILES, KUBECONFIGS)
        }
    };
}

rancher!(k3s);
rancher!(rke2);

fn k0s(host: &Host) -> (&'static [&'static str], &'static [&'static str]) {
    certificates(
        host,
        &[
            "/var/lib/k0s/pki/server.crt",
            "/var/lib/k0s/pki/etcd/peer.crt",
        ],
    );
    keys(
        host,
        &[
            "/var/lib/k0s/pki/server.key",
            "/var/lib/k0s/pki/etcd/peer.key",
        ],
    );
    host.mode("/var/lib/k0s/pki/etcd", 0o711);
    kubelet(host, "/var/lib/k0s/kubelet/pki");
    embedded(host, "/var/lib/k0s/pki/admin.conf");
    let current = "/var/lib/k0s/kubelet/pki/kubelet-client-current.pem";
    referring(host, "/var/lib/k0s/kubelet.conf", current);
    (
        &[
            "/var/lib/k0s/kubelet/pki/kubelet-client-current.pem",
            "/var/lib/k0s/kubelet/pki/kubelet-server-current.pem",
            "/var/lib/k0s/pki/etcd/peer.crt",
            "/var/lib/k0s/pki/server.crt",
        ],
        &[
            "/var/lib/k0s/kubelet.conf user u",
            "/var/lib/k0s/pki/admin.conf user u",
        ],
    )
}

fn microk8s(host: &Host) -> (&'static [&'static str], &'static [&'static str]) {
    // Each update has a directory of its own, and the old ones stay for a while.
    for revision in ["7001", "7112"] {
        let at = |name: &str| format!("/var/snap/microk8s/{revision}/{name}");
        certificates(
            host,
            &[
                &at("certs/server.crt"),
                &at("var/kubernetes/backend/cluster.crt"),
            ],
        );
        keys(
            host,
            &[&at("certs/server.key"), &at("certs/serviceaccount.key")],
        );
        host.write(&at("certs/csr.conf"), "[ req ]\n");
        embedded(host, &at("credentials/client.config"));
        host.write(&at("credentials/proxy.config"), kubeconfig("token: x"));
    }
    host.link("/var/snap/microk8s/current", "7112");
    (
        &[
            "/var/snap/microk8s/current/certs/server.crt",
            "/var/snap/microk8s/current/var/kubernetes/backend/cluster.crt",
        ],
        &["/var/snap/microk8s/current/credentials/client.config user u"],
    )
}

pub(crate) fn openshift(host: &Host) -> (&'static [&'static str], &'static [&'static str]) {
    let at = |name: &str| format!("/etc/kubernetes/static-pod-resources/{name}");
    let live = [
        "etcd-certs/secrets/etcd-all-certs/etcd-peer-master-0.crt",
        "kube-apiserver-certs/configmaps/client-ca/ca-bundle.crt",
        "kube-apiserver-certs/secrets/aggregator-client/tls.crt",
    ];
    for name in live {
        certificates(host, &[&at(name)]);
        keys(host, &[&at(&name.replace(".crt", ".key"))]);
    }
    certificates(
        host,
        &[&at("kube-apiserver-pod-12/secrets/etcd-client/tls.crt")],
    );
    certificates(
        host,
        &[&at(
            "kube-apiserver-certs/configmaps/trusted-ca-bundle/ca-bundle.crt",
        )],
    );
    certificates(host, &["/etc/kubernetes/kubelet-ca.crt"]);
    kubelet(host, "/var/lib/kubelet/pki");
    host.write("/etc/kubernetes/kubeconfig", kubeconfig("token: x"));
    host.write(
        "/etc/kubernetes/kubelet.conf",
        "kind: KubeletConfiguration\n",
    );
    let current = "/var/lib/kubelet/pki/kubelet-client-current.pem";
    referring(host, "/var/lib/kubelet/kubeconfig", current);
    embedded(
        host,
        &at("kube-apiserver-certs/secrets/node-kubeconfigs/lb-ext.kubeconfig"),
    );
    (
        &[
            "/etc/kubernetes/kubelet-ca.crt",
            "/etc/kubernetes/static-pod-resources/etcd-certs/secrets/etcd-all-certs/etcd-peer-master-0.crt",
            "/etc/kubernetes/static-pod-resources/kube-apiserver-certs/configmaps/client-ca/ca-bundle.crt",
            "/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/aggregator-client/tls.crt",
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
            "/var/lib/kubelet/pki/kubelet-server-current.pem",
        ],
        &[
            "/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/node-kubeconfigs/lb-ext.kubeconfig user u",
            "/var/lib/kubelet/kubeconfig user u",
        ],
    )
}

fn talos(host: &Host) -> (&'static [&'static str], &'static [&'static str]) {
    certificates(
        host,
        &["/system/secrets/kubernetes/kube-apiserver/apiserver.crt"],
    );
    certificates(
        host,
        &[
            "/system/secrets/etcd/peer.crt",
            "/etc/kubernetes/pki/ca.crt",
        ],
    );
    keys(
        host,
        &["/system/secrets/kubernetes/kube-apiserver/apiserver.key"],
    );
    keys(host, &["/system/secrets/etcd/peer.key"]);
    kubelet(host, "/var/lib/kubelet/pki");
    let current = "/var/lib/kubelet/pki/kubelet-client-current.pem";
    referring(host, "/etc/kubernetes/kubeconfig-kubelet", current);
    embedded(host, "/system/secrets/kubernetes/kube-scheduler/kubeconfig");
    (
        &[
            "/etc/kubernetes/pki/ca.crt",
            "/system/secrets/etcd/peer.crt",
            "/system/secrets/kubernetes/kube-apiserver/apiserver.crt",
            "/var/lib/kubelet/pki/kubelet-client-current.pem",
            "/var/lib/kubelet/pki/kubelet-server-current.pem",
        ],
        &[
            "/etc/kubernetes/kubeconfig-kubelet user u",
            "/system/secrets/kubernetes/kube-scheduler/kubeconfig user u",
        ],
    )
}

// === what they are made of ===

fn pem() -> &'static str {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(certificate)
}

pub(crate) fn certificates(host: &Host, paths: &[&str]) {
    for path in paths {
        host.write(path, pem());
        host.mode(path, 0o644);
    }
}

fn keys(host: &Host, paths: &[&str]) {
    for path in paths {
        host.write(path, KEY);
        host.mode(path, 0o600);
    }
}

/// kubelet's: of two rotations the files, links to the last, and what it wrote before it had any.
fn kubelet(host: &Host, at: &str) {
    for name in ["client", "server"] {
        for day in ["2025-11-01", "2026-11-01"] {
            let path = format!("{at}/kubelet-{name}-{day}-03-04-05.pem");
            host.write(&path, format!("{}{KEY}", pem()));
            host.mode(&path, 0o600);
        }
        let current = format!("{at}/kubelet-{name}-current.pem");
        fs::remove_file(host.at(&current)).ok();
        host.link(
            &current,
            format!("{at}/kubelet-{name}-2026-11-01-03-04-05.pem"),
        );
    }
    certificates(host, &[&format!("{at}/kubelet.crt")]);
    keys(host, &[&format!("{at}/kubelet.key")]);
}

pub(crate) fn kubeconfig(user: &str) -> String {
    format!("apiVersion: v1\nkind: Config\nclusters: []\nusers: [{{name: u, user: {{{user}}}}}]\n")
}

pub(crate) fn embedded(host: &Host, path: &str) {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(pem());
    host.write(
        path,
        kubeconfig(&format!("client-certificate-data: {data}")),
    );
    host.mode(path, 0o600);
}

fn referring(host: &Host, path: &str, to: &str) {
    host.write(path, kubeconfig(&format!("client-certificate: {to}")));
    host.mode(path, 0o600);
}
