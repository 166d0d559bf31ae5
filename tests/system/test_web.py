"""The web page in a headless Chromium; screenshots with a table of them go to
build/web."""
import os
import re
import time

from tests.lib.support import ROOT
from tests.lib.web import (FEW, SHOTS, By, Keys, browser, crowd,
                           incident_page, known, nothing_wrong)

AA, AA_LARGE = 4.5, 3.0

# Ratio of contrast (WCAG 2.2, 1.4.3) of each text that can be seen.
CONTRAST = """(() => {
  const luminance = (c) => {
    const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(c[0]) + 0.7152 * f(c[1]) + 0.0722 * f(c[2]);
  };
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] > 250) { return c; }
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    const box = e.getBoundingClientRect();
    if (!own || box.width < 2 || box.height < 2 || !e.checkVisibility() || e.closest("[hidden], .unseen, .skip")) { continue; }
    const style = getComputedStyle(e);
    const ink = rgba(e instanceof SVGElement ? style.fill : style.color);
    const a = luminance(ink), b = luminance(ground(e instanceof SVGElement ? e.closest("div, section, span") : e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    found.push({ratio, large, text: e.textContent.trim().slice(0, 30), tag: e.tagName + "." + (e.getAttribute("class") ?? "")});
  }
  return found;
})()"""


# --- the token, before any page has one

def test_asks_for_a_token():
    page = browser()
    page.open(crowd().url + "/incidents/1")
    page.wait("document.getElementById('token').open", "the question")
    page.find("#token-text").send_keys("nxt_wrong", Keys.ENTER)
    page.wait("document.getElementById('token').open && "
              "document.getElementById('token-why').textContent"
              ".includes('refused')", "the refusal")
    page.find("#token-text").send_keys(crowd().token, Keys.ENTER)
    page.wait("document.querySelectorAll('.lanes-body .lane').length > 10",
              "the lanes")
    assert not page.js("document.getElementById('token').open")
    assert crowd().token not in page.js("document.documentElement.innerHTML")
    page.complaints()  # the refusals above are what is wanted


# --- what it loads

def test_scripts_come_at_once():
    """Not one after the other as they name each other: the document names all
    of them."""
    _status, _headers, body = crowd().get("/")
    named = set(re.findall(
        r'<(?:script type="module"(?: async)? src|link rel="modulepreload" href)'
        r'="/web/(\w+\.js)"', body.decode()))
    there = {f for f in os.listdir(f"{ROOT}/collector/web")
             if f.endswith(".js")}
    assert named == there, named ^ there
    page = incident_page()
    scripts = ("performance.getEntriesByType('resource').map((e) => "
               "e.name.split('/').pop()).filter((n) => n.endsWith('.js'))")
    page.wait(f"{scripts}.length >= {len(there)}", "all scripts")
    loaded = page.js(scripts)
    assert sorted(loaded) == sorted(there), loaded  # each of them once


# --- what people do

def test_filter_group_sort():
    page = incident_page()
    page.find("#filter").send_keys("gdansk-isp")
    page.wait("document.querySelector('.toolbar').innerText.includes("
              f"' of {FEW} shown')", "the filter to count")
    page.wait("((names) => names.length > 0 && names.every((n) => "
              "n.includes('gdansk-isp')))([...document.querySelectorAll("
              "'.lanes-body .c-network a')].map((a) => a.textContent))",
              "no other network to be shown")
    page.find("#filter").clear()
    page.find("#filter").send_keys(" ", Keys.BACKSPACE)
    page.click("[data-state=clear]")
    page.wait("document.querySelector('[data-state=clear]').ariaPressed === "
              "'true'", "the state to be chosen")
    page.wait("[...new Set([...document.querySelectorAll("
              "'.lanes-body .c-state > span')].map((s) => s.textContent))]"
              ".join() === 'clear'",
              "no other state to be shown")
    page.click("[data-state=clear]")
    page.click("#group option[value=state]")
    page.wait("document.querySelectorAll('.lane-group').length > 0",
              "the groups")
    page.click("#sort option[value=network]")
    nothing_wrong(page)


