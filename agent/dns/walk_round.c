#include <string.h>

#include "agent/dns/walk_state.h"
#include "common/rrtype.h"

static bool have_server(const struct nx_walk *w, const struct walk_address *a) {
    for (size_t i = 0; i < w->servers_n; i++) {
        const struct nx_endpoint *e = &w->servers[i];
        if (e->address_len == a->len && e->port == a->port &&
            memcmp(e->address, a->bytes, a->len) == 0) {
            return true;
        }
    }
    return false;
}

static void add_host(struct nx_walk *w, const struct walk_host *h) {
    for (unsigned i = 0; i < h->addresses_n; i++) {
        const struct walk_address *a = &h->addresses[i];
        if (w->servers_n == NX_DELEG_SERVERS_MAX || have_server(w, a)) {
            continue;
        }
        struct nx_endpoint *e = &w->servers[w->servers_n++];
        memset(e, 0, sizeof(*e));
        memcpy(e->address, a->bytes, a->len);
        e->address_len = a->len;
        e->port = a->port;
        e->layer = NX_LAYER_AUTHORITY;
        e->server_name = h->name;
    }
}

/* The SOA is asked besides the types, unless it is one of them. */
static bool soa_extra(const struct nx_walk *w) {
    bool at_apex = nx_dname_equal(w->name, w->zones[w->deepest].apex);
    for (size_t i = 0; i < w->types_n; i++) {
        if (at_apex && w->types[i] == NX_TYPE_SOA) {
            return false;
        }
    }
    return true;
}

void nx_walk_begin_round(struct nx_walk *w, int64_t now_mono_us) {
    w->deepest = w->jobs[0].zone;
    const struct walk_zone *z = &w->zones[w->deepest];
    /* Not even the root answered: its servers are not the name's. */
    bool reached =
        z->parent != WALK_NONE || (w->problems & NX_DELEG_UNREACHED) == 0;
    w->servers_n = 0;
    for (unsigned i = 0; i < z->ns_n; i++) {
        const struct walk_host *h = &w->hosts[z->ns[i]];
        w->problems |= h->addresses_n == 0 ? NX_DELEG_NO_GLUE : 0;
        if (reached) {
            add_host(w, h);
        }
    }
    w->problems |= z->incomplete ? NX_DELEG_NO_GLUE : 0;
    w->round_n = w->servers_n * (w->types_n + (soa_extra(w) ? 1 : 0));
    w->round_out = 0;
    w->round_left = w->round_n;
    w->round_id = w->next_id;
    w->next_id += (uint32_t)w->round_n;
    memset(w->round_done, 0, sizeof(w->round_done));
    w->found_mono_us = now_mono_us;
    w->reported_problems = w->problems;
    w->report = true;
    w->stage = w->round_n > 0 ? STAGE_ROUND : STAGE_IDLE;
}

bool nx_walk_round_query(struct nx_walk *w, struct nx_walk_query *out) {
    if (w->round_out == w->round_n) {
        return false;
    }
    const struct nx_endpoint *e = &w->servers[w->round_out % w->servers_n];
    size_t t = w->round_out / w->servers_n;
    const uint8_t *name = t < w->types_n ? w->name : w->zones[w->deepest].apex;
    memset(out, 0, sizeof(*out));
    out->id = w->round_id + (uint32_t)w->round_out++;
    out->observe = true;
    out->type = t < w->types_n ? w->types[t] : NX_TYPE_SOA;
    out->to = *e;
    out->to.server_name = NULL;
    memcpy(out->name, name, nx_dname_len(name));
    memcpy(out->server_name, e->server_name, nx_dname_len(e->server_name));
    return true;
}

/* Lame: it answered, but not as one who serves the zone. A referral further
 * down says only that a delegation came back this moment. */
static bool is_lame(const struct nx_walk *w, const struct nx_answer *a) {
    if (a->outcome != NX_ANSWERED) {
        return false;
    }
    bool served =
        (a->flags & NX_ANS_AA) != 0 &&
        (a->rcode == NX_RCODE_NOERROR || a->rcode == NX_RCODE_NXDOMAIN);
    return !served &&
           !nx_walk_is_referral(a, w->zones[w->deepest].apex, w->name);
}

void nx_walk_round_result(struct nx_walk *w, uint32_t id,
                          const struct nx_obs *obs) {
    uint32_t i = id - w->round_id; /* modular, so lower ids are huge */
    if (i >= w->round_out || (w->round_done[i / 8] >> (i % 8) & 1) != 0) {
        return;
    }
    w->round_done[i / 8] |= (uint8_t)(1U << (i % 8));
    w->round_left--;
    if (obs != NULL && is_lame(w, obs->answer)) {
        w->problems |= NX_DELEG_LAME;
    }
    if (w->round_left == 0) {
        w->stage = STAGE_IDLE;
        w->report = w->report || w->problems != w->reported_problems;
        w->reported_problems = w->problems;
    }
}
