/* The status as pieces of text says what the status document says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/status/status.h"
#include "tests/lib/board_bench.h"

static const struct nx_board_page *page_at(struct engine_bench *b,
                                           int64_t now_us) {
    const struct nx_board_page *page = NULL;
    assert_int_equal(nx_board_page(board, b->engine, 7, NULL, now_us, &page),
                     0);
    return page;
}

/* Until there is nothing to do now. */
static enum nx_board_work work(struct engine_bench *b, int64_t now_us) {
    enum nx_board_work done = NX_BOARD_BUSY;
    for (unsigned i = 0; done == NX_BOARD_BUSY; i++) {
        assert_true(i < 10000);
        done = nx_board_work(board, b->engine, NULL, now_us, NX_BOARD_SLICE);
    }
    return done;
}

static const struct nx_board_site *site_of(const struct nx_board_page *page,
                                           const char *network) {
    for (size_t i = 0; i < page->sites_n; i++) {
        if (strcmp(page->sites[i].network, network) == 0) {
            return &page->sites[i];
        }
    }
    return NULL;
}

static void check_same(struct engine_bench *b, int64_t now_us) {
    assert_same(page_at(b, now_us), nx_status_incident(b->engine, 7, now_us));
}

static void start(struct engine_bench *b) {
    hello(b, LYON, 2, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 500, T0 + S);
    sees_nxdomain(b, OSLO, 1, 300, T0 + S);
    tick(b, T0 + 2 * S);
}

static void test_same_as_the_document(void **state) {
    struct engine_bench *b = *state;
    start(b);
    check_same(b, T0 + 2 * S);
    sees_nxdomain(b, OSLO, 1, 299, T0 + 3 * S);
    tick(b, T0 + 4 * S);
    json_t *d = joined(page_at(b, T0 + 4 * S), false);
    json_t *oslo = json_array_get(json_object_get(d, "networks"), 1);
    json_t *target = json_array_get(json_object_get(oslo, "targets"), 0);
    assert_int_equal(json_integer_value(json_object_get(target, "looks")), 2);
    json_decref(d);
}

static uint64_t revision_of(const struct nx_board_page *page,
                            const char *network) {
    const struct nx_board_site *site = site_of(page, network);
    assert_non_null(site);
    return site != NULL ? site->revision : 0;
}

static void test_only_what_changed(void **state) {
    struct engine_bench *b = *state;
    start(b);
    const struct nx_board_page *page = page_at(b, T0 + 2 * S);
    uint64_t before = page->revision;
    page = page_at(b, T0 + 3 * S);
    assert_int_equal(page->as_of_us, T0 + 3 * S);
    assert_int_equal(page->revision, before); /* time alone is no change */
    sees_nxdomain(b, LYON, 1, 497, T0 + 4 * S);
    tick(b, T0 + 5 * S);
    page = page_at(b, T0 + 5 * S);
    assert_true(page->revision > before);
    assert_true(revision_of(page, "lyon") == page->revision);
    assert_true(revision_of(page, "oslo") <= before);
    assert_true(page->sites_revision <= before);
}

static unsigned state_of(const struct nx_board_page *page,
                         const char *network) {
    const struct nx_board_site *site = site_of(page, network);
    assert_non_null(site);
    return site != NULL ? site->state : NX_STATE_N_;
}

/* A resolver that finds no room is no target, and changes the page all the
 * same. */
