/* The parts of the benchmark of many connections; tests/bench/connections puts
 * them together.
 *
 *   prepare DIR AGENTS PORT HTTP   keys, a store with agents and an open
 *                                  incident, a configuration
 *   floor DIR PORT                 CURVE ROUTER that sends each message back
 *   agents DIR FIRST N PORT SOURCE [floor]
 *                                  so many agents from one source address
 *
 * An agent connects as io_uplink does: one attempt at a time, the same
 * handshake limit, the same backoff. Then it says hello, and when that is
 * answered it sends a batch. Whenever all have a batch acknowledged over the
 * connection that they have now, a line of JSON says so. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "agent/uplink/backoff.h"
#include "common/io_clock.h"
#include "common/io_zloop.h"
#include "tests/lib/agent_client.h"
#include "tests/lib/bench_site.h"
#include "tests/lib/dice.h"

#define AGENTS_MAX 100000U
#define HANDSHAKE_MS 15000 /* as in io_uplink_link.c */
#define AGAIN_MS 10000     /* ACK_TIMEOUT_US of io_uplink.c */
#define RESULTS 10U
#define FLOOR_SPREAD_MS 2U /* each agent, as NX_PEER_COMES_MS */

/* --- prepare --- */

static void store_agents(struct nx_store *store, unsigned agents_n) {
    FILE *file = fopen(in_folder("agents.keys", 0), "wb");
    if (file == NULL) {
        die("agents.keys");
    }
    for (unsigned i = 1; i <= agents_n; i++) {
        struct nx_keypair keys;
        if (zmq_curve_keypair(keys.public_key, keys.secret_key) != 0 ||
            fwrite(&keys, sizeof(keys), 1, file) != 1) {
            die("a key");
        }
        store_agent(store, i, &keys);
    }
    if (fclose(file) != 0) {
        die("agents.keys");
    }
}

static void store_incident(struct nx_store *store) {
    static const uint8_t name[] = "\3www\7example\3com";
    static struct nx_incident incident;
    int64_t now_us = nx_clock_wall_us();
    incident = (struct nx_incident){.opened_us = now_us,
                                    .closed_us = NX_TIME_UNKNOWN,
                                    .outage_from_us = now_us - 600000000,
                                    .outage_to_us = now_us - 60000000,
                                    .restored_us = now_us - 60000000,
                                    .items_n = 1};
    memcpy(incident.items[0].name, name, sizeof(name));
    incident.items[0].qtype = NX_TYPE_A;
    must(store, nx_store_incident_add(store, &incident));
}

static int prepare(unsigned agents_n, unsigned port, unsigned http) {
    struct nx_store *store = make_site(port, http, "");
    must(store, nx_store_begin(store));
    store_agents(store, agents_n);
    must(store, nx_store_commit(store));
    store_incident(store);
    nx_store_close(&store);
    return 0;
}

/* --- the floor --- */

_Noreturn static void floor_server(unsigned port) {
    struct nx_keypair keys;
    char endpoint[64];
    const int on = 1;
    const int backlog = 4096;
    void *zmq = zmq_ctx_new();
    void *router = zmq_socket(zmq, ZMQ_ROUTER);
    read_keys("collector.key", 0, &keys);
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", port);
    if (zmq_setsockopt(router, ZMQ_CURVE_SERVER, &on, sizeof(on)) != 0 ||
        zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, keys.secret_key,
                       NX_KEY_TEXT_MAX) != 0 ||
        zmq_setsockopt(router, ZMQ_BACKLOG, &backlog, sizeof(backlog)) != 0 ||
        zmq_bind(router, endpoint) != 0) {
        die(endpoint);
    }
    for (;;) {
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, router, 0) < 0) {
            die("receive");
        }
        int more = zmq_msg_more(&frame) != 0 ? ZMQ_SNDMORE : 0;
        if (zmq_msg_send(&frame, router, more) < 0) {
            (void)zmq_msg_close(&frame);
        }
    }
}

/* --- agents --- */

enum link { WAITING, CONNECTING, ENDING, GREETING, SENDING, DONE };

struct agent {
    enum link link;
    bool lost; /* ENDING: it was connected */
    struct nx_keypair keys;
    void *socket;
    struct nx_zloop *zloop;
    struct nx_zmonitor *monitor;
    struct event *timer;
    struct nx_backoff backoff;
    uint64_t epoch;
    uint64_t acked;
};

static struct crowd {
    struct event_base *base;
    void *zmq;
    struct agent *agents;
    unsigned n;
    bool floor;
    uint32_t spread_ms; /* as the collector wishes */
    char server_key[NX_KEY_TEXT_MAX];
    char endpoint[96];
    struct dice dice;
    unsigned done_n;
    uint64_t attempts_n, timeouts_n, again_n; /* since the last line */
} crowd;

