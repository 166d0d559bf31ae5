/* Who is let in: agents by their keys and by join strings, readers by tokens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/ingest/io_ingest_priv.h"
#include "tests/lib/service_bench.h"

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

static int accept_in(struct fixture *f, const char *key, const char *network,
                     bool authority) {
    struct nx_agent_record record;
    struct nx_agent agent = agent_in(network, "");
    agent.authority = authority;
    return nx_service_agent_accept(f->service, key, &agent, &record);
}

/* Its network would be gone from the incident, and seem clear. */
static void test_is_not_moved_during_an_incident(void **state) {
    struct fixture *f = *state;
    struct nx_agent_record record;
    char key[NX_KEY_TEXT_MAX];
    char auditor[NX_KEY_TEXT_MAX];
    other_key(key);
    other_key(auditor);
    assert_int_equal(accept_in(f, key, "oslo", false), NX_OK);
    assert_int_equal(accept_in(f, key, "lyon", false), NX_OK);
    assert_int_equal(accept_in(f, auditor, "audit", true), NX_OK);
    struct nx_incident incident = incident_of(nx_service_now_us(f->service));
    assert_int_equal(nx_service_incident_open(f->service, &incident), NX_OK);
    assert_int_equal(accept_in(f, key, "paris", false), NX_ESTATE);
    assert_int_equal(accept_in(f, key, "lyon", true), NX_ESTATE);
    assert_int_equal(accept_in(f, key, "lyon", false), NX_OK);
    assert_int_equal(accept_in(f, auditor, "paris", true), NX_OK);
    assert_int_equal(nx_service_agent_revoke(f->service, key, &record), NX_OK);
    assert_int_equal(accept_in(f, key, "paris", false), NX_ESTATE);
    /* Given up in so many words. */
    assert_int_equal(nx_service_agent_reject(f->service, key, &record), NX_OK);
    assert_int_equal(accept_in(f, key, "paris", false), NX_OK);
    assert_int_equal(accept_in(f, key, "lyon", false), NX_ESTATE);
    assert_int_equal(nx_service_incident_close(f->service, incident.id), NX_OK);
    assert_int_equal(accept_in(f, key, "lyon", false), NX_OK);
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
    assert_true(record.agent.revoked_us > 0);
    assert_int_equal(record.agent.revoked_us, record.changed_us);
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
    assert_int_equal(record.agent.revoked_us, 0);
    assert_int_equal(nx_service_agent_revoke(f->service, record.key, &record),
                     NX_OK);
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
             nx_test_free_port());
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

/* A host without a clock starts in the past: as if the run before had been two
 * hours later. */
static void test_expired_stays_so(void **state) {
    struct fixture *f = *state;
    const struct nx_api_token asked = {
        .name = "desk", .scope = NX_SCOPE_READ, .lasts_us = 3600 * 1000000LL};
    char text[NX_TOKEN_TEXT_LEN + 1];
    struct nx_token token;
    struct nx_grant grant;
    struct nx_service_health health;
    assert_int_equal(nx_service_token_create(f->service, &asked, &token, text),
                     NX_OK);
    nx_service_free(&f->service);
    start(f);
    assert_int_equal(nx_service_token_grant(f->service, text, &grant), NX_OK);
    nx_service_free(&f->service);
    write_sql(f,
              "UPDATE retained SET by_us = by_us + 7200000000, digest = NULL");
    start(f);
    assert_int_equal(nx_service_token_grant(f->service, text, &grant),
                     NX_EDENIED);
    nx_service_health(f->service, &health);
    assert_non_null(strstr(health.problem, "behind that of the run before"));
    assert_int_equal(nx_service_token_create(f->service, &asked, &token, text),
                     NX_OK); /* and lasts as long as any */
    assert_int_equal(nx_service_token_grant(f->service, text, &grant), NX_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVICE(test_accept),
        WITH_SERVICE(test_is_not_moved_during_an_incident),
        WITH_SERVICE(test_revoke),
        WITH_SERVICE(test_join),
        WITH_SERVICE(test_states),
        WITH_SERVICE(test_clones),
        WITH_SERVICE(test_tokens),
        WITH_SERVICE(test_expired_stays_so),
        WITH_SERVICE(test_too_many_agents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
