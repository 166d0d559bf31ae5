#include "collector/infer/verdict.h"

#include <stddef.h>
#include <string.h>

#define NX_TEXT_CASE_(name, text) text,

const char *nx_state_text(unsigned state) {
    static const char *const TEXTS[] = {NX_STATE_MAP(NX_TEXT_CASE_)};

    return state < NX_STATE_N_ ? TEXTS[state] : "?";
}

enum nx_state nx_state_of_text(const char *text) {
    unsigned state = text != NULL ? 0 : NX_STATE_N_;
    while (state < NX_STATE_N_ && strcmp(nx_state_text(state), text) != 0) {
        state++;
    }
    return (enum nx_state)state;
}

bool nx_state_is_unverified(unsigned state) {
    return state == NX_STATE_REFUSED || state == NX_STATE_UNREACHABLE ||
           state == NX_STATE_UNKNOWN;
}

const char *nx_flag_text(unsigned flag) {
    static const char *const TEXTS[] = {NX_FLAG_MAP(NX_TEXT_CASE_)};

    return flag < NX_FLAG_N_ ? TEXTS[flag] : "?";
}

const char *nx_unknown_reason_text(unsigned reason) {
    switch ((enum nx_unknown_reason)reason) {
    case NX_UNKNOWN_NONE:
        return "none";
    case NX_UNKNOWN_NEVER_SEEN:
        return "never-seen";
    case NX_UNKNOWN_AGENT_SILENT:
        return "agent-silent";
    case NX_UNKNOWN_NOT_CACHED:
        return "not-cached";
    case NX_UNKNOWN_DENIED_ZONE_NOT_OBSERVED:
        return "denied-zone-not-observed";
    case NX_UNKNOWN_INCONSISTENT:
        return "inconsistent";
    case NX_UNKNOWN_GUARDED:
        return "guarded";
    case NX_UNKNOWN_NOT_LISTED:
        return "not-listed";
    case NX_UNKNOWN_AGENT_REVOKED:
        return "agent-revoked";
    case NX_UNKNOWN_NO_ROOM:
        return "no-room";
    }
    return "?";
}

const char *nx_hard_reason_text(unsigned reason) {
    switch ((enum nx_hard_reason)reason) {
    case NX_HARD_NONE:
        return "none";
    case NX_HARD_DELEGATION:
        return "delegation";
    case NX_HARD_NSEC_WINDOW:
        return "nsec-window";
    case NX_HARD_STACK:
        return "stack";
    case NX_HARD_MIN_CLAMP:
        return "min-clamp";
    case NX_HARD_CAP:
        return "cap";
    case NX_HARD_AUTH_WINDOW:
        return "auth-window";
    case NX_HARD_FAILURE_CACHE_300:
        return "failure-cache-300";
    case NX_HARD_STALE_MAX:
        return "stale-max";
    case NX_HARD_DNSSEC_KEYS:
        return "dnssec-keys";
    case NX_HARD_BOGUS_CACHE:
        return "bogus-cache";
    }
    return "?";
}

const char *nx_basis_text(unsigned basis) {
    switch ((enum nx_basis)basis) {
    case NX_BASIS_NONE:
        return "none";
    case NX_BASIS_COUNTDOWN:
        return "countdown";
    case NX_BASIS_PRIOR:
        return "outage window";
    case NX_BASIS_POSITIVE:
        return "restored answers";
    case NX_BASIS_LAST_SEEN:
        return "last seen";
    }
    return "?";
}

const struct nx_hard *nx_verdict_latest(const struct nx_verdict *v) {
    bool chain = v->hard.reason != NX_HARD_NONE &&
                 v->hard_stack.reason != NX_HARD_NONE &&
                 v->hard_stack.at_us > v->hard.at_us;
    return chain ? &v->hard_stack : &v->hard;
}

_Static_assert(offsetof(struct nx_verdict, lines) +
                       sizeof(((struct nx_verdict *)NULL)->lines) <=
                   offsetof(struct nx_verdict, dist),
               "nx_verdict_copy copies what is between the lists");

/* A verdict has one line or two, and room for many more in both lists. */
void nx_verdict_copy(const struct nx_verdict *from, struct nx_verdict *to) {
    const char *bytes = (const char *)from;
    char *out = (char *)to;
    size_t lines = offsetof(struct nx_verdict, lines);
    size_t lines_end = lines + sizeof(from->lines);
    size_t dist_lines =
        offsetof(struct nx_verdict, dist) + offsetof(struct nx_dist, lines);
    size_t dist_lines_end = dist_lines + sizeof(from->dist.lines);
    memcpy(out, bytes, lines + from->lines_n * sizeof(from->lines[0]));
    memcpy(out + lines_end, bytes + lines_end,
           dist_lines - lines_end +
               from->dist.lines_n * sizeof(from->dist.lines[0]));
    memcpy(out + dist_lines_end, bytes + dist_lines_end,
           sizeof(*from) - dist_lines_end);
}
