# shellcheck shell=bash
# What the story of doors knocks with: certificates, passwords, and who asks which pod. To be sourced after objects.sh; the story names HOST and PODS.

GET=(--silent --output /dev/null --max-time 20)

# --- certificates and passwords

authority() { certificate "$1" -addext basicConstraints=critical,CA:TRUE; }

# signed NAME AUTHORITY EXTENSION: a certificate of that authority.
signed() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$WORK/$1.key" -out "$WORK/$1.csr" 2>/dev/null
    openssl x509 -req -days 30 -in "$WORK/$1.csr" -CA "$WORK/$2.crt" -CAkey "$WORK/$2.key" -out "$WORK/$1.crt" -extfile <(echo "$3") 2>/dev/null
}

# bundle SECRET PAIR AUTHORITY [KEY=FILE…]
bundle() {
    local name=$1 pair=$2 authority=$3 entry
    shift 3
    {
        printf '{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, metadata: {name: %s, namespace: %s}, data: {tls.crt: %s, tls.key: %s, ca.crt: %s' \
            "$name" "$NAMESPACE" "$(base64 -w0 "$WORK/$pair.crt")" "$(base64 -w0 "$WORK/$pair.key")" "$(base64 -w0 "$WORK/$authority.crt")"
        for entry in "$@"; do printf ', %s: %s' "${entry%%=*}" "$(base64 -w0 "$WORK/${entry#*=}")"; done
        echo '}}'
    } | put
}

hash_of() { perl -e 'print crypt($ARGV[0], q($2b$10$) . join("", map { ("a".."z")[rand 26] } 1..21) . "e")' "$1"; }

scrape_password() { kn create secret generic x509-scrape --from-literal=username=prometheus --from-literal=password="$1" --dry-run=client -o yaml | put; }

# --- who knocks

# knock POD PATH [CURL-FLAG…]: the status, or 000 where the connection ends without one.
knock() {
    local pod=$1 path=$2
    shift 2
    asked "$pod" "$path" "${GET[@]}" --write-out '%{http_code}' "$@" || true
}

asked() { # POD PATH CURL-FLAG…
    local pod=$1 path=$2
    shift 2
    "$ROOT/ci/cluster" in curl --cacert "$WORK/ours.crt" --resolve "$HOST:9793:$(address_of "$pod")" "$@" "https://$HOST:9793$path"
}

address_of() { kn get pod "$1" -o 'jsonpath={.status.podIP}'; }

# refused POD REASON FLAG…: what the pod has counted, told to one who may know.
refused() {
    local pod=$1 reason=$2
    shift 2
    asked "$pod" /metrics --silent "$@" | sed -n "s/^x509_web_refused_total{reason=\"$reason\"} //p"
}

# each COMMAND…: for one pod of each kind.
each() {
    local component
    for component in secrets host-nodes; do "$@" "$(pod "$component")" "$component"; done
}

# The pod's processes share one network: what listens there, of TCP, UDP and anything else.
listening() {
    local process
    process=$(process_of "$1")
    nsenter --net="/proc/$process/ns/net" ss --no-header --listening --numeric --tcp --udp --raw --packet --sctp | awk '{ sub(/.*:/, "", $5); print $1 "/" $5 }' | sort -u | xargs
}

ready_and_scraped() {
    # The kubelet brings Prometheus its new configuration within a minute and a half, and its reloader may look three minutes later.
    wait_until 300 "Prometheus gets in" targets_are 1
    expect "targets" "$(rows "up{namespace=\"$NAMESPACE\"}")" "$PODS"
    wait_until 60 "and has its series" is rows "count by (pod) (x509_cert_not_after{namespace=\"$NAMESPACE\"})" "$PODS"
    expect "how it asks" "$("$ROOT/ci/monitoring" targets | jq -r --arg ns "$NAMESPACE" '[.data.activeTargets[] | select(.labels.namespace == $ns).scrapeUrl[:8]] | unique | join(" ")')" https://
    expect "ready pods" "$(kn get pods -o json | jq '[.items[] | select(.metadata.deletionTimestamp | not) | select(any(.status.conditions[]; .type == "Ready" and .status == "True"))] | length')" "$PODS"
    processes_now >"$WORK/running"
}

# targets_are VALUE: whether `up` of every pod is that. Prometheus is to look for a new configuration meanwhile.
targets_are() {
    "$ROOT/ci/monitoring" nudge
    is rows "up{namespace=\"$NAMESPACE\"} == $1" "$PODS"
}

processes_now() { kn get pods -o json | jq -r '.items[] | "\(.metadata.uid) \(.status.containerStatuses[0].restartCount)"' | sort; }

still_running() { expect "pods and restarts since then" "$(diff "$WORK/running" <(processes_now) | wc -l)" 0; }

# no_gap: whether every scrape of the last half minute went well.
no_gap() { is rows "min_over_time(up{namespace=\"$NAMESPACE\"}[30s]) == 1" "$PODS"; }

# served NAME POD [FLAG…]: whether the pod shows that certificate.
served() {
    local name=$1 pod=$2
    "$ROOT/ci/cluster" in openssl s_client -connect "$(address_of "$pod"):9793" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint |
        cmp -s - <(openssl x509 -in "$WORK/$name.crt" -noout -fingerprint)
}
