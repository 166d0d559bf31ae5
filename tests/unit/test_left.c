/* Name servers that left the set while caches may know them: rule 1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/authority_bench.h"

#define TTL (3600 * S) /* of the bench's NS sets */
#define OLD 2U
#define NEW 1U

/* The old one denies; at T0 + 10 s the zone is at the new one, which is good.
 */
static void move(struct bench *b) {
    delegate(b, 1, apex, OLD, OLD, T0);
    denies(b, 1, OLD, apex, 900, T0 + S);
    assert_false(step(b, T0 + S)->all_ns_good);
    delegate(b, 1, apex, NEW, NEW, T0 + 10 * S);
}

enum old_says { DENIES, RIGHT, SILENT, NOT_ASKED };

/* The new one is good from..until, the old one says that. */
static void goes_on(struct bench *b, enum old_says old, int64_t from,
                    int64_t until) {
    for (int64_t t = from; t <= until; t += 5 * S) {
        good(b, 1, NEW, t);
        if (old == DENIES) {
            denies(b, 1, OLD, apex, 900, t);
        } else if (old == RIGHT) {
            good(b, 1, OLD, t);
        } else if (old == SILENT) {
            silent(b, 1, OLD, t);
        }
        (void)step(b, t);
    }
}

static void test_old_server_that_denies_shuts(void **state) {
    struct bench *b = *state;
    int64_t end = T0 + 10 * S + EPS + TTL;
    move(b);
    goes_on(b, DENIES, T0 + 11 * S, T0 + 300 * S);
    const struct nx_auth_facts *f = nx_authority_facts(b->a);
    assert_true(f->all_ns_good); /* of the set: forecasts go on */
    assert_false(f->verified);
    assert_false(nx_authority_proven(b->a));
    assert_int_equal(view_of(b)->left_n, 1);
    assert_int_equal(view_of(b)->left[0].class_, NX_LEFT_DENIES);
    assert_int_equal(view_of(b)->left_shut_us, end);
    assert_int_equal(view_of(b)->servers_n, 1);
    /* It may feed caches to the end of the old set, for its W each. */
    assert_true(f->deleg_changed_ns && f->old_servers_negative);
    assert_int_equal(f->restored_hi_us + f->fed_us, end);
    assert_int_equal(f->old_w_s, 700);
    /* Then nobody asks it any more. */
    goes_on(b, DENIES, end - 20 * S, end - S);
    assert_false(nx_authority_proven(b->a));
    (void)step(b, end);
    assert_true(nx_authority_proven(b->a));
    assert_int_equal(view_of(b)->left_n, 0);
    assert_int_equal(view_of(b)->verified_at_us, end);
    f = nx_authority_facts(b->a);
    assert_true(f->old_servers_negative); /* what it fed lives on */
    assert_int_equal(f->restored_hi_us + f->fed_us, end);
}

static void test_old_server_put_right(void **state) {
    struct bench *b = *state;
    move(b);
    goes_on(b, DENIES, T0 + 11 * S, T0 + 100 * S);
    goes_on(b, RIGHT, T0 + 105 * S, T0 + 160 * S);
    assert_false(nx_authority_proven(b->a));
    assert_int_equal(view_of(b)->left[0].class_, NX_LEFT_SETTLES);
    goes_on(b, RIGHT, T0 + 165 * S, T0 + 166 * S);
    assert_true(nx_authority_proven(b->a));
    assert_int_equal(view_of(b)->left[0].class_, NX_LEFT_HARMLESS);
    const struct nx_auth_facts *f = nx_authority_facts(b->a);
    assert_int_equal(f->restored_hi_us + f->fed_us, T0 + 105 * S);
    /* It turns bad again: at once. */
    denies(b, 1, OLD, apex, 900, T0 + 170 * S);
    assert_false(nx_authority_proven(b->a));
    (void)step(b, T0 + 170 * S);
    assert_false(nx_authority_proven(b->a));
}

static void test_old_server_falls_silent(void **state) {
    struct bench *b = *state;
    move(b);
    goes_on(b, SILENT, T0 + 11 * S, T0 + 300 * S);
    assert_false(nx_authority_proven(b->a)); /* it denied until T0 + 1 s */
    goes_on(b, SILENT, T0 + 301 * S, T0 + 310 * S);
    assert_true(nx_authority_proven(b->a));
    assert_int_equal(view_of(b)->left[0].class_, NX_LEFT_SILENT);
}

