/* Name servers of zones in the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/store/io_store_zones.h"
#include "tests/lib/store_bench.h"

#define S INT64_C(1000000)
#define NOW (INT64_C(1800000000) * S)

static const uint8_t apex[] = "\7example\3com";
static const uint8_t odd[] = "\5a.b\1\377\3com"; /* what must be escaped */
static const uint8_t ns_name[] = "\3ns1\7example\3com";

static struct nx_ns_server server(const char *at, int64_t seen_us) {
    struct nx_ns_server s = {.ttl_s = 3600,
                             .since_us = seen_us - S,
                             .seen_us = seen_us,
                             .gone_us = NX_TIME_UNKNOWN,
                             .until_us = seen_us + 3600 * S};
    assert_int_equal(nx_endpoint_parse(at, &s.at), NX_OK);
    s.at.layer = NX_LAYER_AUTHORITY;
    return s;
}

static void put(struct fixture *f, const struct nx_ns_book_zone *zone) {
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    assert_int_equal(nx_store_zone_put(f->store, zone, NOW), NX_OK);
    assert_int_equal(nx_store_commit(f->store), NX_OK);
}

struct seen {
    size_t n;
    uint8_t apex[8][NX_DNAME_MAX];
    struct nx_ns_server at[8];
};

static void see(void *user, const uint8_t *zone,
                const struct nx_ns_server *server) {
    struct seen *seen = user;
    if (seen->n < 8) {
        memcpy(seen->apex[seen->n], zone, nx_dname_len(zone));
        seen->at[seen->n] = *server;
    }
    seen->n++;
}

static const struct seen *stored(struct fixture *f, int64_t now_us) {
    static struct seen seen;
    memset(&seen, 0, sizeof(seen));
    nx_store_close(&f->store);
    open_store(f);
    assert_int_equal(nx_store_zones(f->store, now_us, see, &seen), NX_OK);
    return &seen;
}

static void test_there_and_back(void **state) {
    static struct nx_ns_book_zone zone;
    zone = (struct nx_ns_book_zone){.servers_n = 2};
    zone.servers[0] = server("192.0.2.1", NOW - 9 * S);
    zone.servers[1] = server("[2001:db8::1]@5353", NOW - 5 * S);
    zone.servers[0].gone_us = NOW - 5 * S;
    zone.servers[1].at.scope_id = 3;
    zone.servers[1].named = true;
    memcpy(zone.servers[1].name, ns_name, sizeof(ns_name));
    memcpy(zone.apex, odd, sizeof(odd));
    put(*state, &zone);
    put(*state, &zone); /* in its place */
    const struct seen *seen = stored(*state, NOW);
    assert_int_equal(seen->n, 2);
    for (size_t i = 0; i < 2; i++) { /* seen last, first */
        const struct nx_ns_server *was = &zone.servers[1 - i];
        assert_true(nx_dname_equal(seen->apex[i], odd));
        assert_true(nx_endpoint_equal(&seen->at[i].at, &was->at));
        assert_int_equal(seen->at[i].named, was->named);
        assert_memory_equal(seen->at[i].name, was->name, sizeof(was->name));
        assert_int_equal(seen->at[i].ttl_s, was->ttl_s);
        assert_int_equal(seen->at[i].since_us, was->since_us);
        assert_int_equal(seen->at[i].seen_us, was->seen_us);
        assert_int_equal(seen->at[i].gone_us, was->gone_us);
        assert_int_equal(seen->at[i].until_us, was->until_us);
    }
    zone.servers_n = 1; /* the other one gave way */
    put(*state, &zone);
    assert_int_equal(stored(*state, NOW)->n, 1);
}

static void test_what_is_old_goes(void **state) {
    static struct nx_ns_book_zone zone;
    zone = (struct nx_ns_book_zone){.servers_n = 2};
    zone.servers[0] = server("192.0.2.1", NOW - NX_NS_BOOK_KEPT_US - S);
    zone.servers[1] = server("192.0.2.2", NOW - S);
    memcpy(zone.apex, apex, sizeof(apex));
    put(*state, &zone);
    assert_int_equal(stored(*state, NOW)->n, 1);
    assert_int_equal(stored(*state, NOW - 10 * S)->n, 1); /* it is gone */
    assert_int_equal(stored(*state, NOW + NX_NS_BOOK_KEPT_US)->n, 0);
}

/* With an incident, as it was opened: it stays when the zone has others, and
 * goes with the incident. */
