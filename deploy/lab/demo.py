"""The demonstration: seven networks, an outage, and how each one clears."""
import argparse
import json
import os
import re
import signal
import sys
import time

from . import canary, namespace, zones
from .ask import ask, wait_until
from .daemon import DaemonError
from .forecast import (StatusLog, result, result_row, table, verified_n,
                       wait_for)
from .lab import COLLECTOR_ADDRESS, MEASURE_ADDRESS, Lab
from .measure import NetworkWatch, Users
from .programs import ProgramError, Site

OUTAGE_S = 32           # the last user asks at 30
CLEAR_WITHIN_S = 100    # after restoration, else the run has failed
CACHES_COUNTED = 7      # looks that count caches: a measurement lasts 14 s
MEASURE_WITHIN_S = 15   # until it has begun
OPERATOR = "operations"  # the network the authority agent stands in
ESTIMATE = {"settle_s": 2, "authority_interval_ms": 500,
            "probe_floor_ms": 2000}



class Screen:
    """On a terminal the status table is redrawn in place with the last events
    below; elsewhere events are lines and the table comes now and then."""

    def __init__(self, out=sys.stdout):
        self._out = out
        self._live = out.isatty() and os.environ.get("TERM") != "dumb"
        self._period_s = 1.0 if self._live else 10.0
        self._due = 0.0
        self._events = []
        self._began = time.monotonic()

    def zero(self):
        self._began = time.monotonic()

    def say(self, text):
        print(f"demo: {text}", file=self._out, flush=True)

    def event(self, text):
        line = f"{time.monotonic() - self._began:6.1f} s  {text}"
        self._events = (self._events + [line])[-8:]
        if self._live:
            self._due = 0.0
        else:
            print(line, file=self._out, flush=True)

    def draw(self, status, now=False):
        """status: () -> text of the table. Not too often, unless now."""
        if time.monotonic() < self._due and not now:
            return
        self._due = time.monotonic() + self._period_s
        text = status().rstrip("\n")
        if self._live:
            lines = [*text.split("\n"), "", *self._events]
            self._out.write("\x1b[H" + "".join(f"{x}\x1b[K\n" for x in lines)
                            + "\x1b[J")
        else:
            self._out.write(f"\n{text}\n\n")
        self._out.flush()

    def clear(self):
        if self._live:
            self._out.write("\x1b[H\x1b[2J")


