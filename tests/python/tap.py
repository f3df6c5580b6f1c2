"""TAP for tests in Python: functions named test_..., each with one sentence on what it shows."""
import sys
import traceback


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


def raises(kind, *words):
    """`with raises(KeyError, "name"):` fails unless that is raised, in one line that has every word."""
    return _Raises(kind, words)


class _Raises:
    def __init__(self, kind, words):
        self.kind, self.words, self.error = kind, words, None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert kind is not None, f"no {self.kind.__name__}"
        assert issubclass(kind, AssertionError) == issubclass(self.kind, AssertionError), f"{kind.__name__}: {error}"
        if not issubclass(kind, self.kind):
            return False
        self.error, text = error, str(error)
        for word in self.words:
            assert word in text, f"'{word}' is not in: {text}"
        return True


def run(module):
    """Runs the functions test_... of a module's globals; the exit code."""
    tests = [(name, test) for name, test in module.items() if name.startswith("test_")]
    failures = 0
    print(f"1..{len(tests)}", flush=True)
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__doc__}", flush=True)
        except Exception:  # a test may fail in any way
            failures += 1
            print(f"not ok {number} - {test.__doc__}")
            print("# " + name + "\n# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
    return failures > 0 or not tests
