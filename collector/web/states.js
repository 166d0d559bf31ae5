// The states of a network, worst first (nxclear(1)): how each is called, drawn
// and counted. Every family has a colour, every state a pattern of its own.

const TABLE = [
  // state, family, affected, said
  ["still-negative-at-authority", "deny", true, "a name server still denies"],
  ["recached", "deny", true, "denied again after restoration"],
  ["ancestor-nxdomain", "deny", true, "a parent is cached as missing"],
  ["stale-served", "stale", true, "expired denial still served"],
  ["cached-nxdomain", "deny", true, "NXDOMAIN cached"],
  ["cached-nodata", "deny", true, "NODATA cached"],
  ["synthesized-negative", "deny", true, "denial synthesized from NSEC"],
  ["partly-clear", "part", true, "some caches clear"],
  ["policy-blocked", "policy", true, "blocked by policy: waiting does not help"],
  ["servfail-dnssec", "fail", true, "SERVFAIL, DNSSEC"],
  ["servfail-other", "fail", true, "SERVFAIL"],
  ["old-positive", "old", true, "old answer cached"],
  ["refused", "quiet", false, "refused"],
  ["unreachable", "quiet", false, "unreachable"],
  ["unknown", "unknown", false, "not known"],
  ["clear", "clear", false, "clear"],
];

export const STATES = TABLE.map(([name]) => name);
const BY_NAME = new Map(
  TABLE.map(([name, family, affected, said], rank) => [name, { name, family, affected, said, rank }]),
);
const FOREIGN = { name: "?", family: "unknown", affected: false, said: "not known", rank: 99 };

export const stateOf = (name) => BY_NAME.get(name) ?? FOREIGN;
export const isAffected = (name) => stateOf(name).affected;
// Neither seen affected nor seen clear: silence, refusal and what is foreign
// here are no recovery.
export const isNotKnown = (name) => !isAffected(name) && name !== "clear";
export const patternOf = (name) => `url(#p-${BY_NAME.has(name) ? name : "unknown"})`;

export function worst(states) {
  let found = null;
  for (const name of states) {
    if (found === null || stateOf(name).rank < stateOf(found).rank) {
      found = name;
    }
  }
  return found;
}

// What is drawn over the family's colour, in a tile of 8 by 8.
export const MARKS = {
  "still-negative-at-authority": "M0 0L8 8M8 0L0 8M4 -4L12 4M-4 4L4 12",
  recached: "M0 0L8 8M8 0L0 8",
  "ancestor-nxdomain": "M0 4H8M4 0V8",
  "stale-served": "M0 2H8M0 6H8",
  "cached-nxdomain": "M-2 2L2 -2M0 8L8 0M6 10L10 6",
  "cached-nodata": "M1 2H3M5 6H7",
  "synthesized-negative": "M2 0V8M6 0V8",
  "partly-clear": "M-2 6L2 10M0 0L8 8M6 -2L10 2",
  "policy-blocked": "M0 0H8M0 4H8M2 0V4M6 4V8",
  "servfail-dnssec": "M0 4L2 2L4 4L6 2L8 4M0 8L2 6L4 8L6 6L8 8",
  "servfail-other": "M0 5L2 3L4 5L6 3L8 5",
  "old-positive": "M0 8L8 0",
  refused: "M1 4H5",
  unreachable: "M1 2H3M5 2H7M1 6H3M5 6H7",
  unknown: "M4 3V5",
  clear: "",
};
