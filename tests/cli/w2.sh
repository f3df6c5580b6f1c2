#!/bin/sh
# gref w2 as users run it: files in every form, the proof in both outputs, and what it says to bad input.
# Why passing proves it: the distances are known in closed form, and must lie in the printed interval.
# shellcheck source=tests/support/tap.sh
. "$TAP"

# npy NAME DESCR SHAPE BYTES(octal escapes): a .npy file with that data.
npy() {
    printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': $3, }" >"$1"
    # shellcheck disable=SC2059
    printf "$4" >>"$1"
}

# 2 x 2 int32 matrices: diag(1, 4), diag(4, 9), and bad ones.
matrices() {
    npy a.npy '<i4' '(2, 2)' '\001\000\000\000\000\000\000\000\000\000\000\000\004\000\000\000'
    npy b.npy '<i4' '(2, 2)' '\004\000\000\000\000\000\000\000\000\000\000\000\011\000\000\000'
    npy indefinite.npy '<i4' '(2, 2)' '\001\000\000\000\002\000\000\000\002\000\000\000\001\000\000\000'
    npy singular.npy '<i4' '(2, 2)' '\001\000\000\000\003\000\000\000\003\000\000\000\011\000\000\000'
    npy skewed.npy '<i4' '(2, 2)' '\001\000\000\000\000\000\000\000\001\000\000\000\004\000\000\000'
    npy vector.npy '<i4' '(2,)' '\001\000\000\000\000\000\000\000'
    npy nan.npy '<f8' '(1, 1)' '\000\000\000\000\000\000\370\177'
    npy empty.npy '<f8' '(0, 0)' ''
    npy tiny.npy '<f8' '(1, 1)' '\131\363\370\302\037\156\245\001'
    npy huge.npy '<f8' '(1, 1)' '\234\165\000\210\074\344\067\176'
}

refused() {
    exits "$1"
    shift
    prints_nothing
    complains "$@"
}

subtest "diag(1, 4) to diag(4, 9): W2 = sqrt(1 + 1), proved"
matrices
gref w2 a.npy b.npy
exits 0
prints '^W2 +1\.414213562373.*proved' '^W2\^2 +(2\.0000|1\.9999)' '^interval ' '^method +map\+factor, rank 2 of 2'
silent

subtest "--json has every key, and its interval holds sqrt 2"
matrices
gref w2 a.npy b.npy --json
exits 0
prints '"certified": true' '"method": "map\+factor"' '"rank": 2' '"w2_squared": ' '"w2_mean": 0\.0' '"w2_cov": 1\.41' \
    '"r_in": ' '"lower": 1\.414213562373' '"upper": 1\.414213562373'

subtest "singular covariances: the rank decision and what it may cost are said"
matrices
gref w2 singular.npy singular.npy
exits 0
prints '^method +factor, rank 1 of 2' '^rank +what lies beyond rank 1, taken as 0, may move W2 by [0-9.]+e-[0-9]+ \(in the interval\)$'
gref w2 singular.npy singular.npy --json
exits 0
prints '"rank": 1' '"rank_cost": [0-9]'

subtest "--fast gives the value and claims nothing"
matrices
gref w2 a.npy b.npy --fast --json
exits 0
prints '"certified": false' '"lower": null' '"upper": null' '"w2": 1\.414213562373'

subtest "a law against itself"
matrices
gref w2 a.npy a.npy --json
exits 0
prints '"w2": 0\.0' '"lower": 0\.0'

subtest "covariances of 1e-300 and 1e300"
matrices
gref w2 tiny.npy huge.npy
exits 0
prints '^W2 +(1\.0000|9\.9999).*e\+(150|149)'
gref w2 tiny.npy tiny.npy
exits 0

subtest "an indefinite matrix: its most negative eigenvalue, and the proof"
matrices
gref w2 a.npy indefinite.npy
refused 2 'C2 is not positive semi-definite' '-1' 'proved to be at most -(1|0\.99)'

subtest "an asymmetric matrix: the entries, and what to do"
matrices
gref w2 skewed.npy a.npy
refused 2 'C1 is not symmetric' '\(1, 0\)' '\(C \+ C\^T\)/2'

subtest "NaN is located"
matrices
gref w2 nan.npy nan.npy
refused 2 'nan.npy' 'nan at row 0, column 0'

subtest "0 x 0, vectors, sizes that differ, missing and foreign files"
matrices
gref w2 empty.npy empty.npy
refused 2 'empty.npy' '0 dimensions'
gref w2 vector.npy a.npy
refused 2 'vector.npy' 'square'
gref w2 nan.npy a.npy
refused 2 'nan.npy'
gref w2 nowhere.npz a.npy
refused 2 'nowhere.npz'
echo hello >foreign.npz
gref w2 foreign.npz a.npy
refused 2 'foreign.npz'
gref w2 tiny.npy a.npy
refused 2 '1 and 2 dimensions'

subtest "an archive with the wrong keys: what is there is named"
GREF_CASE="$GREF_TEST_DATA/cases/grass-patches.json"
gref study "$GREF_CASE" --out out --set schedule.steps=5
exits 0
gref w2 out/arrays.npz out/arrays.npz
refused 2 'Sigma' 'mean with cov'

subtest "one operand, unknown option"
gref w2 a.npy
exits 2
gref w2 a.npy b.npy --fats
refused 2 'fast'

done_testing
