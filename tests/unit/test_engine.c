#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/engine_bench.h"

static void test_targets_come_from_hello_and_incident(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 2, 0, T0);
    open_restored(b, 7, T0);
    assert_int_equal(targets_of(b, 7, T0).n, 2);
    hello(b, OSLO, 1, 0, T0 + S);
    hello(b, AUDITOR, 2, 0, T0 + S); /* resolvers of an auditor: not asked */
    struct seen_targets seen = targets_of(b, 7, T0 + S);
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.at[0].agent_id, LYON);
    assert_int_equal(seen.at[1].question->to.address[3], 2);
    assert_int_equal(seen.at[2].agent_id, OSLO);
    assert_int_equal(seen.at[0].verdict.state, NX_STATE_UNKNOWN);
}

/* After a restart there are batches before there is a hello. */
static void test_target_from_an_observation(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    assert_int_equal(targets_of(b, 7, T0).n, 0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    tick(b, T0 + 2 * S);
    struct seen_targets seen = targets_of(b, 7, T0 + 2 * S);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.at[0].verdict.state, NX_STATE_CACHED_NXDOMAIN);
    assert_int_equal(seen.at[0].since_us, T0 + S + 2000);
    assert_int_equal(b->to_state, NX_STATE_CACHED_NXDOMAIN);
}

static void test_strays_are_left(void **state) {
    struct engine_bench *b = *state;
    static const uint8_t other[] = "\5other\7example\3com";
    static const uint8_t root[] = {0};
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN};
    const struct nx_question strays[] = {
        {.name = other, .qtype = NX_TYPE_A, .to = resolver(1)},
        {.name = www, .qtype = NX_TYPE_AAAA, .to = resolver(1)},
        {.name = root, .qtype = NX_TYPE_NS, .to = resolver(1)},
        {.name = www, .qtype = NX_TYPE_A, .to = name_server(1)},
    };
    open_restored(b, 7, T0);
    for (size_t i = 0; i < sizeof(strays) / sizeof(strays[0]); i++) {
        batch_of(b, LYON, &strays[i], &answer, 0, T0 + S, NULL);
    }
    tick(b, T0 + 2 * S);
    assert_int_equal(targets_of(b, 7, T0 + 2 * S).n, 0);
    assert_int_equal(b->transitions_n, 0);
    assert_int_equal(nx_engine_counts(b->engine)->strays_n, 4);
    assert_int_equal(nx_engine_counts(b->engine)->looks_n, 0);
}

static void test_name_case_does_not_matter(void **state) {
    struct engine_bench *b = *state;
    static const uint8_t upper[] = "\3WWW\7EXAMPLE\3com";
    const struct nx_answer answer = {.rcode = NX_RCODE_NXDOMAIN};
    const struct nx_question question = {
        .name = upper, .qtype = NX_TYPE_A, .flags = NX_Q_RD, .to = resolver(1)};
    open_restored(b, 7, T0);
    batch_of(b, LYON, &question, &answer, 0, T0 + S, NULL);
    assert_int_equal(targets_of(b, 7, T0 + S).n, 1);
}

static void test_unknown_and_revoked_agents(void **state) {
    struct engine_bench *b = *state;
    const struct nx_hello h = {.software = ""};
    const struct nx_batch batch = {.obs_n = 0};
    assert_int_equal(nx_engine_hello(b->engine, 99, &h, T0), NX_ENOTFOUND);
    assert_int_equal(nx_engine_batch(b->engine, 99, &batch, 0, T0),
                     NX_ENOTFOUND);
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    assert_int_equal(targets_of(b, 7, T0).n, 1);
    struct nx_agent revoked = {.id = LYON, .name = "lyon", .network = "lyon"};
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked), 0);
    assert_int_equal(targets_of(b, 7, T0).n, 0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    assert_int_equal(nx_engine_counts(b->engine)->revoked_n, 1);
    assert_int_equal(targets_of(b, 7, T0 + S).n, 0);
    assert_int_equal(plan_of(b, LYON, T0 + S)->tasks_n, 0);
}

