/* How much of a long work is done at a time, where others wait for the loop
 * meanwhile: as much as took about the time they may wait. Pure. */
#ifndef NX_COMMON_SLICE_H
#define NX_COMMON_SLICE_H

#include <stddef.h>
#include <stdint.h>

/* What others wait for without noticing it. */
#define NX_SLICE_US 700

struct nx_slice {
    size_t n; /* pieces to be done at a time; between min and max */
    size_t min, max;
};

/* So many pieces took so long: half as many next time when that was longer
 * than NX_SLICE_US, a few more when it was less than half of that. */
void nx_slice_took(struct nx_slice *slice, int64_t took_us);

#endif
