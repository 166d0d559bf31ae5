/* Which answers of an authoritative server shut the guard: rule 1, in the set
 * and out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/plants.h"
#include "tests/lib/authority_bench.h"

enum {
    AA = NX_ANS_AA,
    RA = NX_ANS_RA,
    TC = NX_ANS_TC,
    SOA = NX_ANS_SOA,
    NS = NX_ANS_NS,
    RDATA = NX_ANS_RDATA,
};

static const uint8_t below[] = "\3www\7example\3com";
static const uint8_t root[] = "";
static const uint8_t address[] = {0, 4, 192, 0, 2, 10};

static const struct row {
    const char *what;
    struct nx_answer answer;
    bool plants, bare;
} rows[] = {
    {"NXDOMAIN", {.rcode = 3, .flags = AA | SOA}, true, false},
    {"NXDOMAIN without SOA", {.rcode = 3, .flags = AA}, true, false},
    {"NXDOMAIN without AA", {.rcode = 3}, true, false},
    {"NXDOMAIN, cut off", {.rcode = 3, .flags = TC}, true, false},
    {"NODATA", {.flags = AA | SOA}, true, false},
    {"nothing, with AA", {.flags = AA}, true, true},
    {"nothing", {.flags = 0}, true, true},
    {"nothing, with AA and RA", {.flags = AA | RA}, true, true},
    {"nothing, by a recursive resolver", {.flags = RA}, false, false},
    {"the zone's own NS set", {.flags = NS, .ns_owner = apex}, true, true},
    {"the same with AA", {.flags = AA | NS, .ns_owner = apex}, true, true},
    {"the root's NS set, AA", {.flags = AA | NS, .ns_owner = root}, true, true},
    {"the root's NS set", {.flags = NS, .ns_owner = root}, false, false},
    {"a referral", {.flags = NS, .ns_owner = below}, false, false},
    {"a referral with AA", {.flags = AA | NS, .ns_owner = below}, false, false},
    {"REFUSED", {.rcode = 5}, false, false},
    {"SERVFAIL", {.rcode = 2, .flags = AA}, false, false},
    {"cut off", {.flags = TC | AA}, false, false},
    {"a chain that ends in NODATA",
     {.flags = AA | SOA, .cname_n = 1, .denied_name = below},
     true,
     false},
    {"half a chain",
     {.flags = AA, .cname_n = 1, .denied_name = below},
     false,
     false},
    {"silence", {.outcome = NX_TIMEOUT}, false, false},
    {"without AA",
     {.flags = RDATA, .rdata = address, .rdata_len = 6, .rdata_n = 1},
     false,
     false},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct nx_look answers(struct bench *b, unsigned i,
                              const struct nx_answer *answer, int64_t at_us) {
    const struct nx_question question = {
        .name = name, .qtype = NX_TYPE_A, .to = server(i)};
    struct nx_answer said = *answer;
    said.soa_owner = (said.flags & SOA) != 0 ? apex : NULL;
    const struct nx_obs obs = {.question = &question,
                               .answer = &said,
                               .tx_mono_us = at_us - 4000,
                               .rx_mono_us = at_us,
                               .soa_ttl_s = 900};
    struct nx_look look;
    nx_look_from_obs(&obs, NULL, apex, 0, EPS, &look);
    nx_authority_answer(b->a, 1, &obs, &look);
    return look;
}

static void test_table(void **state) {
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        struct nx_answer said = r->answer;
        said.soa_owner = (said.flags & SOA) != 0 ? apex : NULL;
        bool plants = nx_answer_plants(&said, apex);
        bool bare = nx_answer_is_bare(&said, apex);
        if (plants != r->plants || bare != r->bare) {
            fail_msg("%s: plants %d, bare %d", r->what, plants, bare);
        }
        bool half = strcmp(r->what, "half a chain") == 0;
        assert_int_equal(nx_answer_stops(&said, apex), half);
        assert_false(half && nx_answer_stops(&said, NULL)); /* of which zone? */
    }
}

/* Two servers are good for long; then one gives that answer. */
static void in_the_set(struct bench *b, const struct row *r) {
    int64_t t = T0;
    delegate(b, 1, apex, 1, 2, T0 - S);
    for (; t <= T0 + 70 * S; t += 5 * S) {
        good(b, 1, 1, t);
        good(b, 1, 2, t);
        (void)step(b, t);
    }
    assert_true(nx_authority_proven(b->a));
    (void)answers(b, 2, &r->answer, t);
    bool at_once = !nx_authority_proven(b->a);
    (void)step(b, t);
    bool shut = !nx_authority_proven(b->a);
    unsigned negative = nx_authority_facts(b->a)->ns_negative;
    if (at_once != r->plants || shut != r->plants ||
        negative != (r->plants ? 1U : 0U)) {
        fail_msg("in the set, %s: at once %d, after %d, negative %u", r->what,
                 at_once, shut, negative);
    }
}

