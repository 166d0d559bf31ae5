/* Pages of some networks, or in groups: they say what the document of the same
 * query says, and nobody waits for all of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/status/json_put.h"
#include "collector/status/status_group.h"
#include "common/text.h"
#include "tests/lib/board_bench.h"

#define RESOLVERS 2U
#define SITES 4U /* labels */

static void label(struct engine_bench *b, unsigned i) {
    struct nx_labels labels;
    char network[NX_TEXT_LABEL_MAX];
    nx_labels_init(&labels);
    (void)snprintf(network, sizeof(network), "net-%03u", i);
    (void)snprintf(labels.site, sizeof(labels.site), "site-%u", i % SITES);
    labels.asn = i < 3 ? 64500 + i : 0;
    labels.weight = 1 + i;
    assert_int_equal(nx_engine_labels_set(b->engine, NX_LABELS_OF_NETWORK,
                                          network, NX_LABELS_STORED, &labels),
                     0);
}

static void start(struct engine_bench *b) {
    add_networks(b, RESOLVERS);
    open_restored(b, 7, T0);
    for (unsigned i = 0; i < NETWORKS; i++) {
        label(b, i);
        sees_nxdomain(b, FIRST + i, 1, 300 + i, T0 + S);
        if (i % 3 != 0) {
            sees_nxdomain(b, FIRST + i, 2, 310 + 5 * (i % 7), T0 + S);
        }
    }
    tick(b, T0 + 2 * S);
}

/* --- queries --- */

static struct nx_status_query where(const char *condition) {
    struct nx_status_query query = {.grouped = false};
    const char *why = NULL;
    assert_int_equal(nx_where_add(&query.where, condition, &why), 0);
    return query;
}

static struct nx_status_query by_label(enum nx_label_key key) {
    return (struct nx_status_query){.grouped = true, .group = key};
}

static struct nx_status_query by_resolver(void) {
    return (struct nx_status_query){.grouped = true, .by_resolver = true};
}

static int try_chosen(struct engine_bench *b,
                      const struct nx_status_query *query, int64_t now_us,
                      const struct nx_board_page **out) {
    *out = NULL;
    return nx_board_chosen(board, b->engine, 7, query, NULL, now_us, out);
}

/* Works until the page is there; how many turns that took. */
static unsigned wait_chosen(struct engine_bench *b,
                            const struct nx_status_query *query, int64_t now_us,
                            const struct nx_board_page **page) {
    unsigned turns_n = 0;
    while (try_chosen(b, query, now_us, page) == NX_EAGAIN) {
        assert_true(++turns_n < 10000);
        assert_int_not_equal(
            nx_board_work(board, b->engine, NULL, now_us, NX_BOARD_SLICE),
            NX_BOARD_IDLE);
    }
    assert_non_null(*page);
    return turns_n;
}

/* --- what it says --- */

static void check_same(struct engine_bench *b, const struct nx_board_page *page,
                       const struct nx_status_query *query, int64_t now_us) {
    struct nx_text text;
    nx_text_init(&text);
    nx_status_put_incident(&text, b->engine, 7, query, now_us);
    assert_same(page, nx_put_read(&text));
}

/* Each alone on the board: nothing is there to be taken. */
static void test_same_as_the_document(void **state) {
    struct engine_bench *b = *state;
    const struct nx_status_query queries[] = {
        where("site=site-1"),
        where("asn=64501"),
        where("site=nowhere"),
        where("resolver=192.0.2.1@53"),
        where("resolver=192.0.2.99@53"),
        by_label(NX_LABEL_SITE),
        by_label(NX_LABEL_ASN),
        by_resolver(),
    };
    start(b);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        const struct nx_board_page *page = NULL;
        (void)wait_chosen(b, &queries[i], T0 + 2 * S, &page);
        check_same(b, page, &queries[i], T0 + 2 * S);
        nx_board_free(&board);
        assert_int_equal(nx_board_new(&board), 0);
    }
}

