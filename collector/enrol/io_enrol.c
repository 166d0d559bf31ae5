#include "collector/enrol/io_enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "collector/enrol/gate.h"
#include "collector/ingest/io_spare.h"
#include "collector/ingest/io_zap.h"
#include "collector/ingest/quiet.h"
#include "common/io_log.h"
#include "common/io_zloop.h"

#define ENDPOINT_MAX 256U
#define ROUTING_BYTES 8U /* ROUTER makes ids of 5 */
#define ANSWERED_MAX (2 * NX_ENROL_CONNECTIONS_MAX)
#define FRAME_MAX_BYTES                                                        \
    1024 /* the frames of the CURVE handshake count, too                       \
          */
#define FILES_LOG_US 10000000
#define MONITORED                                                              \
    (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED |                             \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_ACCEPT_FAILED)

struct nx_enrol {
    struct event_base *base;
    const struct nx_steady *clock;
    char endpoint[ENDPOINT_MAX];
    struct nx_keypair keys;
    nx_enrol_claim claim;
    void *arg;
    void *zmq;
    struct nx_zap *zap;
    void *socket;
    struct nx_zloop *zloop;
    struct nx_zmonitor *monitor;
    struct event *on_clear; /* all are shown out */
    struct nx_spare spare;
    struct nx_quiet files_quiet;
    struct nx_gate gate;
    unsigned connections_n; /* about: those that failed early count till then */
    uint8_t answered[ANSWERED_MAX][ROUTING_BYTES]; /* a ring */
    size_t answered_n;
    struct nx_enrol_counters counters;
};

/* --- who may speak --- */

/* One that tries too often is told so at once: somebody waits for it. */
static enum nx_zap_verdict judge(void *arg, const uint8_t *key,
                                 const char *address, char *user) {
    struct nx_enrol *enrol = arg;
    if (key == NULL ||
        !nx_gate_pass(&enrol->gate, address, nx_steady_wall_us(enrol->clock))) {
        return NX_ZAP_REFUSED;
    }
    nx_z85_key_text(key, user);
    return NX_ZAP_ADMITTED;
}

/* --- what is said --- */

static void reply_to(struct nx_enrol *enrol, zmq_msg_t *routing,
                     const struct nx_join_reply *reply) {
    zmq_msg_t frames[2];
    uint8_t bytes[NX_JOIN_REPLY_BYTES];
    if (nx_join_reply_pack(reply, bytes) != NX_OK ||
        zmq_msg_init_size(&frames[1], sizeof(bytes)) != 0) {
        return;
    }
    memcpy(zmq_msg_data(&frames[1]), bytes, sizeof(bytes));
    (void)zmq_msg_init(&frames[0]);
    (void)zmq_msg_move(&frames[0], routing);
    if (nx_zloop_send(enrol->zloop, frames, 2) != NX_OK) {
        nx_log(NX_LOG_WARN, "who wanted to join is gone before the answer");
    }
}

/* Did this connection have its answer? libzmq cannot end one, so what comes
 * after is dropped; routing ids are not given twice in a row. */
static bool answered(struct nx_enrol *enrol, zmq_msg_t *routing) {
    uint8_t id[ROUTING_BYTES] = {0};
    size_t n = zmq_msg_size(routing);
    memcpy(id, zmq_msg_data(routing), n < sizeof(id) ? n : sizeof(id));
    for (size_t i = 0; i < ANSWERED_MAX; i++) {
        if (memcmp(enrol->answered[i], id, sizeof(id)) == 0) {
            return true;
        }
    }
    memcpy(enrol->answered[enrol->answered_n++ % ANSWERED_MAX], id, sizeof(id));
    return false;
}

