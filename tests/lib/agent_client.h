/* For tests: an agent as the collector sees it, without any of its policy. */
#ifndef NX_TESTS_LIB_AGENT_CLIENT_H
#define NX_TESTS_LIB_AGENT_CLIENT_H

#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "common/codec.h"
#include "common/io_keys.h"
#include "common/rrtype.h"

struct nx_test_client {
    void *socket;
    struct nx_keypair keys;
    int handshake_ms; /* tries again after that; 0: as libzmq has it */
    uint64_t epoch;
    int64_t collector_us; /* collector time of its batches; 0: says nothing */
    struct nx_ack ack;    /* the newest */
    unsigned acks_n;
    unsigned hello_acks_n; /* those among them that answer a hello */
    unsigned refused_n;    /* messages, and the newest of them */
    uint32_t refused_crc;
    bool keep; /* it is to be kept */
    unsigned plans_n;
    size_t plan_tasks_n;
};

static inline void nx_test_client_keys(struct nx_test_client *client) {
    if (zmq_curve_keypair(client->keys.public_key, client->keys.secret_key) !=
        0) {
        abort();
    }
}

static inline void nx_test_client_connect(struct nx_test_client *client,
                                          void *zmq, const char *endpoint,
                                          const char *server_key) {
    const int linger = 0;
    const int hwm = 1000;
    const int again_ms = 20;
    client->socket = zmq_socket(zmq, ZMQ_DEALER);
    int rc = zmq_setsockopt(client->socket, ZMQ_LINGER, &linger, sizeof linger);
    rc |= zmq_setsockopt(client->socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
    rc |= zmq_setsockopt(client->socket, ZMQ_RECONNECT_IVL, &again_ms,
                         sizeof again_ms);
    rc |= zmq_setsockopt(client->socket, ZMQ_CURVE_SERVERKEY, server_key,
                         NX_KEY_TEXT_MAX);
    rc |= zmq_setsockopt(client->socket, ZMQ_CURVE_PUBLICKEY,
                         client->keys.public_key, NX_KEY_TEXT_MAX);
    rc |= zmq_setsockopt(client->socket, ZMQ_CURVE_SECRETKEY,
                         client->keys.secret_key, NX_KEY_TEXT_MAX);
    if (client->handshake_ms > 0) {
        rc |= zmq_setsockopt(client->socket, ZMQ_HANDSHAKE_IVL,
                             &client->handshake_ms, sizeof(int));
    }
    rc |= zmq_connect(client->socket, endpoint);
    if (rc != 0) {
        abort();
    }
}

static inline void nx_test_client_close(struct nx_test_client *client) {
    if (client->socket != NULL) {
        zmq_close(client->socket);
        client->socket = NULL;
    }
}

static inline void nx_test_client_send(struct nx_test_client *client,
                                       const void *bytes, size_t len) {
    if (zmq_send(client->socket, bytes, len, ZMQ_DONTWAIT) < 0) {
        abort(); /* the queue is larger than any test fills it */
    }
}

static inline struct nx_arena *nx_test_scratch(void) {
    static _Alignas(16) uint8_t memory[1U << 20];
    static struct nx_arena arena;
    nx_arena_init(&arena, memory, sizeof(memory));
    return &arena;
}

/* n results that all say "does not exist", a millisecond apart, the first at
 * collector_us (0: the agent does not know the offset of its clock). gap_from
 * 0: no gap record. */
static inline size_t nx_test_batch(uint64_t epoch, uint64_t first, size_t n,
                                   uint64_t gap_from, int64_t collector_us,
                                   uint8_t *out) {
    static const uint8_t name[] = "\3www\7example\3com";
    static const uint8_t apex[] = "\7example\3com";
    static struct nx_obs obs[NX_BATCH_OBS_MAX];
    const struct nx_question question = {.name = name,
                                         .qtype = NX_TYPE_A,
                                         .flags = NX_Q_RD,
                                         .to = {.address = {192, 0, 2, 1},
                                                .address_len = 4,
                                                .layer = NX_LAYER_NETWORK,
                                                .port = 53}};
    const struct nx_answer answer = {.outcome = NX_ANSWERED,
                                     .rcode = NX_RCODE_NXDOMAIN,
                                     .flags = NX_ANS_RA | NX_ANS_SOA,
                                     .soa_owner = apex,
                                     .soa_serial = 7,
                                     .soa_minimum_s = 900};
    const struct nx_gap gap = {gap_from, first - 1, NX_GAP_SPACE};
    for (size_t i = 0; i < n; i++) {
        obs[i] = (struct nx_obs){.question = &question,
                                 .answer = &answer,
                                 .tx_mono_us = (int64_t)i * 1000,
                                 .rx_mono_us = (int64_t)i * 1000 + 30,
                                 .soa_ttl_s = 600,
                                 .src_port = 40000};
    }
    const struct nx_batch batch = {.epoch = epoch,
                                   .first_seq = first,
                                   .clock = {.offset_us = -collector_us,
                                             .offset_error_us = 500,
                                             .offset_known = collector_us != 0},
                                   .questions = &question,
                                   .questions_n = 1,
                                   .answers = &answer,
                                   .answers_n = 1,
                                   .gaps = &gap,
                                   .gaps_n = gap_from != 0 ? 1 : 0,
                                   .obs = obs,
                                   .obs_n = n};
    size_t len = 0;
    if (nx_codec_pack_batch(&batch, nx_test_scratch(), out, NX_MSG_MAX_BYTES,
                            &len) != NX_OK) {
        abort();
    }
    return len;
}

static inline void nx_test_client_batch(struct nx_test_client *client,
                                        uint64_t first, size_t n,
                                        uint64_t gap_from) {
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    size_t len = nx_test_batch(client->epoch, first, n, gap_from,
                               client->collector_us, bytes);
    nx_test_client_send(client, bytes, len);
}

static inline void nx_test_client_hello(struct nx_test_client *client,
                                        uint32_t protocol) {
    uint8_t bytes[1024];
    size_t len = 0;
    const struct nx_endpoint resolver = {.address = {192, 0, 2, 1},
                                         .address_len = 4,
                                         .layer = NX_LAYER_NETWORK,
                                         .port = 53};
    const struct nx_hello hello = {.protocol = protocol,
                                   .software = "test",
                                   .epoch = client->epoch,
                                   .next_seq = 1,
                                   .resolvers = &resolver,
                                   .resolvers_n = 1};
    if (nx_codec_pack_hello(&hello, nx_test_scratch(), bytes, sizeof(bytes),
                            &len) != NX_OK) {
        abort();
    }
    nx_test_client_send(client, bytes, len);
}

/* Takes in what has come. */
static inline void nx_test_client_read(struct nx_test_client *client) {
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    int n = 0;
    while ((n = zmq_recv(client->socket, bytes, sizeof(bytes), ZMQ_DONTWAIT)) >=
           0) {
        struct nx_down down;
        const char *why = NULL;
        if (nx_codec_unpack_down(bytes, (size_t)n, nx_test_scratch(), &down,
                                 &why) != NX_OK) {
            abort();
        }
        if (down.kind == NX_DOWN_ACK && down.u.ack.refused_crc != 0) {
            client->refused_crc = down.u.ack.refused_crc;
            client->keep = down.u.ack.keep;
            client->refused_n++;
        } else if (down.kind == NX_DOWN_ACK) {
            client->ack = down.u.ack;
            client->acks_n++;
            client->hello_acks_n += down.u.ack.echo == 0;
        } else {
            client->plan_tasks_n = down.u.plan.tasks_n;
            client->plans_n++;
        }
    }
}

#endif
