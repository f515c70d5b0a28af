# Sourced by the scripts beside it: strict mode, the repository's root, and how they speak. Every script's --help is the comment
# at its top.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

step() { printf '\n== %s\n' "$*" >&2; }
note() { printf '   %s\n' "$*" >&2; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# The comment below the #! line of the calling script.
show_help() { sed -n '2,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$0"; }

wants_help() {
    case ${1:-} in -h|--help) show_help; exit 0 ;; esac
}

# Configures once, then builds: build <preset> [target …]
build() {
    local preset=$1
    shift
    [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >&2
    cmake --build "build/$preset" ${1:+--target "$@"} >&2
}

# The pages are part of the binary: made again when a source of theirs is newer than what was built last.
build_pages() {
    [ -d web/app/src ] || return 0
    local newest
    if [ -f web/app/dist/index.html ]; then
        newest=$(find web/app web/client/src \( -name node_modules -o -path web/app/dist -o -path web/app/test \) -prune -o \
            -type f -newer web/app/dist/index.html -print -quit)
        [ -n "$newest" ] || return 0
    fi
    step "pages"
    (cd web/app && npm run build) >&2
}
