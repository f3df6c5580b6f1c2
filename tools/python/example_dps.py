#!/usr/bin/env python3
"""A DPS of one's own, in NumPy, held against a golden file; then the same with a bug, which is diagnosed.

    python3 example_dps.py [GOLDEN.npz]
"""
import os
import sys

import numpy as np

import gref

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "..", "reference", "golden", "grass-blur-16.npz")


class DPS:
    """Diffusion posterior sampling, p(v | x_t) taken to be N(A x0hat(x_t), sigma^2 I); images are rows."""

    def __init__(self, problem, factor=1.0):
        self.A, self.mu, self.v, self.sigma = (problem[name] for name in ("A", "mu", "v", "sigma"))
        self.beta, self.abar = problem["schedule/beta"], problem["schedule/abar"]
        self.values, self.vectors = np.linalg.eigh(problem["Sigma"])
        self.factor = factor

    def score(self, x, t):  # where a network would be
        spectrum = self.abar[t] * self.values + 1 - self.abar[t]
        return -((x - np.sqrt(self.abar[t]) * self.mu) @ self.vectors / spectrum) @ self.vectors.T

    def gradient(self, w, t):  # the transposed Jacobian of x0hat times w: where autograd would be
        spectrum = self.abar[t] * self.values + 1 - self.abar[t]
        return (w @ self.vectors * (np.sqrt(self.abar[t]) * self.values / spectrum)) @ self.vectors.T

    def guided_score(self, x, t):
        score = self.score(x, t)
        x0hat = (x + (1 - self.abar[t]) * score) / np.sqrt(self.abar[t])
        residual = self.v - x0hat @ self.A.T
        return score + self.factor * self.gradient(residual @ self.A, t) / self.sigma**2

    def step(self, y, t, z):
        variance = self.beta[t] * (1 - self.abar[t - 1]) / (1 - self.abar[t])
        return (y + self.beta[t] * self.guided_score(y, t)) / np.sqrt(1 - self.beta[t]) + np.sqrt(variance) * z

    def sample(self, count, rng):
        y = rng.standard_normal((count, len(self.mu)))
        for t in range(len(self.beta) - 1, 0, -1):
            y = self.step(y, t, rng.standard_normal(y.shape))
        return y


def arrays(sampler, golden):
    """Guided scores at the probes and the golden trajectory, by their names in the golden file."""
    mine = {f"guided_score/{t}": sampler.guided_score(golden[f"probe/{t}"], t) for t in golden.times if t > 0}
    y, T = golden["y_T"], golden.times[0]
    for t in range(T, -1, -1):
        if t in golden.times:
            mine[f"y/{t}"] = y
        if t > 0:
            y = sampler.step(y, t, golden["z"][T - t])
    return mine


def main():
    golden = gref.load(sys.argv[1] if len(sys.argv) > 1 else GOLDEN)
    print(golden)
    right = DPS(golden)
    print("mine:", gref.check(golden, arrays(right, golden), sampler="dps"))
    print("its samples:", gref.check(golden, {"samples": right.sample(500, np.random.default_rng(1))}, sampler="dps"))
    wrong = arrays(DPS(golden, factor=2.0), golden)  # the gradient of |r|^2 / sigma^2, without the 1/2
    print("with a bug:", gref.check(golden, wrong, sampler="dps"))
    print("diagnosis:", gref.diagnose(golden, wrong, sampler="dps"))


if __name__ == "__main__":
    main()
