"""The web page in a headless Chromium; screenshots with a table of them go to
build/web."""
import datetime
import functools
import itertools
import json
import os
import re
import time

from deploy.lab.ask import wait_until
from tests.lib.support import ROOT
from tests.lib.web import (FEW, SHOTS, By, Keys, browser, crowd,
                           incident_page, known, nothing_wrong)
from tests.lib.web_faults import watched

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


# --- labels

SITES = ("harbour", "airport")
PROVIDERS = ("Example Cable", "Example Radio", "Example Fibre")


@functools.cache
def labelled():
    """{network: its labels}, of a third of them."""
    names = [n["network"] for n in status()["networks"]][::3]
    made = {}
    for i, name in enumerate(names):
        made[name] = {"site": SITES[i % 2], "provider": PROVIDERS[i % 3],
                      "weight": 50 + 10 * i}
        crowd().json("/v1/networks/label",
                     body={"network": name, "labels": made[name]})
    return made


def status():
    return crowd().json("/v1/incidents/1/status?targets=false")


# [head of a group, its networks] as they are shown, "" where there are none.
GROUPS = """(() => {
  const groups = [["", []]];
  for (const row of document.querySelectorAll(".lanes-body .lane")) {
    const name = row.querySelector(".c-network a").textContent;
    if (row.classList.contains("lane-group")) {
      groups.push([row.querySelector(".c-state").textContent, [], name]);
    } else {
      groups.at(-1)[1].push(name);
    }
  }
  return groups;
})()"""


def test_group_and_filter_by_label():
    """By site and by provider: each network in its group, and those that have
    none in one of their own; the filter knows the words of labels."""
    labels = labelled()
    page = incident_page()
    page.size(1440, 3200)  # all lanes in sight
    for key in ("site", "provider"):
        page.click(f"#group option[value={key}]")
        want = {}
        for row in status()["networks"]:
            name = row["network"]
            value = labels.get(name, {}).get(key, f"(no {key})")
            want.setdefault(value, set()).add(name)
        page.wait(f"{GROUPS}.length === {len(want)} + 1 && "
                  f"document.querySelector('.lane-group .c-state').textContent"
                  f" in {dict.fromkeys(want, 1)}", f"the groups by {key}")
        shown = page.js(GROUPS)
        assert shown[0][1] == [], shown
        assert {head: set(names) for head, names, _n in shown[1:]} == want
        for head, names, counted in shown[1:]:
            assert re.fullmatch(rf"{len(names)} networks, \d+ affected",
                                counted), (head, counted)
    page.click("#group option[value='']")
    for word, key, value in (("radio", "provider", PROVIDERS[1]),
                             ("airport", "site", SITES[1])):
        page.find("#filter").clear()
        page.find("#filter").send_keys(word)
        want = sorted(n for n, of in labels.items() if of[key] == value)
        page.wait(f"{GROUPS}[0][1].length === {len(want)}", f"only {value}")
        assert sorted(page.js(GROUPS)[0][1]) == want
    name = want[0]
    of = labels[name]
    assert of["provider"] in page.js(
        "[...document.querySelectorAll('.lanes-body .lane')].find((e) => "
        f"e.querySelector('a').textContent === '{name}')"
        ".querySelector('.labels').textContent")
    nothing_wrong(page)


# --- where things are drawn

# Labels of an axis, [text, x], and what each lane shows by its network.
DRAWN = """(() => {
  const number = (e, name) => e === null ? null : Number(e.getAttribute(name));
  const box = (e) => e === null ? null : [number(e, "x"), number(e, "x") + number(e, "width")];
  const path = (e) => e === null ? null : Number(e.getAttribute("d").match(/^M([\d.]+)/)[1]);
  const lanes = {};
  for (const row of document.querySelectorAll(".lanes-body .lane")) {
    const one = (css) => row.querySelector(`.line ${css}`);
    lanes[row.querySelector(".c-network a").textContent] = {
      state: row.querySelector(".c-state").textContent,
      denied: row.querySelector(".c-denied").textContent,
      meter: number(row.querySelector(".meter-part"), "width"),
      segments: [...row.querySelectorAll(".seg")].map((e) => [...box(e), e.getAttribute("fill").match(/^url\(#p-(.*)\)$/)[1]]),
      band90: box(one(".band90")), band50: box(one(".band50")),
      point: path(one(".point")), bound: path(one(".bound")), now: number(one(".now"), "x"),
    };
  }
  return {
    axis: [...document.querySelectorAll(".axis text")].map((e) => [e.textContent, number(e, "x")]),
    width: number(document.querySelector(".axis"), "width"), lanes,
  };
})()"""


