"""The program gref from Python: golden files, checks, replay and diagnosis. One file, NumPy only.

    import gref
    golden = gref.load("golden.npz")              # or gref.golden(gref.case("case.json"))
    x = golden["probe/100"]                       # 4 points at t = 100, a point a row
    gref.check(golden, {"dps/guided_score/100": my_guided_score(x, 100)})
    gref.diagnose(golden, {"dps/guided_score/100": ...})

    def test_guided_score():                      # pytest
        gref.assert_matches(golden, dps__guided_score__100=my_guided_score(x, 100))

Everything is computed by the program; this file hands arrays over and reads its JSON. The program is $GREF, or `gref` on
PATH, or ../../build/gref beside this file. Arrays are whatever NumPy can read, in float64 or float32, and tensors with
detach() and cpu(); they go by their names in the golden file, in a dict, or as keywords with two underscores for '/'.
"""
import collections.abc
import json
import os
import shutil
import subprocess
import tempfile
import warnings
import zipfile

import numpy as np

__all__ = ["GrefError", "load", "case", "golden", "check", "assert_matches", "replay", "evaluate", "diagnose"]

AGREES, DIFFERS, UNDECIDED = 0, 1, 4  # exit codes that are answers


class GrefError(Exception):
    """The program's one line on what it cannot use; `code` is its exit code."""

    def __init__(self, message, code=2):
        super().__init__(message)
        self.code = code


# ---- the program --------------------------------------------------------------------------------------------------


def program():
    """Path of the program."""
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "gref")
    for name in (os.environ.get("GREF"), "gref", beside):
        found = shutil.which(name) if name else None
        if found:
            return os.path.abspath(found)
    raise GrefError("no program gref: set GREF, put it on PATH, or build it (meson setup build && ninja -C build)")


_tested = set()  # programs, each with its environment, whose BLAS has passed the self-test in this process


def _run(arguments, folder, answers=(0,)):
    """stdout of the program, run in `folder`; GrefError with its line when the exit code is no answer. The self-test of
    the BLAS, 0.2 s, is made once; a golden file says whether it was, so there always."""
    command = [program(), *map(str, arguments)]
    setting = (command[0], tuple(sorted(os.environ.items())))
    again = ["--no-self-test"] if setting in _tested and arguments[0] != "golden" else []
    done = subprocess.run([*command, *again], cwd=folder, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode not in answers:
        lines = done.stderr.strip().splitlines() or [f"gref {arguments[0]}: exit code {done.returncode}"]
        raise GrefError(lines[-1], done.returncode)
    for line in done.stderr.splitlines():
        if line.startswith(f"gref {arguments[0]}: warning: "):
            warnings.warn(line, stacklevel=4)
    _tested.add(setting)
    return done.stdout


def _array(value, name):
    """`value` as NumPy has it: tensors are detached first, whole numbers become float64."""
    for method in ("detach", "cpu"):
        if hasattr(value, method):
            value = getattr(value, method)()
    try:
        value = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    except (TypeError, ValueError) as error:
        raise GrefError(f"'{name}' is no array: {error}") from error
    if value.dtype.kind in "iub":
        value = value.astype(float)
    if value.dtype.kind != "f":
        raise GrefError(f"'{name}' is an array of {value.dtype}, not of real numbers")
    return value


def _named(arrays, keywords):
    """One dict of both; `__` in a keyword is '/'."""
    both = {str(name): value for name, value in dict(arrays or {}).items()}
    for name, value in keywords.items():
        name = name.replace("__", "/")
        if name in both:
            raise GrefError(f"'{name}' is given twice")
        both[name] = value
    if not both:
        raise GrefError("no array is given")
    return {name: _array(value, name) for name, value in both.items()}


def _write_npz(out, arrays):
    """As np.savez, for any name: its keywords may not be `file`."""
    with zipfile.ZipFile(out, "w") as archive:
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, value)


def _ask(command, reference, arrays, options):
    """The JSON that `gref COMMAND GOLDEN CANDIDATE` prints on the arrays."""
    path = os.path.abspath(reference.path if isinstance(reference, Golden) else os.fspath(reference))
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "candidate.npz"), "wb") as out:
            _write_npz(out, arrays)
        given = [word for key, value in options.items() if value is not None for word in (f"--{key}", value)]
        return json.loads(_run([command, path, "candidate.npz", "--json", *given], folder,
                               (AGREES, DIFFERS, UNDECIDED)))


# ---- golden files -------------------------------------------------------------------------------------------------


