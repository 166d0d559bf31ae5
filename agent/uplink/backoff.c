#include "agent/uplink/backoff.h"

#define FAILED_FIRST_MS 1000U
#define FAILED_MAX_MS 60000U
#define REFUSED_FIRST_MS 2000U
#define REFUSED_MAX_MS 300000U
#define REFUSED_EAGER_US 60000000
#define LOSSES_MAX 3U

static uint32_t doubled(uint32_t first_ms, unsigned times, uint32_t max_ms) {
    uint32_t ms = first_ms;
    while (times-- > 0 && ms < max_ms) {
        ms *= 2;
    }
    return ms < max_ms ? ms : max_ms;
}

/* Others may have lost theirs at the same moment. */
static uint32_t after_loss(uint32_t spread_ms, uint32_t random) {
    if (spread_ms > NX_BACKOFF_SPREAD_MAX_MS) {
        spread_ms = NX_BACKOFF_SPREAD_MAX_MS;
    } else if (spread_ms < FAILED_FIRST_MS / 4) {
        spread_ms = FAILED_FIRST_MS / 4;
    }
    return FAILED_FIRST_MS + random % (spread_ms + 1);
}

static uint32_t after_refusal(struct nx_backoff *b, int64_t now_mono_us,
                              uint32_t random) {
    if (b->refused_since_us == 0) {
        b->refused_since_us = now_mono_us;
    }
    if (now_mono_us - b->refused_since_us >= REFUSED_EAGER_US) {
        b->refused_n += b->refused_n < 32 ? 1 : 0;
    }
    uint32_t ms = doubled(REFUSED_FIRST_MS, b->refused_n, REFUSED_MAX_MS);
    return ms + random % (ms / 4 + 1);
}

uint32_t nx_backoff_next(struct nx_backoff *b, enum nx_attempt_failure failure,
                         int64_t now_mono_us, uint32_t spread_ms,
                         uint32_t random) {
    if (failure == NX_ATTEMPT_REFUSED) {
        return after_refusal(b, now_mono_us, random);
    }
    uint32_t ms = doubled(FAILED_FIRST_MS, b->failed_n, FAILED_MAX_MS);
    bool first = b->failed_n == 0;
    b->failed_n += b->failed_n < 32 ? 1 : 0;
    return first && failure == NX_ATTEMPT_LOST ? after_loss(spread_ms, random)
                                               : ms / 2 + random % (ms + 1);
}

bool nx_backoff_same(struct nx_backoff *b, bool lost) {
    if (lost && ++b->lost_n < LOSSES_MAX) {
        return true;
    }
    b->lost_n = 0;
    return false;
}
