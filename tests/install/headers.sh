#!/bin/sh
# Every public header compiles alone, as C11 and as C++, and the umbrella names them all.
# Why passing proves it: each header is the first and only line of a program, with the strictest warnings.
# Usage: headers.sh INCLUDE_DIR CXX_OR_EMPTY HEADER...   (CC and TAP in the environment)
. "$TAP"
include=$1 cxx=$2
shift 2

compile() {
    run "$@"
    exits 0
    silent
}

for header in "$@"; do
    name=$(basename "$header")
    subtest "$name as C11"
    printf '#include <gref/%s>\nint nothing_but_this_header;\n' "$name" >../alone.c
    # CC is split on purpose: it may be a command with arguments.
    # shellcheck disable=SC2086
    compile $CC -std=c11 -pedantic -Wall -Wextra -Werror -I "$include" -fsyntax-only ../alone.c
    if [ -n "$cxx" ]; then
        subtest "$name as C++"
        cp ../../$((tap_n - 1))/alone.c ../alone.cc
        compile "$cxx" -std=c++11 -pedantic -Wall -Wextra -Werror -I "$include" -fsyntax-only ../alone.cc
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
