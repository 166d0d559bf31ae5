/* Alerts of an incident of many targets: networks are looked at in pieces, and
 * the message is of one picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/status/status.h"
#include "tests/lib/one_look.h"
#include "tests/lib/service_bench.h"

#include "tests/lib/http_crowd.h"

#define NETWORKS 60U
#define DENIED 3U /* networks */

/* Nobody listens there: messages wait in the queue. */
static char nowhere[] = "http://127.0.0.1:1/";

static int setup_alerts(void **state) {
    struct fixture *f = NULL;
    (void)setup_files(state);
    f = *state;
    f->base = event_base_new();
    f->conf.alerts.rules = (struct nx_alert_rules){.half_life_us = 3600000000};
    f->conf.alerts.receivers_n = 1;
    f->conf.alerts.receivers[0] =
        (struct nx_receiver){.name = "pager", .url = nowhere};
    start(f);
    return 0;
}

static struct nx_engine *engine_of(struct fixture *f) {
    return nx_service_engine(f->service);
}

static void denies(struct fixture *f, uint32_t agent_id) {
    static const uint8_t www[] = "\3www\7example\3com";
    int64_t now_us = nx_service_now_us(f->service);
    const struct nx_question question = {.name = www,
                                         .qtype = NX_TYPE_A,
                                         .flags = NX_Q_RD,
                                         .to = {.address = {192, 0, 2, 1},
                                                .address_len = 4,
                                                .port = 53,
                                                .layer = NX_LAYER_NETWORK}};
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN,
                                     .flags = NX_ANS_SOA | NX_ANS_RA,
                                     .soa_owner = www + 4,
                                     .soa_minimum_s = 900};
    const struct nx_obs obs = {.question = &question,
                               .answer = &answer,
                               .tx_mono_us = now_us - 5000,
                               .rx_mono_us = now_us - 3000,
                               .soa_ttl_s = 600,
                               .src_port = 10000};
    const struct nx_batch batch = batch_of_one(
        &obs, (struct nx_clock_sample){
                  .mono_us = now_us, .wall_us = now_us, .offset_known = true});
    assert_int_equal(nx_engine_batch(engine_of(f), agent_id, &batch, 0, now_us),
                     0);
}

/* Incident 1. */
static void open_denied(struct fixture *f) {
    static struct nx_incident incident;
    incident = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    for (uint32_t id = 1; id <= NETWORKS; id++) {
        crowd_network(engine_of(f), id + 100, nx_service_now_us(f->service));
    }
    for (uint32_t i = 0; i < DENIED; i++) {
        denies(f, 101 + 20 * i);
    }
}

/* The documents that are stored. */
static json_t *messages(const struct fixture *f) {
    json_t *list = json_array();
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(f->store_path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT document FROM alert ORDER BY alert_id",
                           -1, &stmt, NULL),
        SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        json_t *one = json_loads(text, 0, NULL);
        assert_non_null(one);
        char *again = json_dumps(one, JSON_COMPACT | JSON_ENSURE_ASCII);
        assert_string_equal(text, again); /* as jansson writes it */
        free(again);
        (void)json_array_append_new(list, one);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return list;
}

static const char *member(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

/* All of them, ordered, with what the status says of them. */
static void check_message(const json_t *message, const char *kind) {
    const json_t *summary = json_object_get(message, "summary");
    const json_t *changes = json_object_get(message, "changes");
    assert_string_equal(member(message, "kind"), kind);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(message, "incident"), "id")),
                     1);
    assert_int_equal(json_integer_value(json_object_get(summary, "networks")),
                     NETWORKS);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(summary, "states"),
                                           "cached-nxdomain")),
        DENIED);
    assert_int_equal(json_array_size(changes), DENIED);
    for (size_t i = 0; i < DENIED; i++) {
        char name[16];
        const json_t *change = json_array_get(changes, i);
        (void)snprintf(name, sizeof(name), "net-%03zu", 101 + 20 * i);
        assert_string_equal(member(change, "network"), name);
        assert_string_equal(member(change, "to"), "cached-nxdomain");
        assert_string_equal(member(change, "state"), "cached-nxdomain");
        assert_true(json_is_string(json_object_get(change, "why")));
        assert_null(json_object_get(change, "targets"));
    }
}

static bool is_told(const struct fixture *f) {
    json_t *list = messages(f);
    bool told = json_array_size(list) > 0;
    json_decref(list);
    return told;
}

/* Turns of the loop in which a look was under way, until it is told of. */
static unsigned turns_until_told(struct fixture *f) {
    int64_t end_us = nx_clock_mono_us() + NX_TEST_PATIENCE_US;
    unsigned n = 0;
    while (!is_told(f)) {
        assert_true(nx_clock_mono_us() < end_us);
        assert_int_equal(event_base_loop(f->base, EVLOOP_ONCE), 0);
        n += f->service->look != NULL ? 1 : 0;
    }
    return n;
}

static void test_in_pieces(void **state) {
    struct fixture *f = *state;
    open_denied(f);
    /* The loop is left to others meanwhile: a piece is of 64 targets at most.
     */
    assert_true(turns_until_told(f) >= NETWORKS * HTTP_CROWD_RESOLVERS / 64);
    json_t *list = messages(f);
    check_message(json_array_get(list, 0), "change");
    assert_true(json_is_null(json_object_get(
        json_array_get(json_object_get(json_array_get(list, 0), "changes"), 0),
        "from")));
    json_decref(list);
    assert_int_equal(nx_service_incident_close(f->service, 1), NX_OK);
    list = messages(f);
    size_t n = json_array_size(list);
    assert_true(n >= 2);
    check_message(json_array_get(list, n - 1), "closed");
    json_decref(list);
}

static bool looks(void *user) {
    const struct fixture *f = user;
    return f->service->look != NULL;
}

static bool looks_no_more(void *user) {
    return !looks(user);
}

/* The incident is closed while it is looked at: what was not told is told of
 * with its end, or not at all. */
static void test_closed_meanwhile(void **state) {
    struct fixture *f = *state;
    open_denied(f);
    assert_true(nx_test_wait(f->base, looks, f));
    assert_int_equal(nx_service_incident_close(f->service, 1), NX_OK);
    assert_true(nx_test_wait(f->base, looks_no_more, f));
    json_t *list = messages(f);
    for (size_t i = 0; i < json_array_size(list); i++) {
        check_message(json_array_get(list, i),
                      i + 1 < json_array_size(list) ? "change" : "closed");
    }
    json_decref(list);
}

/* One that is under way when the service ends leaves nothing behind
 * (LeakSanitizer). */
static void test_ends_meanwhile(void **state) {
    struct fixture *f = *state;
    open_denied(f);
    assert_true(nx_test_wait(f->base, looks, f));
    restart(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_pieces, setup_alerts, teardown),
        cmocka_unit_test_setup_teardown(test_closed_meanwhile, setup_alerts,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_ends_meanwhile, setup_alerts,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
