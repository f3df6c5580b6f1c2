"""The laws of the samplers of sampler_cases.py in interval arithmetic: the loops of published.py on intervals.

W, s and V of the cases are exact, and no eigenvalue enters a law: every number is an interval that holds the exact value
for the doubles of the case, as narrow as 90 digits make it. W2 is enclosed from both sides by duality.

    enclosed.py FILE    writes the enclosures
"""
import json
import sys

import numpy as np
from mpmath import iv, mp

from published import Sampler
from sampler_cases import PROBLEMS

iv.dps, mp.dps = 90, 110
KEPT = 22  # digits in the file
ZERO, ONE = iv.mpf(0), iv.mpf(1)


def deferring(method):
    """An interval times an array is the array's business; mpmath would raise."""
    return lambda x, y: NotImplemented if isinstance(y, np.ndarray) else method(x, y)


for operation in ("__add__", "__sub__", "__mul__"):
    setattr(iv.mpf, operation, deferring(getattr(iv.mpf, operation)))


class Intervals:
    sqrt, exp, log = iv.sqrt, iv.exp, iv.log

    @staticmethod
    def lift(x):
        return np.vectorize(lambda d: iv.mpf(float(d)), otypes=[object])(x) if np.ndim(x) else iv.mpf(float(x))

    @staticmethod
    def eye(n):
        return np.array([[ONE if i == j else ZERO for j in range(n)] for i in range(n)], object)

    @staticmethod
    def svd(p):
        """Known; a problem without has only rows that do not ask."""
        return (p["W"], p["s"], p["V"].T) if p["V"] is not None else (np.eye(len(p["v"])), np.zeros(1), np.eye(len(p["mu"])))

    @staticmethod
    def solve(C, B):
        """By elimination; a pivot that may be 0 gives an infinite interval."""
        n, X = len(C), np.concatenate([C, B], 1)
        for k in range(n):
            p = k + max(range(n - k), key=lambda i: abs(X[k + i, k]).a)
            X[[k, p]] = X[[p, k]]
            X[k] = X[k] / X[k, k]
            for i in range(n):
                if i != k:
                    X[i] = X[i] - X[i, k] * X[k]
        return X[:, n:]


def cholesky(C):
    """L with C = L L^T, or None where that is not proved."""
    n, L = len(C), Intervals.eye(len(C)) * ZERO
    for j in range(n):
        d = C[j, j] - L[j] @ L[j]
        if not d.a > 0:
            return None
        L[j, j] = iv.sqrt(d)
        for i in range(j + 1, n):
            L[i, j] = (C[i, j] - L[i] @ L[j]) / L[j, j]
    return L


def w2(m1, L1, m2, C2):
    """W2, its mean part, its covariance part; None where C2 is not proved to be regular.

    With G = L2^T L1, cov^2 = tr C1 + tr C2 - 2 |G|_*, and for every H > 0 and every Q
        tr(Q^T G)/|Q| <= |G|_* <= (tr(H^-1 G G^T) + tr H)/2.
    H is near (G G^T)^1/2 and Q = H^-1 G, so that |Q| is 1 or little more.
    """
    L2, I = cholesky(C2), Intervals.eye(len(C2))
    if L2 is None:
        return None
    G = L2.T @ L1
    GG, n = G @ G.T, len(G)
    values, vectors = mp.eigsy(mp.matrix([[mp.mpf(x.mid.a) for x in row] for row in GG]))
    near = vectors * mp.diag([mp.sqrt(abs(x) + mp.mpf(10) ** -60) for x in values]) * vectors.T
    H = np.array([[iv.mpf(near[max(i, j), min(i, j)]) for j in range(n)] for i in range(n)], object)
    Q, more = Intervals.solve(H, G), iv.mpf("1e-40")
    assert cholesky(H) is not None and cholesky((1 + more) * I - Q @ Q.T) is not None
    upper, lower = (np.trace(Intervals.solve(H, GG)) + np.trace(H)) / 2, np.sum(Q * G) / iv.sqrt(1 + more)
    mean2, cov2 = (m1 - m2) @ (m1 - m2), np.sum(L1 * L1) + np.trace(C2) - 2 * iv.mpf([lower.a, upper.b])
    return [iv.sqrt(iv.mpf([max(x.a, 0), x.b])) for x in (mean2 + cov2, mean2, cov2)]


def decimals(xs):
    """The middles, and a bound of their errors."""
    middles = [mp.nstr(mp.mpf(x.mid.a), KEPT) for x in xs]
    radius = max(mp.mpf(abs(x - iv.mpf(middle)).b) for x, middle in zip(xs, middles))
    return [*middles, mp.nstr(radius * mp.mpf("1.01"), 3)]


def meet(xs, ys):
    """Two of these, number by number."""
    (*xs, r), (*ys, q) = map(mp.mpf, xs), map(mp.mpf, ys)
    return len(xs) == len(ys) and all(abs(x - y) <= r + q for x, y in zip(xs, ys))


def enclose(p, e):
    """The laws at the start, in the middle and at the end: 'mean/t', 'cov/t' (lower triangle), 'w2/t'; the radius is last."""
    s, out = Sampler(p, e, Intervals), {}
    mean, cov = s.start()
    L = cholesky(cov)
    for i, t in enumerate(s.times):
        if i in (0, len(s.times) // 2, len(s.times) - 1):
            out[f"mean/{t}"], out[f"cov/{t}"] = decimals(mean), decimals((L @ L.T)[np.tril_indices(s.n)])
            distance = w2(mean, L, *s.target(t))
            if distance is not None:
                out[f"w2/{t}"] = decimals(distance)
        if i + 1 < len(s.times):
            M, b, R = s.affine(t)
            mean, L = M @ mean + b, np.concatenate([M @ L, R], 1)
    return out


def enclose_all():
    return {f"{name}/{e['label']}": enclose(p, e) for name, p in PROBLEMS.items() for e in p["entries"]}


if __name__ == "__main__":
    with open(sys.argv[1], "w") as f:
        f.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(x)}" for k, x in enclose_all().items()) + "\n}\n")
