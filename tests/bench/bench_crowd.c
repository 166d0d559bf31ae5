/* Many networks in the middle of a recovery, for benchmarks and for tests of
 * the web page; bench/status and system/test_web.py call its parts.
 *
 *   prepare DIR NETWORKS RESOLVERS PORT HTTP
 *       keys, a configuration, and a store with agents, an incident and what
 *       they saw: for a collector to start from
 *   clear DIR NETWORK RESOLVERS PORT
 *       the agent of a network connects and sees the restored answer from all
 *       of its resolvers; stays until its input ends
 *   load DIR RESOLVERS RATE SECONDS PORT
 *       agents connect and send so many results per second, of all targets
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/io_clock.h"
#include "tests/bench/crowd.h"

#define EPOCH_PAST 1U
#define CONNECTED_MAX 64U

static const uint8_t servers[4][18] = {
    "\3ns1\7example\3com", "\3ns2\7example\3com", "\3ns3\7example\3com",
    "\3ns4\7example\3com"};

/* --- the store --- */

static void store_one(struct nx_store *store, unsigned i, bool authority) {
    struct nx_keypair keys;
    struct nx_agent_record record = {.state = NX_AGENT_ACCEPTED};
    static const char *const sites[] = {"lyon",   "oslo",  "porto",
                                        "gdansk", "turin", "cork"};
    static const char *const kinds[] = {"office", "isp", "mobile", "depot"};
    /* Only those that will connect need a key that they know, too. */
    if (i <= CONNECTED_MAX) {
        make_keys("agent", i, &keys);
    } else if (zmq_curve_keypair(keys.public_key, keys.secret_key) != 0) {
        die("key");
    }
    record.agent.accepted = true;
    record.agent.authority = authority;
    memcpy(record.key, keys.public_key, sizeof(record.key));
    snprintf(record.agent.network, sizeof(record.agent.network), "%s-%s-%04u",
             authority ? "audit" : sites[draw(i, 0, 7) % 6],
             kinds[draw(i, 0, 8) % 4], i);
    snprintf(record.agent.name, sizeof(record.agent.name), "agent-%04u", i);
    must(store, nx_store_agent_put(store, &record));
}

static void append(struct nx_store *store, unsigned agent,
                   const struct maker *m, size_t n, int64_t at_us,
                   const uint8_t *bytes, size_t len) {
    const struct nx_store_batch row = {.agent_id = agent,
                                       .epoch = EPOCH_PAST,
                                       .first_seq = m->seq - n + 1,
                                       .results_n = (uint32_t)n,
                                       .received_us = at_us,
                                       .payload = bytes,
                                       .payload_len = len};
    must(store, nx_store_batch_append(store, &row));
}

static void store_network(struct nx_store *store, unsigned network,
                          unsigned resolvers_n) {
    struct maker *m = maker();
    size_t len =
        pack_hello(network, resolvers_n, EPOCH_PAST, now_us - US, message());
    must(store,
         nx_store_hello_append(store, network, now_us - US, message(), len));
    for (unsigned r = 0; r < resolvers_n; r++) {
        const struct nx_endpoint at = resolver_at(network, r);
        watch(m, network, r, add_question(m, &at, NX_Q_RD));
    }
    if (m->obs_n > 0) {
        size_t n = m->obs_n;
        len = pack(m, EPOCH_PAST, now_us, NULL, message());
        append(store, network, m, n, now_us, message(), len);
    }
}

