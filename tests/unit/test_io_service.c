#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "collector/ingest/io_ingest_priv.h"
#include "collector/io_service_priv.h"
#include "collector/status/status.h"
#include "collector/store/io_export.h"
#include "common/io_log.h"
#include "tests/lib/agent_client.h"
#include "tests/lib/loop.h"

struct fixture {
    char folder[64];
    char key_path[96], store_path[96], endpoint[64];
    char server_key[NX_KEY_TEXT_MAX];
    struct nx_collector_conf conf;
    struct event_base *base;
    struct nx_service *service;
    void *zmq;
    struct nx_test_client client;
    uint64_t want_seq;
};

static unsigned free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void start(struct fixture *f) {
    char why[NX_SERVICE_WHY_MAX];
    if (nx_service_new(f->base, &f->conf, false, &f->service, why,
                       sizeof(why)) != NX_OK) {
        fail_msg("%s", why);
    }
}

static int setup_files(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    struct nx_keypair keys;
    char why[NX_KEYS_WHY_MAX];
    assert_non_null(f);
    nx_log_set_level(NX_LOG_ERROR);
    strcpy(f->folder, "/tmp/nx-test-service-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->key_path, sizeof(f->key_path), "%s/key", f->folder);
    snprintf(f->store_path, sizeof(f->store_path), "%s/db", f->folder);
    snprintf(f->endpoint, sizeof(f->endpoint), "tcp://127.0.0.1:%u",
             free_port());
    assert_int_equal(nx_keys_create(f->key_path, &keys, why, sizeof(why)),
                     NX_OK);
    memcpy(f->server_key, keys.public_key, sizeof(f->server_key));
    nx_engine_settings_default(&f->conf.engine);
    f->conf.key_path = f->key_path;
    f->conf.store_path = f->store_path;
    f->conf.listen[0] = f->endpoint;
    f->conf.listen_n = 1;
    f->conf.retention.agent_mib_per_hour = 256;
    nx_test_client_keys(&f->client);
    f->client.epoch = UINT64_C(0xdeadbeef12345678);
    *state = f;
    return 0;
}

static int setup(void **state) {
    (void)setup_files(state);
    struct fixture *f = *state;
    f->base = event_base_new();
    start(f);
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    nx_test_client_close(&f->client);
    if (f->zmq != NULL) {
        zmq_ctx_term(f->zmq);
    }
    nx_service_free(&f->service);
    if (f->base != NULL) {
        event_base_free(f->base);
    }
    (void)unlink(f->key_path);
    (void)unlink(f->store_path);
    static const char *const suffixes[] = {"-wal", "-shm"};
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s%s", f->store_path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static void restart(struct fixture *f) {
    nx_service_free(&f->service);
    start(f);
}

static void connect_client(struct fixture *f) {
    if (f->zmq == NULL) {
        f->zmq = zmq_ctx_new();
    }
    nx_test_client_connect(&f->client, f->zmq, f->endpoint, f->server_key);
}

static struct nx_agent agent_in(const char *network, const char *name) {
    struct nx_agent agent = {.id = 0};
    snprintf(agent.network, sizeof(agent.network), "%s", network);
    snprintf(agent.name, sizeof(agent.name), "%s", name);
    return agent;
}

struct roster {
    unsigned n, pending_n;
    struct nx_agent_record last;
};

static void see_agent(void *user, const struct nx_agent_record *record) {
    struct roster *roster = user;
    roster->n++;
    roster->pending_n += record->state == NX_AGENT_PENDING;
    if (record->state != NX_AGENT_REJECTED) { /* they come last */
        roster->last = *record;
    }
}

static struct roster roster_of(struct fixture *f) {
    struct roster roster = {0};
    nx_service_agents(f->service, see_agent, &roster);
    return roster;
}

static bool is_pending(void *user) {
    return roster_of(user).pending_n > 0;
}

static void other_key(char *out) {
    char secret[NX_KEY_TEXT_MAX];
    assert_int_equal(zmq_curve_keypair(out, secret), 0);
}

static void test_accept(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record record;
    char key[NX_KEY_TEXT_MAX];
    const struct nx_agent lyon = agent_in("lyon", "");
    const struct nx_agent named = agent_in("oslo", "lyon");
    const struct nx_agent bad = agent_in("ly on", "");
    /* A key that tried is shown, and accepted by its beginning. */
    connect_client(f);
    assert_true(nx_test_wait(f->base, is_pending, f));
    assert_string_equal(roster_of(f).last.key, f->client.keys.public_key);
    assert_string_equal(roster_of(f).last.address, "127.0.0.1");
    char prefix[9];
    snprintf(prefix, sizeof(prefix), "%.8s", f->client.keys.public_key);
    assert_int_equal(
        nx_service_agent_accept(f->service, prefix, &lyon, &record), NX_OK);
    assert_string_equal(record.agent.name, "lyon");
    assert_string_equal(record.address, "127.0.0.1");
    assert_int_equal(roster_of(f).n, 1);
    assert_int_equal(roster_of(f).last.state, NX_AGENT_ACCEPTED);
    /* The second of a network gets a number; a name belongs to one. */
    other_key(key);
    assert_int_equal(nx_service_agent_accept(f->service, key, &named, &record),
                     NX_EEXISTS);
    assert_int_equal(nx_service_agent_accept(f->service, key, &lyon, &record),
                     NX_OK);
    assert_string_equal(record.agent.name, "lyon-2");
    assert_int_equal(record.agent.id, 2);
    /* Accepting again moves it, and keeps its name and id. */
    const struct nx_agent oslo = agent_in("oslo", "");
    assert_int_equal(nx_service_agent_accept(f->service, key, &oslo, &record),
                     NX_OK);
    assert_string_equal(record.agent.name, "lyon-2");
    assert_string_equal(record.agent.network, "oslo");
    assert_int_equal(record.agent.id, 2);
    assert_int_equal(nx_service_agent_accept(f->service, key, &bad, &record),
                     NX_EMALFORMED);
    assert_int_equal(
        nx_service_agent_accept(f->service, "12345", &lyon, &record),
        NX_EMALFORMED);
    assert_int_equal(
        nx_service_agent_accept(f->service, "123456", &lyon, &record),
        NX_ENOTFOUND);
    restart(f);
    assert_int_equal(roster_of(f).n, 2);
    assert_string_equal(roster_of(f).last.agent.network, "oslo");
}

static void test_revoke(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record record;
    char key[NX_KEY_TEXT_MAX];
    const struct nx_agent agent = agent_in("lyon", "box");
    other_key(key);
    assert_int_equal(nx_service_agent_accept(f->service, key, &agent, &record),
                     NX_OK);
    assert_int_equal(nx_service_agent_revoke(f->service, "nobody", &record),
                     NX_ENOTFOUND);
    assert_int_equal(nx_service_agent_revoke(f->service, "box", &record),
                     NX_OK);
    assert_int_equal(record.state, NX_AGENT_REVOKED);
    assert_int_equal(nx_service_agent_revoke(f->service, "box", &record),
                     NX_ENOTFOUND);
    /* Its name is free; taken back by key it needs another one. */
    char second[NX_KEY_TEXT_MAX];
    other_key(second);
    assert_int_equal(
        nx_service_agent_accept(f->service, second, &agent, &record), NX_OK);
    assert_int_equal(record.agent.id, 2);
    const struct nx_agent unnamed = agent_in("lyon", "");
    assert_int_equal(
        nx_service_agent_accept(f->service, key, &unnamed, &record),
        NX_EEXISTS);
    const struct nx_agent renamed = agent_in("lyon", "box-old");
    assert_int_equal(
        nx_service_agent_accept(f->service, key, &renamed, &record), NX_OK);
    assert_int_equal(record.agent.id, 1);
    assert_int_equal(nx_service_agent_revoke(f->service, record.key, &record),
                     NX_OK);
}

static void write_sql(const struct fixture *f, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->store_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

struct audit {
    unsigned n;
    char last[256];
};

static void see_audit(void *user, const struct nx_door_entry *entry) {
    struct audit *audit = user;
    audit->n++;
    snprintf(audit->last, sizeof(audit->last), "%s: %s %s", entry->who,
             entry->action, entry->subject);
}

static bool client_greeted(void *user) {
    struct fixture *f = user;
    nx_test_client_read(&f->client);
    return f->client.hello_acks_n > 0;
}

struct knock {
    struct fixture *f;
    uint64_t refused_n; /* before */
};

static uint64_t refused_keys(const struct fixture *f) {
    struct nx_service_health health;
    nx_service_health(f->service, &health);
    return health.refused_keys_n;
}

static bool answered(void *user) {
    const struct knock *knock = user;
    return client_greeted(knock->f) ||
           refused_keys(knock->f) > knock->refused_n;
}

/* Knocks, and is let in or not. */
static bool knocks(struct fixture *f) {
    struct knock knock = {f, refused_keys(f)};
    f->client.hello_acks_n = 0;
    connect_client(f);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    assert_true(nx_test_wait(f->base, answered, &knock));
    bool greeted = client_greeted(f);
    nx_test_client_close(&f->client);
    return greeted;
}

#define OTHER_KEY "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

/* A join string lets one key in, once, and says so in the log. */
static void test_join(void **state) {
    struct fixture *f = *state;
    const struct nx_api_enrolment asked = {.network = "lyon",
                                           .lasts_us = INT64_C(3600000000)};
    char enrol_endpoint[32];
    char text[NX_JOIN_TEXT_MAX];
    struct nx_enrolment enrolment;
    struct nx_join join;
    struct nx_join_request request = {.name = ""};
    struct nx_join_reply reply;
    struct nx_agent_record record;
    struct audit audit = {0};
    assert_int_equal(
        nx_service_enrol_create(f->service, &asked, &enrolment, text),
        NX_ESTATE); /* no port */
    snprintf(enrol_endpoint, sizeof(enrol_endpoint), "tcp://127.0.0.1:%u",
             free_port());
    f->conf.enrol_listen = enrol_endpoint;
    restart(f);
    nx_service_act_as(f->service, "token ops");
    assert_int_equal(
        nx_service_enrol_create(f->service, &asked, &enrolment, text), NX_OK);
    f->conf.enrol_listen = NULL;
    restart(f);
    assert_int_equal(nx_join_parse(text, &join), NX_OK);
    memcpy(request.token, join.token, sizeof(request.token));
    request.token[0] ^= 1;
    nx_service_enrol_claim(f->service, f->client.keys.public_key, "192.0.2.9",
                           &request, &reply);
    assert_int_equal(reply.verdict, NX_JOIN_TOKEN);
    assert_int_equal(reply.keys_n, 0); /* nothing for a stranger */
    request.token[0] ^= 1;
    for (unsigned i = 0; i < 2; i++) { /* the answer may get lost */
        nx_service_enrol_claim(f->service, f->client.keys.public_key,
                               "192.0.2.9", &request, &reply);
        assert_int_equal(reply.verdict, NX_JOIN_ACCEPTED);
        assert_string_equal(reply.network, "lyon");
        assert_string_equal(reply.name, "lyon");
        assert_int_equal(reply.addresses_n, 1);
        assert_int_equal(reply.keys_n, 1);
    }
    nx_service_enrol_claim(f->service, OTHER_KEY, "192.0.2.10", &request,
                           &reply);
    assert_int_equal(reply.verdict, NX_JOIN_TOKEN); /* used */
    assert_true(knocks(f));
    assert_int_equal(nx_service_door_log(f->service, see_audit, &audit), NX_OK);
    assert_int_equal(audit.n, 2);
    assert_string_equal(audit.last, "join string 1: agent accepted lyon");
    assert_int_equal(nx_service_agent_revoke(f->service, "lyon", &record),
                     NX_OK);
    nx_service_enrol_claim(f->service, f->client.keys.public_key, "192.0.2.9",
                           &request, &reply);
    assert_int_equal(reply.verdict, NX_JOIN_KEY);
    assert_int_equal(
        nx_service_enrol_revoke(f->service, enrolment.id, &enrolment),
        NX_ESTATE);
}

/* Quarantine shuts an agent out, keeps its place, and ends. */
static void test_states(void **state) {
    struct fixture *f = *state;
    const struct nx_agent agent = agent_in("lyon", "");
    struct nx_agent_record record;
    struct nx_agent_view view;
    assert_int_equal(nx_service_agent_reject(f->service, OTHER_KEY, &record),
                     NX_OK);
    assert_int_equal(record.state, NX_AGENT_REJECTED);
    assert_int_equal(nx_service_agent_accept(f->service,
                                             f->client.keys.public_key, &agent,
                                             &record),
                     NX_OK);
    assert_int_equal(
        nx_service_agent_reject(f->service, f->client.keys.public_key, &record),
        NX_ESTATE);
    assert_int_equal(
        nx_service_agent_quarantine(f->service, "lyon", "seen twice", &record),
        NX_OK);
    assert_int_equal(
        nx_service_agent_quarantine(f->service, "lyon", "again", &record),
        NX_ESTATE);
    restart(f);
    assert_int_equal(
        nx_engine_agent(nx_service_engine(f->service), record.agent.id, &view),
        0);
    assert_true(view.agent->accepted); /* the network is not gone */
    assert_int_equal(roster_of(f).last.state, NX_AGENT_QUARANTINED);
    assert_string_equal(roster_of(f).last.reason, "seen twice");
    assert_false(knocks(f));
    assert_int_equal(nx_service_agent_release(f->service, "lyon", &record),
                     NX_OK);
    assert_int_equal(nx_service_agent_release(f->service, "lyon", &record),
                     NX_ESTATE);
    assert_true(knocks(f));
    /* Rejected is not for ever. */
    struct nx_agent other = agent_in("oslo", "");
    assert_int_equal(
        nx_service_agent_accept(f->service, OTHER_KEY, &other, &record), NX_OK);
}

static void see_state(void *user, const struct nx_agent_record *record) {
    uint8_t *states = user;
    assert_in_range(record->agent.id, 1, 2);
    states[record->agent.id] = record->state;
}

/* Two keys are used twice: the second does not wait for the first, which cannot
 * be stored. */
static void test_clones(void **state) {
    struct fixture *f = *state;
    const char *keys[] = {f->client.keys.public_key, OTHER_KEY};
    const struct nx_agent agent = agent_in("lyon", "");
    struct nx_agent_record record;
    uint8_t states[3] = {0};
    for (uint32_t id = 1; id <= 2; id++) {
        assert_int_equal(
            nx_service_agent_accept(f->service, keys[id - 1], &agent, &record),
            NX_OK);
        assert_int_equal(record.agent.id, id);
        nx_peers_get(&f->service->ingest->peers, id)->cloned = true;
        f->service->ingest->clones_n++;
    }
    write_sql(f, "CREATE TABLE once(one INTEGER UNIQUE);"
                 "INSERT INTO once VALUES(1);"
                 "CREATE TRIGGER refuse BEFORE UPDATE ON agent"
                 " WHEN new.name = 'lyon' BEGIN INSERT INTO once VALUES(1);"
                 " END");
    nx_service_clones(f->service);
    nx_service_agents(f->service, see_state, states);
    assert_int_equal(states[1], NX_AGENT_ACCEPTED);
    assert_int_equal(states[2], NX_AGENT_QUARANTINED);
    write_sql(f, "DROP TRIGGER refuse");
    nx_service_clones(f->service); /* as every tick does */
    nx_service_agents(f->service, see_state, states);
    assert_int_equal(states[1], NX_AGENT_QUARANTINED);
    assert_int_equal(f->service->ingest->clones_n, 0);
}

/* A token is shown once, kept as a hash, and known after a restart. */
static void test_tokens(void **state) {
    struct fixture *f = *state;
    const struct nx_api_token asked = {.name = "grafana",
                                       .scope = NX_SCOPE_READ,
                                       .lasts_us = INT64_C(3600000000)};
    char text[NX_TOKEN_TEXT_LEN + 1];
    char other[NX_TOKEN_TEXT_LEN + 1];
    struct nx_token token;
    struct nx_grant grant;
    assert_int_equal(nx_service_token_create(f->service, &asked, &token, text),
                     NX_OK);
    assert_int_equal(nx_service_token_create(f->service, &asked, &token, other),
                     NX_EEXISTS);
    restart(f);
    assert_int_equal(nx_service_token_grant(f->service, text, &grant), NX_OK);
    assert_int_equal(grant.scope, NX_SCOPE_READ);
    assert_true(nx_service_token_valid(f->service, grant.token_id));
    assert_int_equal(nx_service_token_revoke(f->service, "nobody", &token),
                     NX_ENOTFOUND);
    assert_int_equal(nx_service_token_revoke(f->service, "grafana", &token),
                     NX_OK);
    assert_int_equal(nx_service_token_grant(f->service, text, &grant),
                     NX_EDENIED);
    restart(f);
    assert_int_equal(nx_service_token_grant(f->service, text, &grant),
                     NX_EDENIED);
    assert_false(nx_service_token_valid(f->service, grant.token_id));
    /* The name is free again. */
    assert_int_equal(nx_service_token_create(f->service, &asked, &token, other),
                     NX_OK);
    assert_string_not_equal(text, other);
}

/* One too many is refused, not stored and stumbled over at the next start. */
static void test_too_many_agents(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record record;
    char key[NX_KEY_TEXT_MAX];
    const struct nx_agent agent = agent_in("lyon", "box");
    nx_service_free(&f->service);
    write_sql(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
                 "n WHERE i < 20000) INSERT INTO agent(key, name, network, "
                 "role, state, address, changed_us) SELECT i, i, 'x', "
                 "'network', 'revoked', '', 0 FROM n");
    start(f);
    other_key(key);
    assert_int_equal(nx_service_agent_accept(f->service, key, &agent, &record),
                     NX_ELIMIT);
    restart(f);
    assert_int_equal(roster_of(f).n, 20000);
    /* Should one be there all the same, the others go on. */
    nx_service_free(&f->service);
    write_sql(f, "INSERT INTO agent(key, name, network, role, state, address, "
                 "changed_us) VALUES('k', 'n', 'x', 'network', 'revoked', '', "
                 "0)");
    start(f);
}

static struct nx_incident incident_of(int64_t now_us) {
    struct nx_incident incident = {.closed_us = NX_TIME_UNKNOWN,
                                   .outage_from_us = now_us - 60000000,
                                   .outage_to_us = now_us - 1000000,
                                   .restored_us = now_us - 1000000,
                                   .items_n = 1};
    assert_int_equal(nx_dname_parse("www.example.com", incident.items[0].name),
                     NX_OK);
    incident.items[0].qtype = NX_TYPE_A;
    return incident;
}

static void test_incidents_survive(void **state) {
    struct fixture *f = *state;
    static struct nx_incident one, two;
    one = two = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_incident_open(f->service, &one), NX_OK);
    assert_int_equal(nx_service_incident_open(f->service, &two), NX_OK);
    assert_int_equal(two.id, 2);
    assert_true(two.opened_us > 0);
    assert_int_equal(nx_service_incident_close(f->service, 1), NX_OK);
    assert_int_equal(nx_service_incident_close(f->service, 1), NX_ESTATE);
    assert_int_equal(nx_service_incident_close(f->service, 9), NX_ENOTFOUND);
    restart(f);
    const struct nx_incident *got =
        nx_engine_incident(nx_service_engine(f->service), 1);
    assert_non_null(got);
    assert_true(got->closed_us != NX_TIME_UNKNOWN);
    const char *kept =
        nx_engine_incident_kept(nx_service_engine(f->service), 1);
    assert_non_null(kept);
    assert_non_null(strstr(kept, "\"outlook\":"));
    assert_null(nx_engine_incident_kept(nx_service_engine(f->service), 2));
    got = nx_engine_incident(nx_service_engine(f->service), 2);
    assert_non_null(got);
    assert_int_equal(got->closed_us, NX_TIME_UNKNOWN);
    assert_int_equal(got->outage_from_us, two.outage_from_us);
}

/* New estimate settings take effect at the next start; until then a recording
 * names those that its verdicts were made with. */
static void test_recording_names_settings_in_force(void **state) {
    struct fixture *f = *state;
    static struct nx_incident incident;
    struct nx_collector_conf other = f->conf;
    struct nx_export *export = NULL;
    struct nx_text before;
    struct nx_text after;
    incident = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    nx_text_init(&before);
    assert_int_equal(nx_service_export(f->service, 1, &export), NX_OK);
    assert_int_equal(nx_export_next(export, &before), 0);
    nx_export_free(&export);
    other.engine.settle_us = 17000000;
    nx_service_reload(f->service, &other);
    nx_text_init(&after);
    assert_int_equal(nx_service_export(f->service, 1, &export), NX_OK);
    assert_int_equal(nx_export_next(export, &after), 0);
    nx_export_free(&export);
    assert_string_equal(after.bytes, before.bytes);
    nx_text_fini(&before);
    nx_text_fini(&after);
    nx_service_reload(f->service, &f->conf);
}

static bool acked(void *user) {
    struct fixture *f = user;
    nx_test_client_read(&f->client);
    return f->client.ack.acked_seq >= f->want_seq;
}

static void send_and_wait(struct fixture *f, uint64_t first, size_t n) {
    nx_test_client_batch(&f->client, first, n, 0);
    f->want_seq = first + n - 1;
    assert_true(nx_test_wait(f->base, acked, f));
}

struct targets {
    unsigned n;
    unsigned state;
    unsigned looks_n;
};

static void see_target(void *user, const struct nx_target_view *target) {
    struct targets *targets = user;
    targets->n++;
    targets->state = target->verdict.state;
    targets->looks_n = target->verdict.looks_n;
}

static struct targets targets_of(struct fixture *f) {
    struct targets targets = {0};
    assert_int_equal(nx_engine_targets_of(nx_service_engine(f->service), 1,
                                          "lyon", nx_service_now_us(f->service),
                                          false, see_target, &targets),
                     NX_OK);
    return targets;
}

static int64_t ask(const struct fixture *f, const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(f->store_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static json_t *status_of(struct fixture *f, int64_t now_us) {
    json_t *status =
        nx_status_incident(nx_service_engine(f->service), 1, now_us);
    assert_non_null(status);
    return status;
}

static bool target_written(void *user) {
    return ask(user, "SELECT count(*) FROM target WHERE incident_id = 1") > 0;
}

/* What the engine knew before the restart it knows again: from the log. */
static void test_targets_are_rebuilt(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record record;
    static struct nx_incident incident;
    const struct nx_agent lyon = agent_in("lyon", "");
    incident = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_agent_accept(
                         f->service, f->client.keys.public_key, &lyon, &record),
                     NX_OK);
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    connect_client(f);
    f->client.collector_us = nx_service_now_us(f->service);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    send_and_wait(f, 1, 3);
    assert_true(nx_test_wait(f->base, target_written, f));
    struct targets before = targets_of(f);
    assert_int_equal(before.n, 1);
    int64_t then_us = nx_service_now_us(f->service) + 1000000;
    json_t *status = status_of(f, then_us);
    restart(f);
    nx_engine_tick(nx_service_engine(f->service), then_us, NULL);
    json_t *again = status_of(f, then_us);
    char *x = json_dumps(status, JSON_SORT_KEYS);
    char *y = json_dumps(again, JSON_SORT_KEYS);
    assert_string_equal(y, x);
    free(x);
    free(y);
    json_decref(status);
    json_decref(again);
    struct targets after = targets_of(f);
    assert_int_equal(after.n, 1);
    assert_int_equal(after.state, before.state);
    assert_int_equal(after.looks_n, before.looks_n);
    /* The tables are put right and gain nothing twice. */
    int64_t transitions_n = ask(f, "SELECT count(*) FROM transition");
    for (unsigned i = 0; i < 200; i++) {
        nx_test_turn(f->base);
    }
    assert_int_equal(ask(f, "SELECT count(*) FROM transition"), transitions_n);
}

static bool hello_written(void *user) {
    return ask(user, "SELECT count(*) FROM hello") > 0;
}

/* An agent that named its resolvers and fell silent is not forgotten: without
 * its targets its network would look as good as the other agents of it say. */
static void test_silent_resolvers_are_rebuilt(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record record;
    static struct nx_incident incident;
    const struct nx_agent lyon = agent_in("lyon", "");
    incident = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_agent_accept(
                         f->service, f->client.keys.public_key, &lyon, &record),
                     NX_OK);
    connect_client(f);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    assert_true(nx_test_wait(f->base, hello_written, f));
    nx_test_client_close(&f->client);
    /* Before any incident ... */
    restart(f);
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    assert_int_equal(targets_of(f).n, 1);
    /* ... and during one. */
    restart(f);
    assert_int_equal(targets_of(f).n, 1);
    assert_int_equal(targets_of(f).state, NX_STATE_UNKNOWN);
}

/* The clock was ahead when an incident was opened, and is right again: what is
 * seen from now on counts for it all the same. */
static void test_opened_by_a_clock_ahead(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record record;
    struct nx_service_health health;
    static struct nx_incident incident;
    const struct nx_agent lyon = agent_in("lyon", "");
    incident = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_agent_accept(
                         f->service, f->client.keys.public_key, &lyon, &record),
                     NX_OK);
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    nx_service_free(&f->service);
    write_sql(f, "UPDATE incident SET opened_us = opened_us + 7200000000");
    start(f);
    nx_service_health(f->service, &health);
    assert_non_null(strstr(health.problem, "the clock was set back"));
    connect_client(f);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    send_and_wait(f, 1, 3);
    assert_int_equal(targets_of(f).looks_n, 3);
    /* Too far: it is said. */
    nx_test_client_close(&f->client);
    nx_service_free(&f->service);
    write_sql(f, "UPDATE incident SET opened_us = opened_us + 864000000000");
    start(f);
    nx_service_health(f->service, &health);
    assert_non_null(strstr(health.problem, "close them and open new ones"));
}

