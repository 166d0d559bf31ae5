/* When something was seen: by which clock, and before or after the incident was
 * opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/engine_bench.h"

static void raw_look(struct engine_bench *b,
                     const struct nx_clock_sample *clock, int64_t tx_mono_us,
                     int64_t received_us) {
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolver(1)};
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN};
    const struct nx_obs obs = {.question = &question,
                               .answer = &answer,
                               .tx_mono_us = tx_mono_us,
                               .rx_mono_us = tx_mono_us + 1000};
    const struct nx_batch batch = batch_of_one(&obs, *clock);
    assert_int_equal(nx_engine_batch(b->engine, LYON, &batch, 0, received_us),
                     0);
}

static void test_clock_without_offset_is_guessed(void **state) {
    struct engine_bench *b = *state;
    const struct nx_clock_sample clock = {.mono_us = 100 * S};
    open_restored(b, 7, T0);
    raw_look(b, &clock, 98 * S, T0 + 50 * S);
    assert_int_equal(targets_of(b, 7, T0 + 50 * S).at[0].verdict.last_look_us,
                     T0 + 48 * S + 1000);
}

/* An agent that claims to have sent after we received is not believed. */
static void test_impossible_offset_is_not_believed(void **state) {
    struct engine_bench *b = *state;
    const struct nx_clock_sample clock = {
        .mono_us = 100 * S, .offset_us = -T0 - 1000 * S, .offset_known = true};
    open_restored(b, 7, T0);
    raw_look(b, &clock, 98 * S, T0 + 50 * S);
    assert_int_equal(targets_of(b, 7, T0 + 50 * S).at[0].verdict.last_look_us,
                     T0 + 48 * S + 1000);
}

static void test_impossible_times_are_left(void **state) {
    struct engine_bench *b = *state;
    const struct nx_clock_sample clocks[] = {
        {.mono_us = INT64_MAX, .offset_us = INT64_MIN, .offset_known = true},
        {.mono_us = INT64_MIN, .offset_us = INT64_MAX, .offset_known = true},
        {.mono_us = 100 * S, .offset_error_us = UINT64_MAX},
    };
    open_restored(b, 7, T0);
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        raw_look(b, &clocks[i], INT64_MIN, T0 + 50 * S);
        raw_look(b, &clocks[i], INT64_MAX - 2000, T0 + 50 * S);
        raw_look(b, &clocks[i], 500 * S, T0 + 50 * S); /* after its batch */
    }
    assert_int_equal(targets_of(b, 7, T0 + 50 * S).n, 0);
    assert_int_equal(nx_engine_counts(b->engine)->untimely_n, 9);
}

/* What was seen before the incident belongs to another one. */
static void test_looks_before_the_incident_are_left(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 - 10 * S);
    assert_int_equal(targets_of(b, 7, T0).n, 0);
}

/* The zone may have been put right between a question that was under way and
 * the opening of the incident. */
static void test_servers_are_judged_by_what_was_asked_since(void **state) {
    struct engine_bench *b = *state;
    struct nx_auth_view view;
    const struct nx_incident i = incident(1, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 - 1500); /* the answer came after T0 */
    tick(b, T0 + S);
    assert_int_equal(nx_engine_authority(b->engine, 1, 0, &view), 0);
    assert_int_equal(view.servers_n, 1);
    assert_false(view.servers[0].asked);
    audits(b, true, T0 + 2 * S);
    tick(b, T0 + 3 * S);
    assert_int_equal(nx_engine_authority(b->engine, 1, 0, &view), 0);
    assert_true(view.servers[0].asked);
}

/* At a restart the log is folded with the incidents open: what came before one
 * of them was opened did not count for it, and does not now. */
static void test_messages_before_the_incident_are_left(void **state) {
    struct engine_bench *b = *state;
    struct nx_auth_view view;
    const struct nx_incident i = incident(1, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 - S / 2);
    sees_nxdomain(b, LYON, 1, 300, T0 - S / 2);
    tick(b, T0);
    assert_int_equal(nx_engine_authority(b->engine, 1, 0, &view), 0);
    assert_false(view.apex_known);
    assert_int_equal(view.servers_n, 0);
    assert_int_equal(targets_of(b, 1, T0).n, 0);
    audits(b, false, T0 + S);
    tick(b, T0 + 2 * S);
    assert_int_equal(nx_engine_authority(b->engine, 1, 0, &view), 0);
    assert_int_equal(view.servers_n, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_servers_are_judged_by_what_was_asked_since),
        TEST(test_clock_without_offset_is_guessed),
        TEST(test_impossible_offset_is_not_believed),
        TEST(test_impossible_times_are_left),
        TEST(test_looks_before_the_incident_are_left),
        TEST(test_messages_before_the_incident_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
