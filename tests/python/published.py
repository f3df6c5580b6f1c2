"""Samplers as published code runs them, in NumPy: one step is one function of the image y and the noise z.

Nothing here knows that a step is affine: `affine` finds it out by pushing basis vectors through. Sources: guided-diffusion
(ddpm), diffusers and azula (ddim, MMPS, TMPD), Karras et al. (edm), score_sde (em), the codes of DDRM, DDNM, DiffPIR,
RED-diff (PiGDM, DPS) and InverseBench (weighted PiGDM). States are counted from T to 0: t is theirs plus 1.

    a, b   abar of this state and of the next        x, sg   y/sqrt(a) and sqrt((1 - a)/a), where a code is in VE form

The numbers are those of a kit: Floats here, intervals in enclosed.py.
"""
import copy

import numpy as np

from sampler_cases import FILES, visited

AUTHORS = {"ddrm": {"eta": 0.85, "eta_b": 1}, "ddnm": {"eta": 0.85}, "ddnm+": {"eta": 0.85},
           "diffpir": {"lambda": 7, "zeta": 0.3, "eta": 0, "rho_scale": 0.25}}
ADDED_AFTER = ("pigdm-code", "pigdm-weighted", "dps-square")


class Floats:
    sqrt, exp, log, eye, solve = np.sqrt, np.exp, np.log, np.eye, np.linalg.solve

    @staticmethod
    def lift(x):
        return np.array(x, float) if np.ndim(x) else float(x)

    @staticmethod
    def svd(p):
        return np.linalg.svd(p["A"])


def side(x, y):
    """-1, 0, 1 for x below, at or above y; at is within 1e-12."""
    if abs(x - y) <= y / 10**12:
        return 0
    assert x > y or x < y
    return 1 if x > y else -1


class Schedule:
    """abar at the states 0..T; beta, or in continuous time the clock."""

    def __init__(self, words, kit):
        self.beta = self.clock = None
        self.kit, self.edm = kit, False
        if not isinstance(words, dict):
            self.beta = [0, *kit.lift(words)]
            self.abar = list(np.cumprod([1 - x for x in self.beta]))
        elif words["kind"] == "vp":
            self.b0, self.b1 = map(kit.lift, words["beta"])
            first, last = map(kit.lift, words["span"])
            self.clock = [first + (last - first) * k / words["steps"] for k in range(words["steps"] + 1)]
            self.abar = [self.abar_at(x) for x in self.clock]
        else:
            self.edm, rho, K = True, words["rho"], words["steps"]
            least, most = (kit.exp(kit.log(kit.lift(x)) / rho) for x in words["sigma"])
            sigmas = [(most + (least - most) * i / (K - 1)) ** rho for i in range(K)] + [0]
            self.abar = [1 / (1 + kit.lift(1) * x**2) for x in sigmas[::-1]]
        self.T = len(self.abar) - 1

    def abar_at(self, clock):
        return self.kit.exp(-self.b0 * clock - (self.b1 - self.b0) * clock**2 / 2)

    def rate(self, clock):
        return self.b0 + (self.b1 - self.b0) * clock


