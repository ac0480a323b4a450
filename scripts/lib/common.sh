# Sourced by the scripts beside this folder: where things are, and how to speak.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export repository

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
mkdir -p "$TILESCOUT_DATA"

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this step needs root, and there is no sudo: $*"
    fi
}

need_swift() {
    command -v swift >/dev/null || die "no Swift toolchain: install Swift 6.1 or later from https://www.swift.org/install/linux/ and put it on PATH"
}
