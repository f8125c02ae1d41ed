# shellcheck shell=bash
# What ci/chart and ci/rules need before they start. To be sourced after ci/lib.sh.

# prepare TOOL…: builds the tools, puts them on the PATH, and finds a Python with YAML, which is then $PYTHON.
prepare() {
    local folder tool
    folder=$("$ROOT/ci/tools/build" --path)
    for tool in "$@"; do
        if [[ ! -x $folder/$tool ]]; then # a look first: the build waits for any other one
            "$ROOT/ci/tools/build" "$tool" >&2
        fi
    done
    PATH=$folder:$PATH
    export PATH PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/ci/chart.d
    PYTHON=python3
    if ! python3 -c 'import yaml' 2>/dev/null; then
        PYTHON=/usr/bin/python3 # Debian's own, for which its package is
        if ! "$PYTHON" -c 'import yaml' 2>/dev/null; then
            say "installing python3-yaml" >&2
            { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes python3-yaml; } >/dev/null ||
                die "python3 with its yaml package is needed"
        fi
    fi
}