/* ... to who hears nobody: that is no news of it. */
static void test_old_server_and_a_blind_vantage(void **state) {
    struct bench *b = *state;
    move(b);
    goes_on(b, DENIES, T0 + 11 * S, T0 + 100 * S);
    for (int64_t t = T0 + 105 * S; t <= T0 + 1000 * S; t += 5 * S) {
        silent(b, 1, NEW, t);
        silent(b, 1, OLD, t);
        (void)step(b, t);
        assert_false(nx_authority_proven(b->a));
    }
    assert_int_equal(view_of(b)->left[0].class_, NX_LEFT_DENIES);
    goes_on(b, SILENT, T0 + 1005 * S, T0 + 1295 * S);
    assert_false(nx_authority_proven(b->a));
    goes_on(b, SILENT, T0 + 1300 * S, T0 + 1305 * S);
    assert_true(nx_authority_proven(b->a));
}

/* ... nor to who was away: the first packet back may be lost. */
static void test_old_server_and_an_absent_vantage(void **state) {
    struct bench *b = *state;
    move(b);
    goes_on(b, DENIES, T0 + 11 * S, T0 + 100 * S);
    (void)step(b, T0 + 1000 * S);
    goes_on(b, SILENT, T0 + 1005 * S, T0 + 1295 * S);
    assert_false(nx_authority_proven(b->a));
    goes_on(b, SILENT, T0 + 1300 * S, T0 + 1310 * S);
    assert_true(nx_authority_proven(b->a));
}

static void test_nobody_asks_the_old_server(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, OLD, OLD, T0);
    good(b, 1, OLD, T0 + S);
    delegate(b, 1, apex, NEW, NEW, T0 + 10 * S);
    goes_on(b, NOT_ASKED, T0 + 11 * S, T0 + 100 * S);
    assert_true(nx_authority_proven(b->a)); /* good when it was seen last */
    assert_false(view_of(b)->left[0].unasked);
    goes_on(b, NOT_ASKED, T0 + 105 * S, T0 + 400 * S);
    assert_false(nx_authority_proven(b->a)); /* that was long ago */
    assert_int_equal(view_of(b)->left[0].class_, NX_LEFT_PENDING);
    assert_true(view_of(b)->left[0].unasked);
    goes_on(b, RIGHT, T0 + 405 * S, T0 + 405 * S);
    assert_false(view_of(b)->left[0].unasked);
    assert_true(nx_authority_proven(b->a));
    assert_false(nx_authority_facts(b->a)->old_servers_negative);
}

/* What another process saw is old news. */
static void test_collector_was_started_again(void **state) {
    struct bench *b = *state;
    struct nx_auth_rules later = rules;
    delegate(b, 1, apex, OLD, OLD, T0);
    good(b, 1, OLD, T0 + S);
    delegate(b, 1, apex, NEW, NEW, T0 + 10 * S);
    goes_on(b, RIGHT, T0 + 11 * S, T0 + 100 * S);
    later.woke_us = T0 + 110 * S;
    good(b, 1, NEW, T0 + 111 * S);
    (void)nx_authority_step(b->a, &later, &b->incident, T0 + 111 * S);
    assert_false(nx_authority_proven(b->a));
    good(b, 1, OLD, T0 + 112 * S);
    (void)nx_authority_step(b->a, &later, &b->incident, T0 + 112 * S);
    assert_true(nx_authority_proven(b->a));
}

static void test_back_in_the_set(void **state) {
    struct bench *b = *state;
    move(b);
    delegate(b, 1, apex, NEW, OLD, T0 + 20 * S);
    (void)step(b, T0 + 20 * S);
    assert_int_equal(view_of(b)->left_n, 0);
    assert_int_equal(view_of(b)->servers_n, 2);
}

/* One more vantage comes, which is still given the old set, and goes. */
static void test_back_for_one_vantage(void **state) {
    struct bench *b = *state;
    move(b);
    delegate(b, 2, apex, OLD, OLD, T0 + 20 * S);
    goes_on(b, DENIES, T0 + 21 * S, T0 + 100 * S);
    assert_int_equal(view_of(b)->left_n, 1);
    assert_int_equal(view_of(b)->left[0].class_, NX_LEFT_DENIES);
    nx_authority_forget(b->a, 2);
    goes_on(b, DENIES, T0 + 101 * S, T0 + 200 * S);
    assert_false(nx_authority_proven(b->a));
    delegate(b, 2, apex, OLD, OLD, T0 + 201 * S);
    delegate(b, 1, apex, NEW, OLD, T0 + 202 * S);
    (void)step(b, T0 + 203 * S);
    assert_int_equal(view_of(b)->left_n, 0); /* now for both */
}

/* Back in the set, a server that denied last and fell silent is waited for as
 * if it had never left, by the vantage that saw it deny. */
