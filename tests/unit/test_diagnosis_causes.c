/* Causes that are no cache: what is said of them, and on which evidence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/diagnosed.h"

static struct nx_look *aa(struct nx_look *look, int r_s) {
    look->flags |= NX_LOOK_AA | NX_LOOK_EDNS;
    look->r_s = r_s;
    return look;
}

/* What the same question with CD=1 showed counts for the row of failures. */
static void test_twin_of_a_failure(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    saw(&t, 110, NX_KIND_SERVFAIL)->flags |= NX_LOOK_TWIN_ANSWERED;
    assert_int_equal(NX_STATE_SERVFAIL_DNSSEC, at(&t, 111)->state);
    assert_true(flagged(&t, NX_FLAG_CD_ANSWERED));
    saw(&t, 115, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_SERVFAIL_DNSSEC, at(&t, 116)->state);
    saw(&t, 120, NX_KIND_SERVFAIL)->flags |= NX_LOOK_TWIN_FAILED;
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, 121)->state);
    assert_true(flagged(&t, NX_FLAG_CD_FAILS));
    assert_false(flagged(&t, NX_FLAG_CD_ANSWERED));
    saw(&t, 125, NX_KIND_REFUSED);
    saw(&t, 130, NX_KIND_SERVFAIL); /* another row */
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, 131)->state);
    assert_false(flagged(&t, NX_FLAG_CD_FAILS));
}

/* PowerDNS and dnsdist keep it for a minute, with and without CD apart. */
static void test_kept_failure_of_an_unsigned_zone(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.no_keys = true;
    saw(&t, 110, NX_KIND_SERVFAIL)->flags |= NX_LOOK_TWIN_ANSWERED;
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, 111)->state);
    assert_true(flagged(&t, NX_FLAG_CD_ANSWERED));
    saw(&t, 115, NX_KIND_SERVFAIL)->flags |= NX_LOOK_EDE_DNSSEC;
    assert_int_equal(NX_STATE_SERVFAIL_DNSSEC, at(&t, 116)->state);
    saw(&t, 120, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, 121)->state);
    saw(&t, RESTORED_S + 301, NX_KIND_SERVFAIL); /* a trust anchor of its own */
    assert_int_equal(NX_STATE_SERVFAIL_DNSSEC, at(&t, RESTORED_S + 302)->state);
}

static void measured_own_clock(struct target *t) {
    set_up(t);
    t->auth.w_auth_s = 60;
    t->profile.verified = true;
    t->profile.chain_possible = false;
    t->profile.conv = NX_CONV_F;
    t->profile.soa_clock = NX_SOA_CLOCK_OWN;
    t->profile.cap_hi_s = 10800;
}

/* Filled at 99 with a W of 3600 s, by a zone whose MINIMUM says so. */
static void assert_counts_down(struct target *t, double at_s,
                               uint32_t minimum_s) {
    for (unsigned i = 0; i < 3; i++) {
        denied(t, at_s + 2.1 * i, 3699)->soa_minimum_s = minimum_s;
    }
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(t, at_s + 5)->state);
    assert_int_equal(1, t->verdict.lines_n);
    assert_true(t->verdict.hard.at_us >= t->verdict.lines[0].b_us);
}

/* The negative TTL was lowered with the repair; the audit saw the new one. */
static void test_w_of_an_older_version(void **state) {
    struct target t;

    (void)state;
    measured_own_clock(&t);
    assert_counts_down(&t, 700, 3600);
    assert_int_equal(NX_HARD_AUTH_WINDOW, t.verdict.hard.reason);
    assert_int_equal((RESTORED_S + 3600) * S, t.verdict.hard.at_us);
    assert_false(flagged(&t, NX_FLAG_TTL_RAISED));
    measured_own_clock(&t);
    t.auth.soa_minimum_s = 60;
    assert_counts_down(&t, 3650, 3600); /* less is left than the new W */
    set_up(&t);
    t.auth.w_auth_s = 60;
    assert_counts_down(&t, 2700, 3600);
}

/* Route 53: MINIMUM stands far above the SOA's TTL, always. */
static void test_minimum_that_does_not_count(void **state) {
    struct target t;

    (void)state;
    measured_own_clock(&t);
    t.auth.soa_minimum_s = 86400;
    for (unsigned i = 0; i < 3; i++) {
        denied(&t, 200 + 2.1 * i, 250)->soa_minimum_s = 86400;
    }
    assert_int_equal(NX_STATE_RECACHED, at(&t, 205)->state);
}

