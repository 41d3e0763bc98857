#!/bin/sh
# Runs the stages of the tests, which are targets of the Makefile, two at a time: one that waits for a
# single thread leaves a core to the other. Arguments: the targets, the longest first. Environment: MAKE.
#
# A stage's output is shown when the stage is done. Its lines "N passed, N failed, N skipped" are added
# up; a stage without one counts as one test. Its lines "skip NAME: REASON" are listed at the end. The
# last line is the sum of all, and the exit status is 0 only without failures.

logs=$(mktemp -d "${TMPDIR:-/tmp}/cfedit-tests.XXXXXX") || exit 1
trap 'rm -rf "$logs"' EXIT
trap 'exit 1' INT TERM HUP
MAKE=${MAKE:-make}
export MAKE

cat >"$logs/.one" <<'EOF'
logs=$1 stage=$2
begun=$(date +%s)
$MAKE --no-print-directory -s "$stage" >"$logs/.output.$stage" 2>&1
status=$?
echo "stage $stage: exit status $status, $(($(date +%s) - begun)) s" >>"$logs/.output.$stage"
mv "$logs/.output.$stage" "$logs/$stage"
cat "$logs/$stage"
EOF
printf '%s\n' "$@" | xargs -P 2 -I '{}' sh "$logs/.one" "$logs" '{}'

cd "$logs" || exit 1
awk '
function close_stage() {
    if (stage == "") return
    if (!counted) { passed = status == 0; failed = status != 0 }
    if (status != 0 && failed == 0) failed = 1
    table = table sprintf("%-16s %6d %6d %7d %7d\n", stage, passed, failed, skipped, seconds)
    all_passed += passed; all_failed += failed; all_skipped += skipped
    counted = passed = failed = skipped = 0
}
/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { passed += $1; failed += $3; skipped += $5; counted = 1 }
/^skip / { skips = skips "  " FILENAME ": " substr($0, 6) "\n" }
/^stage .*: exit status [0-9]+, [0-9]+ s$/ { stage = FILENAME; status = $5 + 0; seconds = $6; close_stage() }
END {
    if (skips != "") printf "\nskipped tests:\n%s", skips
    printf "\nstage            passed failed skipped seconds\n%s", table
    printf "%d passed, %d failed, %d skipped\n", all_passed, all_failed, all_skipped
    exit all_failed > 0
}' "$@"
