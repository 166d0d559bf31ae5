#include "common/hash.h"

#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static uint64_t finalise(uint64_t h) {
    h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
    return h ^ (h >> 31);
}

uint64_t nx_hash(const void *bytes, size_t len, uint64_t seed) {
    const uint8_t *p = bytes;
    uint64_t h = FNV_OFFSET ^ seed;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ p[i]) * FNV_PRIME;
    }
    return finalise(h);
}

uint64_t nx_hash_u64(uint64_t value, uint64_t seed) {
    return finalise(value + UINT64_C(0x9e3779b97f4a7c15) * (seed | 1));
}