/* The name servers do not clip the SOA's TTL, and BIND keeps it as sent. */
static void test_w_as_sent(void **state) {
    struct target t;

    (void)state;
    measured_own_clock(&t);
    t.auth.soa_minimum_s = 60;
    t.auth.w_wire_s = 3600;
    assert_counts_down(&t, 700, 60);
    assert_int_equal((RESTORED_S + 3600) * S, t.verdict.hard.at_us);
    measured_own_clock(&t);
    t.auth.w_wire_s = 3600;
    assert_counts_down(&t, 3650, 60);
}

/* A TTL above all that is known says that W is not known. */
static void test_raised_w_is_no_new_entry(void **state) {
    struct target t;

    (void)state;
    measured_own_clock(&t);
    assert_counts_down(&t, 700, 60);
    assert_true(flagged(&t, NX_FLAG_TTL_RAISED));
}

static struct nx_look *denied_by_parent(struct target *t, double at_s, int r_s,
                                        uint32_t serial) {
    struct nx_look *look = denied(t, at_s, (int)at_s + r_s);
    look->soa_rel = NX_SOA_ANCESTOR;
    look->soa_serial = serial;
    look->soa_minimum_s = 900;
    return look;
}

/* unbound shows the SOA of the parent, which any denial below that renews as
 * soon as its serial moves: the TTL says nothing of this entry. */
static void lost_delegation(enum nx_soa_clock clock, bool verified,
                            bool chain_possible) {
    struct target t;

    set_up(&t);
    t.auth.parent_w_s = 900;
    t.auth.serial_moves = false;
    t.profile.soa_clock = (uint8_t)clock;
    t.profile.verified = verified;
    t.profile.chain_possible = chain_possible;
    denied_by_parent(&t, 200.1, 100, 1732700000);
    denied_by_parent(&t, 260.4, 40, 1732700000);
    assert_int_equal(NX_STATE_ANCESTOR_NXDOMAIN, at(&t, 261)->state);
    denied_by_parent(&t, 320.1, 899, 1732700900);
    denied_by_parent(&t, 350.1, 869, 1732700900);
    assert_int_equal(NX_STATE_ANCESTOR_NXDOMAIN, at(&t, 350.2)->state);
    assert_int_equal(NX_HARD_DELEGATION, t.verdict.hard.reason);
    assert_true(t.verdict.eta.known);
    assert_true(t.verdict.eta.point_us <= t.verdict.hard.at_us);
    assert_true(t.verdict.eta.lo90_us >= 300 * S);
}

static void test_lost_delegation(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        bool verified = (i & 1) != 0;
        bool chain = (i & 2) != 0;
        lost_delegation(NX_SOA_CLOCK_UNKNOWN, verified, chain);
        lost_delegation(NX_SOA_CLOCK_SHARED_UNTIL_CHANGE, verified, chain);
    }
}

static struct nx_look *denied_below(struct target *t, double at_s, int end_s) {
    struct nx_look *look = denied(t, at_s, end_s);
    look->soa_rel = NX_SOA_BELOW;
    look->soa_minimum_s = 900;
    return look;
}

/* sub.example.com was merged into example.com, and its denial is cached; who
 * knows the old cut may ask its servers again, as long as nobody knows. */
static void test_zone_below_is_no_policy(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 4; i++) {
        denied_below(&t, 110 + 2 * i, 940);
    }
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 117)->state);
    assert_true(t.verdict.eta.known);
    assert_int_equal(940, (t.verdict.eta.point_us + S / 2) / S);
    assert_int_equal(NX_HARD_NONE, t.verdict.hard.reason);
    /* Watched: the servers that left go on for a while. */
    t.auth.deleg_changed_ns = t.auth.old_servers_negative = true;
    t.auth.fed_us = 3600 * S;
    t.auth.old_w_s = 300;
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 117)->state);
    assert_int_equal(NX_HARD_DELEGATION, t.verdict.hard.reason);
    assert_int_equal((RESTORED_S + 3600 + 901) * S, t.verdict.hard.at_us);
    t.auth.ancestor_denied = true; /* in our own zone */
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 117)->state);
}

/* Asked again, or a zone of the resolver's own. */
static void test_zone_below_denies_again(void **state) {
    struct target t;

    (void)state;
    measured_own_clock(&t);
    for (unsigned i = 0; i < 4; i++) {
        denied_below(&t, 1100 + 2 * i, 1950);
    }
    assert_int_equal(NX_STATE_RECACHED, at(&t, 1107)->state);
    assert_false(flagged(&t, NX_FLAG_SERIAL_CURRENT));
    set_up(&t);
    for (unsigned i = 0; i < 4; i++) {
        denied_below(&t, 2050 + 2 * i, 2949); /* past every chain */
    }
    assert_int_equal(NX_STATE_RECACHED, at(&t, 2057)->state);
    set_up(&t);
    for (unsigned i = 0; i < 4; i++) {
        aa(denied_below(&t, 110 + i, 640), 300);
    }
    assert_int_equal(NX_STATE_RECACHED, at(&t, 114)->state);
    assert_true(flagged(&t, NX_FLAG_OWN_ZONE));
}

