/* Resolvers measured by canary names: plan, looks, profile, verdict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "collector/engine/canaries.h"
#include "collector/status/status_resolvers.h"
#include "tests/lib/canary_bench.h"

#define DAY (INT64_C(86400) * S)

static const uint8_t zone[] = "\6canary\7example\3net";
static const uint8_t bogus_zone[] = "\5bogus\4test\7example";
#define TASKS_N (NX_CANARIES_N_ - 1U) /* without a bogus zone */

/* The canary zone has trouble. */
static bool unreached, lost_delegation;

static int setup(void **state) {
    int err = canary_bench_setup(state, zone, sizeof(zone), 0);
    struct engine_bench *b = *state;
    add_agent(b, OSLO, "oslo", false);
    unreached = lost_delegation = false;
    return err;
}

static void assert_member(const json_t *object, const char *key,
                          const char *text) {
    assert_string_equal(json_string_value(json_object_get(object, key)), text);
}

/* The list of resolvers, in order. */
static json_t *resolvers_of(struct engine_bench *b, int64_t now_us) {
    struct nx_resolver_list *list = NULL;
    json_t *to = json_array();
    assert_int_equal(nx_resolver_list_new(b->engine, &list), 0);
    assert_true(nx_resolver_list_sort(list, SIZE_MAX));
    assert_int_equal(
        nx_resolver_list_some(list, b->engine, now_us, to, SIZE_MAX), 0);
    nx_resolver_list_free(&list);
    return to;
}

/* The answer of a resolver with an own clock, floor 5 and cap 3600. */
static void answer_one(struct engine_bench *b, uint32_t agent,
                       const struct nx_task *task, int64_t at_us) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 1};
    static const uint8_t host[] = {0, 5, 4, 'r', 'e', 's', '2'};
    char name[NX_DNAME_TEXT_MAX];
    (void)nx_dname_text(task->name, name);
    const struct nx_question question = {
        .name = task->name,
        .qtype = task->qtype,
        .flags =
            (uint16_t)((task->rd0 ? 0 : NX_Q_RD) | (task->chaos ? NX_Q_CH : 0) |
                       (task->ad ? NX_Q_AD : 0)),
        .to = task->endpoint,
    };
    bool many =
        strstr(name, ".many.") != NULL || strstr(name, "whoami") == name;
    bool below =
        strstr(name, ".short.") != NULL || strstr(name, ".end.") != NULL ||
        strstr(name, ".clock.") != NULL || strstr(name, ".prefetch.") != NULL;
    struct nx_answer answer = {.flags = NX_ANS_SOA | NX_ANS_RA,
                               .rcode = NX_RCODE_NXDOMAIN,
                               .soa_owner =
                                   below ? nx_dname_parent(task->name) : zone,
                               .soa_serial = 1};
    if (lost_delegation) {
        answer.soa_owner = nx_dname_parent(zone);
    }
    uint32_t ttl_s = strstr(name, ".short.") != NULL      ? 5
                     : strstr(name, ".end.") != NULL      ? 8
                     : strstr(name, ".clock.") != NULL    ? 60
                     : strstr(name, ".prefetch.") != NULL ? 20
                                                          : 3600;
    if (task->chaos && strcmp(name, "id.server.") == 0) {
        answer = (struct nx_answer){.rcode = NX_RCODE_REFUSED};
    } else if (task->chaos) {
        answer = (struct nx_answer){.flags = NX_ANS_RDATA,
                                    .rdata = host,
                                    .rdata_len = sizeof(host),
                                    .rdata_n = 1};
    } else if (task->ad) {
        answer = (struct nx_answer){.flags = NX_ANS_RDATA | NX_ANS_AD,
                                    .rdata = rdata,
                                    .rdata_len = sizeof(rdata),
                                    .rdata_n = 1};
    } else if (nx_dname_under(task->name, bogus_zone)) {
        answer = (struct nx_answer){.rcode = NX_RCODE_SERVFAIL};
    } else if (task->rd0) {
        answer = (struct nx_answer){.rcode = NX_RCODE_REFUSED};
    } else if (unreached) {
        answer = (struct nx_answer){
            .rcode = NX_RCODE_SERVFAIL, .ede = {22}, .ede_n = 1};
    } else if (many && task->qtype == NX_TYPE_A) {
        answer = (struct nx_answer){.flags = NX_ANS_RDATA,
                                    .rdata = rdata,
                                    .rdata_len = sizeof(rdata),
                                    .rdata_n = 1};
        if (task->nsid) {
            answer.nsid = (const uint8_t *)"res-1";
            answer.nsid_len = 5;
        }
    } else if (many) {
        answer.rcode = NX_RCODE_NOERROR;
    }
    batch_of(b, agent, &question, &answer, ttl_s, at_us, NULL);
}

