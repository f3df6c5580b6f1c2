#!/bin/sh
# gref golden as users run it: writing, verifying, rewriting, and what it says to bad input.
# Why passing proves it: exit code, both streams and the folder are checked every time; the files are read back by
# NumPy, and their numbers are computed once more there, from the formulas and by other routes.
# shellcheck source=tests/support/tap.sh
. "$TAP"

here=$(dirname "$TAP")/../cli
# Debian's, which has NumPy; another python3 may stand before it.
python=$(for p in /usr/bin/python3 python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)

# case.json: a 6 x 6 crop, T = 20, three samplers.
setup() {
    ln -s "$GREF_TEST_DATA/images/grass.png" grass.png
    cat >case.json <<JSON
{"schema": "gref-case/1", "image": {"file": "grass.png", "crop": [200, 100, 6, 6]},
 "operator": {"kind": "gaussian_blur", "std": 1.0, "size": 3}, "noise": {"sigma": 0.3},
 "samplers": [{"name": "cgdm"}, {"name": "pigdm"}, {"name": "dps-norm", "zeta": 0.1}],
 "schedule": {"kind": "linear", "beta": [1e-3, 0.3], "steps": 20}, "report": {"laws_at": [10, 0]}}
JSON
}

# refused CODE ERE...: one line that names the value, nothing written, nothing left.
refused() {
    exits "$1"
    shift
    prints_nothing
    complains "$@"
    check "no file written" test ! -e new.npz
    check "no staging left" test -z "$(find . -name '.gref*')"
}

# golden CASE ARGUMENTS: this tree may have uncommitted changes.
golden() {
    gref golden "$@" --allow-dirty
}

subtest "a golden file is written, says so, and verifies"
setup
golden case.json --out g.npz
exits 0
prints '^g.npz: written$'
silent
leaves grass.png case.json g.npz
before=$(cksum <g.npz)
gref golden --verify g.npz
exits 0
prints '^[0-9]+ of [0-9]+ arrays agree; largest difference/tolerance'
silent
check "not touched" test "$before" = "$(cksum <g.npz)"
leaves grass.png case.json g.npz

subtest "the same case gives the same bytes, whatever the file is called and wherever the case lies"
setup
golden case.json --out g.npz
mkdir deeper
cp case.json deeper/case.json
ln -s ../grass.png deeper/grass.png
golden deeper/case.json --out h.npz
check "same bytes" cmp g.npz h.npz

subtest "a folder: .npy files in subfolders, the manifest beside them; it verifies"
setup
golden case.json --dir g
exits 0
check "an array" test -s g/pigdm/M/10.npy
check "the manifest" grep -q '"schema": "gref-golden/1"' g/manifest.json
gref golden --verify g
exits 0

subtest "the manifest names commit, command, BLAS, conventions and tolerances"
setup
golden case.json --dir g --set noise.sigma=0.25
check "command, without folders" grep -q "\"command\": \"gref golden case.json --set 'noise.sigma=0.25'\"" g/manifest.json
check "commit" grep -Eq '"commit": "([0-9a-f]{40}|unknown)"' g/manifest.json
check "BLAS" grep -q '"threads": ' g/manifest.json
check "words" grep -q 'in the score: y_{t-1}' g/manifest.json
check "catches" grep -q 'catches: beta~ for beta' g/manifest.json
check "no machine path" sh -c '! grep -q "$(pwd)\|/usr/\|/home" g/manifest.json'
check "no infinity" sh -c '! grep -Eiq ":[^\"]*(inf|nan)" g/manifest.json'

if [ -n "$python" ]; then
    subtest "NumPy computes every number again, from the formulas in pixels, within the tolerances"
    setup
    golden case.json --out g.npz
    run "$python" "$here/golden_numpy.py" g.npz
    exits 0
    prints '^g.npz: every array agrees$'

    subtest "and so for every convention"
    setup
    golden case.json --out g.npz --set 'samplers=[{"name": "dps", "guidance": "mean", "alpha": 2},
        {"name": "pigdm", "r2": "(1-abar)/abar", "start": "exact"}, {"name": "ddpm", "variance": "beta"},
        {"name": "pigdm", "label": "late", "r2": "(1-abar)/(2-abar)", "last_noise": true, "variance": "beta"},
        {"name": "cgdm", "guidance": "after", "zeta": 0.1}]' --set operator.kind=identity
    exits 0
    run "$python" "$here/golden_numpy.py" g.npz
    exits 0
    prints '^g.npz: every array agrees$'

    subtest "and so for schemes, visited times and chains of one's own, each kind of noise"
    setup
    "$python" - <<'PYTHON'
