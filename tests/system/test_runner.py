"""What the runner makes of system tests that fail: again, alone, when they are
few."""
import contextlib
import importlib.machinery
import io
import os
import re
import sys
import tempfile
from unittest import mock

from tests.lib import judged, runner

SLOW = "waited 60 s in vain for it"
# Files of tests/system, as their output.
STEADY = 'print("ok 1 - good\\n1..1")\n'
# Fails the first time only.
ONCE = """import os
first = not os.path.exists(__file__ + ".ran")
open(__file__ + ".ran", "w").close()
print("# {}\\nnot ok 1 - shaky" if first else "ok 1 - shaky")
print("ok 2 - good\\n1..2")
"""
# A wait in vain, then a wrong result.
BOTH = ONCE.replace("ok 1 - shaky\" if", "ok 1 - shaky\\n# " + SLOW +
                    "\\nnot ok 2 - wrong\\n# [1] lost\" if") \
    .replace('"ok 1 - shaky")', '"ok 1 - shaky\\nok 2 - wrong")')
SKIPPED_THEN = ONCE.replace('"ok 1 - shaky"', '"ok 1 - shaky # SKIP not here"')
NOW_AND_THEN = """import os
with open(__file__ + ".ran", "a") as ran:
    ran.write("x")
good = os.path.getsize(__file__ + ".ran") == 2
print("ok 1 - shaky" if good else "# [1]\\nnot ok 1 - shaky")
print("1..1")
"""
NO_LUCK = 'NO_LUCK = "why"\n'
ALWAYS = 'print("# waited 60 s in vain for it\\nnot ok 1 - bad\\n1..1")\n'


def run(*sources, units=(), faults=()):
    """(exit status, lines that the runner said) of these system tests."""
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(f"{root}/tests/lib")
        os.makedirs(f"{root}/tests/system")
        with open(f"{root}/tests/lib/system.py", "w",
                  encoding="ascii") as file:
            file.write("import runpy, sys\nrunpy.run_path(sys.argv[1])\n")
        for number, source in enumerate(sources):
            with open(f"{root}/tests/system/test_{number}.py", "w",
                      encoding="ascii") as file:
                file.write(source)
        os.makedirs(f"{root}/tests/system/faults")
        for number, source in enumerate(faults):
            with open(f"{root}/tests/system/faults/test_f{number}.py", "w",
                      encoding="ascii") as file:
                file.write(source)
        os.makedirs(f"{root}/build/bin")
        for number, source in enumerate(units):
            path = f"{root}/build/bin/test_u{number}"
            with open(path, "w", encoding="ascii") as file:
                file.write("#!/usr/bin/env python3\n" + source)
            os.chmod(path, 0o755)
        real, runner.ROOT = runner.ROOT, root
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):
                status = runner.main(["--build", f"{root}/build",
                                      "--plain", f"{root}/build"])
        finally:
            runner.ROOT = real
    return status, said.getvalue().splitlines()


def table(lines):
    """Rows of the table of faults, without the spaces."""
    return [[cell.strip() for cell in line.split("|")] for line in lines
            if " | " in line]


def runs(lines):
    """How often each file ran."""
    return [sum(line.startswith(f"test_{n}.py ") for line in lines
                if " passed" in line) for n in range(10)]


def test_one_that_passes_alone_is_unsteady():
    status, lines = run(STEADY, ONCE.format(SLOW))
    assert status == 0 and lines[-2:] == ["1 unsteady", "3 passed, 0 failed"], \
        lines
    assert runs(lines)[:2] == [1, 4], lines
    at = lines.index("UNSTEADY test_1.py: shaky")
    assert SLOW in lines[at + 1], lines
    assert not any(line.startswith("FAILED") for line in lines), lines


def test_one_that_fails_again_has_failed():
    status, lines = run(STEADY, ALWAYS, ONCE.format(SLOW))
    assert status == 1 and lines[-2:] == ["1 unsteady", "3 passed, 1 failed"], \
        lines
    assert runs(lines)[:3] == [1, 2, 4], lines
    assert "FAILED test_1.py: bad" in lines, lines


def test_one_that_fails_now_and_then_has_failed():
    status, lines = run(NOW_AND_THEN)
    assert status == 1 and lines[-1] == "0 passed, 1 failed", lines
    assert runs(lines)[0] == 3, lines


def test_many_that_fail_have_failed():
    status, lines = run(*[ONCE.format(SLOW)] * 3, STEADY)
    assert status == 1 and lines[-1] == "4 passed, 3 failed", lines
    assert runs(lines)[:4] == [1, 1, 1, 1], lines
    assert not any(re.search("unsteady", line, re.I) for line in lines), lines


def test_a_measurement_is_taken_again():
    status, lines = run(ONCE.format("1.6 > 1.5"))
    assert status == 0 and lines[-2:] == ["1 unsteady", "2 passed, 0 failed"], \
        lines


