/* Programs that take a message on their standard input: sendmail, hooks. */
#define _GNU_SOURCE /* memfd_create */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/alert/io_courier_parts.h"

#define VARIABLES_MAX 6U
#define VARIABLE_MAX 128U
#define HOW_MAX 32

/* With the reason that was known before, if there is one. */
static void end_task(struct nx_courier_task *task, int status) {
    char how[HOW_MAX] = "";
    char why[NX_COURIER_WHY_MAX] = "";
    const char *doubt = task->problem;
    task->pid = 0;
    if (task->killed) {
        (void)snprintf(how, sizeof(how), "killed after %d s",
                       NX_COURIER_PROGRAM_TIMEOUT_S);
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(how, sizeof(how), "ended by signal %d",
                       WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        (void)snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(status));
    }
    if (how[0] != '\0') {
        (void)snprintf(why, sizeof(why), "%s%s%.*s", how,
                       doubt[0] != '\0' ? "; " : "",
                       (int)(sizeof(why) - HOW_MAX - 2), doubt);
    }
    nx_courier_finish(task, why[0] == '\0', why, 0);
}

/* Signals do not count: every child is looked at. */
static void on_child(evutil_socket_t number, short what, void *arg) {
    struct nx_courier *courier = arg;
    struct nx_courier_task *task = courier->tasks;
    (void)number;
    (void)what;
    while (task != NULL) {
        struct nx_courier_task *next = task->next;
        int status = 0;
        if (task->pid > 0 &&
            waitpid(task->pid, &status, WNOHANG) == task->pid) {
            end_task(task, status);
            next = courier->tasks; /* it may have been changed */
        }
        task = next;
    }
}

static void on_too_long(evutil_socket_t fd, short what, void *arg) {
    struct nx_courier_task *task = arg;
    (void)fd;
    (void)what;
    task->killed = true;
    (void)kill(-task->pid, SIGKILL);
}

int nx_courier_program_init(struct nx_courier *courier) {
    courier->on_child = evsignal_new(courier->base, SIGCHLD, on_child, courier);
    if (courier->on_child == NULL || event_add(courier->on_child, NULL) != 0) {
        return NX_ENOMEM;
    }
    return 0;
}

void nx_courier_program_fini(struct nx_courier *courier) {
    if (courier->on_child != NULL) {
        event_free(courier->on_child);
    }
}

void nx_courier_program_drop(struct nx_courier_task *task) {
    if (task->pid > 0) {
        (void)kill(-task->pid, SIGKILL);
        (void)waitpid(task->pid, NULL, 0);
    }
    if (task->too_long != NULL) {
        event_free(task->too_long);
    }
}

/* --- one program --- */

struct environment {
    char text[VARIABLES_MAX][VARIABLE_MAX];
    char *list[VARIABLES_MAX + 1];
};

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void make_environment(const json_t *document, struct environment *out) {
    const json_t *incident = json_object_get(document, "incident");
    (void)snprintf(out->text[0], VARIABLE_MAX,
                   "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    (void)snprintf(out->text[1], VARIABLE_MAX, "NXCLEAR_KEY=%.80s",
                   text_of(document, "key"));
    (void)snprintf(out->text[2], VARIABLE_MAX, "NXCLEAR_KIND=%.40s",
                   text_of(document, "kind"));
    (void)snprintf(out->text[3], VARIABLE_MAX,
                   "NXCLEAR_INCIDENT=%" JSON_INTEGER_FORMAT,
                   json_integer_value(json_object_get(incident, "id")));
    (void)snprintf(out->text[4], VARIABLE_MAX, "NXCLEAR_OUTLOOK=%.40s",
                   text_of(document, "outlook"));
    for (size_t i = 0; i < 5; i++) {
        out->list[i] = out->text[i];
    }
    out->list[5] = NULL;
}

/* The message in memory, to be read from its beginning: a program that does
 * not read cannot hold us up, as it could at the end of a pipe. */
static int make_input(const struct nx_text *body) {
    int fd = memfd_create("nxclear-alert", MFD_CLOEXEC);
    size_t at = 0;
    while (fd >= 0 && at < body->len) {
        ssize_t n = write(fd, body->bytes + at, body->len - at);
        if (n <= 0) {
            (void)close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* In a process group of its own, with default signals and nothing of ours. */
static int spawn(pid_t *pid, int input, char *const argv[],
                 char *const environment[]) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t all;
    sigset_t none;
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    if (posix_spawn_file_actions_init(&files) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        (void)posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    (void)posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETPGROUP);
    int failed =
        posix_spawn(pid, argv[0], &files, &attributes, argv, environment);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return failed;
}

/* Tells of a program that could not be started in the way of all others:
 * later, from the loop. */
static void on_not_started(evutil_socket_t fd, short what, void *arg) {
    struct nx_courier_task *task = arg;
    (void)fd;
    (void)what;
    nx_courier_finish(task, false, task->problem, 0);
}

static int start_timer(struct nx_courier_task *task, bool started) {
    const struct timeval limit = {started ? NX_COURIER_PROGRAM_TIMEOUT_S : 0,
                                  0};
    task->too_long = evtimer_new(task->courier->base,
                                 started ? on_too_long : on_not_started, task);
    return task->too_long != NULL && event_add(task->too_long, &limit) == 0
               ? 0
               : NX_ENOMEM;
}

int nx_courier_program_start(struct nx_courier_task *task,
                             const struct nx_courier_job *job) {
    /* execve's types lack the const that it keeps. */
    union {
        const char *in[5];
        char *out[5];
    } mail = {{job->sendmail, "-i", "--", job->receiver->email, NULL}};
    bool is_mail = job->receiver->kind == NX_RECEIVER_EMAIL;
    struct environment environment;
    int input = make_input(&task->body);
    if (input < 0) {
        return NX_EIO;
    }
    if (is_mail) { /* what is known against it is said if it fails */
        (void)(nx_courier_sendmail(job->sendmail, task->problem) == 0);
    }
    make_environment(job->document, &environment);
    int failed =
        spawn(&task->pid, input, is_mail ? mail.out : job->receiver->argv,
              environment.list);
    (void)close(input);
    if (failed != 0) {
        task->pid = 0;
        if (task->problem[0] == '\0') {
            (void)snprintf(task->problem, sizeof(task->problem),
                           "not started: %s", strerror(failed));
        }
    }
    return start_timer(task, failed == 0);
}
