/* Numbers of a stream that are settled: delivered or reported lost. All up to
 * acked_seq, and a few runs of them beyond the first hole. Both sides of the
 * wire keep one: the collector as the truth, the agent as it was told.
 *
 * Runs are ascending, apart from each other and from acked_seq by at least one
 * number; numbers are below UINT64_MAX. Pure. */
#ifndef NX_COMMON_SETTLED_H
#define NX_COMMON_SETTLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* An agent that drains what it kept while it sends what is new makes one run
 * for each interruption that it has not caught up with. */
#define NX_AHEAD_MAX 4U

struct nx_seq_range {
    uint64_t from_seq;
    uint64_t to_seq; /* inclusive */
};

struct nx_ahead {
    struct nx_seq_range runs[NX_AHEAD_MAX];
    size_t n;
};

/* Are the runs as they must be? */
bool nx_settled_valid(uint64_t acked_seq, const struct nx_ahead *ahead);

/* The first number from seq on (not 0) that is not settled. */
uint64_t nx_settled_skip(uint64_t acked_seq, const struct nx_ahead *ahead,
                         uint64_t seq);

/* How many of from..to (inclusive) are settled. */
uint64_t nx_settled_count(uint64_t acked_seq, const struct nx_ahead *ahead,
                          uint64_t from, uint64_t to);

/* Settles from..to; acked_seq moves as far as it can. *new_n: how many were not
 * settled before. NX_EFULL: it would be one run too many; nothing changed.
 * NX_ERANGE: from is 0 or beyond to, or to is UINT64_MAX. */
int nx_settled_add(uint64_t *acked_seq, struct nx_ahead *ahead, uint64_t from,
                   uint64_t to, uint64_t *new_n) NX_MUSTUSE;

#endif
