/* Pages that are too large to be made at once: nobody waits for all of one,
 * and what comes in meanwhile is not lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/status/status.h"
#include "tests/lib/board_bench.h"

#define RESOLVERS 2U

static size_t json_left = SIZE_MAX; /* pieces of memory for documents */

static void *json_memory(size_t n) {
    if (json_left == 0) {
        return NULL;
    }
    json_left--;
    return malloc(n);
}

static void start(struct engine_bench *b) {
    add_networks(b, RESOLVERS);
    open_restored(b, 7, T0);
    for (unsigned i = 0; i < NETWORKS; i++) {
        sees_nxdomain(b, FIRST + i, 1, 300 + i, T0 + S);
        sees_nxdomain(b, FIRST + i, 2, 310 + 5 * (i % 7), T0 + S);
    }
    tick(b, T0 + 2 * S);
}

static void check_same(struct engine_bench *b, const struct nx_board_page *page,
                       int64_t now_us) {
    assert_same(page, nx_status_incident(b->engine, 7, now_us));
}

static const char *state_of(const struct nx_board_page *page,
                            const char *network) {
    for (size_t i = 0; i < page->sites_n; i++) {
        if (strcmp(page->sites[i].network, network) == 0) {
            return nx_state_text(page->sites[i].state);
        }
    }
    return "none";
}

/* Does the head count the networks that are in the page? */
static void check_counts(const struct nx_board_page *page) {
    json_t *document = joined(page, false);
    const json_t *states =
        json_object_get(json_object_get(document, "summary"), "states");
    const json_t *networks = json_object_get(document, "networks");
    size_t i = 0;
    const json_t *network = NULL;
    json_int_t denied_n = 0;
    json_array_foreach(networks, i, network) {
        const char *state =
            json_string_value(json_object_get(network, "state"));
        denied_n += strcmp(state, "cached-nxdomain") == 0 ? 1 : 0;
    }
    assert_int_equal(
        json_integer_value(json_object_get(states, "cached-nxdomain")),
        denied_n);
    json_decref(document);
}

static void test_in_slices(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    start(b);
    assert_int_equal(try_page(b, T0 + 2 * S, &page), NX_EAGAIN);
    unsigned turns_n = wait_for(b, T0 + 2 * S, &page);
    assert_true(turns_n >= NETWORKS * RESOLVERS / NX_BOARD_SLICE - 1);
    assert_int_equal(page->as_of_us, T0 + 2 * S);
    assert_int_equal(page->sites_n, NETWORKS);
    check_same(b, page, T0 + 2 * S);
}

/* A look comes in while the page is made, for a network that is drawn already
 * and for one that is not. The page says when it began, and the next one has
 * all. */
static void test_changes_in_the_middle(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    start(b);
    (void)wait_for(b, T0 + 2 * S, &page);
    uint64_t before = page->revision;
    for (unsigned i = 0; i < NETWORKS; i++) {
        sees_nxdomain(b, FIRST + i, 1, 290 + i, T0 + 11 * S);
    }
    tick(b, T0 + 12 * S);
    assert_int_equal(try_page(b, T0 + 12 * S, &page), NX_EAGAIN);
    const unsigned changed[] = {0, NETWORKS - 1};
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned i = 0; i < 60; i++) {
            sees_address(b, FIRST + changed[k], 1, T0 + 12 * S + i * 10000);
            sees_address(b, FIRST + changed[k], 2, T0 + 12 * S + i * 10000);
        }
    }
    tick(b, T0 + 13 * S);
    (void)wait_for(b, T0 + 12 * S + 1000, &page);
    assert_int_equal(page->as_of_us, T0 + 12 * S);
    assert_true(page->revision > before);
    check_counts(page);
    assert_string_equal(state_of(page, "net-000"), "cached-nxdomain");
    before = page->revision;
    (void)wait_for(b, T0 + 14 * S, &page);
    assert_int_equal(page->as_of_us, T0 + 14 * S);
    assert_string_equal(state_of(page, "net-000"), "clear");
    assert_string_equal(state_of(page, "net-119"), "clear");
    assert_true(page->revision > before);
    check_counts(page);
}

