/* Incidents in the store, and what is written of their targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/store_bench.h"

static void see_incident(void *user, const struct nx_incident *incident) {
    *(struct nx_incident *)user = *incident;
}

static void test_incidents(void **state) {
    struct fixture *f = *state;
    struct nx_incident incident = incident_of("www.example.com");
    struct nx_incident got = {0};
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    assert_int_equal(incident.id, 1);
    assert_int_equal(nx_store_incidents(f->store, see_incident, &got), NX_OK);
    assert_memory_equal(&got, &incident, sizeof(got));
    assert_int_equal(nx_store_incident_close(f->store, 1, 900), NX_OK);
    assert_int_equal(nx_store_incidents(f->store, see_incident, &got), NX_OK);
    assert_int_equal(got.closed_us, 900);
    assert_sql(f, "SELECT name || ' ' || type FROM incident_item WHERE item=1",
               "www.example.com. AAAA");
    assert_int_equal(nx_store_incident_drop(f->store, 1), NX_OK);
    assert_sql(f, "SELECT count(*) FROM incident_item", "0");
    /* An id is never given twice. */
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    assert_int_equal(incident.id, 2);
}

static void see_closed(void *user, uint32_t id, const char *document) {
    char *seen = user;
    size_t n = strlen(seen);
    (void)snprintf(seen + n, 64 - n, "%u%s ", id, document);
}

/* Parts count when their incident is closed, and no more of them than it was
 * closed with. */
static void test_closed_in_parts(void **state) {
    struct fixture *f = *state;
    struct nx_incident incident = incident_of("www.example.com");
    char seen[64] = "";
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    }
    for (uint32_t part = 0; part < 4; part++) {
        assert_int_equal(
            nx_store_closed_part_put(f->store, 1, 3 - part, "old", 3), NX_OK);
        assert_int_equal(nx_store_closed_part_put(f->store, 2, part, "x", 1),
                         NX_OK);
    }
    assert_int_equal(nx_store_closed_part_put(f->store, 1, 1, "bc", 2), NX_OK);
    assert_int_equal(nx_store_closed_part_put(f->store, 1, 0, "a", 1), NX_OK);
    assert_int_equal(nx_store_closed_statuses(f->store, 9, see_closed, seen),
                     NX_OK);
    assert_string_equal(seen, "");
    assert_int_equal(nx_store_incident_close(f->store, 1, 900), NX_OK);
    assert_int_equal(nx_store_closed_status_put(f->store, 1, 2, "d"), NX_OK);
    assert_int_equal(nx_store_incident_close(f->store, 3, 800), NX_OK);
    assert_int_equal(nx_store_closed_status_put(f->store, 3, 0, "e"), NX_OK);
    assert_int_equal(nx_store_closed_statuses(f->store, 9, see_closed, seen),
                     NX_OK);
    assert_string_equal(seen, "1abcd 3e ");
    assert_int_equal(nx_store_incident_drop(f->store, 2), NX_OK);
    assert_sql(f, "SELECT count(*) FROM closed_part", "2");
}

/* Scopes, one after the other, as the digits of a number. */
static void see_scope(void *user, const struct nx_target_past *past) {
    uint32_t *scopes = user;
    assert_int_equal(past->question.to.address[0], 0xfe);
    *scopes = 10 * *scopes + past->question.to.scope_id;
}

/* One address, a resolver on each of two links. */
static void test_targets_of_two_links(void **state) {
    static const uint8_t name[] = "\3www\7example\3com";
    uint32_t scopes = 0;
    struct fixture *f = *state;
    struct nx_question question = {.name = name, .qtype = NX_TYPE_A};
    struct nx_verdict verdict = {.basis = NX_BASIS_COUNTDOWN};
    assert_int_equal(nx_endpoint_parse("fe80::1", &question.to), NX_OK);
    struct nx_agent_record record = agent_record("lyon-1", 'a');
    assert_int_equal(nx_store_agent_put(f->store, &record), NX_OK);
    struct nx_incident incident = incident_of("www.example.com");
    assert_int_equal(nx_store_incident_add(f->store, &incident), NX_OK);
    for (unsigned i = 0; i < 4; i++) {
        enum nx_store_turn turn = NX_TURN_VOID;
        question.to.scope_id = 2 + i % 2;
        verdict.state = i % 2 == 0 ? NX_STATE_CLEAR : NX_STATE_CACHED_NXDOMAIN;
        assert_int_equal(nx_store_target_put(f->store, incident.id, 1,
                                             &question, &verdict, 100, 100 + i,
                                             &turn),
                         NX_OK);
        assert_int_equal(turn, NX_TURN_NONE); /* neither has turned */
    }
    assert_sql(f,
               "SELECT group_concat(resolver || ' ' || state, ', ') FROM "
               "(SELECT * FROM target ORDER BY resolver)",
               "[fe80::1%2]@53 clear, [fe80::1%3]@53 cached-nxdomain");
    assert_sql(f, "SELECT count(*) FROM transition", "2");
    assert_int_equal(nx_store_targets(f->store, see_scope, &scopes), 0);
    assert_true(scopes == 23 || scopes == 32);
}

