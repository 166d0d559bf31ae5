/* What is added to a packed batch when it is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/codec_patch.h"
#include "tests/lib/spool_bench.h"

#define FIRST (UINT64_C(1) << 62)

static uint8_t out[NX_MSG_MAX_BYTES];
static struct nx_gap gaps[NX_PATCH_GAPS_MAX];
static const struct nx_clock_sample clock_ = {.mono_us = 5,
                                              .wall_us = INT64_MIN,
                                              .offset_us = INT64_MIN,
                                              .offset_error_us = UINT64_MAX,
                                              .offset_known = true};

/* As long as they get. */
static int fill_gaps(void **state) {
    (void)state;
    gaps[0] = (struct nx_gap){1, 2, NX_GAP_AGE};
    gaps[1] = (struct nx_gap){4, FIRST - 1, NX_GAP_REASON_MAX};
    for (size_t i = 2; i < NX_PATCH_GAPS_MAX; i++) {
        gaps[i] = (struct nx_gap){FIRST - 1, FIRST - 1, NX_GAP_REASON_MAX};
    }
    return 0;
}

static void test_added(void **state) {
    struct bench *b = *state;
    const struct nx_batch_patch patch = {gaps, NX_PATCH_GAPS_MAX, &clock_,
                                         NULL};
    const struct nx_clock_sample old = {.mono_us = 5, .wall_us = 6};
    size_t len = 0;
    size_t grown = 0;
    uint8_t *bytes = bench_pack(b, FIRST, 10, &old, &len);
    struct nx_arena arena;
    struct nx_up up;
    assert_int_equal(
        nx_codec_batch_patch(bytes, len, &patch, out, sizeof(out), &grown),
        NX_OK);
    assert_in_range(grown, len + 1, len + NX_PATCH_MAX);
    nx_arena_init(&arena, b->memory, NX_UNPACK_ARENA_BYTES);
    const char *why = "";
    int err = nx_codec_unpack_up(out, grown, &arena, &up, &why);
    assert_string_equal(why, "");
    assert_int_equal(err, NX_OK);
    const struct nx_batch *batch = &up.u.batch;
    assert_int_equal(batch->first_seq, FIRST);
    assert_int_equal(batch->obs_n, 10);
    assert_int_equal(batch->gaps_n, NX_PATCH_GAPS_MAX);
    assert_int_equal(batch->gaps[1].from_seq, 4);
    assert_int_equal(batch->gaps[1].to_seq, FIRST - 1);
    assert_int_equal(batch->clock.mono_us, clock_.mono_us);
    assert_int_equal(batch->clock.wall_us, clock_.wall_us);
    assert_int_equal(batch->clock.offset_us, clock_.offset_us);
    assert_int_equal(batch->clock.offset_error_us, clock_.offset_error_us);
    assert_true(batch->clock.offset_known);
    free(bytes);
}

static void test_nothing_added(void **state) {
    struct bench *b = *state;
    const struct nx_batch_patch none = {0};
    const struct nx_clock_sample clock = {0};
    size_t len = 0;
    size_t same = 0;
    uint8_t *bytes = bench_pack(b, 1, 10, &clock, &len);
    assert_int_equal(
        nx_codec_batch_patch(bytes, len, &none, out, sizeof(out), &same),
        NX_OK);
    assert_int_equal(same, len);
    assert_memory_equal(out, bytes, len);
    free(bytes);
}

/* Only what the codec packed is touched, and only below the limit. */
static void test_limits(void **state) {
    struct bench *b = *state;
    struct nx_batch_patch patch = {gaps, 1, NULL, NULL};
    const struct nx_clock_sample clock = {0};
    size_t len = 0;
    size_t grown = 7;
    uint8_t *bytes = bench_pack(b, 1, 10, &clock, &len);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(
            nx_codec_batch_patch(bytes, cut, &patch, out, sizeof(out), &grown),
            NX_EMALFORMED);
    }
    assert_int_equal(
        nx_codec_batch_patch(bytes, len, &patch, out, len + 3, &grown),
        NX_ELIMIT);
    patch.gaps_n = NX_PATCH_GAPS_MAX + 1;
    assert_int_equal(
        nx_codec_batch_patch(bytes, len, &patch, out, sizeof(out), &grown),
        NX_EMALFORMED);
    patch.gaps_n = 1;
    bytes[0] ^= 1;
    assert_int_equal(
        nx_codec_batch_patch(bytes, len, &patch, out, sizeof(out), &grown),
        NX_EMALFORMED);
    assert_int_equal(grown, 7);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_added, bench_new, bench_free),
        cmocka_unit_test_setup_teardown(test_nothing_added, bench_new,
                                        bench_free),
        cmocka_unit_test_setup_teardown(test_limits, bench_new, bench_free),
    };
    return cmocka_run_group_tests(tests, fill_gaps, NULL);
}
