/* What the answers of a round say of a name, for the guard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/plan/witness.h"
#include "common/rrtype.h"

static const uint16_t both[] = {NX_TYPE_A, NX_TYPE_AAAA};
static const uint8_t apex[] = "\7example\3com";
static const uint8_t www[] = "\3www\7example\3com";
static const uint8_t elsewhere[] = "\3web\7example\3net";

static struct nx_witness witness;
static enum nx_guard_word said[3]; /* A, AAAA, every type */
static uint8_t host;               /* who answers */

static void tell(void *user, uint16_t qtype, enum nx_guard_word word) {
    (void)user;
    said[qtype == NX_TYPE_A ? 0 : qtype == NX_TYPE_AAAA ? 1 : 2] = word;
}

static int setup(void **state) {
    (void)state;
    memset(&witness, 0, sizeof(witness));
    memset(said, 0, sizeof(said));
    host = 0;
    nx_witness_begin(&witness, both, 2, 0, tell, NULL);
    return 0;
}

static const struct nx_answer has = {.flags = NX_ANS_AA | NX_ANS_RDATA};
static const struct nx_answer not_ours = {.flags = NX_ANS_RDATA};
static const struct nx_answer no_name = {.rcode = NX_RCODE_NXDOMAIN,
                                         .flags = NX_ANS_AA | NX_ANS_SOA};
static const struct nx_answer no_data = {.flags = NX_ANS_AA | NX_ANS_SOA};
static const struct nx_answer bare = {.flags = 0};
static const struct nx_answer cut = {.flags = NX_ANS_AA | NX_ANS_TC};
static const struct nx_answer refused = {.rcode = NX_RCODE_REFUSED};
static const struct nx_answer silence = {.outcome = NX_TIMEOUT};
static const struct nx_answer no_way = {.outcome = NX_UNREACHABLE};
static const struct nx_answer no_tail = {
    .flags = NX_ANS_AA, .cname_n = 1, .denied_name = www};
static const struct nx_answer alias = {
    .flags = NX_ANS_AA, .cname_n = 1, .denied_name = elsewhere};

static void hear_as(const struct nx_answer *answer, uint16_t qtype, unsigned n,
                    uint8_t address_len, bool left) {
    struct nx_question question = {.name = www, .qtype = qtype};
    const struct nx_obs obs = {.question = &question, .answer = answer};
    question.to.address_len = address_len;
    question.to.address[0] = host;
    for (unsigned i = 0; i < n; i++) {
        nx_witness_hear(&witness, www, &obs, apex, left, tell, NULL);
    }
}

/* n servers by IPv4. */
static void hear(const struct nx_answer *answer, unsigned n) {
    hear_as(answer, NX_TYPE_A, n, 4, false);
}

static enum nx_guard_word end(void) {
    const struct nx_witness_walk walk = {.arrived = true};
    nx_witness_end(&witness, &walk, tell, NULL);
    return said[0];
}

static void test_good(void **state) {
    (void)state;
    hear(&has, 2);
    assert_int_equal(said[0], NX_GUARD_NO_WORD); /* not before the end */
    assert_int_equal(end(), NX_GUARD_GOOD);
    assert_int_equal(said[1], NX_GUARD_NO_WORD);
}

/* Its target may be what is denied. Where it is the alias that was missing, it
 * is back. */
static void test_alias(void **state) {
    (void)state;
    hear(&alias, 3);
    assert_int_equal(end(), NX_GUARD_NO_WORD);
    hear(&has, 1); /* of two types of one name, or by a server that knows */
    assert_int_equal(end(), NX_GUARD_GOOD);
    hear(&no_name, 1);
    nx_witness_begin(&witness, both, 2, 0, tell, NULL);
    hear(&alias, 3);
    assert_int_equal(end(), NX_GUARD_GOOD);
}

/* One server has a copy of the other zone. */
static void test_alias_followed_out(void **state) {
    const struct nx_answer copy = {.flags = NX_ANS_AA | NX_ANS_RDATA,
                                   .cname_n = 1,
                                   .denied_name = elsewhere};
    const struct nx_answer inside = {
        .flags = NX_ANS_AA | NX_ANS_RDATA, .cname_n = 1, .denied_name = www};
    const struct nx_answer denial = {.rcode = NX_RCODE_NXDOMAIN,
                                     .flags = NX_ANS_AA | NX_ANS_SOA,
                                     .cname_n = 1,
                                     .denied_name = elsewhere};
    (void)state;
    hear(&copy, 3);
    assert_int_equal(end(), NX_GUARD_NO_WORD);
    hear(&denial, 1); /* that the alias was missing, it does not say */
    nx_witness_begin(&witness, both, 2, 0, tell, NULL);
    said[0] = NX_GUARD_NO_WORD;
    hear(&copy, 3);
    assert_int_equal(end(), NX_GUARD_NO_WORD);
    hear(&inside, 1);
    assert_int_equal(end(), NX_GUARD_GOOD);
}

