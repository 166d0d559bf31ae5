#include "collector/store/io_store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define NX_STORE_APPLICATION_ID "1853383532" /* "nxcl" */

/* Times are microseconds since 1970, UTC; the views spell them out. */
static const char schema_sql[] =
    "CREATE TABLE agent("
    " agent_id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " key TEXT NOT NULL UNIQUE,"
    " name TEXT NOT NULL,"
    " network TEXT NOT NULL,"
    " role TEXT NOT NULL CHECK(role IN ('network', 'authority')),"
    " state TEXT NOT NULL CHECK(state IN ('accepted', 'revoked')),"
    " address TEXT NOT NULL,"
    " changed_us INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX agent_name ON agent(name) WHERE state = 'accepted';"
    "CREATE TABLE stream("
    " agent_id INTEGER NOT NULL REFERENCES agent,"
    " epoch INTEGER NOT NULL,"
    " acked_seq INTEGER NOT NULL,"
    " received_n INTEGER NOT NULL,"
    " dropped_n INTEGER NOT NULL,"
    " changed_us INTEGER NOT NULL,"
    " PRIMARY KEY(agent_id, epoch)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE batch("
    " batch_id INTEGER PRIMARY KEY,"
    " agent_id INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL,"
    " first_seq INTEGER NOT NULL,"
    " results_n INTEGER NOT NULL,"
    " skip INTEGER NOT NULL,"
    " received_us INTEGER NOT NULL,"
    " payload BLOB NOT NULL,"
    " UNIQUE(agent_id, epoch, first_seq)) STRICT;"
    "CREATE INDEX batch_received ON batch(received_us);"
    "CREATE TABLE incident("
    " incident_id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " opened_us INTEGER NOT NULL,"
    " closed_us INTEGER,"
    " outage_from_us INTEGER,"
    " outage_to_us INTEGER,"
    " restored_us INTEGER,"
    " note TEXT NOT NULL) STRICT;"
    "CREATE TABLE incident_item("
    " incident_id INTEGER NOT NULL REFERENCES incident ON DELETE CASCADE,"
    " item INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " wire_name BLOB NOT NULL,"
    " qtype INTEGER NOT NULL,"
    " rdata BLOB NOT NULL,"
    " rdata_n INTEGER NOT NULL,"
    " PRIMARY KEY(incident_id, item)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE target("
    " incident_id INTEGER NOT NULL,"
    " agent_id INTEGER NOT NULL,"
    " resolver TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " reason TEXT,"
    " basis TEXT NOT NULL,"
    " denied_ratio REAL,"
    " clear_us INTEGER,"
    " clear_lo90_us INTEGER,"
    " clear_hi90_us INTEGER,"
    " bound_us INTEGER,"
    " bound_reason TEXT,"
    " seen_us INTEGER,"
    " since_us INTEGER NOT NULL,"
    " changed_us INTEGER NOT NULL,"
    " PRIMARY KEY(incident_id, agent_id, resolver, name, type)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE transition("
    " transition_id INTEGER PRIMARY KEY,"
    " incident_id INTEGER NOT NULL,"
    " agent_id INTEGER NOT NULL,"
    " resolver TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " at_us INTEGER NOT NULL,"
    " from_state TEXT,"
    " to_state TEXT NOT NULL) STRICT;"
    "CREATE TABLE forecast("
    " forecast_id INTEGER PRIMARY KEY,"
    " incident_id INTEGER NOT NULL,"
    " agent_id INTEGER NOT NULL,"
    " resolver TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " at_us INTEGER NOT NULL,"
    " basis TEXT NOT NULL,"
    " clear_us INTEGER NOT NULL,"
    " clear_lo90_us INTEGER NOT NULL,"
    " clear_hi90_us INTEGER NOT NULL,"
    " bound_us INTEGER,"
    " bound_reason TEXT) STRICT;"
    "CREATE TABLE authority_fact("
    " fact_id INTEGER PRIMARY KEY,"
    " incident_id INTEGER NOT NULL,"
    " item INTEGER NOT NULL,"
    " at_us INTEGER NOT NULL,"
    " all_good INTEGER NOT NULL,"
    " verified INTEGER NOT NULL,"
    " outage_from_us INTEGER,"
    " restored_lo_us INTEGER,"
    " restored_hi_us INTEGER,"
    " serial INTEGER,"
    " negative_ttl_s INTEGER NOT NULL,"
    " servers_negative INTEGER NOT NULL,"
    " servers INTEGER NOT NULL) STRICT;"
    "CREATE INDEX authority_fact_item"
    " ON authority_fact(incident_id, item, fact_id);"
    "CREATE TABLE probe("
    " probe_id INTEGER PRIMARY KEY, filler BLOB NOT NULL) STRICT;"
    "CREATE VIEW target_text AS SELECT t.incident_id, a.network, a.name AS"
    " agent, t.resolver, t.name, t.type, t.state, t.reason, t.denied_ratio,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', t.clear_us / 1e6, 'unixepoch') AS clears,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', t.bound_us / 1e6, 'unixepoch') AS bound,"
    " t.bound_reason, t.basis,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', t.since_us / 1e6, 'unixepoch') AS since,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', t.seen_us / 1e6, 'unixepoch') AS seen"
    " FROM target t JOIN agent a USING(agent_id);"
    "CREATE VIEW transition_text AS SELECT t.transition_id, t.incident_id,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', t.at_us / 1e6, 'unixepoch') AS at,"
    " a.network, a.name AS agent, t.resolver, t.name, t.type, t.from_state,"
    " t.to_state FROM transition t JOIN agent a USING(agent_id);";

