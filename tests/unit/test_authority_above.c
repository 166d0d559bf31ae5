/* Names above the item, and the servers of the parent zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/authority_bench.h"

/* A server's answer about a name above the item's (the NS question of a walk
 * that met NXDOMAIN). */
static void between_at(struct bench *b, const uint8_t *item,
                       const uint8_t *asked, unsigned rcode, unsigned flags,
                       int64_t at_us) {
    const struct nx_question question = {
        .name = asked, .qtype = NX_TYPE_NS, .to = server(1)};
    const struct nx_answer answer = {.rcode = (uint16_t)rcode,
                                     .flags = (uint16_t)flags};
    const struct nx_obs obs = {.question = &question, .answer = &answer};
    assert_true(nx_paper_is(
        &(const struct nx_question){.name = asked,
                                    .qtype = NX_TYPE_NS,
                                    .to = {.layer = NX_LAYER_AUTHORITY}}));
    assert_int_equal(nx_authority_paper(b->a, 1, item, NX_TYPE_A, &obs, at_us),
                     0);
}

static void between(struct bench *b, const uint8_t *item, const uint8_t *asked,
                    unsigned rcode, unsigned flags) {
    between_at(b, item, asked, rcode, flags, T0);
}

static void ds(struct bench *b, unsigned host, unsigned rcode, int64_t at_us) {
    const struct nx_question question = {
        .name = apex, .qtype = NX_TYPE_DS, .to = server(host)};
    const struct nx_answer answer = {.rcode = (uint16_t)rcode,
                                     .flags = NX_ANS_AA | NX_ANS_SOA};
    const struct nx_obs obs = {.question = &question, .answer = &answer};
    assert_int_equal(nx_authority_paper(b->a, 1, name, NX_TYPE_A, &obs, at_us),
                     0);
}

/* The zone's server is good until nothing holds the guard any more: when? */
static int64_t good_until_proven(struct bench *b, int64_t t) {
    do {
        t += S;
        good(b, 1, 1, t);
        (void)step(b, t);
    } while (!nx_authority_proven(b->a));
    return t;
}

/* One of the parent's servers has not got the delegation back: rule 1 holds the
 * guard shut, though the zone's own are all good, and longer where it is silent
 * than where it took that back. */
static void test_denial_of_the_parent(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    int64_t t = good_until_proven(b, T0);
    ds(b, 9, NX_RCODE_NOERROR, t);
    ds(b, 1, NX_RCODE_NXDOMAIN, t); /* which has the zone */
    assert_true(nx_authority_proven(b->a));
    ds(b, 9, NX_RCODE_NXDOMAIN, t);
    assert_false(nx_authority_proven(b->a)); /* at once */
    for (int i = 0; i < 100; i++, t += 5 * S) {
        ds(b, 9, NX_RCODE_NXDOMAIN, t);
        good(b, 1, 1, t);
        assert_false(step(b, t)->verified);
        assert_false(nx_authority_proven(b->a));
    }
    int64_t last = t - 5 * S;
    ds(b, 8, NX_RCODE_NOERROR, t); /* another one */
    ds(b, 9, NX_RCODE_REFUSED, t);
    t = good_until_proven(b, t);
    assert_int_equal(t, last + 5 * rules.settle_us);
    ds(b, 9, NX_RCODE_NXDOMAIN, t);
    ds(b, 9, NX_RCODE_NOERROR, t - S); /* heard late */
    ds(b, 9, NX_RCODE_NOERROR, t + S);
    assert_int_equal(good_until_proven(b, t), t + rules.settle_us);
}

/* Whoever hears nobody does not hear that it is silent. */
static void test_denial_of_the_parent_and_a_blind_vantage(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    int64_t t = good_until_proven(b, T0);
    ds(b, 9, NX_RCODE_NXDOMAIN, t);
    for (int i = 0; i < 200; i++) {
        t += 5 * S;
        silent(b, 1, 1, t);
        (void)step(b, t);
        assert_false(nx_authority_proven(b->a));
    }
    /* It counts from the first answer. */
    assert_int_equal(good_until_proven(b, t), t + S + 5 * rules.settle_us);
}

