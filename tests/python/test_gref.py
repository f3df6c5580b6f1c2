#!/usr/bin/python3
"""tools/python/gref.py against the program: every function on right arrays, on planted bugs and on bad input.

Why passing proves it: the right arrays come from other places than what is tested (the golden file's own, NumPy by the
formulas in pixels, replay against the trajectory in the file), and each function is also seen to object.
"""
import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

import tap

try:
    import numpy as np
except ImportError as missing:
    tap.skip_all(missing)

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "python")
DATA = os.environ["GREF_TEST_DATA"]
sys.path.insert(0, TOOLS)
import gref  # noqa: E402

FOLDER = tempfile.TemporaryDirectory()
KEYS = {
    "image": {"file": os.path.join(DATA, "images", "grass.png"), "crop": [200, 100, 6, 6]},
    "operator": {"kind": "gaussian_blur", "std": 1.0, "size": 3},
    "noise": {"sigma": 0.3},
    "samplers": [{"name": "pigdm"}, {"name": "dps"}],
    "schedule": {"kind": "linear", "beta": [1e-3, 0.3], "steps": 20},
    "report": {"laws_at": [10, 0]},
}
CASE = gref.case(**KEYS)
GOLDEN = gref.golden(CASE, allow_dirty=True)


def path(name):
    return os.path.join(FOLDER.name, name)


def guided_score(x, t, r2):
    """PiGDM by explicit inverses: THEORY sections 4 and 6."""
    Sigma, A, mu, v = (GOLDEN[name] for name in ("Sigma", "A", "mu", "v"))
    abar, n = GOLDEN["schedule/abar"][t], len(mu)
    inverse = np.linalg.inv(abar * Sigma + (1 - abar) * np.eye(n))
    score = -(x - np.sqrt(abar) * mu) @ inverse
    x0hat = (x + (1 - abar) * score) / np.sqrt(abar)
    C = r2(abar) * A @ A.T + GOLDEN["sigma"] ** 2 * np.eye(len(v))
    return score + (v - x0hat @ A.T) @ np.linalg.inv(C) @ A @ (np.sqrt(abar) * Sigma @ inverse)


RIGHT = {f"pigdm/guided_score/{t}": guided_score(GOLDEN[f"probe/{t}"], t, lambda a: 1 - a) for t in (20, 10, 1)}
WRONG = {f"pigdm/guided_score/{t}": guided_score(GOLDEN[f"probe/{t}"], t, lambda a: (1 - a) / a) for t in (20, 10, 1)}


class Tensor:
    """What a torch tensor on a GPU that requires a gradient does: numpy() only after detach() and cpu()."""

    def __init__(self, array, done=()):
        self.array, self.done = array, done

    def detach(self):
        return Tensor(self.array, (*self.done, "detach"))

    def cpu(self):
        return Tensor(self.array, (*self.done, "cpu"))

    def numpy(self):
        if set(self.done) != {"detach", "cpu"}:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad or is on a GPU")
        return self.array

    def __array__(self, *unused):
        raise RuntimeError("Can't convert a Tensor on a GPU")


def test_load():
    """load: every array of the manifest, of a .npz and of a folder, with its tolerance"""
    g = gref.load(os.path.join(DATA, "golden", "grass-blur-16.npz"))
    assert len(g) == len(g.manifest["arrays"]) > 100 and g.samplers == ["cgdm", "pigdm", "dps"]
    assert g.times == [250, 100, 1, 0] and g["dps/M/100"].shape == (256, 256)
    assert 0 < g.tolerance("dps/M/100") < 1e-6 and "beta~" in g.notes("dps/cov/100")
    assert "grass-blur-16.npz: " in repr(g) and "samplers cgdm, pigdm, dps" in repr(g)
    subprocess.run([gref.program(), "golden", CASE.path, "--dir", path("folder"), "--allow-dirty"], check=True,
                   stdout=subprocess.DEVNULL)
    f = gref.load(path("folder"))
    assert dict(f).keys() == dict(GOLDEN).keys() and all(np.array_equal(f[k], GOLDEN[k]) for k in f)


