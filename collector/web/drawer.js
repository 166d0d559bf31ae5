// The evidence for one network: each resolver, what it said and when, its
// habits, what to do, and how to ask again.

import { DOCUMENT_MS, get } from "./api.js";
import { h, renew, setText, svg } from "./dom.js";
import { count, moment, parse, percent, span } from "./format.js";
import { TimeScale } from "./scale.js";
import { isAffected, patternOf, stateOf } from "./states.js";

const WIDTH = 520;
const HEIGHT = 170;
const LEFT = 40;
const GROUND = HEIGHT - 20;

const DENIED = new Set(["NXDOMAIN", "NODATA"]);

// TTL against time: each cached entry is a line that falls one second per
// second, and ends where it meets the ground.
export function ttlPlot(target, now, bound) {
  const looks = (target.evidence?.looks ?? []).map((l) => ({ ...l, at: parse(l.at) }));
  const lines = target.lines.map((l) => ({ from: parse(l.from), to: parse(l.to), looks: l.looks }));
  const ends = [...lines.map((l) => l.to), parse(target.clears?.hi90) ?? now, now];
  const span0 = Math.max(...ends) - (looks[0]?.at ?? now - 60000);
  const to = bound !== null && bound < Math.max(...ends) + span0 ? Math.max(bound, ...ends) : Math.max(...ends);
  const from = Math.min(looks[0]?.at ?? now - 60000, now - 1000);
  const air = (to - from) * 0.03 + 1000;
  const scale = new TimeScale(from - air, to + air, WIDTH - LEFT - 6);
  const most = Math.max(5, ...looks.filter((l) => DENIED.has(l.answer)).map((l) => l.ttl_s ?? 0),
    ...lines.map((l) => (l.to - from) / 1000));
  const y = (s) => 12 + (GROUND - 12) * (1 - s / most);
  const parts = [];
  for (const s of [0, Math.round(most / 2), Math.round(most)]) {
    parts.push(svg("path", { class: "grid", d: `M0 ${y(s)}H${scale.width}` }),
      svg("text", { x: -6, y: y(s) + 4, "text-anchor": "end" }, `${s} s`));
  }
  for (const l of lines) {
    const start = Math.max(scale.from, l.to - most * 1000);
    parts.push(svg("path", {
      class: "fall-band",
      d: `M${scale.x(start)} ${y((l.from - start) / 1000)}L${scale.x(l.from)} ${y(0)}L${scale.x(l.to)} ${y(0)}L${scale.x(start)} ${y((l.to - start) / 1000)}Z`,
    }), svg("path", { class: "fall", d: `M${scale.x(start)} ${y((l.to - start) / 1000)}L${scale.x(l.to)} ${y(0)}` }));
  }
  for (const l of looks) {
    const x = scale.x(l.at);
    const title = svg("title", {}, `${moment(l.at, now)} ${l.answer}${l.ttl_s === null ? "" : `, TTL ${l.ttl_s} s`}`);
    if (DENIED.has(l.answer)) {
      parts.push(svg("circle", { class: "look-denied", cx: x, cy: y(l.ttl_s ?? 0), r: 3.2 }, title));
    } else if (l.answer === "POS") {
      parts.push(svg("path", { class: "look-answer", d: `M${x} ${GROUND - 6}V${GROUND + 2}` }, title));
    } else {
      parts.push(svg("path", { class: "look-other", d: `M${x - 3} ${GROUND - 7}l6 6m0 -6l-6 6` }, title));
    }
  }
  if (bound !== null && bound <= scale.to) {
    parts.push(svg("path", { class: "bound", d: `M${scale.x(bound)} 8V${GROUND}` }));
  }
  parts.push(svg("rect", { class: "now", x: scale.clamp(now) - 0.5, width: 1, y: 4, height: GROUND - 4 }));
  for (const t of scale.ticks().filter((tick) => tick.x > 12 && tick.x < scale.width - 16)) {
    parts.push(svg("text", { x: t.x, y: HEIGHT - 5, "text-anchor": "middle" }, t.text));
  }
  const denied = looks.filter((l) => DENIED.has(l.answer)).length;
  return svg("svg", {
    class: "ttl", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img",
    "aria-label": `TTL against time: ${count(looks.length, "look")}, ${denied} denied, ${count(lines.length, "cached entry", "cached entries")} alive`,
  }, svg("g", { transform: `translate(${LEFT} 0)` }, parts));
}

