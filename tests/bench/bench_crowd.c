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
 *
 * What a resolver says is drawn from its number: most cached the denial at some
 * moment of the outage, some have more caches, or trouble of their own. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/store/io_store.h"
#include "common/hash.h"
#include "common/io_clock.h"
#include "tests/lib/agent_client.h"

#define US INT64_C(1000000)
#define OUTAGE_S 1500  /* ago it began */
#define RESTORED_S 420 /* ago it was over */
#define W_S 900
#define LOOK_EVERY_S 45
#define POSITIVES_N 60U               /* enough to be called clear */
#define SPAN_US (INT64_C(90000) * US) /* monotonic clocks began so long ago */
#define EPOCH_PAST 1U
#define PATH_BYTES 512
#define CONNECTED_MAX 64U

static const uint8_t name[] = "\3www\7example\3com";
static const uint8_t zone[] = "\7example\3com";
static const uint8_t servers[4][18] = {
    "\3ns1\7example\3com", "\3ns2\7example\3com", "\3ns3\7example\3com",
    "\3ns4\7example\3com"};
static const uint8_t rdata[] = {0, 4, 192, 0, 2, 10};
static const char *folder;
static int64_t now_us; /* when all this is prepared */

static void die(const char *what) {
    fprintf(stderr, "bench_crowd: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(1);
}

static const char *in_folder(const char *file, unsigned i) {
    static char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s%.0u", folder, file, i);
    return path;
}

static void must(struct nx_store *store, int err) {
    if (err != NX_OK) {
        die(nx_store_problem(store));
    }
}

/* --- what there is to be seen --- */

static uint64_t draw(unsigned network, unsigned resolver, unsigned what) {
    return nx_hash_u64(network * UINT64_C(64) + resolver, what + 1);
}

static struct nx_endpoint resolver_at(unsigned network, unsigned i) {
    return (struct nx_endpoint){
        .address = {10, (uint8_t)(network / 250), (uint8_t)(network % 250),
                    (uint8_t)(i + 1)},
        .address_len = 4,
        .port = 53,
        .layer = i == 0 && network % 9 == 0 ? NX_LAYER_HOST : NX_LAYER_NETWORK};
}

enum habit { CACHED, NODATA, SERVFAIL, REFUSED, SILENT, UNSEEN, OTHER };

static enum habit habit_of(unsigned network, unsigned i) {
    unsigned n = (unsigned)(draw(network, 99, 0) % 100);
    (void)i;
    if (n < 82) {
        return CACHED;
    }
    return n < 87   ? NODATA
           : n < 89 ? SERVFAIL
           : n < 91 ? REFUSED
           : n < 93 ? SILENT
           : n < 96 ? UNSEEN
                    : OTHER;
}

/* When the cached denial ends; spread so that half of it is over. */
static int64_t ends_us(unsigned network, unsigned i) {
    int64_t filled_s = -RESTORED_S - (int64_t)(draw(network, i, 1) % 1000);
    return now_us + (filled_s + W_S) * US +
           (int64_t)(draw(network, i, 2) % 1000000);
}

static struct nx_answer answer_of(enum habit habit, bool denied) {
    struct nx_answer a = {.flags = NX_ANS_RA};
    if (habit == SERVFAIL || habit == REFUSED) {
        a.rcode = habit == SERVFAIL ? 2 : 5;
    } else if (habit == SILENT) {
        a.outcome = NX_TIMEOUT;
        a.flags = 0;
    } else if (denied) {
        a.rcode = habit == NODATA ? 0 : NX_RCODE_NXDOMAIN;
        a.flags |= NX_ANS_SOA;
        a.soa_owner = zone;
        a.soa_serial = 2026112001;
        a.soa_minimum_s = W_S;
    } else {
        static const uint8_t old[] = {0, 4, 192, 0, 2, 77};
        a.flags |= NX_ANS_RDATA;
        a.rdata = habit == OTHER ? old : rdata;
        a.rdata_len = sizeof(rdata);
        a.rdata_n = 1;
    }
    return a;
}

/* --- batches --- */

struct maker {
    struct nx_question questions[64];
    struct nx_answer answers[128];
    struct nx_obs obs[NX_BATCH_OBS_MAX];
    size_t questions_n, answers_n, obs_n;
    uint64_t seq;
};

static struct nx_clock_sample clock_at(int64_t at_us) {
    return (struct nx_clock_sample){.mono_us = at_us - now_us + SPAN_US,
                                    .wall_us = at_us,
                                    .offset_us = SPAN_US - now_us,
                                    .offset_error_us = 800,
                                    .offset_known = true};
}

static void see(struct maker *m, size_t question, enum habit habit,
                int64_t at_us, int64_t end_us) {
    bool denied = at_us < end_us;
    struct nx_answer *a = &m->answers[2 * question + (denied ? 0 : 1)];
    *a = answer_of(habit, denied);
    if (m->obs_n == NX_BATCH_OBS_MAX) {
        return;
    }
    uint32_t ttl_s = denied ? (uint32_t)((end_us - at_us) / US) : 300;
    m->obs[m->obs_n] = (struct nx_obs){
        .question = &m->questions[question],
        .answer = a,
        .tx_mono_us = at_us - now_us + SPAN_US,
        .rx_mono_us =
            at_us - now_us + SPAN_US +
            (habit == SILENT ? 2 * US : 900 + (int64_t)(m->obs_n * 37 % 9000)),
        .soa_ttl_s = ttl_s,
        .answer_ttl_s = ttl_s,
        .src_port = (uint16_t)(20000 + m->obs_n % 40000)};
    m->obs_n++;
}

static size_t add_question(struct maker *m, const struct nx_endpoint *to,
                           uint16_t flags) {
    size_t i = m->questions_n++;
    m->questions[i] = (struct nx_question){
        .name = name, .qtype = NX_TYPE_A, .flags = flags, .to = *to};
    m->answers[2 * i] = answer_of(CACHED, true);
    m->answers[2 * i + 1] = answer_of(CACHED, false);
    m->answers_n = 2 * m->questions_n;
    return i;
}

/* What a resolver said from the restoration to now. */
static void watch(struct maker *m, unsigned network, unsigned resolver,
                  size_t question) {
    enum habit habit = habit_of(network, resolver);
    int64_t end_us = habit == OTHER ? 0 : ends_us(network, resolver);
    int64_t from_us = now_us - (RESTORED_S - 60) * US +
                      (int64_t)(draw(network, resolver, 3) % 20) * US;
    bool two = draw(network, resolver, 4) % 12 == 0;
    for (int64_t t = from_us; t < now_us && habit != UNSEEN;
         t += LOOK_EVERY_S * US) {
        see(m, question, habit, t, end_us);
        if (two) { /* another cache behind the same address */
            see(m, question, habit, t + 400000, end_us - 90 * US);
        }
    }
    bool confirms = habit == CACHED || habit == NODATA;
    for (unsigned i = 0; confirms && i < POSITIVES_N; i++) {
        int64_t t = end_us + (2 + (int64_t)i / 4) * US;
        if (t < now_us) {
            see(m, question, habit, t + (int64_t)i * 1000, end_us);
        }
    }
}

static size_t pack(struct maker *m, uint64_t epoch, int64_t at_us,
                   const struct nx_delegation *delegation, uint8_t *out) {
    const struct nx_batch batch = {.epoch = epoch,
                                   .first_seq = m->seq + 1,
                                   .clock = clock_at(at_us),
                                   .delegations = delegation,
                                   .delegations_n = delegation != NULL ? 1 : 0,
                                   .questions = m->questions,
                                   .questions_n = m->questions_n,
                                   .answers = m->answers,
                                   .answers_n = m->answers_n,
                                   .obs = m->obs,
                                   .obs_n = m->obs_n};
    size_t len = 0;
    if (nx_codec_pack_batch(&batch, nx_test_scratch(), out, NX_MSG_MAX_BYTES,
                            &len) != NX_OK) {
        die("a batch was not packed");
    }
    m->seq += m->obs_n;
    return len;
}

static size_t pack_hello(unsigned network, unsigned resolvers_n, uint64_t epoch,
                         int64_t at_us, uint8_t *out) {
    struct nx_endpoint at[NX_HELLO_RESOLVERS_MAX];
    size_t len = 0;
    for (unsigned i = 0; i < resolvers_n; i++) {
        at[i] = resolver_at(network, i);
    }
    const struct nx_hello hello = {.protocol = NX_PROTOCOL,
                                   .software = "crowd",
                                   .epoch = epoch,
                                   .next_seq = 1,
                                   .clock = clock_at(at_us),
                                   .resolvers = at,
                                   .resolvers_n = resolvers_n,
                                   .authority_role = resolvers_n == 0};
    if (nx_codec_pack_hello(&hello, nx_test_scratch(), out, NX_MSG_MAX_BYTES,
                            &len) != NX_OK) {
        die("a hello was not packed");
    }
    return len;
}

static struct maker *maker(void) {
    static struct maker m;
    memset(&m, 0, sizeof(m));
    return &m;
}

static uint8_t *message(void) {
    static uint8_t bytes[NX_MSG_MAX_BYTES];
    return bytes;
}

/* --- the store --- */

static void store_agent(struct nx_store *store, unsigned i, bool authority) {
    char why[NX_KEYS_WHY_MAX];
    struct nx_keypair keys;
    struct nx_agent_record record = {.state = NX_AGENT_ACCEPTED};
    static const char *const sites[] = {"lyon",   "oslo",  "porto",
                                        "gdansk", "turin", "cork"};
    static const char *const kinds[] = {"office", "isp", "mobile", "depot"};
    /* Only those that will connect need a key that they know, too. */
    if (i <= CONNECTED_MAX) {
        if (nx_keys_create(in_folder("agent", i), &keys, why, sizeof(why)) !=
            NX_OK) {
            die(why);
        }
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

static void write_conf(unsigned port, unsigned http) {
    FILE *conf = fopen(in_folder("collector.yaml", 0), "w");
    if (conf == NULL) {
        die("collector.yaml");
    }
    fprintf(conf,
            "key: collector.key\nstore: nxclear.db\n"
            "listen: tcp://127.0.0.1:%u\nhttp:\n  listen: 127.0.0.1:%u\n"
            "  unix: nxclear.sock\nestimate:\n  silent_after_s: 86400\n",
            port, http);
    fclose(conf);
}

static int prepare(unsigned networks_n, unsigned resolvers_n, unsigned port,
                   unsigned http) {
    const struct nx_store_options options = {.check = false};
    struct nx_store *store = NULL;
    struct nx_keypair keys;
    char why[NX_STORE_WHY_MAX];
    now_us = nx_clock_wall_us();
    write_conf(port, http);
    if (nx_keys_create(in_folder("collector.key", 0), &keys, why,
                       sizeof(why)) != NX_OK ||
        nx_store_open(in_folder("nxclear.db", 0), &options, &store, why,
                      sizeof(why)) != NX_OK) {
        die(why);
    }
    must(store, nx_store_begin(store));
    for (unsigned i = 1; i <= networks_n + 1; i++) {
        store_agent(store, i, i > networks_n);
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

static void read_keys(const char *file, unsigned i, struct nx_keypair *keys) {
    char why[NX_KEYS_WHY_MAX];
    if (nx_keys_read(in_folder(file, i), keys, why, sizeof(why)) != NX_OK) {
        die(why);
    }
}

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

static unsigned number(const char *text) {
    return (unsigned)strtoul(text, NULL, 10);
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
