/* Packed messages as protobuf writes them, without unpacking them. */
#ifndef NX_COMMON_CODEC_WIRE_H
#define NX_COMMON_CODEC_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define NX_WIRE_VARINT_MAX 10U

/* Octets read; 0 when it is not a whole varint. */
size_t nx_wire_varint(const uint8_t *bytes, size_t len, uint64_t *out);

/* Batch.format of an Up; 0: it has none, or cannot be read up to it. */
uint64_t nx_wire_batch_format(const uint8_t *bytes, size_t len);

#endif
