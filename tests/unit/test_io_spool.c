/* The spool in a real folder. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/io_agent_priv.h"
#include "agent/uplink/io_spool.h"
#include "tests/lib/spool_bench.h"

static bool folder_fails; /* after its first entry */

struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);

struct dirent *__wrap_readdir(DIR *dir) {
    if (folder_fails && telldir(dir) > 0) {
        errno = EIO;
        return NULL;
    }
    return __real_readdir(dir);
}

static bool syncs_fail; /* what they were to sync is written */

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd) {
    errno = EIO;
    return syncs_fail ? -1 : __real_fdatasync(fd);
}

struct fixture {
    char base[64];
    char path[96];
    char why[NX_SPOOL_WHY_MAX];
    struct nx_spool_folder *folder;
    struct bench *b;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    void *bench = NULL;
    (void)snprintf(f->base, sizeof(f->base), "/tmp/nx-test-spool-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    (void)snprintf(f->path, sizeof(f->path), "%s/spool", f->base);
    (void)bench_new(&bench);
    f->b = bench;
    *state = f;
    return 0;
}

static void empty(const char *path) {
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        (void)unlinkat(dirfd(dir), e->d_name, 0);
    }
    (void)closedir(dir);
}

static int teardown(void **state) {
    struct fixture *f = *state;
    void *bench = f->b;
    (void)bench_free(&bench);
    nx_spool_folder_close(&f->folder);
    empty(f->path);
    (void)rmdir(f->path);
    empty(f->base);
    (void)rmdir(f->base);
    free(f);
    return 0;
}

static void open_spool(struct fixture *f, bool look) {
    nx_spool_free(&f->b->spool);
    nx_spool_folder_close(&f->folder);
    int err =
        look
            ? nx_spool_folder_look(f->path, &f->folder, f->why, sizeof(f->why))
            : nx_spool_folder_open(f->path, &f->folder, f->why, sizeof(f->why));
    assert_int_equal(err, NX_OK);
    assert_int_equal(nx_spool_new(&f->b->conf, nx_spool_folder_disk(f->folder),
                                  EPOCH, nx_spool_boot(), &f->b->spool,
                                  &f->b->found),
                     NX_OK);
}

static void test_there_and_back(void **state) {
    struct fixture *f = *state;
    struct stat st;
    int64_t sent_us = 0;
    assert_int_equal(nx_spool_folder_check(f->path, f->why, sizeof(f->why)),
                     NX_OK);
    open_spool(f, false);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    for (unsigned i = 0; i < 50; i++) {
        bench_put(f->b, 50);
    }
    open_spool(f, false); /* as after a kill */
    assert_int_equal(f->b->found.held, 2500);
    assert_int_equal(nx_spool_epoch(f->b->spool), EPOCH);
    nx_spool_connected(f->b->spool, 0);
    for (uint64_t seq = 1; seq < 2500; seq += 50) {
        assert_int_equal(bench_send(f->b, (int64_t)seq * S), seq);
        (void)bench_ack(f->b, seq + 49, seq, &sent_us);
    }
    assert_int_equal(nx_spool_close(f->b->spool), NX_OK);
    open_spool(f, false);
    assert_true(f->b->found.clean);
    assert_int_equal(f->b->found.held, 0);
    assert_int_equal(nx_spool_disk_bytes(f->b->spool), 0);
}

static void test_one_agent_at_a_time(void **state) {
    struct fixture *f = *state;
    struct nx_spool_folder *other = NULL;
    char expected[256];
    open_spool(f, false);
    bench_put(f->b, 5);
    assert_int_equal(
        nx_spool_folder_open(f->path, &other, f->why, sizeof(f->why)),
        NX_ESTATE);
    (void)snprintf(expected, sizeof(expected),
                   "spool %s: locked: another agent uses it; each needs a "
                   "spool of its own",
                   f->path);
    assert_string_equal(f->why, expected);
    /* A check and a look do not mind, and change nothing. */
    assert_int_equal(nx_spool_folder_check(f->path, f->why, sizeof(f->why)),
                     NX_OK);
    struct nx_spool *seen = NULL;
    struct nx_spool_found found;
    assert_int_equal(
        nx_spool_folder_look(f->path, &other, f->why, sizeof(f->why)), NX_OK);
    assert_int_equal(nx_spool_new(&f->b->conf, nx_spool_folder_disk(other), 1,
                                  1, &seen, &found),
                     NX_OK);
    assert_int_equal(found.held, 5);
    nx_spool_free(&seen);
    nx_spool_folder_close(&other);
    bench_put(f->b, 5);
    assert_int_equal(nx_spool_close(f->b->spool), NX_OK);
    open_spool(f, true);
    assert_true(f->b->found.clean);
    assert_int_equal(f->b->found.held, 10);
}

