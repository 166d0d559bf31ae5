/* The uplink of an agent, and a small collector in the same loop. Include after
 * cmocka.h. */
#ifndef NX_TESTS_LIB_UPLINK_BENCH_H
#define NX_TESTS_LIB_UPLINK_BENCH_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "agent/uplink/batch.h"
#include "agent/uplink/io_uplink_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"
#include "common/io_zloop.h"

#define EPOCH 77U
#define AHEAD INT64_C(1000000000000) /* collector time minus ours */
#define SEEN_MAX 32U

struct collector {
    struct event_base *base;
    void *context;
    void *zap;
    void *router;
    struct nx_zloop *zap_loop;
    struct nx_zloop *router_loop;
    struct nx_keypair keys;
    char endpoint[64];
    /* What it does. */
    unsigned refuse; /* so many connections */
    bool silent;     /* acknowledges no batch */
    uint64_t claims; /* to have so many, when it answers a hello */
    int64_t later;   /* its clock went further than the agent's */
    bool send_junk;  /* before each plan */
    uint64_t never;  /* the batch that it never takes */
    bool keep;       /* ... because it is too old for it */
    struct nx_collector_keys announces;
    /* What it saw. */
    unsigned asked;
    unsigned hellos;
    uint64_t seqs[SEEN_MAX]; /* 0: a hello */
    size_t seqs_n;
    struct nx_clock_sample clock; /* of the last message */
    unsigned stop_at;             /* leave the loop after so many messages */
};

struct fixture {
    struct collector c;
    struct nx_keypair keys;
    struct nx_conf_collector list[2];
    struct nx_agent_conf conf;
    struct nx_pins pins;
    struct nx_spool *spool;
    struct nx_uplink *uplink;
    int taken; /* what nx_pins_take said last */
    uint64_t plan_revision;
    bool refuse_plan;
    unsigned unread;
    unsigned stood;
    unsigned behind;
    unsigned acked;
};

/* --- the collector --- */

static inline void send_text(void *socket, const char *text, bool more) {
    assert_true(zmq_send(socket, text, strlen(text),
                         more ? ZMQ_SNDMORE | ZMQ_DONTWAIT : ZMQ_DONTWAIT) >=
                0);
}

static inline void on_zap(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct collector *c = arg;
    assert_int_equal(frames_n, 7);
    bool refuse = c->asked++ < c->refuse;
    send_text(c->zap, "1.0", true);
    assert_true(zmq_msg_send(&frames[1], c->zap, ZMQ_SNDMORE) >= 0);
    send_text(c->zap, refuse ? "400" : "200", true);
    send_text(c->zap, "", true);
    send_text(c->zap, refuse ? "" : "1", true);
    send_text(c->zap, "", false);
    nx_zloop_kick(c->zap_loop);
}

static inline void reply(struct collector *c, zmq_msg_t *id, const void *bytes,
                         size_t len) {
    zmq_msg_t frames[2];
    assert_int_equal(zmq_msg_init(&frames[0]), 0);
    assert_int_equal(zmq_msg_copy(&frames[0], id), 0);
    assert_int_equal(zmq_msg_init_size(&frames[1], len), 0);
    memcpy(zmq_msg_data(&frames[1]), bytes, len);
    assert_int_equal(nx_zloop_send(c->router_loop, frames, 2), NX_OK);
}

static inline void send_ack(struct collector *c, zmq_msg_t *id, uint64_t acked,
                            uint64_t echo) {
    uint8_t bytes[128];
    size_t len = 0;
    int64_t now = nx_clock_mono_us() + AHEAD + c->later;
    const struct nx_ack ack = {.epoch = EPOCH,
                               .acked_seq = acked,
                               .echo = echo,
                               .received_us = now,
                               .sent_us = now};
    assert_int_equal(nx_codec_pack_ack(&ack, bytes, sizeof(bytes), &len),
                     NX_OK);
    reply(c, id, bytes, len);
}

static inline void send_plan(struct collector *c, zmq_msg_t *id) {
    static uint8_t scratch_bytes[65536];
    uint8_t bytes[256];
    size_t len = 0;
    struct nx_arena scratch;
    const struct nx_plan plan = {
        .revision = 5, .valid_s = 10, .keys = c->announces};
    nx_arena_init(&scratch, scratch_bytes, sizeof(scratch_bytes));
    assert_int_equal(
        nx_codec_pack_plan(&plan, &scratch, bytes, sizeof(bytes), &len), NX_OK);
    if (c->send_junk) {
        reply(c, id, "\xff\xff\xff junk", 8);
    }
    reply(c, id, bytes, len);
}

