// The head of an incident: what happened, and the authoritative side first:
// as long as a name server denies, nothing else matters.

import { h, setText } from "./dom.js";
import { mayChange } from "./first.js";
import { age, count, domain, moment, parse, seconds, span } from "./format.js";
import { isAffected, isNotKnown } from "./states.js";

const MARK = { good: "✓", denies: "✕", differs: "≠", silent: "…", pending: "…" };

const OUTLOOK = {
  clear: "All clear",
  waiting: "Clearing, on schedule",
  stuck: "Not clearing by itself",
  unknown: "Not known",
};

function pair(term, ...value) {
  return h("div", { class: "pair" }, h("dt", {}, term), h("dd", {}, ...value));
}

function outage(incident, authority, now) {
  const from = parse(authority.outage_from ?? incident.outage.from);
  const to = parse(authority.restored_hi ?? incident.outage.to);
  if (from === null) {
    return authority.outage_known === "none" ? "none seen" : "not known";
  }
  const how = authority.outage_known === "assumed" ? "not before " : "";
  return to === null ? `${how}${moment(from, now)} – still on`
    : `${how}${moment(from, now)} – ${moment(to, from)} (${span(to - from)})`;
}

const ago = (seen, now) => `${age(now - seen)} ago`;

// They grow old while nothing new is heard, too.
export function tickServers(card, now) {
  for (const cell of card.querySelectorAll("[data-seen]")) {
    setText(cell, ago(Number(cell.dataset.seen), now));
  }
}

