#!/usr/bin/env bash
# Runs all tests: installs the tools they need, collects the interpreters they crash, then `cargo test`.
# Arguments go to `cargo test`: ./test.sh --test farm_smoke
set -euo pipefail
cd "$(dirname "$0")"

# Debuggers, a browser, a database and compressors that tests call; a compiler and headers for the free-threaded interpreter's build.
packages=(
    chromium gdb gcc libc6-dbg make postgresql python3 util-linux xz-utils zstd
    libbz2-dev libffi-dev liblzma-dev libsqlite3-dev libssl-dev zlib1g-dev
)

install_tools() {
    local missing=() package sudo=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "test.sh: no apt here; tests that lack one of these are skipped: ${packages[*]}" >&2
        return
    fi
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "test.sh: not root; tests that lack one of these are skipped: ${missing[*]}" >&2
            return
        fi
        sudo=(sudo -n)
    fi
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null || true
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        "${missing[@]}" </dev/null >/dev/null || echo "test.sh: could not install all of: ${missing[*]}" >&2
}

# The schema that SARIF output is checked against is OASIS's; it is not part of this repository.
fetch_schemas() {
    local folder="${HOME:-/}/.cache/pyinquest/schemas" name=sarif-schema-2.1.0.json
    local url=https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/$name
    [ -s "$folder/$name" ] && return
    mkdir -p "$folder"
    if ! { command -v curl >/dev/null && curl -fsSL -m 60 -o "$folder/$name.new" "$url" && mv "$folder/$name.new" "$folder/$name"; }; then
        echo "test.sh: could not fetch $name; its test is skipped" >&2
    fi
}

install_tools
fetch_schemas
python3 tests/interpreters/fetch.py </dev/null
cargo test --locked "$@"
