#include "common/codec_patch.h"

#include <string.h>

#include "common/codec_wire.h"
#include "nxclear.pb-c.h"

/* Up.batch is the one field of the outer message: tag, length, content. What is
 * added goes behind the content: fields may come in any order, and of one that
 * comes twice the later values count. */
#define TAG_UP_BATCH ((2U << 3) | 2U)
#define TAG_BATCH_EPOCH ((1U << 3) | 1U)
#define TAG_BATCH_FIRST_SEQ (2U << 3)
#define TAG_BATCH_CLOCK ((3U << 3) | 2U)
#define TAG_BATCH_GAPS ((4U << 3) | 2U)

static size_t put_varint(uint8_t *out, uint64_t value) {
    size_t n = 0;
    while (value >= 0x80) {
        out[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[n++] = (uint8_t)value;
    return n;
}

/* Both are shorter than 128 octets: one of length. */
static size_t pack_gap(const struct nx_gap *gap, uint8_t *out) {
    Nxclear__Gap message = NXCLEAR__GAP__INIT;
    message.from_seq = gap->from_seq;
    message.to_seq = gap->to_seq;
    message.reason = gap->reason;
    out[0] = TAG_BATCH_GAPS;
    size_t n = nxclear__gap__pack(&message, out + 2);
    out[1] = (uint8_t)n;
    return n + 2;
}

static size_t pack_clock(const struct nx_clock_sample *clock, uint8_t *out) {
    Nxclear__Clock message = NXCLEAR__CLOCK__INIT;
    message.mono_us = clock->mono_us;
    message.wall_us = clock->wall_us;
    message.offset_us = clock->offset_us;
    message.offset_error_us = clock->offset_error_us;
    message.offset_known = clock->offset_known;
    out[0] = TAG_BATCH_CLOCK;
    size_t n = nxclear__clock__pack(&message, out + 2);
    out[1] = (uint8_t)n;
    return n + 2;
}

static size_t pack_numbers(const struct nx_batch_numbers *numbers,
                           uint8_t *out) {
    size_t n = 0;
    out[n++] = TAG_BATCH_EPOCH;
    for (unsigned i = 0; i < 8; i++) { /* the lowest octet first */
        out[n++] = (uint8_t)(numbers->epoch >> (8 * i));
    }
    out[n++] = TAG_BATCH_FIRST_SEQ;
    return n + put_varint(out + n, numbers->first_seq);
}

static size_t pack_patch(const struct nx_batch_patch *patch,
                         uint8_t out[NX_PATCH_MAX]) {
    size_t n = patch->clock != NULL ? pack_clock(patch->clock, out) : 0;
    n += patch->numbers != NULL ? pack_numbers(patch->numbers, out + n) : 0;
    for (size_t i = 0; i < patch->gaps_n; i++) {
        n += pack_gap(&patch->gaps[i], out + n);
    }
    return n;
}

int nx_codec_batch_patch(const uint8_t *bytes, size_t bytes_len,
                         const struct nx_batch_patch *patch, uint8_t *out,
                         size_t cap, size_t *len) {
    uint8_t added[NX_PATCH_MAX];
    uint8_t head[1 + NX_WIRE_VARINT_MAX];
    uint64_t content = 0;
    if (bytes_len < 2 || bytes[0] != TAG_UP_BATCH ||
        patch->gaps_n > NX_PATCH_GAPS_MAX) {
        return NX_EMALFORMED;
    }
    size_t skip = nx_wire_varint(bytes + 1, bytes_len - 1, &content);
    if (skip == 0 || content != bytes_len - 1 - skip) {
        return NX_EMALFORMED;
    }
    size_t added_len = pack_patch(patch, added);
    head[0] = TAG_UP_BATCH;
    size_t head_len = 1 + put_varint(head + 1, content + added_len);
    size_t need = head_len + (size_t)content + added_len;
    if (need > cap || need > NX_MSG_MAX_BYTES) {
        return NX_ELIMIT;
    }
    memcpy(out, head, head_len);
    memcpy(out + head_len, bytes + 1 + skip, (size_t)content);
    memcpy(out + head_len + content, added, added_len);
    *len = need;
    return NX_OK;
}
