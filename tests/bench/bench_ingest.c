/* The parts of the ingest benchmark; tests/bench/run puts them together.
 *
 *   prepare DIR AGENTS PORT HTTP   keys, a store with agents and an open
 *                                  incident, a configuration
 *   load DIR AGENTS BATCHES PORT   send, wait until all is acknowledged
 *   send DIR AGENTS BATCHES PORT   send only (for the floor)
 *   sink DIR BATCHES PORT          the floor: CURVE ROUTER without work
 *   insert DIR AGENTS BATCHES GROUP  the floor: the same bytes into SQLite
 *
 * Each prints one line of JSON. BATCHES: of each agent, 200 results each. */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <linux/tcp.h>
#include <sqlite3.h>
#include <zmq.h>

#include "common/io_clock.h"
#include "tests/lib/bench_batches.h"
#include "tests/lib/bench_site.h"

#define AGENTS_MAX 64U
#define WINDOW 48U /* batches on their way, for each agent */
#define EPOCH UINT64_C(0xabcdef0000000000)

struct client {
    void *socket;
    void *monitor;
    int fd;
    uint64_t epoch;
    struct nx_bench_bytes *batches;
    size_t batches_n;
    size_t next;  /* to send */
    size_t acked; /* batches */
    uint64_t payload_bytes;
};

static struct client clients[AGENTS_MAX];
static unsigned clients_n;

static double cpu_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double now_s(void) {
    return (double)nx_clock_mono_us() / 1e6;
}

/* --- prepare --- */

static void store_incident(struct nx_store *store) {
    int64_t now_us = nx_clock_wall_us();
    static struct nx_incident incident;
    incident =
        (struct nx_incident){.opened_us = now_us - INT64_C(7100000000),
                             .closed_us = NX_TIME_UNKNOWN,
                             .outage_from_us = now_us - INT64_C(7200000000),
                             .outage_to_us = now_us - INT64_C(7140000000),
                             .restored_us = now_us - INT64_C(7140000000),
                             .items_n = 2};
    memcpy(incident.items[0].name, nx_bench_name, sizeof(nx_bench_name));
    memcpy(incident.items[1].name, nx_bench_name, sizeof(nx_bench_name));
    incident.items[0].qtype = NX_TYPE_A;
    incident.items[1].qtype = NX_TYPE_AAAA;
    must(store, nx_store_incident_add(store, &incident));
}

static int prepare(unsigned agents_n, unsigned port, unsigned http) {
    struct nx_store *store = make_site(port, http, "");
    for (unsigned i = 1; i <= agents_n; i++) {
        struct nx_keypair keys;
        make_keys("agent", i, &keys);
        store_agent(store, i, &keys);
    }
    store_incident(store);
    nx_store_close(&store);
    return 0;
}

/* --- clients --- */

/* All is packed before the clock starts: what is measured is the collector. */
static void make_batches(unsigned agents_n, unsigned batches_n) {
    static struct nx_bench_maker maker;
    int64_t span_us =
        (int64_t)batches_n * NX_BENCH_BATCH_RESULTS * NX_BENCH_SPACING_US;
    int64_t start_us = nx_clock_wall_us() - span_us;
    clients_n = agents_n;
    for (unsigned i = 0; i < agents_n; i++) {
        struct client *c = &clients[i];
        c->epoch = EPOCH + (uint64_t)nx_clock_wall_us();
        c->batches = calloc(batches_n, sizeof(*c->batches));
        if (c->batches == NULL) {
            die("memory");
        }
        c->batches_n = batches_n;
        nx_bench_maker_init(&maker, i + 1, start_us);
        for (unsigned k = 0; k < batches_n; k++) {
            c->batches[k] = nx_bench_batch(
                &maker, c->epoch, 1 + (uint64_t)k * NX_BENCH_BATCH_RESULTS);
            c->payload_bytes += c->batches[k].len;
        }
    }
}