/* Answers everything that the agent's plan asks, at its time. */
static void run(struct engine_bench *b, uint32_t agent, int64_t from_us) {
    const struct nx_plan *plan = plan_of(b, agent, from_us);
    for (size_t i = 0; i < plan->tasks_n; i++) {
        const struct nx_task *task = &plan->tasks[i];
        assert_true(task->canary);
        assert_false(task->authority_verified);
        assert_int_equal(task->cd, nx_dname_under(task->name, bogus_zone));
        assert_true(task->chaos || task->ad ||
                    nx_dname_under(task->name, zone) ||
                    nx_dname_under(task->name, bogus_zone));
        unsigned rows_n = task->interval_ms < 86400000 ? 2 : 1;
        for (unsigned k = 0; k < rows_n * task->visit_n; k++) {
            int64_t after_ms =
                (int64_t)task->first_after_ms +
                (int64_t)(k / task->visit_n) * task->interval_ms +
                (int64_t)(k % task->visit_n) * task->visit_gap_ms;
            answer_one(b, agent, task, from_us + after_ms * 1000);
        }
    }
}

static struct nx_book_row rows[8];
static size_t rows_n;

static void see_row(void *user, const struct nx_book_row *row) {
    (void)user;
    rows[rows_n++] = *row;
}

static void look_up(const struct engine_bench *b) {
    rows_n = 0;
    assert_int_equal(nx_engine_resolvers(b->engine, see_row, NULL), 0);
}

static void test_measured(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    hello(b, AUDITOR, 1, 0, T0);
    tick(b, T0);
    assert_int_equal(plan_of(b, LYON, T0)->tasks_n, TASKS_N);
    assert_int_equal(plan_of(b, AUDITOR, T0)->tasks_n, 0);
    look_up(b);
    assert_int_equal(rows_n, 1);
    assert_true(rows[0].measuring);
    assert_int_equal(rows[0].measured_us, NX_TIME_UNKNOWN);
    run(b, LYON, T0);
    assert_int_equal(nx_engine_counts(b->engine)->strays_n, 0);
    tick(b, T0 + 40 * S);
    assert_int_equal(measured_n, 1);
    assert_string_equal(measured.network, "lyon");
    assert_int_equal(measured.measured.nxdomain_cap_s, 3600);
    assert_int_equal(measured.measured.nodata_cap_s, 3600);
    assert_int_equal(measured.measured.floor_s, 5);
    assert_int_equal(measured.measured.profile.rd0, NX_RD0_REFUSED);
    assert_true(measured.measured.profile.never_decrements);
    assert_false(measured.measured.ede_seen);
    assert_int_equal(measured.measured.instances_seen, 1);
    assert_memory_equal(measured.measured.nsid.bytes, "res-1", 5);
    assert_int_equal(measured.measured.who, NX_WHO_TOLD);
    assert_int_equal(measured.measured.server.len, 4);
    assert_memory_equal(measured.measured.server.bytes, "res2", 4);
    assert_int_equal(measured.measured.validates, NX_VALIDATES_SAID);
    assert_int_equal(measured.measured.asks_from.len, 4);
    assert_int_equal(measured.measured.chain, NX_CHAIN_OWN);
    assert_int_equal(plan_of(b, LYON, T0 + 40 * S)->tasks_n, 0);
}

