/* What a resolver says of itself, and whether it validates, by looks at canary
 * names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/measure_bench.h"

static void test_who(void **state) {
    static const struct {
        int server, hostname; /* kinds; -1: not asked */
        uint8_t who;
    } rows[] = {
        {-1, -1, NX_WHO_UNKNOWN},
        {NX_KIND_TIMEOUT, NX_KIND_NETERR, NX_WHO_UNKNOWN},
        {NX_KIND_REFUSED, NX_KIND_REFUSED, NX_WHO_REFUSED},
        {NX_KIND_REFUSED, NX_KIND_TIMEOUT, NX_WHO_REFUSED},
        {NX_KIND_REFUSED, NX_KIND_NXDOMAIN, NX_WHO_NOTHING},
        {NX_KIND_NODATA, NX_KIND_REFUSED, NX_WHO_NOTHING},
        {NX_KIND_POS, -1, NX_WHO_NOTHING}, /* an empty name */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(state);
        if (rows[i].server >= 0) {
            (void)see(NX_CANARY_SERVER, 0.1, (enum nx_kind)rows[i].server, -1);
        }
        if (rows[i].hostname >= 0) {
            (void)see(NX_CANARY_HOSTNAME, 0.2, (enum nx_kind)rows[i].hostname,
                      -1);
        }
        assert_int_equal(measure().who, rows[i].who);
    }
    start(state);
    looks.server = (struct nx_nsid){1, {'a'}};
    assert_int_equal(measure().who, NX_WHO_TOLD);
}

/* A question that this host could not send says nothing of the resolver. */
static void test_local_error_is_no_look(void **state) {
    static const uint8_t zone[] = "\6canary\7example\3net";
    static const struct nx_canary_run run = {
        .zone = zone, .bogus_zone = zone, .count_n = 7};
    (void)state;
    for (unsigned i = 0; i < NX_CANARIES_N_; i++) {
        uint8_t name[NX_DNAME_MAX];
        struct nx_task task;
        nx_canary_task(&run, (enum nx_canary)i, name, &task);
        const struct nx_question question = {.name = name, .qtype = task.qtype};
        const struct nx_answer answer = {.outcome = NX_LOCAL_ERROR};
        const struct nx_obs obs = {.question = &question, .answer = &answer};
        nx_canary_looks_add(&looks, &run, (enum nx_canary)i, &obs, 0, 0);
        assert_int_equal(looks.n[i], 0);
    }
    assert_int_equal(nx_canary_trouble(&looks, &run), NX_RUN_BROKEN_OFF);
    assert_int_equal(measure().who, NX_WHO_UNKNOWN);
}

static void bogus(double at_s, enum nx_kind kind, bool cd) {
    (void)see(NX_CANARY_BOGUS, at_s, kind, kind == NX_KIND_POS ? 60 : -1);
    unsigned last = looks.n[NX_CANARY_BOGUS] - 1U;
    looks.of[NX_CANARY_BOGUS][last].look.flags |= cd ? NX_LOOK_CD : 0U;
}

/* A failure counts where CD=1 shows that the zone is reached. */
static void test_bogus(void **state) {
    static const struct {
        enum nx_kind first, second, cd;
        uint8_t bogus;
        uint8_t ede; /* where none is seen */
    } rows[] = {
        {NX_KIND_SERVFAIL, NX_KIND_SERVFAIL, NX_KIND_POS, NX_BOGUS_FAILED,
         NX_EDE_NO},
        {NX_KIND_TIMEOUT, NX_KIND_SERVFAIL, NX_KIND_POS, NX_BOGUS_FAILED,
         NX_EDE_NO},
        {NX_KIND_SERVFAIL, NX_KIND_SERVFAIL, NX_KIND_SERVFAIL, NX_BOGUS_UNKNOWN,
         NX_EDE_UNKNOWN},
        {NX_KIND_SERVFAIL, NX_KIND_POS, NX_KIND_POS, NX_BOGUS_UNKNOWN,
         NX_EDE_UNKNOWN},
        {NX_KIND_NXDOMAIN, NX_KIND_NXDOMAIN, NX_KIND_POS, NX_BOGUS_UNKNOWN,
         NX_EDE_UNKNOWN},
        {NX_KIND_POS, NX_KIND_TIMEOUT, NX_KIND_TIMEOUT, NX_BOGUS_ANSWERED,
         NX_EDE_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(state);
        bogus(2.0, rows[i].first, false);
        bogus(2.1, rows[i].cd, true);
        bogus(4.1, rows[i].second, false);
        struct nx_measured m = measure();
        assert_int_equal(m.bogus, rows[i].bogus);
        assert_int_equal(nx_measured_ede(&m), rows[i].ede);
        assert_false(m.bogus_ede_seen);
        looks.ede_seen = looks.bogus_ede_seen = true;
        looks.bogus_ede = 9;
        m = measure();
        assert_int_equal(nx_measured_ede(&m), NX_EDE_YES);
        assert_int_equal(m.bogus_ede_seen, m.bogus == NX_BOGUS_FAILED);
        assert_int_equal(m.bogus_ede, m.bogus == NX_BOGUS_FAILED ? 9 : 0);
    }
    start(state); /* nobody asked */
    assert_int_equal(measure().bogus, NX_BOGUS_UNKNOWN);
}

static void test_validates(void **state) {
    (void)state;
    assert_int_equal(measure().validates, NX_VALIDATES_UNKNOWN);
    (void)see(NX_CANARY_VALIDATES, 0.1, NX_KIND_SERVFAIL, -1);
    assert_int_equal(measure().validates, NX_VALIDATES_UNKNOWN);
    start(state);
    (void)see(NX_CANARY_VALIDATES, 0.1, NX_KIND_POS, 300);
    assert_int_equal(measure().validates, NX_VALIDATES_NOT_SAID);
    looks.of[NX_CANARY_VALIDATES][0].look.flags |= NX_LOOK_AD;
    assert_int_equal(measure().validates, NX_VALIDATES_SAID);
}

/* It says so itself, and is given no chance to be another one. */
static void test_never_validates(void **state) {
    static const struct {
        enum nx_kind bogus;
        unsigned flags; /* of the answer about the root */
        unsigned caches;
        bool own, never;
    } rows[] = {
        {NX_KIND_POS, 0, 1, true, true},
        {NX_KIND_POS, NX_LOOK_AD, 1, true, false}, /* val-permissive-mode */
        {NX_KIND_SERVFAIL, 0, 1, true, false},     /* it does not tell */
        {NX_KIND_TIMEOUT, 0, 1, true, false},
        {NX_KIND_POS, 0, 2, true, false},
        {NX_KIND_POS, 0, 0, true, false}, /* not counted */
        {NX_KIND_POS, 0, 1, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(state);
        bogus(2.0, rows[i].bogus, false);
        (void)see(NX_CANARY_VALIDATES, 0.1, NX_KIND_POS, 300);
        looks.of[NX_CANARY_VALIDATES][0].look.flags |= rows[i].flags;
        count(rows[i].caches > 0 ? 8 : 0, rows[i].caches, 0.5);
        (void)see(NX_CANARY_EGRESS, 1.0, NX_KIND_POS, 60);
        looks.egress = (struct nx_egress){{192, 0, 2, 9}, 4};
        looks.egress_is_resolver = rows[i].own;
        assert_int_equal(measure().profile.never_validates, rows[i].never);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_who, begin),
        cmocka_unit_test_setup(test_never_validates, begin),
        cmocka_unit_test_setup(test_local_error_is_no_look, begin),
        cmocka_unit_test_setup(test_bogus, begin),
        cmocka_unit_test_setup(test_validates, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
