#!/bin/sh
# Runs a build of the unit tests, each suite in a process of its own, as many at a time as JOBS says
# (default: one a core). Arguments: the program, and "full" for the parity tests of full-size networks.
#
# Prints a line a suite, everything that a failed suite wrote, and a line "skip SUITE.TEST: REASON" for
# each skipped test. The last line reads "N passed, N failed, N skipped"; the exit status is 0 only
# without failures.

program=$1
shift
[ -x "$program" ] || { echo "run.sh: there is no program $program; say 'make check' first" >&2; exit 1; }

logs=$(mktemp -d "${TMPDIR:-/tmp}/cfedit-unit.XXXXXX") || exit 1
trap 'rm -rf "$logs"' EXIT
trap 'exit 1' INT TERM HUP

# One suite: its output goes to $logs/SUITE, and to the terminal if it failed.
cat >"$logs/.one" <<'EOF'
program=$1 logs=$2 suite=$3 full=$4
begun=$(date +%s)
CK_RUN_SUITE=$suite "$program" $full >"$logs/$suite" 2>&1
status=$?
seconds=$(($(date +%s) - begun))
if [ $status -eq 0 ] && grep -q "^Running suite(s): $suite\$" "$logs/$suite"; then
    echo "ok   $suite ($seconds s)"
else
    echo "FAIL $suite ($seconds s)"
    cat "$logs/$suite"
    echo "suite failed: exit status $status" >>"$logs/$suite"
fi
EOF
"$program" --list "$@" >"$logs/.suites" || exit 1
xargs -P "${JOBS:-$(nproc)}" -I '{}' sh "$logs/.one" "$program" "$logs" '{}' "$@" <"$logs/.suites"

cd "$logs" || exit 1
for suite in *; do
    sed -n "s/^skip /skip $suite./p" "$suite" | sort | uniq
done >.skips
cat .skips
# Check's summary is "97%: Checks: 100, Failures: 2, Errors: 1". A suite that failed in another way, for
# instance by a crash before the summary, counts as one failure.
awk '
/^[0-9]+%: Checks: [0-9]+, Failures: / { gsub(/,/, ""); passed += $3 - $5 - $7; failed += bad = $5 + $7 }
/^skip / { skipped++ }
/^suite failed: / { failed += bad == 0; bad = 0 }
END {
    printf "%d passed, %d failed, %d skipped\n", passed - skipped, failed, skipped
    exit failed > 0
}' *
