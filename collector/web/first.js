// What the page of an incident shows is asked for while the rest of the page's
// scripts is still on its way. No imports here: this one runs first.

export const KEY = "nxclear-token";

export function headers(more) {
  const token = sessionStorage.getItem(KEY);
  return { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...more };
}

export function ask(path, options = {}) {
  return fetch(path, {
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    ...options,
    headers: headers(options.headers),
  });
}

export const eventsOf = (id, targets = false) => `/v1/incidents/${id}/events?changes=true${targets ? "&targets=true" : ""}`;

// The number of the incident and the network in the address of a page, as text;
// null: another page.
export const placeOf = (path) => /^\/incidents\/([1-9]\d{0,9})(?:\/networks\/([^/]+))?$/.exec(path);

// May whoever reads here open and close incidents? By the latest reply.
let admin = false;
export const mayChange = () => admin;
export function note(reply) {
  admin = reply.headers.has("Nxclear-Access") ? reply.headers.get("Nxclear-Access") === "admin" : admin;
}

let first = null;

const place = placeOf(location.pathname);
if (place !== null) {
  const end = new AbortController();
  const path = eventsOf(place[1], new URLSearchParams(location.search).get("group") === "resolver");
  first = { path, end, reply: ask(path, { signal: end.signal, headers: { Accept: "text/event-stream" } }) };
  first.reply.catch(() => {}); // whoever takes it hears of it
}

// The reply that was asked for already; null: none of this path. Whatever else
// was asked for is wanted no more: the collector's streams are few.
export function takeFirst(path, signal) {
  const taken = first;
  first = null;
  if (taken === null || taken.path !== path) {
    taken?.end.abort();
    return null;
  }
  const { reply, end } = taken;
  signal.addEventListener("abort", () => end.abort());
  return reply;
}
