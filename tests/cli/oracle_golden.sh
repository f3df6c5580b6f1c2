#!/bin/sh
# The golden files of reference/golden/oracle, made anew: byte for byte what is there, one sub-test a case.
# Why passing proves it: nobody can have touched a number, and program, cases and files belong together.
# shellcheck source=tests/support/tap.sh
. "$TAP"
[ -n "${GREF_ORACLE-}" ] || skip_all "gref-oracle is not built"
golden=$GREF_TEST_DATA/golden/oracle
made_by=$(sed -n 's/.*"program": "\(.*\)", "flint": "\(.*\)", "arb": "\(.*\)",/\1 (FLINT \2, Arb \3)/p' "$golden/scalar.json")
this=$("$GREF_ORACLE" --version)
[ "$made_by" = "$this" ] || skip_all "the files are of $made_by, this is $this"

names=$(sed -n 's/^\([a-z][a-z0-9-]*\) .*/\1/p' "$GREF_TEST_DATA/oracle/cases.txt")
for name in $names; do
    subtest "$name"
    run "$GREF_TEST_DATA/oracle/generate.sh" "$GREF_ORACLE" . "$name"
    exits 0
    leaves "$name.json"
    check "the same bytes" cmp "$name.json" "$golden/$name.json"
done

subtest "no file without a line in cases.txt"
run ls "$golden"
check "as many files as cases" test "$(wc -l <../out)" -eq "$(echo "$names" | wc -l)"

done_testing
