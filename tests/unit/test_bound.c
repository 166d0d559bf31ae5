/* Hard bounds, and what goes on to count when a resolver falls silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/infer/rollup_product.h"
#include "tests/lib/diagnosed.h"

static void lost(struct target *t, double from_s, unsigned n, double gap_s) {
    for (unsigned i = 0; i < n; i++) {
        saw(t, from_s + gap_s * i, NX_KIND_TIMEOUT);
    }
}

/* Three packets of one visit get lost: nothing is known that was not before. */
static void test_losses_of_one_visit(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    eight_denials(&t, 110.1, 640);
    lost(&t, 120, 3, 0.37);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 121.5)->state);
    lost(&t, 124, 1, 1);
    assert_int_equal(NX_STATE_UNREACHABLE, at(&t, 124.5)->state);
}

/* What it denied last counts down, seen or not. */
static void assert_goes_on(struct target *t, double now_s, enum nx_state want) {
    struct nx_verdict before = t->verdict;

    assert_int_equal(want, at(t, now_s)->state);
    assert_int_equal(NX_PART_DIST, nx_part_of(&t->verdict));
    assert_int_equal(before.hard.at_us, t->verdict.hard.at_us);
    assert_int_equal(before.hard.reason, t->verdict.hard.reason);
    assert_true(t->verdict.eta.point_us > 639 * S);
    assert_int_equal(NX_BASIS_LAST_SEEN, t->verdict.basis);
}

static void test_silence_is_no_recovery(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    eight_denials(&t, 110.1, 640);
    (void)at(&t, 115);
    lost(&t, 120, 4, 2);
    assert_goes_on(&t, 127, NX_STATE_UNREACHABLE);
    saw(&t, 130, NX_KIND_REFUSED);
    assert_goes_on(&t, 131, NX_STATE_REFUSED);
}

static void test_silence_without_a_denial(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    lost(&t, 120, 4, 2);
    assert_int_equal(NX_STATE_UNREACHABLE, at(&t, 127)->state);
    assert_int_equal(NX_PART_NONE, nx_part_of(&t.verdict));
    assert_true(nx_state_is_unverified(t.verdict.state));
    /* What it may hold all the same is over then. */
    assert_int_equal(NX_HARD_AUTH_WINDOW, t.verdict.hard.reason);
    assert_false(t.verdict.eta.known);
    set_up(&t); /* it was clear */
    denied(&t, 101, 105);
    positives(&t, 110, 14);
    assert_int_equal(NX_STATE_CLEAR, at(&t, 118)->state);
    lost(&t, 120, 4, 2);
    assert_int_equal(NX_STATE_UNREACHABLE, at(&t, 127)->state);
    assert_int_equal(NX_PART_NONE, nx_part_of(&t.verdict));
}

/* A failure that comes long after the restoration is none that it left. */
static void test_failures(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    saw(&t, 150, NX_KIND_SERVFAIL);
    assert_int_equal((RESTORED_S + 300) * S, at(&t, 151)->hard.at_us);
    saw(&t, 395, NX_KIND_SERVFAIL); /* it goes on */
    saw(&t, 405, NX_KIND_SERVFAIL);
    assert_int_equal((RESTORED_S + 300) * S, at(&t, 406)->hard.at_us);
    saw(&t, 9000, NX_KIND_POS);
    saw(&t, 9100, NX_KIND_SERVFAIL);
    saw(&t, 9200, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, 9201)->state);
    assert_int_equal(9400 * S + 2000, t.verdict.hard.at_us);
    assert_true(t.verdict.eta.known);
}

/* Measured whole: what PowerDNS Recursor never is. */
static struct nx_profile unbound_like(void) {
    struct nx_profile profile;

    nx_profile_default(&profile);
    profile.verified = true;
    profile.chain_possible = false;
    profile.soa_clock = NX_SOA_CLOCK_SHARED_UNTIL_CHANGE;
    profile.cap_hi_s = 3600;
    return profile;
}

/* PowerDNS Recursor keeps what is bogus for an hour, and who is not known may
 * be one. Likely is what the RFCs allow, until that is over. */