def test_load_refuses():
    """load: what is missing, foreign, truncated or of another schema is a GrefError with its name"""
    with tap.raises(gref.GrefError, "nowhere.npz", "No such file"):
        gref.load(path("nowhere.npz"))
    np.savez(path("foreign.npz"), Sigma=np.eye(2))
    with tap.raises(gref.GrefError, "foreign.npz", "manifest.json"):
        gref.load(path("foreign.npz"))
    with open(GOLDEN.path, "rb") as whole, open(path("cut.npz"), "wb") as cut:
        cut.write(whole.read()[:2000])
    with tap.raises(gref.GrefError, "cut.npz"):
        gref.load(path("cut.npz"))
    os.makedirs(path("later"))
    with open(path("later/manifest.json"), "w", encoding="utf-8") as out:
        json.dump({"schema": "gref-golden/2", "arrays": []}, out)
    with tap.raises(gref.GrefError, "gref-golden/2", "gref-golden/1"):
        gref.load(path("later"))


def test_case():
    """case: keys in place of the file's; arrays in place of its files"""
    changed = gref.golden(gref.case(CASE.path, noise={"sigma": 0.2}), allow_dirty=True)
    assert changed["sigma"] == 0.2 and np.array_equal(changed["A"], GOLDEN["A"])
    made = gref.case(prior={"kind": "gaussian", "mean": GOLDEN["mu"], "cov": Tensor(GOLDEN["Sigma"])},
                     operator={"kind": "matrix", "file": GOLDEN["A"]}, noise={"sigma": np.float64(0.3)},
                     observation={"kind": "file", "file": GOLDEN["v"]}, samplers=KEYS["samplers"],
                     schedule={"kind": "file", "file": GOLDEN["schedule/beta"][1:]}, report={"laws_at": np.array([10, 0])})
    again = gref.golden(made, allow_dirty=True)
    names = [name for name in GOLDEN if name not in ("x0",) and "probe" not in name and "score" not in name]
    gref.assert_matches(again, {k: GOLDEN[k] for k in names if "x0hat" not in k}, rtol=1e-12)
    assert FOLDER.name not in json.dumps(again.manifest) and made.path not in json.dumps(again.manifest)


def test_case_refuses():
    """case: a key that does not exist, a file that does not, and what is no JSON"""
    with tap.raises(gref.GrefError, "unknown key", "operator"):
        gref.golden(gref.case(CASE.path, operater={}), allow_dirty=True)
    with tap.raises(gref.GrefError, "nothing.npy"):
        gref.golden(gref.case(CASE.path, operator={"kind": "matrix", "file": "nothing.npy"}), allow_dirty=True)
    with open(path("bad.json"), "w", encoding="utf-8") as out:
        out.write("{")
    with tap.raises(gref.GrefError, "bad.json"):
        gref.case(path("bad.json"), noise={"sigma": 1})


def test_golden():
    """golden: a file that verifies, to a name that is not there; without a name it goes with the object"""
    g = gref.golden(CASE, out=path("g.npz"), allow_dirty=True)
    subprocess.run([gref.program(), "golden", "--verify", path("g.npz")], check=True, stdout=subprocess.DEVNULL)
    with tap.raises(gref.GrefError, "g.npz", "exists") as caught:
        gref.golden(CASE, out=path("g.npz"), allow_dirty=True)
    assert caught.error.code == 2 and "\n" not in str(caught.error)
    assert np.array_equal(g["dps/M/10"], GOLDEN["dps/M/10"])
    g = gref.golden(CASE, allow_dirty=True)
    gone = g.path
    assert os.path.exists(gone)
    del g
    assert not os.path.exists(gone)


def test_check():
    """check: right arrays agree, in double, single precision, Fortran order, as tensors, by keyword and without label"""
    result = gref.check(GOLDEN, RIGHT)
    assert result and result.verdict == "agrees" and repr(result) == "agrees: 3 of 3 arrays within tolerance"
    assert gref.check(GOLDEN.path, pigdm__guided_score__10=RIGHT["pigdm/guided_score/10"])
    assert gref.check(GOLDEN, {"M/10": np.asfortranarray(GOLDEN["dps/M/10"])}, sampler="dps")
    single = gref.check(GOLDEN, {"M/10": GOLDEN["dps/M/10"].astype(np.float32)}, sampler="dps")
    assert single and single.arrays[0]["precision"] == "single"
    assert gref.check(GOLDEN, {"dps/b/10": Tensor(GOLDEN["dps/b/10"])})
    assert gref.check(GOLDEN, {"dps/b/10": list(GOLDEN["dps/b/10"])})


