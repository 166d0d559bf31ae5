/* Servers and vantages without a word: when they are set aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/authority_bench.h"

static void test_dead_server_is_waited_for_then_set_aside(void **state) {
    struct bench *b = *state;
    struct nx_auth_view view;
    delegate(b, 1, apex, 1, 2, T0);
    for (int64_t t = T0; t < T0 + 60 * S; t += 5 * S) {
        good(b, 1, 1, t);
        silent(b, 1, 2, t);
        assert_false(step(b, t)->all_ns_good);
    }
    good(b, 1, 1, T0 + 60 * S);
    silent(b, 1, 2, T0 + 60 * S);
    assert_true(step(b, T0 + 61 * S)->all_ns_good);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.servers_n, 2);
    assert_int_equal(view.servers[1].class_, NX_AUTH_SILENT);
    assert_int_equal(view.servers[1].outcome, NX_TIMEOUT);
    assert_true(nx_dname_equal(view.servers[1].at.server_name, ns_name));
}

/* The default settle time is longer than an audit waits. */
static void test_asked_in_vain(void **state) {
    struct bench *b = *state;
    struct nx_auth_view view;
    delegate(b, 1, apex, 1, 2, T0);
    for (int64_t t = T0; t < T0 + 30 * S; t += 5 * S) {
        good(b, 1, 1, t);
        silent(b, 1, 2, t);
        (void)step(b, t);
        assert_int_equal(nx_authority_view(b->a, &view), 0);
        assert_int_equal(view.servers[1].class_, NX_AUTH_PENDING);
        assert_int_equal(view.servers[1].in_vain, t >= T0 + 15 * S);
        assert_false(view.servers[0].in_vain || view.servers[1].no_way);
    }
    /* Nobody asks any more: that is no further silence. */
    delegate(b, 1, apex, 1, 3, T0 + 30 * S);
    silent(b, 1, 3, T0 + 30 * S);
    (void)step(b, T0 + 80 * S);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_false(view.servers[2].in_vain);
}

/* Of four, one: the auditor has no IPv6, say. It is not that they are dead. */
static void no_way_to_three(struct bench *b, int64_t t) {
    const struct nx_answer no_way = {.outcome = NX_UNREACHABLE};
    good(b, 1, 1, t);
    for (unsigned i = 2; i <= 4; i++) {
        fold(b, 1, i, &no_way, NX_KIND_NETERR, 0, false, t);
    }
}

static void test_servers_without_a_way(void **state) {
    struct bench *b = *state;
    struct nx_auth_view view;
    int64_t t = T0;
    delegate(b, 1, apex, 1, 4, T0);
    for (; t < T0 + 400 * S; t += 5 * S) {
        no_way_to_three(b, t);
        assert_false(step(b, t)->verified);
    }
    assert_true(nx_authority_facts(b->a)->held);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_true(view.blind);
    /* Half of them is enough. */
    for (int64_t end = t + 70 * S; t < end; t += 5 * S) {
        good(b, 1, 1, t);
        good(b, 1, 2, t);
        (void)step(b, t);
    }
    assert_true(nx_authority_facts(b->a)->verified);
    assert_false(nx_authority_facts(b->a)->held);
}

static void see_good(struct bench *b, unsigned agents_n, unsigned to,
                     int64_t from_us, int64_t until_us) {
    for (int64_t t = from_us; t < until_us; t += 5 * S) {
        for (unsigned agent = 1; agent <= agents_n; agent++) {
            for (unsigned i = 1; i <= (agent == 1 ? 1 : to); i++) {
                good(b, agent, i, t);
            }
        }
        (void)step(b, t);
    }
}

/* Of four, one has an address at this auditor; at another one all do. */
static void test_servers_without_an_address(void **state) {
    struct bench *b = *state;
    struct nx_auth_view view;
    delegate_part(b, 1, apex, 1, 1, 3, T0);
    see_good(b, 1, 1, T0, T0 + 400 * S);
    assert_true(nx_authority_facts(b->a)->all_ns_good);
    assert_false(nx_authority_facts(b->a)->verified);
    assert_true(nx_authority_facts(b->a)->held);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_true(view.blind);
    delegate(b, 2, apex, 1, 4, T0 + 400 * S);
    see_good(b, 2, 4, T0 + 400 * S, T0 + 500 * S);
    assert_true(nx_authority_facts(b->a)->verified);
    assert_false(nx_authority_facts(b->a)->held);
}

/* Half of them is enough. */
static void test_one_server_without_an_address(void **state) {
    struct bench *b = *state;
    delegate_part(b, 1, apex, 1, 1, 1, T0);
    see_good(b, 1, 1, T0, T0 + 100 * S);
    assert_true(nx_authority_facts(b->a)->verified);
}

