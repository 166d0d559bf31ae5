#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/authority_bench.h"

static void test_restoration_is_bracketed(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    denies(b, 1, 1, apex, 900, T0 + S);
    denies(b, 1, 2, apex, 900, T0 + S);
    const struct nx_auth_facts *f = step(b, T0 + S);
    assert_true(f->observed);
    assert_false(f->all_ns_good);
    assert_int_equal(f->ns_negative, 2);
    assert_int_equal(f->ns_total, 2);
    assert_int_equal(f->w_auth_s, 700); /* the smaller of TTL and MINIMUM */
    assert_int_equal(f->restored_hi_us, NX_TIME_UNKNOWN);
    assert_int_equal(f->outage_lo_us, T0 - 900 * S); /* some keep it as sent */
    good(b, 1, 1, T0 + 6 * S);
    denies(b, 1, 2, apex, 900, T0 + 6 * S);
    good(b, 1, 1, T0 + 11 * S);
    good(b, 1, 2, T0 + 11 * S);
    f = step(b, T0 + 11 * S);
    assert_true(f->all_ns_good);
    assert_false(f->verified);
    assert_int_equal(f->restored_lo_us, T0 + 6 * S - 4000 - EPS);
    assert_int_equal(f->restored_hi_us, T0 + 11 * S + EPS);
    assert_int_equal(f->ns_negative, 0);
}

static void test_verified_after_settling(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    rounds(b, 1, 2, T0, T0 + 55 * S);
    assert_false(step(b, T0 + 59 * S)->verified);
    assert_true(step(b, T0 + 60 * S + EPS)->verified);
    /* A denial closes the guard at once, and opens a new epoch. */
    uint64_t epoch = step(b, T0 + 60 * S + EPS)->epoch;
    denies(b, 1, 2, apex, 900, T0 + 61 * S);
    const struct nx_auth_facts *f = step(b, T0 + 61 * S);
    assert_false(f->verified);
    assert_int_equal(f->epoch, epoch + 1);
    assert_int_equal(f->outage_lo_us, T0 + 55 * S); /* last good before */
    rounds(b, 1, 2, T0 + 66 * S, T0 + 66 * S);
    f = step(b, T0 + 70 * S);
    assert_int_equal(f->epoch, epoch + 2);
    assert_int_equal(f->restored_hi_us, T0 + 66 * S + EPS);
    assert_false(f->verified);
}

static unsigned places(struct bench *b) {
    struct nx_auth_view view;
    assert_int_equal(nx_authority_view(b->a, &view), NX_OK);
    return view.places_n;
}

/* Good once is not settled: the answers must go on. */
static void test_stale_vantage_does_not_verify(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    good(b, 1, 1, T0);
    assert_false(step(b, T0 + 120 * S)->verified);
    good(b, 1, 1, T0 + 121 * S);
    assert_true(step(b, T0 + 121 * S)->verified);
    assert_int_equal(places(b), 1);
    /* Verified stays while nothing bad is seen. */
    assert_true(step(b, T0 + 1000 * S)->verified);
    assert_int_equal(places(b), 1);
}

static void test_two_vantages(void **state) {
    struct bench *b = *state;
    const struct nx_auth_rules two = {
        .settle_us = 10 * S, .interval_us = 5 * S, .vantages = 2};
    delegate(b, 1, apex, 1, 1, T0);
    rounds(b, 1, 1, T0, T0 + 20 * S);
    (void)nx_authority_step(b->a, &two, &b->incident, T0 + 20 * S);
    assert_false(nx_authority_facts(b->a)->verified);
    assert_int_equal(places(b), 0);
    delegate(b, 2, apex, 1, 1, T0 + 20 * S);
    rounds(b, 1, 1, T0 + 20 * S, T0 + 40 * S);
    rounds(b, 2, 1, T0 + 20 * S, T0 + 40 * S);
    (void)nx_authority_step(b->a, &two, &b->incident, T0 + 40 * S);
    assert_true(nx_authority_facts(b->a)->verified);
    assert_int_equal(places(b), 2);
    /* What one of them sees bad is bad; the server counts once. */
    denies(b, 2, 1, apex, 900, T0 + 41 * S);
    const struct nx_auth_facts *f = step(b, T0 + 41 * S);
    assert_false(f->all_ns_good);
    assert_int_equal(f->ns_total, 1);
    assert_int_equal(f->ns_negative, 1);
    assert_int_equal(places(b), 0);
    nx_authority_forget(b->a, 2);
    assert_true(step(b, T0 + 42 * S)->all_ns_good);
}

