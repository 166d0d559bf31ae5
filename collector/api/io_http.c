#include "collector/api/io_http.h"

#include <event2/buffer.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collector/api/io_http_parts.h"
#include "common/io_log.h"

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    struct nx_http *http = arg;
    (void)fd;
    (void)what;
    http->second++;
    nx_http_conns_tick(http);
    nx_http_streams_tick(http);
    nx_http_recordings_tick(http);
    nx_http_waiters_tick(http);
    nx_http_jobs_tick(http);
    nx_board_tidy(http->board, nx_service_now_us(http->service));
}

/* --- life --- */

/* Takes fd. */
static int open_door(struct nx_http *http, struct nx_http_door *door, int fd) {
    struct evconnlistener *listener = evconnlistener_new(
        http->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
        0, fd);
    if (listener == NULL) {
        (void)close(fd);
        return NX_ENOMEM;
    }
    door->http = http;
    door->evhttp = evhttp_new(http->base);
    if (door->evhttp == NULL ||
        evhttp_bind_listener(door->evhttp, listener) == NULL) {
        evconnlistener_free(listener);
        return NX_ENOMEM;
    }
    evconnlistener_set_error_cb(listener, nx_http_on_accept_error);
    evhttp_set_bevcb(door->evhttp, nx_http_on_accept, door);
    evhttp_set_gencb(door->evhttp, nx_http_on_request, door);
    evhttp_set_timeout(door->evhttp, (int)http->timeout_s);
    evhttp_set_max_headers_size(door->evhttp, NX_HTTP_HEADERS_MAX_BYTES);
    evhttp_set_max_body_size(door->evhttp, NX_HTTP_BODY_MAX_BYTES);
    evhttp_set_default_content_type(door->evhttp, NULL);
    /* Methods that we refuse too: so the refusal is ours, with its reason. */
    evhttp_set_allowed_methods(
        door->evhttp, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                          EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                          EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    return 0;
}

static int open_unix(struct nx_http *http, const char *path, char *problem) {
    struct stat st;
    int err = 0;
    int fd = nx_http_listen_unix(path, problem, &err);
    if (fd < 0) {
        return err;
    }
    http->unix_path = strdup(path);
    if (http->unix_path == NULL || lstat(path, &st) != 0) {
        (void)close(fd);
        return NX_ENOMEM;
    }
    http->unix_dev = st.st_dev;
    http->unix_ino = st.st_ino;
    return open_door(http, &http->unix_door, fd);
}

struct tokens_seen {
    int64_t now_us;
    size_t n, live_n;
};

static void count_token(void *user, const struct nx_token *token) {
    struct tokens_seen *seen = user;
    seen->n++;
    seen->live_n += nx_token_live(token, seen->now_us) ? 1 : 0;
}

/* A door to the network that nobody ever had a key for is a mistake: whoever
 * configured it believes that it works without one. Where there were some, it
 * stays shut to everybody: agents and the Unix socket are served as before. */
static int check_tokens(struct nx_http *http, const char *listen,
                        char *problem) {
    struct tokens_seen seen = {.now_us = nx_service_doors_us(http->service)};
    nx_service_tokens(http->service, count_token, &seen);
    if (nx_service_unread(http->service)) {
        return 0; /* there may be some; nobody gets in meanwhile */
    }
    if (seen.n == 0 && http->tcp_door.kind == NX_API_NETWORK) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX,
                       "http.listen: %.60s is open to other hosts, and there "
                       "is no token: start without it, run `nxclear tokens "
                       "create`, then start with it",
                       listen);
        return NX_ECONFIG;
    }
    if (seen.live_n == 0) {
        nx_log(NX_LOG_WARN,
               "http.listen: %s answers nobody before there is a valid token: "
               "`nxclear tokens create` makes one",
               listen);
    }
    return 0;
}

static int open_tcp(struct nx_http *http, const char *listen, char *problem) {
    int err = 0;
    int fd = nx_http_listen_tcp(listen, problem, &http->port,
                                &http->tcp_door.kind, &err);
    if (fd >= 0) {
        err = check_tokens(http, listen, problem);
    }
    if (fd >= 0 && err != 0) {
        (void)close(fd);
    }
    return err != 0 ? err : open_door(http, &http->tcp_door, fd);
}

