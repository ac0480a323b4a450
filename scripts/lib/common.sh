# Sourced by the scripts beside this folder: where things are, and how to speak.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export repository
# A locale that every Debian has: perl, apt and Python neither complain of a missing one nor change their wording.
export LC_ALL=C.UTF-8

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
warn() { printf '%s: warning: %s\n' "${0##*/}" "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# What a script is for and how it is called stands in its first lines.
case ${1:-} in
    -h | --help)
        awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
        exit 0
        ;;
esac

# Where Tilescout keeps its database, its models and its caches. Root's home is closed to the unprivileged user that the
# private PostgreSQL cluster runs as, so root's data live under /var/lib.
if [ -z "${TILESCOUT_DATA:-}" ]; then
    if [ "$(id -u)" -eq 0 ]; then
        TILESCOUT_DATA=/var/lib/tilescout
    else
        TILESCOUT_DATA=${XDG_DATA_HOME:-$HOME/.local/share}/tilescout
    fi
fi
export TILESCOUT_DATA
if [ ! -d "$TILESCOUT_DATA" ]; then
    install -d -m 755 "$TILESCOUT_DATA" || die "cannot make the data folder $TILESCOUT_DATA; name another one in TILESCOUT_DATA"
fi

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this step needs root, and there is no sudo: $*"
    fi
}

readonly swift_needed=6.1

find_swift() {
    command -v swift >/dev/null && return
    local hint=
    # sudo gives commands a PATH of its own.
    [ -n "${SUDO_USER:-}" ] && hint="; sudo hides your PATH, so run this without sudo: it asks for root's rights where it needs them"
    die "no Swift toolchain: install Swift $swift_needed or later from https://www.swift.org/install/linux/ and put it on PATH$hint"
}

# After the packages are installed: the toolchain links some of them.
need_working_swift() {
    local scratch text version
    # The driver leaves an empty folder in TMPDIR at each call.
    scratch=$(mktemp -d)
    text=$(TMPDIR=$scratch swift --version 2>&1) || die "the Swift toolchain does not run: $text"
    rm -rf "$scratch"
    version=$(sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' <<<"$text" | head -n 1)
    dpkg --compare-versions "${version:-0}" ge "$swift_needed" ||
        die "Swift $swift_needed or later is needed, and $(command -v swift) is ${version:-of an unknown version}"
}

# A build folder that root made (by sudo) cannot be built in without sudo; swift would say so at length.
enter_repository() {
    cd "$repository" || die "cannot enter $repository"
    [ ! -e .build ] || [ -w .build ] ||
        die "$repository/.build belongs to $(stat -c %U .build): remove it, or run this as that user"
}

# The scripts work on Tilescout's own database, whatever server the caller's environment names.
keep_to_private_cluster() {
    unset "${!PG@}" TILESCOUT_DATABASE
}

# For scripts that measure or break a database: one of its own under the temporary folder $work; the caller sees to remove_scratch_cluster. Models stay where they are.
use_scratch_cluster() { # NAME
    # The program that TILESCOUT names, or the release build.
    tilescout=${TILESCOUT:-$repository/.build/release/tilescout}
    [ -x "$tilescout" ] || die "there is no $tilescout: build it first, with swift build or swift build -c release"
    work=$(mktemp -d "/tmp/tilescout-$1-XXXXXX")
    # The cluster's unprivileged user passes through it.
    chmod 755 "$work"
    export TILESCOUT_MODELS=${TILESCOUT_MODELS:-$TILESCOUT_DATA/models} TILESCOUT_DATA=$work/data
    keep_to_private_cluster
}
remove_scratch_cluster() {
    "$tilescout" db stop >/dev/null 2>&1 || true
    rm -rf "$work"
}

elapsed() { printf '%d min %02d s' $((SECONDS / 60)) $((SECONDS % 60)); }