def at(text):
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


def scale_of(axis, near):
    """seconds -> x, by the first and the last time that stand on the axis; of
    the day that is next to `near`."""
    def moment(text):
        parts = [int(p) for p in text.split(":")] + [0]
        of_day = parts[0] * 3600 + parts[1] * 60 + parts[2]
        return near + (of_day - near + 43200) % 86400 - 43200
    clocks = [(moment(text), x) for text, x in axis if ":" in text]
    (from_s, from_x), (to_s, to_x) = clocks[0], clocks[-1]
    assert to_s > from_s, axis
    return lambda s: from_x + (s - from_s) / (to_s - from_s) * (to_x - from_x)


def worst_first():
    """The states, as the API lists them."""
    with open(f"{ROOT}/collector/api/openapi.json", encoding="utf-8") as api:
        return json.load(api)["components"]["schemas"]["State"]["enum"]


def transitions():
    listed, path = [], "/v1/incidents/1/transitions?limit=1000"
    while path is not None:
        code, headers, body = crowd().get(path)
        assert code == 200, (code, body)
        listed += json.loads(body)["transitions"]
        link = re.search(r'<([^>]*)>; *rel="next"', headers.get("Link") or "")
        path = link and link.group(1)
    return listed


def pasts(listed):
    """{network: [[since, state]]} by the transitions of its targets: it is as
    its worst target."""
    worst = worst_first()
    found, states = {}, {}
    for (name, moment), changes in itertools.groupby(
            sorted(listed, key=lambda t: (t["network"], at(t["at"]))),
            key=lambda t: (t["network"], at(t["at"]))):
        of_targets = states.setdefault(name, {})
        for t in changes:
            of_targets[t["agent"], t["resolver"], t["name"],
                       t["type"]] = t["to"]
        state = min(of_targets.values(), key=worst.index)
        past = found.setdefault(name, [])
        if not past or past[-1][1] != state:
            past.append([moment, state])
    return found


def past_differs(lane, past, x):
    """Of a lane: its states, and where each begins but for the first, of which
    the time may be known better."""
    shown = lane["segments"]
    if [s[2] for s in shown] != [state for _since, state in past]:
        return True
    return any(abs(segment[0] - x(since)) > 1.5
               for segment, (since, _state) in zip(shown[1:], past[1:]))


NOT_AFFECTED = ("refused", "unreachable", "unknown", "clear")


def differs(lane, row, x, now, width):
    """What a lane shows elsewhere than the API says it is."""
    where = []

    def same(what, shown, want):
        if abs(shown - min(max(want, 0), width)) > 1.5:
            where.append((row["network"], what, shown, want))

    def within(what, shown, first, last):
        if not max(x(first), 0) - 1.5 <= shown <= x(last) + 1.5:
            where.append((row["network"], what, shown, x(first), x(last)))
    waits = row["clears"] is not None and row["state"] not in NOT_AFFECTED
    if (lane["band90"] is not None) != waits:
        return [(row["network"], "a forecast", lane["band90"])]
    same("now", lane["now"] + 0.5, x(now))
    if lane["segments"]:
        within("seen until now", lane["segments"][-1][1], now - 60, now)
    if waits:
        e = {k: at(v) for k, v in row["clears"].items()}
        for band, lo, hi in (("band90", "lo90", "hi90"),
                             ("band50", "lo50", "hi50")):
            if e[hi] > now + 60:  # else it is but a line
                if e[lo] > now:
                    same(band, lane[band][0], x(e[lo]))
                else:  # from when it was drawn
                    within(band, lane[band][0], e[lo], now)
                # A line, where it would be narrower than one.
                same(hi, lane[band][1], max(x(e[hi]), lane[band][0] + 1))
        same("point", lane["point"], x(e["point"]))
    if row["hard"] is not None and waits:
        hard = x(at(row["hard"]["at"]))
        same("bound", lane["bound"], hard if hard <= width else width - 9)
    denied = row["denied"]
    want = "?" if denied is None else "<1 %" if 0 < denied < 0.01 else \
        f"{int(denied * 100 + 0.5)} %"
    if lane["denied"] != want or \
            abs(lane["meter"] - 34 * (denied or 0)) > 0.5:
        where.append((row["network"], lane["denied"], lane["meter"], denied))
    return where


