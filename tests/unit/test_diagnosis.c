/* States, hysteresis, confirmation and schedule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/diagnosed.h"

/* Rule 1: nobody asks before the authority is verified good. */
static void test_guarded(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.verified = t.auth.all_ns_good = false;
    t.auth.restored_lo_us = t.auth.restored_hi_us = NX_TIME_UNKNOWN;
    assert_unknown(at(&t, 50), NX_UNKNOWN_GUARDED);
    assert_int_equal(NX_TIME_UNKNOWN, t.verdict.next_probe_us);
    assert_int_equal(0, t.verdict.visit_n);
    assert_false(t.verdict.eta.known);
    assert_int_equal(NX_HARD_NONE, t.verdict.hard.reason);
}

static void test_never_seen_has_the_prior(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    assert_unknown(at(&t, 110), NX_UNKNOWN_NEVER_SEEN);
    assert_int_equal(110 * S, t.verdict.next_probe_us);
    assert_int_equal(8, t.verdict.visit_n);
    assert_true(t.verdict.eta.known);
    assert_int_equal(NX_HARD_AUTH_WINDOW, t.verdict.hard.reason);
    assert_int_equal((RESTORED_S + W_S + 1) * S, t.verdict.hard.at_us);
    assert_int_equal((RESTORED_S + 2 * (W_S + 1)) * S,
                     t.verdict.hard_stack.at_us);
}

static void test_first_visit_goes_on(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 3; i++) {
        denied(&t, 110.1 + 0.53 * i, 640);
    }
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 111.3)->state);
    assert_int_equal(5, t.verdict.visit_n);
    assert_true(t.verdict.next_probe_us <= 112 * S);
}

static void test_authority_denies(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    denied(&t, 110, 640);
    t.auth.all_ns_good = t.auth.verified = false;
    t.auth.ns_negative = 1;
    assert_int_equal(NX_STATE_STILL_NEGATIVE_AT_AUTHORITY, at(&t, 111)->state);
    assert_false(t.verdict.eta.known);
    assert_true(t.verdict.refill_negative_probability > 0.24);
    t.auth.observed = false;
    assert_unknown(at(&t, 111), NX_UNKNOWN_DENIED_ZONE_NOT_OBSERVED);
}

static void test_nodata(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    denied(&t, 110, 640)->kind = NX_KIND_NODATA;
    assert_int_equal(NX_STATE_CACHED_NODATA, at(&t, 111)->state);
}

static void test_failures(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    saw(&t, 110, NX_KIND_TIMEOUT);
    saw(&t, 112, NX_KIND_NETERR);
    assert_unknown(at(&t, 113), NX_UNKNOWN_NEVER_SEEN);
    saw(&t, 114, NX_KIND_TIMEOUT);
    assert_int_equal(NX_STATE_UNREACHABLE, at(&t, 115)->state);
    saw(&t, 116, NX_KIND_REFUSED);
    assert_int_equal(NX_STATE_REFUSED, at(&t, 117)->state);
    saw(&t, 118, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, 119)->state);
    assert_int_equal(NX_HARD_FAILURE_CACHE_300, t.verdict.hard.reason);
    saw(&t, 120, NX_KIND_POS)->flags |= NX_LOOK_CD; /* CD=1 succeeds */
    saw(&t, 121, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_SERVFAIL_DNSSEC, at(&t, 122)->state);
    saw(&t, 123, NX_KIND_POS_OTHER)->r_s = 40;
    assert_int_equal(NX_STATE_OLD_POSITIVE, at(&t, 124)->state);
    assert_true(t.verdict.eta.known);
}

/* The looks of one visit are one failure; then twice as late each time. */
static void test_failures_are_looked_at_again(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 8; i++) {
        saw(&t, 110 + 0.3 * i, NX_KIND_SERVFAIL);
    }
    int64_t next_us = at(&t, 112.2)->next_probe_us;
    assert_true(next_us > 117 * S && next_us < 117 * S + S / 2);
    saw(&t, 125, NX_KIND_SERVFAIL);
    next_us = at(&t, 125.1)->next_probe_us;
    assert_true(next_us > 139 * S && next_us < 141 * S);
}

/* An old answer may be renewed in its last two seconds (BIND), at its end, or
 * a second later. */
static void test_old_answer_may_be_renewed(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 8; i++) {
        double at_s = 110.3 + 0.3 * i;
        saw(&t, at_s, NX_KIND_POS_OTHER)->r_s = 150 - (int32_t)at_s;
    }
    const struct nx_eta *eta = &at(&t, 113)->eta;
    assert_true(eta->known);
    assert_true(eta->lo90_us < 149 * S + S / 2 && eta->lo90_us > 146 * S);
    assert_true(eta->hi90_us > 151 * S && eta->hi90_us < 154 * S);
}

