/* Pages of targets that nobody judged yet, as after a start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/status/status.h"
#include "tests/lib/board_bench.h"

#define RESOLVERS 10U

/* They are judged before they are drawn. */
static void test_judged_first(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    size_t targets_n = 0;
    size_t waiting_n = 0;
    add_networks(b, RESOLVERS);
    open_restored(b, 7, T0);
    nx_engine_backlog(b->engine, &targets_n, &waiting_n);
    assert_int_equal(targets_n, NETWORKS * RESOLVERS);
    assert_int_equal(waiting_n, targets_n);
    assert_int_equal(try_page(b, T0 + S, &page), NX_EAGAIN);
    assert_int_equal(
        nx_board_work(board, b->engine, NULL, T0 + S, NX_BOARD_SLICE),
        NX_BOARD_READY);
    assert_int_equal(try_page(b, T0 + S, &page), NX_EAGAIN);
    assert_true(nx_engine_judge(b->engine, T0 + S, targets_n - NX_BOARD_BACKLOG,
                                &b->sink));
    assert_int_equal(
        nx_board_work(board, b->engine, NULL, T0 + S, NX_BOARD_SLICE),
        NX_BOARD_WANTED);
    (void)wait_for(b, T0 + S, &page);
    assert_int_equal(page->targets_n, targets_n);
    hello(b, FIRST, 1, 0, T0 + 2 * S); /* judged or not, they are gone */
    nx_engine_backlog(b->engine, &targets_n, &waiting_n);
    assert_int_equal(targets_n, NETWORKS * RESOLVERS - RESOLVERS + 1);
    assert_true(waiting_n <= targets_n);
}

/* ... and meanwhile other pages are made and kept up to date. */
static void test_judged_first_alone(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    size_t targets_n = 0;
    size_t waiting_n = 0;
    add_networks(b, RESOLVERS);
    open_restored(b, 7, T0);
    (void)nx_engine_judge(b->engine, T0 + S, 2 * NETWORKS * RESOLVERS,
                          &b->sink);
    (void)wait_for(b, T0 + S, &page);
    open_restored(b, 8, T0 + S);
    nx_engine_backlog_of(b->engine, 7, &targets_n, &waiting_n);
    assert_int_equal(targets_n, NETWORKS * RESOLVERS);
    assert_int_equal(waiting_n, 0);
    nx_engine_backlog_of(b->engine, 8, &targets_n, &waiting_n);
    assert_int_equal(targets_n, NETWORKS * RESOLVERS);
    assert_int_equal(waiting_n, targets_n);
    nx_engine_backlog_of(b->engine, 9, &targets_n, &waiting_n);
    assert_int_equal(targets_n, 0);
    assert_int_equal(
        nx_board_page(board, b->engine, 8, NULL, T0 + 2 * S, &page), NX_EAGAIN);
    assert_int_equal(
        nx_board_work(board, b->engine, NULL, T0 + 2 * S, NX_BOARD_SLICE),
        NX_BOARD_BUSY); /* the first one's is kept up to date */
    (void)wait_for(b, T0 + 9 * S, &page);
    assert_true(page->as_of_us >= T0 + 2 * S);
    nx_board_free(&board); /* and is made, too */
    assert_int_equal(nx_board_new(&board), 0);
    assert_int_equal(
        nx_board_page(board, b->engine, 8, NULL, T0 + 9 * S, &page), NX_EAGAIN);
    (void)wait_for(b, T0 + 9 * S, &page);
    assert_int_equal(nx_status_close(b->engine, 8, T0 + 9 * S), 0);
    nx_engine_backlog_of(b->engine, 8, &targets_n, &waiting_n);
    assert_int_equal(targets_n, 0);
    for (unsigned i = 0; nx_board_page(board, b->engine, 8, NULL, T0 + 9 * S,
                                       &page) == NX_EAGAIN;
         i++) { /* what is closed waits for nobody */
        assert_true(i < 10000);
        (void)nx_board_work(board, b->engine, NULL, T0 + 9 * S, NX_BOARD_SLICE);
    }
    assert_int_equal(page->incident_id, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BOARD(test_judged_first),
        BOARD(test_judged_first_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
