#!/usr/bin/env bash
# What is compiled, counted: functions and bytes of the command, of a program with ten reductions and of the
# loops, in release builds. Usage: .ci/budget.sh TARGET_DIR, with the command and the example built. Fails above
# the budget; CPU seconds, which vary, are reported only. Raise a number below when what it pays for is worth it,
# in the commit that does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target="$(realpath "${1:?usage: .ci/budget.sh TARGET_DIR}")"
failed=0

skip() { printf 'SKIPPED: the compile budget was not checked: %s\n' "$*"; exit 0; }
[ "$(uname -sm)" = "Linux x86_64" ] || skip "its numbers are of Linux on x86-64"
command -v nm >/dev/null || {
    echo "FAILED: there is no nm; install binutils" >&2
    exit 1
}

within() { # WHAT FOUND MOST
    printf '%-44s %10d of at most %10d\n' "$1" "$2" "$3"
    [ "$2" -le "$3" ] || { printf 'FAILED: %s is above its budget\n' "$1" >&2 && failed=1; }
}
functions() { nm "$1" 2>/dev/null | grep -ci ' t '; }
code() { nm -S --radix=d "$1" 2>/dev/null | awk 'tolower($3) == "t" { sum += $2 } END { printf "%d\n", sum }'; }

command="$target/release/rowmill"
example="$target/release/examples/ten_statistics"
loops="$(find "$target/release/deps" -name 'librowmill_lanes-*.rlib' -printf '%T@ %p\n' |
    sort -n | tail -1 | cut -d' ' -f2)"
for file in "$command" "$example" "$loops"; do
    if ! [ -f "$file" ]; then
        echo "FAILED: $file is not there; build with cargo build --release --bins --examples" >&2
        exit 1
    fi
done

within "functions of the command" "$(functions "$command")" 20900
within "bytes of the command" "$(stat -c %s "$command")" 15800000
within "functions of ten_statistics" "$(functions "$example")" 2750
within "bytes of code of ten_statistics" "$(code "$example")" 1500000
within "bytes of code of the loops" "$(code "$loops")" 2600000

# A line is changed: what a user of ours waits for at every turn.
touch examples/ten_statistics.rs
before="$(awk '{ print $16 + $17 }' /proc/$$/stat)"
# The same choice as when it was built: others have other features.
cargo build --quiet --workspace --exclude rowmill-exec-bench --release --bins --test golden \
    --example ten_statistics
after="$(awk '{ print $16 + $17 }' /proc/$$/stat)"
ticks="$(getconf CLK_TCK)"
printf 'ten_statistics is built again in %d.%02d CPU seconds\n' \
    $(((after - before) / ticks)) $(((after - before) % ticks * 100 / ticks))
exit "$failed"
