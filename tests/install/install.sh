#!/bin/sh
# What `meson install` leaves is enough for a user: README.md's case, and its C program with its commands.
# Why passing proves it: case, program, commands and expected output are cut out of README.md, and nothing
# of the project is seen but the installed tree.
# Usage: install.sh README BUILD_DIR PREFIX LIBDIR   (CC, MESON, GREF_VERSION and TAP in the environment)
# shellcheck source=tests/support/tap.sh
. "$TAP"
readme=$1 build=$2 prefix=$3 libdir=$4
root=$tap_top/root section='Using the library from C'

# block LANGUAGE SECTION: the contents of the fenced blocks of that language in that section.
block() {
    awk -v fence='```'"$1" -v heading="## $2" '
        /^## / { inside = $0 == heading }
        inside && /^```/ { open = !open; wanted = $0 == fence; next }
        inside && open && wanted' "$readme"
}

subtest "meson install into an empty root"
# MESON is split on purpose: it may be a command with arguments.
# shellcheck disable=SC2086
DESTDIR=$root run $MESON install -C "$build" --no-rebuild
exits 0
here=$root$prefix
for file in bin/gref include/gref/gref.h "$libdir/libgref.so" "$libdir/libgref.so.0" \
    "$libdir/pkgconfig/gref.pc" share/gref/images/grass.png share/gref/cases/grass-blur.json; do
    check "$file is installed" test -e "$here/$file"
done

subtest "gref.pc names neither the build nor other packages"
run cat "$here/$libdir/pkgconfig/gref.pc"
check "no build path" sh -c '! grep -F "$1" ../out' sh "$build"
check "no Requires" sh -c '! grep -E "^Requires" ../out'
prints "^Version: $GREF_VERSION\$" '^Libs: .*-lgref'

# From here on, the installed tree as a user has it.
export PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_PATH="$here/$libdir/pkgconfig"
export LD_LIBRARY_PATH="$here/$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

subtest "the installed program runs"
run "$here/bin/gref" --version
exits 0
prints "^gref $GREF_VERSION\$"

subtest "README's case is the shipped one"
cases=$here/share/gref/cases
block json "The case file" >"$cases/readme.json"
check "README.md has a case" grep -q gref-case "$cases/readme.json"
run "$here/bin/gref" study "$cases/readme.json" --print-case
exits 0
silent
cp ../out ../readme
run "$here/bin/gref" study "$cases/grass-blur.json" --print-case
check "both are the same when completed" diff ../readme ../out
leaves

subtest "README's program compiles without a warning"
block c "$section" >../example.c
check "README.md has a program" grep -q 'int main' ../example.c
# shellcheck disable=SC2046,SC2086
run $CC -std=c11 -pedantic -Wall -Wextra -Werror ../example.c $(pkg-config --cflags --libs gref) -o example
exits 0
silent
leaves example

subtest "README's commands print what README says"
block c "$section" >example.c
block console "$section" >../session
check "README.md has commands" grep -q '^\$ ' ../session
check "README.md has output" sh -c 'grep -qv "^\$ " ../session'
sed -n 's/^\$ //p' ../session >../commands
grep -v '^\$ ' ../session >../expected
run sh -eu ../commands
exits 0
silent
check "the output is README's" diff ../expected ../out

done_testing
