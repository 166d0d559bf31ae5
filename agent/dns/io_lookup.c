#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pipe2, posix_spawn_file_actions_addclosefrom_np */
#endif
#include "agent/dns/io_lookup.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/dns/lookup.h"
#include "common/io_clock.h"
#include "common/io_log.h"
#include "common/rrtype.h"

#define SELF "/proc/self/exe"
#define NSCD "/var/run/nscd/socket" /* where glibc looks for it */

struct nx_lookup {
    struct event_base *base;
    char *program;
    struct event *on_exit; /* NULL: no child */
    pid_t pid;
    int pid_fd;
    int reply_fd;
    struct nx_question question; /* its name is the next member */
    uint8_t name[NX_DNAME_MAX];
    int64_t tx_us;
    nx_probe_fn *callback; /* NULL: was called, or must not be */
    void *user;
    bool warned;
};

int nx_lookup_new(struct event_base *base, const char *program,
                  struct nx_lookup **out) {
    struct nx_lookup *l = calloc(1, sizeof(*l));
    char *copy = strdup(program != NULL ? program : SELF);
    if (l == NULL || copy == NULL) {
        free(l);
        free(copy);
        return NX_ENOMEM;
    }
    l->base = base;
    l->program = copy;
    *out = l;
    return NX_OK;
}

bool nx_lookup_busy(const struct nx_lookup *l) {
    return l->on_exit != NULL;
}

const struct nx_question *nx_lookup_question(const struct nx_lookup *l) {
    return l->callback != NULL ? &l->question : NULL;
}

/* --- the child --- */

/* A search list would make other names of it, perhaps in the zone of an
 * incident, whose denials must not be planted: the root is searched alone. */
