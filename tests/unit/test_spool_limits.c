/* Batches near the limit of a message, or over it; what another version left in
 * the spool; what the collector refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/uplink/spool_priv.h"
#include "common/crc32c.h"
#include "tests/lib/spool_bench.h"

/* Field 1000, which nobody knows, as bytes. */
static const uint8_t pad_tag[] = {0xc2, 0x3e};

static size_t varint(uint8_t *out, size_t value) {
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) {
        out[n++] = (uint8_t)(value | 0x80);
    }
    out[n++] = (uint8_t)value;
    return n;
}

/* A batch of n results that is exactly want octets long, at least 20,000. */
static uint8_t *padded(struct bench *b, uint64_t first_seq, size_t n,
                       size_t want) {
    const struct nx_clock_sample clock = bench_clock(b, 0);
    size_t len = 0;
    uint8_t *small = bench_pack(b, first_seq, n, &clock, &len);
    size_t skip = small[1] < 0x80 ? 2 : 3;
    uint8_t *out = malloc(want);
    assert_non_null(out);
    out[0] = small[0];
    size_t at = 1 + varint(out + 1, want - 4); /* lengths are of 3 octets */
    memcpy(out + at, small + skip, len - skip);
    at += len - skip;
    memcpy(out + at, pad_tag, sizeof(pad_tag));
    at += sizeof(pad_tag);
    at += varint(out + at, want - at - 3);
    memset(out + at, 0, want - at);
    free(small);
    return out;
}

static void put_padded(struct bench *b, size_t n, size_t want) {
    const struct nx_clock_sample clock = bench_clock(b, 0);
    uint64_t seq = nx_spool_next_seq(b->spool);
    assert_int_equal(
        nx_spool_put(b->spool, padded(b, seq, n, want), want, seq, n, &clock),
        NX_OK);
}

/* The largest that is taken goes out with all that can be added to it. */
static void test_largest_batch(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    for (unsigned i = 0; i < NX_SPOOL_HOLES_MAX; i++) {
        nx_spool_hole(b->spool, 2 * i + 1, 2 * i + 1,
                      i % 2 == 0 ? NX_GAP_AGE : NX_GAP_SPACE);
    }
    nx_spool_lost(b->spool, 1, 2 * NX_SPOOL_HOLES_MAX);
    put_padded(b, 3, NX_SPOOL_BATCH_MAX);
    assert_int_equal(bench_send(b, S), 2 * NX_SPOOL_HOLES_MAX + 1);
    assert_int_equal(b->batch.obs_n, 3);
    assert_true(b->batch.gaps_n > 1);
    bench_crash(b, true);
    bench_put(b, 1);
    assert_true(bench_send(b, S) > 0); /* the fresh one */
    assert_int_equal(bench_send(b, S), 2 * NX_SPOOL_HOLES_MAX + 1);
    uint8_t *over =
        padded(b, nx_spool_next_seq(b->spool), 1, NX_SPOOL_BATCH_MAX + 1);
    const struct nx_clock_sample clock = bench_clock(b, 0);
    struct nx_ledger before = bench_ledger(b);
    assert_int_equal(nx_spool_put(b->spool, over, NX_SPOOL_BATCH_MAX + 1,
                                  nx_spool_next_seq(b->spool), 1, &clock),
                     NX_ELIMIT);
    assert_int_equal(bench_ledger(b).dropped, before.dropped + 1);
}

/* As if another version had written it: a record of len octets that brings the
 * numbers from first_seq on, in a segment of its own. */
static void foreign_record(struct bench *b, uint64_t segment_id,
                           uint64_t first_seq, uint32_t n, size_t len) {
    uint8_t head[NX_SEGMENT_HEAD_BYTES];
    uint8_t record[NX_RECORD_HEAD_BYTES];
    const struct nx_segment_head segment = {EPOCH, segment_id};
    uint8_t *payload = padded(b, first_seq, n < 100 ? n : 1, len);
    struct nx_record_head r = {.len = (uint32_t)len,
                               .results_n = n,
                               .first_seq = first_seq,
                               .boot = b->boot,
                               .clock = bench_clock(b, 0)};
    if (fake_find(b->disk, segment_id) == NULL) {
        nx_segment_head_pack(&segment, head);
        assert_int_equal(fake_append(b->disk, segment_id, head, sizeof(head)),
                         NX_OK);
    }
    nx_record_head_pack(&segment, &r, payload, record);
    assert_int_equal(fake_append(b->disk, segment_id, record, sizeof(record)),
                     NX_OK);
    assert_int_equal(fake_append(b->disk, segment_id, payload, len), NX_OK);
    free(payload);
}

