/* Whom a zone had for name servers before: the book that audits fill, and what
 * is stored of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/engine/ns_book.h"
#include "tests/lib/authority_bench.h"

#define TTL (3600 * S) /* of the bench's NS sets */
#define OLD 2U
#define NEW 1U

static void see_for(struct nx_ns_book *book, const uint8_t *zone, unsigned i,
                    uint32_t ttl_s, int64_t at_us) {
    const struct nx_endpoint at = server(i);
    const struct nx_delegation d = {
        .name = name, .apex = zone, .servers = &at, .servers_n = 1};
    assert_int_equal(nx_ns_book_see(book, &d, ttl_s, at_us), 0);
}

static void see(struct nx_ns_book *book, const uint8_t *zone, unsigned i,
                int64_t at_us) {
    see_for(book, zone, i, 3600, at_us);
}

/* Until when does it hold the guard of an incident opened at T0? */
static int64_t recalled_until(struct bench *b, const struct nx_ns_book *book) {
    const struct nx_endpoint at = server(NEW);
    const struct nx_delegation d = {
        .name = name, .apex = apex, .servers = &at, .servers_n = 1};
    delegate(b, 1, apex, NEW, NEW, T0);
    assert_int_equal(nx_ns_book_recall(book, &d, T0, b->a), 0);
    (void)step(b, T0);
    return view_of(b)->left_shut_us;
}

/* The TTL is lowered before a move: sets that were fetched earlier live on. */
static void test_book_keeps_the_longest(void **state) {
    struct bench *b = *state;
    struct nx_ns_book book = {.zones = NULL};
    see_for(&book, apex, OLD, 86400, T0 - 7200 * S);
    see_for(&book, apex, OLD, 60, T0 - 100 * S);
    assert_int_equal(recalled_until(b, &book), T0 + (86400 - 7200) * S);
    nx_ns_book_fini(&book);
}

/* Days after a move nobody knows the old set any more. */
static void test_book_of_a_move_long_ago(void **state) {
    struct bench *b = *state;
    struct nx_ns_book book = {.zones = NULL};
    see_for(&book, apex, OLD, 7200, T0 - 90000 * S);
    see_for(&book, apex, NEW, 7200, T0 - 5000 * S);
    see_for(&book, apex, NEW, 7200, T0 - 1000 * S);
    assert_int_equal(recalled_until(b, &book), T0 + (7200 - 5000) * S);
    nx_ns_book_fini(&book);
    nx_authority_free(&b->a);
    assert_int_equal(nx_authority_new(&b->a), 0);
    see_for(&book, apex, OLD, 7200, T0 - 90000 * S);
    see_for(&book, apex, NEW, 7200, T0 - 7200 * S);
    assert_int_equal(recalled_until(b, &book), NX_TIME_UNKNOWN);
    assert_int_equal(view_of(b)->left_n, 0);
    /* It was in the set again, and left it who knows when. */
    see_for(&book, apex, OLD, 7200, T0 - 6000 * S);
    assert_int_equal(recalled_until(b, &book), T0 + 7200 * S);
    nx_ns_book_fini(&book);
}

static void test_book_of_name_servers(void **state) {
    struct bench *b = *state;
    struct nx_ns_book book = {.zones = NULL};
    const struct nx_endpoint at = server(NEW);
    const struct nx_delegation d = {
        .name = name, .apex = apex, .servers = &at, .servers_n = 1};
    see(&book, apex, 9, T0 - NX_NS_BOOK_KEPT_US - S); /* too long ago */
    see(&book, apex, OLD, T0 - 100 * S);
    see(&book, apex, NEW, T0 - 100 * S);
    see(&book, com, 7, T0 - 100 * S);
    delegate(b, 1, apex, NEW, NEW, T0);
    assert_int_equal(nx_ns_book_recall(&book, &d, T0, b->a), 0);
    (void)step(b, T0);
    assert_int_equal(view_of(b)->left_n, 1);
    assert_int_equal(view_of(b)->left[0].at.address[3], OLD);
    assert_true(view_of(b)->left[0].named);
    assert_int_equal(view_of(b)->left_shut_us, T0 + TTL);
    for (int64_t t = T0 + S; t <= T0 + 70 * S; t += 3 * S) {
        good(b, 1, NEW, t);
        good(b, 1, OLD, t);
        (void)step(b, t);
    }
    assert_true(nx_authority_proven(b->a));
    nx_ns_book_fini(&book);
}

static void test_book_is_bounded(void **state) {
    struct bench *b = *state;
    struct nx_ns_book book = {.zones = NULL};
    uint8_t zone[] = "\4zzzz\7example";
    const struct nx_endpoint at = server(NEW);
    const struct nx_delegation d = {
        .name = name, .apex = apex, .servers = &at, .servers_n = 1};
    see(&book, apex, OLD, T0); /* the oldest */
    for (unsigned i = 0; i < NX_NS_BOOK_ZONES_MAX; i++) {
        char digits[5];
        (void)snprintf(digits, sizeof(digits), "%04u", i);
        memcpy(zone + 1, digits, 4);
        see(&book, zone, 1, T0 + S);
    }
    assert_int_equal(book.n, NX_NS_BOOK_ZONES_MAX);
    delegate(b, 1, apex, NEW, NEW, T0 + 2 * S);
    assert_int_equal(nx_ns_book_recall(&book, &d, T0 + 2 * S, b->a), 0);
    assert_int_equal(view_of(b)->left_n, 0);
    nx_ns_book_fini(&book);
}

/* --- across a start --- */

