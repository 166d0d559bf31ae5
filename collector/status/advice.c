#include "collector/status/advice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/rfc3339.h"

#define US_PER_S INT64_C(1000000)
#define DAY_S INT64_C(86400)

/* When a row applies, beside its state. */
enum when {
    ALWAYS,
    REASON,  /* of `unknown`: arg */
    BOUND,   /* the hard bound's reason: arg */
    FLAG,    /* arg */
    HOST,    /* the resolver is on the agent's host */
    OVERDUE, /* past the hard bound, and the one of a chain */
    PRESUMED,
    NO_LINES,
    MANY_LINES,
};

struct row {
    uint8_t state;
    uint8_t when;
    uint8_t arg;
    const char *why;
    const char *todo;
};

/* The first row of the state applies whose condition holds and whose facts are
 * all known. {x} is a fact; [ ... ] is left out when a fact in it is not known;
 * the last row of each state needs none. */
#define MEANWHILE "[; use {other} meanwhile]"
#define FLUSH " or flush {name} in {resolver}"

static const struct row TABLE[] = {
    {NX_STATE_CLEAR, FLAG, NX_FLAG_EARLY_CLEAR,
     "answers as restored; it cleared before its countdown ended",
     "nothing to do"},
    {NX_STATE_CLEAR, FLAG, NX_FLAG_FLAPPING,
     "answers as restored, but the name servers have changed back and forth",
     "watch the name servers before calling it over"},
    {NX_STATE_CLEAR, ALWAYS, 0, "answers as restored", "nothing to do"},

    {NX_STATE_PARTLY_CLEAR, OVERDUE, 0,
     "some caches behind {resolver} still deny {name} after {hard}, when all "
     "should have ended",
     "ask the operator of {resolver} to flush {name} in every cache" MEANWHILE},
    {NX_STATE_PARTLY_CLEAR, NO_LINES, 0,
     "answers as restored, but not often enough yet to be sure",
     "wait for the next looks"},
    {NX_STATE_PARTLY_CLEAR, ALWAYS, 0,
     "some caches behind {resolver} are clear, others still deny {name}",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_PARTLY_CLEAR, ALWAYS, 0,
     "some caches are clear, others still deny the name",
     "wait, or flush the name in every cache" MEANWHILE},

    {NX_STATE_CACHED_NXDOMAIN, OVERDUE, 0,
     "NXDOMAIN is still served after {hard}, when it should have ended",
     "flush {name} in {resolver}, or ask its operator why the entry outlives "
     "its TTL" MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, HOST, 0,
     "the device's own cache holds the NXDOMAIN",
     "flush the device's cache[, or wait until {until}]"},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_OBSERVER_PLANTED,
     "cached NXDOMAIN; our own question has planted it",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_SHARED_SOA,
     "cached NXDOMAIN; the TTL shown is the zone's, not the entry's",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_NO_SOA,
     "cached NXDOMAIN without a countdown; estimated from the outage and W",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_NON_DECREMENTING,
     "cached NXDOMAIN whose TTL stands still; estimated from the outage and W",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, FLAG, NX_FLAG_TTL_RAISED,
     "cached NXDOMAIN; the resolver has raised its TTL",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, BOUND, NX_HARD_DELEGATION,
     "cached NXDOMAIN; the old name servers may be asked again after it",
     "wait until {until}; let the old name servers answer as the new ones "
     "until {hard}" MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, MANY_LINES, 0,
     "{caches} caches behind {resolver} hold the NXDOMAIN",
     "wait for the last one until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, ALWAYS, 0, "cached NXDOMAIN",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NXDOMAIN, ALWAYS, 0, "cached NXDOMAIN",
     "wait, or flush the name in the resolver" MEANWHILE},

    {NX_STATE_CACHED_NODATA, OVERDUE, 0,
     "NODATA is still served after {hard}, when it should have ended",
     "flush {name} {type} in {resolver}, or ask its operator why the entry "
     "outlives its TTL" MEANWHILE},
    {NX_STATE_CACHED_NODATA, HOST, 0, "the device's own cache holds the NODATA",
     "flush the device's cache[, or wait until {until}]"},
    {NX_STATE_CACHED_NODATA, ALWAYS, 0,
     "cached NODATA: the name is there, but not its {type}",
     "wait until {until},{by}" FLUSH MEANWHILE},
    {NX_STATE_CACHED_NODATA, ALWAYS, 0, "cached NODATA",
     "wait, or flush the name in the resolver" MEANWHILE},

    {NX_STATE_ANCESTOR_NXDOMAIN, BOUND, NX_HARD_DELEGATION,
     "a name above {name} is denied: its delegation was lost, and the old one "
     "may be cached",
     "wait until {until}; let the old name servers answer as the new ones "
     "until {hard}, or flush the zone in {resolver}" MEANWHILE},
    {NX_STATE_ANCESTOR_NXDOMAIN, ALWAYS, 0,
     "a name above {name} is denied: its delegation was lost",
     "wait until {until},{by} or flush the zone above in {resolver}" MEANWHILE},
    {NX_STATE_ANCESTOR_NXDOMAIN, ALWAYS, 0,
     "a name above is denied: the delegation was lost",
     "check the delegation in the parent zone; wait, or flush the zone above"},

    {NX_STATE_SYNTHESIZED_NEGATIVE, ALWAYS, 0,
     "denied by a cached NSEC record that covers {name} (RFC 8198)",
     "wait until {until},{by} or flush the whole zone in {resolver}: the name "
     "alone does not help" MEANWHILE},
    {NX_STATE_SYNTHESIZED_NEGATIVE, ALWAYS, 0,
     "denied by a cached NSEC record that covers the name (RFC 8198)",
     "wait, or flush the whole zone: the name alone does not help"},

    {NX_STATE_STALE_SERVED, ALWAYS, 0,
     "{resolver} serves an expired denial (RFC 8767): it did not reach the "
     "name servers",
     "check that {resolver} reaches them, or flush {name} there[; it ends by "
     "{hard}]" MEANWHILE},
    {NX_STATE_STALE_SERVED, ALWAYS, 0, "an expired denial is served (RFC 8767)",
     "check that the resolver reaches the name servers, or flush the name"},

    {NX_STATE_RECACHED, ALWAYS, 0,
     "denied again after the restoration: {server} still denies {name}",
     "fix name server {server}[, serial {serial}]; then flush {name} in "
     "{resolver}" MEANWHILE},
    {NX_STATE_RECACHED, FLAG, NX_FLAG_SERIAL_CURRENT,
     "denied from the restored version of the zone: another view, or a bad "
     "copy with the new serial",
     "find the name server or view that {resolver} asks, fix it, then flush "
     "{name} there" MEANWHILE},
    {NX_STATE_RECACHED, ALWAYS, 0,
     "denied again after the restoration: some name server that {resolver} "
     "asks still denies {name}",
     "find that name server (an old copy, an old delegation), fix it, then "
     "flush {name} in {resolver}" MEANWHILE},
    {NX_STATE_RECACHED, ALWAYS, 0, "denied again after the restoration",
     "find the name server that still denies the name, and fix it"},

    {NX_STATE_STILL_NEGATIVE_AT_AUTHORITY, ALWAYS, 0,
     "name server {server} denies {name}",
     "fix name server {server}[, serial {serial}]; caches fill again from it "
     "until then"},
    {NX_STATE_STILL_NEGATIVE_AT_AUTHORITY, ALWAYS, 0,
     "a name server of the zone denies the name",
     "fix the name server that is listed under authority; caches fill again "
     "from it until then"},

    {NX_STATE_POLICY_BLOCKED, ALWAYS, 0,
     "{resolver} blocks {name} by policy; waiting does not help",
     "ask the operator of {resolver} to lift the block, with these answers as "
     "evidence" MEANWHILE},
    {NX_STATE_POLICY_BLOCKED, ALWAYS, 0,
     "blocked by policy; waiting does not help",
     "ask the resolver's operator to lift the block"},

    {NX_STATE_OLD_POSITIVE, ALWAYS, 0,
     "{resolver} gives another answer than the expected one",
     "wait until {until},{by}" FLUSH ": the old answer is cached" MEANWHILE},
    {NX_STATE_OLD_POSITIVE, ALWAYS, 0,
     "another answer than the expected one is given",
     "flush the name; if it comes back, look for a name server with old data, "
     "or correct --expect"},

    {NX_STATE_SERVFAIL_DNSSEC, ALWAYS, 0,
     "{resolver} cannot validate {name} (DNSSEC)",
     "check DS, DNSKEY and RRSIG of the zone[; failures are kept until "
     "{hard}]" MEANWHILE},
    {NX_STATE_SERVFAIL_DNSSEC, ALWAYS, 0,
     "the name cannot be validated (DNSSEC)",
     "check DS, DNSKEY and RRSIG of the zone"},
    {NX_STATE_SERVFAIL_OTHER, ALWAYS, 0,
     "{resolver} fails to resolve {name} (SERVFAIL)",
     "check that {resolver} reaches every name server[; failures are kept "
     "until {hard}]" MEANWHILE},
    {NX_STATE_SERVFAIL_OTHER, ALWAYS, 0, "the resolver fails (SERVFAIL)",
     "check that it reaches every name server"},

    {NX_STATE_REFUSED, ALWAYS, 0,
     "{resolver} refuses to answer; this says nothing about caches",
     "let its operator allow this network, or name another resolver" MEANWHILE},
    {NX_STATE_REFUSED, ALWAYS, 0, "the resolver refuses to answer",
     "let its operator allow this network, or name another resolver"},
    {NX_STATE_UNREACHABLE, ALWAYS, 0, "{resolver} does not answer",
     "check {resolver} and the way to it" MEANWHILE},
    {NX_STATE_UNREACHABLE, ALWAYS, 0, "the resolver does not answer",
     "check the resolver and the way to it"},

    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_GUARDED,
     "not asked yet: a question could plant the denial, and name server "
     "{server} denies {name}",
     "fix name server {server}[, serial {serial}]"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_GUARDED,
     "not asked yet: a question could plant the denial before every name "
     "server is verified good",
     "wait for the restoration to be verified"},
    {NX_STATE_UNKNOWN, PRESUMED, 0,
     "the agent is silent[ since {seen}]; by its last forecast this is clear",
     "bring the agent back, or check by hand"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_AGENT_SILENT,
     "the agent is silent[ since {seen}][; by its last forecast this clears at "
     "{until}]",
     "bring the agent back, or check by hand: silence is no all-clear"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_NOT_CACHED,
     "{resolver} holds neither the denial nor the answer",
     "nothing to do: the next query brings the restored answer"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_DENIED_ZONE_NOT_OBSERVED,
     "the zone that denies the name is not watched",
     "let an agent in the role authority watch it; if the name is an alias, "
     "open an incident for its target"},
    {NX_STATE_UNKNOWN, REASON, NX_UNKNOWN_INCONSISTENT,
     "the looks contradict each other, or a name server changed back",
     "check the name servers; wait for the next looks"},
    {NX_STATE_UNKNOWN, ALWAYS, 0, "nothing has been seen here yet",
     "check that the agent runs and asks this network's resolvers"},
};

