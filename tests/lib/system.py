"""Runs the test functions of one file of tests/system inside a namespace of
its own, as TAP.

    tests/lib/system.py tests/system/test_smoke.py [TEXT]

TEXT: only functions whose name contains it. A function may return a list of
Case: each is a case of its own.
"""
import importlib.util
import inspect
import os
import signal
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from deploy.lab import namespace  # noqa: E402
from tests.lib.support import Skip  # noqa: E402


def functions(path, text):
    spec = importlib.util.spec_from_file_location("system_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [f for n, f in vars(module).items()
             if n.startswith("test_") and inspect.isfunction(f)]
    return [f for f in found if text in f.__name__]


class Numbers:
    """Numbers of TAP cases."""

    def __init__(self):
        self.last = 0

    def next(self):
        self.last += 1
        return self.last


def tell(numbers, case):
    """One line of a Case; True when it is as expected."""
    todo = f" # TODO {case.todo}" if case.todo else ""
    print(f"{'not ' if case.problem else ''}ok {numbers.next()} - "
          f"{case.name}{todo}")
    print(f"# {case.name}: {case.problem or 'as expected'}", flush=True)
    return not case.problem or bool(case.todo)


def run(numbers, function):
    """True when it did not fail."""
    began = time.monotonic()
    name = function.__name__
    try:
        cases = function()
    except Skip as reason:
        print(f"ok {numbers.next()} - {name} # SKIP {reason}", flush=True)
        return True
    except Exception:  # every failure is a result
        print(f"not ok {numbers.next()} - {name}")
        for line in traceback.format_exc().splitlines():
            print(f"# {line}", flush=True)
        return False
    print(f"# {name}: {time.monotonic() - began:.1f} s")
    if cases is not None:
        return all([tell(numbers, case) for case in cases])
    print(f"ok {numbers.next()} - {name}", flush=True)
    return True


def main():
    if not namespace.inside():
        return namespace.enter([sys.executable, *sys.argv])
    signal.signal(signal.SIGTERM, lambda _n, _f: sys.exit(143))
    namespace.add_addresses([])
    tests = functions(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    numbers = Numbers()
    results = [run(numbers, f) for f in tests]
    print(f"1..{numbers.last}", flush=True)
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
