/* Which replies are sent as they came, beside what was read of them: those that
 * say what is not known yet, for whoever must show them (nxclear evidence). A
 * countdown is one answer, however often it is looked at. Pure.
 *
 * Of a question the first reply, and each whose answer differs from the one
 * that was sent last; NX_WIRES_BURST at once, then one each NX_WIRES_PAUSE_US
 * (names with many addresses answer anew each time). Of all questions
 * NX_WIRES_ALL_BURST at once, then one per second. */
#ifndef NX_AGENT_WIRES_H
#define NX_AGENT_WIRES_H

#include "common/bucket.h"
#include "common/obs.h"

#define NX_WIRES_SLOTS 1024U /* questions remembered; a power of two */
#define NX_WIRES_BURST 4U
#define NX_WIRES_PAUSE_US INT64_C(300000000)
#define NX_WIRES_ALL_BURST 256U

struct nx_wires {
    struct nx_wires_slot {
        uint64_t question; /* hash; 0: free */
        uint64_t answer;   /* hash of the one that was sent last */
        int64_t full_us;   /* when its burst is whole again */
    } slots[NX_WIRES_SLOTS];
    struct nx_bucket all;
};

/* To begin, zero the struct. Is this reply to be sent as it came? Counts it as
 * sent then. False when the observation has none. */
bool nx_wires_take(struct nx_wires *wires, const struct nx_obs *obs,
                   int64_t now_mono_us);

#endif
