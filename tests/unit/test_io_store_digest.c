/* Rows that are not what was written: every value of every table that has
 * digests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/store/io_store_profiles.h"
#include "collector/store/io_store_retain.h"
#include "collector/store/io_store_zones.h"
#include "tests/lib/store_bench.h"

static const uint8_t apex[] = "\7example\3com";
static const uint64_t epochs[] = {100, 300, 500, UINT64_MAX - 700};
#define STREAM epochs[3]

/* --- what is there --- */

static void put_who_is_let_in(struct nx_store *store) {
    struct nx_agent_record agent = {.state = NX_AGENT_ACCEPTED,
                                    .address = "192.0.2.9",
                                    .reason = "one of ours"};
    struct nx_token token = {.name = "one",
                             .scope = NX_SCOPE_ADMIN,
                             .sight = {.networks = {"lyon"}, .networks_n = 1},
                             .expires_us = 7,
                             .revoked_us = NX_TIME_UNKNOWN};
    struct nx_enrolment enrolment = {.network = "lyon",
                                     .name = "lyon-2",
                                     .expires_us = 9,
                                     .revoked_us = NX_TIME_UNKNOWN,
                                     .used_us = 8,
                                     .used_key = "none"};
    agent.agent.accepted = true;
    strcpy(agent.key, "key");
    strcpy(agent.agent.name, "lyon-1");
    strcpy(agent.agent.network, "lyon");
    assert_int_equal(nx_store_agent_put(store, &agent), NX_OK);
    assert_int_equal(nx_store_token_put(store, &token), NX_OK);
    assert_int_equal(nx_store_enrolment_put(store, &enrolment), NX_OK);
    /* Put again they are no others. */
    enrolment.used_us = NX_TIME_UNKNOWN;
    token.revoked_us = 6;
    assert_int_equal(nx_store_token_put(store, &token), NX_OK);
    assert_int_equal(nx_store_enrolment_put(store, &enrolment), NX_OK);
}

static void put_streams(struct nx_store *store) {
    struct nx_stream_position at = {400, 401, 10, {{{402, 412}}, 1}};
    struct nx_store_retention pass = {.history_before_us = 6, .now_us = 20};
    int more = 1;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(
            nx_store_stream_put(store, 1, epochs[i], &at, 2 + 2 * i), NX_OK);
    }
    at.acked_seq = 401;
    assert_int_equal(nx_store_stream_put(store, 1, STREAM, &at, 8), NX_OK);
    while (more == 1) { /* one by one: the last time is remembered */
        more = nx_store_retain(store, &pass, 1);
    }
    assert_int_equal(more, 0);
}

static void put_incident(struct nx_store *store) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
    struct nx_incident incident = {.opened_us = 100,
                                   .closed_us = NX_TIME_UNKNOWN,
                                   .outage_from_us = 50,
                                   .outage_to_us = NX_TIME_UNKNOWN,
                                   .restored_us = NX_TIME_UNKNOWN,
                                   .items_n = 1,
                                   .note = "it is gone"};
    struct nx_ns_book_zone zone = {
        .servers_n = 1,
        .servers = {{.named = true, .ttl_s = 60, .gone_us = NX_TIME_UNKNOWN}}};
    struct nx_incident_item *item = &incident.items[0];
    memcpy(item->name, apex, sizeof(apex));
    item->qtype = 1;
    memcpy(item->rdata, rdata, sizeof(rdata));
    item->rdata_len = sizeof(rdata);
    item->rdata_n = 1;
    memcpy(zone.apex, apex, sizeof(apex));
    memcpy(zone.servers[0].name, apex, sizeof(apex));
    assert_int_equal(nx_endpoint_parse("192.0.2.1", &zone.servers[0].at), 0);
    assert_int_equal(nx_store_incident_add(store, &incident), NX_OK);
    assert_int_equal(
        nx_store_incident_settings_put(store, incident.id, "settle-time: 5s"),
        NX_OK);
    assert_int_equal(nx_store_zone_then_add(store, incident.id, &zone), NX_OK);
    assert_int_equal(nx_store_zone_put(store, &zone, 1), NX_OK);
    assert_int_equal(nx_store_incident_close(store, incident.id, 900), NX_OK);
}