static void test_truncated_without_tcp(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    saw(&t, 110, NX_KIND_OTHER)->flags |= NX_LOOK_TC;
    assert_int_equal(NX_STATE_UNKNOWN, at(&t, 111)->state);
    assert_true(flagged(&t, NX_FLAG_TRUNCATED));
    saw(&t, 115, NX_KIND_POS);
    (void)at(&t, 116);
    assert_false(flagged(&t, NX_FLAG_TRUNCATED));
}

/* Answers above a size are lost: known as soon as other sizes show it. */
static void test_sizes(void **state) {
    struct target t;
    struct nx_look *look = NULL;

    (void)state;
    set_up(&t);
    look = saw(&t, 110, NX_KIND_TIMEOUT);
    look->sized[0] = NX_SIZED_TCP;
    assert_unknown(at(&t, 111), NX_UNKNOWN_NEVER_SEEN);
    look->sized[1] = NX_SIZED_LOST;
    assert_int_equal(NX_STATE_UNREACHABLE, at(&t, 112)->state);
    assert_true(flagged(&t, NX_FLAG_SIZE_LIMITED));
    assert_int_equal(t.verdict.size_limit_bytes, 512);
    look = saw(&t, 115, NX_KIND_TIMEOUT);
    look->sized[0] = NX_SIZED_CUT; /* TCP is gone as well; 1232 as before */
    (void)at(&t, 116);
    assert_true(flagged(&t, NX_FLAG_SIZE_BLOCKED));
    assert_false(flagged(&t, NX_FLAG_SIZE_LIMITED));
    saw(&t, 120, NX_KIND_POS);
    assert_int_not_equal(NX_STATE_UNREACHABLE, at(&t, 121)->state);
    assert_int_equal(t.verdict.size_limit_bytes, 0);
    look = saw(&t, 125, NX_KIND_OTHER); /* another row */
    look->flags |= NX_LOOK_TC;
    look->sized[1] = NX_SIZED_CUT;
    look->sized[2] = NX_SIZED_LOST;
    (void)at(&t, 126);
    assert_true(flagged(&t, NX_FLAG_SIZE_BLOCKED));
    assert_int_equal(t.verdict.size_limit_bytes, 1232);
}

/* A referral is never taken for NODATA. */
static void test_referral(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 4; i++) {
        saw(&t, 110 + i, NX_KIND_REFERRAL);
    }
    assert_unknown(at(&t, 114), NX_UNKNOWN_NEVER_SEEN);
    assert_true(flagged(&t, NX_FLAG_REFERRAL));
    saw(&t, 115, NX_KIND_POS);
    (void)at(&t, 116);
    assert_false(flagged(&t, NX_FLAG_REFERRAL));
}

static void clear_at_117(struct target *t) {
    set_up(t);
    denied(t, 101, 105);
    positives(t, 110, 14);
    assert_int_equal(NX_STATE_CLEAR, at(t, 117)->state);
}

/* A resolver that stops to resolve for its clients, or whose answers do not
 * arrive whole, is not clear: once may be chance. */
static void test_no_answers_any_more(void **state) {
    struct target t;

    (void)state;
    clear_at_117(&t);
    saw(&t, 400, NX_KIND_REFERRAL);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 400.1)->state);
    saw(&t, 405, NX_KIND_REFERRAL);
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 405.1)->state);
    assert_true(flagged(&t, NX_FLAG_REFERRAL));
    saw(&t, 410, NX_KIND_POS); /* another row */
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 410.1)->state);
    assert_int_equal(1, t.verdict.positives_in_row);
    clear_at_117(&t);
    saw(&t, 400, NX_KIND_OTHER)->flags |= NX_LOOK_TC;
    saw(&t, 405, NX_KIND_OTHER)->flags |= NX_LOOK_TC;
    assert_int_equal(NX_STATE_PARTLY_CLEAR, at(&t, 405.1)->state);
    clear_at_117(&t);
    saw(&t, 400, NX_KIND_OTHER); /* trouble of our own */
    saw(&t, 405, NX_KIND_OTHER);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 405.1)->state);
}

/* The audit saw no parent deny: its W is what the denial says itself, and an
 * entry from the outage is not taken for a new one. */
static void test_unknown_parent(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 8; i++) {
        struct nx_look *look = denied(&t, 110 + i, 640);
        look->soa_rel = NX_SOA_ANCESTOR;
        look->soa_minimum_s = W_S;
    }
    assert_int_equal(NX_STATE_ANCESTOR_NXDOMAIN, at(&t, 118)->state);
    assert_true(t.verdict.eta.known);
}