def test_check_differs():
    """check: wrong arrays differ, worst first, with place and values, and where the chain departs"""
    M = GOLDEN["dps/M/10"].copy()
    M[3, 4] += 1e-3
    result = gref.check(GOLDEN, {**RIGHT, "dps/M/10": M})
    assert not result and result.verdict == "differs" and result.arrays[0]["worst"] == [3, 4]
    assert result.departs_at == 10 and result.at_fault == "M" and len(result.arrays) == 4
    text = repr(result)
    assert text.startswith("differs: 3 of 4 arrays") and "dps/M/10 differs by 0.001," in text and "M is at fault" in text
    assert gref.check(GOLDEN, {"dps/M/10": M}, rtol=0.1)
    assert not gref.check(GOLDEN, WRONG)


def test_check_samples_and_laws():
    """check: samples agree, differ, or do not decide; a law goes by its W2"""
    rng = np.random.default_rng(6)
    mean, cov = GOLDEN["dps/mean/0"], GOLDEN["dps/cov/0"]
    values, vectors = np.linalg.eigh(cov)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T  # the symmetric one: the same on every LAPACK
    X = mean + rng.standard_normal((4000, 36)) @ root
    assert gref.check(GOLDEN, samples=X, sampler="dps").verdict == "agrees"
    assert gref.check(GOLDEN, samples=1.1 * X, sampler="dps").verdict == "differs"
    few = gref.check(GOLDEN, samples=X[:10], sampler="dps")
    assert few.verdict == "undecided" and "10 samples cannot see a difference below" in repr(few) and not few
    assert gref.check(GOLDEN, mean=mean, cov=cov, sampler="dps").laws[0]["w2"] < 1e-7
    assert "W2" in repr(gref.check(GOLDEN, mean=mean + 1, cov=cov, sampler="dps"))


def test_check_refuses():
    """check: wrong names, shapes, samplers, NaN and what is no array of numbers are a GrefError of one line"""
    M = GOLDEN["dps/M/10"]
    bad = M.copy()
    bad[2, 5] = np.nan
    for arrays, options, words in [
        ({"dps/N/11": 1.0}, {}, ["dps/N/11", "did you mean"]),
        ({"dps/M/10": M[:3]}, {}, ["dps/M/10", "3 x 36", "36 x 36"]),
        ({"dps/M/10": bad}, {}, ["nan", "[2, 5]"]),
        ({"M/10": M}, {"sampler": "ddim"}, ["no sampler 'ddim'", "pigdm, dps"]),
        ({"M/10": M}, {"sampler": "dps", "rtol": -1}, ["--rtol"]),
        ({"dps/M/10": M * 1j}, {}, ["dps/M/10", "complex128"]),
        ({"dps/M/10": [[1, 2], [3]]}, {}, ["dps/M/10", "no array"]),
        ({"dps/M/10": "words"}, {}, ["dps/M/10", "<U5"]),
        ({}, {}, ["no array"]),
    ]:
        with tap.raises(gref.GrefError, *words) as caught:
            gref.check(GOLDEN, arrays, **options)
        assert "\n" not in str(caught.error) and caught.error.code == 2
    with tap.raises(gref.GrefError, "'file'"):  # also the name of an argument of np.savez
        gref.check(GOLDEN, {"file": GOLDEN["dps/M/10"]})
    with tap.raises(gref.GrefError, "'dps/M/10' is given twice"):
        gref.check(GOLDEN, {"dps/M/10": M}, dps__M__10=M)
    with tap.raises(gref.GrefError, "nowhere.npz"):
        gref.check(path("nowhere.npz"), {"dps/M/10": M})


