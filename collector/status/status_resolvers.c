#include "collector/status/status_resolvers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/status/status_text.h"
#include "common/hash.h"

static json_t *seconds(uint32_t s) {
    return s == NX_NOT_MEASURED ? json_null() : json_integer(s);
}

static json_t *flag(bool value) {
    return json_boolean(value);
}

static json_t *count(unsigned n) {
    return n == 0 ? json_null() : json_integer(n);
}

/* A cap of 0 is none; both that and "not measured" are null, told apart by
 * nxdomain_uncapped and nodata_uncapped. */
static json_t *cap(uint32_t s) {
    return s == 0 ? json_null() : seconds(s);
}

/* null: neither seen nor excluded, as of several caches. Unbound's prefetch
 * begins with the last tenth of a TTL: of 8 s that is nothing. */
static json_t *refreshed(const struct nx_measured *m) {
    const struct nx_profile *p = &m->profile;
    bool excluded = p->early_window_s == 0 && m->caches_seen <= 1 &&
                    m->soa_clock != NX_SOA_CLOCK_SHARED_UNTIL_CHANGE;
    return p->early_seen || excluded ? flag(p->early_seen && !excluded)
                                     : json_null();
}

static const char *state_of(const struct nx_book_row *row, int64_t now_us) {
    if (row->measuring) {
        return "measuring";
    }
    if (row->measured_us == NX_TIME_UNKNOWN) {
        return row->failed_us == NX_TIME_UNKNOWN ? "waiting" : "failed";
    }
    return now_us <= row->measured_us + NX_PROFILE_AGED_US ? "measured"
                                                           : "aged";
}

/* Printable ASCII as it is, else in hexadecimal (RFC 5001 section 2.3). */
static json_t *nsid_json(const struct nx_nsid *nsid) {
    char text[2 * NX_ANSWER_NSID_MAX + 3];
    bool plain = true;
    for (unsigned i = 0; i < nsid->len; i++) {
        plain = plain && nsid->bytes[i] >= 0x20 && nsid->bytes[i] < 0x7f;
    }
    if (nsid->len == 0) {
        return json_null();
    }
    if (plain) {
        return json_stringn((const char *)nsid->bytes, nsid->len);
    }
    memcpy(text, "0x", 2);
    for (unsigned i = 0; i < nsid->len; i++) {
        (void)snprintf(text + 2 + (size_t)2 * i, 3, "%02x", nsid->bytes[i]);
    }
    return json_string(text);
}

static json_t *address_json(const struct nx_egress *from) {
    char text[NX_ENDPOINT_TEXT_MAX];
    struct nx_endpoint at = {.address_len = from->len, .port = 53};
    if (from->len == 0) {
        return json_null();
    }
    memcpy(at.address, from->address, from->len);
    size_t len = strcspn(nx_endpoint_text(&at, text), "@");
    return json_stringn(text, len);
}

