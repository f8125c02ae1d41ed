# shellcheck shell=bash
# The network: one namespace with a switch, and one for each node with a cable to it. To be sourced.

make_lan() {
    ip netns add "$(netns lan)"
    ip -n "$(netns lan)" link set lo up
    ip -n "$(netns lan)" link add lan type bridge
    ip -n "$(netns lan)" address add "$LAN.1/24" dev lan
    ip -n "$(netns lan)" link set lan up
}

make_netns() { # NODE
    local name lan other
    name=$(netns "$1") lan=$(netns lan)
    ip netns add "$name"
    ip -n "$name" link set lo up
    ip -n "$name" link add eth0 type veth peer name "$1" netns "$lan"
    ip -n "$lan" link set "$1" master lan up
    ip -n "$name" address add "$(address "$1")/24" dev eth0
    ip -n "$name" link set eth0 up
    ip -n "$name" route add default via "$LAN.1" # leads nowhere; kubeadm and the kubelet want one
    for other in "${NODES[@]}"; do
        [[ $other == "$1" ]] || ip -n "$name" route add "$(pod_subnet "$other")" via "$(address "$other")"
    done
    # A pod that asks a service and is answered by a pod on the same bridge needs the last one.
    nsenter --net="/run/netns/$name" sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
    if [[ -e /proc/sys/net/bridge ]]; then
        nsenter --net="/run/netns/$name" sysctl -q -w net.bridge.bridge-nf-call-iptables=1
    fi
}

remove_netns() {
    local name
    for name in "${NODES[@]}" lan; do
        [[ -e /run/netns/$(netns "$name") ]] || continue
        umount --lazy "/run/netns/$(netns "$name")" 2>/dev/null || true
        rm -f "/run/netns/$(netns "$name")"
    done
    # `ip netns add` made the folder a mount of its own.
    if [[ -d /run/netns && -z $(ls -A /run/netns) ]]; then
        umount /run/netns 2>/dev/null || true
        rmdir /run/netns 2>/dev/null || true
    fi
}