#define ROWS_N (sizeof(TABLE) / sizeof(TABLE[0]))

/* --- facts --- */

struct scene {
    const struct nx_verdict *v;
    const struct nx_advice_facts *facts;
};

/* "20:31:10Z", with the date when it is another day; forecasts are rounded up
 * so that nobody comes too early. */
static bool write_time(const struct scene *s, int64_t at_us, char *out,
                       size_t cap) {
    char text[NX_TIME_TEXT_MAX];
    int64_t at_s = (at_us + US_PER_S - 1) / US_PER_S;
    if (at_us < 0) {
        return false;
    }
    (void)nx_time_text(at_s * US_PER_S, text);
    if (at_s / DAY_S == s->facts->now_us / US_PER_S / DAY_S) {
        (void)snprintf(out, cap, "%.8sZ", text + 11);
    } else {
        (void)snprintf(out, cap, "%.10sT%.8sZ", text, text + 11);
    }
    return true;
}

static bool copy(const char *text, char *out, size_t cap) {
    if (text == NULL || text[0] == '\0') {
        return false;
    }
    (void)snprintf(out, cap, "%s", text);
    return true;
}

/* The bound, or the weaker one of a chain of caches. */
static int64_t hard_us(const struct nx_verdict *v) {
    int64_t at_us = v->hard.at_us;
    if (v->hard.reason == NX_HARD_NONE) {
        return NX_TIME_UNKNOWN;
    }
    if (v->hard_stack.reason != NX_HARD_NONE && v->hard_stack.at_us > at_us) {
        at_us = v->hard_stack.at_us;
    }
    return at_us;
}