class Sampler:
    """An entry of a case on a problem."""

    def __init__(self, p, e, kit=Floats):
        self.kit, self.sqrt, lift = kit, kit.sqrt, kit.lift
        self.row, self.e = e["name"], {**AUTHORS.get(e["name"], {}), **e}
        for key in ("eta", "eta_b", "zeta", "lambda", "rho_scale", "alpha"):
            self.e[key] = lift(self.e.get(key, key == "alpha"))
        self.A, self.v, self.mu, self.Sigma, self.sigma = (lift(p[k]) for k in ("A", "v", "mu", "Sigma", "sigma"))
        (self.m, self.n), self.schedule = self.A.shape, Schedule(p["schedule"], kit)
        self.times, self.inverses = visited(e, self.schedule.T), {}
        self.I, self.zero = kit.eye(self.n), 0 * self.mu
        U, s, Vt = kit.svd(p)
        rank = int(np.sum(s > e.get("rank_tol", max(self.A.shape) * np.finfo(float).eps * max(s))))
        self.there, self.V, self.s = np.arange(self.n) < rank, lift(Vt).T, [*lift(s[:rank]), *[0] * (self.n - rank)]
        self.pinv = (self.V[:, :rank] / self.s[:rank]) @ lift(U)[:, :rank].T
        self.ybar = self.V.T @ (self.pinv @ self.v)

    def at(self, t):
        """Makes the step that leaves t the current one."""
        i, plan = self.times.index(t), self.schedule
        self.t, self.next = t, self.times[i + 1]
        self.a, self.b = plan.abar[t], plan.abar[self.next]
        self.ratio = 1 - self.a / self.b
        self.beta, self.unspaced = self.ratio, plan.beta[t] if plan.beta else self.ratio  # the latter is diffpir's
        if plan.clock:
            self.dt = plan.clock[t] - plan.clock[self.next]
            self.beta = plan.rate(plan.clock[t]) * self.dt
        self.tilde = self.beta * (1 - self.b) / (1 - self.a)

    # ---- what a network and autograd would give ----
    def whiten(self, u, a):
        """Sigma_t^-1 u."""
        if a not in self.inverses:
            self.inverses[a] = self.kit.solve(a * self.Sigma + (1 - a) * self.I, self.I)
        return self.inverses[a] @ u

    def x0(self, y, a):
        return self.mu + self.sqrt(a) * self.Sigma @ self.whiten(y - self.sqrt(a) * self.mu, a)

    def eps(self, y, a):
        return self.sqrt(1 - a) * self.whiten(y - self.sqrt(a) * self.mu, a)

    def vjp(self, u, a):
        return self.sqrt(a) * self.whiten(self.Sigma @ u, a)

    def solve(self, C, r):
        return self.kit.solve(C, r[:, None])[:, 0]

    # ---- likelihoods ----
    def gradient(self, y, a):
        """of log p(v | y) as the row approximates it."""
        A, r, noise = self.A, self.v - self.A @ self.x0(y, a), self.sigma**2 * self.kit.eye(self.m)

        def through(C):
            return self.vjp(A.T @ self.solve(C, r), a)
        if self.row == "dps":
            return self.e["alpha"] / self.sigma**2 * self.vjp(A.T @ r, a)
        if self.row == "pigdm":
            r2 = (1 - a) / a if self.e.get("r2") == "(1-abar)/abar" else 1 - a
            return through(r2 * A @ A.T + noise)
        J, g = self.vjp(self.I, a), (1 - a) / self.sqrt(a)
        if self.row == "mmps":  # moves x0hat, by g times the gradient
            return self.sqrt(a) / (1 - a) * (g * through(g * A @ J @ A.T + noise))
        if self.row == "tmpd":
            return self.vjp(A.T @ (r / (A @ (g * J) @ A.sum(0) + self.sigma**2)), a)
        covariance = self.Sigma - a * self.Sigma @ self.whiten(self.Sigma, a)
        return through(A @ covariance @ A.T + noise)

    def guided(self, guidance):
        own = self.row in ADDED_AFTER or self.row == "unconditional"
        return not own and self.e.get("guidance", "score") == guidance

    def pull(self, y, a):
        return self.gradient(y, a) if self.guided("score") else self.zero

    def score(self, y, a):
        return -self.eps(y, a) / self.sqrt(1 - a) + self.pull(y, a)

    def pair(self, y):
        """x0hat and eps of the guided score."""
        root = self.sqrt(1 - self.a)
        eps = self.eps(y, self.a) - root * self.pull(y, self.a)
        return (y - root * eps) / self.sqrt(self.a), eps

    # ---- schemes ----
    def clipped(self):
        """posterior_variance with its last entry replaced by the one before."""
        if self.next > 0:
            return self.tilde
        before = copy.copy(self)
        before.at(self.times[-3])
        return before.tilde

    def variance(self):
        kind = self.e.get("variance", "beta_tilde")
        if isinstance(kind, dict) and "file" in kind:
            return self.kit.lift(FILES[kind["file"]][self.t - 1])
        if isinstance(kind, dict):
            f = self.kit.lift(kind["fraction"])
            return self.kit.exp(f * self.kit.log(self.beta) + (1 - f) * self.kit.log(self.clipped()))
        large = self.clipped() if self.next == 0 else self.beta
        return {"beta": self.beta, "beta_tilde": self.tilde, "fixed_large": large}[kind]

    def drawn(self, N, z):
        """The step to t = 0 draws nothing, unless told to."""
        return self.sqrt(N) * z if self.next > 0 or self.e.get("last_noise") else self.zero

    def ddpm(self, y, z):
        if self.schedule.clock is None:
            x0, _ = self.pair(y)
            mean = (self.beta * self.sqrt(self.b) * x0 + (1 - self.b) * self.sqrt(1 - self.beta) * y) / (1 - self.a)
        else:
            mean = (y + self.beta * self.score(y, self.a)) / self.sqrt(1 - self.beta)
        if self.guided("mean"):
            mean = mean + self.variance() * self.gradient(y, self.a)
        return mean + self.drawn(self.variance(), z)

    def ddim(self, y, z):
        x0, eps = self.pair(y)
        eta, on = self.e["eta"], self.e.get("eta_on", "std")
        if on == "state":  # InverseBench
            sg, after, x = self.sqrt((1 - self.a) / self.a), self.sqrt((1 - self.b) / self.b), y / self.sqrt(self.a)
            return self.sqrt(self.b) * (x0 + self.sqrt(1 - eta**2) * after / sg * (x - x0) + eta * after * z)
        std = (self.sqrt(eta) if on == "variance" else eta) * self.sqrt((1 - self.b) / (1 - self.a) * self.ratio)
        return self.sqrt(self.b) * x0 + self.sqrt(1 - self.b - std**2) * eps + std * z

    def em(self, y, z):
        rate = self.schedule.rate(self.schedule.clock[self.t])
        drift = -rate / 2 * y - rate * self.score(y, self.a)
        return y - drift * self.dt + self.drawn(rate * self.dt, z)

    def ei(self, y, z):
        growth = self.sqrt(self.b / self.a)
        return growth * y + 2 * (growth - 1) * self.score(y, self.a) + self.drawn(growth**2 - 1, z)

    def slope(self, y, clock):
        """dy/dt of the probability-flow ODE."""
        return -self.schedule.rate(clock) / 2 * (y + self.score(y, self.schedule.abar_at(clock)))

    def direction(self, x, sg):
        """Algorithm 1's (x - D(x))/sg, D by Tweedie."""
        a = 1 / (1 + sg**2)
        return -sg * self.sqrt(a) * self.score(self.sqrt(a) * x, a)

    def euler(self, y, z, heun=False):
        if not self.schedule.edm:
            field, now, then, scale = self.slope, self.schedule.clock[self.t], self.schedule.clock[self.next], (1, 1)
        else:
            field, now, then = self.direction, self.sqrt((1 - self.a) / self.a), self.sqrt((1 - self.b) / self.b)
            scale = self.sqrt(self.a), self.sqrt(self.b)
        x = y / scale[0]
        d = field(x, now)
        after = x + (then - now) * d
        if heun and then > 0:
            after = x + (then - now) * (d + field(after, then)) / 2
        return scale[1] * after

    def heun(self, y, z):
        return self.euler(y, z, heun=True)

    def rk4(self, y, z):
        now, then = self.schedule.clock[self.t], self.schedule.clock[self.next]
        h, middle = then - now, (now + then) / 2
        k1 = self.slope(y, now)
        k2 = self.slope(y + h / 2 * k1, middle)
        k3 = self.slope(y + h / 2 * k2, middle)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + self.slope(y + h * k3, then))

    def added(self, y):
        """What codes add after the step."""
        a, A, r, weight = self.a, self.A, self.v - self.A @ self.x0(y, self.a), self.sqrt(self.a * self.b)
        if self.guided("after"):
            return 2 * self.e["zeta"] * self.vjp(A.T @ r, a)
        if self.row == "pigdm-code":
            return weight * self.vjp(self.pinv @ r, a)
        if self.row == "dps-square":
            return weight * self.e["alpha"] * 2 * self.vjp(A.T @ r, a)
        if self.row == "pigdm-weighted":
            sg2 = (1 - a) / a
            C = A @ A.T + self.sigma**2 * (1 + sg2) / sg2 * self.kit.eye(self.m)
            return weight * self.vjp(A.T @ self.solve(C, r), a)
        return self.zero

    # ---- rows that project ----
    def ddrm(self, y, z):
        eta, eta_b, s, after = self.e["eta"], self.e["eta_b"], self.s, self.sqrt((1 - self.b) / self.b)
        x, e, z = (self.V.T @ u for u in (self.x0(y, self.a), self.eps(y, self.a), z))
        c = self.sqrt(1 - eta**2) * after
        out = x + c * e + eta * after * z  # missing, or equal
        for i in np.flatnonzero(self.there):
            branch = side(s[i] * after, self.sigma)
            if branch < 0:
                out[i] = x[i] + c * (s[i] * self.ybar[i] - s[i] * x[i]) / self.sigma + eta * after * z[i]
            if branch > 0:
                rest = self.sqrt(after**2 - (eta_b * self.sigma / s[i]) ** 2)
                out[i] = (1 - eta_b) * x[i] + eta_b * self.ybar[i] + rest * z[i]
        return self.sqrt(self.b) * self.V @ out

    def ddnm(self, y, z):
        x0, eta, st = self.x0(y, self.a), self.e["eta"], self.sqrt(1 - self.b)
        x0 = x0 - self.pinv @ (self.A @ x0 - self.v)
        return self.sqrt(self.b) * x0 + st * eta * z + st * self.sqrt(1 - eta**2) * self.eps(y, self.a)

    def ddnm_plus(self, y, z):
        eta, st, root, V = self.e["eta"], self.sqrt(1 - self.b), self.sqrt(self.b), self.V
        x0, eps = self.x0(y, self.a), V.T @ self.eps(y, self.a)
        Lambda, d1 = V.T @ (self.pinv @ (self.A @ x0 - self.v)), st * eta * (V.T @ z)
        d2 = np.where(self.there, 0, st * self.sqrt(1 - eta**2) * eps)
        for i in np.flatnonzero(self.there):
            change = side(st, root * self.sigma / self.s[i])
            if change < 0:
                Lambda[i] = Lambda[i] * (self.s[i] * st * self.sqrt(1 - eta**2) / (root * self.sigma))
            if change > 0:
                d1[i] = self.sqrt(st**2 - self.b * self.sigma**2 / self.s[i] ** 2) * (V.T @ z)[i]
        return root * (x0 - V @ Lambda) + V @ (d1 + d2)

    def diffpir(self, y, z):
        a, b, eta, zeta, x0 = self.a, self.b, self.e["eta"], self.e["zeta"], self.x0(y, self.a)
        rho = self.e["rho_scale"] * self.e["lambda"] * self.sigma**2 * a / (1 - a)
        A = self.A @ (self.V * self.there) @ self.V.T  # without what counts as 0
        if rho > 0:
            x0p = self.solve(A.T @ A + rho * self.I, A.T @ self.v + rho * x0)
        else:
            x0p = x0 + self.pinv @ (self.v - A @ x0)
        eps = (y - self.sqrt(a) * x0p) / self.sqrt(1 - a)
        es = eta * self.sqrt((1 - b) / (1 - a) * self.unspaced)
        z1, z2 = z  # two draws a step
        mixed = self.sqrt(1 - zeta) * (self.sqrt(1 - b - es**2) * eps + es * z1)
        return self.sqrt(b) * x0p + mixed + self.sqrt(zeta * (1 - b)) * z2

    # ---- what follows from steps alone, and where they start ----
    def affine(self, t):
        """M, b and L of the step that leaves t, L L^T = N."""
        self.at(t)
        code = {"ddnm+": self.ddnm_plus}.get(self.row) or getattr(self, self.row, None)
        run = code or (lambda y, z: getattr(self, self.e.get("scheme", "ddpm"))(y, z) + self.added(y))
        draws = self.I if self.row != "diffpir" else [d for u in self.I for d in ((u, self.zero), (self.zero, u))]
        still = self.zero if self.row != "diffpir" else (self.zero, self.zero)
        b = run(self.zero, still)
        M = np.stack([run(unit, still) - b for unit in self.I], 1)
        return M, b, np.stack([run(self.zero, draw) - b for draw in draws], 1)

    def target(self, t):
        """p_t(x | v), by the textbook posterior."""
        a = self.schedule.abar[t]
        K = self.A @ self.Sigma @ self.A.T + self.sigma**2 * self.kit.eye(self.m)
        G = self.kit.solve(K, self.A @ self.Sigma).T
        mean, cov = self.mu + G @ (self.v - self.A @ self.mu), self.Sigma - G @ self.A @ self.Sigma
        return self.sqrt(a) * mean, a * cov + (1 - a) * self.I

    def start(self):
        a = self.schedule.abar[self.times[0]]
        own = self.row in ("ddrm", "diffpir", "pigdm-code")  # the others' authors draw what the schedule's noise is
        start = self.e.get("start", "authors" if own else "noise" if self.schedule.edm else "standard")
        if isinstance(start, dict):
            mean, cov = (self.kit.lift(FILES.get(x, x) if isinstance(x, str) else x) for x in (start["mean"], start["cov"]))
            return mean + self.zero, cov if np.ndim(cov) else cov * self.I
        if start == "exact":
            return self.target(self.times[0])
        if start == "noise":
            return self.zero, (1 - a) * self.I
        if start == "authors" and self.row != "ddrm":
            return self.sqrt(a) * self.pinv @ self.v, (1 - a) * self.I
        if start in ("authors", "paper"):
            largest = self.sqrt((1 - a) / a)
            scale = largest if start == "authors" else self.sqrt(1 + largest**2)
            seen = self.there & [x > 0 and side(x * largest, self.sigma) > 0 for x in self.s]
            rest = np.array([largest**2 - (self.sigma / x) ** 2 if on else largest**2 for x, on in zip(self.s, seen)])
            return self.V @ (seen * self.ybar / scale), (self.V * rest / scale**2) @ self.V.T
        return self.zero, self.I
