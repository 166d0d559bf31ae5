#include "collector/ingest/io_group.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/store/io_store_commit.h"
#include "common/io_log.h"

/* Decoded batches of one group; a usual one of 200 results takes 30 kB. */
#define ARENA_BYTES (NX_UNPACK_ARENA_BYTES + (4U << 20))

struct nx_group {
    struct nx_store *store;
    const struct nx_steady *clock;
    struct nx_group_handler handler;
    struct event *on_wait;
    struct event *on_retry;
    struct event *on_synced;
    struct event *then; /* of nx_group_busy; NULL */
    bool open;          /* a transaction is */
    bool committing;    /* ... and nothing more goes into it */
    struct nx_group_batch batches[NX_GROUP_BATCHES_MAX];
    size_t batches_n;
    size_t bytes;
    struct nx_arena arena;
    size_t arena_kept; /* of the batches that were added */
    bool storing;
    bool reopen; /* the store, for which the event loop was ended */
    int retry_s;
    char problem[256];
    struct nx_group_counters counters;
};

static void forget(struct nx_group *group) {
    group->batches_n = 0;
    group->bytes = 0;
    group->open = false;
    group->committing = false;
    nx_arena_reset(&group->arena);
    group->arena_kept = 0;
    (void)evtimer_del(group->on_wait);
    if (group->then != NULL) {
        event_active(group->then, EV_TIMEOUT, 0);
        group->then = NULL;
    }
}

static void retry_later(struct nx_group *group) {
    if (evtimer_pending(group->on_retry, NULL) != 0) {
        return;
    }
    const struct timeval in = {group->retry_s, 0};
    (void)evtimer_add(group->on_retry, &in);
    group->retry_s = group->retry_s * 2 < NX_GROUP_RETRY_MAX_S
                         ? group->retry_s * 2
                         : NX_GROUP_RETRY_MAX_S;
}

static void stop_storing(struct nx_group *group) {
    const char *problem = nx_store_problem(group->store);
    group->counters.failures_n++;
    snprintf(group->problem, sizeof(group->problem), "%s",
             problem[0] != '\0' ? problem : nx_strerror(NX_ENOMEM));
    if (group->storing) {
        group->storing = false;
        nx_log(NX_LOG_ERROR,
               "%s; nothing is acknowledged until it can be "
               "written again",
               group->problem);
    }
    retry_later(group);
}

void nx_group_abort(struct nx_group *group) {
    if (group->committing) { /* not what failed: that comes after it */
        (void)!nx_group_commit(group);
    }
    for (size_t i = 0; i < group->batches_n; i++) {
        nx_stream_rollback(group->batches[i].stream);
    }
    stop_storing(group);
    nx_store_rollback(group->store);
    forget(group);
    group->handler.done(group->handler.arg, false);
}

static void on_retry(evutil_socket_t fd, short what, void *arg) {
    struct nx_group *group = arg;
    (void)fd;
    (void)what;
    int err = nx_store_probe(group->store);
    if (err == NX_ESTATE) {
        nx_log(NX_LOG_INFO,
               "the store can be written: opening it anew, as at a start");
        group->reopen = true;
        (void)event_base_loopbreak(event_get_base(group->on_retry));
        return;
    }
    if (err != NX_OK) {
        stop_storing(group);
        return;
    }
    group->storing = true;
    group->problem[0] = '\0';
    nx_log(NX_LOG_INFO, "the store can be written again");
}

static void on_wait(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    (void)nx_group_commit_begin(arg);
}

static void on_synced(evutil_socket_t fd, short what, void *arg) {
    struct nx_group *group = arg;
    (void)fd;
    (void)what;
    if (group->committing && nx_group_commit(group) != NX_OK) {
        return; /* said and handled where it failed */
    }
}

