/* `clear`: what it takes, and what takes it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/diagnosed.h"

static void test_flush_is_not_believed_at_once(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    eight_denials(&t, 110.1, 500);
    positives(&t, 200, 6);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 203.5)->state);
    positives(&t, 203, 4);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 205.5)->state);
    assert_true((t.verdict.flags & 1U << NX_FLAG_EARLY_CLEAR) != 0);
}

static void make_clear(struct target *t) {
    set_up(t);
    positives(t, 110, 14);
    assert_int_equal(NX_STATE_CLEAR, at(t, 118)->state);
}

/* Canaries saw one cache; a second one has a small share of the queries. */
static void test_one_cache_is_refuted(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.profile.caches = 1;
    t.profile.verified = true;
    t.profile.soa_clock = NX_SOA_CLOCK_OWN;
    eight_denials(&t, 110.1, 600);
    saw(&t, 116, NX_KIND_POS);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 116.1)->state);
    denied(&t, 116.6, 600);
    saw(&t, 117.1, NX_KIND_POS);
    saw(&t, 117.6, NX_KIND_POS);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 117.7)->state);
    assert_int_equal(1, t.verdict.lines_n);
    assert_true(t.verdict.visit_n > 1);
}

/* It was flushed: eight looks see it gone. */
static void test_one_cache_is_flushed(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.profile.caches = 1;
    t.profile.verified = true;
    eight_denials(&t, 110.1, 600);
    positives(&t, 200, 7);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 203.6)->state);
    saw(&t, 204, NX_KIND_POS);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 204.1)->state);
}

/* The entry that denied before the answers denies again: one look says that it
 * never went. */
static void test_old_entry_undoes_clear(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    eight_denials(&t, 110.1, 600);
    positives(&t, 200, 14);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 207)->state);
    denied(&t, 300, 600);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 300.1)->state);
    assert_int_equal(1, t.verdict.lines_n);
}

/* One denial does not undo `clear`, a second within 35 s does. */
static void test_clear_is_left_on_confirmation(void **state) {
    struct target t;

    (void)state;
    make_clear(&t);
    denied(&t, 130, 400);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 130.1)->state);
    assert_true(t.verdict.next_probe_us <= 133 * S);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 131)->state);
    denied(&t, 132.2, 400);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 132.3)->state);
    assert_true((t.verdict.flags & 1U << NX_FLAG_FLAPPING) != 0);
}

static void test_clear_outlives_one_stale_answer(void **state) {
    struct target t;

    (void)state;
    make_clear(&t);
    denied(&t, 130, 160);
    at(&t, 130.1);
    saw(&t, 132.1, NX_KIND_POS);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 132.2)->state);
    saw(&t, 167, NX_KIND_POS);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 167.1)->state);
    assert_int_equal(NX_TIME_UNKNOWN, t.verdict.doubt_us);
}

static void test_authority_fails_again(void **state) {
    struct target t;

    (void)state;
    make_clear(&t);
    t.auth.all_ns_good = t.auth.verified = false;
    assert_unknown(at(&t, 120), NX_UNKNOWN_INCONSISTENT);
    assert_int_equal(0, t.verdict.visit_n);
}

/* Silence is no all-clear, and takes nothing proven away. */
static void test_silence(void **state) {
    struct target t;

    (void)state;
    make_clear(&t);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 2000)->state);
    set_up(&t);
    eight_denials(&t, 110.1, 150);
    at(&t, 114);
    assert_unknown(at(&t, 1000), NX_UNKNOWN_AGENT_SILENT);
    assert_int_equal(NX_BASIS_LAST_SEEN, t.verdict.basis);
    assert_true(t.verdict.eta.known);
    assert_true(t.verdict.presumed_clear);
}

/* All in one judgement, then the agent dies: nothing says `clear` any more. */
static void test_denials_at_once_undo_clear(void **state) {
    struct target t;

    (void)state;
    make_clear(&t);
    eight_denials(&t, 130, 400);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 135)->state);
    assert_true(flagged(&t, NX_FLAG_FLAPPING));
    t.settings.agent_away = true;
    assert_unknown(at(&t, 18000), NX_UNKNOWN_AGENT_SILENT);
}

/* So do denials that a positive of the same judgement came after. */
static void test_denials_before_a_positive_undo_clear(void **state) {
    struct target t;

    (void)state;
    make_clear(&t);
    eight_denials(&t, 130, 400);
    saw(&t, 136, NX_KIND_POS);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 136.1)->state);
}

