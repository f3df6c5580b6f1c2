#!/usr/bin/python3
"""W2 of published code, by preset, without and with its faults: the table of the guide, by two routes.

Why passing proves it: the program's study, and the recursion of laws in NumPy on the steps of published.py, to which the
faults are added here as their code has them, agree to what rounding may do, and the guide has the same digits.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

import tap

try:
    import numpy as np
except ImportError as missing:
    tap.skip_all(missing)

import published
from test_samplers import full

GREF, DATA = os.environ["GREF"], os.environ["GREF_TEST_DATA"]
CASE, PAGE = os.path.join(DATA, "cases", "published-sr-12.json"), os.path.join(DATA, "guide", "published.md")
EPS = np.finfo(float).eps / 2
SCHEDULES = {"azula-pgdm": "azula", "azula-mmps": "azula", "inversebench-pigdm": "inversebench",
             "deepinv-ddrm": "deepinv-ve", "deepinv-vpsde": "deepinv-vp"}


def gref(*arguments):
    run = subprocess.run([GREF, *arguments], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def kernel_basis(V, rank):
    """V with the kernel's columns replaced by what Gram and Schmidt make of the unit vectors in their order."""
    Q = V[:, :rank]
    for e in np.eye(len(V)):
        for _ in range(2):
            e = e - Q @ (Q.T @ e)
        if np.linalg.norm(e) > 1e-6:
            Q = np.column_stack([Q, e / np.linalg.norm(e)])
    return Q


