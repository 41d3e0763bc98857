#!/bin/sh
# Installs into an empty folder and uses what is there as a stranger would: the README's C programs and all of examples/, built
# with pkg-config, shared and static, and run; every installed header from C and from C++.
set -eu
build=${BUILD:-build}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "install: FAIL $*"; exit 1; }
make -s install BUILD="$build" PREFIX=/usr DESTDIR="$root" >/dev/null
export PKG_CONFIG_PATH="$root/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
command -v pkg-config >/dev/null || fail "pkg-config is missing"

# build_both SOURCE: $root/shared and $root/static, with the library whose header the source includes
build_both() {
    library=libtensor
    archives="$root/usr/lib/libtensor.a"
    if grep -q '<cfedit.h>' "$1"; then
        library=libcfedit
        archives="$root/usr/lib/libcfedit.a $archives"
    fi
    # shellcheck disable=SC2046 # flags
    cc -std=c11 -Wall -Wextra -Werror $(pkg-config --cflags $library) -o "$root/shared" "$1" $(pkg-config --libs $library) \
        -Wl,-rpath-link,"$root/usr/lib" -lm || fail "$1 does not build against the shared library"
    # shellcheck disable=SC2046,SC2086
    cc -std=c11 $(pkg-config --cflags $library) -o "$root/static" "$1" $archives \
        $(pkg-config --static --libs-only-l $library | sed 's/-lcfedit//g; s/-ltensor//g') ||
        fail "$1 does not build against the static library"
}
# run_both SOURCE ARGUMENT...: both print the same, and something
run_both() {
    source=$1
    shift
    build_both "$source"
    out=$(cd "$root" && LD_LIBRARY_PATH="$root/usr/lib" ./shared "$@") || fail "$source: $out"
    [ -n "$out" ] || fail "$source printed nothing"
    [ "$(cd "$root" && ./static "$@")" = "$out" ] || fail "$source: the static program prints something else"
    ran="${ran:-} $(basename "$source" .c)"
}

model=$PWD/weights
awk -v to="$root/readme" '/^```c$/ {on = 1; n++; next} /^```$/ {on = 0} on {print > (to n ".c")}' README.md
[ -s "$root/readme2.c" ] || fail "README has no second C example"
for program in "$root"/readme*.c; do
    lines=$(wc -l < "$program")
    [ "$lines" -le 40 ] || fail "an example of the README has $lines lines"
done
run_both "$root/readme1.c"
[ "$out" = 6 ] || fail "the README's first example prints $out"
run_both "$root/readme2.c" "$model"
[ -s "$root/lips.ppm" ] || fail "the README's second example wrote no picture"

for program in examples/*.c; do
    lines=$(wc -l < "$program")
    [ "$lines" -le 80 ] || fail "$program has $lines lines"
    case $program in
    */face.c) run_both "$program" "$model/generator.safetensors" face.ppm ;;
    */edit.c) run_both "$program" "$model" "face with green lips" edit.ppm 2>/dev/null ;;
    */checkpoint.c) run_both "$program" checkpoint.safetensors ;;
    *) run_both "$program" ;;
    esac
    grep -q "$(basename "$program")" examples/README.md || fail "examples/README.md does not list $program"
done

for folder in libtensor libcfedit; do
    find "$root/usr/include/$folder" -name '*.h' | while read -r header; do
        for language in c c++; do
            standard=c11
            [ "$language" = c++ ] && standard=c++17
            printf '#include "%s"\n' "$header" > "$root/one.src"
            # shellcheck disable=SC2046
            cc -x "$language" -std=$standard -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags libcfedit) "$root/one.src" ||
                fail "$header from $language"
        done
    done
done

# Nothing but a library's own names leaves it.
for pair in libtensor:lt_ libcfedit:ce_; do
    if nm -D --defined-only "$root/usr/lib/${pair%:*}.so" | awk '{print $3}' | grep -v "^${pair#*:}"; then
        fail "foreign symbols of ${pair%:*} above"
    fi
done
# The installed program finds the installed model from anywhere.
(cd / && "$root/usr/bin/cfedit" generate --seed 1 --quiet -o "$root/installed.png" >/dev/null) || fail "generate"
[ -s "$root/installed.png" ] || fail "no picture"
make -s uninstall PREFIX=/usr DESTDIR="$root"
left=$(find "$root/usr" -type f | wc -l)
[ "$left" -eq 0 ] || fail "$left files left after uninstall"
echo "install: ok, built and run:$ran"
