/* What comes late revises the past and never the present; what was known before
 * a restart is known after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/dice.h"
#include "tests/lib/engine_bench.h"

#define FRESH_N NX_LOOKS_MAX

/* Seen at at_us, kept by the agent, received at received_us. */
static void kept(struct engine_bench *b, bool denied, uint32_t ttl_s,
                 int64_t at_us, int64_t received_us) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    const struct nx_answer no = {.rcode = NX_RCODE_NXDOMAIN,
                                 .flags = NX_ANS_SOA | NX_ANS_RA,
                                 .soa_owner = apex,
                                 .soa_serial = 1,
                                 .soa_minimum_s = 900};
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                  .rdata = rdata,
                                  .rdata_len = sizeof(rdata),
                                  .rdata_n = 1};
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolver(1)};
    const struct nx_obs obs = {.question = &question,
                               .answer = denied ? &no : &yes,
                               .tx_mono_us = at_us + THETA,
                               .rx_mono_us = at_us + THETA + 2000,
                               .soa_ttl_s = ttl_s,
                               .answer_ttl_s = ttl_s,
                               .src_port = (uint16_t)(10000 + b->port++)};
    const struct nx_batch batch =
        batch_of_one(&obs, clock_at(received_us - 1000));
    assert_int_equal(nx_engine_batch(b->engine, LYON, &batch, 0, received_us),
                     0);
}

static struct nx_target_view only(struct engine_bench *b, int64_t now_us) {
    struct seen_targets seen = targets_of(b, 7, now_us);
    assert_int_equal(seen.n, 1);
    return seen.at[0];
}

/* The same entry was seen before: the state began earlier than was thought. */
static void test_since_is_revised(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    kept(b, true, 500, T0 + 100 * S, T0 + 100 * S + 3000);
    tick(b, T0 + 101 * S);
    assert_int_equal(only(b, T0 + 101 * S).since_us, T0 + 100 * S + 2000);
    kept(b, true, 590, T0 + 10 * S, T0 + 102 * S);
    struct nx_target_view shown = only(b, T0 + 102 * S); /* at once */
    assert_int_equal(shown.since_us, T0 + 10 * S + 2000);
    tick(b, T0 + 103 * S);
    shown = only(b, T0 + 103 * S);
    assert_int_equal(shown.since_us, T0 + 10 * S + 2000);
    assert_int_equal(shown.verdict.state, NX_STATE_CACHED_NXDOMAIN);
    assert_int_equal(shown.verdict.last_look_us, T0 + 100 * S + 2000);
}

/* Denials of an entry that has ended since do not bring it back. */
static void test_present_stays(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    for (int i = 0; i < 60; i++) {
        int64_t at_us = T0 + (100 + i) * S;
        kept(b, false, (uint32_t)(300 - i), at_us, at_us + 3000);
        tick(b, at_us + S / 2);
    }
    int64_t now_us = T0 + 160 * S;
    struct nx_target_view before = only(b, now_us);
    assert_int_equal(before.verdict.state, NX_STATE_CLEAR);
    for (int i = 0; i < 12; i++) {
        kept(b, true, (uint32_t)(60 - i), T0 + (5 + i) * S, now_us);
    }
    tick(b, now_us + S);
    struct nx_target_view after = only(b, now_us + S);
    assert_int_equal(after.verdict.state, NX_STATE_CLEAR);
    assert_int_equal(after.verdict.last_look_us, before.verdict.last_look_us);
    assert_true(after.since_us > T0 + 90 * S);
    assert_int_equal(b->to_state, NX_STATE_CLEAR);
}

/* `clear` is over when nobody settled a doubt in time, and not at the next
 * occasion. */
static void test_doubt_ends_in_time(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    for (int i = 0; i < 60; i++) {
        int64_t at_us = T0 + (100 + i) * S;
        kept(b, false, (uint32_t)(300 - i), at_us, at_us + 3000);
    }
    int64_t doubt_us = T0 + 200 * S;
    tick(b, T0 + 161 * S);
    kept(b, true, 500, doubt_us, doubt_us + 3000);
    tick(b, doubt_us + S);
    tick(b, doubt_us + 34 * S);
    assert_int_equal(only(b, doubt_us + 34 * S).verdict.state, NX_STATE_CLEAR);
    tick(b, doubt_us + NX_CONFIRM_US + 2);
    assert_int_equal(b->to_state, NX_STATE_PARTLY_CLEAR);
    assert_int_equal(only(b, doubt_us + 50 * S).since_us,
                     doubt_us + NX_CONFIRM_US + 1);
}

