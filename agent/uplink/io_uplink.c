#include "agent/uplink/io_uplink.h"

#include <stdlib.h>
#include <string.h>

#include "agent/uplink/io_uplink_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

#define ACK_TIMEOUT_US INT64_C(10000000)
#define ACK_TIMEOUT_DOUBLINGS 2U /* up to 40 s, then connect anew */
#define IDLE_US INT64_C(30000000)
#define KEPT_LOG_AGAIN_US INT64_C(600000000)
#define HELLO_BYTES 16384U
#define HELLO_SCRATCH_BYTES 65536U

/* --- the ack timer --- */

static void arm(struct event *timer, int64_t at_us) {
    int64_t wait_us = at_us - nx_clock_mono_us();
    wait_us = wait_us > 0 ? wait_us : 0;
    const struct timeval tv = {wait_us / 1000000, wait_us % 1000000};
    (void)evtimer_add(timer, &tv);
}

static void arm_ack_timer(struct nx_uplink *u) {
    int64_t timeout_us = ACK_TIMEOUT_US << u->timeouts_n;
    int64_t at_us = u->greeted ? nx_spool_timeout_at(u->spool, timeout_us)
                               : u->hello_sent_us + timeout_us;
    if (at_us == INT64_MAX || u->state != NX_LINK_ONLINE) {
        (void)evtimer_del(u->on_ack_timeout);
        return;
    }
    arm(u->on_ack_timeout, at_us);
}

static void on_ack_timeout(evutil_socket_t fd, short what, void *arg) {
    struct nx_uplink *u = arg;
    (void)fd;
    (void)what;
    if (u->state != NX_LINK_ONLINE) {
        return;
    }
    if (u->timeouts_n == ACK_TIMEOUT_DOUBLINGS) {
        nx_link_end(u, NX_END_SILENT);
        return;
    }
    u->timeouts_n++;
    if (u->greeted) {
        nx_log(NX_LOG_DEBUG, "no ack: sending again");
        nx_spool_rewind(u->spool, nx_clock_mono_us());
        nx_uplink_flush(u);
    } else {
        nx_uplink_hello(u);
    }
}

/* --- sending --- */

void nx_uplink_clock(const struct nx_uplink *u, struct nx_clock_sample *out) {
    memset(out, 0, sizeof(*out));
    out->mono_us = nx_clock_mono_us();
    out->wall_us = nx_clock_wall_us();
    out->offset_known = nx_clocksync_get(
        &u->sync, out->mono_us, &out->offset_us, &out->offset_error_us);
}

static int pack_hello(struct nx_uplink *u, uint8_t *work, size_t *len) {
    struct nx_hello hello = {.protocol = NX_PROTOCOL,
                             .software = "nxclear-agent " NX_VERSION};
    struct nx_arena scratch;
    nx_arena_init(&scratch, work + HELLO_BYTES, HELLO_SCRATCH_BYTES);
    nx_uplink_clock(u, &hello.clock);
    u->handler.hello(u->handler.user, &hello);
    return nx_codec_pack_hello(&hello, &scratch, work, HELLO_BYTES, len);
}

static int send_hello(struct nx_uplink *u) {
    uint8_t *work = malloc(HELLO_BYTES + HELLO_SCRATCH_BYTES);
    size_t len = 0;
    int err = work != NULL ? pack_hello(u, work, &len) : NX_ENOMEM;
    if (err == NX_OK) {
        int64_t now_us = nx_clock_mono_us();
        err = nx_zloop_send_bytes(u->zloop, work, len);
        if (err == NX_OK) {
            u->hello_sent_us = now_us;
            u->sent_us = now_us;
            u->hellos_n++;
            u->hello_due = false;
        }
    }
    free(work);
    return err;
}

