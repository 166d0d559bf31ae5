/* What the halves of packing share; private to codec_pack*.c.
 *
 * Memory comes from the scratch arena. The first failure is kept in `err`;
 * later calls do nothing then. */
#ifndef NX_COMMON_CODEC_PACK_H
#define NX_COMMON_CODEC_PACK_H

#include "common/codec.h"
#include "nxclear.pb-c.h"

/* A dictionary under construction: pointers to what has an index. */
struct nx_pack_dict {
    const void **items;
    size_t n;
    size_t cap;
};

struct nx_packer {
    struct nx_arena *scratch;
    struct nx_pack_dict names;
    struct nx_pack_dict endpoints;
    int err; /* 0, NX_ENOMEM: the arena is full, NX_ELIMIT: a dictionary is */
};

/* Zeroed memory; NULL after a failure. */
void *nx_pack_take(struct nx_packer *p, size_t n, size_t size);

/* n messages of one type with the array of pointers that protobuf-c wants. */
#define NX_PACK_MESSAGES(p, type, n, array, pointers)                          \
    type *array = nx_pack_take((p), (n), sizeof(type));                        \
    type **pointers = nx_pack_take((p), (n), sizeof(type *));                  \
    for (size_t i_ = 0; (p)->err == 0 && i_ < (n); i_++) {                     \
        pointers[i_] = &array[i_];                                             \
    }

void nx_pack_dict_init(struct nx_packer *p, struct nx_pack_dict *d, size_t cap);
/* The index of a name, which is borrowed. */
uint32_t nx_pack_name(struct nx_packer *p, const uint8_t *name);
/* Index + 1, 0 for NULL. */
uint32_t nx_pack_name_ref(struct nx_packer *p, const uint8_t *name);
uint32_t nx_pack_endpoint_index(struct nx_packer *p,
                                const struct nx_endpoint *e);

/* Borrowed: protobuf-c wants pointers to non-const; it only reads them when
 * packing. */
ProtobufCBinaryData nx_pack_bytes(const uint8_t *data, size_t len);
/* The dictionary of names. */
ProtobufCBinaryData *nx_pack_names(struct nx_packer *p, size_t *n);
Nxclear__Endpoint **nx_pack_endpoints(struct nx_packer *p, size_t n,
                                      const struct nx_endpoint *const *from);
void nx_pack_clock(const struct nx_clock_sample *clock, Nxclear__Clock *out);
/* NX_ELIMIT: larger than cap or NX_MSG_MAX_BYTES. */
int nx_pack_finish(const ProtobufCMessage *message, uint8_t *out, size_t cap,
                   size_t *len);

#endif
