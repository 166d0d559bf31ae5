/* Retention goes by a clock only as far as that can be right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/infer/facts.h"
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
        const struct nx_retained_kept kept = {T0, NX_TIME_UNKNOWN};
        nx_retained_init(&r, &kept, T0 + row->off_us, row->kept_days);
        int64_t got_us =
            nx_retained_now(&r, now_us, now_us + row->set_us, &clock);
        int64_t want_us = row->goes_on ? now_us : T0 + row->passed_us;
        if (clock != row->clock || got_us != want_us) {
            fail_msg("%s: clock %d, %lld s from what was expected", row->what,
                     (int)clock, (long long)((got_us - want_us) / 1000000));
        }
    }
}

/* A run; what it keeps and how it ends. set_us: the system's clock at the end,
 * against the collector's. */
static enum nx_retained_clock run(struct nx_retained_kept *kept,
                                  int64_t start_us, int64_t lasts_us,
                                  int64_t set_us) {
    struct nx_retained r;
    enum nx_retained_clock clock = NX_RETAINED_TRUSTED;
    int64_t end_us = start_us + lasts_us;
    nx_retained_init(&r, kept, start_us, 30);
    (void)nx_retained_now(&r, end_us, end_us + set_us, &clock);
    *kept = nx_retained_keep(&r, end_us, end_us + set_us);
    return clock;
}

/* A box whose clock says the same wrong date at each start: what it keeps is as
 * old as the time that it ran. */
static void test_wrong_at_each_start(void **state) {
    struct nx_retained_kept kept = {T0, NX_TIME_UNKNOWN};
    (void)state;
    for (unsigned day = 0; day < 20; day++) {
        assert_int_equal(run(&kept, T0 + 365 * DAY_US, 23 * HOUR_US, 0),
                         NX_RETAINED_AHEAD);
    }
    assert_int_equal(kept.by_us, T0 + 20 * 23 * HOUR_US);
}

/* The day of trust is one also when the collector is started again. */
static void test_trust_over_restarts(void **state) {
    struct nx_retained_kept kept = {T0, NX_TIME_UNKNOWN};
    int64_t back_us = T0 + 60 * DAY_US;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(run(&kept, back_us + 8 * i * HOUR_US, 7 * HOUR_US, 0),
                         NX_RETAINED_AHEAD);
        assert_int_equal(kept.doubt_us, back_us);
    }
    assert_int_equal(kept.by_us, T0 + 21 * HOUR_US);
    assert_int_equal(run(&kept, back_us + DAY_US, 0, 0), NX_RETAINED_TRUSTED);
    assert_int_equal(kept.by_us, back_us + DAY_US);
    assert_int_equal(kept.doubt_us, NX_TIME_UNKNOWN);
    assert_int_equal(run(&kept, back_us + 2 * DAY_US, 0, 0),
                     NX_RETAINED_TRUSTED);
}

/* ... but only when it is the same clock: not one that is before the first
 * start, far after it, or was set. */
static void test_another_clock(void **state) {
    const int64_t at_us = T0 + 365 * DAY_US;
    static const struct {
        int64_t off_us, set_us;
    } others[] = {{-HOUR_US, 0},
                  {7 * DAY_US + 1, 0},
                  {900 * DAY_US, 0},
                  {DAY_US, DAY_US}};
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct nx_retained_kept kept = {T0, NX_TIME_UNKNOWN};
        int64_t start_us = at_us + others[i].off_us;
        (void)run(&kept, at_us, HOUR_US, others[i].set_us);
        assert_int_equal(run(&kept, start_us, HOUR_US, 0), NX_RETAINED_AHEAD);
        assert_int_equal(kept.doubt_us, start_us);
        assert_int_equal(kept.by_us, T0 + 2 * HOUR_US);
    }
}

/* A start in 1970 does not make the next one look far ahead, whether the clock
 * was set meanwhile or not; nor does it forget anything. */
static void test_behind(void **state) {
    static const int64_t sets_us[] = {0, T0};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct nx_retained_kept kept = {T0, NX_TIME_UNKNOWN};
        assert_int_equal(run(&kept, HOUR_US, 23 * HOUR_US, sets_us[i]),
                         NX_RETAINED_TRUSTED);
        assert_int_equal(kept.by_us, T0 + 23 * HOUR_US); /* it passed */
        assert_int_equal(run(&kept, T0 + DAY_US, HOUR_US, 0),
                         NX_RETAINED_TRUSTED);
        assert_int_equal(kept.by_us, T0 + DAY_US + HOUR_US);
    }
}

/* A clock that is behind and stays so was ahead before. */
static void test_behind_for_long(void **state) {
    struct nx_retained_kept kept = {T0, NX_TIME_UNKNOWN};
    int64_t start_us = T0 - 365 * DAY_US;
    (void)state;
    (void)run(&kept, start_us, 9 * DAY_US, 365 * DAY_US);
    assert_int_equal(kept.by_us, T0 + 9 * DAY_US);
    (void)run(&kept, start_us, DAY_US, 0);
    assert_int_equal(kept.by_us, start_us + DAY_US);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_wrong_at_each_start),
        cmocka_unit_test(test_trust_over_restarts),
        cmocka_unit_test(test_another_clock),
        cmocka_unit_test(test_behind),
        cmocka_unit_test(test_behind_for_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
