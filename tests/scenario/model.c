#include "tests/scenario/model.h"

#include <string.h>

#include "common/rrtype.h"

#define RTT_US INT64_C(4000)
#define TIMEOUT_US (2 * US_PER_S)
#define POSITIVE_TTL_S 300U

static const uint8_t good_address[4] = {192, 0, 2, 10};
static const uint8_t other_address[4] = {203, 0, 113, 99};

static void name_of(const char *text, uint8_t *out) {
    (void)!nx_dname_parse(text, out);
}

void model_init(struct model *m) {
    *m = (struct model){.turn = 0};
    name_of("www.example.com", m->name);
    name_of("example.com", m->apex);
    name_of("com", m->parent);
    struct server *p = &m->parent_server;
    name_of("a.gtld.example.net", p->name);
    p->at = (struct nx_endpoint){.address = {203, 0, 113, 1},
                                 .address_len = 4,
                                 .port = 53,
                                 .layer = NX_LAYER_AUTHORITY};
    p->at.server_name = p->name;
    p->mood = SERVER_DENIES;
    p->soa = (struct model_soa){900, 900, 77};
}

struct server *model_server(struct model *m) {
    if (m->servers_n == MODEL_SERVERS_MAX) {
        return NULL;
    }
    struct server *s = &m->servers[m->servers_n++];
    char text[] = "ns0.example.com";
    text[2] = (char)('0' + m->servers_n);
    name_of(text, s->name);
    s->listed = true;
    s->mood = SERVER_DENIES;
    s->soa = (struct model_soa){900, 900, 1};
    s->at = (struct nx_endpoint){.address = {198, 51, 100, 0},
                                 .address_len = 4,
                                 .port = 53,
                                 .layer = NX_LAYER_AUTHORITY};
    s->at.address[3] = (uint8_t)m->servers_n;
    s->at.server_name = s->name;
    return s;
}

struct resolver *model_resolver(struct model *m) {
    if (m->resolvers_n == MODEL_RESOLVERS_MAX) {
        return NULL;
    }
    struct resolver *r = &m->resolvers[m->resolvers_n++];
    r->caches_n = 1;
    r->at = (struct nx_endpoint){.address = {192, 0, 2, 0},
                                 .address_len = 4,
                                 .port = 53,
                                 .layer = NX_LAYER_NETWORK};
    r->at.address[3] = (uint8_t)(100 + m->resolvers_n);
    return r;
}

/* --- replies --- */

static void reply_code(struct reply *out, unsigned rcode, unsigned flags) {
    *out = (struct reply){.rtt_us = RTT_US};
    out->answer.outcome = NX_ANSWERED;
    out->answer.rcode = (uint16_t)rcode;
    out->answer.flags = (uint16_t)flags;
}

static void reply_timeout(struct reply *out) {
    *out = (struct reply){.rtt_us = TIMEOUT_US};
    out->answer.outcome = NX_TIMEOUT;
}

static void reply_address(struct reply *out, const uint8_t *address,
                          unsigned flags, uint32_t ttl_s) {
    reply_code(out, NX_RCODE_NOERROR, flags | NX_ANS_RDATA);
    out->rdata[1] = 4;
    memcpy(out->rdata + 2, address, 4);
    out->answer.rdata = out->rdata;
    out->answer.rdata_len = 6;
    out->answer.rdata_n = 1;
    out->answer_ttl_s = ttl_s;
}

static void reply_negative(struct reply *out, bool nodata, unsigned flags,
                           const uint8_t *owner, uint32_t serial,
                           uint32_t minimum_s, uint32_t ttl_s) {
    reply_code(out, nodata ? NX_RCODE_NOERROR : NX_RCODE_NXDOMAIN, flags);
    if (owner != NULL) {
        out->answer.flags |= NX_ANS_SOA;
        out->answer.soa_owner = owner;
        out->answer.soa_serial = serial;
        out->answer.soa_minimum_s = minimum_s;
        out->soa_ttl_s = ttl_s;
    }
}

static void put32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* Two root names, then the five numbers (RFC 1035 section 3.3.13). */
static void reply_soa(struct reply *out, const struct model_soa *soa) {
    reply_code(out, NX_RCODE_NOERROR, NX_ANS_AA | NX_ANS_RDATA);
    out->rdata[1] = 22;
    put32(out->rdata + 4, soa->serial);
    put32(out->rdata + 20, soa->minimum_s);
    out->answer.rdata = out->rdata;
    out->answer.rdata_len = 24;
    out->answer.rdata_n = 1;
    out->answer_ttl_s = soa->ttl_s;
}

static uint32_t w_of(const struct model_soa *soa) {
    return soa->ttl_s < soa->minimum_s ? soa->ttl_s : soa->minimum_s;
}