/* A round of the audit at each of these moments, in seconds before now. */
static void store_audit(struct nx_store *store, unsigned agent) {
    static const int rounds[] = {
        OUTAGE_S + 10, OUTAGE_S - 5, 1000, RESTORED_S + 5, RESTORED_S, 300,
        200,           30,           2};
    struct maker *m = maker();
    size_t len = pack_hello(agent, 0, EPOCH_PAST, now_us - (OUTAGE_S + 20) * US,
                            message());
    must(store,
         nx_store_hello_append(store, agent, now_us - (OUTAGE_S + 20) * US,
                               message(), len));
    for (size_t k = 0; k < sizeof(rounds) / sizeof(*rounds); k++) {
        struct nx_endpoint at[4];
        int64_t at_us = now_us - rounds[k] * US;
        bool denied = rounds[k] < OUTAGE_S && rounds[k] > RESTORED_S;
        m->questions_n = 0;
        m->obs_n = 0;
        for (unsigned i = 0; i < 4; i++) {
            at[i] = (struct nx_endpoint){
                .address = {198, 51, 100, (uint8_t)(53 + i)},
                .address_len = 4,
                .port = 53,
                .layer = NX_LAYER_AUTHORITY,
                .server_name = servers[i]};
            size_t q = add_question(m, &at[i], 0);
            see(m, q, CACHED, at_us + i * 1000, denied ? at_us + W_S * US : 0);
            m->answers[2 * q].flags = NX_ANS_SOA | NX_ANS_AA;
            m->answers[2 * q + 1].flags |= NX_ANS_AA;
        }
        const struct nx_delegation d = {.name = name,
                                        .apex = zone,
                                        .servers = at,
                                        .servers_n = 4,
                                        .at_mono_us = at_us - now_us + SPAN_US};
        size_t n = m->obs_n;
        len = pack(m, EPOCH_PAST, at_us + 20000, &d, message());
        append(store, agent, m, n, at_us + 20000, message(), len);
    }
}

static void store_incident(struct nx_store *store) {
    static struct nx_incident incident;
    incident = (struct nx_incident){.opened_us = now_us - (OUTAGE_S - 60) * US,
                                    .closed_us = NX_TIME_UNKNOWN,
                                    .outage_from_us = now_us - OUTAGE_S * US,
                                    .outage_to_us = NX_TIME_UNKNOWN,
                                    .restored_us = NX_TIME_UNKNOWN,
                                    .items_n = 1,
                                    .note = "deploy 4711 dropped the record"};
    memcpy(incident.items[0].name, name, sizeof(name));
    incident.items[0].qtype = NX_TYPE_A;
    incident.items[0].rdata_n = 1;
    incident.items[0].rdata_len = sizeof(rdata);
    memcpy(incident.items[0].rdata, rdata, sizeof(rdata));
    must(store, nx_store_incident_add(store, &incident));
}

static int prepare(unsigned networks_n, unsigned resolvers_n, unsigned port,
                   unsigned http) {
    struct nx_store *store =
        make_site(port, http,
                  "  unix: nxclear.sock\nstore: nxclear.db\n"
                  "estimate:\n  silent_after_s: 86400\n");
    now_us = nx_clock_wall_us();
    must(store, nx_store_begin(store));
    for (unsigned i = 1; i <= networks_n + 1; i++) {
        store_one(store, i, i > networks_n);
    }
    store_incident(store);
    store_audit(store, networks_n + 1);
    for (unsigned i = 1; i <= networks_n; i++) {
        store_network(store, i, resolvers_n);
    }
    must(store, nx_store_commit(store));
    nx_store_close(&store);
    return 0;
}

/* --- agents that connect --- */

static void connect_agent(struct nx_test_client *client, void *zmq,
                          unsigned agent, unsigned port) {
    struct nx_keypair server;
    char endpoint[64];
    read_keys("collector.key", 0, &server);
    read_keys("agent", agent, &client->keys);
    client->epoch = (uint64_t)nx_clock_wall_us();
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", port);
    nx_test_client_connect(client, zmq, endpoint, server.public_key);
}

static void pause_us(long us) {
    const struct timespec at = {0, us * 1000};
    (void)nanosleep(&at, NULL);
}

