"""Runs every test program, counts each test case, says what failed and why.

Every kind of test speaks TAP: the cmocka programs, the fuzz harnesses on their
corpus, the system tests. A program that crashes, leaks, or runs fewer cases
than it planned counts as one failure more.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SUPPRESSIONS = os.path.join(ROOT, "tests", "lib", "lsan.supp")
PROGRAM_TIMEOUT_S = 600
SYSTEM_TIMEOUT_S = 900
NIGHTLY_TIMEOUT_S = 3600 + int(os.environ.get("NX_SOAK_S") or 0)
NIGHTLY_PROGRAMS = ("test_ledger_worlds",)
FUZZ_S = int(os.environ.get("NX_FUZZ_S") or 60)  # at night, each harness
UNITS_AT_ONCE = (os.cpu_count() or 1) + 1  # some of them wait
LABS_AT_ONCE = 3  # each in a namespace of its own, and waiting most of the time
MATRICES_AT_ONCE = 2  # they measure
# They begin first, the longest of all at first: at the end one that is long
# would run with none beside it.
LONG = ("test_alerts.py", "test_agent_spool.py", "test_siblings.py",
        "test_demo_live.py", "test_guard_faults.py", "test_web.py",
        "test_audit.py", "test_guard_servers.py", "test_causes.py",
        "test_records.py", "test_shared_address.py", "test_keys.py",
        "test_dot.py", "test_doors.py", "test_dead_resolver.py",
        "test_agent_memory.py", "test_web_live.py", "test_smoke.py")
# So many programs that failed may have met a busy machine: they run again,
# alone, and have to pass so often.
UNSTEADY_MAX = 2
AGAIN_N = 3
IN_VAIN = re.compile(r"waited [\d.e+]+ s in vain for|nx_test_wait\(")
# But this is none of the machine's doing.
NO_LUCK = re.compile(r"Sanitizer|runtime error:|Assertion .* failed|Aborted|"
                     r"SIG(SEGV|ABRT|BUS)|status -\d|core dumped")
# Not installed: they would run, and take over the system's resolv.conf.
UNPACKED = ("systemd-resolved", "libnss-resolve", "dnscache")
LOG_TAIL_LINES = 25
CASE = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*(.*?)\s*"
                  r"(#\s*(?:skip|todo).*)?$", re.I)
SKIP = re.compile(r"#\s*skip\S*\s*", re.I)
TODO = re.compile(r"#\s*todo\b", re.I)
FAULT_HEAD = ["fault", "rounds", "acked results lost", "double effects",
              "longest time to recover"]
PLAN = re.compile(r"^1\.\.(\d+)")


class Outcome:
    def __init__(self, name):
        self.name = name
        self.path = None       # of a system test
        self.again = None      # runs it again
        self.passed = 0
        self.skipped = 0
        self.left_out = []     # (test, why)
        self.expected = 0      # failures with a reason (TODO)
        self.text = ""
        self.failures = []     # (test, text)
        self.unsteady = []     # the same, of a run before this one
        self.seconds = 0.0

    def fail(self, test, text):
        self.failures.append((test, text))


def environment(arguments):
    return {
        **os.environ,
        "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:"
                        "detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}:print_suppressions=0",
        "CMOCKA_MESSAGE_OUTPUT": "TAP",
        "NXCLEAR_BIN": os.path.join(arguments.build, "bin"),
        "NXCLEAR_PLAIN_BIN": os.path.join(arguments.plain, "bin"),
        "NXCLEAR_UNPACKED": os.path.join(arguments.build, "unpacked"),
    }


def tail(text):
    return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])


def read_tap(outcome, text):
    """Counts the cases. Returns (cases seen, cases planned)."""
    seen = planned = 0
    notes = []
    failed = False  # the case before: what follows it may explain it
    for line in [*text.splitlines(), "ok - end"]:
        plan = PLAN.match(line)
        case = CASE.match(line)
        if plan:
            planned += int(plan.group(1))
        elif not case:
            notes.append(line)
        else:
            if failed:
                test, before = outcome.failures[-1]
                outcome.failures[-1] = (test, "\n".join([before, *notes]))
                notes = []  # not the next one's, too
            todo = TODO.match(case.group(3) or "")
            # cmocka says "not ok N # SKIP" of what it skips
            failed = bool(case.group(1)) and not case.group(3)
            seen += 1
            if case.group(1) and todo:
                outcome.expected += 1
            elif failed:
                outcome.fail(case.group(2), "\n".join(notes))
            elif case.group(3) and not todo:
                outcome.skipped += 1
                outcome.left_out.append((case.group(2),
                                         SKIP.sub("", case.group(3))))
            else:
                outcome.passed += 1
            notes = []
    outcome.passed -= 1  # "end"
    return seen - 1, planned


def run_tap(name, command, env, timeout):
    outcome = Outcome(name)
    outcome.again = lambda: run_tap(name, command, env, timeout)
    began = time.monotonic()
    try:
        done = subprocess.run(command, env=env, cwd=ROOT, text=True,
                              errors="backslashreplace", timeout=timeout,
                              stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        text, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
        text = said.decode(errors="backslashreplace")
        status = f"none: ran longer than {timeout} s"
    outcome.text = text
    seen, planned = read_tap(outcome, text)
    if seen < planned or planned == 0:
        outcome.fail(name, f"{seen} of {planned} cases ran, exit status "
                           f"{status}\n{tail(text)}")
    elif status != 0 and not outcome.failures:
        outcome.fail(name, f"exit status {status}\n{tail(text)}")
    outcome.seconds = time.monotonic() - began
    return outcome


def lint_man_page(path):
    name = os.path.relpath(path, ROOT)
    outcome = Outcome(name)
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path],
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        outcome.passed = 1
    else:
        outcome.fail(name, done.stdout + done.stderr)
    return outcome


def jobs_of(arguments, env):
    """(name, function) of everything that may run side by side."""
    programs = os.path.join(arguments.build, "bin")
    for path in sorted(glob.glob(f"{programs}/test_*")):
        yield os.path.basename(path), lambda p=path: run_tap(
            os.path.basename(p), [p], env, PROGRAM_TIMEOUT_S)
    for path in sorted(glob.glob(f"{programs}/fuzz_*")):
        name = os.path.basename(path)
        corpus = sorted(glob.glob(os.path.join(
            ROOT, "tests", "fuzz", "corpus", name.removeprefix("fuzz_"), "*")))
        yield name, lambda n=name, c=[path, *corpus]: run_tap(
            n, c, env, PROGRAM_TIMEOUT_S)
    for path in sorted(glob.glob(f"{ROOT}/deploy/man/*.[1-8]")):
        yield os.path.basename(path), lambda p=path: lint_man_page(p)


def system_files(arguments):
    folder = f"{ROOT}/tests/system"
    if arguments.quick:
        return [f"{folder}/test_smoke.py"]
    paths = sorted([*glob.glob(f"{folder}/test_*.py"),
                    *glob.glob(f"{folder}/faults/test_*.py")])
    return sorted(paths, key=lambda p: LONG.index(os.path.basename(p))
                  if os.path.basename(p) in LONG else len(LONG))


def run_system(path, arguments, env, timeout=SYSTEM_TIMEOUT_S):
    name = os.path.basename(path)
    command = [sys.executable, os.path.join(ROOT, "tests", "lib",
                                            "system.py"), path]
    if arguments.filter and arguments.filter not in name:
        command.append(arguments.filter)
    outcome = run_tap(name, command, env, timeout)
    outcome.path = path
    return outcome


def show_table(outcome):
    """Lines of its output that begin with '# |'."""
    for line in outcome.text.splitlines():
        if line.startswith("# |"):
            print(line[2:])


def faults_left_out(outcomes):
    """Rows of those that this machine cannot have; a night is not awaited."""
    for outcome in outcomes:
        if "/faults/" in (outcome.path or ""):
            for test, why in outcome.left_out:
                if not why.endswith(": nightly"):
                    yield [f"{outcome.name}, {test}: skipped: {why}", "0",
                           "-", "-", "-"]


def show_faults(outcomes):
    """The table of faults: lines of their outputs that begin with
    '# fault |', and what was left out."""
    lines = [line for o in outcomes for line in o.text.splitlines()
             if line.startswith("# fault |")]
    rows = [FAULT_HEAD, *([cell.strip() for cell in line.split("|")[1:]]
                          for line in lines), *faults_left_out(outcomes)]
    if len(rows) == 1:
        return
    widths = [max(map(len, column)) for column in zip(*rows)]
    print()
    for row in rows:
        print(" | ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                         for i, (cell, width) in enumerate(zip(row, widths))))


def show(outcome):
    counts = f"{outcome.passed} passed"
    if outcome.skipped:
        counts += f", {outcome.skipped} skipped"
    if outcome.expected:
        counts += f", {outcome.expected} known wrong"
    if outcome.failures:
        counts += f", {len(outcome.failures)} FAILED"
    print(f"{outcome.name:34} {counts:28} {outcome.seconds:6.1f} s",
          flush=True)


def names_a_test(path, text):
    with open(path, encoding="utf-8") as source:
        return re.search(rf"def test_\w*{re.escape(text)}", source.read()) \
            or text in os.path.basename(path)


def says(path, word):
    with open(path, encoding="utf-8") as source:
        return re.search(rf"^{word} = ", source.read(), re.M) is not None


def runs_alone(path):
    """It says ALONE = "why": what it measures is not to be disturbed."""
    return says(path, "ALONE")


def side_by_side(at_once, jobs):
    """The outcomes of the jobs, in their order."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for future in [pool.submit(job) for job in jobs]:
            outcome = future.result()
            show_table(outcome)
            show(outcome)
            yield outcome