/* Two timeouts between denials change nothing. */
static void test_few_timeouts_are_ignored(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    denied(&t, 110, 640);
    saw(&t, 112, NX_KIND_TIMEOUT);
    saw(&t, 114, NX_KIND_TIMEOUT);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 115)->state);
    assert_int_equal(1, t.verdict.lines_n);
}

static void test_never_cached_becomes_clear(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    positives(&t, 110, 8);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 114)->state);
    assert_int_equal(6, t.verdict.visit_n);
    positives(&t, 114, 6);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 118)->state);
    assert_int_equal(14, t.verdict.positives_in_row);
    assert_true(t.verdict.denied_upper95 > 0.18 &&
                t.verdict.denied_upper95 < 0.20);
    assert_int_equal(NX_TIME_UNKNOWN, t.verdict.clear_lo_us);
    assert_false(t.verdict.eta.known);
}

/* A balancer pins a port to one cache: asking again says nothing new. */
static void test_same_port_counts_once(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    positives(&t, 110, 20);
    for (unsigned i = 0; i < 20; i++) {
        t.looks[i].src_port = (uint16_t)(3000 + i % 5);
    }
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 121)->state);
    assert_int_equal(5, t.verdict.positives_in_row);
}

/* The record that was there before the outage is no restored answer. */
static void test_positives_before_restoration(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    positives(&t, 80, 20);
    assert_unknown(at(&t, 101), NX_UNKNOWN_NEVER_SEEN);
}

static void test_countdown_ends(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.profile.early_window_s = 0;
    eight_denials(&t, 110.1, 150);
    const struct nx_verdict *v = at(&t, 114);
    assert_true(v->next_probe_us > 150 * S && v->next_probe_us < 152 * S);
    at(&t, 152);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_true((v->flags & 1U << NX_FLAG_LINE_EXPIRED_UNVERIFIED) != 0);
    saw(&t, 152.1, NX_KIND_POS);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 152.2)->state);
    assert_int_equal(2, v->visit_n); /* one countdown in eight: one cache */
    assert_true(v->next_probe_us < 153 * S);
    positives(&t, 152.6, 5);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 155.5)->state);
    assert_true(v->clear_hi_us == 152102000 && v->clear_lo_us < 115 * S);
    assert_int_equal(0, v->flags & 1U << NX_FLAG_EARLY_CLEAR);
}

/* After its end the denial comes back with more TTL than the authority gives:
 * whether that stands still shows at once, not when it would have run out. */
static void test_raised_after_the_end(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    eight_denials(&t, 110.1, 150);
    at(&t, 114);
    denied(&t, 152.1, 152 + W_S + 30);
    const struct nx_verdict *v = at(&t, 152.2);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, v->state);
    assert_true(v->next_probe_us < 155 * S);
    denied(&t, 152.7, 152 + W_S + 30);
    assert_true(at(&t, 152.8)->next_probe_us < 156 * S);
    denied(&t, 155.1, 155 + W_S + 30);
    assert_int_equal(NX_STATE_STALE_SERVED, at(&t, 155.2)->state);
}

/* RFC 2181 section 8: 2147483647 s is a TTL. */
static void test_largest_ttls(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.w_auth_s = INT32_MAX;
    for (int i = 0; i < 9; i++) {
        denied(&t, 110.1 + i, 0)->r_s = INT32_MAX - i;
    }
    assert_int_equal(NX_STATE_RECACHED, at(&t, 120)->state);
    set_up(&t);
    t.profile.verified = true; /* below other caches: the record is older */
    eight_denials(&t, 110.1, 115);
    for (unsigned i = 0; i < 20; i++) {
        saw(&t, 120.1 + i, NX_KIND_POS)->r_s = INT32_MAX;
    }
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 140)->state);
    assert_int_equal(139102000 + 300 * S, t.verdict.next_probe_us);
}

/* Never denied; each refetch of a short-lived record is the same cache. */
static void test_short_records_are_soon_clear(void **state) {
    struct target t;
    double end_s = 0;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 14; i++) {
        double at_s = 110.1 + 0.37 * i;
        end_s = at_s >= end_s ? at_s + 2 : end_s;
        assert_int_not_equal(NX_STATE_CLEAR, at(&t, at_s)->state);
        saw(&t, at_s, NX_KIND_POS)->r_s = (int32_t)(end_s - at_s);
    }
    assert_int_equal(NX_STATE_CLEAR, at(&t, 115.5)->state);
}

/* Two caches in turn, one of which denies with a clock that tells nothing: its
 * share of the queries must be seen to answer. */
static void test_mixed_without_clock(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 10; i++) {
        saw(&t, 110 + 0.8 * i, NX_KIND_POS);
        denied(&t, 110.4 + 0.8 * i, 700)->soa_serial = 2;
    }
    positives(&t, 120, 8);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 124)->state);
    positives(&t, 124, 8);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 128)->state);
}

