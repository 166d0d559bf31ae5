#include "common/codec_gap.h"

#include <string.h>

#include "nxclear.pb-c.h"

/* Up.batch is the one field of the outer message: tag, length, content. The
 * record goes behind the content, as fields may come in any order. */
#define TAG_UP_BATCH ((2U << 3) | 2U)
#define TAG_BATCH_GAPS ((4U << 3) | 2U)
#define VARINT_MAX 10U

static size_t put_varint(uint8_t *out, uint64_t value) {
    size_t n = 0;
    while (value >= 0x80) {
        out[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[n++] = (uint8_t)value;
    return n;
}

/* Bytes read; 0 when it is not a whole varint. */
static size_t get_varint(const uint8_t *bytes, size_t len, uint64_t *out) {
    uint64_t value = 0;
    for (size_t n = 0; n < len && n < VARINT_MAX; n++) {
        value |= (uint64_t)(bytes[n] & 0x7f) << (7 * n);
        if ((bytes[n] & 0x80) == 0) {
            *out = value;
            return n + 1;
        }
    }
    return 0;
}

static size_t pack_gap(const struct nx_gap *gap, uint8_t *out) {
    Nxclear__Gap message = NXCLEAR__GAP__INIT;
    message.from_seq = gap->from_seq;
    message.to_seq = gap->to_seq;
    message.reason = gap->reason;
    out[0] = TAG_BATCH_GAPS;
    size_t n = nxclear__gap__pack(&message, out + 2);
    out[1] = (uint8_t)n; /* at most 3 * 11, one octet */
    return n + 2;
}

int nx_codec_batch_add_gap(const uint8_t *bytes, size_t bytes_len,
                           const struct nx_gap *gap, uint8_t *out, size_t cap,
                           size_t *len) {
    uint8_t record[NX_GAP_PACKED_MAX];
    uint8_t head[1 + VARINT_MAX];
    uint64_t content = 0;
    if (bytes_len < 2 || bytes[0] != TAG_UP_BATCH) {
        return NX_EMALFORMED;
    }
    size_t skip = get_varint(bytes + 1, bytes_len - 1, &content);
    if (skip == 0 || content != bytes_len - 1 - skip) {
        return NX_EMALFORMED;
    }
    size_t record_len = pack_gap(gap, record);
    head[0] = TAG_UP_BATCH;
    size_t head_len = 1 + put_varint(head + 1, content + record_len);
    size_t need = head_len + (size_t)content + record_len;
    if (need > cap || need > NX_MSG_MAX_BYTES) {
        return NX_ELIMIT;
    }
    memcpy(out, head, head_len);
    memcpy(out + head_len, bytes + 1 + skip, (size_t)content);
    memcpy(out + head_len + content, record, record_len);
    *len = need;
    return NX_OK;
}
