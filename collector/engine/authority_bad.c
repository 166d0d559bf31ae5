/* When some server was bad: a zone that flaps has several such times, each with
 * entries of its own (nxclear-estimator(7) 5.7). */
#include <string.h>

#include "collector/engine/authority_priv.h"

/* The servers are good again: that interval is over. Of too many, the oldest
 * two become one. */
static void close_interval(struct nx_authority *a,
                           const struct nx_auth_facts *f) {
    if (!a->bad_open || !f->all_ns_good ||
        f->restored_hi_us == NX_TIME_UNKNOWN) {
        return;
    }
    if (a->bad_n > 0 && a->bad_from_us < a->bad[a->bad_n - 1].to_us) {
        a->bad_from_us = a->bad[a->bad_n - 1].to_us;
    }
    if (a->bad_n == NX_BAD_MAX) {
        a->bad[0].to_us = a->bad[1].to_us;
        memmove(&a->bad[1], &a->bad[2], (NX_BAD_MAX - 2) * sizeof(a->bad[0]));
        a->bad_n--;
    }
    a->bad[a->bad_n++] =
        (struct nx_bad_interval){a->bad_from_us, f->restored_hi_us};
    a->bad_open = false;
}

void nx_authority_bad(struct nx_authority *a, struct nx_auth_facts *f) {
    close_interval(a, f);
    f->bad_n = a->bad_n;
    memcpy(f->bad, a->bad, sizeof(f->bad));
    if (f->bad_n > 0) {
        f->bad[0].from_us = f->outage_lo_us;
        if (f->all_ns_good) {
            f->bad[f->bad_n - 1].to_us = f->restored_hi_us;
        }
    }
}
