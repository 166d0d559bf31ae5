/* The outbox alone, and against the collector's half of the ledger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/uplink/batch.h"
#include "agent/uplink/outbox.h"
#include "collector/ingest/stream.h"

#define EPOCH 99U
#define S INT64_C(1000000)
#define SEQ_MAX 100000U

static uint8_t root[1] = {0};

/* A packed batch of n results. */
static uint8_t *pack(uint64_t first_seq, size_t n, size_t *len) {
    const struct nx_question q = {
        .name = root, .qtype = 1, .to = {.address_len = 4, .port = 53}};
    const struct nx_answer a = {.outcome = NX_TIMEOUT};
    const struct nx_obs obs = {.question = &q, .answer = &a};
    const struct nx_clock_sample clock = {0};
    struct nx_batcher *b = NULL;
    uint8_t *bytes = NULL;
    uint64_t seq = 0;
    size_t results_n = 0;
    assert_int_equal(nx_batcher_new(EPOCH, first_seq, 100, 1, &b), NX_OK);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(nx_batcher_add(b, &obs, 0), NX_OK);
    }
    assert_int_equal(nx_batcher_close(b, &clock, &bytes, len, &seq, &results_n),
                     NX_OK);
    nx_batcher_free(&b);
    return bytes;
}

static void put(struct nx_outbox *box, size_t n) {
    size_t len = 0;
    uint64_t seq = nx_outbox_next_seq(box);
    uint8_t *bytes = pack(seq, n, &len);
    assert_int_equal(nx_outbox_put(box, bytes, len, seq, n), NX_OK);
}

static struct nx_ledger ledger(const struct nx_outbox *box) {
    struct nx_ledger out;
    nx_outbox_ledger(box, &out);
    assert_int_equal(out.produced, out.acked + out.held + out.dropped);
    return out;
}

static struct nx_outbox *new_box(size_t max_bytes) {
    struct nx_outbox *box = NULL;
    assert_int_equal(nx_outbox_new(EPOCH, 1, max_bytes, &box), NX_OK);
    return box;
}

/* Sends the next message; its first number, 0 when there is none. */
static uint64_t send_one(struct nx_outbox *box, int64_t now_us, uint8_t *out,
                         size_t *len) {
    uint64_t seq = 0;
    if (nx_outbox_peek(box, out, len, &seq) != NX_OK) {
        return 0;
    }
    nx_outbox_sent(box, now_us);
    return seq;
}

static uint64_t send_next(struct nx_outbox *box, int64_t now_us) {
    static uint8_t out[NX_MSG_MAX_BYTES];
    size_t len = 0;
    return send_one(box, now_us, out, &len);
}

static bool ack(struct nx_outbox *box, uint64_t acked_seq, uint64_t echo,
                int64_t *sent_us) {
    const struct nx_ack message = {
        .epoch = EPOCH, .acked_seq = acked_seq, .echo = echo};
    return nx_outbox_ack(box, &message, echo == 0, 50 * S, sent_us);
}

static void test_order_and_acks(void **state) {
    (void)state;
    struct nx_outbox *box = new_box(1000000);
    int64_t sent_us = 0;
    put(box, 3);
    put(box, 2);
    put(box, 4);
    assert_int_equal(send_next(box, 1 * S), 1);
    assert_int_equal(send_next(box, 2 * S), 4);
    assert_true(ack(box, 3, 1, &sent_us));
    assert_int_equal(sent_us, 1 * S);
    assert_int_equal(ledger(box).held, 6);
    assert_int_equal(ledger(box).acked, 3);
    assert_int_equal(send_next(box, 3 * S), 6);
    assert_int_equal(send_next(box, 3 * S), 0);
    /* Late, repeated and foreign acks change nothing. */
    assert_false(ack(box, 2, 1, &sent_us));
    const struct nx_ack foreign = {.epoch = EPOCH + 1, .acked_seq = 9};
    assert_false(nx_outbox_ack(box, &foreign, true, 4 * S, &sent_us));
    assert_false(ack(box, 10, 4, &sent_us)); /* never given out */
    assert_int_equal(ledger(box).held, 6);
    assert_true(ack(box, 9, 6, &sent_us));
    assert_int_equal(ledger(box).held, 0);
    assert_int_equal(nx_outbox_bytes(box), 0);
    nx_outbox_free(&box);
}