def test_assert_matches():
    """assert_matches: silent on right arrays; else an AssertionError that lists what differs"""
    assert gref.assert_matches(GOLDEN, RIGHT) is None
    assert gref.assert_matches(GOLDEN, dps__N__10=GOLDEN["dps/N/10"]) is None
    with tap.raises(AssertionError, "differs: 0 of 3 arrays", "pigdm/guided_score/20 differs by", "golden",
                    "pigdm/guided_score/1 differs by", "tolerance"):
        gref.assert_matches(GOLDEN, WRONG)
    with tap.raises(AssertionError, "undecided", "1 sample cannot see"):
        gref.assert_matches(GOLDEN, samples=GOLDEN["dps/mean/0"][None, :], sampler="dps")
    with tap.raises(gref.GrefError, "no 'guided_scor/10', did you mean"):
        gref.assert_matches(GOLDEN, guided_scor__10=RIGHT["pigdm/guided_score/10"], sampler="pigdm")


def test_replay():
    """replay: the golden trajectory from the golden noise; every t; another start is another trajectory"""
    paths = gref.replay(CASE, GOLDEN["z"])
    gref.assert_matches(GOLDEN, {name: y for name, y in paths.items()})
    assert sorted(paths) == sorted(["z", "y_T"] + [f"{s}/y/{t}" for s in ("pigdm", "dps") for t in (20, 10, 1, 0)])
    every = gref.replay(CASE.path, Tensor(GOLDEN["z"]), GOLDEN["y_T"], sampler="dps", every=True)
    assert sorted(every) == sorted(["z", "y_T"] + [f"dps/y/{t}" for t in range(21)])
    assert np.array_equal(every["dps/y/0"], paths["dps/y/0"])
    other = gref.replay(CASE, GOLDEN["z"], 2 * GOLDEN["y_T"])
    with tap.raises(AssertionError, "pigdm/y/0 differs"):
        gref.assert_matches(GOLDEN, {"pigdm/y/0": other["pigdm/y/0"]})


def test_replay_refuses():
    """replay: noise of the wrong length, a start of the wrong length, a sampler that is not there"""
    with tap.raises(gref.GrefError, "noise.npy", "19 x 36", "T x n = 20 x 36"):
        gref.replay(CASE, GOLDEN["z"][1:])
    with tap.raises(gref.GrefError, "start.npy", "36"):
        gref.replay(CASE, GOLDEN["z"], np.zeros(35))
    with tap.raises(gref.GrefError, "ddim"):
        gref.replay(CASE, GOLDEN["z"], sampler="ddim")


def test_evaluate():
    """evaluate: the golden functions at the probes; a quantity that does not exist, a t outside"""
    x = GOLDEN["probe/10"]
    gref.assert_matches(GOLDEN, score__10=gref.evaluate(CASE, "score", 10, x),
                        x0hat__10=gref.evaluate(CASE, "x0hat", 10, x),
                        dps__guided_score__10=gref.evaluate(CASE, "guided_score", 10, x, sampler="dps"))
    assert gref.evaluate(CASE, "score", 10, x[0]).shape == (36,)
    with tap.raises(gref.GrefError, "no quantity 'scores', did you mean 'score'"):
        gref.evaluate(CASE, "scores", 10, x)
    with tap.raises(gref.GrefError, "--t 21", "1 to 20"):
        gref.evaluate(CASE, "score", 21, x)


def test_diagnose():
    """diagnose: a planted bug is named, a right candidate has none, and none of these is an answer"""
    right = gref.diagnose(GOLDEN, RIGHT)
    assert right.agrees and right.name is None and not right.entries and "nothing to explain" in repr(right)
    found = gref.diagnose(GOLDEN, WRONG)
    assert found.name == "r2-abar" and not found.agrees and found.entries[0]["unexplained"] < 1e-6
    assert "r_t^2 = (1 - abar_t)/abar_t" in repr(found) and repr(found).startswith("r2-abar: ")
    none = gref.diagnose(GOLDEN, {"dps/M/10": 1.7 * GOLDEN["dps/M/10"] + 0.31 * np.eye(36)})
    assert none.name is None and not none.agrees and "1.7 times" in none.relation
    assert repr(none).startswith("none of these: dps/M/10 is about 1.7 times")


def test_diagnose_refuses():
    """diagnose: nothing to diagnose, and wrong names, are a GrefError"""
    with tap.raises(gref.GrefError, "nothing to diagnose"):
        gref.diagnose(GOLDEN, samples=np.zeros((3, 36)), sampler="dps")
    with tap.raises(gref.GrefError, "pigdm/guided_score/11"):
        gref.diagnose(GOLDEN, {"pigdm/guided_score/11": RIGHT["pigdm/guided_score/10"]})


