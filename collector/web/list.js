// All incidents, and a form to open one.

import { get, pages, post } from "./api.js";
import { byId, h, renew } from "./dom.js";
import { mayChange } from "./first.js";
import { count, domain, moment, parse } from "./format.js";

const OUTLOOK = { clear: "all clear", waiting: "clearing", stuck: "not clearing", unknown: "not known" };

function field(label, input, hint) {
  return h("label", { class: "field" }, h("span", {}, label), input, hint && h("small", {}, hint));
}

// "A=192.0.2.10 AAAA=2001:db8::10" -> {A: [...], AAAA: [...]}
export function expectOf(text) {
  const expect = {};
  for (const word of text.split(/[\s,]+/).filter((w) => w !== "")) {
    const at = word.indexOf("=");
    if (at < 1) {
      throw new Error(`expected answer: not TYPE=VALUE: ${word}`);
    }
    (expect[word.slice(0, at).toUpperCase()] ??= []).push(word.slice(at + 1));
  }
  return expect;
}

function openForm(onOpened) {
  const name = h("input", { id: "open-name", required: true, placeholder: "www.example.com", autocomplete: "off", spellcheck: "false" });
  const types = h("input", { id: "open-types", value: "A", autocomplete: "off", spellcheck: "false" });
  const expect = h("input", { id: "open-expect", placeholder: "A=192.0.2.10", autocomplete: "off", spellcheck: "false" });
  const from = h("input", { id: "open-from", placeholder: "2026-11-20T20:01:10Z", autocomplete: "off", spellcheck: "false" });
  const to = h("input", { id: "open-to", placeholder: "when it was over", autocomplete: "off", spellcheck: "false" });
  const note = h("input", { id: "open-note", autocomplete: "off" });
  const error = h("p", { class: "error", role: "alert", id: "open-error" });
  const submit = async (event) => {
    event.preventDefault();
    error.textContent = "";
    try {
      const head = await post("/v1/incidents", {
        name: name.value.trim(),
        types: types.value.toUpperCase().split(/[\s,]+/).filter((t) => t !== ""),
        expect: expectOf(expect.value),
        outage: { from: from.value.trim() || null, to: to.value.trim() || null },
        restored: "auto",
        note: note.value,
      });
      onOpened(head.id);
    } catch (problem) {
      error.textContent = problem.message;
    }
  };
  return h("details", { class: "card open", id: "open-form" }, h("summary", {}, "Open an incident"),
    h("form", { onsubmit: submit },
      field("Name", name), field("Types", types, "A AAAA …"), field("Expected answer", expect, "TYPE=VALUE …, or empty: any"),
      field("Outage from", from, "UTC; empty: observed"), field("Outage to", to), field("Note", note),
      error, h("p", { class: "actions" }, h("button", { class: "main" }, "Open"))));
}

function row(i, now) {
  const state = i.closed ? "closed" : i.outlook;
  return h("tr", {},
    h("td", { class: "num" }, i.id),
    h("td", {}, h("a", { href: `/incidents/${i.id}`, "data-link": "" }, domain(i.name)), " ", h("span", { class: "types" }, i.types.join(" "))),
    h("td", {}, h("span", { class: `badge o-${state}` }, i.closed ? "closed" : OUTLOOK[i.outlook] ?? "?")),
    h("td", { "data-term": "opened" }, moment(parse(i.opened), now)),
    h("td", { "data-term": "closed" }, i.closed ? moment(parse(i.closed), now) : ""),
    h("td", { class: "wrap", "data-term": "note:" }, i.note ?? ""));
}

export class ListPage {
  constructor(clock, onOpened) {
    this.clock = clock;
    this.body = h("tbody", {});
    this.none = h("p", { class: "note", hidden: true }, "No incident yet.");
    this.error = h("p", { class: "error", role: "alert" });
    this.networks = h("p", { class: "dim" });
    this.form = openForm(onOpened);
    this.form.hidden = true;
    this.element = h("div", { class: "page" }, h("h1", {}, "Incidents"), this.networks, this.form, this.error, this.none,
      h("div", { class: "card scroll", tabindex: 0, role: "region", "aria-label": "Incidents" }, h("table", { class: "list" },
        h("thead", {}, h("tr", {}, ["", "Name", "Outlook", "Opened", "Closed", "Note"].map((t) => h("th", { scope: "col" }, t || h("span", { class: "unseen" }, "Number"))))),
        this.body)));
  }

  async load(signal) {
    try {
      const list = await get("/v1/incidents", signal);
      this.clock.set(list.now);
      this.form.hidden = !mayChange();
      const rows = list.incidents.sort((a, b) => Number(a.closed !== null) - Number(b.closed !== null) || b.id - a.id);
      renew(this.body, ...rows.map((i) => row(i, this.clock.now())));
      this.none.hidden = rows.length > 0;
      let networks = 0;
      let resolvers = 0;
      await pages("/v1/networks?limit=1000", "networks", (part) => {
        networks += part.length;
        resolvers += part.reduce((sum, n) => sum + n.resolvers, 0);
      }, signal);
      this.networks.textContent = `${count(networks, "network")}, ${count(resolvers, "resolver")} watched`;
      if (rows.length === 0) {
        byId("open-form").open = true;
      }
      this.error.textContent = "";
    } catch (problem) {
      if (!signal.aborted) {
        this.error.textContent = problem.message;
      }
    }
  }
}
