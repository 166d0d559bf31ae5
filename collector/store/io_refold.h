/* The stored log into an engine again: at a start, to check, to rebuild. */
#ifndef NX_COLLECTOR_IO_REFOLD_H
#define NX_COLLECTOR_IO_REFOLD_H

#include "collector/engine/engine.h"
#include "collector/store/io_store.h"

struct nx_refold {
    /* All borrowed; the engine knows agents and incidents. */
    struct nx_store *store;
    struct nx_engine *engine;
    int64_t from_us;  /* earliest batch that can matter; INT64_MAX: none. Hellos
                         before it say what resolvers agents had. */
    int64_t now_us;   /* what was received well after it is left out */
    int64_t every_us; /* time passes in such steps */
    /* NULL: time only catches up. Else it passes tick by tick, as it did then,
     * and is told; before each step `pass` may open and close incidents. */
    const struct nx_engine_sink *sink;
    void (*pass)(void *user, int64_t at_us);
    void *user;

    /* Filled. */
    uint64_t batches_n, results_n, hellos_n;
    uint64_t damaged_n;   /* messages left out: not what was written */
    uint64_t strangers_n; /* ... of an agent that is not known */
    uint64_t ahead_n;     /* received later than now */
    int64_t last_us;      /* latest receipt; NX_TIME_UNKNOWN */
};

/* Folds all of it. NX_ENOMEM, an error of the store. */
int nx_refold(struct nx_refold *refold) NX_MUSTUSE;

#endif
