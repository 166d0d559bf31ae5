"""The laboratory: authoritative tree and networks, inside one namespace.

    with Lab() as lab:                       # all seven networks
        lab.remove_record()
        ask(lab.networks[0].address, NAME)   # a user plants an NXDOMAIN
        lab.restore_record()

Every change waits for the servers themselves to show it. What fails comes with
the end of the logs; the work folder stays then.
"""
import os
import shutil
import sys
import tempfile

from . import zones
from .ask import ask, wait_until
from .authority import Knot, Nsd
from .daemon import DaemonError
from .namespace import add_addresses
from .networks import SEVEN

# Where collector and agents of the demonstration listen and ask from.
COLLECTOR_ADDRESS = "203.0.113.1"
MEASURE_ADDRESS = "203.0.113.2"
PUBLISH_CHECK_S = 60


class Lab:
    """networks: functions folder -> Network (see networks.py).
    root, leaf: other versions of these zones; others: functions folder ->
    AuthServer of a further zone."""

    def __init__(self, networks=SEVEN, folder=None, keep=False,
                 negative_ttl=zones.NEGATIVE_TTL_S, warm=True,
                 root=None, leaf=None, others=()):
        self.folder = folder or tempfile.mkdtemp(prefix="nxclear-lab.")
        os.chmod(self.folder, 0o755)
        self._keep = keep
        self._warm = warm
        self._started = []
        self.root = Knot("root-knot", f"{self.folder}/root",
                         zones.ROOT_ADDRESS, root or zones.root_zone())
        self.tld = Nsd("com-nsd", f"{self.folder}/com", zones.TLD_ADDRESS,
                       zones.tld_zone(negative_ttl))
        leaf = leaf or zones.leaf_zone(negative_ttl)
        self.ns1 = Nsd("ns1-nsd", f"{self.folder}/ns1", zones.NS1_ADDRESS,
                       leaf)
        self.ns2 = Knot("ns2-knot", f"{self.folder}/ns2", zones.NS2_ADDRESS,
                        leaf)
        self.others = [make(self.folder) for make in others]
        self.networks = [make(self.folder) for make in networks]

    # --- start and stop

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise

    def __exit__(self, kind, error, _trace):
        failed = kind is not None and not issubclass(
            kind, (KeyboardInterrupt, SystemExit))
        if failed:
            print(self.failure_report(error), file=sys.stderr, flush=True)
        self.stop()
        if not (failed or self._keep):
            shutil.rmtree(self.folder, ignore_errors=True)
        return False

    def start(self):
        add_addresses(self._addresses())
        self._start_all([self.root, self.tld, *self.servers, *self.others])
        backends = [b for n in self.networks for b in n.backends]
        self._start_all(backends, **self._probe())
        self._start_all([n.resolver for n in self.networks], **self._probe())
        return self

    def stop(self):
        for member in reversed(self._started):
            member.daemon.kill()
        self._started = []

    def own(self, member):
        """Stop this too (anything with .daemon) when the lab stops."""
        self._started.append(member)
        return member

    @property
    def servers(self):
        """The authoritative servers of the zone."""
        return [self.ns1, self.ns2]

    @property
    def root_hints(self):
        path = f"{self.folder}/root.hints"
        with open(path, "w", encoding="ascii") as out:
            out.write(zones.ROOT_HINTS)
        return path

    def network(self, name):
        return next(n for n in self.networks if n.name == name)

    def daemons(self):
        return [m.daemon for m in self._started]

    def failure_report(self, error=None):
        parts = [f"lab: {error}" if error else "lab: logs"]
        parts += [d.log_tail(5) for d in self.daemons() if d.log_text()]
        parts.append(f"lab: all logs are kept in {self.folder}")
        return "\n".join(parts)

    # --- what happens to the zone

    def remove_record(self, servers=None, name=zones.NAME):
        """The outage: these servers (default: all) deny the name."""
        self._publish(servers, lambda zone: zone.without(f"{name}."))

    def restore_record(self, servers=None, line=None):
        """The record is back at these servers (default: all)."""
        self._publish(servers, lambda zone: zone.with_(
            line or zones.record()))

    def lose_delegation(self):
        """The TLD forgets the zone and its glue."""
        self.tld.publish(self.tld.zone.without(
            f"{zones.ZONE}.", f"ns1.{zones.ZONE}.", f"ns2.{zones.ZONE}."))

    def restore_delegation(self):
        self.tld.publish(self.tld.zone.with_(*zones.delegation()))

    def wait_authority(self, positive, servers=None, name=zones.NAME):
        """Until each of these servers answers so."""
        for server in servers or self.servers:
            wait_until(lambda s=server: self._answers(s, positive, name),
                       PUBLISH_CHECK_S, f"{server.name} to "
                       f"{'answer' if positive else 'deny'} {name}")

    # --- inside

    @staticmethod
    def _answers(server, positive, name):
        reply = ask(server.address, name, timeout=0.5, rd=False)
        return reply is not None and reply.positive == positive

    def _publish(self, servers, change):
        """All at once, so that they differ for milliseconds only."""
        chosen = servers or self.servers
        for server in chosen:
            server.publish(change(server.zone), wait=False)
        for server in chosen:
            server.wait_published()

    def _probe(self):
        return {} if self._warm else {"name": ".", "rdtype": "NS"}

    def _start_all(self, members, **ready):
        for member in members:
            self._started.append(member)
            member.start()
        for member in members:
            try:
                member.wait_ready(**ready)
            except TimeoutError as error:
                raise DaemonError(
                    f"{error}\n{member.daemon.log_tail()}") from error

    def _addresses(self):
        found = [s.address for s in (self.root, self.tld, *self.servers,
                                     *self.others)]
        for network in self.networks:
            found += [network.user_address, network.resolver.address]
            found += [b.address for b in network.backends]
        return found + [COLLECTOR_ADDRESS, MEASURE_ADDRESS]
