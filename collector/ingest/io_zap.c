#include "collector/ingest/io_zap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io_clock.h"
#include "common/io_log.h"
#include "common/io_zloop.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define DOMAIN "nxclear"
#define WATCH_MECHANISM "NXCLEAR-WATCH" /* none of ZMTP's */
#define PATIENCE_LOOKS 4U
#define GIVE_UP_LOOKS 60U
/* Stable builds of libzmq 4.3 take it, their header does not name it. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

/* Frames of a request. */
enum {
    ZAP_VERSION,
    ZAP_REQUEST_ID,
    ZAP_DOMAIN,
    ZAP_ADDRESS,
    ZAP_ROUTING_ID,
    ZAP_MECHANISM,
    ZAP_KEY,
    ZAP_FRAMES_N
};

struct nx_zap {
    struct event_base *base;
    void *zmq;
    nx_zap_judge judge;
    void *arg;
    void *socket; /* the handler */
    struct nx_zloop *zloop;
    void *standby; /* takes its place; made before, when there are files */
    void *watch;   /* asks it what libzmq would ask */
    struct nx_zloop *watch_loop;
    struct event *on_look;
    bool unable;           /* could not answer, and waits for ever to do so */
    unsigned unanswered_n; /* looks */
    bool answered;         /* since it was lost, by the one there is now */
    unsigned lost_n;       /* looks since nobody judges; 0: all is well */
    int64_t lost_mono_us;
    uint64_t remade_n;
    char problem[128];
};

/* --- answering --- */

static bool frame_is(zmq_msg_t *frame, const char *text) {
    size_t len = strlen(text);
    return zmq_msg_size(frame) == len &&
           memcmp(zmq_msg_data(frame), text, len) == 0;
}

static bool is_watch(zmq_msg_t *frames, size_t frames_n) {
    return frames_n > ZAP_MECHANISM &&
           frame_is(&frames[ZAP_MECHANISM], WATCH_MECHANISM);
}

static enum nx_zap_verdict verdict_of(struct nx_zap *zap, zmq_msg_t *frames,
                                      size_t frames_n, char *user) {
    char address[NX_ADDRESS_TEXT_MAX] = "";
    const uint8_t *key = NULL;
    if (frames_n == ZAP_FRAMES_N && frame_is(&frames[ZAP_VERSION], "1.0") &&
        frame_is(&frames[ZAP_MECHANISM], "CURVE") &&
        zmq_msg_size(&frames[ZAP_KEY]) == NX_KEY_BYTES) {
        key = zmq_msg_data(&frames[ZAP_KEY]);
        snprintf(address, sizeof(address), "%.*s",
                 (int)zmq_msg_size(&frames[ZAP_ADDRESS]),
                 (const char *)zmq_msg_data(&frames[ZAP_ADDRESS]));
    }
    enum nx_zap_verdict verdict =
        zap->judge(zap->arg, key, nx_address_unmapped(address), user);
    return key != NULL ? verdict : NX_ZAP_REFUSED;
}

static void frame_text(zmq_msg_t *frame, const char *text) {
    size_t len = strlen(text);
    if (zmq_msg_init_size(frame, len) != 0) {
        (void)zmq_msg_init(frame);
        return;
    }
    memcpy(zmq_msg_data(frame), text, len);
}

static const struct {
    const char *status, *text;
} said[] = {
    [NX_ZAP_REFUSED] = {"400", "this key is not accepted"},
    [NX_ZAP_LATER] = {"300", "this key connects too often"},
    [NX_ZAP_ADMITTED] = {"200", "OK"},
};

/* A request is answered in every case: REP waits for the answer to one before
 * it takes the next. Without memory for a frame the answer is malformed, which
 * libzmq takes as a refusal. */
static void on_request(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct nx_zap *zap = arg;
    char user[NX_ZAP_USER_MAX] = "";
    enum nx_zap_verdict verdict = is_watch(frames, frames_n)
                                      ? NX_ZAP_REFUSED
                                      : verdict_of(zap, frames, frames_n, user);
    zmq_msg_t reply[6];
    frame_text(&reply[0], "1.0");
    (void)zmq_msg_init(&reply[1]);
    if (frames_n > ZAP_REQUEST_ID) {
        (void)zmq_msg_move(&reply[1], &frames[ZAP_REQUEST_ID]);
    }
    frame_text(&reply[2], said[verdict].status);
    frame_text(&reply[3], said[verdict].text);
    frame_text(&reply[4], verdict == NX_ZAP_ADMITTED ? user : "");
    (void)zmq_msg_init(&reply[5]);
    if (nx_zloop_send(zap->zloop, reply, 6) != NX_OK) {
        zap->unable = true;
    }
}