/* No turn draws more than its slice, nor works out more than a few groups. */
static void test_in_slices(void **state) {
    struct engine_bench *b = *state;
    const struct nx_status_query some = where("site=site-1");
    const struct nx_status_query all = by_label(NX_LABEL_ASN);
    const struct nx_status_query resolvers = by_resolver();
    const struct nx_board_page *page = NULL;
    start(b);
    unsigned some_n = wait_chosen(b, &some, T0 + 2 * S, &page);
    assert_int_equal(page->sites_n, NETWORKS / SITES);
    assert_in_range(some_n, NETWORKS / SITES * RESOLVERS / NX_BOARD_SLICE,
                    NETWORKS * RESOLVERS / NX_BOARD_SLICE);
    unsigned all_n = wait_chosen(b, &all, T0 + 2 * S, &page);
    assert_true(all_n > NETWORKS * RESOLVERS / NX_BOARD_SLICE);
    /* The networks are those of before: the rest is forecast and groups. */
    (void)wait_for(b, T0 + 2 * S, &page);
    nx_board_tidy(board, T0 + 2 * S + NX_BOARD_FRESH_US * 2);
    unsigned resolvers_n = wait_chosen(b, &resolvers, T0 + 2 * S, &page);
    assert_in_range(resolvers_n, 4, 1000);
}

/* The text of a sheet's groups by resolver, in pieces of such budgets; *most:
 * bytes, the longest piece. */
static void put_groups(const struct nx_sheet *sheet, size_t budget,
                       struct nx_text *out, size_t *most) {
    const struct nx_status_query query = by_resolver();
    struct nx_grouper *grouper = NULL;
    struct nx_asked *asked = calloc(sheet->rows_n, sizeof(*asked));
    bool done = false;
    assert_non_null(asked);
    for (size_t i = 0; i < sheet->rows_n; i++) {
        (void)nx_endpoint_text(&sheet->rows[i].view.question->to,
                               asked[i].text);
    }
    assert_int_equal(nx_grouper_new(sheet, &query, asked, &grouper), 0);
    *most = 0;
    while (!done) {
        size_t before = out->len;
        done = nx_grouper_step(grouper, budget, out);
        *most = out->len - before > *most ? out->len - before : *most;
    }
    nx_grouper_free(&grouper);
    free(asked);
}

/* Of very many groups the text alone takes long. */
static void test_groups_in_pieces(void **state) {
    struct engine_bench *b = *state;
    struct nx_sheet sheet;
    struct nx_text pieces;
    struct nx_text whole;
    size_t most = 0;
    start(b);
    add_agent(b, 5, "porto", false);
    hello(b, 5, 12, 0, T0);
    assert_int_equal(nx_sheet_init(&sheet, b->engine, 7, NULL, T0 + 2 * S), 0);
    assert_true(nx_sheet_foresee(&sheet));
    nx_text_init(&whole);
    nx_text_init(&pieces);
    put_groups(&sheet, SIZE_MAX, &whole, &most);
    assert_int_equal(most, whole.len);
    put_groups(&sheet, 1, &pieces, &most);
    assert_string_equal(pieces.bytes, whole.bytes);
    assert_true(most < whole.len / 6); /* of twelve resolvers */
    nx_text_fini(&pieces);
    nx_text_fini(&whole);
    nx_sheet_fini(&sheet);
}

