/* By what a denial is held to be a policy's: each sign alone, how many looks it
 * takes, and what none of them may be. And which extended error is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/infer/evidence.h"
#include "tests/lib/diagnosed.h"

#define FROM_S 110
#define PAST_S (RESTORED_S + 2 * W_S + 60) /* the end of a chain of caches */

/* Without SOA, as PowerDNS' policies deny. */
static struct nx_look *bare(struct target *t, double at_s) {
    struct nx_look *look = saw(t, at_s, NX_KIND_NXDOMAIN);
    look->flags |= NX_LOOK_EDNS;
    return look;
}

/* One each second. */
static void bare_row(struct target *t, double from_s, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        bare(t, from_s + i);
    }
}

static struct nx_look *apex(struct nx_look *look, int r_s) {
    look->soa_rel = NX_SOA_APEX;
    look->r_s = r_s;
    look->soa_serial = 1;
    look->flags |= NX_LOOK_SERIAL;
    return look;
}

/* --- single denials that show it --- */

static void say_ede(struct nx_look *look) {
    look->flags |= NX_LOOK_EDE_POLICY;
    look->ede = 15;
}

static void say_additional(struct nx_look *look) {
    look->flags |= NX_LOOK_SOA_ADDITIONAL;
}

static void say_qname(struct nx_look *look) {
    apex(look, 60)->soa_rel = NX_SOA_QNAME;
}

static void say_foreign(struct nx_look *look) {
    apex(look, 60)->soa_rel = NX_SOA_FOREIGN;
}

static void say_local(struct nx_look *look) {
    look->flags |= NX_LOOK_AA;
}

static const struct {
    enum nx_policy_sign sign;
    unsigned looks_n; /* that it takes */
    void (*say)(struct nx_look *look);
} SIGNS[] = {
    {NX_POLICY_EDE, 1, say_ede},
    {NX_POLICY_SOA_ADDITIONAL, 2, say_additional},
    {NX_POLICY_SOA_QNAME, 2, say_qname},
    {NX_POLICY_SOA_FOREIGN, 2, say_foreign},
    {NX_POLICY_LOCAL_DATA, 2, say_local},
};

static void test_each_sign_alone(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof(SIGNS) / sizeof(SIGNS[0]); k++) {
        struct target t;
        set_up(&t);
        for (unsigned i = 1; i <= SIGNS[k].looks_n; i++) {
            struct nx_look *look = bare(&t, FROM_S + i);
            assert_int_equal(NX_POLICY_NO_SIGN, nx_look_policy_sign(look));
            SIGNS[k].say(look);
            assert_int_equal(SIGNS[k].sign, nx_look_policy_sign(look));
            bool blocked =
                at(&t, FROM_S + i + 0.1)->state == NX_STATE_POLICY_BLOCKED;
            assert_int_equal(blocked, i == SIGNS[k].looks_n);
        }
        assert_false(t.verdict.eta.known);
        assert_int_equal(NX_HARD_NONE, t.verdict.hard.reason);
        assert_false(flagged(&t, NX_FLAG_CANARY_RESOLVES));
    }
}

/* A TTL that stands still, and the zone's own SOA: stale data and caps look so,
 * too, until all of them should have ended. */
static void test_constant_ttl_alone(void **state) {
    struct target t;
    (void)state;
    set_up(&t);
    for (unsigned i = 0; i < 4; i++) {
        apex(bare(&t, FROM_S + i), 77);
    }
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, FROM_S + 4)->state);
    assert_true(flagged(&t, NX_FLAG_NON_DECREMENTING));
    for (unsigned i = 0; i < 2; i++) {
        apex(bare(&t, PAST_S + i), 77);
    }
    assert_int_not_equal(NX_STATE_POLICY_BLOCKED, at(&t, PAST_S + 2)->state);
    apex(bare(&t, PAST_S + 3), 77);
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&t, PAST_S + 4)->state);
}

/* Nothing at all: the same, and it may be a cache's whose SOA was stripped. */
static void test_bare_alone(void **state) {
    struct target t;
    (void)state;
    set_up(&t);
    bare_row(&t, FROM_S, 20);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, FROM_S + 21)->state);
    bare_row(&t, PAST_S, 2);
    assert_int_not_equal(NX_STATE_POLICY_BLOCKED, at(&t, PAST_S + 3)->state);
    bare(&t, PAST_S + 4);
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&t, PAST_S + 5)->state);
}

/* Nobody saw a W, as where no auditor was there: an hour is common. */
static void test_bare_of_unknown_w(void **state) {
    struct target t;
    (void)state;
    set_up(&t);
    t.auth.w_auth_s = 0;
    bare_row(&t, FROM_S, 20);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, FROM_S + 21)->state);
    bare_row(&t, RESTORED_S + 7300, 3);
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&t, RESTORED_S + 7304)->state);
}

/* --- what canary names say --- */

