#!/usr/bin/env bash
# Whether records tell files apart whose numbers were given out again, on each filesystem: ext4 with birth
# times and without, XFS, tmpfs. Usage: .ci/filesystems.sh [cargo test FLAG...], by default --workspace, so that
# nothing is built twice. It runs the library tests of rowmill-core and the checkpoint tests with their files
# there. Needs root on Linux, loop devices, e2fsprogs and xfsprogs; without, it says what it skips. Everything
# is mounted in a namespace of its own, which goes with it however it ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

. .ci/mounts.sh

if [ -z "${ROWMILL_FILESYSTEMS_INSIDE:-}" ]; then
    can_mount "whether numbers given out again are told apart" .ci/filesystems.sh || exit 0
    # Built where there is room, before anything is mounted.
    [ $# -gt 0 ] || set -- --workspace
    built="$(cargo test "$@" --tests --no-run --message-format json-render-diagnostics)"
    binary() { # NAME: the newest test binary
        grep -o '"executable":"[^"]*/'"$1"'-[^"]*"' <<<"$built" | tail -n 1 | cut -d '"' -f 4
    }
    core="$(binary rowmill_core)" it="$(binary it)"
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
    ROWMILL_FILESYSTEMS_INSIDE="$work" unshare --mount --propagation private "$PWD/.ci/filesystems.sh" "$core" "$it"
    exit
fi
work="$ROWMILL_FILESYSTEMS_INSIDE"

check() { # NAME: the tests, with their files in $work/NAME
    printf -- '--- %s\n' "$1"
    (cd crates/core && TMPDIR="$work/$1" "$core" --quiet) || failed=1
    TMPDIR="$work/$1" "$it" --quiet resume in_place || failed=1
    umount "$work/$1"
}
in_a_file() { # NAME SIZE MKFS...: a filesystem in a file of SIZE
    local name="$1" image="$work/$1.image"
    if ! command -v "$3" >/dev/null; then
        skip "$name" "missing: $3"
        return
    fi
    truncate -s "$2" "$image" && mkdir "$work/$name"
    "${@:3}" "$image" >/dev/null 2>&1
    if ! mount -o loop "$image" "$work/$name"; then
        skip "$name" "no loop device can be mounted"
        return
    fi
    check "$name"
    rm "$image"
}
failed=0
core="$1" it="$2"
in_a_file ext4 1G mkfs.ext4 -q -F
# Inodes of 128 bytes have no room for a birth time.
in_a_file ext4-without-birth-times 1G mkfs.ext4 -q -F -I 128
in_a_file xfs 1G mkfs.xfs -q -f
mkdir "$work/tmpfs"
if mount -t tmpfs -o size=1G tmpfs "$work/tmpfs"; then
    check tmpfs
else
    skip tmpfs "it cannot be mounted"
fi
[ "$failed" = 0 ] || {
    echo "FAILED: see the lines above" >&2
    exit 1
}
echo "filesystems done in $SECONDS s"
