/* A limit of so much per second with so much at once: a leaky bucket as one
 * number (the generic cell rate algorithm, ITU-T I.371 annex A). Pure. */
#ifndef NX_COMMON_BUCKET_H
#define NX_COMMON_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct nx_bucket {
    int64_t full_us; /* when it would be empty again; zero it to begin */
};

struct nx_bucket_rate {
    uint32_t per_s; /* 1..; 0: no limit */
    uint32_t burst; /* at once, 1.. */
};

/* Takes n units at now_us, or false and nothing is taken. What is larger than
 * the burst never passes. A clock that goes back lets nobody wait longer than
 * the burst would. */
bool nx_bucket_take(struct nx_bucket *bucket, const struct nx_bucket_rate *rate,
                    uint32_t n, int64_t now_us);

#endif
