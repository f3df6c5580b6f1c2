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
guarded golden case.json --out new.npz --allow-dirty
guarded golden --verify g
guarded check g y.npz
guarded diagnose g y.npz --sampler cgdm
guarded crosscheck case.json
guarded asymptotics case.json
guarded replay case.json --noise g/z.npy --out new.npz --force
guarded eval case.json --t 5 --x g/probe/5.npy --quantity score --out new.npy --force
guarded w2 g/target/cov/5.npy g/cgdm/cov/5.npy

manifest() {
    check "manifest.json has self_test \"$1\"" grep -qx " \"self_test\": \"$1\"," g/manifest.json
}

# With numbers that are wrong by 1e-6 and a manifest that did not say so, they were once what others were held to.
subtest "a golden file says whether its BLAS was tested, and who uses one that was not is warned"
setup
manifest passed
gref golden --verify g
exits 0
silent
rm -r g
faulty dgemm/always "$GREF" golden case.json --dir g --allow-dirty --no-self-test
exits 0
complains '^gref golden: note: the BLAS was not tested$'
manifest skipped
check "command" grep -q '"command": "gref golden case.json --no-self-test"' g/manifest.json
warning='warning: g was written with --no-self-test: nobody tested the BLAS that computed it$'
gref golden --verify g
exits 1
prints '^differs '
complains "^gref golden: $warning"
gref check g y.npz
exits 1
complains "^gref check: $warning"
gref diagnose g y.npz --sampler cgdm
exits 1
complains "^gref diagnose: $warning"

subtest "--rewrite replaces a file whose BLAS was not tested even where no number moves, but not the other way round"
setup
gref golden case.json --dir g --allow-dirty --rewrite --reason again --no-self-test
exits 0
prints '^g: agrees within its tolerances, left as it is$'
manifest passed
rm -r g
gref golden case.json --dir g --allow-dirty --no-self-test
manifest skipped
gref golden case.json --dir g --allow-dirty --rewrite --reason tested
exits 0
prints '^differs  the self-test was skipped$' '^g: replaced$'
manifest passed

subtest "an older golden file does not say, counts as tested, and is rewritten to say so; another word is refused"
setup
sed -i '/"self_test"/d' g/manifest.json
for use in 'golden --verify g' 'check g g' 'diagnose g g --sampler cgdm'; do
    # shellcheck disable=SC2086
    gref $use
    exits 0
    silent
done
gref golden case.json --dir g --allow-dirty --rewrite --reason "to say so"
exits 0
prints '^differs  no self_test in manifest.json$' '^g: replaced$'
manifest passed
sed -i 's/"self_test": "passed"/"self_test": "maybe"/' g/manifest.json
gref check g g
exits 2
complains 'g: manifest.json: self_test is neither "passed" nor "skipped"'

# Right to 1e-6 only, a BLAS would fail these as if the library were wrong; or, wrong elsewhere, pass.
subtest "what holds the library to the oracle is not run on a wrong BLAS"
for program in "$GREF_TEST_ORACLE" "$GREF_TEST_ERRORS"; do
    faulty dgemm/always "$program"
    exits 1
    check "one line" test "$(wc -l <../out)" -eq 1
    prints '^Bail out! self-test failed: dgemm: .*; .*; see gref doctor$'
done

subtest "bad input is refused as such: it costs no self-test"
setup
faulty dgemm/always "$GREF" check nowhere y.npz
exits 2
complains 'nowhere'
faulty dgemm/always "$GREF" eval nowhere.json --t 1 --x g/mu.npy --quantity score
exits 2
complains 'nowhere.json'

done_testing
