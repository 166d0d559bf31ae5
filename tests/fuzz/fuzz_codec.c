/* Whatever bytes arrive from an agent or a collector. */
#include "common/codec.h"
#include "tests/fuzz/replay.h"

static uint8_t block[NX_UNPACK_ARENA_BYTES];
static uint8_t scratch[4U << 20];
static uint8_t packed[NX_MSG_MAX_BYTES];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct nx_arena arena;
    struct nx_arena work;
    struct nx_up up;
    struct nx_down down;
    size_t len = 0;
    nx_arena_init(&arena, block, sizeof(block));
    nx_arena_init(&work, scratch, sizeof(scratch));
    int err = nx_codec_unpack_up(data, size, &arena, &up, NULL);
    if (err == 0 && up.kind == NX_UP_BATCH) {
        err = nx_codec_pack_batch(&up.u.batch, &work, packed, sizeof(packed),
                                  &len);
    }
    nx_arena_reset(&arena);
    err += nx_codec_unpack_down(data, size, &arena, &down, NULL);
    return err <= 0 ? 0 : -1; /* errors are never positive */
}