static void on_message(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct nx_enrol *enrol = arg;
    zmq_msg_t *body = &frames[frames_n - 1];
    const char *key = zmq_msg_gets(body, "User-Id");
    const char *address = zmq_msg_gets(body, "Peer-Address");
    struct nx_join_request request;
    struct nx_join_reply reply;
    memset(&reply, 0, sizeof(reply));
    if (key == NULL || frames_n != 2 || answered(enrol, &frames[0]) ||
        nx_join_request_parse(zmq_msg_data(body), zmq_msg_size(body),
                              &request) != NX_OK) {
        enrol->counters.bad_n++;
        return;
    }
    address = address != NULL ? nx_address_unmapped(address) : "";
    enrol->claim(enrol->arg, key, address, &request, &reply);
    enrol->counters.requests_n++;
    sodium_memzero(&request, sizeof(request));
    reply_to(enrol, &frames[0], &reply);
}

/* --- the socket --- */

static void say_accept_failed(struct nx_enrol *enrol, int why) {
    uint64_t held_n = 0;
    if (nx_quiet_pass(&enrol->files_quiet, nx_steady_wall_us(enrol->clock),
                      FILES_LOG_US, &held_n)) {
        nx_log(NX_LOG_ERROR,
               "enrolment: %s: connections not taken: %s; raise the limit of "
               "open files (LimitNOFILE)",
               enrol->endpoint, zmq_strerror(why));
    }
}

static void clear_soon(struct nx_enrol *enrol) {
    const struct timeval soon = {0, 100000};
    if (event_pending(enrol->on_clear, EV_TIMEOUT, NULL) == 0) {
        (void)evtimer_add(enrol->on_clear, &soon);
    }
}

static void on_monitor(void *arg, uint16_t event, uint32_t value,
                       const char *address) {
    struct nx_enrol *enrol = arg;
    (void)address;
    if (event == ZMQ_EVENT_ACCEPTED) { /* value: its descriptor */
        enrol->connections_n++;
        nx_spare_accepted(&enrol->spare, (int)value);
    } else if (event == ZMQ_EVENT_DISCONNECTED && enrol->connections_n > 0) {
        enrol->connections_n--;
    } else if (event == ZMQ_EVENT_ACCEPT_FAILED) {
        say_accept_failed(enrol, (int)value);
        nx_spare_accept_failed(&enrol->spare);
    }
    if (enrol->connections_n > NX_ENROL_CONNECTIONS_MAX) {
        clear_soon(enrol);
    }
}

static int set_options(void *socket, const struct nx_keypair *keys) {
    static const int options[][2] = {
        {ZMQ_CURVE_SERVER, 1},     {ZMQ_ROUTER_MANDATORY, 1},
        {ZMQ_RCVHWM, 2},           {ZMQ_SNDHWM, 2},
        {ZMQ_HANDSHAKE_IVL, 5000}, {ZMQ_BACKLOG, 32},
        {ZMQ_HEARTBEAT_IVL, 5000}, {ZMQ_HEARTBEAT_TIMEOUT, 10000},
        {ZMQ_LINGER, 500},
    };
    const int64_t max_bytes = FRAME_MAX_BYTES;
    int rc =
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key,
                       NX_KEY_TEXT_MAX) |
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_bytes, sizeof(max_bytes));
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        rc |= zmq_setsockopt(socket, options[i][0], &options[i][1],
                             sizeof(options[i][1]));
    }
    return rc == 0 ? NX_OK : NX_EIO;
}

static int open_socket(struct nx_enrol *enrol) {
    const struct nx_zloop_handler handler = {.message = on_message,
                                             .arg = enrol};
    const int six = strchr(enrol->endpoint, '[') != NULL ? 1 : 0;
    enrol->connections_n = 0;
    enrol->socket = zmq_socket(enrol->zmq, ZMQ_ROUTER);
    if (enrol->socket == NULL ||
        set_options(enrol->socket, &enrol->keys) != NX_OK ||
        nx_zap_guard(enrol->socket) != NX_OK ||
        zmq_setsockopt(enrol->socket, ZMQ_IPV6, &six, sizeof(six)) != 0) {
        return NX_EIO;
    }
    int err = nx_zloop_new(enrol->base, enrol->socket, &handler, &enrol->zloop);
    if (err == NX_OK) {
        err = nx_zmonitor_new(enrol->base, enrol->zmq, enrol->socket, MONITORED,
                              on_monitor, enrol, &enrol->monitor);
    }
    if (err == NX_OK && (!nx_spare_may_bind() ||
                         zmq_bind(enrol->socket, enrol->endpoint) != 0)) {
        err = NX_EIO;
    }
    if (err == NX_OK) {
        nx_zloop_kick(enrol->zloop);
    }
    return err;
}

