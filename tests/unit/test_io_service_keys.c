/* The collector's next key: announced, and in the audit log once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/io_service_priv.h"
#include "common/io_log.h"

#define FILES_N 5U

struct fixture {
    char folder[64];
    char path[FILES_N][96]; /* key, two next ones, store and its log */
    char next[2][NX_KEY_TEXT_MAX];
    char endpoint[32];
    struct nx_collector_conf conf;
    struct event_base *base;
    struct nx_service *service;
};

static void start(struct fixture *f) {
    char why[NX_SERVICE_WHY_MAX];
    if (nx_service_new(f->base, &f->conf, false, &f->service, why,
                       sizeof(why)) != NX_OK) {
        fail_msg("%s", why);
    }
}

static void make_key(const char *path, char *public_key) {
    struct nx_keypair keys;
    char why[NX_KEYS_WHY_MAX];
    assert_int_equal(nx_keys_create(path, &keys, why, sizeof(why)), NX_OK);
    memcpy(public_key, keys.public_key, NX_KEY_TEXT_MAX);
    nx_keys_wipe(&keys);
}

static int setup(void **state) {
    static const char *const names[FILES_N] = {"key", "next", "next2", "db",
                                               "db-wal"};
    static struct fixture f;
    char own[NX_KEY_TEXT_MAX];
    memset(&f, 0, sizeof(f));
    nx_log_set_level(NX_LOG_ERROR);
    strcpy(f.folder, "/tmp/nx-test-keys-XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    for (size_t i = 0; i < FILES_N; i++) {
        (void)snprintf(f.path[i], sizeof(f.path[i]), "%s/%s", f.folder,
                       names[i]);
    }
    make_key(f.path[0], own);
    make_key(f.path[1], f.next[0]);
    make_key(f.path[2], f.next[1]);
    strcpy(f.endpoint, "tcp://127.0.0.1:*");
    nx_engine_settings_default(&f.conf.engine);
    f.conf.key_path = f.path[0];
    f.conf.store_path = f.path[3];
    f.conf.listen[0] = f.endpoint;
    f.conf.listen_n = 1;
    f.base = event_base_new();
    start(&f);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    char shm[128];
    nx_service_free(&f->service);
    event_base_free(f->base);
    for (size_t i = 0; i < FILES_N; i++) {
        (void)unlink(f->path[i]);
    }
    (void)snprintf(shm, sizeof(shm), "%s-shm", f->path[3]);
    (void)unlink(shm);
    assert_int_equal(rmdir(f->folder), 0);
    return 0;
}

struct lines {
    unsigned n;
    char keys[8][NX_KEY_TEXT_MAX];
};

static void see(void *user, const struct nx_door_entry *entry) {
    struct lines *lines = user;
    assert_string_equal(entry->who, "collector");
    assert_string_equal(entry->action, "next key announced");
    assert_true(lines->n < 8);
    (void)snprintf(lines->keys[lines->n++], NX_KEY_TEXT_MAX, "%s", entry->key);
}

static struct lines log_of(struct fixture *f) {
    struct lines lines = {0};
    assert_int_equal(nx_service_door_log(f->service, see, &lines), NX_OK);
    return lines;
}

static void reload(struct fixture *f, char *next_path) {
    struct nx_collector_conf other = f->conf;
    other.next_key_path = next_path;
    nx_service_reload(f->service, &other);
    f->conf.next_key_path = next_path;
    nx_service_reload(f->service, &f->conf); /* the service keeps a pointer */
}

static void once_per_key(void **state) {
    struct fixture *f = *state;
    assert_int_equal(log_of(f).n, 0);
    reload(f, f->path[1]);
    assert_int_equal(log_of(f).n, 1);
    assert_string_equal(log_of(f).keys[0], f->next[0]);
    reload(f, NULL); /* taken back, and announced again */
    reload(f, f->path[1]);
    assert_int_equal(log_of(f).n, 1);
    nx_service_free(&f->service);
    start(f);
    assert_int_equal(log_of(f).n, 1);
    reload(f, f->path[2]);
    assert_int_equal(log_of(f).n, 2);
    assert_string_equal(log_of(f).keys[1], f->next[1]);
}

static void not_a_bad_one(void **state) {
    struct fixture *f = *state;
    reload(f, f->path[0]); /* the present key */
    reload(f, f->path[3]); /* no key at all */
    assert_int_equal(log_of(f).n, 0);
    f->conf.next_key_path = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(once_per_key, setup, teardown),
        cmocka_unit_test_setup_teardown(not_a_bad_one, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