static void hear_of(const struct nx_answer *answer, const uint8_t *name,
                    uint16_t qtype, bool left) {
    struct nx_question question = {.name = name, .qtype = qtype};
    const struct nx_obs obs = {.question = &question, .answer = answer};
    question.to.address_len = 4;
    question.to.address[0] = host;
    nx_witness_hear(&witness, www, &obs, apex, left, tell, NULL);
}

/* RFC 8020: of the parent's servers, of empty names. Those beside the name, as
 * the wildcard's, are another matter. */
static void test_above(void **state) {
    static const uint8_t beside[] = "\1*\7example\3com";
    (void)state;
    hear(&has, 2);
    hear_of(&no_name, beside, NX_TYPE_A, false);
    hear_of(&no_data, apex, NX_TYPE_DS, false);
    assert_int_equal(end(), NX_GUARD_GOOD);
    host = 9;
    hear_of(&no_name, apex, NX_TYPE_DS, false);
    assert_int_equal(said[2], NX_GUARD_DENIED);
    said[0] = NX_GUARD_NO_WORD;
    assert_int_equal(end(), NX_GUARD_NO_WORD);
    assert_int_equal(said[2], NX_GUARD_DENIED);
}

/* The server has the name itself; a way down to the cut says that it, and what
 * is above it, is there. */
static void test_above_is_taken_back(void **state) {
    static const uint8_t com[] = "\3com";
    const struct nx_answer referral = {.flags = NX_ANS_NS, .ns_owner = apex};
    struct nx_question question = {.name = apex, .qtype = NX_TYPE_NS};
    const struct nx_obs denial = {.question = &question, .answer = &no_name};
    (void)state;
    question.to.address_len = 4;
    question.to.address[0] = host = 9;
    for (unsigned i = 0; i < 2; i++) {
        nx_witness_hear(&witness, www, &denial, com, false, tell, NULL);
        nx_witness_begin(&witness, both, 2, 0, tell, NULL);
        hear(&has, 3);
        (void)end();
        assert_int_equal(said[2], NX_GUARD_DENIED);
        hear_of(&no_data, com, NX_TYPE_NS, false);
        (void)end();
        assert_int_equal(said[2], NX_GUARD_DENIED);
        if (i == 0) {
            hear_of(&no_data, apex, NX_TYPE_NS, false);
        } else {
            hear_of(&referral, www, NX_TYPE_A, true);
        }
        assert_int_equal(end(), NX_GUARD_GOOD);
        assert_int_equal(said[2], NX_GUARD_NO_WORD);
    }
}

/* Upwards, to the zone itself, or without AA: what a lame server gives. */
static void test_above_is_not_taken_back(void **state) {
    static const uint8_t root[] = "";
    static const uint8_t item[] = "\1a\1b\7example\3com";
    static const uint8_t between[] = "\1b\7example\3com";
    static const struct nx_answer lame[] = {
        {.flags = NX_ANS_NS, .ns_owner = root},
        {.flags = NX_ANS_AA | NX_ANS_NS, .ns_owner = root},
        {.flags = NX_ANS_NS, .ns_owner = apex},
        {.flags = NX_ANS_AA | NX_ANS_NS, .ns_owner = apex},
        {.flags = NX_ANS_RA | NX_ANS_SOA},
        {.flags = 0},
    };
    static const struct nx_answer way_down = {.flags = NX_ANS_NS,
                                              .ns_owner = between};
    struct nx_question q = {.name = between, .qtype = NX_TYPE_NS};
    struct nx_obs obs = {.question = &q, .answer = &no_name};
    (void)state;
    q.to.address_len = 4;
    q.to.address[0] = 9;
    nx_witness_hear(&witness, item, &obs, apex, false, tell, NULL);
    for (size_t i = 0; i < 2 * sizeof(lame) / sizeof(lame[0]); i++) {
        nx_witness_begin(&witness, both, 2, 0, tell, NULL);
        obs.answer = &lame[i / 2];
        q.name = between;
        nx_witness_hear(&witness, item, &obs, apex, false, tell, NULL);
        q.name = item; /* itself, by one that left the set too */
        q.qtype = NX_TYPE_A;
        nx_witness_hear(&witness, item, &obs, apex, i % 2 == 0, tell, NULL);
        assert_int_equal(said[2], NX_GUARD_DENIED);
        assert_int_not_equal(nx_deniers_find(&witness.deniers, &q.to)->above,
                             0);
        q.qtype = NX_TYPE_NS;
    }
    q.name = between;
    obs.answer = &way_down;
    nx_witness_hear(&witness, item, &obs, apex, false, tell, NULL);
    const struct nx_denier *left = nx_deniers_find(&witness.deniers, &q.to);
    assert_true(left == NULL || left->above == 0);
}