/* However much was kept, it does not push fresh looks out. */
static void test_fresh_looks_stay(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    for (unsigned i = 0; i < FRESH_N; i++) {
        int64_t at_us = T0 + (1000 + i) * S;
        kept(b, false, 300 - i, at_us, at_us + 3000);
    }
    int64_t now_us = T0 + (1001 + FRESH_N) * S;
    tick(b, now_us);
    struct nx_target_view before = only(b, now_us);
    for (unsigned i = 0; i < 2 * FRESH_N; i++) {
        kept(b, true, 800 - i, T0 + (10 + i) * S, now_us);
    }
    tick(b, now_us + S);
    struct nx_target_view after = only(b, now_us + S);
    assert_int_equal(after.verdict.state, before.verdict.state);
    assert_int_equal(after.verdict.looks_n, before.verdict.looks_n);
    assert_int_equal(after.verdict.last_look_us, before.verdict.last_look_us);
    /* And fresh ones go on replacing the oldest. */
    kept(b, false, 900, now_us + 2 * S, now_us + 2 * S + 3000);
    tick(b, now_us + 3 * S);
    after = only(b, now_us + 3 * S);
    assert_int_equal(after.verdict.last_look_us, now_us + 2 * S + 2000);
}

static void test_time_does_not_go_back(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    tick(b, T0 + 700 * S);
    struct nx_target_view before = only(b, T0 + 700 * S);
    tick(b, T0 + 2 * S); /* the clock was set back */
    struct nx_target_view after = only(b, T0 + 700 * S);
    assert_int_equal(after.verdict.state, before.verdict.state);
    assert_int_equal(after.since_us, before.since_us);
}

/* --- a restart --- */

static void test_recalled(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    /* The ring does not reach back to the state's beginning. */
    for (unsigned i = 0; i < FRESH_N; i++) {
        sees_nxdomain(b, LYON, 1, 800 - i, T0 + (100 + i) * S);
    }
    struct nx_target_past past = {
        .incident_id = 7,
        .agent_id = LYON,
        .question = {.name = www, .qtype = NX_TYPE_A, .to = resolver(1)},
        .state = NX_STATE_CACHED_NXDOMAIN,
        .since_us = T0 + 3 * S,
        .seen_us = T0 + 90 * S,
        .doubt_us = NX_TIME_UNKNOWN};
    nx_engine_catch_up(b->engine, T0 + 163 * S);
    nx_engine_recall(b->engine, &past);
    int64_t now_us = T0 + 170 * S;
    assert_int_equal(only(b, now_us).since_us, T0 + 3 * S);
    assert_int_equal(b->transitions_n, 0);
    nx_engine_retell(b->engine);
    tick(b, now_us);
    assert_int_equal(only(b, now_us).since_us, T0 + 3 * S);
    assert_int_equal(b->transitions_n, 1); /* told, though it is no news */
    tick(b, now_us + 2 * S);
    assert_int_equal(b->transitions_n, 1);
    /* What is judged already stays; what is not there is ignored. */
    past.since_us = T0 + 9 * S;
    nx_engine_recall(b->engine, &past);
    past.agent_id = OSLO;
    nx_engine_recall(b->engine, &past);
    past.agent_id = 99;
    nx_engine_recall(b->engine, &past);
    past.incident_id = 8;
    nx_engine_recall(b->engine, &past);
    assert_int_equal(only(b, now_us + 2 * S).since_us, T0 + 3 * S);
}

/* Another state was kept than the looks say: they are right. */
static void test_recalled_state_is_over(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + 20 * S);
    const struct nx_target_past past = {
        .incident_id = 7,
        .agent_id = LYON,
        .question = {.name = www, .qtype = NX_TYPE_A, .to = resolver(1)},
        .state = NX_STATE_UNKNOWN,
        .since_us = T0 + 3 * S,
        .seen_us = NX_TIME_UNKNOWN,
        .doubt_us = NX_TIME_UNKNOWN};
    nx_engine_recall(b->engine, &past);
    tick(b, T0 + 30 * S);
    struct nx_target_view view = only(b, T0 + 30 * S);
    assert_int_equal(view.verdict.state, NX_STATE_CACHED_NXDOMAIN);
    assert_int_equal(view.since_us, T0 + 20 * S + 2000);
}

/* Denials until the entry ends, answers after it, in half of the rows a few of
 * each among the others. The looks but for the last few_n; when that was. */
static int64_t see_row(struct engine_bench *b, uint64_t seed, unsigned few_n,
                       bool live) {
    struct dice d = {seed};
    int64_t at_us = T0 + S;
    int64_t end_us = T0 + (30 + dice_below(&d, 200)) * S;
    for (unsigned n = 5 + dice_below(&d, FRESH_N - 4); n > few_n; n--) {
        at_us += (1 + dice_below(&d, 12)) * S;
        bool odd = dice_one_in(&d, 15) && seed % 2 == 0;
        if ((at_us < end_us) != odd) {
            uint32_t ttl_s = odd ? 200 : (uint32_t)((end_us - at_us) / S);
            sees_nxdomain(b, LYON, 1, ttl_s, at_us);
        } else {
            sees_address(b, LYON, 1, at_us);
        }
        if (live) {
            tick(b, at_us + 5000);
        }
    }
    return at_us + 5000;
}

static struct nx_target_view live_row(struct engine_bench *b, uint64_t seed,
                                      unsigned few_n) {
    assert_int_equal(bench_renew(b), 0);
    open_restored(b, 7, T0);
    return only(b, see_row(b, seed, few_n, true));
}

