"""Every array of golden files, computed once more in plain NumPy from reference/THEORY.md, and held to its tolerance.

Why passing proves it: this shares no code and no route with the library, which works in eigenbases and square
roots. Here everything is in pixels: explicit inverses, Tweedie's formula, the textbook posterior, M P M^T. The
Only inputs are Sigma, A, mu, v, sigma, the betas, the probes and the noise in the file.

    golden_numpy.py FILE.npz...    prints the worst difference/tolerance of each kind; exit code 1 if one exceeds 1
"""
import hashlib
import json
import sys

import numpy as np


class Problem:
    """The golden file's problem and schedule; everything at one t."""

    def __init__(self, golden):
        self.Sigma, self.A, self.mu, self.v = (golden[k] for k in ("Sigma", "A", "mu", "v"))
        self.sigma = float(golden["sigma"])
        self.beta = golden["schedule/beta"]
        self.alpha = 1 - self.beta
        self.abar = np.cumprod(self.alpha)
        self.n, self.m, self.T = len(self.mu), len(self.v), len(self.beta) - 1

    def Sigma_t(self, t):
        return self.abar[t] * self.Sigma + (1 - self.abar[t]) * np.eye(self.n)

    def score(self, x, t):
        """x: points as rows."""
        return -np.linalg.solve(self.Sigma_t(t), (x - np.sqrt(self.abar[t]) * self.mu).T).T

    def x0hat(self, x, t):
        return (x + (1 - self.abar[t]) * self.score(x, t)) / np.sqrt(self.abar[t])

    def posterior(self):
        K = self.A @ self.Sigma @ self.A.T + self.sigma**2 * np.eye(self.m)
        G = np.linalg.solve(K, self.A @ self.Sigma).T
        return self.mu + G @ (self.v - self.A @ self.mu), self.Sigma - G @ self.A @ self.Sigma

    def target(self, t):
        mean, cov = self.posterior()
        return np.sqrt(self.abar[t]) * mean, self.abar[t] * cov + (1 - self.abar[t]) * np.eye(self.n)


class Sampler:
    """One method in its conventions, straight from sections 4, 6 and 7."""

    def __init__(self, problem, name, conventions):
        self.p, self.name, self.c = problem, name, conventions
        self.guided = name != "ddpm"
        self.times = conventions.get("times", list(range(problem.T, -1, -1)))
        self.ddim = conventions.get("scheme") == "ddim"

    def next(self, t):
        """The visited time after t; None where no step leaves t."""
        return dict(zip(self.times, self.times[1:])).get(t)

    def alpha_beta(self, t):
        """alpha and beta of the step: of the schedule, or of a jump."""
        s = self.next(t)
        alpha = self.p.alpha[t] if s == t - 1 else self.p.abar[t] / self.p.abar[s]
        return alpha, 1 - alpha

    def coefficients(self, t):
        """p, q in y' = p y + q score(y)."""
        alpha, beta = self.alpha_beta(t)
        if not self.ddim:
            return 1 / np.sqrt(alpha), beta / np.sqrt(alpha)
        a, b = self.p.abar[t], self.p.abar[self.next(t)]
        direction = np.sqrt(1 - b - self.noise(t))
        return np.sqrt(b / a), np.sqrt(b / a) * (1 - a) - direction * np.sqrt(1 - a)

    def C(self, t):
        p = self.p
        noise, q = p.sigma**2 * np.eye(p.m), 1 - p.abar[t]
        if self.name == "dps":
            return noise / self.c["alpha"]
        if self.name == "pigdm":
            r2 = {"1-abar": q, "(1-abar)/abar": q / p.abar[t], "(1-abar)/(2-abar)": q / (2 - p.abar[t])}[self.c["r2"]]
            return r2 * p.A @ p.A.T + noise
        if t == 0:
            return noise
        return q * p.A @ p.Sigma @ np.linalg.inv(p.Sigma_t(t)) @ p.A.T + noise

    def W(self, t):
        return np.sqrt(self.p.abar[t]) * self.p.A @ self.p.Sigma @ np.linalg.inv(self.p.Sigma_t(t))

    def precision(self, t):
        """What stands between W^T and the residual in the step."""
        return np.eye(self.p.m) if self.c.get("guidance") == "after" else np.linalg.inv(self.C(t))

    def coefficient(self, t):
        return {"score": self.coefficients(t)[1], "mean": self.variance(t),
                "after": 2 * self.c.get("zeta", 0)}[self.c["guidance"]]

    def variance(self, t):
        p, beta = self.p, self.alpha_beta(t)[1]
        if self.c["variance"] == "beta" and not self.ddim:
            return beta
        return beta * (1 - p.abar[self.next(t)]) / (1 - p.abar[t])

    def noise(self, t):
        """0 where no step leaves t."""
        if self.next(t) is None:
            return 0.0
        if self.ddim:
            return self.c["eta"] ** 2 * self.variance(t)
        return self.variance(t) if self.next(t) > 0 or self.c["last_noise"] else 0.0

    def guided_score(self, x, t):
        r = self.p.v - self.p.x0hat(x, t) @ self.p.A.T
        return self.p.score(x, t) + np.linalg.solve(self.C(t), r.T).T @ self.W(t)

    def step(self, t):
        """M_t, b_t, N_t."""
        p = self.p
        inverse, root = np.linalg.inv(p.Sigma_t(t)), np.sqrt(p.abar[t])
        scale, s = self.coefficients(t)
        M = scale * np.eye(p.n) - s * inverse
        b = s * inverse @ (root * p.mu)
        if self.guided:
            W, k = self.W(t), self.coefficient(t)
            pull = W.T @ self.precision(t)
            M = M - k * pull @ W
            b = b + k * (pull @ (W @ (root * p.mu)) + pull @ (p.v - p.A @ p.mu))
        return M, b, self.noise(t)

    def literal(self, y, t, z):
        """Algorithm 8 line by line."""
        p = self.p
        scale, s = self.coefficients(t)
        y_next = scale * y + s * p.score(y[None], t)[0] + np.sqrt(self.noise(t)) * z
        if not self.guided:
            return y_next
        r = p.v - p.A @ p.x0hat(y[None], t)[0]
        if self.name == "dps-norm":
            return y_next + self.c["zeta"] * self.W(t).T @ r / np.linalg.norm(r)
        return y_next + self.coefficient(t) * self.W(t).T @ (self.precision(t) @ r)

    def modelled(self, t):
        """By the precision H_t; at t = 0, where Sigma_t may be singular, by Bayes' rule."""
        p = self.p
        if not self.guided:
            return np.sqrt(p.abar[t]) * p.mu, p.Sigma_t(t)
        if t == 0:
            L = self.C(0) + p.A @ p.Sigma @ p.A.T
            G = np.linalg.solve(L, p.A @ p.Sigma).T
            return p.mu + G @ (p.v - p.A @ p.mu), p.Sigma - G @ p.A @ p.Sigma
        W, Ci = self.W(t), np.linalg.inv(self.C(t))
        cov = np.linalg.inv(np.linalg.inv(p.Sigma_t(t)) + W.T @ Ci @ W)
        return np.sqrt(p.abar[t]) * p.mu + cov @ W.T @ Ci @ (p.v - p.A @ p.mu), cov