static void connect_client(void *zmq, struct client *c, unsigned i,
                           const char *server_key, unsigned port) {
    struct nx_keypair keys;
    char endpoint[64];
    int linger = -1;
    int hwm = 100;
    read_keys("agent", i + 1, &keys);
    c->socket = zmq_socket(zmq, ZMQ_DEALER);
    zmq_setsockopt(c->socket, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(c->socket, ZMQ_SNDHWM, &hwm, sizeof(hwm));
    zmq_setsockopt(c->socket, ZMQ_CURVE_SERVERKEY, server_key, NX_KEY_TEXT_MAX);
    zmq_setsockopt(c->socket, ZMQ_CURVE_PUBLICKEY, keys.public_key,
                   NX_KEY_TEXT_MAX);
    zmq_setsockopt(c->socket, ZMQ_CURVE_SECRETKEY, keys.secret_key,
                   NX_KEY_TEXT_MAX);
    snprintf(endpoint, sizeof(endpoint), "inproc://monitor%u", i);
    zmq_socket_monitor(c->socket, endpoint,
                       ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    c->monitor = zmq_socket(zmq, ZMQ_PAIR);
    zmq_connect(c->monitor, endpoint);
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", port);
    if (zmq_connect(c->socket, endpoint) != 0) {
        die("connect");
    }
}

/* Notes the descriptor, returns when the handshake is over. */
static void await_handshake(struct client *c) {
    for (;;) {
        uint8_t event[6];
        char address[128];
        uint16_t number_16 = 0;
        uint32_t value = 0;
        if (zmq_recv(c->monitor, event, sizeof(event), 0) < 0 ||
            zmq_recv(c->monitor, address, sizeof(address), 0) < 0) {
            die("monitor");
        }
        memcpy(&number_16, event, 2);
        memcpy(&value, event + 2, 4);
        if (number_16 == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            return;
        }
        c->fd = (int)value;
    }
}

static void connect_all(void *zmq, unsigned port) {
    struct nx_keypair server;
    read_keys("collector.key", 0, &server);
    for (unsigned i = 0; i < clients_n; i++) {
        connect_client(zmq, &clients[i], i, server.public_key, port);
    }
    for (unsigned i = 0; i < clients_n; i++) {
        await_handshake(&clients[i]);
    }
}

static void keep(void *data, void *hint) {
    (void)data;
    (void)hint;
}

static bool send_next(struct client *c, int flags) {
    zmq_msg_t frame;
    struct nx_bench_bytes *batch = &c->batches[c->next];
    zmq_msg_init_data(&frame, batch->bytes, batch->len, keep, NULL);
    if (zmq_msg_send(&frame, c->socket, flags) < 0) {
        zmq_msg_close(&frame);
        return false;
    }
    c->next++;
    return true;
}

static void read_acks(struct client *c) {
    static _Alignas(16) uint8_t memory[1U << 20];
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    int n = 0;
    while ((n = zmq_recv(c->socket, bytes, sizeof(bytes), ZMQ_DONTWAIT)) >= 0) {
        struct nx_arena arena;
        struct nx_down down;
        nx_arena_init(&arena, memory, sizeof(memory));
        if (nx_codec_unpack_down(bytes, (size_t)n, &arena, &down, NULL) ==
                NX_OK &&
            down.kind == NX_DOWN_ACK && down.u.ack.epoch == c->epoch) {
            c->acked = down.u.ack.acked_seq / NX_BENCH_BATCH_RESULTS;
        }
    }
}

static uint64_t tcp_bytes(const struct client *c) {
    struct tcp_info info;
    socklen_t len = sizeof(info);
    memset(&info, 0, sizeof(info));
    getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
    return info.tcpi_bytes_acked;
}

static void print_totals(double seconds) {
    uint64_t payload = 0;
    uint64_t tcp = 0;
    uint64_t results = 0;
    for (unsigned i = 0; i < clients_n; i++) {
        payload += clients[i].payload_bytes;
        tcp += tcp_bytes(&clients[i]);
        results += (uint64_t)clients[i].batches_n * NX_BENCH_BATCH_RESULTS;
    }
    printf("{\"results\": %" PRIu64 ", \"seconds\": %.6f, \"payload_bytes\": "
           "%" PRIu64 ", \"tcp_bytes\": %" PRIu64 ", \"cpu_s\": %.3f}\n",
           results, seconds, payload, tcp, cpu_s());
}

/* One turn over all clients; true while something is not acknowledged. */
static bool turn(void) {
    zmq_pollitem_t items[AGENTS_MAX];
    bool left = false;
    for (unsigned i = 0; i < clients_n; i++) {
        struct client *c = &clients[i];
        read_acks(c);
        while (c->next < c->batches_n && c->next - c->acked < WINDOW &&
               send_next(c, ZMQ_DONTWAIT)) {
        }
        left = left || c->acked < c->batches_n;
        items[i] = (zmq_pollitem_t){.socket = c->socket, .events = ZMQ_POLLIN};
    }
    if (left && zmq_poll(items, (int)clients_n, 5000) == 0) {
        die("no ack for 5 s");
    }
    return left;
}

static int load(unsigned agents_n, unsigned batches_n, unsigned port) {
    void *zmq = zmq_ctx_new();
    make_batches(agents_n, batches_n);
    connect_all(zmq, port);
    double start_s = now_s();
    while (turn()) {
    }
    print_totals(now_s() - start_s);
    fflush(stdout);
    _Exit(0); /* nothing is left to say to anybody */
}

static int send_only(unsigned agents_n, unsigned batches_n, unsigned port) {
    void *zmq = zmq_ctx_new();
    make_batches(agents_n, batches_n);
    connect_all(zmq, port);
    double start_s = now_s();
    for (unsigned k = 0; k < batches_n; k++) {
        for (unsigned i = 0; i < clients_n; i++) {
            if (!send_next(&clients[i], 0)) {
                die("send");
            }
        }
    }
    print_totals(now_s() - start_s);
    for (unsigned i = 0; i < clients_n; i++) {
        zmq_socket_monitor(clients[i].socket, NULL, 0);
        zmq_close(clients[i].monitor);
        zmq_close(clients[i].socket);
    }
    zmq_ctx_term(zmq);
    return 0;
}

/* --- floors --- */

static int sink(unsigned batches_n, unsigned port) {
    void *zmq = zmq_ctx_new();
    void *socket = zmq_socket(zmq, ZMQ_ROUTER);
    struct nx_keypair keys;
    char endpoint[64];
    int on = 1;
    uint64_t bytes_n = 0;
    double start_s = 0.0;
    double cpu0_s = 0.0;
    read_keys("collector.key", 0, &keys);
    zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof(on));
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys.secret_key,
                   NX_KEY_TEXT_MAX);
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", port);
    if (zmq_bind(socket, endpoint) != 0) {
        die("bind");
    }
    for (unsigned n = 0; n < batches_n;) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, 0) < 0) {
            die("receive");
        }
        if (start_s <= 0.0) {
            start_s = now_s();
            cpu0_s = cpu_s();
        }
        bytes_n += zmq_msg_size(&frame);
        n += zmq_msg_more(&frame) == 0 ? 1 : 0;
        zmq_msg_close(&frame);
    }
    printf("{\"results\": %u, \"seconds\": %.6f, \"bytes\": %" PRIu64
           ", \"cpu_s\": %.3f}\n",
           batches_n * NX_BENCH_BATCH_RESULTS, now_s() - start_s, bytes_n,
           cpu_s() - cpu0_s);
    fflush(stdout);
    _Exit(0);
}

