/* What a collector's service keeps over a restart, and over worse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/resource.h>

#include "collector/status/status.h"
#include "collector/store/io_export.h"
#include "tests/lib/service_bench.h"

static void test_incidents_survive(void **state) {
    struct fixture *f = *state;
    static struct nx_incident one, two;
    one = two = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_incident_open(f->service, &one), NX_OK);
    assert_int_equal(nx_service_incident_open(f->service, &two), NX_OK);
    assert_int_equal(two.id, 2);
    assert_true(two.opened_us > 0);
    assert_int_equal(nx_service_incident_close(f->service, 1), NX_OK);
    assert_int_equal(nx_service_incident_close(f->service, 1), NX_ESTATE);
    assert_int_equal(nx_service_incident_close(f->service, 9), NX_ENOTFOUND);
    restart(f);
    const struct nx_incident *got =
        nx_engine_incident(nx_service_engine(f->service), 1);
    assert_non_null(got);
    assert_true(got->closed_us != NX_TIME_UNKNOWN);
    const char *kept =
        nx_engine_incident_kept(nx_service_engine(f->service), 1);
    assert_non_null(kept);
    assert_non_null(strstr(kept, "\"outlook\":"));
    assert_null(nx_engine_incident_kept(nx_service_engine(f->service), 2));
    got = nx_engine_incident(nx_service_engine(f->service), 2);
    assert_non_null(got);
    assert_int_equal(got->closed_us, NX_TIME_UNKNOWN);
    assert_int_equal(got->outage_from_us, two.outage_from_us);
}

static void first_part(struct fixture *f, uint32_t id, struct nx_text *out) {
    struct nx_export *export = NULL;
    nx_text_init(out);
    assert_int_equal(nx_service_export(f->service, id, &export), NX_OK);
    assert_int_equal(nx_export_next(export, out), 0);
    nx_export_free(&export);
}

static void expect_settle(struct fixture *f, int64_t settle_us) {
    struct nx_text text;
    char words[64];
    (void)snprintf(words, sizeof(words), "\"settle_us\":%lld,",
                   (long long)settle_us);
    first_part(f, 1, &text);
    assert_non_null(strstr(text.bytes, words));
    nx_text_fini(&text);
}

/* New estimate settings take effect at the next start, for what is open then:
 * a recording names those that its verdicts were made with, and the name
 * servers that were known as it was opened. */
static void test_recording_names_settings_in_force(void **state) {
    struct fixture *f = *state;
    static struct nx_incident incident;
    static const uint8_t apex[] = "\7example\3com";
    static const uint8_t elsewhere[] = "\7example\3net";
    struct nx_collector_conf other = f->conf;
    struct nx_text before;
    struct nx_text after;
    int64_t now_us = nx_service_now_us(f->service);
    const struct nx_ns_server old = {
        .at = {.address = {192, 0, 2, 90}, .address_len = 4, .port = 53},
        .ttl_s = 60,
        .since_us = now_us - 9000000,
        .seen_us = now_us - 9000000,
        .gone_us = NX_TIME_UNKNOWN,
        .until_us = now_us};
    struct nx_ns_book *book = nx_engine_ns_book(f->service->engine);
    assert_int_equal(nx_ns_book_put(book, elsewhere, &old), NX_OK);
    assert_int_equal(nx_ns_book_put(book, apex, &old), NX_OK);
    int64_t settle_us = f->conf.engine.settle_us;
    incident = incident_of(now_us);
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    first_part(f, 1, &before);
    assert_non_null(strstr(before.bytes, "\"kind\":\"zone\",\"apex\":"
                                         "\"example.com.\""));
    assert_null(strstr(before.bytes, "example.net"));
    other.engine.settle_us = 17000000;
    nx_service_reload(f->service, &other);
    first_part(f, 1, &after);
    assert_string_equal(after.bytes, before.bytes);
    nx_text_fini(&before);
    nx_text_fini(&after);
    expect_settle(f, settle_us);
    nx_service_reload(f->service, &f->conf);
    f->conf.engine.settle_us = 17000000;
    restart(f);
    expect_settle(f, 17000000);
    assert_int_equal(nx_service_incident_close(f->service, 1), NX_OK);
    f->conf.engine.settle_us = settle_us;
    restart(f);
    expect_settle(f, 17000000);
}

