#!/bin/sh
# The same W2 on one thread, two threads, the reference BLAS and BLIS: the intervals must overlap and every digit that
# two of them prove must be the same. Why passing proves it: each interval holds the one exact value, so disjoint
# intervals or different proved digits are wrong numbers, whatever the others say.
# shellcheck source=tests/support/tap.sh
. "$TAP"

/usr/bin/python3 -c 'import numpy' 2>/dev/null || skip_all "python3-numpy is not installed"
multiarch=$(gcc -print-multiarch)
libraries=/usr/lib/$multiarch

# measure NAME ENVIRONMENT...: the interval and the digits of the pair in one.npy, two.npy.
measure() {
    name=$1
    shift
    env "$@" "$GREF" w2 one.npy two.npy --no-self-test --json >"$name.json" &&
        env "$@" "$GREF" w2 one.npy two.npy --no-self-test | sed -n 's/^W2  *\([^ ]*\) .*/\1/p' >"$name.digits"
}

compare() {
    /usr/bin/python3 - <<'PY'
import glob, json, sys
runs = [(json.load(open(f)), open(f[:-4] + "digits").read().strip()) for f in sorted(glob.glob("*.json"))]
low, high = max(r["lower"] for r, _ in runs), min(r["upper"] for r, _ in runs)
def digits(text):
    mantissa, exponent = text.split("e")
    return mantissa.replace(".", ""), exponent
common = min(len(digits(d)[0]) for _, d in runs)
rounded = {"%.*e" % (common - 2, float(d)) for _, d in runs}
print(len(runs), "runs, digits", [d for _, d in runs])
sys.exit(not (len(runs) >= 2 and low <= high and len(rounded) == 1))
PY
}

for gap in 1e-2 1e-10; do
    for kappa in 1e2 1e10; do
        subtest "kappa $kappa, gap $gap: every back end proves the same"
        /usr/bin/python3 -c "
import numpy as np
r = np.random.default_rng(5); n = 40
q, _ = np.linalg.qr(r.standard_normal((n, n))); b = q * np.geomspace(1, $kappa ** -.5, n)
c = b @ b.T; g = r.standard_normal((n, n)); d = b + $gap * (g + g.T) @ b / n
np.save('one.npy', (c + c.T) / 2); e = d @ d.T; np.save('two.npy', (e + e.T) / 2)"
        measure one OPENBLAS_NUM_THREADS=1
        measure two OPENBLAS_NUM_THREADS=2
        [ ! -d "$libraries/blas" ] || measure netlib LD_LIBRARY_PATH="$libraries/blas:$libraries/lapack"
        [ ! -d "$libraries/blis-pthread" ] ||
            measure blis LD_LIBRARY_PATH="$libraries/blis-pthread:$libraries/lapack"
        check "the intervals overlap and the digits agree" compare
    done
done

done_testing
