# shellcheck shell=bash
# What the scripts share that mount filesystems of their own; sourced by them.

skipped=0
skip() { # WHAT WHY
    printf 'SKIPPED: %s was not checked: %s\n' "$1" "$2"
    skipped=$((skipped + 1))
    can_be_had || return 0
    echo "FAILED: here it could have been checked" >&2
    exit 1
}

can_be_had() { # whether all can be had that checks need: root on Linux, with .ci/run
    [ "${CI:-}" = true ] && [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ]
}

can_mount() { # WHAT COMMAND: whether filesystems can be mounted here; if not, WHAT is skipped
    if [ "$(uname -s)" != Linux ]; then
        skip "$1" "this is not Linux"
    elif [ "$(id -u)" != 0 ]; then
        skip "$1" "it takes root; run sudo $2"
    elif ! unshare --mount true 2>/dev/null; then
        skip "$1" "no mount namespace can be made"
    else
        return 0
    fi
    return 1
}
