#include "collector/store/io_store_commit.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "collector/store/io_store_sqlite.h"

enum phase { IDLE, ASKED, OVER, STOP };

struct nx_committer {
    pthread_t thread;
    pthread_mutex_t mutex; /* of phase, stmt and rc */
    pthread_cond_t changed;
    enum phase phase;
    sqlite3_stmt *stmt; /* COMMIT */
    int rc;
    int fd;
    int err; /* of the last one, for nx_store_commit_end */
};

/* The mutex hands the connection over, to here and back. */
static void *work(void *arg) {
    struct nx_committer *c = arg;
    const uint64_t one = 1;
    (void)pthread_mutex_lock(&c->mutex);
    while (c->phase != STOP) {
        if (c->phase != ASKED) {
            (void)pthread_cond_wait(&c->changed, &c->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&c->mutex);
        int rc = sqlite3_step(c->stmt);
        (void)pthread_mutex_lock(&c->mutex);
        c->rc = rc;
        c->phase = OVER;
        (void)pthread_cond_broadcast(&c->changed);
        /* Cannot be full: it is emptied before the next commit. */
        (void)!write(c->fd, &one, sizeof(one));
    }
    (void)pthread_mutex_unlock(&c->mutex);
    return NULL;
}

/* Signals are the main thread's. */
static int start_thread(struct nx_committer *c) {
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&c->thread, NULL, work, c);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? NX_OK : NX_ENOMEM;
}

int nx_store_committer_start(struct nx_store *store, int *fd) {
    struct nx_committer *c = store->committer;
    if (c != NULL) {
        *fd = c->fd;
        return NX_OK;
    }
    c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return NX_ENOMEM;
    }
    (void)pthread_mutex_init(&c->mutex, NULL);
    (void)pthread_cond_init(&c->changed, NULL);
    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->fd < 0 || start_thread(c) != NX_OK) {
        if (c->fd >= 0) {
            (void)close(c->fd);
        }
        free(c);
        return NX_ENOMEM;
    }
    store->committer = c;
    *fd = c->fd;
    return NX_OK;
}

static void set_phase(struct nx_committer *c, enum phase phase) {
    (void)pthread_mutex_lock(&c->mutex);
    c->phase = phase;
    (void)pthread_cond_broadcast(&c->changed);
    (void)pthread_mutex_unlock(&c->mutex);
}

int nx_store_commit_begin(struct nx_store *store) {
    struct nx_sq sq = nx_sq_use(store, NX_SQ_COMMIT, "COMMIT");
    if (sq.rc != SQLITE_OK) {
        return nx_sq_run(&sq);
    }
    store->committer->stmt = sq.stmt;
    store->committing = true;
    set_phase(store->committer, ASKED);
    return NX_OK;
}

void nx_store_settle(struct nx_store *store) {
    struct nx_committer *c = store->committer;
    if (!store->committing) {
        return;
    }
    (void)pthread_mutex_lock(&c->mutex);
    while (c->phase != OVER) {
        (void)pthread_cond_wait(&c->changed, &c->mutex);
    }
    c->phase = IDLE;
    (void)pthread_mutex_unlock(&c->mutex);
    store->committing = false;
    c->err = c->rc == SQLITE_DONE ? NX_OK : nx_sq_error(store, c->rc);
    (void)sqlite3_reset(c->stmt);
    if (c->err != NX_OK) {
        nx_store_rollback(store);
    } else {
        nx_store_alerts_committed(store);
    }
}

int nx_store_commit_end(struct nx_store *store) {
    uint64_t n = 0;
    nx_store_settle(store);
    (void)!read(store->committer->fd, &n, sizeof(n));
    return store->committer->err;
}

void nx_store_committer_stop(struct nx_store *store) {
    struct nx_committer *c = store->committer;
    if (c == NULL) {
        return;
    }
    nx_store_settle(store);
    set_phase(c, STOP);
    (void)pthread_join(c->thread, NULL);
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->mutex);
    (void)close(c->fd);
    free(c);
    store->committer = NULL;
}