/* An alias out of the zone is no word that its target is there, but that the
 * name exists again. */
static void test_alias_after_above(void **state) {
    (void)state;
    host = 9;
    hear_of(&no_name, apex, NX_TYPE_DS, false);
    assert_int_equal(said[2], NX_GUARD_DENIED);
    nx_witness_begin(&witness, both, 2, 0, tell, NULL);
    hear_of(&alias, www, NX_TYPE_A, true);
    hear_of(&alias, www, NX_TYPE_AAAA, true);
    (void)end();
    assert_int_equal(said[2], NX_GUARD_DENIED);
    hear_of(&no_data, apex, NX_TYPE_DS, false);
    host = 0;
    hear(&alias, 3);
    (void)end();
    assert_int_equal(said[2], NX_GUARD_NO_WORD);
}

static bool all(const void *user, const struct nx_endpoint *at) {
    (void)user;
    (void)at;
    return true;
}

static bool none(const void *user, const struct nx_endpoint *at) {
    (void)user;
    (void)at;
    return false;
}

/* A round later it has to take it back, in its own zone's name. */
static void test_deniers(void **state) {
    static const uint8_t com[] = "\3com";
    struct nx_endpoint at[2];
    struct nx_question question = {.name = www, .qtype = NX_TYPE_A};
    struct nx_obs obs = {.question = &question, .answer = &no_name};
    const struct nx_answer referral = {.flags = NX_ANS_NS, .ns_owner = apex};
    (void)state;
    question.to.address_len = 4;
    question.to.address[0] = 9;
    nx_witness_hear(&witness, www, &obs, com, false, tell, NULL);
    for (int i = 0; i < 2; i++) {
        nx_witness_begin(&witness, both, 2, 1, tell, NULL);
        assert_int_equal(nx_witness_deniers(&witness, all, NULL, at, 2), 1);
        assert_int_equal(at[0].address[0], 9);
        hear(&has, 2);
        assert_int_equal(end(), NX_GUARD_DENIED); /* it was not heard */
        assert_int_equal(said[2], NX_GUARD_DENIED);
    }
    obs.answer = &referral; /* to the zone whose servers are asked now */
    nx_witness_hear(&witness, www, &obs, apex, true, tell, NULL);
    assert_int_equal(end(), NX_GUARD_GOOD);
    assert_int_equal(said[2], NX_GUARD_NO_WORD);
    assert_int_equal(nx_witness_deniers(&witness, all, NULL, at, 2), 0);
    host = 8;
    hear(&no_data, 1);
    assert_int_equal(nx_witness_deniers(&witness, none, NULL, at, 2), 0);
    nx_witness_begin(&witness, both, 1, 2, tell, NULL);
    hear(&has, 1);
    assert_int_equal(end(), NX_GUARD_GOOD);
}

/* The type that is denied alone says nothing of others, until they change. */
static void test_deniers_types(void **state) {
    static const uint16_t other[] = {NX_TYPE_AAAA, NX_TYPE_A};
    (void)state;
    host = 8;
    hear_as(&no_data, NX_TYPE_AAAA, 1, 4, false);
    host = 0;
    hear(&has, 1);
    assert_int_equal(end(), NX_GUARD_GOOD);
    said[0] = NX_GUARD_NO_WORD;
    nx_witness_begin(&witness, other, 2, 0, tell, NULL);
    hear(&has, 1);
    assert_int_equal(end(), NX_GUARD_NO_WORD);
    host = 8;
    hear(&has, 1);
    assert_int_equal(end(), NX_GUARD_GOOD);
    assert_int_equal(said[1], NX_GUARD_DENIED);
}

/* More than there is room for: nobody knows who they are. */
static void test_deniers_crowd(void **state) {
    (void)state;
    for (host = 1; host <= NX_DENIERS_MAX + 1; host++) {
        hear_as(&no_data, NX_TYPE_AAAA, 1, 4, false);
    }
    hear(&has, 1);
    assert_int_equal(end(), NX_GUARD_NO_WORD);
}