/* A version with larger limits left records that cannot be sent: they become a
 * hole that is told; what is before and behind them in the same file is sent.
 */
static void test_records_over_the_limit(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    foreign_record(b, 1, 1, 10, 70000);
    foreign_record(b, 1, 11, 20, NX_MSG_MAX_BYTES + 1);
    foreign_record(b, 1, 31, 10, 70000);
    foreign_record(b, 1, 41, NX_BATCH_OBS_MAX + 1, 70000);
    bench_crash(b, true);
    assert_int_equal(b->found.too_large, 20 + NX_BATCH_OBS_MAX + 1);
    assert_int_equal(b->found.damaged, 0);
    assert_int_equal(nx_spool_next_seq(b->spool), 42 + NX_BATCH_OBS_MAX);
    assert_int_equal(bench_drain(b), 20);
    assert_int_equal(bench_ledger(b).dropped, 20 + NX_BATCH_OBS_MAX + 1);
}

/* A record that leaves no room for what is to be told beside it goes without;
 * the next batch tells. */
static void test_no_room_for_gaps(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    foreign_record(b, 1, 11, 5, NX_MSG_MAX_BYTES);
    bench_crash(b, true);
    bench_put(b, 1);
    nx_spool_connected(b->spool, 0);
    assert_int_equal(bench_send(b, S), 11);
    assert_int_equal(b->batch.obs_n, 5);
    assert_int_equal(b->batch.gaps_n, 0);
    assert_true(bench_send(b, 2 * S) > 15);
    bench_expect_gap(b, 0, 1, 10, NX_GAP_DAMAGED);
    assert_int_equal(bench_ledger(b).dropped, b->batch.first_seq - 1 - 5);
}

/* What the collector will never take is given up, as often as it comes. */
static void test_refused(void **state) {
    struct bench *b = *state;
    const struct nx_clock_sample now = bench_clock(b, S);
    size_t len = 0;
    uint64_t seq = 0;
    int64_t sent_us = 0;
    bench_open(b, true);
    for (uint64_t first = 1; first < 100; first += 10) {
        bench_put(b, 10);
        assert_int_equal(nx_spool_peek(b->spool, &now, b->out, &len, &seq),
                         NX_OK);
        nx_spool_sent(b->spool, S);
        assert_int_equal(seq, first);
        uint32_t crc = nx_codec_crc(b->out, len);
        assert_int_equal(nx_spool_refused(b->spool, crc ^ 2), 0);
        if (first % 20 == 1) {
            assert_int_equal(nx_spool_refused(b->spool, crc), 10);
            assert_int_equal(nx_spool_refused(b->spool, crc), 0);
        } else {
            (void)bench_ack(b, first + 9, first, &sent_us);
            assert_int_equal(bench_ledger(b).held, 0);
        }
    }
    assert_int_equal(bench_ledger(b).dropped, 50);
    assert_int_equal(nx_spool_timeout_at(b->spool, S), INT64_MAX);
    nx_spool_rewind(b->spool, S);
    assert_int_equal(bench_send(b, 10 * S), 0);
}

static uint64_t refuse_last(struct bench *b) {
    uint32_t crc = b->spool->flights[b->spool->flights_n - 1].crc;
    return nx_spool_refused(b->spool, crc);
}

/* A long drain, and every second fresh batch is refused: holes that are settled
 * beyond what is drained cost nothing that was not refused. */
static void test_refused_while_draining(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, true);
    for (unsigned i = 0; i < 5; i++) {
        bench_put(b, 10); /* 1 to 50 */
    }
    nx_spool_connected(b->spool, 0);
    for (uint64_t first = 51; first < 51 + UINT64_C(140) * 10; first += 20) {
        bench_put(b, 10);
        assert_int_equal(bench_send(b, 0), first);
        assert_int_equal(refuse_last(b), 10);
        bench_put(b, 10);
        assert_int_equal(bench_send(b, 0), first + 10);
        const struct nx_ack ack = {
            .epoch = EPOCH,
            .echo = first + 10,
            .ahead = {.runs = {{51, first + 19}}, .n = 1}};
        (void)nx_spool_ack(b->spool, &ack, false, S, &sent_us);
        assert_int_equal(bench_ledger(b).dropped, (first - 51) / 2 + 10);
        assert_int_equal(bench_ledger(b).held, 50);
    }
    assert_int_equal(bench_send(b, S), 1);
    assert_int_equal(refuse_last(b), 10);
    for (uint64_t first = 11; first < 51; first += 10) {
        assert_int_equal(bench_send(b, (int64_t)first * S), first);
    }
    const struct nx_ledger before = bench_ledger(b);
    assert_int_equal(before.dropped, 710);
    assert_int_equal(before.acked, 700);
    /* A hello before the first ack says no fewer. */
    assert_int_equal(nx_spool_close(b->spool), NX_OK);
    bench_crash(b, true);
    assert_true(bench_ledger(b).dropped >= before.dropped);
}