import numpy as np
rng = np.random.default_rng(7)
n, K = 36, 6
M = 0.9 * np.eye(n) + 0.1 * rng.standard_normal((K, n, n)) / np.sqrt(n)
b = 0.1 * rng.standard_normal((K, n))
R = rng.standard_normal((K, n, n)) / np.sqrt(n)
abar = np.linspace(0.1, 0.9, K + 1)
np.savez("scalar.npz", M=M, b=b, N=0.1 * np.arange(1, K + 1), abar=abar)
np.savez("diagonal.npz", M=M[:1], b=b, N=rng.random((1, n)), start_mean=b[0], start_cov=np.diag(1 + rng.random(n)))
np.savez("matrix.npz", M=M, b=b, N=R @ R.transpose(0, 2, 1), abar=abar)
PYTHON
    golden case.json --out g.npz --set 'report.laws_at=[10, 8, 6, 4, 2, 0]' --set 'samplers=[
        {"name": "pigdm", "scheme": "ddim"}, {"name": "dps", "scheme": "ddim", "eta": 0.7, "times": [10, 8, 5, 4, 1, 0]},
        {"name": "cgdm", "times": [8, 4, 2]}, {"name": "cgdm", "label": "one", "scheme": "ddim", "eta": 1},
        {"name": "ddpm", "times": [10, 6, 0], "variance": "beta"},
        {"name": "dps-norm", "times": [10, 6, 4, 0], "zeta": 0.1},
        {"name": "affine", "label": "s", "file": "scalar.npz"}, {"name": "affine", "label": "d", "file": "diagonal.npz"},
        {"name": "affine", "label": "m", "file": "matrix.npz"}]'
    exits 0
    run "$python" "$here/golden_numpy.py" g.npz
    exits 0
    prints '^g.npz: every array agrees$'
    rm scalar.npz diagonal.npz matrix.npz
    gref golden --verify g.npz
    exits 0
    prints '^([0-9]+) of \1 arrays agree'
    gref check g.npz g.npz
    exits 0

    subtest "and so for every row, start and variance"
    setup
    "$python" - <<'PYTHON'
import numpy as np
X = np.random.default_rng(0).normal(size=(36, 36))
np.save("cov.npy", X @ X.T / 36 + 0.1 * np.eye(36)); np.save("mean.npy", X[0]); np.save("var.npy", np.linspace(1e-3, 0.2, 20))
PYTHON
    rows='[{"name": "mmps", "variance": "fixed_large"}, {"name": "tmpd-full", "start": "noise"}, {"name": "tmpd"},
        {"name": "pigdm-code"}, {"name": "pigdm-weighted", "variance": "beta", "last_noise": true},
        {"name": "dps-square", "alpha": 0.05, "scheme": "ddim"}, {"name": "ddnm"}, {"name": "ddnm+"},
        {"name": "ddrm"}, {"name": "ddrm", "label": "paper", "start": "paper", "eta": 0.3, "eta_b": 0.6},
        {"name": "ddrm", "label": "short", "steps": 6, "spacing": "skip", "eta": 0}, {"name": "diffpir", "eta": 1},
        {"name": "dps", "start": {"mean": "mean.npy", "cov": "cov.npy"}, "variance": {"file": "var.npy"}},
        {"name": "unconditional", "variance": {"fraction": 0.3}}, {"name": "cgdm", "scheme": "ei"},
        {"name": "pigdm", "scheme": "ddim", "eta": 0.5, "eta_on": "state"}]'
    for operator in '{"kind": "gaussian_blur", "std": 1.0, "size": 3}' '{"kind": "inpainting", "box": [1, 1, 2, 3]}' \
        '{"kind": "super_resolution", "factor": 2}'; do
        golden case.json --out g.npz --set "samplers=$rows" --set "operator=$operator"
        exits 0
        mkdir -p away
        mv g.npz away/g.npz
        gref golden --verify away/g.npz
        exits 0
        prints '^([0-9]+) of \1 arrays agree'
        run "$python" "$here/golden_numpy.py" away/g.npz
        exits 0
        prints '^away/g.npz: every array agrees$'
    done

    subtest "and so where there is no noise in the measurement"
    setup
    golden case.json --out g.npz --set noise.sigma=0 --set 'operator={"kind": "inpainting", "box": [1, 1, 2, 3]}' \
        --set 'samplers=[{"name": "ddnm"}, {"name": "ddnm+"}, {"name": "ddrm"}, {"name": "pigdm-code"}, {"name": "diffpir"}]'
    exits 0
    run "$python" "$here/golden_numpy.py" g.npz
    exits 0

    subtest "and so for every scheme in continuous time"
    setup
    golden case.json --out vp.npz --set 'schedule={"kind": "vp", "beta": [0.1, 10], "span": [1e-3, 1], "steps": 20}' \
        --set 'samplers=[{"name": "cgdm", "scheme": "em"}, {"name": "dps", "scheme": "euler"}, {"name": "ddrm"},
        {"name": "pigdm", "scheme": "heun"}, {"name": "tmpd", "scheme": "heun", "guidance": "after", "zeta": 0.01},
        {"name": "mmps", "scheme": "rk4"}, {"name": "unconditional", "scheme": "rk4"}, {"name": "tmpd-full", "scheme": "ei"},
        {"name": "pigdm-code", "scheme": "heun"}, {"name": "dps", "label": "ddpm"}]'
    exits 0
    golden case.json --out edm.npz --set 'schedule={"kind": "edm", "sigma": [0.01, 30], "steps": 12}' \
        --set 'samplers=[{"name": "cgdm", "scheme": "heun"}, {"name": "dps", "scheme": "euler"}, {"name": "ddrm"},
        {"name": "pigdm-weighted", "scheme": "heun"}, {"name": "diffpir"}]'
    exits 0
    run "$python" "$here/golden_numpy.py" vp.npz edm.npz
    exits 0
    prints '^vp.npz: every array agrees$'
    prints '^edm.npz: every array agrees$'

    subtest "that comparison would see a wrong array"
    setup
    golden case.json --out g.npz
    "$python" - <<'PYTHON'
