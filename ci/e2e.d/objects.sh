# shellcheck shell=bash
# What the stories of objects share: certificates made by openssl, series compared with what openssl reads. To be sourced after story.sh.

SOON=20 # seconds: what the API server tells is seen within this time
WORK=$(mktemp -d)
FILES=$ROOT/ci/e2e.d/files
EXAMPLES=$ROOT/values-examples

# begin VALUES-FILE…: an empty namespace and the release in it; POD is the pod that watches objects.
begin() {
    fresh_namespace
    release "$@"
}

release() {
    install "$@" --set secretsExporter.minReadySeconds=0
    POD=$(pod secrets)
}

# certificate NAME [OPENSSL-FLAG…]: self-signed, with that common name, as NAME.crt and NAME.key. The last flags count.
certificate() {
    local name=$1
    shift
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=$name" \
        -keyout "$WORK/$name.key" -out "$WORK/$name.crt" "$@" 2>/dev/null
}

# aged NAME FROM TO: the same, valid between times that `date` knows, such as "-80 days" and "10 days".
aged() {
    local from to
    from=$(date -u -d "$2" +%Y%m%d%H%M%SZ) to=$(date -u -d "$3" +%Y%m%d%H%M%SZ)
    printf '[ca]\ndefault_ca = x\n[x]\ndatabase = %s/index\nnew_certs_dir = %s\nrand_serial = yes\nunique_subject = no\npolicy = p\ndefault_md = sha256\nx509_extensions = e\n[p]\ncommonName = supplied\n[e]\nbasicConstraints = CA:FALSE\n' \
        "$WORK" "$WORK" >"$WORK/ca.cnf"
    : >"$WORK/index"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$WORK/$1.key" -out "$WORK/$1.csr" 2>/dev/null
    openssl ca -batch -selfsign -config "$WORK/ca.cnf" -keyfile "$WORK/$1.key" -in "$WORK/$1.csr" -startdate "$from" -enddate "$to" -notext -out "$WORK/$1.crt" 2>/dev/null
}

certificates() { for name in "$@"; do certificate "$name"; done; }

pem() { local name; for name in "$@"; do cat "$WORK/$name.crt"; done; }
der() { openssl x509 -in "$WORK/$1.crt" -outform DER; }
base64_pem() { pem "$@" | base64 -w0; }

# The end of a certificate's validity as openssl reads it, in seconds since 1970.
end_of() { date -u -d "$(openssl x509 -noout -enddate -in "$1" | cut -d= -f2)" +%s; }

# kubeconfig USER TIME: for our cluster, by kubeadm, as USER.conf; its client certificate apart as USER.crt.
kubeconfig() {
    node node0 kubeadm kubeconfig user --client-name "$1" --validity-period "$2" --config /var/lib/kubeadm.yaml 2>/dev/null >"$WORK/$1.conf"
    sed -n 's/.*client-certificate-data: //p' "$WORK/$1.conf" | base64 -d >"$WORK/$1.crt"
}

# series LABEL…: the certificates that have all of these labels.
series() { lines x509_cert_not_after "$@"; }

# lines FAMILY LABEL…: the series of a family that have all of these labels.
lines() {
    local found label
    found=$(metrics "$POD" | grep "^$1{") || true
    shift
    for label in "$@"; do found=$(grep -F -- "$label" <<<"$found") || true; done
    [[ -z $found ]] || printf '%s\n' "$found"
}

# shows CN LABEL…: one certificate of that name is there, with the end that openssl reads from the file of that name.
shows() {
    local name=$1
    shift
    [[ $(series "subject_CN=\"$name\"" "$@" | sed 's/.* //') == "$(end_of "$WORK/$name.crt")" ]]
}

# holds "CN CN …" LABEL…: exactly these certificates are where the labels say.
holds() {
    local names=$1
    shift
    [[ $(names "$@") == "$names" ]]
}

names() { series "$@" | sed -n 's/.*subject_CN="\([^"]*\)".*/\1/p' | sort | xargs; }

# problem REASON LABEL…: the location has that problem. problems LABEL…: the reasons that it has.
problem() { lines x509_cert_error "reason=\"$1\"" "${@:2}" | grep -q ' 1$'; }
problems() { lines x509_cert_error "$@" | sed -n 's/.*reason="\([^"]*\)".*/\1/p' | sort | xargs; }

# soon WHAT COMMAND…: within the time that a change may take.
soon() {
    wait_until "$SOON" "$@" || die "seen last: $(metrics "$POD" | grep -E '^x509_(cert_not_after|cert_error|cert_warning|crl_|source_up)' | head -n 60)"
    say "    ok: $1"
}

# up KIND [NAME]: whether that source works, 1 or 0.
up() { lines x509_source_up "source_kind=\"$1\"" ${2:+"source_name=\"$2\""} | sed 's/.* //'; }

# process_of POD: the id of the agent's process; every node shares this machine's.
process_of() {
    local node id
    read -r node id < <(kn get pod "$1" -o 'jsonpath={.spec.nodeName} {.status.containerStatuses[0].containerID}{"\n"}')
    node "$node" ctr -n k8s.io tasks ls | awk -v id="${id#containerd://}" '$1 == id { print $2 }'
}

# steady: the release's pod is the one of the beginning (or of the last release) and was never restarted.
steady() {
    expect "the pod and its restarts" "$(pod secrets) $(kn get pod "$POD" -o 'jsonpath={.status.containerStatuses[0].restartCount}')" "$POD 0"
}

# prometheus QUERY NUMBER: so many series are in the real Prometheus.
prometheus() { wait_until 120 "Prometheus has $2 series: $1" is rows "$1" "$2" && say "    ok: Prometheus has them"; }

# put: what stands on the standard input, whoever made it before.
put() { k apply --server-side --force-conflicts -f - >/dev/null; }
