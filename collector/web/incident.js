// The page of one incident.

import { DOCUMENT_MS, follow, get, pages, post, wait } from "./api.js";
import { Curve } from "./curve.js";
import { Drawer } from "./drawer.js";
import { byId, h, renew, setText, svg } from "./dom.js";
import { eventsOf } from "./first.js";
import { domain, fullMoment, moment, parse, span } from "./format.js";
import { authorityCard, incidentFacts, incidentTitle, tickServers } from "./header.js";
import { Lanes } from "./lanes.js";
import { GROUPINGS, HistoryFold, Incident, searchOf, SORTS, viewOf } from "./model.js";
import { isAffected, patternOf, stateOf, STATES } from "./states.js";

const PHONE = matchMedia("screen and (max-width: 760px)"); // as in style.css
const POLL_MS = 5000;
const POLLS = 6; // then a stream may be to be had again
const DRAWER_MS = 5000;
const SPOKEN_MS = 4000; // a screen reader needs time to say it

// When the browser has shown what was drawn before; soon in a hidden tab, too.
const painted = () => new Promise((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve, 0));
  setTimeout(resolve, 1000);
});

// Says what changed, a few at a time.
class Announcer {
  #waiting = [];
  #timer = null;

  say(changes) {
    this.#waiting.push(...changes);
    if (this.#timer === null && this.#waiting.length > 0) {
      this.#timer = setTimeout(() => this.#speak(), 300);
    }
  }

  #speak() {
    const said = this.#waiting.splice(0, 3).map((c) => `${c.name} is ${c.to}`);
    const more = this.#waiting.splice(0).length;
    byId("announce").textContent = said.join(". ") + (more > 0 ? `. ${more} more changed` : "");
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.say([]);
    }, SPOKEN_MS);
  }
}

export class IncidentPage {
  constructor(id, go) {
    this.id = id;
    this.base = `/incidents/${id}`;
    this.go = go;
    this.end = new AbortController();
    this.incident = new Incident();
    this.view = { ...viewOf(location.search), base: this.base };
    this.announcer = new Announcer();
    this.frame = null; // a picture that is asked for
    this.heard = null; // when the collector said something, by its clock
    this.lost = null; // {why, heard} while it is not live
    this.drawer = new Drawer(byId("drawer"), () => go(this.base));
    this.lanes = new Lanes(this.incident, this.view, (name) => go(`${this.base}/networks/${encodeURIComponent(name)}`));
    this.curve = new Curve(this.incident);
    this.title = h("div", {});
    this.facts = h("div", {});
    this.remaining = h("p", { class: "remaining", role: "timer" }, h("b"), h("span"));
    this.authority = h("div", {});
    this.chips = h("div", { class: "chips", role: "group", "aria-label": "Show only these states" });
    this.counted = h("span", { class: "dim", "aria-live": "off" });
    this.trouble = h("p", { class: "error", role: "alert" });
    this.notStoring = h("p", { class: "error", role: "alert" });
    this.notLive = h("p", { class: "not-live", role: "status" });
    this.asOf = h("p", { class: "as-of" });
    this.element = h("div", { class: "page" }, this.trouble, this.notStoring, this.notLive, this.asOf, h("div", { class: "top" }, this.title, this.facts, this.remaining),
      h("div", { class: "pair-of-cards" }, this.authority, this.curve.element),
      h("section", { class: "networks", "aria-labelledby": "networks-title" },
        h("h2", { id: "networks-title", class: "unseen" }, "Networks"), this.#toolbar(), this.lanes.element, this.#legend()));
  }

  get clock() {
    return this.incident.clock;
  }

  #toolbar() {
    const select = (id, label, names, key) => h("label", {}, h("span", {}, label), h("select", {
      id, onchange: (event) => {
        this.view[key] = event.target.value;
        if (this.targets !== (this.view.group === "resolver")) {
          this.#live();
        }
        this.#chosen();
      },
    }, names.map((name) => h("option", { value: name, selected: name === this.view[key] }, name || "none"))));
    return h("div", { class: "toolbar" },
      h("label", {}, h("span", { class: "unseen" }, "Filter networks"), h("input", {
        id: "filter", type: "search", placeholder: "Filter: name, resolver, label, state", autocomplete: "off", spellcheck: "false",
        value: this.view.filter,
        oninput: (event) => {
          this.view.filter = event.target.value;
          this.#chosen();
        },
      })),
      select("group", "Group", Object.keys(GROUPINGS), "group"),
      select("sort", "Sort", Object.keys(SORTS), "sort"),
      this.chips, this.counted,
      h("p", { id: "lanes-keys", class: "unseen" }, "Arrow keys move between networks, Enter shows the evidence, Escape comes back."));
  }

  #legend() {
    const item = (picture, text) => h("span", {}, svg("svg", { width: 30, height: 14, "aria-hidden": "true" }, picture), ` ${text}`);
    return h("div", { class: "legend", "aria-label": "Legend", role: "group" },
      item(svg("rect", { y: 4, width: 30, height: 6, class: "band90" }), "90 %"),
      item(svg("rect", { y: 2, width: 30, height: 10, class: "band50" }), "50 %"),
      item(svg("path", { d: "M15 1L20 7L15 13L10 7Z", class: "point" }), "median"),
      item(svg("path", { d: "M15 1V13M11 1H16M11 13H16", class: "bound" }), "at the latest"),
      item(svg("rect", { x: 14, width: 2, height: 14, class: "now" }), "now"),
      STATES.filter((s) => isAffected(s) || s === "clear" || s === "unknown").map((s) =>
        item(svg("rect", { y: 1, width: 30, height: 12, fill: patternOf(s) }), s)));
  }

