#include "collector/ingest/io_zap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/io_log.h"
#include "common/io_zloop.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

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
    nx_zap_judge judge;
    void *arg;
    void *socket;
    struct nx_zloop *zloop;
};

static bool frame_is(zmq_msg_t *frame, const char *text) {
    size_t len = strlen(text);
    return zmq_msg_size(frame) == len &&
           memcmp(zmq_msg_data(frame), text, len) == 0;
}

static bool admits(struct nx_zap *zap, zmq_msg_t *frames, size_t frames_n,
                   char *user) {
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
    bool ok = zap->judge(zap->arg, key, nx_address_unmapped(address), user);
    return ok && key != NULL;
}

static void frame_text(zmq_msg_t *frame, const char *text) {
    size_t len = strlen(text);
    if (zmq_msg_init_size(frame, len) != 0) {
        (void)zmq_msg_init(frame);
        return;
    }
    memcpy(zmq_msg_data(frame), text, len);
}

/* A request is answered in every case: REP waits for the answer to one before
 * it takes the next. Without memory for a frame the answer is malformed, which
 * libzmq takes as a refusal. */
static void on_request(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct nx_zap *zap = arg;
    char user[NX_ZAP_USER_MAX] = "";
    bool ok = admits(zap, frames, frames_n, user);
    zmq_msg_t reply[6];
    frame_text(&reply[0], "1.0");
    (void)zmq_msg_init(&reply[1]);
    if (frames_n > ZAP_REQUEST_ID) {
        (void)zmq_msg_move(&reply[1], &frames[ZAP_REQUEST_ID]);
    }
    frame_text(&reply[2], ok ? "200" : "400");
    frame_text(&reply[3], ok ? "OK" : "this key is not accepted");
    frame_text(&reply[4], ok ? user : "");
    (void)zmq_msg_init(&reply[5]);
    if (nx_zloop_send(zap->zloop, reply, 6) != NX_OK) {
        nx_log(NX_LOG_ERROR, "cannot answer a handshake");
    }
}

int nx_zap_new(struct event_base *base, void *zmq, nx_zap_judge judge,
               void *arg, struct nx_zap **out) {
    struct nx_zap *zap = calloc(1, sizeof(*zap));
    const struct nx_zloop_handler handler = {.message = on_request, .arg = zap};
    int linger = 0;
    if (zap == NULL) {
        return NX_ENOMEM;
    }
    zap->judge = judge;
    zap->arg = arg;
    zap->socket = zmq_socket(zmq, ZMQ_REP);
    int err = NX_EIO;
    if (zap->socket != NULL &&
        zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger, sizeof(linger)) == 0 &&
        zmq_bind(zap->socket, ZAP_ENDPOINT) == 0) {
        err = nx_zloop_new(base, zap->socket, &handler, &zap->zloop);
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
    if (zap == NULL) {
        return;
    }
    nx_zloop_free(&zap->zloop);
    if (zap->socket != NULL) {
        (void)zmq_close(zap->socket);
    }
    free(zap);
    *zap_p = NULL;
}
