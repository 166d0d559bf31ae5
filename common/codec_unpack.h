/* What the halves of unpacking share; private to codec_unpack*.c.
 *
 * Unpacking trusts nothing: the first rule a message breaks ends it, with its
 * text in `why`. */
#ifndef NX_COMMON_CODEC_UNPACK_H
#define NX_COMMON_CODEC_UNPACK_H

#include "common/codec.h"
#include "nxclear.pb-c.h"

struct nx_unpacker {
    struct nx_arena *arena;
    const char *why;
    int err;
};

/* Notes the first failure; always false. */
bool nx_unpack_fail(struct nx_unpacker *u, int err, const char *why);

/* NX_EMALFORMED unless `holds`. */
bool nx_unpack_want(struct nx_unpacker *u, bool holds, const char *why);

/* NX_ELIMIT when n > max. */
bool nx_unpack_at_most(struct nx_unpacker *u, size_t n, size_t max,
                       const char *why);

/* Zeroed memory from the arena; NULL and NX_ELIMIT when it is full. */
void *nx_unpack_take(struct nx_unpacker *u, size_t n, size_t size);

bool nx_unpack_names(struct nx_unpacker *u, const ProtobufCBinaryData *names,
                     size_t n);
/* NULL and NX_EMALFORMED when the index is out of the table. */
const uint8_t *nx_unpack_name(struct nx_unpacker *u,
                              const ProtobufCBinaryData *names, size_t n,
                              size_t index, const char *why);
bool nx_unpack_endpoint(struct nx_unpacker *u, const Nxclear__Endpoint *from,
                        struct nx_endpoint *out);
struct nx_endpoint *nx_unpack_endpoints(struct nx_unpacker *u,
                                        Nxclear__Endpoint *const *from,
                                        size_t n);
bool nx_unpack_clock(struct nx_unpacker *u, const Nxclear__Clock *from,
                     struct nx_clock_sample *out);
bool nx_unpack_batch(struct nx_unpacker *u, const Nxclear__Batch *from,
                     struct nx_batch *out);

#endif