/* Greetings beside the batches: `after_batch` was the newest when one came. */
static const char hello_sql[] =
    "CREATE TABLE IF NOT EXISTS hello("
    " hello_id INTEGER PRIMARY KEY,"
    " agent_id INTEGER NOT NULL,"
    " after_batch INTEGER NOT NULL,"
    " received_us INTEGER NOT NULL,"
    " payload BLOB NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS hello_after ON hello(after_batch, hello_id);"
    "CREATE INDEX IF NOT EXISTS hello_agent ON hello(agent_id, received_us)";

/* The last status document of closed incidents. */
static const char closed_status_sql[] =
    "CREATE TABLE IF NOT EXISTS closed_status("
    " incident_id INTEGER PRIMARY KEY REFERENCES incident ON DELETE CASCADE,"
    " document TEXT NOT NULL) STRICT";

static int refuse(struct nx_store *store, char *why, size_t why_cap, int err,
                  const char *text) {
    snprintf(why, why_cap, "%s: %s", store->path, text);
    return err;
}

static int refuse_sqlite(struct nx_store *store, char *why, size_t why_cap,
                         int rc) {
    int err = nx_sq_error(store, rc);
    snprintf(why, why_cap, "%s", store->problem);
    return err;
}

/* Held for life, so that two collectors never number the same incident. The
 * descriptor is closed after SQLite's own: closing it earlier would drop the
 * locks SQLite holds (POSIX locks belong to the process). */
static int lock_file(struct nx_store *store, char *why, size_t why_cap) {
    store->lock_fd =
        open(store->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0) {
        return refuse(store, why, why_cap, NX_EDENIED, strerror(errno));
    }
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return refuse(store, why, why_cap, NX_ESTATE,
                      "is open in another nxclear-collector");
    }
    return NX_OK;
}

static int run(struct nx_store *store, const char *sql, char *why,
               size_t why_cap) {
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? NX_OK : refuse_sqlite(store, why, why_cap, rc);
}

/* The first column of the first row, as text. */
static int ask(struct nx_store *store, const char *sql, char *out, size_t cap,
               char *why, size_t why_cap) {
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(stmt);
    }
    int err = NX_OK;
    if (rc == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(stmt, 0);
        snprintf(out, cap, "%s", text != NULL ? (const char *)text : "");
    } else {
        err = refuse_sqlite(store, why, why_cap, rc);
    }
    sqlite3_finalize(stmt);
    return err;
}

static int make_schema(struct nx_store *store, char *why, size_t why_cap) {
    char count[24];
    int err = ask(store, "SELECT count(*) FROM sqlite_schema", count,
                  sizeof(count), why, why_cap);
    if (err == NX_OK && strcmp(count, "0") != 0) {
        return refuse(store, why, why_cap, NX_EMALFORMED,
                      "is some other program's database");
    }
    static const char *const steps[] = {
        "PRAGMA page_size = 8192",
        "PRAGMA journal_mode = WAL",
        "BEGIN IMMEDIATE",
        schema_sql,
        "PRAGMA application_id = " NX_STORE_APPLICATION_ID,
        "PRAGMA user_version = 1",
        "COMMIT"};
    for (size_t i = 0; err == NX_OK && i < sizeof(steps) / sizeof(*steps);
         i++) {
        err = run(store, steps[i], why, why_cap);
    }
    return err;
}