/* The apex's SOA with this MINIMUM. */
static void sends_w(struct bench *b, unsigned i, uint8_t w_s, int64_t at_us) {
    const uint8_t rdata[24] = {0, 22, [7] = 1, [23] = w_s};
    const struct nx_answer answer = {.flags = NX_ANS_AA | NX_ANS_RDATA,
                                     .rdata = rdata,
                                     .rdata_len = sizeof(rdata),
                                     .rdata_n = 1};
    fold(b, 1, i, &answer, NX_KIND_POS, 900, true, at_us);
}

static void test_negative_ttl_in_time(void **state) {
    struct bench *b = *state;
    struct nx_auth_view view;
    delegate(b, 1, apex, 1, 2, T0);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.w_n, 0);
    for (int64_t t = T0; t < T0 + 30 * S; t += 5 * S) {
        /* One after the other: 200 s, at first, since the round began; the
         * second server has the lower one later. */
        sends_w(b, 1, t < T0 + 10 * S ? 100 : 60, t);
        sends_w(b, 2, t < T0 + 20 * S ? 200 : 60, t + S / 100);
    }
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.w_n, 2);
    assert_int_equal(view.w[0].w_s, 200);
    assert_int_equal(view.w[0].at_us, T0);
    assert_int_equal(view.w[1].w_s, 60);
    assert_true(view.w[1].at_us >= T0 + 20 * S);
    /* The oldest go. */
    for (unsigned k = 0; k < 2 * NX_AUTH_W_MAX; k++) {
        int64_t t = T0 + (int64_t)(40 + 5 * k) * S;
        sends_w(b, 1, (uint8_t)(100 + k), t);
        sends_w(b, 2, (uint8_t)(100 + k), t);
    }
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.w_n, NX_AUTH_W_MAX);
    assert_int_equal(view.w[NX_AUTH_W_MAX - 1].w_s, 99 + 2 * NX_AUTH_W_MAX);
    assert_int_equal(view.w[0].w_s, 100 + NX_AUTH_W_MAX);
}

static void test_another_rrset_blocks(void **state) {
    struct bench *b = *state;
    const struct nx_answer other = {.flags = NX_ANS_RDATA | NX_ANS_AA};
    delegate(b, 1, apex, 1, 2, T0);
    good(b, 1, 1, T0);
    fold(b, 1, 2, &other, NX_KIND_POS_OTHER, 300, false, T0);
    assert_false(step(b, T0 + 400 * S)->all_ns_good);
    assert_int_equal(step(b, T0 + 400 * S)->ns_negative, 0);
}

static const uint8_t out_of_zone[] = "\3cdn\7example\3net";
static const struct nx_answer alias_out = {
    .flags = NX_ANS_AA, .denied_name = out_of_zone, .cname_n = 1};

/* An alias that always stood says nothing of its target: the guard stays
 * closed, for the target may be what is denied. */
static void test_alias_says_nothing_of_its_target(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    for (int i = 0; i < 100; i++) {
        fold(b, 1, 1, &alias_out, NX_KIND_MISS, 0, false, T0 + i * 5 * S);
    }
    const struct nx_auth_facts *f = step(b, T0 + 500 * S);
    assert_false(f->all_ns_good);
    assert_false(f->verified);
}

/* Not by a server's copy of the other zone either, or its denial: resolvers
 * drop that part. */
static void test_copy_of_another_zone_is_no_word(void **state) {
    struct bench *b = *state;
    struct nx_auth_view view;
    struct nx_answer copy = alias_out;
    struct nx_answer denial = alias_out;
    copy.flags |= NX_ANS_RDATA;
    denial.flags |= NX_ANS_SOA;
    denial.rcode = NX_RCODE_NXDOMAIN;
    delegate(b, 1, apex, 1, 2, T0);
    fold(b, 1, 1, &denial, NX_KIND_NXDOMAIN, 900, false, T0);
    for (int i = 1; i < 100; i++) {
        fold(b, 1, 1, &copy, NX_KIND_POS, 300, false, T0 + i * 5 * S);
        fold(b, 1, 2, &alias_out, NX_KIND_MISS, 0, false, T0 + i * 5 * S);
    }
    const struct nx_auth_facts *f = step(b, T0 + 500 * S);
    assert_false(f->all_ns_good);
    assert_int_equal(nx_authority_view(b->a, &view), NX_OK);
    assert_true(view.servers[0].alias);
    /* Then the operator's word counts, while nobody denies. */
    struct nx_incident declared = b->incident;
    b->incident.restored_us = T0 + 400 * S;
    assert_true(step(b, T0 + 501 * S)->verified);
    fold(b, 1, 2, &denial, NX_KIND_NXDOMAIN, 900, false, T0 + 502 * S);
    assert_false(step(b, T0 + 502 * S)->verified);
    b->incident = declared;
    /* Nor is another record there this zone's fault. */
    fold(b, 1, 2, &copy, NX_KIND_POS_OTHER, 300, false, T0 + 501 * S);
    (void)step(b, T0 + 501 * S);
    assert_int_equal(nx_authority_view(b->a, &view), NX_OK);
    assert_int_not_equal(view.servers[1].class_, NX_AUTH_DIFFERS);
}

