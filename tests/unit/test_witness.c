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

static void tell(void *user, uint16_t qtype, enum nx_guard_word word) {
    (void)user;
    said[qtype == NX_TYPE_A ? 0 : qtype == NX_TYPE_AAAA ? 1 : 2] = word;
}

static int setup(void **state) {
    (void)state;
    memset(&witness, 0, sizeof(witness));
    memset(said, 0, sizeof(said));
    nx_witness_begin(&witness, both, 2, tell, NULL);
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
    for (unsigned i = 0; i < n; i++) {
        nx_witness_hear(&witness, &obs, apex, left, tell, NULL);
    }
}

/* n servers by IPv4. */
static void hear(const struct nx_answer *answer, unsigned n) {
    hear_as(answer, NX_TYPE_A, n, 4, false);
}

static enum nx_guard_word end(void) {
    nx_witness_end(&witness, tell, NULL);
    return said[0];
}

static void test_good(void **state) {
    (void)state;
    hear(&has, 2);
    assert_int_equal(said[0], NX_GUARD_NO_WORD); /* not before the end */
    assert_int_equal(end(), NX_GUARD_GOOD);
    assert_int_equal(said[1], NX_GUARD_NO_WORD);
    setup(state);
    hear(&alias, 1);
    assert_int_equal(end(), NX_GUARD_GOOD);
}

static void test_no_word(void **state) {
    const struct nx_answer *const none[] = {&not_ours, &cut,    &refused,
                                            &silence,  &no_way, &no_tail};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        setup(state);
        hear(none[i], 3);
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
    nx_witness_begin(&witness, both, 1, tell, NULL);
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
        T(test_good),   T(test_no_word), T(test_half),   T(test_family),
        T(test_denied), T(test_left),    T(test_rounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
