"""Small problems, and every sampler of the table on them, as case files say it: what published.py and enclosed.py judge.

A = W diag(s) V^T with W and V signed Hadamard matrices over 2 and powers of 2 for s: A, its singular vectors and values
are exact in double, whatever repeats, vanishes or lies on a branch. Sigma = F F^T with small dyadic F is exact too.
"""
import json
import os

import numpy as np

H = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
V = H[:, [2, 0, 3, 1]] * [1, -1, 1, 1]
F = np.array([[1, 0, 0, 0], [0.5, 1, 0, 0], [-0.25, 0.5, 0.75, 0], [0.5, 0, 0.5, 0.25]])
MU, OBSERVED = np.array([0.5, -0.25, 0.125, -1]), np.array([0.75, -0.5, 1.25, 0.25])
BETA = np.array([0.0625, 0.125, 0.125, 0.25, 0.25, 0.375, 0.375, 0.5])
HALVES = np.full(6, 0.5)  # abar = 2^-t: sqrt((1 - abar)/abar) = 1 at t = 1
VP = {"kind": "vp", "beta": [0.125, 6], "span": [0.015625, 1], "steps": 8}
EDM = {"kind": "edm", "sigma": [0.0625, 8], "rho": 7, "steps": 6}
FILES = {"variances.npy": np.linspace(0.03, 0.3, 8), "start-mean.npy": MU / 2, "start-cov.npy": F @ F.T + np.eye(4) / 4}


def problem(s=(1, 0.5, 0.25, 0), F=F, sigma=0.5, schedule=BETA, A=None, entries=()):
    """A of one's own has no exact singular vectors: V is None, and only rows without them are judged."""
    own, s = A is not None, np.array(s, float)
    A = A if own else (H * s) @ V.T
    return {"A": A, "W": None if own else H, "s": s, "V": None if own else V, "Sigma": F @ F.T, "mu": MU, "sigma": sigma,
            "v": OBSERVED[:len(A)], "schedule": schedule, "entries": entries}


