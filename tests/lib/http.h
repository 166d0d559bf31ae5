/* A running HTTP server in a child process, over a stand-in for the service;
 * clients for it are in tests/lib/http_client.h. Static functions: each test
 * program includes it once. */
#ifndef NX_TESTS_LIB_HTTP_H
#define NX_TESTS_LIB_HTTP_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "collector/api/io_http.h"
#include "collector/store/io_export.h"
#include "collector/store/io_store.h"
#include "common/text.h"
#include "tests/lib/http_client.h"
#include "tests/lib/http_service.h"

static char folder[] = "/tmp/nxhttp.XXXXXX";

struct server {
    pid_t pid;
    unsigned port;
};

static inline void on_term(evutil_socket_t number, short what, void *arg) {
    (void)number;
    (void)what;
    (void)event_base_loopbreak(arg);
}

/* What the engine knows from the start; NULL: nothing. */
static void (*fill)(struct nx_engine *engine);
static unsigned patience_s; /* nx_http_settings */
#define PATIENT_S 120       /* with a client that may not be given a turn */
static unsigned reply_timeout_s;

/* Never returns; tells the port (or an error as a negative one) on out. */
static inline void serve(const struct nx_http_settings *settings, int out) {
    struct nx_engine_settings engine_settings;
    struct nx_service service = {.agents_n = 0};
    struct nx_http *http = NULL;
    char problem[NX_HTTP_PROBLEM_MAX];
    struct event_base *base = event_base_new();
    struct event *term = evsignal_new(base, SIGTERM, on_term, base);
    (void)event_add(term, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that failed */
    nx_engine_settings_default(&engine_settings);
    int port = nx_engine_new(&engine_settings, &service.engine);
    if (port == 0 && fill != NULL) {
        fill(service.engine);
    }
    if (port == 0) {
        port = nx_http_new(base, &service, settings, problem, &http);
    }
    port = port == 0 ? (int)nx_http_port(http) : port;
    if (write(out, &port, sizeof port) == (ssize_t)sizeof port && port >= 0) {
        (void)event_base_dispatch(base);
    }
    nx_http_free(&http);
    nx_engine_free(&service.engine);
    event_free(term);
    event_base_free(base);
    exit(0); /* with the leak check of a sanitizer */
}

static inline struct server start(unsigned connections_max,
                                  unsigned timeout_s) {
    const struct nx_http_settings settings = {
        .unix_path = socket_path,
        .listen = "127.0.0.1:0",
        .connections_max = connections_max,
        .timeout_s = timeout_s,
        .patience_s = patience_s,
        .reply_timeout_s = reply_timeout_s,
    };
    struct server server = {0};
    int port = -1;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid == 0) {
        (void)close(pipes[0]);
        serve(&settings, pipes[1]);
    }
    (void)close(pipes[1]);
    assert_int_equal(read(pipes[0], &port, sizeof port), sizeof port);
    (void)close(pipes[0]);
    assert_true(port > 0);
    server.port = (unsigned)port;
    return server;
}

static inline void stop(const struct server *server) {
    int status = -1;
    assert_int_equal(kill(server->pid, SIGTERM), 0);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static inline int set_up(void **state) {
    static struct server server;
    server = start(0, PATIENT_S);
    *state = &server;
    return 0;
}

static inline int tear_down(void **state) {
    stop(*state);
    return 0;
}

static inline int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(socket_path, sizeof socket_path, "%s/x.sock", folder);
    return 0;
}

static inline int remove_folder(void **state) {
    (void)state;
    return rmdir(folder); /* fails if a socket was left behind */
}

#define WITH_SERVER(test)                                                      \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
