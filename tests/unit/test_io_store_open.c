/* Stores that are opened, and those that are not: newer, older, foreign,
 * damaged, locked, full. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/store/io_store_profiles.h"
#include "collector/store/schema.h"
#include "tests/lib/store_bench.h"

#define PATH_MAX_BYTES 256

static void expect_refused(struct fixture *f, int expected, const char *before,
                           const char *after) {
    assert_int_equal(
        nx_store_open(f->path, &plain, &f->store, f->why, sizeof(f->why)),
        expected);
    assert_null(f->store);
    char message[4 * NX_STORE_WHY_MAX];
    snprintf(message, sizeof(message), "%s%s%s", before, f->path, after);
    assert_string_equal(f->why, message);
}

static void test_newer_schema(void **state) {
    struct fixture *f = *state;
    char after[NX_STORE_WHY_MAX];
    open_store(f);
    nx_store_close(&f->store);
    sql(f, "PRAGMA user_version = 1000");
    snprintf(after, sizeof(after),
             ": schema version 1000, this program knows %d: it was written by "
             "a newer nxclear-collector, start that one",
             nx_schema_newest());
    expect_refused(f, NX_EVERSION, "", after);
}

static const struct nx_store_options anyway = {.anyway = true};

static void count_incident(void *user, const struct nx_incident *incident) {
    (void)incident;
    ++*(unsigned *)user;
}

static void expect_incidents(struct fixture *f, unsigned expected) {
    unsigned n = 0;
    assert_int_equal(nx_store_incidents(f->store, count_incident, &n), NX_OK);
    assert_int_equal(n, expected);
}

/* Opened all the same where the cause may go away: nothing is written, and it
 * says so. */
static void expect_unwritable(struct fixture *f, int expected,
                              const char *words) {
    assert_int_equal(
        nx_store_open(f->path, &anyway, &f->store, f->why, sizeof(f->why)),
        NX_OK);
    assert_int_equal(nx_store_begin(f->store), expected);
    assert_non_null(strstr(nx_store_problem(f->store), words));
    assert_int_equal(nx_store_probe(f->store), expected);
    assert_non_null(strstr(nx_store_problem(f->store), words));
    assert_int_equal(nx_store_unwritable(f->store), expected);
}

/* What a newer version means by its rows is not known. */
static void test_newer_anyway(void **state) {
    struct fixture *f = *state;
    char back[64];
    open_store(f);
    nx_store_close(&f->store);
    sql(f, "INSERT INTO incident(incident_id, opened_us, outage_from_us, "
           "outage_to_us, note) VALUES(7, 1, 0, 0, '');"
           "PRAGMA user_version = 1000");
    expect_unwritable(f, NX_EVERSION, "written by a newer nxclear-collector");
    assert_true(nx_store_unread(f->store));
    expect_incidents(f, 0);
    snprintf(back, sizeof(back), "PRAGMA user_version = %d",
             nx_schema_newest());
    sql(f, back);
    assert_int_equal(nx_store_probe(f->store), NX_ESTATE);
    nx_store_close(&f->store);
    open_store(f);
    assert_false(nx_store_unread(f->store));
    assert_int_equal(nx_store_unwritable(f->store), NX_OK);
    expect_incidents(f, 1);
}

/* Another one that holds it for itself alone; whose file is replaced. */
static void test_locked_anyway(void **state) {
    struct fixture *f = *state;
    char aside[PATH_MAX_BYTES];
    sqlite3 *db = NULL;
    open_store(f);
    nx_store_close(&f->store);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA locking_mode = EXCLUSIVE;"
                                  "DELETE FROM probe",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    expect_unwritable(f, NX_EAGAIN, "locked by another program");
    assert_true(nx_store_unread(f->store));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    snprintf(aside, sizeof(aside), "%s-aside", f->path);
    assert_int_equal(rename(f->path, aside), 0);
    struct nx_store *other = NULL;
    char why[NX_STORE_WHY_MAX];
    assert_int_equal(nx_store_open(f->path, &anyway, &other, why, sizeof(why)),
                     NX_OK); /* a new one, in another one's hands */
    assert_int_equal(nx_store_probe(f->store), NX_EAGAIN);
    nx_store_close(&other);
    assert_int_equal(nx_store_probe(f->store), NX_ESTATE);
    assert_int_equal(nx_store_open(f->path, &anyway, &other, why, sizeof(why)),
                     NX_ESTATE); /* which is locked now */
    assert_int_equal(unlink(aside), 0);
}