/* A name server has the name, and denies one above: resolvers ask for that one
 * first (RFC 9156). */
static void test_denial_of_a_name_between(void **state) {
    static const uint8_t item[] = "\1a\1b\1c\7example\3com";
    static const uint8_t b_c[] = "\1b\1c\7example\3com";
    static const uint8_t c[] = "\1c\7example\3com";
    const unsigned soa_aa = NX_ANS_AA | NX_ANS_SOA;
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    int64_t t = good_until_proven(b, T0);
    between_at(b, item, c, NX_RCODE_NOERROR, soa_aa, t);
    assert_true(nx_authority_proven(b->a));
    between_at(b, item, c, NX_RCODE_NXDOMAIN, soa_aa, t);
    assert_false(nx_authority_proven(b->a));
    assert_false(step(b, t)->verified);
    int64_t last = t;
    between_at(b, item, b_c, NX_RCODE_NOERROR, soa_aa, t); /* of another one */
    t = good_until_proven(b, t);
    assert_int_equal(t, last + 5 * rules.settle_us);
    /* AA or not; both, and both are back. */
    between_at(b, item, c, NX_RCODE_NXDOMAIN, 0, t);
    between_at(b, item, b_c, NX_RCODE_NXDOMAIN, 0, t);
    assert_false(nx_authority_proven(b->a));
    between_at(b, item, c, NX_RCODE_NOERROR, soa_aa, t + S);
    between_at(b, item, b_c, NX_RCODE_NOERROR, soa_aa, t + S);
    assert_int_equal(good_until_proven(b, t), t + rules.settle_us);
}

/* Without the delegation the parent's servers deny it and all below. Each says
 * otherwise by a referral, or when it is asked for the DS. */
static void test_delegation_that_is_back(void **state) {
    static const uint8_t item[] = "\1a\1b\7example\3com";
    static const uint8_t b_example[] = "\1b\7example\3com";
    const struct nx_answer referral = {.flags = NX_ANS_NS, .ns_owner = apex};
    struct bench *b = *state;
    for (unsigned by_ds = 0; by_ds < 2; by_ds++) {
        int64_t t = T0 + 1000 * S * by_ds;
        delegate(b, 1, com, 7, 7, t);
        denies(b, 1, 7, com, 900, t);
        const struct nx_question q[] = {
            {.name = apex, .qtype = NX_TYPE_NS, .to = server(7)},
            {.name = b_example, .qtype = NX_TYPE_NS, .to = server(7)}};
        const struct nx_answer no = {.rcode = NX_RCODE_NXDOMAIN,
                                     .flags = NX_ANS_AA};
        for (size_t i = 0; i < 2; i++) {
            const struct nx_obs obs = {.question = &q[i], .answer = &no};
            assert_int_equal(
                nx_authority_paper(b->a, 1, item, NX_TYPE_A, &obs, t), 0);
        }
        delegate(b, 1, apex, 1, 1, t + S);
        good(b, 1, 1, t + S);
        assert_true(step(b, t + S)->above_denied);
        if (by_ds) {
            ds(b, 7, NX_RCODE_NOERROR, t + 2 * S);
        } else {
            fold(b, 1, 7, &referral, NX_KIND_POS_OTHER, 0, false, t + 2 * S);
        }
        assert_false(step(b, t + 2 * S)->above_denied);
        assert_true(good_until_proven(b, t + 2 * S) <= t + 70 * S);
    }
}

