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

#include "collector/store/io_store_alerts.h"
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
    struct nx_retained_kept kept = {19, NX_TIME_UNKNOWN};
    struct nx_store_batch batch = batch_of(1, 1, 1);
    for (batch.first_seq = 1; batch.first_seq < 3; batch.first_seq++) {
        assert_int_equal(nx_store_batch_append(store, &batch), NX_OK);
    }
    pass.log_before_us = 2;
    assert_int_equal(nx_store_retained_put(store, &kept), NX_OK);
    kept.doubt_us = 18;
    assert_int_equal(nx_store_retained_put(store, &kept), NX_OK);
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

/* --- what is read by people, or is many --- */

static const struct nx_alert_told told = {
    .network = "lyon", .state = NX_STATE_UNKNOWN, .at_us = 5, .penalty = 0.3};

static void put_told(struct nx_store *store) {
    const struct nx_door_entry entry = {1,        "uid 0", "agent accepted",
                                        "lyon-1", "key",   "by hand"};
    struct nx_alert_told before = told;
    before.stuck = true;
    before.penalty = 1;
    assert_int_equal(nx_store_door_log_add(store, &entry), NX_OK);
    for (unsigned i = 1; i < 6; i++) {
        assert_int_equal(nx_store_alert_add(store, "hook", "key", "{}", i),
                         NX_OK);
    }
    assert_int_equal(nx_store_alert_retry(store, 1, 9, "no answer"), NX_OK);
    assert_int_equal(nx_store_alert_end(store, 2, NULL, 9), NX_OK);
    assert_int_equal(nx_store_alert_end(store, 3, "no answer", 9), NX_OK);
    assert_int_equal(nx_store_alert_retry(store, 4, 9, "no answer"), NX_OK);
    assert_int_equal(nx_store_alert_drop(store, 4, "too old", 9), NX_OK);
    assert_int_equal(nx_store_alert_drop(store, 5, "too old", 9), NX_OK);
    assert_int_equal(nx_store_told_put(store, 1, &before), NX_OK);
    assert_int_equal(nx_store_told_put(store, 1, &told), NX_OK);
}

static void put_closed(struct nx_store *store) {
    for (unsigned again = 0; again < 2; again++) {
        for (uint32_t part = 0; part < 2; part++) {
            assert_int_equal(
                nx_store_closed_part_put(store, 1, part, again ? "[" : "(", 1),
                NX_OK);
        }
        assert_int_equal(
            nx_store_closed_status_put(store, 1, 2, again ? "]]" : "))"),
            NX_OK);
    }
}

static struct nx_question question = {.name = apex, .qtype = 1};
static const struct nx_store_subject lyon = {.incident_id = 1,
                                             .network = "lyon"};
static const struct nx_store_subject target = {
    .incident_id = 1, .agent_id = 1, .question = &question};

static void put_verdict(struct nx_store *store, unsigned state, int64_t at_us) {
    struct nx_verdict verdict = {.state = (uint8_t)state,
                                 .basis = NX_BASIS_COUNTDOWN,
                                 .doubt_us = NX_TIME_UNKNOWN,
                                 .last_look_us = at_us,
                                 .clear_hi_us = 300};
    enum nx_store_turn turn = NX_TURN_NONE;
    assert_int_equal(nx_store_target_put(store, 1, 1, &question, &verdict,
                                         at_us, at_us, &turn),
                     NX_OK);
}

static struct nx_store_forecast forecast_at(int64_t at_us) {
    return (struct nx_store_forecast){
        .at_us = at_us,
        .state = NX_STATE_CACHED_NXDOMAIN,
        .basis = NX_BASIS_COUNTDOWN,
        .verified = true,
        .p_late = 0.25,
        .eta = {.known = true, .point_us = at_us + 3000000, .hi90_us = at_us},
        .shape = {.from_us = at_us,
                  .n = 2,
                  .node = {{at_us, 0, 0, 0}, {at_us + 9, 1, 0.7, 0.3}}}};
}