static void test_arrived(void **state) {
    const struct nx_witness_walk silent = {.arrived = false};
    const struct nx_witness_walk partly = {.arrived = true, .unasked_n = 2};
    (void)state;
    hear(&has, 1);
    nx_witness_end(&witness, &silent, tell, NULL);
    assert_int_equal(said[0], NX_GUARD_NO_WORD);
    nx_witness_end(&witness, &partly, tell, NULL);
    assert_int_equal(said[0], NX_GUARD_NO_WORD);
    hear(&has, 1);
    nx_witness_end(&witness, &partly, tell, NULL);
    assert_int_equal(said[0], NX_GUARD_GOOD);
}

static void test_no_word(void **state) {
    const struct nx_answer *const vain[] = {&not_ours, &cut,    &refused,
                                            &silence,  &no_way, &no_tail};
    for (size_t i = 0; i < sizeof(vain) / sizeof(vain[0]); i++) {
        setup(state);
        hear(vain[i], 3);
        assert_int_equal(end(), NX_GUARD_NO_WORD);
    }
}

/* Who does not answer, or not for the zone, does not count as good. */
static void test_half(void **state) {
    const struct nx_answer *const others[] = {&silence, &refused, &cut};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        setup(state);
        hear(&has, 1);
        hear(others[i], 2);
        assert_int_equal(end(), NX_GUARD_NO_WORD);
        hear(&has, 1);
        assert_int_equal(end(), NX_GUARD_GOOD);
    }
}

/* A host without IPv6 has no way to half of the addresses; one that has lost
 * some of the servers only is another matter. */
static void test_family(void **state) {
    (void)state;
    hear(&has, 2);
    hear(&silence, 1);
    hear_as(&no_way, NX_TYPE_A, 4, 16, false);
    assert_int_equal(end(), NX_GUARD_GOOD);
    setup(state);
    hear(&has, 2);
    hear(&silence, 1);
    hear_as(&no_way, NX_TYPE_A, 3, 16, false);
    hear_as(&silence, NX_TYPE_A, 1, 16, false);
    assert_int_equal(end(), NX_GUARD_NO_WORD);
}

static void test_denied(void **state) {
    const struct nx_answer *const denials[] = {&no_name, &no_data, &bare};
    for (size_t i = 0; i < sizeof(denials) / sizeof(denials[0]); i++) {
        setup(state);
        hear(&has, 5);
        hear(denials[i], 1);
        assert_int_equal(said[0], NX_GUARD_DENIED); /* at once */
        assert_int_equal(said[2], denials[i] == &no_name ? NX_GUARD_DENIED
                                                         : NX_GUARD_NO_WORD);
        assert_int_equal(end(), NX_GUARD_DENIED);
    }
}

/* A server that left the set. */
static void test_left(void **state) {
    (void)state;
    hear_as(&has, NX_TYPE_A, 3, 4, true);
    assert_int_equal(end(), NX_GUARD_NO_WORD);
    hear(&has, 1);
    hear_as(&silence, NX_TYPE_A, 3, 4, true);
    assert_int_equal(end(), NX_GUARD_GOOD);
    hear_as(&no_data, NX_TYPE_A, 1, 4, true);
    assert_int_equal(said[0], NX_GUARD_DENIED);
}

static void test_rounds(void **state) {
    (void)state;
    hear(&no_name, 1);
    hear_as(&no_data, NX_TYPE_AAAA, 1, 4, false);
    hear_as(&no_data, NX_TYPE_TXT, 1, 4, false); /* nobody asked */
    nx_witness_begin(&witness, both, 1, 0, tell, NULL);
    assert_int_equal(said[0], NX_GUARD_DENIED);  /* until there is another */
    assert_int_equal(said[1], NX_GUARD_NO_WORD); /* of that there is none */
    assert_int_equal(said[2], NX_GUARD_DENIED);
    hear(&has, 1);
    assert_int_equal(end(), NX_GUARD_GOOD);
    assert_int_equal(said[2], NX_GUARD_NO_WORD);
    nx_witness_forget(&witness, tell, NULL);
    assert_int_equal(said[0], NX_GUARD_NO_WORD);
}

#define T(test) cmocka_unit_test_setup(test, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_good),
        T(test_alias),
        T(test_alias_followed_out),
        T(test_above),
        T(test_above_is_taken_back),
        T(test_above_is_not_taken_back),
        T(test_alias_after_above),
        T(test_deniers),
        T(test_deniers_types),
        T(test_deniers_crowd),
        T(test_arrived),
        T(test_no_word),
        T(test_half),
        T(test_family),
        T(test_denied),
        T(test_left),
        T(test_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
