#!/bin/sh
# Installs what building, testing and running cfedit need and this machine lacks.
# Says what it does; asks for root (sudo) only where something is missing.
#
#   setup.sh           for building and running
#   setup.sh --tests   for the tests, too; with CI=true as --ci
#   setup.sh --ci      for the tests, and PyTorch for those of the converter that read files which PyTorch wrote
#                      (Debian's python3-torch: 143 MB to fetch, 610 MB on disk); without it they are skipped
set -eu

cc=${CC:-gcc}
missing=
note() { printf 'setup: %s\n' "$*"; }
need() { missing="$missing $1"; }

# has_header HEADER: whether the compiler finds it
has_header() {
    printf '#include <stddef.h>\n#include <stdio.h>\n#include <%s>\n' "$1" | "$cc" -E -x c - >/dev/null 2>&1
}
# has_library SONAME: whether the loader finds it
has_library() {
    { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -q "$1"
}

command -v "$cc" >/dev/null 2>&1 || need gcc
command -v make >/dev/null 2>&1 || need make
if command -v "$cc" >/dev/null 2>&1; then
    has_header stdlib.h || need libc6-dev
    has_header png.h || need libpng-dev
    has_header zlib.h || need zlib1g-dev
    has_header jpeglib.h || need libjpeg62-turbo-dev
    has_header check.h || need check
else
    missing="$missing libc6-dev libpng-dev zlib1g-dev libjpeg62-turbo-dev check"
fi
has_library libopenblas.so.0 || need libopenblas0-pthread
# has_numpy PYTHON
has_numpy() { "$1" -c 'import numpy' >/dev/null 2>&1; }

# What the tests need: pkg-config for Check's flags, a C++ compiler for the installed headers, clang for
# the second build without warnings, clang-format in the version that .clang-format is written for, and NumPy for the
# converter. A python3 of another making may come before the system's on the path.
mode=${1:-}
if [ "$mode" = --tests ] && [ "${CI:-}" = true ]; then
    mode=--ci
fi
if [ "$mode" = --tests ] || [ "$mode" = --ci ]; then
    command -v pkg-config >/dev/null 2>&1 || need pkg-config
    command -v g++ >/dev/null 2>&1 || need g++
    command -v clang >/dev/null 2>&1 || need clang
    command -v clang-format-14 >/dev/null 2>&1 || need clang-format-14
    has_numpy "${PYTHON:-python3}" || has_numpy /usr/bin/python3 || need python3-numpy
fi

# Wanted for tests that are skipped without it: clang's libFuzzer, and in the gate PyTorch for the converter's and pip for
# `make merge-list`.
# Not every distribution has these packages, so that nothing fails without them.
has_module() { "$1" -c 'import importlib.util, sys; sys.exit(not importlib.util.find_spec(sys.argv[1]))' "$2" >/dev/null 2>&1; }
optional=
if [ "$mode" = --tests ] || [ "$mode" = --ci ]; then
    # clang's sanitizers and libFuzzer, for `make fuzz`
    if ! command -v clang >/dev/null 2>&1; then
        optional=libclang-rt-dev
    elif [ ! -e "$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a")" ]; then
        optional="libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    fi
fi
if [ "$mode" = --ci ]; then
    has_module "${PYTHON:-python3}" torch || has_module /usr/bin/python3 torch || optional="$optional python3-torch"
    has_module "${PYTHON:-python3}" pip || optional="$optional python3-pip"
fi

if [ -z "$missing$optional" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    note "please install (Debian's names):$missing $optional" >&2
    [ -z "$missing" ]
    exit
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        note "please install as root:$missing $optional" >&2
        [ -z "$missing" ]
        exit
    fi
    sudo=sudo
fi
note "installing with apt-get${sudo:+ (sudo)}:$missing $optional"
# Ubuntu names the JPEG package differently; both provide libjpeg-dev.
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
if [ -n "$missing" ] && ! $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
    missing=$(printf '%s' "$missing" | sed 's/libjpeg62-turbo-dev/libjpeg-dev/')
    # shellcheck disable=SC2086
    $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
for package in $optional; do
    $sudo apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
        note "$package cannot be had here; tests that want it are skipped"
done
note "done"