static const struct nx_truth truth = {290, 300};

static void score(struct nx_store *store, int64_t id, double weight,
                  const struct nx_figures *figures) {
    assert_int_equal(
        nx_store_forecast_score(store, id, 400, &truth, weight, figures),
        NX_OK);
}

static void turn(struct nx_store *store, enum nx_store_turn turn) {
    assert_int_equal(nx_store_forecasts_turn(store, &lyon, turn, 400), NX_OK);
}

/* Those of networks are the same rows as those of targets. */
static void put_forecasts(struct nx_store *store) {
    static const struct nx_figures figures = {-1.5, 0.5, 0.25, 1,
                                              60,   0.1, 0.3,  2.25};
    static const struct nx_ending ending = {0.5, 0.1, 7, 0};
    for (int64_t i = 1; i < 6; i++) {
        struct nx_store_forecast f = forecast_at(i * 10000000);
        assert_int_equal(nx_store_network_forecast_put(store, &lyon, &f),
                         NX_OK);
        if (i == 2) { /* these two are scored, and open again */
            score(store, 1, 0.5, &figures);
            score(store, 2, 0, NULL);
        } else if (i == 3 || i == 4) { /* one bars, both are void */
            turn(store, i == 3 ? NX_TURN_REFILLED : NX_TURN_VOID);
        }
    }
    turn(store, NX_TURN_RELAPSED);
    score(store, 1, 0.5, &figures);
    assert_int_equal(nx_endpoint_parse("192.0.2.53", &question.to), 0);
    put_verdict(store, NX_STATE_CACHED_NXDOMAIN, 200);
    put_verdict(store, NX_STATE_CLEAR, 300);
    assert_int_equal(
        nx_store_lesson_put(store, &target, &truth, NX_FAMILY_UNKNOWN, &ending),
        NX_OK);
}