static int clear(unsigned network, unsigned resolvers_n, unsigned port) {
    void *zmq = zmq_ctx_new();
    static struct nx_test_client client;
    struct maker *m = maker();
    connect_agent(&client, zmq, network, port);
    now_us = nx_clock_wall_us();
    size_t len =
        pack_hello(network, resolvers_n, client.epoch, now_us, message());
    nx_test_client_send(&client, message(), len);
    for (unsigned r = 0; r < resolvers_n; r++) {
        const struct nx_endpoint at = resolver_at(network, r);
        size_t q = add_question(m, &at, NX_Q_RD);
        for (unsigned i = 0; i < POSITIVES_N; i++) {
            see(m, q, CACHED, now_us - (POSITIVES_N - i) * 20000, 0);
        }
    }
    len = pack(m, client.epoch, now_us, NULL, message());
    nx_test_client_send(&client, message(), len);
    while (client.ack.acked_seq < m->seq) {
        nx_test_client_read(&client);
        pause_us(2000);
    }
    printf("cleared\n");
    (void)fflush(stdout);
    (void)getchar();
    nx_test_client_close(&client);
    zmq_ctx_term(zmq);
    return 0;
}

/* One batch of an agent: each of its resolvers once or more, now. */
static size_t send_round(struct nx_test_client *client, struct maker *m,
                         unsigned network, unsigned resolvers_n) {
    int64_t at_us = nx_clock_wall_us();
    m->questions_n = 0;
    m->obs_n = 0;
    for (unsigned r = 0; r < resolvers_n && r < 64; r++) {
        const struct nx_endpoint at = resolver_at(network, r);
        size_t q = add_question(m, &at, NX_Q_RD);
        for (unsigned k = 0; k < 200 / resolvers_n; k++) {
            see(m, q, CACHED, at_us - 5000 + k * 10, ends_us(network, r));
        }
    }
    size_t len = pack(m, client->epoch, at_us, NULL, message());
    nx_test_client_send(client, message(), len);
    return m->obs_n;
}

static int load(unsigned resolvers_n, unsigned rate, unsigned seconds,
                unsigned port) {
    static struct nx_test_client clients[CONNECTED_MAX];
    static struct maker makers[32];
    void *zmq = zmq_ctx_new();
    const unsigned n = 32;
    uint64_t sent = 0;
    uint64_t acked = 0;
    now_us = nx_clock_wall_us();
    for (unsigned i = 0; i < n; i++) {
        connect_agent(&clients[i], zmq, i + 1, port);
        size_t len =
            pack_hello(i + 1, resolvers_n, clients[i].epoch, now_us, message());
        nx_test_client_send(&clients[i], message(), len);
    }
    int64_t begin_us = nx_clock_mono_us();
    int64_t passed_us = 0;
    for (unsigned i = 0; passed_us < (int64_t)seconds * US; i++) {
        passed_us = nx_clock_mono_us() - begin_us;
        nx_test_client_read(&clients[i % n]);
        if ((int64_t)sent * US < (int64_t)rate * passed_us &&
            makers[i % n].seq < clients[i % n].ack.acked_seq + 20000) {
            sent += send_round(&clients[i % n], &makers[i % n], i % n + 1,
                               resolvers_n);
        } else if (i % n == 0) {
            pause_us(200);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        acked += clients[i].ack.acked_seq;
        nx_test_client_close(&clients[i]);
    }
    printf("{\"results_per_s\": %.0f, \"acked_per_s\": %.0f}\n",
           (double)sent * 1e6 / (double)passed_us,
           (double)acked * 1e6 / (double)passed_us);
    zmq_ctx_term(zmq);
    return 0;
}

int main(int argc, char **argv) {
    const char *part = argc > 2 ? argv[1] : "";
    folder = argc > 2 ? argv[2] : "";
    if (strcmp(part, "prepare") == 0 && argc == 7) {
        return prepare(number(argv[3]), number(argv[4]), number(argv[5]),
                       number(argv[6]));
    }
    if (strcmp(part, "clear") == 0 && argc == 6) {
        return clear(number(argv[3]), number(argv[4]), number(argv[5]));
    }
    if (strcmp(part, "load") == 0 && argc == 7) {
        return load(number(argv[3]), number(argv[4]), number(argv[5]),
                    number(argv[6]));
    }
    fprintf(stderr, "usage: see bench_crowd.c\n");
    return 64;
}
