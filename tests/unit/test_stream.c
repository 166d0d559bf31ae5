#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/ingest/stream.h"

#define EPOCH UINT64_C(0xfeedfacecafebeef)

static struct nx_stream_result offer(struct nx_streams *streams, uint64_t epoch,
                                     uint64_t first, size_t n,
                                     const struct nx_gap *gaps, size_t gaps_n) {
    const struct nx_batch batch = {.epoch = epoch,
                                   .first_seq = first,
                                   .obs_n = n,
                                   .gaps = gaps,
                                   .gaps_n = gaps_n};
    struct nx_stream_result result;
    struct nx_stream *stream = nx_streams_find(streams, epoch);
    if (stream == NULL) {
        stream = nx_streams_add(streams, epoch, NULL);
    }
    assert_non_null(stream);
    nx_streams_offer(streams, stream, &batch, &result);
    return result;
}

static void commit(struct nx_streams *streams, uint64_t epoch) {
    nx_stream_commit(nx_streams_find(streams, epoch));
}

static const struct nx_stream_position *done(struct nx_streams *streams,
                                             uint64_t epoch) {
    return &nx_streams_find(streams, epoch)->done;
}

/* One row per case, on a stream that has results 1..200 committed. */
static void test_verdicts(void **state) {
    (void)state;
    static const struct nx_gap none[1];
    static const struct nx_gap one[] = {{201, 250, NX_GAP_SPACE}};
    static const struct nx_gap two[] = {{226, 250, NX_GAP_AGE},
                                        {190, 225, NX_GAP_SPACE}};
    static const struct nx_gap holed[] = {{201, 224, 0}, {226, 250, 0}};
    static const struct nx_gap long_one[] = {{201, UINT64_C(1) << 40, 0}};
    static const struct nx_gap endless[] = {{201, UINT64_MAX, 0}};
    static const struct nx_gap turned[] = {{250, 201, 0}};
    static const struct nx_gap zero[] = {{0, 250, 0}};
    static const struct {
        const char *what;
        uint64_t first;
        size_t n;
        const struct nx_gap *gaps;
        size_t gaps_n;
        enum nx_stream_verdict verdict;
        size_t skip;
        uint64_t dropped_n, acked;
    } rows[] = {
        {"next", 201, 10, none, 0, NX_STREAM_ACCEPT, 0, 0, 210},
        {"again", 1, 200, none, 0, NX_STREAM_DUPLICATE, 0, 0, 200},
        {"part again", 5, 1, none, 0, NX_STREAM_DUPLICATE, 0, 0, 200},
        {"overlap", 150, 100, none, 0, NX_STREAM_ACCEPT, 51, 0, 249},
        {"overlap by all but one", 1, 201, none, 0, NX_STREAM_ACCEPT, 200, 0,
         201},
        {"hole", 202, 10, none, 0, NX_STREAM_ACCEPT, 0, 0, 200},
        {"explained", 251, 10, one, 1, NX_STREAM_ACCEPT, 0, 50, 260},
        {"explained in two", 251, 10, two, 2, NX_STREAM_ACCEPT, 0, 50, 260},
        {"half explained", 251, 10, holed, 2, NX_STREAM_ACCEPT, 0, 49, 224},
        {"gap too short", 252, 10, one, 1, NX_STREAM_ACCEPT, 0, 50, 250},
        {"gap longer than it", 202, 10, one, 1, NX_STREAM_ACCEPT, 0, 1, 211},
        {"gap turned around", 251, 10, turned, 1, NX_STREAM_ACCEPT, 0, 0, 200},
        {"gap from 0", 251, 10, zero, 1, NX_STREAM_ACCEPT, 0, 0, 200},
        {"gap over what came", 240, 10, one, 1, NX_STREAM_ACCEPT, 0, 39, 249},
        {"number 0", 0, 300, none, 0, NX_STREAM_REFUSED, 0, 0, 200},
        {"last number", NX_SEQ_MAX, 1, none, 0, NX_STREAM_REFUSED, 0, 0, 200},
        {"as far as it may", 200 + NX_STREAM_JUMP_MAX, 1, none, 0,
         NX_STREAM_ACCEPT, 0, 0, 200},
        {"one too far", 201 + NX_STREAM_JUMP_MAX, 1, none, 0, NX_STREAM_REFUSED,
         0, 0, 200},
        {"over the last number", NX_SEQ_MAX, 2, none, 0, NX_STREAM_REFUSED, 0,
         0, 200},
        {"over 2^63", UINT64_C(1) << 63, 1, none, 0, NX_STREAM_REFUSED, 0, 0,
         200},
        {"wraps", UINT64_MAX, 300, none, 0, NX_STREAM_REFUSED, 0, 0, 200},
        {"jumps too far", (UINT64_C(1) << 40) + 1, 1, long_one, 1,
         NX_STREAM_REFUSED, 0, 0, 200},
        {"gap to the end", 1000, 1, endless, 1, NX_STREAM_ACCEPT, 0, 0, 200},
        {"empty", 201, 0, none, 0, NX_STREAM_REFUSED, 0, 0, 200},
        {"too many", 201, NX_BATCH_OBS_MAX + 1, none, 0, NX_STREAM_REFUSED, 0,
         0, 200},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_streams streams = {0};
        (void)offer(&streams, EPOCH, 1, 200, NULL, 0);
        commit(&streams, EPOCH);
        print_message("# %s\n", rows[i].what);
        struct nx_stream_result result =
            offer(&streams, EPOCH, rows[i].first, rows[i].n, rows[i].gaps,
                  rows[i].gaps_n);
        assert_int_equal(result.verdict, rows[i].verdict);
        assert_int_equal(done(&streams, EPOCH)->acked_seq, 200);
        commit(&streams, EPOCH);
        assert_int_equal(done(&streams, EPOCH)->acked_seq, rows[i].acked);
        assert_int_equal(done(&streams, EPOCH)->dropped_n, rows[i].dropped_n);
        if (result.verdict == NX_STREAM_ACCEPT) {
            assert_int_equal(result.skip, rows[i].skip);
            assert_int_equal(result.first_seq, rows[i].first + rows[i].skip);
            assert_int_equal(result.dropped_n, rows[i].dropped_n);
        }
    }
}

