#!/usr/bin/python3
"""The examples of a page: what the page says is typed is run, and must print what the page says.

Usage: run.py PAGE.md...     (GREF, the program, in the environment)

A block ```LANGUAGE NAME is written to the file NAME. A block ```console is run: each line "$ COMMAND" by sh, in one
folder a page, with the lines below it as its output. A line "..." stands for any lines, "..." at the end of a line for
any end. Numbers may differ by one unit of the last digit printed, and by 1e-8 in all. Times may differ. In a block
```console rounding all numbers may: they are made of rounding.
Why passing proves the page right: nothing is run but what the page shows, and all of its output is looked at.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
import tap  # noqa: E402

try:
    import numpy  # noqa: F401
except ImportError as missing:
    tap.skip_all(missing)

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.(\d+))?(?:e([-+]\d+))?(?!\w)")
TIME = re.compile(r"\b[\d.]+ s\b")


def unit(number):
    """What one unit of the last digit of a match of NUMBER is worth; 0 for an integer, which is exact."""
    decimals, exponent = number.groups()
    return 10.0 ** (int(exponent or 0) - len(decimals or "")) if decimals or exponent else 0.0


def same(want, have, rounding):
    """Whether two lines agree: words exactly, numbers to their digits, white space folded."""
    want, have = (re.sub(r" +", " ", TIME.sub("TIME", line)).strip() for line in (want, have))
    beginning = want.endswith("...")
    want = want.removesuffix("...")
    words, said = (NUMBER.sub("#", line) for line in (want, have))
    if words != (said[:len(words)] if beginning else said):
        return False
    pairs = zip(NUMBER.finditer(want), NUMBER.finditer(have))
    return rounding or all(abs(float(a[0]) - float(b[0])) <= 1.001 * max(unit(a), unit(b)) + (1e-8 if unit(a) else 0)
                           for a, b in pairs)


def agree(want, have, rounding):
    """Whether lines agree, "..." standing for any number of lines."""
    if not want:
        return not have
    if want[0] == "...":
        return any(agree(want[1:], have[skip:], rounding) for skip in range(len(have) + 1))
    return bool(have) and same(want[0], have[0], rounding) and agree(want[1:], have[1:], rounding)


def commands(body):
    """(command, lines of output) of a console block."""
    for part in re.split(r"^\$ ", body, flags=re.M)[1:]:
        command, *output = part.rstrip("\n").split("\n")
        yield command, output


def tests(page):
    """One test a command of the page, in a folder in which reference/ and tools/ are the project's."""
    with open(page, encoding="utf-8") as text:
        blocks = re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", text.read(), re.M | re.S)
    folder = tempfile.TemporaryDirectory()
    for name in ("reference", "tools"):
        os.symlink(os.path.join(ROOT, name), os.path.join(folder.name, name))
    os.mkdir(os.path.join(folder.name, "bin"))
    os.symlink(os.environ["GREF"], os.path.join(folder.name, "bin", "gref"))
    os.symlink(sys.executable, os.path.join(folder.name, "bin", "python3"))
    environment = {**os.environ, "PATH": f"{folder.name}/bin:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1",
                   "PYTHONPATH": os.path.join(ROOT, "tools", "python")}

    def one(command, output, rounding):
        def test():
            said = subprocess.run(["sh", "-c", command], cwd=folder.name, env=environment, check=False, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
            assert agree(output, said.rstrip("\n").split("\n") if said else [], rounding), said
        test.__doc__ = f"{os.path.basename(page)}: {command}"
        return test

    for language, name, body in blocks:
        if language == "console":
            yield from (one(command, output, name == "rounding") for command, output in commands(body))
        elif name:
            def write(name=name, body=body):
                with open(os.path.join(folder.name, name), "w", encoding="utf-8") as out:
                    out.write(body)
            write.__doc__ = f"{os.path.basename(page)}: {name}"
            yield write


if __name__ == "__main__":
    every = [test for page in sys.argv[1:] for test in tests(page)]
    sys.exit(tap.run({f"test_{k}": test for k, test in enumerate(every)}))