def test_group_by_resolver():
    """A lane for each resolver of a network, with what is seen of that one;
    the filter knows resolvers, grouped or not."""
    page = incident_page()
    row = crowd().json("/v1/incidents/1/status?targets=false")["networks"][0]
    one = row["resolvers"][1]
    page.find("#filter").send_keys(one)
    names = ("[...document.querySelectorAll('.lanes-body .c-network a[href]')]"
             ".map((a) => a.textContent)")
    page.wait(f"({names}).join() === '{row['network']}'",
              f"the network that asks {one}")
    page.click("#group option[value=resolver]")
    page.wait("document.querySelectorAll('.lane-group .c-state').length > 0 && "
              f"({names}).join() === '{row['network']}'",
              "its lane for this resolver")
    heads = page.js("[...document.querySelectorAll('.lane-group .c-state')]"
                    ".map((s) => s.textContent)")
    assert heads == [one], heads
    network = crowd().json(f"/v1/incidents/1/networks/{row['network']}")
    state = next(t["state"] for t in network["targets"]
                 if t["resolver"] == one)
    shown = page.js("document.querySelector('.lanes-body .lane:not(.lane-group)"
                    " .c-state').textContent")
    assert shown == state, (shown, state)
    assert page.js("document.querySelectorAll('.lanes-body .seg').length") > 0
    page.click("#group option[value='']")
    page.wait("document.querySelectorAll('.lane-group').length === 0 && "
              f"({names}).join() === '{row['network']}'", "the network alone")
    nothing_wrong(page)


def test_drawer_by_keyboard():
    page = incident_page()
    page.driver.execute_script(
        "document.querySelector('.lanes-body [tabindex=\"0\"]').focus()")
    row = "Number(document.activeElement.ariaRowIndex)"
    for key, then in ((Keys.ARROW_DOWN, "=== 3"), (Keys.ARROW_DOWN, "=== 4"),
                      (Keys.PAGE_DOWN, "> 4"), (Keys.END, f"=== {FEW + 1}"),
                      (Keys.HOME, "=== 2"), (Keys.ARROW_DOWN, "=== 3")):
        page.keys(key)
        page.wait(f"{row} {then}", f"row {then}")
    name = page.js("document.activeElement.querySelector('a').textContent")
    page.keys(Keys.ENTER)
    page.wait("!document.getElementById('drawer').hidden && "
              "document.querySelector('.drawer .target')", "the evidence")
    assert page.js("location.pathname") == f"/incidents/1/networks/{name}"
    assert page.js("document.activeElement.id") == "drawer-title"
    assert page.text("#drawer-title") == name
    assert page.js("document.querySelectorAll('.ttl .look-denied').length") > 0
    assert page.js("document.querySelectorAll('.ttl .fall').length") > 0
    # Nobody looks at the name servers of the crowd any more: they may be asked
    # by hand, resolvers may not (rule 1).
    assert "dig @198.51.100." in page.text("#drawer"), page.text("#drawer")
    assert "dig @10." not in page.text("#drawer"), page.text("#drawer")
    page.keys(Keys.ESCAPE)
    page.wait("document.getElementById('drawer').hidden", "the drawer to go")
    page.wait("location.pathname === '/incidents/1'", "the address of before")
    page.wait("document.activeElement.querySelector('a')?.textContent === "
              f"'{name}'", "the focus to be back")
    page.driver.back()
    page.wait("document.querySelector('.drawer .target')", "the way back")
    nothing_wrong(page)


def test_permanent_link():
    name = crowd().json("/v1/networks?limit=1")["networks"][0]["network"]
    page = incident_page(f"/incidents/1/networks/{name}")
    page.wait("document.querySelector('.drawer .target')", "the evidence")
    assert page.text("#drawer-title") == name


