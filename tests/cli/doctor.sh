#!/bin/sh
# gref doctor, and the guard of gref study, on a BLAS that is sound and on ones that are not.
# Why passing proves it: every fault is first seen by a program that shares nothing with the self-test; then the
# doctor must name the routine, and the study must leave nothing. Without the fault both must be content, so that
# neither refuses out of habit.
# shellcheck source=tests/support/tap.sh
. "$TAP"

setup() {
    ln -s "$GREF_TEST_DATA/images/grass.png" grass.png
    cat >case.json <<'CASE'
{"schema": "gref-case/1", "image": {"file": "grass.png", "crop": [200, 100, 6, 6]},
 "operator": {"kind": "gaussian_blur", "std": 1.0, "size": 3},
 "noise": {"sigma": 0.3}, "schedule": {"kind": "linear", "beta": [1e-3, 0.3], "steps": 10}}
CASE
}

# counts OPERATOR NUMBER: how many of the probe's calls are wrong, as in "counts -eq 4".
counts() {
    wrong=$(sed -n 's/.*: \([0-9]*\) of 64 calls wrong$/\1/p' ../out)
    check "$wrong wrong calls of 64 $1 $2" test "$wrong" "$1" "$2"
}

json() {
    python3 -c "import json, sys; d = json.load(open('../out')); $1"
}

subtest "a sound BLAS: every check is ok, exit 0"
gref doctor
exits 0
prints '^BLAS    ' '^LAPACK  [0-9]' '^CPU     ' '^trusted '
for name in rounding precision subnormals fma threading dot2 dgemm; do
    prints "^ok    $name "
done
check "nothing fails" sh -c '! grep -q FAIL ../out'
silent
leaves

subtest "every routine that src/dense/lapack.c calls is tested"
gref doctor --json
exits 0
called=$(grep -oE '(cblas|LAPACKE)_d[a-z0-9]+' "$GREF_TEST_DATA/../src/dense/lapack.c" | sed 's/.*_//' | sort -u)
for name in $called; do
    check "$name is a check of its own" json "assert '$name' in [c['name'] for c in d['checks']]"
    check "$name has a fault in this script" grep -q "^fault $name/" "$0"
done
check "they are found in the source" test "$(echo "$called" | wc -l)" -ge 8

subtest "--json: the report as one JSON object"
gref doctor --json
exits 0
silent
check "keys" json "assert set(d) == set('schema version trusted seconds checks blas lapack cpu'.split())"
check "keys of blas" json "assert set(d['blas']) == set('name config path core threads flavour'.split())"
check "keys of lapack" json "assert set(d['lapack']) == {'version', 'path'}"
check "trusted" json "assert d['trusted'] is True and all(c['passed'] for c in d['checks'])"
check "counts and ratios" json "
assert all(c['wrong'] == 0 and 0 <= c['worst'] <= 1 for c in d['checks'])
assert sum(c['calls'] for c in d['checks']) > 2000"
check "a library that is there" json "import os; assert os.path.exists(d['blas']['path'])"

subtest "an argument it does not know"
gref doctor --jsno
exits 2
complains "unknown option '--jsno', did you mean '--json'"

subtest "preloading alone changes nothing"
setup
faulty none "$GREF_FAULT_PROBE" dgemm
counts -eq 0
faulty none "$GREF" doctor
exits 0
prints '^trusted '
faulty none "$GREF" study case.json --out out
exits 0
check "summary.json says so" grep -q '"self_test": "passed"' out/summary.json

# fault FAULT OPERATOR NUMBER: the probe counts as many, the doctor names the routine, the study refuses.
fault() {
    name=${1%%/*}
    subtest "$1 is found by the doctor and stops the study"
    setup
    run "$GREF_FAULT_PROBE" "$name"
    counts -eq 0
    faulty "$1" "$GREF_FAULT_PROBE" "$name"
    counts "$2" "$3"
    faulty "$1" "$GREF" doctor
    exits 3
    prints "^FAIL  $name +[0-9]+ of [0-9]+ calls wrong: .* at " '^NOT TRUSTED ' '^What may help' \
        'another BLAS: .*update-alternatives'
    complains "^gref doctor: not to be trusted: .*$name"
    faulty "$1" "$GREF" study case.json --out out
    exits 3
    prints_nothing
    complains '^gref study: self-test failed: .*; see gref doctor$'
    leaves grass.png case.json
}

fault dgemm/mod5 -eq 4
complains '^gref study: self-test failed: dgemm: '
fault dgemm/50 -eq 1
complains '^gref study: self-test failed: dgemm: '
fault dsyrk/50 -eq 1
fault dtrsm/50 -eq 1
fault dgemv/50 -ge 1
fault dpotrf/always -eq 64
fault dpotrf/50 -eq 1
fault dpstrf/50 -eq 1
fault dsyevd/50 -eq 1
fault dsyevd/always/vector -ge 50
fault dgesdd/50 -eq 1
fault dgesdd/always/vector -ge 50

subtest "the kernels are named, with others to try, where the BLAS says what they are"
gref doctor --json
core=$(json 'print(d["blas"]["core"])')
faulty dgemm/always "$GREF" doctor
exits 3
if [ -n "$core" ]; then
    complains "with $core kernels"
    [ "$(uname -m)" != x86_64 ] || prints 'OPENBLAS_CORETYPE='
else
    complains '; (unknown|BLIS|reference BLAS)$'
fi

subtest "--json of a failure: exit 3, null for an error beyond any bound"
faulty dgemm/always "$GREF" doctor --json
exits 3
complains 'not to be trusted: dgemm'
check "json" json "
assert d['trusted'] is False
[c] = [c for c in d['checks'] if c['name'] == 'dgemm']
assert c['wrong'] == c['calls'] and c['worst'] is None and not c['passed']"

subtest "a routine that makes NaN is named, and LAPACK is not run on it"
faulty dgemm/50/nan "$GREF" doctor
exits 3
prints '^FAIL  dgemm .*NaN' '^FAIL  dgesdd +not run: dgemm makes NaN'

subtest "--no-self-test does the study all the same, and the files say so"
setup
faulty dgemm/always "$GREF" study case.json --out out --no-self-test
exits 0
complains 'the BLAS was not tested'
check "summary.json says so" grep -q '"self_test": "skipped"' out/summary.json
gref study case.json --out sound
check "and its numbers are wrong indeed" sh -c '! cmp -s out/w2.csv sound/w2.csv'

subtest "a process that rounds upwards"
faulty upward "$GREF" doctor
exits 3
prints '^FAIL  rounding ' 'LD_PRELOAD'
complains 'not to be trusted: rounding'

subtest "a process that flushes subnormals"
if [ "$(uname -m)" = x86_64 ]; then
    faulty flush "$GREF" doctor
    exits 3
    prints '^FAIL  subnormals '
    complains 'not to be trusted: subnormals;'
else
    check "only on x86-64" true
fi

subtest "an OpenBLAS without threads is refused where threads are asked for, and only there"
gref doctor --json
if json "assert d['blas']['name'] == 'OpenBLAS'" 2>../check; then
    faulty serial env OPENBLAS_NUM_THREADS=2 OMP_NUM_THREADS=1 "$GREF" doctor
    exits 3
    prints '^BLAS .* flavour serial$' '^FAIL  threading .*OPENBLAS_NUM_THREADS = 2' 'libopenblas0-pthread'
    complains 'not to be trusted: threading;'
    faulty serial env OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 "$GREF" doctor
    exits 0
else
    check "not an OpenBLAS" true
fi

done_testing
