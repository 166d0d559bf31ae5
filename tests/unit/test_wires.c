#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/uplink/wires.h"
#include "common/rrtype.h"

#define S INT64_C(1000000)
#define T0 (1000 * S)

static const uint8_t www[] = "\3www\7example\3com";
static const uint8_t apex[] = "\7example\3com";
static const uint8_t octets[40] = {0};

static struct nx_wires wires;

static int begin(void **state) {
    (void)state;
    memset(&wires, 0, sizeof(wires));
    return 0;
}

/* Resolver r denies with this serial; 0: it answers. */
static bool take(unsigned r, uint32_t serial, int64_t now_us) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    struct nx_question q = {.name = www, .qtype = NX_TYPE_A, .flags = NX_Q_RD};
    struct nx_answer a = {.rcode = NX_RCODE_NXDOMAIN,
                          .flags = NX_ANS_SOA,
                          .soa_owner = apex,
                          .soa_serial = serial};
    if (serial == 0) {
        a = (struct nx_answer){.flags = NX_ANS_RDATA,
                               .rdata = rdata,
                               .rdata_len = sizeof(rdata),
                               .rdata_n = 1};
    }
    q.to.address_len = 4;
    q.to.address[2] = (uint8_t)(r >> 8);
    q.to.address[3] = (uint8_t)r;
    const struct nx_obs obs = {.question = &q,
                               .answer = &a,
                               .soa_ttl_s = (uint32_t)(now_us / S) % 900,
                               .wire = octets,
                               .wire_len = sizeof(octets)};
    return nx_wires_take(&wires, &obs, now_us);
}

/* A countdown is one answer. */
static void test_first_and_changed(void **state) {
    (void)state;
    assert_true(take(1, 7, T0));
    for (unsigned i = 1; i < 100; i++) {
        assert_false(take(1, 7, T0 + i * 10 * S));
    }
    assert_true(take(2, 7, T0));
    assert_true(take(1, 0, T0 + 1000 * S));
    assert_false(take(1, 0, T0 + 1010 * S));
    assert_true(take(1, 7, T0 + 1020 * S));
}

/* An answer that changes each time: four at once, then one in five minutes. */
static void test_restless(void **state) {
    unsigned n = 0;
    (void)state;
    for (uint32_t i = 0; i < 3600; i++) {
        n += take(1, 1 + i, T0 + i * S) ? 1 : 0;
    }
    assert_in_range(n, 4 + 11, 4 + 12);
}

/* Many at once: a bucket of their own, and none of a question costs much. */
static void test_crowd(void **state) {
    unsigned n = 0;
    (void)state;
    for (unsigned r = 0; r < 600; r++) {
        n += take(r, 7, T0) ? 1 : 0;
    }
    assert_int_equal(n, NX_WIRES_ALL_BURST);
    for (unsigned r = 0; r < 600; r++) {
        n += take(r, 7, T0 + 600 * S) ? 1 : 0;
    }
    assert_in_range(n, NX_WIRES_ALL_BURST + 250, 600);
}

static void test_nothing_to_send(void **state) {
    const struct nx_question q = {.name = www, .qtype = NX_TYPE_A};
    const struct nx_answer late = {.outcome = NX_TIMEOUT};
    const struct nx_answer none = {.rcode = NX_RCODE_NXDOMAIN};
    struct nx_obs obs = {.question = &q, .answer = &none};
    (void)state;
    assert_false(nx_wires_take(&wires, &obs, T0));
    obs.answer = &late;
    obs.wire = octets;
    obs.wire_len = sizeof(octets);
    assert_false(nx_wires_take(&wires, &obs, T0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_first_and_changed, begin),
        cmocka_unit_test_setup(test_restless, begin),
        cmocka_unit_test_setup(test_crowd, begin),
        cmocka_unit_test_setup(test_nothing_to_send, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