def test_link_shows_the_same():
    """What is filtered, sorted and grouped is in the address."""
    page = browser()
    page.open(known(FEW).url + "/incidents/1?filter=-isp-&state=clear&"
              "state=cached-nxdomain&group=state&sort=network&sort=x&"
              "colour=red")
    page.wait("document.querySelector('.lanes-body .lane')", "the lanes")
    assert page.js("document.getElementById('filter').value") == "-isp-"
    assert page.js("document.getElementById('group').value") == "state"
    assert page.js("document.getElementById('sort').value") == "network"
    shown = set(page.js("[...document.querySelectorAll('.lane-group .c-state')"
                        "].map((s) => s.textContent)"))
    assert shown == {"clear", "cached-nxdomain"}, shown
    page.click("#group option[value='']")
    page.click("[data-state=clear]")
    page.wait("location.search === "
              "'?filter=-isp-&state=cached-nxdomain&sort=network'",
              "the address of what is shown")
    page.click(".lanes-body a")
    page.wait("document.querySelector('.drawer .target')", "the evidence")
    assert page.js("location.href").endswith(
        "?filter=-isp-&state=cached-nxdomain&sort=network")
    nothing_wrong(page)


def test_reader_of_one_network():
    """Sees that one, with the time that is left for it, and is not offered
    what would be refused."""
    name = next(n["network"] for n in crowd().json(
        "/v1/incidents/1/status?targets=false")["networks"]
        if n["state"] == "cached-nxdomain" and n["clears"] is not None)
    token = crowd().new_token("one", "--network", name)
    page = incident_page()
    assert page.js("!!document.getElementById('close-incident')")
    script = page.command(
        "Page.addScriptToEvaluateOnNewDocument",
        source=f"sessionStorage.setItem('nxclear-token', '{token}')")
    try:
        page.open(known(FEW).url + "/incidents/1")
        page.wait("document.querySelectorAll('.lanes-body .lane').length == 1",
                  "the lane")
        assert page.text(".lanes-body .c-network a") == name
        assert not page.js("!!document.getElementById('close-incident')")
        left = "document.querySelector('.remaining b').textContent"
        assert page.text(".remaining span") == "to all clear (90 %)"
        first = page.js(left)
        page.wait(f"{left} !== '{first}'", "the countdown to tick")
        page.click("#group option[value=resolver]")
        page.wait("document.querySelectorAll('.lane-group').length === 3",
                  "its resolvers")
        page.shot(f"{SHOTS}/reader.png")
        page.open(known(FEW).url + "/")
        page.wait("document.querySelector('.list tbody tr')", "the list")
        assert page.js("document.getElementById('open-form').hidden")
    finally:
        page.command("Page.removeScriptToEvaluateOnNewDocument",
                     identifier=script["identifier"])
    bad = [c for c in page.complaints() if "SEVERE" in c]
    assert not bad, bad


def now_of_day():
    """Of the collector, HH:MM:SS."""
    return crowd().json("/v1/incidents/1/status?targets=false")["now"][11:19]


def test_countdown_and_clock():
    """By the collector's clock, whatever this machine's says."""
    page = browser()
    source = ("const D = Date; window.Date = class extends D { constructor("
              "...a) { super(...(a.length ? a : [0])); } static now() { "
              "return 0; } };")
    script = page.command("Page.addScriptToEvaluateOnNewDocument",
                          source=source)
    try:
        incident_page()
        before = now_of_day()
        shown = page.wait("document.getElementById('clock').textContent"
                          ".includes(':') && !document.getElementById('clock')"
                          ".textContent.includes('-') && document"
                          ".getElementById('clock').textContent", "the clock")

        def seconds(text):
            return sum(int(p) * f for p, f in zip(text.split(":"),
                                                  (3600, 60, 1)))
        after = now_of_day()
        # The page's clock counts on from the last document that it was sent.
        assert (seconds(shown) - seconds(before) + 60) % 86400 <= \
            (seconds(after) - seconds(before)) % 86400 + 120, (before, shown,
                                                               after)
        count = "document.querySelector('.lanes-body .count').textContent"
        first = page.js(count)
        page.wait(f"{count} !== '{first}'", "the countdown to tick")
    finally:
        page.command("Page.removeScriptToEvaluateOnNewDocument",
                     identifier=script["identifier"])


def test_live_update_is_announced():
    page = incident_page()
    status = crowd().json("/v1/incidents/1/status?targets=false")
    row = next(n for n in status["networks"]
               if n["state"] == "cached-nxdomain"
               and int(n["network"][-4:]) <= 60)
    page.find("#filter").send_keys(row["network"])
    agent = crowd().clear(int(row["network"][-4:]))
    try:
        page.wait("document.querySelector('.lanes-body .c-state > span')"
                  f".textContent !== '{row['state']}'", "the lane to change")
        page.wait("document.getElementById('announce').textContent.includes("
                  f"'{row['network']} is')", "it to be announced")
    finally:
        agent.communicate("\n", timeout=60)
    nothing_wrong(page)


