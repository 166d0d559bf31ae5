#include "collector/store/io_store_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *what_to_do(int rc, int sys) {
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return "no space left: free some; agents keep their results meanwhile";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "locked by another program: end its transaction";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our own words are right: the schema has others */
        return "damaged: nxclear-collector(8) says how to repair it or put "
               "a backup in its place";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return "not writable: check owner and mode of the file and its folder";
    case SQLITE_IOERR:
        return sys == ENOSPC ? "no space left: free some; agents keep their "
                               "results meanwhile"
                             : "input/output error: check the disk";
    default:
        return "see the text in brackets";
    }
}

int nx_sq_error(struct nx_store *store, int rc) {
    int sys = sqlite3_system_errno(store->db);
    snprintf(store->problem, sizeof(store->problem), "store %s: %s (%s)",
             store->path, what_to_do(rc, sys), sqlite3_errmsg(store->db));
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return NX_EFULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return NX_EAGAIN;
    case SQLITE_NOMEM:
        return NX_ENOMEM;
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_UNIQUE ||
                       rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
                       rc == SQLITE_CONSTRAINT_ROWID
                   ? NX_EEXISTS
                   : NX_EIO;
    default:
        return sys == ENOSPC ? NX_EFULL : NX_EIO;
    }
}

const char *nx_store_problem(const struct nx_store *store) {
    return store->problem;
}

const char *nx_store_reason(const struct nx_store *store, int err) {
    bool its_own = err == NX_EIO || err == NX_EFULL || err == NX_EAGAIN;
    const char *problem = its_own && store != NULL ? store->problem : "";
    return problem[0] != '\0' ? problem : nx_strerror(err);
}

struct nx_sq nx_sq_use(struct nx_store *store, enum nx_sq_slot slot,
                       const char *sql) {
    nx_store_settle(store);
    struct nx_sq sq = {store, store->slots[slot], 0, SQLITE_OK};
    if (sq.stmt == NULL) {
        sq.rc = sqlite3_prepare_v3(store->db, sql, -1,
                                   SQLITE_PREPARE_PERSISTENT, &sq.stmt, NULL);
        store->slots[slot] = sq.stmt;
    }
    return sq;
}

static void bound(struct nx_sq *sq, int rc) {
    if (sq->rc == SQLITE_OK) {
        sq->rc = rc;
    }
}

void nx_sq_int(struct nx_sq *sq, int64_t value) {
    bound(sq, sqlite3_bind_int64(sq->stmt, ++sq->bound_n, value));
}

void nx_sq_u64(struct nx_sq *sq, uint64_t value) {
    int64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    nx_sq_int(sq, bits);
}

void nx_sq_real(struct nx_sq *sq, double value) {
    bound(sq, sqlite3_bind_double(sq->stmt, ++sq->bound_n, value));
}

void nx_sq_text(struct nx_sq *sq, const char *text) {
    bound(sq,
          sqlite3_bind_text(sq->stmt, ++sq->bound_n, text, -1, SQLITE_STATIC));
}

void nx_sq_blob(struct nx_sq *sq, const uint8_t *bytes, size_t len) {
    static const uint8_t empty = 0;
    bound(sq,
          sqlite3_bind_blob64(sq->stmt, ++sq->bound_n, len > 0 ? bytes : &empty,
                              len, SQLITE_STATIC));
}

void nx_sq_null(struct nx_sq *sq) {
    bound(sq, sqlite3_bind_null(sq->stmt, ++sq->bound_n));
}

void nx_sq_time(struct nx_sq *sq, int64_t at_us) {
    if (at_us == NX_TIME_UNKNOWN) {
        nx_sq_null(sq);
    } else {
        nx_sq_int(sq, at_us);
    }
}

void nx_sq_end(struct nx_sq *sq) {
    sqlite3_reset(sq->stmt);
}

int nx_sq_step(struct nx_sq *sq) {
    int rc = sq->rc;
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(sq->stmt);
    }
    if (rc == SQLITE_ROW) {
        return 1;
    }
    int err = rc == SQLITE_DONE ? 0 : nx_sq_error(sq->store, rc);
    nx_sq_end(sq);
    return err;
}

