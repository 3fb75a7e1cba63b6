#!/bin/sh
# Runs a command with core dumps switched on, groups what died, and leaves results and small dumps in a directory:
#
#     run-tests.sh OUT [OPTION OF pyinquest run ...] -- COMMAND [ARGUMENT ...]
#
# OUT gets what `pyinquest run --out` writes (triage.json, triage.sarif, junit.xml, summary.md, ...) and, in OUT/dumps, one redacted
# slim dump of each group. The exit code is that of `pyinquest run`.
set -u
out=$1
shift

pattern=/proc/sys/kernel/core_pattern
case $(cat "$pattern") in
'|'*)
    # The host's own handler would take the cores. In a container it is the host's to change.
    echo 'core.%p' 2>/dev/null >"$pattern" || sudo -n sysctl -q -w kernel.core_pattern=core.%p 2>/dev/null ||
        echo "run-tests.sh: kernel.core_pattern is $(cat "$pattern"): cores go there" >&2
    ;;
esac
ulimit -c unlimited 2>/dev/null || ulimit -c "$(ulimit -H -c)"

pyinquest run --out "$out" "$@"
code=$?

if [ -f "$out/triage.json" ]; then
    mkdir -p "$out/dumps"
    python3 - "$out/triage.json" <<'PYTHON' | while read -r group dump; do
import json, sys
for group in json.load(open(sys.argv[1], encoding="utf-8"))["groups"]:
    print(group["id"], group["dumps"][0])
PYTHON
        pyinquest slim --redact "$dump" --output "$out/dumps/$group.core.zst" ||
            echo "run-tests.sh: no slim dump of $dump" >&2
    done
fi
exit "$code"
