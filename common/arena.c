#include "common/arena.h"

#include <string.h>

#define NX_ARENA_ALIGN 16U

void nx_arena_init(struct nx_arena *arena, void *base, size_t cap_bytes) {
    arena->base = base;
    arena->cap_bytes = cap_bytes;
    arena->used_bytes = 0;
}

void nx_arena_reset(struct nx_arena *arena) {
    arena->used_bytes = 0;
}

static void *take(struct nx_arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX - NX_ARENA_ALIGN) {
        return NULL;
    }
    bytes = (bytes + NX_ARENA_ALIGN - 1) & ~(size_t)(NX_ARENA_ALIGN - 1);
    if (bytes > arena->cap_bytes - arena->used_bytes) {
        return NULL;
    }
    void *p = arena->base + arena->used_bytes;
    arena->used_bytes += bytes;
    return p;
}

void *nx_arena_alloc(struct nx_arena *arena, size_t n, size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        return NULL;
    }
    void *p = take(arena, bytes);
    if (p != NULL) {
        memset(p, 0, bytes);
    }
    return p;
}

uint8_t *nx_arena_copy(struct nx_arena *arena, const uint8_t *bytes,
                       size_t len) {
    uint8_t *p = take(arena, len);
    if (p != NULL && len > 0) {
        memcpy(p, bytes, len);
    }
    return p;
}