static void check_soa_seen(struct engine_bench *b, unsigned item) {
    struct nx_auth_view view;
    assert_int_equal(nx_engine_authority(b->engine, 7, item, &view), 0);
    assert_int_equal(view.facts.w_auth_s, 900);
    assert_true(view.servers[0].serial_known);
}

/* Its answers are the zone's SOA for the other one, and for itself. */
static void test_item_of_type_soa(void **state) {
    static const uint8_t soa[] = {0, 24, 1, 'a', 0, 0, 0,        0,         0,
                                  1, 0,  0, 0,   1, 0, 0,        0,         1,
                                  0, 0,  0, 1,   0, 0, 900 >> 8, 900 & 0xff};
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    const struct nx_endpoint at = name_server(1);
    const struct nx_delegation d = {.name = apex,
                                    .apex = apex,
                                    .ns_ttl_s = 60,
                                    .servers = &at,
                                    .servers_n = 1,
                                    .at_mono_us = T0 + S + THETA - 1};
    const struct nx_question question = {
        .name = apex, .qtype = NX_TYPE_SOA, .to = at};
    const struct nx_answer answer = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                     .rdata = soa,
                                     .rdata_len = sizeof(soa),
                                     .rdata_n = 1};
    i.items_n = 2;
    memcpy(i.items[1].name, apex, sizeof(apex));
    i.items[1].qtype = NX_TYPE_SOA;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, true, T0 + S / 2);
    batch_of(b, AUDITOR, &question, &answer, 900, T0 + S, &d);
    tick(b, T0 + 2 * S);
    check_soa_seen(b, 0);
    check_soa_seen(b, 1);
    assert_int_equal(nx_engine_counts(b->engine)->strays_n, 0);
}

/* The audit's question for the NS set is another item's own: it tells all items
 * of the zone how long caches keep their name servers. */
static void test_item_of_type_ns(void **state) {
    static const uint8_t ns[] = {0,   16,  2,   'n', 's', 7,   'e', 'x', 'a',
                                 'm', 'p', 'l', 'e', 3,   'c', 'o', 'm', 0};
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    const struct nx_endpoint at = name_server(1);
    const struct nx_delegation d = {.name = apex,
                                    .apex = apex,
                                    .ns_ttl_s = 60,
                                    .servers = &at,
                                    .servers_n = 1,
                                    .at_mono_us = T0 + S + THETA - 1};
    const struct nx_question question = {
        .name = apex, .qtype = NX_TYPE_NS, .to = at};
    const struct nx_answer answer = {.flags = NX_ANS_RDATA | NX_ANS_AA,
                                     .rdata = ns,
                                     .rdata_len = sizeof(ns),
                                     .rdata_n = 1};
    struct nx_auth_view view;
    i.items_n = 2;
    memcpy(i.items[1].name, apex, sizeof(apex));
    i.items[1].qtype = NX_TYPE_NS;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, true, T0 + S / 2);
    batch_of(b, AUDITOR, &question, &answer, 86400, T0 + S, &d);
    tick(b, T0 + 2 * S);
    for (unsigned k = 0; k < 2; k++) {
        assert_int_equal(nx_engine_authority(b->engine, 7, k, &view), 0);
        const struct nx_paper *p =
            nx_papers_find(view.papers, NX_PAPER_NS, AUDITOR, &at);
        assert_non_null(p);
        assert_int_equal(p->ttl_s, 86400);
    }
    assert_int_equal(nx_engine_counts(b->engine)->strays_n, 0);
}

