"""A benchmark that judges itself, as TAP:

    judged.py connections|restart|status

What it says comes with it; a reconnect storm is a row of the table of faults."""
import json
import os
import subprocess
import sys
import tempfile

BENCHES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(
    __file__))), "bench")


def show_storm(figures):
    ours = figures["nxclear"]
    print(f"# fault | reconnect storm of {figures['agents']} agents, "
          f"{ours['kib_per_agent']:.1f} KiB each | 1 | - | - | "
          f"{ours['storm_s']:.2f} s")


def main():
    name = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "figures")
        done = subprocess.run([sys.executable, f"{BENCHES}/{name}", "--json",
                               path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        print("1..1")
        for line in done.stdout.splitlines():
            print(f"# {line}")
        if name == "connections" and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                show_storm(json.load(file))
    print(f"{'not ' if done.returncode else ''}ok 1 - {name}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