/* The zone left server 2, which gives that answer. */
static void out_of_the_set(struct bench *b, const struct row *r) {
    int64_t t = T0;
    delegate(b, 1, apex, 1, 2, T0 - S);
    good(b, 1, 2, T0);
    delegate(b, 1, apex, 1, 1, T0 + S);
    for (; t <= T0 + 70 * S; t += 5 * S) {
        good(b, 1, 1, t);
        (void)step(b, t);
    }
    assert_true(nx_authority_proven(b->a));
    (void)answers(b, 2, &r->answer, t);
    bool at_once = !nx_authority_proven(b->a);
    (void)step(b, t);
    bool shut = !nx_authority_proven(b->a);
    if (at_once != r->plants || shut != r->plants) {
        fail_msg("out of the set, %s: at once %d, after %d", r->what, at_once,
                 shut);
    }
}

static const uint8_t child[] = "\3cdn\7example\3com";
static const uint8_t in_child[] = "\1x\3cdn\7example\3com";
static const uint8_t elsewhere[] = "\1x\7example\3net";

static void test_leaves(void **state) {
    (void)state;
    struct nx_answer chain = {
        .flags = AA, .cname_n = 1, .denied_name = elsewhere};
    assert_true(nx_answer_leaves(&chain, apex));
    assert_false(nx_answer_leaves(&chain, NULL));
    assert_false(nx_answer_is_back(&chain, apex, false));
    assert_true(nx_answer_is_back(&chain, apex, true));
    chain.flags = 0; /* not the zone's own word */
    assert_false(nx_answer_is_back(&chain, apex, true));
    chain.flags = AA;
    chain.denied_name = in_child;
    assert_false(nx_answer_leaves(&chain, apex));
    chain.flags |= NS;
    chain.ns_owner = child;
    assert_true(nx_answer_leaves(&chain, apex));
    chain.ns_owner = apex;
    assert_false(nx_answer_leaves(&chain, apex));
    chain.denied_name = elsewhere;
    chain.flags |= SOA;
    assert_false(nx_answer_leaves(&chain, apex));
    chain.flags = AA | RDATA;
    assert_true(nx_answer_leaves(&chain, apex));
    assert_false(nx_answer_affirms(&chain, apex));
    chain.flags = AA | RDATA | SOA | TC; /* whatever comes with it */
    assert_true(nx_answer_leaves(&chain, apex));
    chain.denied_name = below;
    chain.flags = AA | RDATA;
    assert_false(nx_answer_leaves(&chain, apex));
    assert_true(nx_answer_affirms(&chain, apex));
    assert_false(nx_answer_affirms(&chain, NULL)); /* of which zone? */
    chain.cname_n = 0;
    chain.denied_name = NULL;
    assert_true(nx_answer_affirms(&chain, NULL));
    chain.flags = RDATA;
    assert_false(nx_answer_affirms(&chain, apex));
}

/* Asked for `below`, a server of the zone. */
static void test_shows_a_name(void **state) {
    static const struct {
        struct nx_answer answer;
        bool shows, leads;
    } said[] = {
        {{.flags = AA | SOA}, true, false},
        {{.flags = AA | RDATA | NS, .ns_owner = apex}, true, false},
        {{.flags = AA}, true, false}, /* an empty one */
        {{.flags = AA, .cname_n = 1, .denied_name = elsewhere}, true, false},
        {{.flags = NS, .ns_owner = below}, true, true},
        {{.flags = AA | NS, .ns_owner = below}, true, true},
        {{.flags = NS, .ns_owner = apex}, false, false},
        {{.flags = AA | NS, .ns_owner = apex}, false, false},
        {{.flags = NS, .ns_owner = root}, false, false},
        {{.flags = AA | NS, .ns_owner = root}, false, false},
        {{.flags = NS, .ns_owner = elsewhere}, false, false},
        {{.flags = RA | RDATA}, false, false},
        {{.flags = SOA}, false, false},
        {{.rcode = 3, .flags = AA | SOA}, false, false},
        {{.rcode = 5, .flags = NS, .ns_owner = below}, false, false},
        {{.outcome = NX_TIMEOUT}, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
        const struct nx_answer *a = &said[i].answer;
        assert_int_equal(nx_answer_shows_name(a, below, apex), said[i].shows);
        assert_int_equal(nx_answer_leads_down(a, below, apex), said[i].leads);
    }
    assert_ptr_equal(nx_name_above(below, 2), below + 4);
    assert_ptr_equal(nx_name_above(apex, 3), apex);
}

static void test_guard(void **state) {
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(setup(state), 0);
        in_the_set(*state, &rows[i]);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
        out_of_the_set(*state, &rows[i]);
        assert_int_equal(teardown(state), 0);
    }
}

/* One that never gave anything else is not set aside, whatever it lacks. */
static void test_never_anything_else(void **state) {
    struct bench *b = *state;
    const struct nx_answer nothing = {.flags = AA};
    delegate(b, 1, apex, 1, 2, T0 - S);
    for (int64_t t = T0; t <= T0 + 400 * S; t += 5 * S) {
        good(b, 1, 1, t);
        (void)answers(b, 2, &nothing, t);
        (void)step(b, t);
        assert_false(nx_authority_proven(b->a));
    }
    struct nx_auth_view view;
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.servers[1].class_, NX_AUTH_DENIES);
    assert_true(view.servers[1].bare);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_shows_a_name), cmocka_unit_test(test_guard),
        TEST(test_never_anything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