static bool acked(void *user) {
    struct fixture *f = user;
    nx_test_client_read(&f->client);
    return f->client.ack.acked_seq >= f->want_seq;
}

static void send_and_wait(struct fixture *f, uint64_t first, size_t n) {
    nx_test_client_batch(&f->client, first, n, 0);
    f->want_seq = first + n - 1;
    assert_true(nx_test_wait(f->base, acked, f));
}

struct targets {
    unsigned n;
    unsigned state;
    unsigned looks_n;
};

static void see_target(void *user, const struct nx_target_view *target) {
    struct targets *targets = user;
    targets->n++;
    targets->state = target->verdict.state;
    targets->looks_n = target->verdict.looks_n;
}

static struct targets targets_of(struct fixture *f) {
    struct targets targets = {0};
    assert_int_equal(nx_engine_targets_of(nx_service_engine(f->service), 1,
                                          "lyon", nx_service_now_us(f->service),
                                          false, see_target, &targets),
                     NX_OK);
    return targets;
}

static int64_t ask(const struct fixture *f, const char *sql) {
    return sql_integer(f->store_path, sql);
}

static json_t *status_of(struct fixture *f, int64_t now_us) {
    json_t *status =
        nx_status_incident(nx_service_engine(f->service), 1, now_us);
    assert_non_null(status);
    return status;
}

static bool target_written(void *user) {
    return ask(user, "SELECT count(*) FROM target WHERE incident_id = 1") > 0;
}

/* What the engine knew before the restart it knows again: from the log. */
static void test_targets_are_rebuilt(void **state) {
    struct fixture *f = *state;
    static struct nx_incident incident;
    incident = incident_of(nx_service_now_us(f->service));
    accept_client(f);
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    connect_client(f);
    f->client.collector_us = nx_service_now_us(f->service);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    send_and_wait(f, 1, 3);
    assert_true(nx_test_wait(f->base, target_written, f));
    struct targets before = targets_of(f);
    assert_int_equal(before.n, 1);
    /* Not before the other one is there. */
    int64_t then_us = nx_service_now_us(f->service) + 30000000;
    nx_engine_tick(nx_service_engine(f->service), then_us, NULL);
    json_t *status = status_of(f, then_us);
    restart(f);
    nx_engine_tick(nx_service_engine(f->service), then_us, NULL);
    json_t *again = status_of(f, then_us);
    char *x = json_dumps(status, JSON_SORT_KEYS);
    char *y = json_dumps(again, JSON_SORT_KEYS);
    assert_string_equal(y, x);
    free(x);
    free(y);
    json_decref(status);
    json_decref(again);
    struct targets after = targets_of(f);
    assert_int_equal(after.n, 1);
    assert_int_equal(after.state, before.state);
    assert_int_equal(after.looks_n, before.looks_n);
    /* The tables are put right and gain nothing twice. */
    int64_t transitions_n = ask(f, "SELECT count(*) FROM transition");
    for (unsigned i = 0; i < 200; i++) {
        nx_test_turn(f->base);
    }
    assert_int_equal(ask(f, "SELECT count(*) FROM transition"), transitions_n);
}

static bool hello_written(void *user) {
    return ask(user, "SELECT count(*) FROM hello") > 0;
}

/* An agent that named its resolvers and fell silent is not forgotten: without
 * its targets its network would look as good as the other agents of it say. */
static void test_silent_resolvers_are_rebuilt(void **state) {
    struct fixture *f = *state;
    static struct nx_incident incident;
    incident = incident_of(nx_service_now_us(f->service));
    accept_client(f);
    connect_client(f);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    assert_true(nx_test_wait(f->base, hello_written, f));
    nx_test_client_close(&f->client);
    /* Before any incident ... */
    restart(f);
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    assert_int_equal(targets_of(f).n, 1);
    /* ... and during one. */
    restart(f);
    assert_int_equal(targets_of(f).n, 1);
    assert_int_equal(targets_of(f).state, NX_STATE_UNKNOWN);
}

/* The clock was ahead when an incident was opened, and is right again: what is
 * seen from now on counts for it all the same. */