/* A collector that was started again: the log, and what was kept of a verdict.
 */
static struct nx_target_view row_again(struct engine_bench *b, uint64_t seed,
                                       const struct nx_target_view *kept) {
    const struct nx_target_past past = {
        .incident_id = 7,
        .agent_id = LYON,
        .question = {.name = www, .qtype = NX_TYPE_A, .to = resolver(1)},
        .state = kept->verdict.state,
        .since_us = kept->since_us,
        .seen_us = kept->verdict.last_look_us,
        .doubt_us = kept->verdict.doubt_us};
    assert_int_equal(bench_renew(b), 0);
    open_restored(b, 7, T0);
    int64_t now_us = see_row(b, seed, 0, false);
    nx_engine_catch_up(b->engine, now_us);
    nx_engine_recall(b->engine, &past);
    tick(b, now_us);
    return only(b, now_us);
}

static void check_same(const struct nx_target_view *a,
                       const struct nx_target_view *b, uint64_t seed) {
    if (a->verdict.state != b->verdict.state || a->since_us != b->since_us) {
        print_error(
            "row %u: %s since %lld, live: %s since %lld\n", (unsigned)seed,
            nx_state_text(a->verdict.state), (long long)(a->since_us - T0),
            nx_state_text(b->verdict.state), (long long)(b->since_us - T0));
        fail();
    }
    assert_int_equal(a->verdict.last_look_us, b->verdict.last_look_us);
    assert_int_equal(a->verdict.doubt_us, b->verdict.doubt_us);
    assert_int_equal(a->verdict.eta.known, b->verdict.eta.known);
    assert_int_equal(a->verdict.eta.point_us, b->verdict.eta.point_us);
    assert_int_equal(a->verdict.hard.at_us, b->verdict.hard.at_us);
}

/* Looks that were judged one by one, and the same looks after a start: with
 * what was kept of the verdict at the end, and of one before another state. */
static void test_restart_tells_the_same(void **state) {
    struct engine_bench *b = *state;
    unsigned clear_n = 0;
    unsigned changed_n = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        const struct nx_target_view live = live_row(b, seed, 0);
        struct nx_target_view again = row_again(b, seed, &live);
        check_same(&again, &live, seed);
        if (seed % 2 != 0) {
            const struct nx_target_view before = live_row(b, seed, 4);
            again = row_again(b, seed, &before);
            check_same(&again, &live, seed);
            changed_n += before.verdict.state != live.verdict.state ? 1 : 0;
        }
        clear_n += live.verdict.state == NX_STATE_CLEAR ? 1 : 0;
    }
    assert_in_range(clear_n, 50, 250);
    assert_in_range(changed_n, 5, 150);
}

/* May resolvers be asked, and is it said to be verified? */
static void expect_guard(struct engine_bench *b, bool open) {
    struct nx_auth_view view;
    assert_int_equal(nx_engine_authority(b->engine, 7, 0, &view), 0);
    assert_int_equal(view.facts.verified, open);
    assert_int_equal(view.proven, open);
}

/* The operator says that it is restored, one auditor says so, and two are
 * wanted: the log is no other witness than the messages were. */
static void test_word_is_no_vantage(void **state) {
    struct engine_bench *b = *state;
    b->settings.vantages = 2;
    for (unsigned again = 0; again < 2; again++) {
        int64_t at_us = T0 + 2 * S;
        assert_int_equal(bench_renew(b), 0);
        hello(b, AUDITOR, 0, 0, T0 - 5000 * S);
        open_restored(b, 7, T0);
        if (again != 0) { /* what the log has of the time before */
            nx_engine_catch_up(b->engine, T0 - 30 * S);
            nx_engine_catch_up(b->engine, T0 - 1 * S);
            nx_engine_catch_up(b->engine, at_us);
        } else {
            hello(b, AUDITOR, 0, 0, T0 - S); /* idle ones are not stored */
            tick(b, at_us);
        }
        expect_guard(b, false);
        for (; at_us < T0 + 60 * S; at_us += 5 * S) {
            audits(b, true, at_us);
            if (again != 0 && at_us < T0 + 30 * S) {
                nx_engine_catch_up(b->engine, at_us + 5000);
            } else {
                tick(b, at_us + 5000);
            }
            expect_guard(b, false);
        }
    }
}

/* Nobody is there to look: the word counts, after a start as before it, once
 * an auditor had the time to come. */
static void test_word_alone(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    nx_engine_catch_up(b->engine, T0 + 30 * S);
    tick(b, T0 + 59 * S);
    expect_guard(b, false);
    tick(b, T0 + 60 * S);
    expect_guard(b, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_since_is_revised),       TEST(test_present_stays),
        TEST(test_doubt_ends_in_time),     TEST(test_fresh_looks_stay),
        TEST(test_time_does_not_go_back),  TEST(test_recalled),
        TEST(test_recalled_state_is_over), TEST(test_restart_tells_the_same),
        TEST(test_word_is_no_vantage),     TEST(test_word_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
