#!/bin/sh
# Runs every fuzz target: first over its corpus, then over new inputs for its part of the time.
# Argument: the seconds of all targets together; --can-build only tells by the exit status whether this
# machine can build them. Environment: FUZZ, the names of the targets; BUILD, the folder where they were
# built; JOBS, how many run side by side.
#
# A target starts from the files that write_seeds makes, from those in tests/fuzz/corpus/TARGET, and
# from what earlier runs found, in $BUILD/corpus/TARGET. An input that breaks something stays in
# $BUILD/findings, and the end of the target's log is shown. The last line reads "N passed, N failed,
# N skipped"; where clang or its libraries are missing, every target is skipped.

can_build() {
    printf 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return n > 99 && d[0]; }\n' |
        clang -x c -fsanitize=fuzzer,address,undefined -o /dev/null - >/dev/null 2>&1
}

if [ "${1:-}" = --can-build ]; then
    can_build
    exit
fi
seconds=${1:-600}
jobs=${JOBS:-2}
here=$(cd "$(dirname "$0")" && pwd)
count=0
for target in $FUZZ; do
    count=$((count + 1))
done
if ! can_build; then
    for target in $FUZZ; do
        echo "skip fuzz $target: clang, its sanitizers or libFuzzer are missing"
    done
    echo "0 passed, 0 failed, $count skipped"
    exit 0
fi
mkdir -p "$BUILD/seeds" "$BUILD/findings" "$BUILD/fuzz-logs"
ASAN_OPTIONS=detect_leaks=0 "$BUILD/write_seeds" "$BUILD/seeds" || exit 1

each=$((seconds * jobs / count))
[ "$each" -gt 0 ] || each=1

# one TARGET: the limits of memory, time and size hold for every single input. The time is that of a clock on the wall,
# so that a busy machine must not come near it.
cat >"$BUILD/fuzz-logs/one.sh" <<'EOS'
target=$1
case $target in
safetensors | checkpoint | channels | latents | networks | commands) words=headers length=65536 ;;
json) words=headers length=4096 ;;
picture) words=pictures length=16384 ;;
options) words=options length=1024 ;;
*) words=texts length=4096 ;;
esac
log=$BUILD/fuzz-logs/$target
found=$BUILD/corpus/$target
kept=
[ -d "$HERE/corpus/$target" ] && kept=$HERE/corpus/$target
mkdir -p "$found"
"$BUILD/fuzz_$target" "$found" "$BUILD/seeds/$target" $kept -dict="$HERE/$words.dict" -max_len=$length \
    -max_total_time="$EACH" -rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=60 -close_fd_mask=3 \
    -print_final_stats=1 -artifact_prefix="$BUILD/findings/$target-" >"$log" 2>&1
status=$?
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
if [ $status -eq 0 ]; then
    echo "ok   fuzz $target: ${runs:-0} executions"
else
    echo "FAIL fuzz $target: exit status $status after ${runs:-?} executions"
    tail -n 40 "$log" | cut -c 1-200
fi
EOS
export BUILD
export HERE="$here" EACH="$each" OMP_WAIT_POLICY=passive
# shellcheck disable=SC2086
printf '%s\n' $FUZZ | xargs -P "$jobs" -I '{}' sh "$BUILD/fuzz-logs/one.sh" '{}' >"$BUILD/fuzz-logs/summary"
cat "$BUILD/fuzz-logs/summary"
passed=$(grep -c '^ok ' "$BUILD/fuzz-logs/summary")
failed=$(grep -c '^FAIL ' "$BUILD/fuzz-logs/summary")
echo "$(sed -n 's/^ok .*: \([0-9]*\) executions$/\1/p' "$BUILD/fuzz-logs/summary" | awk '{ n += $1 } END { printf "%d", n }') executions"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -eq "$count" ]