/* The clock was a day ahead in the run before: that evidence cannot be placed,
 * and must not look fresh until tomorrow. */
static void test_clock_was_set_back(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record record;
    static struct nx_incident incident;
    const struct nx_agent lyon = agent_in("lyon", "");
    incident = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_agent_accept(
                         f->service, f->client.keys.public_key, &lyon, &record),
                     NX_OK);
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    connect_client(f);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    send_and_wait(f, 1, 3);
    nx_test_client_close(&f->client);
    nx_service_free(&f->service);
    write_sql(f, "UPDATE batch SET received_us = received_us + "
                 "86400000000, digest = NULL");
    start(f);
    assert_int_equal(targets_of(f).looks_n, 0);
    struct nx_engine *engine = nx_service_engine(f->service);
    int64_t now_us = nx_service_now_us(f->service);
    nx_engine_tick(engine, now_us, NULL);
    struct nx_plan plan;
    assert_int_equal(
        nx_engine_plan(engine, 1, now_us, nx_test_scratch(), &plan), NX_OK);
    assert_true(plan.revision <= (uint64_t)(now_us / 1000) + 1000);
}

static bool storing(const struct fixture *f) {
    struct nx_service_health health;
    nx_service_health(f->service, &health);
    return health.storing;
}

static bool stopped_storing(void *user) {
    return !storing(user);
}

