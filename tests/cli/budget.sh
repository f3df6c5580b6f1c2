#!/bin/sh
# Where the error of each sampler comes from. Why passing proves it: a source is removed by hand, as another case, and
# gref study prints the same W2 to rounding; the limit of fine steps, extrapolated or in closed form, is what a chain of
# thousands of steps comes to, computed here by NumPy in one mode at a time.
# shellcheck source=tests/support/tap.sh
. "$TAP"

python=$(for p in /usr/bin/python3 python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)

# write NAME SAMPLERS [SCHEDULE]
write() {
    cat >"$1.json" <<JSON
{"schema": "gref-case/1", "image": {"file": "grass.png", "crop": [200, 100, 6, 6]},
 "operator": {"kind": "gaussian_blur", "std": 1.0, "size": 3}, "noise": {"sigma": 0.3},
 "samplers": [$2], "schedule": ${3:-"{\"kind\": \"linear\", \"beta\": [1e-3, 0.1], \"steps\": 100}"}}
JSON
}

setup() {
    ln -s "$GREF_TEST_DATA/images/grass.png" grass.png
    write case '{"name": "cgdm"}, {"name": "pigdm"}, {"name": "unconditional"}, {"name": "ddrm"},
     {"name": "cgdm", "label": "ode", "scheme": "ddim"}'
    write start '{"name": "pigdm", "start": "exact"}, {"name": "ddrm", "start": "exact"}'
    write vp '{"name": "pigdm", "scheme": "heun"}, {"name": "cgdm", "scheme": "em", "last_noise": true}' \
        '{"kind": "vp", "steps": 200}'
    cat >held.py <<'PYTHON'
import json, numpy as np
line = {s["label"]: s for s in json.load(open("budget.json"))["samplers"]}
at_end = lambda name: {s["label"]: s["steps"][-1] for s in json.load(open(name + "/summary.json"))["samplers"]}
plain, exact = at_end("plain"), at_end("exact")
part = lambda label, what: line[label]["without"][what]
near = lambda x, y, tolerance: abs(x - y) <= tolerance * abs(y)
for label in ("cgdm", "pigdm", "ddrm", "ode"):
    assert line[label]["w2"] == plain[label]["w2"], label
for label in ("pigdm", "ddrm"):
    assert near(part(label, "initialisation")["w2"], exact[label]["w2"], 1e-12), label
assert near(part("pigdm", "approximation")["w2"], plain["cgdm"]["w2"], 1e-12)
assert part("ddrm", "discretisation")["w2"] is None and "no limit" in part("ddrm", "discretisation")["reason"]
assert part("pigdm", "truncation")["w2"] is None
# The exact score in a mode of variance lambda, y' = y/2 + c s~ per unit of B = -log abar, by 20,000 steps of Heun.
f = np.load("plain/arrays.npz")
beta = np.linspace(1e-3, 0.1, 100)
B = -np.log1p(-beta).sum()
lam, V = np.linalg.eigh(f["Sigma_post"])
m = -np.exp(-B / 2) * (V.T @ f["mu_post"])
for label, c in (("cgdm", 1.0), ("ode", 0.5)):
    t = np.linspace(1, 0, 20001) ** 3 * B            # finer where a mode has little variance
    gain, P = m.copy(), np.ones_like(lam)
    for t0, t1 in zip(t[:-1], t[1:]):
        h, s0, s1 = t0 - t1, np.exp(-t0) * lam - np.expm1(-t0), np.exp(-t1) * lam - np.expm1(-t1)
        g0 = 0.5 - c / s0
        g1 = 0.5 - c / np.maximum(s1, 1e-300)
        mid = np.exp(-(t0 + t1) / 2)
        gm = 0.5 - c / (mid * lam + 1 - mid)
        factor = np.exp(h * (g0 + 4 * gm + g1) / 6) if t1 > 0 else np.exp(h * gm)
        gain *= factor
        P = factor**2 * (P - s0) + s1 if c == 1.0 else factor**2 * P
    w2 = np.sqrt((gain**2).sum() + ((np.sqrt(np.maximum(P, 0)) - np.sqrt(np.maximum(lam, 0)))**2).sum())
    assert near(part(label, "discretisation")["w2"], w2, 2e-2), (label, part(label, "discretisation"), w2)
print("held")
PYTHON
}

if [ -n "$python" ]; then
    subtest "a removed source is the case without it, and the limit that of fine steps"
    setup
    gref budget case.json --out out
    exits 0
    prints '^sampler +as it is +initialisation +approximation +discretisation +truncation$' \
        '^ddrm +discretisation: its pull grows with the number of steps: no limit exists$'
    cp out/budget.json .
    gref study case.json --out plain
    exits 0
    gref study start.json --out exact
    exits 0
    run "$python" held.py
    exits 0
    prints '^held$'
    check "a picture" test -s out/budget.svg
    check "17 rows: the head, 5 samplers, what is known of them" test "$(wc -l <out/budget.csv)" = 18
fi

subtest "what a vp schedule cuts off is a source; Heun and Euler-Maruyama have the limits of their equations"
setup
gref budget vp.json --json
exits 0
prints '"truncation": {' '"steps": [0-9]+'

subtest "a sampler without a Gaussian law is refused, and nothing is written"
setup
gref budget case.json --out out --set 'samplers=[{"name": "dps-norm", "zeta": 1}]'
exits 2
complains 'gref budget: .*dps-norm has no Gaussian law'
check "no folder" test ! -e out

done_testing