static bool write_number(uint64_t number, char *out, size_t cap) {
    (void)snprintf(out, cap, "%" PRIu64, number);
    return true;
}

/* " 20:39:32Z at the latest," or nothing: never unknown. */
static bool write_by(const struct scene *s, char *out, size_t cap) {
    char text[NX_TIME_TEXT_MAX];
    int64_t at_us = hard_us(s->v);
    out[0] = '\0';
    if (at_us > s->v->eta.point_us &&
        write_time(s, at_us, text, sizeof(text))) {
        (void)snprintf(out, cap, " %s at the latest,", text);
    }
    return true;
}

/* False: not known. */
static bool write_fact(const struct scene *s, const char *key, char *out,
                       size_t cap) {
    const struct nx_advice_facts *f = s->facts;
    const struct nx_verdict *v = s->v;
    const struct {
        const char *key;
        const char *text;
    } TEXTS[] = {{"name", f->name},
                 {"type", f->type},
                 {"server", f->server},
                 {"resolver", f->resolver},
                 {"other", f->other}};
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
        if (strcmp(TEXTS[i].key, key) == 0) {
            return copy(TEXTS[i].text, out, cap);
        }
    }
    if (strcmp(key, "until") == 0) {
        return v->eta.known && write_time(s, v->eta.point_us, out, cap);
    }
    if (strcmp(key, "hard") == 0) {
        return write_time(s, hard_us(v), out, cap);
    }
    if (strcmp(key, "seen") == 0) {
        return write_time(s, v->last_look_us, out, cap);
    }
    if (strcmp(key, "serial") == 0) {
        return f->serial_known && write_number(f->serial, out, cap);
    }
    if (strcmp(key, "caches") == 0) {
        return write_number(v->lines_n, out, cap);
    }
    return strcmp(key, "by") == 0 && write_by(s, out, cap);
}