def test_some_wrong_results_are_no_luck():
    status, lines = run(NO_LUCK + ONCE.format("[1, 2] lost"))
    assert status == 1 and lines[-1] == "1 passed, 1 failed", lines
    assert runs(lines)[0] == 1, lines
    status, lines = run(NO_LUCK + BOTH.format("a reason"))
    assert status == 1 and lines[-1] == "1 passed, 2 failed", lines
    assert runs(lines)[0] == 1, lines
    status, lines = run(NO_LUCK + ONCE.format(SLOW))
    assert status == 0 and lines[-2] == "1 unsteady", lines


def test_what_crashed_has_failed():
    for said in ("==1==ERROR: AddressSanitizer: x",
                 f"{SLOW}; agent: exit status -6"):
        status, lines = run(ONCE.format(said))
        assert status == 1 and lines[-1] == "1 passed, 1 failed", lines
        assert runs(lines)[0] == 1, lines


def test_unit_programs():
    status, lines = run(units=[ONCE.format("nx_test_wait(base, f, f)")])
    assert status == 0 and lines[-2:] == ["1 unsteady", "2 passed, 0 failed"], \
        lines
    status, lines = run(units=[ONCE.format("1 != 2")])
    assert status == 1 and lines[-1] == "1 passed, 1 failed", lines


def test_skipped_is_not_passed():
    status, lines = run(SKIPPED_THEN.format(SLOW))
    assert status == 1 and lines[-1] == "1 passed, 1 failed", lines


def test_faults_that_cannot_be_are_in_the_table():
    """With the reason; those that wait for the night are not."""
    _status, lines = run(faults=[
        'print("# fault | disk full | 3 | 0 | 0 | 1 s\\nok 1 - test_full")\n'
        'print("ok 2 - test_cut # SKIP no loop device to mount")\n'
        'print("ok 3 - test_long # SKIP takes minutes: nightly\\n1..3")\n'])
    assert table(lines)[1:] == [
        ["disk full", "3", "0", "0", "1 s"],
        ["test_f0.py, test_cut: skipped: no loop device to mount", "0", "-",
         "-", "-"]], lines
    assert lines[-1] == "1 passed, 0 failed, 2 skipped", lines


def judge(folder, status):
    """(last line, exit status) for a benchmark that exits so."""
    with open(f"{folder}/fast", "w", encoding="ascii") as file:
        file.write(f'print("busy: not judged")\nraise SystemExit({status})\n')
    said = io.StringIO()
    with contextlib.redirect_stdout(said), \
            mock.patch.object(judged, "BENCHES", folder), \
            mock.patch.object(sys, "argv", ["judged.py", "fast"]):
        status = judged.main()
    return said.getvalue().splitlines()[-1], status


def test_benchmarks_are_judged():
    with tempfile.TemporaryDirectory() as folder:
        assert judge(folder, 0) == ("ok 1 - fast", 0)
        assert judge(folder, 1) == ("not ok 1 - fast", 1)
        assert judge(folder, 77) == ("ok 1 - fast # SKIP busy: not judged", 0)


def bench(name):
    path = os.path.join(judged.BENCHES, name)
    with open(path, encoding="utf-8") as source:
        assert source.read().endswith("    sys.exit(main())\n"), name
    with mock.patch.object(sys, "path", [judged.BENCHES, *sys.path]):
        return importlib.machinery.SourceFileLoader(name, path).load_module()


def goals_of_benchmarks():
    bench("restart")
    status, storm = bench("status"), bench("connections")

    def judged_status(*verdicts):
        return status.conclude([
            {"case": "x", "taken": 1, "rate": 2, "judged": "p99", "p99_ms": 9.0,
             "goal_ms": 5.0, "floor": {"p99_ms": 1.0}, "verdict": verdict}
            for verdict in verdicts])
    met, missed = (status.verdict(ms, 5, 0.0, 100, 95) for ms in (4, 6))
    busy = status.verdict(6, 5, 0.5, 100, 95)
    too_few = status.verdict(4, 5, 0.0, 100, 60)
    assert (met, missed) == ("met", "missed"), (met, missed)
    assert judged_status(None, met) == 0
    assert judged_status(met, busy, missed) == 1
    assert judged_status(met, busy) == judged_status(too_few) == 77
    floor = {"kib_per_agent": 30.0, "storm_s": 46.0, "storm_cpu_s": 19.0}
    ours = {"kib_per_agent": 40.0, "storm_s": 60.0, "storm_cpu_s": 31.0}
    assert storm.conclude(storm.missed(ours, floor), 0.0) == 0
    for key, much in (("kib_per_agent", 61.0), ("storm_s", 70.0),
                      ("storm_cpu_s", 39.0)):
        problems = storm.missed({**ours, key: much}, floor)
        assert storm.conclude(problems, 0.0) == 1, key
        assert storm.conclude(problems, 0.5) == 77, key


def test_a_missed_goal_of_a_benchmark_is_a_failure():
    with contextlib.redirect_stdout(io.StringIO()):
        goals_of_benchmarks()