class Chain:
    """The steps of an affine sampler, from the file: nothing to compute but what they lead to."""

    def __init__(self, problem, golden):
        n, self.b = problem.n, golden["chain/b"]
        self.K = len(self.b)
        self.M = golden["chain/M"].reshape(-1, n, n)
        N = golden["chain/N"]
        self.N = N.reshape(-1, n, n) if N.ndim == 2 and len(N) == self.K * n else N
        self.times = list(range(self.K, -1, -1))
        self.mean = golden.get("chain/start_mean", np.zeros(n))
        self.cov = golden.get("chain/start_cov", np.eye(n))
        self.abar = golden.get("chain/abar")

    def step(self, t):
        k = self.K - t
        return self.M[k if len(self.M) > 1 else 0], self.b[k], self.N[k]

    def literal(self, y, t, z):
        M, b, N = self.step(t)
        if np.ndim(N) < 2:
            return M @ y + b + np.sqrt(N) * z
        values, vectors = np.linalg.eigh(N)
        return M @ y + b + vectors @ (np.sqrt(np.maximum(values, 0)) * (vectors.T @ z))

    def target(self, problem, t):
        """The exact law at t, where it is known."""
        a = self.abar[self.K - t] if self.abar is not None else 1.0
        mean, cov = problem.posterior()
        known = self.abar is not None or t == 0
        return (np.sqrt(a) * mean, a * cov + (1 - a) * np.eye(problem.n)) if known else None


def covariance(N, n):
    return N if np.ndim(N) == 2 else np.diag(N * np.ones(n))


def factor(C):
    """C = L L^T; eigenvalues that are rounding count as 0."""
    values, vectors = np.linalg.eigh((C + C.T) / 2)
    values[values < len(C) * np.finfo(float).eps * values[-1]] = 0
    return vectors * np.sqrt(values)


def w2(m1, C1, m2, C2):
    """The distance, its mean part, its covariance part by |L1 - L2 Q|: section 8."""
    L1, L2 = factor(C1), factor(C2)
    U, _, Vt = np.linalg.svd(L2.T @ L1)
    mean, cov = np.linalg.norm(m1 - m2), np.linalg.norm(L1 - L2 @ (U @ Vt))
    return np.array([np.hypot(mean, cov), mean, cov])


