#!/bin/sh
# Puts OpenAI's merge list, bpe_simple_vocab_16e6.txt.gz, at the path given as argument: a copy of
# ../shared/parity/ if the file is there, or else the file from the wheel of open-clip-torch on PyPI,
# which needs Python's pip and a network. Either is taken only if its SHA-256 is the published file's.
set -eu
out=$1
here=$(cd "$(dirname "$0")" && pwd)
name=bpe_simple_vocab_16e6.txt.gz
digest=924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a
wheel=open-clip-torch==3.3.0

# right FILE: whether the file is the published one
right() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = $digest ]; }

if right "$out"; then
    exit 0
fi
mkdir -p "$(dirname "$out")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if right "../shared/parity/$name"; then
    cp "../shared/parity/$name" "$work/$name"
else
    "$here/unpack_wheel.sh" "$wheel" "$work/wheel" || {
        echo "merge-list: cannot download $wheel; CFEDIT_BPE=FILE names a merge list from elsewhere" >&2
        exit 1
    }
    cp "$work/wheel/open_clip/$name" "$work/$name"
fi
if ! right "$work/$name"; then
    echo "merge-list: the SHA-256 of $name differs from the published file's" >&2
    exit 1
fi
mv "$work/$name" "$out"
echo "merge-list: $out"
