#!/bin/sh
# What `meson install` leaves is enough for a user of the library: the guide's page for C.
# Why passing proves it: program, commands and expected output are those of the page, and nothing of the project is
# seen but the installed tree.
# Usage: install.sh GUIDE PAGE BUILD_DIR PREFIX LIBDIR   (GUIDE is tests/guide/run.py; CC, MESON, GREF_VERSION and TAP in
# the environment)
# shellcheck source=tests/support/tap.sh
. "$TAP"
guide=$1 page=$2 build=$3 prefix=$4 libdir=$5
root=$tap_top/root

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
run "$here/bin/gref" study "$here/share/gref/cases/grass-blur.json" --print-case
exits 0
prints '"kind": "gaussian_blur"'

subtest "the page for C compiles without a warning and prints what it says"
mkdir ../bin
printf '#!/bin/sh\nPATH="%s" exec %s -std=c11 -pedantic -Wall -Wextra -Werror "$@"\n' "$PATH" "$CC" >../bin/cc
chmod +x ../bin/cc
PATH=$PWD/../bin:$PATH GREF=$here/bin/gref run "$guide" "$page"
exits 0
prints '^ok .*cc example.c' '^ok .*\./example'

done_testing