/* It goes on inside of the zone, and nobody says to what. */
static void test_alias_that_stops_is_told(void **state) {
    static const uint8_t inside[] = "\3app\7example\3com";
    struct bench *b = *state;
    struct nx_auth_view view;
    struct nx_answer answer = alias_out;
    answer.denied_name = inside;
    delegate(b, 1, apex, 1, 1, T0);
    fold(b, 1, 1, &answer, NX_KIND_MISS, 0, false, T0);
    assert_false(step(b, T0)->all_ns_good);
    assert_int_equal(nx_authority_view(b->a, &view), NX_OK);
    assert_true(view.servers[0].stops);
    assert_false(view.servers[0].alias);
    answer.flags |= NX_ANS_SOA; /* it says that there is nothing */
    fold(b, 1, 1, &answer, NX_KIND_NODATA, 900, false, T0 + S);
    (void)step(b, T0 + S);
    assert_int_equal(nx_authority_view(b->a, &view), NX_OK);
    assert_false(view.servers[0].stops);
    assert_int_equal(view.servers[0].class_, NX_AUTH_DENIES);
}

/* One that was missing and is back: the server has done its part. */
static void test_alias_that_is_back_is_good(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    denies(b, 1, 1, apex, 900, T0);
    assert_false(step(b, T0)->all_ns_good);
    fold(b, 1, 1, &alias_out, NX_KIND_MISS, 0, false, T0 + S);
    assert_true(step(b, T0 + S)->all_ns_good);
}

static void test_leaving_server_ends_the_outage(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    good(b, 1, 1, T0);
    denies(b, 1, 2, apex, 900, T0 + S);
    assert_false(step(b, T0 + S)->all_ns_good);
    delegate(b, 1, apex, 1, 1, T0 + 10 * S);
    const struct nx_auth_facts *f = step(b, T0 + 10 * S);
    assert_true(f->all_ns_good);
    assert_int_equal(f->ns_total, 1);
    assert_int_equal(f->restored_lo_us, T0 + S - 4000 - EPS);
    assert_int_equal(f->restored_hi_us, T0 + 10 * S + EPS);
    assert_true(f->deleg_changed_ns); /* caches may still ask it */
    assert_true(f->old_servers_negative);
    assert_int_equal(f->old_w_s, 700);
    assert_int_equal(f->ns_ttl_s, 3600);
    /* It is not listened to any more. */
    denies(b, 1, 2, apex, 900, T0 + 11 * S);
    assert_true(step(b, T0 + 11 * S)->all_ns_good);
}

static void test_parent_denied(void **state) {
    struct bench *b = *state;
    delegate(b, 1, com, 7, 7, T0);
    denies(b, 1, 7, com, 600, T0 + S);
    const struct nx_auth_facts *f = step(b, T0 + S);
    assert_int_equal(f->w_auth_s, 600);
    delegate(b, 1, apex, 1, 1, T0 + 20 * S);
    assert_false(step(b, T0 + 20 * S)->all_ns_good); /* not asked yet */
    good(b, 1, 1, T0 + 21 * S);
    f = step(b, T0 + 21 * S);
    assert_true(f->all_ns_good);
    assert_int_equal(f->parent_w_s, 600);
    assert_int_equal(f->w_auth_s, 600);
    assert_int_equal(f->restored_hi_us, T0 + 20 * S + EPS);
    assert_false(f->deleg_changed_ns);
    assert_false(f->old_servers_negative);
}

