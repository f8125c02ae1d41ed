# shellcheck shell=bash
# A node: its root, its container runtime, its kubelet. To be sourced.

# A root of the node's own, in a mount namespace held by a file: programs and /etc are this machine's with a writable layer over
# them, all else is new. Whatever a pod or a story writes stays in the node, and goes with it.
make_root() { # NODE
    local node=$1 root
    root=$(root_of "$node")
    mkdir -p "$STATE/ns" "$STATE/$node"/{logs,pids} "$STATE/$node"/layers/{etc,usr}/{upper,work}
    mountpoint -q "$STATE/ns" || mount --bind "$STATE/ns" "$STATE/ns"
    mount --make-private "$STATE/ns"
    mkdir -p "$root"/{etc,usr,proc,sys,dev,run,tmp,root,opt,home,mnt,old-root} \
        "$root"/var/{lib,log,tmp,cache} "$root$CACHE" "$root$ROOT"
    chmod 1777 "$root/var/tmp"
    chmod 700 "$root/root"
    ln -s ../run "$root/var/run"
    for link in bin sbin lib lib64; do ln -s "usr/$link" "$root/$link"; done
    touch "$(mount_ns "$node")"
    unshare --mount="$(mount_ns "$node")" --propagation private \
        bash "$ROOT/ci/cluster.d/enter-root" "$root" "$STATE/$node/layers" "$CACHE" "$ROOT"
}

configure_containerd() { # NODE
    local root pause
    root=$(root_of "$1")
    pause=$("$BIN/kubeadm" config images list --kubernetes-version "$("$ROOT/ci/tools/build" --version k8s.io/kubernetes)" 2>/dev/null | grep /pause:)
    on_node "$1" mkdir -p /etc/containerd /etc/cni/net.d
    on_node "$1" tee /etc/containerd/config.toml >/dev/null <<EOF
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause"
  # runc dies without CAP_SYS_RESOURCE when it lowers a score
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
EOF
    on_node "$1" tee /etc/cni/net.d/10-bridge.conflist >/dev/null <<EOF
{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "$(pod_subnet "$1")"}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
EOF
}

# start NODE NAME CMD…: a daemon on the node, in the node's control group; its id is recorded.
start() {
    local node=$1 name=$2
    shift 2
    (
        join_cgroup "$node"
        exec 9>&-
        exec setsid nsenter --net="/run/netns/$(netns "$node")" --mount="$(mount_ns "$node")" --wd=/ \
            env -i HOME=/root PATH="$BIN:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
            "$@" >>"$STATE/$node/logs/$name.log" 2>&1 </dev/null
    ) &
    echo $! >"$STATE/$node/pids/$name"
    disown
}

start_proxy() { # NODE
    install -m 600 "$STATE/kube-proxy.conf" "$(root_of "$1")/var/lib/kube-proxy.conf"
    cat >"$(root_of "$1")/var/lib/kube-proxy.yaml" <<EOF
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: $PODS
hostnameOverride: $1
bindAddress: 0.0.0.0
clientConnection: {kubeconfig: /var/lib/kube-proxy.conf}
iptables: {minSyncPeriod: 200ms, syncPeriod: 30s}
# Sizes that belong to the machine, not to a namespace.
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
EOF
    start "$1" kube-proxy "$BIN/kube-proxy" --config /var/lib/kube-proxy.yaml
}

node_registration() { # NODE: what init and join have in common
    cat <<EOF
nodeRegistration:
  name: $1
  criSocket: unix:///run/containerd/containerd.sock
  imagePullPolicy: Never
  taints: []
  kubeletExtraArgs:
  - {name: node-ip, value: $(address "$1")}
  - {name: hostname-override, value: $1}
  - {name: cgroup-root, value: /$PREFIX/$1}
EOF
}

kubeadm_init_config() {
    cat <<EOF
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: $(address node0), bindPort: 6443}
$(node_registration node0)
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: $("$ROOT/ci/tools/build" --version k8s.io/kubernetes)
networking: {serviceSubnet: $SERVICES}
etcd:
  local:
    extraArgs:
    - {name: unsafe-no-fsync, value: "true"} # nothing here outlives the machine
controllerManager:
  extraArgs:
  - {name: leader-elect, value: "false"}
scheduler:
  extraArgs:
  - {name: leader-elect, value: "false"}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
failSwapOn: false
enforceNodeAllocatable: []
evictionHard: {memory.available: 0%, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%, imagefs.inodesFree: 0%}
imageGCHighThresholdPercent: 100
resolvConf: "" # pods have no business with this machine's name servers
fileCheckFrequency: 3s
syncFrequency: 10s # a changed ConfigMap or Secret reaches its pods within that time
EOF
}

kubeadm_join_config() { # NODE TOKEN
    cat <<EOF
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken: {apiServerEndpoint: "$(address node0):6443", token: "$2", unsafeSkipCAVerification: true}
$(node_registration "$1")
EOF
}

remove_roots() {
    local point
    # Mounts inside a node's namespace go with the namespace; what is left are the files that hold it.
    while read -r point; do
        umount --lazy "$point" || true
    done < <(awk -v below="$STATE/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
    if [[ -d $STATE ]]; then
        rm -rf --one-file-system "$STATE"
    fi
}
