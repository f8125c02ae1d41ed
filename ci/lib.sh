# shellcheck shell=bash
# What the scripts of ci/ share: where things are, steps that tell their time, polls with a deadline.
# To be sourced.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Built tools, images and schemas: outside the tree, keyed by version, kept between runs.
CACHE=${X509_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/x509-certificate-exporter}
mkdir -p "$CACHE"

say() { printf '%s\n' "$*"; }
die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# step TITLE COMMAND…: runs the command and tells how long it took; a line every half minute while it runs.
step() {
    local title=$1 begun=$SECONDS status=0 beat
    shift
    printf '==> %s\n' "$title"
    (
        nap=
        trap 'kill $nap 2>/dev/null; exit 0' TERM # or the nap would outlive the step and hold its pipes open
        while :; do
            sleep 30 &
            nap=$!
            wait "$nap"
            printf '    … %s: %d s\n' "$title" $((SECONDS - begun))
        done
    ) &
    beat=$!
    # Not `"$@" || …`: a function called so would go on after its first failure.
    set +e
    (set -e && "$@")
    status=$?
    set -e
    kill "$beat" 2>/dev/null
    wait "$beat" 2>/dev/null || true
    if ((status)); then
        printf '<== %s: FAILED after %d s\n' "$title" $((SECONDS - begun))
    else
        printf '<== %s: %d s\n' "$title" $((SECONDS - begun))
    fi
    return $status
}

# wait_until SECONDS DESCRIPTION COMMAND…: polls until the command succeeds or the time is over.
wait_until() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if ((SECONDS >= deadline)); then
            printf 'error: waited in vain until %s; the last try says:\n' "$what" >&2
            "$@" >&2 || true
            return 1
        fi
        sleep 0.5
    done
}