def again(first):
    """What failed, alone: its last outcome, if all are good."""
    for _time in range(AGAIN_N):
        next_one = first.again()
        next_one.name += " again"
        show(next_one)
        if next_one.failures or next_one.passed <= first.passed:
            return first
    next_one.name = first.name
    next_one.unsteady = first.failures
    return next_one


def may_be_luck(outcome):
    """What a sanitizer found is none, nor a crash; nor a wrong result of a unit
    test, or of a system test that says NO_LUCK = "why"."""
    text = outcome.text + "".join(text for _test, text in outcome.failures)
    return not NO_LUCK.search(text) and (
        all(IN_VAIN.search(text) for _test, text in outcome.failures) or
        outcome.path is not None and not says(outcome.path, "NO_LUCK"))


def run_all(arguments):
    env = environment(arguments)
    outcomes = list(run_once(arguments, env))
    failed = [o for o in outcomes if o.again and o.failures]
    if len(failed) > UNSTEADY_MAX or not all(map(may_be_luck, failed)):
        return outcomes
    return [again(o) if o in failed else o for o in outcomes]


def run_once(arguments, env):
    wanted = arguments.filter or ""
    yield from side_by_side(UNITS_AT_ONCE, [
        job for name, job in jobs_of(arguments, env) if wanted in name])
    paths = [p for p in system_files(arguments) if names_a_test(p, wanted)]
    if any(says(path, "NEEDS_UNPACKED") for path in paths):
        unpack_all(env)
    for at_once, alone in ((LABS_AT_ONCE, False), (1, True)):
        yield from side_by_side(at_once, [
            lambda p=path: run_system(p, arguments, env)
            for path in paths if runs_alone(path) == alone])


