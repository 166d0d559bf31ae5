/* The enrolment door when files run out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

#include "collector/enrol/io_enrol.h"
#include "collector/ingest/io_spare.h"
#include "common/io_log.h"
#include "tests/lib/loop.h"
#include "tests/lib/port.h"

#define CROWD 30U

struct crowd {
    pid_t pid;
    int status;
    bool over;
};

static void claim(void *arg, const char *key, const char *address,
                  const struct nx_join_request *request,
                  struct nx_join_reply *reply) {
    (void)arg;
    (void)key;
    (void)address;
    (void)request;
    (void)reply;
}

/* Connects many times without a word, and waits until each was ended. */
static _Noreturn void be_crowd(unsigned port) {
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct rlimit files = {1024, 1024};
    int fds[CROWD];
    char byte;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    for (unsigned i = 0; i < CROWD; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fds[i], (const struct sockaddr *)&at, sizeof(at)) != 0) {
            _exit(2);
        }
    }
    for (unsigned i = 0; i < CROWD; i++) {
        while (read(fds[i], &byte, 1) > 0) {
        }
    }
    _exit(0);
}

static bool is_over(void *arg) {
    struct crowd *c = arg;
    c->over = c->over || waitpid(c->pid, &c->status, WNOHANG) == c->pid;
    return c->over;
}

/* From now on; gives back how it was. */
static struct rlimit no_more_files(void) {
    struct rlimit before;
    int next = dup(0);
    assert_true(next >= 0);
    assert_int_equal(close(next), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {(rlim_t)next, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    return before;
}

/* Who cannot be served is sent away; the loop goes on turning, and the others
 * are not sent away with them. */
static void test_out_of_files(void **state) {
    struct event_base *base = event_base_new();
    struct nx_steady clock;
    struct nx_keypair keys = {0};
    struct nx_enrol *enrol = NULL;
    struct nx_enrol_counters counters;
    struct crowd crowd = {0};
    char endpoint[64];
    char why[200] = "";
    unsigned port = nx_test_free_port();
    (void)state;
    nx_log_set_level(NX_LOG_ERROR);
    nx_steady_init(&clock);
    assert_int_equal(zmq_curve_keypair(keys.public_key, keys.secret_key), 0);
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", port);
    if (nx_enrol_new(base, &clock, endpoint, &keys, claim, NULL, &enrol, why,
                     sizeof(why)) != NX_OK) {
        fail_msg("%s", why);
    }
    struct rlimit before = no_more_files();
    crowd.pid = fork();
    if (crowd.pid == 0) {
        be_crowd(port);
    }
    assert_true(crowd.pid > 0);
    (void)alarm(240); /* a loop that hangs */
    bool over = nx_test_wait(base, is_over, &crowd);
    nx_enrol_counters(enrol, &counters);
    nx_enrol_free(&enrol);
    (void)alarm(0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    if (!over) {
        (void)kill(crowd.pid, SIGKILL);
        (void)waitpid(crowd.pid, NULL, 0);
    }
    assert_true(over);
    assert_int_equal(crowd.status, 0);
    assert_int_equal(counters.cleared_n, 0);
    event_base_free(base);
}

/* libzmq ends the process when it has no file in zmq_bind. */
static void test_no_files_to_bind(void **state) {
    (void)state;
    struct rlimit before = no_more_files();
    errno = 0;
    bool may = nx_spare_may_bind();
    int why = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(may);
    assert_int_equal(why, EMFILE);
    assert_true(nx_spare_may_bind());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out_of_files),
        cmocka_unit_test(test_no_files_to_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
