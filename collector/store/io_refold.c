#include "collector/store/io_refold.h"

#include <stdlib.h>

#define AHEAD_MAX_US 60000000 /* a step of the clock so small does no harm */
#define PART_BATCHES 256U
#define SLOWER                                                                 \
    20 /* with nothing to fold ticks are as far apart as 1/SLOWER of           \
          the time since the last message */

struct state {
    struct nx_refold *r;
    struct nx_arena arena;
    int64_t tick_us;
    int64_t message_us; /* of the last message */
    int err;            /* what ends it: no memory */
};

static void tick(const struct state *s, int64_t at_us) {
    if (s->r->pass != NULL) {
        s->r->pass(s->r->user, at_us);
    }
    if (s->r->sink != NULL) {
        nx_engine_tick(s->r->engine, at_us, s->r->sink);
    } else {
        nx_engine_catch_up(s->r->engine, at_us);
    }
}

static int64_t step_us(const struct state *s) {
    int64_t slow_us = (s->tick_us - s->message_us) / SLOWER;
    return slow_us > s->r->every_us ? slow_us : s->r->every_us;
}

/* Time passes in the log as it did then. Never beyond now: the engine's time
 * does not go back. */
static void pass_to(struct state *s, int64_t at_us) {
    at_us = at_us < s->r->now_us ? at_us : s->r->now_us;
    if (s->r->sink != NULL && s->tick_us != INT64_MAX) {
        while (s->tick_us + step_us(s) < at_us) {
            s->tick_us += step_us(s);
            tick(s, s->tick_us);
        }
    }
    if (s->tick_us == INT64_MAX || at_us - s->tick_us >= s->r->every_us) {
        s->tick_us = at_us;
        tick(s, at_us);
    }
}

static int fold(struct state *s, const struct nx_store_batch *row,
                const struct nx_up *up) {
    struct nx_refold *r = s->r;
    if (up->kind == NX_UP_HELLO) {
        r->hellos_n++;
        return nx_engine_hello(r->engine, row->agent_id, &up->u.hello,
                               row->received_us);
    }
    if (row->skip >= up->u.batch.obs_n) {
        return NX_EMALFORMED;
    }
    r->batches_n++;
    r->results_n += row->results_n;
    return nx_engine_batch_again(r->engine, row->agent_id, &up->u.batch,
                                 row->skip, row->received_us);
}

static int take(struct state *s, const struct nx_store_batch *row) {
    struct nx_up up;
    const char *why = "";
    nx_arena_reset(&s->arena);
    int err = row->damaged ? NX_EMALFORMED
                           : nx_codec_unpack_up(row->payload, row->payload_len,
                                                &s->arena, &up, &why);
    if (err == NX_OK) {
        pass_to(s, row->received_us);
        s->message_us = row->received_us;
        err = fold(s, row, &up);
    }
    return err;
}

static void see_message(void *user, const struct nx_store_batch *row) {
    struct state *s = user;
    if (s->err != NX_OK) {
        return;
    }
    if (row->received_us > s->r->now_us + AHEAD_MAX_US) {
        s->r->ahead_n++; /* would look fresh until that time has come */
        return;
    }
    int err = take(s, row);
    if (err == NX_ENOMEM) {
        s->err = err;
    } else if (err == NX_ENOTFOUND) {
        s->r->strangers_n++;
    } else if (err != NX_OK) {
        s->r->damaged_n++;
    }
    s->r->last_us =
        row->received_us > s->r->last_us ? row->received_us : s->r->last_us;
}

/* Hellos, too: a resolver that was named and never answered is unknown, not
 * gone. Without an open incident they are all that matters. */
int nx_refold(struct nx_refold *r) {
    struct state s = {.r = r, .tick_us = r->from_us, .message_us = r->from_us};
    struct nx_store_mark mark;
    void *memory = malloc(NX_UNPACK_ARENA_BYTES);
    if (memory == NULL) {
        return NX_ENOMEM;
    }
    nx_arena_init(&s.arena, memory, NX_UNPACK_ARENA_BYTES);
    r->last_us = NX_TIME_UNKNOWN;
    int err = nx_store_mark_at(r->store, r->from_us, &mark);
    if (err == NX_OK) {
        err = nx_store_hellos_before(r->store, &mark, see_message, &s);
    }
    int more = err == NX_OK ? 1 : err;
    while (more == 1 && s.err == NX_OK) {
        more = nx_store_log(r->store, &mark, PART_BATCHES, see_message, &s);
    }
    free(memory);
    return more < 0 ? more : s.err;
}