static void test_without_room(void **state) {
    struct engine_bench *b = *state;
    b->settings.targets_max = 1;
    assert_int_equal(bench_renew(b), 0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    for (unsigned i = 0; i < 64; i++) {
        sees_address(b, OSLO, 1, T0 + 60 * S + i * S / 10);
    }
    tick(b, T0 + 70 * S);
    check_same(b, T0 + 70 * S);
    const struct nx_board_page *page = page_at(b, T0 + 70 * S);
    assert_int_equal(state_of(page, "oslo"), NX_STATE_CLEAR);
    hello(b, OSLO, 2, 0, T0 + 71 * S);
    tick(b, T0 + 71 * S);
    check_same(b, T0 + 71 * S);
    page = page_at(b, T0 + 71 * S);
    assert_int_equal(state_of(page, "oslo"), NX_STATE_UNKNOWN);
    hello(b, OSLO, 1, 0, T0 + 72 * S);
    tick(b, T0 + 72 * S);
    check_same(b, T0 + 72 * S);
    page = page_at(b, T0 + 72 * S);
    assert_int_equal(state_of(page, "oslo"), NX_STATE_CLEAR);
}

/* A moment later the same page is shown again, unless an operator acted. */
static void test_fresh_enough(void **state) {
    struct engine_bench *b = *state;
    start(b);
    (void)page_at(b, T0 + 2 * S);
    assert_int_equal(page_at(b, T0 + 2 * S + 1000)->as_of_us, T0 + 2 * S);
    add_agent(b, 4, "porto", false);
    const struct nx_board_page *page = page_at(b, T0 + 2 * S + 2000);
    assert_int_equal(page->as_of_us, T0 + 2 * S + 2000);
    assert_non_null(site_of(page, "porto"));
    assert_true(page->sites_revision == page->revision);
}

/* What is asked for is kept up to date, and nothing else is. */
static void test_kept_warm(void **state) {
    struct engine_bench *b = *state;
    start(b);
    int64_t now_us = T0 + 2 * S;
    assert_int_equal(work(b, now_us), NX_BOARD_IDLE);
    (void)page_at(b, now_us);
    assert_int_equal(work(b, now_us + 1000), NX_BOARD_READY);
    assert_int_equal(page_at(b, now_us + 2000)->as_of_us, now_us);
    now_us += NX_BOARD_FRESH_US / 2;
    assert_int_equal(work(b, now_us), NX_BOARD_READY);
    assert_int_equal(page_at(b, now_us + NX_BOARD_FRESH_US - 1)->as_of_us,
                     now_us);
    assert_int_equal(work(b, now_us + NX_BOARD_FRESH_US + NX_BOARD_WARM_US),
                     NX_BOARD_IDLE);
    assert_int_equal(nx_status_close(b->engine, 7, now_us), 0);
    (void)page_at(b, now_us);
    assert_int_equal(work(b, now_us + S), NX_BOARD_IDLE);
}

/* In one piece they are what they are one by one. */
static void test_lanes_joined(void **state) {
    struct engine_bench *b = *state;
    start(b);
    for (unsigned k = 0; k < 3; k++) {
        int64_t now_us = T0 + (2 + k) * S;
        tick(b, now_us);
        const struct nx_board_page *page = page_at(b, now_us);
        struct nx_text text;
        nx_text_init(&text);
        for (size_t i = 0; i < page->sites_n; i++) {
            nx_text_add(&text, i > 0 ? "," : "");
            nx_text_bytes(&text, page->sites[i].lane->bytes,
                          page->sites[i].lane->len);
        }
        assert_int_equal(page->lanes->len, strlen(text.bytes));
        assert_memory_equal(page->lanes->bytes, text.bytes, page->lanes->len);
        nx_text_fini(&text);
        sees_nxdomain(b, LYON, 1, 490 - k, now_us + S / 2);
        if (k == 1) {
            add_agent(b, 4, "porto", false);
        }
    }
}

static void test_lanes(void **state) {
    struct engine_bench *b = *state;
    start(b);
    json_t *lanes = joined(page_at(b, T0 + 2 * S), true);
    json_t *network = json_array_get(json_object_get(lanes, "networks"), 0);
    assert_non_null(json_object_get(network, "clears"));
    assert_null(json_object_get(network, "targets"));
    json_decref(lanes);
}

static void test_closed(void **state) {
    struct engine_bench *b = *state;
    start(b);
    assert_false(page_at(b, T0 + 2 * S)->closed);
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 3 * S), 0);
    const struct nx_board_page *page = page_at(b, T0 + 3 * S);
    assert_true(page->closed);
    assert_int_equal(page->sites_n, 2);
    assert_same(page, nx_status_incident(b->engine, 7, T0 + 60 * S));
}

static void test_not_storing(void **state) {
    struct engine_bench *b = *state;
    start(b);
    uint64_t before = page_at(b, T0 + 2 * S)->revision;
    const struct nx_board_page *page = NULL;
    assert_int_equal(
        nx_board_page(board, b->engine, 7, "no space left", T0 + 2 * S, &page),
        0);
    assert_true(page->head_revision > before);
    json_t *d = joined(page, true);
    assert_true(json_is_false(json_object_get(d, "storing")));
    json_decref(d);
    assert_null(
        json_object_get(d = joined(page_at(b, T0 + 2 * S), true), "storing"));
    json_decref(d);
}

static void test_blob_outlives_the_page(void **state) {
    struct engine_bench *b = *state;
    start(b);
    struct nx_blob *blob = nx_blob_ref(page_at(b, T0 + 2 * S)->head);
    nx_board_tidy(board, T0 + 2 * S + NX_BOARD_KEEP_US + 1);
    assert_in_range(blob->len, 1, 100000);
    nx_blob_unref(blob);
    const struct nx_board_page *page = NULL;
    assert_int_equal(
        nx_board_page(board, b->engine, 8, NULL, T0 + 3 * S, &page),
        NX_ENOTFOUND);
}

/* The networks of the engine bench alone. */
static int setup(void **state) {
    return bench_setup(state) != 0 ? -1 : nx_board_new(&board);
}

int main(void) {
#define FEW(f) cmocka_unit_test_setup_teardown(f, setup, board_teardown)
    const struct CMUnitTest tests[] = {
        FEW(test_same_as_the_document),
        FEW(test_only_what_changed),
        FEW(test_without_room),
        FEW(test_fresh_enough),
        FEW(test_kept_warm),
        FEW(test_lanes_joined),
        FEW(test_lanes),
        FEW(test_closed),
        FEW(test_not_storing),
        FEW(test_blob_outlives_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
