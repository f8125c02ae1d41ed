# shellcheck shell=bash
# What ci/chart and ci/rules need before they start. To be sourced after ci/lib.sh.

# prepare TOOL…: builds the tools, puts them on the PATH, and sees to Python's YAML.
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
    if ! python3 -c 'import yaml' 2>/dev/null; then
        say "Python's YAML is missing: apt-get install python3-yaml" >&2
        apt-get install -qq -y python3-yaml >/dev/null || die "install python3 and its yaml package"
    fi
}
