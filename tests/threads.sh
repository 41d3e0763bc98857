#!/bin/sh
# Runs a build with ThreadSanitizer in the folder BUILD with four threads: the suites named as arguments, and the program.
# A race ends a process with the status 66 and a report.
set -eu
build=${BUILD:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/cfedit-threads.XXXXXX")
trap 'rm -rf "$work"' EXIT
# die_after_fork: tests fork while threads run, which is part of what they test.
export OMP_NUM_THREADS=4 CK_TIMEOUT_MULTIPLIER=10 TSAN_OPTIONS="die_after_fork=0 ${TSAN_OPTIONS:-}"

for suite in "$@"; do
    CK_RUN_SUITE=$suite "$build/unit_tests"
done
"$build/cfedit" generate --model weights --seeds 1-3 -o "$work/generated"
"$build/cfedit" edit --model weights --target "face with green lips" --seed 7 --steps 2 -o "$work/edited.png"
