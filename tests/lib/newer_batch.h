/* A packed batch as another version would have packed it: with a flag that this
 * one does not know. */
#ifndef NX_TESTS_LIB_NEWER_BATCH_H
#define NX_TESTS_LIB_NEWER_BATCH_H

#include <stdint.h>
#include <string.h>

#include "common/codec.h"

/* Puts `more` at the end of Up.batch; the new length. bytes has room for it,
 * and for NX_TEST_HEAD_BYTES. */
#define NX_TEST_HEAD_BYTES 4U
static inline size_t nx_test_append(uint8_t *bytes, size_t len,
                                    const uint8_t *more, size_t more_n) {
    size_t at = 1;
    while ((bytes[at++] & 0x80) != 0) {
    }
    uint64_t inner = len - at + more_n;
    uint8_t head[NX_TEST_HEAD_BYTES + 1] = {bytes[0]};
    size_t head_n = 1;
    for (; inner >= 0x80; inner >>= 7) {
        head[head_n++] = (uint8_t)(inner | 0x80);
    }
    head[head_n++] = (uint8_t)inner;
    memmove(bytes + head_n, bytes + at, len - at);
    memcpy(bytes, head, head_n);
    memcpy(bytes + head_n + len - at, more, more_n);
    return head_n + len - at + more_n;
}

/* A question that nobody refers to, with flags 2^20, and a format; 0: no
 * version would have packed it, it is damaged. */
static inline size_t nx_test_newer(uint8_t *bytes, size_t len, uint8_t format) {
    const uint8_t more[] = {0x3a, 4, 0x20, 0x80, 0x80, 0x40, 0x88, 1, format};
    return nx_test_append(bytes, len, more, sizeof(more));
}

/* So many fields that this version does not know that unpacking them takes more
 * memory than there is for a message. */
#define NX_TEST_UNKNOWN_N 60000U
static inline size_t nx_test_unknown(uint8_t *bytes, size_t len) {
    static uint8_t more[3 * NX_TEST_UNKNOWN_N];
    static const uint8_t field[3] = {0x92, 1, 0}; /* bytes 18, empty */
    for (size_t i = 0; i < NX_TEST_UNKNOWN_N; i++) {
        memcpy(more + 3 * i, field, sizeof(field));
    }
    return nx_test_append(bytes, len, more, sizeof(more));
}

#endif