/* With a bogus zone a name in it is asked for, too: what fails there but with
 * CD=1 was validated, and why may be said. */
static void test_bogus_zone(void **state) {
    struct engine_bench *b = *state;
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 1};
    const struct nx_answer failure = {
        .rcode = NX_RCODE_SERVFAIL, .ede = {9, 22}, .ede_n = 2};
    const struct nx_answer data = {.flags = NX_ANS_RDATA,
                                   .rdata = rdata,
                                   .rdata_len = sizeof(rdata),
                                   .rdata_n = 1};
    struct nx_incident near = incident(7, T0 + 90 * S);
    nx_engine_free(&b->engine);
    memcpy(b->settings.canary.bogus_zone, bogus_zone, sizeof(bogus_zone));
    assert_int_equal(nx_engine_new(&b->settings, &b->engine), 0);
    add_agent(b, LYON, "lyon", false);
    hello(b, LYON, 1, 0, T0);
    tick(b, T0);
    const struct nx_plan *plan = plan_of(b, LYON, T0);
    assert_int_equal(plan->tasks_n, NX_CANARIES_N_);
    const struct nx_task *task = &plan->tasks[NX_CANARY_BOGUS];
    struct nx_question question = {.name = task->name,
                                   .qtype = task->qtype,
                                   .flags = NX_Q_RD,
                                   .to = task->endpoint};
    assert_true(nx_dname_under(task->name, bogus_zone) && task->canary);
    batch_of(b, LYON, &question, &failure, 0, T0 + 2 * S, NULL);
    question.flags |= NX_Q_CD;
    batch_of(b, LYON, &question, &data, 60, T0 + 2 * S + 5000, NULL);
    run(b, LYON, T0);
    assert_int_equal(nx_engine_counts(b->engine)->strays_n, 0);
    tick(b, T0 + 80 * S);
    assert_int_equal(measured_n, 1);
    assert_int_equal(measured.measured.bogus, NX_BOGUS_FAILED);
    assert_true(measured.measured.bogus_ede_seen);
    assert_int_equal(measured.measured.bogus_ede, 9);
    memcpy(near.items[0].name, "\3www\4test\7example", 18);
    assert_int_equal(nx_engine_incident_open(b->engine, &near), 0);
    struct nx_book_asked asked;
    assert_int_equal(
        nx_engine_resolvers_measure(b->engine, "lyon", T0 + 90 * S, &asked),
        NX_EAGAIN); /* it is near an incident */
}

/* All that agents use, by network; each has an id of its own. */
static void test_list(void **state) {
    struct engine_bench *b = *state;
    hello(b, OSLO, 2, 0, T0);
    hello(b, LYON, 1, 0, T0);
    tick(b, T0);
    json_t *list = resolvers_of(b, T0);
    const json_t *last = json_array_get(list, 2);
    assert_int_equal(json_array_size(list), 3);
    assert_member(json_array_get(list, 0), "network", "lyon");
    assert_member(json_array_get(list, 1), "network", "oslo");
    assert_member(last, "network", "oslo");
    assert_string_not_equal(
        json_string_value(json_object_get(json_array_get(list, 1), "id")),
        json_string_value(json_object_get(last, "id")));
    json_decref(list);
}

/* What was measured reaches the estimator, in its network alone, for a week. */
static void test_verdict_is_verified(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    tick(b, T0);
    run(b, LYON, T0);
    tick(b, T0 + 40 * S);
    hello(b, LYON, 1, 0, T0 + 50 * S);
    hello(b, OSLO, 1, 0, T0 + 50 * S);
    open_restored(b, 7, T0 + 50 * S);
    sees_nxdomain(b, LYON, 1, 600, T0 + 51 * S);
    sees_nxdomain(b, OSLO, 1, 600, T0 + 51 * S);
    struct seen_targets seen = targets_of(b, 7, T0 + 52 * S);
    assert_int_equal(seen.n, 2);
    assert_true(seen.at[0].verdict.verified);
    assert_false(seen.at[1].verdict.verified);
    tick(b, T0 + 40 * S + NX_PROFILE_AGED_US + S);
    seen = targets_of(b, 7, T0 + 40 * S + NX_PROFILE_AGED_US + S);
    assert_false(seen.at[0].verdict.verified);
}

