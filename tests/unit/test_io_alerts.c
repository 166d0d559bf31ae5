/* The queue of alerts with a courier that does as it is told, and a disk that
 * refuses commits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/alert/io_alerts.h"
#include "collector/store/io_store_sqlite.h"
#include "common/io_log.h"

#define S INT64_C(1000000)
#define DAY (86400 * S)

/* --- the courier --- */

struct nx_courier {
    struct nx_courier_job job; /* under way */
    bool busy;
};

static struct {
    struct nx_courier *courier;
    unsigned sent_n;
    char key[64]; /* sent last */
    int refuse;   /* to begin */
} carried;

int nx_courier_new(struct event_base *base, struct nx_courier **out) {
    (void)base;
    carried.courier = *out = calloc(1, sizeof(**out));
    return *out != NULL ? 0 : NX_ENOMEM;
}

void nx_courier_free(struct nx_courier **courier) {
    free(*courier);
    *courier = NULL;
}

int nx_courier_send(struct nx_courier *courier,
                    const struct nx_courier_job *job) {
    nx_text_fini(&job->payload->body);
    if (carried.refuse != 0) {
        return carried.refuse;
    }
    courier->job = *job;
    courier->busy = true;
    carried.sent_n++;
    (void)snprintf(carried.key, sizeof(carried.key), "%s",
                   json_string_value(json_object_get(job->document, "key")));
    return 0;
}

int nx_courier_sendmail(const char *path, char *why) {
    (void)path;
    (void)why;
    return 0;
}

int nx_courier_secret(const char *path, char secret[NX_COURIER_SECRET_MAX],
                      size_t *len, char *why) {
    (void)path;
    (void)secret;
    (void)len;
    (void)why;
    return NX_EIO;
}

static void ends(bool taken, const char *why) {
    assert_true(carried.courier->busy);
    carried.courier->busy = false;
    carried.courier->job.done(carried.courier->job.user, taken, why, 0);
}

/* --- all that is around --- */

struct fixture {
    char folder[64];
    char path[96];
    struct nx_store *store;
    struct event_base *base;
    struct nx_steady clock;
    struct nx_group *group;
    struct nx_alert_conf conf;
    struct nx_postbox *postbox;
    enum nx_retained_clock retained;
    int disk_full; /* no commit succeeds */
};

static int on_commit(void *arg) {
    struct fixture *f = arg;
    return f->disk_full;
}

static void on_committing(void *arg) {
    (void)arg;
}

static void on_committed(void *arg, const struct nx_group_batch *batch) {
    (void)arg;
    (void)batch;
}

static void on_group_done(void *arg, bool committed) {
    (void)arg;
    (void)committed;
}

