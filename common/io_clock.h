/* Clocks, in microseconds. The pure modules get these as arguments.
 *
 * Monotonic time keeps counting while the machine sleeps (CLOCK_BOOTTIME
 * where there is one), as the TTLs in a resolver's cache do. */
#ifndef NX_COMMON_IO_CLOCK_H
#define NX_COMMON_IO_CLOCK_H

#include <stdint.h>

int64_t nx_clock_mono_us(void);

/* Since 1970, UTC. May jump: a label, never a measure. */
int64_t nx_clock_wall_us(void);

/* Wall time that does not jump: anchored once, then carried by the monotonic
 * clock. The collector's time. */
struct nx_steady {
    int64_t wall0_us;
    int64_t mono0_us;
};

void nx_steady_init(struct nx_steady *steady);
int64_t nx_steady_wall_us(const struct nx_steady *steady);

#endif