function copyable(text) {
  const button = h("button", {
    type: "button", class: "copy",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    },
  }, "Copy");
  const code = h("code", {}, text);
  return h("div", { class: "command" }, code, button);
}

// When an entry ends (nxclear-estimator(7) 3.3).
const ROUNDING = { F: "F: ends at TTL 0", F0: "F0: TTL 0 for a second more", T: "T: within the second" };

const HABITS = [
  ["soa_clock", "SOA clock", (v) => v],
  ["rounding", "Rounding of the TTL", (v) => ROUNDING[v] ?? v],
  ["rd0", "Asked with RD=0", (v) => v],
  ["negative_ttl_cap_s", "Negative TTL at most", (v) => `${v} s`],
  ["negative_ttl_floor_s", "Negative TTL at least", (v) => `${v} s`],
  ["stale_max_s", "Serves stale for", (v) => `${v} s`],
  ["caches", "Caches", (v) => v],
  ["chain_possible", "May forward to another cache", (v) => (v ? "yes" : "no")],
  ["bogus_answer", "A name that cannot be validated", (v) => ({ servfail: "fails: it validates", answered: "is answered: it does not validate" })[v] ?? v],
  ["extended_errors", "Extended errors (EDE)", (v, p) => (Number.isInteger(p.extended_error_code) ? `${v}, code ${p.extended_error_code}` : v)],
];

function habits(profile) {
  const known = HABITS.filter(([key]) => profile[key] !== null && profile[key] !== undefined && profile[key] !== "unknown");
  return h("details", {}, h("summary", {}, profile.measured ? "Habits, measured by canary" : "Habits, assumed"),
    known.length === 0 ? h("p", { class: "dim" }, "Nothing is known of this resolver's habits; the estimate allows for all of them.")
      : h("dl", { class: "pairs" }, known.map(([key, term, say]) =>
        h("div", { class: "pair" }, h("dt", {}, term), h("dd", {}, say(profile[key], profile))))));
}

function lookTable(looks, now) {
  return h("details", {}, h("summary", {}, count(looks.length, "observation")),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Observations" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Asked", "Said", "TTL", "Ends", "Serial", "ms"].map((t) => h("th", { scope: "col" }, t)))),
      h("tbody", {}, [...looks].reverse().map((l) => h("tr", {},
        h("td", { class: "mono" }, moment(parse(l.at), now)), h("td", {}, l.answer === "POS" ? "expected answer" : l.answer === "POS_OTHER" ? "other answer" : l.answer),
        h("td", { class: "num" }, l.ttl_s ?? "–"),
        h("td", { class: "mono" }, l.ends && DENIED.has(l.answer) ? moment(parse(l.ends), now) : "–"),
        h("td", { class: "mono num" }, l.serial ?? "–"), h("td", { class: "num" }, Math.round(l.rtt_ms * 10) / 10)))))));
}

function forecastText(target, now) {
  const e = target.clears;
  if (e === null) {
    return isAffected(target.state) ? "no forecast" : null;
  }
  const point = parse(e.point);
  const text = `${moment(point, now)} (${point > now ? `in ${span(point - now)}` : parse(e.hi90) < now ? `overdue ${span(now - point)}` : "due"}), 90 %: ${moment(parse(e.lo90), now)} – ${moment(parse(e.hi90), now)}`;
  return isAffected(target.state) ? text : null;
}