/* A zone of the resolver's own denies for ever; a cache that counts down, and
 * what is no denial of the apex, is none. */
static void test_own_zone_denies(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 4; i++) {
        aa(denied(&t, 110 + i, 640), 300);
    }
    assert_int_equal(NX_STATE_RECACHED, at(&t, 114)->state);
    assert_true(flagged(&t, NX_FLAG_OWN_ZONE));
    assert_false(t.verdict.eta.known);
    set_up(&t);
    for (unsigned i = 0; i < 4; i++) {
        aa(denied(&t, 110 + i, 640), 530 - (int)i);
    }
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 114)->state);
    set_up(&t);
    for (unsigned i = 0; i < 4; i++) {
        aa(denied(&t, 110 + i, 640), 300)->soa_rel = NX_SOA_FOREIGN;
    }
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&t, 114)->state);
    set_up(&t);
    t.auth.all_ns_good = false;
    for (unsigned i = 0; i < 4; i++) {
        aa(denied(&t, 110 + i, 640), 300);
    }
    assert_int_equal(NX_STATE_STILL_NEGATIVE_AT_AUTHORITY, at(&t, 114)->state);
    assert_false(flagged(&t, NX_FLAG_OWN_ZONE));
}

/* Another answer: out of a zone of the resolver's own, fetched again, or made
 * in place of a denial. A cached one has a forecast. */
static void test_other_answers(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 4; i++) {
        aa(saw(&t, 110 + i, NX_KIND_POS_OTHER), 60);
    }
    assert_int_equal(NX_STATE_OLD_POSITIVE, at(&t, 114)->state);
    assert_true(flagged(&t, NX_FLAG_OWN_ZONE));
    assert_false(t.verdict.eta.known);
    set_up(&t);
    for (int i = 0; i < 4; i++) {
        saw(&t, 110 + i, NX_KIND_POS_OTHER)->r_s = 40 - i;
    }
    assert_int_equal(NX_STATE_OLD_POSITIVE, at(&t, 114)->state);
    assert_true(t.verdict.eta.known);
    assert_false(flagged(&t, NX_FLAG_RENEWED));
    saw(&t, 151, NX_KIND_POS_OTHER)->r_s = 59; /* may be BIND's late renewal */
    (void)at(&t, 152);
    assert_false(flagged(&t, NX_FLAG_RENEWED));
    saw(&t, 220, NX_KIND_POS_OTHER)->r_s = 57;
    assert_int_equal(NX_STATE_OLD_POSITIVE, at(&t, 221)->state);
    assert_true(flagged(&t, NX_FLAG_RENEWED));
    assert_false(t.verdict.eta.known);
    assert_false(flagged(&t, NX_FLAG_REWRITTEN));
    t.profile.rewrites_nxdomain = true;
    (void)at(&t, 222);
    assert_true(flagged(&t, NX_FLAG_REWRITTEN));
}

/* A name above it was denied: the SOA does not tell, the audit does. */
static void test_ancestor_in_the_same_zone(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.ancestor_denied = true;
    denied(&t, 110.1, 500);
    denied(&t, 111.4, 500);
    assert_int_equal(NX_STATE_ANCESTOR_NXDOMAIN, at(&t, 112)->state);
    assert_int_equal(NX_HARD_AUTH_WINDOW, t.verdict.hard.reason);
    assert_true(t.verdict.eta.known);
    /* An alias: its target is denied, wherever that lies. */
    denied(&t, 113.1, 500)->flags |= NX_LOOK_CNAME;
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 113.2)->state);
    saw(&t, 114.1, NX_KIND_NODATA)->soa_rel = NX_SOA_APEX;
    assert_int_equal(NX_STATE_CACHED_NODATA, at(&t, 114.2)->state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ancestor_in_the_same_zone),
        cmocka_unit_test(test_twin_of_a_failure),
        cmocka_unit_test(test_kept_failure_of_an_unsigned_zone),
        cmocka_unit_test(test_w_of_an_older_version),
        cmocka_unit_test(test_minimum_that_does_not_count),
        cmocka_unit_test(test_w_as_sent),
        cmocka_unit_test(test_raised_w_is_no_new_entry),
        cmocka_unit_test(test_lost_delegation),
        cmocka_unit_test(test_zone_below_is_no_policy),
        cmocka_unit_test(test_zone_below_denies_again),
        cmocka_unit_test(test_truncated_without_tcp),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_referral),
        cmocka_unit_test(test_no_answers_any_more),
        cmocka_unit_test(test_unknown_parent),
        cmocka_unit_test(test_own_zone_denies),
        cmocka_unit_test(test_other_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