static void exec(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "bench_ingest: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
}

static void insert_one(sqlite3 *db, sqlite3_stmt *stmt, unsigned agent,
                       const struct client *c, unsigned k) {
    sqlite3_bind_int64(stmt, 1, agent);
    sqlite3_bind_int64(stmt, 2, k);
    sqlite3_bind_blob64(stmt, 3, c->batches[k].bytes, c->batches[k].len,
                        SQLITE_STATIC);
    if (sqlite3_step(stmt) != SQLITE_DONE) {
        fprintf(stderr, "bench_ingest: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
    sqlite3_reset(stmt);
}

static int insert(unsigned agents_n, unsigned batches_n, unsigned group) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    make_batches(agents_n, batches_n);
    if (sqlite3_open(in_folder("floor.db", 0), &db) != SQLITE_OK) {
        die("open");
    }
    exec(db, "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"
             "PRAGMA synchronous = FULL;"
             "CREATE TABLE batch(agent_id INTEGER, first_seq INTEGER, payload "
             "BLOB, UNIQUE(agent_id, first_seq)) STRICT");
    sqlite3_prepare_v2(db, "INSERT INTO batch VALUES(?1, ?2, ?3)", -1, &stmt,
                       NULL);
    double cpu0_s = cpu_s();
    double start_s = now_s();
    unsigned n = 0;
    exec(db, "BEGIN IMMEDIATE");
    for (unsigned k = 0; k < batches_n; k++) {
        for (unsigned i = 0; i < agents_n; i++) {
            insert_one(db, stmt, i, &clients[i], k);
            if (++n % group == 0) {
                exec(db, "COMMIT; BEGIN IMMEDIATE");
            }
        }
    }
    exec(db, "COMMIT");
    printf("{\"results\": %u, \"seconds\": %.6f, \"cpu_s\": %.3f}\n",
           n * NX_BENCH_BATCH_RESULTS, now_s() - start_s, cpu_s() - cpu0_s);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return 0;
}

int main(int argc, char **argv) {
    const char *command = argc > 2 ? argv[1] : "";
    unsigned n[4] = {0};
    for (int i = 3; i < argc && i < 7; i++) {
        n[i - 3] = number(argv[i]);
    }
    folder = argc > 2 ? argv[2] : ".";
    if (n[0] > 0 && strcmp(command, "sink") == 0) {
        return sink(n[0], n[1]);
    }
    if (n[0] == 0 || n[0] > AGENTS_MAX || n[1] == 0 || n[2] == 0) {
        fprintf(stderr, "bench_ingest: see tests/bench/run\n");
        return 64;
    }
    if (strcmp(command, "prepare") == 0) {
        return prepare(n[0], n[1], n[2]);
    }
    if (strcmp(command, "load") == 0) {
        return load(n[0], n[1], n[2]);
    }
    if (strcmp(command, "send") == 0) {
        return send_only(n[0], n[1], n[2]);
    }
    if (strcmp(command, "insert") == 0) {
        return insert(n[0], n[1], n[2]);
    }
    return 64;
}
