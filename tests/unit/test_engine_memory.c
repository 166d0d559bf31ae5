/* What the engine does where memory cannot be had: linked with --wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/status/status.h"
#include "tests/lib/engine_bench.h"

static bool none_left;
static size_t left_n = SIZE_MAX; /* so often there is some */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool refused(void) {
    bool none = none_left || left_n == 0;
    left_n -= none || left_n == SIZE_MAX ? 0 : 1;
    return none;
}

void *__wrap_malloc(size_t size) {
    return refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
    return refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return refused() ? NULL : __real_realloc(old, size);
}

static uint64_t lost_n(const struct engine_bench *b) {
    return nx_engine_counts(b->engine)->lost_n;
}

/* Older looks go for it, or there is not even one: each is counted. */
static void test_looks_without_memory(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    none_left = true;
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    none_left = false;
    assert_int_equal(lost_n(b), 1);
    for (unsigned i = 0; i < 8; i++) { /* the first ring */
        sees_nxdomain(b, LYON, 1, 600, T0 + 2 * S + i * S);
    }
    assert_int_equal(lost_n(b), 1);
    none_left = true;
    sees_nxdomain(b, LYON, 1, 600, T0 + 20 * S);
    none_left = false;
    assert_int_equal(lost_n(b), 2);
    sees_nxdomain(b, LYON, 1, 600, T0 + 21 * S);
    assert_int_equal(lost_n(b), 2);
    assert_int_equal(nx_engine_counts(b->engine)->refused_n, 0);
}

static void test_target_without_memory(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    none_left = true;
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    none_left = false;
    assert_int_equal(lost_n(b), 1);
    assert_int_equal(targets_of(b, 7, T0 + S).n, 0);
    sees_nxdomain(b, LYON, 1, 600, T0 + 2 * S);
    assert_int_equal(targets_of(b, 7, T0 + 2 * S).n, 1);
    /* Not asked for any more: that is no want of memory. */
    hello(b, LYON, 1, 0, T0 + 3 * S);
    sees_nxdomain(b, LYON, 2, 600, T0 + 2 * S);
    assert_int_equal(lost_n(b), 1);
    assert_int_equal(nx_engine_counts(b->engine)->refused_n, 1);
}

/* Wherever memory ends: the whole list, each network once, or none. */
static void test_networks_without_memory(void **state) {
    struct engine_bench *b = *state;
    struct nx_network_list *list = NULL;
    int err = NX_ENOMEM;
    for (uint32_t id = 10; id < 13; id++) { /* lyon, oslo, lyon... */
        add_agent(b, id, id % 2 == 0 ? "lyon" : "oslo", false);
    }
    for (size_t n = 0; err != 0; n++) {
        assert_in_range(n, 0, 20);
        left_n = n;
        err = nx_network_list_new(b->engine, NULL, &list);
        left_n = SIZE_MAX;
        assert_true(err == 0 || err == NX_ENOMEM);
    }
    assert_string_equal(nx_network_list_next(list), "lyon");
    assert_string_equal(nx_network_list_next(list), "oslo");
    assert_null(nx_network_list_next(list));
    nx_network_list_free(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_looks_without_memory),
        TEST(test_target_without_memory),
        TEST(test_networks_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
