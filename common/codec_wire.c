#include "common/codec_wire.h"

#include <stdbool.h>

#define UP_BATCH 2U /* numbers of fields in nxclear.proto */
#define BATCH_FORMAT 17U

/* https://protobuf.dev/programming-guides/encoding/ */
enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2, FIXED32 = 5 };

size_t nx_wire_varint(const uint8_t *bytes, size_t len, uint64_t *out) {
    uint64_t value = 0;
    for (size_t n = 0; n < len && n < NX_WIRE_VARINT_MAX; n++) {
        value |= (uint64_t)(bytes[n] & 0x7f) << (7 * n);
        if ((bytes[n] & 0x80) == 0) {
            *out = value;
            return n + 1;
        }
    }
    return 0;
}

struct field {
    uint64_t number;
    uint64_t value; /* of a VARINT */
    const uint8_t *content;
    size_t len;
};

/* The field that begins at bytes; its content ends where the next begins.
 * False: none does. */
static bool next_field(const uint8_t *bytes, size_t len, struct field *out) {
    uint64_t tag = 0;
    uint64_t number = 0;
    size_t at = nx_wire_varint(bytes, len, &tag);
    unsigned type = tag % 8;
    uint64_t n = type == FIXED64 ? 8 : type == FIXED32 ? 4 : 0;
    if (at > 0 && (type == VARINT || type == LENGTH)) {
        size_t more = nx_wire_varint(bytes + at, len - at, &number);
        at = more > 0 ? at + more : 0;
        n = type == LENGTH ? number : 0;
    } else if (n == 0) {
        return false;
    }
    if (at == 0 || n > len - at) {
        return false;
    }
    *out = (struct field){.number = tag / 8,
                          .value = type == VARINT ? number : 0,
                          .content = bytes + at,
                          .len = (size_t)n};
    return true;
}

/* Of fields that come twice the later one counts. */
static struct field last_field(const uint8_t *bytes, size_t len,
                               uint64_t number) {
    const uint8_t *end = bytes + len;
    struct field found = {0};
    struct field f = {0};
    while (next_field(bytes, (size_t)(end - bytes), &f)) {
        found = f.number == number ? f : found;
        bytes = f.content + f.len;
    }
    return found;
}

uint64_t nx_wire_batch_format(const uint8_t *bytes, size_t len) {
    const struct field batch = last_field(bytes, len, UP_BATCH);
    return batch.content != NULL
               ? last_field(batch.content, batch.len, BATCH_FORMAT).value
               : 0;
}
