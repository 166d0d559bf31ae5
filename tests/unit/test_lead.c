#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/infer/facts.h"
#include "collector/store/lead.h"

#define S INT64_C(1000000)
#define NOW (INT64_C(1800000000) * S)

static void expect(int64_t opened_us, int64_t received_us, int64_t lead_us) {
    const struct nx_lead_marks marks = {.opened_us = opened_us,
                                        .received_us = received_us};
    assert_int_equal(nx_lead(&marks, NOW), lead_us);
}

static void test_lead(void **state) {
    (void)state;
    expect(NX_TIME_UNKNOWN, NX_TIME_UNKNOWN, 0);
    expect(NX_TIME_UNKNOWN, NOW + 900 * S, 0); /* nobody waits for it */
    expect(NOW - S, NX_TIME_UNKNOWN, 0);
    expect(NOW, NOW + 900 * S, 0);
    expect(NOW + 7200 * S, NX_TIME_UNKNOWN, 7200 * S);
    expect(NOW + 7200 * S, NOW - S, 7200 * S);
    expect(NOW + 7200 * S, NOW + 7500 * S, 7500 * S);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
