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
/* A clock that says the same for so long is the operator's word. */
#define NX_RETAINED_TRUST_US INT64_C(86400000000)
/* The system's clock now may differ so much from the one of the start. */
#define NX_RETAINED_SET_US INT64_C(3600000000)

struct nx_retained {
    int64_t by_us;    /* by which retention went last, before this start */
    int64_t start_us; /* collector time of this start */
    int64_t later_max_us;
};

enum nx_retained_clock {
    NX_RETAINED_TRUSTED,
    NX_RETAINED_AHEAD, /* far ahead of what is known; not for long enough */
    NX_RETAINED_SET,   /* the same, and the system's clock was set since */
};

/* observations_days: 1 or more. */
void nx_retained_init(struct nx_retained *r, int64_t by_us, int64_t start_us,
                      uint32_t observations_days);

/* The time that retention may go by. now_us: collector time, carried from the
 * start by a clock that does not jump; wall_us: what the system's clock says
 * now. A clock that is not trusted counts from by_us, as time really passes. */
int64_t nx_retained_now(const struct nx_retained *r, int64_t now_us,
                        int64_t wall_us, enum nx_retained_clock *clock);

#endif
