/* A look with CD=1 is filed with the SERVFAIL that it was sent after, one with
 * another EDNS size with the loss before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/engine/targets.h"

#define S INT64_C(1000000)

static struct nx_target target;

static int begin(void **state) {
    (void)state;
    target = (struct nx_target){.heard_us = NX_TIME_UNKNOWN};
    return 0;
}

static int end(void **state) {
    (void)state;
    free(target.looks);
    free(target.denied);
    return 0;
}

static void see(enum nx_kind kind, int64_t tx_us) {
    const struct nx_look look = {
        .tx_us = tx_us, .rx_us = tx_us + 1000, .kind = (uint8_t)kind};
    assert_int_equal(nx_target_push(&target, &look), 0);
}

static bool twin(enum nx_kind kind, int64_t tx_us) {
    const struct nx_look look = {.tx_us = tx_us,
                                 .rx_us = tx_us + 1000,
                                 .kind = (uint8_t)kind,
                                 .flags = NX_LOOK_CD};
    return nx_target_twin(&target, &look);
}

/* Flags of the look that was sent then. */
static unsigned flags_at(int64_t tx_us) {
    struct nx_look looks[NX_LOOKS_MAX];
    size_t n = nx_target_looks(&target, looks);
    for (size_t i = 0; i < n; i++) {
        if (looks[i].tx_us == tx_us) {
            return looks[i].flags;
        }
    }
    fail_msg("no look of that time");
    return 0;
}

static void test_answered(void **state) {
    (void)state;
    see(NX_KIND_SERVFAIL, 10 * S);
    assert_true(twin(NX_KIND_POS, 10 * S + 5000));
    assert_int_equal(flags_at(10 * S), NX_LOOK_TWIN_ANSWERED);
}

static void test_failed(void **state) {
    (void)state;
    see(NX_KIND_SERVFAIL, 10 * S);
    assert_true(twin(NX_KIND_SERVFAIL, 10 * S + 5000));
    assert_int_equal(flags_at(10 * S), NX_LOOK_TWIN_FAILED);
}

/* Whatever order they came in, the one sent just before it is meant. */
static void test_the_one_before(void **state) {
    (void)state;
    see(NX_KIND_SERVFAIL, 20 * S);
    see(NX_KIND_SERVFAIL, 10 * S);
    assert_true(twin(NX_KIND_POS, 10 * S + 5000));
    assert_int_equal(flags_at(10 * S), NX_LOOK_TWIN_ANSWERED);
    assert_int_equal(flags_at(20 * S), 0);
}

static void test_of_nothing(void **state) {
    (void)state;
    assert_false(twin(NX_KIND_POS, 1 * S)); /* no look at all */
    see(NX_KIND_SERVFAIL, 10 * S);
    see(NX_KIND_POS, 11 * S);
    assert_false(twin(NX_KIND_POS, 11 * S + 5000)); /* not of a failure */
    assert_false(twin(NX_KIND_POS, 9 * S));         /* sent before it */
    see(NX_KIND_SERVFAIL, 20 * S);
    assert_false(twin(NX_KIND_TIMEOUT, 20 * S + 5000)); /* showed nothing */
    assert_false(twin(NX_KIND_POS, 4000 * S));          /* of another day */
    assert_int_equal(flags_at(20 * S), 0);
}

static bool sized(unsigned i, enum nx_sized brought, int64_t tx_us) {
    struct nx_look look = {.tx_us = tx_us, .rx_us = tx_us + 1000};
    look.sized[i] = (uint8_t)brought;
    return nx_target_sized(&target, &look);
}

static void test_sizes_of_a_loss(void **state) {
    struct nx_look looks[NX_LOOKS_MAX];
    (void)state;
    assert_false(sized(0, NX_SIZED_TCP, 1 * S)); /* no look at all */
    see(NX_KIND_TIMEOUT, 10 * S);
    assert_true(sized(0, NX_SIZED_TCP, 12 * S));
    assert_true(sized(1, NX_SIZED_LOST, 12 * S + 5000));
    assert_false(sized(2, NX_SIZED_NONE, 12 * S + 9000));
    assert_false(sized(2, NX_SIZED_LOST, 4000 * S));
    assert_int_equal(nx_target_looks(&target, looks), 1);
    assert_int_equal(looks[0].sized[0], NX_SIZED_TCP);
    assert_int_equal(looks[0].sized[1], NX_SIZED_LOST);
    assert_int_equal(looks[0].sized[2], NX_SIZED_NONE);
    see(NX_KIND_POS, 13 * S);
    assert_false(sized(2, NX_SIZED_LOST, 13 * S + 5000)); /* of an answer */
}

static void deny(const char *name, const char *zone, unsigned rel,
                 int64_t tx_us) {
    uint8_t alias[NX_DNAME_MAX];
    uint8_t soa[NX_DNAME_MAX];
    struct nx_answer answer = {.outcome = NX_ANSWERED, .soa_owner = soa};
    const struct nx_look look = {
        .tx_us = tx_us, .kind = NX_KIND_NXDOMAIN, .soa_rel = (uint8_t)rel};
    assert_int_equal(nx_dname_parse(zone, soa), 0);
    if (name != NULL) {
        assert_int_equal(nx_dname_parse(name, alias), 0);
        answer.denied_name = alias;
    }
    nx_target_denied_by(&target, &answer, &look);
}

static void test_whose_denial(void **state) {
    char text[NX_DNAME_TEXT_MAX];
    (void)state;
    deny(NULL, "example.com", NX_SOA_APEX, 10 * S);
    assert_null(target.denied); /* the plain case needs no memory */
    see(NX_KIND_NXDOMAIN, 11 * S);
    deny("cdn.example.net", "example.net", NX_SOA_TARGET, 11 * S);
    assert_non_null(target.denied);
    assert_true(target.denied->alias && target.denied->other_zone);
    assert_string_equal(nx_dname_text(target.denied->name, text),
                        "cdn.example.net.");
    assert_string_equal(nx_dname_text(target.denied->zone, text),
                        "example.net.");
    deny(NULL, "com", NX_SOA_ANCESTOR, 9 * S); /* late: an older one */
    assert_true(target.denied->alias);
    see(NX_KIND_NXDOMAIN, 12 * S);
    deny(NULL, "com", NX_SOA_ANCESTOR, 12 * S);
    assert_false(target.denied->alias);
    assert_string_equal(nx_dname_text(target.denied->zone, text), "com.");
    see(NX_KIND_NXDOMAIN, 13 * S);
    deny(NULL, "example.com", NX_SOA_APEX, 13 * S);
    assert_false(target.denied->alias || target.denied->other_zone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answered, begin, end),
        cmocka_unit_test_setup_teardown(test_failed, begin, end),
        cmocka_unit_test_setup_teardown(test_the_one_before, begin, end),
        cmocka_unit_test_setup_teardown(test_of_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_sizes_of_a_loss, begin, end),
        cmocka_unit_test_setup_teardown(test_whose_denial, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
