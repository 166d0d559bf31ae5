#include "collector/store/retained.h"

#define DAY_US INT64_C(86400000000)

void nx_retained_init(struct nx_retained *r, int64_t by_us, int64_t start_us,
                      uint32_t observations_days) {
    int64_t quarter_us = (int64_t)observations_days * DAY_US / 4;
    *r = (struct nx_retained){.by_us = by_us,
                              .start_us = start_us,
                              .later_max_us =
                                  quarter_us < NX_RETAINED_LATER_MAX_US
                                      ? quarter_us
                                      : NX_RETAINED_LATER_MAX_US};
}

static bool was_set(int64_t now_us, int64_t wall_us) {
    return wall_us > now_us + NX_RETAINED_SET_US ||
           wall_us < now_us - NX_RETAINED_SET_US;
}

int64_t nx_retained_now(const struct nx_retained *r, int64_t now_us,
                        int64_t wall_us, enum nx_retained_clock *clock) {
    int64_t passed_us = now_us - r->start_us;
    *clock = NX_RETAINED_TRUSTED;
    if (r->start_us - r->by_us <= r->later_max_us) {
        return now_us;
    }
    if (was_set(now_us, wall_us)) {
        *clock = NX_RETAINED_SET;
    } else if (passed_us < NX_RETAINED_TRUST_US) {
        *clock = NX_RETAINED_AHEAD;
    } else {
        return now_us;
    }
    return r->by_us + passed_us;
}