static void test_go_back(void **state) {
    (void)state;
    struct nx_outbox *box = new_box(1000000);
    int64_t sent_us = 0;
    put(box, 1);
    put(box, 1);
    assert_int_equal(nx_outbox_timeout_at(box, 5 * S), INT64_MAX);
    assert_int_equal(send_next(box, 1 * S), 1);
    assert_int_equal(send_next(box, 2 * S), 2);
    assert_int_equal(nx_outbox_timeout_at(box, 5 * S), 6 * S);
    nx_outbox_rewind(box, 6 * S);
    assert_int_equal(nx_outbox_timeout_at(box, 5 * S), INT64_MAX);
    assert_int_equal(send_next(box, 7 * S), 1);
    /* Sent twice: which of them is answered is not known. */
    assert_false(ack(box, 1, 1, &sent_us));
    assert_int_equal(send_next(box, 60 * S), 2);
    assert_int_equal(nx_outbox_timeout_at(box, 5 * S), 65 * S);
    nx_outbox_free(&box);
}

static void test_wrong_numbers(void **state) {
    (void)state;
    struct nx_outbox *box = new_box(1000000);
    size_t len = 0;
    uint8_t *bytes = pack(5, 1, &len);
    assert_int_equal(nx_outbox_put(box, bytes, len, 5, 1), NX_ESTATE);
    assert_int_equal(ledger(box).produced, 0);
    nx_outbox_free(&box);
}

/* What the message says, by the codec. */
static void expect_gap(const uint8_t *bytes, size_t len, uint64_t from,
                       uint64_t to, uint64_t first_seq) {
    void *memory = malloc(NX_UNPACK_ARENA_BYTES);
    struct nx_arena arena;
    struct nx_up up;
    const char *why = "";
    assert_non_null(memory);
    nx_arena_init(&arena, memory, NX_UNPACK_ARENA_BYTES);
    assert_int_equal(nx_codec_unpack_up(bytes, len, &arena, &up, &why), NX_OK);
    assert_int_equal(up.u.batch.first_seq, first_seq);
    assert_int_equal(up.u.batch.gaps_n, from != 0 ? 1 : 0);
    if (from != 0) {
        assert_int_equal(up.u.batch.gaps[0].from_seq, from);
        assert_int_equal(up.u.batch.gaps[0].to_seq, to);
        assert_int_equal(up.u.batch.gaps[0].reason, NX_GAP_SPACE);
    }
    free(memory);
}

static void test_drop_oldest(void **state) {
    (void)state;
    static uint8_t out[NX_MSG_MAX_BYTES];
    size_t len = 0;
    int64_t sent_us = 0;
    struct nx_outbox *box = new_box(600);
    put(box, 10);
    assert_int_equal(send_next(box, S), 1);
    while (ledger(box).dropped == 0) {
        put(box, 10);
    }
    assert_true(nx_outbox_bytes(box) <= 600);
    /* An ack of what was in flight when it was dropped: it had arrived. */
    assert_int_equal(ledger(box).dropped, 10);
    (void)ack(box, 4, 1, &sent_us);
    assert_int_equal(ledger(box).dropped, 6);
    uint64_t first = 11;
    assert_int_equal(send_one(box, S, out, &len), first);
    expect_gap(out, len, 5, first - 1, first);
    assert_int_equal(send_one(box, S, out, &len), first + 10);
    expect_gap(out, len, 5, first - 1, first + 10);
    nx_outbox_rewind(box, 2 * S);
    (void)ack(box, 5, 1, &sent_us);
    assert_int_equal(send_one(box, S, out, &len), first);
    expect_gap(out, len, 6, first - 1, first);
    /* But they were told as lost once: counted so by both sides, or arrived. */
    assert_int_equal(ledger(box).dropped, 6);
    /* Everything but the newest may go. */
    nx_outbox_resize(box, 1);
    assert_int_equal(ledger(box).held, 10);
    nx_outbox_free(&box);
}

/* Dropped while it was on its way, and then acknowledged with what came after
 * it: nobody was told that it was lost, so it had arrived. */
