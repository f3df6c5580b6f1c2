#!/usr/bin/python3
"""Every sampler of the table against the loops of published code (published.py) and against proved numbers (enclosed.py).

Why passing proves it: published.py runs a step as its authors' code does and finds M, b, N by pushing basis vectors
through; it shares the case with the program, and no formula. enclosed.py runs it in interval arithmetic, and
data/enclosures.json keeps intervals that hold the exact laws and W2. `test_samplers.py slow` makes them anew, and holds
textures under three operators, on the dense and on the spectral path, to the loops.
"""
import functools
import json
import os
import subprocess
import sys
import tempfile

import tap

try:
    import numpy as np
except ImportError as missing:
    tap.skip_all(missing)

from published import Sampler
from sampler_cases import PROBLEMS, write

GREF = os.environ["GREF"]
ENCLOSURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "enclosures.json")
EPS = np.finfo(float).eps / 2


def norm(x):
    return np.linalg.norm(x, 2) if np.ndim(x) else abs(x)


def symmetric_root(N):
    values, vectors = np.linalg.eigh(N)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def root_error(C, error):
    """How far W2 moves when C does, by `error` in norm: its root moves by sqrt(error), or error/(2 sqrt(least eigenvalue))."""
    least = np.linalg.eigvalsh(C)[0]
    return len(C) * min(np.sqrt(error), error / np.sqrt(least) if least > 4 * error else np.inf)


def step_errors(s, t, unit):
    """M, b, N of a step and what rounding may change in each.

    A step is at most eight maps one after the other (into the modes of Sigma and of A and back, solves, their sum), each
    good for (n + m) EPS times what it maps: M, and the sqrt(1/a) of x0hat. What is inverted multiplies that by its
    condition: 1 - a, Sigma_t, the singular values that are kept, whose inverses have EPS s_1 to divide (in `unit`), and C,
    whose phi is (1 - a)/a at most and whose tau is sigma^2.
    """
    M, b, L = s.affine(t)
    a, N, values = s.a, L @ L.T, np.linalg.eigvalsh(s.a * s.Sigma + (1 - s.a) * s.I)
    of_C = 1 + s.s[0] ** 2 * (1 - a) / a / s.sigma**2 if s.sigma > 0 else (s.s[0] / s.s[s.m - 1]) ** 2
    own = unit * values[-1] / values[0] / (1 - a) * of_C
    size = norm(M) + 2 / np.sqrt(a)
    return (M, own * size), (b, own * (norm(b) + size * norm(s.mu))), (N, own * (norm(N) + s.b))


def literal(p, e, y=None, z=None):
    """Name -> (value, tolerance) of every array of an entry; y, z: start and noise of one trajectory.

    A law carries the error that it has, as M carries the law, and takes the step's.
    """
    s = Sampler(p, e)
    mean, cov = s.start()
    kept = [x for x in s.s if x > 0]
    unit = 8 * (s.n + s.m) * EPS * (kept[0] / kept[-1] if kept else 1)
    e_mean, e_cov, e_y, out = unit * (norm(mean) + norm(s.mu)), unit * norm(cov), unit, {}
    for t in s.times:
        target = s.target(t)
        out[f"mean/{t}"], out[f"cov/{t}"] = (mean, e_mean), (cov, e_cov)
        out[f"w2/{t}"] = None, e_mean + sum(unit * norm(x) for x in target) + root_error(cov, e_cov) + \
            root_error(target[1], unit * norm(target[1]))  # only enclosed.py computes it
        if y is not None:
            out[f"y/{t}"] = y, e_y
        if t == s.times[-1]:
            return out
        out[f"M/{t}"], out[f"b/{t}"], out[f"N/{t}"] = (M, e_M), (b, e_b), (N, e_N) = step_errors(s, t, unit)
        if y is not None:
            draw = z[s.schedule.T - t]
            e_y = norm(M) * e_y + e_M * norm(y) + e_b + root_error(N, e_N) * norm(draw)
            y = M @ y + b + symmetric_root(N) @ draw
        e_mean, mean = norm(M) * e_mean + e_M * norm(mean) + e_b, M @ mean + b
        e_cov = norm(M) ** 2 * e_cov + (2 * norm(M) + e_M) * e_M * norm(cov) + e_N
        cov = M @ cov @ M.T + N