static void test_kept_with_an_incident(void **state) {
    struct fixture *f = *state;
    static struct nx_ns_book_zone zone;
    static struct seen seen;
    struct nx_incident incident = {.opened_us = NOW,
                                   .closed_us = NX_TIME_UNKNOWN,
                                   .outage_from_us = NX_TIME_UNKNOWN,
                                   .outage_to_us = NX_TIME_UNKNOWN,
                                   .restored_us = NX_TIME_UNKNOWN,
                                   .items_n = 1};
    struct nx_text text;
    memcpy(incident.items[0].name, apex, sizeof(apex));
    incident.items[0].qtype = 1;
    zone = (struct nx_ns_book_zone){.servers_n = 2};
    memcpy(zone.apex, apex, sizeof(apex));
    zone.servers[0] = server("192.0.2.1", NOW - 9 * S);
    zone.servers[1] = server("192.0.2.2", NOW - 9 * S);
    zone.servers[1].gone_us = NOW - 5 * S;
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    assert_int_equal(nx_store_zone_then_add(f->store, incident.id, &zone),
                     NX_OK);
    assert_int_equal(nx_store_commit(f->store), NX_OK);
    zone.servers_n = 1;
    put(f, &zone);
    memset(&seen, 0, sizeof(seen));
    assert_int_equal(nx_store_zones_then(f->store, incident.id, see, &seen),
                     NX_OK);
    assert_int_equal(seen.n, 2);
    assert_true(nx_dname_equal(seen.apex[0], apex));
    assert_true(nx_endpoint_equal(&seen.at[1].at, &zone.servers[1].at));
    assert_int_equal(seen.at[1].gone_us, NOW - 5 * S);
    nx_text_init(&text);
    assert_int_equal(nx_store_incident_settings(f->store, incident.id, &text),
                     NX_ENOTFOUND);
    assert_int_equal(
        nx_store_incident_settings_put(f->store, incident.id, "{}"), NX_OK);
    assert_int_equal(nx_store_incident_settings(f->store, incident.id, &text),
                     NX_OK);
    assert_string_equal(text.bytes, "{}");
    nx_text_fini(&text);
    assert_int_equal(nx_store_incident_drop(f->store, incident.id), NX_OK);
    seen.n = 0;
    assert_int_equal(nx_store_zones_then(f->store, incident.id, see, &seen),
                     NX_OK);
    assert_int_equal(seen.n, 0);
}

static void test_the_oldest_zone_gives_way(void **state) {
    static struct nx_ns_book_zone zone;
    for (unsigned i = 0; i <= NX_NS_BOOK_ZONES_MAX; i++) {
        char digits[5];
        zone = (struct nx_ns_book_zone){.servers_n = 1};
        zone.servers[0] = server("192.0.2.1", NOW - 1000 * S + i * S);
        memcpy(zone.apex, "\4zzzz\7example", 14);
        (void)snprintf(digits, sizeof(digits), "%04u", i);
        memcpy(zone.apex + 1, digits, 4);
        put(*state, &zone);
    }
    const struct seen *seen = stored(*state, NOW);
    assert_int_equal(seen->n, NX_NS_BOOK_ZONES_MAX);
    assert_memory_equal(seen->apex[0], zone.apex, 14);
}

/* Rows that are not ours: those that can be read are given to the book, which
 * looks at the times (NX_ERANGE). */
static void test_rows_of_others(void **state) {
    sql(*state, "INSERT INTO zone_server(zone, address, scope_id, name, ttl_s, "
                "since_us, seen_us, gone_us, until_us) VALUES"
                "('example..com.', '192.0.2.1@53', 0, NULL, 1, 1, "
                "1800000000000000, NULL, 1800000000000000),"
                "('example.com.', 'here', 0, NULL, 1, 1, 1800000000000000, "
                "NULL, 1800000000000000),"
                "('example.com.', '192.0.2.1@53', -1, 'a..b', -1, -7, "
                "1800000000000000, 5, 9223372036854775807)");
    const struct seen *seen = stored(*state, NOW);
    assert_int_equal(seen->n, 1);
    assert_false(seen->at[0].named);
    struct nx_ns_book book = {.zones = NULL};
    assert_int_equal(nx_ns_book_put(&book, apex, &seen->at[0]), NX_ERANGE);
    nx_ns_book_fini(&book);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_there_and_back),        TEST(test_what_is_old_goes),
        TEST(test_kept_with_an_incident), TEST(test_the_oldest_zone_gives_way),
        TEST(test_rows_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
