/* What is too old goes from the store, some rows at a time. */
#ifndef NX_COLLECTOR_IO_STORE_RETAIN_H
#define NX_COLLECTOR_IO_STORE_RETAIN_H

#include "collector/store/io_store.h"
#include "collector/store/retained.h"

enum nx_retain_table {
    NX_RETAIN_BATCH,
    NX_RETAIN_HELLO,
    NX_RETAIN_TRANSITION,
    NX_RETAIN_FORECAST,
    NX_RETAIN_FACT,
    NX_RETAIN_PROFILE,
    NX_RETAIN_DOOR,
    NX_RETAIN_STREAM,
    NX_RETAIN_TARGET,
    NX_RETAIN_OUTCOME,
    NX_RETAIN_TOKEN,
    NX_RETAIN_ENROLMENT,
    NX_RETAIN_TABLES_N
};

/* One pass over all tables; zero it but the times to begin. */
struct nx_store_retention {
    int64_t log_before_us;     /* batches and hellos received before go; nothing
                                  that an open incident needs may be older */
    int64_t history_before_us; /* transitions, forecasts, facts; what is
                                  derived of incidents closed before; who
                                  changed what; streams without a batch;
                                  tokens and join strings over since then */
    int64_t now_us; /* of the pass; rows of later times hide no older ones */
    int64_t done_id[NX_RETAIN_TABLES_N];
    int64_t done_epoch; /* of the stream of the agent done_id */
    uint64_t deleted_n[NX_RETAIN_TABLES_N];
};

/* Deletes what is too old among the next `rows` ids of one table. The last
 * hello of an agent before what is kept stays. Of a stream that goes, and so of
 * how far it was acknowledged, nx_store_forgotten remembers the time. 1: there
 * may be more; 0: the pass is over. */
int nx_store_retain(struct nx_store *store, struct nx_store_retention *pass,
                    unsigned rows) NX_MUSTUSE;

/* The time by which retention went last (retained.h). Before the first one:
 * when the newest batch or hello came. NX_ENOTFOUND: there is none either. */
int nx_store_retained_get(struct nx_store *store,
                          struct nx_retained_kept *kept) NX_MUSTUSE;
/* In a transaction, or alone. */
int nx_store_retained_put(struct nx_store *store,
                          const struct nx_retained_kept *kept) NX_MUSTUSE;

/* Of the database, and what of it is free to be used again. */
int nx_store_size(struct nx_store *store, uint64_t *bytes,
                  uint64_t *free_bytes) NX_MUSTUSE;

#endif
