# Sourced by scripts/setup: the extension tilescout_packs for PostgreSQL 15, built from extension/.
# shellcheck shell=bash

# Built each time, in a second: what is installed stays where it is the same.
install_packs_extension() (
    local file extensions=${pgvector_control%/*} same=true
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # Not what somebody may have built there.
    cp "$repository"/extension/{Makefile,*.[ch],*.sql,*.control} "$work"
    cd "$work" || exit
    local arguments=(-s PG_CONFIG="$postgresql/bin/pg_config" with_llvm=no)
    # The path of the build stays out of the library, so that two builds are equal.
    make "${arguments[@]}" COPT="-ffile-prefix-map=$work=extension" >build.log 2>&1 ||
        { cat build.log >&2; die "the extension tilescout_packs could not be built; the compiler's messages are above"; }
    cmp -s tilescout_packs.so "$postgresql/lib/tilescout_packs.so" || same=false
    for file in *.sql *.control; do cmp -s "$file" "$extensions/$file" || same=false; done
    $same && return
    as_root make "${arguments[@]}" install >build.log 2>&1 || { cat build.log >&2; die "the extension tilescout_packs could not be installed; see above"; }
    say "installed the extension tilescout_packs"
)
