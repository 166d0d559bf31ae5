"""The store cannot be written, or is not what it was: the collector stops
acknowledging, keeps serving, says what is wrong and goes on without a restart;
what it cannot trust it refuses, and says what to do."""
import contextlib
import os
import shutil
import sqlite3
import subprocess
import time

from deploy.lab.ask import PATIENCE_S, wait_until
from deploy.lab.lab import COLLECTOR_ADDRESS
from tests.lib import faults
from tests.lib.support import ROOT, open_incident, work_folder

NO_LUCK = "a result that is lost is wrong, however seldom it is"

DISK_BYTES = (64 if faults.NIGHTLY else 8) << 20   # a write-ahead log, whole

PAGE_BYTES = 8192   # io_store_open.c


def test_no_space():
    rounds_n = faults.rounds(1, 4)
    lost = double = 0
    longest = 0.0
    with work_folder() as folder, faults.small_disk(DISK_BYTES) as place, \
            faults.collector(folder=os.path.join(folder, "site"),
                             store=os.path.join(place, "nxclear.db"),
                             **faults.PACED) as site, \
            faults.client(site) as client:
        path = os.path.join(place, "nxclear.db")
        incident = open_incident(site)
        for _round in range(rounds_n):
            client.stream()
            client.wait_acked(client.acked)
            filler = faults.fill(place)
            wait_until(lambda: not faults.storing(site), 20, "the disk to be full")
            client.wait_no_ack(1.5)     # its own tries fail, too
            faults.assert_degraded(site, incident, "no space left")
            os.unlink(filler)
            one = faults.assert_resumes(site, incident, client, path)
            lost, double = lost + one[0], double + one[1]
            longest = max(longest, one[2])
    faults.row("store on a full disk", rounds_n, lost, double, longest)


def test_locked():
    with faults.collector() as site, faults.client(site) as client:
        path = faults.store_path(site)
        incident = open_incident(site)
        client.stream()
        client.wait_acked(100)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        wait_until(lambda: not faults.storing(site), 10, "the lock to be noticed")
        faults.assert_degraded(site, incident, "locked by another program")
        other.execute("ROLLBACK")
        other.close()
        lost, double, took = faults.assert_resumes(site, incident, client, path)
    faults.row("store locked by another program", 1, lost, double, took)


def put_page(path, page, content):
    """Writes a page of the store over what is there, beside the collector, and
    changes something else, so that it reads its pages anew. What was there."""
    at = (page - 1) * PAGE_BYTES
    with contextlib.closing(sqlite3.connect(
            path, isolation_level=None, timeout=PATIENCE_S)) as other:
        busy = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        assert busy == 0, "the write-ahead log is in use"
        with open(path, "r+b") as file:
            file.seek(at)
            before = file.read(PAGE_BYTES)
            file.seek(at)
            file.write(content)
        other.execute("UPDATE agent SET reason = reason")
    return before


def test_damaged_while_it_runs():
    """The page where the log begins is not what was written: nothing is
    acknowledged, what to do is said; and it goes on when the page is right
    again."""
    with faults.collector() as site, faults.client(site) as client:
        path = faults.store_path(site)
        incident = open_incident(site)
        client.stream()
        client.wait_acked(100)
        client.stop_stream()
        page = faults.ask_store(path, "SELECT rootpage FROM sqlite_master "
                                      "WHERE name = 'batch'")[0][0]
        before = put_page(path, page, bytes(PAGE_BYTES))
        client.stream()
        wait_until(lambda: not faults.storing(site), 20, "the damage to be noticed")
        client.wait_no_ack(1.5)
        faults.assert_degraded(site, incident, "damaged")
        put_page(path, page, before)
        lost, double, took = faults.assert_resumes(site, incident, client, path)
        assert site.api.get("/healthz")[0] == 200
    faults.row("store damaged while it runs", 1, lost, double, took)


