#!/usr/bin/env bash
# A file of four times the memory and more: `rowmill stats` and `rowmill normalize` under a ceiling
# have to give what they give without. Usage: .ci/memory.sh path/to/rowmill [--long]. It takes 1 GiB
# under 256 MiB, and with --long 4 GB under 256 MiB; three times that has to be free on the disk.
# Needs root and a memory cgroup, v1 or v2, and says so when it has to skip.
set -euo pipefail

rowmill="$(realpath "${1:?usage: .ci/memory.sh path/to/rowmill [--long]}")"
ceiling=$((256 << 20))
# What the command is told: the rest is for its code, its stacks and the page cache.
memory_ceiling=128MiB
columns=128
case "${2:-}" in
--long) rows=$((4000000000 / 4 / columns)) ;;
"") rows=$((2 << 20)) ;;
*) echo "usage: .ci/memory.sh path/to/rowmill [--long]" >&2 && exit 2 ;;
esac

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
if [ "$limit" = memory.max ]; then peak=memory.peak; else peak=memory.max_usage_in_bytes; fi
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

# Text, read as float32: small, finite, and different everywhere. No holes in the file.
file="$dir/x.npy"
header="{'descr': '<f4', 'fortran_order': False, 'shape': ($rows, $columns), }"
bytes=$((rows * columns * 4))
free=$(df --output=avail -B1 "$dir" | tail -n 1)
[ "$free" -gt $((3 * bytes)) ] || skip "less than $((3 * bytes)) bytes are free in $dir"
{
    printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "$header"
    { seq 100000000 999999999 2>/dev/null || true; } | # head ends it early
        head -c "$bytes"
} >"$file"
[ "$(stat -c %s "$file")" -eq $((128 + bytes)) ] || fail "the file has the wrong size"

# Pages that are in the cache already would count against someone else.
forget() { # FILE
    sync "$1"
    dd if="$1" iflag=nocache count=0 status=none
}

stats() { # [PREFIX...] WORKERS
    "${@:1:$#-1}" "$rowmill" stats "$file" --json --no-progress --workers "${@: -1}" \
        ${told:+--memory-ceiling "$told"} |
        sed -E 's/"seconds": ?[^,}]*/"seconds":0/'
}

normalize() { # [PREFIX...] WORKERS OUT
    "${@:1:$#-2}" "$rowmill" normalize "$file" "${@: -1}" --overwrite --no-progress --report \
        --workers "${@: -2:1}" ${told:+--memory-ceiling "$told"} 2>&1
}

# The most that the group held, page cache included, of what it may.
held() {
    [ ! -e "$group/$peak" ] || printf ', the group held %s of %s bytes' "$(cat "$group/$peak")" "$ceiling"
}

told=""
stats 2 >"$dir/expected"
[ -s "$dir/expected" ] || fail "no output"
normalize 2 "$dir/expected.npy" >/dev/null
digest="$(sha256sum <"$dir/expected.npy")"
rm "$dir/expected.npy"

# Without being told, the command finds the limit of its group by itself.
for told in "" "$memory_ceiling"; do
    for workers in 1 2 8; do
        forget "$file"
        start=$SECONDS
        stats under "$workers" >"$dir/found" ||
            fail "rowmill stats with $workers workers failed, told ${told:-nothing}"
        took=$((SECONDS - start))
        cmp "$dir/expected" "$dir/found" || fail "another result under the ceiling"
        echo "stats of $bytes bytes under $ceiling, told ${told:-nothing}, $workers workers:" \
            "the same result in $took s$(held)"
    done
    for workers in 2 8; do
        forget "$file"
        start=$SECONDS
        normalize under "$workers" "$dir/z.npy" >"$dir/said" ||
            fail "rowmill normalize with $workers workers failed, told ${told:-nothing}: $(cat "$dir/said")"
        took=$((SECONDS - start))
        sed 's/^/    /' "$dir/said"
        [ "$(sha256sum <"$dir/z.npy")" = "$digest" ] || fail "another output under the ceiling"
        rm "$dir/z.npy"
        echo "normalize of $bytes bytes under $ceiling, told ${told:-nothing}, $workers workers:" \
            "the same bytes in $took s$(held)"
    done
done