/* Without room for one more hole a refused batch waits, and no other is given
 * up for it. */
static void test_refused_without_room(void **state) {
    struct bench *b = *state;
    int64_t sent_us = 0;
    bench_open(b, true);
    for (unsigned i = 0; i < 2 * NX_SPOOL_HOLES_MAX; i++) {
        bench_put(b, 1);
    }
    for (unsigned i = 0; i < NX_SPOOL_HOLES_MAX; i++) {
        nx_spool_hole(b->spool, 2 * i + 1, 2 * i + 1, NX_GAP_AGE);
    }
    nx_spool_connected(b->spool, 0);
    assert_int_equal(bench_send(b, S), 2);
    assert_int_equal(bench_send(b, 2 * S), 4);
    assert_int_equal(refuse_last(b), 0);
    assert_int_equal(bench_ledger(b).dropped, NX_SPOOL_HOLES_MAX);
    assert_true(nx_spool_timeout_at(b->spool, S) < INT64_MAX);
    (void)bench_ack(b, 2, 2, &sent_us); /* tells of the first hole */
    nx_spool_rewind(b->spool, 3 * S);
    assert_int_equal(bench_send(b, 3 * S), 4);
    assert_int_equal(refuse_last(b), 1);
    assert_int_equal(bench_ledger(b).dropped, NX_SPOOL_HOLES_MAX + 1);
    for (uint64_t seq = 6; seq <= 2 * NX_SPOOL_HOLES_MAX; seq += 2) {
        assert_int_equal(bench_send(b, (int64_t)seq * S), seq);
        (void)bench_ack(b, seq, seq, &sent_us);
    }
}

/* Room is made where it costs least. */
static void test_nearest_holes_become_one(void **state) {
    struct bench *b = *state;
    bench_open(b, true);
    for (unsigned i = 0; i < 7; i++) {
        bench_put(b, 100);
    }
    for (uint64_t i = 0; i < NX_SPOOL_HOLES_MAX; i++) {
        nx_spool_hole(b->spool, 10 * i + 5, 10 * i + 5, NX_GAP_DAMAGED);
    }
    nx_spool_hole(b->spool, 407, 407, NX_GAP_DAMAGED);
    assert_int_equal(bench_ledger(b).dropped, NX_SPOOL_HOLES_MAX + 2);
    assert_int_equal(b->spool->holes[40].from_seq, 405);
    assert_int_equal(b->spool->holes[40].to_seq, 407);
    assert_int_equal(b->spool->holes[63].to_seq, 635);
}

#define MANY_HOLES (NX_SPOOL_HOLES_MAX - 4U)

/* Every second number of a hundred is lost, for reasons in turn. */
static void make_holes(struct bench *b) {
    bench_open(b, true);
    for (unsigned i = 0; i < MANY_HOLES; i++) {
        bench_put(b, 2);
    }
    for (uint64_t i = 0; i < MANY_HOLES; i++) {
        nx_spool_hole(b->spool, 2 * i + 1, 2 * i + 1,
                      i % 2 == 0 ? NX_GAP_AGE : NX_GAP_SPACE);
        b->spool->holes[i].told_to_seq = i % 3 == 0 ? 2 * i + 1 : 0;
    }
    assert_int_equal(nx_spool_write_ledger(b->spool, false), NX_OK);
}

static void expect_holes(const struct bench *b, size_t n) {
    for (uint64_t i = 0; i < n; i++) {
        const struct nx_hole *h = &b->spool->holes[i];
        assert_int_equal(h->from_seq, 2 * i + 1);
        assert_int_equal(h->to_seq, 2 * i + 1);
        assert_int_equal(h->reason, i % 2 == 0 ? NX_GAP_AGE : NX_GAP_SPACE);
        assert_int_equal(h->told_to_seq, i % 3 == 0 ? 2 * i + 1 : 0);
    }
}

