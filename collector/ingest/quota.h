/* How much one agent may have stored: a bucket that empties in an hour. An
 * agent that is over it is not acknowledged, so it keeps what it has and sends
 * it again; nobody can fill the disk faster. Pure. */
#ifndef NX_COLLECTOR_QUOTA_H
#define NX_COLLECTOR_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NX_QUOTA_ROW_BYTES 200U /* what a row takes beside its message */

/* Zero it to begin. */
struct nx_quota {
    double level_bytes;
    int64_t at_us; /* of the level */
    bool over;     /* was, and is not down to half of it yet: for the log */
};

/* May a message of len bytes be stored now? limit: bytes in an hour, and at
 * once. One that is larger than that alone fits when the bucket is empty. A
 * clock that goes back empties nothing. */
bool nx_quota_fits(struct nx_quota *quota, uint64_t limit, size_t len,
                   int64_t now_us);

/* It was taken. */
void nx_quota_add(struct nx_quota *quota, size_t len);

#endif