/* An operator acts while the page is made: whoever asks after that is told of
 * it, whoever asked before, too. */
static void test_told_in_the_middle(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    start(b);
    assert_int_equal(try_page(b, T0 + 2 * S, &page), NX_EAGAIN);
    add_agent(b, 5, "porto", false);
    (void)wait_for(b, T0 + 2 * S + 1000, &page);
    assert_string_equal(state_of(page, "porto"), "unknown");
    check_same(b, page, T0 + 2 * S + 1000);
}

/* The agent of a network that waits to be drawn goes to another one. */
static void test_network_goes_in_the_middle(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    start(b);
    assert_int_equal(try_page(b, T0 + 2 * S, &page), NX_EAGAIN);
    add_agent(b, FIRST + NETWORKS - 1, "aarhus", false);
    (void)wait_for(b, T0 + 2 * S + 1000, &page);
    assert_string_equal(state_of(page, "net-119"), "none");
    assert_string_equal(state_of(page, "aarhus"), "cached-nxdomain");
    check_same(b, page, T0 + 2 * S + 1000);
}

static void test_closed_in_the_middle(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    start(b);
    assert_int_equal(try_page(b, T0 + 2 * S, &page), NX_EAGAIN);
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 3 * S), 0);
    (void)wait_for(b, T0 + 4 * S, &page);
    assert_true(page->closed);
    assert_int_equal(page->as_of_us, T0 + 3 * S);
    check_same(b, page, T0 + 3 * S);
}

/* The forecast is renewed in the background: the page stays to be had. */
static void test_forecast_in_the_background(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    start(b);
    (void)wait_for(b, T0 + 2 * S, &page);
    int64_t now_us = T0 + 4 * S;
    uint64_t head = page->head_revision;
    for (unsigned i = 0; i < NETWORKS; i++) { /* later than it was thought */
        sees_nxdomain(b, FIRST + i, 1, 400 + i, T0 + 3 * S);
    }
    tick(b, T0 + 4 * S);
    (void)wait_for(b, T0 + 4 * S, &page);
    head = page->head_revision; /* with the forecast of before */
    for (unsigned i = 0; page->head_revision == head; i++) {
        assert_true(i < 2000);
        now_us += 20000;
        (void)nx_board_work(board, b->engine, NULL, now_us, NX_BOARD_SLICE);
        assert_int_equal(try_page(b, now_us, &page), 0);
    }
}

/* Agents lose a resolver while the forecast is made of what was seen there:
 * its targets are gone, what was copied of them is not. */
static void test_resolvers_go_in_the_middle(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    start(b);
    assert_int_equal(try_page(b, T0 + 2 * S, &page), NX_EAGAIN);
    for (unsigned turn = 0; try_page(b, T0 + 2 * S, &page) == NX_EAGAIN;
         turn++) {
        assert_true(turn < 1000);
        (void)nx_board_work(board, b->engine, NULL, T0 + 2 * S, NX_BOARD_SLICE);
        for (unsigned i = 0; i < 4; i++) {
            hello(b, FIRST + (4 * turn + i) % NETWORKS, 1, 0, T0 + 2 * S);
        }
    }
    (void)wait_for(b, T0 + 4 * S, &page);
    check_counts(page);
}

/* Whichever piece of the page there is no memory for: whoever waits for it is
 * told, and so is the next one; a moment later it is made. */
static void test_no_memory(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    int64_t now_us = T0 + 2 * S;
    unsigned turns_n = 0;
    start(b);
    for (unsigned at = 0; at == 0 || at < turns_n; at++) {
        unsigned turn = 0;
        int err = try_page(b, now_us, &page);
        for (; err == NX_EAGAIN; turn++) {
            json_left = turn >= at ? 0 : SIZE_MAX;
            (void)nx_board_work(board, b->engine, NULL, now_us, NX_BOARD_SLICE);
            err = try_page(b, now_us, &page);
        }
        json_left = SIZE_MAX;
        assert_int_equal(err, NX_ENOMEM);
        assert_int_equal(try_page(b, now_us, &page), NX_ENOMEM);
        assert_int_equal(
            nx_board_work(board, b->engine, NULL, now_us, NX_BOARD_SLICE),
            NX_BOARD_IDLE);
        now_us += NX_BOARD_FRESH_US;
        turns_n = wait_for(b, now_us, &page);
        check_counts(page);
        nx_board_free(&board);
        assert_int_equal(nx_board_new(&board), 0);
    }
    assert_true(turns_n > 5);
}