def has_more_at_night(path):
    with open(path, encoding="utf-8") as source:
        return "/faults/" in path or "NX_NIGHTLY" in source.read()


def nightly_scripts():
    """(name, command) of what speaks TAP and builds what it needs."""
    yield "fuzzers", [f"{ROOT}/tests/fuzz/run", str(FUZZ_S)]
    yield "fuzzers, AFL++", [f"{ROOT}/tests/fuzz/run", "--afl", str(FUZZ_S)]
    yield "races", [f"{ROOT}/tests/lib/check-races"]
    for bench in ("connections", "restart", "status"):
        yield bench, [sys.executable, f"{ROOT}/tests/lib/judged.py", bench]


def run_nightly(arguments):
    """The faults again, many rounds of each. A seed that a test prints can be
    given back as NX_SEED."""
    env = {**environment(arguments), "NX_NIGHTLY": "1"}
    wanted = arguments.filter or ""
    jobs = [lambda n=name: run_tap(
        n, [os.path.join(arguments.build, "bin", n)], env, NIGHTLY_TIMEOUT_S)
        for name in NIGHTLY_PROGRAMS if wanted in name]
    jobs += [lambda n=name, c=command: run_tap(
        n, c, env, NIGHTLY_TIMEOUT_S + 10 * FUZZ_S)
             for name, command in nightly_scripts() if wanted in name]
    jobs += [lambda p=path: run_system(p, arguments, env, NIGHTLY_TIMEOUT_S)
             for path in system_files(arguments)
             if has_more_at_night(path) and names_a_test(path, wanted)]
    matrix = [p for p in matrix_files() if names_a_test(p, wanted)]
    if matrix:
        unpack_all(env)
    jobs += [lambda p=path: run_system(p, arguments, env) for path in matrix]
    for outcome in side_by_side(1, jobs):
        for line in outcome.text.splitlines():
            if "NX_SEED=" in line:
                print(line)
        yield outcome