def test_open_and_close():
    """Also: what strangers and operators wrote stays text."""
    note = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    page = browser()
    page.media("light")
    page.size(1440, 900)
    page.open(known(FEW).url + "/")
    page.wait("document.querySelector('.list tbody tr')", "the list")
    page.click("#open-form summary")
    page.find("#open-name").send_keys("a..b")
    page.click("#open-form button.main")
    page.wait("document.getElementById('open-error').textContent.includes("
              "'name: not a domain name')", "the refusal")
    page.find("#open-name").clear()
    page.find("#open-name").send_keys("<b>\\097.example.org")
    page.find("#open-expect").send_keys("A=192.0.2.44")
    page.find("#open-note").send_keys(note)
    page.shot(f"{SHOTS}/open.png")
    page.click("#open-form button.main")
    page.wait("/^.incidents.[2-9]/.test(location.pathname) && "
              "document.querySelector('h1')?.innerText.includes('<b>')",
              "the new incident")
    assert note in page.text("main"), page.text("main")
    assert page.js("document.querySelectorAll('main img, main script, main b "
                   "b').length") == 0
    page.click("#close-incident")
    page.wait("document.getElementById('confirm').open", "the question")
    page.keys(Keys.ESCAPE)
    page.wait("!document.getElementById('confirm').open", "it to go")
    assert page.js("!!document.getElementById('close-incident')")
    page.click("#close-incident")
    page.driver.find_element(By.CSS_SELECTOR, "#confirm .main").click()
    page.wait("document.querySelector('.badge').textContent === 'Closed'",
              "it to be closed")
    page.complaints()  # the refusal above is a 422 in the console


# --- for everybody

def test_contrast():
    """AA, in light and dark, of every text that can be seen."""
    worst = {}
    for scheme in ("light", "dark"):
        page = incident_page("/incidents/1", scheme)
        page.driver.execute_script(
            "document.querySelector('.lanes-body a').click()")
        page.wait("document.querySelector('.drawer .target')", "the evidence")
        found = page.js(CONTRAST)
        assert len(found) > 100, len(found)
        bad = [f for f in found
               if f["ratio"] < (AA_LARGE if f["large"] else AA)]
        worst[scheme] = min(f["ratio"] for f in found)
        assert not bad, (scheme, bad[:8])
    print(f"# least contrast: {worst}")


def test_roles():
    page = incident_page()
    unnamed = page.js(
        "[...document.querySelectorAll('button, a[href], input, select')]"
        ".filter((e) => e.checkVisibility() && !(e.textContent.trim() || "
        "e.ariaLabel || e.closest('label') || e.placeholder))"
        ".map((e) => e.outerHTML.slice(0, 80))")
    assert not unnamed, unnamed
    assert page.js("document.documentElement.lang") == "en"
    assert page.js("document.querySelectorAll('h1').length") == 1
    assert page.js("[...document.querySelectorAll('.lanes-body .lane')]"
                   ".every((r) => r.role === 'row' && r.ariaRowIndex)")
    assert page.js("[...document.querySelectorAll('.lanes-body [tabindex=\"0\"]"
                   "')].length") == 1
    # State by pattern, too: no two states are drawn alike in grey.
    tiles = page.js("[...document.querySelectorAll('pattern path')].map((p) =>"
                    " p.getAttribute('d'))")
    assert len(set(tiles)) == len(tiles) == 16, tiles
    page.media("light", "reduce")
    assert page.js("getComputedStyle(document.getElementById('drawer'))"
                   ".animationName") == "none"


def test_phone():
    page = incident_page()
    page.size(390, 844, True)
    page.open(known(FEW).url + "/incidents/1")
    page.wait("document.querySelector('.lanes-body .lane')", "the lanes")
    wide = page.js("document.documentElement.scrollWidth")
    assert wide <= 390, f"{wide} pixels wide"
    page.open(known(FEW).url + "/")
    page.wait("document.querySelector('.list tbody tr')", "the list")
    wide = page.js("document.querySelector('.card.scroll').scrollWidth - "
                   "document.querySelector('.card.scroll').clientWidth")
    assert wide <= 0, f"the list is {wide} pixels too wide"


