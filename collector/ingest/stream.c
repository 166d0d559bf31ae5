#include "collector/ingest/stream.h"

#include <string.h>

static void touch(struct nx_streams *streams, struct nx_stream *stream) {
    stream->used = ++streams->clock;
}

struct nx_stream *nx_streams_find(struct nx_streams *streams, uint64_t epoch) {
    for (size_t i = 0; i < NX_STREAM_EPOCHS_MAX; i++) {
        struct nx_stream *stream = &streams->slots[i];
        if (stream->used != 0 && stream->epoch == epoch) {
            touch(streams, stream);
            return stream;
        }
    }
    return NULL;
}

bool nx_stream_pending(const struct nx_stream *stream) {
    return stream->pending.acked_seq != stream->done.acked_seq;
}

static struct nx_stream *oldest_at_rest(struct nx_streams *streams) {
    struct nx_stream *oldest = NULL;
    for (size_t i = 0; i < NX_STREAM_EPOCHS_MAX; i++) {
        struct nx_stream *stream = &streams->slots[i];
        if (!nx_stream_pending(stream) &&
            (oldest == NULL || stream->used < oldest->used)) {
            oldest = stream;
        }
    }
    return oldest;
}

static bool possible(const struct nx_stream_position *p) {
    return p->acked_seq <= NX_SEQ_MAX && p->received_n <= p->acked_seq &&
           p->dropped_n == p->acked_seq - p->received_n;
}

struct nx_stream *nx_streams_add(struct nx_streams *streams, uint64_t epoch,
                                 const struct nx_stream_position *position) {
    struct nx_stream_position start = {0, 0, 0};
    if (position != NULL) {
        start = *position;
    }
    struct nx_stream *stream = oldest_at_rest(streams);
    if (stream == NULL || !possible(&start)) {
        return NULL;
    }
    stream->epoch = epoch;
    stream->done = start;
    stream->pending = start;
    touch(streams, stream);
    return stream;
}

/* How far the gap records reach from `from` without a hole: the first number
 * that they do not cover. Records may overlap and stand in any order. */
static uint64_t gaps_reach(const struct nx_batch *batch, uint64_t from) {
    bool moved = true;
    while (moved) {
        moved = false;
        for (size_t i = 0; i < batch->gaps_n; i++) {
            const struct nx_gap *gap = &batch->gaps[i];
            if (gap->from_seq <= from && gap->to_seq >= from &&
                gap->to_seq <= NX_SEQ_MAX) {
                from = gap->to_seq + 1;
                moved = true;
            }
        }
    }
    return from;
}

static bool numbers_possible(const struct nx_batch *batch) {
    return batch->first_seq >= 1 && batch->first_seq <= NX_SEQ_MAX &&
           batch->obs_n >= 1 && batch->obs_n <= NX_BATCH_OBS_MAX &&
           batch->obs_n - 1 <= NX_SEQ_MAX - batch->first_seq;
}

static enum nx_stream_verdict judge(const struct nx_stream *stream,
                                    const struct nx_batch *batch,
                                    struct nx_stream_result *out) {
    if (!numbers_possible(batch)) {
        return NX_STREAM_REFUSED;
    }
    uint64_t next = stream->pending.acked_seq + 1;
    uint64_t last = batch->first_seq + batch->obs_n - 1;
    if (last < next) {
        return NX_STREAM_DUPLICATE;
    }
    if (batch->first_seq <= next) {
        out->skip = (size_t)(next - batch->first_seq);
        out->first_seq = next;
        return NX_STREAM_ACCEPT;
    }
    if (gaps_reach(batch, next) < batch->first_seq) {
        return NX_STREAM_OUT_OF_ORDER;
    }
    if (batch->first_seq - next > NX_STREAM_JUMP_MAX) {
        return NX_STREAM_REFUSED;
    }
    out->first_seq = batch->first_seq;
    out->dropped_n = batch->first_seq - next;
    return NX_STREAM_ACCEPT;
}

static void advance(struct nx_stream *stream, const struct nx_batch *batch,
                    const struct nx_stream_result *result) {
    stream->pending.acked_seq = batch->first_seq + batch->obs_n - 1;
    stream->pending.received_n += batch->obs_n - result->skip;
    stream->pending.dropped_n += result->dropped_n;
}

void nx_streams_offer(struct nx_streams *streams, struct nx_stream *stream,
                      const struct nx_batch *batch,
                      struct nx_stream_result *out) {
    memset(out, 0, sizeof(*out));
    out->verdict = judge(stream, batch, out);
    switch (out->verdict) {
    case NX_STREAM_ACCEPT:
        streams->duplicates_n += out->skip;
        advance(stream, batch, out);
        break;
    case NX_STREAM_DUPLICATE:
        streams->duplicates_n += batch->obs_n;
        break;
    case NX_STREAM_OUT_OF_ORDER:
        streams->out_of_order_n++;
        break;
    case NX_STREAM_REFUSED:
        streams->refused_n++;
        break;
    }
}

void nx_stream_commit(struct nx_stream *stream) {
    stream->done = stream->pending;
}

void nx_stream_rollback(struct nx_stream *stream) {
    stream->pending = stream->done;
}
