# shellcheck shell=bash
# What ci/chart and ci/rules need before they start. To be sourced after ci/lib.sh.

# prepare TOOL…: builds the tools, puts them on the PATH, and sees to Python's YAML.
prepare() {
    "$ROOT/ci/tools/build" "$@" >&2
    PATH=$("$ROOT/ci/tools/build" --path):$PATH
    export PATH PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/ci/chart.d
    if ! python3 -c 'import yaml' 2>/dev/null; then
        say "Python's YAML is missing: apt-get install python3-yaml" >&2
        apt-get install -qq -y python3-yaml >/dev/null || die "install python3 and its yaml package"
    fi
}