/* --- lines --- */

struct line {
    char *out;
    size_t len;
};

static void put(struct line *line, const char *text, size_t n) {
    size_t room = NX_ADVICE_MAX - 1 - line->len;
    n = n < room ? n : room;
    memcpy(line->out + line->len, text, n);
    line->len += n;
    line->out[line->len] = '\0';
}

/* Writes the text up to `stop`; false when a fact is not known. *text is moved
 * behind the stop. */
static bool fill(const struct scene *s, const char **text, char stop,
                 struct line *line) {
    char key[16];
    char value[NX_ADVICE_MAX];
    bool known = true;
    const char *p = *text;
    while (*p != stop && *p != '\0') {
        size_t n = strcspn(p, "{[]");
        if (n > 0) {
            put(line, p, n);
            p += n;
        } else if (*p == '{') {
            n = strcspn(p, "}");
            (void)snprintf(key, sizeof(key), "%.*s", (int)n - 1, p + 1);
            if (write_fact(s, key, value, sizeof(value))) {
                put(line, value, strlen(value));
            } else {
                known = false;
            }
            p += n + 1;
        } else {
            size_t before = line->len;
            p++; /* an optional part */
            if (!fill(s, &p, ']', line)) {
                line->len = before;
                line->out[before] = '\0';
            }
        }
    }
    *text = *p == '\0' ? p : p + 1;
    return known;
}

static bool write_line(const struct scene *s, const char *text, char *out) {
    struct line line = {.out = out};
    out[0] = '\0';
    return fill(s, &text, '\0', &line);
}

static bool overdue(const struct scene *s) {
    int64_t at_us = hard_us(s->v);
    return at_us != NX_TIME_UNKNOWN && at_us < s->facts->now_us;
}

static bool holds(const struct scene *s, const struct row *row) {
    const struct nx_verdict *v = s->v;
    switch ((enum when)row->when) {
    case ALWAYS:
        return true;
    case REASON:
        return v->unknown_reason == row->arg;
    case BOUND:
        return v->hard.reason == row->arg;
    case FLAG:
        return (v->flags & 1U << row->arg) != 0;
    case HOST:
        return s->facts->layer == NX_LAYER_HOST;
    case OVERDUE:
        return overdue(s);
    case PRESUMED:
        return v->presumed_clear;
    case NO_LINES:
        return v->lines_n == 0;
    case MANY_LINES:
        return v->lines_n > 1;
    }
    return false;
}

void nx_advice_of(const struct nx_verdict *verdict,
                  const struct nx_advice_facts *facts, struct nx_advice *out) {
    const struct scene s = {verdict, facts};
    for (size_t i = 0; i < ROWS_N; i++) {
        if (TABLE[i].state == verdict->state && holds(&s, &TABLE[i]) &&
            write_line(&s, TABLE[i].why, out->why) &&
            write_line(&s, TABLE[i].todo, out->todo)) {
            return;
        }
    }
    out->why[0] = out->todo[0] = '\0'; /* no such state */
}
