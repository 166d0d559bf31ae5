"""The web page when not all is well: no stream is to be had, the connection is
lost, the collector cannot store, networks are silent. Silence must not look
like recovery."""
import contextlib
import re

from tests.lib.web import (FEW, Keys, browser, crowd, incident_page,
                           known, nothing_wrong)
from tests.lib.web_faults import (HELD, LIVE, OPEN, UNDER_WAY, WATCHED, House,
                                  wait_turns, watched)


def test_one_stream():
    """The one that is asked for early is the one that the page reads."""
    with watched() as page:
        for path in ("/incidents/1?group=resolver", "/incidents/1"):
            page.open(known(FEW).url + path)
            page.wait(f"{LIVE} === 'live'", "the stream")
            page.wait("document.querySelectorAll('.lanes-body .lane').length "
                      "> 10", "the lanes")
            assert page.js(OPEN) == 1, (path, page.js("window.streams.length"))
        nothing_wrong(page)


def test_no_stream_to_be_had():
    """The 33rd viewer asks for the status now and then, until there is a stream;
    so does one who had a stream. A status that does not come is given up."""
    polled = ("performance.getEntriesByType('resource').filter((e) => "
              "e.name.includes('/status?')).length")
    house = House()
    with watched(HELD + "[window.held, window.soon] = ['/status?', true];"
                 ) as page, contextlib.closing(house):
        page.open("about:blank")
        house.fill()
        page.open(known(FEW).url + "/incidents/1")
        page.wait("window.requests.length > 1", "the status, once more")
        assert page.js(f"{UNDER_WAY}.length") <= 1, page.js("window.requests")
        assert page.js(LIVE) == "not live", page.js(LIVE)
        page.js("[window.held, window.soon] = [null, false]")
        page.wait("document.querySelectorAll('.lanes-body .lane').length > 10",
                  "the lanes without a stream")
        page.wait(f"{polled} > 2 && {LIVE} === 'every 5 s'",
                  "the status to be asked for again")
        house.close()
        page.wait(f"{LIVE} === 'live'", "a stream, once there is one")
        # The last one may have been on its way; four more would come.
        page.js("window.last = [-1, 0]")
        page.wait(f"""(() => {{
          if (window.last[0] !== {polled}) {{
            window.last = [{polled}, performance.now()];
          }}
          return performance.now() > window.last[1] + 1000;
        }})()""", "the status not to be asked for beside the stream")
        before = page.js(polled)
        page.js("[window.away = true, window.cut()]")
        page.wait(f"{LIVE} === 'not live'", "it to be lost")
        house.fill()
        page.js("window.away = false")
        page.wait(f"{polled} > {before} && {LIVE} === 'every 5 s'",
                  "the status after a stream")
    page.complaints()  # 503 is what is wanted


def test_one_request_of_the_drawer():
    """However quickly networks are looked at, however slow the collector is;
    it is given up in time, and asked again."""
    links = "document.querySelectorAll('.lanes-body .c-network a')"
    with watched(HELD) as page:
        incident_page()
        page.js("window.held = '/networks/'")
        for i in range(8):
            page.js(f"[{links}[{i}].click()]")
        wait_turns(page, 3)
        names = page.js(f"{UNDER_WAY}.map((r) => r.path)")
        assert len(names) == 1 and page.js("window.requests.length") == 8, (
            names, page.js("window.requests"))
        assert names[0].endswith("/" + page.text("#drawer-title")), names
        page.keys(Keys.ESCAPE)
        page.wait(f"{UNDER_WAY}.length === 0", "it to be given up")
        page.js(f"[window.soon = true, {links}[0].click()]")
        page.wait("document.querySelector('.drawer .error')?.innerText && "
                  "window.requests.length > 9", "it to be asked for again")
        assert page.js(f"{UNDER_WAY}.length") <= 1, page.js("window.requests")
        page.js("[window.held, window.soon] = [null, false]")
        page.wait("document.querySelector('.drawer .target') && "
                  "!document.querySelector('.drawer .error').innerText",
                  "the evidence")
    nothing_wrong(page)


def test_a_token_is_asked_for_once():
    """Whoever sends the question away is not asked again by the page's clock,
    but is when he wants something himself."""
    question = "document.getElementById('token').open"
    with watched(HELD) as page:
        for path in ("/incidents/1", "/"):
            page.open(known(FEW).url + path)
            page.wait("document.querySelector('.lanes-body a, .list tbody a')",
                      f"what is at {path}")
            if path != "/":
                page.click(".lanes-body a")
                page.wait("document.querySelector('.drawer .target')",
                          "the evidence")
            page.js("[sessionStorage.setItem('nxclear-token', 'nxt_wrong'), "
                    "window.cut()]")
            page.wait(question, "the question")
            page.keys(Keys.ESCAPE)
            page.wait(f"!{question}", "it to go")
            wait_turns(page, 3)
            assert page.js("window.questions") == 1, path
            assert "token" in page.text(".page"), page.text(".page")
        page.click("#open-form summary")
        page.find("#open-name").send_keys("token.example.org")
        page.click("#open-form button.main")
        page.wait(question, "the question, once more")
        page.keys(Keys.ESCAPE)
    page.complaints()  # 401 is what is wanted


