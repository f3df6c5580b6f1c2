#!/bin/sh
# What `meson install` leaves is enough for a C program: the one in README.md, with README.md's commands.
# Why passing proves it: program, commands and expected output are cut out of README.md, and the compiler
# sees nothing of the project but the installed tree.
# Usage: install.sh README BUILD_DIR PREFIX LIBDIR   (CC, MESON, GREF_VERSION and TAP in the environment)
# shellcheck source=tests/support/tap.sh
. "$TAP"
readme=$1 build=$2 prefix=$3 libdir=$4
root=$tap_top/root

# block LANGUAGE: the contents of the fenced blocks of that language between "## Using the library from C"
# and the next section.
block() {
    awk -v language="$1" '
        /^## / { inside = /^## Using the library from C/ }
        inside && /^```/ { open = !open; wanted = open && $0 == "```" language; next }
        inside && open && wanted' "$readme"
}

subtest "meson install into an empty root"
# MESON is split on purpose: it may be a command with arguments.
# shellcheck disable=SC2086
DESTDIR=$root run $MESON install -C "$build" --no-rebuild
exits 0
here=$root$prefix
for file in bin/gref include/gref/gref.h "$libdir/libgref.so" "$libdir/libgref.so.0" \
    "$libdir/pkgconfig/gref.pc" share/gref/images/grass.png; do
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
export PATH="$here/bin:$PATH"

subtest "the installed program runs"
run gref --version
exits 0
prints "^gref $GREF_VERSION\$"
check "it is the installed one" test "$(command -v gref)" = "$here/bin/gref"

subtest "README's program compiles without a warning"
block c >../example.c
check "README.md has a program" grep -q 'int main' ../example.c
# shellcheck disable=SC2046,SC2086
run $CC -std=c11 -pedantic -Wall -Wextra -Werror ../example.c $(pkg-config --cflags --libs gref) -o example
exits 0
silent
leaves example

subtest "README's commands print what README says"
block c >example.c
block console >../session
check "README.md has commands" grep -q '^\$ ' ../session
check "README.md has output" sh -c 'grep -qv "^\$ " ../session'
sed -n 's/^\$ //p' ../session >../commands
grep -v '^\$ ' ../session >../expected
run sh -eu ../commands
exits 0
silent
check "the output is README's" diff ../expected ../out

done_testing