/* A page that somebody asks for again and again is shown until the next one is
 * there. */
static void test_followed(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    size_t drawn_n = 0;
    size_t networks_n = 0;
    start(b);
    int64_t made_us = T0 + 2 * S + NX_BOARD_FRESH_US / 2;
    (void)wait_for(b, made_us, &page);
    for (unsigned i = 0; i < NETWORKS; i++) {
        sees_nxdomain(b, FIRST + i, 1, 400 + i, T0 + 2 * S);
    }
    int64_t now_us = made_us + NX_BOARD_FRESH_US - 1;
    tick(b, now_us);
    assert_int_equal(try_page(b, now_us, &page), 0);
    for (unsigned i = 0; i < 4; i++) { /* the forecast takes turns */
        assert_int_equal(
            nx_board_work(board, b->engine, NULL, now_us, NX_BOARD_SLICE),
            NX_BOARD_BUSY);
    }
    nx_board_progress(board, 7, &drawn_n, &networks_n);
    assert_in_range(drawn_n, 1, NETWORKS - 1);
    assert_int_equal(networks_n, NETWORKS);
    assert_int_equal(try_page(b, now_us + S, &page), 0);
    assert_int_equal(page->as_of_us, made_us);
    /* ... and by whoever comes later, it is waited for. */
    assert_int_equal(try_page(b, now_us + S + NX_BOARD_WARM_US, &page),
                     NX_EAGAIN);
}

static void test_freshness_grows(void **state) {
    (void)state;
    assert_int_equal(nx_board_fresh_us(0), NX_BOARD_FRESH_US);
    assert_int_equal(nx_board_fresh_us(1000), NX_BOARD_FRESH_US);
    assert_int_equal(nx_board_fresh_us(100000), 30 * S);
}

/* The last status of an incident, in slices: nobody has judged anything yet. */
static void test_exact(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    nx_board_free(&board);
    assert_int_equal(nx_board_new_exact(&board), 0);
    add_networks(b, 12);
    open_restored(b, 7, T0);
    for (unsigned i = 0; i < NETWORKS; i++) {
        sees_nxdomain(b, FIRST + i, 1, 300 + i, T0 + S);
    }
    size_t targets_n = 0;
    size_t waiting_n = 0;
    nx_engine_backlog_of(b->engine, 7, &targets_n, &waiting_n);
    assert_true(waiting_n > NX_BOARD_BACKLOG);
    assert_int_equal(try_page(b, T0 + 2 * S, &page), NX_EAGAIN);
    assert_true(wait_for(b, T0 + 2 * S, &page) >= targets_n / NX_BOARD_SLICE);
    check_same(b, page, T0 + 2 * S);
    /* What was judged a moment ago, and what was heard since. */
    tick(b, T0 + 3 * S);
    sees_nxdomain(b, FIRST, 1, 290, T0 + 4 * S);
    nx_board_free(&board);
    assert_int_equal(nx_board_new_exact(&board), 0);
    (void)wait_for(b, T0 + 4 * S, &page);
    check_same(b, page, T0 + 4 * S);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BOARD(test_in_slices),
        BOARD(test_exact),
        BOARD(test_changes_in_the_middle),
        BOARD(test_told_in_the_middle),
        BOARD(test_network_goes_in_the_middle),
        BOARD(test_closed_in_the_middle),
        BOARD(test_forecast_in_the_background),
        BOARD(test_resolvers_go_in_the_middle),
        BOARD(test_no_memory),
        BOARD(test_followed),
        cmocka_unit_test(test_freshness_grows),
    };
    json_set_alloc_funcs(json_memory, free);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