def test_lanes_show_what_the_api_says():
    """Bands, median, bound, now and what was seen last are where the axis has
    their times; the share of queries denied is a number and a meter."""
    page = incident_page()
    page.size(1440, 3200)
    said = {}

    def all_the_same():
        document = status()
        drawn = page.js(DRAWN)
        rows = {n["network"]: n for n in document["networks"]}
        if set(drawn["lanes"]) != set(rows) or len(drawn["axis"]) < 2:
            said["wrong"] = [len(drawn["lanes"]), drawn["axis"]]
            return False
        now = at(document["now"])
        x = scale_of(drawn["axis"], now)
        said["wrong"] = [w for name, lane in drawn["lanes"].items()
                         for w in differs(lane, rows[name], x, now,
                                          drawn["width"])]
        said["bands"] = sum(lane["band90"] is not None
                            for lane in drawn["lanes"].values())
        said["bounds"] = sum(lane["bound"] is not None
                             for lane in drawn["lanes"].values())
        return not said["wrong"]
    try:
        wait_until(all_the_same, 60, "the lanes to show it")
    except TimeoutError as error:
        raise AssertionError(f"{error}: {said['wrong'][:8]}") from error
    assert said["bands"] > 5 and said["bounds"] > 5, said
    # From the outage on, without a hole, in the states that it had.
    page.wait("performance.getEntriesByName('nxclear-history').length > 0",
              "the past")
    for name, lane in page.js(DRAWN)["lanes"].items():
        for one, after in zip(lane["segments"], lane["segments"][1:]):
            assert abs(one[1] - after[0]) <= 1.5, (name, lane["segments"])

    def the_same_past():
        past, drawn = pasts(transitions()), page.js(DRAWN)
        x = scale_of(drawn["axis"], at(status()["now"]))
        said["wrong"] = [(name, lane["segments"], past.get(name))
                         for name, lane in drawn["lanes"].items()
                         if past_differs(lane, past.get(name, []), x)]
        said["states"] = {s[2] for lane in drawn["lanes"].values()
                          for s in lane["segments"]}
        return not said["wrong"]
    wait_for_lanes(the_same_past, said)
    assert len(said["states"]) > 3, said
    assert all(page.js(f"document.getElementById('p-{state}') !== null")
               for state in said["states"]), said


def wait_for_lanes(same, said):
    try:
        wait_until(same, 60, "the lanes to show the past")
    except TimeoutError as error:
        raise AssertionError(f"{error}: {said['wrong'][:4]}") from error


# The page is told of these changes only, whatever the log has.
TOLD = """
const ask = window.fetch;
window.fetch = (path, options) => !String(path).includes("/transitions") ? ask(path, options)
  : Promise.resolve(new Response(JSON.stringify(LISTED), {headers: {"Content-Type": "application/json"}}));
"""


def test_past_is_that_of_the_worst_target():
    """As long as it was, with a change that changes nothing of the whole."""
    known(FEW)
    row = next(n for n in status()["networks"]
               if n["state"] == "cached-nxdomain")
    since = at(row["since"])

    def change(before_s, agent, state):
        moment = datetime.datetime.fromtimestamp(
            since - before_s, datetime.timezone.utc)
        return {"id": 1, "at": moment.isoformat(timespec="milliseconds")
                .replace("+00:00", "Z"), "network": row["network"],
                "agent": agent, "resolver": "10.0.0.1@53",
                "name": "www.example.com.", "type": "A", "from": None,
                "to": state}
    listed = [change(3000, "a", "stale-served"), change(2000, "b", "clear"),
              change(1500, "a", "partly-clear"),
              change(0, "a", "cached-nxdomain")]
    past = pasts(listed)[row["network"]]
    assert [round(since - began) for began, _state in past] == [3000, 1500, 0]
    said = {}
    with watched(TOLD.replace("LISTED", json.dumps(
            {"now": row["since"], "transitions": listed}))):
        page = incident_page()
        page.size(1440, 3200)

        def the_same_past():
            now = next(n for n in status()["networks"]
                       if n["network"] == row["network"])
            wanted = past if now["state"] == past[-1][1] else \
                [*past, [at(now["since"]), now["state"]]]
            drawn = page.js(DRAWN)
            lane = drawn["lanes"].get(row["network"])
            said["wrong"] = [(lane, wanted)]
            return lane is not None and not past_differs(
                lane, wanted, scale_of(drawn["axis"], since))
        wait_for_lanes(the_same_past, said)