/* Old servers deny on: one record that ended may be followed by the next, and
 * an answer from before the move says nothing. */
static void test_moved_delegation(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.profile.caches = 1;
    t.auth.deleg_changed_ns = t.auth.old_servers_negative = true;
    t.auth.ns_ttl_s = 86400;
    t.auth.old_w_s = W_S;
    t.auth.positive_ttl_s = 300;
    saw(&t, 110, NX_KIND_POS)->r_s = 250; /* fetched at 60 */
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 111)->state);
    saw(&t, 120, NX_KIND_POS)->r_s = 240;
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 121)->state);
    saw(&t, 370, NX_KIND_POS)->r_s = 299;
    assert_int_equal(NX_STATE_CLEAR, at(&t, 371)->state);
}

/* Old servers deny until 60 s after the restoration at the latest: that holds
 * nobody's looks back for nothing, and bounds what they fed. */
static void test_old_servers_hold_the_guard(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.deleg_changed_ns = t.auth.old_servers_negative = true;
    t.auth.ns_ttl_s = 86400;
    t.auth.old_w_s = 30;
    t.auth.fed_us = 60 * S;
    t.auth.verified = false;
    assert_unknown(at(&t, 110), NX_UNKNOWN_GUARDED);
    assert_int_equal(NX_TIME_UNKNOWN, t.verdict.next_probe_us);
    assert_true(t.verdict.eta.known);
    assert_int_equal(NX_HARD_DELEGATION, t.verdict.hard.reason);
    assert_int_equal((RESTORED_S + 60 + 31) * S, t.verdict.hard.at_us);
    assert_true(t.verdict.eta.hi90_us <= t.verdict.hard_stack.at_us);
    t.auth.old_servers_negative = false; /* it only settles */
    assert_unknown(at(&t, 110), NX_UNKNOWN_GUARDED);
    assert_false(t.verdict.eta.known);
}

static void test_not_cached(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    saw(&t, 110, NX_KIND_MISS)->flags = 0;
    assert_unknown(at(&t, 111), NX_UNKNOWN_NOT_CACHED);
}

/* One fill after the restoration may be a misread; a countdown of it not. */
static void test_recached_needs_two(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    denied(&t, 300, 300 + W_S);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 300.1)->state);
    denied(&t, 303, 300 + W_S);
    assert_int_equal(NX_STATE_RECACHED, at(&t, 303.1)->state);
    assert_false(t.verdict.eta.known);
    assert_true(t.verdict.earliest_clear_us > 800 * S);
}

/* The same TTL with the restored serial is the zone's clock, not a fill. */
static void test_restored_serial_is_no_recache(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    denied(&t, 300, 300 + W_S)->soa_serial = 2;
    denied(&t, 303, 300 + W_S)->soa_serial = 2;
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 303.1)->state);
    assert_true((t.verdict.flags & 1U << NX_FLAG_SHARED_SOA) != 0);
    assert_int_equal(NX_BASIS_PRIOR, t.verdict.basis);
}

/* All sixty-four looks on lines of their own stay inside the arrays. */
static void test_many_lines(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (int i = 0; i < 64; i++) {
        denied(&t, 101 + 0.5 * i, 200 + 5 * i);
    }
    const struct nx_verdict *v = at(&t, 134);
    assert_int_equal(NX_LINES_MAX, v->lines_n);
    int64_t last_us = v->lines[NX_LINES_MAX - 1].b_us; /* the latest are kept */
    assert_true(last_us > 515 * S && last_us < 517 * S);
    assert_true(v->eta.known);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_guarded),
        cmocka_unit_test(test_never_seen_has_the_prior),
        cmocka_unit_test(test_first_visit_goes_on),
        cmocka_unit_test(test_authority_denies),
        cmocka_unit_test(test_nodata),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_failures_are_looked_at_again),
        cmocka_unit_test(test_old_answer_may_be_renewed),
        cmocka_unit_test(test_few_timeouts_are_ignored),
        cmocka_unit_test(test_never_cached_becomes_clear),
        cmocka_unit_test(test_same_port_counts_once),
        cmocka_unit_test(test_positives_before_restoration),
        cmocka_unit_test(test_countdown_ends),
        cmocka_unit_test(test_raised_after_the_end),
        cmocka_unit_test(test_largest_ttls),
        cmocka_unit_test(test_short_records_are_soon_clear),
        cmocka_unit_test(test_mixed_without_clock),
        cmocka_unit_test(test_moved_delegation),
        cmocka_unit_test(test_old_servers_hold_the_guard),
        cmocka_unit_test(test_not_cached),
        cmocka_unit_test(test_recached_needs_two),
        cmocka_unit_test(test_restored_serial_is_no_recache),
        cmocka_unit_test(test_many_lines),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