static void test_servers_without_a_way_declared(void **state) {
    struct bench *b = *state;
    b->incident.restored_us = T0;
    delegate(b, 1, apex, 1, 4, T0);
    for (int64_t t = T0; t < T0 + 200 * S; t += 5 * S) {
        no_way_to_three(b, t);
        (void)step(b, t);
    }
    assert_true(nx_authority_facts(b->a)->verified);
}

/* Three names with both addresses, and no way by IPv6: two are good, the third
 * is not there at all. */
static void test_dual_stack_is_judged_by_one_family(void **state) {
    static const uint8_t names[3][16] = {
        "\1a\7example\3com", "\1b\7example\3com", "\1c\7example\3com"};
    const struct nx_answer no_way = {.outcome = NX_UNREACHABLE};
    const struct nx_answer yes = {.flags = NX_ANS_AA | NX_ANS_RDATA};
    struct bench *b = *state;
    struct nx_endpoint at[6];
    for (unsigned i = 0; i < 6; i++) {
        at[i] = server(i + 1);
        at[i].server_name = names[i / 2];
        at[i].address_len = i % 2 == 0 ? 4 : 16;
    }
    const struct nx_delegation d = {.name = name,
                                    .apex = apex,
                                    .ns_ttl_s = 3600,
                                    .servers = at,
                                    .servers_n = 6};
    assert_int_equal(nx_authority_delegation(b->a, 1, &d, T0, EPS), 0);
    struct nx_auth_view view;
    int64_t t = T0;
    for (; t < T0 + 200 * S; t += 5 * S) {
        for (unsigned i = 0; i < 6; i++) {
            const struct nx_question q = {
                .name = name, .qtype = NX_TYPE_A, .to = at[i]};
            bool well = i == 0 || i == 2;
            const struct nx_obs obs = {.question = &q,
                                       .answer = well ? &yes : &no_way};
            const struct nx_look look = {.tx_us = t - 4000,
                                         .rx_us = t,
                                         .eps_us = EPS,
                                         .kind = well ? NX_KIND_POS
                                                      : NX_KIND_NETERR,
                                         .flags = well ? NX_LOOK_AA : 0};
            nx_authority_answer(b->a, 1, &obs, &look);
        }
        (void)step(b, t);
    }
    assert_true(nx_authority_facts(b->a)->verified);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    for (unsigned i = 0; i < 6; i++) { /* the third's IPv4 is its own matter */
        assert_int_equal(view.servers[i].no_way, i % 2 != 0);
    }
    /* Another auditor has IPv6, and what it sees is shown. */
    assert_int_equal(nx_authority_delegation(b->a, 2, &d, t, EPS), 0);
    for (unsigned i = 1; i < 6; i += 2) {
        const struct nx_question q = {
            .name = name, .qtype = NX_TYPE_A, .to = at[i]};
        const struct nx_obs obs = {.question = &q, .answer = &yes};
        const struct nx_look look = {.tx_us = t - 4000,
                                     .rx_us = t,
                                     .eps_us = EPS,
                                     .kind = NX_KIND_POS,
                                     .flags = NX_LOOK_AA};
        nx_authority_answer(b->a, 2, &obs, &look);
    }
    (void)step(b, t);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    for (unsigned i = 0; i < view.servers_n; i++) {
        assert_false(view.servers[i].no_way);
        assert_true(view.servers[i].at.address_len == 4 ||
                    view.servers[i].good);
    }
}

/* One that denied before it fell silent is waited for five times as long. */
static void test_silent_after_denial_blocks_longer(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    denies(b, 1, 2, apex, 900, T0);
    for (int64_t t = T0; t < T0 + 300 * S; t += 5 * S) {
        good(b, 1, 1, t);
        silent(b, 1, 2, t + S);
        assert_false(step(b, t)->all_ns_good);
    }
    silent(b, 1, 2, T0 + 301 * S);
    assert_true(step(b, T0 + 301 * S)->all_ns_good);
}

/* A lost packet neither ends nor begins anything. */
static void test_single_timeout_is_nothing(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    rounds(b, 1, 1, T0, T0 + 60 * S);
    silent(b, 1, 1, T0 + 62 * S);
    assert_true(step(b, T0 + 62 * S)->verified);
}

/* Without AA it is no answer of this zone; resolvers do not take it either. */
static void test_lame_server_is_set_aside(void **state) {
    struct bench *b = *state;
    const struct nx_answer lame = {.flags = NX_ANS_RDATA};
    delegate(b, 1, apex, 1, 2, T0);
    good(b, 1, 1, T0);
    fold(b, 1, 2, &lame, NX_KIND_POS, 300, false, T0);
    assert_false(step(b, T0 + 59 * S)->all_ns_good);
    assert_true(step(b, T0 + 61 * S)->all_ns_good);
}

