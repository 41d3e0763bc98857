#!/bin/sh
# Runs a build with ThreadSanitizer in the folder BUILD with four threads: the suites named as arguments, and the program
# with the shipped model, whose pictures are large enough for all threads. A race ends a process with the status 66 and a
# report. The last line reads "N passed, N failed, N skipped".
set -u
build=${BUILD:?}
work=$(mktemp -d "${TMPDIR:-/tmp}/cfedit-threads.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
# die_after_fork: tests fork while threads run, which is part of what they test.
export OMP_NUM_THREADS=4 CK_TIMEOUT_MULTIPLIER=10 TSAN_OPTIONS="die_after_fork=0 ${TSAN_OPTIONS:-}" LT_BLAS=portable
passed=0
failed=0

# try NAME COMMAND...
try() {
    name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok   threads: $name"
    else
        failed=$((failed + 1))
        echo "FAIL threads: $name"
        tail -n 60 "$work/log"
    fi
}

for suite in "$@"; do
    try "suite $suite" env CK_RUN_SUITE="$suite" "$build/unit_tests"
done
cfedit="$build/cfedit"
target="face with green lips"
short="--copies 1 --templates 2 --steps 1 --quiet"
# shellcheck disable=SC2086
{
    try generate "$cfedit" generate --model weights --seeds 1-3 --quiet -o "$work/generated"
    try edit "$cfedit" edit --model weights --target "$target" --seed 7 $short --fit-steps 0 --no-focus -o "$work/edited.png"
    try train "$cfedit" train --model weights --target "$target" --train-dataset-size 2 --batch 2 $short --id-lambda 0 \
        --mapper-type single --image-interval 0 --val-interval 0 -o "$work/mapper.safetensors"
    try invert "$cfedit" invert --model weights --image "$work/generated/seed-1.png" --steps 1 --starts 4 --quiet \
        -o "$work/inverted.safetensors"
}
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