  // --- life ---

  start(network) {
    this.#live();
    this.narrow = () => this.#behind();
    PHONE.addEventListener("change", this.narrow);
    this.second = setInterval(() => this.#tick(), 1000);
    this.show(network);
  }

  stop() {
    this.end.abort();
    this.stream.abort();
    cancelAnimationFrame(this.frame);
    clearInterval(this.second);
    clearInterval(this.again);
    this.lanes.remove();
    this.drawer.close();
    document.body.classList.remove("with-drawer");
    this.wanted = null;
    this.#behind();
    PHONE.removeEventListener("change", this.narrow);
  }

  // Where the drawer covers the page, nothing behind it can be reached.
  #behind() {
    const covered = this.wanted !== null && PHONE.matches;
    byId("main").inert = covered;
    byId("drawer").setAttribute("aria-modal", String(covered));
  }

  // The drawer of a network, or none.
  show(network) {
    this.wanted = network;
    clearInterval(this.again);
    document.body.classList.toggle("with-drawer", network !== null);
    this.#behind();
    if (network === null) {
      const was = this.drawer.name;
      this.drawer.close();
      if (was !== null) {
        this.lanes.update();
        this.lanes.focus(was);
      }
    } else if (this.incident.head !== null) {
      this.drawer.open(this.incident, this.base, network);
      this.lanes.update();
      this.again = setInterval(() => this.drawer.refresh(this.incident, this.base), DRAWER_MS);
    }
  }

  // Anew when another document is wanted: what is seen of each resolver is four
  // times as much, and asked for only by those who look at it.
  async #live() {
    this.stream?.abort();
    this.stream = new AbortController();
    this.targets = this.view.group === "resolver";
    const { signal } = this.stream;
    while (!signal.aborted && !this.#told) {
      const problem = await follow(eventsOf(this.id, this.targets), signal, (type, document) => this.#event(type, document),
        (state, why) => this.#state(state, why), () => { this.heard = this.clock.now(); });
      if (signal.aborted) {
        return;
      }
      if (problem !== null && problem.status !== 503) {
        this.#state("lost", problem.message);
        return;
      }
      await this.#poll(signal);
    }
  }