static void test_rollback(void **state) {
    (void)state;
    struct nx_streams streams = {0};
    (void)offer(&streams, EPOCH, 1, 100, NULL, 0);
    commit(&streams, EPOCH);
    assert_int_equal(offer(&streams, EPOCH, 101, 100, NULL, 0).verdict,
                     NX_STREAM_ACCEPT);
    assert_int_equal(offer(&streams, EPOCH, 201, 100, NULL, 0).verdict,
                     NX_STREAM_ACCEPT);
    assert_true(nx_stream_pending(nx_streams_find(&streams, EPOCH)));
    nx_stream_rollback(nx_streams_find(&streams, EPOCH));
    assert_int_equal(done(&streams, EPOCH)->acked_seq, 100);
    /* What was in flight behind it is beyond a hole now. */
    assert_int_equal(offer(&streams, EPOCH, 301, 100, NULL, 0).verdict,
                     NX_STREAM_ACCEPT);
    assert_int_equal(offer(&streams, EPOCH, 101, 100, NULL, 0).verdict,
                     NX_STREAM_ACCEPT);
    nx_stream_rollback(nx_streams_find(&streams, EPOCH));
    assert_int_equal(done(&streams, EPOCH)->ahead.n, 0);
}

/* What is new comes before all of what was kept. */
static void test_ahead(void **state) {
    (void)state;
    struct nx_streams streams = {0};
    const struct nx_gap gap[] = {{301, 304, NX_GAP_AGE}};
    const struct nx_gap over[] = {{101, 300, NX_GAP_SPACE}};
    (void)offer(&streams, EPOCH, 1, 100, NULL, 0);
    for (uint64_t i = 1; i <= NX_AHEAD_MAX; i++) {
        (void)offer(&streams, EPOCH, 1000 * i, 10, NULL, 0);
    }
    commit(&streams, EPOCH);
    assert_int_equal(done(&streams, EPOCH)->acked_seq, 100);
    assert_int_equal(done(&streams, EPOCH)->ahead.n, NX_AHEAD_MAX);
    /* One run more is one too many; going on with one of them is not. */
    assert_int_equal(offer(&streams, EPOCH, 9000, 10, NULL, 0).verdict,
                     NX_STREAM_OUT_OF_ORDER);
    assert_int_equal(streams.out_of_order_n, 1);
    assert_int_equal(offer(&streams, EPOCH, 4010, 10, NULL, 0).verdict,
                     NX_STREAM_ACCEPT);
    /* Known already; half of it; and another batch over what is known. */
    assert_int_equal(offer(&streams, EPOCH, 2000, 10, NULL, 0).verdict,
                     NX_STREAM_DUPLICATE);
    struct nx_stream_result half = offer(&streams, EPOCH, 2005, 10, NULL, 0);
    assert_int_equal(half.verdict, NX_STREAM_ACCEPT);
    assert_int_equal(half.skip, 5);
    assert_int_equal(half.first_seq, 2010);
    assert_int_equal(offer(&streams, EPOCH, 995, 10, NULL, 0).verdict,
                     NX_STREAM_REFUSED);
    /* The hole closes: results, then a gap record over what had come. */
    (void)offer(&streams, EPOCH, 101, 200, NULL, 0);
    (void)offer(&streams, EPOCH, 305, 695, gap, 1);
    commit(&streams, EPOCH);
    assert_int_equal(done(&streams, EPOCH)->acked_seq, 1009);
    assert_int_equal(done(&streams, EPOCH)->dropped_n, 4);
    assert_int_equal(done(&streams, EPOCH)->ahead.n, NX_AHEAD_MAX - 1);
    assert_int_equal(offer(&streams, EPOCH, 5000, 1, over, 1).dropped_n, 0);
}

