/* A board of statuses over an engine to feed by hand: incident 7, many networks
 * of one agent each. Include after cmocka.h. */
#ifndef NX_TESTS_LIB_BOARD_BENCH_H
#define NX_TESTS_LIB_BOARD_BENCH_H

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "collector/status/board.h"
#include "common/text.h"
#include "tests/lib/engine_bench.h"

#define FIRST 10U     /* agents from here on, each in a network of its own */
#define NETWORKS 120U /* several slices */

static struct nx_board *board;

static inline int try_page(struct engine_bench *b, int64_t now_us,
                           const struct nx_board_page **out) {
    *out = NULL;
    return nx_board_page(board, b->engine, 7, NULL, now_us, out);
}

/* Each with so many resolvers. */
static inline void add_networks(struct engine_bench *b, unsigned resolvers_n) {
    for (unsigned i = 0; i < NETWORKS; i++) {
        char network[NX_TEXT_LABEL_MAX];
        (void)snprintf(network, sizeof(network), "net-%03u", i);
        add_agent(b, FIRST + i, network, false);
        hello(b, FIRST + i, resolvers_n, 0, T0);
    }
}

/* Works until the page is there; how many turns that took. */
static inline unsigned wait_for(struct engine_bench *b, int64_t now_us,
                                const struct nx_board_page **page) {
    unsigned turns_n = 0;
    while (try_page(b, now_us, page) == NX_EAGAIN) {
        assert_true(++turns_n < 10000);
        assert_int_not_equal(
            nx_board_work(board, b->engine, NULL, now_us, NX_BOARD_SLICE),
            NX_BOARD_IDLE);
    }
    assert_non_null(*page);
    return turns_n;
}

/* The document that the pieces make. */
static inline json_t *joined(const struct nx_board_page *page, bool lanes) {
    struct nx_text text;
    nx_text_init(&text);
    nx_text_add(&text, "{");
    nx_text_bytes(&text, page->head->bytes, page->head->len);
    nx_text_add(&text, ",\"networks\":[");
    for (size_t i = 0; i < page->sites_n; i++) {
        const struct nx_blob *blob =
            lanes ? page->sites[i].lane : page->sites[i].full;
        nx_text_add(&text, i > 0 ? "," : "");
        nx_text_bytes(&text, blob->bytes, blob->len);
    }
    nx_text_add(&text, "]");
    if (page->groups != NULL) {
        nx_text_add(&text, ",\"groups\":");
        nx_text_bytes(&text, page->groups->bytes, page->groups->len);
    }
    nx_text_add(&text, "}");
    json_t *document = json_loads(text.bytes, 0, NULL);
    assert_non_null(document);
    nx_text_fini(&text);
    return document;
}

/* Its pieces say what the document says that is made in one piece, and that is
 * given up here. */
static inline void assert_same(const struct nx_board_page *page,
                               json_t *whole) {
    json_t *pieces = joined(page, false);
    assert_non_null(whole);
    (void)json_object_del(whole, "now");
    (void)json_object_del(whole, "as_of");
    if (json_equal(pieces, whole) == 0) {
        char *a = json_dumps(pieces, JSON_SORT_KEYS);
        char *c = json_dumps(whole, JSON_SORT_KEYS);
        size_t at = 0;
        while (a[at] != '\0' && a[at] == c[at]) {
            at++;
        }
        at = at > 200 ? at - 200 : 0;
        print_error("%.400s\n%.400s\n", a + at, c + at);
        free(a);
        free(c);
        fail();
    }
    json_decref(pieces);
    json_decref(whole);
}

/* With room for more targets than other tests need. */
static inline int board_setup(void **state) {
    int err = bench_setup(state);
    struct engine_bench *b = *state;
    nx_engine_free(&b->engine);
    b->settings.targets_max = 3000;
    err |= nx_engine_new(&b->settings, &b->engine);
    return err != 0 ? -1 : nx_board_new(&board);
}

static inline int board_teardown(void **state) {
    nx_board_free(&board);
    return bench_teardown(state);
}

#define BOARD(f) cmocka_unit_test_setup_teardown(f, board_setup, board_teardown)

#endif
