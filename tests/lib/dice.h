/* A small seeded generator: splitmix64 (Steele, Lea, Flood 2014). */
#ifndef NX_TESTS_LIB_DICE_H
#define NX_TESTS_LIB_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

static inline uint64_t dice_u64(struct dice *d) {
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0..n-1 */
static inline uint32_t dice_below(struct dice *d, uint32_t n) {
    return (uint32_t)((dice_u64(d) >> 32) * n >> 32);
}

/* One time in n. */
static inline bool dice_one_in(struct dice *d, uint32_t n) {
    return dice_below(d, n) == 0;
}

#endif