static int make_events(struct nx_group *group, struct event_base *base) {
    int fd = -1;
    int err = nx_store_committer_start(group->store, &fd);
    if (err != NX_OK) {
        return err;
    }
    group->on_wait = evtimer_new(base, on_wait, group);
    group->on_retry = evtimer_new(base, on_retry, group);
    group->on_synced =
        event_new(base, fd, EV_READ | EV_PERSIST, on_synced, group);
    return group->on_wait != NULL && group->on_retry != NULL &&
                   group->on_synced != NULL &&
                   event_add(group->on_synced, NULL) == 0
               ? NX_OK
               : NX_ENOMEM;
}

int nx_group_new(struct event_base *base, struct nx_store *store,
                 const struct nx_steady *clock,
                 const struct nx_group_handler *handler,
                 struct nx_group **out) {
    struct nx_group *group = calloc(1, sizeof(*group));
    void *memory = malloc(ARENA_BYTES);
    if (group == NULL || memory == NULL) {
        free(group);
        free(memory);
        return NX_ENOMEM;
    }
    nx_arena_init(&group->arena, memory, ARENA_BYTES);
    group->store = store;
    group->clock = clock;
    group->handler = *handler;
    group->storing = true;
    group->retry_s = NX_GROUP_RETRY_MIN_S;
    int err = make_events(group, base);
    if (err != NX_OK) {
        nx_group_free(&group);
        return err;
    }
    if (nx_store_unwritable(store) != NX_OK) {
        stop_storing(group);
    }
    *out = group;
    return NX_OK;
}

void nx_group_free(struct nx_group **group_p) {
    struct nx_group *group = *group_p;
    if (group == NULL) {
        return;
    }
    nx_store_rollback(group->store);
    if (group->on_wait != NULL) {
        event_free(group->on_wait);
    }
    if (group->on_retry != NULL) {
        event_free(group->on_retry);
    }
    if (group->on_synced != NULL) {
        event_free(group->on_synced);
    }
    free(group->arena.base);
    free(group);
    *group_p = NULL;
}

static bool has_room(const struct nx_group *group) {
    const struct nx_arena *arena = &group->arena;
    return arena->cap_bytes - arena->used_bytes >= NX_UNPACK_ARENA_BYTES;
}

struct nx_arena *nx_group_arena(struct nx_group *group) {
    struct nx_arena *arena = &group->arena;
    if ((group->committing || !has_room(group)) &&
        nx_group_commit(group) != NX_OK) {
        nx_group_undo(group); /* it has rolled back: the arena is empty */
    }
    return arena;
}

void nx_group_undo(struct nx_group *group) {
    group->arena.used_bytes = group->arena_kept;
}

int nx_group_open(struct nx_group *group) {
    if (group->committing && nx_group_commit(group) != NX_OK) {
        return NX_EAGAIN;
    }
    if (!group->storing) {
        return NX_EAGAIN;
    }
    if (group->open) {
        return NX_OK;
    }
    int err = nx_store_begin(group->store);
    if (err != NX_OK) {
        nx_group_abort(group);
        return err;
    }
    group->open = true;
    const struct timeval in = {0, NX_GROUP_WAIT_US};
    (void)evtimer_add(group->on_wait, &in);
    return NX_OK;
}

static int append(struct nx_group *group, const struct nx_group_batch *batch,
                  const struct nx_stream_result *result, const uint8_t *payload,
                  size_t payload_len) {
    const struct nx_store_batch row = {
        .agent_id = batch->peer->agent_id,
        .epoch = batch->batch.epoch,
        .first_seq = result->first_seq,
        .results_n = (uint32_t)(batch->batch.obs_n - result->skip),
        .skip = (uint32_t)result->skip,
        .received_us = batch->received_us,
        .payload = payload,
        .payload_len = payload_len,
    };
    return nx_store_batch_append(group->store, &row);
}

