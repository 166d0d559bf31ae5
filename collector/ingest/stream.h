/* The numbered results of one agent: what is new, what came before, how far
 * the cumulative ack may go.
 *
 * A stream is one epoch of an agent. Its results are numbered from 1. An agent
 * that was cut off sends what is new before all of what it kept, so batches may
 * come beyond a hole: up to NX_AHEAD_MAX runs of them are taken. The ack passes
 * a hole only when its results come, or when the agent itself says that they
 * never will (gap records). What would be one run too many, with all that the
 * message tells, is not taken: the agent sends it again.
 *
 * What is taken is tentative until it is committed: `pending` runs ahead of
 * `done` while a transaction is open, and falls back with it. At rest
 * acked_seq and what is ahead of it = received_n + dropped_n: that is the
 * collector's half of the ledger.
 *
 * Numbers come from strangers: they end at NX_SEQ_MAX, a batch is at most
 * NX_STREAM_JUMP_MAX beyond the ack, and an agent has at most
 * NX_STREAM_EPOCHS_MAX streams in memory; the store knows the older ones. */
#ifndef NX_COLLECTOR_STREAM_H
#define NX_COLLECTOR_STREAM_H

#include "common/codec.h"

#define NX_STREAM_JUMP_MAX                                                     \
    (UINT64_C(1) << 32) /* 2.7 years at 50 per second                          \
                         */
#define NX_STREAM_EPOCHS_MAX 8U

/* What the store keeps of a stream. */
struct nx_stream_position {
    uint64_t acked_seq; /* all up to here is committed or reported lost */
    uint64_t received_n;
    uint64_t dropped_n;    /* reported lost by gap records */
    struct nx_ahead ahead; /* committed or reported lost beyond a hole */
};

struct nx_stream {
    uint64_t epoch;
    struct nx_stream_position done;    /* committed */
    struct nx_stream_position pending; /* with the open transaction */
    uint64_t used; /* orders streams by their last use; 0: free slot */
};

/* All streams of one agent that are in memory. Zero it to begin. */
struct nx_streams {
    struct nx_stream slots[NX_STREAM_EPOCHS_MAX];
    uint64_t clock;
    /* Since start, of all epochs. */
    uint64_t duplicates_n;   /* results that were known already */
    uint64_t out_of_order_n; /* batches not taken: too many holes before them */
    uint64_t refused_n;      /* batches with impossible numbers */
};

enum nx_stream_verdict {
    NX_STREAM_ACCEPT,       /* take obs[skip..] */
    NX_STREAM_DUPLICATE,    /* nothing new */
    NX_STREAM_OUT_OF_ORDER, /* too many holes before it */
    NX_STREAM_REFUSED,      /* impossible numbers */
};

struct nx_stream_result {
    enum nx_stream_verdict verdict;
    size_t skip;        /* with ACCEPT: leading obs that are known already */
    uint64_t first_seq; /* with ACCEPT: number of obs[skip] */
    uint64_t dropped_n; /* with ACCEPT: results newly reported lost */
};

/* Can it be one? What is in the store may be damaged. */
bool nx_stream_possible(const struct nx_stream_position *position);

/* The stream of an epoch, or NULL when it is not in memory. */
struct nx_stream *nx_streams_find(struct nx_streams *streams, uint64_t epoch);

/* Puts a stream into memory, as the store knows it (position NULL: new). Takes
 * the place of the one not used for longest; NULL when every stream has
 * something pending, or when the position is impossible. */
struct nx_stream *nx_streams_add(struct nx_streams *streams, uint64_t epoch,
                                 const struct nx_stream_position *position);

/* Judges a batch of this stream and, when it accepts, moves `pending`. */
void nx_streams_offer(struct nx_streams *streams, struct nx_stream *stream,
                      const struct nx_batch *batch,
                      struct nx_stream_result *out);

/* When it was made, at the earliest, by the collector's time; the offset is
 * known. Numbers of strangers, which need not be small. */
double nx_made_us(const struct nx_clock_sample *clock);

/* Of a stream that the store does not know: may the batch of this clock have
 * come before, in one that retention deleted? until_us: when those changed
 * last. An honest clock is wrong by its error and an hour at most. */
bool nx_stream_forgotten(const struct nx_clock_sample *clock, int64_t until_us);

/* The open transaction was committed, or not. */
void nx_stream_commit(struct nx_stream *stream);
void nx_stream_rollback(struct nx_stream *stream);

bool nx_stream_pending(const struct nx_stream *stream);

#endif