static bool storing_again(void *user) {
    return storing(user);
}

/* Rows that were written into a transaction and went with it come back, though
 * nothing about them changes any more. */
static void test_lost_rows_are_written_again(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record record;
    struct rlimit files;
    static struct nx_incident incident;
    const struct nx_agent lyon = agent_in("lyon", "");
    incident = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_agent_accept(
                         f->service, f->client.keys.public_key, &lyon, &record),
                     NX_OK);
    connect_client(f);
    nx_test_client_hello(&f->client, NX_PROTOCOL);
    assert_true(nx_test_wait(f->base, hello_written, f));
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    /* A write goes to the disk with the commit: that is what fails. */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &files), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = files.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    bool stopped = nx_test_wait(f->base, stopped_storing, f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &files), 0);
    assert_true(stopped);
    assert_false(target_written(f));
    assert_true(nx_test_wait(f->base, storing_again, f));
    assert_true(nx_test_wait(f->base, target_written, f));
}

static void test_refuses_open_key_file(void **state) {
    struct fixture *f = *state;
    struct nx_service *service = NULL;
    char why[NX_SERVICE_WHY_MAX];
    struct event_base *base = event_base_new();
    char text[] = "public: x\n";
    FILE *file = fopen(f->key_path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    fclose(file);
    assert_int_equal(
        nx_service_new(base, &f->conf, false, &service, why, sizeof(why)),
        NX_EDENIED);
    assert_null(service);
    assert_non_null(strstr(why, f->key_path));
    event_base_free(base);
}

int main(void) {
#define WITH_SERVICE(test)                                                     \
    cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_SERVICE(test_accept),
        WITH_SERVICE(test_revoke),
        WITH_SERVICE(test_join),
        WITH_SERVICE(test_states),
        WITH_SERVICE(test_clones),
        WITH_SERVICE(test_tokens),
        WITH_SERVICE(test_too_many_agents),
        WITH_SERVICE(test_incidents_survive),
        WITH_SERVICE(test_recording_names_settings_in_force),
        WITH_SERVICE(test_targets_are_rebuilt),
        WITH_SERVICE(test_silent_resolvers_are_rebuilt),
        WITH_SERVICE(test_opened_by_a_clock_ahead),
        WITH_SERVICE(test_clock_was_set_back),
        WITH_SERVICE(test_lost_rows_are_written_again),
        cmocka_unit_test_setup_teardown(test_refuses_open_key_file, setup_files,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