static int send_batches(struct nx_uplink *u) {
    uint8_t *work = malloc(NX_MSG_MAX_BYTES);
    size_t len = 0;
    uint64_t seq = 0;
    int err = work != NULL ? NX_OK : NX_ENOMEM;
    while (err == NX_OK) {
        struct nx_clock_sample now;
        nx_uplink_clock(u, &now);
        err = nx_spool_peek(u->spool, &now, work, &len, &seq);
        if (err == NX_OK) {
            int64_t now_us = nx_clock_mono_us();
            err = nx_zloop_send_bytes(u->zloop, work, len);
            if (err == NX_OK) {
                nx_spool_sent(u->spool, now_us);
                u->sent_us = now_us;
            }
        }
    }
    free(work);
    return err;
}

static void on_send(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    nx_uplink_flush(arg);
}

/* What was kept goes slowly. When there is no room in the socket or nothing
 * else to do, other events call. */
static void arm_send(struct nx_uplink *u, int err) {
    int64_t at_us =
        err == NX_ENOTFOUND ? nx_spool_send_at(u->spool) : INT64_MAX;
    if (at_us != INT64_MAX) {
        arm(u->on_send, at_us);
    }
}

void nx_uplink_flush(struct nx_uplink *u) {
    if (u->state != NX_LINK_ONLINE) {
        return;
    }
    int err = u->hello_due ? send_hello(u) : NX_OK;
    if (err == NX_OK && u->greeted) {
        err = send_batches(u);
        arm_send(u, err);
    }
    if (err != NX_EAGAIN && err != NX_ENOTFOUND && err != NX_OK) {
        nx_log(NX_LOG_WARN, "cannot send to the collector: %s",
               nx_strerror(err));
    }
    arm_ack_timer(u);
}

static void arm_idle(struct nx_uplink *u) {
    arm(u->on_idle, u->sent_us + u->idle_us);
}

/* An agent that has nothing to say says so: else it would look dead. One that
 * missed a plan asks for it, but not at once: the next may fail as well. */
static void on_idle(evutil_socket_t fd, short what, void *arg) {
    struct nx_uplink *u = arg;
    (void)fd;
    (void)what;
    if (u->state != NX_LINK_ONLINE) {
        return; /* begins anew with the next connection */
    }
    int64_t now_us = nx_clock_mono_us();
    if (u->plan_missed || now_us - u->sent_us >= u->idle_us) {
        u->plan_missed = false;
        u->sent_us = now_us; /* tried: not again at once */
        nx_uplink_hello(u);
    }
    arm_idle(u);
}

void nx_uplink_writable(void *arg) {
    nx_uplink_flush(arg);
}

void nx_uplink_hello(struct nx_uplink *u) {
    u->hello_due = true;
    nx_uplink_flush(u);
}

void nx_uplink_opened(struct nx_uplink *u) {
    if (u->sync_which != u->which) {
        u->sync = (struct nx_clocksync){0}; /* another clock */
        u->sync_which = u->which;
    }
    u->timeouts_n = 0;
    u->greeted = false;
    u->plan_missed = false;
    nx_spool_connected(u->spool, nx_clock_mono_us());
    u->sent_us = nx_clock_mono_us();
    nx_uplink_hello(u);
    arm_idle(u);
}

/* --- receiving --- */

/* Results that no version of this batch will bring to the collector. */
static void on_refused(struct nx_uplink *u, uint32_t crc) {
    uint64_t n = nx_spool_refused(u->spool, crc);
    if (n > 0) {
        nx_log(NX_LOG_ERROR,
               "the collector cannot take a batch of %llu results, which are "
               "reported as lost; its log says why",
               (unsigned long long)n);
        u->timeouts_n = 0; /* it is an answer */
        u->handler.acked(u->handler.user);
    }
    nx_uplink_flush(u);
}

/* Its next connection may be one to a newer collector. */
static void on_keep(struct nx_uplink *u, uint32_t crc, int64_t now_us) {
    uint64_t n = nx_spool_keep(u->spool, crc);
    bool again = u->kept_logged_us != 0 &&
                 now_us - u->kept_logged_us < KEPT_LOG_AGAIN_US;
    if (n > 0) {
        nx_log(again ? NX_LOG_DEBUG : NX_LOG_ERROR,
               "the collector is older than this agent (" NX_VERSION
               ") and cannot read a batch of %llu results: they are kept "
               "until it is upgraded",
               (unsigned long long)n);
        u->kept_logged_us = again ? u->kept_logged_us : now_us;
        u->timeouts_n = 0; /* it is an answer */
    }
    nx_uplink_flush(u);
}