class Whole(published.Sampler):
    """A sampler whose images are columns, so that one call moves a whole basis; with the faults of published code."""

    def __init__(self, p, e):
        super().__init__(p, {**e, "times": [1000 - int(s) for s in np.sqrt(np.linspace(0, 1000**2, e["steps"]))[:-1]] + [1]}
                         if e.get("spacing") == "quad" else e)
        self.mu, self.v, self.zero = self.mu[:, None], self.v[:, None], 0 * self.mu[:, None]
        self.ybar, self.fault = self.ybar[:, None], e.get("fault")
        if self.fault == "noise-without-VT":
            self.V = kernel_basis(self.V, int(np.sum(self.there)))

    def solve(self, C, r):
        return np.linalg.solve(C, r)

    def at(self, t):
        super().at(t)
        if self.fault == "previous-t":
            self.b = self.schedule.abar[max(t - self.schedule.T // (len(self.times) - 1), 0)]
            self.ratio = 1 - self.a / self.b

    def em(self, y, z):
        g2 = self.schedule.rate(self.schedule.clock[self.t]) * (2 if self.fault == "diffusion-x2" else 1)
        drift = -self.schedule.rate(self.schedule.clock[self.t]) / 2 * y - g2 * self.score(y, self.a)
        return y - drift * self.dt + self.drawn(g2 * self.dt, z)

    def ddrm(self, y, z):
        return super().ddrm(y, z / np.sqrt(2) if self.fault == "noise-over-sqrt2" else z)

    def ddnm_plus(self, y, z):
        there, self.there = self.there, self.there[:, None]
        after = super().ddnm_plus(y, z)
        self.there = there
        if self.fault != "noise-without-VT":
            return after
        kept = self.sqrt((1 - self.b) * (1 - self.e["eta"] ** 2)) * np.where(there[:, None], 0, self.V.T)
        eps = self.eps(y, self.a)
        return after + kept.T @ (eps - self.V.T @ eps)

    def start(self):
        mean, cov = super().start()
        return mean.reshape(self.n, -1)[:, :1], cov / (2 if self.fault == "noise-over-sqrt2" else 1)

    def affine(self, t):
        self.at(t)
        code = {"ddnm+": self.ddnm_plus}.get(self.row) or getattr(self, self.row, None)
        run = code or (lambda y, z: getattr(self, self.e.get("scheme", "ddpm"))(y, z) + self.added(y))
        still, draws = self.zero, [self.I]
        if self.row == "diffpir":
            still, draws = (self.zero, self.zero), [(self.I, self.zero), (self.zero, self.I)]
        b = run(self.zero, still)
        return run(self.I, still) - b, b, [run(self.zero, draw) - b for draw in draws]

    def prior(self, t):
        a = self.schedule.abar[t]
        return np.sqrt(a) * self.mu, a * self.Sigma + (1 - a) * self.I


def root(C):
    values, vectors = np.linalg.eigh(C)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def w2_by_loops(p, e):
    """W2 at the end of the chain, and what rounding may move it.

    A step is good for 8 n EPS of the sizes there. |P^1/2 - Q^1/2|_F^2 is at most |P - Q| in the trace norm (Powers and
    Stormer), which is at most n times that in the 2-norm, and there are singular covariances that need it.
    """
    s = Whole(p, e)
    m, P = s.start()
    largest, mean = np.linalg.norm(P, 2), np.linalg.norm(m)
    for t in s.times[:-1]:
        M, b, draws = s.affine(t)
        m, P = M @ m + b, M @ P @ M.T + sum(L @ L.T for L in draws)
        largest, mean = max(largest, np.linalg.norm(P, 2)), max(mean, np.linalg.norm(m))
    end = s.times[-1]
    mu, C = s.prior(end) if e.get("target") == "prior" else s.target(end)
    trace = np.trace(P) + np.trace(C) - 2 * np.sum(np.linalg.svd(root(P) @ root(C), compute_uv=False))
    unit = 8 * s.n * EPS
    moved = unit * len(s.times) * mean + 2 * np.sqrt(s.n * unit * len(s.times) * largest)
    return np.sqrt(np.sum((m - mu) ** 2) + max(trace, 0)), moved


def schedule_of(words):
    if words["kind"] == "linear":
        return np.linspace(*words["beta"], words["steps"])
    return {**words, "rho": words.get("rho", 7)}


def entries():
    """(preset, faults) of everything that has a Gaussian law and is in the guide."""
    for name, repository, faults in re.findall(r"^  (\S+) +(\S+/\S+ \w{7})(, \"faults\": true)?$", gref("samplers"), re.M):
        if name != "dps-repo":
            yield from ((name, flag) for flag in ([False, True] if faults else [False]))


def study(presets):
    """The problem in arrays, and the summary, of presets that share a schedule."""
    asked = json.dumps([{"preset": name, **({"faults": True} if faults else {}),
                         **({"spacing": "linspace"} if name == "diffusers-ddim" else {})} for name, faults in presets])
    with tempfile.TemporaryDirectory() as out:
        chosen = [CASE, "--set", f"samplers={asked}", "--set", "report.w2_every=1000"]
        summary = json.loads(gref("study", *chosen, "--no-self-test", "--json", "--out", out))
        with np.load(os.path.join(out, "arrays.npz")) as f:
            problem = {key: f[key] for key in ("Sigma", "A", "mu", "v")}
    case = summary["case"]
    problem.update(sigma=case["noise"]["sigma"], schedule=schedule_of(case["schedule"]))
    return problem, summary


def guide_table():
    """(preset, faults) -> W2 as the guide prints it."""
    table = {}
    with open(PAGE, encoding="utf-8") as f:
        for line in f:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            name = cells[0].strip("`")
            for faults in (False, True):
                if len(cells) >= 3 and re.fullmatch(r"\d\.\d{3}", cells[-2 + faults]):
                    table[name, faults] = cells[-2 + faults]
    return table


def test_table():
    """W2 of every preset by the study is that of its loops in NumPy, and the guide's"""
    groups, table, wrong = {}, guide_table(), []
    for preset in entries():
        groups.setdefault(SCHEDULES.get(preset[0], "linear"), []).append(preset)
    for group in groups.values():
        problem, summary = study(group)
        for preset, e, result in zip(group, summary["case"]["samplers"], summary["samplers"]):
            mine, (loops, tolerance) = result["steps"][-1]["w2"], w2_by_loops(problem, e)
            print(f"# {e['label']:24} W2 {mine:.3f}; by loops off by {abs(mine - loops):.1e}, allowed {tolerance:.1e}")
            if not abs(mine - loops) <= tolerance:
                wrong.append(f"{e['label']}: {mine} by the study, {loops} by loops")
            if table.pop(preset, None) != f"{mine:.3f}":
                wrong.append(f"{e['label']}: {mine:.3f}, the guide says otherwise")
    assert not wrong and not table, "\n".join([*wrong, f"only in the guide: {table}"])


def test_literal():
    """a trajectory with a fault, run line by line, makes the steps M y + b + N^1/2 z that the law is made of"""
    for name, times in (("ddnm-repo", [900, 500, 100, 3, 0]), ("deepinv-ddrm", [99, 60, 30, 7, 0]),
                        ("deepinv-vpsde", [999, 500, 400, 7, 0]), ("diffusers-ddim", [999, 500, 400, 300, 0])):
        entry, worst = {"preset": name, "faults": True, "label": "x", "times": times}, 0
        with tempfile.TemporaryDirectory() as out:
            path = os.path.join(out, "golden.npz")
            gref("golden", CASE, "--no-self-test", "--allow-dirty", "--out", path, "--set", f"samplers={json.dumps([entry])}",
                 "--set", f"report.laws_at={times}")
            with np.load(path) as f:
                x = {key: f[key] for key in f.files if key != "manifest.json"}
        for t, after in zip(times, times[1:]):
            M, y, z, a = x[f"x/M/{t}"], x[f"x/y/{t}"], x["z"][len(x["z"]) - t], x["schedule/abar"][t]
            inverted = 1 / np.sqrt(a) + np.linalg.norm(x["Sigma"], 2) / (1 - a)  # as x0hat is made
            want = M @ y + x[f"x/b/{t}"] + root(full(x[f"x/N/{t}"], len(y))) @ z
            size = np.linalg.norm(M, 2) * np.linalg.norm(y) + np.linalg.norm(want)
            worst = max(worst, np.linalg.norm(want - x[f"x/y/{after}"]) / (8 * len(y) * EPS * inverted * size))
        print(f"# {name}: worst error/tolerance {worst:.2g}")
        assert worst <= 1, name


if __name__ == "__main__":
    sys.exit(tap.run({"test_table": test_table, "test_literal": test_literal}))