def damage(draw, path):
    """A bit, a run of bytes, or the tail of the file."""
    size = os.path.getsize(path)
    how = draw.choice(("bit", "run", "cut"))
    with open(path, "r+b") as out:
        at = draw.randrange(size)
        if how == "cut":
            out.truncate(at)
            return f"cut at {at} of {size}"
        out.seek(at)
        old = out.read(1 if how == "bit" else 512)
        out.seek(at)
        out.write(bytes([old[0] ^ 1 << draw.randrange(8)]) if how == "bit"
                  else draw.randbytes(len(old)))
        return f"{how} at {at} of {size}"


def starts(site):
    """Starts it on what is there. "" when it serves, else what it said."""
    daemon = site.collector_program.daemon
    offset = os.path.getsize(daemon.log_path)
    site.collector_program.start()
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if not daemon.running():
            with open(daemon.log_path, encoding="utf-8") as log:
                log.seek(offset)
                return log.read() or "nothing"
        with contextlib.suppress(OSError):
            if site.api.get("/healthz")[0] in (200, 503):
                return ""
        time.sleep(0.02)
    raise AssertionError("neither serves nor ends")


def copy_store(source, target):
    for suffix in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(target + suffix)
        if os.path.exists(source + suffix):
            shutil.copy(source + suffix, target + suffix)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target + "-shm")


def rows_of(path):
    """The log as it can be read: {first number: message}; what cannot be read
    is not in it."""
    found = {}
    with contextlib.suppress(sqlite3.DatabaseError), \
            contextlib.closing(sqlite3.connect(path)) as store:
        for first, payload in store.execute(
                "SELECT first_seq, payload FROM batch"):
            found[first] = payload
    return found


def good_store(site, folder):
    """One with an open incident and much to read at the next start; with all of
    it in the write-ahead log, and with nothing there."""
    path = faults.store_path(site)
    faults.open_restored(site)
    with faults.client(site) as client:
        client.stream(count=200)
        client.wait_acked(20000)
        faults.kill(site)
    logged, whole = os.path.join(folder, "logged"), os.path.join(folder, "all")
    copy_store(path, logged)
    with contextlib.closing(sqlite3.connect(path)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy_store(path, whole)
    return logged, whole


def test_damaged_files():
    """A store that is not what was written is refused with a hint what to do,
    or what is damaged in its log is left out, and that is said. Never is
    anything made of it that was not received."""
    rounds_n = faults.rounds(12, 300)
    draw = faults.seeded("damaged store")
    refused = told = silent = 0
    with work_folder() as folder, faults.collector() as site:
        path = faults.store_path(site)
        daemon = site.collector_program.daemon
        logged, whole = good_store(site, folder)
        good = rows_of(path)
        for number in range(rounds_n):
            copy_store(logged if number % 2 else whole, path)
            how = damage(draw, path + ("-wal" if number % 2 else ""))
            offset = os.path.getsize(daemon.log_path)
            said = starts(site)
            if said:
                refused += 1
                assert "damaged" in said or "other program's" in said, \
                    (how, said)
                status = daemon.process.wait(60)
                assert status == (78 if "other program's" in said else 69), \
                    (how, status, said)
                continue
            faults.kill(site)
            with open(daemon.log_path, encoding="utf-8") as log:
                log.seek(offset)
                says_so = "are damaged and left out" in log.read()
            told += says_so
            silent += not says_so and any(
                good.get(first) != payload
                for first, payload in rows_of(path).items())
        copy_store(whole, path)
        faults.restart(site)
    print(f"# {refused} of {rounds_n} refused, {told} told of damaged rows")
    assert refused + told > 0
    faults.row("damaged store or write-ahead log", rounds_n, None, silent)


def flip(path, table, columns):
    """A bit of the last of these values, which stand side by side in a row of
    a small table, of the file itself."""
    with contextlib.closing(sqlite3.connect(path)) as store:
        [(page,)] = store.execute("SELECT rootpage FROM sqlite_master "
                                  "WHERE name = ?", (table,))
        values = store.execute(f"SELECT {columns} FROM {table}").fetchone()
    cell = b"".join(value.encode() if isinstance(value, str)
                    else value if isinstance(value, bytes)
                    else value.to_bytes(8, "big", signed=True)
                    for value in values)
    with open(path, "r+b") as file:
        file.seek((page - 1) * PAGE_BYTES)
        at = file.read(PAGE_BYTES).find(cell)
        assert at >= 0, (table, columns, values)
        file.seek((page - 1) * PAGE_BYTES + at + len(cell) - 1)
        old = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([old ^ 1]))


