# shellcheck shell=bash
# Control groups: each node's daemons and pods live below one group of ours, so what is in it is ours to end. To be sourced.

# The hierarchies of this machine, one a line: one of version 2, or one a controller of version 1 (and an empty one of version 2).
hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts; }

# The one hierarchy that says which processes are ours.
owning_hierarchy() {
    if [[ -d /sys/fs/cgroup/pids ]]; then say /sys/fs/cgroup/pids; else say /sys/fs/cgroup; fi
}

make_cgroups() { # NODE
    local top file
    while read -r top; do
        for group in "$top/$PREFIX" "$top/$PREFIX/$1" "$top/$PREFIX/$1/daemons"; do
            mkdir -p "$group"
            for file in cpuset.cpus cpuset.mems; do # version 1: empty until they are copied from the parent
                if [[ -f $group/$file && -z $(<"$group/$file") ]]; then
                    cat "${group%/*}/$file" >"$group/$file"
                fi
            done
        done
        if [[ -f $top/cgroup.controllers ]]; then # version 2: controllers are handed down one by one
            for group in "$top" "$top/$PREFIX" "$top/$PREFIX/$1"; do
                sed 's/\(^\| \)\([a-z]\)/ +\2/g' "$group/cgroup.controllers" >"$group/cgroup.subtree_control"
            done
        fi
    done < <(hierarchies)
}

# join_cgroup NODE: puts the calling process there.
join_cgroup() {
    echo "$BASHPID" >"$(owning_hierarchy)/$PREFIX/$1/daemons/cgroup.procs"
}

processes() { # NODE: the ids of all that runs on it, pods too
    local group
    group=$(owning_hierarchy)/$PREFIX/$1
    [[ -d $group ]] || return 0
    find "$group" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un | grep -vx 0 || true
}

# Whether DAEMON runs on NODE: the id that was recorded when it started is in the node's group still.
running() {
    local file=$STATE/$1/pids/$2
    [[ -s $file ]] && processes "$1" | grep -qx "$(<"$file")"
}

end_processes() { # NODE
    local ids deadline=$((SECONDS + 60))
    while ids=$(processes "$1") && [[ -n $ids ]]; do
        # shellcheck disable=SC2086 # one argument an id
        kill -KILL $ids 2>/dev/null || true
        ((SECONDS < deadline)) || die "processes of $1 do not end: ${ids//$'\n'/ }"
        sleep 0.1
    done
}

remove_cgroups() {
    local top
    while read -r top; do
        if [[ -d $top/$PREFIX ]]; then
            wait_until 30 "the control groups below $top/$PREFIX are empty" remove_tree "$top/$PREFIX"
        fi
    done < <(hierarchies)
}

remove_tree() { find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || [[ ! -e $1 ]]; }