def test_program():
    """the program is $GREF, then the one on PATH, then ../../build/gref beside the file; else a GrefError says so"""
    os.makedirs(path("copy/tools/python"))
    os.makedirs(path("copy/build"))
    os.makedirs(path("bin"))
    shutil.copy(os.path.join(TOOLS, "gref.py"), path("copy/tools/python"))
    spec = importlib.util.spec_from_file_location("copied", path("copy/tools/python/gref.py"))
    copied = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copied)
    old, real = dict(os.environ), os.path.realpath(gref.program())
    try:
        del os.environ["GREF"]
        os.environ["PATH"] = path("bin")
        with tap.raises(copied.GrefError, "no program gref", "GREF", "build"):
            copied.golden(CASE.path)
        for where in ("copy/build/gref", "bin/gref"):
            os.symlink(real, path(where))
            assert copied.program().endswith(where), copied.program()
        os.environ["GREF"] = real
        assert copied.program() == real
    finally:
        os.environ.clear()
        os.environ.update(old)


def test_numpy_only():
    """gref.py imports the standard library and NumPy, and nothing brings in torch"""
    with open(os.path.join(TOOLS, "gref.py"), encoding="utf-8") as text:
        tree = ast.parse(text.read())
    names = {alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names - {"numpy"} <= set(sys.stdlib_module_names), names
    assert "torch" not in sys.modules


def logged(lines):
    """A program that writes its arguments down, then is gref, or refuses as on a wrong BLAS while the file `wrong` is there."""
    script = path("logged")
    with open(script, "w", encoding="utf-8") as out:
        out.write(f"""#!/bin/sh
echo "$*" >>'{lines}'
[ ! -e '{path("wrong")}' ] || {{ echo 'gref: self-test failed: dgemm' >&2; exit 3; }}
exec '{gref.program()}' "$@"
""")
    os.chmod(script, 0o755)
    return script


def test_self_test():
    """The self-test is made until it has passed, then not again; for a golden file always, for another BLAS again"""
    before, lines = dict(os.environ), path("lines")
    os.environ["GREF"] = logged(lines)
    try:
        with open(path("wrong"), "w", encoding="utf-8"), tap.raises(gref.GrefError, "self-test failed: dgemm"):
            gref.check(GOLDEN, RIGHT)
        os.remove(path("wrong"))
        for _ in range(2):
            assert gref.check(GOLDEN, RIGHT)
        gref.golden(CASE, allow_dirty=True)
        os.environ["OPENBLAS_CORETYPE"] = "Nehalem"
        assert gref.check(GOLDEN, RIGHT)
    finally:
        os.environ.clear()
        os.environ.update(before)
    with open(lines, encoding="utf-8") as text:
        skipped = ["--no-self-test" in line for line in text]
    assert skipped == [False, False, True, False, False], skipped


def test_untested_golden():
    """A golden file whose BLAS was not tested is a warning of Python's, in the line of the caller"""
    subprocess.run([gref.program(), "golden", CASE.path, "--out", path("untested.npz"), "--allow-dirty", "--no-self-test"],
                   check=True, capture_output=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert gref.check(gref.load(path("untested.npz")), RIGHT) and gref.check(GOLDEN, RIGHT)
    assert len(caught) == 1 and "untested.npz was written with --no-self-test" in str(caught[0].message), caught
    assert caught[0].filename == __file__, caught[0].filename


def test_example():
    """example_dps.py: its DPS agrees, its samples agree, its bug differs and is named; its own golden file is there"""
    example = os.path.join(TOOLS, "example_dps.py")
    smaller = os.path.join(DATA, "golden", "grass-inpainting-12.npz")  # in a third of the time
    done = subprocess.run([sys.executable, example, smaller], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for line in ("mine: agrees: 7 of 7 arrays", "  samples: agrees: p = ", "with a bug: differs: 1 of 7 arrays",
                 "diagnosis: guidance-x2: "):
        assert f"\n{line}" in done.stdout, done.stdout
    import example_dps
    assert os.path.samefile(example_dps.GOLDEN, os.path.join(DATA, "golden", "grass-blur-16.npz"))


if __name__ == "__main__":
    sys.exit(tap.run(dict(globals())))
