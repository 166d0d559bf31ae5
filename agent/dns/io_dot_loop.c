#include "agent/dns/io_dot_loop.h"

#include <event2/event.h>
#include <getdns/getdns_extra.h>
#include <stdlib.h>

/* getdns sees the first member and passes its address back. */
struct loop {
    getdns_eventloop super;
    struct event_base *base;
};

static void on_event(evutil_socket_t fd, short what, void *arg) {
    getdns_eventloop_event *e = arg;
    (void)fd;
    if ((what & EV_READ) != 0 && e->read_cb != NULL) {
        e->read_cb(e->userarg);
    } else if ((what & EV_WRITE) != 0 && e->write_cb != NULL) {
        e->write_cb(e->userarg);
    } else if ((what & EV_TIMEOUT) != 0 && e->timeout_cb != NULL) {
        e->timeout_cb(e->userarg);
    }
}

static getdns_return_t schedule(getdns_eventloop *super, int fd,
                                uint64_t timeout_ms,
                                getdns_eventloop_event *e) {
    struct loop *loop = (struct loop *)super;
    struct timeval limit = {(time_t)(timeout_ms / 1000),
                            (suseconds_t)(timeout_ms % 1000) * 1000};
    int what = (e->read_cb != NULL ? EV_READ | EV_PERSIST : 0) |
               (e->write_cb != NULL ? EV_WRITE | EV_PERSIST : 0) |
               (e->timeout_cb != NULL ? EV_TIMEOUT : 0);
    struct event *ev = event_new(loop->base, fd, (short)what, on_event, e);
    if (ev == NULL) {
        return GETDNS_RETURN_MEMORY_ERROR;
    }
    if (event_add(ev, e->timeout_cb != NULL ? &limit : NULL) != 0) {
        event_free(ev);
        return GETDNS_RETURN_GENERIC_ERROR;
    }
    e->ev = ev;
    return GETDNS_RETURN_GOOD;
}

static getdns_return_t clear(getdns_eventloop *super,
                             getdns_eventloop_event *e) {
    (void)super;
    if (e->ev != NULL) {
        event_free(e->ev);
        e->ev = NULL;
    }
    return GETDNS_RETURN_GOOD;
}

static void cleanup(getdns_eventloop *super) {
    free(super);
}

/* Only the synchronous API of getdns runs the loop itself. */
static void run(getdns_eventloop *super) {
    (void)event_base_dispatch(((struct loop *)super)->base);
}

static void run_once(getdns_eventloop *super, int blocking) {
    int flags = EVLOOP_ONCE | (blocking != 0 ? 0 : EVLOOP_NONBLOCK);
    (void)event_base_loop(((struct loop *)super)->base, flags);
}

getdns_return_t nx_dot_loop_attach(getdns_context *context,
                                   struct event_base *base) {
    static getdns_eventloop_vmt vmt = {cleanup, schedule, clear, run, run_once};
    struct loop *loop = malloc(sizeof(*loop));
    if (loop == NULL) {
        return GETDNS_RETURN_MEMORY_ERROR;
    }
    loop->super.vmt = &vmt;
    loop->base = base;
    getdns_return_t r = getdns_context_set_eventloop(context, &loop->super);
    if (r != GETDNS_RETURN_GOOD) {
        free(loop);
    }
    return r;
}
