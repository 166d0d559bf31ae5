#include "collector/status/status_resolvers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/status/order.h"
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
 * begins with the last tenth of a TTL: of the 8 s of end.ZONE that is nothing.
 */
static json_t *refreshed(const struct nx_measured *m) {
    const struct nx_profile *p = &m->profile;
    bool excluded = p->early_window_s == 0 && m->caches_seen <= 1 &&
                    m->soa_clock != NX_SOA_CLOCK_SHARED_UNTIL_CHANGE;
    switch ((enum nx_early)p->early_seen) {
    case NX_EARLY_SEEN:
        return json_true();
    case NX_EARLY_NEVER:
        return json_false();
    case NX_EARLY_UNKNOWN:
        break;
    }
    return excluded ? json_false() : json_null();
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
           nx_json_set(o, "never_validates", flag(p->never_validates)) &&
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

const char *nx_resolver_id(const struct nx_book_row *row, char *out) {
    char at[NX_ENDPOINT_TEXT_MAX];
    (void)nx_endpoint_text(&row->at, at);
    uint64_t id = nx_hash(row->network, strlen(row->network), 1);
    id = nx_hash_u64((uint64_t)row->agent_id << 32 | row->at.scope_id,
                     nx_hash(at, strlen(at), id));
    (void)snprintf(out, NX_RESOLVER_ID_MAX, "%016" PRIx64, id);
    return out;
}

json_t *nx_status_resolver(const struct nx_engine *engine,
                           const struct nx_book_row *row, int64_t now_us) {
    json_t *o = json_object();
    char id[NX_RESOLVER_ID_MAX];
    bool known = row->measured_us != NX_TIME_UNKNOWN;
    if (nx_json_set(o, "id", json_string(nx_resolver_id(row, id))) &&
        nx_json_set(o, "network", json_string(row->network)) &&
        nx_json_set(o, "resolver", nx_json_address(&row->at)) &&
        nx_json_set(o, "scope", count(row->at.scope_id)) &&
        nx_json_set(o, "agent", agent_json(engine, row)) &&
        nx_json_set(o, "use",
                    json_string(nx_book_use_text(nx_book_use(row, now_us)))) &&
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

static void put_zone(struct nx_text *out, const char *key, bool is,
                     const uint8_t *zone) {
    nx_put_key(out, key);
    if (is) {
        nx_put_value(out, nx_json_name(zone));
    } else {
        nx_put_null(out);
    }
}

void nx_status_put_canary_zones(const struct nx_engine *engine,
                                struct nx_text *out) {
    const struct nx_canary_conf *canary = &nx_engine_settings(engine)->canary;
    put_zone(out, "canary_zone", canary->on && !canary->sibling, canary->zone);
    put_zone(out, "sibling_zone", canary->on && canary->sibling, canary->zone);
    put_zone(out, "bogus_zone", canary->on && canary->bogus_zone[0] != 0,
             canary->bogus_zone);
}

/* --- lists of them --- */

struct nx_resolver_list {
    struct nx_book_row *rows;
    size_t n, max, at, left_out_n;
    struct nx_order order;
    bool failed;
};

static void take(struct nx_resolver_list *l, const struct nx_book_row *row) {
    if (l->n == l->max) {
        l->left_out_n++;
        return;
    }
    if ((l->n & (l->n - 1)) == 0) { /* a power of two: it is full */
        size_t cap = l->n == 0 ? 1 : 2 * l->n;
        void *grown = realloc(l->rows, cap * sizeof(*l->rows));
        if (grown == NULL) {
            l->failed = true;
            return;
        }
        l->rows = grown;
    }
    l->rows[l->n++] = *row;
}

static void take_any(void *user, const struct nx_book_row *row) {
    take(user, row);
}

static bool has_cap(const struct nx_book_row *row) {
    uint32_t nxdomain_s = row->measured.nxdomain_cap_s;
    uint32_t nodata_s = row->measured.nodata_cap_s;
    return row->measured_us != NX_TIME_UNKNOWN &&
           ((nxdomain_s != 0 && nxdomain_s != NX_NOT_MEASURED) ||
            (nodata_s != 0 && nodata_s != NX_NOT_MEASURED));
}

static void take_capped(void *user, const struct nx_book_row *row) {
    if (has_cap(row)) {
        take(user, row);
    }
}

static int note(const struct nx_engine *engine, size_t max,
                void (*visit)(void *user, const struct nx_book_row *row),
                struct nx_resolver_list **out) {
    struct nx_resolver_list *l = calloc(1, sizeof(*l));
    if (l != NULL) {
        l->max = max;
        nx_engine_resolvers_as_noted(engine, visit, l);
    }
    if (l == NULL || l->failed) {
        nx_resolver_list_free(&l);
        return NX_ENOMEM;
    }
    *out = l;
    return 0;
}

static int by_place(const void *a, const void *b) {
    return nx_book_row_order(a, b);
}

int nx_resolver_list_new(const struct nx_engine *engine,
                         struct nx_resolver_list **out) {
    int err = note(engine, SIZE_MAX, take_any, out);
    if (err == 0) {
        struct nx_resolver_list *l = *out;
        err = nx_order_begin(&l->order, l->rows, l->n, sizeof(*l->rows),
                             by_place);
    }
    if (err != 0) {
        nx_resolver_list_free(out);
    }
    return err;
}

int nx_resolver_list_capped(const struct nx_engine *engine, size_t max,
                            struct nx_resolver_list **out) {
    return note(engine, max, take_capped, out);
}

void nx_resolver_list_free(struct nx_resolver_list **list) {
    if (*list != NULL) {
        nx_order_fini(&(*list)->order);
        free((*list)->rows);
        free(*list);
        *list = NULL;
    }
}

bool nx_resolver_list_sort(struct nx_resolver_list *l, size_t budget) {
    return nx_order_step(&l->order, &budget);
}

size_t nx_resolver_list_n(const struct nx_resolver_list *l) {
    return l->n;
}

const struct nx_book_row *nx_resolver_list_at(const struct nx_resolver_list *l,
                                              size_t i) {
    return l->order.from != NULL ? l->order.from[i] : &l->rows[i];
}

int nx_resolver_list_some(struct nx_resolver_list *l,
                          const struct nx_engine *engine, int64_t now_us,
                          json_t *to, size_t n) {
    for (; l->at < l->n && n > 0; n--) {
        if (!nx_json_add(to, nx_status_resolver(engine,
                                                nx_resolver_list_at(l, l->at++),
                                                now_us))) {
            return NX_ENOMEM;
        }
    }
    return l->at < l->n ? NX_EAGAIN : 0;
}

size_t nx_resolver_list_left_out(const struct nx_resolver_list *l) {
    return l->left_out_n;
}
