/* What looks mean is decided when they are judged: the same log, folded while
 * it was written, after a start, or with a start in its middle, says the same,
 * whenever the resolver was measured. And which resolvers are believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/lib/dice.h"
#include "tests/lib/engine_bench.h"

#define RECORD 10U
#define MADE_UP 66U
#define REGION 20U
#define DENIED 0U
#define EVENTS 60
#define SEEDS 200

/* --- one log --- */

enum what { AUDIT, LOOK, OWN_ZONE };

struct event {
    enum what what;
    int64_t at_us;
    unsigned says; /* last octet of an address, or DENIED */
};

enum measured { NOT_MEASURED, REWRITES, HANDS_ON };

struct log {
    struct event events[EVENTS];
    enum measured measured;
    int measured_before; /* this event */
};

static unsigned one_of(struct dice *d, const unsigned *list, unsigned n) {
    return list[dice_below(d, n)];
}

static void write_log(struct dice *d, struct log *log) {
    static const unsigned seen[] = {RECORD, MADE_UP, MADE_UP, REGION, DENIED};
    bool denials = dice_one_in(d, 2);
    bool varies = dice_one_in(d, 4);
    int64_t at_us = T0 + S;
    for (int i = 0; i < EVENTS; i++) {
        struct event *e = &log->events[i];
        at_us += (1 + dice_below(d, 4)) * S;
        e->at_us = at_us;
        e->what = i < 10 || i % 2 == 0 ? AUDIT : LOOK;
        e->says = e->what == LOOK ? one_of(d, seen, denials ? 5 : 4)
                  : i < 4         ? DENIED
                  : varies && dice_one_in(d, 8) ? REGION
                                                : RECORD;
    }
    log->measured = (enum measured)dice_below(d, 3);
    log->measured_before = (int)dice_below(d, EVENTS);
}

/* --- into an engine --- */

static void answer(struct engine_bench *b, const struct event *e) {
    const uint8_t rdata[] = {0, 4, 192, 0, 2, (uint8_t)e->says};
    const struct nx_answer yes = {
        .flags = NX_ANS_RDATA | (e->what != LOOK ? NX_ANS_AA : NX_ANS_RA),
        .rdata = rdata,
        .rdata_len = sizeof(rdata),
        .rdata_n = 1};
    const struct nx_question question = {
        .name = www, .qtype = NX_TYPE_A, .to = name_server(1)};
    if (e->what == LOOK && e->says == DENIED) {
        sees_nxdomain(b, LYON, 1, 700, e->at_us);
    } else if (e->what != AUDIT) {
        sees(b, LYON, 1, &yes, 60, e->at_us);
    } else if (e->says == DENIED) {
        audits(b, false, e->at_us);
    } else {
        audits(b, true, e->at_us);
        batch_of(b, AUDITOR, &question, &yes, 60, e->at_us + 1000, NULL);
    }
}

static void measure(struct engine_bench *b, enum measured measured) {
    struct nx_book_row row = {.network = "lyon",
                              .at = resolver(1),
                              .measured_us = T0,
                              .failed_us = NX_TIME_UNKNOWN};
    if (measured == NOT_MEASURED) {
        return;
    }
    nx_profile_default(&row.measured.profile);
    row.measured.nxdomain_cap_s = row.measured.nodata_cap_s = NX_NOT_MEASURED;
    row.measured.floor_s = NX_NOT_MEASURED;
    row.measured.rewrites_nxdomain = measured == REWRITES;
    if (measured == REWRITES) {
        row.measured.rewrites_to = (struct nx_egress){{192, 0, 2, MADE_UP}, 4};
    }
    nx_measured_settle(&row.measured);
    assert_int_equal(nx_engine_resolver_put(b->engine, &row), 0);
}

struct outcome {
    struct nx_target_evidence evidence;
    struct nx_verdict verdict;
    struct nx_target_past then[EVENTS]; /* what was stored after each */
};

static void keep(struct engine_bench *b, const struct event *e,
                 struct nx_target_past *past) {
    struct seen_targets seen = targets_of(b, 7, e->at_us + S);
    if (seen.n > 0) {
        const struct nx_target_view *t = &seen.at[0];
        *past = (struct nx_target_past){
            .incident_id = 7,
            .agent_id = LYON,
            .question = {.name = www, .qtype = NX_TYPE_A, .to = resolver(1)},
            .since_us = t->since_us,
            .seen_us = t->verdict.last_look_us,
            .doubt_us = t->verdict.doubt_us,
            .state = t->verdict.state};
    }
}

/* The first events of the log are found at a start, with what was stored of the
 * target; the rest came since. */