static inline void send_refusal(struct collector *c, zmq_msg_t *id,
                                zmq_msg_t *body) {
    uint8_t bytes[128];
    size_t len = 0;
    const struct nx_ack ack = {
        .echo = 1,
        .keep = c->keep,
        .refused_crc = nx_codec_crc(zmq_msg_data(body), zmq_msg_size(body))};
    assert_int_equal(nx_codec_pack_ack(&ack, bytes, sizeof(bytes), &len),
                     NX_OK);
    reply(c, id, bytes, len);
}

static inline void take(struct collector *c, zmq_msg_t *id, zmq_msg_t *body,
                        const struct nx_up *up) {
    uint64_t seq = 0;
    uint64_t last = 0;
    assert_true(c->seqs_n < SEEN_MAX);
    switch (up->kind) {
    case NX_UP_HELLO:
        c->hellos++;
        c->clock = up->u.hello.clock;
        send_plan(c, id);
        break;
    case NX_UP_BATCH:
        seq = up->u.batch.first_seq;
        last = seq + up->u.batch.obs_n - 1;
        c->clock = up->u.batch.clock;
        break;
    }
    c->seqs[c->seqs_n++] = seq;
    if (seq != 0 && seq == c->never) {
        send_refusal(c, id, body);
    } else if (!c->silent || seq == 0) {
        send_ack(c, id, seq == 0 ? c->claims : last, seq);
    }
    if (c->seqs_n == c->stop_at) {
        (void)event_base_loopbreak(c->base);
    }
}

static inline void on_router(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct nx_arena arena;
    struct nx_up up;
    const char *why = "";
    void *memory = malloc(NX_UNPACK_ARENA_BYTES);
    assert_non_null(memory);
    assert_int_equal(frames_n, 2);
    nx_arena_init(&arena, memory, NX_UNPACK_ARENA_BYTES);
    assert_int_equal(nx_codec_unpack_up(zmq_msg_data(&frames[1]),
                                        zmq_msg_size(&frames[1]), &arena, &up,
                                        &why),
                     NX_OK);
    take(arg, &frames[0], &frames[1], &up);
    free(memory);
}

static inline void set_int(void *socket, int option, int value) {
    assert_int_equal(zmq_setsockopt(socket, option, &value, sizeof(value)), 0);
}

static inline void open_router(struct collector *c) {
    const struct nx_zloop_handler handler = {.message = on_router, .arg = c};
    size_t len = sizeof(c->endpoint);
    c->router = zmq_socket(c->context, ZMQ_ROUTER);
    set_int(c->router, ZMQ_LINGER, 0);
    set_int(c->router, ZMQ_CURVE_SERVER, 1);
    assert_int_equal(zmq_setsockopt(c->router, ZMQ_CURVE_SECRETKEY,
                                    c->keys.secret_key, NX_KEY_TEXT_MAX),
                     0);
    const char *where =
        c->endpoint[0] != '\0' ? c->endpoint : "tcp://127.0.0.1:*";
    while (zmq_bind(c->router, where) != 0) {
        /* libzmq gives the port of a closed socket back in its own time. */
        const struct timeval soon = {0, 10000};
        assert_int_equal(errno, EADDRINUSE);
        assert_int_equal(event_base_loopexit(c->base, &soon), 0);
        assert_int_equal(event_base_dispatch(c->base), 0);
    }
    assert_int_equal(
        zmq_getsockopt(c->router, ZMQ_LAST_ENDPOINT, c->endpoint, &len), 0);
    assert_int_equal(
        nx_zloop_new(c->base, c->router, &handler, &c->router_loop), NX_OK);
}

static inline void close_router(struct collector *c) {
    nx_zloop_free(&c->router_loop);
    assert_int_equal(zmq_close(c->router), 0);
}

static inline void open_collector(struct collector *c) {
    const struct nx_zloop_handler handler = {.message = on_zap, .arg = c};
    c->base = event_base_new();
    c->context = zmq_ctx_new();
    assert_int_equal(zmq_curve_keypair(c->keys.public_key, c->keys.secret_key),
                     0);
    c->zap = zmq_socket(c->context, ZMQ_REP);
    set_int(c->zap, ZMQ_LINGER, 0);
    assert_int_equal(zmq_bind(c->zap, "inproc://zeromq.zap.01"), 0);
    assert_int_equal(nx_zloop_new(c->base, c->zap, &handler, &c->zap_loop),
                     NX_OK);
    open_router(c);
}