static void test_one_at_a_time_and_daily(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 2, 0, T0);
    tick(b, T0);
    assert_int_equal(plan_of(b, LYON, T0)->tasks_n, TASKS_N);
    run(b, LYON, T0);
    tick(b, T0 + 40 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 40 * S)->tasks_n, TASKS_N);
    run(b, LYON, T0 + 40 * S);
    tick(b, T0 + 80 * S);
    assert_int_equal(measured_n, 2);
    hello(b, LYON, 2, 0, T0 + DAY / 2);
    tick(b, T0 + DAY / 2);
    assert_int_equal(plan_of(b, LYON, T0 + DAY / 2)->tasks_n, 0);
    hello(b, LYON, 2, 0, T0 + DAY + 80 * S);
    tick(b, T0 + DAY + 80 * S);
    assert_int_equal(plan_of(b, LYON, T0 + DAY + 80 * S)->tasks_n, TASKS_N);
}

static void test_nothing_came(void **state) {
    struct engine_bench *b = *state;
    hello(b, LYON, 1, 0, T0);
    tick(b, T0);
    tick(b, T0 + 100 * S); /* over, without a look */
    assert_int_equal(measured_n, 0);
    look_up(b);
    assert_int_equal(rows[0].measured_us, NX_TIME_UNKNOWN);
    assert_int_equal(rows[0].failed_us, T0 + 100 * S);
    hello(b, LYON, 1, 0, T0 + 701 * S);
    tick(b, T0 + 701 * S);
    assert_int_equal(plan_of(b, LYON, T0 + 701 * S)->tasks_n, TASKS_N);
}

/* With trouble at the canary zone nothing is learnt: what was measured before
 * stays as it is, and as old as it is. */
static void test_trouble_spoils_nothing(void **state) {
    struct engine_bench *b = *state;
    static const enum nx_run_trouble troubles[] = {NX_RUN_UNREACHED,
                                                   NX_RUN_FOREIGN};
    hello(b, LYON, 1, 0, T0);
    tick(b, T0);
    run(b, LYON, T0);
    tick(b, T0 + 40 * S);
    assert_int_equal(measured_n, 1);
    for (int i = 0; i < 2; i++) {
        int64_t at_us = T0 + (1 + i) * DAY + 40 * S;
        unreached = i == 0;
        lost_delegation = i == 1;
        hello(b, LYON, 1, 0, at_us);
        tick(b, at_us);
        run(b, LYON, at_us);
        tick(b, at_us + 40 * S);
        assert_int_equal(measured_n, 1);
        look_up(b);
        assert_int_equal(rows[0].measured_us, T0 + 40 * S);
        assert_int_equal(rows[0].measured.nxdomain_cap_s, 3600);
        assert_int_equal(rows[0].failed_us, at_us + 40 * S);
        assert_int_equal(rows[0].trouble, troubles[i]);
    }
    json_t *list = resolvers_of(b, T0 + 3 * DAY);
    assert_member(json_array_get(list, 0), "state", "measured");
    assert_member(json_array_get(list, 0), "trouble", "zone-lost");
    json_decref(list);
}

/* While an incident of the zone above is open they rest, a run is broken off;
 * one of another zone does not matter. */