  // Is all told that there will ever be to tell?
  get #told() {
    return this.incident.closed !== null && !(this.targets && !this.incident.hasTargets);
  }

  // Without a stream (too many watch already): the status, now and then.
  async #poll(signal) {
    for (let i = 0; i < POLLS && !signal.aborted && !this.#told; i++) {
      try {
        const document = await get(`/v1${this.base}/status?targets=${this.targets}`,
          AbortSignal.any([signal, AbortSignal.timeout(DOCUMENT_MS)]));
        this.#state("polled");
        this.#event("status", document);
      } catch (error) {
        if (error.status === 401 || error.status === 404) {
          return; // the stream says it once, and for good
        }
        if (!signal.aborted) {
          this.#state("lost", error.message);
        }
      }
      await (this.#told || wait(POLL_MS, signal));
    }
  }

  #event(type, document) {
    const first = this.incident.head === null;
    if (type === "status") {
      this.incident.snapshot(document);
    } else if (type === "change") {
      this.incident.change(document);
    } else {
      return false;
    }
    this.heard = this.clock.now();
    this.announcer.say(this.incident.changes);
    if (first) {
      this.#first();
    } else {
      this.#later();
    }
    if (this.incident.closed) {
      this.#state("closed");
      return true;
    }
    return false;
  }

  // What is in sight first; the curve and the past when that is on the screen.
  async #first() {
    this.#render();
    if (this.wanted !== null) {
      this.show(this.wanted);
    }
    await painted();
    performance.mark("nxclear-usable");
    this.#drawCurve();
    this.#history();
  }

  // Once a frame, however much arrives; never while nobody looks.
  #later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#render();
      this.#drawCurve();
    });
  }

  async #history() {
    const fold = new HistoryFold();
    try {
      await pages(`/v1${this.base}/transitions?limit=1000`, "transitions", (list) => fold.add(list), this.end.signal);
      this.incident.history = fold.past;
      this.#later();
      await painted();
      performance.mark("nxclear-history");
    } catch (error) {
      if (!this.end.signal.aborted) {
        this.trouble.textContent = `the past is not shown: ${error.message}`;
      }
    }
  }

  #state(state, why = "") {
    const live = byId("live");
    const text = { live: "live", polled: `every ${POLL_MS / 1000} s`, lost: "not live", closed: "closed" }[state];
    setText(live, text);
    live.title = why;
    live.className = `live live-${state}`;
    this.trouble.textContent = state === "lost" && this.incident.head === null ? why : "";
    this.lost = state === "lost" ? { why, heard: this.heard ?? this.clock.now() } : null;
    this.#age();
  }

  // Of when it is, what is shown: beside it when that is not now, and in print.
  #age() {
    const now = this.clock.now();
    const { lost } = this;
    const shown = now > 0 && lost !== null;
    setText(this.notLive, shown ? `Not live since ${moment(lost.heard, now)} UTC: what is shown is of then (${lost.why})` : "");
    setText(this.asOf, now > 0 ? `As of ${fullMoment(lost?.heard ?? now)} UTC` : "");
  }

  // --- picture ---

  #render() {
    const { incident } = this;
    const now = this.clock.now();
    document.title = `${domain(incident.head.incident.name)} – nxclear`;
    renew(this.title, incidentTitle(incident.head, () => this.#close()));
    renew(this.facts, incidentFacts(incident));
    renew(this.authority, authorityCard(incident.head, now));
    const { storing, problem } = incident.head;
    setText(this.notStoring, storing === false ? `Not storing: the collector takes no results, and what is shown does not grow. ${problem ?? ""}` : "");
    this.#chips();
    this.#countDown();
    this.#age();
    this.#arranged();
  }

  // To the moment when all is clear, most likely; nothing when nobody knows.
  #countDown() {
    const { summary, outlook } = this.incident.head;
    const at = outlook === "waiting" ? parse(summary.all_clear?.hi90) : null;
    const left = at === null ? 0 : at - this.clock.now();
    this.remaining.hidden = at === null;
    setText(this.remaining.firstChild, span(Math.abs(left)));
    setText(this.remaining.lastChild, left >= 0 ? "to all clear (90 %)" : "later than foretold");
  }

  #drawCurve() {
    this.curve.update(this.lanes.domain);
  }

  #chips() {
    const counts = new Map();
    for (const n of this.incident.networks.values()) {
      counts.set(n.state, (counts.get(n.state) ?? 0) + 1);
    }
    const key = JSON.stringify([...counts, ...this.view.states]);
    if (key === this.chipsKey) {
      return;
    }
    this.chipsKey = key;
    const focused = document.activeElement?.dataset?.state;
    const shown = STATES.filter((s) => counts.has(s) || this.view.states.has(s));
    this.chips.replaceChildren(...shown.map((s) => h("button", {
      type: "button", class: "chip", "data-state": s, "aria-pressed": String(this.view.states.has(s)), title: stateOf(s).said,
      onclick: () => {
        this.view.states.has(s) ? this.view.states.delete(s) : this.view.states.add(s);
        this.#chips();
        this.#chosen();
      },
    }, svg("svg", { class: "mark", width: 14, height: 14, "aria-hidden": "true" }, svg("rect", { width: 14, height: 14, rx: 3, fill: patternOf(s) })),
    ` ${s} `, h("b", {}, counts.get(s) ?? 0))));
    this.chips.querySelector(`[data-state="${focused}"]`)?.focus();
  }

  #chosen() {
    history.replaceState(null, "", location.pathname + searchOf(this.view));
    this.#arranged();
  }

  #arranged() {
    if (this.incident.head === null) {
      return;
    }
    const rows = this.lanes.update();
    const shown = new Set(rows.map((row) => row.name)).size - (rows.some((row) => row.name === undefined) ? 1 : 0);
    setText(this.counted, shown === this.incident.networks.size ? "" : `${shown} of ${this.incident.networks.size} shown`);
  }

  #tick() {
    if (this.incident.head !== null && !this.incident.closed) {
      this.lanes.tick();
      this.#countDown();
      this.#age();
      tickServers(this.authority, this.clock.now());
    }
  }

  async #close() {
    const dialog = byId("confirm");
    byId("confirm-title").textContent = `Close incident ${this.id}?`;
    byId("confirm-text").textContent = "Agents stop asking for it; its last status is kept. It cannot be opened again.";
    dialog.returnValue = "cancel";
    dialog.addEventListener("close", async () => {
      if (dialog.returnValue === "ok") {
        try {
          await post(`/v1${this.base}/close`, {});
        } catch (error) {
          this.trouble.textContent = error.message;
        }
      }
    }, { once: true });
    dialog.showModal();
  }
}
