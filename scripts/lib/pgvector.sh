# Sourced by scripts/setup: pgvector for PostgreSQL 15, built from Debian's source package.
# shellcheck shell=bash

readonly postgresql=/usr/lib/postgresql/15
readonly pgvector_control=/usr/share/postgresql/15/extension/vector.control

# Iterative index scans, which the search needs, came with 0.8.0; 0.8.4 fixed a parallel index build and vacuum.
readonly pgvector_needed=0.8.0
readonly pgvector_advised=0.8.4

# sid's index can name a version that its pool no longer serves. This one was still there when its successor in the index
# was not; the checksum stands in for the index's signature.
readonly pgvector_pinned=0.8.6-1
readonly pgvector_pinned_dsc_sha256=d08de2aa48b7cb70319cc896aa3d95514690d1009f96579dbe6b23c59634f4e6

pgvector_version() { sed -n "s/^default_version = '\(.*\)'/\1/p" "$pgvector_control" 2>/dev/null; }

# An installed pgvector stays: only an administrator knows which databases use it.
install_pgvector() {
    local version
    version=$(pgvector_version) || true
    if [ -n "$version" ]; then
        dpkg --compare-versions "$version" ge "$pgvector_needed" ||
            die "the pgvector installed for PostgreSQL 15 is $version; Tilescout needs $pgvector_needed or later. Remove it, and run this again"
    else
        build_pgvector
        version=$(pgvector_version) || true
        [ -n "$version" ] || die "pgvector was built, and $pgvector_control names no version of it"
        say "installed pgvector $version"
    fi
    dpkg --compare-versions "$version" ge "$pgvector_advised" ||
        warn "pgvector $version works, but versions below $pgvector_advised have faults in parallel index builds and vacuum"
}

# PostgreSQL 15 is bookworm's, and bookworm has no pgvector: a later suite's source package is built here, with Debian's
# patch that keeps the library from being tied to this machine's processor.
build_pgvector() (
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cd "$work" || exit
    say "building pgvector from Debian's source package (half a minute)"
    fetch_pgvector_source "$(debian_mirror)" || die "no source package of pgvector could be fetched: is there a network?"
    # apt has verified the signature or the checksum; --no-check spares the maintainers' keyring.
    { dpkg-source --no-check -x ./*.dsc source &&
        make -s -C source -j"$(nproc)" PG_CONFIG="$postgresql/bin/pg_config" &&
        as_root make -s -C source PG_CONFIG="$postgresql/bin/pg_config" install; } >build.log 2>&1 ||
        { tail -n 20 build.log >&2; die "pgvector could not be built; the end of its log is above"; }
)

# Into the current folder: sid's version by its signed index, the pinned one by its checksum, or trixie's by its signed
# index. apt works in this folder with sources of its own: the machine's lists and sources stay as they are.
fetch_pgvector_source() {
    local mirror=$1 suite
    local apt=(-qq -o "Dir::Etc::SourceList=$PWD/apt/sources.list" -o "Dir::Etc::SourceParts=$PWD/apt/parts"
        -o "Dir::State::Lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt/cache" -o "APT::Sandbox::User=$(id -un)")
    mkdir -p apt/lists/partial apt/cache/archives/partial apt/parts
    for suite in sid trixie; do
        echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
    done >apt/sources.list
    apt-get "${apt[@]}" update >>apt/log 2>&1 || true

    apt-get "${apt[@]}" source --download-only pgvector/sid >>apt/log 2>&1 && return
    rm -f pgvector_*
    fetch_pinned_pgvector "$mirror" >>apt/log 2>&1 && return
    rm -f pgvector_*
    apt-get "${apt[@]}" source --download-only pgvector/trixie >>apt/log 2>&1 && return
    tail -n 20 apt/log >&2
    return 1
}

fetch_pinned_pgvector() {
    local pool=$1/pool/main/p/pgvector dsc=pgvector_$pgvector_pinned.dsc sum file
    download "$pool/$dsc" "$dsc" "$pgvector_pinned_dsc_sha256" || return
    # The .dsc lists the other files: checksum, size, name.
    sed -n '/^Checksums-Sha256:/,/^Files:/s/^ \([0-9a-f]\{64\}\) [0-9]* \(.*\)$/\1 \2/p' "$dsc" >sums
    while read -r sum file; do
        download "$pool/$file" "$file" "$sum" || return
    done <sums
}

# apt's own downloader: it knows the machine's proxies, and refuses a file whose SHA-256 is another.
download() { /usr/lib/apt/apt-helper -o "APT::Sandbox::User=$(id -un)" download-file "$1" "$PWD/$2" "SHA256:$3"; }

# The mirror that this machine's apt uses for Debian itself. An image can come without package lists.
debian_mirror() {
    local mirror
    mirror=$(known_debian_mirror)
    if [ -z "$mirror" ]; then
        run_apt update || true
        mirror=$(known_debian_mirror)
    fi
    echo "${mirror:-http://deb.debian.org/debian}"
}

known_debian_mirror() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/^Debian bookworm \(.*[^/]\)\/*$/\1/p' | sed -n 1p
}