static void after_ms(struct agent *a, uint32_t ms) {
    const struct timeval tv = {ms / 1000, (ms % 1000) * 1000};
    (void)evtimer_add(a->timer, &tv);
}

static void report(void) {
    printf("{\"at_us\": %" PRId64 ", \"attempts\": %" PRIu64
           ", \"timeouts\": %" PRIu64 ", \"again\": %" PRIu64 "}\n",
           nx_clock_mono_us(), crowd.attempts_n, crowd.timeouts_n,
           crowd.again_n);
    (void)fflush(stdout);
    crowd.attempts_n = 0;
    crowd.timeouts_n = 0;
    crowd.again_n = 0;
}

/* Callbacks of what is to be freed are on the stack: in the next turn. */
static void end(struct agent *a) {
    if (a->link == ENDING || a->link == WAITING) {
        return;
    }
    crowd.done_n -= a->link == DONE;
    a->lost = a->link != CONNECTING;
    a->link = ENDING;
    after_ms(a, 0);
}

static void say(struct agent *a) {
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    size_t len = 0;
    if (a->link == GREETING) {
        const struct nx_hello hello = {.protocol = NX_PROTOCOL,
                                       .software = "bench",
                                       .epoch = a->epoch,
                                       .next_seq = a->acked + 1};
        if (nx_codec_pack_hello(&hello, nx_test_scratch(), bytes, sizeof(bytes),
                                &len) != NX_OK) {
            die("a hello was not packed");
        }
    } else {
        len = nx_test_batch(a->epoch, a->acked + 1, RESULTS, 0,
                            nx_clock_wall_us() - 100000, bytes);
    }
    if (nx_zloop_send_bytes(a->zloop, bytes, len) != NX_OK) {
        die("send");
    }
    after_ms(a, AGAIN_MS);
}

static void acknowledged(struct agent *a, uint64_t up_to, bool of_hello) {
    if (a->link == GREETING && of_hello) {
        a->acked = up_to;
        a->link = SENDING;
        say(a);
    } else if (a->link == SENDING && up_to >= a->acked + RESULTS) {
        a->acked = up_to;
        a->link = DONE;
        a->backoff = (struct nx_backoff){0};
        (void)evtimer_del(a->timer);
        if (++crowd.done_n == crowd.n) {
            report();
        }
    }
}

static void on_message(void *arg, zmq_msg_t *frames, size_t frames_n) {
    struct agent *a = arg;
    struct nx_down down;
    const char *why = "";
    if (crowd.floor) {
        acknowledged(a, a->link == GREETING ? a->acked : a->acked + RESULTS,
                     true);
        return;
    }
    if (frames_n != 1 ||
        nx_codec_unpack_down(zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]),
                             nx_test_scratch(), &down, &why) != NX_OK) {
        die(why);
    }
    if (down.kind == NX_DOWN_ACK) {
        acknowledged(a, down.u.ack.acked_seq, down.u.ack.echo == 0);
    } else {
        crowd.spread_ms = down.u.plan.spread_ms;
    }
}

static void on_monitor(void *arg, uint16_t event, uint32_t value,
                       const char *address) {
    struct agent *a = arg;
    (void)value;
    (void)address;
    if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        a->link = GREETING;
        say(a);
    } else {
        end(a);
    }
}

static int open_socket(struct agent *a) {
    static const int options[][2] = {{ZMQ_IMMEDIATE, 1},
                                     {ZMQ_LINGER, 0},
                                     {ZMQ_RECONNECT_IVL, -1},
                                     {ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS},
                                     {ZMQ_CONNECT_TIMEOUT, HANDSHAKE_MS},
                                     {ZMQ_HEARTBEAT_IVL, 15000},
                                     {ZMQ_HEARTBEAT_TIMEOUT, 15000}};
    const struct nx_zloop_handler handler = {.message = on_message, .arg = a};
    a->socket = zmq_socket(crowd.zmq, ZMQ_DEALER);
    if (a->socket == NULL) {
        return NX_EIO;
    }
    int rc = 0;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        rc |= zmq_setsockopt(a->socket, options[i][0], &options[i][1],
                             sizeof(options[i][1]));
    }
    rc |= zmq_setsockopt(a->socket, ZMQ_CURVE_SERVERKEY, crowd.server_key,
                         NX_KEY_TEXT_MAX);
    rc |= zmq_setsockopt(a->socket, ZMQ_CURVE_PUBLICKEY, a->keys.public_key,
                         NX_KEY_TEXT_MAX);
    rc |= zmq_setsockopt(a->socket, ZMQ_CURVE_SECRETKEY, a->keys.secret_key,
                         NX_KEY_TEXT_MAX);
    int err = rc == 0 ? nx_zloop_new(crowd.base, a->socket, &handler, &a->zloop)
                      : NX_EIO;
    if (err == NX_OK) {
        err = nx_zmonitor_new(crowd.base, crowd.zmq, a->socket,
                              ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_CLOSED |
                                  ZMQ_EVENT_DISCONNECTED |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                  ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL,
                              on_monitor, a, &a->monitor);
    }
    return err == NX_OK && zmq_connect(a->socket, crowd.endpoint) != 0 ? NX_EIO
                                                                       : err;
}