static void test_quiet_times(void **state) {
    struct engine_bench *b = *state;
    static const uint8_t near[] = "\3www\7example\3net";
    struct nx_incident i = incident(7, T0 + 5 * S);
    hello(b, LYON, 1, 0, T0);
    tick(b, T0);
    open_restored(b, 6, T0 + S);
    assert_int_equal(plan_of(b, LYON, T0 + S)->tasks_n, TASKS_N);
    memcpy(i.items[0].name, near, sizeof(near));
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    const struct nx_plan *plan = plan_of(b, LYON, T0 + 5 * S);
    for (size_t k = 0; k < plan->tasks_n; k++) {
        assert_false(plan->tasks[k].canary);
    }
    tick(b, T0 + 6 * S);
    look_up(b);
    assert_false(rows[0].measuring);
    assert_int_equal(nx_engine_incident_close(b->engine, 7, T0 + 9 * S), 0);
    tick(b, T0 + 10 * S);
    look_up(b);
    assert_true(rows[0].measuring);
}

/* On demand, but not near an open incident, and not without a canary zone. */
static void test_on_demand(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_asked asked;
    struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    tick(b, T0);
    assert_int_equal(nx_engine_resolvers_measure(b->engine, "lyon", T0, &asked),
                     NX_OK);
    assert_int_equal(asked.running_n, 1); /* its first time */
    assert_int_equal(nx_engine_resolvers_measure(b->engine, "oslo", T0, &asked),
                     NX_OK);
    assert_int_equal(asked.running_n + asked.due_n + asked.recent_n, 0);
    assert_int_equal(nx_dname_parse("example.net", i.items[0].name), NX_OK);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    assert_int_equal(
        nx_engine_resolvers_measure(b->engine, NULL, T0 + S, &asked),
        NX_EAGAIN);
    nx_engine_free(&b->engine);
    b->settings.canary.on = false;
    assert_int_equal(nx_engine_new(&b->settings, &b->engine), 0);
    assert_int_equal(nx_engine_resolvers_measure(b->engine, NULL, T0, &asked),
                     NX_ESTATE);
}