/* Alone the first gap would be a run too many, and so would the batch: with
 * the gaps behind it there are fewer runs than before. */
static void test_gaps_as_a_union(void **state) {
    (void)state;
    struct nx_streams streams = {0};
    const struct nx_gap gaps[] = {{200, 299, NX_GAP_AGE},
                                  {110, 199, NX_GAP_SPACE},
                                  {300, 999, NX_GAP_SPACE},
                                  {1010, 1999, NX_GAP_DAMAGED},
                                  {2010, 2999, NX_GAP_DAMAGED}};
    for (uint64_t i = 1; i <= NX_AHEAD_MAX; i++) {
        (void)offer(&streams, EPOCH, 1000 * i, 10, NULL, 0);
    }
    commit(&streams, EPOCH);
    /* Not with all of them: nothing is taken of it. */
    assert_int_equal(offer(&streams, EPOCH, 9000, 10, gaps, 2).verdict,
                     NX_STREAM_OUT_OF_ORDER);
    assert_false(nx_stream_pending(nx_streams_find(&streams, EPOCH)));
    struct nx_stream_result result = offer(&streams, EPOCH, 9000, 10, gaps, 5);
    assert_int_equal(result.verdict, NX_STREAM_ACCEPT);
    assert_int_equal(result.dropped_n, 890 + 990 + 990);
    commit(&streams, EPOCH);
    const struct nx_stream_position *p = done(&streams, EPOCH);
    assert_int_equal(p->acked_seq, 0);
    assert_int_equal(p->ahead.n, 3);
    assert_int_equal(p->ahead.runs[0].from_seq, 110);
    assert_int_equal(p->ahead.runs[0].to_seq, 3009);
    assert_int_equal(p->ahead.runs[2].from_seq, 9000);
    assert_int_equal(p->received_n, 10 * NX_AHEAD_MAX + 10);
    assert_int_equal(p->dropped_n, result.dropped_n);
}

static void test_epoch_flood(void **state) {
    (void)state;
    struct nx_streams streams = {0};
    for (uint64_t epoch = 1; epoch <= 1000; epoch++) {
        assert_int_equal(offer(&streams, epoch, 1, 5, NULL, 0).verdict,
                         NX_STREAM_ACCEPT);
        commit(&streams, epoch);
    }
    assert_null(nx_streams_find(&streams, 1000 - NX_STREAM_EPOCHS_MAX));
    for (uint64_t epoch = 1001 - NX_STREAM_EPOCHS_MAX; epoch <= 1000; epoch++) {
        assert_int_equal(done(&streams, epoch)->acked_seq, 5);
    }
    /* With something pending everywhere there is no place for one more ... */
    for (uint64_t epoch = 1001 - NX_STREAM_EPOCHS_MAX; epoch <= 1000; epoch++) {
        (void)offer(&streams, epoch, 6, 1, NULL, 0);
    }
    assert_null(nx_streams_add(&streams, 5000, NULL));
    /* ... and the one that was used longest ago gives its place. */
    for (uint64_t epoch = 1000; epoch > 1000 - NX_STREAM_EPOCHS_MAX; epoch--) {
        commit(&streams, epoch);
    }
    assert_non_null(nx_streams_add(&streams, 5000, NULL));
    assert_null(nx_streams_find(&streams, 1000));
}