static void test_target(void **state) {
    struct fixture *f = *state;
    uint8_t name[NX_DNAME_MAX];
    struct nx_question question = {.name = name, .qtype = NX_TYPE_A};
    struct nx_verdict verdict = {.state = NX_STATE_CACHED_NXDOMAIN,
                                 .basis = NX_BASIS_COUNTDOWN,
                                 .denied_ratio = 0.5,
                                 .last_look_us = 10};
    verdict.eta = (struct nx_eta){.known = true,
                                  .point_us = INT64_C(1700000000000000),
                                  .lo90_us = INT64_C(1699999999000000),
                                  .hi90_us = INT64_C(1700000001000000)};
    verdict.dist = (struct nx_dist){.known = true,
                                    .prior_used = true,
                                    .prior_a_us = INT64_C(1699999999000000),
                                    .prior_b_us = INT64_C(1700000001000000)};
    verdict.hard.reason = NX_HARD_AUTH_WINDOW;
    verdict.hard.at_us = INT64_C(1700000900000000);
    assert_int_equal(nx_dname_parse("b\\010d.example.com", name), NX_OK);
    assert_int_equal(nx_endpoint_parse("192.0.2.1", &question.to), NX_OK);
    struct nx_agent_record record = agent_record("lyon-1", 'a');
    assert_int_equal(nx_store_agent_put(f->store, &record), NX_OK);
    for (unsigned i = 0; i < 3; i++) { /* the same again adds nothing */
        assert_int_equal(nx_store_target_put(f->store, 7, 1, &question,
                                             &verdict, 100, 100 + i, NULL),
                         NX_OK);
    }
    assert_sql(f, "SELECT count(*) FROM transition", "1");
    assert_sql(f, "SELECT from_state FROM transition", "NULL");
    assert_sql(f, "SELECT count(*) FROM forecast", "1");
    assert_sql(f, "SELECT since_us FROM target", "100");
    verdict.eta.point_us += 900000; /* within a second */
    assert_int_equal(nx_store_target_put(f->store, 7, 1, &question, &verdict,
                                         200, 200, NULL),
                     NX_OK);
    assert_sql(f, "SELECT count(*) FROM forecast", "1");
    verdict.eta.point_us += 1000001;
    verdict.state = NX_STATE_CLEAR;
    verdict.denied_ratio = -1;
    assert_int_equal(nx_store_target_put(f->store, 7, 1, &question, &verdict,
                                         300, 300, NULL),
                     NX_OK);
    assert_sql(f, "SELECT count(*) FROM forecast", "2");
    assert_sql(f,
               "SELECT from_state || ' ' || to_state || ' ' || at_us FROM "
               "transition ORDER BY transition_id DESC LIMIT 1",
               "cached-nxdomain clear 300");
    assert_sql(f, "SELECT denied_ratio FROM target", "NULL");
    assert_sql(f,
               "SELECT agent || ' ' || resolver || ' ' || name || ' ' || type "
               "|| ' ' || clears FROM target_text",
               "lyon-1 192.0.2.1@53 b\\010d.example.com. A "
               "2023-11-14T22:13:21.900Z");
}

static void test_authority(void **state) {
    struct fixture *f = *state;
    struct nx_auth_facts facts = {.outage_lo_us = 5,
                                  .restored_lo_us = NX_TIME_UNKNOWN,
                                  .restored_hi_us = NX_TIME_UNKNOWN,
                                  .ns_total = 4,
                                  .ns_negative = 1};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(nx_store_authority_put(f->store, 7, 0, &facts, 10 + i),
                         NX_OK);
        assert_int_equal(nx_store_authority_put(f->store, 7, 1, &facts, 10 + i),
                         NX_OK);
    }
    assert_sql(f, "SELECT count(*) FROM authority_fact", "2");
    facts.all_ns_good = true;
    facts.serial_known = true;
    facts.serial_restored = UINT32_MAX;
    assert_int_equal(nx_store_authority_put(f->store, 7, 0, &facts, 20), NX_OK);
    assert_sql(f, "SELECT count(*) FROM authority_fact", "3");
    assert_sql(f, "SELECT serial FROM authority_fact WHERE all_good",
               "4294967295");
}

struct history {
    int64_t ids[8];
    size_t n;
    char last_to[40];
};

static void note_transition(void *user, const struct nx_store_transition *row) {
    struct history *h = user;
    assert_in_range(h->n, 0, 7);
    h->ids[h->n++] = row->id;
    snprintf(h->last_to, sizeof(h->last_to), "%s", row->to_state);
}

static struct history history_of(struct fixture *f, const char *network,
                                 int64_t after, unsigned n_max) {
    struct history h = {.n = 0};
    assert_int_equal(nx_store_transition_page(f->store, 1, network, after,
                                              n_max, note_transition, &h),
                     NX_OK);
    return h;
}

static void test_transitions_in_pages(void **state) {
    struct fixture *f = *state;
    sql(f,
        "INSERT INTO agent(agent_id, key, name, network, role, state, address, "
        "changed_us) VALUES(1, 'k1', 'a', 'lyon', 'network', "
        "'accepted', '', 0), (2, 'k2', 'b', 'oslo', 'network', 'accepted', "
        "'', 0); INSERT INTO transition(transition_id, incident_id, agent_id, "
        "resolver, name, type, at_us, from_state, to_state) VALUES"
        "(1, 1, 1, 'r', 'n.', 'A', 10, NULL, 'unknown'),"
        "(2, 1, 2, 'r', 'n.', 'A', 11, NULL, 'clear'),"
        "(3, 2, 1, 'r', 'n.', 'A', 12, NULL, 'clear'),"
        "(4, 1, 1, 'r', 'n.', 'A', 13, 'unknown', 'cached-nxdomain')");
    struct history h = history_of(f, NULL, 0, 2);
    assert_int_equal(h.n, 2);
    h = history_of(f, NULL, h.ids[1], 2);
    assert_int_equal(h.n, 1);
    assert_int_equal(h.ids[0], 4);
    assert_string_equal(h.last_to, "cached-nxdomain");
    assert_int_equal(history_of(f, "lyon", 0, 8).n, 2);
    assert_int_equal(history_of(f, "none", 0, 8).n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_incidents),
        TEST(test_closed_in_parts),
        TEST(test_targets_of_two_links),
        TEST(test_target),
        TEST(test_authority),
        TEST(test_transitions_in_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
