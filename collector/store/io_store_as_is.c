/* A store that cannot be written when it is opened: read as it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/store/io_store_sqlite.h"
#include "collector/store/schema.h"

#define FILE_PATH_MAX 4096U

/* What can be opened where nothing can be written beside the database. */
enum way {
    SHARED,  /* as any reader, who needs the -shm file or room for it */
    ALONE,   /* the index of the write-ahead log is in memory; others do not
              * write: they are not ours, and there is no room */
    SETTLED, /* the log was taken over by a clean stop: there is none */
    WAYS_N
};

/* "file:PATH?immutable=1"; NX_ELIMIT: no room for it. */
static int settled_name(const char *path, char *out, size_t cap) {
    size_t n = (size_t)snprintf(out, cap, "file:");
    for (; *path != '\0' && n + sizeof("%25?immutable=1") < cap; path++) {
        bool plain = strchr("%?#", *path) == NULL;
        n += (size_t)snprintf(out + n, cap - n, plain ? "%c" : "%%%02X",
                              (unsigned char)*path);
    }
    snprintf(out + n, cap - n, "?immutable=1");
    return *path == '\0' ? NX_OK : NX_ELIMIT;
}

static bool has_log(const char *path) {
    char log[FILE_PATH_MAX];
    int n = snprintf(log, sizeof(log), "%s-wal", path);
    return n >= (int)sizeof(log) || access(log, F_OK) == 0;
}

static int open_way(struct nx_store *store, enum way way) {
    static const char *const vfs[WAYS_N] = {[ALONE] = "unix-none"};
    char name[FILE_PATH_MAX];
    const char *opened = store->path;
    if (way == SETTLED) {
        if (has_log(store->path) ||
            settled_name(store->path, name, sizeof(name)) != NX_OK) {
            return NX_EIO;
        }
        opened = name;
    }
    int rc = sqlite3_open_v2(opened, &store->db,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_EXRESCODE |
                                 (way == SETTLED ? SQLITE_OPEN_URI : 0),
                             vfs[way]);
    if (store->db == NULL) {
        return NX_ENOMEM;
    }
    nx_store_harden(store);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rc = rc == SQLITE_OK ? nx_store_digests(store) : rc;
    return rc == SQLITE_OK ? NX_OK : nx_sq_error(store, rc);
}

/* Names of columns would tell what was renamed, but not what now means
 * something else: three of the first 29 steps of the schema changed that. */
static int check_version(struct nx_store *store) {
    char why[NX_STORE_WHY_MAX];
    char version[24];
    int err =
        nx_store_version(store, version, sizeof(version), why, sizeof(why));
    if (err == NX_OK && strtol(version, NULL, 10) != nx_schema_newest()) {
        err = NX_EVERSION;
    }
    return err;
}

static int read_as_is(struct nx_store *store, enum way way) {
    char why[NX_STORE_WHY_MAX];
    int err = open_way(store, way);
    if (err == NX_OK) {
        err = nx_store_exec(store,
                            way == ALONE ? "PRAGMA locking_mode = EXCLUSIVE;"
                                           "PRAGMA temp_store = MEMORY"
                                         : "PRAGMA temp_store = MEMORY",
                            why, sizeof(why));
    }
    if (err == NX_OK) {
        err = check_version(store);
    }
    if (err != NX_OK) {
        nx_store_shut(store);
    }
    return err;
}

/* So that everything works that needs no stored data. */
static int stand_in(struct nx_store *store, char *why, size_t why_cap) {
    if (sqlite3_open_v2(":memory:", &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                            SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK ||
        nx_store_digests(store) != SQLITE_OK) {
        snprintf(why, why_cap, "%s", nx_strerror(NX_ENOMEM));
        return NX_ENOMEM;
    }
    nx_store_harden(store);
    store->stand_in = true;
    return nx_store_bring_up(store, 0, why, why_cap);
}

static bool may_pass(int err) {
    return err == NX_EFULL || err == NX_EAGAIN || err == NX_EVERSION;
}

int nx_store_open_as_is(struct nx_store *store, int err, char *why,
                        size_t why_cap) {
    if (!may_pass(err) && err != NX_EIO) {
        return err;
    }
    nx_store_shut(store);
    snprintf(store->refusal, sizeof(store->refusal), "%s", why);
    int found = NX_EIO;
    /* An index that could be shared to be read only would be so for
     * nx_store_try_again, too; and nobody is there to share it. */
    bool read_only = access(store->path, W_OK) != 0 && errno == EROFS;
    for (unsigned way = read_only ? ALONE : SHARED;
         found == NX_EIO || found == NX_EFULL; way++) {
        if (way == WAYS_N) {
            break;
        }
        found = read_as_is(store, (enum way)way);
    }
    if (found != NX_OK && !may_pass(err)) {
        return err; /* damaged: why says what to do */
    }
    if (found != NX_OK) {
        found = stand_in(store, why, why_cap);
    }
    store->unwritable = err;
    return found;
}

int nx_store_unwritable(struct nx_store *store) {
    if (store->unwritable != NX_OK) {
        snprintf(store->problem, sizeof(store->problem), "%s", store->refusal);
    }
    return store->unwritable;
}

bool nx_store_unread(const struct nx_store *store) {
    return store->stand_in;
}

/* The lock stays ours: were its file closed, SQLite's own on it were gone. */
int nx_store_try_again(struct nx_store *store) {
    const struct nx_store_options options = {.check = false};
    struct nx_store trial = {
        .path = store->path, .lock_fd = store->lock_fd, .again = true};
    char why[sizeof(store->refusal)];
    snprintf(why, sizeof(why), "%s: %s", store->path, nx_strerror(NX_ENOMEM));
    int err = nx_store_open_file(&trial, &options, why, sizeof(why));
    if (err == NX_OK) {
        err = nx_store_probe(&trial);
        snprintf(why, sizeof(why), "%s", trial.problem);
    }
    nx_store_shut(&trial);
    store->lock_fd = trial.lock_fd;
    if (err == NX_OK) {
        return NX_ESTATE;
    }
    /* In another one's hands, now that its file was replaced: it may let go. */
    store->unwritable = err == NX_ESTATE ? NX_EAGAIN : err;
    snprintf(store->refusal, sizeof(store->refusal), "%s", why);
    return nx_store_unwritable(store);
}
