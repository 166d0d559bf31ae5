// The collector's API (nxclear-api(7)): fetch with a token, problems as
// errors, events as a stream that goes on where it broke off.

import { byId } from "./dom.js";
import { ask, KEY, note, takeFirst } from "./first.js";

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

async function problemOf(reply) {
  let detail = `the collector answered ${reply.status}`;
  try {
    const document = await reply.json();
    detail = document.detail ?? document.title ?? detail;
  } catch {
    // not a problem document: the status has to do
  }
  return new Problem(reply.status, detail);
}

let asking = null;
let declined = false; // not asked again for what the page does by itself

// Asks for a token once, however many requests wait for one.
function askToken(why) {
  if (declined) {
    return Promise.resolve(false);
  }
  asking ??= new Promise((resolve) => {
    const dialog = byId("token");
    const text = byId("token-text");
    byId("token-why").textContent = why;
    text.value = "";
    dialog.returnValue = "cancel";
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "ok" && text.value !== "";
      if (given) {
        sessionStorage.setItem(KEY, text.value.trim());
      }
      asking = null;
      declined = !given;
      resolve(given);
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

// asked: a reply that is on its way already.
async function request(path, options = {}, asked = null) {
  for (;;) {
    const reply = await (asked ?? ask(path, options));
    asked = null;
    note(reply);
    if (reply.status !== 401) {
      return reply;
    }
    const problem = await problemOf(reply);
    const had = sessionStorage.getItem(KEY) !== null;
    sessionStorage.removeItem(KEY);
    if (!(await askToken(had ? `It was refused: ${problem.message}` : problem.message))) {
      throw problem;
    }
  }
}

export const DOCUMENT_MS = 15000; // to wait for one

export async function get(path, signal) {
  const reply = await request(path, { signal });
  if (!reply.ok) {
    throw await problemOf(reply);
  }
  return reply.json();
}

export async function post(path, body) {
  declined = false; // somebody wants something
  const reply = await request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!reply.ok) {
    throw await problemOf(reply);
  }
  return reply.json();
}

// All pages of a list; visit(entries) for each page.
export async function pages(path, member, visit, signal) {
  let next = path;
  while (next !== null) {
    const reply = await request(next, { signal });
    if (!reply.ok) {
      throw await problemOf(reply);
    }
    const link = /<([^>]*)>; *rel="next"/.exec(reply.headers.get("Link") ?? "");
    visit((await reply.json())[member]);
    next = link ? link[1] : null;
  }
}

// One event of a text/event-stream block; null for a comment.
function eventOf(block) {
  const event = { type: "message", data: [], id: null };
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "event") {
      event.type = value;
    } else if (field === "data") {
      event.data.push(value);
    } else if (field === "id") {
      event.id = value;
    }
  }
  return event.data.length > 0 ? { ...event, data: event.data.join("\n") } : null;
}

async function read(reply, onEvent, onBytes) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    onBytes();
    // Parts are joined once the event is whole: a large one comes in many.
    rest.push(value);
    const tail = rest.length > 1 ? rest.at(-2).slice(-1) + value : value;
    if (tail.includes("\n\n")) {
      const blocks = rest.join("").split("\n\n");
      rest = [blocks.pop()];
      for (const block of blocks) {
        const event = eventOf(block);
        if (event !== null) {
          onEvent(event);
        }
      }
    }
  }
}

export const wait = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    resolve();
  }, { once: true });
});

const QUIET_MS = 40000; // the collector says something every 15 s
const PATIENCE_MS = [1000, 2000, 4000, 8000, 15000];

// What trying again soon does not change: not permitted, no such incident, all
// streams taken.
const NO_STREAM = new Set([401, 404, 503]);

// Reads events until the signal; says "live", or why not, through onState.
// onEvent returns true when the story is over. Returns null then, and the
// Problem when no stream is to be had.
// onHeard: something arrived, be it that nothing is new.
export async function follow(path, signal, onEvent, onState, onHeard) {
  let lastId = null;
  let failures = 0;
  let over = false;
  let problem = null;
  while (!signal.aborted && !over) {
    const quiet = new AbortController();
    let timer = null;
    const onBytes = () => {
      clearTimeout(timer);
      timer = setTimeout(() => quiet.abort(), QUIET_MS);
    };
    const stop = () => quiet.abort();
    signal.addEventListener("abort", stop);
    let why = "connection lost";
    try {
      onBytes();
      const reply = await request(path, {
        signal: quiet.signal,
        headers: { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) },
      }, takeFirst(path, quiet.signal));
      if (!reply.ok) {
        throw await problemOf(reply);
      }
      onState("live");
      await read(reply, (event) => {
        failures = 0;
        lastId = event.id ?? lastId;
        over ||= onEvent(event.type, JSON.parse(event.data)) === true;
      }, () => {
        onBytes();
        onHeard();
      });
    } catch (error) {
      why = error instanceof Problem ? error.message : why;
      if (error instanceof Problem && NO_STREAM.has(error.status)) {
        problem = error;
        over = true;
      }
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
    if (!signal.aborted && !over) {
      onState("lost", why);
      await wait(PATIENCE_MS[Math.min(failures++, PATIENCE_MS.length - 1)], signal);
    }
  }
  return problem;
}