bool nx_status_resolver_habits(json_t *o, const struct nx_measured *m) {
    const struct nx_profile *p = &m->profile;
    return nx_json_set(o, "nxdomain_cap_s", cap(m->nxdomain_cap_s)) &&
           nx_json_set(o, "nxdomain_uncapped", flag(m->nxdomain_cap_s == 0)) &&
           nx_json_set(o, "nodata_cap_s", cap(m->nodata_cap_s)) &&
           nx_json_set(o, "nodata_uncapped", flag(m->nodata_cap_s == 0)) &&
           nx_json_set(o, "floor_s", seconds(m->floor_s)) &&
           nx_json_set(o, "soa_shown", flag(m->soa_shown)) &&
           nx_json_set(o, "soa_clock",
                       json_string(nx_soa_clock_text(m->soa_clock))) &&
           nx_json_set(o, "counts_down", flag(!p->never_decrements)) &&
           nx_json_set(o, "rounding", json_string(nx_conv_text(p->conv))) &&
           nx_json_set(o, "refreshed_by_looking", refreshed(m)) &&
           nx_json_set(o, "past_ttl",
                       json_string(nx_past_ttl_text(p->past_ttl))) &&
           nx_json_set(o, "rd0", json_string(nx_rd0_text(p->rd0))) &&
           nx_json_set(o, "caches", count(p->caches)) &&
           nx_json_set(o, "caches_at_least", count(m->caches_seen)) &&
           nx_json_set(o, "chain", json_string(nx_chain_text(m->chain))) &&
           nx_json_set(o, "asks_from", address_json(&m->asks_from)) &&
           nx_json_set(o, "nsid", nsid_json(&m->nsid)) &&
           nx_json_set(o, "instances", count(m->instances_seen)) &&
           nx_json_set(o, "server_id", nsid_json(&m->server)) &&
           nx_json_set(o, "server_id_answer",
                       json_string(nx_who_text(m->who))) &&
           nx_json_set(o, "validates",
                       json_string(nx_validates_text(m->validates))) &&
           nx_json_set(o, "bogus_answer",
                       json_string(nx_bogus_text(m->bogus))) &&
           nx_json_set(o, "extended_errors",
                       json_string(nx_ede_text(nx_measured_ede(m)))) &&
           nx_json_set(o, "extended_error_code",
                       m->bogus_ede_seen ? json_integer(m->bogus_ede)
                                         : json_null()) &&
           nx_json_set(o, "extended_errors_seen", flag(m->ede_seen)) &&
           nx_json_set(o, "rewrites_nxdomain", flag(m->rewrites_nxdomain)) &&
           nx_json_set(o, "rewrites_to", address_json(&m->rewrites_to)) &&
           nx_json_set(o, "sibling_w_s", count(m->sibling_w_s));
}

static json_t *trouble(const struct nx_book_row *row) {
    return row->trouble == NX_RUN_NO_TROUBLE
               ? json_null()
               : json_string(nx_run_trouble_text(row->trouble));
}

static json_t *advice(const struct nx_book_row *row) {
    return row->trouble == NX_RUN_NO_TROUBLE
               ? json_null()
               : json_string(nx_run_trouble_advice(row->trouble));
}

/* Whose it is: of those that may ask no two have one name. */
static json_t *agent_json(const struct nx_engine *engine,
                          const struct nx_book_row *row) {
    struct nx_agent_view agent;
    if (row->agent_id == 0) {
        return json_null();
    }
    bool known = nx_engine_agent(engine, row->agent_id, &agent) == NX_OK &&
                 agent.agent->accepted;
    return known ? nx_json_text(agent.agent->name)
                 : json_sprintf("#%" PRIu32, row->agent_id);
}

/* Stands for network, address, scope and agent: the place in pages of the list.
 */
static json_t *id_json(const struct nx_book_row *row) {
    char at[NX_ENDPOINT_TEXT_MAX];
    char text[17];
    (void)nx_endpoint_text(&row->at, at);
    uint64_t id = nx_hash(row->network, strlen(row->network), 1);
    id = nx_hash_u64((uint64_t)row->agent_id << 32 | row->at.scope_id,
                     nx_hash(at, strlen(at), id));
    (void)snprintf(text, sizeof(text), "%016" PRIx64, id);
    return json_string(text);
}

static json_t *resolver_json(const struct nx_engine *engine,
                             const struct nx_book_row *row, int64_t now_us) {
    json_t *o = json_object();
    bool known = row->measured_us != NX_TIME_UNKNOWN;
    if (nx_json_set(o, "id", id_json(row)) &&
        nx_json_set(o, "network", json_string(row->network)) &&
        nx_json_set(o, "resolver", nx_json_address(&row->at)) &&
        nx_json_set(o, "scope", count(row->at.scope_id)) &&
        nx_json_set(o, "agent", agent_json(engine, row)) &&
        nx_json_set(o, "state", json_string(state_of(row, now_us))) &&
        nx_json_set(o, "measured", nx_json_time(row->measured_us)) &&
        nx_json_set(o, "failed", nx_json_time(row->failed_us)) &&
        nx_json_set(o, "trouble", trouble(row)) &&
        nx_json_set(o, "advice", advice(row)) &&
        (!known || nx_status_resolver_habits(o, &row->measured))) {
        return o;
    }
    json_decref(o);
    return NULL;
}