static int check_schema(struct nx_store *store, char *why, size_t why_cap) {
    char version[24];
    char application[24];
    int err = ask(store, "PRAGMA user_version", version, sizeof(version), why,
                  why_cap);
    if (err == NX_OK) {
        err = ask(store, "PRAGMA application_id", application,
                  sizeof(application), why, why_cap);
    }
    if (err != NX_OK) {
        return err;
    }
    if (strcmp(version, "0") == 0 && strcmp(application, "0") == 0) {
        return make_schema(store, why, why_cap);
    }
    if (strcmp(application, NX_STORE_APPLICATION_ID) != 0) {
        return refuse(store, why, why_cap, NX_EMALFORMED,
                      "is some other program's database");
    }
    if (strtol(version, NULL, 10) != NX_STORE_SCHEMA) {
        snprintf(why, why_cap,
                 "%s: schema version %s, this program knows %d: it was written "
                 "by a newer nxclear-collector, start that one",
                 store->path, version, NX_STORE_SCHEMA);
        return NX_EVERSION;
    }
    return NX_OK;
}

static int configure(struct nx_store *store,
                     const struct nx_store_options *options, char *why,
                     size_t why_cap) {
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_busy_timeout(store->db, 200);
    char mode[24];
    int err = ask(store, "PRAGMA journal_mode = WAL", mode, sizeof(mode), why,
                  why_cap);
    if (err == NX_OK && strcmp(mode, "wal") != 0) {
        err = refuse(store, why, why_cap, NX_EIO,
                     "cannot use write-ahead logging here (network disk?)");
    }
    if (err == NX_OK) {
        err = run(store,
                  "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
                  "PRAGMA wal_autocheckpoint = 2000;"
                  "PRAGMA journal_size_limit = 67108864;"
                  "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY",
                  why, why_cap);
    }
    if (err == NX_OK) {
        err = run(store, hello_sql, why, why_cap);
    }
    if (err == NX_OK) {
        err = run(store, closed_status_sql, why, why_cap);
    }
    if (err == NX_OK && options->max_pages > 0) {
        char sql[64];
        snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %u",
                 options->max_pages);
        err = run(store, sql, why, why_cap);
    }
    return err;
}

static int check_pages(struct nx_store *store, char *why, size_t why_cap) {
    char verdict[200];
    int err = ask(store, "PRAGMA quick_check(1)", verdict, sizeof(verdict), why,
                  why_cap);
    if (err == NX_OK && strcmp(verdict, "ok") != 0) {
        err = refuse_sqlite(store, why, why_cap, SQLITE_CORRUPT);
        snprintf(why, why_cap, "%s: damaged: %s", store->path, verdict);
    }
    return err;
}

static int open_store(struct nx_store *store,
                      const struct nx_store_options *options, char *why,
                      size_t why_cap) {
    int err = lock_file(store, why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    int rc = sqlite3_open_v2(store->path, &store->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_EXRESCODE,
                             NULL);
    if (store->db == NULL) {
        return NX_ENOMEM;
    }
    if (rc != SQLITE_OK) {
        return refuse_sqlite(store, why, why_cap, rc);
    }
    err = check_schema(store, why, why_cap);
    if (err == NX_OK) {
        err = configure(store, options, why, why_cap);
    }
    if (err == NX_OK && options->check) {
        err = check_pages(store, why, why_cap);
    }
    return err;
}

int nx_store_open(const char *path, const struct nx_store_options *options,
                  struct nx_store **out, char *why, size_t why_cap) {
    struct nx_store *store = calloc(1, sizeof(*store));
    char *copy = strdup(path);
    snprintf(why, why_cap, "%s: %s", path, nx_strerror(NX_ENOMEM));
    if (store == NULL || copy == NULL) {
        free(store);
        free(copy);
        return NX_ENOMEM;
    }
    store->path = copy;
    store->lock_fd = -1;
    int err = open_store(store, options, why, why_cap);
    if (err != NX_OK) {
        nx_store_close(&store);
        return err;
    }
    why[0] = '\0';
    *out = store;
    return NX_OK;
}

void nx_store_close(struct nx_store **store_p) {
    struct nx_store *store = *store_p;
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < NX_SQ_SLOTS_N; i++) {
        sqlite3_finalize(store->slots[i]);
    }
    sqlite3_close(store->db);
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    free(store->path);
    free(store);
    *store_p = NULL;
}