static void attempt(struct agent *a) {
    crowd.attempts_n++;
    a->link = CONNECTING;
    if (open_socket(a) != NX_OK) {
        die("a socket");
    }
    nx_zloop_kick(a->zloop);
    after_ms(a, HANDSHAKE_MS);
}

static void close_link(struct agent *a) {
    nx_zmonitor_free(&a->monitor);
    nx_zloop_free(&a->zloop);
    (void)zmq_close(a->socket);
    a->socket = NULL;
    (void)nx_backoff_same(&a->backoff, a->lost);
    a->link = WAITING;
    after_ms(a, nx_backoff_next(&a->backoff,
                                a->lost ? NX_ATTEMPT_LOST : NX_ATTEMPT_FAILED,
                                nx_clock_mono_us(), crowd.spread_ms,
                                (uint32_t)dice_u64(&crowd.dice)));
}

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    struct agent *a = arg;
    (void)fd;
    (void)what;
    switch (a->link) {
    case WAITING:
        attempt(a);
        break;
    case CONNECTING:
        crowd.timeouts_n++;
        end(a);
        break;
    case ENDING:
        close_link(a);
        break;
    case GREETING:
    case SENDING:
        crowd.again_n++;
        say(a);
        break;
    case DONE:
        break;
    }
}

static void read_agents(unsigned first) {
    FILE *file = fopen(in_folder("agents.keys", 0), "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        die("agents.keys");
    }
    if (crowd.floor) {
        size_t all_n = (size_t)ftell(file) / sizeof(struct nx_keypair);
        crowd.spread_ms = (uint32_t)all_n * FLOOR_SPREAD_MS;
    }
    if (fseek(file, (long)(first * sizeof(struct nx_keypair)), SEEK_SET) != 0) {
        die("agents.keys");
    }
    for (unsigned i = 0; i < crowd.n; i++) {
        struct agent *a = &crowd.agents[i];
        if (fread(&a->keys, sizeof(a->keys), 1, file) != 1) {
            die("agents.keys");
        }
        a->epoch = UINT64_C(0xabcdef0000000000) + first + i;
        a->timer = evtimer_new(crowd.base, on_timer, a);
        if (a->timer == NULL) {
            die("memory");
        }
        after_ms(a, 0);
    }
    (void)fclose(file);
}

static int agents(unsigned first, unsigned n, unsigned port,
                  const char *source) {
    struct nx_keypair server;
    crowd.n = n;
    crowd.base = event_base_new();
    crowd.zmq = zmq_ctx_new();
    crowd.agents = calloc(n, sizeof(*crowd.agents));
    crowd.dice.state = first + 1;
    if (crowd.base == NULL || crowd.zmq == NULL || crowd.agents == NULL ||
        zmq_ctx_set(crowd.zmq, ZMQ_MAX_SOCKETS, (int)(12 * n + 16)) != 0) {
        die("memory");
    }
    read_keys("collector.key", 0, &server);
    memcpy(crowd.server_key, server.public_key, sizeof(crowd.server_key));
    snprintf(crowd.endpoint, sizeof(crowd.endpoint), "tcp://%s:0;127.0.0.1:%u",
             source, port);
    read_agents(first);
    return event_base_dispatch(crowd.base) < 0 ? 1 : 0;
}

int main(int argc, char **argv) {
    const char *part = argc > 2 ? argv[1] : "";
    folder = argc > 2 ? argv[2] : "";
    if (strcmp(part, "prepare") == 0 && argc == 6 &&
        number(argv[3]) <= AGENTS_MAX) {
        return prepare(number(argv[3]), number(argv[4]), number(argv[5]));
    }
    if (strcmp(part, "floor") == 0 && argc == 4) {
        floor_server(number(argv[3]));
    }
    if (strcmp(part, "agents") == 0 && (argc == 7 || argc == 8) &&
        number(argv[4]) <= AGENTS_MAX) {
        crowd.floor = argc == 8;
        return agents(number(argv[3]), number(argv[4]), number(argv[5]),
                      argv[6]);
    }
    fprintf(stderr, "bench_connections: see tests/bench/connections\n");
    return 64;
}