# Of the curve: its axis, [x, y] where each line ends, its milestones.
CURVE = """(() => {
  const end = (css) => (document.querySelector(`.curve > svg ${css}`)?.getAttribute("d") ?? "")
    .split("L").at(-1).split(" ").map(Number);
  const svg = document.querySelector(".curve > svg");
  const texts = [...svg.querySelectorAll("g > text")].filter((e) => !e.closest(".milestone"));
  const grid = [...svg.querySelectorAll(".grid")].map((e) => Number(e.getAttribute("d").match(/^M0 ([\d.]+)/)[1]));
  return {
    axis: texts.filter((e) => e.textContent.includes(":")).map((e) => [e.textContent, Number(e.getAttribute("x"))]),
    values: texts.filter((e) => !e.textContent.includes(":")).map((e) => Number(e.textContent)).filter(Number.isFinite),
    ground: Math.max(...grid), top: Math.min(...grid),
    networks: end(".seen.s-networks"), clients: end(".seen.s-clients"),
    expected: end(".expected.s-clients"),
    legend: document.querySelector(".curve .legend").textContent,
    width: Number(svg.getAttribute("width")) - 42,
    milestones: [...svg.querySelectorAll(".milestone path")].map((e) => [e.textContent, Number(e.getAttribute("d").match(/^M([\d.]+)/)[1])]),
  };
})()"""


def test_curve_counts_networks_and_clients():
    """Of clients by their weights, as a share of all of them; only where a
    network has a weight."""
    labels = labelled()
    page = incident_page()
    affected = ("Object.fromEntries(a[0].map((n) => [n.network, "
                "m.isAffected(n.state)]))")
    page.driver.set_script_timeout(60)
    said = {}

    def all_the_same():
        rows = status()["networks"]
        is_affected = page.driver.execute_async_script(
            "const [rows, done] = arguments; const a = [rows]; "
            f"import('/web/states.js').then((m) => done({affected}))", rows)
        weights = {n["network"]: labels.get(n["network"], {"weight": 1})
                   ["weight"] for n in rows}
        assert all(n["weight"] == weights[n["network"]] for n in rows), rows
        curve = page.js(CURVE)
        high = curve["ground"] - curve["top"]
        part = {who: (curve["ground"] - curve[who][1]) / high
                for who in ("networks", "clients")}
        most = max(curve["values"])
        bad = [n for n in weights if is_affected[n]]
        want = {"networks": len(bad) / most, "clients": sum(
            weights[n] for n in bad) / sum(weights.values()) * FEW / most}
        said.update(curve=curve, part=part, want=want)
        return all(abs(part[who] - want[who]) < 0.02 for who in want)
    wait_until(all_the_same, 60, f"the curve to show it: {said}")
    assert abs(said["want"]["networks"] - said["want"]["clients"]) > 0.04, said
    assert "clients" in said["curve"]["legend"], said
    assert said["curve"]["expected"][1] > 0, said
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
    check_drawer(page, name)
    check_charts(page, name)
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