/* What is to be stored now goes into another book, as from a store. */
static unsigned store(struct nx_ns_book *book, struct nx_ns_book *into) {
    struct nx_ns_book_zone *zone = NULL;
    unsigned n = 0;
    while ((zone = nx_ns_book_unstored(book)) != NULL) {
        for (size_t i = 0; i < zone->servers_n; i++) {
            assert_int_equal(
                nx_ns_book_put(into, zone->apex, &zone->servers[i]), 0);
        }
        nx_ns_book_stored(zone);
        n++;
    }
    return n;
}

/* Changes at once, sightings once in an hour. */
static void test_what_is_stored(void **state) {
    struct nx_ns_book book = {.zones = NULL};
    struct nx_ns_book other = {.zones = NULL};
    (void)state;
    assert_null(nx_ns_book_unstored(&book));
    see(&book, apex, OLD, T0);
    assert_int_equal(store(&book, &other), 1);
    see(&book, apex, OLD, T0 + 5 * S);
    assert_null(nx_ns_book_unstored(&book));
    see(&book, apex, OLD, T0 + NX_NS_BOOK_STORE_US);
    assert_non_null(nx_ns_book_unstored(&book));
    nx_ns_book_stored(nx_ns_book_unstored(&book));
    see_for(&book, apex, OLD, 60, T0 + NX_NS_BOOK_STORE_US + S); /* TTL */
    assert_non_null(nx_ns_book_unstored(&book));
    nx_ns_book_stored(nx_ns_book_unstored(&book));
    see_for(&book, apex, NEW, 60, T0 + NX_NS_BOOK_STORE_US + 2 * S); /* move */
    assert_non_null(nx_ns_book_unstored(&book));
    nx_ns_book_stored(nx_ns_book_unstored(&book));
    nx_ns_book_store_again(&book);
    assert_non_null(nx_ns_book_unstored(&book));
    nx_ns_book_fini(&book);
    nx_ns_book_fini(&other);
}

/* Whatever happened before the start, the guard is shut as long as without it.
 */
static void test_recalled_after_a_start(void **state) {
    struct bench *b = *state;
    static const int64_t moved_us[] = {-1, 500 * S, 100 * S};
    for (size_t i = 0; i < 3; i++) {
        struct nx_ns_book book = {.zones = NULL};
        struct nx_ns_book again = {.zones = NULL};
        see_for(&book, apex, OLD, 720, T0 - 897 * S);
        for (int64_t t = T0 - 800 * S; t < T0 - 500 * S; t += 5 * S) {
            see_for(&book, apex, OLD, 360, t);
        }
        if (moved_us[i] > 0) {
            see_for(&book, apex, NEW, 360, T0 - moved_us[i]);
        }
        assert_int_equal(store(&book, &again), 1);
        int64_t until_us = recalled_until(b, &book);
        assert_true((until_us > T0) == (i != 1));
        nx_authority_free(&b->a);
        assert_int_equal(nx_authority_new(&b->a), 0);
        assert_int_equal(recalled_until(b, &again), until_us);
        nx_authority_free(&b->a);
        assert_int_equal(nx_authority_new(&b->a), 0);
        nx_ns_book_fini(&book);
        nx_ns_book_fini(&again);
    }
}

/* The log of an open incident is folded with a book that knows what came later:
 * a server that was not there yet did not leave. */
static void test_later_servers_did_not_leave(void **state) {
    struct bench *b = *state;
    struct nx_ns_book book = {.zones = NULL};
    see(&book, apex, OLD, T0 + 100 * S);
    assert_int_equal(recalled_until(b, &book), NX_TIME_UNKNOWN);
    nx_ns_book_fini(&book);
}

static void test_what_is_not_taken(void **state) {
    struct nx_ns_book book = {.zones = NULL};
    const struct nx_ns_server right = {.at = server(OLD),
                                       .ttl_s = 60,
                                       .since_us = T0,
                                       .seen_us = T0 + S,
                                       .gone_us = T0 + 2 * S,
                                       .until_us = T0 + 61 * S};
    struct nx_ns_server s = right;
    (void)state;
    s.since_us = -S;
    assert_int_equal(nx_ns_book_put(&book, apex, &s), NX_ERANGE);
    s = right;
    s.seen_us = T0 - S;
    assert_int_equal(nx_ns_book_put(&book, apex, &s), NX_ERANGE);
    s = right;
    s.gone_us = T0;
    assert_int_equal(nx_ns_book_put(&book, apex, &s), NX_ERANGE);
    s = right;
    s.until_us = INT64_MAX;
    assert_int_equal(nx_ns_book_put(&book, apex, &s), NX_ERANGE);
    assert_int_equal(book.n, 0);
    for (unsigned i = 0; i < NX_DELEG_SERVERS_MAX; i++) {
        s = right;
        s.at = server(100 + i);
        assert_int_equal(nx_ns_book_put(&book, apex, &s), 0);
    }
    assert_int_equal(nx_ns_book_put(&book, apex, &right), NX_ELIMIT);
    for (unsigned i = 1; i < NX_NS_BOOK_ZONES_MAX; i++) {
        uint8_t zone[] = "\4zzzz\7example";
        char digits[5];
        (void)snprintf(digits, sizeof(digits), "%04u", i);
        memcpy(zone + 1, digits, 4);
        assert_int_equal(nx_ns_book_put(&book, zone, &right), 0);
    }
    assert_int_equal(nx_ns_book_put(&book, com, &right), NX_ELIMIT);
    assert_null(nx_ns_book_unstored(&book)); /* it comes from there */
    nx_ns_book_fini(&book);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_book_keeps_the_longest),
        TEST(test_book_of_a_move_long_ago),
        TEST(test_book_of_name_servers),
        TEST(test_book_is_bounded),
        TEST(test_what_is_stored),
        TEST(test_recalled_after_a_start),
        TEST(test_later_servers_did_not_leave),
        TEST(test_what_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