static struct outcome fold_log(void **state, const struct log *log,
                               int start_at, const struct outcome *stored) {
    static struct outcome out;
    int64_t end_us = log->events[EVENTS - 1].at_us + 2 * S;
    assert_int_equal(bench_setup(state), 0);
    struct engine_bench *b = *state;
    const struct nx_incident i = incident(7, T0);
    if (log->measured_before < start_at) {
        measure(b, log->measured);
    }
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    for (int k = 0; k < EVENTS; k++) {
        const struct event *e = &log->events[k];
        if (k == log->measured_before && k >= start_at) {
            measure(b, log->measured);
        }
        answer(b, e);
        if (k >= start_at) {
            tick(b, e->at_us + S / 2);
        } else {
            nx_engine_catch_up(b->engine, e->at_us + S / 2);
        }
        if (k + 1 == start_at) {
            nx_engine_recall(b->engine, &stored->then[k]);
        }
        keep(b, e, &out.then[k]);
    }
    tick(b, end_us);
    const struct nx_endpoint at = resolver(1);
    assert_int_equal(
        nx_engine_target_evidence(b->engine, 7, 0, LYON, &at, &out.evidence),
        0);
    out.verdict = targets_of(b, 7, end_us).at[0].verdict;
    assert_int_equal(bench_teardown(state), 0);
    return out;
}

static void same(unsigned seed, int start_at, const struct outcome *a,
                 const struct outcome *b) {
    assert_int_equal(a->evidence.looks_n, b->evidence.looks_n);
    for (size_t i = 0; i < a->evidence.looks_n; i++) {
        const struct nx_look *x = &a->evidence.looks[i];
        const struct nx_look *y = &b->evidence.looks[i];
        if (x->kind != y->kind || x->flags != y->flags) {
            fail_msg("seed %u, start at %d, look %zu: %s %x, then %s %x", seed,
                     start_at, i, nx_kind_text(x->kind), x->flags,
                     nx_kind_text(y->kind), y->flags);
        }
    }
    if (a->verdict.state != b->verdict.state ||
        a->verdict.flags != b->verdict.flags) {
        fail_msg("seed %u, start at %d: state %u %x, then %u %x", seed,
                 start_at, a->verdict.state, a->verdict.flags, b->verdict.state,
                 b->verdict.flags);
    }
}

static void test_live_and_again(void **state) {
    unsigned doubted = 0;
    unsigned believed = 0;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct dice d = {seed};
        struct log log;
        write_log(&d, &log);
        struct outcome live = fold_log(state, &log, 0, NULL);
        struct outcome again = fold_log(state, &log, EVENTS, &live);
        same(seed, EVENTS, &live, &again);
        int middle = (int)dice_below(&d, EVENTS);
        again = fold_log(state, &log, middle, &live);
        same(seed, middle, &live, &again);
        for (size_t i = 0; i < live.evidence.looks_n; i++) {
            const struct nx_look *look = &live.evidence.looks[i];
            doubted += look->kind == NX_KIND_POS_OTHER ? 1 : 0;
            believed += look->kind == NX_KIND_POS ? 1 : 0;
        }
    }
    assert_true(doubted > SEEDS && believed > SEEDS); /* it tests something */
}

/* --- who is believed --- */

/* Down, then right at all servers; the resolver's looks, once a second from
 * T0 + 60 s on; measured after them. */
static struct nx_verdict judged_as(void **state, enum what what,
                                   const unsigned *says, unsigned n,
                                   enum measured measured) {
    struct engine_bench *b = *state;
    const struct nx_incident i = incident(7, T0);
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S);
    for (int64_t t = T0 + 5 * S; t <= T0 + 55 * S; t += 5 * S) {
        audits(b, true, t);
        tick(b, t);
    }
    for (unsigned k = 0; k < n; k++) {
        const struct event e = {what, T0 + (60 + k) * S, says[k]};
        answer(b, &e);
        tick(b, e.at_us + S / 2);
    }
    measure(b, measured);
    tick(b, T0 + (62 + n) * S);
    return targets_of(b, 7, T0 + (62 + n) * S).at[0].verdict;
}

static struct nx_verdict judged(void **state, const unsigned *says, unsigned n,
                                enum measured measured) {
    return judged_as(state, LOOK, says, n, measured);
}

#define REGIONAL                                                               \
    REGION, REGION, REGION, REGION, REGION, REGION, REGION, REGION, REGION,    \
        REGION, REGION, REGION, REGION, REGION, REGION, REGION
static const unsigned of_a_region[] = {REGIONAL};
static const unsigned after_a_denial[] = {DENIED, REGIONAL};

static void test_another_answer_of_an_unknown_resolver(void **state) {
    struct nx_verdict v = judged(state, of_a_region, 16, NOT_MEASURED);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true((v.flags & 1U << NX_FLAG_UNLIKE_SERVERS) != 0);
}

/* It hands on denials: what it says is what servers say to its region. */
static void test_another_answer_of_a_measured_resolver(void **state) {
    struct nx_verdict v = judged(state, of_a_region, 16, HANDS_ON);
    assert_int_not_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true((v.flags & 1U << NX_FLAG_UNLIKE_SERVERS) == 0);
}

/* It says that this is its own. */
static void test_another_answer_of_a_zone_of_its_own(void **state) {
    struct nx_verdict v = judged_as(state, OWN_ZONE, of_a_region, 16, HANDS_ON);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
}

static void test_another_answer_after_a_denial(void **state) {
    struct nx_verdict v = judged(state, after_a_denial, 17, NOT_MEASURED);
    assert_int_not_equal(v.state, NX_STATE_OLD_POSITIVE);
}