/* What a server denied until it died may have been cached from it. */
static void test_set_aside_denied_until_then(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    denies(b, 1, 1, apex, 900, T0);
    denies(b, 1, 2, apex, 900, T0);
    for (int64_t t = T0 + 10 * S; t <= T0 + 500 * S; t += 5 * S) {
        good(b, 1, 1, t);
        if (t <= T0 + 100 * S) {
            denies(b, 1, 2, apex, 900, t);
        } else {
            silent(b, 1, 2, t);
        }
    }
    const struct nx_auth_facts *f = step(b, T0 + 500 * S);
    assert_true(f->verified);
    assert_int_equal(f->restored_lo_us, T0 + 100 * S - 4000 - EPS);
    assert_int_equal(f->restored_hi_us, T0 + 400 * S);
}

/* Also when it was the only one. */
static void test_set_aside_alone_denied(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    denies(b, 1, 2, apex, 900, T0);
    for (int64_t t = T0; t <= T0 + 400 * S; t += 5 * S) {
        good(b, 1, 1, t);
        silent(b, 1, 2, t + S);
    }
    const struct nx_auth_facts *f = step(b, T0 + 400 * S);
    assert_true(f->verified);
    assert_int_equal(f->restored_hi_us, T0 + 300 * S);
}

/* Rounds that are rarer than the settle times: between two of them nobody is
 * silent. */
static const struct nx_auth_rules rare = {
    .settle_us = 60 * S, .interval_us = 600 * S, .vantages = 1};

static const struct nx_auth_facts *step_rare(struct bench *b, int64_t now_us) {
    (void)nx_authority_step(b->a, &rare, &b->incident, now_us);
    return nx_authority_facts(b->a);
}

static void test_rare_rounds_silence_no_vantage(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 1, T0);
    delegate(b, 2, apex, 1, 1, T0);
    for (int64_t t = T0; t < T0 + 3000 * S; t += 600 * S) {
        denies(b, 2, 1, apex, 900, t);
        assert_false(step_rare(b, t)->verified);
        good(b, 1, 1, t + 299 * S);
        /* What the second one saw 301 s ago still counts. */
        assert_false(step_rare(b, t + 301 * S)->all_ns_good);
        assert_false(step_rare(b, t + 599 * S)->verified);
    }
    /* Gone for good it is set aside, as ever. */
    good(b, 1, 1, T0 + 4200 * S);
    assert_true(step_rare(b, T0 + 4201 * S)->verified);
}

static void test_rare_rounds_one_lost_packet(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    good(b, 1, 1, T0);
    denies(b, 1, 2, apex, 900, T0);
    good(b, 1, 1, T0 + 600 * S);
    silent(b, 1, 2, T0 + 600 * S);
    assert_int_equal(step_rare(b, T0 + 601 * S)->ns_negative, 1);
    assert_false(step_rare(b, T0 + 601 * S)->verified);
}

/* Nor is one who is cut off from now on told it: that shows in time. */
static void test_rare_rounds_blind(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    good(b, 1, 1, T0);
    denies(b, 1, 2, apex, 900, T0);
    for (int64_t t = T0 + 600 * S; t <= T0 + 3000 * S; t += 600 * S) {
        silent(b, 1, 2, t);
        silent(b, 1, 1, t + S);
        assert_false(step_rare(b, t + S)->all_ns_good);
    }
}

/* Its own way is cut off: all that is asked goes out in vain. */
static void blind(struct bench *b, unsigned to, int64_t from, int64_t until) {
    for (int64_t t = from; t <= until; t += 5 * S) {
        for (unsigned i = 1; i <= to; i++) {
            silent(b, 1, i, t);
        }
        (void)step(b, t);
        assert_false(nx_authority_proven(b->a));
    }
}