/* What is on the page of all is not drawn again, but for what changed since. */
static void test_taken_from_the_whole(void **state) {
    struct engine_bench *b = *state;
    const struct nx_status_query query = where("site=site-1");
    const struct nx_board_page *whole = NULL;
    const struct nx_board_page *page = NULL;
    start(b);
    (void)wait_for(b, T0 + 2 * S, &whole);
    (void)wait_chosen(b, &query, T0 + 2 * S, &page);
    assert_ptr_equal(page->sites[0].full, whole->sites[1].full);
    check_same(b, page, &query, T0 + 2 * S);
    sees_nxdomain(b, FIRST + 1, 1, 290, T0 + 2 * S + S / 2);
    tick(b, T0 + 3 * S);
    (void)wait_chosen(b, &query, T0 + 3 * S, &page);
    assert_ptr_not_equal(page->sites[0].full, whole->sites[1].full);
    assert_ptr_equal(page->sites[1].full, whole->sites[5].full);
    /* An operator says something: all is said anew. */
    label(b, 5);
    add_agent(b, 5, "porto", false);
    (void)wait_chosen(b, &query, T0 + 3 * S, &page);
    assert_ptr_not_equal(page->sites[1].full, whole->sites[5].full);
}

/* A reader of some networks is told of them as if there were no others. */
static void test_sight(void **state) {
    struct engine_bench *b = *state;
    const struct nx_sight sight = {.networks = {"net-007", "net-100"},
                                   .networks_n = 2};
    const struct nx_status_query query = {.sight = &sight};
    const struct nx_board_page *page = NULL;
    start(b);
    (void)wait_for(b, T0 + 2 * S, &page);
    (void)wait_chosen(b, &query, T0 + 2 * S, &page);
    assert_int_equal(page->sites_n, 2);
    check_same(b, page, &query, T0 + 2 * S);
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 3 * S), 0);
    (void)wait_chosen(b, &query, T0 + 3 * S, &page);
    check_same(b, page, &query, T0 + 3 * S);
}

/* A closed one is read piece by piece as it was kept. */
static void test_closed(void **state) {
    struct engine_bench *b = *state;
    const struct nx_status_query queries[] = {
        where("site=site-2"), where("resolver=192.0.2.1@53"),
        where("site=nowhere"), by_label(NX_LABEL_SITE)};
    start(b);
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 3 * S), 0);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
        const struct nx_board_page *page = NULL;
        unsigned turns_n = wait_chosen(b, &queries[i], T0 + 4 * S, &page);
        assert_true(turns_n >= NETWORKS / NX_BOARD_SLICE);
        assert_true(page->closed);
        check_same(b, page, &queries[i], T0 + 4 * S);
    }
}

/* Without what is not kept: forecasts. */
static json_t *groups_of(const struct nx_board_page *page) {
    json_t *document = joined(page, false);
    json_t *groups = json_incref(json_object_get(document, "groups"));
    size_t i = 0;
    json_t *group = NULL;
    assert_true(json_array_size(json_object_get(groups, "list")) > 1);
    json_array_foreach(json_object_get(groups, "list"), i, group) {
        const char *const forecasts[] = {"affected", "all_clear", "hard"};
        for (size_t k = 0; k < 3; k++) {
            assert_true(!page->closed ||
                        json_is_null(json_object_get(group, forecasts[k])));
            assert_int_equal(json_object_del(group, forecasts[k]), 0);
        }
    }
    json_decref(document);
    return groups;
}

/* The groups of the last status are those that it had while it was open. */
static void test_groups_of_a_closed_one(void **state) {
    struct engine_bench *b = *state;
    const struct nx_status_query queries[] = {by_label(NX_LABEL_SITE),
                                              by_resolver()};
    json_t *open[2];
    const struct nx_board_page *page = NULL;
    start(b);
    for (size_t i = 0; i < 2; i++) {
        (void)wait_chosen(b, &queries[i], T0 + 2 * S, &page);
        open[i] = groups_of(page);
    }
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 2 * S), 0);
    for (size_t i = 0; i < 2; i++) {
        unsigned turns_n = wait_chosen(b, &queries[i], T0 + 3 * S, &page);
        assert_true(page->closed && turns_n >= NETWORKS / NX_BOARD_SLICE);
        json_t *kept = groups_of(page);
        if (json_equal(open[i], kept) == 0) {
            char *was = json_dumps(open[i], JSON_COMPACT);
            char *is = json_dumps(kept, JSON_COMPACT);
            print_error("%.2000s\n%.2000s\n", was, is);
            free(was);
            free(is);
            fail();
        }
        json_decref(open[i]);
        json_decref(kept);
    }
}