/* --- sockets --- */

static void *make_socket(struct nx_zap *zap, int type) {
    int linger = 0;
    void *socket = zmq_socket(zap->zmq, type);
    if (socket != NULL &&
        zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger)) != 0) {
        (void)zmq_close(socket);
        socket = NULL;
    }
    return socket;
}

static void close_socket(void **socket, struct nx_zloop **zloop) {
    nx_zloop_free(zloop);
    if (*socket != NULL) {
        (void)zmq_close(*socket);
        *socket = NULL;
    }
}

/* An answer, whatever it is. */
static void on_answer(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct nx_zap *zap = arg;
    (void)frames;
    (void)frames_n;
    zap->unanswered_n = 0;
    zap->answered = true;
}

/* Over a connection of its own to the handler that there is now. */
static int watch_it(struct nx_zap *zap) {
    const struct nx_zloop_handler handler = {.message = on_answer, .arg = zap};
    zap->watch = make_socket(zap, ZMQ_DEALER);
    if (zap->watch == NULL || zmq_connect(zap->watch, ZAP_ENDPOINT) != 0 ||
        nx_zloop_new(zap->base, zap->watch, &handler, &zap->watch_loop) !=
            NX_OK) {
        close_socket(&zap->watch, &zap->watch_loop);
        return NX_EIO;
    }
    return NX_OK;
}

/* --- watching it --- */

static void ask(struct nx_zap *zap) {
    static const char *const request[] = {"", "1.0",          "0", DOMAIN, "",
                                          "", WATCH_MECHANISM};
    zmq_msg_t frames[sizeof(request) / sizeof(request[0])];
    const size_t n = sizeof(request) / sizeof(request[0]);
    if (zap->watch == NULL && watch_it(zap) != NX_OK) {
        return; /* no files: asked at the next look */
    }
    for (size_t i = 0; i < n; i++) {
        frame_text(&frames[i], request[i]);
    }
    zap->unanswered_n++;
    if (nx_zloop_send(zap->watch_loop, frames, n) != NX_OK) {
        nx_log(NX_LOG_DEBUG, "the handler of keys cannot be asked");
    }
}

/* The one that stands by becomes the handler. bound: it has its name already.
 * What fails is tried again at the next look. */
static void take_over(struct nx_zap *zap, bool bound) {
    const struct nx_zloop_handler handler = {.message = on_request, .arg = zap};
    struct nx_zloop *zloop = NULL;
    if (!bound && zap->standby != NULL) {
        (void)zmq_unbind(zap->socket, ZAP_ENDPOINT);
        bound = zmq_bind(zap->standby, ZAP_ENDPOINT) == 0;
    }
    if (!bound) {
        return;
    }
    if (nx_zloop_new(zap->base, zap->standby, &handler, &zloop) != NX_OK) {
        (void)zmq_unbind(zap->standby, ZAP_ENDPOINT);
        return;
    }
    close_socket(&zap->socket, &zap->zloop);
    zap->unanswered_n = 0;
    zap->answered = false;
    zap->socket = zap->standby;
    zap->zloop = zloop;
    zap->standby = NULL;
    zap->unable = false;
    zap->remade_n++;
    close_socket(&zap->watch, &zap->watch_loop);
}

static void say_lost(struct nx_zap *zap, const char *fault) {
    if (zap->lost_n == 0) {
        zap->lost_n = 1;
        zap->answered = false;
        zap->lost_mono_us = nx_clock_mono_us();
        snprintf(zap->problem, sizeof(zap->problem),
                 "nobody new is let in: the handler of keys %s; another one is "
                 "made",
                 fault);
        nx_log(NX_LOG_ERROR, "%s", zap->problem);
    }
}

/* What is wrong with it; NULL: nothing. *bound: the one that stands by has its
 * name now: it can be had only when nobody has it. */
