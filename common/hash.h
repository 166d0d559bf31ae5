/* A fast 64-bit hash for tables and jitter; not for secrets (FNV-1a, then the
 * finaliser of splitmix64: Steele, Lea, Flood 2014). */
#ifndef NX_COMMON_HASH_H
#define NX_COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Both are kept in the store: another function would find all rows damaged. */
uint64_t nx_hash(const void *bytes, size_t len, uint64_t seed);

/* Mixes one number into another. */
uint64_t nx_hash_u64(uint64_t value, uint64_t seed);

#endif