/* As many holes as are held are known after a crash: why each is one, and what
 * the collector was told of it. */
static void test_holes_outlive_a_crash(void **state) {
    struct bench *b = *state;
    make_holes(b);
    bench_crash(b, true);
    expect_holes(b, MANY_HOLES);
    assert_int_equal(b->spool->holes_n, MANY_HOLES + 1); /* and what it may
                                                            have given out */
}

/* The pages of a copy belong together, or it counts for nothing; a version that
 * knows the first page alone reads and writes that. */
static void test_pages_of_the_ledger(void **state) {
    struct bench *b = *state;
    struct nx_ledger_block block;
    make_holes(b);
    unsigned newest = (unsigned)(b->spool->generation & 1);
    uint8_t *page = b->disk->ledger[newest];
    assert_int_equal(nx_ledger_parse(page, &block), NX_OK);
    assert_int_equal(block.holes_n, MANY_HOLES);
    assert_int_equal(page[NX_LEDGER_PAGE_BYTES], 'N');
    page[NX_LEDGER_PAGE_BYTES + 100] ^= 1;
    assert_int_equal(nx_ledger_parse(page, &block), NX_EMALFORMED);
    page[NX_LEDGER_PAGE_BYTES + 100] ^= 1;
    /* The second page of the next writing: whole, but of another one. */
    nx_ledger_pack(&block, page);
    uint8_t other[NX_LEDGER_BLOCK_BYTES];
    block.generation++;
    nx_ledger_pack(&block, other);
    memcpy(page + NX_LEDGER_PAGE_BYTES, other + NX_LEDGER_PAGE_BYTES,
           NX_LEDGER_PAGE_BYTES);
    assert_int_equal(nx_ledger_parse(page, &block), NX_EMALFORMED);
    /* An older version wrote its page before what is left of the other. */
    block.holes_n = NX_LEDGER_HOLES_MAX / 2;
    nx_ledger_pack(&block, other);
    memcpy(page, other, NX_LEDGER_PAGE_BYTES);
    assert_int_equal(nx_ledger_parse(page, &block), NX_OK);
    assert_int_equal(block.holes_n, NX_LEDGER_HOLES_MAX / 2);
}

static void make_newer(uint8_t *bytes, size_t n) {
    bytes[7]++;
    uint32_t crc = nx_crc32c(0, bytes, n - 4);
    for (size_t i = 0; i < 4; i++) {
        bytes[n - 4 + i] = (uint8_t)(crc >> (8 * i));
    }
}

/* A newer version's spool is not touched. */
static void test_newer_version(void **state) {
    struct bench *b = *state;
    const struct nx_spool_disk disk = fake_functions(b->disk);
    bench_open(b, true);
    bench_put(b, 10);
    nx_spool_free(&b->spool);
    for (unsigned i = 0; i < 2; i++) {
        size_t len = b->disk->files[0].len;
        uint8_t ledger[NX_LEDGER_BLOCK_BYTES];
        unsigned slot = b->disk->ledger_there[0] ? 0 : 1;
        memcpy(ledger, b->disk->ledger[slot], sizeof(ledger));
        if (i == 0) {
            make_newer(b->disk->ledger[slot], NX_LEDGER_PAGE_BYTES);
        } else {
            make_newer(b->disk->files[0].bytes, NX_SEGMENT_HEAD_BYTES);
        }
        assert_int_equal(
            nx_spool_new(&b->conf, &disk, EPOCH, b->boot, &b->spool, &b->found),
            NX_EVERSION);
        assert_null(b->spool);
        assert_int_equal(b->disk->files_n, 1);
        assert_int_equal(b->disk->files[0].len, len);
        memcpy(b->disk->ledger[slot], ledger, sizeof(ledger));
    }
}

int main(void) {
#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_largest_batch),
        WITH_BENCH(test_records_over_the_limit),
        WITH_BENCH(test_no_room_for_gaps),
        WITH_BENCH(test_refused),
        WITH_BENCH(test_refused_while_draining),
        WITH_BENCH(test_refused_without_room),
        WITH_BENCH(test_nearest_holes_become_one),
        WITH_BENCH(test_holes_outlive_a_crash),
        WITH_BENCH(test_pages_of_the_ledger),
        WITH_BENCH(test_newer_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
