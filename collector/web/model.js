// What is known of one incident: the newest status, piece by piece, and how
// the networks came to where they are.

import { parse } from "./format.js";
import { isAffected, stateOf, worst } from "./states.js";

// Server time: what the document said, and what passed here since. The wall
// clock of this machine may be anything and is never asked.
export class ServerClock {
  constructor() {
    this.at = null;
    this.since = 0;
  }

  // A document that was long on its way must not set the clock back.
  set(now) {
    const at = parse(now);
    if (this.at === null || at > this.now() || this.now() - at > 5000) {
      this.at = at;
      this.since = performance.now();
    }
  }

  now() {
    return this.at === null ? 0 : this.at + (performance.now() - this.since);
  }
}

function eta(forecast) {
  return forecast === null || forecast === undefined ? null : {
    point: parse(forecast.point),
    lo50: parse(forecast.lo50),
    hi50: parse(forecast.hi50),
    lo90: parse(forecast.lo90),
    hi90: parse(forecast.hi90),
  };
}

// What is seen of one resolver: of its targets the worst, the latest of these.
function worse(a, b) {
  const rank = stateOf(a.state).rank - stateOf(b.state).rank;
  return rank !== 0 ? rank < 0 : (parse(a.clears?.point) ?? 0) > (parse(b.clears?.point) ?? 0);
}

// A lane of a network for each resolver that it asks; null: the collector was
// not asked for the targets.
function byResolver(network, targets) {
  if (targets === undefined) {
    return null;
  }
  const worstOf = new Map();
  for (const t of targets) {
    const other = worstOf.get(t.resolver);
    if (other === undefined || worse(t, other)) {
      worstOf.set(t.resolver, t);
    }
  }
  return [...worstOf].map(([resolver, t]) => ({
    ...network,
    key: `${network.name} ${resolver}`,
    resolvers: [resolver],
    state: t.state,
    reason: t.reason,
    why: t.why,
    denied: t.denied,
    eta: eta(t.clears),
    hard: t.hard ? { at: parse(t.hard.at), reason: t.hard.reason } : null,
    basis: t.basis,
    seen: parse(t.seen),
    since: parse(t.since),
    presumed: t.presumed_clear === true,
  }));
}

function networkOf(n) {
  const network = {
    name: n.network,
    key: n.network,
    resolvers: n.resolvers ?? [...new Set((n.targets ?? []).map((t) => t.resolver))],
    state: n.state,
    reason: n.reason,
    why: n.why,
    denied: n.denied,
    eta: eta(n.clears),
    hard: n.hard ? { at: parse(n.hard.at), reason: n.hard.reason } : null,
    basis: n.basis,
    seen: parse(n.seen),
    since: parse(n.since),
    presumed: n.presumed_clear === true,
    labels: Object.fromEntries(Object.entries(n.labels ?? {}).filter(([, value]) => value !== null)),
    weight: typeof n.weight === "number" ? n.weight : 1,
  };
  return { ...network, views: byResolver(network, n.targets) };
}

// The last two only while the collector cannot store.
const HEAD = ["outlook", "incident", "authority", "negative", "summary", "storing", "problem"];

const headOf = (document) => Object.fromEntries(HEAD.map((key) => [key, document[key]]));

export class Incident {
  constructor() {
    this.clock = new ServerClock();
    this.head = null; // members of the status, but networks
    this.networks = new Map();
    this.history = new Map(); // key of a lane -> [{at, state}], oldest first
    this.version = 0;
    this.changes = []; // {name, from, to}, of the last event
  }

  snapshot(document) {
    const before = this.networks;
    this.clock.set(document.now);
    this.head = headOf(document);
    this.networks = new Map();
    this.changes = [];
    for (const n of document.networks) {
      this.#put(networkOf(n), before.get(n.network));
    }
    this.version++;
  }

  change(document) {
    this.clock.set(document.now);
    if ("outlook" in document) { // the head comes whole
      this.head = headOf(document);
    }
    this.changes = [];
    for (const n of document.networks) {
      this.#put(networkOf(n), this.networks.get(n.network));
    }
    this.version++;
  }

  #put(network, before) {
    this.networks.set(network.name, network);
    if (before === undefined) {
      return;
    }
    if (before.state !== network.state) {
      this.changes.push({ name: network.name, from: before.state, to: network.state });
    }
    for (const lane of [network, ...network.views ?? []]) {
      const past = this.history.get(lane.key);
      if (past !== undefined && past.at(-1)?.state !== lane.state) {
        past.push({ at: lane.since ?? this.clock.now(), state: lane.state });
      }
    }
  }

  // Is it known what is seen of each resolver?
  get hasTargets() {
    for (const n of this.networks.values()) {
      return n.views !== null;
    }
    return true;
  }

  get closed() {
    return this.head?.incident.closed ?? null;
  }

  get weighted() {
    for (const n of this.networks.values()) {
      if (n.weight !== 1) {
        return true;
      }
    }
    return false;
  }

  // Segments of a lane: [{from, to, state}] up to now.
  segments(network, now) {
    const past = this.history.get(network.key) ?? [];
    const list = [];
    for (let i = 0; i < past.length; i++) {
      const to = i + 1 < past.length ? past[i + 1].at : now;
      list.push({ from: past[i].at, to, state: past[i].state });
    }
    const last = list.at(-1);
    const since = network.since;
    if (last === undefined) {
      if (since !== null) {
        list.push({ from: since, to: now, state: network.state });
      }
    } else if (last.state === network.state) {
      last.from = list.length === 1 && since !== null ? Math.min(last.from, since) : last.from;
    } else {
      const at = Math.max(last.from, since ?? now);
      last.to = at;
      list.push({ from: at, to: now, state: network.state });
    }
    return list;
  }
}