static void on_ack(struct nx_uplink *u, const struct nx_ack *ack,
                   int64_t now_us) {
    struct nx_ledger before;
    struct nx_ledger after;
    int64_t sent_us = 0;
    if (ack->epoch != nx_spool_epoch(u->spool)) {
        return; /* for somebody else with this key */
    }
    bool answers_hello = ack->echo == 0 && u->hellos_n > 0;
    if (answers_hello && nx_spool_behind(u->spool, ack)) {
        u->handler.behind(u->handler.user, ack);
        nx_link_end(u, NX_END_STOOD);
        return;
    }
    nx_spool_ledger(u->spool, &before);
    bool sample = nx_spool_ack(u->spool, ack, answers_hello, now_us, &sent_us);
    nx_spool_ledger(u->spool, &after);
    if (answers_hello) {
        u->greeted = true;
        sample = u->hellos_n == 1; /* else: which of them? */
        sent_us = u->hello_sent_us;
        u->hellos_n--;
    }
    if (sample) {
        const struct nx_clock_exchange exchange = {sent_us, ack->received_us,
                                                   ack->sent_us, now_us};
        if (nx_clocksync_add(&u->sync, &exchange)) {
            u->handler.stood(u->handler.user);
        }
    }
    if (answers_hello || after.held < before.held) {
        u->backoff = (struct nx_backoff){0}; /* it works */
    }
    if (after.dropped > before.dropped) {
        nx_log(NX_LOG_WARN,
               "the collector has lost %llu results that it had acknowledged",
               (unsigned long long)(after.dropped - before.dropped));
    }
    if (after.held < before.held) {
        u->timeouts_n = 0;
        u->handler.acked(u->handler.user);
    }
    nx_uplink_flush(u); /* it may have gone back, or the window is open */
}

static void on_unread(struct nx_uplink *u, int err, const char *why) {
    if (nx_bucket_take(&u->unread_told, &nx_told_rate, NX_TOLD_UNITS,
                       nx_clock_mono_us())) {
        nx_log(NX_LOG_WARN, "a message from the collector is %s (%s): left out",
               nx_strerror(err), why);
    }
    u->plan_missed = true;
    u->handler.unread(u->handler.user);
}

static void on_down(struct nx_uplink *u, const uint8_t *bytes, size_t len,
                    void *memory, int64_t now_us) {
    struct nx_arena arena;
    struct nx_down down;
    const char *why = "";
    nx_arena_init(&arena, memory, NX_UNPACK_ARENA_BYTES);
    int err = nx_codec_unpack_down(bytes, len, &arena, &down, &why);
    if (err != NX_OK) {
        on_unread(u, err, why);
        return;
    }
    u->handler.heard(u->handler.user);
    if (u->state == NX_LINK_ENDING) {
        return; /* nx_uplink_renew */
    }
    switch (down.kind) {
    case NX_DOWN_ACK:
        if (down.u.ack.refused_crc != 0 && down.u.ack.keep) {
            on_keep(u, down.u.ack.refused_crc, now_us);
        } else if (down.u.ack.refused_crc != 0) {
            on_refused(u, down.u.ack.refused_crc);
        } else {
            on_ack(u, &down.u.ack, now_us);
        }
        break;
    case NX_DOWN_PLAN:
        if (down.u.plan.keys.n > 0) {
            u->handler.keys(u->handler.user, u->anchor,
                            u->server_keys.list[u->key_which],
                            &down.u.plan.keys);
        }
        u->spread_ms = down.u.plan.spread_ms;
        u->plan_missed = !u->handler.plan(u->handler.user, &down.u.plan);
        break;
    }
}

void nx_uplink_message(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct nx_uplink *u = arg;
    int64_t now_us = nx_clock_mono_us();
    if (u->state == NX_LINK_ENDING) {
        return;
    }
    void *memory = malloc(NX_UNPACK_ARENA_BYTES); /* pages only when touched */
    if (memory == NULL) {
        on_unread(u, NX_ENOMEM, "to read it");
    } else if (frames_n != 1) {
        on_unread(u, NX_EMALFORMED, "not one frame");
    } else {
        on_down(u, zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]), memory,
                now_us);
    }
    free(memory);
}

