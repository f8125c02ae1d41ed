# shellcheck shell=bash
# What the stories on the real cluster share. To be sourced after lib.sh.

NAMESPACE=exporter
RELEASE=x509
FULLNAME=x509-x509-certificate-exporter

k() { "$ROOT/ci/cluster" kubectl "$@"; }
kn() { k -n "$NAMESPACE" "$@"; }
helm() { "$ROOT/ci/cluster" helm "$@"; }
node() { "$ROOT/ci/cluster" exec "$@"; }
prom() { "$ROOT/ci/monitoring" query "$1"; }

# rows QUERY: how many series the query returns.
rows() { prom "$1" | jq '.data.result | length'; }

# value QUERY: the value of the query's only series.
value() { prom "$1" | jq -r 'if (.data.result | length) == 1 then .data.result[0].value[1] else "no single series" end'; }

# alert NAME: the state of the release's own alert: inactive, pending or firing.
alert() {
    "$ROOT/ci/monitoring" rules | jq -r --arg name "$1" --arg file "/$NAMESPACE-$FULLNAME-" \
        '[.data.groups[] | select(.file | contains($file)).rules[] | select(.name == $name).state][0]'
}

# expect WHAT ACTUAL EXPECTED
expect() {
    if [[ $2 == "$3" ]]; then
        say "    ok: $1 = $2"
    else
        die "$1 is $2, expected $3"
    fi
}

# is ACTUAL-COMMAND… -- EXPECTED: for wait_until.
is() {
    local expected=${*: -1}
    [[ $("${@:1:$#-1}") == "$expected" ]]
}

# metrics POD: what the agent in that pod exposes, through the API server.
metrics() { k get --raw "/api/v1/namespaces/$NAMESPACE/pods/$1:9793/proxy/metrics"; }

# pod COMPONENT [NODE]: the name of the component's pod.
pod() {
    kn get pods -l "app.kubernetes.io/component=$1" ${2:+--field-selector=spec.nodeName=$2} -o json |
        jq -r '[.items[] | select(.metadata.deletionTimestamp | not)][0].metadata.name // empty'
}

# A namespace of the story's own, empty at the beginning and gone at the end.
fresh_namespace() {
    drop_namespace
    k create namespace "$NAMESPACE" >/dev/null
}

drop_namespace() {
    helm uninstall "$RELEASE" -n "$NAMESPACE" --ignore-not-found --wait >/dev/null
    # A kubelet that has lost its API server to a story takes minutes to end the namespace's pods.
    k delete namespace "$NAMESPACE" --ignore-not-found --wait --timeout=300s >/dev/null
}

# install VALUES-FILE… -- FLAGS: the chart with our image, waited for.
install() {
    local files=()
    while [[ $# -gt 0 && $1 != -- ]]; do
        files+=(-f "$1")
        shift
    done
    [[ ${1:-} == -- ]] && shift
    k get namespace "$NAMESPACE" >/dev/null 2>&1 || k create namespace "$NAMESPACE" >/dev/null
    helm upgrade --install "$RELEASE" "$ROOT/charts/x509-certificate-exporter" -n "$NAMESPACE" \
        "${files[@]}" --set image.pullPolicy=Never "$@" --wait --timeout 3m >/dev/null
    # Helm's own wait is content while one pod of a DaemonSet is missing.
    local workload
    for workload in $(kn get deployments,daemonsets,statefulsets -l "app.kubernetes.io/instance=$RELEASE" -o name); do
        kn rollout status "$workload" --timeout=120s >/dev/null
    done
}

# rss POD NODE: resident memory of the agent's process in KiB, as the kernel of the node has it.
rss() {
    metrics "$1" | awk '/^process_resident_memory_bytes /{printf "%d", $2 / 1024}'
}
