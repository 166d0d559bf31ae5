/* A bounded bump allocator: one block given by the caller, nothing freed
 * singly. What decoding hostile input may allocate is bounded by the block. */
#ifndef NX_COMMON_ARENA_H
#define NX_COMMON_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct nx_arena {
    uint8_t *base; /* borrowed */
    size_t cap_bytes;
    size_t used_bytes;
};

/* base: aligned for any type; borrowed for the arena's life. */
void nx_arena_init(struct nx_arena *arena, void *base, size_t cap_bytes);

/* Forgets every allocation. */
void nx_arena_reset(struct nx_arena *arena);

/* n * size zeroed bytes aligned to 16, or NULL when they do not fit. */
void *nx_arena_alloc(struct nx_arena *arena, size_t n, size_t size);

/* A copy of len bytes, or NULL when it does not fit. */
uint8_t *nx_arena_copy(struct nx_arena *arena, const uint8_t *bytes,
                       size_t len);

#endif