static int spawn(const struct nx_lookup *l, char *name, int reply_fd,
                 pid_t *pid) {
    char argument[] = NX_LOOKUP_ARGUMENT;
    char v4[] = "4";
    char v6[] = "6";
    char search[] = "LOCALDOMAIN=.";
    char *argv[] = {l->program, argument, name,
                    l->question.qtype == NX_TYPE_AAAA ? v6 : v4, NULL};
    char *envp[] = {search, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    sigset_t all;
    if (posix_spawn_file_actions_init(&files) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attr) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    (void)posix_spawnattr_setsigdefault(&attr, &all);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    int err = posix_spawn_file_actions_adddup2(&files, reply_fd, 1);
    err = err != 0 ? err
                   : posix_spawn_file_actions_addopen(&files, 0, "/dev/null",
                                                      O_RDONLY, 0);
    err = err != 0 ? err
                   : posix_spawn_file_actions_addopen(&files, 2, "/dev/null",
                                                      O_WRONLY, 0);
    err = err != 0 ? err : posix_spawn_file_actions_addclosefrom_np(&files, 3);
    err = err != 0 ? err
                   : posix_spawn(pid, l->program, &files, &attr, argv, envp);
    (void)posix_spawnattr_destroy(&attr);
    (void)posix_spawn_file_actions_destroy(&files);
    return err;
}

/* Waits for a child that has ended, or is about to. */
static void reap(struct nx_lookup *l) {
    while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (l->on_exit != NULL) {
        event_free(l->on_exit);
        l->on_exit = NULL;
    }
    if (l->pid_fd >= 0) {
        (void)close(l->pid_fd);
    }
    (void)close(l->reply_fd);
}

static void tell(struct nx_lookup *l, const struct nx_answer *answer) {
    nx_probe_fn *callback = l->callback;
    const struct nx_probe_result result = {
        .obs = {.question = &l->question,
                .answer = answer,
                .tx_mono_us = l->tx_us,
                .rx_mono_us = nx_clock_mono_us()}};
    l->callback = NULL;
    if (callback != NULL) {
        callback(l->user, &result);
    }
}

static void tell_outcome(struct nx_lookup *l, enum nx_outcome outcome) {
    const struct nx_answer answer = {.outcome = (uint8_t)outcome};
    tell(l, &answer);
}

static void read_reply(struct nx_lookup *l) {
    uint8_t bytes[sizeof(struct nx_lookup_reply) + 1];
    struct nx_lookup_answer answer;
    ssize_t n = read(l->reply_fd, bytes, sizeof(bytes));
    if (n > 0 &&
        nx_lookup_read(bytes, (size_t)n, l->question.qtype, &answer) == NX_OK) {
        tell(l, &answer.answer);
    } else {
        tell_outcome(l, NX_LOCAL_ERROR);
    }
}

static void on_exit_or_time(evutil_socket_t fd, short what, void *arg) {
    struct nx_lookup *l = arg;
    (void)fd;
    if ((what & EV_READ) != 0) {
        read_reply(l); /* it was written before the end, and fits the pipe */
        reap(l);
        return;
    }
    nx_probe_fn *callback = l->callback;
    nx_lookup_abandon(l);
    l->callback = callback;
    tell_outcome(l, NX_TIMEOUT);
}

void nx_lookup_abandon(struct nx_lookup *l) {
    l->callback = NULL;
    if (l->on_exit != NULL) {
        (void)kill(l->pid, SIGKILL); /* not reaped yet: it is still its pid */
        (void)event_add(l->on_exit, NULL);
    }
}

void nx_lookup_free(struct nx_lookup **lookup) {
    struct nx_lookup *l = *lookup;
    if (l == NULL) {
        return;
    }
    if (l->on_exit != NULL) {
        nx_lookup_abandon(l);
        reap(l);
    }
    free(l->program);
    free(l);
    *lookup = NULL;
}

/* --- asking --- */

static int watch(struct nx_lookup *l, unsigned timeout_ms) {
    const struct timeval tv = {(time_t)(timeout_ms / 1000),
                               (suseconds_t)(timeout_ms % 1000) * 1000};
    errno = 0;
    l->pid_fd = pidfd_open(l->pid, 0);
    l->on_exit = l->pid_fd >= 0 ? event_new(l->base, l->pid_fd, EV_READ,
                                            on_exit_or_time, l)
                                : NULL;
    if (l->on_exit == NULL || event_add(l->on_exit, &tv) != 0) {
        int err = errno != 0 ? errno : ENOMEM;
        (void)kill(l->pid, SIGKILL);
        reap(l);
        return err;
    }
    return 0;
}

static int begin(struct nx_lookup *l, char *name, unsigned timeout_ms) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return errno;
    }
    l->reply_fd = ends[0];
    l->tx_us = nx_clock_mono_us();
    int err = spawn(l, name, ends[1], &l->pid);
    (void)close(ends[1]);
    if (err != 0) {
        (void)close(ends[0]);
        return err;
    }
    return watch(l, timeout_ms);
}

static void warn_once(struct nx_lookup *l, const char *why) {
    if (!l->warned) {
        nx_log(NX_LOG_WARN, "getaddrinfo: not asked: %s", why);
    }
    l->warned = true;
}

int nx_lookup_start(struct nx_lookup *l, const struct nx_question *question,
                    unsigned timeout_ms, nx_probe_fn *callback, void *user) {
    char name[NX_DNAME_TEXT_MAX];
    if (nx_lookup_busy(l)) {
        return NX_EAGAIN;
    }
    if (!nx_endpoint_takes(&question->to, question->name, question->qtype)) {
        return NX_EIO;
    }
    /* nscd asks for other types, and other names by its own search list, and
     * renews what it has: none of that is ours to allow. */
    if (access(NSCD, F_OK) == 0) {
        warn_once(l, "nscd runs here, and would ask more than that");
        return NX_EIO;
    }
    memcpy(l->name, question->name, nx_dname_len(question->name));
    l->question = *question;
    l->question.name = l->name;
    /* Without the final dot: as applications write it, and caches keep it. */
    name[strlen(nx_dname_text(l->name, name)) - 1] = '\0';
    int err = begin(l, name, timeout_ms);
    if (err != 0) {
        warn_once(l, strerror(err));
        return NX_EIO;
    }
    l->callback = callback;
    l->user = user;
    return NX_OK;
}