/* Wherever above it the parent zone is cut. */
static void test_disturbs(void **state) {
    static const uint8_t deep[] = "\6canary\3lab\7example\3net";
    static const struct {
        const char *name;
        bool disturbs;
    } of[] = {
        {"x.canary.lab.example.net.", true},
        {"canary.lab.example.net.", true},
        {"www.lab.example.net.", true},
        {"www.example.net.", true},
        {"example.net.", true},
        {"net.", true},
        {"www.example.com.", false},
        {"www.invalid.net.", false},
        {"invalid.net.", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        uint8_t name[NX_DNAME_MAX];
        assert_int_equal(nx_dname_parse(of[i].name, name), NX_OK);
        assert_int_equal(nx_canary_disturbs(deep, name), of[i].disturbs);
    }
}

static void test_from_the_store(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_row row = {.network = "lyon",
                              .at = resolver(1),
                              .measured_us = T0 - DAY / 2,
                              .measured = {.nxdomain_cap_s = 900,
                                           .nodata_cap_s = 900,
                                           .floor_s = 1,
                                           .chain = NX_CHAIN_OWN,
                                           .soa_clock = NX_SOA_CLOCK_OWN}};
    nx_profile_default(&row.measured.profile);
    nx_measured_settle(&row.measured);
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
    hello(b, LYON, 1, 0, T0);
    tick(b, T0);
    assert_int_equal(plan_of(b, LYON, T0)->tasks_n, 0); /* not due again */
    open_restored(b, 7, T0);
    sees_nxdomain(b, LYON, 1, 600, T0 + S);
    struct seen_targets seen = targets_of(b, 7, T0 + 2 * S);
    assert_true(seen.at[0].verdict.verified);
}

/* As any that was measured before it denied: it is not due for a day. */
static void put_measured(struct engine_bench *b, unsigned r, int64_t at_us) {
    struct nx_book_row row = {.network = "lyon",
                              .at = resolver(r),
                              .measured_us = at_us,
                              .measured = {.nxdomain_cap_s = 900,
                                           .nodata_cap_s = 900,
                                           .floor_s = 1,
                                           .soa_shown = true,
                                           .chain = NX_CHAIN_OWN,
                                           .soa_clock = NX_SOA_CLOCK_OWN}};
    nx_profile_default(&row.measured.profile);
    row.measured.profile.caches = 1;
    nx_measured_settle(&row.measured);
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
}

static bool measures(struct engine_bench *b, unsigned r, int64_t now_us) {
    const struct nx_plan *plan = plan_of(b, LYON, now_us);
    const struct nx_endpoint at = resolver(r);
    for (size_t i = 0; i < plan->tasks_n; i++) {
        if (plan->tasks[i].canary && memcmp(plan->tasks[i].endpoint.address,
                                            at.address, at.address_len) == 0) {
            return true;
        }
    }
    return false;
}

/* Denials without SOA have their resolver measured, soon, and once: then it is
 * known whether a cache makes them. Those with an SOA do not. */
static void test_bare_denials_are_measured(void **state) {
    struct engine_bench *b = *state;
    const struct nx_answer bare = {.rcode = NX_RCODE_NXDOMAIN,
                                   .flags = NX_ANS_RA};
    int64_t now_us = T0 + 10 * S;
    put_measured(b, 1, T0 - DAY / 4);
    put_measured(b, 2, T0 - DAY / 4);
    audits(b, false, T0 - 2 * S);
    hello(b, LYON, 2, 0, T0);
    struct nx_incident i = incident(7, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S);
    for (int k = 0; k < 4; k++) {
        audits(b, true, T0 + (2 + k) * S);
    }
    for (int k = 0; k < 6; k++) {
        sees_nxdomain(b, LYON, 1, (uint32_t)(700 - k), now_us);
        sees(b, LYON, 2, &bare, 0, now_us);
        tick(b, now_us);
        now_us += S;
    }
    bool begun = false;
    for (int64_t end_us = now_us + NX_BOOK_WANT_US; now_us <= end_us;
         now_us += S) {
        tick(b, now_us);
        assert_false(measures(b, 1, now_us));
        begun |= measures(b, 2, now_us);
        hello(b, LYON, 2, 0, now_us);
    }
    assert_true(begun);
}

/* Behind one private address each agent may reach another resolver: the verdict
 * of one does not rest on what the other one measured. */
static void test_private_address(void **state) {
    struct engine_bench *b = *state;
    struct nx_book_row row = {
        .network = "lyon",
        .at = {.address = {192, 168, 1, 1}, .address_len = 4, .port = 53},
        .agent_id = LYON,
        .measured_us = T0 - DAY / 2,
        .measured = {.nxdomain_cap_s = 900,
                     .nodata_cap_s = 900,
                     .floor_s = 1,
                     .chain = NX_CHAIN_OWN,
                     .soa_clock = NX_SOA_CLOCK_OWN}};
    nx_profile_default(&row.measured.profile);
    nx_measured_settle(&row.measured);
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
    add_agent(b, LYON + 100, "lyon", false);
    const struct nx_agent_state *agents[] = {
        nx_agents_find(b->engine, LYON), nx_agents_find(b->engine, LYON + 100)};
    tick(b, T0);
    for (unsigned i = 0; i < 2; i++) {
        const struct nx_profile *p =
            nx_canaries_profile(b->engine, agents[i], &row.at);
        assert_int_equal(p->verified, i == 0);
        assert_int_equal(p->cap_hi_s, i == 0 ? 900 : 0);
    }
    json_t *list = resolvers_of(b, T0);
    assert_member(json_array_get(list, 0), "agent", agents[0]->agent.name);
    json_decref(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_measured, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_private_address, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_bogus_zone, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_trouble_spoils_nothing, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, bench_teardown),
        cmocka_unit_test_setup_teardown(test_verdict_is_verified, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_one_at_a_time_and_daily, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_came, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_quiet_times, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_on_demand, setup, bench_teardown),
        cmocka_unit_test(test_disturbs),
        cmocka_unit_test_setup_teardown(test_bare_denials_are_measured, setup,
                                        bench_teardown),
        cmocka_unit_test_setup_teardown(test_from_the_store, setup,
                                        bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