struct listing {
    const struct nx_engine *engine;
    json_t *list;
    const struct nx_sight *sight;
    int64_t now_us;
    bool failed;
};

static void add_resolver(void *user, const struct nx_book_row *row) {
    struct listing *l = user;
    if (nx_sight_covers(l->sight, row->network)) {
        l->failed |=
            !nx_json_add(l->list, resolver_json(l->engine, row, l->now_us));
    }
}

json_t *nx_status_resolvers(const struct nx_engine *engine, int64_t now_us,
                            const struct nx_sight *sight) {
    const struct nx_canary_conf *canary = &nx_engine_settings(engine)->canary;
    struct listing l = {.engine = engine,
                        .list = json_array(),
                        .sight = sight,
                        .now_us = now_us};
    if (nx_engine_resolvers(engine, add_resolver, &l) != 0 || l.failed) {
        json_decref(l.list);
        return NULL;
    }
    bool own = canary->on && !canary->sibling;
    bool sibling = canary->on && canary->sibling;
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o}", "now", nx_json_time(now_us), "canary_zone",
        own ? nx_json_name(canary->zone) : json_null(), "sibling_zone",
        sibling ? nx_json_name(canary->zone) : json_null(), "bogus_zone",
        canary->on && canary->bogus_zone[0] != 0
            ? nx_json_name(canary->bogus_zone)
            : json_null(),
        "resolvers", l.list);
}

/* --- those that have a cap --- */

struct nx_capped {
    struct nx_book_row *rows;
    size_t n, max, at, left_out_n;
    bool failed;
};

static bool has_cap(const struct nx_book_row *row) {
    uint32_t nxdomain_s = row->measured.nxdomain_cap_s;
    uint32_t nodata_s = row->measured.nodata_cap_s;
    return row->measured_us != NX_TIME_UNKNOWN &&
           ((nxdomain_s != 0 && nxdomain_s != NX_NOT_MEASURED) ||
            (nodata_s != 0 && nodata_s != NX_NOT_MEASURED));
}

static void take_capped(void *user, const struct nx_book_row *row) {
    struct nx_capped *c = user;
    if (!has_cap(row)) {
        return;
    }
    if (c->n == c->max) {
        c->left_out_n++;
        return;
    }
    if ((c->n & (c->n - 1)) == 0) { /* a power of two: it is full */
        size_t cap = c->n == 0 ? 1 : 2 * c->n;
        void *grown = realloc(c->rows, cap * sizeof(*c->rows));
        if (grown == NULL) {
            c->failed = true;
            return;
        }
        c->rows = grown;
    }
    c->rows[c->n++] = *row;
}

int nx_capped_new(const struct nx_engine *engine, size_t max,
                  struct nx_capped **out) {
    struct nx_capped *c = calloc(1, sizeof(*c));
    if (c != NULL) {
        c->max = max;
        nx_engine_resolvers_as_noted(engine, take_capped, c);
    }
    if (c == NULL || c->failed) {
        nx_capped_free(&c);
        return NX_ENOMEM;
    }
    *out = c;
    return 0;
}

void nx_capped_free(struct nx_capped **capped) {
    if (*capped != NULL) {
        free((*capped)->rows);
        free(*capped);
        *capped = NULL;
    }
}

int nx_capped_some(struct nx_capped *c, const struct nx_engine *engine,
                   int64_t now_us, json_t *to, size_t n) {
    for (; c->at < c->n && n > 0; n--) {
        if (!nx_json_add(to,
                         resolver_json(engine, &c->rows[c->at++], now_us))) {
            return NX_ENOMEM;
        }
    }
    return c->at < c->n ? NX_EAGAIN : 0;
}

size_t nx_capped_left_out(const struct nx_capped *c) {
    return c->left_out_n;
}