static void test_bogus_is_kept(void **state) {
    const struct nx_profile unbound = unbound_like();
    struct nx_profile own = unbound;
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.positive_ttl_s = 3600;
    saw(&t, 150, NX_KIND_SERVFAIL)->flags |= NX_LOOK_EDE_DNSSEC;
    assert_int_equal((RESTORED_S + 3600) * S, at(&t, 151)->hard.at_us);
    assert_int_equal(NX_HARD_BOGUS_CACHE, t.verdict.hard.reason);
    assert_true(t.verdict.eta.hi90_us < (RESTORED_S + 300) * S);
    saw(&t, 500, NX_KIND_SERVFAIL)->flags |= NX_LOOK_EDE_DNSSEC;
    assert_int_equal((RESTORED_S + 3600) * S, at(&t, 501)->hard.at_us);
    assert_true(t.verdict.eta.hi90_us > 3000 * S);
    own.soa_clock = NX_SOA_CLOCK_OWN;
    own.conv = NX_CONV_F; /* BIND, PowerDNS Recursor: who knows */
    t.profile = own;
    assert_int_equal(NX_HARD_BOGUS_CACHE, at(&t, 502)->hard.reason);
    t.profile.cap_hi_s = 7200; /* somebody's own, whoever it is */
    assert_int_equal(NX_HARD_BOGUS_CACHE, at(&t, 502)->hard.reason);
    t.profile.cap_hi_s = 86400;
    assert_int_equal(NX_HARD_BOGUS_CACHE, at(&t, 502)->hard.reason);
    t.profile.cap_hi_s = 10800;
    assert_int_equal(NX_HARD_FAILURE_CACHE_300, at(&t, 503)->hard.reason);
    t.profile.chain_possible = true;
    assert_int_equal(NX_HARD_BOGUS_CACHE, at(&t, 504)->hard.reason);
    t.profile = own;
    t.profile.conv = NX_CONV_F0;
    assert_int_equal(NX_HARD_FAILURE_CACHE_300, at(&t, 505)->hard.reason);
    t.profile = unbound;
    assert_int_equal(NX_HARD_FAILURE_CACHE_300, at(&t, 506)->hard.reason);
    assert_int_equal((RESTORED_S + 300) * S, t.verdict.hard.at_us);
    t.profile.verified = false;
    assert_int_equal(NX_HARD_BOGUS_CACHE, at(&t, 507)->hard.reason);
}

/* Its operator may have raised that hour: then what is bogus lives for its TTL,
 * a day where that is not known. */