// Folds transitions of targets into those of lanes: a network, or one resolver
// in it, is as its worst target.
export class HistoryFold {
  constructor() {
    this.targets = new Map(); // key of a lane -> Map(target -> state)
    this.past = new Map();
  }

  add(transitions) {
    for (const t of transitions) {
      this.#add(t.network, t);
      this.#add(`${t.network} ${t.resolver}`, t);
    }
  }

  #add(key, t) {
    let states = this.targets.get(key);
    if (states === undefined) {
      this.targets.set(key, states = new Map());
      this.past.set(key, []);
    }
    states.set(`${t.agent} ${t.resolver} ${t.name} ${t.type}`, t.to);
    const past = this.past.get(key);
    const at = parse(t.at);
    const state = worst(states.values());
    if (past.at(-1)?.state !== state) {
      if (past.at(-1)?.at === at) {
        past.pop();
      }
      if (past.at(-1)?.state !== state) {
        past.push({ at, state });
      }
    }
  }
}

// P(still affected) at the quantiles that a forecast shows, and at its end.
const LEFT = [0.95, 0.75, 0.5, 0.25, 0.05, 0];

// Adds to sums[i] the weight times P(still affected at times[i]); times ascend.
// Straight lines between the quantiles.
export function addAffected(network, weight, times, sums) {
  if (!isAffected(network.state)) {
    return;
  }
  const e = network.eta;
  const at = e === null ? [Infinity] : [e.lo90, e.lo50, e.point, e.hi50, e.hi90, Math.max(network.hard?.at ?? 0, e.hi90)];
  let next = 0; // the first quantile that is still to come
  for (let i = 0; i < times.length && next < at.length; i++) {
    const t = times[i];
    while (next < at.length && at[next] <= t) {
      next++;
    }
    if (next === 0) {
      sums[i] += weight;
    } else if (next < at.length) {
      const part = (t - at[next - 1]) / (at[next] - at[next - 1]);
      sums[i] += weight * (LEFT[next - 1] + (LEFT[next] - LEFT[next - 1]) * part);
    }
  }
}

// --- what is shown, and in which order ---

export const GROUPINGS = {
  "": () => null,
  state: (n) => n.state,
  site: (n) => n.labels.site ?? "(no site)",
  provider: (n) => n.labels.provider ?? "(no provider)",
  country: (n) => n.labels.country ?? "(no country)",
  resolver: (n) => n.resolvers[0],
};

function matches(network, words) {
  if (words.length === 0) {
    return true;
  }
  const text = [network.name, network.state, network.basis, network.reason,
    ...Object.values(network.labels), ...network.resolvers].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

const clearsAt = (n) => n.eta?.point ?? (isAffected(n.state) ? Infinity : -1);
const by = (key) => (a, b) => key(b) - key(a);
const byName = (a, b) => (a.name < b.name ? -1 : Number(a.name > b.name));

export const SORTS = {
  state: (rank) => (a, b) => rank(a) - rank(b) || by(clearsAt)(a, b) || byName(a, b),
  clears: () => (a, b) => by(clearsAt)(a, b) || byName(a, b),
  denied: () => (a, b) => by((n) => n.denied ?? -1)(a, b) || byName(a, b),
  network: () => byName,
  weight: () => (a, b) => by((n) => n.weight)(a, b) || byName(a, b),
};

// What is shown, in the address of the page: a link shows the same to others.
export function viewOf(search) {
  const asked = new URLSearchParams(search);
  const known = (key, table, other) => (Object.hasOwn(table, asked.get(key) ?? "?") ? asked.get(key) : other);
  return {
    filter: asked.get("filter") ?? "",
    states: new Set(asked.getAll("state").filter((s) => stateOf(s).name === s)),
    group: known("group", GROUPINGS, ""),
    sort: known("sort", SORTS, "state"),
  };
}

export function searchOf(view) {
  const asked = new URLSearchParams();
  const put = (key, value, usual) => value !== usual && asked.append(key, value);
  put("filter", view.filter, "");
  view.states.forEach((s) => put("state", s));
  put("group", view.group, "");
  put("sort", view.sort, "state");
  return asked.size > 0 ? `?${asked}` : "";
}

// Rows in order: networks, and a row {group, n, affected} before each group.
export function arrange(networks, view, rank) {
  const words = view.filter.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const lanes = view.group === "resolver" ? [...networks].flatMap((n) => n.views ?? []) : [...networks];
  const list = lanes.filter((n) => (view.states.size === 0 || view.states.has(n.state)) &&
    matches(n, words));
  list.sort(SORTS[view.sort](rank));
  const group = GROUPINGS[view.group];
  if (view.group === "") {
    return list;
  }
  const groups = new Map();
  for (const n of list) {
    const key = group(n);
    if (!groups.has(key)) {
      groups.set(key, []);
    }
    groups.get(key).push(n);
  }
  const rows = [...groups].map(([key, members]) => [
    { group: key, n: members.length, affected: members.filter((n) => isAffected(n.state)).length },
    ...members,
  ]);
  if (view.group === "resolver") {
    rows.sort(([a], [b]) => b.affected - a.affected || b.n - a.n);
  }
  return rows.flat();
}
