#!/bin/sh
# `cfedit align` against facenet-pytorch's own code on a real photo (faces.py), and aligned pictures aligned once more.
#
# Fetches, once, into $BUILD/faces: the wheel of facenet-pytorch, whose weights and code are used, and scikit-image's
# astronaut.png. Environment: CFEDIT, BUILD, and PYTHON, an interpreter with PyTorch (default python3 or /usr/bin/python3, the
# first that has it). The last line reads "N passed, N failed, N skipped".

CFEDIT=${CFEDIT:-./cfedit}
BUILD=${BUILD:-build}
files=$BUILD/faces
tools=tools

skip() {
    echo "skip faces: $1"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

# right: whether the files that are used are the published ones
right() {
    (cd "$files" 2>/dev/null && sha256sum --check --quiet - >/dev/null 2>&1) <<'END'
7f6244c8118b9a19d0b6620e6dcb90625cced5b1eceed58d0d69303b5ccbab06  facenet/facenet_pytorch/models/utils/detect_face.py
a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f  facenet/facenet_pytorch/data/pnet.pt
bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86  facenet/facenet_pytorch/data/rnet.pt
165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d  facenet/facenet_pytorch/data/onet.pt
88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5  astronaut.png
END
}

# fetch: both wheels, of which the parts that are used are kept
fetch() {
    rm -rf "$files" && mkdir -p "$files" || return 1
    "$tools/unpack_wheel.sh" facenet-pytorch==2.6.0 "$files/facenet" || return 1
    # A wheel of one platform, since any has the same picture.
    "$tools/unpack_wheel.sh" scikit-image==0.22.0 "$files/skimage" --only-binary :all: --implementation cp \
        --python-version 3.11 --abi cp311 --platform manylinux_2_17_x86_64 || return 1
    mv "$files/skimage/skimage/data/astronaut.png" "$files/" && rm -rf "$files/skimage"
}

if [ ! "${PYTHON:-}" ]; then
    for PYTHON in python3 /usr/bin/python3; do "$PYTHON" -c 'import torch, numpy' 2>/dev/null && break; done
fi
"$PYTHON" -c 'import torch, numpy' 2>/dev/null || skip "$PYTHON has no PyTorch"
right || (unset PYTHON; fetch) >/dev/null 2>&1
right || skip "the wheels of facenet-pytorch 2.6.0 and scikit-image 0.22.0 cannot be fetched"

work=$(mktemp -d "${TMPDIR:-/tmp}/cfedit-faces.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
data=$files/facenet/facenet_pytorch/data
"$PYTHON" -B tools/convert_pt.py --quiet --kind mtcnn "$data/pnet.pt" "$data/rnet.pt" "$data/onet.pt" -o "$work/face.safetensors" || exit 1
"$PYTHON" -B tests/parity/faces.py --cfedit "$CFEDIT" --files "$files" --work "$work"
