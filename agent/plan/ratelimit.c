#include "agent/plan/ratelimit.h"

#include <stdlib.h>
#include <string.h>

/* A level counts billionths of a query: mqps * us, exactly. */
#define QUERY INT64_C(1000000000)

struct bucket {
    int64_t level;
    int64_t at_us; /* when level was right */
    struct nx_rate rate;
};

struct server {
    uint8_t address[16];
    uint32_t scope_id;
    uint16_t port;
    uint8_t address_len;
    struct bucket bucket;
};

struct nx_ratelimit {
    struct bucket total;
    size_t n; /* slots in use, from the start */
    struct server servers[NX_RATELIMIT_SERVERS_MAX];
};

static int64_t full(const struct bucket *b) {
    return (int64_t)b->rate.burst * QUERY;
}

static void refill(struct bucket *b, int64_t now_us) {
    int64_t elapsed_us = now_us - b->at_us;
    if (elapsed_us <= 0) {
        return;
    }
    int64_t missing = full(b) - b->level;
    /* Longer than it takes to fill: no multiplication that could overflow. */
    if (elapsed_us > missing / b->rate.mqps) {
        b->level = full(b);
    } else {
        b->level += elapsed_us * b->rate.mqps;
    }
    b->at_us = now_us;
}

static void set_rate(struct bucket *b, const struct nx_rate *rate,
                     int64_t now_us) {
    refill(b, now_us);
    b->rate = *rate;
    b->level = b->level < full(b) ? b->level : full(b);
}

static int64_t wait_for_one(const struct bucket *b) {
    int64_t missing = QUERY - b->level;
    return missing <= 0 ? 0 : (missing + b->rate.mqps - 1) / b->rate.mqps;
}

static bool rate_ok(const struct nx_rate *rate) {
    return rate->mqps >= 1 && rate->mqps <= NX_RATE_MAX_MQPS &&
           rate->burst >= 1 && rate->burst <= NX_BURST_MAX;
}

int nx_ratelimit_new(const struct nx_rate *total, struct nx_ratelimit **out) {
    if (!rate_ok(total)) {
        return NX_ERANGE;
    }
    struct nx_ratelimit *limit = calloc(1, sizeof(*limit));
    if (limit == NULL) {
        return NX_ENOMEM;
    }
    limit->total.rate = *total;
    limit->total.level = full(&limit->total);
    *out = limit;
    return NX_OK;
}

void nx_ratelimit_free(struct nx_ratelimit **limit) {
    free(*limit);
    *limit = NULL;
}

int nx_ratelimit_set_total(struct nx_ratelimit *limit,
                           const struct nx_rate *total) {
    if (!rate_ok(total)) {
        return NX_ERANGE;
    }
    set_rate(&limit->total, total, limit->total.at_us);
    return NX_OK;
}

static bool is_server(const struct server *s, const struct nx_endpoint *e) {
    return s->address_len == e->address_len && s->port == e->port &&
           s->scope_id == e->scope_id &&
           memcmp(s->address, e->address, e->address_len) == 0;
}

static struct server *find(struct nx_ratelimit *limit,
                           const struct nx_endpoint *e) {
    for (size_t i = 0; i < limit->n; i++) {
        if (is_server(&limit->servers[i], e)) {
            return &limit->servers[i];
        }
    }
    return NULL;
}

/* A slot nobody needs: unused, or with a full bucket. */
static struct server *find_free(struct nx_ratelimit *limit, int64_t now_us) {
    if (limit->n < NX_RATELIMIT_SERVERS_MAX) {
        return &limit->servers[limit->n++];
    }
    for (size_t i = 0; i < limit->n; i++) {
        struct bucket *b = &limit->servers[i].bucket;
        refill(b, now_us);
        if (b->level == full(b)) {
            return &limit->servers[i];
        }
    }
    return NULL;
}

static struct server *get(struct nx_ratelimit *limit,
                          const struct nx_endpoint *e,
                          const struct nx_rate *rate, int64_t now_us) {
    struct server *s = find(limit, e);
    if (s != NULL) {
        set_rate(&s->bucket, rate, now_us);
        return s;
    }
    s = find_free(limit, now_us);
    if (s != NULL) {
        memset(s, 0, sizeof(*s));
        memcpy(s->address, e->address, e->address_len);
        s->address_len = e->address_len;
        s->port = e->port;
        s->scope_id = e->scope_id;
        s->bucket.rate = *rate;
        s->bucket.level = full(&s->bucket);
        s->bucket.at_us = now_us;
    }
    return s;
}

enum nx_ratelimit_verdict nx_ratelimit_take(struct nx_ratelimit *limit,
                                            const struct nx_endpoint *server,
                                            const struct nx_rate *rate,
                                            int64_t now_mono_us,
                                            int64_t *wait_us) {
    struct server *s =
        rate_ok(rate) ? get(limit, server, rate, now_mono_us) : NULL;
    if (s == NULL) {
        *wait_us = 1000000;
        return NX_RATE_SERVER;
    }
    refill(&limit->total, now_mono_us);
    if (s->bucket.level < QUERY) {
        *wait_us = wait_for_one(&s->bucket);
        return NX_RATE_SERVER;
    }
    if (limit->total.level < QUERY) {
        *wait_us = wait_for_one(&limit->total);
        return NX_RATE_TOTAL;
    }
    s->bucket.level -= QUERY;
    limit->total.level -= QUERY;
    return NX_RATE_GO;
}

void nx_ratelimit_charge(struct nx_ratelimit *limit,
                         const struct nx_endpoint *server,
                         int64_t now_mono_us) {
    struct server *s = find(limit, server);
    refill(&limit->total, now_mono_us);
    limit->total.level -= QUERY;
    if (s != NULL) {
        refill(&s->bucket, now_mono_us);
        s->bucket.level -= QUERY;
    }
}
