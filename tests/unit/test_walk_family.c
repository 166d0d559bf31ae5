/* Walks on a host that has one of the two families only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/dns/walk.h"
#include "common/rrtype.h"

#define SECOND INT64_C(1000000)
#define ROOTS 13U

static const uint16_t types[] = {NX_TYPE_A};

static struct nx_hints hints;
static struct nx_walk *walk;
static unsigned v4_n;
static unsigned v6_n;

/* Thirteen servers, each with an address of both, as the real ones. */
static int setup(void **state) {
    (void)state;
    char text[2048] = "";
    unsigned line = 0;
    const char *why = NULL;
    uint8_t name[NX_DNAME_MAX];
    for (unsigned i = 0; i < ROOTS; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len,
                       "%c.root.test. A 192.0.2.%u\n"
                       "%c.root.test. AAAA 2001:db8::%u\n",
                       'a' + (char)i, i + 1, 'a' + (char)i, i + 1);
    }
    return nx_hints_parse(text, strlen(text), &hints, &line, &why) |
           nx_dname_parse("www.example.com.", name) |
           nx_walk_new(&hints, name, &walk);
}

static int teardown(void **state) {
    (void)state;
    nx_walk_free(&walk);
    return 0;
}

/* A round in which nobody answers. */
static void round_in_vain(int64_t now_us) {
    static const struct nx_answer none = {.outcome = NX_UNREACHABLE};
    struct nx_walk_query q;
    v4_n = v6_n = 0;
    assert_int_equal(nx_walk_start(walk, types, 1, now_us), 0);
    while (nx_walk_next(walk, &q)) {
        struct nx_question question;
        const struct nx_obs obs = {.question = &question, .answer = &none};
        nx_walk_question(&q, &question);
        v4_n += q.to.address_len == 4 ? 1 : 0;
        v6_n += q.to.address_len == 16 ? 1 : 0;
        nx_walk_result(walk, q.id, &obs, NULL, 0, now_us);
    }
    assert_false(nx_walk_busy(walk));
}

static void tries_both_families(void **state) {
    (void)state;
    round_in_vain(1000 * SECOND);
    assert_in_range(v4_n, 1, 7);
    assert_in_range(v6_n, 1, 7);
}

/* The hints say where the root's servers are: nobody else can, without them. */
static void does_not_look_for_the_root(void **state) {
    (void)state;
    round_in_vain(1000 * SECOND);
    round_in_vain(2000 * SECOND);
    assert_in_range(v4_n + v6_n, 1, 8);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(tries_both_families),
        T(does_not_look_for_the_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
