"""What goes wrong between the web page and its collector: scripts that run
before the page's own, and others who take the collector's streams."""
import contextlib
import http.client

from deploy.lab.ask import PATIENCE_S
from tests.lib.web import browser, crowd

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
const each = window.setInterval;
window.setInterval = (what, ms) => each(what, ms >= 5000 ? ms / 10 : ms);
"""
OPEN = "window.streams.filter((s) => !s.signal.aborted).length"
LIVE = "document.getElementById('live').textContent"

# Also: replies that do not come to whatever is asked for below window.held, and
# how often the page asked again by its clock. A document is waited for less
# long; a token is asked for by window.questions dialogs.
HELD = WATCHED + """
window.requests = [];
window.turns = 0;
window.questions = 0;
const raw = window.fetch;
window.fetch = (path, options = {}) => {
  if (!window.held || !String(path).includes(window.held)) {
    return raw(path, options);
  }
  const request = {path: String(path), over: false};
  window.requests.push(request);
  return new Promise((_resolve, reject) => options.signal.addEventListener(
    "abort", () => { request.over = true; reject(options.signal.reason); }));
};
const turn = window.setInterval;
window.setInterval = (what, ms) => turn(() => {
  window.turns += ms >= 5000 ? 1 : 0;
  what();
}, ms);
const limit = AbortSignal.timeout;
AbortSignal.timeout = (ms) => limit.call(AbortSignal, window.soon ? ms / 20 : ms);
const show = HTMLDialogElement.prototype.showModal;
HTMLDialogElement.prototype.showModal = function () {
  window.questions++;
  show.call(this);
};
"""
UNDER_WAY = "window.requests.filter((r) => !r.over)"


def wait_turns(page, more):
    """Until the page asked again by its clock so many times more."""
    before = page.js("window.turns")
    page.wait(f"window.turns >= {before + more}", "the page's clock")


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
                                               timeout=PATIENCE_S)
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