/* So long ago that no look is left of it. */
static void test_another_answer_long_after_a_denial(void **state) {
    static unsigned says[1 + NX_LOOKS_MAX + 1];
    unsigned n = sizeof(says) / sizeof(says[0]);
    says[0] = DENIED;
    for (unsigned i = 1; i < n; i++) {
        says[i] = REGION;
    }
    struct nx_verdict v = judged(state, says, n, NOT_MEASURED);
    assert_int_not_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true((v.flags & 1U << NX_FLAG_UNLIKE_SERVERS) == 0);
}

/* Measured later than all looks came. */
static void test_rewriter_measured_late(void **state) {
    static const unsigned made_up[] = {MADE_UP, MADE_UP, MADE_UP};
    struct nx_verdict v = judged(state, made_up, 3, REWRITES);
    assert_int_equal(v.state, NX_STATE_OLD_POSITIVE);
    assert_true((v.flags & 1U << NX_FLAG_REWRITTEN) != 0);
    assert_true((v.flags & 1U << NX_FLAG_UNLIKE_SERVERS) == 0);
}

/* --- another type of the name --- */

/* A and this type of the name; the resolver is asked for the second one only,
 * but for one denial of A. */
static unsigned state_beside(void **state, uint16_t qtype, int denial_of_a,
                             enum measured measured) {
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, REGION};
    struct engine_bench *b = *state;
    struct nx_incident i = incident(7, T0);
    const struct nx_answer yes = {.flags = NX_ANS_RDATA | NX_ANS_RA,
                                  .rdata = rdata,
                                  .rdata_len = sizeof(rdata),
                                  .rdata_n = 1};
    const struct nx_answer no = {.rcode = (uint16_t)denial_of_a,
                                 .flags = NX_ANS_SOA | NX_ANS_RA,
                                 .soa_owner = apex,
                                 .soa_serial = 1,
                                 .soa_minimum_s = 900};
    const struct nx_question q = {
        .name = www, .qtype = qtype, .flags = NX_Q_RD, .to = resolver(1)};
    i.items_n = 2;
    memcpy(i.items[1].name, www, sizeof(www));
    i.items[1].qtype = qtype;
    hello(b, LYON, 1, 0, T0);
    assert_int_equal(nx_engine_incident_open(b->engine, &i), 0);
    audits(b, false, T0 + S);
    audits_type(b, 1, 1, qtype, false, T0 + S);
    for (int64_t t = T0 + 5 * S; t <= T0 + 55 * S; t += 5 * S) {
        audits(b, true, t);
        audits_type(b, 1, 1, qtype, true, t);
        tick(b, t + 3000);
    }
    if (denial_of_a >= 0) {
        sees(b, LYON, 1, &no, 700, T0 + 59 * S);
    }
    for (unsigned k = 0; k < 16; k++) {
        batch_of(b, LYON, &q, &yes, 60, T0 + (60 + k) * S, NULL);
    }
    measure(b, measured);
    tick(b, T0 + 78 * S);
    struct seen_targets seen = targets_of(b, 7, T0 + 78 * S);
    for (size_t k = 0; k < seen.n; k++) {
        if (seen.at[k].item == 1) {
            return seen.at[k].verdict.state;
        }
    }
    fail_msg("no target of the second item");
    return 0;
}

#define NO_DENIAL (-1)
#define NODATA 0

static void test_nothing_known_beside(void **state) {
    assert_int_equal(state_beside(state, NX_TYPE_AAAA, NO_DENIAL, NOT_MEASURED),
                     NX_STATE_OLD_POSITIVE);
}

static void test_the_name_was_denied_with_another_type(void **state) {
    assert_int_not_equal(
        state_beside(state, NX_TYPE_MX, NX_RCODE_NXDOMAIN, NOT_MEASURED),
        NX_STATE_OLD_POSITIVE);
}

/* That is of one type. */
static void test_another_type_was_denied(void **state) {
    assert_int_equal(state_beside(state, NX_TYPE_AAAA, NODATA, NOT_MEASURED),
                     NX_STATE_OLD_POSITIVE);
}

static void test_measured_for_addresses(void **state) {
    assert_int_not_equal(state_beside(state, NX_TYPE_AAAA, NO_DENIAL, HANDS_ON),
                         NX_STATE_OLD_POSITIVE);
}

static void test_not_measured_for_others(void **state) {
    assert_int_equal(state_beside(state, NX_TYPE_MX, NO_DENIAL, HANDS_ON),
                     NX_STATE_OLD_POSITIVE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_and_again),
        TEST(test_another_answer_of_an_unknown_resolver),
        TEST(test_another_answer_of_a_measured_resolver),
        TEST(test_another_answer_of_a_zone_of_its_own),
        TEST(test_another_answer_after_a_denial),
        TEST(test_another_answer_long_after_a_denial),
        TEST(test_rewriter_measured_late),
        TEST(test_nothing_known_beside),
        TEST(test_the_name_was_denied_with_another_type),
        TEST(test_another_type_was_denied),
        TEST(test_measured_for_addresses),
        TEST(test_not_measured_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