/* That is not to be mended by waiting. */
static void test_refused_anyway(void **state) {
    struct fixture *f = *state;
    sql(f, "CREATE TABLE theirs(a)");
    assert_int_equal(
        nx_store_open(f->path, &anyway, &f->store, f->why, sizeof(f->why)),
        NX_EMALFORMED);
    assert_non_null(strstr(f->why, "some other program's"));
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(fputs("no database", file) >= 0);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(
        nx_store_open(f->path, &anyway, &f->store, f->why, sizeof(f->why)),
        NX_EIO);
    assert_non_null(strstr(f->why, "damaged"));
}

/* What the first release wrote becomes what this one reads. */
static void test_older_schema(void **state) {
    struct fixture *f = *state;
    char newest[8];
    sql(f, nx_schema_step(1));
    sql(f, "PRAGMA application_id = 1853383532; PRAGMA user_version = 1;"
           "INSERT INTO agent VALUES(3, 'k', 'lyon-1', 'lyon', 'network',"
           " 'accepted', '', 9);"
           "INSERT INTO stream VALUES(3, 5, 40, 40, 0, 9);"
           "INSERT INTO incident VALUES(7, 1, NULL, 0, 0, NULL, 'kept');"
           "INSERT INTO target(incident_id, agent_id, resolver, name, "
           "type, state, basis, since_us, changed_us) SELECT 7, 3, "
           "value, 'www.example.com', 'A', 'clear', 'none', 1, 1 FROM "
           "json_each('[\"[fe80::1]@53\", \"[2001:db8::1]@53\"]')");
    open_store(f);
    snprintf(newest, sizeof(newest), "%d", nx_schema_newest());
    assert_sql(f, "PRAGMA user_version", newest);
    assert_sql(f, "SELECT note FROM incident", "kept");
    assert_sql(f, "SELECT name || ' ' || state FROM agent WHERE agent_id = 3",
               "lyon-1 accepted");
    assert_sql(f, "SELECT acked_seq FROM stream WHERE agent_id = 3", "40");
    assert_sql(f, "SELECT count(*) FROM pragma_foreign_key_check", "0");
    assert_sql(f, "SELECT count(*) FROM hello", "0");
    assert_sql(f, "SELECT group_concat(resolver) FROM target",
               "[2001:db8::1]@53"); /* one of which link? */
    assert_sql(f,
               "SELECT count(digest) FROM (SELECT digest FROM agent UNION ALL "
               "SELECT digest FROM stream UNION ALL SELECT digest FROM "
               "incident)",
               "3");
}

static void see_old(void *user, const struct nx_book_row *row) {
    struct nx_book_row *out = user;
    assert_int_equal(row->agent_id, 0);
    *out = *row;
}

/* A resolver of whom it was said that it asks no other one. */
static void test_older_profile(void **state) {
    struct fixture *f = *state;
    struct nx_book_row back = {.measured_us = 0};
    int version = 1;
    for (; strstr(nx_schema_step(version), "bogus_ede") == NULL; version++) {
        sql(f, nx_schema_step(version));
    }
    sql(f,
        "INSERT INTO resolver_profile(network, resolver, scope_id, "
        "measured_us, soa_clock, rounding, rd0, chain, past_ttl, caches, "
        "caches_seen, early_window_s, never_decrements, soa_shown, "
        "rewrites_nxdomain) VALUES('lyon', '192.168.1.1@53', 0, 9, 'own', 'F', "
        "'refused', 'none', 'never', 1, 1, 0, 0, 1, 0);"
        "PRAGMA application_id = 1853383532");
    char mark[64];
    (void)snprintf(mark, sizeof(mark), "PRAGMA user_version = %d", version - 1);
    sql(f, mark);
    open_store(f);
    assert_int_equal(nx_store_resolvers(f->store, 9, see_old, &back), NX_OK);
    assert_int_equal(back.measured_us, 9);
    assert_int_equal(back.measured.chain, NX_CHAIN_OWN);
    assert_int_equal(back.measured.bogus, NX_BOGUS_UNKNOWN);
    assert_false(back.measured.bogus_ede_seen);
}

/* What is read by people gets its digests when the store is brought up to
 * date, but for what is many; nothing of it is damaged then. */