/* --- life --- */

static int start(struct nx_uplink *u) {
    u->on_link = evtimer_new(u->base, nx_link_on_event, u);
    u->on_ack_timeout = evtimer_new(u->base, on_ack_timeout, u);
    u->on_send = evtimer_new(u->base, on_send, u);
    u->on_idle = evtimer_new(u->base, on_idle, u);
    u->context = zmq_ctx_new();
    if (u->on_link == NULL || u->on_ack_timeout == NULL || u->on_idle == NULL ||
        u->on_send == NULL || u->context == NULL) {
        return NX_ENOMEM;
    }
    if (zmq_ctx_set(u->context, ZMQ_IO_THREADS, 1) != 0 ||
        zmq_ctx_set(u->context, ZMQ_MAX_SOCKETS, 16) != 0) {
        return NX_EIO;
    }
    nx_link_open(u);
    return NX_OK;
}

/* An answer comes in time for the proof that hangs on it (plan/guard.h). */
static int64_t idle_us(const struct nx_agent_conf *conf) {
    int64_t half_us = (int64_t)conf->policy.proof_s * 500000;
    return half_us < IDLE_US ? half_us : IDLE_US;
}

int nx_uplink_new(struct event_base *base, const struct nx_agent_conf *conf,
                  const struct nx_keypair *keys, const struct nx_pins *pins,
                  struct nx_spool *spool,
                  const struct nx_uplink_handler *handler,
                  struct nx_uplink **out) {
    struct nx_uplink *u = calloc(1, sizeof(*u));
    if (u == NULL) {
        return NX_ENOMEM;
    }
    u->base = base;
    u->conf = conf;
    u->keys = keys;
    u->pins = pins;
    u->spool = spool;
    u->handler = *handler;
    u->idle_us = idle_us(conf);
    int err = start(u);
    if (err != NX_OK) {
        nx_uplink_free(&u);
        return err;
    }
    *out = u;
    return NX_OK;
}

void nx_uplink_free(struct nx_uplink **uplink) {
    struct nx_uplink *u = *uplink;
    if (u == NULL) {
        return;
    }
    if (u->on_ack_timeout != NULL) {
        nx_link_close(u);
        event_free(u->on_ack_timeout);
    }
    if (u->on_idle != NULL) {
        event_free(u->on_idle);
    }
    if (u->on_send != NULL) {
        event_free(u->on_send);
    }
    if (u->on_link != NULL) {
        event_free(u->on_link);
    }
    if (u->context != NULL) {
        (void)zmq_ctx_term(u->context);
    }
    free(u);
    *uplink = NULL;
}

void nx_uplink_reload(struct nx_uplink *u, const struct nx_agent_conf *conf,
                      const struct nx_keypair *keys) {
    u->conf = conf;
    u->keys = keys;
    u->idle_us = idle_us(conf);
    u->which = u->which < conf->collectors_n ? u->which : 0;
    if (u->state == NX_LINK_WAITING) {
        u->which = 0;
        u->key_which = 0;
        const struct timeval now = {0, 0};
        (void)evtimer_add(u->on_link, &now);
        return;
    }
    nx_link_end(u, NX_END_RELOAD);
}

void nx_uplink_renew(struct nx_uplink *u) {
    if (u->state == NX_LINK_ONLINE) {
        u->sync = (struct nx_clocksync){0}; /* of before the pause */
        nx_link_end(u, NX_END_STOOD);
    }
}

void nx_uplink_conf(struct nx_uplink *u, const struct nx_agent_conf *conf,
                    const struct nx_keypair *keys) {
    u->conf = conf;
    u->keys = keys;
    u->idle_us = idle_us(conf);
}

const uint8_t *nx_uplink_anchor(const struct nx_uplink *u) {
    return u->anchor;
}

bool nx_uplink_online(const struct nx_uplink *u) {
    return u->state == NX_LINK_ONLINE;
}
