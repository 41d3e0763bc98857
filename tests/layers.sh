#!/bin/sh
# Arrows only down: no file includes a header of a higher layer. Run from the top of the repository.
# PUBLIC holds the headers that are installed ("tensor/status.h ..."); those include no private ones.
#
# The layers, lowest first, are the patterns below; the first that fits a file is its layer. A file
# may include its own layer and those before it.
layers='
lib/tensor/(status|memory|cpu|isa|sizes|hash|half|half_kernels|arena|pool)[.]
lib/tensor/[^/]*$
lib/tensor/files/
lib/tensor/kernels/[^/]*$
lib/tensor/kernels/gemm/
lib/tensor/kernels/(conv|resample)/
lib/autograd/
lib/nn/[^/]*$
lib/nn/(models|text)/
lib/libtensor.h
apps/cfedit/engine/
apps/cfedit/cli/
'
# These two rooms stand side by side: neither includes the other.
apart='lib/tensor/kernels/conv/ lib/tensor/kernels/resample/'

files=$(git ls-files 'lib/*.[ch]' 'apps/*.[ch]')
export layers apart files
grep -n '^ *# *include "' $files | awk '
BEGIN {
    count = split(ENVIRON["layers"], pattern, "\n")
    split(ENVIRON["apart"], room, " ")
    for (n = split(ENVIRON["files"], list, "\n"); n > 0; n--) there[list[n]] = 1
    for (n = split(ENVIRON["PUBLIC"], list, " "); n > 0; n--) installed["lib/" list[n]] = 1
}
function layer(file,   i) {
    for (i = 1; i <= count; i++)
        if (pattern[i] != "" && file ~ "^" pattern[i]) return i
    return 0
}
function wrong(why) { print from ":" line ": " why ": " header; bad = 1 }
{
    split($0, part, ":"); from = part[1]; line = part[2]
    header = $0; sub(/^[^"]*"/, "", header); sub(/".*/, "", header)
    to = ("lib/" header in there) ? "lib/" header : "apps/cfedit/" header
    if (!(to in there)) { wrong("includes a header that is not in lib or apps/cfedit"); next }
    if (!layer(from)) { wrong("belongs to no layer, see tests/layers.sh"); next }
    if (layer(to) > layer(from)) wrong("includes a header of a higher layer")
    if (index(from, room[1]) == 1 && index(to, room[2]) == 1 || index(from, room[2]) == 1 && index(to, room[1]) == 1)
        wrong("includes a header of the room beside it")
    if (from in installed && to ~ /_(impl|kernels)[.]h$/) wrong("an installed header includes a private one")
    if (from ~ /^apps\// && to ~ /^lib\// && to ~ /_(impl|kernels)[.]h$/) wrong("a program includes a private header")
}
END { exit bad }' || { echo "tests/layers.sh: the includes above point up" >&2; exit 1; }
