#include "collector/store/io_store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/store/schema.h"

/* So long others may hold it, for a checkpoint or to recover; not when agents
 * and operators are there already. */
#define OPENING_MS 2000
#define RUNNING_MS 200                       /* agents wait */
#define NX_STORE_APPLICATION_ID "1853383532" /* "nxcl" */

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

static int refuse_read_only(struct nx_store *store, char *why, size_t why_cap) {
    return refuse(store, why, why_cap, NX_EAGAIN,
                  "the file system is mounted read-only: mount it writable "
                  "again (remount,rw); agents keep their results meanwhile");
}

static bool is_that_file(int fd, const char *path) {
    struct stat a;
    struct stat b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

/* Held for life, so that two collectors never number the same incident. The
 * descriptor is closed after SQLite's own: closing it earlier would drop the
 * locks SQLite holds (POSIX locks belong to the process). */
static int lock_file(struct nx_store *store,
                     const struct nx_store_options *options, char *why,
                     size_t why_cap) {
    int make = options->existing ? 0 : O_CREAT;
    if (store->lock_fd >= 0 && is_that_file(store->lock_fd, store->path)) {
        return NX_OK; /* of an earlier try */
    }
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    store->lock_fd =
        open(store->path, O_RDWR | make | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0 && errno == EROFS) {
        store->lock_fd =
            open(store->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (store->lock_fd < 0) {
            return refuse_read_only(store, why, why_cap);
        }
    }
    if (store->lock_fd < 0 && errno == ENOSPC) {
        return refuse(store, why, why_cap, NX_EFULL,
                      "no space left: free some");
    }
    if (store->lock_fd < 0) {
        int err = errno == ENOENT && make == 0 ? NX_ENOTFOUND : NX_EDENIED;
        return refuse(store, why, why_cap, err, strerror(errno));
    }
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        close(store->lock_fd);
        store->lock_fd = -1;
        return refuse(store, why, why_cap, NX_ESTATE,
                      "is open in another nxclear-collector");
    }
    return NX_OK;
}

int nx_store_exec(struct nx_store *store, const char *sql, char *why,
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

static int is_empty(struct nx_store *store, char *why, size_t why_cap) {
    char count[24];
    int err = ask(store, "SELECT count(*) FROM sqlite_schema", count,
                  sizeof(count), why, why_cap);
    if (err == NX_OK && strcmp(count, "0") != 0) {
        err = refuse(store, why, why_cap, NX_EMALFORMED,
                     "is some other program's database");
    }
    if (err == NX_OK) {
        err = nx_store_exec(
            store, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL", why,
            why_cap);
    }
    return err;
}

/* One transaction for each version: after a crash it is the old or the new. */
static int step_to(struct nx_store *store, int version, char *why,
                   size_t why_cap) {
    char mark[128];
    snprintf(mark, sizeof(mark),
             "PRAGMA application_id = " NX_STORE_APPLICATION_ID
             "; PRAGMA user_version = %d",
             version);
    int err = nx_store_exec(store, "BEGIN IMMEDIATE", why, why_cap);
    if (err == NX_OK) {
        err = nx_store_exec(store, nx_schema_step(version), why, why_cap);
    }
    if (err == NX_OK) {
        err = nx_store_exec(store, mark, why, why_cap);
    }
    if (err == NX_OK) {
        err = nx_store_exec(store, "COMMIT", why, why_cap);
    }
    if (err != NX_OK && sqlite3_get_autocommit(store->db) == 0) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return err;
}

int nx_store_bring_up(struct nx_store *store, int version, char *why,
                      size_t why_cap) {
    int err = NX_OK;
    store->brought_up = version < nx_schema_newest();
    while (err == NX_OK && version < nx_schema_newest()) {
        version++;
        err = step_to(store, version, why, why_cap);
    }
    return err;
}

/* The version, as text; "0" of a new one. */
int nx_store_version(struct nx_store *store, char *version, size_t cap,
                     char *why, size_t why_cap) {
    char application[24];
    int err = ask(store, "PRAGMA user_version", version, cap, why, why_cap);
    if (err == NX_OK) {
        err = ask(store, "PRAGMA application_id", application,
                  sizeof(application), why, why_cap);
    }
    bool new = strcmp(version, "0") == 0 && strcmp(application, "0") == 0;
    if (err == NX_OK &&
        !new &&strcmp(application, NX_STORE_APPLICATION_ID) != 0) {
        err = refuse(store, why, why_cap, NX_EMALFORMED,
                     "is some other program's database");
    }
    return err;
}

static int check_pages(struct nx_store *store, char *why, size_t why_cap) {
    char verdict[200];
    int err = ask(store, "PRAGMA quick_check(1)", verdict, sizeof(verdict), why,
                  why_cap);
    store->checked = err == NX_OK && strcmp(verdict, "ok") == 0;
    if (err == NX_OK && !store->checked) {
        snprintf(why, why_cap,
                 "%s: damaged: nxclear-collector(8) says how to repair it or "
                 "put a backup in its place (%s)",
                 store->path, verdict);
        err = NX_EIO;
    }
    return err;
}

/* A page that is damaged is found before anything is written beside it. */
static int check_schema(struct nx_store *store, bool check, char *why,
                        size_t why_cap) {
    char text[24];
    int err = nx_store_version(store, text, sizeof(text), why, why_cap);
    if (err != NX_OK) {
        return err;
    }
    long version = strtol(text, NULL, 10);
    if (version == 0) {
        err = is_empty(store, why, why_cap);
    } else if (version < 1 || version > nx_schema_newest()) {
        snprintf(why, why_cap,
                 "%s: schema version %s, this program knows %d: it was written "
                 "by a newer nxclear-collector, start that one",
                 store->path, text, nx_schema_newest());
        err = NX_EVERSION;
    }
    if (err == NX_OK && check) {
        err = check_pages(store, why, why_cap);
    }
    return err == NX_OK ? nx_store_bring_up(store, (int)version, why, why_cap)
                        : err;
}

void nx_store_harden(struct nx_store *store) {
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_busy_timeout(store->db, RUNNING_MS);
}

static int configure(struct nx_store *store,
                     const struct nx_store_options *options, char *why,
                     size_t why_cap) {
    nx_store_harden(store);
    char mode[24];
    int err = ask(store, "PRAGMA journal_mode = WAL", mode, sizeof(mode), why,
                  why_cap);
    if (err == NX_OK && strcmp(mode, "wal") != 0) {
        err = refuse(store, why, why_cap, NX_EIO,
                     "cannot use write-ahead logging here (network disk?)");
    }
    if (err == NX_OK) {
        err = nx_store_exec(
            store,
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
            "PRAGMA wal_autocheckpoint = 2000;"
            "PRAGMA journal_size_limit = 67108864;"
            "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY",
            why, why_cap);
    }
    if (err == NX_OK && options->max_pages > 0) {
        char sql[64];
        snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %u",
                 options->max_pages);
        err = nx_store_exec(store, sql, why, why_cap);
    }
    return err;
}

static int open_file(struct nx_store *store, int access, char *why,
                     size_t why_cap) {
    int rc = sqlite3_open_v2(
        store->path, &store->db,
        access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (store->db == NULL) {
        return NX_ENOMEM;
    }
    if (rc != SQLITE_OK) {
        return refuse_sqlite(store, why, why_cap, rc);
    }
    sqlite3_busy_timeout(store->db, store->again ? RUNNING_MS : OPENING_MS);
    rc = nx_store_digests(store);
    return rc == SQLITE_OK ? NX_OK : refuse_sqlite(store, why, why_cap, rc);
}

/* As it is: neither locked nor brought up to date. */
static int open_to_read(struct nx_store *store, char *why, size_t why_cap) {
    char text[24];
    int err = open_file(store, SQLITE_OPEN_READONLY, why, why_cap);
    if (err == NX_OK) {
        err = nx_store_version(store, text, sizeof(text), why, why_cap);
    }
    if (err == NX_OK && strtol(text, NULL, 10) != nx_schema_newest()) {
        err = refuse(store, why, why_cap, NX_ESTATE,
                     "is of an older version: start nxclear-collector once to "
                     "bring it up to date");
    }
    return err;
}

int nx_store_open_file(struct nx_store *store,
                       const struct nx_store_options *options, char *why,
                       size_t why_cap) {
    if (options->read_only) {
        return open_to_read(store, why, why_cap);
    }
    int err = lock_file(store, options, why, why_cap);
    if (err == NX_OK) {
        err = open_file(store, SQLITE_OPEN_READWRITE, why, why_cap);
    }
    if (err == NX_OK && sqlite3_db_readonly(store->db, "main") == 1) {
        err = refuse_read_only(store, why, why_cap);
    }
    if (err == NX_OK) {
        err = check_schema(store, options->check, why, why_cap);
    }
    if (err == NX_OK) {
        err = configure(store, options, why, why_cap);
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
    int err = nx_store_open_file(store, options, why, why_cap);
    if (err != NX_OK && options->anyway) {
        err = nx_store_open_as_is(store, err, why, why_cap);
    }
    if (err == NX_OK && options->check && !store->checked) {
        err = check_pages(store, why, why_cap);
    }
    if (err == NX_OK && !options->read_only) {
        err = nx_store_trust_rows(store, why, why_cap);
    }
    if (err != NX_OK) {
        nx_store_close(&store);
        return err;
    }
    why[0] = '\0';
    *out = store;
    return NX_OK;
}

void nx_store_shut(struct nx_store *store) {
    for (size_t i = 0; i < NX_SQ_SLOTS_N; i++) {
        sqlite3_finalize(store->slots[i]);
        store->slots[i] = NULL;
    }
    sqlite3_close(store->db);
    store->db = NULL;
}

void nx_store_close(struct nx_store **store_p) {
    struct nx_store *store = *store_p;
    if (store == NULL) {
        return;
    }
    nx_store_committer_stop(store);
    nx_store_shut(store);
    if (store->lock_fd >= 0) {
        close(store->lock_fd);
    }
    free(store->path);
    free(store);
    *store_p = NULL;
}