import numpy as np, zipfile
with np.load("g.npz") as f:
    arrays = {k: f[k] for k in f.files if k != "manifest.json"}
    manifest = f["manifest.json"]
arrays["pigdm/M/10"] = arrays["pigdm/M/10"] * (1 + 1e-9)
np.savez("g.npz", **arrays)
zipfile.ZipFile("g.npz", "a").writestr("manifest.json", manifest)
PYTHON
    run "$python" "$here/golden_numpy.py" g.npz
    exits 1
    prints 'differs: .*pigdm/M/10'
    gref golden --verify g.npz
    refused 2 "'pigdm/M/10' is not what manifest.json says: SHA-256"
fi

subtest "of a sampler that leaves out times, the first and the last step are there, and nothing where it does not come"
setup
respaced='[{"name": "cgdm"}, {"name": "pigdm", "scheme": "ddim", "steps": 4, "spacing": "trailing"}]' # 20, 15, 10, 5, 0
golden case.json --out g.npz --set "samplers=$respaced" --set 'report.laws_at=[11,0]'
exits 0
"$python" -m zipfile -l g.npz >members
check "its first step, its last, and its end" test "$(grep -cE '^pigdm/(M/20|M/5|mean/0)\.npy' members)" = 3
check "nothing elsewhere" test "$(grep -cE '^pigdm/.*/(11|1)\.npy' members)" = 0
check "the other sampler is there" test "$(grep -cE '^cgdm/M/(20|11|5|1)\.npy' members)" = 4
gref golden --verify g.npz
exits 0
prints '^([0-9]+) of \1 arrays agree'
gref study case.json --out out --set "samplers=$respaced" --set 'report.laws_at=[11,10]'
exits 0
prints '^pigdm +not visited +[(0-9]'
"$python" -m zipfile -l out/arrays.npz >members
check "and in a study" test "$(grep -cE '^pigdm/mean/(11|10)\.npy' members)" = 1
check "in the csv its own times" test "$(grep -c '^pigdm,\(20\|15\|10\|5\|0\),' out/w2.csv)" = "$(grep -c '^pigdm' out/w2.csv)"

subtest "a golden file of a schedule in continuous time, or from a file, verifies, and says its time"
setup
"$python" - <<'PYTHON'
import numpy as np
np.save("abar.npy", np.cumprod(1 - np.linspace(1e-3, 0.3, 20)))
np.save("sigmas.npy", np.geomspace(0.02, 10, 20))
PYTHON
for schedule in '{"kind": "vp", "steps": 30}' '{"kind": "edm", "steps": 12}' '{"kind": "file", "abar": "abar.npy"}' \
    '{"kind": "file", "sigmas": "sigmas.npy"}'; do
    golden case.json --out g.npz --set "schedule=$schedule" --set 'report.laws_at=[5,0]'
    exits 0
    gref golden --verify g.npz
    exits 0
    prints '^([0-9]+) of \1 arrays agree'
    gref check g.npz g.npz
    exits 0
    case $schedule in *abar*) time=0 ;; *) time=1 ;; esac
    check "time where there is one" test "$time" = "$("$python" -m zipfile -l g.npz | grep -c '^schedule/time')"
    rm g.npz