static void test_older_history(void **state) {
    struct fixture *f = *state;
    char mark[96];
    int version = 1;
    for (; strstr(nx_schema_step(version),
                  "ALTER TABLE door_log ADD COLUMN digest") == NULL;
         version++) {
        sql(f, nx_schema_step(version));
    }
    (void)snprintf(mark, sizeof(mark),
                   "PRAGMA application_id = 1853383532;"
                   "PRAGMA user_version = %d",
                   version - 1);
    sql(f, mark);
    sql(f, "INSERT INTO incident(incident_id, opened_us, closed_us, note) "
           "VALUES(1, 1, 2, 'over');"
           "INSERT INTO closed_part VALUES(1, 0, x'7b');"
           "INSERT INTO closed_status VALUES(1, '}');"
           "INSERT INTO door_log VALUES(1, 1, 'uid 0', 'a', 's', 'k', 'd');"
           "INSERT INTO alert VALUES(1, 'hook', 'k', 'sent', 1, 1, 2, 1, '', "
           "'{}'); INSERT INTO alert_told VALUES(1, 'lyon', 'clear', 0, 1, 0);"
           "INSERT INTO log_begin VALUES(1, 5, 5);"
           "INSERT INTO retained VALUES(1, 5, NULL);"
           "INSERT INTO transition VALUES(1, 1, 1, 'r', 'n', 'A', 1, NULL, "
           "'clear')");
    open_store(f);
    assert_sql(f,
               "SELECT count(digest) || ' of ' || count(*) FROM (SELECT digest "
               "FROM closed_part UNION ALL SELECT digest FROM closed_status "
               "UNION ALL SELECT digest FROM door_log UNION ALL SELECT digest "
               "FROM alert UNION ALL SELECT digest FROM alert_told UNION ALL "
               "SELECT digest FROM log_begin UNION ALL SELECT digest FROM "
               "retained UNION ALL SELECT digest FROM transition)",
               "7 of 8");
    nx_store_close(&f->store);
    sql(f, "UPDATE retained SET by_us = 6");
    assert_int_equal(
        nx_store_open(f->path, &plain, &f->store, f->why, sizeof(f->why)),
        NX_EIO);
    assert_non_null(strstr(f->why, "(the row of retained with one = 1 is"));
}

static void test_foreign_database(void **state) {
    struct fixture *f = *state;
    sql(f, "CREATE TABLE music(title TEXT)");
    expect_refused(f, NX_EMALFORMED, "", ": is some other program's database");
    sql(f, "PRAGMA user_version = 1");
    expect_refused(f, NX_EMALFORMED, "", ": is some other program's database");
}

