/* By which time retention goes. The collector's clock is what the system says
 * at its start; where that is wrong (no battery, no network yet, a mistake) all
 * that is stored would look old and be deleted. So it is held against the time
 * by which retention went before. Pure. */
#ifndef NX_COLLECTOR_RETAINED_H
#define NX_COLLECTOR_RETAINED_H

#include <stdbool.h>
#include <stdint.h>

/* As much later a start may be: a quarter of how long observations are kept,
 * at most that. */
#define NX_RETAINED_LATER_MAX_US INT64_C(604800000000)
/* A clock that says the same for so long is the operator's word: in one run, or
 * in several of which each started at most LATER_MAX after the first. */
#define NX_RETAINED_TRUST_US INT64_C(86400000000)
/* The system's clock now may differ so much from the one of the start. */
#define NX_RETAINED_SET_US INT64_C(3600000000)

/* What outlives a run. */
struct nx_retained_kept {
    int64_t by_us;    /* by which retention went last */
    int64_t doubt_us; /* collector time of the first start with a clock that is
                         not trusted yet; NX_TIME_UNKNOWN: none */
};

struct nx_retained {
    int64_t by_us;    /* by which retention went last, before this start */
    int64_t start_us; /* collector time of this start */
    int64_t doubt_us; /* of the first such start, this one included */
};

enum nx_retained_clock {
    NX_RETAINED_TRUSTED,
    NX_RETAINED_AHEAD, /* far ahead of what is known; not for long enough */
    NX_RETAINED_SET,   /* the same, and the system's clock was set since */
};

/* kept: before this start; observations_days: 1 or more. */
void nx_retained_init(struct nx_retained *r,
                      const struct nx_retained_kept *kept, int64_t start_us,
                      uint32_t observations_days);

/* The time that retention may go by. now_us: collector time, carried from the
 * start by a clock that does not jump; wall_us: what the system's clock says
 * now. A clock that is not trusted counts from by_us, as time really passes. */
int64_t nx_retained_now(const struct nx_retained *r, int64_t now_us,
                        int64_t wall_us, enum nx_retained_clock *clock);

/* What is to be kept now. A start with a clock that is behind goes by it, but
 * that time is kept only once it has lasted for NX_RETAINED_TRUST_US: else the
 * next start with the right clock would look far ahead. Until then the time
 * that was known goes on as time really passes. */
struct nx_retained_kept nx_retained_keep(const struct nx_retained *r,
                                         int64_t now_us, int64_t wall_us);

#endif
