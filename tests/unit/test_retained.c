/* Retention goes by a clock only as far as that can be right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/store/retained.h"

#define HOUR_US INT64_C(3600000000)
#define DAY_US (24 * HOUR_US)
#define T0 INT64_C(1764000000000000)

struct row {
    const char *what;
    uint32_t kept_days;
    int64_t off_us;    /* from the last retention to the start, by the clock */
    int64_t passed_us; /* since the start */
    int64_t set_us;    /* the system's clock since, against the collector's */
    enum nx_retained_clock clock;
    bool goes_on; /* by the clock; else by what has passed */
};

static const struct row rows[] = {
    {"a restart", 30, HOUR_US, 0, 0, NX_RETAINED_TRUSTED, true},
    {"a week off", 30, 7 * DAY_US, 0, 0, NX_RETAINED_TRUSTED, true},
    {"eight days", 30, 8 * DAY_US, 0, 0, NX_RETAINED_AHEAD, false},
    {"eight of years", 3650, 8 * DAY_US, 0, 0, NX_RETAINED_AHEAD, false},
    {"a year ahead", 30, 365 * DAY_US, HOUR_US, 0, NX_RETAINED_AHEAD, false},
    {"that for long", 30, 365 * DAY_US, DAY_US, 0, NX_RETAINED_TRUSTED, true},
    {"then set right", 30, 365 * DAY_US, HOUR_US, -365 * DAY_US,
     NX_RETAINED_SET, false},
    {"for long", 30, 365 * DAY_US, 9 * DAY_US, -365 * DAY_US, NX_RETAINED_SET,
     false},
    {"set forward", 30, 9 * DAY_US, HOUR_US, 2 * HOUR_US, NX_RETAINED_SET,
     false},
    {"slewed", 30, 9 * DAY_US, HOUR_US, HOUR_US / 2, NX_RETAINED_AHEAD, false},
    {"little is kept", 1, 7 * HOUR_US, 0, 0, NX_RETAINED_AHEAD, false},
    {"the same, short", 1, 6 * HOUR_US, 0, 0, NX_RETAINED_TRUSTED, true},
    {"back", 30, -400 * DAY_US, HOUR_US, 0, NX_RETAINED_TRUSTED, true},
    {"set while trusted", 30, HOUR_US, HOUR_US, -DAY_US, NX_RETAINED_TRUSTED,
     true},
};

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct nx_retained r;
        enum nx_retained_clock clock = NX_RETAINED_TRUSTED;
        int64_t now_us = T0 + row->off_us + row->passed_us;
        nx_retained_init(&r, T0, T0 + row->off_us, row->kept_days);
        int64_t got_us =
            nx_retained_now(&r, now_us, now_us + row->set_us, &clock);
        int64_t want_us = row->goes_on ? now_us : T0 + row->passed_us;
        if (clock != row->clock || got_us != want_us) {
            fail_msg("%s: clock %d, %lld s from what was expected", row->what,
                     (int)clock, (long long)((got_us - want_us) / 1000000));
        }
    }
}

/* A box whose clock is wrong at each start, and that is started each day: what
 * it keeps is as old as the time that it ran. */
static void test_wrong_at_each_start(void **state) {
    int64_t by_us = T0;
    (void)state;
    for (unsigned day = 0; day < 20; day++) {
        struct nx_retained r;
        enum nx_retained_clock clock = NX_RETAINED_TRUSTED;
        int64_t start_us = T0 + 365 * DAY_US + day * DAY_US;
        nx_retained_init(&r, by_us, start_us, 30);
        int64_t end_us = start_us + 23 * HOUR_US;
        by_us = nx_retained_now(&r, end_us, end_us, &clock);
        assert_int_equal(clock, NX_RETAINED_AHEAD);
    }
    assert_int_equal(by_us, T0 + 20 * 23 * HOUR_US);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_wrong_at_each_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