static void test_bogus_is_kept_for_its_ttl(void **state) {
    static const struct {
        uint32_t positive_s, w_s, nsec_s, kept_s;
    } rows[] = {
        {60, 300, 0, 3600},      {7200, 300, 0, 7200},    {60, 5400, 0, 5400},
        {60, 300, 10800, 10800}, {604800, 300, 0, 86400}, {0, 300, 0, 86400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct target t;
        set_up(&t);
        t.auth.positive_ttl_s = rows[i].positive_s;
        t.auth.w_auth_s = rows[i].w_s;
        t.auth.w_nsec_s = rows[i].nsec_s;
        saw(&t, 150, NX_KIND_SERVFAIL)->flags |= NX_LOOK_EDE_DNSSEC;
        assert_int_equal((RESTORED_S + (int64_t)rows[i].kept_s) * S,
                         at(&t, 151)->hard.at_us);
        assert_int_equal(NX_HARD_BOGUS_CACHE, t.verdict.hard.reason);
        assert_true(t.verdict.eta.hi90_us < (RESTORED_S + 300) * S);
    }
}

/* A cached DS or DNSKEY set from before the repair fails what is validated with
 * it, and its last failure is kept. */
static void test_failures_for_old_keys(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    saw(&t, 150, NX_KIND_SERVFAIL)->flags |= NX_LOOK_EDE_DNSSEC;
    t.profile = unbound_like();
    assert_int_equal(NX_STATE_SERVFAIL_DNSSEC, at(&t, 151)->state);
    assert_int_equal(NX_HARD_FAILURE_CACHE_300, t.verdict.hard.reason);
    t.auth.keys_ttl_s = 3600; /* nobody watched them */
    assert_int_equal((RESTORED_S + 3900) * S, at(&t, 152)->hard.at_us);
    assert_int_equal(NX_HARD_DNSSEC_KEYS, t.verdict.hard.reason);
    assert_true(t.verdict.eta.hi90_us > (RESTORED_S + 300) * S);
    t.auth.keys_ttl_s = 0; /* seen replaced */
    t.auth.keys_until_us = 8000 * S;
    assert_int_equal(8300 * S, at(&t, 153)->hard.at_us);
    nx_profile_default(&t.profile);
    t.auth.positive_ttl_s = 300;
    assert_int_equal((8000 + 3600) * S, at(&t, 154)->hard.at_us);
    assert_int_equal(NX_HARD_DNSSEC_KEYS, t.verdict.hard.reason);
    set_up(&t); /* other failures are none of theirs */
    saw(&t, 150, NX_KIND_SERVFAIL);
    t.auth.keys_ttl_s = 3600;
    assert_int_equal((RESTORED_S + 300) * S, at(&t, 151)->hard.at_us);
}

/* BIND caps what it was told, not what it makes from an NSEC. */
static void test_nsec_above_the_cap(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.w_auth_s = t.auth.w_nsec_s = 86400;
    t.profile.verified = true;
    t.profile.conv = NX_CONV_F;
    t.profile.soa_clock = NX_SOA_CLOCK_OWN;
    t.profile.cap_hi_s = 10800;
    t.profile.caches = 1;
    t.profile.chain_possible = false;
    for (unsigned i = 0; i < 3; i++) {
        denied(&t, 700 + 2.1 * i, 86460);
    }
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 705)->state);
    assert_int_equal(1, t.verdict.lines_n);
    assert_true(t.verdict.lines[0].a_us > 86458 * S);
    assert_int_equal(NX_HARD_NSEC_WINDOW, t.verdict.hard.reason);
    assert_int_equal((RESTORED_S + 86400) * S, t.verdict.hard.at_us);
    t.auth.w_nsec_s = 0; /* not signed: the cap is only not shown */
    t.profile.conv = NX_CONV_T;
    t.evaluated = false;
    assert_true(at(&t, 705)->lines[0].b_us < 11000 * S);
}

/* Who makes denials from NSEC records does not say so, as a rule. */
static void test_nsec_above_the_window(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.profile.conv = NX_CONV_F;
    t.auth.w_nsec_s = 3600;
    denied(&t, 200, 690);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 201)->state);
    assert_int_equal(NX_HARD_NSEC_WINDOW, t.verdict.hard.reason);
    assert_int_equal((RESTORED_S + 3600) * S, t.verdict.hard.at_us);
    assert_int_equal((RESTORED_S + W_S + 3600 + 2) * S,
                     t.verdict.hard_stack.at_us);
    assert_true(t.verdict.eta.point_us < 700 * S); /* as it counts down */
    t.auth.w_nsec_s = W_S;                         /* RFC 9077 */
    assert_int_equal(NX_HARD_AUTH_WINDOW, at(&t, 201)->hard.reason);
    assert_int_equal((RESTORED_S + W_S) * S, t.verdict.hard.at_us);
}

/* A denial made from an NSEC of before has the SOA of now: no sign of a server
 * that still denies, until the last such NSEC has ended. */
static void test_nsec_with_the_restored_serial(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.profile.verified = true;
    t.profile.conv = NX_CONV_F;
    t.profile.soa_clock = NX_SOA_CLOCK_OWN;
    t.profile.caches = 1;
    t.profile.chain_possible = false;
    t.auth.w_nsec_s = W_S;
    denied(&t, 200, 690)->soa_serial = 2;
    denied(&t, 202, 690)->soa_serial = 2;
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 203)->state);
    t.auth.w_nsec_s = 0; /* not signed */
    t.evaluated = false;
    assert_int_equal(NX_STATE_RECACHED, at(&t, 203)->state);
    t.auth.w_nsec_s = 3600;
    t.evaluated = false;
    denied(&t, 3690, 4200)->soa_serial = 2;
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 3691)->state);
    denied(&t, 3702, 4200)->soa_serial = 2;
    assert_int_equal(NX_STATE_RECACHED, at(&t, 3703)->state);
    t.n = 0; /* a SOA of before that came since: somebody serves it */
    t.evaluated = false;
    denied(&t, 3600, 4190);
    denied(&t, 3602, 4190);
    t.auth.w_nsec_s = W_S;
    assert_int_equal(NX_STATE_RECACHED, at(&t, 3603)->state);
}