done

subtest "what is there is not overwritten"
setup
echo mine >new
golden case.json --out new
exits 2
complains 'new exists; --rewrite --reason TEXT'
check "kept" test "$(cat new)" = mine
golden case.json --dir g
golden case.json --dir g
exits 2
complains 'g exists; --rewrite'

subtest "--rewrite leaves alone what agrees, and replaces what differs, with the reason in the history"
setup
golden case.json --out g.npz
cp g.npz kept.npz
golden case.json --out g.npz --rewrite --reason "to see"
exits 0
prints 'g.npz: agrees within its tolerances, left as it is'
check "same bytes" cmp g.npz kept.npz
golden case.json --out g.npz --rewrite --reason "more noise" --set noise.sigma=0.35
exits 0
prints 'g.npz: replaced' '^differs  cgdm/' 'another case'
check "replaced" sh -c '! cmp -s g.npz kept.npz'
gref golden --verify g.npz
exits 0
golden case.json --dir g
golden case.json --dir g --rewrite --reason "less noise" --set noise.sigma=0.2
exits 0
check "history" grep -q '"reason": "less noise"' g/manifest.json
gref golden --verify g
exits 0

subtest "a file that another program computed wrongly differs, by name, with both values"
setup
golden case.json --dir g
sed -i '/"name": "cgdm\/b\/10"/,/"tolerance"/s/"tolerance": [0-9.e+-]*/"tolerance": 0.0/' g/manifest.json
gref golden --verify g
exits 1
prints '^differs  cgdm/b/10 .*tolerance 0; at \([0-9]+, 0\) golden .* computed ' 'arrays agree'

subtest "no CASE, no target, two targets, a reason too few, --verify with more"
setup
gref golden
refused 2 'CASE is missing'
golden case.json
refused 2 '--out NAME.npz or --dir DIR'
golden case.json --out new.npz --dir g
refused 2 'one of the two'
golden case.json --out new.npz --rewrite
refused 2 '--rewrite and --reason TEXT go together'
golden case.json --out new.npz --reason why
refused 2 '--rewrite and --reason TEXT go together'
golden case.json --out new.npz --rewrite --reason why
refused 2 'new.npz: there is nothing to rewrite'
gref golden case.json --verify g.npz
refused 2 '--verify FILE stands alone'

subtest "--verify of what is no golden file"
setup
gref golden --verify nowhere.npz
refused 2 'nowhere.npz: No such file'
gref golden --verify case.json
refused 2 'case.json'
: >empty.npz
gref golden --verify empty.npz
refused 2 'empty.npz: is empty'
mkdir folder
gref golden --verify folder
refused 2 'folder/manifest.json'
cp "$(dirname "$TAP")/../data/stored.npz" foreign.npz
gref golden --verify foreign.npz
refused 2 'foreign.npz: no golden file: it has no manifest.json'

subtest "a truncated golden file"
setup
golden case.json --out whole.npz
head -c 30000 whole.npz >cut.npz
gref golden --verify cut.npz
refused 2 'cut.npz'

subtest "another major of the schema, a missing array, an array that is not listed"
setup
golden case.json --dir g
sed -i 's|gref-golden/1|gref-golden/2|' g/manifest.json
gref golden --verify g
refused 2 'gref-golden/2' 'gref-golden/1'
sed -i 's|gref-golden/2|gref-golden/1|' g/manifest.json
mv g/pigdm/M/10.npy .
gref golden --verify g
refused 2 "manifest.json lists 'pigdm/M/10', which is not there"
mv 10.npy g/pigdm/M/10.npy
cp g/mu.npy g/nu.npy
gref golden --verify g
refused 2 "manifest.json says nothing of 'nu'"

subtest "a case that is none, and a folder that cannot be written"
setup
golden case.json --out /proc/nowhere/g.npz
refused 2 '/proc/nowhere'
golden case.json --out new.npz --set noise.sigm=1
refused 2 'noise.sigm'
golden nowhere.json --out new.npz
refused 2 'nowhere.json'

done_testing