/* Measured: asks the servers itself, one cache, an SOA for each entry. */
static void measured(struct target *t, double canary_s) {
    set_up(t);
    t->profile.verified = true;
    t->profile.chain_possible = false;
    t->profile.caches = 1;
    t->profile.soa_clock = NX_SOA_CLOCK_OWN;
    t->profile.canary_us = (int64_t)(canary_s * 1e6);
}

static void test_canary_resolves_beside_bare_denials(void **state) {
    struct target t;
    (void)state;
    measured(&t, FROM_S + 1);
    bare_row(&t, FROM_S, 3); /* over two seconds: not long enough */
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, FROM_S + 2.5)->state);
    bare(&t, FROM_S + 3);
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&t, FROM_S + 3.5)->state);
    assert_true(flagged(&t, NX_FLAG_CANARY_RESOLVES));
    assert_true(flagged(&t, NX_FLAG_NO_SOA));
    assert_false(t.verdict.eta.known);
    /* Looks are forgotten, the verdict stays. */
    bare_row(&t, FROM_S + 10, NX_LOOKS_MAX);
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&t, FROM_S + 80)->state);
    /* It is lifted. */
    positives(&t, FROM_S + 90, 59);
    assert_int_equal(NX_STATE_CLEAR, at(&t, FROM_S + 125)->state);
}

static void not_meanwhile(struct target *t) {
    t->profile.canary_us = (FROM_S - 1) * S;
}

static void never(struct target *t) {
    t->profile.canary_us = 0;
}

static void not_measured(struct target *t) {
    t->profile.verified = false;
}

static void forwards(struct target *t) {
    t->profile.chain_possible = true;
}

static void two_caches(struct target *t) {
    t->profile.caches = 2;
}

static void caches_not_known(struct target *t) {
    t->profile.caches = 0;
}

static void soa_of_all(struct target *t) { /* dnsmasq */
    t->profile.soa_clock = NX_SOA_CLOCK_SHARED_RENEWED;
}

static void clock_not_known(struct target *t) {
    t->profile.soa_clock = NX_SOA_CLOCK_UNKNOWN;
}

static void rewrites(struct target *t) {
    t->profile.rewrites_nxdomain = true;
}

static void servers_without_soa(struct target *t) {
    t->auth.w_auth_s = 0;
}

static void servers_unseen(struct target *t) {
    t->auth.observed = false;
}

static void server_denies(struct target *t) {
    t->auth.all_ns_good = false;
}

static void servers_left(struct target *t) {
    t->auth.deleg_changed_ns = true;
}

static void old_servers_hold(struct target *t) {
    t->auth.held = true;
}

static void name_above_denied(struct target *t) {
    t->auth.above_denied = true;
}

static void one_has_soa(struct target *t) {
    denied(t, FROM_S + 4.5, FROM_S + 400);
}

static void one_answer(struct target *t) {
    saw(t, FROM_S + 4.5, NX_KIND_POS);
    bare(t, FROM_S + 5);
}

static void one_is_nodata(struct target *t) {
    bare(t, FROM_S + 4.5)->kind = NX_KIND_NODATA;
}

static void alias(struct target *t) {
    t->looks[0].flags |= NX_LOOK_CNAME;
}

static void before_restored(struct target *t) {
    t->auth.restored_hi_us = (FROM_S + 2) * S;
}

static void (*const DOUBTS[])(struct target *t) = {
    not_meanwhile,   never,
    not_measured,    forwards,
    two_caches,      caches_not_known,
    soa_of_all,      clock_not_known,
    rewrites,        servers_without_soa,
    servers_unseen,  server_denies,
    servers_left,    old_servers_hold,
    one_has_soa,     one_answer,
    one_is_nodata,   alias,
    before_restored, name_above_denied,
};

/* Each of these lets the denial be a cached one. */
static void test_canary_word_is_not_enough(void **state) {
    struct target t;
    (void)state;
    for (size_t i = 0; i <= sizeof(DOUBTS) / sizeof(DOUBTS[0]); i++) {
        measured(&t, FROM_S + 1);
        bare_row(&t, FROM_S, 5);
        if (i < sizeof(DOUBTS) / sizeof(DOUBTS[0])) {
            DOUBTS[i](&t);
        }
        unsigned told = at(&t, FROM_S + 5.5)->state;
        bool none = i == sizeof(DOUBTS) / sizeof(DOUBTS[0]);
        assert_int_equal(told == NX_STATE_POLICY_BLOCKED, none);
        assert_int_not_equal(NX_STATE_CLEAR, told);
        assert_int_equal(flagged(&t, NX_FLAG_CANARY_RESOLVES), none);
    }
}

/* Canary names are worth asking for where their word is all that is missing:
 * measured already, not lately, or never; not once it was had, nor where it
 * would not be enough. */
