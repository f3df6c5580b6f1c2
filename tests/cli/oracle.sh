#!/bin/sh
# gref-oracle as a program: help, refusals, and the numbers of THEORY section 10 in what it writes.
# Why passing proves it: every exit code is provoked, and a file is there exactly when the code is 0.
# shellcheck source=tests/support/tap.sh
. "$TAP"
[ -n "${GREF_ORACLE-}" ] || skip_all "gref-oracle is not built"
cases=$GREF_TEST_DATA/oracle/cases

oracle() {
    run "$GREF_ORACLE" "$@"
}

subtest "--help and --version"
oracle --help
exits 0
prints '^Usage: gref-oracle CASE.json' '^Exit codes: 0 ok'
silent
oracle --version
exits 0
prints '^gref-oracle [0-9.]+ \(FLINT [0-9.]+, Arb [0-9.]+\)$'

subtest "the variances of THEORY section 10, to the digits in which sigma = 0.1 is a double"
oracle "$cases/scalar.json" --out out.json --at 0 \
    --set 'samplers=[{"name":"ddpm","variance":"beta"},{"name":"cgdm","variance":"beta","label":"b"},{"name":"cgdm"}]'
exits 0
leaves out.json
check "unconditional" grep -q '2\.50752075007531' out.json
check "CGDM, beta" grep -q '9\.7646526752026' out.json
check "CGDM, beta~" grep -q '8\.9055054073305' out.json
check "W2 of CGDM, beta" grep -q '"b/w2/0": {"mid": "7\.5818966666' out.json
check "W2 of CGDM, beta~" grep -q '"cgdm/w2/0": {"mid": "3\.6890821786' out.json

subtest "stdout without --out"
oracle "$cases/scalar.json" --at 0 --set schedule.steps=3 --set 'report.laws_at=[0]'
exits 0
prints '"schema": "gref-oracle/1"' '"cgdm/w2/0"'
leaves

subtest "no case, an unknown option, numbers out of range"
oracle
exits 2
complains 'one case file is needed'
oracle "$cases/scalar.json" --at 1001
exits 2
complains "^gref-oracle: --at '1001' is no list of times from 0 to 1000 with commas between$"
oracle "$cases/scalar.json" --nonsense
exits 2
complains "^gref-oracle: unknown option '--nonsense', see gref-oracle --help$"
oracle "$cases/scalar.json" --at
exits 2
complains '^gref-oracle: --at needs a value, see'
for bad in 2x 0 1.5 '' 99999999999; do
    oracle "$cases/scalar.json" --threads "$bad"
    exits 2
    complains "^gref-oracle: --threads '$bad' is no whole number from 1 on, see"
done
oracle "$cases/scalar.json" --max-precision 63
exits 2
complains "max-precision '63'"
oracle "$cases/scalar.json" --rel-radius 1e-20q
exits 2
complains "rel-radius '1e-20q' is no number between 0 and 1"
oracle "$cases/scalar.json" --rel-radius 2
exits 2
complains 'rel-radius'
leaves

# These were found out only after the whole computation, with exit code 3.
subtest "a file that cannot be written, or is there, is refused before anything is computed"
echo mine >mine.json
for bad in nowhere/out.json:'No such file' .:'is not a regular file' /dev/full:'is not a regular file' \
    mine.json:'exists; --force replaces it'; do
    oracle "$cases/scalar.json" --at 0 --out "${bad%%:*}"
    exits 2
    complains "^gref-oracle: .*${bad%%:*}.*${bad#*:}"
done
check "kept" test "$(cat mine.json)" = mine
run sh -c '"$1" "$2" --at 0 --set schedule.steps=3 --set "report.laws_at=[0]" >/dev/full' sh "$GREF_ORACLE" "$cases/scalar.json"
exits 2
check "says so" grep -q 'cannot write on stdout: No space left on device' ../err
leaves mine.json
oracle "$cases/scalar.json" --at 0 --set schedule.steps=3 --set 'report.laws_at=[0]' --out mine.json --force
exits 0
check "replaced" grep -q gref-oracle/1 mine.json
leaves mine.json

subtest "a case that the library refuses gets the library's line"
oracle missing.json --out out.json
exits 2
complains 'missing.json'
oracle "$cases/scalar.json" --set noise.sigma=0 --out out.json
exits 2
complains 'dps has no C_\{v\|t\} for sigma = 0'
leaves

subtest "too few bits allowed: exit 3 and no file"
oracle "$cases/scalar.json" --max-precision 64 --out out.json
exits 3
check "says so" grep -q 'not narrow enough at 64 bits' ../err
leaves

done_testing