static void test_opened_by_a_clock_ahead(void **state) {
    struct fixture *f = *state;
    struct nx_service_health health;
    static struct nx_incident incident;
    incident = incident_of(nx_service_now_us(f->service));
    accept_client(f);
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    nx_service_free(&f->service);
    write_sql(f, "UPDATE incident SET opened_us = opened_us + 7200000000, "
                 "digest = NULL");
    start(f);
    nx_service_health(f->service, &health);
    assert_non_null(strstr(health.problem, "the clock was set back"));
    connect_client(f);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    send_and_wait(f, 1, 3);
    assert_int_equal(targets_of(f).looks_n, 3);
    /* Too far: it is said. */
    nx_test_client_close(&f->client);
    nx_service_free(&f->service);
    write_sql(f, "UPDATE incident SET opened_us = opened_us + 864000000000, "
                 "digest = NULL");
    start(f);
    nx_service_health(f->service, &health);
    assert_non_null(strstr(health.problem, "close them and open new ones"));
}

/* The clock was a day ahead in the run before: that evidence cannot be placed,
 * and must not look fresh until tomorrow. */
static void test_clock_was_set_back(void **state) {
    struct fixture *f = *state;
    static struct nx_incident incident;
    incident = incident_of(nx_service_now_us(f->service));
    accept_client(f);
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    connect_client(f);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    send_and_wait(f, 1, 3);
    nx_test_client_close(&f->client);
    nx_service_free(&f->service);
    write_sql(f, "UPDATE batch SET received_us = received_us + "
                 "86400000000, digest = NULL");
    start(f);
    assert_int_equal(targets_of(f).looks_n, 0);
    struct nx_engine *engine = nx_service_engine(f->service);
    int64_t now_us = nx_service_now_us(f->service);
    nx_engine_tick(engine, now_us, NULL);
    struct nx_plan plan;
    assert_int_equal(
        nx_engine_plan(engine, 1, now_us, nx_test_scratch(), &plan), NX_OK);
    assert_true(plan.revision <= (uint64_t)(now_us / 1000) + 1000);
}

static bool storing(const struct fixture *f) {
    struct nx_service_health health;
    nx_service_health(f->service, &health);
    return health.storing;
}

static bool stopped_storing(void *user) {
    return !storing(user);
}

static bool storing_again(void *user) {
    return storing(user);
}

/* Rows that were written into a transaction and went with it come back, though
 * nothing about them changes any more. */
static void test_lost_rows_are_written_again(void **state) {
    struct fixture *f = *state;
    struct rlimit files;
    static struct nx_incident incident;
    incident = incident_of(nx_service_now_us(f->service));
    accept_client(f);
    connect_client(f);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    assert_true(nx_test_wait(f->base, hello_written, f));
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    /* A write goes to the disk with the commit: that is what fails. */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &files), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = files.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    bool stopped = nx_test_wait(f->base, stopped_storing, f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &files), 0);
    assert_true(stopped);
    assert_false(target_written(f));
    assert_true(nx_test_wait(f->base, storing_again, f));
    assert_true(nx_test_wait(f->base, target_written, f));
}

static void test_refuses_open_key_file(void **state) {
    struct fixture *f = *state;
    struct nx_service *service = NULL;
    char why[NX_SERVICE_WHY_MAX];
    struct event_base *base = event_base_new();
    char text[] = "public: x\n";
    FILE *file = fopen(f->key_path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    fclose(file);
    assert_int_equal(
        nx_service_new(base, &f->conf, false, &service, why, sizeof(why)),
        NX_EDENIED);
    assert_null(service);
    assert_non_null(strstr(why, f->key_path));
    event_base_free(base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVICE(test_incidents_survive),
        WITH_SERVICE(test_recording_names_settings_in_force),
        WITH_SERVICE(test_targets_are_rebuilt),
        WITH_SERVICE(test_silent_resolvers_are_rebuilt),
        WITH_SERVICE(test_opened_by_a_clock_ahead),
        WITH_SERVICE(test_clock_was_set_back),
        WITH_SERVICE(test_lost_rows_are_written_again),
        cmocka_unit_test_setup_teardown(test_refuses_open_key_file, setup_files,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
