#!/bin/sh
# Installs into an empty folder and uses what is there as a stranger would: the README's C example with
# pkg-config, shared and static, and every header from C and from C++.
set -eu
build=${BUILD:-build}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
make -s install BUILD="$build" PREFIX=/usr DESTDIR="$root" >/dev/null
export PKG_CONFIG_PATH="$root/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
command -v pkg-config >/dev/null || { echo "install: FAIL pkg-config is missing"; exit 1; }

awk '/^```c$/ {on = 1; next} /^```$/ {on = 0} on' README.md > "$root/example.c"
[ -s "$root/example.c" ] || { echo "install: FAIL README has no C example"; exit 1; }
lines=$(wc -l < "$root/example.c")
[ "$lines" -le 40 ] || { echo "install: FAIL the README's example has $lines lines"; exit 1; }
# shellcheck disable=SC2046 # flags
cc -std=c11 -Wall -Wextra -Werror $(pkg-config --cflags libtensor) -o "$root/example" "$root/example.c" $(pkg-config --libs libtensor)
out=$(LD_LIBRARY_PATH="$root/usr/lib" "$root/example" weights/generator.safetensors)
[ -n "$out" ] || { echo "install: FAIL the example printed nothing"; exit 1; }
# shellcheck disable=SC2046
cc -std=c11 $(pkg-config --cflags libtensor) -o "$root/static" "$root/example.c" "$root/usr/lib/libtensor.a" \
    $(pkg-config --static --libs-only-l libtensor | sed 's/-ltensor//') -fopenmp
[ "$("$root/static" weights/generator.safetensors)" = "$out" ] || { echo "install: FAIL the static example differs"; exit 1; }

find "$root/usr/include/libtensor" -name '*.h' | while read -r header; do
    for language in c c++; do
        standard=c11
        [ "$language" = c++ ] && standard=c++17
        printf '#include "%s"\n' "$header" > "$root/one.src"
        cc -x "$language" -std=$standard -Wall -Wextra -Werror -fsyntax-only -I"$root/usr/include/libtensor" "$root/one.src" ||
            { echo "install: FAIL $header from $language"; exit 1; }
    done
done

# Nothing but lt_ names leaves the shared library.
if nm -D --defined-only "$root/usr/lib/libtensor.so" | awk '{print $3}' | grep -v '^lt_'; then
    echo "install: FAIL foreign symbols above"
    exit 1
fi
# The installed program finds the installed model from anywhere.
(cd / && "$root/usr/bin/cfedit" generate --seed 1 --quiet -o "$root/face.png" >/dev/null) || { echo "install: FAIL generate"; exit 1; }
[ -s "$root/face.png" ] || { echo "install: FAIL no picture"; exit 1; }
make -s uninstall PREFIX=/usr DESTDIR="$root"
left=$(find "$root/usr" -type f | wc -l)
[ "$left" -eq 0 ] || { echo "install: FAIL $left files left after uninstall"; exit 1; }
echo "install: ok ($out)"
