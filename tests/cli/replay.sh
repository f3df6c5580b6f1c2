#!/bin/sh
# gref replay and gref eval as users run them.
# Why passing proves it: the noise and the points are those of a golden file, whose arrays were computed once; what
# the commands give is held to them by gref check, which knows the tolerances.
# --no-self-test where the self-test is not what is tested (guard.sh does): it takes longer than all else here.
# shellcheck source=tests/support/tap.sh
. "$TAP"

setup() {
    ln -s "$GREF_TEST_DATA/images/grass.png" grass.png
    cat >case.json <<JSON
{"schema": "gref-case/1", "image": {"file": "grass.png", "crop": [200, 100, 6, 6]},
 "operator": {"kind": "gaussian_blur", "std": 1.0, "size": 3}, "noise": {"sigma": 0.3},
 "samplers": [{"name": "cgdm"}, {"name": "pigdm"}, {"name": "dps-norm", "zeta": 0.1}],
 "schedule": {"kind": "linear", "beta": [1e-3, 0.3], "steps": 20}, "report": {"laws_at": [10, 0]}}
JSON
    "$GREF" golden case.json --dir g --allow-dirty --no-self-test >../log 2>&1
}

refused() {
    exits "$1"
    shift
    prints_nothing
    complains "$@"
    check "nothing written" test ! -e out.npz -a ! -e out.npy
    check "no staging left" test -z "$(find . -name '.gref*')"
}

# npy FILE SHAPE BYTES: a .npy of zeros.
npy() {
    printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': $2, }" >"$1"
    head -c "$3" /dev/zero >>"$1"
}

subtest "replaying the golden noise gives the golden trajectories, of dps-norm too"
setup
gref replay case.json --noise g/z.npy --start g/y_T.npy --out out.npz
exits 0
prints '^cgdm +[0-9.e+-]+ +[0-9.e+-]+$' '^pigdm ' '^dps-norm '
silent
gref check g out.npz --no-self-test
exits 0
prints 'dps-norm/y/0' 'cgdm/y/10'

subtest "without --start it begins where the golden file does"
setup
gref replay case.json --noise g/z.npy --out out.npz --no-self-test
exits 0
gref check g out.npz --no-self-test
exits 0

subtest "one sampler, every t, and what is printed without --out"
setup
gref replay case.json --noise g/z.npy --sampler pigdm --no-self-test
exits 0
prints '^pigdm '
check "only that one" sh -c '! grep -q cgdm ../out'
gref replay case.json --noise g/z.npy --sampler pigdm --every --out out.npz --no-self-test
exits 0
check "all 21 times, z and y_T" test "$(python3 -c 'import zipfile; print(len(zipfile.ZipFile("out.npz").namelist()))')" -eq 23

subtest "other noise, other trajectories"
setup
npy zeros.npy '(20, 36)' 5760
gref replay case.json --noise zeros.npy --out out.npz --no-self-test
exits 0
gref check g out.npz --no-self-test
exits 1

subtest "a chain that diverges is said to, and its finite part is written"
setup
gref replay case.json --noise g/z.npy --out out.npz --set noise.sigma=1e-12 --set 'samplers=[{"name": "dps"}]' --no-self-test
exits 0
prints '^dps +diverged: y_t exceeds 2\^450 below t = [0-9]+'

subtest "nothing is overwritten without --force"
setup
echo mine >mine.npz
gref replay case.json --noise g/z.npy --out mine.npz --no-self-test
refused 2 'mine.npz exists; --force'
check "kept" test "$(cat mine.npz)" = mine
gref replay case.json --noise g/z.npy --out mine.npz --force --no-self-test
exits 0

subtest "noise of the wrong length, transposed, with a NaN, or none"
setup
npy short.npy '(19, 36)' 5472
gref replay case.json --noise short.npy --out out.npz --no-self-test
refused 2 'short.npy is 19 x 36, the noise of this case is T x n = 20 x 36$'
npy turned.npy '(36, 20)' 5760
gref replay case.json --noise turned.npy --out out.npz --no-self-test
refused 2 'turned.npy is 36 x 20.*: transposed$'
npy nan.npy '(20, 36)' 4000
printf '\000\000\000\000\000\000\370\177' >>nan.npy
head -c 1752 /dev/zero >>nan.npy
gref replay case.json --noise nan.npy --out out.npz --no-self-test
refused 2 'nan.npy: nan at row 13, column 32'
gref replay case.json --out out.npz --no-self-test
refused 2 '--noise z.npy is missing'
gref replay case.json --noise nowhere.npy --out out.npz --no-self-test
refused 2 'nowhere.npy'
gref replay case.json --noise g/z.npy --start g/z.npy --out out.npz --no-self-test
refused 2 'g/z.npy is 20 x 36, y_T of this case has 36 entries'

subtest "a wrong sampler names the closest"
setup
gref replay case.json --noise g/z.npy --sampler pigmd --out out.npz --no-self-test
refused 2 "no sampler 'pigmd', did you mean 'pigdm'"

