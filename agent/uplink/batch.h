/* The open batch: results get their numbers here and wait, deep-copied, until
 * the batch is full or old enough, and then become bytes that never change.
 *
 * Questions and answers that repeat are kept once. Memory is one block of
 * NX_BATCH_ARENA_BYTES, which also keeps a batch below NX_MSG_MAX_BYTES. */
#ifndef NX_AGENT_BATCH_H
#define NX_AGENT_BATCH_H

#include "common/codec.h"

#define NX_BATCH_ARENA_BYTES (160U * 1024U)
/* So much longer results may wait while acks are slow (nx_spool_pace_us): a
 * slow line or collector gets fewer and larger batches. */
#define NX_BATCH_HOLD_US INT64_C(2000000)

struct nx_batcher;

/* epoch: random, made with the process or the spool. next_seq: the number of
 * the first result, 1 in a new epoch. max_results: 1..NX_BATCH_OBS_MAX.
 * NX_ENOMEM, NX_ERANGE. */
int nx_batcher_new(uint64_t epoch, uint64_t next_seq, unsigned max_results,
                   unsigned max_age_ms, struct nx_batcher **out) NX_MUSTUSE;
void nx_batcher_free(struct nx_batcher **batcher);

/* Results are numbered so from here on; there must be none in it. */
void nx_batcher_renumber(struct nx_batcher *batcher, uint64_t epoch,
                         uint64_t next_seq);

/* Numbers a result and copies it. NX_EFULL: does not fit; close the batch and
 * add it again (a batch without results takes every result). */
int nx_batcher_add(struct nx_batcher *batcher, const struct nx_obs *obs,
                   int64_t now_mono_us) NX_MUSTUSE;

/* Copies what a walk found; it travels with the next result. A newer one for
 * the same name replaces it. NX_EFULL as above; a batch without results takes
 * every one of up to NX_DELEG_SERVERS_MAX servers, if need be by forgetting
 * the others (walks report again each round). */
int nx_batcher_add_delegation(struct nx_batcher *batcher,
                              const struct nx_delegation *delegation)
    NX_MUSTUSE;

/* Should it be closed now? pace_us: nx_spool_pace_us. */
bool nx_batcher_due(const struct nx_batcher *batcher, int64_t pace_us,
                    int64_t now_mono_us);

/* When it will be by its age and the pace; INT64_MAX while it has no result. */
int64_t nx_batcher_due_at(const struct nx_batcher *batcher, int64_t pace_us);

/* Packs what there is into *bytes (malloc, given to the caller) and begins the
 * next batch. NX_ESTATE: no result in it; NX_ENOMEM: it stays as it is. */
int nx_batcher_close(struct nx_batcher *batcher,
                     const struct nx_clock_sample *clock, uint8_t **bytes,
                     size_t *len, uint64_t *first_seq,
                     size_t *results_n) NX_MUSTUSE;

/* Gives up the open batch's results (they keep their numbers); how many. Only
 * for memory that cannot be had. */
size_t nx_batcher_abandon(struct nx_batcher *batcher, uint64_t *first_seq);

size_t nx_batcher_open_n(const struct nx_batcher *batcher);
uint64_t nx_batcher_next_seq(const struct nx_batcher *batcher);

#endif