static void test_stored_position(void **state) {
    (void)state;
    struct nx_streams streams = {0};
    const struct nx_stream_position good = {900, 860, 50, {{{1001, 1010}}, 1}};
    const struct nx_stream_position odd = {
        .acked_seq = 900, .received_n = 850, .dropped_n = 51};
    const struct nx_stream_position beyond = {.acked_seq = NX_SEQ_MAX + 1,
                                              .received_n = 850};
    const struct nx_stream_position touching = {
        900, 860, 50, {{{901, 910}}, 1}};
    assert_null(nx_streams_add(&streams, 3, &odd));
    assert_null(nx_streams_add(&streams, 3, &beyond));
    assert_null(nx_streams_add(&streams, 3, &touching));
    assert_non_null(nx_streams_add(&streams, 3, &good));
    assert_int_equal(offer(&streams, 3, 801, 101, NULL, 0).skip, 100);
    commit(&streams, 3);
    assert_int_equal(done(&streams, 3)->received_n, 861);
    assert_int_equal(offer(&streams, 3, 1005, 6, NULL, 0).verdict,
                     NX_STREAM_DUPLICATE);
}

/* --- against a naive model ---
 *
 * An agent produces numbered batches, loses its oldest ones when its outbox is
 * full (gap record), restarts with a new epoch; the network loses, repeats and
 * reorders batches and acks; the collector commits, rolls back and restarts. */

#define MODEL_SEQ_MAX 6000U
#define OUTBOX_MAX 12U
#define FLIGHT_MAX 24U
#define MODEL_EPOCHS 5U

struct sent {
    uint64_t epoch;
    uint64_t first;
    size_t n;
    struct nx_gap gap;
    bool has_gap;
};

struct model {
    uint64_t random;
    uint64_t epoch, next; /* the agent's numbering */
    struct sent outbox[OUTBOX_MAX];
    size_t outbox_n;
    uint64_t acked;   /* the agent's view, this epoch */
    uint64_t lost_to; /* the outbox dropped up to here, not acked */
    struct sent flight[FLIGHT_MAX];
    size_t flight_n;
    struct nx_streams streams;
    struct nx_stream_position store[MODEL_EPOCHS + 1]; /* by epoch */
    bool known[MODEL_EPOCHS + 1];
    uint8_t taken[MODEL_EPOCHS + 1][MODEL_SEQ_MAX]; /* effects, committed */
    uint8_t tentative[MODEL_EPOCHS + 1][MODEL_SEQ_MAX];
};

static unsigned pick(struct model *m, unsigned n) {
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return (unsigned)((m->random >> 11) % n);
}

static void produce(struct model *m) {
    size_t n = 1 + pick(m, 40);
    if (m->outbox_n == OUTBOX_MAX) {
        m->lost_to = m->outbox[0].first + m->outbox[0].n - 1;
        m->outbox_n--;
        memmove(&m->outbox[0], &m->outbox[1],
                m->outbox_n * sizeof(m->outbox[0]));
    }
    m->outbox[m->outbox_n++] =
        (struct sent){.epoch = m->epoch, .first = m->next, .n = n};
    m->next += n;
}

static void send_all(struct model *m) {
    for (size_t i = 0; i < m->outbox_n && m->flight_n < FLIGHT_MAX; i++) {
        struct sent s = m->outbox[i];
        if (m->lost_to > m->acked) {
            s.has_gap = true;
            s.gap = (struct nx_gap){m->acked + 1, m->lost_to, NX_GAP_SPACE};
        }
        if (pick(m, 5) != 0) { /* one in five is lost */
            m->flight[m->flight_n++] = s;
        }
    }
}

static struct nx_stream *collector_stream(struct model *m, uint64_t epoch) {
    struct nx_stream *stream = nx_streams_find(&m->streams, epoch);
    return stream != NULL
               ? stream
               : nx_streams_add(&m->streams, epoch,
                                m->known[epoch] ? &m->store[epoch] : NULL);
}

static void arrive(struct model *m, const struct sent *s) {
    const struct nx_batch batch = {.epoch = s->epoch,
                                   .first_seq = s->first,
                                   .obs_n = s->n,
                                   .gaps = &s->gap,
                                   .gaps_n = s->has_gap ? 1 : 0};
    struct nx_stream_result result;
    nx_streams_offer(&m->streams, collector_stream(m, s->epoch), &batch,
                     &result);
    if (result.verdict == NX_STREAM_ACCEPT) {
        for (size_t i = result.skip; i < s->n; i++) {
            m->tentative[s->epoch][s->first + i]++;
        }
    }
}

