# shellcheck shell=bash
# Names, addresses and folders of the cluster. To be sourced after ci/lib.sh.

NODES=(node0 node1 node2)
# Everything that belongs to a cluster is below this folder; it is gone after `down`.
STATE=${X509_CLUSTER:-/var/lib/x509-cluster}
BIN=$("$ROOT/ci/tools/build" --path)
PREFIX=x509 # of network namespaces and of the cgroup

SERVICES=10.96.0.0/16
PODS=10.244.0.0/16
LAN=10.250.0

number() { printf '%s' "${1#node}"; }
address() { printf '%s.%d' "$LAN" $((10 + $(number "$1"))); }
pod_subnet() { printf '10.244.%d.0/24' "$(number "$1")"; }
netns() { printf '%s-%s' "$PREFIX" "$1"; }
root_of() { printf '%s/%s/root' "$STATE" "$1"; }
mount_ns() { printf '%s/ns/%s' "$STATE" "$1"; }

# in_cluster CMD…: a command of this machine, its files and all, in the control plane's network.
in_cluster() {
    [[ -e /run/netns/$(netns node0) ]] || die "no cluster: ci/cluster up"
    PATH=$BIN:$PATH KUBECONFIG=$STATE/kubeconfig nsenter --net="/run/netns/$(netns node0)" "$@" 9>&-
}

kubectl() { in_cluster "$BIN/kubectl" "$@"; }

helm() {
    "$ROOT/ci/tools/build" helm
    in_cluster "$BIN/helm" "$@"
}

# on_node NODE CMD…: a command on the node: its network, its files. /tmp is this machine's.
on_node() {
    local node=$1
    shift
    [[ -e $(mount_ns "$node") ]] || die "no such node: $node"
    nsenter --net="/run/netns/$(netns "$node")" --mount="$(mount_ns "$node")" \
        env -i HOME=/root TERM="${TERM:-dumb}" PATH="$BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
        KUBECONFIG="/etc/kubernetes/admin.conf" "$@" 9>&-
}

# logged NODE NAME CMD…: as on_node; what it says goes to the node's log and is shown only if it fails.
logged() {
    local node=$1 name=$2 log
    shift 2
    log=$STATE/$node/logs/$name.log
    on_node "$node" "$@" >>"$log" 2>&1 || {
        tail -n 60 "$log" >&2
        return 1
    }
}
