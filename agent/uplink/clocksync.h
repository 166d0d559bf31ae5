/* How far this agent's monotonic clock is from the collector's, measured like
 * NTP does (RFC 5905 section 8) over the exchange of batch and ack. */
#ifndef NX_AGENT_CLOCKSYNC_H
#define NX_AGENT_CLOCKSYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NX_CLOCKSYNC_SAMPLES 8U
#define NX_CLOCKSYNC_DRIFT_PPM 15 /* what two disciplined clocks may differ */

/* One exchange. sent and answered by the agent's monotonic clock, the two
 * between by the collector's. */
struct nx_clock_exchange {
    int64_t sent_us;
    int64_t received_us;
    int64_t replied_us;
    int64_t answered_us;
};

struct nx_clocksync_sample {
    int64_t offset_us; /* agent monotonic minus collector time */
    int64_t error_us;  /* half the round trip */
    int64_t at_us;     /* agent monotonic */
};

/* Zero it to begin, and when another collector is talked to. */
struct nx_clocksync {
    struct nx_clocksync_sample samples[NX_CLOCKSYNC_SAMPLES];
    size_t n;
    size_t next;
};

/* What a machine may have stood still without a word (NTP steps clocks, too):
 * here beyond both errors, and by the clock of day in plan/guard.h. */
#define NX_STOOD_US 1000000

/* Takes a sample. Exchanges that cannot be (an answer before its question) are
 * left out; one that contradicts the estimate beyond both errors means that a
 * clock was changed: what was known is forgotten. True: our clock is behind
 * what it was, as after a time that it did not count (a VM that was paused). */
bool nx_clocksync_add(struct nx_clocksync *sync,
                      const struct nx_clock_exchange *exchange);

/* The offset by the sample whose error, grown by drift since, is the least.
 * False before the first sample. */
bool nx_clocksync_get(const struct nx_clocksync *sync, int64_t now_mono_us,
                      int64_t *offset_us, uint64_t *error_us);

#endif