subtest "eval at the probes gives the golden functions"
setup
for t in 20 10 1; do
    for what in score x0hat; do
        gref eval case.json --t $t --x g/probe/$t.npy --quantity $what --out $what-$t.npy --no-self-test
        exits 0
        prints_nothing
        gref check g $what-$t.npy --as $what/$t --no-self-test
        exits 0
    done
    gref eval case.json --t $t --x g/probe/$t.npy --quantity guided_score --sampler pigdm --out f.npy --force --no-self-test
    exits 0
    gref check g f.npy --as pigdm/guided_score/$t --no-self-test
    exits 0
done

subtest "eval of the step at y_T is the mean that the trajectory starts from; a vector gives a vector"
setup
npy zeros.npy '(20, 36)' 5760
gref replay case.json --noise zeros.npy --start g/y_T.npy --sampler dps-norm --every --out path.npz --no-self-test
gref eval case.json --t 20 --x g/y_T.npy --quantity step --sampler dps-norm --out step.npy --no-self-test
exits 0
python3 -c 'import zipfile; open("want.npy", "wb").write(zipfile.ZipFile("path.npz").read("dps-norm/y/19.npy"))'
check "the same bytes" cmp step.npy want.npy

# Unvisited times were written as NaN, and a chain of fewer steps than T was refused by the shape of its path.
# Debian's python3 has NumPy; another may stand before it.
python=$(for p in /usr/bin/python3 python3; do "$p" -c 'import numpy' 2>/dev/null && echo "$p" && break; done)
if [ -n "$python" ]; then
    subtest "left-out times, ddim and an affine chain give the golden trajectory, at visited times only"
    setup
    "$python" - <<'PYTHON'
import numpy as np
np.savez("chain.npz", M=np.ones((1, 36, 36)) / 72, b=np.arange(108.0).reshape(3, 36), N=np.array([1.0, 2.0, 0.5]))
PYTHON
    jumps='{"name": "pigdm", "label": "jumps", "scheme": "ddim", "eta": 0.5, "times": [20, 11, 10, 3, 1]}'
    chain='{"name": "affine", "label": "chain", "file": "chain.npz"}'
    "$GREF" golden case.json --set "samplers=[$jumps, $chain]" --dir h --allow-dirty --no-self-test >../log 2>&1
    gref replay case.json --set "samplers=[$jumps, $chain]" --noise h/z.npy --out y.npz --no-self-test
    exits 0
    prints '^jumps +ends at t = 1$' '^chain +[0-9.e+-]+ +[0-9.e+-]+$'
    gref check h y.npz --no-self-test
    exits 0
    prints '^agrees: 7 of 7 arrays'
    head -c 704 h/z.npy >short.npy
    sed -i 's/(20, 36)/(2, 36) /' short.npy
    gref replay case.json --set "samplers=[$chain]" --set schedule.steps=2 --set 'report.laws_at=[1, 0]' \
        --noise short.npy --no-self-test
    refused 2 'chain has 3 steps, the noise is for T = 2'
fi

subtest "without --out the values are printed, a point a line, to the last digit"
setup
gref eval case.json --t 10 --x g/probe/10.npy --quantity guidance --sampler cgdm --no-self-test
exits 0
check "four lines" test "$(wc -l <../out)" -eq 4
check "of 36 numbers" test "$(head -n 1 ../out | wc -w)" -eq 36

subtest "eval refuses what it cannot do, by value"
setup
gref eval case.json --x g/probe/10.npy --quantity score --out out.npy --no-self-test
refused 2 '--t T is missing'
gref eval case.json --t 10 --quantity score --out out.npy --no-self-test
refused 2 '--x x.npy is missing'
gref eval case.json --t 10 --x g/probe/10.npy --out out.npy --no-self-test
refused 2 '--quantity NAME is missing'
gref eval case.json --t 10 --x g/probe/10.npy --quantity scores --out out.npy --no-self-test
refused 2 "no quantity 'scores', did you mean 'score'"
gref eval case.json --t 21 --x g/probe/10.npy --quantity score --out out.npy --no-self-test
refused 2 '--t 21: t is a whole number from 1 to 20'
gref eval case.json --t 1.5 --x g/probe/10.npy --quantity score --out out.npy --no-self-test
refused 2 '--t 1.5'
gref eval case.json --t 10 --x g/probe/10.npy --quantity step --out out.npy --no-self-test
refused 2 '--sampler LABEL is missing: one of cgdm, pigdm, dps-norm'
gref eval case.json --t 10 --x g/probe/10.npy --quantity guided_score --sampler dps-norm --out out.npy --no-self-test
refused 2 'dps-norm has no guided score'
npy image.npy '(6, 6)' 288
gref eval case.json --t 10 --x image.npy --quantity score --out out.npy --no-self-test
refused 2 'image.npy is 6 x 6, points of this case are n = 36 or K x 36: flatten the image'
# 1e308 gave -nan, and exit 0.
printf '\223NUMPY\001\000v\000%-117s\n' "{'descr': '<f8', 'fortran_order': False, 'shape': (36,), }" >large.npy
for _ in $(seq 36); do printf '\240\310\353\205\363\314\341\177'; done >>large.npy
gref eval case.json --t 10 --x large.npy --quantity score
refused 2 'the points hold a value of 1e.308, beyond 2.450'
echo mine >mine.npy
gref eval case.json --t 10 --x g/probe/10.npy --quantity score --out mine.npy --no-self-test
refused 2 'mine.npy exists; --force'

done_testing