static const char *fault_of(struct nx_zap *zap, bool *bound) {
    *bound = zap->standby != NULL && zmq_bind(zap->standby, ZAP_ENDPOINT) == 0;
    if (*bound || (zap->standby != NULL && errno != EADDRINUSE)) {
        return "is gone";
    }
    if (zap->unable) {
        return "is stuck";
    }
    return zap->unanswered_n >= PATIENCE_LOOKS ? "does not answer" : NULL;
}

static void say_found(struct nx_zap *zap) {
    zap->lost_n = 0;
    zap->problem[0] = '\0';
    nx_log(NX_LOG_WARN, "keys are judged again, after %.1f s",
           (double)(nx_clock_mono_us() - zap->lost_mono_us) / 1e6);
}

static void look(struct nx_zap *zap) {
    bool bound = false;
    if (zap->standby == NULL) {
        zap->standby = make_socket(zap, ZMQ_REP);
    }
    const char *fault = fault_of(zap, &bound);
    if (fault != NULL) {
        say_lost(zap, fault);
        take_over(zap, bound);
    } else if (zap->lost_n > 0 && zap->answered) {
        /* Not asked, as without files, is not answered. */
        say_found(zap);
    }
    ask(zap);
}

static void on_look(evutil_socket_t fd, short what, void *arg) {
    struct nx_zap *zap = arg;
    (void)fd;
    (void)what;
    look(zap);
    if (zap->lost_n > 0 && ++zap->lost_n > GIVE_UP_LOOKS) {
        nx_log(NX_LOG_ERROR, "%s; that fails: ending, to be started again",
               zap->problem);
        event_base_loopbreak(zap->base);
    }
}

static int look_each(struct nx_zap *zap) {
    const struct timeval each = {0, NX_ZAP_LOOK_US};
    zap->on_look = event_new(zap->base, -1, EV_PERSIST, on_look, zap);
    return zap->on_look != NULL && event_add(zap->on_look, &each) == 0
               ? NX_OK
               : NX_ENOMEM;
}

/* --- life --- */

int nx_zap_new(struct event_base *base, void *zmq, nx_zap_judge judge,
               void *arg, struct nx_zap **out) {
    struct nx_zap *zap = calloc(1, sizeof(*zap));
    const struct nx_zloop_handler handler = {.message = on_request, .arg = zap};
    if (zap == NULL) {
        return NX_ENOMEM;
    }
    zap->base = base;
    zap->zmq = zmq;
    zap->judge = judge;
    zap->arg = arg;
    zap->socket = make_socket(zap, ZMQ_REP);
    zap->standby = make_socket(zap, ZMQ_REP);
    int err = NX_EIO;
    if (zap->socket != NULL && zap->standby != NULL &&
        zmq_bind(zap->socket, ZAP_ENDPOINT) == 0) {
        err = nx_zloop_new(base, zap->socket, &handler, &zap->zloop);
    }
    if (err == NX_OK) {
        err = watch_it(zap);
    }
    if (err == NX_OK) {
        err = look_each(zap);
    }
    if (err != NX_OK) {
        nx_zap_free(&zap);
        return err;
    }
    *out = zap;
    return NX_OK;
}

void nx_zap_free(struct nx_zap **zap_p) {
    struct nx_zap *zap = *zap_p;
    struct nx_zloop *none = NULL;
    if (zap == NULL) {
        return;
    }
    if (zap->on_look != NULL) {
        event_free(zap->on_look);
    }
    close_socket(&zap->watch, &zap->watch_loop);
    close_socket(&zap->socket, &zap->zloop);
    close_socket(&zap->standby, &none);
    free(zap);
    *zap_p = NULL;
}

int nx_zap_guard(void *socket) {
    const int on = 1;
    return zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, DOMAIN, strlen(DOMAIN)) ==
                       0 &&
                   zmq_setsockopt(socket, ZMQ_ZAP_ENFORCE_DOMAIN, &on,
                                  sizeof(on)) == 0
               ? NX_OK
               : NX_EIO;
}

const char *nx_zap_problem(const struct nx_zap *zap) {
    return zap->problem;
}

uint64_t nx_zap_remade(const struct nx_zap *zap) {
    return zap->remade_n;
}