/* One of several upstreams fails, another one holds its denial. */
static void test_failure_beside_a_denial(void **state) {
    struct target t;
    int64_t usual_us = 0;

    (void)state;
    set_up(&t);
    denied(&t, 110, 640)->r_s = -1;
    saw(&t, 150, NX_KIND_SERVFAIL);
    saw(&t, 152, NX_KIND_SERVFAIL);
    assert_int_equal(NX_STATE_SERVFAIL_OTHER, at(&t, 153)->state);
    assert_int_equal(NX_HARD_AUTH_WINDOW, t.verdict.hard.reason);
    assert_true(t.verdict.hard.at_us >= (RESTORED_S + W_S) * S);
    assert_int_equal(NX_HARD_STACK, t.verdict.hard_stack.reason);
    usual_us = t.verdict.eta.hi90_us;
    assert_true(usual_us <= (RESTORED_S + 300) * S);
    t.profile.verified = true; /* who fails is who denied */
    t.profile.chain_possible = false;
    t.profile.caches = 1;
    assert_int_equal(NX_HARD_FAILURE_CACHE_300, at(&t, 153)->hard.reason);
    assert_int_equal((RESTORED_S + 300) * S, t.verdict.hard.at_us);
    assert_int_equal(usual_us, t.verdict.eta.hi90_us);
}

/* A cap is of the cache that was measured; another one shows more. */
static void test_cap_of_another_cache(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.w_auth_s = 10800;
    t.profile.verified = true;
    t.profile.conv = NX_CONV_F;
    t.profile.soa_clock = NX_SOA_CLOCK_OWN;
    t.profile.cap_hi_s = 3600;
    t.profile.chain_possible = false;
    t.profile.caches = 2;
    denied(&t, 200, 9200);
    assert_int_equal(NX_STATE_CACHED_NXDOMAIN, at(&t, 201)->state);
    assert_true(t.verdict.lines[0].b_us > 9198 * S);
    assert_int_equal((RESTORED_S + 10800) * S, t.verdict.hard.at_us);
    t.profile.caches = 1; /* raised since */
    t.evaluated = false;
    assert_true(at(&t, 201)->lines[0].b_us > 9198 * S);
    assert_int_equal((RESTORED_S + 10800) * S, t.verdict.hard.at_us);
    t.profile.conv = NX_CONV_T; /* resolved shows what it does not keep */
    t.evaluated = false;
    assert_true(at(&t, 201)->lines[0].b_us < 2002 * S);
    assert_int_equal((RESTORED_S + 3600) * S, t.verdict.hard.at_us);
}

/* What nobody saw is no shorter for a floor: no bound, as without one. */
static void test_floor_below_an_unknown_window(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.w_auth_s = 0;
    t.profile.verified = true;
    t.profile.clamp_lo_s = 5;
    lost(&t, 120, 4, 2);
    assert_int_equal(NX_STATE_UNREACHABLE, at(&t, 127)->state);
    assert_int_equal(NX_HARD_NONE, t.verdict.hard.reason);
    assert_int_equal(NX_HARD_NONE, t.verdict.hard_stack.reason);
    t.n = 0;
    t.evaluated = false;
    assert_unknown(at(&t, 127), NX_UNKNOWN_NEVER_SEEN);
    assert_int_equal(NX_HARD_NONE, t.verdict.hard.reason);
    assert_false(t.verdict.p_clear > 0.99);
    set_up(&t); /* a W that it raises */
    t.auth.w_auth_s = 2;
    t.profile.clamp_lo_s = 5;
    t.profile.chain_possible = false;
    t.profile.conv = NX_CONV_F;
    lost(&t, 120, 4, 2);
    assert_int_equal(NX_STATE_UNREACHABLE, at(&t, 127)->state);
    assert_int_equal(NX_HARD_MIN_CLAMP, t.verdict.hard.reason);
    assert_int_equal((RESTORED_S + 5) * S, t.verdict.hard.at_us);
}

