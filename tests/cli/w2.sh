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

# 2 x 2 int32 matrices: [5, 3; 3, 5] and [10, 8; 8, 10], of eigenvalues 8, 2 and 18, 2 in one basis; diag(1, 4) and
# diag(4, 9); and bad ones.
matrices() {
    npy a.npy '<i4' '(2, 2)' '\005\000\000\000\003\000\000\000\003\000\000\000\005\000\000\000'
    npy b.npy '<i4' '(2, 2)' '\012\000\000\000\010\000\000\000\010\000\000\000\012\000\000\000'
    npy d14.npy '<i4' '(2, 2)' '\001\000\000\000\000\000\000\000\000\000\000\000\004\000\000\000'
    npy d49.npy '<i4' '(2, 2)' '\004\000\000\000\000\000\000\000\000\000\000\000\011\000\000\000'
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

subtest "eigenvalues 8, 2 to 18, 2 in one basis: W2 = sqrt 2, proved"
matrices
gref w2 a.npy b.npy
exits 0
prints '^W2 +1\.414213562373.*proved' '^W2\^2 +(2\.0000|1\.9999)' '^interval ' '^method +map\+factor, rank 2 of 2'
silent

subtest "diag(1, 4) to diag(4, 9): W2 = sqrt(1 + 1), of variances, proved also by --fast"
matrices
for fast in '' --fast; do
    # shellcheck disable=SC2086
    gref w2 d14.npy d49.npy $fast
    exits 0
    prints '^W2 +1\.414213562373.*proved' '^method +spectra, rank 2 of 2'
done

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

subtest "--fast gives the value, and no digit more than it vouches for"
matrices
gref w2 a.npy b.npy --fast
exits 0
prints '^W2 +1\.41421356[0-9]{3,6}e\+00   \(digits vouched for' '^W2\^2 +(2\.0|1\.9)' '^covariance part +1\.4142135[0-9]+e'
gref w2 a.npy b.npy --fast --json
exits 0
prints '"certified": false' '"lower": null' '"upper": null' '"w2": 1\.414213562373' '"error": [0-9.]+e-1[0-9]'

# float32 statistics of 3 samples in 4 dimensions: the rounding left an eigenvalue below 0.
subtest "the rounding of a float32 file is in the interval; that of a double file is refused"
python3 - <<'PYTHON'
import struct, zipfile
def npy(kind, shape, *numbers):
    head = "{'descr': '<f%d', 'fortran_order': False, 'shape': %s, }" % (struct.calcsize(kind), shape)
    return b"\223NUMPY\1\0v\0" + (head.ljust(117) + "\n").encode() + struct.pack("<%d%s" % (len(numbers), kind), *numbers)
v, w = (0.1, 0.7, -0.3, 0.9), (0.3, -0.2, 0.6, 0.1)
C = [[struct.unpack("<f", struct.pack("<f", v[i] * v[j] + w[i] * w[j]))[0] for j in range(4)] for i in range(4)]
C[0][0] -= 2.0 ** -26
D = [[C[i][j] * (4 if i == j else 1) for j in range(4)] for i in range(4)]
D[1][0] *= 1 + 3e-7
for kind in "df":
    for name, X in ("low", C), ("skew", D):
        with zipfile.ZipFile(name + kind + ".npz", "w") as out:
            out.writestr("mu.npy", npy(kind, (4,), 0, 0, 0, 0))
            out.writestr("sigma.npy", npy(kind, (4, 4), *sum(X, [])))
PYTHON
for fast in '' --fast; do
    # shellcheck disable=SC2086
    gref w2 lowf.npz skewf.npz $fast
    exits 0
    prints '^W2 ' '^rounding +a covariance is symmetric and semi-definite only up to the rounding of its file; '
    # shellcheck disable=SC2086
    gref w2 lowd.npz lowd.npz $fast
    refused 2 'lowd.npz: the covariance is not positive semi-definite'
    # shellcheck disable=SC2086
    gref w2 lowf.npz skewd.npz $fast
    refused 2 'skewd.npz: the covariance is not symmetric'
done
gref w2 lowf.npz skewf.npz --json
exits 0
prints '"rounding_in_interval": true' '"r_in": 0\.000[1-9]'

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
refused 2 'indefinite.npy: the covariance is not positive semi-definite' '-1' 'proved to be at most -(1|0\.99)'

subtest "an asymmetric matrix: the entries, and what to do"
matrices
gref w2 skewed.npy a.npy
refused 2 'skewed.npy: the covariance is not symmetric' '\(1, 0\)' '\(C \+ C\^T\)/2'

# A covariance held against a factor is C1 to the formulas, whichever it was on the command line.
subtest "the file at fault is named, also where the two laws are of different kinds"
matrices
python3 - <<'PYTHON'
import zipfile
def npy(shape, *numbers):
    head = "{'descr': '<i4', 'fortran_order': False, 'shape': %s, }" % (shape,)
    return b"\223NUMPY\1\0v\0" + (head.ljust(117) + "\n").encode() + b"".join(k.to_bytes(4, "little", signed=True) for k in numbers)
def law(name, **arrays):
    with zipfile.ZipFile(name, "w") as out:
        for key, value in arrays.items():
            out.writestr(key + ".npy", value)
law("factor.npz", mean=npy((2,), 0, 0), factor=npy((2, 1), 1, 2))
law("asym.npz", mean=npy((2,), 0, 0), cov=npy((2, 2), 1, 0, 1, 4))
law("indef.npz", mean=npy((2,), 0, 0), cov=npy((2, 2), 1, 2, 2, 1))
law("negative.npz", mean=npy((2,), 0, 0), variances=npy((2,), 1, -3))
law("variances.npz", mean=npy((2,), 0, 0), variances=npy((2,), 1, 3))
PYTHON
for fast in '' --fast; do
    for other in factor.npz a.npy; do
        # shellcheck disable=SC2086
        for bad in asym:'symmetric: entry' indef:'positive semi-definite'; do
            gref w2 "$other" "${bad%%:*}.npz" $fast
            refused 2 "^gref w2: ${bad%%:*}.npz: the covariance is not ${bad#*:}"
            gref w2 "${bad%%:*}.npz" "$other" $fast
            refused 2 "^gref w2: ${bad%%:*}.npz: the covariance is not ${bad#*:}"
        done
    done
done
gref w2 variances.npz negative.npz
refused 2 'negative.npz: variance 1 is negative: -3'
gref w2 variances.npz a.npy
refused 2 'variances.npz and a.npy: variances in an unnamed basis'

subtest "a distance whose square is no double"
npy zero.npy '<f8' '(1, 1)' '\000\000\000\000\000\000\000\000'
python3 - <<'PYTHON'
import struct, zipfile
def npy(shape, *numbers):
    head = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }" % (shape,)
    return b"\223NUMPY\1\0v\0" + (head.ljust(117) + "\n").encode() + struct.pack("<%dd" % len(numbers), *numbers)
with zipfile.ZipFile("far.npz", "w") as out:
    out.writestr("mean.npy", npy((1,), 2e300))
    out.writestr("cov.npy", npy((1, 1), 1.0))
PYTHON
gref w2 zero.npy far.npz
exits 0
prints '^W2 +(2\.0|1\.9).*e\+(300|299).*proved' '^W2\^2 +overflows a double$'
gref w2 zero.npy far.npz --json
exits 0
prints '"w2": 2\.0.*e\+?300' '"w2_squared": null'

subtest "--no-self-test is said in both outputs"
matrices
gref w2 a.npy b.npy --no-self-test
exits 0
prints '^self-test +skipped: the BLAS was not tested$'
gref w2 a.npy b.npy --no-self-test --json
exits 0
prints '"self_test": "skipped"'

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
refused 2 'tiny.npy and a.npy have 1 and 2 dimensions'
gref w2 /dev/null a.npy
refused 2 '/dev/null is not a regular .npz or .npy file'
ln -s /dev/null null.npy
gref w2 null.npy a.npy
refused 2 'null.npy'

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