static void made(struct fixture *f) {
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    put_who_is_let_in(f->store);
    put_streams(f->store);
    put_incident(f->store);
    put_measured(f->store);
    put_label(f->store);
    put_told(f->store);
    put_closed(f->store);
    put_forecasts(f->store);
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
    "CASE c.type WHEN 'INTEGER' THEN 'coalesce(' || c.name || ', 0) + 2' "
    "WHEN 'REAL' THEN 'coalesce(' || c.name || ', 0) + 1e-15' "
    "WHEN 'TEXT' THEN 'coalesce(' || c.name || ', '''') || ''x''' "
    "ELSE 'CAST(coalesce(' || c.name || ', x'''') || ''x'' AS BLOB)' END "
    "FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE "
    "t.type = 'table' AND t.name NOT IN ('batch', 'hello') AND EXISTS (SELECT "
    "1 FROM pragma_table_info(t.name) WHERE name = 'digest') AND c.name NOT IN "
    "('digest', 'profile_id', 'entry_id', 'alert_id', 'transition_id', "
    "'forecast_id') AND t.name %s ('closed_status', 'closed_part', 'door_log', "
    "'alert', 'alert_told', 'target', 'transition', 'forecast', 'outcome')";

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

/* Each line of SQL that changes a value, on a store as it was made. */
static void change_each(struct fixture *f, const char *which, unsigned min_n,
                        void (*expect)(struct fixture *f, const char *change)) {
    static char all[32768];
    static struct copy before;
    char why[NX_STORE_WHY_MAX];
    char query[2048];
    char change[512];
    char *rest = NULL;
    unsigned n = 0;
    made(f);
    nx_store_close(&f->store);
    keep(f, &before);
    (void)snprintf(query, sizeof(query), changes, which);
    ask(f, query, all, sizeof(all));
    for (char *line = strtok_r(all, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), n++) {
        (void)snprintf(change, sizeof(change),
                       "PRAGMA synchronous = OFF;"
                       "PRAGMA ignore_check_constraints = ON; %s",
                       line);
        sql(f, change);
        expect(f, line);
        put_back(f, &before);
    }
    assert_in_range(n, min_n, 2 * min_n);
    assert_int_equal(opened(f, why), NX_OK); /* all as it was */
}

static void test_every_value(void **state) {
    change_each(*state, "NOT IN", 100, expect_refused);
}

struct found {
    char row[80]; /* with which a line begins */
    unsigned rows_n, others_n;
};

static void see_row(void *user, const char *text) {
    struct found *found = user;
    if (strncmp(text, found->row, strlen(found->row)) == 0 &&
        strstr(text, " is not what was written") != NULL) {
        found->rows_n++;
    } else {
        found->others_n++;
    }
}

static void expect_told(struct fixture *f, const char *change) {
    struct found found = {.rows_n = 0};
    char why[NX_STORE_WHY_MAX];
    char table[32];
    char query[96];
    char rows_n[16];
    uint64_t without_n = 0;
    assert_int_equal(sscanf(change, "UPDATE %31s", table), 1);
    (void)snprintf(found.row, sizeof(found.row), "the row of %s with ", table);
    (void)snprintf(query, sizeof(query), "SELECT count(*) FROM %s", table);
    assert_int_equal(opened(f, why), NX_OK);
    assert_int_equal(nx_store_check_rows(f->store, NX_STORE_ROWS_TOLD, see_row,
                                         &found, &without_n),
                     NX_OK);
    nx_store_close(&f->store);
    ask(f, query, rows_n, sizeof(rows_n));
    /* Parts that are another incident's are missed by their own. */
    if (found.rows_n != strtoul(rows_n, NULL, 10) ||
        found.others_n !=
            (strstr(change, "closed_part SET incident_id") != NULL ? 1 : 0)) {
        fail_msg("%s: %u of %s, %u others", change, found.rows_n, rows_n,
                 found.others_n);
    }
    assert_int_equal(without_n, 0);
}

static void test_every_value_told(void **state) {
    change_each(*state, "IN", 90, expect_told);
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

/* One of another time, or none: what is measured last would not be found. */
static void test_index(void **state) {
    static const char *const names[] = {"resolver_profile_measured",
                                        "sqlite_autoindex_resolver_profile_1"};
    static struct copy before, file;
    struct fixture *f = *state;
    char why[NX_STORE_WHY_MAX];
    char query[128];
    char page[16];
    made(f);
    nx_store_close(&f->store);
    keep(f, &before);
    for (unsigned i = 0; i < 4; i++) {
        file = before;
        (void)snprintf(query, sizeof(query),
                       "SELECT (rootpage - 1) * 8192 FROM sqlite_schema WHERE "
                       "name = '%s'",
                       names[i % 2]);
        ask(f, query, page, sizeof(page));
        uint8_t *root = &file.bytes[strtoul(page, NULL, 10)];
        assert_int_equal(root[8191], 77); /* measured_us */
        assert_int_equal(root[4], 1);     /* one entry */
        root[i < 2 ? 8191 : 4]--;
        put_back(f, &file);
        assert_int_equal(opened(f, why), NX_EIO);
        if (strstr(why, "(table resolver_profile: an index is not what its "
                        "rows say)") == NULL) {
            fail_msg("%s", why);
        }
        put_back(f, &before);
    }
    assert_int_equal(opened(f, why), NX_OK);
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
    assert_int_equal(nx_store_check_rows(f->store, NX_STORE_ROWS_TRUSTED, count,
                                         &found_n, &without_n),
                     NX_OK);
    assert_int_equal(found_n, 2);
    assert_int_equal(without_n, 2);
}

/* --- where it is read --- */

static void see_closed(void *user, uint32_t id, const char *document) {
    char *seen = user;
    assert_int_equal(id, 1);
    (void)snprintf(seen, 16, "%s", document != NULL ? document : "damaged");
}

static void expect_closed(struct fixture *f, const char *change,
                          const char *expected) {
    char seen[16] = "";
    sql(f, change);
    assert_int_equal(nx_store_closed_statuses(f->store, 9, see_closed, seen),
                     NX_OK);
    if (strcmp(seen, expected) != 0) {
        fail_msg("%s: %s", change, seen);
    }
}

static void test_closed(void **state) {
    struct fixture *f = *state;
    made(f);
    expect_closed(f, "", "[[]]");
    expect_closed(f, "UPDATE closed_status SET document = ']}'", "damaged");
    expect_closed(f, "UPDATE closed_status SET document = ']]'", "[[]]");
    expect_closed(f, "UPDATE closed_part SET bytes = x'5c' WHERE part = 1",
                  "damaged");
    expect_closed(f, "DELETE FROM closed_part WHERE part = 1", "damaged");
    expect_closed(f, "UPDATE closed_status SET digest = NULL", "[]]");
}

static void see_line(void *user, const struct nx_door_entry *entry) {
    char *seen = user;
    (void)snprintf(seen, 128, "%s|%s|%s|%s", entry->who, entry->action,
                   entry->subject, entry->detail);
}

static void see_alert(void *user, const struct nx_store_alert *alert) {
    *(int *)user = alert->damaged ? 1 : 0;
}

static void count_told(void *user, uint32_t incident_id,
                       const struct nx_alert_told *one) {
    unsigned *n = user;
    assert_int_equal(incident_id, 1);
    assert_string_equal(one->network, told.network);
    (*n)++;
}

static void test_messages(void **state) {
    struct fixture *f = *state;
    char seen[128] = "";
    int damaged = -1;
    unsigned n = 0;
    made(f);
    assert_int_equal(nx_store_door_log(f->store, 1, see_line, seen), NX_OK);
    assert_string_equal(seen, "uid 0|agent accepted|lyon-1|by hand");
    assert_int_equal(nx_store_alert_next(f->store, "hook", see_alert, &damaged),
                     NX_OK);
    assert_int_equal(damaged, 0);
    assert_int_equal(nx_store_told(f->store, count_told, &n), NX_OK);
    assert_int_equal(n, 1);
    sql(f, "UPDATE door_log SET subject = 'lyon-2';"
           "UPDATE alert SET document = '[]';"
           "UPDATE alert_told SET stuck = 1");
    assert_int_equal(nx_store_door_log(f->store, 1, see_line, seen), NX_OK);
    assert_string_equal(
        seen, "|this line is damaged||entry_id = 1: nxclear-collector(8)");
    /* An attempt does not make it good. */
    assert_int_equal(nx_store_alert_retry(f->store, 1, 99, "again"), NX_OK);
    assert_int_equal(nx_store_alert_next(f->store, "hook", see_alert, &damaged),
                     NX_OK);
    assert_int_equal(damaged, 1);
    assert_int_equal(nx_store_told(f->store, count_told, &n), NX_OK);
    assert_int_equal(n, 1);
}

static void count_past(void *user, const struct nx_target_past *past) {
    assert_int_equal(past->agent_id, 1);
    ++*(unsigned *)user;
}

static void no_row(void *user, const struct nx_store_transition *row) {
    fail_msg("%p %s", user, row->to_state);
}

static void see_event(void *user, const struct nx_store_event *event) {
    assert_string_equal(event->key.network, "lyon");
    ++*(unsigned *)user;
}

/* A target is judged anew; what is told of it is all there, or nothing. */
static void test_history(void **state) {
    struct fixture *f = *state;
    unsigned n = 0;
    int64_t after = 0;
    made(f);
    sql(f, "UPDATE incident SET closed_us = NULL");
    assert_int_equal(nx_store_targets(f->store, count_past, &n), NX_OK);
    assert_int_equal(n, 1);
    sql(f, "UPDATE target SET state = 'cached-nodata';"
           "UPDATE transition SET to_state = 'refused' WHERE transition_id = "
           "2");
    assert_int_equal(nx_store_targets(f->store, count_past, &n), NX_OK);
    assert_int_equal(n, 1);
    n = 0;
    assert_int_equal(
        nx_store_transitions(f->store, 1, &after, 9, see_event, &n), NX_EIO);
    assert_int_equal(n, 1);
    assert_non_null(strstr(nx_store_problem(f->store),
                           "(the row of transition with transition_id = 2 is "
                           "not what was written)"));
    assert_int_equal(
        nx_store_transition_page(f->store, 1, NULL, 1, 9, no_row, NULL),
        NX_EIO);
    put_verdict(f->store, NX_STATE_CLEAR, 500);
    assert_sql(f,
               "SELECT from_state IS NULL AND to_state = 'clear' FROM "
               "transition WHERE transition_id = 3",
               "1");
    assert_int_equal(nx_store_targets(f->store, count_past, &n), NX_OK);
    assert_int_equal(n, 2);
}

static void see_open(void *user, const struct nx_store_forecast *forecast) {
    *(unsigned *)user = forecast->shape.n;
}

static void count_score(void *user, const struct nx_tally_row *row) {
    *(unsigned *)user += row->weight > 0 ? 1 : 0;
}

static void count_lesson(void *user, const struct nx_lesson *lesson) {
    assert_int_equal(lesson->incident_id, 1);
    ++*(unsigned *)user;
}

/* scores, lessons, nodes of the last forecast that is open: in digits. */
static unsigned what_is_learnt(struct nx_store *store) {
    static const struct nx_store_period ever = {0, INT64_MAX, 0};
    unsigned scores_n = 0;
    unsigned lessons_n = 0;
    unsigned nodes_n = 0;
    assert_int_equal(nx_store_scores(store, &ever, count_score, &scores_n), 0);
    assert_int_equal(nx_store_lessons(store, 9, count_lesson, &lessons_n), 0);
    assert_int_equal(
        nx_store_forecasts_open(store, &lyon, 9, see_open, &nodes_n), 0);
    return 100 * scores_n + 10 * lessons_n + nodes_n;
}

/* A later clearing does not make good what is wrong, either. */
static void test_forecasts(void **state) {
    struct fixture *f = *state;
    struct found found = {.row = "the row of forecast with forecast_id = 2"};
    uint64_t without_n = 0;
    unsigned n = 0;
    int64_t after = 0;
    made(f);
    assert_int_equal(what_is_learnt(f->store), 112);
    sql(f, "UPDATE forecast SET error_s = 1 WHERE forecast_id = 1;"
           "UPDATE forecast SET clear_us = 1 WHERE forecast_id IN (2, 5);"
           "UPDATE outcome SET base = 0.4");
    assert_int_equal(what_is_learnt(f->store), 0);
    sql(f, "DELETE FROM outcome; UPDATE forecast SET agent_id = 1, digest = "
           "CASE forecast_id WHEN 2 THEN digest END");
    assert_int_equal(nx_store_forecasts(f->store, 1, &after, 9, see_event, &n),
                     NX_EIO);
    assert_int_equal(n, 1);
    assert_non_null(strstr(nx_store_problem(f->store), "forecast_id = 2"));
    sql(f, "UPDATE forecast SET agent_id = 0");
    score(f->store, 2, 0.5, NULL);
    turn(f->store, NX_TURN_RELAPSED);
    turn(f->store, NX_TURN_REFILLED);
    turn(f->store, NX_TURN_VOID);
    assert_int_equal(nx_store_check_rows(f->store, NX_STORE_ROWS_TOLD, see_row,
                                         &found, &without_n),
                     NX_OK);
    assert_int_equal(found.rows_n, 1);
    assert_int_equal(found.others_n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_every_value),
        TEST(test_row_gone),
        TEST(test_index),
        TEST(test_none),
        TEST(test_while_it_runs),
        TEST(test_found),
        TEST(test_every_value_told),
        TEST(test_closed),
        TEST(test_messages),
        TEST(test_history),
        TEST(test_forecasts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
