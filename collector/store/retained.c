#include "collector/store/retained.h"

#include "collector/infer/facts.h"

#define DAY_US INT64_C(86400000000)

/* The clock of an earlier doubted start, as far as that can be told. */
static bool same_clock(const struct nx_retained_kept *kept, int64_t start_us) {
    return kept->doubt_us != NX_TIME_UNKNOWN && start_us >= kept->doubt_us &&
           start_us - kept->doubt_us <= NX_RETAINED_LATER_MAX_US;
}

void nx_retained_init(struct nx_retained *r,
                      const struct nx_retained_kept *kept, int64_t start_us,
                      uint32_t observations_days) {
    int64_t quarter_us = (int64_t)observations_days * DAY_US / 4;
    int64_t later_max_us = quarter_us < NX_RETAINED_LATER_MAX_US
                               ? quarter_us
                               : NX_RETAINED_LATER_MAX_US;
    int64_t doubt_us = NX_TIME_UNKNOWN;
    if (start_us - kept->by_us > later_max_us) {
        doubt_us = same_clock(kept, start_us) ? kept->doubt_us : start_us;
    }
    *r = (struct nx_retained){
        .by_us = kept->by_us, .start_us = start_us, .doubt_us = doubt_us};
}

static bool was_set(int64_t now_us, int64_t wall_us) {
    return wall_us > now_us + NX_RETAINED_SET_US ||
           wall_us < now_us - NX_RETAINED_SET_US;
}

int64_t nx_retained_now(const struct nx_retained *r, int64_t now_us,
                        int64_t wall_us, enum nx_retained_clock *clock) {
    *clock = NX_RETAINED_TRUSTED;
    if (r->doubt_us == NX_TIME_UNKNOWN) {
        return now_us;
    }
    if (was_set(now_us, wall_us)) {
        *clock = NX_RETAINED_SET;
    } else if (now_us - r->doubt_us < NX_RETAINED_TRUST_US) {
        *clock = NX_RETAINED_AHEAD;
    } else {
        return now_us;
    }
    return r->by_us + (now_us - r->start_us);
}

struct nx_retained_kept nx_retained_keep(const struct nx_retained *r,
                                         int64_t now_us, int64_t wall_us) {
    enum nx_retained_clock clock = NX_RETAINED_TRUSTED;
    int64_t by_us = nx_retained_now(r, now_us, wall_us, &clock);
    int64_t passed_us = r->by_us + (now_us - r->start_us);
    bool lasting = now_us - r->start_us >= NX_RETAINED_TRUST_US &&
                   !was_set(now_us, wall_us);
    return (struct nx_retained_kept){
        .by_us = by_us < passed_us && !lasting ? passed_us : by_us,
        .doubt_us = clock == NX_RETAINED_AHEAD ? r->doubt_us : NX_TIME_UNKNOWN};
}
