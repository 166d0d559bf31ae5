#include "agent/uplink/clocksync.h"

#include <string.h>

#define STEP_MARGIN_US 1000            /* scheduling noise is no step */
#define TIME_MAX_US (INT64_C(1) << 58) /* year 11,000; no sum overflows */

static int64_t error_now(const struct nx_clocksync_sample *s, int64_t now_us) {
    int64_t age_us = now_us > s->at_us ? now_us - s->at_us : 0;
    return s->error_us + age_us / 1000000 * NX_CLOCKSYNC_DRIFT_PPM +
           age_us % 1000000 * NX_CLOCKSYNC_DRIFT_PPM / 1000000;
}

bool nx_clocksync_get(const struct nx_clocksync *sync, int64_t now_mono_us,
                      int64_t *offset_us, uint64_t *error_us) {
    const struct nx_clocksync_sample *best = NULL;
    for (size_t i = 0; i < sync->n; i++) {
        const struct nx_clocksync_sample *s = &sync->samples[i];
        if (best == NULL ||
            error_now(s, now_mono_us) < error_now(best, now_mono_us)) {
            best = s;
        }
    }
    if (best == NULL) {
        return false;
    }
    *offset_us = best->offset_us;
    *error_us = (uint64_t)error_now(best, now_mono_us);
    return true;
}

/* How far ahead of the estimate the sample is, beyond both errors; negative:
 * behind. */
static int64_t step_us(const struct nx_clocksync *sync,
                       const struct nx_clocksync_sample *s) {
    int64_t offset_us = 0;
    uint64_t error_us = 0;
    if (!nx_clocksync_get(sync, s->at_us, &offset_us, &error_us)) {
        return 0;
    }
    int64_t apart_us = s->offset_us - offset_us;
    int64_t errors_us = s->error_us + (int64_t)error_us;
    if (apart_us > errors_us) {
        return apart_us - errors_us;
    }
    return apart_us < -errors_us ? apart_us + errors_us : 0;
}

/* The collector's numbers are a stranger's. */
static bool possible(int64_t us) {
    return us > -TIME_MAX_US && us < TIME_MAX_US;
}

bool nx_clocksync_add(struct nx_clocksync *sync,
                      const struct nx_clock_exchange *e) {
    if (!possible(e->sent_us) || !possible(e->received_us) ||
        !possible(e->replied_us) || !possible(e->answered_us)) {
        return false;
    }
    int64_t there = e->sent_us - e->received_us;
    int64_t back = e->answered_us - e->replied_us;
    int64_t whole = e->answered_us - e->sent_us;
    int64_t away = e->replied_us - e->received_us;
    if (away < 0 || whole < away) {
        return false;
    }
    const struct nx_clocksync_sample s = {.offset_us = (there + back) / 2,
                                          .error_us = (whole - away) / 2 + 1,
                                          .at_us = e->answered_us};
    int64_t step = step_us(sync, &s);
    if (step > STEP_MARGIN_US || step < -STEP_MARGIN_US) {
        memset(sync, 0, sizeof(*sync));
    }
    sync->samples[sync->next] = s;
    sync->next = (sync->next + 1) % NX_CLOCKSYNC_SAMPLES;
    sync->n += sync->n < NX_CLOCKSYNC_SAMPLES ? 1 : 0;
    return step < -NX_STOOD_US;
}