static void put_measured(struct nx_store *store) {
    struct nx_book_row row = {.network = "lyon", .measured_us = 77};
    nx_measured_settle(&row.measured);
    assert_int_equal(nx_endpoint_parse("192.0.2.53", &row.at), 0);
    assert_int_equal(nx_store_resolver_put(store, &row), NX_OK);
}

static void put_label(struct nx_store *store) {
    struct nx_labels labels;
    const char *why = NULL;
    nx_labels_init(&labels);
    assert_int_equal(nx_labels_set(&labels, NX_LABEL_SITE, "Oslo", &why), 0);
    assert_int_equal(
        nx_store_labels_put(store, NX_LABELS_OF_NETWORK, "lyon", &labels, 5),
        NX_OK);
    assert_int_equal(nx_labels_set(&labels, NX_LABEL_SITE, "Lyon", &why), 0);
    assert_int_equal(
        nx_store_labels_put(store, NX_LABELS_OF_NETWORK, "lyon", &labels, 6),
        NX_OK);
}

static void made(struct fixture *f) {
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    put_who_is_let_in(f->store);
    put_streams(f->store);
    put_incident(f->store);
    put_measured(f->store);
    put_label(f->store);
    assert_int_equal(nx_store_commit(f->store), NX_OK);
}

/* --- what is changed --- */

static int opened(struct fixture *f, char *why) {
    static const struct nx_store_options options = {.anyway = true};
    return nx_store_open(f->path, &options, &f->store, why, NX_STORE_WHY_MAX);
}

/* Values are changed, never the number of rows: all of them are text, numbers
 * or blobs, and NULL where they may be. */
static const char changes[] =
    "SELECT 'UPDATE ' || t.name || ' SET ' || c.name || ' = ' || "
    "CASE c.type WHEN 'INTEGER' THEN 'coalesce(' || c.name || ', 0) + 1' "
    "WHEN 'TEXT' THEN 'coalesce(' || c.name || ', '''') || ''x''' "
    "ELSE 'CAST(coalesce(' || c.name || ', x'''') || ''x'' AS BLOB)' END "
    "FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE "
    "t.type = 'table' AND t.name NOT IN ('batch', 'hello') AND EXISTS (SELECT "
    "1 FROM pragma_table_info(t.name) WHERE name = 'digest') AND c.name NOT IN "
    "('digest', 'profile_id')";

static void expect_refused(struct fixture *f, const char *change) {
    char why[NX_STORE_WHY_MAX];
    char table[64];
    char row[96];
    char table_is[96];
    assert_int_equal(sscanf(change, "UPDATE %63s", table), 1);
    (void)snprintf(row, sizeof(row), "(the row of %s with ", table);
    (void)snprintf(table_is, sizeof(table_is), "(table %s: CHECK", table);
    if (opened(f, why) != NX_EIO ||
        (strstr(why, row) == NULL && strstr(why, table_is) == NULL) ||
        strstr(why, "damaged: nxclear-collector(8) says") == NULL) {
        fail_msg("%s: %s", change, f->store != NULL ? "opened" : why);
    }
}

/* The whole file. */
struct copy {
    uint8_t bytes[1U << 21];
    size_t len;
};

static void keep(const struct fixture *f, struct copy *copy) {
    FILE *file = fopen(f->path, "rb");
    assert_non_null(file);
    copy->len = fread(copy->bytes, 1, sizeof(copy->bytes), file);
    assert_in_range(copy->len, 1, sizeof(copy->bytes) - 1);
    assert_int_equal(fclose(file), 0);
}

static void put_back(const struct fixture *f, const struct copy *copy) {
    FILE *file = fopen(f->path, "r+b");
    assert_non_null(file);
    assert_int_equal(fwrite(copy->bytes, 1, copy->len, file), copy->len);
    assert_int_equal(fclose(file), 0);
}

