/* A commit waits for the disk, the event loop does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <semaphore.h>

#include <cmocka.h>

#include "collector/ingest/io_group.h"
#include "collector/store/io_store_commit.h"
#include "collector/store/io_store_sqlite.h"
#include "common/io_log.h"

#define TURNS 50

struct fixture {
    char folder[64];
    char path[96];
    struct nx_store *store;
    struct event_base *base;
    struct nx_steady clock;
    struct nx_group *group;
    sem_t disk; /* a commit waits for it */
    int refuse; /* ... and is refused then */
    unsigned committing_n, committed_n, rolled_back_n;
};

static int on_commit(void *arg) {
    struct fixture *f = arg;
    while (sem_wait(&f->disk) != 0) {
    }
    return f->refuse;
}

static void on_committing(void *arg) {
    struct fixture *f = arg;
    f->committing_n++;
}

static void on_committed(void *arg, const struct nx_group_batch *batch) {
    (void)arg;
    (void)batch;
}

static void on_done(void *arg, bool committed) {
    struct fixture *f = arg;
    f->committed_n += committed ? 1 : 0;
    f->rolled_back_n += committed ? 0 : 1;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    const struct nx_store_options plain = {.check = false};
    char why[NX_STORE_WHY_MAX];
    assert_non_null(f);
    strcpy(f->folder, "/tmp/nx-test-group-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/nxclear.db", f->folder);
    assert_int_equal(
        nx_store_open(f->path, &plain, &f->store, why, sizeof(why)), NX_OK);
    assert_int_equal(sem_init(&f->disk, 0, 0), 0);
    (void)sqlite3_commit_hook(f->store->db, on_commit, f);
    f->base = event_base_new();
    nx_steady_init(&f->clock);
    const struct nx_group_handler handler = {on_committing, on_committed,
                                             on_done, f};
    assert_int_equal(
        nx_group_new(f->base, f->store, &f->clock, &handler, &f->group), NX_OK);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    nx_group_free(&f->group);
    nx_store_close(&f->store);
    event_base_free(f->base);
    (void)sem_destroy(&f->disk);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void write_something(struct fixture *f) {
    const struct nx_door_entry entry = {.at_us = 7,
                                        .who = "test",
                                        .action = "wrote",
                                        .subject = "",
                                        .key = "",
                                        .detail = ""};
    assert_int_equal(nx_group_open(f->group), NX_OK);
    assert_int_equal(nx_store_door_log_add(f->store, &entry), NX_OK);
}

static void count(void *user, const struct nx_door_entry *entry) {
    (void)entry;
    ++*(unsigned *)user;
}

static unsigned written(struct fixture *f) {
    unsigned n = 0;
    assert_int_equal(nx_store_door_log(f->store, 10, count, &n), NX_OK);
    return n;
}

static void turn(struct fixture *f) {
    assert_true(event_base_loop(f->base, EVLOOP_NONBLOCK) >= 0);
}

static void wait_until_over(struct fixture *f) {
    while (f->committed_n + f->rolled_back_n == 0) {
        assert_true(event_base_loop(f->base, EVLOOP_ONCE) >= 0);
    }
}

static void test_loop_turns_meanwhile(void **state) {
    struct fixture *f = *state;
    write_something(f);
    assert_true(nx_group_commit_begin(f->group));
    assert_int_equal(f->committing_n, 1);
    for (unsigned i = 0; i < TURNS; i++) {
        turn(f);
    }
    assert_true(nx_group_commit_begin(f->group)); /* is under way */
    assert_int_equal(f->committing_n, 1);
    assert_int_equal(f->committed_n, 0);
    (void)sem_post(&f->disk);
    wait_until_over(f);
    assert_int_equal(f->committed_n, 1);
    assert_int_equal(nx_group_counters(f->group)->commits_n, 1);
    assert_false(nx_group_commit_begin(f->group)); /* nothing */
    assert_int_equal(written(f), 1);
}

/* Who uses the store meanwhile waits, and the group still learns the end. */
static void test_others_wait(void **state) {
    struct fixture *f = *state;
    write_something(f);
    assert_true(nx_group_commit_begin(f->group));
    (void)sem_post(&f->disk);
    assert_int_equal(written(f), 1);
    assert_int_equal(f->committed_n, 0);
    wait_until_over(f);
    assert_int_equal(f->committed_n, 1);
}

/* What is to be written next is not of the commit under way. */
static void test_next_one_waits(void **state) {
    struct fixture *f = *state;
    write_something(f);
    assert_true(nx_group_commit_begin(f->group));
    (void)sem_post(&f->disk);
    write_something(f);
    assert_int_equal(f->committed_n, 1);
    nx_store_rollback(f->store);
    assert_int_equal(written(f), 1);
}

static void test_refused(void **state) {
    struct fixture *f = *state;
    f->refuse = 1;
    write_something(f);
    assert_true(nx_group_commit_begin(f->group));
    nx_log_set_level(NX_LOG_ERROR);
    (void)sem_post(&f->disk);
    wait_until_over(f);
    assert_int_equal(f->committed_n, 0);
    assert_int_equal(f->rolled_back_n, 1);
    assert_int_equal(nx_group_counters(f->group)->failures_n, 1);
    assert_false(nx_group_storing(f->group));
    assert_int_equal(nx_group_open(f->group), NX_EAGAIN);
    assert_int_equal(written(f), 0);
}

static void on_then(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    ++*(unsigned *)arg;
}

/* Work that can wait is called when the commit is over, whatever came of it;
 * what took its word back is not. */
static void told_when_over(struct fixture *f, bool takes_back) {
    unsigned called_n = 0;
    struct event *then = evtimer_new(f->base, on_then, &called_n);
    assert_non_null(then);
    assert_false(nx_group_busy(f->group, then));
    write_something(f);
    assert_false(nx_group_busy(f->group, then)); /* open, not committing */
    assert_true(nx_group_commit_begin(f->group));
    assert_true(nx_group_busy(f->group, then));
    if (takes_back) {
        assert_true(nx_group_busy(f->group, NULL));
    }
    turn(f);
    assert_int_equal(called_n, 0);
    (void)sem_post(&f->disk);
    wait_until_over(f);
    turn(f);
    assert_int_equal(called_n, takes_back ? 0 : 1);
    assert_false(nx_group_busy(f->group, then));
    event_free(then);
}

static void test_told_when_over(void **state) {
    told_when_over(*state, false);
}

static void test_told_when_refused(void **state) {
    struct fixture *f = *state;
    f->refuse = 1;
    nx_log_set_level(NX_LOG_ERROR);
    told_when_over(f, false);
    assert_int_equal(f->rolled_back_n, 1);
}

static void test_not_told(void **state) {
    told_when_over(*state, true);
}

/* What was given to the disk is not lost when the collector stops. */
static void test_end(void **state) {
    struct fixture *f = *state;
    write_something(f);
    assert_true(nx_group_commit_begin(f->group));
    (void)sem_post(&f->disk);
    nx_group_free(&f->group);
    assert_int_equal(written(f), 1);
}

int main(void) {
#define WITH_GROUP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_GROUP(test_loop_turns_meanwhile),
        WITH_GROUP(test_others_wait),
        WITH_GROUP(test_next_one_waits),
        WITH_GROUP(test_refused),
        WITH_GROUP(test_told_when_over),
        WITH_GROUP(test_told_when_refused),
        WITH_GROUP(test_not_told),
        WITH_GROUP(test_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
