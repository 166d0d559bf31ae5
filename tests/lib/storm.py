"""tests/bench/connections as a row of the table of faults, as TAP: 10,000 agents,
and what restarting their collector costs."""
import json
import os
import subprocess
import sys
import tempfile

BENCH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(
    __file__))), "bench", "connections")


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "figures")
        done = subprocess.run([sys.executable, BENCH, "--json", path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        print("1..1")
        for line in done.stdout.splitlines():
            print(f"# {line}")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                figures = json.load(file)
            ours = figures["nxclear"]
            print(f"# fault | reconnect storm of {figures['agents']} agents, "
                  f"{ours['kib_per_agent']:.1f} KiB each | 1 | - | - | "
                  f"{ours['storm_s']:.2f} s")
    print(f"{'not ' if done.returncode else ''}ok 1 - reconnect storm")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