static void test_close_frees_targets(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 2, 0, T0);
    open_restored(b, 7, T0 - 70 * S); /* an auditor had the time to speak */
    tick(b, T0);
    assert_int_equal(plan_of(b, LYON, T0)->tasks_n, 2);
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + S), 0);
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + S), NX_ESTATE);
    assert_int_equal(nx_engine_incident_close(b->engine, 8, T0), NX_ENOTFOUND);
    b->plans_n[LYON] = 0;
    b->plans_n[AUDITOR] = 0;
    tick(b, T0 + S);
    assert_int_equal(targets_of(b, 7, T0 + S).n, 0);
    assert_int_equal(plan_of(b, LYON, T0 + S)->tasks_n, 0);
    assert_int_equal(b->plans_n[LYON], 1);
    assert_int_equal(b->plans_n[AUDITOR], 1);
    assert_int_equal(nx_engine_incident(b->engine, 7)->closed_us, T0 + S);
    sees_nxdomain(b, LYON, 1, 600, T0 + 2 * S);
    assert_int_equal(targets_of(b, 7, T0 + 2 * S).n, 0);
}

static void test_audits_make_room_first(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(1, T0);
    i.closed_us = T0;
    for (i.id = 1; i.id <= 520; i.id++) {
        i.audit = i.id > 100 && i.id <= 110;
        assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
        assert_int_equal(nx_engine_incident(b->engine, 1) != NULL, true);
    }
    assert_null(nx_engine_incident(b->engine, 101));
    assert_non_null(nx_engine_incident(b->engine, 109));
}

static void test_incident_limits(void **state) {
    struct engine_bench *b = *state;
    struct nx_incident i = incident(1, T0);
    const struct nx_incident **list = NULL;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), NX_EEXISTS);
    i.id = 2;
    i.items_n = 0;
    assert_int_equal(nx_engine_incident_open(b->engine, &i), NX_ELIMIT);
    i.items_n = 1;
    for (i.id = 2; i.id <= 64; i.id++) {
        assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    }
    assert_int_equal(nx_engine_incident_open(b->engine, &i), NX_ELIMIT);
    /* Closed ones are history, of which the oldest part is dropped. */
    assert_int_equal(nx_engine_incident_close(b->engine, 2, T0), 0);
    i.closed_us = T0;
    for (i.id = 65; i.id <= 600; i.id++) {
        assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    }
    assert_int_equal(nx_engine_incidents(b->engine, &list), 512);
    assert_int_equal(list[0]->id, 1); /* open */
    assert_null(nx_engine_incident(b->engine, 2));
    assert_int_equal(list[511]->id, 600);
}

static void test_target_limit(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 16, 0, T0);
    hello(b, OSLO, 16, 0, T0);
    open_restored(b, 7, T0);
    assert_int_equal(targets_of(b, 7, T0).n, 20);
    for (unsigned i = 1; i <= 16; i++) {
        sees_nxdomain(b, LYON, i, 600, T0 + S);
        sees_nxdomain(b, OSLO, i, 600, T0 + S);
    }
    assert_int_equal(targets_of(b, 7, T0 + S).n, 20);
}

/* One agent that makes up resolvers has its share, and leaves the others'. */
static void test_share_of_an_agent(void **state) {
    struct engine_bench *b = *state;
    b->settings.targets_max = 3U * NX_HELLO_RESOLVERS_MAX;
    assert_int_equal(bench_renew(b), 0);
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 1, 0, T0);
    open_restored(b, 7, T0);
    for (unsigned i = 2; i < 250; i++) {
        sees_address(b, OSLO, i, T0 + S + i * 1000);
    }
    assert_int_equal(nx_engine_counts(b->engine)->refused_n, 0);
    assert_int_equal(nx_engine_counts(b->engine)->no_room_n,
                     248 - (NX_HELLO_RESOLVERS_MAX - 1));
    uint64_t looks_n = nx_engine_counts(b->engine)->looks_n;
    hello(b, LYON, 2, 0, T0 + 2 * S);
    sees_nxdomain(b, LYON, 2, 600, T0 + 3 * S);
    sees_nxdomain(b, OSLO, 250, 600, T0 + 4 * S);
    assert_int_equal(nx_engine_counts(b->engine)->looks_n, looks_n + 1);
    for (unsigned i = 0; i < NX_HELLO_RESOLVERS_MAX; i++) { /* it lists them */
        struct nx_endpoint at = resolver(180 + i);
        struct nx_hello h = {.software = "",
                             .clock = clock_at(T0 + 5 * S),
                             .resolvers = &at,
                             .resolvers_n = 1};
        assert_int_equal(nx_engine_hello(b->engine, OSLO, &h, T0 + 5 * S), 0);
        sees_nxdomain(b, OSLO, 180 + i, 600, T0 + 5 * S);
    }
    assert_int_equal(nx_engine_counts(b->engine)->looks_n,
                     looks_n + 1 + NX_HELLO_RESOLVERS_MAX);
}

