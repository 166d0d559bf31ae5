"""Runs the test functions of one file of tests/system inside a namespace of
its own, as TAP.

    tests/lib/system.py tests/system/test_smoke.py [TEXT]

TEXT: only functions whose name contains it.
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


def run(number, function):
    """True when it did not fail."""
    began = time.monotonic()
    name = function.__name__
    try:
        function()
    except Skip as reason:
        print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        return True
    except Exception:  # every failure is a result
        print(f"not ok {number} - {name}")
        for line in traceback.format_exc().splitlines():
            print(f"# {line}", flush=True)
        return False
    print(f"# {name}: {time.monotonic() - began:.1f} s")
    print(f"ok {number} - {name}", flush=True)
    return True


def main():
    if not namespace.inside():
        return namespace.enter([sys.executable, *sys.argv])
    signal.signal(signal.SIGTERM, lambda _n, _f: sys.exit(143))
    namespace.add_addresses([])
    tests = functions(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
    print(f"1..{len(tests)}", flush=True)
    results = [run(i, f) for i, f in enumerate(tests, 1)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
