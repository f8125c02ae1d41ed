# shellcheck shell=bash
# A second API server on node0, with an etcd and a CA of its own: another cluster, without nodes. To be sourced after story.sh.

MEMBER=/var/lib/x509-member # on node0
MEMBER_ADDRESS=https://10.250.0.10:7443

# shellcheck source=ci/cluster.d/state.sh
. "$ROOT/ci/cluster.d/state.sh"
# shellcheck source=ci/cluster.d/cgroups.sh
. "$ROOT/ci/cluster.d/cgroups.sh"
# shellcheck source=ci/cluster.d/node.sh
. "$ROOT/ci/cluster.d/node.sh"

member_up() {
    member_down
    node node0 mkdir -p "$MEMBER"
    node node0 tee "$MEMBER/kubeadm.yaml" >/dev/null <<END
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: $(address node0), bindPort: 7443}
nodeRegistration: {name: member}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: member
certificatesDir: $MEMBER/pki
kubernetesVersion: $("$ROOT/ci/tools/build" --version k8s.io/kubernetes)
networking: {serviceSubnet: 10.97.0.0/16}
END
    member_kubeadm init phase certs all
    member_kubeadm init phase kubeconfig admin --kubeconfig-dir "$MEMBER"
    member_kubeadm init phase kubeconfig super-admin --kubeconfig-dir "$MEMBER"
    start node0 member-etcd "$BIN/etcd" --name member --data-dir "$MEMBER/etcd" --unsafe-no-fsync \
        --listen-client-urls http://127.0.0.1:32379 --advertise-client-urls http://127.0.0.1:32379 \
        --listen-peer-urls http://127.0.0.1:32380 --initial-advertise-peer-urls http://127.0.0.1:32380 \
        --initial-cluster member=http://127.0.0.1:32380
    member_start
}

member_kubeadm() { node node0 kubeadm "$@" --config "$MEMBER/kubeadm.yaml" >/dev/null 2>&1; }

# Its API server, stopped or not there yet.
member_start() {
    start node0 member-apiserver "$BIN/kube-apiserver" --etcd-servers http://127.0.0.1:32379 --etcd-prefix /member \
        --advertise-address "$(address node0)" --secure-port 7443 --service-cluster-ip-range 10.97.0.0/16 \
        --authorization-mode RBAC --client-ca-file "$MEMBER/pki/ca.crt" \
        --tls-cert-file "$MEMBER/pki/apiserver.crt" --tls-private-key-file "$MEMBER/pki/apiserver.key" \
        --service-account-issuer https://member.example --service-account-key-file "$MEMBER/pki/sa.pub" \
        --service-account-signing-key-file "$MEMBER/pki/sa.key" --endpoint-reconciler-type none
    wait_until 90 "the member's API server answers" m get --raw /readyz
    wait_until 30 "it has its namespaces" m get namespace default
}

member_stop() { member_end member-apiserver; }

# member_end NAME: that process of ours, by the id that was recorded.
member_end() {
    local id
    running node0 "$1" || return 0
    id=$(<"$STATE/node0/pids/$1")
    # At once: asked politely, an API server waits a minute for its watches.
    kill -KILL "$id" 2>/dev/null || true
    wait_until 30 "$1 has ended" ended "$1"
    rm -f "$STATE/node0/pids/$1"
}
ended() { ! running node0 "$1"; }

member_down() {
    member_end member-apiserver
    member_end member-etcd
    node node0 rm -rf "$MEMBER"
}

# kubectl as the member's administrator.
m() { node node0 env KUBECONFIG="$MEMBER/super-admin.conf" kubectl "$@"; }

# member_kubeconfig USER: of an account of the member without rights; the rights are given by name.
member_kubeconfig() { node node0 kubeadm kubeconfig user --client-name "$1" --config "$MEMBER/kubeadm.yaml" 2>/dev/null; }