/* Nobody settles the doubt: it is not `clear` for that. */
static void test_doubt_ends_by_itself(void **state) {
    struct target t;

    (void)state;
    make_clear(&t);
    denied(&t, 130, 400);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 130.1)->state);
    t.settings.agent_away = true;
    assert_int_equal(NX_STATE_CLEAR, at(&t, 164)->state);
    assert_unknown(at(&t, 166), NX_UNKNOWN_AGENT_SILENT);
    assert_int_equal(NX_TIME_UNKNOWN, t.verdict.doubt_us);
    assert_unknown(at(&t, 18000), NX_UNKNOWN_AGENT_SILENT);
}

/* An agent whose owner allows a question every 40 s. */
static void test_slow_failures_undo_clear(void **state) {
    struct target t;

    (void)state;
    make_clear(&t);
    saw(&t, 130, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 130.1)->state);
    saw(&t, 170, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, 170.1)->state);
    saw(&t, 210, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, 210.1)->state);
}

/* A positive in between: only soon after the first does a second count. */
static void second_denial(double at_s, unsigned state) {
    struct target t;

    make_clear(&t);
    denied(&t, 130, 400);
    at(&t, 130.1);
    saw(&t, 132, NX_KIND_POS);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 132.1)->state);
    denied(&t, at_s, 500); /* another entry */
    assert_int_equal(state, at(&t, at_s + 0.1)->state);
}

static void test_positive_in_between(void **state) {
    (void)state;
    second_denial(160, NX_STATE_PARTLY_CLEAR);
    second_denial(166, NX_STATE_CLEAR);
}

/* However the looks of a row are dealt out over judgements, the same is said
 * after the last of them. */
static void test_batches_do_not_matter(void **state) {
    (void)state;
    for (unsigned kinds = 0; kinds < 64; kinds++) {
        struct target one;
        struct target each;
        make_clear(&one);
        make_clear(&each);
        for (unsigned i = 0; i < 6; i++) {
            double at_s = 130 + 9 * i;
            unsigned kind =
                (kinds >> i & 1) != 0 ? NX_KIND_SERVFAIL : NX_KIND_POS;
            saw(&one, at_s, kind);
            saw(&each, at_s, kind);
            at(&each, at_s + 0.1);
        }
        at(&one, 175.1);
        if (one.verdict.state != each.verdict.state) {
            /* Enough positives came after: told look by look, it is clear. */
            assert_int_equal(NX_STATE_PARTLY_CLEAR, one.verdict.state);
            assert_int_equal(NX_STATE_CLEAR, each.verdict.state);
        }
    }
}

/* The servers denied again for a while, and nobody judged meanwhile: what was
 * seen before says nothing about after. */
static void test_restored_again(void **state) {
    struct target t;

    (void)state;
    make_clear(&t);
    t.auth.restored_lo_us = 129 * S;
    t.auth.restored_hi_us = 130 * S;
    assert_unknown(at(&t, 140), NX_UNKNOWN_NEVER_SEEN);
    make_clear(&t);
    t.auth.restored_lo_us = 129 * S;
    t.auth.restored_hi_us = 130 * S;
    t.settings.agent_away = true;
    assert_unknown(at(&t, 140), NX_UNKNOWN_AGENT_SILENT);
    make_clear(&t);
    positives(&t, 130, 1);
    t.auth.restored_lo_us = 129 * S;
    t.auth.restored_hi_us = 130 * S;
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 140)->state);
}

/* Answers whose record ends then. */
static void answers(struct target *t, double from_s, unsigned n, int end_s) {
    for (unsigned i = 0; i < n; i++) {
        double at_s = from_s + 0.5 * i;
        saw(t, at_s, NX_KIND_POS)->r_s = end_s - (int32_t)at_s;
    }
}

#define NSEC_S (3 * W_S)

/* The SOA ended, the NSEC records live: who has no SOA asks, and answers; the
 * next denial of any name brings a SOA, and this name is denied again. */
static void test_nsec_denies_again(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.w_nsec_s = NSEC_S;
    eight_denials(&t, 110.1, 500);
    answers(&t, 501, 20, 531);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 511)->state);
    assert_true(flagged(&t, NX_FLAG_NSEC_ALIVE));
    assert_int_equal(NX_HARD_NSEC_WINDOW, t.verdict.hard.reason);
    assert_int_equal((RESTORED_S + NSEC_S + 1) * S, t.verdict.hard.at_us);
    assert_true(t.verdict.next_probe_us <= 532 * S + S);
    denied(&t, 532, 800)->soa_serial = 2;
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 532.1)->state);
    assert_false(flagged(&t, NX_FLAG_NSEC_ALIVE));
    answers(&t, 801, 20, 831);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 811)->state);
    /* Asked last before their end, by whatever time it is told. */
    answers(&t, 1890, 20, 1901);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 1900)->state);
    assert_true(t.verdict.next_probe_us < (RESTORED_S + NSEC_S + 2) * S);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 1905)->state);
    answers(&t, 1905, 1, 1935);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 1906)->state);
    assert_false(flagged(&t, NX_FLAG_NSEC_ALIVE));
}