static void test_dropped_in_flight(void **state) {
    (void)state;
    int64_t sent_us = 0;
    struct nx_outbox *box = new_box(600);
    put(box, 10);
    put(box, 10);
    assert_int_equal(send_next(box, S), 1);
    assert_int_equal(send_next(box, S), 11);
    while (ledger(box).dropped == 0) {
        put(box, 10);
    }
    assert_int_equal(ledger(box).dropped, 10);
    (void)ack(box, 20, 11, &sent_us);
    assert_int_equal(ledger(box).dropped, 0);
    assert_int_equal(ledger(box).acked, 20);
    nx_outbox_free(&box);
}

/* A collector restored from a backup asks for what is gone. */
static void test_collector_goes_back(void **state) {
    (void)state;
    static uint8_t out[NX_MSG_MAX_BYTES];
    size_t len = 0;
    int64_t sent_us = 0;
    struct nx_outbox *box = new_box(1000000);
    put(box, 10);
    put(box, 10);
    put(box, 10);
    (void)send_next(box, S);
    (void)send_next(box, S);
    (void)ack(box, 20, 11, &sent_us);
    assert_int_equal(ledger(box).acked, 20);
    nx_outbox_rewind(box, 2 * S);
    /* Sent right behind the hello, when nothing was known to be missing. */
    assert_int_equal(send_one(box, S, out, &len), 21);
    expect_gap(out, len, 0, 0, 21);
    (void)ack(box, 4, 0, &sent_us); /* its answer to a hello */
    assert_int_equal(ledger(box).acked, 4);
    assert_int_equal(ledger(box).dropped, 16);
    assert_int_equal(send_one(box, S, out, &len), 21);
    expect_gap(out, len, 5, 20, 21);
    nx_outbox_free(&box);
}

static void test_lost(void **state) {
    (void)state;
    static uint8_t out[NX_MSG_MAX_BYTES];
    size_t len = 0;
    struct nx_outbox *box = new_box(1000000);
    nx_outbox_lost(box, 1, 7);
    assert_int_equal(ledger(box).dropped, 7);
    put(box, 2);
    assert_int_equal(send_one(box, S, out, &len), 8);
    expect_gap(out, len, 1, 7, 8);
    /* Behind what is held: no hole that counts as held. */
    nx_outbox_lost(box, 10, 5);
    assert_int_equal(ledger(box).held, 0);
    assert_int_equal(ledger(box).dropped, 14);
    put(box, 1);
    assert_int_equal(send_one(box, S, out, &len), 15);
    expect_gap(out, len, 1, 14, 15);
    nx_outbox_free(&box);
}

/* Only what the codec packed is touched, and only below the limit. */
static void test_gap_record(void **state) {
    (void)state;
    static uint8_t out[NX_MSG_MAX_BYTES];
    const struct nx_gap gap = {1, UINT64_MAX, NX_GAP_REASON_MAX};
    size_t len = 0;
    size_t grown = 7;
    uint8_t *bytes = pack(1, 10, &len);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(
            nx_codec_batch_add_gap(bytes, cut, &gap, out, sizeof(out), &grown),
            NX_EMALFORMED);
    }
    assert_int_equal(
        nx_codec_batch_add_gap(bytes, len, &gap, out, len + 5, &grown),
        NX_ELIMIT);
    assert_int_equal(grown, 7);
    assert_int_equal(
        nx_codec_batch_add_gap(bytes, len, &gap, out, sizeof(out), &grown),
        NX_OK);
    assert_in_range(grown, len + 1, len + NX_GAP_PACKED_MAX);
    bytes[0] ^= 1;
    assert_int_equal(
        nx_codec_batch_add_gap(bytes, len, &gap, out, sizeof(out), &grown),
        NX_EMALFORMED);
    free(bytes);
}

/* --- both sides, with everything going wrong --- */

static uint64_t rng;

static uint32_t below(uint32_t n) {
    rng += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = rng;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % n);
}

struct collector {
    struct nx_streams streams;
    struct nx_stream *stream;
    uint8_t *committed; /* by number: how often */
    uint8_t *pending;
    void *memory;
};

