/* What EDNS sizes say together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/infer/sizes.h"
#include "common/obs.h"

enum { NONE = NX_SIZED_NONE, LOST = NX_SIZED_LOST, CUT = NX_SIZED_CUT };
enum { TCP = NX_SIZED_TCP, WHOLE = NX_SIZED_WHOLE };

static void test_table(void **state) {
    static const struct {
        uint8_t sized[NX_SIZES_N];
        uint16_t limit_bytes;
        bool tcp;
    } rows[] = {
        {{NONE, NONE, NONE}, 0, false},
        {{TCP, LOST, LOST}, 512, true},
        {{CUT, LOST, LOST}, 512, false},
        {{TCP, LOST, NONE}, 512, true},
        {{TCP, LOST, WHOLE}, 0, false}, /* one packet was lost */
        {{TCP, LOST, TCP}, 0, false},
        {{CUT, LOST, CUT}, 0, false},
        {{TCP, NONE, LOST}, 0, false},  /* 1232 may get through */
        {{TCP, WHOLE, LOST}, 0, false}, /* it fits: 4096 was chance */
        {{TCP, TCP, LOST}, 1232, true}, /* fragments are lost */
        {{CUT, CUT, LOST}, 1232, false},
        {{CUT, CUT, WHOLE}, 0, false},   /* TCP alone is closed */
        {{CUT, CUT, CUT}, 0, false},     /* the server sends no more */
        {{LOST, LOST, LOST}, 0, false},  /* nobody answers */
        {{WHOLE, LOST, LOST}, 0, false}, /* small answers are lost, too */
        {{WHOLE, WHOLE, WHOLE}, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_sizes sizes;
        nx_sizes_judge(rows[i].sized, &sizes);
        assert_int_equal(sizes.limit_bytes, rows[i].limit_bytes);
        assert_int_equal(sizes.tcp, rows[i].tcp);
    }
}

static void test_of_answers(void **state) {
    struct nx_answer answer = {.outcome = NX_ANSWERED};
    (void)state;
    assert_int_equal(nx_sized_of(&answer), NX_SIZED_WHOLE);
    answer.over_tcp = true;
    assert_int_equal(nx_sized_of(&answer), NX_SIZED_TCP);
    answer = (struct nx_answer){.outcome = NX_ANSWERED, .flags = NX_ANS_TC};
    assert_int_equal(nx_sized_of(&answer), NX_SIZED_CUT);
    answer = (struct nx_answer){.outcome = NX_TIMEOUT};
    assert_int_equal(nx_sized_of(&answer), NX_SIZED_LOST);
    answer.outcome = NX_CONN_REFUSED; /* not of the size's doing */
    assert_int_equal(nx_sized_of(&answer), NX_SIZED_NONE);
}

static void test_sizes_known(void **state) {
    (void)state;
    assert_int_equal(nx_sizes_index(512), 0);
    assert_int_equal(nx_sizes_index(1232), 1);
    assert_int_equal(nx_sizes_index(4096), 2);
    assert_int_equal(nx_sizes_index(0), -1);
    assert_int_equal(nx_sizes_index(1400), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_of_answers),
        cmocka_unit_test(test_sizes_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
