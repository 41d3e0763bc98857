#!/bin/sh
# Tests of tools/convert_pt.py, all or those named: run.sh [test_clip[.TestClip[.test_name]] ...].
# Environment: PYTHON (default python3 or /usr/bin/python3, the first that has NumPy and PyTorch, or else NumPy)
# and CFEDIT, the built program. The last line reads "N passed, N failed, N skipped"; without Python or NumPy all tests count as one
# that is skipped. Every skipped test is named.

here=$(cd "$(dirname "$0")" && pwd)

# has PYTHON MODULE ...: whether the interpreter finds all modules
has() {
    "$1" - "$@" 2>/dev/null <<'END'
import importlib.util, sys
sys.exit(not all(importlib.util.find_spec(name) for name in sys.argv[2:]))
END
}
# The tests need NumPy; with PyTorch, none is skipped.
if [ ! "${PYTHON:-}" ]; then
    for PYTHON in python3 /usr/bin/python3; do has "$PYTHON" numpy torch && break; done
    has "$PYTHON" numpy torch || for PYTHON in python3 /usr/bin/python3 python3; do has "$PYTHON" numpy && break; done
fi
CFEDIT=${CFEDIT:-./cfedit}
case $CFEDIT in /*) ;; *) CFEDIT=$PWD/$CFEDIT ;; esac
export CFEDIT

if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
    echo "skip convert: there is no $PYTHON of version 3.8 or later"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
if ! "$PYTHON" -c 'import numpy' 2>/dev/null; then
    echo "skip convert: $PYTHON has no NumPy (package python3-numpy)"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

log=$(mktemp "${TMPDIR:-/tmp}/cfedit-convert.XXXXXX") || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 1' INT TERM HUP
if [ $# -eq 0 ]; then
    set -- discover -v -s "$here" -p 'test_*.py'
else
    set -- -v "$@"
fi
PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH} "$PYTHON" -B -m unittest "$@" >"$log" 2>&1
status=$?
if [ $status -eq 0 ]; then
    # The tests that were skipped, and why; nothing else.
    sed -n 's/^\(.*\) \.\.\. skipped \(.*\)$/skip \1: \2/p' "$log"
else
    cat "$log"
fi

count() { sed -n "s/^[A-Z]* (.*$1=\([0-9]*\).*/\1/p" "$log" | tail -n 1; }
ran=$(sed -n 's/^Ran \([0-9]*\) tests\{0,1\} in .*/\1/p' "$log" | tail -n 1)
failures=$(count failures)
errors=$(count errors)
skipped=$(count skipped)
failed=$((${failures:-0} + ${errors:-0}))
[ $status -ne 0 ] && [ $failed -eq 0 ] && failed=1
passed=$((${ran:-0} - failed - ${skipped:-0}))
[ $passed -lt 0 ] && passed=0
echo "$passed passed, $failed failed, ${skipped:-0} skipped"
exit $status