static void test_every_value(void **state) {
    static char all[32768];
    static struct copy before;
    struct fixture *f = *state;
    char why[NX_STORE_WHY_MAX];
    char change[512];
    char *rest = NULL;
    unsigned n = 0;
    made(f);
    nx_store_close(&f->store);
    keep(f, &before);
    ask(f, changes, all, sizeof(all));
    for (char *line = strtok_r(all, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), n++) {
        (void)snprintf(change, sizeof(change),
                       "PRAGMA synchronous = OFF;"
                       "PRAGMA ignore_check_constraints = ON; %s",
                       line);
        sql(f, change);
        expect_refused(f, line);
        put_back(f, &before);
    }
    assert_in_range(n, 100, 200);
    assert_int_equal(opened(f, why), NX_OK); /* all as it was */
}

/* It would be taken for a new stream, and all of it twice. */
static void test_row_gone(void **state) {
    struct fixture *f = *state;
    static struct copy file;
    char why[NX_STORE_WHY_MAX];
    char page[16];
    made(f);
    nx_store_close(&f->store);
    keep(f, &file);
    ask(f,
        "SELECT (rootpage - 1) * 8192 FROM sqlite_schema WHERE name = "
        "'stream'",
        page, sizeof(page));
    uint8_t *rows_n = &file.bytes[strtoul(page, NULL, 10) + 4];
    assert_int_equal(*rows_n, 2);
    *rows_n = 1;
    put_back(f, &file);
    assert_int_equal(opened(f, why), NX_EIO);
    if (strstr(why, "damaged: nxclear-collector(8) says") == NULL ||
        strstr(why, "(table stream: ") == NULL) {
        fail_msg("%s", why);
    }
}

/* Edited by hand, or of an older version: taken as it is, and from then on it
 * is told when it is another one. */
static void test_none(void **state) {
    struct fixture *f = *state;
    char why[NX_STORE_WHY_MAX];
    made(f);
    nx_store_close(&f->store);
    sql(f, "UPDATE agent SET network = 'oslo', digest = NULL");
    assert_int_equal(opened(f, why), NX_OK);
    nx_store_close(&f->store);
    assert_sql(f, "SELECT digest IS NULL FROM agent", "0");
    sql(f, "UPDATE agent SET network = 'lyon'");
    expect_refused(f, "UPDATE agent");
    sql(f, "UPDATE agent SET network = 'oslo'"); /* right again */
    assert_int_equal(opened(f, why), NX_OK);
}

/* While it runs: nothing that is written makes good what is not. */
static void test_while_it_runs(void **state) {
    struct fixture *f = *state;
    struct nx_stream_position at;
    made(f);
    assert_int_equal(nx_store_stream_get(f->store, 1, STREAM, &at), NX_OK);
    sql(f, "UPDATE stream SET changed_us = 5");
    assert_int_equal(nx_store_stream_get(f->store, 1, STREAM, &at),
                     NX_EMALFORMED);
    assert_int_equal(nx_store_stream_put(f->store, 1, STREAM, &at, 8), NX_OK);
    assert_int_equal(nx_store_stream_get(f->store, 1, STREAM, &at), NX_OK);
    sql(f, "DELETE FROM stream; UPDATE incident SET note = 'it is not'");
    assert_int_equal(nx_store_incident_close(f->store, 1, 901), NX_OK);
    assert_int_equal(nx_store_incident_settings_put(f->store, 1, ""), NX_OK);
    nx_store_close(&f->store);
    expect_refused(f, "UPDATE incident");
}

/* What is found of more than one, and of those that have none. */
static void count(void *user, const char *text) {
    assert_non_null(strstr(text, " is not what was written"));
    (*(unsigned *)user)++;
}

static void test_found(void **state) {
    struct fixture *f = *state;
    uint64_t without_n = 0;
    unsigned found_n = 0;
    made(f);
    sql(f, "UPDATE incident SET note = 'it is not';"
           "UPDATE incident_item SET rdata = x'00';"
           "UPDATE label SET digest = NULL;"
           "UPDATE token SET digest = NULL");
    assert_int_equal(nx_store_check_rows(f->store, count, &found_n, &without_n),
                     NX_OK);
    assert_int_equal(found_n, 2);
    assert_int_equal(without_n, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_every_value),   TEST(test_row_gone), TEST(test_none),
        TEST(test_while_it_runs), TEST(test_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