/* Who has no room is told, of the incident concerned, until it has some. */
static void test_no_room(void **state) {
    struct engine_bench *b = *state;
    b->settings.targets_max = 3;
    assert_int_equal(bench_renew(b), 0);
    hello(b, LYON, 1, 0, T0);
    hello(b, OSLO, 2, 0, T0);
    open_restored(b, 7, T0 - 70 * S); /* an auditor had the time to speak */
    assert_false(nx_engine_crowded(b->engine));
    open_restored(b, 8, T0 - 70 * S);
    tick(b, T0 + S);
    assert_true(nx_engine_crowded(b->engine));
    assert_true(nx_engine_counts(b->engine)->no_room_n >= 3);
    assert_int_equal(nx_engine_counts(b->engine)->refused_n, 0);
    assert_false(nx_engine_no_room(b->engine, 7, LYON));
    assert_false(nx_engine_no_room(b->engine, 7, OSLO));
    assert_true(nx_engine_no_room(b->engine, 8, LYON));
    assert_true(nx_engine_no_room(b->engine, 8, OSLO));
    assert_false(nx_engine_no_room(b->engine, 8, AUDITOR));
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + 2 * S), 0);
    assert_true(nx_engine_no_room(b->engine, 8, OSLO));
    tick(b, T0 + 20 * S);
    tick(b, T0 + 21 * S);
    assert_false(nx_engine_no_room(b->engine, 8, LYON));
    assert_false(nx_engine_no_room(b->engine, 8, OSLO));
    assert_false(nx_engine_crowded(b->engine));
    assert_int_equal(targets_of(b, 8, T0 + 21 * S).n, 3);
    assert_int_equal(plan_of(b, OSLO, T0 + 21 * S)->tasks_n, 2);
}

/* Of one that does not ask any more nothing is lacking. */
static void test_no_room_for_one_that_leaves(void **state) {
    struct engine_bench *b = *state;
    b->settings.targets_max = 2;
    assert_int_equal(bench_renew(b), 0);
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    hello(b, OSLO, 2, 0, T0 + S);
    assert_true(nx_engine_no_room(b->engine, 7, OSLO));
    hello(b, OSLO, 1, 0, T0 + 2 * S); /* the other one is not used any more */
    assert_false(nx_engine_no_room(b->engine, 7, OSLO));
    hello(b, OSLO, 2, 0, T0 + 3 * S);
    assert_true(nx_engine_no_room(b->engine, 7, OSLO));
    const struct nx_agent revoked = {
        .id = OSLO, .name = "oslo", .network = "oslo"};
    assert_int_equal(nx_engine_agent_set(b->engine, &revoked), 0);
    assert_false(nx_engine_no_room(b->engine, 7, OSLO));
    tick(b, T0 + 20 * S);
    assert_false(nx_engine_crowded(b->engine));
}

static void test_two_incidents_with_one_name(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    open_restored(b, 8, T0 + 10 * S);
    sees_nxdomain(b, LYON, 1, 589, T0 + 12 * S);
    tick(b, T0 + 13 * S);
    assert_int_equal(targets_of(b, 7, T0 + 13 * S).at[0].verdict.looks_n, 2);
    assert_int_equal(targets_of(b, 8, T0 + 13 * S).at[0].verdict.looks_n, 1);
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + 14 * S), 0);
    sees_nxdomain(b, LYON, 1, 586, T0 + 15 * S);
    assert_int_equal(targets_of(b, 8, T0 + 16 * S).at[0].verdict.looks_n, 2);
}