/* Closed while it is made. */
static void test_closed_in_the_middle(void **state) {
    struct engine_bench *b = *state;
    const struct nx_status_query query = by_resolver();
    const struct nx_board_page *page = NULL;
    start(b);
    assert_int_equal(try_chosen(b, &query, T0 + 2 * S, &page), NX_EAGAIN);
    for (unsigned i = 0; i < 10; i++) {
        (void)nx_board_work(board, b->engine, NULL, T0 + 2 * S, NX_BOARD_SLICE);
    }
    assert_int_equal(nx_status_close(b->engine, 7, T0 + 3 * S), 0);
    (void)wait_chosen(b, &query, T0 + 4 * S, &page);
    assert_true(page->closed);
    check_same(b, page, &query, T0 + 4 * S);
}

/* The tag is another one when it says something else, and only then. */
static void test_tag(void **state) {
    struct engine_bench *b = *state;
    const struct nx_status_query query = where("site=site-1");
    const struct nx_board_page *page = NULL;
    start(b);
    (void)wait_chosen(b, &query, T0 + 2 * S, &page);
    uint64_t tag = page->tag;
    (void)wait_chosen(b, &query, T0 + 3 * S, &page);
    assert_int_equal(page->as_of_us, T0 + 3 * S);
    assert_true(page->tag == tag);
    sees_nxdomain(b, FIRST + 1, 1, 290, T0 + 11 * S);
    tick(b, T0 + 12 * S);
    (void)wait_chosen(b, &query, T0 + 12 * S, &page);
    assert_true(page->tag != tag);
}

/* Those that nobody came back for are made, then forgotten; one too many waits
 * until then. */
static void test_readers_go_away(void **state) {
    struct engine_bench *b = *state;
    const struct nx_board_page *page = NULL;
    char text[32];
    struct nx_status_query last;
    start(b);
    for (unsigned i = 0; i < NX_BOARD_CHOICES_MAX; i++) {
        (void)snprintf(text, sizeof(text), "asn=%u", 64496 + i);
        const struct nx_status_query query = where(text);
        (void)snprintf(text, sizeof(text), "site=site-%u", i % SITES);
        const struct nx_status_query large = {
            .where = query.where, .grouped = true, .by_resolver = true};
        const struct nx_status_query all = {
            .grouped = true, .group = (enum nx_label_key)(i % 4)};
        (void)try_chosen(b, i < 4 ? &all : &large, T0 + 2 * S, &page);
    }
    last = where("site=site-3");
    unsigned turns_n = wait_chosen(b, &last, T0 + 2 * S, &page);
    assert_true(turns_n > 0);
    check_same(b, page, &last, T0 + 2 * S);
    /* Nothing of them is kept up to date. */
    while (nx_board_work(board, b->engine, NULL, T0 + 2 * S, NX_BOARD_SLICE) !=
           NX_BOARD_IDLE) {
        assert_true(++turns_n < 100000);
    }
    nx_board_tidy(board, T0 + 2 * S + NX_BOARD_KEEP_US / 2);
    size_t drawn_n = 0;
    size_t networks_n = 0;
    nx_board_progress(board, 7, &drawn_n, &networks_n);
    assert_int_equal(networks_n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BOARD(test_same_as_the_document),
        BOARD(test_in_slices),
        BOARD(test_groups_in_pieces),
        BOARD(test_taken_from_the_whole),
        BOARD(test_sight),
        BOARD(test_closed),
        BOARD(test_groups_of_a_closed_one),
        BOARD(test_closed_in_the_middle),
        BOARD(test_tag),
        BOARD(test_readers_go_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