def test_escape_closes_one_drawer():
    """However many incidents were looked at before."""
    crowd().json("/v1/incidents", body={"name": "other.example.org",
                                        "types": ["A"]})
    page = incident_page()
    page.click("a.mark")
    page.click(".list a[href='/incidents/2']")
    page.click(".lanes-body .c-network a[href]")
    page.wait("location.pathname.startsWith('/incidents/2/') && "
              "document.activeElement.id === 'drawer-title'", "the drawer")
    page.js("window.shown = document.querySelector('.page')")
    page.keys(Keys.ESCAPE)
    page.wait("document.getElementById('drawer').hidden", "the drawer to go")
    page.wait("location.pathname === '/incidents/2'", "the address of before")
    assert page.js("window.shown.isConnected"), "others were shown meanwhile"
    nothing_wrong(page)


# What the page's own modules make of a document; arguments: it, what to call.
MADE = """
const [document_, done] = [arguments[0], arguments[1]];
Promise.all(["model", "header", "curve"].map((m) => import(`/web/${m}.js`)))
  .then(([{Incident}, {authorityCard, incidentFacts}, {Curve}]) => {
    const incident = new Incident();
    incident.snapshot(document_);
    const curve = new Curve(incident);
    const now = incident.clock.now();
    curve.update([now - 60000, now + 60000]);
    const box = curve.svg.querySelector(".not-known")?.getAttribute("d") ?? "";
    const said = {verdict: incidentFacts(incident).querySelector(".verdict")
      .textContent, spoken: curve.svg.getAttribute("aria-label"),
      legend: curve.legend.textContent, area: box};
    const card = authorityCard(incident.head, now);
    said.authority = card.querySelector("h2").textContent;
    said.servers = [...card.querySelectorAll("tbody tr")].map((r) => [r.className, ...[...r.cells].map((c) => c.textContent)]);
    said.findings = [...card.querySelectorAll(".findings li")].map((e) => [e.className, ...[...e.childNodes].map((c) => c.textContent)]);
    incident.change({...document_, storing: false, problem: "disk full"});
    said.storing = incident.head.storing;
    incident.change({now: document_.now, networks: []});
    said.still = incident.head.storing;
    incident.change(document_);
    said.after = incident.head.storing ?? null;
    done(said);
  }).catch((error) => done({error: String(error)}));
"""


def made_of(status):
    page = browser()
    page.driver.set_script_timeout(60)
    found = page.driver.execute_async_script(MADE, status)
    assert "error" not in found, found
    return found


def test_silence_is_not_recovery():
    """Networks whose resolvers do not answer are not counted as well; the head
    and the curve say how many they are."""
    page = browser()
    page.open(known(FEW).url + "/")
    status = crowd().json("/v1/incidents/1/status?targets=false")
    networks = status["networks"]
    for state, of in (("unreachable", networks), ("refused", networks[:50]),
                      ("of-tomorrow", networks[:50])):
        for network in networks:
            network["state"] = state if network in of else "clear"
        found = made_of(status)
        assert found["verdict"] == (
            f"Not known for {FEW} of {FEW} networks" if of is networks else
            f"Not known for 50 of {FEW} networks, no other is seen affected"
        ), found
        assert f"0 of {FEW} networks affected now, {len(of)} not known" \
            in found["spoken"], found
        assert found["area"] and "not known" in found["legend"], found
    for network in networks:
        network["state"] = "clear"
    found = made_of(status)
    assert found["verdict"] == f"No network of {FEW} is seen affected", found
    assert found["spoken"].startswith(f"0 of {FEW} networks affected now"), \
        found
    assert "not known" not in found["legend"] + found["spoken"], found
    assert found["storing"] is False and found["still"] is False, found
    assert found["after"] is None, found


