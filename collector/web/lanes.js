// The recovery timeline: a lane per network. Only the lanes in sight are in the
// page (with the one that has the focus), so that 1,000 are as quick as 10.

import { h, setText, svg } from "./dom.js";
import { age, brief, count, moment, percent, span } from "./format.js";
import { arrange } from "./model.js";
import { isAffected, patternOf, stateOf } from "./states.js";
import { TimeScale } from "./scale.js";

const OVERSCAN = 6;
const BAR = { top: 7, height: 15 };

function bar(scale, from, to, attributes) {
  const x = scale.clamp(from);
  return svg("rect", { x, width: Math.max(1, scale.clamp(to) - x), ...attributes });
}

export class Lanes {
  #rows = [];
  #live = new Map(); // index -> element
  #active = 0;
  #frame = 0;
  #printing = false;

  constructor(incident, view, onOpen) {
    this.incident = incident;
    this.view = view;
    this.onOpen = onOpen;
    this.axis = svg("svg", { class: "axis", "aria-hidden": "true", height: 20 });
    this.body = h("div", { class: "lanes-body", role: "rowgroup" });
    this.empty = h("p", { class: "note", hidden: true });
    this.head = h("div", { class: "lane lane-head", role: "row" },
      ["State", "Network", "Denied", "Clears"].map((name) => h("span", { role: "columnheader", class: `c-${name.toLowerCase()}` }, name)),
      h("span", { role: "columnheader", class: "c-line" }, this.axis),
      h("span", { role: "columnheader", class: "c-seen" }, "Seen"));
    this.element = h("div", {
      class: "lanes", role: "grid", "aria-label": "Networks: state, forecast and timeline",
      "aria-describedby": "lanes-keys",
      onkeydown: (event) => this.#key(event), onclick: (event) => this.#click(event),
    }, this.head, this.body, this.empty);
    this.#onScroll = () => this.#later();
    addEventListener("scroll", this.#onScroll, { passive: true });
    addEventListener("resize", this.#onScroll);
    this.#onPrint = (event) => {
      this.#printing = event.type === "beforeprint";
      // Printed in the order in which they are in the page: all anew, so that
      // each is put behind the one before.
      const focused = this.body.contains(document.activeElement);
      this.#live.forEach((element) => element.remove());
      this.#live.clear();
      this.update();
      if (focused) {
        this.#live.get(this.#active)?.focus({ preventScroll: true });
      }
    };
    addEventListener("beforeprint", this.#onPrint);
    addEventListener("afterprint", this.#onPrint);
  }

  #onScroll;
  #onPrint;

  remove() {
    removeEventListener("scroll", this.#onScroll);
    removeEventListener("resize", this.#onScroll);
    removeEventListener("beforeprint", this.#onPrint);
    removeEventListener("afterprint", this.#onPrint);
    cancelAnimationFrame(this.#frame);
  }

  // Everything anew: the data, the view or the size changed.
  update() {
    const now = this.incident.clock.now();
    const kept = this.#rows[this.#active];
    this.#rows = arrange(this.incident.networks.values(), this.view, (n) => stateOf(n.state).rank);
    const again = this.#rows.findIndex((row) => row.key !== undefined && row.key === kept?.key);
    this.#active = again >= 0 ? again : Math.min(this.#active, Math.max(0, this.#rows.length - 1));
    this.empty.hidden = this.#rows.length > 0;
    setText(this.empty, this.view.group === "resolver" && !this.incident.hasTargets ? "What is seen of each resolver is on its way…"
      : "No network matches. Change the filter.");
    this.element.setAttribute("aria-rowcount", this.#rows.length + 1);
    this.domain = this.#domain(now);
    for (const element of this.#live.values()) {
      element.stale = true;
    }
    this.#draw();
    return this.#rows;
  }

  // What the picture shows: from the outage to the last forecast; a bound far
  // beyond is an arrow at the edge.
  #domain(now) {
    const authority = this.incident.head.authority;
    let from = Date.parse(authority?.outage_from ?? this.incident.head.incident.opened);
    let to = now;
    let bound = now;
    for (const past of this.incident.history.values()) {
      from = past.length > 0 ? Math.min(from, past[0].at) : from;
    }
    for (const n of this.incident.networks.values()) {
      to = n.eta !== null && isAffected(n.state) ? Math.max(to, n.eta.hi90) : to;
      bound = n.hard !== null && isAffected(n.state) ? Math.max(bound, n.hard.at) : bound;
    }
    from = Math.max(from, now - 24 * 3600000);
    to = Math.max(to, Math.min(bound, from + 2.2 * (to - from)));
    const air = Math.max((to - from) * 0.04, 5000);
    return [from - air, to + air];
  }

  #height() {
    return this.#rowHeight ??= parseFloat(getComputedStyle(this.element).getPropertyValue("--lane")) || 30;
  }

  #rowHeight;

  #later() {
    if (this.#frame === 0) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#draw();
      });
    }
  }

  #draw() {
    // What is read of the layout is read before anything is written to it.
    this.#rowHeight = undefined;
    const height = this.#height();
    const width = this.axis.parentElement.clientWidth || 300;
    const top = this.body.getBoundingClientRect().top;
    if (width !== this.width) {
      for (const element of this.#live.values()) {
        element.stale = true;
      }
    }
    this.width = width;
    this.scale = new TimeScale(...(this.domain ?? [0, 1]), width);
    this.#drawAxis();
    this.body.style.height = `${this.#rows.length * height}px`;
    const first = this.#printing ? 0 : Math.max(0, Math.floor(-top / height) - OVERSCAN);
    const end = this.#printing ? this.#rows.length
      : Math.min(this.#rows.length, Math.ceil((innerHeight - top) / height) + OVERSCAN);
    for (const [i, element] of this.#live) {
      if ((i < first || i >= end) && i !== this.#active) {
        element.remove();
        this.#live.delete(i);
      }
    }
    for (let i = first; i < end; i++) {
      this.#place(i, height);
    }
    if (this.#active < this.#rows.length) {
      this.#place(this.#active, height);
    }
  }

  #place(i, height) {
    let element = this.#live.get(i);
    if (element === undefined) {
      element = this.#row(i);
      this.#live.set(i, element);
      // In order, for those who read the page in order.
      let next = i + 1;
      while (next < this.#rows.length && next < i + 64 && !this.#live.has(next)) {
        next++;
      }
      this.body.insertBefore(element, this.#live.get(next) ?? null);
    }
    if (element.stale !== false) {
      this.#bind(element, i);
      element.stale = false;
    }
    const y = `${i * height}px`;
    if (element.style.top !== y) {
      element.style.top = y;
    }
    element.tabIndex = i === this.#active ? 0 : -1;
  }

  #row(i) {
    const parts = {
      mark: svg("svg", { class: "mark", width: 14, height: 14, "aria-hidden": "true" },
        svg("rect", { width: 14, height: 14, rx: 3 })),
      state: h("span"),
      name: h("a", { tabindex: -1, "data-link": "" }),
      labels: h("span", { class: "labels" }),
      meter: svg("svg", { class: "meter", width: 34, height: 6, "aria-hidden": "true" },
        svg("rect", { width: 34, height: 6, rx: 3, class: "meter-all" }),
        svg("rect", { height: 6, rx: 3, class: "meter-part" })),
      denied: h("span"),
      clears: h("span", { class: "count" }),
      at: h("span", { class: "dim" }),
      line: svg("svg", { class: "line", height: 29, "aria-hidden": "true" }),
      seen: h("span"),
      group: h("span", { class: "group" }),
    };
    const cell = (name, ...children) => h("span", { role: "gridcell", class: `c-${name}` }, ...children);
    const element = h("div", { class: "lane", role: "row", "aria-rowindex": i + 2 },
      cell("state", parts.mark, parts.state), cell("network", parts.name, parts.labels),
      cell("denied", parts.meter, parts.denied), cell("clears", parts.clears, parts.at),
      cell("line", parts.line), cell("seen", parts.seen));
    element.parts = parts;
    return element;
  }

  #bind(element, i) {
    const row = this.#rows[i];
    element.setAttribute("aria-rowindex", i + 2);
    element.row = row;
    element.classList.toggle("lane-group", row.group !== undefined);
    element.classList.toggle("lane-clear", row.state === "clear");
    if (row.group !== undefined) {
      setText(element.parts.state, `${row.group}`);
      setText(element.parts.name, `${count(row.n, "network")}, ${row.affected} affected`);
      element.parts.name.removeAttribute("href");
      element.setAttribute("aria-label", `${row.group}, ${count(row.n, "network")}, ${row.affected} affected`);
      element.parts.line.replaceChildren();
      for (const name of ["denied", "clears", "at", "seen", "labels"]) {
        setText(element.parts[name], "");
      }
      element.parts.labels.title = "";
      return;
    }
    const { parts } = element;
    const now = this.incident.clock.now();
    parts.mark.firstChild.setAttribute("fill", patternOf(row.state));
    setText(parts.state, row.presumed ? "unknown, presumed clear" : row.state);
    setText(parts.name, row.name);
    parts.name.href = `${this.view.base}/networks/${encodeURIComponent(row.name)}`;
    setText(parts.labels, Object.values(row.labels).join(" · "));
    parts.labels.title = parts.labels.textContent; // there is little room
    parts.meter.classList.toggle("none", row.denied === null);
    parts.meter.lastChild.setAttribute("width", 34 * (row.denied ?? 0));
    setText(parts.denied, percent(row.denied));
    this.#drawLine(parts.line, row, now);
    this.#tickRow(element, now);
    element.setAttribute("aria-label", this.#spoken(row, now));
  }

  #spoken(n, now) {
    const parts = [n.name, n.state];
    if (isAffected(n.state)) {
      parts.push(n.denied === null ? "share denied not known" : `${percent(n.denied)} of queries denied`);
      parts.push(n.eta === null ? "no forecast" : `clears about ${moment(n.eta.point, now)} UTC`);
    }
    return parts.join(", ");
  }

  // Countdowns: the text only, each second.
  tick() {
    const now = this.incident.clock.now();
    for (const element of this.#live.values()) {
      if (element.row?.name !== undefined) {
        this.#tickRow(element, now);
        element.parts.nowLine?.setAttribute("x", this.scale.clamp(now) - 0.5);
      }
    }
    this.axisNow?.setAttribute("x", this.scale.clamp(now) - 1);
    // The picture moves on when the line nears its edge.
    if (now > this.domain[1] - (this.domain[1] - this.domain[0]) * 0.01) {
      this.update();
    }
  }

  #tickRow(element, now) {
    const { row: n, parts } = element;
    const waits = isAffected(n.state) && n.eta !== null;
    if (waits) {
      const late = n.eta.hi90 < now;
      setText(parts.clears, late ? `over ${span(now - n.eta.point)}` : n.eta.point < now ? "due" : span(n.eta.point - now));
      setText(parts.at, brief(n.eta.point, now));
      parts.clears.classList.toggle("late", late);
    } else {
      const stuck = isAffected(n.state);
      setText(parts.clears, n.state === "clear" ? "clear" : stuck ? "no forecast" : "–");
      setText(parts.at, n.state === "clear" && n.since !== null ? `since ${brief(n.since, now)}` : "");
      parts.clears.classList.toggle("late", false);
    }
    setText(parts.seen, n.seen === null ? "never" : age(now - n.seen));
  }

  #drawLine(line, n, now) {
    const { scale } = this;
    line.setAttribute("width", this.width);
    const parts = [];
    for (const s of this.incident.segments(n, now)) {
      if (s.to >= scale.from && s.from <= scale.to) {
        parts.push(bar(scale, s.from, s.to, {
          y: BAR.top, height: BAR.height, fill: patternOf(s.state), class: `seg f-${stateOf(s.state).family}`,
        }));
      }
    }
    if (isAffected(n.state) && n.eta !== null) {
      const e = n.eta;
      parts.push(bar(scale, Math.max(now, e.lo90), e.hi90, { y: 11, height: 7, class: "band90", rx: 2 }));
      parts.push(bar(scale, Math.max(now, e.lo50), e.hi50, { y: 9, height: 11, class: "band50", rx: 2 }));
      const x = scale.clamp(e.point);
      parts.push(svg("path", { d: `M${x} 6L${x + 4.5} 14.5L${x} 23L${x - 4.5} 14.5Z`, class: "point" }));
    }
    if (isAffected(n.state) && n.hard !== null) {
      const beyond = n.hard.at > scale.to;
      const x = scale.clamp(n.hard.at);
      parts.push(beyond ? svg("path", { d: `M${this.width - 9} 9L${this.width - 3} 14.5L${this.width - 9} 20`, class: "bound" })
        : svg("path", { d: `M${x} 5V24M${x - 4} 5H${x + 1}M${x - 4} 24H${x + 1}`, class: "bound" }));
    }
    const nowLine = svg("rect", { x: scale.clamp(now) - 0.5, width: 1, y: 0, height: 29, class: "now" });
    line.replaceChildren(...parts, nowLine);
    line.parentElement.parentElement.parts.nowLine = nowLine;
  }

