#!/bin/sh
# The self-test before every number: each command that computes with the BLAS, on one that is wrong.
# Why passing proves it: with the fault each command must refuse and leave nothing; with --no-self-test the same command
# goes on and says so, which shows that the BLAS is all it refused.
# shellcheck source=tests/support/tap.sh
. "$TAP"

# case.json, the golden folder g made on a sound BLAS, and f.npz with arrays of it.
setup() {
    ln -s "$GREF_TEST_DATA/images/grass.png" grass.png
    cat >case.json <<'CASE'
{"schema": "gref-case/1", "image": {"file": "grass.png", "crop": [200, 100, 6, 6]},
 "operator": {"kind": "gaussian_blur", "std": 1.0, "size": 3}, "noise": {"sigma": 0.3},
 "samplers": [{"name": "cgdm"}, {"name": "pigdm"}], "report": {"laws_at": [5, 0]},
 "schedule": {"kind": "linear", "beta": [1e-3, 0.3], "steps": 10}}
CASE
    "$GREF" golden case.json --dir g --allow-dirty >../log 2>&1
    "$GREF" replay case.json --noise g/z.npy --out y.npz >../log 2>&1
}

# guarded COMMAND ARGUMENT...: refused on a wrong BLAS; not refused without the guard, which is then said.
guarded() {
    subtest "gref $1${2+ $2}: exit 3 on a wrong BLAS, nothing written; --no-self-test goes on and says so"
    setup
    ls -R >../before
    faulty dgemm/always "$GREF" "$@"
    exits 3
    prints_nothing
    complains "^gref $1: self-test failed: dgemm: .*; see gref doctor$"
    ls -R >../after
    check "nothing is left" cmp ../before ../after
    faulty dgemm/always "$GREF" "$@" --no-self-test
    check "goes on, exit $tap_code" test "$tap_code" -le 1
    if [ "$1" = w2 ]; then
        prints '^self-test +skipped: the BLAS was not tested$'
        silent
    else
        check "says so" grep -qx "gref $1: note: the BLAS was not tested" ../err
    fi
    gref "$1" --help
    prints '--no-self-test '
    rm -f new.npz
    gref "$@"
    check "a sound one is not refused, exit $tap_code" test "$tap_code" -le 1
    check "and nothing is said of it" sh -c '! grep -q "not tested\|self-test" ../out ../err'
}

guarded study case.json --out out --force
guarded check g y.npz
guarded diagnose g y.npz
guarded crosscheck case.json
guarded asymptotics case.json
guarded replay case.json --noise g/z.npy --out new.npz --force
guarded eval case.json --t 5 --x g/probe/5.npy --quantity score --out new.npy --force
guarded w2 g/target/cov/5.npy g/cgdm/cov/5.npy

subtest "bad input is refused as such: it costs no self-test"
setup
faulty dgemm/always "$GREF" check nowhere y.npz
exits 2
complains 'nowhere'
faulty dgemm/always "$GREF" eval nowhere.json --t 1 --x g/mu.npy --quantity score
exits 2
complains 'nowhere.json'

done_testing
