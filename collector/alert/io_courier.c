#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/alert/io_courier_parts.h"

static void task_free(struct nx_courier_task *task) {
    nx_courier_http_drop(task);
    nx_courier_program_drop(task);
    nx_text_fini(&task->body);
    free(task->url);
    free(task);
}

static void unlink_task(struct nx_courier_task *task) {
    struct nx_courier_task **link = &task->courier->tasks;
    while (*link != task) {
        link = &(*link)->next;
    }
    *link = task->next;
}

void nx_courier_finish(struct nx_courier_task *task, bool taken,
                       const char *why, int64_t retry_after_s) {
    void (*done)(void *, bool, const char *, int64_t) = task->done;
    void *user = task->user;
    char text[NX_COURIER_WHY_MAX];
    (void)nx_escape(why, text, sizeof(text)); /* may be the task's own */
    unlink_task(task);
    task_free(task);
    done(user, taken, text, retry_after_s);
}

int nx_courier_new(struct event_base *base, struct nx_courier **out) {
    struct nx_courier *courier = calloc(1, sizeof(*courier));
    if (courier == NULL) {
        return NX_ENOMEM;
    }
    courier->base = base;
    if (nx_courier_http_init(courier) != 0 ||
        nx_courier_program_init(courier) != 0) {
        nx_courier_free(&courier);
        return NX_ENOMEM;
    }
    *out = courier;
    return 0;
}

void nx_courier_free(struct nx_courier **courier_p) {
    struct nx_courier *courier = *courier_p;
    if (courier == NULL) {
        return;
    }
    while (courier->tasks != NULL) {
        struct nx_courier_task *task = courier->tasks;
        courier->tasks = task->next;
        task_free(task);
    }
    nx_courier_http_fini(courier);
    nx_courier_program_fini(courier);
    free(courier);
    *courier_p = NULL;
}

int nx_courier_send(struct nx_courier *courier,
                    const struct nx_courier_job *job) {
    struct nx_courier_task *task = calloc(1, sizeof(*task));
    if (task == NULL) {
        nx_text_fini(&job->payload->body);
        return NX_ENOMEM;
    }
    task->courier = courier;
    task->done = job->done;
    task->user = job->user;
    task->body = job->payload->body;
    nx_text_init(&job->payload->body);
    int err = task->body.failed || task->body.bytes == NULL ? NX_ENOMEM : 0;
    if (err == 0) {
        err = job->receiver->url != NULL
                  ? nx_courier_http_start(task, job, job->payload->content_type)
                  : nx_courier_program_start(task, job);
    }
    if (err != 0) {
        task_free(task);
        return err;
    }
    task->next = courier->tasks;
    courier->tasks = task;
    return 0;
}

/* --- what the configuration names --- */

static int refuse(char *why, const char *path, const char *reason) {
    char shown[NX_COURIER_WHY_MAX / 2];
    (void)snprintf(why, NX_COURIER_WHY_MAX, "%s: %s",
                   nx_escape(path, shown, sizeof(shown)), reason);
    return NX_EIO;
}

int nx_courier_secret(const char *path, char secret[NX_COURIER_SECRET_MAX],
                      size_t *len, char *why) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return refuse(why, path, strerror(errno));
    }
    ssize_t n = read(fd, secret, NX_COURIER_SECRET_MAX);
    bool open_to_all = fstat(fd, &st) != 0 || (st.st_mode & 0007) != 0;
    (void)close(fd);
    if (open_to_all) {
        return refuse(why, path, "everybody may read or write it; chmod 600");
    }
    while (n > 0 && (secret[n - 1] == '\n' || secret[n - 1] == '\r')) {
        n--;
    }
    if (n <= 0 || n == (ssize_t)NX_COURIER_SECRET_MAX ||
        memchr(secret, '\0', (size_t)n) != NULL ||
        memchr(secret, '\n', (size_t)n) != NULL) {
        return refuse(why, path, "not one line of 1 to 511 bytes");
    }
    secret[n] = '\0';
    *len = (size_t)n;
    return 0;
}

static bool is_set_id(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID)) != 0;
}

/* The program itself, or its helper beside it. shown: which. */
static bool gains_privileges(const char *path, char shown[PATH_MAX]) {
    static const char *const helpers[] = {"postdrop", "nullmailer-queue"};
    if (realpath(path, shown) == NULL) {
        return false;
    }
    if (is_set_id(shown)) {
        return true;
    }
    char *base = strrchr(shown, '/') + 1; /* it is absolute */
    bool is_theirs = strncmp(base, "sendmail", strlen("sendmail")) == 0;
    size_t room = PATH_MAX - (size_t)(base - shown);
    for (size_t i = 0; is_theirs && i < sizeof(helpers) / sizeof(*helpers);
         i++) {
        (void)snprintf(base, room, "%s", helpers[i]);
        if (is_set_id(shown)) {
            return true;
        }
    }
    return false;
}

int nx_courier_sendmail(const char *path, char *why) {
    char shown[PATH_MAX];
    if (access(path, X_OK) != 0) {
        char reason[NX_COURIER_WHY_MAX / 2];
        (void)snprintf(reason, sizeof(reason),
                       "%s; install msmtp-mta, or set alerts.sendmail",
                       strerror(errno));
        return refuse(why, path, reason);
    }
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
        gains_privileges(path, shown)) {
        return refuse(why, shown,
                      "set-ID has no effect under NoNewPrivileges; use msmtp, "
                      "see nxclear-collector.yaml(5)");
    }
    return 0;
}
