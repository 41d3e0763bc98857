#!/bin/sh
# Puts the face detector, face.safetensors, at the path given as argument: the three networks of MTCNN from the wheel of
# facenet-pytorch on PyPI (MIT licence), converted. Needs Python with pip and NumPy, and a network. The files are taken only if
# their SHA-256 are the published ones.
set -eu
out=$1
here=$(cd "$(dirname "$0")" && pwd)
wheel=facenet-pytorch==2.6.0

if [ -f "$out" ]; then
    echo "face-detector: $out is there"
    exit 0
fi
mkdir -p "$(dirname "$out")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/unpack_wheel.sh" "$wheel" "$work/wheel" || {
    echo "face-detector: cannot download $wheel; tools/convert_pt.py makes $out of its data/pnet.pt, rnet.pt and onet.pt" >&2
    exit 1
}
cd "$work/wheel/facenet_pytorch/data"
sha256sum --check --quiet - <<'END' || { echo "face-detector: the weights differ from the published ones" >&2; exit 1; }
a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f  pnet.pt
bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86  rnet.pt
165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d  onet.pt
END
cd - >/dev/null
python=${PYTHON:-}
for candidate in python3 /usr/bin/python3; do
    [ "$python" ] || ! "$candidate" -c 'import numpy' 2>/dev/null || python=$candidate
done
data=$work/wheel/facenet_pytorch/data
"${python:-python3}" "$here/convert_pt.py" --quiet --kind mtcnn "$data/pnet.pt" "$data/rnet.pt" "$data/onet.pt" -o "$out"
echo "face-detector: $out"