function targetCard(t, now) {
  const bound = t.hard && isAffected(t.state) ? parse(t.hard.at) : null;
  const rows = [
    ["Denied", t.denied === null ? null : `${percent(t.denied)} of queries`],
    ["Clears", forecastText(t, now)],
    ["At the latest", bound === null ? null : `${moment(bound, now)} (${t.hard.reason})`],
    ["Basis", t.basis],
    ["Cleared", t.clear_observed ? `between ${moment(parse(t.clear_observed[0]), now)} and ${moment(parse(t.clear_observed[1]), now)}` : null],
  ].filter(([, value]) => value !== null);
  const e = t.evidence;
  return h("section", { class: "target" },
    h("h3", {}, svg("svg", { class: "mark", width: 14, height: 14, "aria-hidden": "true" },
      svg("rect", { width: 14, height: 14, rx: 3, fill: patternOf(t.state) })),
    h("span", { class: "mono" }, t.resolver), h("span", { class: "dim" }, ` ${t.layer} · ${t.type} · ${t.state}`)),
    h("p", {}, t.why), t.advice && h("p", { class: "advice" }, t.advice),
    h("dl", { class: "pairs" }, rows.map(([term, value]) => h("div", { class: "pair" }, h("dt", {}, term), h("dd", {}, value)))),
    e && (t.lines.length > 0 || e.looks.some((l) => DENIED.has(l.answer))) && ttlPlot(t, now, bound),
    e && e.remarks.length > 0 && h("ul", { class: "remarks" }, e.remarks.map((r) => h("li", {}, r))),
    e && lookTable(e.looks, now), e && habits(e.profile),
    e && e.dig && copyable(e.dig));
}

export class Drawer {
  constructor(element, onClose) {
    this.element = element;
    this.onClose = onClose;
    this.name = null;
    this.asking = null; // {name, stop} of the request under way
  }

  async open(incident, base, name, focus = true) {
    this.name = name;
    this.title = h("h2", { id: "drawer-title", tabindex: -1 }, name);
    this.asOf = h("span", { class: "dim" });
    this.trouble = h("p", { class: "error", role: "alert" });
    this.content = h("div", { class: "drawer-body" }, h("p", { class: "dim" }, "Loading…"));
    this.element.replaceChildren(h("div", { class: "drawer-head" }, this.title, h("span", { class: "grow" }), this.asOf,
      h("button", { type: "button", class: "close", "aria-label": "Close the drawer", onclick: () => this.onClose() }, "✕")), this.trouble, this.content);
    this.element.hidden = false;
    if (focus) {
      this.title.focus();
    }
    await this.refresh(incident, base);
  }

  close() {
    this.name = null;
    this.asking?.stop.abort();
    this.asking = null;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  // Anew; a text that is selected stays until it is not, and what cannot be had
  // anew stays, each with its time.
  async refresh(incident, base) {
    const { name } = this;
    if (this.asking?.name === name) {
      return; // one at a time
    }
    this.asking?.stop.abort();
    const asking = { name, stop: new AbortController() };
    this.asking = asking;
    let network = null;
    let why = "";
    try {
      network = await get(`/v1${base}/networks/${encodeURIComponent(name)}`,
        AbortSignal.any([asking.stop.signal, AbortSignal.timeout(DOCUMENT_MS)]));
    } catch (error) {
      why = error.message;
    }
    if (this.asking !== asking) {
      return; // another one was opened meanwhile, or none
    }
    this.asking = null;
    const now = incident.clock.now();
    setText(this.trouble, why);
    const selected = getSelection().containsNode(this.content, true) && !getSelection().isCollapsed;
    if (network !== null && !(selected && this.asOf.textContent !== "")) {
      renew(this.content, ...this.#content(network, now));
      setText(this.asOf, `as of ${moment(now, now)} UTC`);
    }
  }

  #content(n, now) {
    const meanwhile = n.meanwhile ?? [];
    return [
      h("p", { class: "state-line" }, svg("svg", { class: "mark", width: 14, height: 14, "aria-hidden": "true" },
        svg("rect", { width: 14, height: 14, rx: 3, fill: patternOf(n.state) })),
      h("strong", {}, n.state), ` · ${stateOf(n.state).said}`, n.denied !== null && ` · ${percent(n.denied)} denied`),
      h("p", {}, n.why), n.advice && h("p", { class: "advice" }, n.advice),
      n.lives_in && h("p", {}, h("strong", {}, `Lives in: ${n.lives_in.layer}. `), n.lives_in.why),
      n.lives_in && h("p", { class: "advice" }, n.lives_in.advice),
      meanwhile.length > 0 && h("p", {}, "Meanwhile these resolvers answer: ",
        meanwhile.map((m, i) => [i > 0 && ", ", h("span", { class: "mono" }, m.resolver), m.layer !== "network" && " (not this network's own)"])),
      n.targets.map((t) => targetCard(t, now)),
      (n.authority_dig ?? []).length > 0 && h("section", { class: "target" }, h("h3", {}, "Ask the name servers"), n.authority_dig.map(copyable)),
    ].flat().filter((part) => part);
  }
}
