// How many networks (and clients) are affected: what was seen up to now, what
// the forecasts expect from now on, and when little and nothing is left. On top
// those of which it is not known: silence must not look like recovery.

import { h, svg } from "./dom.js";
import { brief, moment, parse } from "./format.js";
import { addAffected } from "./model.js";
import { TimeScale } from "./scale.js";
import { isAffected, isNotKnown, patternOf } from "./states.js";

const HEIGHT = 150;
const TOP = 26;
const LEFT = 34;
const BOTTOM = 20;
const STEPS = 160;

// Sum of weights of those in such a state at the points of time; null: before
// anything was seen of a network.
function past(lanes, weightOf, times, isSuch) {
  const sums = new Float64Array(times.length);
  for (const { network, segments } of lanes) {
    let at = 0;
    for (let i = 0; i < times.length; i++) {
      while (at < segments.length && segments[at].to < times[i]) {
        at++;
      }
      const state = at < segments.length && segments[at].from <= times[i] ? segments[at].state : null;
      if (isSuch(state)) {
        sums[i] += weightOf(network);
      }
    }
  }
  return sums;
}

function future(lanes, weightOf, times) {
  const sums = new Float64Array(times.length);
  for (const { network } of lanes) {
    addAffected(network, weightOf(network), times, sums);
  }
  return sums;
}

const sum = (a, b) => a.map((v, i) => v + b[i]);
const range = (from, to, n) => Array.from({ length: n }, (_, i) => (i < n - 1 ? from + ((to - from) * i) / (n - 1) : to));

function path(scale, y, times, sums) {
  return times.map((t, i) => `${i === 0 ? "M" : "L"}${scale.x(t).toFixed(1)} ${y(sums[i]).toFixed(1)}`).join("");
}

// The most important first: a text that has no room beside them is left out.
function milestones(incident, scale, now) {
  const s = incident.head.summary;
  const taken = [];
  return [
    [parse(s.all_clear?.hi90), "all clear, 90 %"],
    [parse(s.hard?.at), "bound"],
    [parse(s.below_10pct), "<10 %"],
    [parse(s.below_1pct), "<1 %"],
  ].filter(([t]) => t !== null && t >= now && t <= scale.to).map(([t, name]) => {
    const x = scale.x(t);
    const text = `${name} ${brief(t, now).replace(/(:\d\d):\d\d$/, "$1")}`;
    const wide = text.length * 6.5;
    const right = x + wide > scale.width;
    const from = right ? x - 4 - wide : x + 4;
    const row = [0, 1].find((r) => taken.every((o) => o.row !== r || from > o.to || from + wide < o.from));
    if (row !== undefined) {
      taken.push({ row, from, to: from + wide });
    }
    return svg("g", { class: "milestone" },
      svg("path", { d: `M${x} ${TOP - 4}V${HEIGHT - BOTTOM}` }, svg("title", {}, text)),
      row !== undefined && svg("text", { x: right ? x - 4 : x + 4, y: 11 + row * 12, "text-anchor": right ? "end" : "start" }, text));
  });
}

export class Curve {
  constructor(incident) {
    this.incident = incident;
    this.svg = svg("svg", { height: HEIGHT, role: "img" });
    this.legend = h("p", { class: "legend" });
    this.element = h("section", { class: "card curve", "aria-labelledby": "curve-title" },
      h("h2", { id: "curve-title" }, "Still affected"), this.legend, this.svg);
  }