static void expect_why(struct fixture *f, const char *end) {
    char expected[256];
    (void)snprintf(expected, sizeof(expected), "spool.path: %s: %s", f->path,
                   end);
    assert_string_equal(f->why, expected);
}

static void test_places_that_will_not_do(void **state) {
    struct fixture *f = *state;
    int fd = open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_int_equal(nx_spool_folder_check(f->path, f->why, sizeof(f->why)),
                     NX_EIO);
    expect_why(f, "Not a directory");
    assert_int_equal(
        nx_spool_folder_open(f->path, &f->folder, f->why, sizeof(f->why)),
        NX_ECONFIG); /* no disk that fails */
    assert_null(f->folder);
    (void)snprintf(f->path, sizeof(f->path), "%s/no/spool", f->base);
    assert_int_equal(nx_spool_folder_check(f->path, f->why, sizeof(f->why)),
                     NX_EIO);
    expect_why(f, "No such file or directory: make the folder above it");
}

/* Other files in the folder are nobody's business. */
static void test_foreign_files(void **state) {
    struct fixture *f = *state;
    static const char *const names[] = {"0000000000000001.seg.bak", "notes",
                                        "zz.seg", "1.seg"};
    open_spool(f, false);
    bench_put(f->b, 5);
    for (size_t i = 0; i < 4; i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        (void)close(fd);
    }
    open_spool(f, false);
    assert_int_equal(f->b->found.held, 5);
    assert_int_equal(f->b->found.damaged, 0);
}

/* A file that opens and cannot be read keeps nothing from starting. */
static void test_unreadable_file(void **state) {
    struct fixture *f = *state;
    char path[160];
    for (unsigned i = 0; i < 3; i++) {
        open_spool(f, false);
        bench_put(f->b, 5);
        assert_int_equal(nx_spool_close(f->b->spool), NX_OK);
    }
    (void)snprintf(path, sizeof(path), "%s/0000000000000002.seg", f->path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* EISDIR */
    open_spool(f, false);
    assert_int_equal(f->b->found.unread, 1);
    assert_int_equal(f->b->found.held, 15);
    nx_spool_connected(f->b->spool, 0);
    assert_int_equal(bench_send(f->b, S), 1);
    assert_int_equal(bench_send(f->b, 2 * S), 0); /* is tried again */
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(bench_send(f->b, 4 * S), 11);
    bench_expect_gap(f->b, 0, 6, 10, NX_GAP_DAMAGED);
}

/* A folder that cannot be read to its end: what it did not show is there. */
static void test_unread_folder(void **state) {
    struct fixture *f = *state;
    open_spool(f, false);
    bench_put(f->b, 5);
    nx_spool_free(&f->b->spool);
    folder_fails = true;
    int err = nx_spool_new(&f->b->conf, nx_spool_folder_disk(f->folder), EPOCH,
                           nx_spool_boot(), &f->b->spool, &f->b->found);
    folder_fails = false;
    assert_int_equal(err, NX_EIO);
    open_spool(f, false);
    assert_int_equal(f->b->found.held, 5);
}

/* The ledger of a new spool is written and cannot be synced: what the agent
 * numbers in memory meanwhile is of another epoch than what the disk has. */
static void test_epoch_of_memory(void **state) {
    struct fixture *f = *state;
    struct nx_agent_conf conf = {.spool_path = f->path,
                                 .spool_max_bytes = 16U << 20,
                                 .spool_max_age_s = 86400,
                                 .spool_sync_always = true,
                                 .batch_max_results = 100};
    struct nx_agentd a = {.setup.conf = &conf, .epoch = EPOCH};
    a.base = event_base_new();
    a.on_disk = evtimer_new(a.base, nx_agentd_on_disk, &a);
    assert_non_null(a.on_disk);
    syncs_fail = true;
    assert_int_equal(nx_agentd_open_spool(&a), NX_OK);
    syncs_fail = false;
    assert_true(a.spool_disk_failed);
    assert_int_equal(nx_spool_epoch(a.spool), a.epoch);
    open_spool(f, false);
    assert_true(f->b->found.old); /* it was written */
    assert_true(nx_spool_epoch(f->b->spool) != a.epoch);
    nx_spool_free(&a.spool);
    event_free(a.on_disk);
    event_base_free(a.base);
}

int main(void) {
#define WITH_ALL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_ALL(test_there_and_back),
        WITH_ALL(test_one_agent_at_a_time),
        WITH_ALL(test_places_that_will_not_do),
        WITH_ALL(test_foreign_files),
        WITH_ALL(test_unreadable_file),
        WITH_ALL(test_unread_folder),
        WITH_ALL(test_epoch_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