# What would be taken as true: whose results, who is let in, how far a stream
# is, what an incident is about, who serves its zone.
CELLS = (("agent", "key"), ("agent", "key, name, network"), ("token", "hash"),
         ("enrolment", "network, name"), ("stream", "epoch"),
         ("stream", "changed_us"), ("incident_item", "wire_name"),
         ("incident", "opened_us"), ("incident", "note"))


def refuses_what_was_kept(site, incident):
    """What is changed in the status of an incident that is closed: it is not
    shown, and all else is."""
    path = faults.store_path(site)
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        changed = store.execute(
            "UPDATE closed_status SET document = document || ' '"
            ).rowcount
    assert changed == 1
    faults.restart(site)
    for what in (("status", str(incident)), ("report", str(incident)),
                 ("explain", str(incident), "lyon")):
        done = site.cli(*what, check=False)
        assert done.returncode != 0 and \
            "the status that was kept is damaged" in done.stderr, (what, done)
    status, text = look(site)
    assert status == 1 and "the row of closed_status with " in text \
        and "\nhistory  NOT OK: " in text, text
    assert site.cli("incident", "list").stdout.count("\n") > 1
    faults.kill(site)


def test_damaged_rows():
    """A bit of a value that nothing else tells the damage of: refused, the row
    is named, and it starts when the manual was followed; or not shown."""
    silent = 0
    enrol = {"listen": f"tcp://{COLLECTOR_ADDRESS}:5531"}
    with work_folder() as folder, faults.collector(enrol=enrol) as site:
        path = faults.store_path(site)
        daemon = site.collector_program.daemon
        site.cli("tokens", "create", "one")
        site.cli("enrol", "create", "--network", "lyon", "--name", "lyon-2")
        incident = open_incident(site, "--note", "all of it")
        with faults.client(site) as client:
            client.stream(count=2)
            client.wait_acked(100)
            client.stop_stream()
        site.cli("incident", "close", str(incident))
        assert daemon.stop(timeout=60) == 0
        good = os.path.join(folder, "good")
        copy_store(path, good)
        for table, columns in CELLS:
            copy_store(good, path)
            flip(path, table, columns)
            said = starts(site)
            silent += f"(the row of {table} with " not in said
            if said:
                assert daemon.process.wait(60) == 69, (table, columns, said)
            else:
                faults.kill(site)
        assert silent == 0, silent
        status, text = look(site)
        assert status == 1 and "the row of incident with " in text, text
        status, text = look(site, "--rebuild")
        assert status == 69 and "nxclear-collector(8) says" in text, text
        row = text.split("with ")[1].split(" is not what")[0]
        with contextlib.closing(sqlite3.connect(path)) as store, store:
            changed = store.execute("UPDATE incident SET digest = NULL "
                                    f"WHERE {row}").rowcount
        assert changed == 1, row
        refuses_what_was_kept(site, incident)
        copy_store(good, path)
        faults.restart(site)
    faults.row("a bit of a row of the store", len(CELLS) + 1, None, silent)


def look(site, what="--check"):
    """(exit status, text) of nxclear-collector --check or --rebuild."""
    done = site.run([site.path("nxclear-collector"), what, "-c",
                     site.collector_program.config_path], check=False)
    return done.returncode, done.stdout + done.stderr


def refuses_what_makes_no_sense(site):
    """The pages are good, what they say is not."""
    path = faults.store_path(site)
    [(key,)] = faults.ask_store(path, "SELECT key FROM agent")
    for text in ("no key", key):
        with contextlib.closing(sqlite3.connect(path)) as store, store:
            store.execute("UPDATE agent SET key = ?, digest = NULL",
                          (text,))
        if text != key:
            said = starts(site)
            assert f"{path}: damaged: " in said, said
            assert site.collector_program.daemon.process.wait(60) == 69, said