class Golden(collections.abc.Mapping):
    """The arrays of a golden file by name; `manifest`, `samplers` (their labels), `times` (the golden t), `path`."""

    def __init__(self, path, arrays, manifest, keep=None):
        self.path, self.manifest, self._arrays, self._keep = path, manifest, arrays, keep
        self.samplers = [sampler["label"] for sampler in manifest["samplers"]]
        self.times = list(manifest["golden_t"])
        self._entries = {entry["name"]: entry for entry in manifest["arrays"]}

    def __getitem__(self, name):
        return self._arrays[name]

    def __iter__(self):
        return iter(self._arrays)

    def __len__(self):
        return len(self._arrays)

    def tolerance(self, name):
        """Bound on the largest |difference| of a right computation in double precision."""
        return self._entries[name]["tolerance"]

    def notes(self, name):
        """What a difference of this array usually means."""
        return self._entries[name]["notes"]

    def __repr__(self):
        m = self.manifest
        return (f"<golden {os.path.basename(self.path)}: {len(self)} arrays, n = {m['n']}, m = {m['m']}, T = {m['T']}, "
                f"t = {', '.join(map(str, self.times))}, samplers {', '.join(self.samplers)}>")


def load(path):
    """A golden .npz or folder. Hashes are compared when it is used; `gref golden --verify` computes it again."""
    return _load(os.fspath(path))


def _load(path, keep=None):
    arrays = {}
    try:
        if os.path.isdir(path):
            with open(os.path.join(path, "manifest.json"), encoding="utf-8") as text:
                manifest = json.load(text)
            for entry in manifest["arrays"]:
                arrays[entry["name"]] = np.load(os.path.join(path, entry["name"] + ".npy"))
        else:
            with zipfile.ZipFile(path) as archive:
                manifest = json.loads(archive.read("manifest.json"))
            with np.load(path) as archive:
                arrays = {entry["name"]: archive[entry["name"]] for entry in manifest["arrays"]}
        schema = manifest["schema"]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error.args[0] if error.args else error
        raise GrefError(f"{path}: no golden file: {reason}") from error
    if schema != "gref-golden/1":
        raise GrefError(f'{path}: schema "{schema}", this file reads "gref-golden/1"')
    return Golden(os.path.abspath(path), arrays, manifest, keep)


# ---- cases --------------------------------------------------------------------------------------------------------

# What is a file name in a case; there an array may stand.
_FILES = [("image", "file"), ("prior", "mean"), ("prior", "cov"), ("operator", "file"), ("operator", "mask"),
          ("observation", "file"), ("schedule", "file")]


class Case:
    """A case file: `path`."""

    def __init__(self, path, keep=None):
        self.path, self._keep = path, keep

    def __repr__(self):
        return f"<case {os.path.basename(self.path)}>"


def case(path=None, **keys):
    """A case: the file, with each keyword in place of that key; or of the keywords alone.

        gref.case("blur.json", noise={"sigma": 0.2})
        gref.case(prior={"kind": "gaussian", "mean": mu, "cov": Sigma}, operator={"kind": "matrix", "file": A},
                  observation={"kind": "file", "file": v}, noise={"sigma": 0.1}, samplers=[{"name": "dps"}])

    Arrays may stand where a case has file names; names are relative to the file, in keywords to the working directory.
    """
    if path is not None and not keys:
        return Case(os.path.abspath(path))
    tree, base = {"schema": "gref-case/1"}, "."
    if path is not None:
        base = os.path.dirname(os.path.abspath(path))
        try:
            with open(path, encoding="utf-8") as text:
                tree = json.load(text)
        except (OSError, ValueError) as error:
            raise GrefError(f"{path}: {error}") from error
    keep = tempfile.TemporaryDirectory()
    folder = keep.name
    tree.update(keys)
    for top, key in _FILES:
        inside = tree.get(top)
        if isinstance(inside, dict) and key in inside:
            name = _bring(inside[key], "." if top in keys else base, folder, f"{top}-{key}")
            tree[top] = {**inside, key: name}
    made = os.path.join(folder, "case.json")
    with open(made, "w", encoding="utf-8") as out:
        json.dump(tree, out, indent=1, default=lambda value: value.tolist())
    return Case(made, keep)


def _bring(value, base, folder, name):
    """Puts an array or a file into the folder of the case; its name there. Numbers and words are left as they are."""
    if isinstance(value, str):
        source = os.path.join(base, value)
        if not os.path.isfile(source):
            return value
        name += os.path.splitext(value)[1]
        shutil.copyfile(source, os.path.join(folder, name))
        return name
    value = _array(value, name)
    if value.ndim == 0:
        return float(value)
    np.save(os.path.join(folder, name + ".npy"), value)
    return name + ".npy"


def _case_path(given):
    return given.path if isinstance(given, Case) else os.path.abspath(given)


def golden(case, out=None, allow_dirty=False):
    """The golden file of a case: written to `out` (.npz), or to a file that lasts as long as the result."""
    keep = None
    if out is None:
        keep = tempfile.TemporaryDirectory()
        out = os.path.join(keep.name, "golden.npz")
    out = os.path.abspath(out)
    _run(["golden", _case_path(case), "--out", out, *(["--allow-dirty"] if allow_dirty else [])], None)
    return _load(out, keep)


# ---- what is asked of one's own arrays ----------------------------------------------------------------------------


