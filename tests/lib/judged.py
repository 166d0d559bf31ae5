"""A benchmark that judges itself, as TAP:

    judged.py connections|restart|status

What it says comes with it; one that could not be judged (77) is skipped, with
what it said last. A reconnect storm is a row of the table of faults."""
import json
import os
import subprocess
import sys
import tempfile

BENCHES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(
    __file__))), "bench")
NOT_JUDGED = 77     # tests/bench/machine.py


def show_storm(figures):
    ours = figures["nxclear"]
    print(f"# fault | reconnect storm of {figures['agents']} agents, "
          f"{ours['kib_per_agent']:.1f} KiB each | 1 | - | - | "
          f"{ours['storm_s']:.2f} s")


def case(name, status, lines):
    """The line of TAP."""
    if status == NOT_JUDGED:
        return f"ok 1 - {name} # SKIP {lines[-1] if lines else 'not judged'}"
    return f"{'not ' if status else ''}ok 1 - {name}"


def main():
    name = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "figures")
        done = subprocess.run([sys.executable, f"{BENCHES}/{name}", "--json",
                               path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        print("1..1")
        lines = done.stdout.splitlines()
        for line in lines:
            print(f"# {line}")
        if name == "connections" and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                show_storm(json.load(file))
    print(case(name, done.returncode, lines))
    return 0 if done.returncode == NOT_JUDGED else done.returncode


if __name__ == "__main__":
    sys.exit(main())
