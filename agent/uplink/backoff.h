/* How long to wait before the next attempt to reach a collector. */
#ifndef NX_AGENT_BACKOFF_H
#define NX_AGENT_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

enum nx_attempt_failure {
    NX_ATTEMPT_FAILED,  /* not reached, lost, or something went wrong */
    NX_ATTEMPT_REFUSED, /* it does not accept our key (yet) */
};

/* Zero it to begin and when a connection has worked. */
struct nx_backoff {
    unsigned failed_n;
    unsigned refused_n;
    int64_t refused_since_us;
    unsigned lost_n;
};

/* Milliseconds to wait. Failures: 1 s, doubling up to 60 s. A refused key:
 * 2 s during the first minute, so that an agent that is being accepted comes in
 * quickly, then doubling up to 300 s. Up to a quarter is added by `random`, so
 * that agents do not come all at once. */
uint32_t nx_backoff_next(struct nx_backoff *backoff,
                         enum nx_attempt_failure failure, int64_t now_mono_us,
                         uint32_t random);

/* After an attempt or a connection has ended: is the same collector next, or
 * the following one of the list? One that was reached and then lost is worth
 * another try, but not when that is the third loss without having worked. */
bool nx_backoff_same(struct nx_backoff *backoff, bool lost);

#endif