  #drawAxis() {
    const now = this.incident.clock.now();
    this.axis.setAttribute("width", this.width);
    this.axisNow = svg("rect", { x: this.scale.clamp(now) - 1, width: 2, y: 12, height: 8, class: "now" });
    this.axis.replaceChildren(...this.scale.ticks().filter((t) => t.x > 14 && t.x < this.width - 18).map((t) =>
      svg("text", { x: t.x, y: 13, "text-anchor": "middle" }, t.text)), this.axisNow);
  }

  // --- keyboard ---

  focus(name) {
    const active = this.#rows[this.#active]?.name === name;
    const i = active ? this.#active : this.#rows.findIndex((row) => row.name === name);
    if (i >= 0) {
      this.#go(i);
    }
  }

  #go(i) {
    const height = this.#height();
    this.#active = Math.min(Math.max(i, 0), this.#rows.length - 1);
    const top = this.body.getBoundingClientRect().top + this.#active * height;
    if (top < 80 || top + height > innerHeight - 10) {
      scrollBy(0, top < 80 ? top - 120 : top + height - innerHeight + 40);
    }
    this.#draw();
    this.#live.get(this.#active)?.focus({ preventScroll: true });
  }

  #key(event) {
    const page = Math.max(1, Math.floor(innerHeight / this.#height()) - 4);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const onRow = event.target.closest?.(".lane") !== null && this.body.contains(event.target);
    if (onRow && event.key in steps) {
      event.preventDefault();
      this.#go(Math.min(Math.max(this.#active + steps[event.key], 0), this.#rows.length - 1));
    } else if (onRow && event.key === "Enter") {
      event.preventDefault();
      this.#open(this.#rows[this.#active]);
    }
  }

  #click(event) {
    const element = event.target.closest(".lane");
    if (element?.row?.name !== undefined && !event.ctrlKey && !event.metaKey && event.button === 0) {
      event.preventDefault();
      event.stopPropagation();
      this.#active = this.#rows.indexOf(element.row);
      this.#draw();
      this.#open(element.row);
    }
  }

  #open(row) {
    if (row?.name !== undefined) {
      this.onOpen(row.name);
    }
  }
}