def test_print():
    """On paper (A4 with the usual margins) the table is whole, in words, and
    in the colours for light."""
    page = incident_page("/incidents/1", "dark")
    dark = page.js("getComputedStyle(document.body).color")
    page.media("dark", kind="print")
    page.size(718, 1000)
    try:
        page.wait("innerWidth === 718", "the size of paper")
        outside = page.js(
            "[...document.querySelectorAll('.lane-head > span')].filter((e) =>"
            " e.getBoundingClientRect().right > document.querySelector("
            "'.lanes').getBoundingClientRect().right).map((e) => e.innerText)")
        assert not outside, outside
        assert page.js("document.querySelector('.lanes-body .c-state > span')"
                       ".checkVisibility()")
        bad = [f for f in page.js(CONTRAST)
               if f["ratio"] < (AA_LARGE if f["large"] else AA)]
        assert not bad, bad[:8]
        assert page.js("getComputedStyle(document.body).color") != dark
    finally:
        page.media("light")
        page.size(1440, 900)


def test_policy():
    status, headers, _body = crowd().get("/incidents/1")
    policy = headers["Content-Security-Policy"]
    assert status == 200 and "default-src 'self'" in policy
    assert "unsafe" not in policy, policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    again, _headers, body = crowd().get(
        "/incidents/1", headers={"If-None-Match": headers["ETag"]})
    assert (again, body) == (304, b"")


# --- for the eye

PICTURES = [
    ("incident", "The page of an incident", "light"),
    ("dark", "The same, dark", "dark"),
    ("groups", "Grouped by state", "light"),
    ("resolvers", "Grouped by resolver: a lane for what is seen of each",
     "light"),
    ("drawer", "The evidence for a network", "light"),
    ("drawer-dark", "The same, dark", "dark"),
    ("phone", "A phone", "light"),
    ("phone-lanes", "A phone, the lanes", "light"),
    ("phone-drawer", "A phone, the evidence", "dark"),
    ("reader", "Who may read one network, grouped by resolver", "light"),
    ("list", "All incidents", "light"),
    ("open", "Opening one", "light"),
]


def take(name, scheme):
    page = incident_page("/incidents/1", scheme)
    if name == "groups":
        page.click("#group option[value=state]")
    if name == "resolvers":
        page.click("#group option[value=resolver]")
        page.wait("document.querySelector('.lane-group')", "the groups")
    if name.startswith("phone"):
        page.size(390, 844, True)
        page.open(known(FEW).url + "/incidents/1")
        page.wait("document.querySelector('.lanes-body .lane')", "the lanes")
    if name == "phone-lanes":
        page.driver.execute_script(
            "document.querySelector('.lanes').scrollIntoView(); "
            "scrollBy(0, -60)")
    if "drawer" in name:
        page.driver.execute_script(
            "document.querySelector('.lanes-body a').click()")
        page.wait("document.querySelector('.drawer .ttl')", "the evidence")
        page.driver.execute_script(
            "document.querySelector('.drawer .ttl').closest('.target')"
            ".scrollIntoView()")
    if name == "list":
        page.open(known(FEW).url + "/")
        page.wait("document.querySelector('.list tbody tr')", "the list")
    time.sleep(0.3)  # an animation of 0.14 s
    page.shot(f"{SHOTS}/{name}.png")


def test_pictures():
    for name, _text, scheme in PICTURES:
        if name not in ("open", "reader"):  # taken on the way above
            take(name, scheme)
    page = incident_page()
    page.media(kind="print")
    pdf = page.command("Page.printToPDF", printBackground=True,
                       landscape=True)["data"]
    page.media()
    assert len(pdf) > 10000
    with open(f"{SHOTS}/index.md", "w", encoding="utf-8") as out:
        out.write("# The web page\n\n| picture | what |\n|---|---|\n")
        for name, text, _scheme in PICTURES:
            out.write(f"| ![{text}]({name}.png) | {text} |\n")
    print(f"# {len(PICTURES)} pictures: {SHOTS}/index.md")