class Check:
    """A check: true where it agrees. `verdict`, `arrays`, `laws`, `samples`, `departs_at`, `at_fault`, `departure`, as
    `gref check --json` has them, worst array first."""

    def __init__(self, answer):
        self.json = answer
        for key in ("verdict", "arrays", "laws", "samples", "departs_at", "at_fault", "departure"):
            setattr(self, key, answer[key])

    def __bool__(self):
        return self.verdict == "agrees"

    def differing(self):
        """Lines on what does not agree."""
        for row in self.arrays:
            if row["verdict"] != "agrees":
                yield (f"{row['name']} differs by {_number(row['max_abs'])}, tolerance {_number(row['tolerance'])}; at "
                       f"{row['worst']} {_number(row['candidate'], 9)}, golden {_number(row['golden'], 9)}")
        for law in self.laws:
            if law["verdict"] != "agrees":
                yield f"{law['name']}: mean and cov differ, W2 {_number(law['w2'])}, tolerance {_number(law['tolerance'])}"
        for drawn in self.samples:
            if drawn["verdict"] != "agrees":
                yield f"{drawn['name']}: {drawn['sentence']}"
        if self.departure:
            yield self.departure

    def __repr__(self):
        good = sum(row["verdict"] == "agrees" for row in self.arrays)
        lines = [f"{self.verdict}: {good} of {len(self.arrays)} arrays within tolerance"]
        if not self.arrays:
            lines = [self.verdict]
        lines += self.differing()
        lines += [f"{law['name']}: mean and cov agree, W2 {_number(law['w2'])}" for law in self.laws
                  if law["verdict"] == "agrees"]
        lines += [f"{drawn['name']}: {drawn['sentence']}" for drawn in self.samples if drawn["verdict"] == "agrees"]
        return "\n  ".join(lines)


def _number(value, digits=3):
    """JSON has no infinity: null."""
    return "inf" if value is None else f"{value:.{digits}g}"


def check(golden, arrays=None, *, sampler=None, rtol=None, resolve=None, **named):
    """Holds arrays against a golden file, or its path: `gref check`. `sampler` is the label of names without one."""
    return Check(_ask("check", golden, _named(arrays, named),
                      {"sampler": sampler, "rtol": rtol, "resolve": resolve}))


def assert_matches(golden, arrays=None, *, sampler=None, rtol=None, resolve=None, **named):
    """AssertionError unless every array agrees; samples that do not decide do not agree."""
    __tracebackhide__ = True  # pytest shows the caller
    result = check(golden, arrays, sampler=sampler, rtol=rtol, resolve=resolve, **named)
    if not result:
        raise AssertionError(repr(result))


class Diagnosis:
    """Explanations, best first: `entries`, each {name, distance, unexplained, explains, sentence}. `name` is that of the
    best one that explains the arrays, or None; `agrees` where there is nothing to explain; `relation` to the golden
    array where none explains."""

    def __init__(self, answer):
        self.json, self.agrees, self.entries, self.relation = (answer, answer["agrees"], answer["entries"],
                                                               answer["relation"])
        self.name = next((entry["name"] for entry in self.entries if entry["explains"]), None)

    def __repr__(self):
        if self.agrees:
            return f"nothing to explain: {self.json['arrays']} arrays agree"
        lines = [] if self.name else [f"none of these: {self.relation}"]
        lines += [f"{entry['name']}{'' if entry['explains'] else ' (in part)'}: {entry['sentence']}; "
                  f"{100 * entry['unexplained']:.2g} % unexplained" for entry in self.entries]
        return "\n  ".join(lines)


def diagnose(golden, arrays=None, *, sampler=None, **named):
    """Which convention or known slip makes these arrays of the golden ones: `gref diagnose`."""
    return Diagnosis(_ask("diagnose", golden, _named(arrays, named), {"sampler": sampler}))


# ---- the program's samplers ---------------------------------------------------------------------------------------


def _give(arrays, folder):
    """Saves each as NAME.npy; the options --NAME NAME.npy."""
    options = []
    for name, value in arrays.items():
        if value is not None:
            np.save(os.path.join(folder, name + ".npy"), _array(value, name))
            options += ["--" + name, name + ".npy"]
    return options


def replay(case, noise, start=None, *, sampler=None, every=False):
    """The samplers of a case on given noise (T x n): a dict of LABEL/y/t at the golden t, or at every t; z and y_T."""
    with tempfile.TemporaryDirectory() as folder:
        options = _give({"noise": noise, "start": start}, folder)
        options += (["--sampler", sampler] if sampler else []) + (["--every"] if every else [])
        _run(["replay", _case_path(case), *options, "--out", "out.npz"], folder)
        with np.load(os.path.join(folder, "out.npz")) as out:
            return {name: out[name] for name in out.files}


def evaluate(case, quantity, t, x, *, sampler=None):
    """score, x0hat, guidance, guided_score or step at the points x, n or K x n; in the shape of x."""
    with tempfile.TemporaryDirectory() as folder:
        options = _give({"x": x}, folder) + (["--sampler", sampler] if sampler else [])
        _run(["eval", _case_path(case), "--quantity", quantity, "--t", t, *options, "--out", "f.npy"], folder)
        return np.load(os.path.join(folder, "f.npy"))
