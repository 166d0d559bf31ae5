/* What is in a store, through a connection of its own: only what is committed
 * is seen. Include after cmocka.h. */
#ifndef NX_TESTS_LIB_SQL_H
#define NX_TESTS_LIB_SQL_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <sqlite3.h>

static inline void sql_run(const char *path, const char *text) {
    sqlite3 *db = NULL;
    char *error = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK) {
        fail_msg("%s: %s", text, error);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The first column of all rows, in lines. */
static inline void sql_ask(const char *path, const char *text, char *out,
                           size_t cap) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    size_t n = 0;
    out[0] = '\0';
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(stmt, 0);
        n += (size_t)snprintf(out + n, cap - n, "%s%s", n > 0 ? "\n" : "",
                              value != NULL ? value : "NULL");
        assert_true(n < cap);
    }
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The only row's, a number; to 15 digits. */
static inline double sql_number(const char *path, const char *text) {
    char said[64];
    char *end = NULL;
    sql_ask(path, text, said, sizeof(said));
    double value = strtod(said, &end);
    if (end == said || *end != '\0') {
        fail_msg("%s: no number: %s", text, said);
    }
    return value;
}

/* ... and up to 2^53. */
static inline int64_t sql_integer(const char *path, const char *text) {
    return (int64_t)sql_number(path, text);
}

#endif
