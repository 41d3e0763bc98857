#!/bin/sh
# Downloads a wheel from PyPI and unpacks it: unpack_wheel.sh NAME==VERSION FOLDER [OPTION OF PIP]...
# Nothing of it is installed or run, and nothing that it depends on is fetched. Environment: PYTHON, an interpreter
# with pip (default: python3 or /usr/bin/python3, the first that has it). The caller checks what it takes.
set -eu
wheel=$1 folder=$2
shift 2
python=${PYTHON:-}
for candidate in python3 /usr/bin/python3; do
    [ "$python" ] || ! "$candidate" -m pip --version >/dev/null 2>&1 || python=$candidate
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${python:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" "$@" "$wheel"
"${python:-python3}" -m zipfile -e "$work"/*.whl "$folder"
