/* A spool on a fake disk, batches whose every result is its own, and what was
 * sent last, unpacked. */
#ifndef NX_TESTS_LIB_SPOOL_BENCH_H
#define NX_TESTS_LIB_SPOOL_BENCH_H

#include "agent/uplink/batch.h"
#include "agent/uplink/spool.h"
#include "tests/lib/fake_disk.h"

#define EPOCH 99U
#define S INT64_C(1000000)
#define WALL0 (INT64_C(1700000000) * S)

struct bench {
    struct nx_spool_conf conf;
    struct fake_disk *disk;
    struct nx_spool *spool;
    struct nx_spool_found found;
    bool has_disk;
    uint64_t boot;
    uint64_t new_epoch; /* for a spool that is made anew */
    bool offset_known;  /* of the clock at bench_put */
    int64_t offset_us;
    uint64_t made_n; /* results made: each has its own sending time */
    /* The last message. */
    uint8_t *out;
    void *memory;
    struct nx_batch batch;
};

static inline int bench_new(void **state) {
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->disk = calloc(1, sizeof(*b->disk));
    b->out = malloc(NX_MSG_MAX_BYTES);
    b->memory = malloc(NX_UNPACK_ARENA_BYTES);
    assert_true(b->disk != NULL && b->out != NULL && b->memory != NULL);
    b->conf = (struct nx_spool_conf){.max_bytes = 16U << 20,
                                     .max_age_us = 1000000 * S,
                                     .sync_always = true,
                                     .sync_interval_us = 60 * S,
                                     .batch_max_results = 100};
    b->boot = 7;
    b->new_epoch = EPOCH;
    *state = b;
    return 0;
}

static inline int bench_free(void **state) {
    struct bench *b = *state;
    nx_spool_free(&b->spool);
    fake_free(b->disk);
    free(b->disk);
    free(b->out);
    free(b->memory);
    free(b);
    return 0;
}

static inline void bench_open(struct bench *b, bool has_disk) {
    const struct nx_spool_disk disk = fake_functions(b->disk);
    b->has_disk = has_disk;
    assert_int_equal(nx_spool_new(&b->conf, has_disk ? &disk : NULL,
                                  b->new_epoch, b->boot, &b->spool, &b->found),
                     NX_OK);
}

/* The agent is gone and comes back. kept: what was not synced is there. */
static inline void bench_crash(struct bench *b, bool kept) {
    nx_spool_free(&b->spool);
    for (size_t i = 0; kept && i < b->disk->files_n; i++) {
        b->disk->files[i].synced_len = b->disk->files[i].len;
        b->disk->files[i].named = true;
    }
    bench_open(b, b->has_disk);
}

static inline struct nx_clock_sample bench_clock(const struct bench *b,
                                                 int64_t mono_us) {
    return (struct nx_clock_sample){.mono_us = mono_us,
                                    .wall_us = WALL0 + mono_us,
                                    .offset_us = b->offset_us,
                                    .offset_known = b->offset_known};
}

/* A packed batch of n results. */
static inline uint8_t *bench_pack(struct bench *b, uint64_t first_seq, size_t n,
                                  const struct nx_clock_sample *clock,
                                  size_t *len) {
    static uint8_t root[1] = {0};
    const struct nx_question q = {
        .name = root, .qtype = 1, .to = {.address_len = 4, .port = 53}};
    const struct nx_answer a = {.outcome = NX_TIMEOUT};
    struct nx_batcher *batcher = NULL;
    uint64_t epoch = b->spool != NULL ? nx_spool_epoch(b->spool) : EPOCH;
    uint8_t *bytes = NULL;
    uint64_t seq = 0;
    size_t results_n = 0;
    assert_int_equal(nx_batcher_new(epoch, first_seq, 100, 1, &batcher), NX_OK);
    for (size_t i = 0; i < n; i++) {
        int64_t id = (int64_t)++b->made_n;
        const struct nx_obs obs = {
            .question = &q, .answer = &a, .tx_mono_us = id, .rx_mono_us = id};
        assert_int_equal(nx_batcher_add(batcher, &obs, 0), NX_OK);
    }
    assert_int_equal(
        nx_batcher_close(batcher, clock, &bytes, len, &seq, &results_n), NX_OK);
    nx_batcher_free(&batcher);
    return bytes;
}