def unpack(package, folder):
    """A Debian package into a folder, not installed; nothing when it cannot
    be had: its scenarios are left out then."""
    done = os.path.join(folder, f"{package}.done")
    if os.path.exists(done) or not shutil.which("apt-get"):
        return
    with tempfile.TemporaryDirectory() as download:
        os.chmod(download, 0o777)  # apt-get fetches as a user of its own
        got = subprocess.run(["apt-get", "download", package], cwd=download,
                             capture_output=True, check=False)
        for path in glob.glob(f"{download}/*.deb"):
            subprocess.run(["dpkg", "-x", path, folder], check=True)
            open(done, "w", encoding="ascii").close()
        if got.returncode != 0:
            print(f"without {package}: apt-get cannot download it")


def unpack_all(env):
    for package in UNPACKED:
        unpack(package, env["NXCLEAR_UNPACKED"])


def matrix_files():
    return sorted(glob.glob(f"{ROOT}/tests/system/matrix/test_*.py"))


def run_matrix(arguments):
    """Each program measures in a namespace of its own; two at once do not
    disturb each other. Their tables are the result."""
    env = environment(arguments)
    unpack_all(env)
    files = [p for p in matrix_files()
             if names_a_test(p, arguments.filter or "")]
    yield from side_by_side(MATRICES_AT_ONCE, [
        lambda p=path: run_system(p, arguments, env) for path in files])


def show_problems(word, problems):
    for program, test, text in problems:
        print(f"\n{word} {program}: {test}")
        print("    " + tail(text).replace("\n", "\n    "))


def main(words=None):
    parser = argparse.ArgumentParser(prog="tests/run")
    parser.add_argument("--build", required=True)
    parser.add_argument("--plain", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--matrix", action="store_true")
    parser.add_argument("--nightly", action="store_true")
    parser.add_argument("--filter")
    arguments = parser.parse_args(words)
    run = run_matrix if arguments.matrix else \
        run_nightly if arguments.nightly else run_all
    outcomes = list(run(arguments))
    show_faults(outcomes)
    unsteady = [(o.name, *f) for o in outcomes for f in o.unsteady]
    failures = [(o.name, *f) for o in outcomes for f in o.failures]
    show_problems("UNSTEADY", unsteady)
    show_problems("FAILED", failures)
    passed = sum(o.passed for o in outcomes)
    skipped = sum(o.skipped for o in outcomes)
    expected = sum(o.expected for o in outcomes)
    if passed + expected + len(failures) == 0:
        print(f"\nno test is called so: {arguments.filter}")
        failures.append(("", "", ""))
    print()
    if unsteady:
        print(f"{len(unsteady)} unsteady")
    print(f"{passed} passed, {len(failures)} failed"
          + (f", {skipped} skipped" if skipped else "")
          + (f", {expected} known wrong" if expected else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
