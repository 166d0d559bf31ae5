#include "agent/join/io_join.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>
#include <zmq.h>

#include "common/z85.h"

#define ATTEMPT_MS 10000
#define POLL_MS 100
#define FRAME_MAX_BYTES                                                        \
    1024 /* the frames of the CURVE handshake count, too                       \
          */
#define MONITOR "inproc://join-monitor"

struct attempt {
    void *zmq;
    void *socket;
    void *monitor;
    bool refused;   /* before a word */
    bool connected; /* TCP */
    bool shaken;    /* CURVE */
};

static int set_options(void *socket, const struct nx_join *join,
                       const struct nx_keypair *keys) {
    static const int options[][2] = {
        {ZMQ_LINGER, 0},
        {ZMQ_IMMEDIATE, 1},
        {ZMQ_RECONNECT_IVL, -1},
        {ZMQ_IPV6, 1},
        {ZMQ_HANDSHAKE_IVL, ATTEMPT_MS},
    };
    const int64_t largest = FRAME_MAX_BYTES;
    int rc = zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, join->server_key,
                            NX_KEY_BYTES) |
             zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key,
                            NX_KEY_TEXT_MAX) |
             zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key,
                            NX_KEY_TEXT_MAX) |
             zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof(largest));
    for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
        rc |= zmq_setsockopt(socket, options[i][0], &options[i][1],
                             sizeof(options[i][1]));
    }
    return rc == 0 ? NX_OK : NX_EIO;
}

static void close_all(struct attempt *a) {
    if (a->monitor != NULL) {
        (void)zmq_close(a->monitor);
    }
    if (a->socket != NULL) {
        (void)zmq_close(a->socket);
    }
    if (a->zmq != NULL) {
        (void)zmq_ctx_term(a->zmq);
    }
}

static int open_all(struct attempt *a, const struct nx_join *join,
                    const struct nx_endpoint *at,
                    const struct nx_keypair *keys) {
    char text[NX_ENDPOINT_TEXT_MAX];
    char endpoint[NX_ENDPOINT_TEXT_MAX + 8];
    (void)nx_endpoint_text(at, text);
    *strrchr(text, '@') = ':';
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://%s", text);
    a->zmq = zmq_ctx_new();
    a->socket = a->zmq != NULL ? zmq_socket(a->zmq, ZMQ_DEALER) : NULL;
    a->monitor = a->zmq != NULL ? zmq_socket(a->zmq, ZMQ_PAIR) : NULL;
    if (a->socket == NULL || a->monitor == NULL ||
        set_options(a->socket, join, keys) != NX_OK ||
        zmq_socket_monitor(a->socket, MONITOR, ZMQ_EVENT_ALL) != 0 ||
        zmq_connect(a->monitor, MONITOR) != 0 ||
        zmq_connect(a->socket, endpoint) != 0) {
        return NX_EIO;
    }
    return NX_OK;
}

/* True: the attempt is over. */
static bool take_event(struct attempt *a) {
    zmq_msg_t msg;
    uint16_t event = 0;
    (void)zmq_msg_init(&msg);
    if (zmq_msg_recv(&msg, a->monitor, 0) >= (int)sizeof(event)) {
        memcpy(&event, zmq_msg_data(&msg), sizeof(event));
    }
    bool more = zmq_msg_more(&msg) != 0;
    (void)zmq_msg_close(&msg);
    while (more) { /* the address */
        (void)zmq_msg_init(&msg);
        more =
            zmq_msg_recv(&msg, a->monitor, 0) >= 0 && zmq_msg_more(&msg) != 0;
        (void)zmq_msg_close(&msg);
    }
    a->connected |= event == ZMQ_EVENT_CONNECTED;
    a->shaken |= event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    a->refused |= event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
    return a->refused || event == ZMQ_EVENT_DISCONNECTED ||
           event == ZMQ_EVENT_CLOSED ||
           event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
           event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
}

static int explain(const struct attempt *a, const struct nx_endpoint *at,
                   char *why, size_t why_cap) {
    char text[NX_ENDPOINT_TEXT_MAX];
    const char *reason =
        a->refused     ? "too many attempts from here; wait a minute"
        : a->shaken    ? "no answer"
        : a->connected ? "what answers has not the key of the join string: is "
                         "the string old, or somebody in between?"
                       : "no connection";
    (void)snprintf(why, why_cap, "%s: %s", nx_endpoint_text(at, text), reason);
    return a->refused ? NX_EDENIED : NX_EIO;
}

/* Sends the request and waits for the answer; NX_EAGAIN: it did not come. */
static int converse(struct attempt *a, const uint8_t *request,
                    struct nx_join_reply *reply) {
    uint8_t bytes[NX_JOIN_REPLY_BYTES + 1];
    bool sent = false;
    bool over = false;
    for (int ms = 0; ms < ATTEMPT_MS && !over; ms += POLL_MS) {
        zmq_pollitem_t items[] = {{a->socket, 0, ZMQ_POLLIN, 0},
                                  {a->monitor, 0, ZMQ_POLLIN, 0}};
        if (zmq_poll(items, 2, POLL_MS) < 0 && errno != EINTR) {
            return NX_EIO;
        }
        if ((items[1].revents & ZMQ_POLLIN) != 0) {
            over = take_event(a);
            ms -= POLL_MS; /* it did not wait */
        }
        if (a->shaken && !sent) {
            sent = zmq_send(a->socket, request, NX_JOIN_REQUEST_BYTES,
                            ZMQ_DONTWAIT) == (int)NX_JOIN_REQUEST_BYTES;
        }
        if ((items[0].revents & ZMQ_POLLIN) != 0) {
            int n = zmq_recv(a->socket, bytes, sizeof(bytes), ZMQ_DONTWAIT);
            return n < 0 ? NX_EIO
                         : nx_join_reply_parse(bytes, (size_t)n, reply);
        }
    }
    return NX_EAGAIN;
}

int nx_join_ask(const struct nx_join *join, const struct nx_keypair *keys,
                struct nx_join_reply *reply, char *why, size_t why_cap) {
    struct nx_join_request request;
    uint8_t bytes[NX_JOIN_REQUEST_BYTES];
    int err = NX_EIO;
    memset(&request, 0, sizeof(request));
    memcpy(request.token, join->token, sizeof(request.token));
    nx_join_request_pack(&request, bytes);
    for (size_t i = 0; i < join->addresses_n && err != NX_OK; i++) {
        struct attempt a = {.refused = false};
        err = open_all(&a, join, &join->addresses[i], keys);
        if (err == NX_OK) {
            err = converse(&a, bytes, reply);
        }
        if (err != NX_OK) {
            err = explain(&a, &join->addresses[i], why, why_cap);
        }
        close_all(&a);
    }
    sodium_memzero(&request, sizeof(request));
    sodium_memzero(bytes, sizeof(bytes));
    return err;
}