def check_drawer(page, name):
    """What is seen, what to do, who answers meanwhile, and the habits."""
    document = crowd().json(f"/v1/incidents/1/networks/{name}")
    text = page.text("#drawer").replace("\n", " ")
    assert document["why"] in text, text
    assert document["advice"] and document["lives_in"]["advice"], document
    shown = page.js("[...document.querySelectorAll('.drawer-body > .advice')]"
                    ".map((e) => e.textContent)")
    assert shown == [document["advice"], document["lives_in"]["advice"]], shown
    meanwhile = [m["resolver"] for m in document["meanwhile"]]
    said = page.js("[...document.querySelectorAll('.drawer-body > p')].map("
                   "(e) => e.textContent).filter((t) => "
                   "t.startsWith('Meanwhile'))")
    assert said == ([f"Meanwhile these resolvers answer: "
                     f"{', '.join(meanwhile)}"] if meanwhile else []), said
    cards = page.js("[...document.querySelectorAll('.drawer .target h3')].map("
                    "(e) => e.textContent)")
    for t in document["targets"]:
        assert any(c.startswith(t["resolver"]) for c in cards), cards
        assert t["advice"] is None or t["advice"] in text, (t["advice"], text)
    habits = "[...document.querySelectorAll('.drawer .target details')].find("\
        "(e) => e.innerText.startsWith('Habits'))"
    assert page.js(f"{habits}.querySelector('summary').textContent") == \
        "Habits, assumed"
    assert page.js(f"{habits}.querySelector('dl').textContent") == \
        "May forward to another cacheyes"


# Of each chart: [text, x] and [seconds, y] of its axes, its looks, its lines.
CHARTS = """[...document.querySelectorAll(".ttl")].map((svg) => {
  const number = (e, name) => Number(e.getAttribute(name));
  const texts = [...svg.querySelectorAll("text")];
  return {
    axis: texts.filter((e) => e.textContent.includes(":")).map((e) => [e.textContent, number(e, "x")]),
    seconds: texts.filter((e) => e.textContent.endsWith(" s")).map((e) => [parseFloat(e.textContent), number(e, "y") - 4]),
    looks: [...svg.querySelectorAll(".look-denied")].map((e) => [number(e, "cx"), number(e, "cy")]),
    falls: [...svg.querySelectorAll(".fall")].map((e) => e.getAttribute("d").match(/[-\\d.]+/g).map(Number)),
  };
})"""


def check_charts(page, name):
    """Each denial stands where it was seen and at its TTL; a cached entry falls
    by a second in a second, to the ground at its end."""
    document = crowd().json(f"/v1/incidents/1/networks/{name}")
    denied = [[look for look in t["evidence"]["looks"]
               if look["answer"] in ("NXDOMAIN", "NODATA")]
              for t in document["targets"]]
    drawn = [(t, looks) for t, looks in zip(document["targets"], denied)
             if looks or t["lines"]]
    charts = page.js(CHARTS)
    assert len(charts) == len(drawn), (len(charts), document["targets"])
    assert any(looks for _t, looks in drawn) and \
        any(t["lines"] for t, _looks in drawn), drawn
    for chart, (t, looks) in zip(charts, drawn):
        x = scale_of(chart["axis"], at(document["now"]))
        (low, ground), *_half, (high, top) = chart["seconds"]

        def y(seconds):
            return ground + (seconds - low) / (high - low) * (top - ground)

        def near(shown, *want):
            assert all(abs(a - b) <= 1.5 for a, b in zip(shown, want)), \
                (t["resolver"], shown, want, chart)
        assert low == 0 and len(chart["looks"]) == len(looks), (chart, looks)
        for shown, look in zip(chart["looks"], looks):
            near(shown, x(at(look["at"])), y(look["ttl_s"] or 0))
        assert len(chart["falls"]) == len(t["lines"]), (chart, t["lines"])
        for (from_x, from_y, *end), line in zip(chart["falls"], t["lines"]):
            ends = at(line["to"])
            near(end, x(ends), y(0))
            slope = (x(ends) - x(ends - 60)) / 60
            near([from_y], y((end[0] - from_x) / slope))


# What is made of the drawer (an expression of `place`) that shows a document of
# the network; arguments: the document, what to call.
DRAWER = """
const [network, done] = arguments;
Promise.all([import("/web/drawer.js"), import("/web/model.js")]).then(([{Drawer}, {Incident}]) => {
  const ask = window.fetch;
  window.fetch = async () => new Response(JSON.stringify(network), {headers: {"Content-Type": "application/json"}});
  const place = document.createElement("div");
  const incident = new Incident();
  incident.clock.set(network.now);
  return new Drawer(place, () => {}).open(incident, "/incidents/1", network.network, false).then(() => {
    window.fetch = ask;
    done(EXPRESSION);
  });
}).catch((error) => done(String(error)));
"""
BY_HAND = DRAWER.replace("EXPRESSION", """
  [...place.querySelectorAll(".target")].map((e) => [...e.querySelectorAll(".command code")].map((c) => c.textContent))""")