function servers(authority, now) {
  const rows = authority.servers.map((s) => h("tr", { class: `srv-${s.state}` },
    h("td", {}, h("span", { class: "tick", "aria-hidden": "true" }, MARK[s.state] ?? "?"), ` ${s.state}`),
    h("td", {}, domain(s.name)),
    h("td", { class: "mono" }, s.address),
    h("td", { class: "mono num" }, s.serial ?? "–"),
    h("td", {}, s.rcode ?? s.outcome ?? "–"),
    h("td", { class: "num", "data-seen": s.seen === null ? null : parse(s.seen) }, s.seen === null ? "never" : ago(parse(s.seen), now))));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Name servers" },
    h("table", {}, h("thead", {}, h("tr", {},
      ["State", "Name server", "Address", "Serial", "Says", "Asked"].map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", {}, rows)));
}

// Those that left the NS set: caches that know the old set may ask them still.
const OLD = {
  denies: ["✕", "denies: what asks it plants the denial anew"],
  settling: ["…", "answers, being watched"],
  pending: ["…", "not asked yet"],
  silent: ["…", "silent"],
  harmless: ["✓", "harmless"],
};

function oldServers(list, now) {
  const rows = list.map((s) => h("tr", { class: s.state === "denies" ? "srv-denies" : "" },
    h("td", {}, h("span", { class: "tick", "aria-hidden": "true" }, (OLD[s.state] ?? ["?"])[0]), ` ${(OLD[s.state] ?? ["", s.state])[1]}`),
    h("td", {}, s.name === null ? "–" : domain(s.name)),
    h("td", { class: "mono" }, s.address),
    h("td", {}, s.rcode ?? "–"),
    h("td", { class: "mono" }, s.left === null ? "–" : moment(parse(s.left), now)),
    h("td", { class: "mono" }, s.until === null ? "not known" : moment(parse(s.until), now))));
  return h("div", { class: "scroll old-servers", tabindex: 0, role: "region", "aria-label": "Name servers that left" },
    h("table", {}, h("caption", {}, "Left the NS set; caches may ask them still"), h("thead", {}, h("tr", {},
      ["State", "Name server", "Address", "Says", "Left", "Known until"].map((t) => h("th", { scope: "col" }, t)))),
    h("tbody", {}, rows)));
}

const AUTHORITY = {
  restored: ["✓", "Restored", "good"],
  negative: ["✕", "Still denying", "bad"],
  partly: ["≠", "Partly restored", "bad"],
  unobserved: ["?", "Not observed", "quiet"],
};

// The name by which the manual knows it, what was seen, and what to do.
function finding(f) {
  return h("li", { class: `sev-${f.severity}` }, h("code", {}, f.tag), ` ${f.detail}`, h("p", { class: "advice" }, f.advice));
}

export function authorityCard(head, now) {
  const a = head.authority;
  const [mark, text, kind] = AUTHORITY[a.state] ?? ["?", a.state, "quiet"];
  const facts = [];
  if (a.total > 0) {
    facts.push(`${a.good} of ${count(a.total, "name server")} good`);
  }
  if (a.serial !== null) {
    facts.push(a.serial_agree ? `serial ${a.serial}` : `serial ${a.serial}, not the same everywhere`);
  }
  if (a.verified) {
    const from = a.verified_from > 0 ? ` from ${count(a.verified_from, "place")}` : "";
    facts.push(`verified ${moment(parse(a.verified_at), now)}${from}`);
  } else if (a.state === "restored") {
    facts.push("waiting for it to settle");
  }
  if (a.silent) {
    facts.push("no name server heard");
  }
  const old = a.old_servers ?? []; // not in what older versions kept
  if (old.some((s) => s.state === "denies")) {
    facts.push("old name servers deny");
  } else if (old.some((s) => s.state === "pending")) {
    facts.push("old name servers are not asked");
  }
  return h("section", { class: `card authority k-${kind}`, "aria-labelledby": "authority-title" },
    h("h2", { id: "authority-title" }, h("span", { class: "tick", "aria-hidden": "true" }, mark), ` Authority: ${text}`),
    h("p", { class: "facts" }, facts.join(" · ")),
    a.audit.length > 0 && h("ul", { class: "findings" }, a.audit.map(finding)),
    a.servers.length > 0 && servers(a, now),
    old.length > 0 && oldServers(old, now));
}

function verdict(incident, now) {
  const { head, networks } = incident;
  let affected = 0;
  let notKnown = 0;
  for (const n of networks.values()) {
    affected += isAffected(n.state) ? 1 : 0;
    notKnown += isNotKnown(n.state) ? 1 : 0;
  }
  const s = head.summary;
  const all = count(networks.size, "network");
  const parts = affected > 0 ? [`${affected} of ${all} still affected`, notKnown > 0 && `${notKnown} not known`]
    : notKnown > 0 ? [`Not known for ${notKnown} of ${all}`, notKnown < networks.size && "no other is seen affected"]
      : [`No network of ${networks.size} is seen affected`];
  const when = [];
  if (affected > 0 && s.all_clear !== null) {
    when.push(`all clear by ${moment(parse(s.all_clear.hi90), now)} (90 %)`);
  }
  if (affected > 0 && s.hard !== null) {
    when.push(`${moment(parse(s.hard.at), now)} at the latest`);
  }
  if (affected > 0 && when.length === 0) {
    when.push("when all are clear cannot be forecast");
  }
  return { parts: parts.filter((part) => part), when };
}

export function incidentTitle(head, onClose) {
  const i = head.incident;
  return h("div", { class: "title" },
    h("h1", {}, h("span", { class: "wrap" }, domain(i.name)), i.unicode && ` (${i.unicode})`, " ", h("span", { class: "types" }, i.types.join(" "))),
    h("span", { class: `badge o-${head.outlook}` }, i.closed ? "Closed" : OUTLOOK[head.outlook] ?? head.outlook),
    h("span", { class: "grow" }),
    !i.closed && mayChange() && h("button", { type: "button", id: "close-incident", onclick: onClose }, "Close incident…"));
}

export function incidentFacts(incident) {
  const { head } = incident;
  const now = incident.clock.now();
  const i = head.incident;
  const { parts, when } = verdict(incident, now);
  const expect = Object.entries(i.expect ?? {}).map(([type, list]) => `${type} ${list.join(", ")}`).join("; ");
  return h("div", { class: "head" },
    h("p", { class: "verdict" }, h("strong", {}, parts.join(", ")), when.length > 0 && ` — ${when.join(", ")}`),
    h("dl", { class: "pairs" },
      pair("Outage", outage(i, head.authority, now)),
      pair("Expected", expect === "" ? "any answer" : expect),
      pair("Negative TTL", head.negative.ttl_s === null ? "not known"
        : `${seconds(head.negative.ttl_s)} (SOA TTL ${seconds(head.negative.soa_ttl_s)}, MINIMUM ${seconds(head.negative.minimum_s)})`),
      pair("Opened", moment(parse(i.opened), now)),
      i.closed && pair("Closed", moment(parse(i.closed), now)),
      i.note && pair("Note", i.note)));
}
