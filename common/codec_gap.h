/* A gap record for a batch that is packed already. Its other bytes, and what
 * they mean, stay as they are. */
#ifndef NX_COMMON_CODEC_GAP_H
#define NX_COMMON_CODEC_GAP_H

#include "common/codec.h"

#define NX_GAP_PACKED_MAX 40U /* bytes it adds at most */

/* Copies the packed batch to out (cap bytes) with one more gap record.
 * NX_EMALFORMED: bytes are not what nx_codec_pack_batch wrote; NX_ELIMIT: out
 * is too small or the message would be over NX_MSG_MAX_BYTES. */
int nx_codec_batch_add_gap(const uint8_t *bytes, size_t bytes_len,
                           const struct nx_gap *gap, uint8_t *out, size_t cap,
                           size_t *len) NX_MUSTUSE;

#endif
