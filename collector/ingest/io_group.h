/* Group commit: batches of many agents become one transaction, and nothing is
 * acknowledged or believed before that is on the disk. The event loop does not
 * wait for the disk: a thread does (store/io_store_commit.h).
 *
 * A batch is written into the open transaction as it comes and kept decoded
 * until the commit; then it is handed to `committed` (the engine), and `done`
 * is called (the acks). When anything fails, everything since the last commit
 * is rolled back, here and in the streams: the agents send it again, because it
 * was not acknowledged. Then nothing is taken until a trial write succeeds,
 * tried after 1, 2, 4 ... 30 s. So it is from the beginning with a store that
 * could only be read when it was opened; once it can be written the event loop
 * is ended: it is to be opened anew (nx_group_reopen).
 *
 * Commits happen at NX_GROUP_BATCHES_MAX batches, at NX_GROUP_BYTES_MAX bytes,
 * NX_GROUP_WAIT_US after the first, or when the caller says so. */
#ifndef NX_COLLECTOR_IO_GROUP_H
#define NX_COLLECTOR_IO_GROUP_H

#include <event2/event.h>

#include "collector/ingest/peers.h"
#include "collector/store/io_store.h"
#include "common/arena.h"
#include "common/io_clock.h"

#define NX_GROUP_BATCHES_MAX 64U
#define NX_GROUP_BYTES_MAX (1U << 20)
#define NX_GROUP_WAIT_US 5000
#define NX_GROUP_RETRY_MIN_S 1
#define NX_GROUP_RETRY_MAX_S 30

struct nx_group;

struct nx_group_batch {
    struct nx_peer *peer;
    struct nx_stream *stream;
    struct nx_batch batch; /* in the group's arena */
    size_t skip;
    int64_t received_us;
    bool known; /* the store had it already */
};

struct nx_group_handler {
    /* A commit is under way: batches are to wait until it is done. One that is
     * added all the same waits for it. */
    void (*committing)(void *arg);
    /* A batch is committed. */
    void (*committed)(void *arg, const struct nx_group_batch *batch);
    /* The transaction has ended; committed false: rolled back. */
    void (*done)(void *arg, bool committed);
    void *arg;
};

/* store and clock are borrowed. NX_ENOMEM. */
int nx_group_new(struct event_base *base, struct nx_store *store,
                 const struct nx_steady *clock,
                 const struct nx_group_handler *handler,
                 struct nx_group **out) NX_MUSTUSE;
/* Rolls back what was not committed. */
void nx_group_free(struct nx_group **group);

/* Where to decode the next message: has room for any. May commit to make it.
 * What is decoded and not added is given back with nx_group_undo. */
struct nx_arena *nx_group_arena(struct nx_group *group);
void nx_group_undo(struct nx_group *group);

/* Adds a batch that was decoded into the arena and that its stream accepted.
 * payload: the message as it came, borrowed for the call. A failure is the
 * group's own business: it has rolled back then. */
void nx_group_add(struct nx_group *group, const struct nx_group_batch *batch,
                  const struct nx_stream_result *result, const uint8_t *payload,
                  size_t payload_len);

/* Opens the transaction if there is none, to write something else into it.
 * NX_EAGAIN: not storing now. */
int nx_group_open(struct nx_group *group) NX_MUSTUSE;
/* Writing into it failed. */
void nx_group_abort(struct nx_group *group);

/* For a change of its own: commits what is open, opens an empty transaction ...
 * Any error: see nx_group_problem. */
int nx_group_begin(struct nx_group *group) NX_MUSTUSE;
/* ... and commits it, or rolls it back when writing into it failed (err, which
 * is passed through). NX_EEXISTS rolls back, but is no failure of the store. */
int nx_group_end(struct nx_group *group, int err) NX_MUSTUSE;

/* Commits what is open, if anything, and waits for it. Any error: see
 * nx_group_problem. */
int nx_group_commit(struct nx_group *group) NX_MUSTUSE;
/* The same without waiting: `done` tells. False: there is nothing to commit. */
bool nx_group_commit_begin(struct nx_group *group);

/* For work that writes into the transaction and can wait: true while a commit
 * is under way, for which the loop would have to wait. `then` is activated when
 * that is over; the last one given counts. NULL: none. */
bool nx_group_busy(struct nx_group *group, struct event *then);

bool nx_group_storing(const struct nx_group *group);
bool nx_group_reopen(const struct nx_group *group);
/* "" when nothing is wrong. */
const char *nx_group_problem(const struct nx_group *group);

struct nx_group_counters {
    uint64_t commits_n, failures_n;
    uint64_t batches_n, results_n; /* committed */
};
const struct nx_group_counters *nx_group_counters(const struct nx_group *group);

#endif