/* A walk that did not arrive changes nothing. */
static void test_unreached_walk(void **state) {
    struct bench *b = *state;
    const struct nx_endpoint root = server(9);
    const struct nx_delegation d = {.name = name,
                                    .apex = com,
                                    .servers = &root,
                                    .servers_n = 1,
                                    .problems = NX_DELEG_UNREACHED};
    struct nx_auth_view view;
    delegate(b, 1, apex, 1, 1, T0);
    good(b, 1, 1, T0);
    assert_int_equal(nx_authority_delegation(b->a, 1, &d, T0 + S, EPS), 0);
    assert_true(step(b, T0 + S)->all_ns_good);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.problems, NX_DELEG_UNREACHED);
    assert_true(nx_dname_equal(view.apex, apex));
}

/* Each vantage came by a server of the parent of its own. */
static void test_glue_of_all_vantages(void **state) {
    struct bench *b = *state;
    const struct nx_endpoint at = server(1);
    struct nx_delegation d = {.name = name,
                              .apex = apex,
                              .parent = com,
                              .servers = &at,
                              .servers_n = 1,
                              .glue = NX_GLUE_DIFFERS};
    struct nx_auth_view view;
    assert_int_equal(nx_authority_delegation(b->a, 1, &d, T0, EPS), 0);
    d.glue = NX_GLUE_MISSING;
    assert_int_equal(nx_authority_delegation(b->a, 2, &d, T0, EPS), 0);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.glue, NX_GLUE_DIFFERS | NX_GLUE_MISSING);
    d.glue = 0;
    assert_int_equal(nx_authority_delegation(b->a, 1, &d, T0 + S, EPS), 0);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.glue, NX_GLUE_MISSING);
}

static void test_old_answers_change_nothing(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    good(b, 1, 1, T0 + 10 * S);
    denies(b, 1, 1, apex, 900, T0 + 5 * S); /* arrived late */
    assert_true(step(b, T0 + 10 * S)->all_ns_good);
}

/* Two vantages see the loss and the return one after the other: com's servers,
 * which denied in between, are no old servers of the zone, nor did its set
 * change. */
static void test_vantages_lose_it_in_turn(void **state) {
    struct bench *b = *state;
    size_t left_n = 0;
    uint64_t changes_n = 0;
    for (uint32_t agent = 1; agent <= 2; agent++) {
        delegate(b, agent, apex, 1, 1, T0);
        good(b, agent, 1, T0 + S);
    }
    for (uint32_t agent = 1; agent <= 2; agent++) {
        delegate(b, agent, com, 7, 7, T0 + 10 * S + agent);
        denies(b, agent, 7, com, 600, T0 + 11 * S + agent);
    }
    for (uint32_t agent = 1; agent <= 2; agent++) {
        delegate(b, agent, apex, 1, 1, T0 + 20 * S + agent);
        good(b, agent, 1, T0 + 21 * S + agent);
    }
    const struct nx_auth_facts *f = step(b, T0 + 22 * S);
    (void)nx_authority_left(b->a, &left_n, &changes_n);
    assert_int_equal(left_n, 0);
    assert_false(f->old_servers_negative);
    assert_false(f->deleg_changed_ns);
}

static void test_too_many_vantages(void **state) {
    struct bench *b = *state;
    for (uint32_t i = 1; i <= NX_AUTH_VANTAGES_MAX; i++) {
        delegate(b, i, apex, 1, 1, T0);
    }
    const struct nx_endpoint at = server(1);
    const struct nx_delegation d = {
        .name = name, .apex = apex, .servers = &at, .servers_n = 1};
    assert_int_equal(nx_authority_delegation(b->a, 99, &d, T0, EPS), NX_ELIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_restoration_is_bracketed),
        TEST(test_verified_after_settling),
        TEST(test_stale_vantage_does_not_verify),
        TEST(test_two_vantages),
        TEST(test_negative_ttl_in_time),
        TEST(test_another_rrset_blocks),
        TEST(test_alias_says_nothing_of_its_target),
        TEST(test_copy_of_another_zone_is_no_word),
        TEST(test_alias_that_stops_is_told),
        TEST(test_alias_that_is_back_is_good),
        TEST(test_leaving_server_ends_the_outage),
        TEST(test_parent_denied),
        TEST(test_unreached_walk),
        TEST(test_glue_of_all_vantages),
        TEST(test_old_answers_change_nothing),
        TEST(test_vantages_lose_it_in_turn),
        TEST(test_too_many_vantages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
