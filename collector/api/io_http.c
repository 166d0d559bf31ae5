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

/* What a client may send ahead: the largest request, and no more. Without it
 * evhttp reads on for ever while a reply is being written. */
#define READ_AHEAD_MAX_BYTES                                                   \
    (NX_HTTP_BODY_MAX_BYTES + 2 * NX_HTTP_HEADERS_MAX_BYTES)

/* What is given to the kernel at once. The event loop has other work between
 * two writes; libevent's own 16 kB would let a status of 1,000 networks wait
 * for that 40 times. */
#define WRITE_MAX_BYTES (1U << 20)

/* ... and how much it may hold of it: a status of 1,000 networks, not a piece
 * of it that is to be followed by others. Where net.core.wmem_max is less it is
 * that. TCP finds its own measure. */
#define UNIX_BUFFER_BYTES (1 << 20)

/* --- connections: libevent 2.1 neither counts nor limits them --- */

static struct nx_http_conn *conn_of(struct nx_http *http,
                                    const struct evhttp_connection *evcon) {
    struct nx_http_conn *conn = http->conns;
    while (conn != NULL && conn->evcon != evcon) {
        conn = conn->next;
    }
    return conn;
}

static void conn_forget(struct nx_http *http, struct nx_http_conn *conn) {
    struct nx_http_conn **link = &http->conns;
    while (*link != conn) {
        link = &(*link)->next;
    }
    *link = conn->next;
    http->conns_n--;
    if (conn->evcon == NULL) {
        (void)bufferevent_decref(conn->bev);
    }
    free(conn);
}

static void on_close(struct evhttp_connection *evcon, void *arg) {
    struct nx_http *http = arg;
    struct nx_http_conn *conn = conn_of(http, evcon);
    nx_http_stream_closed(http, evcon);
    nx_http_waiter_closed(http, evcon);
    nx_http_recording_closed(http, evcon);
    if (conn != NULL) {
        conn_forget(http, conn);
    }
}

static void enable_listener(struct evhttp_bound_socket *bound, void *arg) {
    const bool *enable = arg;
    struct evconnlistener *listener = evhttp_bound_socket_get_listener(bound);
    (void)(*enable ? evconnlistener_enable(listener)
                   : evconnlistener_disable(listener));
}

/* Accepts connections, or leaves them to wait in the kernel. */
static void let_in(struct nx_http *http, bool enable) {
    struct nx_http_door *doors[] = {&http->unix_door, &http->tcp_door};
    for (size_t i = 0; i < 2; i++) {
        if (doors[i]->evhttp != NULL) {
            evhttp_foreach_bound_socket(doors[i]->evhttp, enable_listener,
                                        &enable);
        }
    }
}

/* evhttp asks for the bufferevent of a connection that it just accepted. The
 * evhttp_connection does not exist yet: `arrived` finds it a moment later. */
static struct bufferevent *on_accept(struct event_base *base, void *arg) {
    struct nx_http_door *door = arg;
    struct nx_http *http = door->http;
    struct bufferevent *bev = bufferevent_socket_new(base, -1, 0);
    struct nx_http_conn *conn = calloc(1, sizeof *conn);
    if (bev == NULL || conn == NULL) {
        free(conn);
        return bev; /* NULL: evhttp makes one; uncounted, but with timeouts */
    }
    bufferevent_setwatermark(bev, EV_READ, 0, READ_AHEAD_MAX_BYTES);
    (void)bufferevent_set_max_single_write(bev, WRITE_MAX_BYTES);
    bufferevent_incref(bev);
    conn->door = door;
    conn->bev = bev;
    conn->reading = true;
    conn->deadline_s = http->second + http->timeout_s;
    conn->next = http->conns;
    http->conns = conn;
    http->conns_n++;
    if (http->conns_n >= 2 * http->connections_max) {
        let_in(http, false); /* until on_crowded has made room */
    }
    event_active(http->arrived, EV_TIMEOUT, 0);
    return bev;
}

/* Over the limit the client goes that has kept its request to itself longest,
 * else the one that has been taking its reply longest: whoever asks and reads
 * at once is always served. Streams stay. */
static struct nx_http_conn *find_victim(struct nx_http *http) {
    struct nx_http_conn *reading = NULL;
    struct nx_http_conn *replying = NULL;
    for (struct nx_http_conn *c = http->conns; c != NULL; c = c->next) {
        if (c->evcon != NULL && c->reading) {
            reading = c; /* the last one is the oldest */
        } else if (c->evcon != NULL && c->deadline_s != 0) {
            replying = c;
        }
    }
    return reading != NULL ? reading : replying;
}

static void make_room(struct nx_http *http) {
    while (http->conns_n > http->connections_max) {
        struct nx_http_conn *victim = find_victim(http);
        if (victim == NULL) {
            return;
        }
        evhttp_connection_free(victim->evcon); /* on_close forgets it */
    }
}

/* Learns the evhttp_connection of a bufferevent: it is the argument of its
 * callbacks; NULL when evhttp dropped it meanwhile. */