def function_arrays(golden, s, spec, times):
    """What does not follow from the laws: C, the guided score, the modelled law."""
    for t in times if spec["affine"] else []:
        mean, cov = s.modelled(t)
        yield f"modelled/mean/{t}", mean
        yield f"modelled/cov/{t}", cov
        if s.guided:
            yield f"C_vt/{t}", s.C(t)
        if s.guided and s.next(t) is not None:
            yield f"guided_score/{t}", s.guided_score(golden[f"probe/{t}"], t)


def sampler_arrays(golden, p, spec, times):
    """Name (without the label) and value of every array of one sampler."""
    chain = spec["name"] == "affine"
    s = Chain(p, golden) if chain else Sampler(p, spec["name"], spec["conventions"])
    times = [t for t in times if t in s.times]
    if "sigma2" in golden:
        yield "sigma2", np.array([s.noise(t) for t in range(p.T + 1)])
    if not chain:
        yield from function_arrays(golden, s, spec, times)
    mean, cov, y = (s.mean, s.cov, golden["y_T"]) if chain else (np.zeros(p.n), np.eye(p.n), golden["y_T"])
    if not chain and spec["conventions"]["start"] == "exact":
        mean, cov = p.target(s.times[0])
    for t in s.times:
        if t in times and spec["affine"] and (spec["diverged_at"] is None or t > spec["diverged_at"]):
            target = s.target(p, t) if chain else p.target(t)
            yield f"mean/{t}", mean
            yield f"cov/{t}", cov
            if target is not None:
                yield f"bias/{t}", mean - target[0]
                yield f"w2/{t}", w2(mean, cov, *target)
        if t in times and len(s.times) - 1 <= p.T:
            yield f"y/{t}", y
        if t == s.times[-1]:
            return
        y = s.literal(y, t, golden["z"][p.T - t])
        if spec["affine"]:
            M, b, N = s.step(t)
            if t in times:
                yield f"M/{t}", M
                yield f"b/{t}", b
                yield f"N/{t}", np.array(N)
            mean, cov = M @ mean + b, M @ cov @ M.T + covariance(N, p.n)


def arrays(golden, manifest):
    p = Problem(golden)
    times = manifest["golden_t"]
    spec = next(spec for spec in manifest["samplers"] if spec["name"] != "affine")
    first = Sampler(p, spec["name"], spec["conventions"])
    yield "schedule/alpha", p.alpha
    yield "schedule/abar", p.abar
    yield "schedule/sigma2", np.array([first.noise(t) for t in range(p.T + 1)])
    for t in times:
        mean, cov = p.target(t)
        yield f"target/mean/{t}", mean
        yield f"target/cov/{t}", cov
        if t >= 1:
            yield f"score/{t}", p.score(golden[f"probe/{t}"], t)
            yield f"x0hat/{t}", p.x0hat(golden[f"probe/{t}"], t)
    for spec in manifest["samplers"]:
        label = spec["label"] + "/"
        own = {name[len(label):]: golden[name] for name in golden if name.startswith(label)}
        for shared in golden:
            if shared.startswith("probe/") or shared in ("y_T", "z"):
                own[shared] = golden[shared]
        for name, value in sampler_arrays(own, p, spec, times):
            if label + name in golden or "chain/N" not in own or not name.startswith("y/"):
                yield label + name, value


def verify(path):
    with np.load(path) as f:
        golden = {name: f[name] for name in f.files if name != "manifest.json"}
        manifest = json.loads(f["manifest.json"])
    entries = {entry["name"]: entry for entry in manifest["arrays"]}
    bad = [name for name, value in golden.items() if list(value.shape) != entries[name]["shape"] or
           hashlib.sha256(np.ascontiguousarray(value, "<f8").tobytes()).hexdigest() != entries[name]["sha256"]]
    left = {name for name in golden if "input" not in entries[name]["flags"]}
    worst = {}
    for name, value in arrays(golden, manifest):
        left.discard(name)
        error = np.max(np.abs(value - golden[name]))
        tolerance = entries[name]["tolerance"]
        ratio = error / tolerance if tolerance > 0 else float(error > 0)
        if not ratio <= 1:
            bad.append(f"{name} ({ratio:.3g})")
        kind = "/".join(part for part in name.split("/")[-3:] if not part.isdigit())
        kind = kind.split("/", 1)[1] if name.split("/")[0] in [s["label"] for s in manifest["samplers"]] and "/" in kind else kind
        if ratio >= worst.get(kind, (-1, ""))[0]:
            worst[kind] = (ratio, name)
    for kind, (ratio, name) in sorted(worst.items(), key=lambda item: -item[1][0]):
        print(f"# {kind:16s} worst difference/tolerance {ratio:8.2g}  {name}")
    bad += [f"{name} (not computed)" for name in sorted(left)]
    print(f"{path}: " + ("every array agrees" if not bad else "differs: " + ", ".join(bad)))
    return not bad


if __name__ == "__main__":
    sys.exit(not all([verify(path) for path in sys.argv[1:]]))