def test_authority_that_denies():
    """Which server says what, and of each finding its name and what to do."""
    page = browser()
    page.open(known(FEW).url + "/")
    status = crowd().json("/v1/incidents/1/status?targets=false")
    authority = status["authority"]
    lines = {"detail": "ns2.example.com. says NXDOMAIN",
             "advice": "load the present zone <there>"}
    authority.update(
        state="partly", verified=False, good=1, serial_agree=False,
        findings=[lines["detail"]], audit=[
            {"tag": "STILL_NEGATIVE", "severity": "error", "server": None,
             **lines}])
    authority["servers"] = authority["servers"][:3]
    _good, denies, silent = authority["servers"]
    denies.update(state="denies", rcode="NXDOMAIN", serial=2026111901)
    silent.update(state="silent", rcode=None, outcome="timeout", serial=None,
                  seen=None)
    found = made_of(status)
    assert found["authority"] == "≠ Authority: Partly restored", found
    assert found["findings"] == [["sev-error", "STILL_NEGATIVE",
                                  f" {lines['detail']}", lines["advice"]]], \
        found
    shown = [row[:1] + row[1:2] + row[4:6] for row in found["servers"]]
    assert shown == [["srv-good", "✓ good", "2026112001", "NOERROR"],
                     ["srv-denies", "✕ denies", "2026111901", "NXDOMAIN"],
                     ["srv-silent", "… silent", "–", "timeout"]], found
    assert found["servers"][2][6] == "never", found


def banner(page):
    return page.text(".not-live")


def test_not_live_is_said():
    """With the time that what is shown is of, in print too; ages go on."""
    shown = "document.querySelector('.as-of').checkVisibility()"
    seen = "document.querySelector('.authority [data-seen]')"
    with watched() as page:
        incident_page()
        assert banner(page) == "", banner(page)
        assert not page.js(shown)
        page.js("[window.away = true, window.cut()]")
        said = page.wait("document.querySelector('.not-live').innerText",
                         "it to be said")
        assert re.match(r"Not live since (\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d "
                        "UTC: what is shown is of then", said), said
        assert page.js("document.querySelector('.not-live').role") == "status"
        # Long ago; what came before the cut may still be drawn over it.
        page.wait(f"({seen}.dataset.seen = 1, {seen}.textContent.endsWith("
                  "' d ago'))", "it to grow old")
        page.media(kind="print")
        printed = page.text(".as-of")
        assert page.js(shown) and banner(page), printed
        assert said.split(" UTC")[0][-8:] in printed, (said, printed)
        assert re.match(r"As of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", printed)
        page.media()
        page.js("window.away = false")
        page.wait("document.querySelector('.not-live').innerText === ''",
                  "it to be live again")
    page.complaints()


def test_not_storing_is_said():
    """As long as the collector says so."""
    with watched(WATCHED + """
const raw = window.fetch;
window.fetch = async (path, options) => {
  const reply = await raw(path, options);
  if (!String(path).includes("/events")) { return reply; }
  let first = true;
  return new Response(reply.body.pipeThrough(new TextDecoderStream()).pipeThrough(
    new TransformStream({transform(text, out) {
      out.enqueue(text.replace('"outlook":',
        '"storing": false, "problem": "disk full", "outlook":'));
    }})).pipeThrough(new TextEncoderStream()), reply);
};
""") as page:
        incident_page()
        said = page.wait("[...document.querySelectorAll('[role=alert]')].map("
                         "(e) => e.innerText).join('')", "it to be said")
        assert "takes no results" in said and "disk full" in said, said
    nothing_wrong(page)


def test_updates_under_the_focus():
    """The card of the authority and the drawer go on, and the focus stays."""
    with watched() as page:
        incident_page()
        for place, inside in ((".authority", ".scroll"),
                              (".drawer-body", "summary")):
            if place == ".drawer-body":
                page.click(".lanes-body a")
                page.wait("document.querySelector('.drawer-body summary')",
                          "the evidence")
            old = f"window.old = document.querySelector('{place} {inside}')"
            page.js(f"[{old}, window.old.focus(), window.old.closest('{place}"
                    "').querySelector('h2, p').append('!')]")
            page.wait("!window.old.isConnected && document.querySelector("
                      f"'{place} {inside}') === document.activeElement",
                      f"{place} to be made anew under the focus")
    nothing_wrong(page)


def test_printed_in_order():
    """From wherever it was scrolled to, however many they are."""
    page = incident_page()
    page.click("#group option[value=resolver]")
    groups = "document.querySelectorAll('.lane-group')"
    rows = ("[...document.querySelectorAll('.lanes-body .lane')].map("
            "(e) => Number(e.ariaRowIndex))")
    page.wait(f"{groups}.length > 0", "the lanes of resolvers")
    page.js("scrollTo(0, document.body.scrollHeight)")
    page.wait(f"{rows}.at(-1) > 2 * {FEW} && Math.min(...{rows}.slice(1)) > "
              f"{FEW} + 10", "the lanes at the end")
    page.js("dispatchEvent(new Event('beforeprint'))")
    shown = page.js(rows)
    page.js("dispatchEvent(new Event('afterprint'))")
    assert len(shown) > 2 * FEW, shown
    assert shown == list(range(2, len(shown) + 2)), shown


