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
complains '^gref-oracle: --at needs times between 0 and'
oracle "$cases/scalar.json" --rel-radius 2
exits 2
complains 'rel-radius'
leaves

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
