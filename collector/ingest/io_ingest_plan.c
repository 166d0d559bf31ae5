/* Plans on their way to the agents. */
#include "collector/ingest/io_ingest_priv.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/io_log.h"

#define COALESCE_US 20000 /* what changes together is sent together */
#define PLAN_MEMORY_BYTES (2U * NX_UNPACK_ARENA_BYTES)

/* With as many tasks as a message has room for: the plan before it may have
 * some that are withdrawn. */
static int pack_plan(struct nx_ingest *ingest, const struct nx_peer *peer,
                     int64_t now_us, size_t *len) {
    struct nx_arena arena;
    struct nx_plan plan = {0};
    nx_arena_init(&arena, ingest->plan_memory, PLAN_MEMORY_BYTES);
    int err = nx_engine_plan(ingest->parts.engine, peer->agent_id, now_us,
                             &arena, &plan);
    if (err == NX_ENOTFOUND) {
        return err;
    }
    plan.keys = ingest->keys;
    plan.spread_ms = nx_peers_spread_ms(&ingest->peers);
    const size_t all_n = plan.tasks_n;
    bool whole = err == NX_OK;
    while ((err = nx_codec_pack_plan(&plan, &arena, ingest->out,
                                     NX_MSG_MAX_BYTES, len)) != NX_OK &&
           plan.tasks_n > 0) {
        plan.tasks_n /= 2;
        whole = false;
    }
    if (!whole) {
        nx_log(NX_LOG_ERROR,
               "agent %" PRIu32 ": its plan is too large: %zu of %zu tasks "
               "are sent",
               peer->agent_id, plan.tasks_n, all_n);
    }
    return err;
}

static void send_plan(struct nx_ingest *ingest, struct nx_peer *peer,
                      int64_t now_us) {
    size_t len = 0;
    int err = pack_plan(ingest, peer, now_us, &len);
    peer->plan_due = false;
    if (err != NX_OK) {
        nx_log(NX_LOG_ERROR, "agent %" PRIu32 ": no plan: %s", peer->agent_id,
               nx_strerror(err));
        return;
    }
    err = nx_ingest_send(ingest, peer, ingest->out, len);
    peer->plan_due = err == NX_EAGAIN || err == NX_ENOMEM;
    peer->plan_sent = true;
    peer->plan_sent_us = now_us;
}

static void wake(struct nx_ingest *ingest, long in_us) {
    const struct timeval in = {0, in_us};
    if (evtimer_pending(ingest->on_plans, NULL) == 0) {
        (void)evtimer_add(ingest->on_plans, &in);
    }
}

/* Those that wait for their 200 ms keep the timer going; those that are not
 * connected are sent a plan after their hello. */
static void on_plans(evutil_socket_t fd, short what, void *arg) {
    struct nx_ingest *ingest = arg;
    int64_t now_us = nx_steady_wall_us(ingest->parts.clock);
    bool left = false;
    (void)fd;
    (void)what;
    for (size_t i = 0; i < ingest->peers.cap; i++) {
        struct nx_peer *peer = ingest->peers.by_id[i];
        if (peer == NULL || !peer->plan_due) {
            continue;
        }
        if (nx_peer_plan_may(peer, now_us)) {
            send_plan(ingest, peer, now_us);
        }
        left = left || (peer->plan_due && peer->routing_n > 0);
    }
    if (left) {
        wake(ingest, NX_PEER_PLAN_EVERY_US / 4);
    }
}

void nx_ingest_plan_due(struct nx_ingest *ingest, struct nx_peer *peer) {
    peer->plan_due = true;
    wake(ingest, COALESCE_US);
}

void nx_ingest_plan_changed(struct nx_ingest *ingest, uint32_t agent_id) {
    struct nx_peer *peer = nx_peers_get(&ingest->peers, agent_id);
    if (peer != NULL && peer->accepted) {
        nx_ingest_plan_due(ingest, peer);
    }
}

void nx_ingest_announce(struct nx_ingest *ingest,
                        const struct nx_collector_keys *keys) {
    ingest->keys = *keys;
    for (size_t i = 0; i < ingest->peers.cap; i++) {
        struct nx_peer *peer = ingest->peers.by_id[i];
        if (peer != NULL && peer->accepted) {
            nx_ingest_plan_due(ingest, peer);
        }
    }
}

/* Waits neither for other changes nor for the time since the last plan: each
 * was proven for some seconds, so that this cannot come often. */
static void on_withdrawn(void *user, uint32_t agent_id) {
    struct nx_ingest *ingest = user;
    struct nx_peer *peer = nx_peers_get(&ingest->peers, agent_id);
    if (peer == NULL || !peer->accepted) {
        return;
    }
    if (peer->routing_n > 0) {
        send_plan(ingest, peer, nx_steady_wall_us(ingest->parts.clock));
    } else {
        peer->plan_due = true;
    }
    if (peer->plan_due) {
        wake(ingest, COALESCE_US);
    }
}

void nx_ingest_withdraw(struct nx_ingest *ingest) {
    const struct nx_engine_sink sink = {.user = ingest,
                                        .plan_changed = on_withdrawn};
    nx_engine_withdraw(ingest->parts.engine,
                       nx_steady_wall_us(ingest->parts.clock), &sink);
}

/* Plans expire at the agents: well before that they are sent again. */
static void on_plans_renew(evutil_socket_t fd, short what, void *arg) {
    struct nx_ingest *ingest = arg;
    int64_t now_us = nx_steady_wall_us(ingest->parts.clock);
    int64_t age_us = (int64_t)ingest->parts.plan_valid_s * 500000;
    (void)fd;
    (void)what;
    for (size_t i = 0; i < ingest->peers.cap; i++) {
        struct nx_peer *peer = ingest->peers.by_id[i];
        if (peer != NULL && peer->accepted && peer->plan_sent &&
            peer->routing_n > 0 && now_us - peer->plan_sent_us >= age_us) {
            nx_ingest_plan_due(ingest, peer);
        }
    }
}

int nx_ingest_plans_init(struct nx_ingest *ingest) {
    struct event_base *base = ingest->parts.base;
    ingest->plan_memory = malloc(PLAN_MEMORY_BYTES);
    ingest->out = malloc(NX_MSG_MAX_BYTES);
    ingest->on_plans = evtimer_new(base, on_plans, ingest);
    ingest->on_plans_renew =
        event_new(base, -1, EV_PERSIST, on_plans_renew, ingest);
    if (ingest->plan_memory == NULL || ingest->out == NULL ||
        ingest->on_plans == NULL || ingest->on_plans_renew == NULL) {
        return NX_ENOMEM;
    }
    time_t every_s = (time_t)ingest->parts.plan_valid_s / 10;
    const struct timeval every = {every_s > 0 ? every_s : 1, 0};
    return event_add(ingest->on_plans_renew, &every) == 0 ? NX_OK : NX_ENOMEM;
}

void nx_ingest_plans_fini(struct nx_ingest *ingest) {
    if (ingest->on_plans != NULL) {
        event_free(ingest->on_plans);
    }
    if (ingest->on_plans_renew != NULL) {
        event_free(ingest->on_plans_renew);
    }
    free(ingest->plan_memory);
    free(ingest->out);
}