def value_of(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def expand(text):
    """A line is 'NAME KEY=VALUE...', values being JSON or words; names with commas stand for one line each."""
    for names, *keys in filter(None, map(str.split, text.splitlines())):
        for name in names.split(","):
            yield {"name": name, **{key: value_of(value) for key, value in (pair.split("=", 1) for pair in keys)}}


LIKELIHOOD = "dps,pigdm,cgdm,mmps,tmpd-full,unconditional"
CODE = "pigdm-code,pigdm-weighted,dps-square"
PROJECTING = "ddrm,ddnm,ddnm+,diffpir"
DEFAULTS = f"""
{LIKELIHOOD}
{CODE} scheme=ddim eta=0.5
{PROJECTING}
"""
DISCRETE = DEFAULTS + f"""
{LIKELIHOOD} scheme=ddim eta=0.5 times=[8,5,3,1,0]
pigdm,dps scheme=ddim eta=0.5 eta_on=variance
pigdm,cgdm scheme=ddim eta=0.75 eta_on=state times=[8,6,2,0]
pigdm,cgdm,unconditional scheme=ei
pigdm scheme=ei last_noise=true times=[8,5,3,0]
{CODE} scheme=ddpm variance=beta last_noise=true
dps-square scheme=ddim alpha=0.125
pigdm-weighted scheme=ddim eta=0.25 eta_on=state
ddrm eta=0.5 eta_b=0.75 times=[8,6,4,3,1]
ddnm,ddnm+ eta=0 times=[7,5,2,0]
ddnm,ddnm+ eta=1
diffpir lambda=2 zeta=0.625 eta=0.5 rho_scale=1 times=[8,6,3,0]
diffpir zeta=1
{PROJECTING} rank_tol=0.375
pigdm-code scheme=ddim rank_tol=0.375
pigdm r2=(1-abar)/abar guidance=after zeta=0.125
pigdm,cgdm variance=fixed_large last_noise=true
dps,unconditional variance={{"fraction":0.25}} last_noise=true times=[8,6,5,2,0]
mmps,pigdm guidance=mean variance={{"fraction":0.75}}
pigdm guidance=mean variance=fixed_large
cgdm,dps variance={{"file":"variances.npy"}} last_noise=true
pigdm start=exact
ddrm start=exact times=[6,3,0]
dps,ddrm start=noise
diffpir,pigdm-code,ddrm start=standard
ddrm start=paper
pigdm,ddnm start={{"mean":"start-mean.npy","cov":"start-cov.npy"}}
cgdm,ddrm start={{"mean":0.25,"cov":0.5}}
pigdm steps=3 spacing=leading
ddrm steps=3 spacing=skip
ddnm steps=3 spacing=linspace
diffpir steps=3 spacing=trailing
"""
CONTINUOUS = DEFAULTS + f"""
{LIKELIHOOD} scheme=ei
{LIKELIHOOD} scheme=euler
{LIKELIHOOD} scheme=heun
{CODE} scheme=heun
pigdm,cgdm scheme=ddim eta=0.5
pigdm,cgdm variance=beta
ddrm eta=0.5 eta_b=0.5
diffpir eta=0.5
"""
ON_VP = CONTINUOUS + f"""
{LIKELIHOOD} scheme=em
cgdm scheme=em last_noise=true
{LIKELIHOOD} scheme=rk4
{CODE} scheme=rk4
cgdm scheme=rk4 times=[8,6,3,0]
pigdm scheme=heun times=[8,6,3,1]
"""
ON_EDM = CONTINUOUS + """
cgdm,ddrm start=standard
pigdm-weighted scheme=ddim eta=0.25 eta_on=state
"""
ROWS = np.array([[1, 0.5, 0, 0], [0, 1, 0.5, 0], [0, 0, 1, 0.5]])  # nonnegative: tmpd's row sums are positive
PROBLEMS = {
    "discrete": problem(entries=list(expand(DISCRETE))),
    "vp": problem(schedule=VP, entries=list(expand(ON_VP))),
    "edm": problem(schedule=EDM, entries=list(expand(ON_EDM))),
    "ties": problem(s=(1, 0.5, 0.5, 0), schedule=HALVES, entries=list(expand(DEFAULTS + "ddrm eta=0.5 eta_b=0.5"))),
    "tiny": problem(s=(1, 1, 2.0**-10, 0), F=F[:, :3], entries=list(expand(DEFAULTS + f"{PROJECTING} rank_tol=0.001"))),
    "zero": problem(s=(0, 0, 0, 0), entries=list(expand(DEFAULTS))),
    "full": problem(s=(2, 1, 1, 0.5), sigma=0.0625, entries=list(expand(DEFAULTS.replace("dps,", "").replace(
        ",dps-square", "")))),
    "noise-free": problem(s=(2, 1, 1, 0.5), sigma=0.0, entries=list(expand(
        f"pigdm,cgdm,mmps\npigdm-code,pigdm-weighted scheme=ddim eta=0.5\n{PROJECTING}"))),
    "row-sums": problem(A=ROWS, F=np.abs(F), entries=list(expand(
        "tmpd,tmpd-full,mmps,cgdm\ntmpd scheme=ddim eta=0.5\ntmpd guidance=mean\ntmpd,mmps scheme=ei"))),
}
for name, p in PROBLEMS.items():
    for number, entry in enumerate(p["entries"]):
        entry["label"] = f"{entry['name']}-{number}"


def visited(e, T):
    """The visited times, decreasing, to the end. diffusers counts from 0: its t is one less."""
    if "times" in e:
        return e["times"]
    if "steps" not in e:
        return list(range(T, -1, -1))
    K, spacing = e["steps"], e["spacing"]
    zero_based = {
        "leading": lambda: np.arange(K) * (T // K),
        "linspace": lambda: np.linspace(0, T - 1, K).round(),
        "trailing": lambda: np.round(np.arange(T, 0, -T / K)) - 1,
        "skip": lambda: np.arange(0, T, T // K),
    }[spacing]()
    return sorted((int(t) + 1 for t in zero_based), reverse=True) + [0]


def write(folder, p, **changes):
    """The case file of a problem and its entries, with the files it names; its path."""
    files, schedule = {**FILES, "A.npy": p["A"], "cov.npy": p["Sigma"], "mean.npy": p["mu"], "v.npy": p["v"]}, p["schedule"]
    if not isinstance(schedule, dict):
        files["beta.npy"], schedule = schedule, {"kind": "file", "file": "beta.npy"}
    for file, array in files.items():
        np.save(os.path.join(folder, file), array)
    case = {"schema": "gref-case/1", "prior": {"kind": "gaussian", "mean": "mean.npy", "cov": "cov.npy", "shape": [2, 2]},
            "operator": {"kind": "matrix", "file": "A.npy"}, "noise": {"sigma": p["sigma"]},
            "observation": {"kind": "file", "file": "v.npy"}, "schedule": schedule, "samplers": p["entries"],
            "report": {"laws_at": list(range(1 + schedule.get("steps", len(p["schedule"]))))}}
    path = os.path.join(folder, "case.json")
    with open(path, "w") as f:
        json.dump({**case, **changes}, f)
    return path