def test_question_by_hand_where_the_api_has_it():
    """A resolver's, once it may be asked; the drawer adds none of its own."""
    name = status()["networks"][0]["network"]
    document = crowd().json(f"/v1/incidents/1/networks/{name}")
    targets = document["targets"]
    assert len(targets) > 1 and \
        all(t["evidence"]["dig"] is None for t in targets), targets
    said = "dig @10.0.0.1 www.example.com. A"
    targets[0]["evidence"]["dig"] = said
    page = incident_page()
    page.driver.set_script_timeout(60)
    assert page.driver.execute_async_script(BY_HAND, document) == [
        [said], *([] for _t in targets[1:]), document["authority_dig"]]


MEASURED = DRAWER.replace("EXPRESSION", """
  [...place.querySelectorAll(".target details")].filter((e) => e.textContent.startsWith("Habits"))
    .map((e) => [e.querySelector("summary").textContent,
                 ...[...e.querySelectorAll(".pair")].map((p) => [...p.children].map((c) => c.textContent).join(": "))])""")


def test_habits_of_a_measured_resolver():
    name = status()["networks"][0]["network"]
    document = crowd().json(f"/v1/incidents/1/networks/{name}")
    document["targets"][0]["evidence"]["profile"] = {
        "measured": True, "soa_clock": "own", "rounding": "F0",
        "rd0": "refused", "negative_ttl_cap_s": 3600,
        "negative_ttl_floor_s": 5, "stale_max_s": 86400, "caches": 4,
        "chain_possible": False, "bogus_answer": "servfail",
        "extended_errors": "yes", "extended_error_code": 9}
    other = document["targets"][1]["evidence"]["profile"]
    assert (other["bogus_answer"], other["extended_errors"],
            other["extended_error_code"]) == ("unknown", "unknown", None), other
    page = incident_page()
    page.driver.set_script_timeout(60)
    habits = page.driver.execute_async_script(MEASURED, document)
    assert habits[0] == [
        "Habits, measured by canary", "SOA clock: own",
        "Rounding of the TTL: F0: TTL 0 for a second more",
        "Asked with RD=0: refused", "Negative TTL at most: 3600 s",
        "Negative TTL at least: 5 s", "Serves stale for: 86400 s",
        "Caches: 4", "May forward to another cache: no",
        "A name that cannot be validated: fails: it validates",
        "Extended errors (EDE): yes, code 9"], habits
    assert habits[1] == ["Habits, assumed",
                         "May forward to another cache: yes"], habits


# What the card of the name servers says; arguments: a head of a status.
AUTHORITY_CARD = """
const [head, done] = arguments;
import("/web/header.js").then(({authorityCard}) => {
  const card = authorityCard(head, Date.parse(head.now));
  done([card.querySelector(".facts").textContent,
        ...[...card.querySelectorAll(".old-servers tbody tr")].map((r) => [...r.cells].map((c) => c.textContent))]);
}).catch((error) => done([String(error)]));
"""


def test_servers_that_left():
    """They are in the card as the API has them, and that they deny is said."""
    head = status()
    page = incident_page()
    page.driver.set_script_timeout(60)
    assert head["authority"]["old_servers"] == []
    assert page.js("document.querySelectorAll('.old-servers').length") == 0
    head["authority"]["old_servers"] = [
        {"name": "old1.example.com.", "address": "198.51.100.7@53",
         "state": "denies", "rcode": "NXDOMAIN", "left": head["now"],
         "until": None, "seen": head["now"]},
        {"name": None, "address": "2001:db8::7@53", "state": "pending",
         "rcode": None, "left": None, "until": head["now"], "seen": None}]
    facts, *rows = page.driver.execute_async_script(AUTHORITY_CARD, head)
    assert facts.endswith("old name servers deny"), facts
    assert [row[:4] for row in rows] == [
        ["✕ denies: what asks it plants the denial anew", "old1.example.com",
         "198.51.100.7@53", "NXDOMAIN"],
        ["… not asked yet", "–", "2001:db8::7@53", "–"]], rows
    assert rows[0][5] == "not known" and rows[1][4] == "–" and \
        rows[0][4] == rows[1][5] != "–", rows
    head["authority"]["old_servers"].pop(0)
    facts = page.driver.execute_async_script(AUTHORITY_CARD, head)[0]
    assert facts.endswith("old name servers are not asked"), facts