/* One store for all: it takes longest to make. */
static int make_store(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    const struct nx_store_options plain = {.check = false};
    char why[NX_STORE_WHY_MAX];
    assert_non_null(f);
    strcpy(f->folder, "/tmp/nx-test-alerts-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof(f->path), "%s/nxclear.db", f->folder);
    assert_int_equal(
        nx_store_open(f->path, &plain, &f->store, why, sizeof(why)), NX_OK);
    *state = f;
    return 0;
}

static int drop_store(void **state) {
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    nx_store_close(&f->store);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void execute(struct fixture *f, const char *sql) {
    assert_int_equal(sqlite3_exec(f->store->db, sql, NULL, NULL, NULL),
                     SQLITE_OK);
}

static int setup(void **state) {
    struct fixture *f = *state;
    char why[NX_STORE_WHY_MAX];
    memset(&carried, 0, sizeof(carried));
    execute(f, "DELETE FROM alert");
    f->disk_full = 0;
    f->retained = NX_RETAINED_TRUSTED;
    (void)sqlite3_commit_hook(f->store->db, on_commit, f);
    f->base = event_base_new();
    nx_steady_init(&f->clock);
    const struct nx_group_handler handler = {on_committing, on_committed,
                                             on_group_done, f};
    assert_int_equal(
        nx_group_new(f->base, f->store, &f->clock, &handler, &f->group), NX_OK);
    nx_alert_rules_default(&f->conf.rules);
    f->conf.receivers_n = 1;
    strcpy(f->conf.receivers[0].name, "hook");
    const struct nx_postbox_parts parts = {f->base, f->store, f->group,
                                           &f->clock, &f->retained};
    assert_int_equal(nx_postbox_new(&parts, &f->conf, &f->postbox, why), NX_OK);
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    nx_postbox_free(&f->postbox);
    nx_group_free(&f->group);
    event_base_free(f->base);
    return 0;
}

static void queue_at(struct fixture *f, const char *key, const char *document,
                     int64_t at_us) {
    int err = nx_group_begin(f->group);
    if (err == NX_OK) {
        err = nx_group_end(f->group, nx_store_alert_add(f->store, "hook", key,
                                                        document, at_us));
    }
    assert_int_equal(err, NX_OK);
    nx_postbox_wake(f->postbox);
}

static void queue(struct fixture *f, const char *key) {
    char document[64];
    (void)snprintf(document, sizeof(document), "{\"key\":\"%s\"}", key);
    queue_at(f, key, document, nx_steady_wall_us(&f->clock));
}

/* Time passes; what is due then is done. */
static void pass(struct fixture *f, int64_t us) {
    f->clock.wall0_us += us;
    (void)!nx_group_commit(f->group); /* refused: the group knows */
    for (unsigned i = 0; i < 20; i++) {
        nx_postbox_wake(f->postbox);
        assert_true(event_base_loop(f->base, EVLOOP_NONBLOCK) >= 0);
    }
}

static void wait_for_sent(struct fixture *f, unsigned n) {
    while (carried.sent_n < n) {
        assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
    }
    assert_int_equal(carried.sent_n, n);
}

/* A commit fails, or one succeeds again. */
static void wait_for_disk(struct fixture *f, bool storing) {
    while (nx_group_storing(f->group) != storing) {
        assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
    }
}

static void list(void *user, const struct nx_store_alert *alert) {
    char *text = user;
    size_t len = strlen(text);
    (void)snprintf(text + len, 512 - len, "%s%s %s %u %s", len > 0 ? ", " : "",
                   alert->key, nx_alert_state_text(alert->state),
                   alert->attempts, alert->problem);
}

/* "two queued 0 , one sent 1 " */
static const char *queue_now(struct fixture *f) {
    static char text[512];
    text[0] = '\0';
    assert_int_equal(nx_store_alerts(f->store, 10, list, text), NX_OK);
    return text;
}

/* --- tests --- */

static void test_in_order(void **state) {
    struct fixture *f = *state;
    queue(f, "one");
    queue(f, "two");
    wait_for_sent(f, 1);
    pass(f, 0);
    assert_string_equal(carried.key, "one");
    assert_int_equal(carried.sent_n, 1);
    ends(false, "HTTP status 503");
    pass(f, 0);
    assert_int_equal(carried.sent_n, 1);
    assert_string_equal(queue_now(f),
                        "two queued 0 , one queued 1 HTTP status 503");
    pass(f, 6 * S);
    assert_int_equal(carried.sent_n, 2);
    assert_string_equal(carried.key, "one");
    ends(true, "");
    wait_for_sent(f, 3);
    assert_string_equal(carried.key, "two");
    ends(true, "");
    assert_string_equal(queue_now(f), "two sent 1 , one sent 2 ");
}

/* The receiver has it; that the disk is full must not send it again. */
static void test_full_disk(void **state) {
    struct fixture *f = *state;
    queue(f, "one");
    queue(f, "two");
    wait_for_sent(f, 1);
    f->disk_full = 1;
    ends(true, "");
    wait_for_disk(f, false);
    assert_string_equal(queue_now(f), "two queued 0 , one queued 0 ");
    for (unsigned i = 0; i < 5; i++) {
        pass(f, 10 * S);
    }
    assert_int_equal(carried.sent_n, 1);
    f->disk_full = 0;
    wait_for_disk(f, true);
    pass(f, 10 * S);
    wait_for_sent(f, 2);
    assert_string_equal(carried.key, "two");
    assert_string_equal(queue_now(f), "two queued 0 , one sent 1 ");
}

/* What was changed is not sent, and it is said why; the next one is. */
static void test_damaged(void **state) {
    struct fixture *f = *state;
    queue(f, "one");
    queue(f, "two");
    assert_int_equal(nx_group_commit(f->group), NX_OK);
    execute(f, "UPDATE alert SET document = '{\"key\":\"ono\"}' WHERE key = "
               "'one'");
    wait_for_sent(f, 1);
    assert_string_equal(carried.key, "two");
    assert_string_equal(queue_now(f), "two queued 0 , one given-up 0 what is "
                                      "stored is damaged");
}

/* A long message is read in pieces; it holds up nobody for long, and the next
 * one waits for its end. */
static void test_long(void **state) {
    struct fixture *f = *state;
    struct nx_text text;
    unsigned turns_n = 0;
    nx_text_init(&text);
    nx_text_add(&text, "{\"key\":\"long\",\"changes\":[{}");
    for (unsigned i = 0; i < 100000; i++) {
        nx_text_add(&text, ",{\"kind\":\"affected\"}");
    }
    nx_text_add(&text, "]}");
    assert_false(text.failed);
    queue_at(f, "long", text.bytes, nx_steady_wall_us(&f->clock));
    nx_text_fini(&text);
    queue(f, "short");
    for (; carried.sent_n == 0; turns_n++) {
        assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
    }
    assert_true(turns_n > 10);
    assert_string_equal(carried.key, "long");
    ends(true, "");
    wait_for_sent(f, 2);
    assert_string_equal(carried.key, "short");
    ends(true, "");
    assert_string_equal(queue_now(f), "short sent 1 , long sent 1 ");
}

/* The same with what it refused: attempts are counted, it is not asked again
 * at once. */
static void test_full_disk_refused(void **state) {
    struct fixture *f = *state;
    queue(f, "one");
    wait_for_sent(f, 1);
    f->disk_full = 1;
    ends(false, "HTTP status 503");
    wait_for_disk(f, false);
    pass(f, 20 * S);
    assert_int_equal(carried.sent_n, 1);
    f->disk_full = 0;
    wait_for_disk(f, true);
    pass(f, 20 * S);
    wait_for_sent(f, 2);
    assert_string_equal(queue_now(f), "one queued 1 HTTP status 503");
}

/* What cannot even begin has an attempt, a reason and a pause, as all others.
 */
static void test_not_begun(void **state) {
    struct fixture *f = *state;
    carried.refuse = NX_ENOMEM;
    queue(f, "one");
    pass(f, 0);
    pass(f, 6 * S);
    assert_string_equal(queue_now(f), "one queued 2 out of memory");
    carried.refuse = 0;
    pass(f, 60 * S);
    wait_for_sent(f, 1);
}

/* Queued while the clock was ahead by days. */
static void test_clock_back(void **state) {
    struct fixture *f = *state;
    queue_at(f, "one", "{\"key\":\"one\"}",
             nx_steady_wall_us(&f->clock) + 2 * DAY);
    wait_for_sent(f, 1);
}

/* What cannot be sent, or is no news any more, is given up; the next one
 * leaves. */
static void test_given_up(void **state) {
    struct fixture *f = *state;
    struct nx_postbox_counters counters;
    int64_t now_us = nx_steady_wall_us(&f->clock);
    queue_at(f, "old", "{\"key\":\"old\"}", now_us - 8 * DAY);
    queue_at(f, "bad", "{", now_us);
    queue(f, "new");
    wait_for_sent(f, 1);
    assert_string_equal(carried.key, "new");
    assert_string_equal(queue_now(f),
                        "new queued 0 , bad given-up 0 what is stored is "
                        "damaged, old given-up 0 older than 7 days");
    nx_postbox_counters(f->postbox, &counters);
    assert_int_equal(counters.given_up_n, 2);
}

/* A start with the clock a year ahead: nothing is as old as it looks. */
static void test_clock_ahead(void **state) {
    struct fixture *f = *state;
    queue_at(f, "one", "{\"key\":\"one\"}",
             nx_steady_wall_us(&f->clock) - 365 * DAY);
    f->retained = NX_RETAINED_AHEAD;
    wait_for_sent(f, 1);
    ends(false, "HTTP status 503");
    assert_string_equal(queue_now(f), "one queued 1 HTTP status 503");
    pass(f, 6 * S);
    wait_for_sent(f, 2);
    f->retained = NX_RETAINED_TRUSTED;
    ends(false, "HTTP status 503");
    assert_string_equal(queue_now(f),
                        "one given-up 2 older than 7 days: HTTP status 503");
}

/* Other receivers while an ending is not committed: the message was taken, and
 * is not sent again when the commit fails. */
static void test_reload_before_commit(void **state) {
    struct fixture *f = *state;
    struct nx_alert_conf conf = f->conf;
    char why[NX_COURIER_WHY_MAX];
    conf.receivers_n = 2;
    strcpy(conf.receivers[0].name, "another");
    strcpy(conf.receivers[1].name, "hook");
    queue(f, "one");
    queue(f, "two");
    wait_for_sent(f, 1);
    f->disk_full = 1;
    ends(true, "");
    assert_int_equal(nx_postbox_conf(f->postbox, &conf, why), NX_OK);
    wait_for_disk(f, false);
    assert_string_equal(queue_now(f), "two queued 0 , one queued 0 ");
    f->disk_full = 0;
    wait_for_disk(f, true);
    pass(f, 10 * S);
    wait_for_sent(f, 2);
    assert_string_equal(carried.key, "two");
    ends(true, "");
    pass(f, 0);
    assert_string_equal(queue_now(f), "two sent 1 , one sent 1 ");
    nx_postbox_free(&f->postbox); /* it borrows conf */
}

static void oldest(void *user, const struct nx_store_alert *alert) {
    (void)snprintf(user, 512, "%s %s", nx_alert_state_text(alert->state),
                   alert->problem);
}

/* The oldest makes room, and says why; that counts when it is committed. */
static void test_too_many(void **state) {
    struct fixture *f = *state;
    char sql[512];
    char text[512] = "";
    (void)snprintf(sql, sizeof(sql),
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
                   "FROM n WHERE i < %u) INSERT INTO alert(receiver, key, "
                   "state, made_us, due_us, attempts, problem, document) "
                   "SELECT 'hook', 'key', 'queued', 1, 1, 1, 'HTTP status "
                   "503', '{}' FROM n",
                   NX_STORE_ALERTS_QUEUED_MAX);
    execute(f, sql);
    assert_int_equal(nx_store_begin(f->store), NX_OK);
    assert_int_equal(nx_store_alert_add(f->store, "hook", "k", "{}", 1), NX_OK);
    assert_int_equal(nx_store_alerts_over(f->store), 0);
    nx_store_rollback(f->store);
    queue(f, "one more");
    assert_int_equal(nx_store_alerts_over(f->store), 1);
    assert_int_equal(nx_store_alerts(f->store, 2000, oldest, text), NX_OK);
    assert_string_equal(text,
                        "given-up too many were waiting: HTTP status 503");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_damaged),           TEST(test_in_order),
        TEST(test_full_disk),         TEST(test_long),
        TEST(test_full_disk_refused), TEST(test_not_begun),
        TEST(test_clock_back),        TEST(test_given_up),
        TEST(test_clock_ahead),       TEST(test_reload_before_commit),
        TEST(test_too_many),
    };
    nx_log_set_level(NX_LOG_ERROR);
    return cmocka_run_group_tests(tests, make_store, drop_store);
}