def test_check_and_rebuild():
    """What is wrong is found; what is derived comes back from the log."""
    with faults.collector() as site:
        path = faults.store_path(site)
        daemon = site.collector_program.daemon
        faults.open_restored(site)
        with faults.client(site) as client:
            client.stream(count=50)
            client.wait_acked(2000)
            status, text = look(site)       # beside the running collector
            assert "pages    ok" in text and "log      ok" in text, text
            client.stop_stream()
        assert daemon.stop(timeout=60) == 0
        status, text = look(site)
        assert status == 0 and text.endswith(": ok\n"), text
        derived = "SELECT state, basis, clear_us FROM target ORDER BY 1"
        before = faults.ask_store(path, derived)
        with contextlib.closing(sqlite3.connect(path)) as store, store:
            store.execute("UPDATE target SET state = 'clear', digest = NULL")
            store.execute("DELETE FROM transition")
        status, text = look(site)
        assert status == 1 and "the table says clear" in text, text
        done = site.run([site.path("nxclear-collector"), "-n", "--rebuild",
                         "-c", site.collector_program.config_path], check=False)
        assert done.returncode == 64 and "usage:" in done.stderr, done
        status, text = look(site, "--rebuild")
        assert status == 0, text
        assert faults.ask_store(path, derived) == before
        assert faults.ask_store(path, "SELECT count(*) FROM transition") \
            != [(0,)]
        with contextlib.closing(sqlite3.connect(path)) as store, store:
            store.execute("UPDATE batch SET payload = zeroblob(9) WHERE "
                          "batch_id = 2")
            store.execute("DELETE FROM batch WHERE batch_id = 3")
            store.execute("UPDATE stream SET received_n = received_n + 1, "
                          "digest = NULL")
        status, text = look(site)
        assert status == 1 and "it is not what was written" in text, text
        assert "received and reported lost are not what was acknowledged" \
            in text, text
        refuses_what_makes_no_sense(site)
        faults.restart(site)
        status, text = look(site, "--rebuild")
        assert status == 69 and "another nxclear-collector" in text, text


def recipe(folder, config):
    """What the manual says to do about a damaged store, but for the service."""
    with open(f"{ROOT}/deploy/man/nxclear-collector.8",
              encoding="utf-8") as manual:
        text = manual.read().split(".It The store is damaged\n")[1]
    block = text.split(".Bd -literal\n")[1].split(".Ed\n")[0]
    lines = [line for line in block.splitlines()
             if not line.startswith(("systemctl", "chown"))]
    assert len(lines) == 9, lines
    return "\n".join(["set -e", *lines]).replace(
        "/var/lib/nxclear", folder).replace("/etc/nxclear/collector.yaml",
                                            config)


def test_the_manual_repairs():
    """A page that cannot be read: what the manual says keeps all the rest."""
    with faults.collector() as site:
        path = faults.store_path(site)
        with faults.client(site) as client:
            client.stream(count=50)
            client.wait_acked(2000)
            client.stop_stream()
            acked = client.acked
        assert site.collector_program.daemon.stop(timeout=60) == 0
        [(page,)] = faults.ask_store(path, "SELECT rootpage FROM sqlite_master"
                                     " WHERE name = 'door_log'")
        [(size,)] = faults.ask_store(path, "PRAGMA page_size")
        with open(path, "r+b") as store:
            store.seek((page - 1) * size)
            store.write(b"\xff" * size)
        status, text = look(site)
        assert status == 1 and "says how to repair it" in text, text
        done = subprocess.run(
            ["bash", "-c", recipe(os.path.dirname(path),
                                  site.collector_program.config_path)],
            env={**os.environ, "PATH": f"{site.bin_dir}:{os.environ['PATH']}"},
            capture_output=True, text=True, check=False)
        assert done.returncode == 0, done
        status, text = look(site)
        assert status == 0, text
        faults.restart(site)
        ledger = faults.Ledger(path)
        assert ledger.received >= 2000, ledger
        # Nobody is connected: what is stored is shown all the same.
        said = site.cli("agents", "ledger").stdout
        assert f" {ledger.received} " in said \
            and "not heard since the start" in said, said
    faults.row("store repaired by the manual", 1, ledger.lost(acked),
               ledger.double())
