/* Closing an incident of many targets: in pieces, and the same as in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/status/status.h"
#include "tests/lib/service_bench.h"

#include "tests/lib/http_crowd.h"

#define NETWORKS 60U
#define SLICE 32U

static struct nx_engine *engine_of(struct fixture *f) {
    return nx_service_engine(f->service);
}

/* Incident 1. */
static void open_many(struct fixture *f) {
    static struct nx_incident incident;
    incident = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    for (uint32_t id = 1; id <= NETWORKS; id++) {
        crowd_network(engine_of(f), id + 100, nx_service_now_us(f->service));
    }
}

static bool is_open(struct fixture *f) {
    return nx_engine_incident(engine_of(f), 1)->closed_us == NX_TIME_UNKNOWN;
}

/* Without what the clock says of it. */
static json_t *timeless(const char *text) {
    json_t *document = json_loads(text, 0, NULL);
    assert_non_null(document);
    (void)json_object_del(document, "now");
    (void)json_object_del(document, "as_of");
    return document;
}

static char *in_one_piece(struct fixture *f) {
    char *text =
        nx_status_final(engine_of(f), 1, nx_service_now_us(f->service));
    assert_non_null(text);
    return text;
}

static void check_kept(struct fixture *f, const char *whole) {
    const char *kept = nx_engine_incident_kept(engine_of(f), 1);
    assert_non_null(kept);
    assert_true(strlen(kept) > (size_t)300 << 10); /* more than one part */
    json_t *a = timeless(kept);
    json_t *b = timeless(whole);
    assert_true(json_equal(a, b));
    json_decref(a);
    json_decref(b);
}

/* Steps until it ends; how it does. */
static int finish(struct nx_closing *closing, unsigned *steps_n) {
    int err = 1;
    while (err > 0) {
        err = nx_service_closing_step(closing, SLICE);
        ++*steps_n;
        assert_true(*steps_n < 1000000);
    }
    return err;
}

/* Nobody would see a commit end. */
static void commit(struct fixture *f) {
    assert_int_equal(nx_group_commit(nx_ingest_group(f->service->ingest)), 0);
}

static void test_in_pieces(void **state) {
    struct fixture *f = *state;
    struct nx_closing *closing = NULL;
    unsigned steps_n = 1;
    open_many(f);
    char *whole = in_one_piece(f);
    assert_int_equal(nx_service_closing_new(f->service, 1, &closing), 0);
    assert_int_equal(nx_service_closing_step(closing, SLICE), 1);
    assert_true(is_open(f));
    assert_int_equal(finish(closing, &steps_n), 0);
    nx_service_closing_free(&closing);
    assert_true(steps_n > NETWORKS * HTTP_CROWD_RESOLVERS / SLICE / 2);
    assert_false(is_open(f));
    check_kept(f, whole);
    restart(f);
    assert_false(is_open(f));
    check_kept(f, whole);
    free(whole);
}

/* Whoever comes second is told. */
static void test_two_at_once(void **state) {
    struct fixture *f = *state;
    struct nx_closing *first = NULL;
    struct nx_closing *second = NULL;
    unsigned steps_n = 0;
    open_many(f);
    char *whole = in_one_piece(f);
    assert_int_equal(nx_service_closing_new(f->service, 1, &first), 0);
    assert_int_equal(nx_service_closing_new(f->service, 1, &second), 0);
    for (unsigned i = 0; i < 15; i++) {
        assert_int_equal(nx_service_closing_step(second, SLICE), 1);
        assert_int_equal(nx_service_closing_step(first, SLICE), 1);
    }
    assert_int_equal(finish(first, &steps_n), 0);
    assert_int_equal(finish(second, &steps_n), NX_ESTATE);
    nx_service_closing_free(&first);
    nx_service_closing_free(&second);
    assert_int_equal(nx_service_closing_new(f->service, 1, &first), NX_ESTATE);
    assert_int_equal(nx_service_closing_new(f->service, 9, &first),
                     NX_ENOTFOUND);
    restart(f);
    check_kept(f, whole);
    free(whole);
}

static int64_t parts_of(const struct fixture *f) {
    return sql_integer(f->store_path, "SELECT count(*) FROM closed_part");
}

static void until_a_part(struct fixture *f, struct nx_closing *closing) {
    for (unsigned i = 0; parts_of(f) == 0; i++) {
        assert_true(i < 100000);
        assert_int_equal(nx_service_closing_step(closing, SLICE), 1);
        commit(f);
    }
}

/* Stopped when parts are on the disk: it is open. */
static void test_stopped_in_the_middle(void **state) {
    struct fixture *f = *state;
    struct nx_closing *closing = NULL;
    open_many(f);
    assert_int_equal(nx_service_closing_new(f->service, 1, &closing), 0);
    until_a_part(f, closing);
    nx_service_closing_free(&closing);
    restart(f);
    assert_true(is_open(f));
    assert_null(nx_engine_incident_kept(engine_of(f), 1));
    /* Closed with less in it: what was left is gone. */
    assert_int_equal(nx_service_incident_close(f->service, 1), 0);
    assert_int_equal(parts_of(f), 0);
    restart(f);
    json_decref(timeless(nx_engine_incident_kept(engine_of(f), 1)));
}

static bool storing(void *user) {
    const struct fixture *f = user;
    return nx_group_storing(nx_ingest_group(f->service->ingest));
}

/* What was written of it goes with what others could not write; and while
 * nothing can be written nothing is closed. */
static void test_rolled_back(void **state) {
    struct fixture *f = *state;
    struct nx_closing *closing = NULL;
    unsigned steps_n = 0;
    open_many(f);
    char *whole = in_one_piece(f);
    assert_int_equal(nx_service_closing_new(f->service, 1, &closing), 0);
    until_a_part(f, closing);
    assert_int_equal(nx_service_closing_step(closing, SLICE), 1);
    nx_group_abort(nx_ingest_group(f->service->ingest)); /* with that part */
    assert_int_equal(nx_service_incident_close(f->service, 1), NX_EAGAIN);
    assert_true(is_open(f));
    assert_true(nx_test_wait(f->base, storing, f));
    assert_int_equal(finish(closing, &steps_n), 0);
    nx_service_closing_free(&closing);
    restart(f);
    check_kept(f, whole);
    free(whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVICE(test_in_pieces),
        WITH_SERVICE(test_two_at_once),
        WITH_SERVICE(test_stopped_in_the_middle),
        WITH_SERVICE(test_rolled_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
