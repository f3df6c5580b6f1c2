#!/usr/bin/python3
"""gref w2 against the trace formulas that FID and optimal-transport tools use, on the multiplicative pairs of THEORY section 11.

Truth is W2 of the same doubles in 110-digit arithmetic (mpmath), which shares nothing with either side. It proves that
the interval holds the truth, and prints how many times larger the error of each formula is. TAP on stdout.
"""
import json
import math
import os
import subprocess
import sys
import tempfile

try:
    import mpmath as mp
    import numpy as np
    import scipy.linalg
except ImportError as missing:
    print(f"1..0 # SKIP {missing}")
    sys.exit(0)

N, DIGITS = 24, 110


def pair(kappa, gap):
    rng = np.random.default_rng(1000)
    q, r = np.linalg.qr(rng.standard_normal((N, N)))
    b = q * np.sign(np.diag(r)) * np.sqrt(np.geomspace(1, 1 / kappa, N) if kappa > 1 else np.ones(N))
    s = rng.standard_normal((N, N))
    s = (s + s.T) / 2
    b2 = b + gap * (s / np.linalg.norm(s, 2)) @ b
    c1, c2 = b @ b.T, b2 @ b2.T
    return (c1 + c1.T) / 2, (c2 + c2.T) / 2


def truth(c1, c2):
    mp.mp.dps = DIGITS
    a, b = mp.matrix(c1.tolist()), mp.matrix(c2.tolist())
    e, v = mp.eigsy(a)
    root = v * mp.diag([mp.sqrt(x) for x in e]) * v.T
    m = root * b * root
    e = mp.eigsy((m + m.T) / 2, eigvals_only=True)
    return mp.sqrt(sum(a[i, i] + b[i, i] for i in range(N)) - 2 * sum(mp.sqrt(x) for x in e))


def by_sqrtm(c1, c2):
    root = scipy.linalg.sqrtm(c1 @ c2)
    return (np.trace(c1) + np.trace(c2) - 2 * np.trace(root)).real


def by_eigh(c1, c2):
    def sqrt(c):
        e, v = np.linalg.eigh(c)
        return (v * np.sqrt(e)) @ v.T

    half = sqrt(c1)
    return np.trace(c1) + np.trace(c2) - 2 * np.trace(sqrt(half @ c2 @ half))


def error(squared, exact):
    """Relative error of W2; infinite where the formula gives a negative square or NaN."""
    if not squared >= 0:
        return math.inf
    return float(abs(mp.sqrt(mp.mpf(float(squared))) / exact - 1))


def show(x):
    return "negative/NaN" if math.isinf(x) else f"{x:.0e}"


def main():
    gref, number, failed = os.environ["GREF"], 0, 0
    print(f"# {'kappa':>6} {'gap':>6} {'sqrtm':>13} {'eigh':>13} {'gref w2':>9} {'width':>8}")
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        for kappa in (1, 1e8, 1e12):
            for gap in (1e-2, 1e-8, 1e-16):
                c1, c2 = pair(kappa, gap)
                names = [os.path.join(folder, name) for name in ("1.npy", "2.npy")]
                np.save(names[0], c1)
                np.save(names[1], c2)
                run = subprocess.run([gref, "w2", *names, "--json", "--no-self-test"], capture_output=True, text=True)
                w, exact = json.loads(run.stdout), truth(c1, c2)
                ours, width = error(w["w2"] ** 2, exact), (w["upper"] - w["lower"]) / w["upper"]
                theirs = error(by_sqrtm(c1, c2), exact), error(by_eigh(c1, c2), exact)
                print(f"# {kappa:6.0e} {gap:6.0e} {show(theirs[0]):>13} {show(theirs[1]):>13} {ours:9.0e} {width:8.1e}")
                inside = mp.mpf(w["lower"]) <= exact <= mp.mpf(w["upper"])
                # their error is of order eps/gap^2: at gap 1e-8 and below no digit is left, ours has all
                beaten = ours <= 4e-15 and width <= 4e-15 and (gap > 1e-5 or min(theirs) > 1e10 * ours)
                number += 1
                failed += not (inside and beaten)
                print(f"{'ok' if inside and beaten else 'not ok'} {number} - kappa {kappa:.0e}, gap {gap:.0e}")
    print(f"1..{number}")
    return 1 if failed else 0


sys.exit(main())
