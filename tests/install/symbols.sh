#!/bin/sh
# The shared library exports what the public headers declare, and nothing else.
# Why passing proves it: both lists are complete, the one by nm, the other by the preprocessor.
# Usage: symbols.sh NM LIBRARY INCLUDE_DIR   (CC and TAP in the environment)
# shellcheck source=tests/support/tap.sh
. "$TAP"
nm=$1 library=$2 include=$3
export LC_ALL=C

subtest "every exported symbol begins with gref_"
run "$nm" -D --defined-only "$library"
exits 0
awk '{ print $NF }' ../out | sed 's/@.*//' | sort >"$tap_top/exported"
check "there are exported symbols" test -s "$tap_top/exported"
check "none without gref_" sh -c '! grep -v "^gref_" "$1"' sh "$tap_top/exported"

subtest "what is exported and what the public headers declare are the same"
echo '#include <gref/gref.h>' >../all.c
# CC is split on purpose: it may be a command with arguments.
# shellcheck disable=SC2086
run $CC -I "$include" -E -P ../all.c
exits 0
grep -v '^ *typedef' ../out | grep -o 'gref_[a-z0-9_]* *(' | tr -d ' (' | sort -u >"$tap_top/declared"
check "there are declarations" test -s "$tap_top/declared"
extra=$(comm -23 "$tap_top/exported" "$tap_top/declared" | tr '\n' ' ')
check "exported, not declared: $extra" test -z "$extra"
missing=$(comm -13 "$tap_top/exported" "$tap_top/declared" | tr '\n' ' ')
check "declared, not exported: $missing" test -z "$missing"

done_testing
