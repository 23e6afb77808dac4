#!/usr/bin/env bash
# A file of eight times the memory: `rowmill stats` under a ceiling has to give what it gives
# without. Usage: .ci/memory.sh path/to/rowmill. Needs root and a memory cgroup, v1 or v2, and says
# so when it has to skip.
set -euo pipefail

rowmill="$(realpath "${1:?usage: .ci/memory.sh path/to/rowmill}")"
ceiling=$((128 << 20))
rows=$((2 << 20))
columns=128

skip() { printf 'SKIPPED: the memory ceiling was not checked: %s\n' "$*"; exit 0; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

[ -x "$rowmill" ] || fail "$rowmill is not there; build it with cargo build --release"
[ "$(uname -s)" = Linux ] || skip "this is not Linux"
[ "$(id -u)" = 0 ] || skip "it takes root"

# A group of our own, with the files of its version.
if [ -f /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
    group="/sys/fs/cgroup/memory/rowmill-$$"
    limit=memory.limit_in_bytes swap=memory.memsw.limit_in_bytes
    swap_limit=$ceiling # memory and swap together
elif [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "no memory controller is delegated"
    group="/sys/fs/cgroup/rowmill-$$"
    { echo +memory >/sys/fs/cgroup/cgroup.subtree_control; } 2>/dev/null ||
        skip "the memory controller cannot be enabled for groups of our own"
    limit=memory.max swap=memory.swap.max
    swap_limit=0
else
    skip "there is no memory cgroup"
fi
mkdir "$group" 2>/dev/null || skip "no group can be made in $(dirname "$group")"
dir="$(mktemp -d)"
cleanup() {
    rm -rf "$dir"
    for _ in 1 2 3 4 5; do # a group goes once its last process is gone
        rmdir "$group" 2>/dev/null && return
        sleep 0.2
    done
}
trap cleanup EXIT
echo "$ceiling" >"$group/$limit" 2>/dev/null || skip "the ceiling cannot be set"
[ ! -e "$group/$swap" ] || echo "$swap_limit" >"$group/$swap"

# Runs a command in the group.
under() {
    # The inner shell's own id and arguments.
    # shellcheck disable=SC2016
    sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "$@"
}

# Otherwise success below would mean nothing.
if (under tail -c $((2 * ceiling)) < <(head -c $((2 * ceiling)) /dev/zero) >/dev/null) 2>/dev/null; then
    fail "a process that holds twice the ceiling survives it"
fi

# 1 GiB of text, read as float32: small, finite, and different everywhere. No holes in the file.
file="$dir/x.npy"
header="{'descr': '<f4', 'fortran_order': False, 'shape': ($rows, $columns), }"
bytes=$((rows * columns * 4))
free=$(df --output=avail -B1 "$dir" | tail -n 1)
[ "$free" -gt $((2 * bytes)) ] || skip "less than $((2 * bytes)) bytes are free in $dir"
{
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header"
    { seq 100000000 999999999 2>/dev/null || true; } | # head ends it early
        head -c "$bytes"
} >"$file"
[ "$(stat -c %s "$file")" -eq $((128 + bytes)) ] || fail "the file has the wrong size"

stats() { # [PREFIX...] WORKERS
    "${@:1:$#-1}" "$rowmill" stats "$file" --json --no-progress --workers "${@: -1}" |
        sed -E 's/"seconds": ?[^,}]*/"seconds":0/'
}

stats 2 >"$dir/expected"
[ -s "$dir/expected" ] || fail "no output"
for workers in 1 2 8; do
    # Pages that are in the cache already would count against someone else.
    sync "$file"
    dd if="$file" iflag=nocache count=0 status=none
    stats under "$workers" >"$dir/found" || fail "rowmill stats with $workers workers failed"
    cmp "$dir/expected" "$dir/found" || fail "another result under the ceiling"
    echo "stats of $bytes bytes under a ceiling of $ceiling with $workers workers: the same result"
done