static void test_blind_vantage_tells_no_silence(void **state) {
    struct bench *b = *state;
    struct nx_auth_view view;
    delegate(b, 1, apex, 1, 4, T0);
    rounds(b, 1, 3, T0, T0 + 100 * S);
    denies(b, 1, 4, apex, 900, T0 + 100 * S);
    blind(b, 4, T0 + 105 * S, T0 + 1000 * S);
    assert_false(nx_authority_facts(b->a)->all_ns_good);
    assert_int_equal(nx_authority_view(b->a, &view), 0);
    assert_int_equal(view.heard_us, T0 + 100 * S);
    /* It sees again: the last one really is silent, then. */
    for (int64_t t = T0 + 1005 * S; t < T0 + 1300 * S; t += 5 * S) {
        for (unsigned i = 1; i <= 3; i++) {
            good(b, 1, i, t);
        }
        silent(b, 1, 4, t);
        (void)step(b, t);
        assert_false(nx_authority_proven(b->a));
    }
    good(b, 1, 3, T0 + 1300 * S);
    silent(b, 1, 4, T0 + 1300 * S);
    assert_true(step(b, T0 + 1300 * S)->verified);
    assert_true(nx_authority_proven(b->a));
    assert_int_equal(nx_authority_facts(b->a)->restored_hi_us, T0 + 1300 * S);
}

/* The link to the collector is what is cut off: the same. */
static void test_absent_vantage_tells_no_silence(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    rounds(b, 1, 1, T0, T0 + 100 * S);
    denies(b, 1, 2, apex, 900, T0 + 100 * S);
    good(b, 1, 1, T0 + 105 * S);
    silent(b, 1, 2, T0 + 105 * S);
    for (int64_t t = T0 + 105 * S; t < T0 + 1000 * S; t += S) {
        assert_false(step(b, t)->verified);
        assert_false(nx_authority_proven(b->a));
    }
    /* Back again, one lost packet is no silence: nobody had asked. */
    for (int64_t t = T0 + 1000 * S; t < T0 + 1290 * S; t += 5 * S) {
        silent(b, 1, 2, t);
        good(b, 1, 1, t);
        assert_false(step(b, t)->verified);
        assert_false(nx_authority_proven(b->a));
    }
    for (int64_t t = T0 + 1290 * S; t < T0 + 1320 * S; t += 5 * S) {
        silent(b, 1, 2, t);
        good(b, 1, 1, t);
        (void)step(b, t);
    }
    assert_true(nx_authority_proven(b->a));
}

/* So it is with a server that never gave a word: nobody could ask it. */
static void test_absent_vantage_and_one_never_heard(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    rounds(b, 1, 1, T0, T0 + 50 * S);
    silent(b, 1, 2, T0 + 50 * S);
    for (int64_t t = T0 + 1000 * S; t < T0 + 1060 * S; t += 5 * S) {
        silent(b, 1, 2, t);
        good(b, 1, 1, t);
        (void)step(b, t);
        assert_false(nx_authority_proven(b->a));
    }
    silent(b, 1, 2, T0 + 1060 * S);
    good(b, 1, 1, T0 + 1060 * S);
    (void)step(b, T0 + 1060 * S);
    assert_true(nx_authority_proven(b->a));
}

/* What was verified stays so, but nobody asks by it any more. */
static void test_verified_then_blind(void **state) {
    struct bench *b = *state;
    delegate(b, 1, apex, 1, 2, T0);
    rounds(b, 1, 2, T0, T0 + 100 * S);
    assert_true(nx_authority_proven(b->a));
    for (int64_t t = T0 + 105 * S; t < T0 + 400 * S; t += 5 * S) {
        silent(b, 1, 1, t);
        silent(b, 1, 2, t);
        (void)step(b, t);
        assert_true(nx_authority_proven(b->a)); /* it may be a restart */
    }
    blind(b, 2, T0 + 400 * S, T0 + 500 * S);
    assert_true(nx_authority_facts(b->a)->verified);
    /* Not before all were asked anew. */
    good(b, 1, 1, T0 + 505 * S);
    (void)step(b, T0 + 505 * S);
    assert_false(nx_authority_proven(b->a));
    good(b, 1, 2, T0 + 506 * S);
    (void)step(b, T0 + 506 * S);
    assert_true(nx_authority_proven(b->a));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_dead_server_is_waited_for_then_set_aside),
        TEST(test_silent_after_denial_blocks_longer),
        TEST(test_asked_in_vain),
        TEST(test_servers_without_a_way),
        TEST(test_servers_without_an_address),
        TEST(test_one_server_without_an_address),
        TEST(test_servers_without_a_way_declared),
        TEST(test_dual_stack_is_judged_by_one_family),
        TEST(test_single_timeout_is_nothing),
        TEST(test_lame_server_is_set_aside),
        TEST(test_set_aside_denied_until_then),
        TEST(test_set_aside_alone_denied),
        TEST(test_rare_rounds_silence_no_vantage),
        TEST(test_rare_rounds_one_lost_packet),
        TEST(test_rare_rounds_blind),
        TEST(test_blind_vantage_tells_no_silence),
        TEST(test_absent_vantage_tells_no_silence),
        TEST(test_absent_vantage_and_one_never_heard),
        TEST(test_verified_then_blind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