int nx_sq_run(struct nx_sq *sq) {
    int err = nx_sq_step(sq);
    if (err > 0) {
        nx_sq_end(sq);
        return NX_OK;
    }
    return err;
}

int64_t nx_sq_get_int(const struct nx_sq *sq, int column) {
    return sqlite3_column_int64(sq->stmt, column);
}

double nx_sq_get_real(const struct nx_sq *sq, int column) {
    return sqlite3_column_double(sq->stmt, column);
}

uint64_t nx_sq_get_u64(const struct nx_sq *sq, int column) {
    int64_t bits = nx_sq_get_int(sq, column);
    uint64_t value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

bool nx_sq_is_null(const struct nx_sq *sq, int column) {
    return sqlite3_column_type(sq->stmt, column) == SQLITE_NULL;
}

int64_t nx_sq_get_int_or(const struct nx_sq *sq, int column, int64_t none) {
    return nx_sq_is_null(sq, column) ? none : nx_sq_get_int(sq, column);
}

int64_t nx_sq_get_time(const struct nx_sq *sq, int column) {
    return nx_sq_get_int_or(sq, column, NX_TIME_UNKNOWN);
}

void nx_sq_get_text(const struct nx_sq *sq, int column, char *out, size_t cap) {
    const unsigned char *text = sqlite3_column_text(sq->stmt, column);
    snprintf(out, cap, "%s", text != NULL ? (const char *)text : "");
}

size_t nx_sq_get_blob(const struct nx_sq *sq, int column, uint8_t *out,
                      size_t cap) {
    const void *bytes = sqlite3_column_blob(sq->stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(sq->stmt, column);
    if (bytes != NULL && len > 0) {
        memcpy(out, bytes, len < cap ? len : cap);
    }
    return len;
}

/* --- transactions --- */

int nx_store_begin(struct nx_store *store) {
    int err = nx_store_unwritable(store);
    if (err != NX_OK) {
        return err;
    }
    struct nx_sq sq = nx_sq_use(store, NX_SQ_BEGIN, "BEGIN IMMEDIATE");
    return nx_sq_run(&sq);
}

int nx_store_snapshot(struct nx_store *store) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_SNAPSHOT, "BEGIN");
    return nx_sq_run(&sq);
}

bool nx_store_open_transaction(const struct nx_store *store) {
    return sqlite3_get_autocommit(store->db) == 0;
}

void nx_store_rollback(struct nx_store *store) {
    nx_store_settle(store);
    if (nx_store_open_transaction(store)) {
        struct nx_sq sq = nx_sq_use(store, NX_SQ_ROLLBACK, "ROLLBACK");
        /* It ends the transaction even where it reports an error; what failed
         * before it is the problem to keep. */
        sqlite3_step(sq.stmt);
        nx_sq_end(&sq);
    }
    nx_store_alerts_rolled_back(store);
}

int nx_store_commit(struct nx_store *store) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_COMMIT, "COMMIT");
    int err = nx_sq_run(&sq);
    if (err != NX_OK) {
        nx_store_rollback(store);
    } else {
        nx_store_alerts_committed(store);
    }
    return err;
}

int nx_store_probe(struct nx_store *store) {
    if (store->unwritable != NX_OK) {
        return nx_store_try_again(store);
    }
    int err = nx_store_begin(store);
    if (err != NX_OK) {
        return err;
    }
    /* As large as a usual batch, so that a nearly full disk is noticed. */
    struct nx_sq sq =
        nx_sq_use(store, NX_SQ_PROBE,
                  "INSERT INTO probe(probe_id, filler) "
                  "VALUES(1, randomblob(65536)) ON CONFLICT(probe_id) DO "
                  "UPDATE SET filler = excluded.filler");
    err = nx_sq_run(&sq);
    if (err != NX_OK) {
        nx_store_rollback(store);
        return err;
    }
    return nx_store_commit(store);
}