class Demo:
    def __init__(self, lab, bin_dir, screen):
        self._lab = lab
        self._screen = screen
        self._site = Site(bin_dir, f"{lab.folder}/nxclear",
                          listen=COLLECTOR_ADDRESS)
        self._watches = [NetworkWatch(n, source=MEASURE_ADDRESS)
                         for n in lab.networks]
        self._resolvers = {n.name: n.resolver.describe()
                           for n in lab.networks}

    def run(self):
        """The document of --json."""
        self._start_programs()
        self._begin_measuring()
        self._outage()
        incident = self._open_incident()
        log = StatusLog(self._site.api, incident).start()
        users = Users(self._lab.networks, on_answer=self._user_asked)
        users.start()
        try:
            self._wait_outage(incident)
            profiles = self._profiles()
            self._screen.event(f"{verified_n(profiles)} of "
                               f"{len(self._lab.networks)} resolvers were "
                               f"measured by canary names")
            self._restore()
            in_time = self._wait_clear(incident, log)
        finally:
            users.stop()
            for watch in self._watches:
                watch.stop()
            log.stop()
        if not in_time:
            self._screen.say(f"not everything was clear {CLEAR_WITHIN_S} s "
                             f"after the restoration ({log.error or ''})")
        document = result([
            result_row(w, self._resolvers[w.network.name], log,
                       profiles.get(w.network.name)) for w in self._watches])
        # What the collector itself says of its forecasts.
        self._site.cli("incident", "close", str(incident))
        document["score"] = json.loads(
            self._site.cli("score", str(incident), "--json").stdout)
        return document

    def stop(self):
        self._site.stop()

    def _start_programs(self):
        began = time.monotonic()
        site = self._site
        self._lab.own(site.collector(estimate=ESTIMATE, canary={
            "zone": canary.ZONE, "count": CACHES_COUNTED}))
        for network in self._lab.networks:
            # Named by its owner, it is asked as fast as one's own resolver.
            self._lab.own(site.agent(
                network.name, policy={"canary_zones": [canary.ZONE]},
                resolvers={"discover": False,
                           "named": [{"at": network.address}]}))
        # The audit asks twice a second, each of two servers.
        self._lab.own(site.agent(
            OPERATOR, "auditor", "authority",
            resolvers={"discover": False}, authority={
                "root_hints": self._lab.root_hints, "server_qps": 20}))
        site.start()
        self._screen.say(f"started a collector and {len(site.agents)} agents "
                         f"in {time.monotonic() - began:.1f} s")

    def _profiles(self):
        """network -> what canary names told of its resolver."""
        rows = self._site.api.must_get("/v1/resolvers")["resolvers"]
        return {row["network"]: row for row in rows}

    def _begin_measuring(self):
        """The canary zone is not the incident's: what has begun goes on
        through the outage, and is over before anything can be forecast."""
        networks = self._lab.networks
        wait_until(lambda: len(self._profiles()) == len(networks) and all(
            row["state"] != "waiting" for row in self._profiles().values()),
            MEASURE_WITHIN_S, "the measuring of the resolvers to begin")
        self._screen.say(f"measuring {len(networks)} resolvers by canary names "
                         f"below {canary.ZONE} (deploy/canary)")

    def _outage(self):
        for network in self._lab.networks:
            reply = ask(network.address, zones.NAME,
                        source=network.user_address)
            if reply is None or not reply.positive:
                raise RuntimeError(f"{network.name} cannot resolve "
                                   f"{zones.NAME} before the outage: {reply}")
        self._screen.say(f"all networks resolve {zones.NAME}; its record is "
                         f"removed now")
        self._lab.remove_record()
        self._screen.zero()
        self._screen.clear()
        self._screen.event(f"{zones.NAME} A removed from both name servers")

    def _open_incident(self):
        said = self._site.cli(
            "incident", "open", zones.NAME, "A", "--expect",
            f"A={zones.RECORD_ADDRESS}", "--outage", "now-1s..",
            "--restored", "auto").stdout
        self._screen.event(said.strip())
        found = re.search(r"incident (\d+)", said)
        if not found:
            raise RuntimeError(f"incident open said: {said}")
        return int(found.group(1))

    def _user_asked(self, _at, network, reply):
        said = "no answer"
        if reply is not None:
            said = reply.rcode
            if reply.negative:
                said += f", cached for {reply.soa_ttl} s more"
        self._screen.event(f"a user in {network.name} asks: {said}")

    def _draw(self, incident, now=False):
        self._screen.draw(lambda: self._site.cli(
            "status", str(incident), "--all", check=False).stdout, now)

    def _tick(self, incident):
        self._draw(incident)
        for member in (self._site.collector_program, *self._site.agents):
            member.daemon.must_run()
        time.sleep(0.1)

    def _wait_outage(self, incident):
        end = time.monotonic() + OUTAGE_S
        wait_for(lambda: False, end, lambda: self._tick(incident))

    def _restore(self):
        self._lab.restore_record()
        for watch in self._watches:
            watch.start()
        self._screen.event(f"{zones.NAME} A restored at both name servers")

    def _wait_clear(self, incident, log):
        names = [n.name for n in self._lab.networks]
        told = set()

        def tick():
            for watch in self._watches:
                name = watch.network.name
                if watch.actual is not None and name not in told:
                    told.add(name)
                    self._screen.event(f"measured: {name} answers with the "
                                       f"record")
            self._tick(incident)

        def done():
            return (log.shown is not None and log.all_clear(names)
                    and all(w.actual for w in self._watches))
        in_time = wait_for(done, time.monotonic() + CLEAR_WITHIN_S, tick)
        self._draw(incident, now=True)
        return in_time


def run_inside(arguments):
    screen = Screen()
    began = time.monotonic()
    with Lab(keep=arguments.keep, root=canary.delegated(zones.root_zone()),
             others=[canary.CanaryPowerDns]) as lab:
        screen.say(f"started root and com, {zones.ZONE} on NSD and Knot DNS, "
                   f"a canary zone, and {len(lab.networks)} networks in "
                   f"{time.monotonic() - began:.1f} s (in a network namespace;"
                   f" logs in {lab.folder})")
        demo = Demo(lab, arguments.bin, screen)
        try:
            document = demo.run()
        finally:
            demo.stop()
        print("\n" + table(document), flush=True)
        if arguments.json:
            with open(arguments.json, "w", encoding="utf-8") as out:
                json.dump(document, out, indent=1)
                out.write("\n")
        cleared = all(r["state_path"][-1:] == ["clear"] and r["actual"]
                      for r in document["networks"])
        if not cleared:
            print(lab.failure_report("not every network ended clear"),
                  file=sys.stderr)
        return 0 if cleared else 1


def stop_on_signals():
    def handler(_number, _frame):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def main():
    parser = argparse.ArgumentParser(prog="deploy/demo")
    parser.add_argument("--bin", required=True, help="folder of the programs")
    parser.add_argument("--json", metavar="FILE", help="write the last table")
    parser.add_argument("--keep", action="store_true", help="keep all logs")
    arguments = parser.parse_args()
    try:
        if not namespace.inside():
            return namespace.enter_python("deploy.lab.demo", sys.argv[1:])
        stop_on_signals()
        return run_inside(arguments)
    except namespace.NamespaceError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 77
    except (DaemonError, ProgramError, RuntimeError, OSError) as error:
        # The lab has shown the logs already.
        print(f"demo: {error}", file=sys.stderr)
        return 70
    except KeyboardInterrupt:
        print("\ndemo: interrupted; everything is stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
