#!/bin/sh
# Tests of the command line. Environment: CFEDIT, the program (default ./cfedit); TINY, the
# program made from make_tiny_model.c (default ${BUILD:-build}/make_tiny_model); KEEP=1 keeps the
# working folder. Arguments: the cases to run (default: all *.case beside this file).
#
# A case calls
#
#     check NAME STATUS OUT ERR ARGUMENT...
#
# which runs the program with the arguments and compares its exit status, and its output and
# messages with extended regular expressions; "" takes anything, "-" nothing at all. Whatever
# fails must do so with one line "cfedit: ..." on stderr. `skip NAME WHY` counts what this
# machine cannot show; `verify NAME COMMAND...` is any other condition.
#
# The last line reads "N passed, N failed, N skipped"; the exit status is 0 only without failures.

here=$(cd "$(dirname "$0")" && pwd)
CFEDIT=${CFEDIT:-./cfedit}
TINY=${TINY:-${BUILD:-build}/make_tiny_model}
case $CFEDIT in /*) ;; *) CFEDIT=$PWD/$CFEDIT ;; esac
case $TINY in /*) ;; *) TINY=$PWD/$TINY ;; esac
if [ ! -x "$CFEDIT" ]; then
    echo "run.sh: there is no program $CFEDIT; say 'make' first" >&2
    exit 1
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/cfedit-cli.XXXXXX") || exit 1
if [ "$KEEP" ]; then
    echo "working folder: $work"
else
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM HUP
fi
cd "$work" || exit 1

passed=0
failed=0
skipped=0

pass() {
    passed=$((passed + 1))
    echo "ok   $1"
}

fail() {
    failed=$((failed + 1))
    echo "FAIL $1: $2"
}

skip() {
    skipped=$((skipped + 1))
    echo "skip $1: $2"
}

verify() {
    name=$1
    shift
    if "$@" >/dev/null 2>&1; then pass "$name"; else fail "$name" "not so: $*"; fi
}

# matches FILE PATTERN
matches() {
    case $2 in
    '') return 0 ;;
    -) [ ! -s "$1" ] ;;
    *) grep -Eq -e "$2" "$1" ;;
    esac
}

check() {
    name=$1 want=$2 out_pattern=$3 err_pattern=$4
    shift 4
    "$CFEDIT" "$@" >out 2>err </dev/null
    judge $?
}

# judge STATUS: compares the files out and err with what check() was told.
judge() {
    got=$1
    if [ "$got" -ne "$want" ]; then
        fail "$name" "exit status $got, expected $want: $(head -n 3 err | cut -c 1-300)"
    elif ! matches out "$out_pattern"; then
        fail "$name" "stdout does not match '$out_pattern': $(head -n 3 out | cut -c 1-300)"
    elif ! matches err "$err_pattern"; then
        fail "$name" "stderr does not match '$err_pattern': $(head -n 3 err | cut -c 1-300)"
    elif [ "$want" -ne 0 ] && [ "$(grep -c '' err)" -ne 1 ]; then
        fail "$name" "stderr is not one line: $(head -n 3 err | cut -c 1-300)"
    elif [ "$want" -ne 0 ] && ! grep -q '^cfedit: ' err; then
        fail "$name" "stderr does not begin with 'cfedit: ': $(cut -c 1-300 err)"
    else
        pass "$name"
    fi
}

# The model of most cases. No file of the machine may take part.
unset CFEDIT_MODEL
have_tiny=
if [ -x "$TINY" ] && mkdir -p tiny/bare && "$TINY" tiny 2>tiny.err; then
    have_tiny=1
    CFEDIT_MODEL=$work/tiny
    export CFEDIT_MODEL
fi

if [ $# -gt 0 ]; then
    cases=
    for c in "$@"; do cases="$cases $here/$(basename "$c" .case).case"; done
else
    cases=$(ls "$here"/*.case)
fi
for c in $cases; do
    . "$c"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