static void test_canary_is_wanted(void **state) {
    static void (*const missing[])(struct target * t) = {not_meanwhile, never,
                                                         not_measured};
    struct target t;
    (void)state;
    for (size_t i = 0; i < sizeof(DOUBTS) / sizeof(DOUBTS[0]); i++) {
        bool none = false;
        measured(&t, FROM_S + 1);
        never(&t);
        bare_row(&t, FROM_S, 5);
        for (size_t k = 0; k < sizeof(missing) / sizeof(missing[0]); k++) {
            none |= DOUBTS[i] == missing[k];
        }
        DOUBTS[i](&t);
        assert_int_equal(at(&t, FROM_S + 5.5)->wants_canary, none);
    }
    measured(&t, FROM_S + 5);
    bare_row(&t, FROM_S, 3);
    t.profile.canary_us = 0;
    assert_false(at(&t, FROM_S + 2.2)->wants_canary); /* not yet */
    bare_row(&t, FROM_S + 3, 2);
    assert_true(at(&t, FROM_S + 4.5)->wants_canary);
    t.profile.canary_us = (FROM_S + 5) * S;
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&t, FROM_S + 5.5)->state);
    assert_false(t.verdict.wants_canary);
    t.profile.canary_us = 0; /* what it said stays */
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&t, FROM_S + 6)->state);
    assert_false(t.verdict.wants_canary);
}

/* A real one has its SOA, and counts down: whatever canary names say. */
static void test_a_cached_denial_is_no_policy(void **state) {
    struct target t;
    (void)state;
    measured(&t, FROM_S + 1);
    for (unsigned i = 0; i < 30; i++) {
        denied(&t, FROM_S + i, FROM_S + 400);
        assert_int_equal(NX_STATE_CACHED_NXDOMAIN,
                         at(&t, FROM_S + i + 0.1)->state);
        assert_false(flagged(&t, NX_FLAG_CANARY_RESOLVES));
    }
    assert_true(t.verdict.eta.known);
}

/* Canary names resolve, and nothing is known of this one: that clears none. */
static void test_canary_clears_nothing(void **state) {
    struct target t;
    (void)state;
    measured(&t, FROM_S + 1);
    assert_unknown(at(&t, FROM_S + 2), NX_UNKNOWN_NEVER_SEEN);
    saw(&t, FROM_S + 3, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, FROM_S + 4)->state);
    bare(&t, FROM_S + 5);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, FROM_S + 6)->state);
}

/* Where policy shows itself, that the resolver works is told beside it. */
static void test_canary_beside_a_sign(void **state) {
    struct target t;
    (void)state;
    measured(&t, FROM_S + 1);
    t.profile.chain_possible = true;
    say_ede(bare(&t, FROM_S));
    assert_int_equal(NX_STATE_POLICY_BLOCKED, at(&t, FROM_S + 0.5)->state);
    assert_true(flagged(&t, NX_FLAG_CANARY_RESOLVES));
    t.profile.canary_us = (FROM_S - 5) * S;
    (void)at(&t, FROM_S + 1);
    assert_false(flagged(&t, NX_FLAG_CANARY_RESOLVES));
}

/* --- which extended error is told --- */

static void test_extended_error(void **state) {
    struct target t;
    (void)state;
    set_up(&t);
    saw(&t, FROM_S, NX_KIND_SERVFAIL)->ede = 9;
    assert_int_equal(9, at(&t, FROM_S + 0.5)->ede);
    saw(&t, FROM_S + 1, NX_KIND_TIMEOUT); /* tells nothing */
    saw(&t, FROM_S + 2, NX_KIND_SERVFAIL)->ede = 13;
    saw(&t, FROM_S + 3, NX_KIND_SERVFAIL);
    assert_int_equal(9, at(&t, FROM_S + 3.5)->ede);
    saw(&t, FROM_S + 4, NX_KIND_SERVFAIL)->ede = 22;
    assert_int_equal(22, at(&t, FROM_S + 4.5)->ede);
    say_ede(bare(&t, FROM_S + 5)); /* another kind of answer */
    assert_int_equal(15, at(&t, FROM_S + 5.5)->ede);
    saw(&t, FROM_S + 6, NX_KIND_SERVFAIL)->ede = 13;
    assert_int_equal(13, at(&t, FROM_S + 6.5)->ede);
    saw(&t, FROM_S + 7, NX_KIND_REFUSED);
    assert_int_equal(0, at(&t, FROM_S + 7.5)->ede);
    positives(&t, FROM_S + 8, 59);
    t.looks[t.n - 1].ede = 4;
    assert_int_equal(NX_STATE_CLEAR, at(&t, FROM_S + 40)->state);
    assert_int_equal(0, t.verdict.ede);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_sign_alone),
        cmocka_unit_test(test_constant_ttl_alone),
        cmocka_unit_test(test_bare_alone),
        cmocka_unit_test(test_bare_of_unknown_w),
        cmocka_unit_test(test_canary_resolves_beside_bare_denials),
        cmocka_unit_test(test_canary_is_wanted),
        cmocka_unit_test(test_canary_word_is_not_enough),
        cmocka_unit_test(test_a_cached_denial_is_no_policy),
        cmocka_unit_test(test_canary_clears_nothing),
        cmocka_unit_test(test_canary_beside_a_sign),
        cmocka_unit_test(test_extended_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
