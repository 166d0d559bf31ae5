/* Messages of another version, and the memory that one takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/uplink/batch.h"
#include "common/codec_wire.h"
#include "tests/lib/newer_batch.h"
#include "tests/lib/spool_bench.h"

static uint8_t message[NX_MSG_MAX_BYTES];
static _Alignas(16) uint8_t memory[3U * NX_UNPACK_ARENA_BYTES];

/* Packed, with what another version may have put behind it. */
static size_t pack(struct bench *b, bool unknown, uint8_t format) {
    const struct nx_clock_sample clock = {.mono_us = 1};
    size_t len = 0;
    uint8_t *bytes = bench_pack(b, 1, 10, &clock, &len);
    memcpy(message, bytes, len);
    free(bytes);
    len = unknown ? nx_test_unknown(message, len) : len;
    return format > 0 ? nx_test_newer(message, len, format) : len;
}

static int unpack(size_t len, size_t memory_bytes) {
    struct nx_arena arena;
    struct nx_up up;
    nx_arena_init(&arena, memory, memory_bytes);
    return nx_codec_unpack_up(message, len, &arena, &up, NULL);
}

/* One that takes more memory than this version gives: of a newer format it may
 * be right, of ours it never is, and a message that is cut is none. */
static void test_too_large_here(void **state) {
    size_t len = pack(*state, true, NX_BATCH_FORMAT + 1);
    assert_int_equal(unpack(len, NX_UNPACK_ARENA_BYTES), NX_EVERSION);
    assert_int_equal(unpack(len - 1, NX_UNPACK_ARENA_BYTES), NX_EMALFORMED);
    len = pack(*state, true, 0);
    assert_int_equal(unpack(len, NX_UNPACK_ARENA_BYTES), NX_ELIMIT);
    assert_int_equal(unpack(len - 1, NX_UNPACK_ARENA_BYTES), NX_EMALFORMED);
    len = pack(*state, false, 0);
    assert_int_equal(unpack(len, NX_UNPACK_ARENA_BYTES), NX_OK);
}

/* What is taken into a large arena is read again from the log into one of the
 * usual size. */
static void test_same_in_any_arena(void **state) {
    size_t len = pack(*state, true, 0);
    assert_int_equal(unpack(len, sizeof(memory)), NX_ELIMIT);
    len = pack(*state, true, NX_BATCH_FORMAT + 1);
    assert_int_equal(unpack(len, sizeof(memory)), NX_EVERSION);
}

static void test_format(void **state) {
    size_t len = pack(*state, false, 0);
    assert_int_equal(nx_wire_batch_format(message, len), 0);
    len = pack(*state, false, 200); /* two octets */
    message[len - 1] |= 0x80;
    assert_int_equal(nx_wire_batch_format(message, len), 0);
    len = pack(*state, false, 7);
    assert_int_equal(nx_wire_batch_format(message, len), 7);
    for (size_t cut = 1; cut <= len; cut++) { /* nothing is read behind it */
        uint8_t *copy = malloc(len - cut + 1);
        memcpy(copy, message, len - cut);
        assert_int_equal(nx_wire_batch_format(copy, len - cut), 0);
        free(copy);
    }
}

/* The most that an agent packs for its size: addresses by the dozen. */
static void test_ours_fit(void **state) {
    static uint8_t name[] = "\3www\7example\3com";
    uint8_t rdata[NX_ANSWER_RECORDS_MAX * 6];
    struct nx_batcher *batcher = NULL;
    struct nx_arena arena;
    struct nx_up up;
    uint8_t *bytes = NULL;
    size_t len = 0;
    size_t n = 0;
    uint64_t first = 0;
    (void)state;
    assert_int_equal(nx_batcher_new(1, 1, NX_BATCH_OBS_MAX, 1, &batcher), 0);
    for (uint32_t i = 0, full = 0; !full; i++) {
        struct nx_question q = {.name = name,
                                .qtype = (uint16_t)i,
                                .to = {.address_len = 16, .port = 53}};
        struct nx_answer a = {.outcome = NX_ANSWERED, .flags = NX_ANS_RDATA};
        memcpy(q.to.address, &i, sizeof(i));
        for (size_t k = 0; k < NX_ANSWER_RECORDS_MAX; k++) {
            const uint8_t record[6] = {
                0, 4, 192, (uint8_t)k, (uint8_t)(i >> 8), (uint8_t)i};
            memcpy(rdata + 6 * k, record, sizeof(record));
        }
        a.rdata = rdata;
        a.rdata_n = NX_ANSWER_RECORDS_MAX;
        a.rdata_len = sizeof(rdata);
        const struct nx_obs obs = {.question = &q, .answer = &a};
        full = nx_batcher_add(batcher, &obs, 0) != NX_OK;
    }
    const struct nx_clock_sample clock = {.mono_us = 1};
    assert_int_equal(
        nx_batcher_close(batcher, &clock, &bytes, &len, &first, &n), NX_OK);
    nx_arena_init(&arena, memory, NX_UNPACK_ARENA_BYTES);
    assert_int_equal(nx_codec_unpack_up(bytes, len, &arena, &up, NULL), NX_OK);
    print_message("# %zu results, %zu bytes, %zu bytes unpacked\n", n, len,
                  arena.used_bytes);
    assert_true(arena.used_bytes < NX_UNPACK_ARENA_BYTES / 4 * 3);
    free(bytes);
    nx_batcher_free(&batcher);
}

#define WITH_BENCH(f) cmocka_unit_test_setup_teardown(f, bench_new, bench_free)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_BENCH(test_too_large_here),
        WITH_BENCH(test_same_in_any_arena),
        WITH_BENCH(test_format),
        WITH_BENCH(test_ours_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
