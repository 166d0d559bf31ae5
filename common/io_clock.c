#include "common/io_clock.h"

#include <time.h>

#ifdef CLOCK_BOOTTIME
#define MONO_CLOCK CLOCK_BOOTTIME
#else
#define MONO_CLOCK CLOCK_MONOTONIC
#endif

static int64_t read_us(clockid_t id) {
    struct timespec t = {0};
    (void)clock_gettime(id, &t); /* cannot fail for these clocks */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t nx_clock_mono_us(void) {
    return read_us(MONO_CLOCK);
}

int64_t nx_clock_wall_us(void) {
    return read_us(CLOCK_REALTIME);
}

void nx_steady_init(struct nx_steady *steady) {
    steady->mono0_us = nx_clock_mono_us();
    steady->wall0_us = nx_clock_wall_us();
}

int64_t nx_steady_wall_us(const struct nx_steady *steady) {
    return steady->wall0_us + (nx_clock_mono_us() - steady->mono0_us);
}