static void close_socket(struct nx_enrol *enrol) {
    nx_zmonitor_free(&enrol->monitor);
    nx_zloop_free(&enrol->zloop);
    if (enrol->socket != NULL) {
        (void)zmq_close(enrol->socket);
        enrol->socket = NULL;
    }
}

/* The port is free again a moment after the socket was closed. */
static void on_clear(evutil_socket_t fd, short what, void *arg) {
    struct nx_enrol *enrol = arg;
    const struct timeval again = {0, 200000};
    (void)fd;
    (void)what;
    if (enrol->socket != NULL) {
        nx_log(NX_LOG_WARN,
               "enrolment: more than %u connections: all are ended",
               NX_ENROL_CONNECTIONS_MAX);
        enrol->counters.cleared_n++;
    }
    close_socket(enrol);
    if (open_socket(enrol) != NX_OK) {
        close_socket(enrol);
        (void)evtimer_add(enrol->on_clear, &again);
    }
}

/* --- life --- */

static int start(struct nx_enrol *enrol) {
    enrol->zmq = zmq_ctx_new();
    enrol->on_clear = evtimer_new(enrol->base, on_clear, enrol);
    if (enrol->zmq == NULL || enrol->on_clear == NULL) {
        return NX_ENOMEM;
    }
    int err = nx_spare_init(&enrol->spare, enrol->base);
    if (err == NX_OK) {
        err = nx_zap_new(enrol->base, enrol->zmq, judge, enrol, &enrol->zap);
    }
    return err == NX_OK ? open_socket(enrol) : err;
}

int nx_enrol_new(struct event_base *base, const struct nx_steady *clock,
                 const char *endpoint, const struct nx_keypair *keys,
                 nx_enrol_claim claim, void *arg, struct nx_enrol **out,
                 char *why, size_t why_cap) {
    struct nx_enrol *enrol = calloc(1, sizeof(*enrol));
    if (enrol == NULL || strlen(endpoint) >= sizeof(enrol->endpoint)) {
        free(enrol);
        snprintf(why, why_cap, "%s", nx_strerror(NX_ENOMEM));
        return NX_ENOMEM;
    }
    enrol->base = base;
    enrol->clock = clock;
    enrol->keys = *keys;
    enrol->claim = claim;
    enrol->arg = arg;
    snprintf(enrol->endpoint, sizeof(enrol->endpoint), "%s", endpoint);
    int err = start(enrol);
    if (err != NX_OK) {
        snprintf(why, why_cap, "%s: cannot listen: %s", endpoint,
                 err == NX_EIO ? zmq_strerror(zmq_errno()) : nx_strerror(err));
        nx_enrol_free(&enrol);
        return err;
    }
    *out = enrol;
    return NX_OK;
}

void nx_enrol_free(struct nx_enrol **enrol_p) {
    struct nx_enrol *enrol = *enrol_p;
    if (enrol == NULL) {
        return;
    }
    close_socket(enrol);
    nx_zap_free(&enrol->zap);
    nx_spare_fini(&enrol->spare);
    if (enrol->on_clear != NULL) {
        event_free(enrol->on_clear);
    }
    if (enrol->zmq != NULL) {
        (void)zmq_ctx_term(enrol->zmq);
    }
    nx_keys_wipe(&enrol->keys);
    free(enrol);
    *enrol_p = NULL;
}

void nx_enrol_counters(const struct nx_enrol *enrol,
                       struct nx_enrol_counters *out) {
    *out = enrol->counters;
    out->slowed_n = enrol->gate.refused_n;
    out->remade_n = nx_zap_remade(enrol->zap);
}

const char *nx_enrol_problem(const struct nx_enrol *enrol) {
    return nx_zap_problem(enrol->zap);
}
