#!/usr/bin/env bash
# Runs all tests: installs the tools they need, collects the interpreters they crash, then `cargo test`.
# Arguments go to `cargo test`: ./test.sh --test farm_smoke
set -euo pipefail
cd "$(dirname "$0")"

# Says what goes on, and since when.
say() {
    echo "test.sh: [$((SECONDS / 60)):$(printf %02d $((SECONDS % 60)))] $*"
}

# Debuggers, a browser, a database, servers with Python in them, compressors, allocators and libraries that tests call; compilers (for other processors too) and headers for extension modules and
# the free-threaded interpreter's build.
packages=(
    binutils chromium debuginfod g++ gdb gdbserver gcc libc6-dbg make postgresql python3 python3-venv tmux util-linux xz-utils zstd
    libbz2-dev libffi-dev liblzma-dev libsqlite3-dev libssl-dev zlib1g-dev
    libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4
    libabsl-dev libglib2.0-0 libgoogle-glog-dev libqt5core5a
    apache2-bin libapache2-mod-wsgi-py3 uwsgi-core uwsgi-plugin-python3
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
)

# Python as a language of PostgreSQL, for the newest server that this release of Debian has.
add_plpython() {
    local found
    [ -n "$(apt-cache search --names-only '^postgresql-plpython3-[0-9]+$')" ] || apt_get update || true
    found=$(apt-cache search --names-only '^postgresql-plpython3-[0-9]+$' | cut -d ' ' -f 1 | sort -V | tail -n 1)
    [ -z "$found" ] || packages+=("$found")
}

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
    # A client of the debug adapter is on npm.
    command -v npm >/dev/null || packages+=(nodejs npm)
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "test.sh: no apt here; tests that lack one of these are skipped: ${packages[*]}" >&2
        return
    fi
    add_lldb
    add_plpython
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

say "tools"
install_tools
fetch_schemas
# The interpreters come first and while the tests are built; what the cache has already takes a second.
say "interpreters (into ${PYINQUEST_CACHE:-~/.cache/pyinquest}; the first time 5 to 25 minutes), and building the tests meanwhile"
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
say "the tests are built; waiting for the interpreters if they are not there yet"
wait "$fetching"
[ "$built" = 0 ] || exit "$built"
# Beside the machine's own debuggers, when asked for: a download of 435 MB and a minute of tests.
if [ -n "${PYINQUEST_MORE_DEBUGGERS:-}" ]; then
    say "more debuggers"
    python3 tests/interpreters/debuggers.py </dev/null
fi
# Tests wait much: for programs to die, for debuggers.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-4} RAYON_NUM_THREADS=${RAYON_NUM_THREADS:-4}
# What is not tested leaves a line here (tests/common): cargo says nothing of it.
PYINQUEST_SKIPS=$(mktemp)
export PYINQUEST_SKIPS
trap 'rm -f "$PYINQUEST_SKIPS"' EXIT
say "tests"
result=0
log=$(mktemp)
trap 'rm -f "$PYINQUEST_SKIPS" "$log"' EXIT
cargo test --locked --no-fail-fast "$@" 2>&1 | tee "$log" || result=$?

# Processes that crash, debuggers and a busy machine meet here in ways that no test foresees: a few failures are tried once
# more, alone. Those that pass then are named, each is a fault to be found; those that fail again are failures.
mapfile -t failed < <(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$log" | sort -u)
mapfile -t targets < <(sed -n 's/^    `\(--[a-z].*\)`$/\1/p' "$log" | sort -u)
if [ "$result" != 0 ] && [ ${#targets[@]} -gt 0 ] && [ ${#failed[@]} -gt 0 ] && [ ${#failed[@]} -le 3 ]; then
    say "once more: ${failed[*]}"
    result=0
    for target in "${targets[@]}"; do
        # shellcheck disable=SC2086
        RUST_TEST_THREADS=1 cargo test --locked $target -- --exact "${failed[@]}" || result=$?
    done
    [ "$result" != 0 ] || for name in "${failed[@]}"; do echo "passed the second time: $name" >>"$PYINQUEST_SKIPS"; done
fi

# Lines of one kind, each once, with their number.
tell() {
    local count
    count=$(grep -c "^$1: " "$PYINQUEST_SKIPS" || true)
    [ "$count" = 0 ] && [ "$1" != skipped ] && return
    say "$count $1$([ "$count" = 0 ] || echo :)"
    sed -n "s/^$1: /    /p" "$PYINQUEST_SKIPS" | cut -c 1-200 | sort | uniq -c | sed 's/^ *1 //; s/^ *\([0-9][0-9]*\) \(.*\)$/\2 (\1 times)/'
}
tell skipped
tell "part skipped"
tell "not asked for"
tell "passed the second time"
# Where everything must run (tests/common says where that is), a skip has failed its test; this says so once more.
if [ -n "${CI:-}${PYINQUEST_REQUIRE_ALL:-}" ] && grep -q "^skipped: " "$PYINQUEST_SKIPS"; then
    say "tests were skipped, which is a failure here"
    [ "$result" != 0 ] || result=1
fi
say "done"
exit "$result"