static void parent_denies(struct target *t, uint32_t w_s) {
    set_up(t);
    t->profile.conv = NX_CONV_F;
    t->auth.parent_w_s = w_s;
    denied(t, 200, 250)->soa_rel = NX_SOA_ANCESTOR;
}

static void assert_parent_bound(struct target *t, unsigned reason, int life_s,
                                int stack_s) {
    assert_int_equal(NX_STATE_ANCESTOR_NXDOMAIN, at(t, 201)->state);
    assert_int_equal(reason, t->verdict.hard.reason);
    assert_int_equal((RESTORED_S + life_s) * S, t->verdict.hard.at_us);
    assert_int_equal((RESTORED_S + stack_s) * S, t->verdict.hard_stack.at_us);
}

/* The parent's denial, its NSEC records, what old servers gave: the longest. */
static void test_parents_denial_is_not_all(void **state) {
    struct target t;

    (void)state;
    parent_denies(&t, 900);
    assert_parent_bound(&t, NX_HARD_DELEGATION, 900, 1802);
    t.auth.w_nsec_s = 86400;
    assert_parent_bound(&t, NX_HARD_NSEC_WINDOW, 86400, 900 + 86400 + 2);
    parent_denies(&t, 3600);
    t.auth.deleg_changed_ns = t.auth.old_servers_negative = true;
    t.auth.old_w_s = 300;
    t.auth.fed_us = 600 * S;
    assert_parent_bound(&t, NX_HARD_DELEGATION, 3600, 600 + 7202);
    t.auth.fed_us = 86400 * S;
    assert_parent_bound(&t, NX_HARD_DELEGATION, 86700, 86400 + 7202);
}

/* What an old server denied may be made again from its NSEC records. */
static void test_old_servers_of_a_signed_zone(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.auth.deleg_changed_ns = t.auth.old_servers_negative = true;
    t.auth.old_w_s = 300;
    t.auth.fed_us = 600 * S;
    t.auth.w_nsec_s = 86400;
    denied(&t, 200, 250);
    (void)at(&t, 201);
    assert_int_equal(NX_HARD_DELEGATION, t.verdict.hard.reason);
    assert_int_equal((RESTORED_S + 600 + 86401) * S, t.verdict.hard.at_us);
}

/* unbound and Knot Resolver serve TTL 0 for a second. */
static void test_inclusive_second(void **state) {
    struct target t;

    (void)state;
    set_up(&t);
    t.profile.conv = NX_CONV_F0;
    t.profile.chain_possible = false;
    t.auth.parent_w_s = 900;
    denied(&t, 200, 950)->soa_rel = NX_SOA_ANCESTOR;
    assert_int_equal(NX_STATE_ANCESTOR_NXDOMAIN, at(&t, 201)->state);
    assert_int_equal((RESTORED_S + 901) * S, t.verdict.hard.at_us);
    set_up(&t);
    t.profile.conv = NX_CONV_F0;
    t.profile.chain_possible = false;
    t.auth.w_nsec_s = 900;
    denied(&t, 200, 950)->flags |= NX_LOOK_EDE_SYNTH;
    assert_int_equal(NX_STATE_SYNTHESIZED_NEGATIVE, at(&t, 201)->state);
    assert_int_equal((RESTORED_S + 901) * S, t.verdict.hard.at_us);
}

int main(void) {
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(test_losses_of_one_visit),
        cmocka_unit_test(test_silence_is_no_recovery),
        cmocka_unit_test(test_silence_without_a_denial),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_bogus_is_kept),
        cmocka_unit_test(test_bogus_is_kept_for_its_ttl),
        cmocka_unit_test(test_failures_for_old_keys),
        cmocka_unit_test(test_nsec_above_the_cap),
        cmocka_unit_test(test_nsec_above_the_window),
        cmocka_unit_test(test_nsec_with_the_restored_serial),
        cmocka_unit_test(test_failure_beside_a_denial),
        cmocka_unit_test(test_cap_of_another_cache),
        cmocka_unit_test(test_floor_below_an_unknown_window),
        cmocka_unit_test(test_parents_denial_is_not_all),
        cmocka_unit_test(test_inclusive_second),
        cmocka_unit_test(test_old_servers_of_a_signed_zone),
    };

    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