/* A referral upwards, or to the zone itself, is a lame server's. */
static void test_lame_takes_nothing_back(void **state) {
    static const uint8_t item[] = "\1a\1b\7example\3com";
    static const uint8_t b_example[] = "\1b\7example\3com";
    static const uint8_t *const owners[] = {(const uint8_t *)"", com, apex};
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    good(b, 1, 1, T0);
    between_at(b, item, b_example, NX_RCODE_NXDOMAIN, NX_ANS_AA, T0);
    for (size_t i = 0; i < 3; i++) {
        const struct nx_question q = {
            .name = b_example, .qtype = NX_TYPE_NS, .to = server(1)};
        const struct nx_answer lame = {.flags = NX_ANS_NS,
                                       .ns_owner = owners[i]};
        const struct nx_obs obs = {.question = &q, .answer = &lame};
        assert_int_equal(
            nx_authority_paper(b->a, 1, item, NX_TYPE_A, &obs, T0 + S), 0);
        fold(b, 1, 1, &lame, NX_KIND_POS_OTHER, 0, false, T0 + S);
        assert_true(step(b, T0 + S)->above_denied);
    }
    between_at(b, item, b_example, NX_RCODE_NOERROR, NX_ANS_AA, T0 + S);
    assert_false(step(b, T0 + S)->above_denied);
}

/* The highest name that is denied is the cause of all denials below it. */
static void test_denied_ancestor(void **state) {
    static const uint8_t item[] = "\1a\1b\1c\7example\3com";
    static const uint8_t b_c[] = "\1b\1c\7EXAMPLE\3com";
    static const uint8_t c[] = "\1c\7example\3com";
    static const uint8_t d[] = "\1d\7example\3com";
    const unsigned soa_aa = NX_ANS_AA | NX_ANS_SOA;
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    between(b, item, c, NX_RCODE_NOERROR, soa_aa);
    between(b, item, d, NX_RCODE_NXDOMAIN, soa_aa); /* not above it */
    between(b, item, b_c, NX_RCODE_NXDOMAIN, 0);    /* lame */
    assert_null(nx_authority_ancestor(b->a));
    between(b, item, b_c, NX_RCODE_NXDOMAIN, soa_aa);
    assert_true(nx_dname_equal(nx_authority_ancestor(b->a), b_c));
    assert_true(step(b, T0)->ancestor_denied);
    between(b, item, c, NX_RCODE_NXDOMAIN, soa_aa);
    assert_true(nx_dname_equal(nx_authority_ancestor(b->a), c));
    between(b, item, b_c, NX_RCODE_NXDOMAIN, soa_aa);
    between(b, item, c, NX_RCODE_NOERROR, soa_aa); /* back; caches hold it */
    assert_true(nx_dname_equal(nx_authority_ancestor(b->a), c));
}

/* The zone itself, in the name of its parent: the delegation was lost. */
static void test_denied_zone_is_no_ancestor(void **state) {
    struct bench *b = *state;
    delegate(b, 1, com, 7, 7, T0);
    between(b, name, apex, NX_RCODE_NXDOMAIN, NX_ANS_AA | NX_ANS_SOA);
    assert_non_null(nx_authority_ancestor(b->a));
    delegate(b, 1, apex, 1, 1, T0 + S);
    assert_null(nx_authority_ancestor(b->a));
    assert_false(step(b, T0 + S)->ancestor_denied);
    /* Nor does it hide one. */
    static const uint8_t item[] = "\1a\1b\7example\3com";
    static const uint8_t b_example[] = "\1b\7example\3com";
    between(b, item, b_example, NX_RCODE_NXDOMAIN, NX_ANS_AA | NX_ANS_SOA);
    assert_non_null(nx_authority_ancestor(b->a));
    assert_true(nx_dname_equal(nx_authority_ancestor(b->a), b_example));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_denial_of_the_parent),
        TEST(test_denial_of_the_parent_and_a_blind_vantage),
        TEST(test_denial_of_a_name_between),
        TEST(test_delegation_that_is_back),
        TEST(test_lame_takes_nothing_back),
        TEST(test_denied_ancestor),
        TEST(test_denied_zone_is_no_ancestor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