static void collector_settle(struct collector *c, bool commit) {
    for (uint64_t i = 0; i < SEQ_MAX; i++) {
        c->committed[i] =
            (uint8_t)(c->committed[i] + (commit ? c->pending[i] : 0));
        c->pending[i] = 0;
    }
    if (commit) {
        nx_stream_commit(c->stream);
    } else {
        nx_stream_rollback(c->stream);
    }
    const struct nx_stream_position *p = &c->stream->done;
    assert_int_equal(nx_settled_count(p->acked_seq, &p->ahead, 1, SEQ_MAX),
                     p->received_n + p->dropped_n);
}

static void collector_take(struct collector *c, const uint8_t *bytes,
                           size_t len) {
    struct nx_arena arena;
    struct nx_up up;
    struct nx_stream_result result;
    const char *why = "";
    nx_arena_init(&arena, c->memory, NX_UNPACK_ARENA_BYTES);
    assert_int_equal(nx_codec_unpack_up(bytes, len, &arena, &up, &why), NX_OK);
    nx_streams_offer(&c->streams, c->stream, &up.u.batch, &result);
    assert_int_not_equal(result.verdict, NX_STREAM_REFUSED);
    for (size_t i = result.skip;
         result.verdict == NX_STREAM_ACCEPT && i < up.u.batch.obs_n; i++) {
        c->pending[up.u.batch.first_seq + i]++;
    }
}

/* One step of a bad day. */
static void step(struct nx_outbox *box, struct collector *c, bool calm) {
    static uint8_t out[NX_MSG_MAX_BYTES];
    size_t len = 0;
    int64_t sent_us = 0;
    uint32_t dice = calm ? 30 + below(70) : below(100);
    if (dice < 25) {
        put(box, 1 + below(30));
    } else if (dice < 30) {
        nx_outbox_rewind(box, 0);
    } else if (dice < 75) {
        if (send_one(box, 0, out, &len) == 0) {
            nx_outbox_rewind(box, 0);
        } else if (calm || below(10) > 0) {
            collector_take(c, out, len);
        }
    } else if (dice < 80 && !calm) {
        collector_settle(c, false);
    } else {
        collector_settle(c, true);
        if (calm || below(3) > 0) {
            const struct nx_ack message = {.epoch = EPOCH,
                                           .acked_seq =
                                               c->stream->done.acked_seq,
                                           .echo = 1};
            (void)nx_outbox_ack(box, &message, false, 0, &sent_us);
        }
    }
    struct nx_ledger now = ledger(box);
    assert_true(now.acked <= c->stream->done.received_n);
}

static void run(uint64_t seed) {
    struct nx_outbox *box = new_box(400 + below(20000));
    struct collector c = {.committed = calloc(SEQ_MAX, 1),
                          .pending = calloc(SEQ_MAX, 1),
                          .memory = malloc(NX_UNPACK_ARENA_BYTES)};
    c.stream = nx_streams_add(&c.streams, EPOCH, NULL);
    rng = seed;
    for (int i = 0; i < 2000; i++) {
        step(box, &c, false);
    }
    for (int i = 0; i < 100000 && ledger(box).held > 0; i++) {
        step(box, &c, true);
    }
    struct nx_ledger end = ledger(box);
    const struct nx_stream_position *p = &c.stream->done;
    assert_int_equal(end.held, 0);
    assert_int_equal(p->acked_seq, end.produced);
    /* Dropped results whose delivery the agent never learnt of are counted by
     * both; the collector knows better. */
    assert_true(p->dropped_n <= end.dropped);
    assert_int_equal(p->received_n + p->dropped_n, end.acked + end.dropped);
    uint64_t once = 0;
    for (uint64_t i = 0; i < SEQ_MAX; i++) {
        assert_true(c.committed[i] <= 1);
        once += c.committed[i];
    }
    assert_int_equal(once, p->received_n);
    assert_true(end.dropped > 0 || end.produced > 0);
    nx_outbox_free(&box);
    free(c.committed);
    free(c.pending);
    free(c.memory);
}

static void test_ledger_on_bad_days(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        print_message("# seed %u\n", (unsigned)seed);
        rng = seed * 1000;
        run(seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_acks),
        cmocka_unit_test(test_go_back),
        cmocka_unit_test(test_wrong_numbers),
        cmocka_unit_test(test_drop_oldest),
        cmocka_unit_test(test_dropped_in_flight),
        cmocka_unit_test(test_collector_goes_back),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_gap_record),
        cmocka_unit_test(test_ledger_on_bad_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