static void meet(struct nx_http *http, struct nx_http_conn *conn) {
    void *arg = NULL;
    bufferevent_getcb(conn->bev, NULL, NULL, NULL, &arg);
    if (arg == NULL) {
        conn_forget(http, conn);
        return;
    }
    if (conn->door->kind == NX_API_UNIX) {
        const int bytes = UNIX_BUFFER_BYTES;
        (void)setsockopt(bufferevent_getfd(conn->bev), SOL_SOCKET, SO_SNDBUF,
                         &bytes, sizeof(bytes));
    }
    (void)bufferevent_decref(conn->bev);
    conn->evcon = arg;
    evhttp_connection_set_closecb(conn->evcon, on_close, http);
}

static void on_arrived(evutil_socket_t fd, short what, void *arg) {
    const struct timeval at_once = {0};
    struct nx_http *http = arg;
    struct nx_http_conn *next = NULL;
    (void)fd;
    (void)what;
    for (struct nx_http_conn *conn = http->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->evcon == NULL) {
            meet(http, conn);
        }
    }
    /* Adding it again would put it off again. */
    if (http->conns_n > http->connections_max &&
        event_pending(http->crowded, EV_TIMEOUT, NULL) == 0) {
        (void)event_add(http->crowded, &at_once);
    }
}

/* A timer, so that what has been sent meanwhile was read before: in a crowd
 * that came all at once, who has something to say is heard. */
static void on_crowded(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    make_room(arg);
    let_in(arg, true);
}

/* Timeouts of libevent start anew with each byte; these do not. */
static void drop_late(struct nx_http *http) {
    struct nx_http_conn *next = NULL;
    for (struct nx_http_conn *conn = http->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->evcon != NULL && conn->deadline_s != 0 &&
            conn->deadline_s < http->second) {
            evhttp_connection_free(conn->evcon);
        }
    }
}

static void on_tick(evutil_socket_t fd, short what, void *arg) {
    struct nx_http *http = arg;
    (void)fd;
    (void)what;
    http->second++;
    drop_late(http);
    nx_http_streams_tick(http);
    nx_http_waiters_tick(http);
    nx_board_tidy(http->board, nx_service_now_us(http->service));
    let_in(http, true);
}

/* accept() failed, most likely for want of descriptors: without a pause it
 * would fail again at once, for ever. on_tick enables the listener again. */
static void on_accept_error(struct evconnlistener *listener, void *arg) {
    (void)arg;
    (void)evconnlistener_disable(listener);
}

void nx_http_conn_is_stream(struct nx_http *http,
                            struct evhttp_connection *evcon) {
    struct nx_http_conn *conn = conn_of(http, evcon);
    struct timeval patience = {.tv_sec = (time_t)http->timeout_s};
    if (conn != NULL) {
        conn->deadline_s = 0;
    }
    /* Nothing is to be read any more; what is written must be taken. */
    (void)bufferevent_set_timeouts(evhttp_connection_get_bufferevent(evcon),
                                   NULL, &patience);
}

static void on_replied(struct evhttp_request *request, void *arg) {
    struct nx_http *http = arg;
    struct nx_http_conn *conn =
        conn_of(http, evhttp_request_get_connection(request));
    if (conn != NULL) {
        conn->reading = true;
        conn->deadline_s = http->second + http->timeout_s;
    }
}

static void on_request(struct evhttp_request *request, void *arg) {
    struct nx_http_door *door = arg;
    struct nx_http *http = door->http;
    struct nx_http_conn *conn =
        conn_of(http, evhttp_request_get_connection(request));
    if (conn != NULL) {
        conn->reading = false;
        conn->deadline_s = http->second + NX_HTTP_REPLY_TIMEOUT_S;
        evhttp_request_set_on_complete_cb(request, on_replied, http);
    }
    nx_http_handle(door, request);
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
    evconnlistener_set_error_cb(listener, on_accept_error);
    evhttp_set_bevcb(door->evhttp, on_accept, door);
    evhttp_set_gencb(door->evhttp, on_request, door);
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

static void count_valid(void *user, const struct nx_token *token) {
    const struct nx_http *http = ((void **)user)[0];
    size_t *n = ((void **)user)[1];
    *n += nx_token_live(token, nx_service_now_us(http->service)) ? 1 : 0;
}

/* A door to the network that nobody has a key for yet is a mistake: whoever
 * configured it believes that it works without one. */
static int check_tokens(struct nx_http *http, const char *listen,
                        char *problem) {
    size_t valid_n = 0;
    void *user[] = {http, &valid_n};
    nx_service_tokens(http->service, count_valid, user);
    if (valid_n == 0 && http->tcp_door.kind == NX_API_NETWORK) {
        (void)snprintf(problem, NX_HTTP_PROBLEM_MAX,
                       "http.listen: %.60s is open to other hosts, and there "
                       "is no valid token: start without it, run `nxclear "
                       "tokens create`, then start with it",
                       listen);
        return NX_ECONFIG;
    }
    if (valid_n == 0) {
        nx_log(NX_LOG_WARN,
               "http.listen: %s answers nobody before there is a token: "
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
    http->arrived = event_new(http->base, -1, 0, on_arrived, http);
    http->crowded = event_new(http->base, -1, 0, on_crowded, http);
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
    http->epoch = (uint64_t)nx_service_now_us(service);
    http->slice = (struct nx_slice){1, 1, NX_BOARD_SLICE_MAX};
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
    while (h->conns != NULL) {
        conn_forget(h, h->conns);
    }
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