def test_group_is_named_as_such():
    """A row that was a network's before, too."""
    page = incident_page()
    page.click("#group option[value=state]")
    heads = page.wait("(() => { const heads = [...document.querySelectorAll("
                      "'.lane-group')]; return heads.length > 0 && heads.map("
                      "(e) => [e.ariaLabel, e.querySelector('.c-state')"
                      ".textContent]); })()", "the groups")
    for label, state in heads:
        assert re.fullmatch(rf"{state}, \d+ networks?, \d+ affected", label), \
            (label, state)


def test_focus_in_the_list():
    """Stays while the list is asked for anew."""
    with watched() as page:
        page.open(known(FEW).url + "/")
        page.wait("document.querySelector('.list tbody a')", "the list")
        page.js("[window.row = document.querySelector('.list tbody tr'), "
                "window.row.querySelector('a').focus(), "
                "window.row.append('!')]")
        page.wait("!window.row.isConnected", "the list to be made anew")
        assert page.js("document.activeElement === "
                       "document.querySelector('.list tbody a')")
        page.js("window.row = document.querySelector('.list tbody tr')")
        asked = ("performance.getEntriesByType('resource').filter((e) => "
                 "e.name.endsWith('/v1/incidents')).length")
        before = page.js(asked)
        page.wait(f"{asked} > {before} + 1", "the list to be asked for")
        assert page.js("window.row.isConnected"), "made anew for nothing"


TIMES = """
const done = arguments[0];
Promise.all(["scale", "format"].map((m) => import(`/web/${m}.js`)))
  .then(([{TimeScale}, {brief}]) => {
    const at = (text) => Date.parse(text);
    const ticks = (from, to) =>
      new TimeScale(at(from), at(to), 960).ticks().map((t) => t.text);
    done([
      ticks("2026-11-26T21:30:00Z", "2026-11-27T02:30:00Z"),
      ticks("2026-11-20T03:00:00Z", "2026-11-26T03:00:00Z"),
      brief(at("2026-11-26T23:59:30Z"), at("2026-11-27T00:00:10Z")),
      brief(at("2026-11-27T00:00:05Z"), at("2026-11-27T00:00:10Z")),
    ]);
  }).catch((error) => done(String(error)));
"""


def test_other_days_are_named():
    page = browser()
    page.open(known(FEW).url + "/")
    page.driver.set_script_timeout(60)
    night, week, before, today = page.driver.execute_async_script(TIMES)
    assert night == ["21:30", "22:00", "22:30", "23:00", "23:30", "11-27",
                     "00:30", "01:00", "01:30", "02:00", "02:30"], night
    assert week == [f"11-{day}" for day in range(21, 27)], week
    assert (before, today) == ("11-26 23:59", "00:00:05"), (before, today)


def test_drawer_covers_a_phone():
    """What is behind it cannot be reached; beside it, it can."""
    page = incident_page()
    behind = "document.getElementById('main').inert"
    page.click(".lanes-body a")
    page.wait("document.querySelector('.drawer .target')", "the evidence")
    assert not page.js(behind)
    page.size(390, 844, True)
    page.wait(behind, "the page behind to be out of reach")
    page.keys(Keys.ESCAPE)
    page.wait(f"!{behind}", "the page to be back")
    page.wait("document.querySelector('.lanes-body').contains("
              "document.activeElement)", "the focus to be back")
    nothing_wrong(page)


def test_edges_can_be_seen():
    """Of what is typed into and pressed: 3:1 (WCAG 2.2, 1.4.11)."""
    for scheme in ("light", "dark"):
        page = incident_page("/incidents/1", scheme)
        found = page.js("[...document.querySelectorAll('input, select, "
                        "button')].filter((e) => e.checkVisibility()).map((e)"
                        " => { const s = getComputedStyle(e); return [e.id || "
                        "e.className, s.borderTopColor, s.backgroundColor]; "
                        "})")
        assert len(found) > 5, found
        for name, *colours in found:
            edge, ground = (luminance(c) for c in colours)
            ratio = (max(edge, ground) + .05) / (min(edge, ground) + .05)
            assert ratio >= 3, (scheme, name, colours, ratio)


def luminance(colour):
    """Of rgb(r, g, b)."""
    parts = [int(p) / 255 for p in re.findall(r"\d+", colour)[:3]]
    return sum(f * (p / 12.92 if p <= 0.04045 else
                    ((p + 0.055) / 1.055) ** 2.4)
               for p, f in zip(parts, (0.2126, 0.7152, 0.0722)))