static bool given(const char *text) {
    return text != NULL && text[0] != '\0';
}

static int start(struct nx_http *http, const struct nx_http_settings *settings,
                 char *problem) {
    const struct timeval second = {.tv_sec = 1};
    int err = 0;
    http->tick = event_new(http->base, -1, EV_PERSIST, on_tick, http);
    http->arrived = event_new(http->base, -1, 0, nx_http_on_arrived, http);
    http->crowded = event_new(http->base, -1, 0, nx_http_on_crowded, http);
    http->work = evtimer_new(http->base, nx_http_work, http);
    if (http->tick == NULL || http->work == NULL || http->arrived == NULL ||
        http->crowded == NULL || event_add(http->tick, &second) != 0) {
        return NX_ENOMEM;
    }
    if (given(settings->unix_path)) {
        err = open_unix(http, settings->unix_path, problem);
    }
    if (err == 0 && given(settings->listen)) {
        err = open_tcp(http, settings->listen, problem);
    }
    return err;
}

int nx_http_new(struct event_base *base, struct nx_service *service,
                const struct nx_http_settings *settings, char *problem,
                struct nx_http **out) {
    (void)snprintf(problem, NX_HTTP_PROBLEM_MAX, "%s", nx_strerror(NX_ENOMEM));
    if (!given(settings->unix_path) && !given(settings->listen)) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX,
                       "http: neither unix nor listen is given");
        return NX_ECONFIG;
    }
    struct nx_http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        return NX_ENOMEM;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    http->base = base;
    http->service = service;
    http->connections_max = settings->connections_max != 0
                                ? settings->connections_max
                                : NX_HTTP_CONNECTIONS_MAX;
    http->timeout_s =
        settings->timeout_s != 0 ? settings->timeout_s : NX_HTTP_TIMEOUT_S;
    http->patience_s =
        settings->patience_s != 0 ? settings->patience_s : NX_HTTP_PATIENCE_S;
    http->reply_timeout_s = settings->reply_timeout_s != 0
                                ? settings->reply_timeout_s
                                : NX_HTTP_REPLY_TIMEOUT_S;
    http->epoch = (uint64_t)nx_service_now_us(service);
    http->slice = (struct nx_slice){1, 1, NX_BOARD_SLICE_MAX};
    http->job_slice = http->slice;
    http->origin = given(settings->origin) ? strdup(settings->origin) : NULL;
    int err = nx_board_new(&http->board);
    err = err == 0 && given(settings->origin) && http->origin == NULL
              ? NX_ENOMEM
              : err;
    err = err != 0 ? err : start(http, settings, problem);
    if (err != 0) {
        nx_http_free(&http);
        return err;
    }
    *out = http;
    return 0;
}

/* Another process may have replaced our socket by now. */
static void remove_socket(const struct nx_http *http) {
    struct stat st;
    if (http->unix_path != NULL && lstat(http->unix_path, &st) == 0 &&
        st.st_dev == http->unix_dev && st.st_ino == http->unix_ino) {
        (void)unlink(http->unix_path);
    }
}

void nx_http_free(struct nx_http **http) {
    struct nx_http *h = *http;
    if (h == NULL) {
        return;
    }
    *http = NULL;
    remove_socket(h);
    if (h->unix_door.evhttp != NULL) {
        evhttp_free(h->unix_door.evhttp); /* on_close for each connection */
    }
    if (h->tcp_door.evhttp != NULL) {
        evhttp_free(h->tcp_door.evhttp);
    }
    nx_http_conns_fini(h);
    nx_http_jobs_fini(h);
    struct event *events[] = {h->tick, h->arrived, h->crowded, h->work};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    nx_board_free(&h->board);
    free(h->unix_path);
    free(h->origin);
    free(h);
}

unsigned nx_http_port(const struct nx_http *http) {
    return http->port;
}
