#!/bin/sh
# What gref study measures to: p_t(x | v) or the prior, at the t of the end and, where abar is not 1 there, the law of x0.
# Why passing proves it: every distance at the end is computed once more by NumPy, from the laws in arrays.npz, with Bures'
# formula; a distance to another law differs in its first digits.
# shellcheck source=tests/support/tap.sh
. "$TAP"

python=$(for p in /usr/bin/python3 python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)

setup() {
    ln -s "$GREF_TEST_DATA/images/grass.png" grass.png
    cat >case.json <<JSON
{"schema": "gref-case/1", "image": {"file": "grass.png", "crop": [200, 100, 6, 6]},
 "operator": {"kind": "gaussian_blur", "std": 1.0, "size": 3}, "noise": {"sigma": 0.3},
 "samplers": [{"name": "cgdm", "times": [20, 12, 5, 2]}, {"name": "ddpm", "times": [20, 9, 3]},
  {"name": "pigdm", "label": "prior", "target": "prior", "scheme": "ddim", "times": [20, 10, 4]}, {"name": "dps"}],
 "schedule": {"kind": "linear", "beta": [1e-3, 0.3], "steps": 20}, "report": {"laws_at": [4, 3, 2, 0]}}
JSON
    # W2 at the end of each sampler, to the law there and to that of x0; the square root of a singular covariance has
    # eigenvalues off by sqrt(n eps |C|) = 1e-7, the tolerance of a trace formula.
    cat >held.py <<'PYTHON'
import csv, json, numpy as np
f = np.load("out/arrays.npz")
summary = json.load(open("out/summary.json"))
rows = list(csv.DictReader(open("out/w2.csv")))

def root(C):
    w, V = np.linalg.eigh(C)
    return V * np.sqrt(np.maximum(w, 0)) @ V.T

def w2(m1, C1, m2, C2):
    R = root(C1)
    cov = np.trace(C1) + np.trace(C2) - 2 * np.trace(root(R @ C2 @ R))
    return np.sqrt((m1 - m2) @ (m1 - m2) + max(cov, 0))

beta = np.linspace(1e-3, 0.3, 20)
abar = np.concatenate([[1], np.cumprod(1 - beta)])
n = len(f["mu"])
for s in summary["samplers"]:
    end = s["steps"][-1]
    t, label = end["t"], s["label"]
    prior = s.get("target") == "prior"
    mean, cov = (f["mu"], f["Sigma"]) if prior else (f["mu_post"], f["Sigma_post"])
    law = f[f"{label}/mean/{t}"], f[f"{label}/cov/{t}"]
    there = w2(*law, np.sqrt(abar[t]) * mean, abar[t] * cov + (1 - abar[t]) * np.eye(n))
    assert abs(there - end["w2"]) < 1e-6, (label, there, end["w2"])
    assert ("modelled" in s and len(s["modelled"]) > 0) != prior
    last = [row for row in rows if row["sampler"] == label][-1]
    assert float(last["w2"]) == end["w2"]
    if t == 0:
        assert "w2_data" not in end and last["w2_data"] == ""
        continue
    data = w2(*law, mean, cov)
    assert abs(data - end["w2_data"]) < 1e-6 and abs(data - there) > 1e-3, (label, data, end)
    assert abs(np.hypot(end["w2_data_mean"], end["w2_data_cov"]) - end["w2_data"]) < 1e-12
    assert float(last["w2_data"]) == end["w2_data"]
    assert all(row["w2_data"] == "" for row in rows if row["sampler"] == label and row is not last)
print("held")
PYTHON
}

if [ -n "$python" ]; then
    for path in dense spectral; do
        subtest "distances at ends above t = 0 are those of the laws, on the $path path"
        setup
        gref study case.json --out out --path "$path"
        exits 0
        prints '^cgdm +not visited +not visited +[(0-9]' '^ +ends at t = 2: against p_t\(x \| v\) there$' \
            '^ +the state as it is, abar < 1, against the posterior: W2 \([0-9.e+-]+\)$' \
            '^ +ends at t = 4: against p_t\(x\) there$' '^ +the state as it is, abar < 1, against the prior: W2' \
            '^ +measured to the prior$' '^prior .* - +none'
        run "$python" held.py
        exits 0
        prints '^held$'
        rm -r out
    done
fi

subtest "without such an end the csv has the columns that it always had"
setup
gref study case.json --out out --set 'samplers=[{"name": "cgdm"}]'
exits 0
check "five columns" test "$(head -1 out/w2.csv)" = 'sampler,t,w2,w2_mean,w2_cov'
check "none besides" sh -c "! grep -q w2_data out/summary.json"

subtest "state 0 of a vp schedule has abar < 1, and so both distances; where all are to the prior the table says so"
setup
gref study case.json --out out --set 'samplers=[{"name": "ddpm", "scheme": "ddim", "target": "prior"}]' \
    --set 'schedule={"kind": "vp", "steps": 30}' --set 'report={}'
exits 0
prints "^W2 of the sampler's law to the prior's p_t\\(x\\), pixel units" '^At t = 0, against the prior$' \
    '^ +the state as it is, abar < 1, against the prior: W2'
check "two distances at the end" grep -Eq '^ddpm,0,[^,]+,[^,]+,[^,]+,[^,]+$' out/w2.csv

subtest "a target is one of two words"
setup
gref study case.json --out out --set samplers.0.target=data
exits 2
complains 'samplers.0.target must be one of "posterior", "prior", not "data"'
check "nothing written" test ! -e out

done_testing