/* --- the agent --- */

static inline void on_hello(void *user, struct nx_hello *hello) {
    (void)user;
    hello->epoch = EPOCH;
    hello->next_seq = 1;
}

static inline bool on_plan(void *user, const struct nx_plan *plan) {
    struct fixture *f = user;
    f->plan_revision = plan->revision;
    (void)event_base_loopbreak(f->c.base);
    return !f->refuse_plan;
}

static inline void on_unread(void *user) {
    struct fixture *f = user;
    f->unread++;
}

static inline void on_heard(void *user) {
    (void)user;
}

static inline void on_stood(void *user) {
    struct fixture *f = user;
    f->stood++;
}

static inline void on_keys(void *user, const uint8_t *anchor,
                           const uint8_t *used,
                           const struct nx_collector_keys *keys) {
    struct fixture *f = user;
    bool changed = false;
    f->taken = nx_pins_take(&f->pins, anchor, used, keys, &changed);
}

static inline void on_behind(void *user, const struct nx_ack *ack) {
    struct fixture *f = user;
    assert_int_equal(ack->acked_seq, f->c.claims);
    assert_int_equal(f->c.seqs_n, 1); /* the hello */
    f->behind++;
    f->c.claims = 0;
}

static inline void on_acked(void *user) {
    struct fixture *f = user;
    f->acked++;
    (void)event_base_loopbreak(f->c.base);
}

static inline int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return -1;
    }
    const struct nx_spool_conf spool = {.max_bytes = 1000000,
                                        .max_age_us = INT64_MAX,
                                        .batch_max_results = 100};
    struct nx_spool_found found;
    nx_log_set_level(NX_LOG_ERROR);
    open_collector(&f->c);
    f->list[0].endpoint = f->c.endpoint;
    memcpy(f->list[0].key, f->c.keys.public_key, NX_KEY_TEXT_MAX);
    f->conf.collectors = f->list;
    f->conf.collectors_n = 1;
    f->conf.policy.proof_s = 60;
    *state = f;
    return zmq_curve_keypair(f->keys.public_key, f->keys.secret_key) |
           nx_spool_new(&spool, NULL, EPOCH, 1, &f->spool, &found);
}

static inline int teardown(void **state) {
    struct fixture *f = *state;
    nx_uplink_free(&f->uplink);
    nx_spool_free(&f->spool);
    close_router(&f->c);
    nx_zloop_free(&f->c.zap_loop);
    (void)zmq_close(f->c.zap);
    (void)zmq_ctx_term(f->c.context);
    event_base_free(f->c.base);
    free(f);
    return 0;
}

static inline void start(struct fixture *f) {
    const struct nx_uplink_handler handler = {on_hello,  on_plan,  on_unread,
                                              on_heard,  on_stood, on_keys,
                                              on_behind, on_acked, f};
    assert_int_equal(nx_uplink_new(f->c.base, &f->conf, &f->keys, &f->pins,
                                   f->spool, &handler, &f->uplink),
                     NX_OK);
}

static inline void put(struct fixture *f, size_t n) {
    static const uint8_t root[1] = {0};
    const struct nx_question q = {
        .name = root, .qtype = 2, .to = {.address_len = 4, .port = 53}};
    const struct nx_answer a = {.outcome = NX_TIMEOUT};
    const struct nx_obs obs = {.question = &q, .answer = &a};
    struct nx_clock_sample clock;
    struct nx_batcher *b = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;
    size_t results_n = 0;
    uint64_t seq = nx_spool_next_seq(f->spool);
    assert_int_equal(nx_batcher_new(EPOCH, seq, 100, 1, &b), NX_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(nx_batcher_add(b, &obs, 0), NX_OK);
    }
    nx_uplink_clock(f->uplink, &clock);
    assert_int_equal(
        nx_batcher_close(b, &clock, &bytes, &len, &seq, &results_n), NX_OK);
    assert_int_equal(nx_spool_put(f->spool, bytes, len, seq, n, &clock), NX_OK);
    nx_batcher_free(&b);
    nx_uplink_flush(f->uplink);
}

static inline uint64_t held(const struct fixture *f) {
    struct nx_ledger ledger;
    nx_spool_ledger(f->spool, &ledger);
    return ledger.held;
}

static inline void run_until_acked(struct fixture *f) {
    while (held(f) > 0) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
}

#endif