def test_authority_by_server():
    """A row for each name server, with its serial and whether it is good."""
    page = incident_page()
    authority = status()["authority"]
    assert page.text("#authority-title").endswith("Authority: Restored")
    facts = page.text(".authority .facts")
    assert f"4 of 4 name servers good · serial {authority['serial']} · " \
        "verified " in facts, facts
    rows = page.js("[...document.querySelectorAll('.authority tbody tr')].map("
                   "(r) => [...r.cells].slice(0, 5).map((c) => "
                   "c.textContent))")
    assert rows == [["✓ " + s["state"], s["name"].rstrip("."), s["address"],
                     str(s["serial"]), s["rcode"]]
                    for s in authority["servers"]], rows
    asked = page.js("[...document.querySelectorAll('.authority tbody tr')].map"
                    "((r) => r.cells[5].textContent)")
    assert all(re.fullmatch(r"\d+ (s|min) ago", t) for t in asked), asked
    assert page.js("document.querySelector('.page').innerText.indexOf("
                   "'Authority:') < document.querySelector('.page').innerText"
                   ".indexOf('Networks')")


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
    name = max((n for n in status()["networks"]
                if n["state"] == "cached-nxdomain" and n["clears"] is not None
                and n["hard"] is not None),
               key=lambda n: n["clears"]["point"])["network"]
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
        wait_until(lambda: milestones_are_right(page, token), 60,
                   "the milestones of the curve")
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


def milestones_are_right(page, token):
    """Each that is to come is where the curve's axis has its time."""
    document = crowd().json("/v1/incidents/1/status?targets=false", headers={
        "Authorization": f"Bearer {token}"})
    summary = document["summary"]
    if summary["all_clear"] is None or summary["hard"] is None:
        return False
    curve = page.js(CURVE)
    x = scale_of(curve["axis"], at(document["now"]))
    want = {}
    for name, text in (("all clear, 90 %", summary["all_clear"]["hi90"]),
                       ("bound", summary["hard"]["at"]),
                       ("<10 %", summary["below_10pct"]),
                       ("<1 %", summary["below_1pct"])):
        if text is not None and x(at(text)) <= curve["width"]:
            want[f"{name} {text[11:16]}"] = x(at(text))
    shown = {re.sub(r" \d\d-\d\d(?= )", "", text): at_x  # of another day
             for text, at_x in curve["milestones"]}
    return len(want) >= 2 and set(shown) == set(want) and all(
        abs(shown[k] - want[k]) <= 1.5 for k in want)


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
    row = page.js("[...document.querySelectorAll('.lanes-body .lane:not("
                  ".lane-group) > span')].slice(0, 6).filter((e) => "
                  "e.checkVisibility()).map((e) => e.className)")
    assert row == ["c-state", "c-network", "c-denied", "c-clears", "c-line"], \
        row
    outside = page.js("[...document.querySelectorAll('.c-denied')].filter((e)"
                      " => e.scrollWidth > e.clientWidth).map((e) => "
                      "e.textContent)")
    assert not outside, outside
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
    ("not-live", "The connection is lost", "light"),
]
# Taken on the way by tests above.
ELSEWHERE = {"open": test_open_and_close, "reader": test_reader_of_one_network}
BEGAN = time.time()


def path_of(name):
    return f"{SHOTS}/{name}.png"


def taken(name):
    """By this run."""
    return os.path.exists(path_of(name)) and \
        os.path.getmtime(path_of(name)) >= BEGAN - 1 and \
        os.path.getsize(path_of(name)) > 10000


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
    page.shot(path_of(name))


def take_not_live():
    with watched() as page:
        incident_page()
        page.js("[window.away = true, window.cut()]")
        page.wait("document.querySelector('.not-live').innerText",
                  "it to be said")
        page.shot(path_of("not-live"))
    page.complaints()


def test_pictures():
    for name, _text, scheme in PICTURES:
        if name == "not-live":
            take_not_live()
        elif name not in ELSEWHERE:
            take(name, scheme)
        elif not taken(name):  # that test was not run
            ELSEWHERE[name]()
        assert taken(name), name
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
