/* Whatever bytes arrive from an agent or a collector, up to the ledger: a batch
 * that is decoded is offered to a stream as the collector does. */
#include <stdlib.h>

#include "collector/ingest/stream.h"
#include "tests/fuzz/replay.h"

static uint8_t block[NX_UNPACK_ARENA_BYTES];
static uint8_t scratch[4U << 20];
static uint8_t packed[NX_MSG_MAX_BYTES];

/* At rest what is settled was received or reported lost. */
static void check(const struct nx_stream_position *p) {
    if (!nx_settled_valid(p->acked_seq, &p->ahead) ||
        nx_settled_count(p->acked_seq, &p->ahead, 1, NX_SEQ_MAX) !=
            p->received_n + p->dropped_n) {
        abort();
    }
}

static void ingest(const struct nx_batch *batch) {
    struct nx_streams streams = {.clock = 0};
    struct nx_stream_result result;
    const struct nx_stream_position half = {
        .acked_seq = 4,
        .received_n = 4,
        .dropped_n = 3,
        .ahead = {.runs = {{10, 12}}, .n = 1}};
    struct nx_stream *stream = nx_streams_add(&streams, batch->epoch, &half);
    if (stream == NULL) {
        abort();
    }
    for (int i = 0; i < 2; i++) {
        nx_streams_offer(&streams, stream, batch, &result);
        check(&stream->pending);
        if (i == 1 && result.verdict == NX_STREAM_ACCEPT) {
            abort(); /* it was taken twice */
        }
        if (result.verdict == NX_STREAM_ACCEPT && result.skip >= batch->obs_n) {
            abort();
        }
    }
    nx_stream_commit(stream);
    check(&stream->done);
}

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
        ingest(&up.u.batch);
        err = nx_codec_pack_batch(&up.u.batch, &work, packed, sizeof(packed),
                                  &len);
    }
    nx_arena_reset(&arena);
    err += nx_codec_unpack_down(data, size, &arena, &down, NULL);
    return err <= 0 ? 0 : -1; /* errors are never positive */
}
