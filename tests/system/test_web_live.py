"""The web page when not all is well: no stream is to be had, the connection is
lost, the collector cannot store, networks are silent. Silence must not look
like recovery."""
import contextlib
import http.client

from tests.lib.web import (FEW, Keys, browser, crowd, incident_page, known,
                           nothing_wrong)

STREAMS_MAX = 32  # of the collector

# Before the page's own scripts: all streams that it asks for, to be cut; the
# page polls and tries again sooner than people would.
WATCHED = """
const ask = window.fetch;
window.streams = [];
window.cut = () => window.streams.forEach((s) => s.abort());
window.fetch = (path, options = {}) => {
  if (window.away) { return Promise.reject(new TypeError("away")); }
  if (!String(path).includes("/events")) { return ask(path, options); }
  const own = new AbortController();
  options.signal?.addEventListener("abort", () => own.abort());
  window.streams.push(own);
  return ask(path, {...options, signal: own.signal});
};
const later = window.setTimeout;
window.setTimeout = (what, ms, ...more) =>
  later(what, ms >= 1000 && ms <= 15000 ? ms / 20 : ms, ...more);
"""
OPEN = "window.streams.filter((s) => !s.signal.aborted).length"


@contextlib.contextmanager
def watched(source=WATCHED):
    page = browser()
    script = page.command("Page.addScriptToEvaluateOnNewDocument",
                          source=source)
    try:
        yield page
    finally:
        page.command("Page.removeScriptToEvaluateOnNewDocument",
                     identifier=script["identifier"])


class House:
    """Others who take the collector's streams."""

    def __init__(self):
        self.others = []

    def fill(self):
        """Until there is none left."""
        for _ in range(2 * STREAMS_MAX):
            other = http.client.HTTPConnection("127.0.0.1", crowd().http,
                                               timeout=20)
            self.others.append(other)
            other.request("GET", "/v1/incidents/1/events?changes=true",
                          headers={"Authorization":
                                   f"Bearer {crowd().token}"})
            if other.getresponse().status == 503:
                return
        raise AssertionError("more streams than there are")

    def close(self):
        for other in self.others:
            other.close()
        self.others = []


def test_one_stream():
    """The one that is asked for early is the one that the page reads."""
    with watched() as page:
        for path in ("/incidents/1?group=resolver", "/incidents/1"):
            page.open(known(FEW).url + path)
            page.wait("document.getElementById('live').textContent === 'live'",
                      "the stream")
            page.wait("document.querySelectorAll('.lanes-body .lane').length "
                      "> 10", "the lanes")
            assert page.js(OPEN) == 1, (path, page.js("window.streams.length"))
        nothing_wrong(page)


def test_no_stream_to_be_had():
    """The 33rd viewer asks for the status now and then, and for a stream; so
    does one who had a stream."""
    live = "document.getElementById('live').textContent"
    polled = ("performance.getEntriesByType('resource').filter((e) => "
              "e.name.includes('/status?')).length")
    house = House()
    with watched() as page, contextlib.closing(house):
        page.open("about:blank")
        house.fill()
        page.open(known(FEW).url + "/incidents/1")
        page.wait("document.querySelectorAll('.lanes-body .lane').length > 10",
                  "the lanes without a stream")
        page.wait(f"{polled} > 2", "the status to be asked for again")
        assert page.js(live) == "every 5 s", page.js(live)
        house.close()
        page.wait(f"{live} === 'live'", "a stream, once there is one")
        page.js("[window.away = true, window.cut()]")
        page.wait(f"{live} === 'not live'", "it to be lost")
        house.fill()
        page.js("window.away = false")
        before = page.js(polled)
        page.wait(f"{polled} > {before} && {live} === 'every 5 s'",
                  "the status after a stream")
    page.complaints()  # 503 is what is wanted


def test_escape_closes_one_drawer():
    """However many incidents were looked at before."""
    crowd().json("/v1/incidents", body={"name": "other.example.org",
                                        "types": ["A"]})
    page = incident_page()
    page.find("a.mark").click()
    page.wait("document.querySelector('.list a[href=\"/incidents/2\"]')",
              "the list").click()
    page.wait("document.querySelector('.lanes-body .c-network a[href]')",
              "the lanes").click()
    page.wait("location.pathname.startsWith('/incidents/2/') && "
              "document.activeElement.id === 'drawer-title'", "the drawer")
    page.keys(Keys.ESCAPE)
    page.wait("document.getElementById('drawer').hidden", "the drawer to go")
    assert page.js("location.pathname") == "/incidents/2"
    nothing_wrong(page)
