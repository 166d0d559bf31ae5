"""Several caches behind one address, filled at different moments: balanced by
turns, pinned by source port, or one for all threads."""
from deploy.lab.zones import NAME
from tests.system.matrix.play import Play
from tests.system.matrix.variants import (Bind, Dnsdist, DnsdistPinned,
                                          KresdTwice, Unbound)

# The last one decides; until it is met often enough it may be unseen.
SEVERAL = ("cached-nxdomain", "clear")
LAST_S = 3.0

# "wait until", or "for the last one until" once two have been seen
FOR_THE_LAST = {"cached-nxdomain": "wait "}


def test_several_caches():
    play = Play()
    for title, kind in (("by turns", Dnsdist),
                        ("by source port", DnsdistPinned)):
        name = play.network("dnsdist-" + title.replace(" ", "-"), kind,
                            backends=[Unbound, Bind])
        play.add(f"two caches {title}", name, SEVERAL, within=LAST_S,
                 advice=FOR_THE_LAST)
        play.asked(3, f"{name}/1", NAME)
        play.asked(9, f"{name}/2", NAME)
    name = play.network("dnsdist-one", Dnsdist, backends=[Bind, Bind])
    play.add("two caches, one denies", name, ("partly-clear", "clear"),
             also=("cached-nxdomain",), within=LAST_S)
    play.asked(6, f"{name}/1", NAME)
    name = play.network("kresd-twice", KresdTwice)
    play.add("kresd, two processes with own caches", name, SEVERAL,
             within=LAST_S, advice=FOR_THE_LAST)
    for at in (3, 3.2, 8, 8.2, 8.4, 8.6, 8.8):  # ports are drawn each time
        play.asked(at, name, NAME)
    name = play.network("unbound-threads", Unbound, "num-threads: 4")
    play.add("unbound, four threads with one cache", name, SEVERAL, at=7)
    return play.run()
