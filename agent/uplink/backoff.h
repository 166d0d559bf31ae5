/* How long to wait before the next attempt to reach a collector. */
#ifndef NX_AGENT_BACKOFF_H
#define NX_AGENT_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define NX_BACKOFF_SPREAD_MAX_MS 60000U

enum nx_attempt_failure {
    NX_ATTEMPT_LOST,    /* it was connected; others may have lost theirs, too */
    NX_ATTEMPT_FAILED,  /* not reached, or something went wrong */
    NX_ATTEMPT_REFUSED, /* it does not accept our key (yet) */
};

/* Zero it to begin and when a connection has worked. */
struct nx_backoff {
    unsigned failed_n;
    unsigned refused_n;
    int64_t refused_since_us;
    unsigned lost_n;
};

/* Milliseconds to wait. The first loss of one that had worked: 1 s, and by
 * `random` up to a quarter of that or the spread_ms that the collector wishes
 * (at most NX_BACKOFF_SPREAD_MAX_MS). Failures, and other losses: 1 s, doubling
 * up to 60 s, by `random` half of it less to half of it more: those who came at
 * once do not come at once again. A refused key: 2 s during the first minute,
 * so that an agent that is being accepted comes in quickly, then doubling up to
 * 300 s, and up to a quarter more. */
uint32_t nx_backoff_next(struct nx_backoff *backoff,
                         enum nx_attempt_failure failure, int64_t now_mono_us,
                         uint32_t spread_ms, uint32_t random);

/* After an attempt or a connection has ended: is the same collector next, or
 * the following one of the list? One that was reached and then lost is worth
 * another try, but not when that is the third loss without having worked. */
bool nx_backoff_same(struct nx_backoff *backoff, bool lost);

#endif
