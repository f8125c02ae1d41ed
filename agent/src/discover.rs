//! Which paths each distribution of Kubernetes keeps its certificates at. Facts, and nothing that
//! looks at a disk: a path here says where to look, not that there is something.
//!
//! Keys beside certificates are told apart by content. Where their names tell, they are left out by
//! name too, so that no key is ever opened and none is called unreadable.

/// Every distribution of the table.
pub const AUTO: &str = "auto";

/// In one directory, the first name is a leftover once there is the second: kubelet wrote it for
/// itself before it was given a serving certificate, and renews it no more.
pub const SUPERSEDED: &[(&str, &str)] = &[("kubelet.crt", "kubelet-server-current.pem")];

/// Where to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Files with certificates.
    pub files: Vec<String>,
    /// Kubeconfigs.
    pub kubeconfigs: Vec<String>,
    /// Patterns of what is left out of both.
    pub excludes: Vec<String>,
}

/// A server of a node, and where the certificate is that it should show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The component.
    pub name: &'static str,
    /// Where it listens on its own node.
    pub address: &'static str,
    /// Patterns of files; the first that finds any counts.
    pub files: Vec<&'static str>,
}

struct Distribution {
    name: &'static str,
    files: &'static [&'static [&'static str]],
    kubeconfigs: &'static [&'static [&'static str]],
    excludes: &'static [&'static str],
    /// Component, address, pattern.
    servers: &'static [&'static [(&'static str, &'static str, &'static str)]],
}

/// Of each rotation kubelet keeps the file and leads a link to the last: the link alone counts.
const KUBELET: &[&str] =
    &["/var/lib/kubelet/pki/{kubelet-client-current.pem,kubelet-server-current.pem,kubelet.crt}"];

const APISERVER: &str = "kube-apiserver";
const ETCD_SERVER: &str = "etcd";
const KUBELET_SERVER: &str = "kubelet";

/// What kubelet was given counts before what it wrote for itself.
const KUBELET_SERVERS: &[(&str, &str, &str)] = &[
    (
        KUBELET_SERVER,
        "127.0.0.1:10250",
        "/var/lib/kubelet/pki/kubelet-server-current.pem",
    ),
    (
        KUBELET_SERVER,
        "127.0.0.1:10250",
        "/var/lib/kubelet/pki/kubelet.crt",
    ),
];

const KUBEADM_SERVERS: &[(&str, &str, &str)] = &[
    (
        APISERVER,
        "127.0.0.1:6443",
        "/etc/kubernetes/pki/apiserver.crt",
    ),
    (
        ETCD_SERVER,
        "127.0.0.1:2379",
        "/etc/kubernetes/pki/etcd/server.crt",
    ),
];

/// Each member has a certificate, and often those of the others.
const ETCD_SERVERS: &[(&str, &str, &str)] = &[(
    ETCD_SERVER,
    "127.0.0.1:2379",
    "/etc/ssl/etcd/ssl/member-*.pem",
)];

const KUBEADM: &[&str] = &[
    "/etc/kubernetes/pki/*.crt",
    "/etc/kubernetes/pki/etcd/*.crt",
];

/// Not `bootstrap-kubelet.conf`: it lives until the node has joined, and holds a token.
const KUBEADM_KUBECONFIGS: &[&str] =
    &["/etc/kubernetes/{admin,super-admin,controller-manager,scheduler,kubelet}.conf"];

/// An etcd beside the cluster, as two of them install it.
const ETCD: &[&str] = &["/etc/ssl/etcd/ssl/*.{pem,crt}"];

/// `server/tls/temporary-certs` is not in it: it is made anew at each start.
macro_rules! rancher {
    ($name:literal, $apiserver:literal) => {
        Distribution {
            name: $name,
            files: &[&[
                concat!("/var/lib/rancher/", $name, "/server/tls/*.crt"),
                concat!(
                    "/var/lib/rancher/",
                    $name,
                    "/server/tls/{etcd,kube-controller-manager,kube-scheduler}/*.crt"
                ),
                concat!("/var/lib/rancher/", $name, "/agent/*.crt"),
            ]],
            kubeconfigs: &[&[
                concat!("/etc/rancher/", $name, "/", $name, ".yaml"),
                concat!("/var/lib/rancher/", $name, "/server/cred/*.kubeconfig"),
                concat!("/var/lib/rancher/", $name, "/agent/*.kubeconfig"),
            ]],
            excludes: &[],
            servers: &[&[
                (
                    APISERVER,
                    $apiserver,
                    concat!(
                        "/var/lib/rancher/",
                        $name,
                        "/server/tls/serving-kube-apiserver.crt"
                    ),
                ),
                (
                    ETCD_SERVER,
                    "127.0.0.1:2379",
                    concat!(
                        "/var/lib/rancher/",
                        $name,
                        "/server/tls/etcd/server-client.crt"
                    ),
                ),
                (
                    KUBELET_SERVER,
                    "127.0.0.1:10250",
                    concat!("/var/lib/rancher/", $name, "/agent/serving-kubelet.crt"),
                ),
            ]],
        }
    };
}

const TABLE: &[Distribution] = &[
    // Before kubeadm: its /etc/kubernetes/pki is a link to /etc/kubernetes/ssl, and the first name of
    // a directory is the one that is shown.
    Distribution {
        name: "kubespray",
        files: &[
            &[
                "/etc/kubernetes/ssl/*.{crt,pem}",
                "/etc/kubernetes/ssl/etcd/*.{crt,pem}",
            ],
            KUBELET,
            ETCD,
        ],
        kubeconfigs: &[KUBEADM_KUBECONFIGS],
        excludes: &[
            "/etc/kubernetes/ssl/**/*-key.pem",
            "/etc/ssl/etcd/ssl/*-key.pem",
        ],
        servers: &[
            &[
                (
                    APISERVER,
                    "127.0.0.1:6443",
                    "/etc/kubernetes/ssl/apiserver.crt",
                ),
                (
                    ETCD_SERVER,
                    "127.0.0.1:2379",
                    "/etc/kubernetes/ssl/etcd/server.crt",
                ),
            ],
            ETCD_SERVERS,
            KUBELET_SERVERS,
        ],
    },
    Distribution {
        name: "kubeadm",
        files: &[KUBEADM, KUBELET],
        kubeconfigs: &[KUBEADM_KUBECONFIGS],
        excludes: &[],
        servers: &[KUBEADM_SERVERS, KUBELET_SERVERS],
    },
    Distribution {
        name: "kubekey",
        files: &[KUBEADM, KUBELET, ETCD],
        kubeconfigs: &[KUBEADM_KUBECONFIGS],
        excludes: &["/etc/ssl/etcd/ssl/*-key.pem"],
        servers: &[KUBEADM_SERVERS, ETCD_SERVERS, KUBELET_SERVERS],
    },
    // Its port 6443 belongs to a listener with a certificate of its own, in no file of that kind.
    rancher!("k3s", "127.0.0.1:6444"),
    rancher!("rke2", "127.0.0.1:6443"),
    Distribution {
        name: "k0s",
        files: &[&[
            "/var/lib/k0s/pki/*.crt",
            "/var/lib/k0s/pki/etcd/*.crt",
            "/var/lib/k0s/kubelet/pki/{kubelet-client-current.pem,kubelet-server-current.pem,kubelet.crt}",
        ]],
        kubeconfigs: &[&["/var/lib/k0s/pki/*.conf", "/var/lib/k0s/kubelet.conf"]],
        excludes: &[],
        servers: &[&[
            (APISERVER, "127.0.0.1:6443", "/var/lib/k0s/pki/server.crt"),
            (
                ETCD_SERVER,
                "127.0.0.1:2379",
                "/var/lib/k0s/pki/etcd/server.crt",
            ),
            (
                KUBELET_SERVER,
                "127.0.0.1:10250",
                "/var/lib/k0s/kubelet/pki/kubelet-server-current.pem",
            ),
            (
                KUBELET_SERVER,
                "127.0.0.1:10250",
                "/var/lib/k0s/kubelet/pki/kubelet.crt",
            ),
        ]],
    },
    Distribution {
        name: "microk8s",
        files: &[&[
            "/var/snap/microk8s/current/certs/*.crt",
            // Of its own database, dqlite.
            "/var/snap/microk8s/current/var/kubernetes/backend/*.crt",
        ]],
        kubeconfigs: &[&["/var/snap/microk8s/current/credentials/*.config"]],
        excludes: &[],
        servers: &[&[
            (
                APISERVER,
                "127.0.0.1:16443",
                "/var/snap/microk8s/current/certs/server.crt",
            ),
            (
                KUBELET_SERVER,
                "127.0.0.1:10250",
                "/var/snap/microk8s/current/certs/kubelet.crt",
            ),
        ]],
    },
    Distribution {
        name: "openshift",
        files: &[
            // Beside them, `*-pod-12` and the like hold what each revision of a pod was given.
            &[
                "/etc/kubernetes/static-pod-resources/*-certs/{secrets,configmaps}/*/*.crt",
                "/etc/kubernetes/*.crt",
            ],
            KUBELET,
        ],
        kubeconfigs: &[&[
            "/etc/kubernetes/kubeconfig",
            "/etc/kubernetes/static-pod-resources/*-certs/secrets/node-kubeconfigs/*.kubeconfig",
            "/var/lib/kubelet/kubeconfig",
        ]],
        // The roots of the public web: not the cluster's, and some 140.
        excludes: &["/etc/kubernetes/static-pod-resources/*/configmaps/trusted-ca-bundle"],
        servers: &[KUBELET_SERVERS],
    },
    Distribution {
        name: "talos",
        files: &[
            &[
                "/system/secrets/kubernetes/*/*.crt",
                "/system/secrets/etcd/*.crt",
                "/etc/kubernetes/pki/*.crt",
            ],
            KUBELET,
        ],
        kubeconfigs: &[&[
            "/etc/kubernetes/kubeconfig-kubelet",
            "/system/secrets/kubernetes/*/kubeconfig",
        ]],
        excludes: &[],
        servers: &[
            &[(
                APISERVER,
                "127.0.0.1:6443",
                "/system/secrets/kubernetes/kube-apiserver/apiserver.crt",
            )],
            KUBELET_SERVERS,
        ],
    },
];

/// The names of the table, `auto` first.
pub fn names() -> impl Iterator<Item = &'static str> {
    std::iter::once(AUTO).chain(TABLE.iter().map(|distribution| distribution.name))
}

/// The paths of these distributions together, each once.
pub fn paths(wanted: &[String]) -> Paths {
    let is_wanted = |name| wanted.iter().any(|wanted| wanted == AUTO || wanted == name);
    let mut paths = Paths::default();
    for distribution in TABLE.iter().filter(|entry| is_wanted(entry.name)) {
        add(&mut paths.files, distribution.files);
        add(&mut paths.kubeconfigs, distribution.kubeconfigs);
        add(&mut paths.excludes, &[distribution.excludes]);
    }
    paths
}

/// The servers that these distributions have on a node, each once.
pub fn servers(wanted: &[String]) -> Vec<Server> {
    let is_wanted = |name| wanted.iter().any(|wanted| wanted == AUTO || wanted == name);
    let mut servers: Vec<Server> = Vec::new();
    let table = TABLE.iter().filter(|entry| is_wanted(entry.name));
    for &(name, address, file) in table.flat_map(|entry| entry.servers).copied().flatten() {
        let same = |server: &&mut Server| server.name == name && server.address == address;
        match servers.iter_mut().find(same) {
            Some(server) if server.files.contains(&file) => {}
            Some(server) => server.files.push(file),
            None => servers.push(Server {
                name,
                address,
                files: vec![file],
            }),
        }
    }
    servers
}

fn add(paths: &mut Vec<String>, groups: &[&[&str]]) {
    for path in groups.iter().copied().flatten() {
        if !paths.iter().any(|known| known == path) {
            paths.push((*path).to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Paths {
        paths(&names.iter().map(|&name| name.into()).collect::<Vec<_>>())
    }

    #[test]
    fn every_path_is_absolute_and_a_pattern_that_can_be_read() {
        let Paths {
            files,
            kubeconfigs,
            excludes,
        } = of(&[AUTO]);
        for path in files.iter().chain(&kubeconfigs).chain(&excludes) {
            assert!(path.starts_with('/') && !path.ends_with('/'), "{path}");
            assert!(fast_glob::validate(path).is_ok(), "{path}");
            // A brace that spans directories would not be understood.
            assert!(
                path.split('/')
                    .all(|name| name.matches('{').count() == name.matches('}').count()),
                "{path}"
            );
        }
    }

    #[test]
    fn no_pattern_finds_a_key_or_a_file_of_an_earlier_rotation() {
        let paths = of(&[AUTO]);
        for name in [
            "/etc/kubernetes/pki/ca.key",
            "/etc/kubernetes/pki/etcd/server.key",
            "/etc/kubernetes/ssl/apiserver-key.pem",
            "/etc/kubernetes/ssl/etcd/member-key.pem",
            "/etc/ssl/etcd/ssl/member-node1-key.pem",
            "/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem",
            "/var/lib/kubelet/pki/kubelet-server-2026-01-02-03-04-05.pem",
            "/var/lib/kubelet/pki/kubelet.key",
            "/var/lib/k0s/pki/sa.key",
            "/var/lib/rancher/k3s/server/tls/temporary-certs/apiserver-loopback-client__.crt",
            "/etc/kubernetes/static-pod-resources/kube-apiserver-pod-7/secrets/a/tls.crt",
            "/etc/kubernetes/static-pod-resources/kube-apiserver-certs/secrets/a/tls.key",
        ] {
            let covers = |glob: &String| fast_glob::glob_match(glob, name);
            let found = paths.files.iter().any(covers) || paths.kubeconfigs.iter().any(covers);
            assert!(!found || paths.excludes.iter().any(covers), "{name}");
        }
    }

    #[test]
    fn auto_is_all_of_them_and_each_path_once() {
        let auto = of(&[AUTO]);
        for name in names().skip(1) {
            let one = of(&[name]);
            assert!(!one.files.is_empty(), "{name}");
            assert!(one.files.iter().all(|path| auto.files.contains(path)));
            assert!(
                one.kubeconfigs
                    .iter()
                    .all(|path| auto.kubeconfigs.contains(path))
            );
            assert!(one.excludes.iter().all(|path| auto.excludes.contains(path)));
        }
        let mut sorted = auto.files.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), auto.files.len());
        assert_eq!(of(&["kubeadm", AUTO]), auto);
        assert_eq!(of(&[]), Paths::default());
    }

    #[test]
    fn what_a_server_should_show_is_watched_as_a_file_too() {
        let names: Vec<String> = names().skip(1).map(str::to_owned).collect();
        for name in &names {
            let watched = of(&[name]).files;
            for server in servers(std::slice::from_ref(name)) {
                for file in server.files {
                    let file = file.replace('*', "node");
                    let covers = |glob: &String| fast_glob::glob_match(glob, &file);
                    assert!(watched.iter().any(covers), "{name}: {file}");
                }
            }
        }
        let all = servers(&[AUTO.to_owned()]);
        let etcd: Vec<_> = all.iter().filter(|server| server.name == "etcd").collect();
        assert_eq!(etcd.len(), 1, "one address, whatever the distribution");
        assert!(etcd[0].files.len() > 3);
    }
}