void nx_group_add(struct nx_group *group, const struct nx_group_batch *batch,
                  const struct nx_stream_result *result, const uint8_t *payload,
                  size_t payload_len) {
    if (nx_group_open(group) != NX_OK) {
        /* No transaction: this batch is all that the stream has pending. */
        nx_stream_rollback(batch->stream);
        nx_group_undo(group);
        return;
    }
    struct nx_group_batch *slot = &group->batches[group->batches_n++];
    *slot = *batch;
    slot->skip = result->skip;
    group->arena_kept = group->arena.used_bytes;
    group->bytes += payload_len;
    int err = append(group, slot, result, payload, payload_len);
    slot->known = err == NX_EEXISTS;
    if (err != NX_OK && err != NX_EEXISTS) {
        nx_group_abort(group);
    } else if (group->batches_n == NX_GROUP_BATCHES_MAX ||
               group->bytes >= NX_GROUP_BYTES_MAX || !has_room(group)) {
        (void)nx_group_commit_begin(group);
    }
}

/* The streams' positions belong to the same transaction; one row for each,
 * written for its last batch. */
static int put_streams(struct nx_group *group) {
    int64_t now_us = nx_steady_wall_us(group->clock);
    int err = NX_OK;
    for (size_t i = 0; err == NX_OK && i < group->batches_n; i++) {
        const struct nx_group_batch *batch = &group->batches[i];
        bool last = true;
        for (size_t j = i + 1; last && j < group->batches_n; j++) {
            last = group->batches[j].stream != batch->stream;
        }
        if (last) {
            err = nx_store_stream_put(group->store, batch->peer->agent_id,
                                      batch->stream->epoch,
                                      &batch->stream->pending, now_us);
        }
    }
    return err;
}

static void deliver(struct nx_group *group) {
    for (size_t i = 0; i < group->batches_n; i++) {
        const struct nx_group_batch *batch = &group->batches[i];
        nx_stream_commit(batch->stream);
        if (!batch->known) {
            group->counters.batches_n++;
            group->counters.results_n += batch->batch.obs_n - batch->skip;
            group->handler.committed(group->handler.arg, batch);
        }
    }
    if (group->batches_n > 0) {
        group->retry_s = NX_GROUP_RETRY_MIN_S;
    }
}

static int start(struct nx_group *group) {
    int err = put_streams(group);
    if (err == NX_OK) {
        err = nx_store_commit_begin(group->store);
    }
    group->committing = err == NX_OK;
    return err;
}

bool nx_group_commit_begin(struct nx_group *group) {
    if (!group->open || group->committing) {
        return group->open;
    }
    (void)evtimer_del(group->on_wait);
    if (start(group) != NX_OK) {
        nx_group_abort(group);
    } else {
        group->handler.committing(group->handler.arg);
    }
    return true;
}

int nx_group_commit(struct nx_group *group) {
    if (!group->open) {
        return NX_OK;
    }
    int err = group->committing ? NX_OK : start(group);
    if (err == NX_OK) {
        err = nx_store_commit_end(group->store);
        group->committing = false;
    }
    if (err != NX_OK) {
        nx_group_abort(group);
        return err;
    }
    group->counters.commits_n++;
    deliver(group);
    forget(group);
    group->handler.done(group->handler.arg, true);
    return NX_OK;
}

int nx_group_begin(struct nx_group *group) {
    int err = nx_group_commit(group);
    return err == NX_OK ? nx_group_open(group) : err;
}

int nx_group_end(struct nx_group *group, int err) {
    if (err == NX_OK) {
        return nx_group_commit(group);
    }
    if (err == NX_EEXISTS) {
        nx_store_rollback(group->store);
        forget(group);
    } else {
        nx_group_abort(group);
    }
    return err;
}

bool nx_group_busy(struct nx_group *group, struct event *then) {
    group->then = group->committing ? then : NULL;
    return group->committing;
}

bool nx_group_storing(const struct nx_group *group) {
    return group->storing;
}

bool nx_group_reopen(const struct nx_group *group) {
    return group->reopen;
}

const char *nx_group_problem(const struct nx_group *group) {
    return group->problem;
}

const struct nx_group_counters *
nx_group_counters(const struct nx_group *group) {
    return &group->counters;
}