static void test_back_and_silent(void **state) {
    struct bench *b = *state;
    move(b);
    goes_on(b, DENIES, T0 + 11 * S, T0 + 51 * S);
    delegate(b, 2, apex, NEW, OLD, T0 + 55 * S);
    delegate(b, 1, apex, NEW, OLD, T0 + 56 * S);
    (void)step(b, T0 + 56 * S);
    assert_int_equal(view_of(b)->left_n, 0);
    assert_int_equal(view_of(b)->servers_n, 2);
    assert_false(nx_authority_facts(b->a)->all_ns_good);
    nx_authority_forget(b->a, 2);
    goes_on(b, SILENT, T0 + 57 * S, T0 + 345 * S);
    assert_false(nx_authority_proven(b->a)); /* it denied at T0 + 51 s */
    goes_on(b, SILENT, T0 + 350 * S, T0 + 355 * S);
    assert_true(nx_authority_proven(b->a));
}

/* What it says in the set outweighs what was seen of it outside. */
static void test_back_and_right(void **state) {
    struct bench *b = *state;
    move(b);
    goes_on(b, DENIES, T0 + 11 * S, T0 + 51 * S);
    delegate(b, 1, apex, NEW, OLD, T0 + 55 * S);
    goes_on(b, RIGHT, T0 + 56 * S, T0 + 111 * S);
    assert_false(nx_authority_proven(b->a));
    goes_on(b, RIGHT, T0 + 116 * S, T0 + 121 * S);
    assert_true(nx_authority_proven(b->a));
}

/* What it fed while it was out of the set lives on when it is back. */
static void test_back_keeps_what_it_fed(void **state) {
    struct bench *b = *state;
    move(b);
    goes_on(b, DENIES, T0 + 11 * S, T0 + 100 * S);
    goes_on(b, RIGHT, T0 + 105 * S, T0 + 165 * S);
    delegate(b, 1, apex, NEW, OLD, T0 + 166 * S);
    goes_on(b, RIGHT, T0 + 167 * S, T0 + 300 * S);
    assert_true(nx_authority_proven(b->a));
    const struct nx_auth_facts *f = nx_authority_facts(b->a);
    assert_true(f->old_servers_negative);
    assert_int_equal(f->restored_hi_us + f->fed_us, T0 + 105 * S);
    assert_int_equal(f->old_w_s, 700);
}

/* All of it between two steps: the settle time is not left out. */
static void test_back_at_once(void **state) {
    struct bench *b = *state;
    move(b);
    goes_on(b, RIGHT, T0 + 11 * S, T0 + 100 * S);
    assert_true(nx_authority_proven(b->a));
    denies(b, 1, OLD, apex, 900, T0 + 101 * S);
    delegate(b, 1, apex, NEW, OLD, T0 + 102 * S);
    goes_on(b, RIGHT, T0 + 103 * S, T0 + 123 * S);
    assert_false(nx_authority_proven(b->a));
    goes_on(b, RIGHT, T0 + 128 * S, T0 + 190 * S);
    assert_true(nx_authority_proven(b->a));
}

/* A backlog: it denied, was put right and back between two steps. */
static void test_back_in_a_backlog(void **state) {
    struct bench *b = *state;
    move(b);
    goes_on(b, RIGHT, T0 + 11 * S, T0 + 100 * S);
    denies(b, 1, OLD, apex, 900, T0 + 101 * S);
    good(b, 1, OLD, T0 + 102 * S);
    delegate(b, 1, apex, NEW, OLD, T0 + 103 * S);
    goes_on(b, RIGHT, T0 + 104 * S, T0 + 124 * S);
    assert_false(nx_authority_proven(b->a));
    goes_on(b, RIGHT, T0 + 129 * S, T0 + 190 * S);
    assert_true(nx_authority_proven(b->a));
}

/* The last vantage that looks counts, one that is gone does not. */
static void test_vantages(void **state) {
    struct bench *b = *state;
    move(b);
    delegate(b, 2, apex, NEW, NEW, T0 + 10 * S);
    for (int64_t t = T0 + 11 * S; t < T0 + 400 * S; t += 5 * S) {
        good(b, 1, NEW, t);
        good(b, 2, NEW, t);
        good(b, 2, OLD, t);
        if (t < T0 + 60 * S) {
            denies(b, 1, OLD, apex, 900, t);
        }
        (void)step(b, t);
        if (t < T0 + 350 * S) {
            assert_false(nx_authority_proven(b->a));
        }
    }
    assert_true(nx_authority_proven(b->a));
    nx_authority_forget(b->a, 2);
    (void)step(b, T0 + 400 * S);
    assert_int_equal(view_of(b)->left[0].class_, NX_LEFT_DENIES);
}