static inline void bench_put_at(struct bench *b, size_t n, int64_t mono_us) {
    const struct nx_clock_sample clock = bench_clock(b, mono_us);
    size_t len = 0;
    uint64_t seq = nx_spool_next_seq(b->spool);
    uint8_t *bytes = bench_pack(b, seq, n, &clock, &len);
    assert_int_equal(nx_spool_put(b->spool, bytes, len, seq, n, &clock), NX_OK);
}

static inline void bench_put(struct bench *b, size_t n) {
    bench_put_at(b, n, 0);
}

static inline void bench_tick(struct bench *b, int64_t mono_us) {
    const struct nx_clock_sample now = bench_clock(b, mono_us);
    nx_spool_tick(b->spool, &now);
}

/* Sends the next message; its first number, 0 when there is none. */
static inline uint64_t bench_send_by(struct bench *b,
                                     const struct nx_clock_sample *now) {
    struct nx_arena arena;
    struct nx_up up;
    const char *why = "";
    size_t len = 0;
    uint64_t seq = 0;
    if (nx_spool_peek(b->spool, now, b->out, &len, &seq) != NX_OK) {
        return 0;
    }
    nx_spool_sent(b->spool, now->mono_us);
    nx_arena_init(&arena, b->memory, NX_UNPACK_ARENA_BYTES);
    assert_int_equal(nx_codec_unpack_up(b->out, len, &arena, &up, &why), NX_OK);
    assert_int_equal(up.kind, NX_UP_BATCH);
    assert_int_equal(up.u.batch.first_seq, seq);
    b->batch = up.u.batch;
    return seq;
}

static inline uint64_t bench_send(struct bench *b, int64_t mono_us) {
    const struct nx_clock_sample now = bench_clock(b, mono_us);
    return bench_send_by(b, &now);
}

static inline void bench_expect_gap(const struct bench *b, size_t i,
                                    uint64_t from, uint64_t to,
                                    unsigned reason) {
    assert_true(i < b->batch.gaps_n);
    assert_int_equal(b->batch.gaps[i].from_seq, from);
    assert_int_equal(b->batch.gaps[i].to_seq, to);
    assert_int_equal(b->batch.gaps[i].reason, reason);
}

static inline bool bench_ack(struct bench *b, uint64_t acked_seq, uint64_t echo,
                             int64_t *sent_us) {
    const struct nx_ack ack = {
        .epoch = EPOCH, .acked_seq = acked_seq, .echo = echo};
    return nx_spool_ack(b->spool, &ack, echo == 0, 50 * S, sent_us);
}

static inline struct nx_ledger bench_ledger(const struct bench *b) {
    struct nx_ledger out;
    nx_spool_ledger(b->spool, &out);
    assert_int_equal(out.produced, out.acked + out.held + out.dropped);
    return out;
}

/* Everything that is held goes out; how many results. The gaps and the batches
 * together must be all numbers. */
static inline uint64_t bench_drain(struct bench *b) {
    uint64_t results = 0;
    uint64_t acked = 0;
    struct nx_ahead ahead = {.n = 0};
    uint64_t new_n = 0;
    bench_put(b, 1); /* carries the gaps at the end */
    nx_spool_connected(b->spool, 0);
    int64_t now_us = 0;
    while (bench_send(b, now_us += S) != 0) {
        uint64_t first = b->batch.first_seq;
        uint64_t last = first + b->batch.obs_n - 1;
        for (size_t i = 0; i < b->batch.gaps_n; i++) {
            assert_int_equal(nx_settled_add(&acked, &ahead,
                                            b->batch.gaps[i].from_seq,
                                            b->batch.gaps[i].to_seq, &new_n),
                             NX_OK);
        }
        assert_int_equal(nx_settled_count(acked, &ahead, first, last), 0);
        assert_int_equal(nx_settled_add(&acked, &ahead, first, last, &new_n),
                         NX_OK);
        results += b->batch.obs_n;
        const struct nx_ack ack = {
            .epoch = EPOCH, .acked_seq = acked, .ahead = ahead};
        int64_t sent_us = 0;
        (void)nx_spool_ack(b->spool, &ack, false, now_us, &sent_us);
    }
    struct nx_ledger l = bench_ledger(b);
    assert_int_equal(l.held, 0);
    assert_int_equal(l.acked, results);
    assert_int_equal(acked, l.produced);
    return results - 1;
}

#endif
