#!/usr/bin/env bash
# Runs all tests: installs the tools they need, collects the interpreters they crash, then `cargo test`.
# Arguments go to `cargo test`: ./test.sh --test farm_smoke
set -euo pipefail
cd "$(dirname "$0")"

# Debuggers, a browser, a database and compressors that tests call; a compiler and headers for extension modules and
# the free-threaded interpreter's build.
packages=(
    binutils chromium debuginfod g++ gdb gdbserver gcc libc6-dbg make postgresql python3 python3-venv util-linux xz-utils zstd
    libbz2-dev libffi-dev liblzma-dev libsqlite3-dev libssl-dev zlib1g-dev
)

# An lldb with its Python module, in the oldest version from 14 on that this release of Debian has. Two of these modules
# exclude each other, so an installed one stays.
add_lldb() {
    local version
    dpkg-query -W -f '${Package} ${Status}\n' 'python3-lldb-*' 2>/dev/null | grep 'ok installed' | lldb_versions |
        grep -q . && return
    [ -n "$(apt-cache search --names-only '^python3-lldb-[0-9]+$')" ] || apt_get update || true
    version=$(apt-cache search --names-only '^python3-lldb-[0-9]+$' | lldb_versions | head -n 1)
    [ -z "$version" ] || packages+=("lldb-$version" "python3-lldb-$version")
}

# The version of each package named python3-lldb-N, those that the scripts support, in order.
lldb_versions() {
    sed -n 's/^python3-lldb-\([0-9][0-9]*\).*/\1/p' | awk '$1 >= 14' | sort -n
}

apt_get() {
    local sudo=()
    [ "$(id -u)" = 0 ] || sudo=(sudo -n)
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null >/dev/null
}

install_tools() {
    local missing=() package
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "test.sh: no apt here; tests that lack one of these are skipped: ${packages[*]}" >&2
        return
    fi
    add_lldb
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
        echo "test.sh: not root; tests that lack one of these are skipped: ${missing[*]}" >&2
        return
    fi
    apt_get update || true
    apt_get install -y --no-install-recommends "${missing[@]}" ||
        echo "test.sh: could not install all of: ${missing[*]}" >&2
}

# The schema that SARIF output is checked against is OASIS's; it is not part of this repository. The crate serde-sarif
# ships it: cargo downloads that, and nothing of it is built.
fetch_schemas() {
    local directory="${HOME:-/}/.cache/pyinquest/schemas" name=sarif-schema-2.1.0.json version=0.8.0
    local sum=af47e7b67f24efe74076621fd3a5fbe7398add9e84fe820c971219a385895cea work found
    [ -s "$directory/$name" ] && return
    mkdir -p "$directory"
    work=$(mktemp -d)
    mkdir "$work/src" && touch "$work/src/lib.rs"
    printf '[package]\nname = "schemas"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\nserde-sarif = { version = "=%s", default-features = false }\n' \
        "$version" >"$work/Cargo.toml"
    (cd "$work" && cargo vendor -q vendor >/dev/null 2>&1) || true
    found=$work/vendor/serde-sarif/src/schema.json
    if [ -s "$found" ] && echo "$sum  $found" | sha256sum -c --quiet - >&2; then
        cp "$found" "$directory/$name.new" && mv "$directory/$name.new" "$directory/$name"
    else
        echo "test.sh: could not get $name out of serde-sarif $version; its test is skipped, or fails in CI" >&2
    fi
    rm -rf "$work"
}

install_tools
fetch_schemas
# The interpreters come while the tests are built: downloads, and steps of a build that keep one processor busy.
python3 tests/interpreters/fetch.py </dev/null &
fetching=$!
# What to build is told by the arguments before `--`.
build=()
for argument; do
    [ "$argument" != -- ] || break
    [ "$argument" = --no-run ] || build+=("$argument")
done
built=0
cargo test --locked --no-run --quiet ${build[@]+"${build[@]}"} || built=$?
wait "$fetching"
[ "$built" = 0 ] || exit "$built"
# Beside the machine's own debuggers, when asked for: a download of 435 MB and a minute of tests.
if [ -n "${PYINQUEST_MORE_DEBUGGERS:-}" ]; then
    python3 tests/interpreters/debuggers.py </dev/null
fi
# Tests wait much: for programs to die, for debuggers.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} RAYON_NUM_THREADS=${RAYON_NUM_THREADS:-4}
cargo test --locked "$@"
