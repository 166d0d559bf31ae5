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
    const struct nx_stream_position *p = &stream->pending;
    const struct nx_stream_position *d = &stream->done;
    return p->received_n + p->dropped_n != d->received_n + d->dropped_n;
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

bool nx_stream_possible(const struct nx_stream_position *p) {
    if (p->acked_seq > NX_SEQ_MAX ||
        !nx_settled_valid(p->acked_seq, &p->ahead)) {
        return false;
    }
    const struct nx_ahead *a = &p->ahead;
    uint64_t top = a->n > 0 ? a->runs[a->n - 1].to_seq : p->acked_seq;
    uint64_t settled_n = nx_settled_count(p->acked_seq, a, 1, NX_SEQ_MAX);
    return top <= NX_SEQ_MAX && p->received_n <= settled_n &&
           p->dropped_n == settled_n - p->received_n;
}

struct nx_stream *nx_streams_add(struct nx_streams *streams, uint64_t epoch,
                                 const struct nx_stream_position *position) {
    struct nx_stream_position start = {0};
    if (position != NULL) {
        start = *position;
    }
    struct nx_stream *stream = oldest_at_rest(streams);
    if (stream == NULL || !nx_stream_possible(&start)) {
        return NULL;
    }
    stream->epoch = epoch;
    stream->done = start;
    stream->pending = start;
    touch(streams, stream);
    return stream;
}

static bool numbers_possible(const struct nx_batch *batch) {
    return batch->first_seq >= 1 && batch->first_seq <= NX_SEQ_MAX &&
           batch->obs_n >= 1 && batch->obs_n <= NX_BATCH_OBS_MAX &&
           batch->obs_n - 1 <= NX_SEQ_MAX - batch->first_seq;
}

/* Numbers before the batch that a gap record tells of; what it says about
 * others is not believed. False: none. */
static bool told_by(const struct nx_gap *gap, const struct nx_batch *batch,
                    struct nx_seq_range *out) {
    uint64_t to =
        gap->to_seq < batch->first_seq ? gap->to_seq : batch->first_seq - 1;
    *out = (struct nx_seq_range){gap->from_seq, to};
    return gap->from_seq != 0 && gap->from_seq <= to &&
           gap->to_seq <= NX_SEQ_MAX;
}

/* Settles the gaps and what is new of the batch. One of them may be a run too
 * many until another has joined runs: what fits, until nothing more does, is
 * all of them if all of them together fit. */
static int settle(struct nx_stream_position *p, const struct nx_batch *batch,
                  const struct nx_seq_range *fresh) {
    uint64_t moved_n = 0;
    int left = NX_OK;
    do {
        moved_n = 0;
        left = NX_OK;
        for (size_t i = 0; i <= batch->gaps_n; i++) {
            bool gap = i < batch->gaps_n;
            struct nx_seq_range range = *fresh;
            uint64_t new_n = 0;
            if (gap && !told_by(&batch->gaps[i], batch, &range)) {
                continue;
            }
            int err = nx_settled_add(&p->acked_seq, &p->ahead, range.from_seq,
                                     range.to_seq, &new_n);
            left = err != NX_OK ? err : left;
            p->dropped_n += gap ? new_n : 0;
            p->received_n += gap ? 0 : new_n;
            moved_n += new_n;
        }
    } while (left != NX_OK && moved_n > 0);
    return left;
}

/* Moves *p by the batch; untouched unless it accepts. */
static enum nx_stream_verdict judge(struct nx_stream_position *p,
                                    const struct nx_batch *batch,
                                    struct nx_stream_result *out) {
    struct nx_stream_position moved = *p;
    uint64_t last = batch->first_seq + batch->obs_n - 1;
    if (!numbers_possible(batch)) {
        return NX_STREAM_REFUSED;
    }
    uint64_t first = nx_settled_skip(p->acked_seq, &p->ahead, batch->first_seq);
    if (first > last) {
        return NX_STREAM_DUPLICATE;
    }
    /* A batch never changes: known in the middle means another one. */
    if (first - p->acked_seq > NX_STREAM_JUMP_MAX ||
        nx_settled_count(p->acked_seq, &p->ahead, first, last) > 0) {
        return NX_STREAM_REFUSED;
    }
    const struct nx_seq_range fresh = {first, last};
    if (settle(&moved, batch, &fresh) != NX_OK) {
        return NX_STREAM_OUT_OF_ORDER;
    }
    out->skip = (size_t)(first - batch->first_seq);
    out->first_seq = first;
    out->dropped_n = moved.dropped_n - p->dropped_n;
    *p = moved;
    return NX_STREAM_ACCEPT;
}

void nx_streams_offer(struct nx_streams *streams, struct nx_stream *stream,
                      const struct nx_batch *batch,
                      struct nx_stream_result *out) {
    memset(out, 0, sizeof(*out));
    out->verdict = judge(&stream->pending, batch, out);
    switch (out->verdict) {
    case NX_STREAM_ACCEPT:
        streams->duplicates_n += out->skip;
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

double nx_made_us(const struct nx_clock_sample *clock) {
    return (double)clock->mono_us - (double)clock->offset_us -
           (double)clock->offset_error_us;
}

bool nx_stream_forgotten(const struct nx_clock_sample *clock,
                         int64_t until_us) {
    double made_us =
        clock->offset_known ? nx_made_us(clock) : (double)clock->wall_us;
    return made_us - 3600e6 <= (double)until_us;
}
