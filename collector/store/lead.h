/* By which time a start goes on, when the system's clock is behind what is
 * stored: it was ahead in the run before. An incident that was opened at a time
 * to come would take nothing that agents see until then. Pure. */
#ifndef NX_COLLECTOR_LEAD_H
#define NX_COLLECTOR_LEAD_H

#include <stdint.h>

/* At most so much beyond the system's clock. */
#define NX_LEAD_MAX_US INT64_C(86400000000)

/* What open incidents need, at most NX_LEAD_MAX_US after now. */
struct nx_lead_marks {
    int64_t opened_us;   /* the latest opening; NX_TIME_UNKNOWN: none is open */
    int64_t received_us; /* the latest receipt of a batch; NX_TIME_UNKNOWN */
    uint64_t far_n;      /* incidents that were opened later still */
};

/* The collector's time minus the system's: 0 where no opening is to come, else
 * so much that time goes on from where the log ends. */
int64_t nx_lead(const struct nx_lead_marks *marks, int64_t wall_us);

#endif
