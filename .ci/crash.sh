#!/usr/bin/env bash
# The crash tests (crates/crash): writers are cut off from power, killed, failed, denied room, and
# what is left is checked. Usage: .ci/crash.sh [--long] TARGET_DIR [OPTION OF crash...], with
# TARGET_DIR/release/crash and TARGET_DIR/release/rowmill built. Takes some five minutes on two cores;
# --long an hour and more. Needs root on Linux, loop devices, strace and xfsprogs; what lacks its
# tools is skipped and says so. Everything happens in a mount namespace and a directory of its own,
# which go with it however it ends.
set -euo pipefail

usage() { echo "usage: .ci/crash.sh [--long] TARGET_DIR [OPTION...]" >&2 && exit 2; }
. "$(dirname "${BASH_SOURCE[0]}")/mounts.sh"

long=()
if [ "${1:-}" = --long ]; then
    long=(--long)
    shift
fi
[ $# -ge 1 ] || usage
target="$(realpath "$1")"
shift
crash="$target/release/crash"
rowmill="$target/release/rowmill"

can_mount "what a crash leaves" ".ci/crash.sh $target" || exit 0
for binary in "$crash" "$rowmill"; do
    [ -x "$binary" ] || {
        echo "FAILED: $binary is not there; build it with cargo build --release -p rowmill-cli -p rowmill-crash" >&2
        exit 1
    }
done

# Mounts of a namespace go with its last process, loop devices with their mounts: however this ends.
if [ -z "${ROWMILL_CRASH_INSIDE:-}" ]; then
    work="$(mktemp -d)"
    # The namespace is gone by then.
    trap 'rm -rf "$work"' EXIT
    ROWMILL_CRASH_INSIDE="$work" unshare --mount --propagation private \
        "${BASH_SOURCE[0]}" "${long[@]}" "$target" "$@"
    exit
fi
work="$ROWMILL_CRASH_INSIDE"

missing() { # TOOL... : those that are not there
    local tool all=""
    for tool in "$@"; do
        command -v "$tool" >/dev/null || all="$all $tool"
    done
    echo "$all"
}
loops() { # whether a filesystem in a file can be mounted
    local image="$work/probe.image" at="$work/probe"
    truncate -s 8M "$image" && mkdir -p "$at"
    mkfs.ext4 -q -F "$image" >/dev/null 2>&1 && mount -o loop "$image" "$at" 2>/dev/null && umount "$at"
}

failed=0
check() { # SUBCOMMAND WHAT TOOL...
    local subcommand="$1" what="$2"
    local lacks
    lacks="$(missing "${@:3}")"
    if [ -n "$lacks" ]; then
        skip "$what" "missing:$lacks"
    elif [[ $subcommand =~ ^(power|room)$ ]] && ! loops; then
        skip "$what" "no loop device can be mounted"
    else
        "$crash" "$subcommand" --rowmill "$rowmill" --work "$work" "${long[@]}" "${options[@]}" || failed=1
    fi
}
options=("$@")
check power "what a power cut leaves" mount umount mkfs.ext4 mkfs.xfs xfs_io find
check syscalls "what a failed system call leaves" strace
check kill "what kill -9 leaves"
check scan "an input that changes under a scan"
check room "what a full disk leaves" mount umount mkfs.ext4 prlimit

[ "$failed" = 0 ] || {
    echo "FAILED: see the lines above" >&2
    exit 1
}
echo "crash tests done in $SECONDS s, $skipped of 5 skipped"
