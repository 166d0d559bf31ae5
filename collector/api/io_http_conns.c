/* Connections: libevent 2.1 neither counts nor limits them. */
#include <event2/buffer.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "collector/api/io_http_parts.h"

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
    nx_http_job_closed(http, evcon);
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
struct bufferevent *nx_http_on_accept(struct event_base *base, void *arg) {
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
        let_in(http, false); /* until nx_http_on_crowded has made room */
    }
    event_active(http->arrived, EV_TIMEOUT, 0);
    return bev;
}

/* Over the limit the client goes that has kept its request to itself longest,
 * else the one that has been taking its reply longest: whoever asks and reads
 * at once is always served. Streams and recordings stay. */
static struct nx_http_conn *find_victim(struct nx_http *http) {
    struct nx_http_conn *reading = NULL;
    struct nx_http_conn *replying = NULL;
    for (struct nx_http_conn *c = http->conns; c != NULL; c = c->next) {
        if (c->evcon != NULL && c->reading) {
            reading = c; /* the last one is the oldest */
        } else if (c->evcon != NULL && c->replying && !c->recording) {
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

void nx_http_on_arrived(evutil_socket_t fd, short what, void *arg) {
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
void nx_http_on_crowded(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    make_room(arg);
    let_in(arg, true);
}

/* Neither here nor in the kernel: there a large part of a reply may wait, and
 * for long where the line is slow. */
static size_t left_bytes(const struct nx_http_conn *conn) {
    int queued = 0;
    size_t left = evbuffer_get_length(bufferevent_get_output(conn->bev));
    if (ioctl(bufferevent_getfd(conn->bev), TIOCOUTQ, &queued) == 0 &&
        queued > 0) {
        left += (size_t)queued;
    }
    return left;
}

/* Timeouts of libevent start anew with each byte; these do not. */
static bool is_late(const struct nx_http *http, struct nx_http_conn *conn) {
    if (conn->evcon == NULL) {
        return false;
    }
    return conn->replying
               ? nx_taking_is_late(&conn->taking, left_bytes(conn),
                                   http->second)
               : conn->deadline_s != 0 && conn->deadline_s < http->second;
}

void nx_http_conns_tick(struct nx_http *http) {
    struct nx_http_conn *next = NULL;
    for (struct nx_http_conn *conn = http->conns; conn != NULL; conn = next) {
        next = conn->next;
        if (is_late(http, conn)) {
            evhttp_connection_free(conn->evcon);
        }
    }
    let_in(http, true);
}

/* accept() failed, most likely for want of descriptors: without a pause it
 * would fail again at once, for ever. nx_http_conns_tick enables the listener
 * again. */
void nx_http_on_accept_error(struct evconnlistener *listener, void *arg) {
    (void)arg;
    (void)evconnlistener_disable(listener);
}

void nx_http_conn_is_stream(struct nx_http *http,
                            struct evhttp_connection *evcon) {
    struct nx_http_conn *conn = conn_of(http, evcon);
    struct timeval patience = {.tv_sec = (time_t)http->timeout_s};
    if (conn != NULL) {
        conn->deadline_s = 0;
        conn->replying = false;
    }
    /* Nothing is to be read any more; what is written must be taken. */
    (void)bufferevent_set_timeouts(evhttp_connection_get_bufferevent(evcon),
                                   NULL, &patience);
}

void nx_http_conn_takes(struct nx_http *http,
                        const struct evhttp_connection *evcon) {
    struct nx_http_conn *conn = conn_of(http, evcon);
    if (conn != NULL) {
        nx_taking_begin(&conn->taking, http->second, http->reply_timeout_s);
    }
}

void nx_http_conn_is_recording(struct nx_http *http,
                               const struct evhttp_connection *evcon) {
    struct nx_http_conn *conn = conn_of(http, evcon);
    if (conn != NULL) {
        conn->recording = true;
    }
}

static void on_replied(struct evhttp_request *request, void *arg) {
    struct nx_http *http = arg;
    struct nx_http_conn *conn =
        conn_of(http, evhttp_request_get_connection(request));
    if (conn != NULL) {
        const struct timeval patience = {.tv_sec = (time_t)http->timeout_s};
        conn->reading = true;
        conn->replying = false;
        conn->recording = false;
        conn->deadline_s = http->second + http->timeout_s;
        (void)bufferevent_set_timeouts(conn->bev, &patience, &patience);
    }
}

void nx_http_on_request(struct evhttp_request *request, void *arg) {
    struct nx_http_door *door = arg;
    struct nx_http *http = door->http;
    struct nx_http_conn *conn =
        conn_of(http, evhttp_request_get_connection(request));
    if (conn != NULL) {
        conn->reading = false;
        conn->replying = true;
        conn->deadline_s = 0;
        nx_taking_begin(&conn->taking, http->second, http->reply_timeout_s);
        /* libevent's own are for the next request: neither the time in which it
         * comes nor that of a pause between two writes counts now. */
        (void)bufferevent_set_timeouts(conn->bev, NULL, NULL);
        evhttp_request_set_on_complete_cb(request, on_replied, http);
    }
    nx_http_handle(door, request);
}

void nx_http_conns_fini(struct nx_http *http) {
    while (http->conns != NULL) {
        conn_forget(http, http->conns);
    }
}
