/* Token buckets: no more than burst + rate * t queries in any time t, for each
 * server and in total. Whole numbers only, so the bound is exact. What had to
 * go at once (nx_ratelimit_charge) is paid for by waiting afterwards. */
#ifndef NX_AGENT_RATELIMIT_H
#define NX_AGENT_RATELIMIT_H

#include "common/obs.h"

#define NX_RATELIMIT_SERVERS_MAX 512U /* with a bucket of their own */
#define NX_RATE_MAX_MQPS 10000000U    /* 10,000 per second */
#define NX_BURST_MAX 10000U

struct nx_rate {
    uint32_t mqps;  /* thousandths of a query per second; 1..NX_RATE_MAX_MQPS */
    uint32_t burst; /* queries; 1..NX_BURST_MAX */
};

struct nx_ratelimit;

/* NX_ENOMEM, NX_ERANGE. */
int nx_ratelimit_new(const struct nx_rate *total,
                     struct nx_ratelimit **out) NX_MUSTUSE;
void nx_ratelimit_free(struct nx_ratelimit **limit);

/* A new total rate; what is in the buckets stays. NX_ERANGE. */
int nx_ratelimit_set_total(struct nx_ratelimit *limit,
                           const struct nx_rate *total) NX_MUSTUSE;

enum nx_ratelimit_verdict {
    NX_RATE_GO,     /* one query was taken */
    NX_RATE_SERVER, /* this server's bucket is empty */
    NX_RATE_TOTAL,  /* the agent's bucket is empty */
};

/* May one query go to this server now? If not, *wait_us (> 0) says when it is
 * worth asking again. A server is an address with its port: transports share
 * the bucket. A bucket is only given to another server when it is full, so
 * forgetting never allows more; while none is free, the answer is
 * NX_RATE_SERVER. `rate` may differ from call to call. */
enum nx_ratelimit_verdict nx_ratelimit_take(struct nx_ratelimit *limit,
                                            const struct nx_endpoint *server,
                                            const struct nx_rate *rate,
                                            int64_t now_mono_us,
                                            int64_t *wait_us);

/* One more query went to this server, unasked: a truncated reply was fetched
 * over TCP. The buckets may go below zero by it. */
void nx_ratelimit_charge(struct nx_ratelimit *limit,
                         const struct nx_endpoint *server, int64_t now_mono_us);

#endif
