/* A packed batch as another version would have packed it: with a flag that this
 * one does not know. */
#ifndef NX_TESTS_LIB_NEWER_BATCH_H
#define NX_TESTS_LIB_NEWER_BATCH_H

#include <stdint.h>
#include <string.h>

#include "common/codec.h"

/* At the end of Up.batch: a question that nobody refers to, with flags 2^20,
 * and a format. */
#define NX_TEST_NEWER_BYTES (9U + 4U)

/* len octets of bytes (with room for NX_TEST_NEWER_BYTES more) become the
 * result's. format 0: no version would have packed it, it is damaged. */
static inline size_t nx_test_newer(uint8_t *bytes, size_t len, uint8_t format) {
    const uint8_t more[] = {0x3a, 4, 0x20, 0x80, 0x80, 0x40, 0x88, 1, format};
    size_t at = 1;
    while ((bytes[at++] & 0x80) != 0) {
    }
    uint64_t inner = len - at + sizeof(more);
    uint8_t head[4 + 1] = {bytes[0]};
    size_t head_n = 1;
    for (; inner >= 0x80; inner >>= 7) {
        head[head_n++] = (uint8_t)(inner | 0x80);
    }
    head[head_n++] = (uint8_t)inner;
    memmove(bytes + head_n, bytes + at, len - at);
    memcpy(bytes, head, head_n);
    memcpy(bytes + head_n + len - at, more, sizeof(more));
    return head_n + len - at + sizeof(more);
}

#endif