def arrays(command, case, *options):
    """The arrays that `gref golden` or `gref study` writes for a case file, and how far golden's grid moved each."""
    out = os.path.join(os.path.dirname(case), command)
    to = [out + ".npz", "--allow-dirty"] if command == "golden" else [out]
    run = subprocess.run([GREF, command, case, "--no-self-test", *options, "--out", *to], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    with np.load(os.path.join(out, "arrays.npz") if command == "study" else out + ".npz") as f:
        rounded = json.loads(f["manifest.json"])["arrays"] if command == "golden" else []
        return {name: f[name] for name in f.files if name != "manifest.json"}, {
            entry["name"]: entry["tolerance"] / 64 for entry in rounded}


def full(x, n):
    """N as a matrix, however it is stored."""
    return x * np.eye(n) if x.ndim == 0 else np.diag(x) if x.ndim == 1 else x


def off(name, x, value, tolerance, wrong):
    """Notes in `wrong` where x is not within the tolerance; the error in units of the tolerance."""
    error = np.max(np.abs(x - value))
    if not error <= tolerance:
        wrong.append(f"{name} is off by {error:.3g}, allowed {tolerance:.3g}")
    return error / tolerance


def by_loops(p, given, grid, e, wrong):
    """The arrays of an entry against published.py: what they should be, and the worst error in units of its tolerance."""
    label, worst = e["label"] + "/", 0
    judged = literal(p, e, given.get(label + "y_T", given.get("y_T")), given.get("z"))
    for array, (value, tolerance) in judged.items():
        tolerance += grid.get(label + array, 0)
        x = given.get(label + array)
        if x is None and ("z" in given or array.startswith(("mean", "cov"))):  # a study has laws alone
            wrong.append(f"{label}{array} is absent")
        elif x is not None and value is not None:
            x = full(x, len(value)) if array[0] == "N" else x
            worst = max(worst, off(label + array, x, value, tolerance, wrong))
    return judged, worst


def judge(name):
    """Every entry of a problem by both judges."""
    p, wrong, worst, found = PROBLEMS[name], [], [0, 0], 0
    with open(ENCLOSURES) as f:
        proved = json.load(f)
    with tempfile.TemporaryDirectory() as folder:
        given, grid = arrays("golden", write(folder, p))
    for e in p["entries"]:
        judged, ratio = by_loops(p, given, grid, e, wrong)
        worst[0] = max(worst[0], ratio)
        for array, numbers in proved[f"{name}/{e['label']}"].items():
            *middle, radius = map(float, numbers)
            x = given.get(f"{e['label']}/{array}", np.array(np.nan))
            tolerance = judged[array][1] + radius + grid.get(f"{e['label']}/{array}", 0)
            x = x[np.tril_indices(len(x))] if x.ndim == 2 else x
            worst[1] = max(worst[1], off(f"enclosed {e['label']}/{array}", x, middle, tolerance, wrong))
            found += 1
    print(f"# {name}: {len(p['entries'])} samplers; worst error/tolerance {worst[0]:.2g}, of {found} enclosures {worst[1]:.2g}")
    assert found and not wrong, "\n".join(wrong)


def judge_images(name, operator, command, *options):
    """The entries of a problem on a texture of 6 x 6 pixels, by the loops."""
    entries, wrong, worst = [e for e in PROBLEMS[name]["entries"] if not isinstance(e.get("start"), dict)], [], 0
    p = {**PROBLEMS[name], "entries": entries, "sigma": 0.3}
    grass = {"file": os.path.join(os.environ["GREF_TEST_DATA"], "images", "grass.png"), "crop": [200, 100, 6, 6]}
    with tempfile.TemporaryDirectory() as folder:
        given, grid = arrays(command, write(folder, p, image=grass, operator=operator, prior={}, observation={}), *options)
    p.update((key, given[key]) for key in ("Sigma", "A", "mu", "v"))
    for e in entries:
        worst = max(worst, by_loops(p, given, grid, e, wrong)[1])
    print(f"# {name}, {operator['kind']}, {command}: {len(entries)} samplers; worst error/tolerance {worst:.2g}")
    assert not wrong, "\n".join(wrong)


def test_enclosures():
    """the enclosures made anew meet those in data/enclosures.json"""
    from enclosed import enclose_all, meet
    with open(ENCLOSURES) as f:
        kept, anew = json.load(f), enclose_all()
    assert kept.keys() == anew.keys()
    for case, laws in anew.items():
        assert laws.keys() == kept[case].keys() and all(meet(numbers, kept[case][name]) for name, numbers in laws.items()), case


def main():
    quick = {f"test_{name}": (judge, name) for name in PROBLEMS}
    blur, halved = {"kind": "gaussian_blur", "std": 1, "size": 3}, {"kind": "super_resolution", "factor": 2}
    images = [("discrete", {"kind": "inpainting", "box": [1, 2, 3, 3]}, "golden"), ("vp", blur, "golden")]
    images += [(name, operator, "study", "--path", "spectral") for name in ("discrete", "vp", "edm") for operator in (blur, halved)]
    slow = {f"test_{k}": (judge_images, *image) for k, image in enumerate(images)}
    tests = {}
    for name, (test, *given) in (slow if sys.argv[1:] == ["slow"] else quick).items():
        tests[name] = functools.partial(test, *given)
        tests[name].__doc__ = ", ".join(map(str, given))
    return tap.run({**tests, "test_enclosures": test_enclosures} if sys.argv[1:] == ["slow"] else tests)


if __name__ == "__main__":
    sys.exit(main())
