/* The state alone, as it is worked out for each look of a row, is the one that
 * a whole evaluation finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/diagnosed.h"
#include "tests/lib/dice.h"

#define ROWS_N 3000U

/* Mostly denials of one entry, then answers; sometimes anything. */
static void see_something(struct target *t, struct dice *d, double at_s,
                          int end_s) {
    static const uint8_t kinds[] = {
        NX_KIND_POS,       NX_KIND_POS,      NX_KIND_NXDOMAIN, NX_KIND_NODATA,
        NX_KIND_TIMEOUT,   NX_KIND_SERVFAIL, NX_KIND_REFUSED,  NX_KIND_MISS,
        NX_KIND_POS_OTHER, NX_KIND_REFERRAL, NX_KIND_NETERR,   NX_KIND_OTHER};
    struct nx_look *look = NULL;
    if (dice_one_in(d, 12)) {
        look = saw(t, at_s, kinds[dice_below(d, sizeof(kinds))]);
        look->r_s = (int32_t)dice_below(d, 700) - 1;
        look->soa_rel = (uint8_t)dice_below(d, NX_SOA_FOREIGN + 1);
        look->flags |= dice_one_in(d, 6) ? 1U << dice_below(d, 15) : 0U;
    } else if (at_s < end_s) {
        look = denied(t, at_s, end_s);
        look->soa_serial = dice_one_in(d, 40) ? 2 : 1;
    } else {
        look = saw(t, at_s, NX_KIND_POS);
        look->r_s = 300 - (int32_t)dice_below(d, 40);
    }
    look->src_port = (uint16_t)dice_below(d, 90); /* some twice, or none */
}

static void begin(struct target *t, struct dice *d) {
    set_up(t);
    t->profile.soa_clock = (uint8_t)dice_below(d, 3);
    t->profile.chain_possible = dice_one_in(d, 2);
    t->profile.caches = (uint8_t)dice_below(d, 3);
    t->auth.serial_moves = dice_one_in(d, 2);
}

/* Before the servers were restored, and after; later one fails for a while. */
static void set_servers(struct target *t, double at_s, int end_s) {
    bool fails = at_s > end_s + 100 && at_s < end_s + 150;
    bool good = at_s >= RESTORED_S && !fails;
    t->auth.all_ns_good = t->auth.verified = good;
    t->auth.restored_lo_us = good ? (RESTORED_S - 1) * S : NX_TIME_UNKNOWN;
    t->auth.restored_hi_us = good ? RESTORED_S * S : NX_TIME_UNKNOWN;
}

/* One target's looks, each judged when it came. */
static void check_row(uint64_t seed, unsigned *seen_n) {
    struct target t;
    struct nx_memory memory = {0};
    struct dice d = {seed};
    begin(&t, &d);
    double at_s = 60 + dice_below(&d, 60);
    int end_s = 100 + (int)dice_below(&d, 400);
    unsigned looks_n = 1 + dice_below(&d, NX_LOOKS_MAX + 10);
    for (unsigned i = 0; i < looks_n; i++) {
        at_s += 0.5 + dice_below(&d, 20);
        see_something(&t, &d, at_s, end_s);
        set_servers(&t, at_s, end_s);
        int64_t now_us = t.looks[t.n - 1].rx_us;
        unsigned state = nx_diagnose_state(&t.settings, t.looks, t.n, &t.auth,
                                           &t.profile, now_us, &memory);
        nx_diagnose(&t.settings, t.looks, t.n, &t.auth, &t.profile, now_us,
                    i > 0 ? &t.verdict : NULL, &t.verdict);
        assert_string_equal(nx_state_text(state),
                            nx_state_text(t.verdict.state));
        assert_int_equal(memory.state, state);
        assert_int_equal(memory.doubt_us, t.verdict.doubt_us);
        assert_int_equal(memory.last_look_us, t.verdict.last_look_us);
        seen_n[state]++;
    }
}

static void test_of_a_row(void **state) {
    unsigned seen_n[NX_STATE_N_] = {0};
    (void)state;
    for (uint64_t row = 0; row < ROWS_N; row++) {
        check_row(row, seen_n);
    }
    /* Those that depend on the state before, and those that come often. */
    assert_in_range(seen_n[NX_STATE_CLEAR], 1000, UINT32_MAX);
    assert_in_range(seen_n[NX_STATE_RECACHED], 100, UINT32_MAX);
    assert_in_range(seen_n[NX_STATE_CACHED_NXDOMAIN], 1000, UINT32_MAX);
    assert_in_range(seen_n[NX_STATE_PARTLY_CLEAR], 100, UINT32_MAX);
    assert_in_range(seen_n[NX_STATE_SERVFAIL_OTHER], 10, UINT32_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_of_a_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