  update(domain) {
    const { incident } = this;
    const width = Math.max(240, this.svg.parentElement?.clientWidth - 28 || 600);
    const now = Math.min(incident.clock.now(), domain[1]);
    this.svg.setAttribute("width", width);
    const scale = new TimeScale(domain[0], domain[1], width - LEFT - 8);
    const lanes = [...incident.networks.values()].map((network) => ({ network, segments: incident.segments(network, now) }));
    const known = lanes.reduce((first, lane) => Math.min(first, lane.segments[0]?.from ?? now), now);
    const before = range(Math.max(Math.min(domain[0], now), known), now, STEPS);
    const after = range(now, domain[1], STEPS);
    const series = [["networks", () => 1]];
    if (incident.weighted) {
      series.push(["clients", (n) => n.weight]);
    }
    const parts = [];
    let total = 0;
    for (const [name, weightOf] of series) {
      let all = 0;
      for (const n of incident.networks.values()) {
        all += weightOf(n);
      }
      const seen = past(lanes, weightOf, before, isAffected);
      const expected = future(lanes, weightOf, after);
      const silent = past(lanes, weightOf, before, isNotKnown);
      const atMost = sum(seen, silent); // affected at most
      const later = expected.map((v) => v + silent.at(-1));
      const peak = Math.max(...atMost, ...later);
      // Clients are drawn as a share of their own total, on the same axis.
      const most = name === "networks" ? (this.most = Math.max(1, peak)) : (this.most * all) / (total || 1);
      total = name === "networks" ? all : total;
      const y = (v) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.min(1, v / most));
      if (name === "networks") {
        const ground = HEIGHT - BOTTOM;
        parts.push(svg("path", { class: "area", d: `${path(scale, y, before, seen)}L${scale.x(now)} ${ground}L${scale.x(before[0])} ${ground}Z` }));
        this.notKnown = Math.max(...silent) > 0;
        if (this.notKnown) {
          const times = [...before, ...after];
          parts.push(svg("path", {
            class: "not-known", fill: patternOf("unknown"),
            d: path(scale, y, times, [...atMost, ...later]) + path(scale, y, times.reverse(), [...seen, ...expected].reverse()).replace("M", "L") + "Z",
          }));
        }
        for (const v of most < 2 ? [0, most] : [0, most / 2, most]) {
          parts.unshift(svg("path", { class: "grid", d: `M0 ${y(v)}H${scale.width}` }),
            svg("text", { x: -6, y: y(v) + 4, "text-anchor": "end" }, Math.round(v)));
        }
      }
      parts.push(svg("path", { class: `seen s-${name}`, d: path(scale, y, before, seen) }),
        svg("path", { class: `expected s-${name}`, d: path(scale, y, after, expected) }));
    }
    const ticks = scale.ticks().filter((t) => t.x > 10 && t.x < scale.width - 14)
      .map((t) => svg("text", { x: t.x, y: HEIGHT - 5, "text-anchor": "middle" }, t.text));
    const nowX = scale.x(now);
    this.svg.replaceChildren(svg("g", { transform: `translate(${LEFT} 0)` }, parts, ticks,
      milestones(incident, scale, incident.clock.now()),
      svg("rect", { class: "now", x: nowX - 0.5, width: 1, y: TOP - 4, height: HEIGHT - TOP - BOTTOM + 4 })));
    this.legend.replaceChildren(...[...series.map(([name]) => h("span", {},
      svg("svg", { width: 22, height: 8, "aria-hidden": "true" }, svg("path", { class: `seen s-${name}`, d: "M0 4H22" })), ` ${name}`)),
    h("span", {}, svg("svg", { width: 22, height: 8, "aria-hidden": "true" }, svg("path", { class: "expected s-networks", d: "M0 4H22" })), " expected"),
    this.notKnown && h("span", {}, svg("svg", { width: 22, height: 12, "aria-hidden": "true" },
      svg("rect", { class: "not-known", fill: patternOf("unknown"), x: 0.5, y: 0.5, width: 21, height: 11 })), " not known")].filter((part) => part));
    this.svg.setAttribute("aria-label", this.#spoken());
  }

  #spoken() {
    const { incident } = this;
    const s = incident.head.summary;
    const now = incident.clock.now();
    const states = [...incident.networks.values()].map((network) => network.state);
    const parts = [`${states.filter(isAffected).length} of ${states.length} networks affected now`];
    const notKnown = states.filter(isNotKnown).length;
    if (notKnown > 0) {
      parts.push(`${notKnown} not known`);
    }
    if (s.below_10pct !== null) {
      parts.push(`below 10 percent at ${moment(parse(s.below_10pct), now)}`);
    }
    if (s.all_clear !== null) {
      parts.push(`all clear by ${moment(parse(s.all_clear.hi90), now)} with 90 percent probability`);
    }
    return parts.join(", ");
  }
}