static void write_at(const char *path, long at, const char *bytes, size_t n) {
    FILE *file = fopen(path, "r+b");
    if (file == NULL) {
        file = fopen(path, "wb");
    }
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void test_not_a_database(void **state) {
    struct fixture *f = *state;
    write_at(f->path, 0, "This is a letter to my aunt, not a database.", 44);
    expect_refused(f, NX_EIO, "store ",
                   ": damaged: nxclear-collector(8) says how to repair it or "
                   "put a backup in its place (file is not a database)");
}

static void test_damaged(void **state) {
    struct fixture *f = *state;
    char zeros[8192] = {0};
    open_store(f);
    struct nx_agent_record record = agent_record("a", 'a');
    assert_int_equal(nx_store_agent_put(f->store, &record), NX_OK);
    nx_store_close(&f->store);
    for (long page = 1; page < 6; page++) {
        write_at(f->path, page * 8192, zeros, sizeof(zeros));
    }
    for (int any = 0; any < 4; any++) { /* nor only to be read */
        const struct nx_store_options check = {.check = any < 2,
                                               .anyway = any % 2 != 0};
        f->why[0] = '\0';
        assert_int_equal(
            nx_store_open(f->path, &check, &f->store, f->why, sizeof(f->why)),
            NX_EIO);
        assert_null(f->store);
        assert_non_null(strstr(f->why, "damaged: nxclear-collector(8)"));
    }
}

/* It is not even brought up to date. */
static void test_damaged_and_older(void **state) {
    struct fixture *f = *state;
    const struct nx_store_options check = {.check = true, .anyway = true};
    char mark[96];
    char before[24];
    char after[24];
    char zeros[4096] = {0};
    for (int version = 1; version < nx_schema_newest(); version++) {
        sql(f, nx_schema_step(version));
    }
    (void)snprintf(mark, sizeof(mark),
                   "PRAGMA application_id = 1853383532;"
                   "PRAGMA user_version = %d",
                   nx_schema_newest() - 1);
    sql(f, mark);
    for (long page = 1; page < 6; page++) {
        write_at(f->path, page * 4096, zeros, sizeof(zeros));
    }
    ask(f, "PRAGMA user_version", before, sizeof(before));
    assert_int_equal(
        nx_store_open(f->path, &check, &f->store, f->why, sizeof(f->why)),
        NX_EIO);
    assert_non_null(strstr(f->why, "damaged: nxclear-collector(8)"));
    ask(f, "PRAGMA user_version", after, sizeof(after));
    assert_string_equal(after, before);
    /* Without the check it is, and then rows are looked at. */
    assert_int_equal(
        nx_store_open(f->path, &plain, &f->store, f->why, sizeof(f->why)),
        NX_EIO);
    ask(f, "PRAGMA user_version", after, sizeof(after));
    assert_string_not_equal(after, before);
}

/* A bit of the words that say what the tables are. */
static void test_damaged_words(void **state) {
    struct fixture *f = *state;
    open_store(f);
    nx_store_close(&f->store);
    sql(f, "ALTER TABLE door_log RENAME COLUMN action TO cction");
    open_store(f);
    assert_int_equal(nx_store_door_log_has(f->store, "a", "b"), NX_EIO);
    assert_non_null(
        strstr(nx_store_problem(f->store), "damaged: nxclear-collector(8)"));
    nx_store_close(&f->store);
    /* Of those that are looked at first. */
    sql(f, "ALTER TABLE agent RENAME COLUMN network TO netwobk");
    assert_int_equal(
        nx_store_open(f->path, &plain, &f->store, f->why, sizeof(f->why)),
        NX_EIO);
    assert_non_null(strstr(f->why, "damaged: nxclear-collector(8)"));
}

static void test_locked(void **state) {
    struct fixture *f = *state;
    struct nx_store *second = NULL;
    open_store(f);
    assert_int_equal(
        nx_store_open(f->path, &plain, &second, f->why, sizeof(f->why)),
        NX_ESTATE);
    assert_null(second);
    assert_non_null(strstr(f->why, "is open in another nxclear-collector"));
    /* An operator's long transaction is no reason to stop for ever. */
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(nx_store_begin(f->store), NX_EAGAIN);
    assert_non_null(strstr(nx_store_problem(f->store), "locked"));
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(nx_store_probe(f->store), NX_OK);
}

static void test_full(void **state) {
    struct fixture *f = *state;
    open_store(f); /* with a schema, 25 pages or so */
    nx_store_close(&f->store);
    const struct nx_store_options tight = {.max_pages = 60};
    assert_int_equal(
        nx_store_open(f->path, &tight, &f->store, f->why, sizeof(f->why)),
        NX_OK);
    static uint8_t payload[65536];
    uint64_t committed = 0;
    int err = NX_OK;
    for (unsigned i = 0; err == NX_OK && i < 100; i++) {
        struct nx_store_batch batch = batch_of(1 + i, 1, i);
        batch.payload = payload;
        batch.payload_len = sizeof(payload);
        assert_int_equal(nx_store_begin(f->store), NX_OK);
        err = nx_store_batch_append(f->store, &batch);
        if (err == NX_OK) {
            err = nx_store_commit(f->store);
            committed += err == NX_OK;
        }
        nx_store_rollback(f->store);
    }
    assert_int_equal(err, NX_EFULL);
    assert_true(committed > 0 && committed < 10);
    assert_non_null(strstr(nx_store_problem(f->store), "no space left"));
    assert_int_equal(nx_store_probe(f->store), NX_EFULL);
    /* Reading goes on, and nothing half-written is there. */
    char expected[24];
    snprintf(expected, sizeof(expected), "%u", (unsigned)committed);
    assert_sql(f, "SELECT count(*) FROM batch", expected);
    nx_store_close(&f->store);
    open_store(f); /* more room now */
    assert_int_equal(nx_store_probe(f->store), NX_OK);
}

static void test_no_folder(void **state) {
    struct fixture *f = *state;
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof(path), "%s/none/x.db", f->folder);
    assert_int_equal(
        nx_store_open(path, &plain, &f->store, f->why, sizeof(f->why)),
        NX_EDENIED);
    assert_non_null(strstr(f->why, "No such file or directory"));
}

#define CLOSED(f) cmocka_unit_test_setup_teardown(f, setup_folder, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CLOSED(test_newer_schema),
        CLOSED(test_newer_anyway),
        CLOSED(test_locked_anyway),
        CLOSED(test_refused_anyway),
        CLOSED(test_older_schema),
        CLOSED(test_older_profile),
        CLOSED(test_older_history),
        CLOSED(test_foreign_database),
        CLOSED(test_not_a_database),
        CLOSED(test_damaged),
        CLOSED(test_damaged_and_older),
        CLOSED(test_damaged_words),
        CLOSED(test_locked),
        CLOSED(test_full),
        CLOSED(test_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
