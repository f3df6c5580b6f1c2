"""Every array of golden files, computed once more in plain NumPy from reference/THEORY.md, and held to its tolerance.

Why passing proves it: this shares no code and no route with the library, which works in eigenbases and square
roots. Here everything is in pixels: explicit inverses, Tweedie's formula, the textbook posterior, M P M^T. The
Only inputs are Sigma, A, mu, v, sigma, the betas (or times), the probes and the noise in the file. Rows that project
are component by component of numpy's SVD, Heun's and Runge and Kutta's steps are run on y as they are printed.

    golden_numpy.py FILE.npz...    prints the worst difference/tolerance of each kind; exit code 1 if one exceeds 1
"""
import hashlib
import json
import sys

import numpy as np


class Table:
    """abar_t; between the times of a vp schedule, whose grid is uniform, at half a step too."""

    def __init__(self, values, between=None):
        self.values, self.between = values, between

    def __getitem__(self, t):
        return self.between(t) if self.between and t != int(t) else self.values[int(t)]


class Problem:
    """The golden file's problem and schedule; everything at one t."""

    def __init__(self, golden, schedule):
        self.Sigma, self.A, self.mu, self.v = (golden[k] for k in ("Sigma", "A", "mu", "v"))
        self.sigma, self.kind = float(golden["sigma"]), schedule["kind"]
        self.n, self.m, self.T = len(self.mu), len(self.v), len(golden["schedule/beta"]) - 1
        self.time = golden.get("schedule/time")
        self.beta = golden["schedule/beta"]
        self.alpha = 1 - self.beta
        if self.kind == "vp":
            (b0, b1), (first, last) = schedule["beta"], schedule["span"]
            tau = lambda t: first + (last - first) * t / self.T
            self.rate = lambda t: b0 + (b1 - b0) * tau(t)
            abar = lambda t: np.exp(-b0 * tau(t) - (b1 - b0) * tau(t) ** 2 / 2)
            self.dtau = (last - first) / self.T
            self.beta = np.append(0, self.rate(np.arange(1, self.T + 1)) * self.dtau)
            self.alpha = 1 - self.beta
            self.abar = Table(abar(np.arange(self.T + 1)), abar)
        elif self.time is not None:
            self.abar = Table(1 / (1 + self.time**2))
        else:
            self.abar = Table(np.cumprod(self.alpha))
        self.svd = np.linalg.svd(self.A, full_matrices=True)

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

    def __init__(self, problem, name, conventions, own=None):
        self.p, self.name, self.c, self.own = problem, name, conventions, own or {}
        self.guided = name not in ("ddpm", "unconditional")
        self.coded = name in ("pigdm-code", "pigdm-weighted", "dps-square")
        self.projects = name in ("ddnm", "ddnm+", "ddrm", "diffpir")
        self.modelled_law = not self.coded and not self.projects and name != "dps-norm"
        self.times = conventions.get("times", list(range(problem.T, -1, -1)))
        self.scheme = conventions.get("scheme", "ddpm")
        W, s, Vt = problem.svd
        cut = conventions.get("rank_tol") or max(problem.m, problem.n) * np.finfo(float).eps * s[0]
        self.s = np.append(np.where(s > cut, s, 0), np.zeros(problem.n - len(s)))
        self.V = Vt.T
        self.ybar = np.append(W.T @ problem.v, np.zeros(problem.n))[:problem.n]  # W^T v

    def next(self, t):
        """The visited time after t; None where no step leaves t."""
        return dict(zip(self.times, self.times[1:])).get(t)

    def alpha_beta(self, t):
        """alpha and beta of the step: of the schedule, or of a jump."""
        s = self.next(t)
        if self.p.kind == "vp" and self.scheme in ("ddpm", "em", "euler"):
            beta = self.p.beta[t] * (t - s)
            return 1 - beta, beta
        alpha = self.p.abar[t] / self.p.abar[s]
        if s == t - 1 and self.p.time is None:
            alpha = self.p.alpha[t]
        return alpha, 1 - alpha

    def coefficients(self, t):
        """p, q in y' = p y + q score(y)."""
        alpha, beta = self.alpha_beta(t)
        if self.scheme == "ddpm":
            return 1 / np.sqrt(alpha), beta / np.sqrt(alpha)
        if self.scheme == "em":
            return 1 + beta / 2, beta
        if self.scheme == "ei":
            return 1 / np.sqrt(alpha), 2 * (1 / np.sqrt(alpha) - 1)
        if self.p.kind == "vp" and self.scheme == "euler":
            return 1 + beta / 2, beta / 2
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
        if t == 0 and q == 0:
            return noise
        inner = q * p.A @ p.Sigma @ np.linalg.inv(p.Sigma_t(t)) @ p.A.T
        return (np.diag(inner @ np.ones(p.m)) if self.name == "tmpd" else inner) + noise

    def W(self, t):
        return np.sqrt(self.p.abar[t]) * self.p.A @ self.p.Sigma @ np.linalg.inv(self.p.Sigma_t(t))

    def pull(self, t):
        """What the guidance multiplies the residual by."""
        p = self.p
        if self.name == "pigdm-code":
            s = np.where(self.s > 0, self.s, np.inf)[:p.m]  # J A^+
            J = np.sqrt(p.abar[t]) * np.linalg.inv(p.Sigma_t(t)) @ p.Sigma
            return J @ (p.svd[2].T[:, :len(s)] / s) @ p.svd[0].T[:len(s)]
        if self.name == "pigdm-weighted":
            return self.W(t).T @ np.linalg.inv(p.A @ p.A.T + p.sigma**2 / (1 - p.abar[t]) * np.eye(p.m))
        if self.name == "dps-square":
            return 2 * self.c["alpha"] * self.W(t).T
        return self.W(t).T @ np.linalg.inv(self.C(t))

    def step_pull(self, t):
        return self.W(t).T if self.c.get("guidance") == "after" else self.pull(t)

    def coefficient(self, t):
        if self.coded:
            return np.sqrt(self.p.abar[t] * self.p.abar[self.next(t)])
        return {"score": self.coefficients(t)[1] if self.scheme not in ("heun", "rk4") else 0,
                "mean": self.tilde(t) if self.c.get("variance") == "beta_tilde" else self.alpha_beta(t)[1],
                "after": 2 * self.c.get("zeta", 0)}[self.c["guidance"]]

    def tilde(self, t):
        return self.alpha_beta(t)[1] * (1 - self.p.abar[self.next(t)]) / (1 - self.p.abar[t])

    def ddpm_noise(self, t):
        beta, kind = self.alpha_beta(t)[1], self.c["variance"]
        last = self.p.abar[self.next(t)] == 1 and t != self.times[0]
        tilde = self.tilde(self.times[self.times.index(t) - 1]) if last else self.tilde(t)
        return {"beta": beta, "beta_tilde": self.tilde(t), "fixed_large": tilde if last else beta,
                "fraction": beta ** self.c.get("fraction", 1) * tilde ** (1 - self.c.get("fraction", 1)),
                "file": self.own["variances"][t - 1] if "variances" in self.own else None}[kind]

    def noise(self, t):
        """N_t, a number; 0 where no step leaves t."""
        if self.next(t) is None or self.scheme in ("heun", "rk4", "euler") and not self.projects:
            return 0.0
        if self.projects:
            return self.five(t)[3][0] if self.name in ("ddnm", "diffpir") else None
        eta, b = self.c.get("eta", 0), self.p.abar[self.next(t)]
        if self.scheme == "ddim":
            return {"std": eta**2 * self.tilde(t), "variance": eta * self.tilde(t),
                    "state": eta**2 * (1 - b)}[self.c.get("eta_on", "std")]
        if self.next(t) == 0 and not self.c["last_noise"]:
            return 0.0
        return {"ddpm": lambda: self.ddpm_noise(t), "em": lambda: self.alpha_beta(t)[1],
                "ei": lambda: b / self.p.abar[t] - 1}[self.scheme]()

    def proximal(self, t):
        """argmin |A u - v|^2 + rho |u - x0hat|^2 = rho/(s^2 + rho) x0hat + s/(s^2 + rho) W^T v."""
        rho = self.c["rho_scale"] * self.c["lambda"] * self.p.sigma**2 * self.p.abar[t] / (1 - self.p.abar[t])
        s = np.where(self.s > 0, self.s, 1)
        return np.where(self.s > 0, rho / (s**2 + rho), 1), np.where(self.s > 0, s / (s**2 + rho), 0)

    def five(self, t):
        """fx, fe, fv, fn^2 of every singular value: the table of section 4."""
        a, b, eta, sigma = self.p.abar[t], self.p.abar[self.next(t)], self.c["eta"], self.p.sigma
        k, f = np.sqrt(1 - eta**2), np.zeros((4, self.p.n))
        for i, s in enumerate(self.s):
            free = [np.sqrt(b), k * np.sqrt(1 - b), 0, eta**2 * (1 - b)]
            here, there = s * np.sqrt(1 - b), np.sqrt(b) * sigma  # equal where both are 0
            ratio = here / there if there > 0 else 1 if here == 0 else np.inf
            if self.name == "ddnm":
                f[:, i] = [0, free[1], np.sqrt(b) / s, free[3]] if s > 0 else free
            elif self.name == "ddnm+" and s > 0:
                share = k * ratio if ratio < 1 else 1
                fresh = 1 - b - b * sigma**2 / s**2 if ratio > 1 else free[3]
                f[:, i] = [np.sqrt(b) * (1 - share), 0, np.sqrt(b) * share / s, fresh]
            elif self.name == "ddrm" and s > 0 and ratio < 1:
                f[:, i] = [np.sqrt(b) - k * np.sqrt(1 - b) * s / sigma, 0, k * np.sqrt(1 - b) / sigma, free[3]]
            elif self.name == "ddrm" and s > 0 and ratio > 1:
                eta_b = self.c["eta_b"]
                fresh = 1 - b - b * sigma**2 * eta_b**2 / s**2
                f[:, i] = [np.sqrt(b) * (1 - eta_b), 0, np.sqrt(b) * eta_b / s, fresh]
            elif self.name == "diffpir":
                zeta = self.c["zeta"]
                beta = self.p.beta[t] if self.p.time is None else 1 - a / b
                es2 = eta**2 * beta * (1 - b) / (1 - a)
                w = np.sqrt((1 - zeta) * (1 - b - es2) / (1 - a))
                x0p = [f[i] for f in self.proximal(t)]
                f[:, i] = [np.sqrt(b) * x0p[0] + w * (np.sqrt(a) - np.sqrt(a) * x0p[0]), w * np.sqrt(1 - a),
                           (np.sqrt(b) - w * np.sqrt(a)) * x0p[1], zeta * (1 - b) + (1 - zeta) * es2]
            else:
                f[:, i] = free
        return f

    def projected(self, x, t):
        fx, _, fv, _ = self.five(t)
        root = np.sqrt(self.p.abar[self.next(t)])
        if self.name == "diffpir":
            (fx, fv), root = self.proximal(t), 1
        return (self.p.x0hat(x, t) @ self.V * fx + fv * self.ybar) @ self.V.T / root

    def covariance(self, t):
        """N_t as the file has it: a number, or V diag(fn^2) V^T."""
        if self.name in ("ddrm", "ddnm+"):
            return self.V * self.five(t)[3] @ self.V.T
        return np.array(self.noise(t))

    def guided_score(self, x, t):
        return self.p.score(x, t) + self.guidance(x, t)

    def guidance(self, x, t):
        return (self.p.v - self.p.x0hat(x, t) @ self.p.A.T) @ self.pull(t).T

    def drive(self, x, t):
        """The score that a scheme of several evaluations sees."""
        inside = self.guided and not self.coded and self.c["guidance"] == "score"
        return self.guided_score(x, t) if inside else self.p.score(x, t)

    def flow(self, x, t):
        """The probability-flow ODE from t to the next time: Heun or Runge and Kutta."""
        p, s = self.p, self.next(t)
        if p.kind == "vp":
            slope = lambda y, u: p.rate(u) / 2 * (y + self.drive(y, u))
            h = (t - s) * p.dtau
            k1 = slope(x, t)
            if self.scheme == "heun":
                return x + h / 2 * (k1 + slope(x + h * k1, s))
            k2 = slope(x + h / 2 * k1, (t + s) / 2)
            k3 = slope(x + h / 2 * k2, (t + s) / 2)
            return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(x + h * k3, s))
        # of u = y/sqrt(abar): du/dsigma = (u - x0hat)/sigma, x0hat = u + sigma^2 (score of u)
        slope = lambda u, k: -p.time[k] * np.sqrt(p.abar[k]) * self.drive(u * np.sqrt(p.abar[k]), k)
        u, h = x / np.sqrt(p.abar[t]), p.time[s] - p.time[t]
        d = slope(u, t)
        d = d if s == 0 else (d + slope(u + h * d, s)) / 2
        return (u + h * d) * np.sqrt(p.abar[s])

    def mean_step(self, x, t):
        """Of points as rows, where M is no formula of its own."""
        p = self.p
        if self.projects:
            fx, fe, fv, _ = self.five(t)
            x0hat = p.x0hat(x, t)
            eps = -np.sqrt(1 - p.abar[t]) * p.score(x, t)
            return (x0hat @ self.V * fx + eps @ self.V * fe + fv * self.ybar) @ self.V.T
        after = self.guided and (self.coded or self.c["guidance"] == "after")
        r = p.v - p.x0hat(x, t) @ p.A.T
        return self.flow(x, t) + (self.coefficient(t) * r @ self.step_pull(t).T if after else 0)

    def step(self, t):
        """M_t, b_t, N_t."""
        p = self.p
        if self.projects or self.scheme in ("heun", "rk4"):
            b = self.mean_step(np.zeros((1, p.n)), t)[0]
            return (self.mean_step(np.eye(p.n), t) - b).T, b, self.covariance(t)
        inverse, root = np.linalg.inv(p.Sigma_t(t)), np.sqrt(p.abar[t])
        scale, s = self.coefficients(t)
        M = scale * np.eye(p.n) - s * inverse
        b = s * inverse @ (root * p.mu)
        if self.guided:
            W, k, pull = self.W(t), self.coefficient(t), self.step_pull(t)
            M = M - k * pull @ W
            b = b + k * (pull @ (W @ (root * p.mu)) + pull @ (p.v - p.A @ p.mu))
        return M, b, self.covariance(t)

    def literal(self, y, t, z):
        """Algorithm 8 line by line."""
        p = self.p
        if self.projects or self.scheme in ("heun", "rk4"):
            noise = self.five(t)[3] if self.projects else np.zeros(p.n)
            return self.mean_step(y[None], t)[0] + self.V @ (np.sqrt(noise) * (self.V.T @ z))
        scale, s = self.coefficients(t)
        y_next = scale * y + s * p.score(y[None], t)[0] + np.sqrt(self.noise(t)) * z
        if not self.guided:
            return y_next
        r = p.v - p.A @ p.x0hat(y[None], t)[0]
        if self.name == "dps-norm":
            return y_next + self.c["zeta"] * self.W(t).T @ r / np.linalg.norm(r)
        return y_next + self.coefficient(t) * (self.step_pull(t) @ r)

    def start(self):
        """Mean and covariance at the first time."""
        p, a, kind = self.p, self.p.abar[self.times[0]], self.c["start"]
        if kind == "exact":
            return p.target(self.times[0])
        if kind == "given":
            mean, cov = self.own.get("start_mean", np.zeros(p.n)), self.own.get("start_cov", np.eye(p.n))
            return mean * np.ones(p.n), cov if np.shape(cov) == (p.n, p.n) else cov * np.eye(p.n)
        if kind == "noise":
            return np.zeros(p.n), (1 - a) * np.eye(p.n)
        if kind in ("authors", "paper") and self.name == "ddrm":
            sT = np.sqrt((1 - a) / a)
            scale = np.sqrt(a) if kind == "paper" else 1 / sT
            high = self.s * sT > p.sigma
            s = np.where(high, self.s, 1)
            return (self.V @ np.where(high, scale * self.ybar / s, 0),
                    self.V * np.where(high, scale**2 * (sT**2 - p.sigma**2 / s**2), scale**2 * sT**2) @ self.V.T)
        if kind == "authors" and self.name in ("pigdm-code", "diffpir"):
            s = np.where(self.s > 0, self.s, 1)
            return np.sqrt(a) * self.V @ np.where(self.s > 0, self.ybar / s, 0), (1 - a) * np.eye(p.n)
        return np.zeros(p.n), np.eye(p.n)

    def modelled(self, t):
        """By the precision H_t; at t = 0, where Sigma_t may be singular, by Bayes' rule."""
        p = self.p
        if not self.guided:
            return np.sqrt(p.abar[t]) * p.mu, p.Sigma_t(t)
        if t == 0 and p.abar[0] == 1:
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
    """What does not follow from the laws: C, the row's own function, the modelled law."""
    for t in times if spec["affine"] else []:
        if s.modelled_law:
            mean, cov = s.modelled(t)
            yield f"modelled/mean/{t}", mean
            yield f"modelled/cov/{t}", cov
        if s.guided and s.modelled_law:
            yield f"C_vt/{t}", s.C(t)
        if s.guided and s.next(t) is not None:
            what = "guidance" if s.coded else "x0hat_projected" if s.projects else "guided_score"
            function = {"guidance": s.guidance, "x0hat_projected": s.projected, "guided_score": s.guided_score}[what]
            yield f"{what}/{t}", function(golden[f"probe/{t}"], t)


def sampler_arrays(golden, p, spec, times):
    """Name (without the label) and value of every array of one sampler."""
    chain = spec["name"] == "affine"
    s = Chain(p, golden) if chain else Sampler(p, spec["name"], spec["conventions"], golden)
    times = [t for t in times if t in s.times]
    if "sigma2" in golden:
        yield "sigma2", np.array([s.noise(t) for t in range(p.T + 1)])
    if not chain:
        yield from function_arrays(golden, s, spec, times)
    mean, cov = (s.mean, s.cov) if chain else s.start()
    y = golden["y_T"]
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
    p = Problem(golden, manifest["case"]["schedule"])
    times = manifest["golden_t"]
    spec = next((spec for spec in manifest["samplers"] if spec["name"] not in ("affine", "ddrm", "ddnm+")),
                {"name": "unconditional", "label": "", "conventions": {"variance": "beta_tilde", "last_noise": False}})
    first = Sampler(p, spec["name"], spec["conventions"],
                    {name[len(spec["label"]) + 1:]: golden[name] for name in golden if name.startswith(spec["label"] + "/")})
    yield "schedule/alpha", p.alpha
    yield "schedule/abar", p.abar.values
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