/* Any one in flight arrives; it may stay, to arrive again later. */
static void deliver(struct model *m) {
    if (m->flight_n == 0) {
        return;
    }
    size_t at = pick(m, 3) == 0 ? pick(m, (unsigned)m->flight_n) : 0;
    struct sent s = m->flight[at];
    if (pick(m, 6) != 0) {
        m->flight_n--;
        memmove(&m->flight[at], &m->flight[at + 1],
                (m->flight_n - at) * sizeof(s));
    }
    arrive(m, &s);
}

static void ack_agent(struct model *m) {
    if (!m->known[m->epoch] || pick(m, 3) == 0) {
        return; /* nothing to say, or lost */
    }
    uint64_t acked = m->store[m->epoch].acked_seq;
    assert_true(acked < m->next); /* never more than was produced */
    m->acked = acked > m->acked ? acked : m->acked;
    while (m->outbox_n > 0 &&
           m->outbox[0].first + m->outbox[0].n - 1 <= m->acked) {
        m->outbox_n--;
        memmove(&m->outbox[0], &m->outbox[1],
                m->outbox_n * sizeof(m->outbox[0]));
    }
}

static void end_transaction(struct model *m, bool well) {
    for (uint64_t e = 1; e <= m->epoch; e++) {
        struct nx_stream *stream = nx_streams_find(&m->streams, e);
        if (stream == NULL) {
            continue;
        }
        if (well) {
            nx_stream_commit(stream);
            m->store[e] = stream->done;
            m->known[e] = true;
            for (size_t i = 0; i < MODEL_SEQ_MAX; i++) {
                m->taken[e][i] = (uint8_t)(m->taken[e][i] + m->tentative[e][i]);
            }
        } else {
            nx_stream_rollback(stream);
        }
        memset(m->tentative[e], 0, sizeof(m->tentative[e]));
    }
}

/* Every settled number was taken once or reported lost, no other one. */
static void check(const struct model *m) {
    for (uint64_t e = 1; e <= m->epoch; e++) {
        const struct nx_stream_position *p = &m->store[e];
        uint64_t taken = 0;
        for (uint64_t i = 1; i < MODEL_SEQ_MAX; i++) {
            assert_true(m->taken[e][i] <=
                        nx_settled_count(p->acked_seq, &p->ahead, i, i));
            taken += m->taken[e][i];
        }
        assert_int_equal(taken, p->received_n);
        assert_int_equal(
            p->received_n + p->dropped_n,
            nx_settled_count(p->acked_seq, &p->ahead, 1, MODEL_SEQ_MAX));
    }
}

static void step(struct model *m) {
    switch (pick(m, 16)) {
    case 0:
    case 1:
    case 2:
        if (m->next + 50 < MODEL_SEQ_MAX) {
            produce(m);
        }
        break;
    case 3:
        send_all(m);
        break;
    case 4:
    case 5:
        ack_agent(m);
        break;
    case 6:
        end_transaction(m, pick(m, 8) != 0);
        break;
    case 7:
        if (pick(m, 40) == 0) { /* the collector is killed and comes back */
            end_transaction(m, false);
            memset(&m->streams, 0, sizeof(m->streams));
        }
        break;
    case 8:
        if (pick(m, 100) == 0 && m->epoch < MODEL_EPOCHS) {
            m->epoch++; /* the agent starts anew */
            m->next = 1;
            m->acked = m->lost_to = 0;
            m->outbox_n = 0;
        }
        break;
    default:
        deliver(m);
        break;
    }
}

static void test_against_model(void **state) {
    (void)state;
    static struct model m;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        memset(&m, 0, sizeof(m));
        m.random = seed * UINT64_C(0x9e3779b97f4a7c15);
        m.epoch = 1;
        m.next = 1;
        print_message("# seed %u\n", (unsigned)seed);
        for (unsigned i = 0; i < 6000; i++) {
            step(&m);
            if (i % 500 == 0) {
                check(&m);
            }
        }
        /* A quiet network brings everything to its end. */
        m.flight_n = 0;
        for (unsigned i = 0; i < 400 && m.outbox_n > 0; i++) {
            send_all(&m);
            while (m.flight_n > 0) {
                struct sent s = m.flight[0];
                m.flight_n--;
                memmove(&m.flight[0], &m.flight[1], m.flight_n * sizeof(s));
                arrive(&m, &s);
            }
            end_transaction(&m, true);
            ack_agent(&m);
        }
        check(&m);
        assert_int_equal(m.outbox_n, 0);
        assert_int_equal(m.store[m.epoch].acked_seq, m.next - 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_gaps_as_a_union),
        cmocka_unit_test(test_epoch_flood),
        cmocka_unit_test(test_stored_position),
        cmocka_unit_test(test_against_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
