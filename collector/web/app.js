// Which page is shown, by the address; links inside stay inside.

import { byId, h, setText, svg } from "./dom.js";
import { placeOf } from "./first.js";
import { clock } from "./format.js";
import { IncidentPage } from "./incident.js";
import { ListPage } from "./list.js";
import { ServerClock } from "./model.js";
import { MARKS, stateOf } from "./states.js";

const listClock = new ServerClock();
let page = null; // what is running
let stopList = null;

// A tile per state: the family's colour with the state's own marks.
function patterns() {
  const tiles = Object.entries(MARKS).map(([name, marks]) => svg("pattern", {
    id: `p-${name}`, class: `f-${stateOf(name).family}`, width: 8, height: 8, patternUnits: "userSpaceOnUse",
  }, svg("rect", { width: 8, height: 8, class: "tile" }), svg("path", { d: marks, class: "marks" })));
  document.body.append(svg("svg", { width: 0, height: 0, class: "defs", "aria-hidden": "true" }, svg("defs", {}, tiles)));
}

function crumbs(id) {
  byId("crumbs").replaceChildren(...(id === null ? [] : [h("a", { href: "/", "data-link": "" }, "Incidents"), " / ",
    h("a", { href: `/incidents/${id}`, "data-link": "" }, id)]));
}

function stop() {
  page?.stop();
  page = null;
  stopList?.abort();
  stopList = null;
}

function showList() {
  stop();
  crumbs(null);
  document.title = "Incidents – nxclear";
  setText(byId("live"), "");
  byId("live").className = "live";
  const list = new ListPage(listClock, (id) => go(`/incidents/${id}`));
  stopList = new AbortController();
  const { signal } = stopList;
  byId("main").replaceChildren(list.element);
  list.load(signal);
  const timer = setInterval(() => list.load(signal), 5000);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function showIncident(id, network) {
  if (page?.id === id) {
    page.show(network);
    return;
  }
  stop();
  crumbs(id);
  page = new IncidentPage(id, go);
  byId("main").replaceChildren(page.element);
  page.start(network);
}

function route() {
  const match = placeOf(location.pathname);
  if (match) {
    let network = null;
    try {
      network = match[2] === undefined ? null : decodeURIComponent(match[2]);
    } catch {
      // not an escape: no such network
    }
    showIncident(match[1], network);
  } else if (location.pathname === "/") {
    showList();
  } else {
    go("/", true);
  }
}

function go(path, replace = false) {
  if (path !== location.pathname) {
    // What is shown of an incident stays when its drawer opens or closes.
    const url = page !== null && placeOf(path)?.[1] === page.id ? path + location.search : path;
    replace ? history.replaceState(null, "", url) : history.pushState(null, "", url);
  }
  route();
}

addEventListener("popstate", route);
// A page that the browser keeps for the way back must not hold a connection.
addEventListener("pagehide", stop);
addEventListener("pageshow", (event) => event.persisted && route());
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-link]");
  if (link?.href && link.origin === location.origin && event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    go(link.pathname);
  }
});
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.key === "/" && !typing) {
    event.preventDefault();
    byId("filter")?.focus();
  } else if (event.key === "Escape" && page?.wanted != null && !document.querySelector("dialog[open]")) {
    go(page.base);
  }
});
function showClock() {
  const now = (page?.clock ?? listClock).now();
  setText(byId("clock"), now > 0 ? clock(now) : "--:--:--");
  setTimeout(showClock, now > 0 ? 1000 - (now % 1000) : 100);
}

patterns();
route();
showClock();
