/* What only the moment of sending knows, added to a batch that is packed
 * already: gap records, and the offset of its clock; and other numbers, when it
 * moves to another epoch. Its other bytes, and what they mean, stay as they
 * are. */
#ifndef NX_COMMON_CODEC_PATCH_H
#define NX_COMMON_CODEC_PATCH_H

#include "common/codec.h"

#define NX_PATCH_GAPS_MAX NX_BATCH_GAPS_MAX
#define NX_PATCH_NUMBERS_MAX 20U /* bytes that other numbers add */
#define NX_PATCH_MAX                                                           \
    (NX_PATCH_GAPS_MAX * 40U + 80U) /* bytes it adds at most                   \
                                     */

/* In place of its own. */
struct nx_batch_numbers {
    uint64_t epoch;
    uint64_t first_seq;
};

struct nx_batch_patch {
    const struct nx_gap *gaps;
    size_t gaps_n; /* 0..NX_PATCH_GAPS_MAX */
    /* In place of its own, which has the same mono_us (the times of the batch
     * count from it); NULL: none. */
    const struct nx_clock_sample *clock;
    const struct nx_batch_numbers *numbers; /* NULL: its own */
};

/* Copies the packed batch to out (cap bytes) with what the patch adds.
 * NX_EMALFORMED: bytes are not what nx_codec_pack_batch wrote; NX_ELIMIT: out
 * is too small or the message would be over NX_MSG_MAX_BYTES. */
int nx_codec_batch_patch(const uint8_t *bytes, size_t bytes_len,
                         const struct nx_batch_patch *patch, uint8_t *out,
                         size_t cap, size_t *len) NX_MUSTUSE;

#endif