/* The zone's own NS TTL may be the longer one; no cache keeps either for more
 * than a week. */
static void test_longest_ttl(void **state) {
    struct bench *b = *state;
    static const uint32_t ttls[] = {7200, 100, 3000000};
    static const int64_t lasts[] = {7200, 3600, NX_LEFT_TTL_MAX_S};
    for (size_t i = 0; i < 3; i++) {
        const struct nx_answer answer = {.flags = NX_ANS_AA | NX_ANS_RDATA};
        const struct nx_question question = {
            .name = apex, .qtype = NX_TYPE_NS, .to = server(OLD)};
        const struct nx_obs obs = {
            .question = &question, .answer = &answer, .answer_ttl_s = ttls[i]};
        delegate(b, 1, apex, OLD, OLD, T0);
        denies(b, 1, OLD, apex, 900, T0 + S);
        assert_int_equal(
            nx_authority_paper(b->a, 1, name, NX_TYPE_A, &obs, T0 + S), 0);
        delegate(b, 1, apex, NEW, NEW, T0 + 10 * S);
        (void)step(b, T0 + 10 * S);
        assert_int_equal(view_of(b)->left_shut_us,
                         T0 + 10 * S + EPS + lasts[i] * S);
        nx_authority_free(&b->a);
        assert_int_equal(nx_authority_new(&b->a), 0);
    }
}

/* The delegation is lost, and comes back with others: caches knew the first. */
static void test_lost_then_moved(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, OLD, OLD, T0);
    denies(b, 1, OLD, apex, 900, T0 + S);
    delegate(b, 1, com, 7, 7, T0 + 10 * S);
    denies(b, 1, 7, com, 600, T0 + 11 * S);
    delegate(b, 1, apex, NEW, NEW, T0 + 20 * S);
    (void)step(b, T0 + 20 * S);
    assert_int_equal(view_of(b)->left_n, 1); /* com's own were never asked */
    assert_int_equal(view_of(b)->left[0].at.address[3], OLD);
    goes_on(b, DENIES, T0 + 21 * S, T0 + 200 * S);
    assert_false(nx_authority_proven(b->a));
    assert_true(nx_authority_facts(b->a)->old_servers_negative);
}

/* A step that comes late (the log is read again) finds what the steps in
 * between did. */
static void test_silence_after_a_restart(void **state) {
    struct bench *b = *state;
    struct nx_auth_rules again = rules;
    int64_t end = T0 + 10 * S + EPS + TTL;
    again.woke_us = INT64_MAX;
    move(b);
    for (int64_t t = T0 + 11 * S; t < T0 + 400 * S; t += 5 * S) {
        good(b, 1, NEW, t);
        silent(b, 1, OLD, t);
    }
    (void)nx_authority_step(b->a, &again, &b->incident, end);
    assert_int_equal(view_of(b)->left_n, 0);
    const struct nx_auth_facts *f = nx_authority_facts(b->a);
    assert_int_equal(f->restored_hi_us + f->fed_us, T0 + 301 * S);
}

static void test_more_than_are_kept(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, NEW, NEW, T0);
    for (unsigned i = 0; i <= NX_LEFT_MAX; i++) {
        const struct nx_endpoint at = server(100 + i);
        assert_int_equal(
            nx_authority_remember(b->a, &at, NULL, T0, T0 + (60 + i) * S), 0);
    }
    for (unsigned i = 0; i < NX_LEFT_MAX; i++) {
        good(b, 1, 100 + i, T0 + 50 * S);
    }
    goes_on(b, NOT_ASKED, T0, T0 + 90 * S);
    assert_int_equal(view_of(b)->left_shut_us, T0 + (60 + NX_LEFT_MAX) * S);
    goes_on(b, NOT_ASKED, T0 + 92 * S, T0 + 92 * S);
    assert_true(nx_authority_proven(b->a));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_old_server_that_denies_shuts),
        TEST(test_old_server_put_right),
        TEST(test_old_server_falls_silent),
        TEST(test_old_server_and_a_blind_vantage),
        TEST(test_old_server_and_an_absent_vantage),
        TEST(test_nobody_asks_the_old_server),
        TEST(test_collector_was_started_again),
        TEST(test_back_in_the_set),
        TEST(test_back_for_one_vantage),
        TEST(test_back_and_silent),
        TEST(test_back_and_right),
        TEST(test_back_keeps_what_it_fed),
        TEST(test_back_at_once),
        TEST(test_back_in_a_backlog),
        TEST(test_vantages),
        TEST(test_longest_ttl),
        TEST(test_lost_then_moved),
        TEST(test_silence_after_a_restart),
        TEST(test_more_than_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