/* The ring keeps the newest 64, in order of sending. */
static void test_many_looks(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    for (int64_t i = 0; i < 200; i++) {
        sees_nxdomain(b, LYON, 1, (uint32_t)(800 - i), T0 + i * S + 500000);
    }
    sees_nxdomain(b, LYON, 1, 602, T0 + 198 * S + 600000); /* late */
    tick(b, T0 + 201 * S);
    struct seen_targets seen = targets_of(b, 7, T0 + 201 * S);
    assert_int_equal(seen.at[0].verdict.state, NX_STATE_CACHED_NXDOMAIN);
    assert_int_equal(seen.at[0].verdict.lines_n, 1);
    assert_int_equal(seen.at[0].verdict.looks_n, NX_LOOKS_MAX);
    assert_int_equal(seen.at[0].verdict.last_look_us, T0 + 199 * S + 502000);
}

static void test_looks_are_judged_at_a_pace(void **state) {
    struct engine_bench *b = *state;
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    tick(b, T0 + 2 * S);
    assert_int_equal(b->transitions_n, 1);
    sees_address(b, LYON, 1, T0 + 2 * S + 1000);
    tick(b, T0 + 2 * S + 10000);
    assert_int_equal(b->transitions_n, 1);
    tick(b, T0 + 2 * S + b->settings.evaluate_every_us);
    assert_int_equal(b->transitions_n, 2);
    assert_int_equal(b->from_state, NX_STATE_CACHED_NXDOMAIN);
}

static void check_agent(void *user, const struct nx_agent_view *view) {
    const char *const **next = user;
    assert_string_equal(view->agent->network, **next);
    (*next)++;
}

static void test_agents_are_shown_in_order(void **state) {
    struct engine_bench *b = *state;
    static const char *const order[] = {"audit", "lyon", "oslo"};
    const char *const *next = order;
    hello(b, OSLO, 2, 0, T0);
    assert_int_equal(nx_engine_agents_of(b->engine, NULL, check_agent, &next),
                     0);
    assert_ptr_equal(next, order + 3);
}

static void test_agent_is_shown_alone(void **state) {
    struct engine_bench *b = *state;
    struct nx_agent_view view;
    hello(b, OSLO, 2, 0, T0);
    assert_int_equal(nx_engine_agent(b->engine, OSLO, &view), 0);
    assert_string_equal(view.agent->network, "oslo");
    assert_int_equal(view.last_seen_us, T0);
    assert_int_equal(view.resolvers_n, 2);
    assert_int_equal(nx_engine_agent(b->engine, 0, &view), NX_ENOTFOUND);
}

/* An agent that says hello is there, whether it has results or not. */
static void test_agent_heard(void **state) {
    struct engine_bench *b = *state;
    int64_t away_us = b->settings.diagnosis.silent_after_us + S;
    hello(b, LYON, 1, 0, T0);
    open_restored(b, 7, T0);
    tick(b, T0 + S);
    assert_true(targets_of(b, 7, T0 + S).at[0].agent_heard);
    tick(b, T0 + away_us);
    assert_false(targets_of(b, 7, T0 + away_us).at[0].agent_heard);
    hello(b, LYON, 1, 0, T0 + away_us);
    tick(b, T0 + away_us + S);
    assert_true(targets_of(b, 7, T0 + away_us + S).at[0].agent_heard);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_targets_come_from_hello_and_incident),
        TEST(test_target_from_an_observation),
        TEST(test_strays_are_left),
        TEST(test_name_case_does_not_matter),
        TEST(test_unknown_and_revoked_agents),
        TEST(test_item_of_type_soa),
        TEST(test_item_of_type_ns),
        TEST(test_close_frees_targets),
        TEST(test_incident_limits),
        TEST(test_audits_make_room_first),
        TEST(test_target_limit),
        TEST(test_share_of_an_agent),
        TEST(test_no_room),
        TEST(test_no_room_for_one_that_leaves),
        TEST(test_two_incidents_with_one_name),
        TEST(test_many_looks),
        TEST(test_looks_are_judged_at_a_pace),
        TEST(test_agents_are_shown_in_order),
        TEST(test_agent_is_shown_alone),
        TEST(test_agent_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
