#!/bin/sh
# Every public header compiles alone, as C11 and as C++, and the umbrella names them all.
# Why passing proves it: each header is the first and only line of a program, with the strictest warnings.
# Usage: headers.sh INCLUDE_DIR CXX_OR_EMPTY HEADER...   (CC and TAP in the environment)
# shellcheck source=tests/support/tap.sh
. "$TAP"
include=$1 cxx=$2
shift 2

strict='-pedantic -Wall -Wextra -Werror -fsyntax-only'

for header in "$@"; do
    name=$(basename "$header")
    subtest "$name compiles alone${cxx:+, also as C++}"
    printf '#include <gref/%s>\nint nothing_but_this_header;\n' "$name" | tee ../alone.c >../alone.cc
    # CC and strict are split on purpose.
    # shellcheck disable=SC2086
    run $CC -std=c11 $strict -I "$include" ../alone.c
    exits 0
    silent
    if [ -n "$cxx" ]; then
        # shellcheck disable=SC2086
        run "$cxx" -std=c++11 $strict -I "$include" ../alone.cc
        exits 0
        silent
    fi
done

subtest "gref/gref.h includes every header, and meson.build installs every one"
for header in "$include"/gref/*.h; do
    name=$(basename "$header")
    check "$name is in public_headers of meson.build" sh -c '
        name=$1; shift
        for h in "$@"; do [ "$(basename "$h")" != "$name" ] || exit 0; done; exit 1' sh "$name" "$@"
    [ "$name" = gref.h ] ||
        check "gref.h includes $name" grep -qx "#include <gref/$name>" "$include/gref/gref.h"
done

done_testing