/* Whatever was not denied while it was looked at, too. */
static void test_nsec_behind_answers(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.w_nsec_s = NSEC_S;
    answers(&t, 110, 14, 140);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 118)->state);
    t.n = 0; /* the record outlives them */
    answers(&t, 119, 14, 2000);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 127)->state);
    set_up(&t);
    t.auth.w_nsec_s = NSEC_S;
    answers(&t, 110, 13, 2000); /* in one of the caches it does not */
    answers(&t, 117, 1, 140);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 118)->state);
}

/* NSEC records end with the SOA (RFC 9077), but where the SOA is cut: by a cap
 * that was measured, or one that may be there. */
static void test_nsec_ends_with_the_soa(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.w_nsec_s = W_S;
    eight_denials(&t, 110.1, 500);
    answers(&t, 501, 20, 531);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 511)->state);
    t.profile.verified = true;
    t.profile.cap_hi_s = W_S - 100;
    t.evaluated = false;
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 511)->state);
    set_up(&t);
    t.auth.w_auth_s = t.auth.w_nsec_s = 86400;
    answers(&t, 110, 14, 140);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 118)->state);
    t.profile.verified = true; /* without a cap */
    t.profile.chain_possible = false;
    t.evaluated = false;
    assert_int_equal(NX_STATE_CLEAR, at(&t, 118)->state);
    t.profile.verified = false;
    t.auth.w_nsec_s = 0; /* not signed */
    t.evaluated = false;
    assert_int_equal(NX_STATE_CLEAR, at(&t, 118)->state);
}

static void never_validates(struct target *t) {
    set_up(t);
    t->auth.w_nsec_s = NSEC_S;
    t->profile.verified = true;
    t->profile.chain_possible = false;
    t->profile.soa_clock = NX_SOA_CLOCK_OWN;
    t->profile.conv = NX_CONV_F;
    t->profile.caches = 1;
    t->profile.never_validates = true;
    eight_denials(t, 110.1, 500);
}

/* What does not validate has no use for NSEC records, until a look says that it
 * validates, or that there is another cache. */
static void test_nsec_of_no_validator(void **state) {
    static const uint32_t signs[] = {NX_LOOK_AD, NX_LOOK_EDE_SYNTH,
                                     NX_LOOK_EDE_DNSSEC, NX_LOOK_TWIN_ANSWERED};
    struct target t;

    (void)state;
    never_validates(&t);
    assert_int_equal(NX_HARD_AUTH_WINDOW, at(&t, 115)->hard.reason);
    assert_int_equal((RESTORED_S + W_S) * S, t.verdict.hard.at_us);
    answers(&t, 501, 4, 531);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 504)->state);
    assert_false(flagged(&t, NX_FLAG_NSEC_ALIVE));
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        never_validates(&t);
        t.looks[0].flags |= signs[i];
        answers(&t, 501, 4, 531);
        assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 504)->state);
        assert_true(flagged(&t, NX_FLAG_NSEC_ALIVE));
    }
    never_validates(&t);
    answers(&t, 501, 4, 531);
    denied(&t, 532, 800)->soa_serial = 2;
    answers(&t, 801, 20, 831);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 811)->state);
    assert_int_equal(NX_HARD_NSEC_WINDOW, t.verdict.hard.reason);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_flush_is_not_believed_at_once),
        cmocka_unit_test(test_nsec_of_no_validator),
        cmocka_unit_test(test_one_cache_is_refuted),
        cmocka_unit_test(test_one_cache_is_flushed),
        cmocka_unit_test(test_old_entry_undoes_clear),
        cmocka_unit_test(test_clear_is_left_on_confirmation),
        cmocka_unit_test(test_clear_outlives_one_stale_answer),
        cmocka_unit_test(test_authority_fails_again),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_denials_at_once_undo_clear),
        cmocka_unit_test(test_denials_before_a_positive_undo_clear),
        cmocka_unit_test(test_doubt_ends_by_itself),
        cmocka_unit_test(test_slow_failures_undo_clear),
        cmocka_unit_test(test_positive_in_between),
        cmocka_unit_test(test_batches_do_not_matter),
        cmocka_unit_test(test_restored_again),
        cmocka_unit_test(test_nsec_denies_again),
        cmocka_unit_test(test_nsec_behind_answers),
        cmocka_unit_test(test_nsec_ends_with_the_soa),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
