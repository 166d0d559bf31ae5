/* The uplink: connections that end, are refused, or go elsewhere; the
 * collector's key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/uplink_bench.h"

/* What was on its way on the old connection is not heard. */
static void test_renewed(void **state) {
    struct fixture *f = *state;
    start(f);
    put(f, 1);
    run_until_acked(f);
    f->c.stop_at = (unsigned)f->c.seqs_n + 1;
    put(f, 1);
    while (f->c.seqs_n < f->c.stop_at) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
    f->plan_revision = 0;
    nx_uplink_renew(f->uplink);
    nx_uplink_renew(f->uplink);
    run_until_acked(f);
    assert_int_equal(f->c.hellos, 2);
    assert_int_equal(f->c.seqs_n, 5); /* the batch again */
    assert_int_equal(f->c.seqs[2], f->c.seqs[4]);
    assert_int_equal(f->plan_revision, 5);
}

/* Accepted only at the third attempt. */
static void test_refused_key(void **state) {
    struct fixture *f = *state;
    f->c.refuse = 2;
    start(f);
    put(f, 1);
    run_until_acked(f);
    assert_int_equal(f->c.asked, 3);
    assert_int_equal(f->c.hellos, 1);
}

/* The collector goes away with unacknowledged batches and comes back. */
static void test_resend_after_restart(void **state) {
    struct fixture *f = *state;
    f->c.silent = true;
    f->c.stop_at = 3;
    start(f);
    put(f, 3);
    put(f, 2);
    while (f->c.seqs_n < 3) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
    close_router(&f->c);
    f->c.silent = false;
    f->c.stop_at = 0;
    open_router(&f->c);
    run_until_acked(f);
    assert_int_equal(f->c.hellos, 2);
    assert_int_equal(f->c.seqs_n, 6);
    assert_int_equal(f->c.seqs[3], 0);
    assert_int_equal(f->c.seqs[4], 1);
    assert_int_equal(f->c.seqs[5], 4);
}

/* The first collector of the list does not answer: the next one is taken. */
static void test_next_collector(void **state) {
    struct fixture *f = *state;
    static char nobody[] = "tcp://127.0.0.1:1";
    f->list[1] = f->list[0];
    f->list[0].endpoint = nobody;
    f->conf.collectors_n = 2;
    start(f);
    put(f, 1);
    run_until_acked(f);
    assert_int_equal(f->c.hellos, 1);
}

/* A wrong server key: no word is said; with the right one it works. */
static void test_wrong_server_key(void **state) {
    struct fixture *f = *state;
    memcpy(f->list[0].key, f->keys.public_key, NX_KEY_TEXT_MAX);
    start(f);
    put(f, 1);
    const struct timeval soon = {0, 500000};
    assert_int_equal(event_base_loopexit(f->c.base, &soon), 0);
    assert_int_equal(event_base_dispatch(f->c.base), 0);
    assert_int_equal(f->c.asked, 0);
    assert_false(nx_uplink_online(f->uplink));
    memcpy(f->list[0].key, f->c.keys.public_key, NX_KEY_TEXT_MAX);
    nx_uplink_reload(f->uplink, &f->conf, &f->keys);
    run_until_acked(f);
    assert_int_equal(f->c.hellos, 1);
}

static void use_keys(struct collector *c, const struct nx_keypair *keys) {
    close_router(c);
    c->keys = *keys;
    open_router(c);
}

static void announce(struct collector *c, const char *first,
                     const char *second) {
    c->announces.n = second != NULL ? 2 : 1;
    assert_int_equal(nx_z85_key_parse(first, c->announces.list[0]), NX_OK);
    if (second != NULL) {
        assert_int_equal(nx_z85_key_parse(second, c->announces.list[1]), NX_OK);
    }
}

/* A key that was announced takes the place of the one before it, and from then
 * on that one is nobody's. */
static void test_key_rotation(void **state) {
    struct fixture *f = *state;
    const struct nx_keypair old = f->c.keys;
    struct nx_keypair next;
    assert_int_equal(zmq_curve_keypair(next.public_key, next.secret_key), 0);
    announce(&f->c, next.public_key, NULL); /* not its own among them */
    start(f);
    put(f, 1);
    run_until_acked(f);
    assert_int_equal(f->taken, NX_EDENIED);
    assert_int_equal(f->pins.n, 0);
    announce(&f->c, old.public_key, next.public_key);
    f->plan_revision = 0;
    nx_uplink_hello(f->uplink);
    while (f->plan_revision == 0) {
        assert_int_equal(event_base_dispatch(f->c.base), 0);
    }
    assert_int_equal(f->taken, NX_OK);
    use_keys(&f->c, &next);
    announce(&f->c, next.public_key, NULL);
    put(f, 1);
    run_until_acked(f);
    assert_int_equal(f->taken, NX_OK);
    use_keys(&f->c, &old); /* who still has it gets no word */
    unsigned asked = f->c.asked;
    put(f, 1);
    const struct timeval enough = {2, 500000};
    assert_int_equal(event_base_loopexit(f->c.base, &enough), 0);
    assert_int_equal(event_base_dispatch(f->c.base), 0);
    assert_int_equal(f->c.asked, asked);
    assert_int_equal(held(f), 1);
    use_keys(&f->c, &next);
    run_until_acked(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_renewed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resend_after_restart, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_next_collector, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_server_key, setup, teardown),
        cmocka_unit_test_setup_teardown(test_key_rotation, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