void model_ask_server(struct model *m, const struct server *s, bool soa,
                      struct reply *out) {
    const uint8_t *zone = s == &m->parent_server ? m->parent : m->apex;
    switch (s->mood) {
    case SERVER_GOOD:
        reply_address(out, good_address, NX_ANS_AA, POSITIVE_TTL_S);
        break;
    case SERVER_DIFFERS:
        reply_address(out, other_address, NX_ANS_AA, POSITIVE_TTL_S);
        break;
    case SERVER_DENIES:
        reply_negative(out, false, NX_ANS_AA, zone, s->soa.serial,
                       s->soa.minimum_s, w_of(&s->soa));
        break;
    case SERVER_REFUSES:
        reply_code(out, NX_RCODE_REFUSED, 0);
        return;
    case SERVER_SILENT:
        reply_timeout(out);
        return;
    }
    if (soa) {
        reply_soa(out, &s->soa);
    }
}

/* --- resolvers --- */

/* Rounded down, also before zero. */
static int64_t whole_s(int64_t us) {
    return (us - (us % US_PER_S + US_PER_S) % US_PER_S) / US_PER_S;
}

void model_fill(struct resolver *r, unsigned cache, const struct cache *entry,
                int64_t now_us, uint32_t ttl_s) {
    int64_t now_s = whole_s(now_us);
    r->caches[cache] = *entry;
    r->caches[cache].end_s = now_s + ttl_s;
    if (cache + 1 > r->caches_n) {
        r->caches_n = cache + 1;
    }
    if (entry->negative && r->zone_end_s <= now_s) {
        r->zone_end_s = now_s + ttl_s;
        r->zone_serial = entry->soa.serial;
    }
}

static bool live(const struct resolver *r, const struct cache *c,
                 int64_t now_us) {
    int64_t end_us = (c->end_s + (r->inclusive ? 1 : 0)) * US_PER_S;
    return (c->negative || c->old) && now_us < end_us;
}

static void from_cache(const struct model *m, const struct resolver *r,
                       const struct cache *c, int64_t now_us,
                       struct reply *out) {
    int64_t now_s = whole_s(now_us);
    uint32_t left_s = (uint32_t)(c->end_s - now_s);
    if (c->old) {
        reply_address(out, other_address, NX_ANS_RA, left_s);
        return;
    }
    uint32_t serial = c->soa.serial;
    if (r->clock == CLOCK_ZONE) {
        left_s = r->zone_end_s > now_s ? (uint32_t)(r->zone_end_s - now_s) : 0;
        serial = r->zone_serial;
    }
    const uint8_t *owner = c->parent ? m->parent : m->apex;
    reply_negative(out, c->nodata, NX_ANS_RA, c->no_soa ? NULL : owner, serial,
                   c->soa.minimum_s, left_s);
}

static const struct server *next_server(struct model *m) {
    if (m->lost) {
        return &m->parent_server;
    }
    for (size_t i = 0; i < m->servers_n; i++) {
        const struct server *s = &m->servers[m->turn++ % m->servers_n];
        if (s->listed && s->mood <= SERVER_DIFFERS) {
            return s;
        }
    }
    return NULL;
}

static void fetch(struct model *m, struct resolver *r, unsigned cache,
                  int64_t now_us, struct reply *out) {
    const struct server *s = next_server(m);
    if (s == NULL) {
        reply_code(out, NX_RCODE_SERVFAIL, NX_ANS_RA);
        return;
    }
    if (s->mood == SERVER_DENIES) {
        const struct cache entry = {
            .negative = true, .parent = s == &m->parent_server, .soa = s->soa};
        model_fill(r, cache, &entry, now_us, w_of(&s->soa));
        from_cache(m, r, &r->caches[cache], now_us, out);
        return;
    }
    reply_address(out, s->mood == SERVER_GOOD ? good_address : other_address,
                  NX_ANS_RA, POSITIVE_TTL_S);
}

static void with_ede(struct reply *out, uint16_t code) {
    out->answer.flags |= NX_ANS_EDNS;
    out->answer.ede[0] = code;
    out->answer.ede_n = 1;
}

void model_ask_resolver(struct model *m, struct resolver *r, int64_t now_us,
                        struct reply *out) {
    unsigned cache = r->asked_n++ % r->caches_n;
    switch (r->mood) {
    case RESOLVER_NORMAL:
        if (live(r, &r->caches[cache], now_us)) {
            from_cache(m, r, &r->caches[cache], now_us, out);
        } else {
            fetch(m, r, cache, now_us, out);
        }
        break;
    case RESOLVER_SILENT:
        reply_timeout(out);
        break;
    case RESOLVER_REFUSES:
        reply_code(out, NX_RCODE_REFUSED, NX_ANS_RA);
        break;
    case RESOLVER_SERVFAIL:
        reply_code(out, NX_RCODE_SERVFAIL, NX_ANS_RA);
        break;
    case RESOLVER_POLICY:
        reply_code(out, NX_RCODE_NXDOMAIN, NX_ANS_RA);
        with_ede(out, 15);
        break;
    case RESOLVER_STALE:
        reply_negative(out, false, NX_ANS_RA, m->apex, 1, 900, 30);
        with_ede(out, 3);
        break;
    }
}
