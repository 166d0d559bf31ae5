/* The book of resolvers: who is measured next, by whom, and who is forgotten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/profile/book.h"

#define S INT64_C(1000000)
#define HOUR (3600 * S)
#define DAY (24 * HOUR)
#define T0 (INT64_C(1800000000) * S)
#define RUN (200 * S) /* a run is over by then */

static const struct nx_canary_conf conf = {.on = true,
                                           .zone = "\6canary\7example\3net",
                                           .every_s = 86400,
                                           .count_n = NX_CANARY_COUNT_MAX};

static int setup(void **state) {
    return nx_book_new(&conf, (struct nx_book **)state);
}

static int teardown(void **state) {
    nx_book_free((struct nx_book **)state);
    return 0;
}

static struct nx_endpoint at(unsigned i) {
    return (struct nx_endpoint){
        .address = {192, 0, (uint8_t)(2 + (i >> 8)), (uint8_t)i},
        .address_len = 4,
        .port = 53};
}

static void offer(struct nx_book *book, unsigned i, uint32_t agent_id,
                  int64_t now_us) {
    const struct nx_endpoint to = at(i);
    nx_book_offer(book, "lyon", &to, agent_id, now_us);
}

static void on_begun(void *user, uint32_t agent_id) {
    *(uint32_t *)user = agent_id;
}

/* The agent whose run began; 0: none did. */
static uint32_t begin(struct nx_book *book, int64_t now_us) {
    uint32_t agent_id = 0;
    nx_book_begin(book, now_us, on_begun, &agent_id);
    return agent_id;
}

static void on_ended(void *user, uint32_t agent_id,
                     const struct nx_book_row *row) {
    unsigned *n = user;
    (void)agent_id;
    assert_null(row); /* nobody answers here */
    (*n)++;
}

static unsigned end(struct nx_book *book, int64_t now_us) {
    unsigned n = 0;
    nx_book_end(book, now_us, false, on_ended, &n);
    return n;
}

static bool runs(const struct nx_book *book, unsigned i, uint32_t agent_id) {
    const struct nx_endpoint to = at(i);
    struct nx_canary_run run;
    return nx_book_run(book, "lyon", &to, agent_id, &run);
}

static void count_row(void *user, const struct nx_book_row *row) {
    (void)row;
    (*(unsigned *)user)++;
}

static unsigned rows(const struct nx_book *book) {
    unsigned n = 0;
    assert_int_equal(nx_book_rows(book, count_row, &n), 0);
    return n;
}

static void put(struct nx_book *book, unsigned i, int64_t measured_us) {
    const struct nx_book_row row = {
        .network = "lyon", .at = at(i), .measured_us = measured_us};
    assert_int_equal(nx_book_put(book, &row), 0);
}

static const struct nx_profile *believed(const struct nx_book *book,
                                         const struct nx_endpoint *to,
                                         uint32_t agent_id) {
    return nx_book_profile(book, "lyon", to, agent_id, T0);
}

/* Two agents of a network have a resolver each at a private address; at any
 * other one there is one. */
static void test_resolvers_of_agents(void **state) {
    const struct nx_endpoint places[] = {
        {.address = {127, 0, 0, 1}, .address_len = 4, .port = 53},
        {.address = {169, 254, 1, 1}, .address_len = 4, .port = 53},
        {.address = {192, 168, 1, 1}, .address_len = 4, .port = 53},
        {.address = {100, 64, 0, 1}, .address_len = 4, .port = 53},
        {.address = {[15] = 1}, .address_len = 16, .port = 53},
        {.address = {0xfe, 0x80, [15] = 1}, .address_len = 16, .port = 53},
        {.address = {0xfd, [15] = 1}, .address_len = 16, .port = 53},
        {.address = {192, 0, 2, 53}, .address_len = 4, .port = 53},
        {.address = {0x20, 1, 0xd, 0xb8}, .address_len = 16, .port = 53}};
    const size_t private_n = 7;
    struct nx_book *book = *state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const struct nx_endpoint *to = &places[i];
        bool private = i < private_n;
        struct nx_book_row row = {
            .network = "lyon", .at = *to, .measured_us = T0};
        assert_int_equal(nx_book_put(book, &row), 0); /* does not say whose */
        assert_int_equal(believed(book, to, 4) == NULL, private);
        row.agent_id = private ? 4 : 0;
        row.measured.profile.cap_hi_s = 900;
        assert_int_equal(nx_book_put(book, &row), 0);
        assert_int_equal(believed(book, to, 4)->cap_hi_s, 900);
        assert_int_equal(believed(book, to, 7) == NULL, private);
        unsigned before_n = rows(book);
        nx_book_offer(book, "lyon", to, 4, T0);
        nx_book_offer(book, "lyon", to, 7, T0);
        assert_int_equal(rows(book), before_n + (private ? 1 : 0));
        assert_int_equal(believed(book, to, 7) == NULL, private);
    }
}

/* Each measures its own, one after the other. */
static void test_each_agent_measures_its_own(void **state) {
    const struct nx_endpoint to = {
        .address = {192, 168, 1, 1}, .address_len = 4, .port = 53};
    struct nx_book *book = *state;
    struct nx_canary_run run;
    uint32_t begun[3];
    for (unsigned i = 0; i < 3; i++) {
        int64_t now_us = T0 + i * (RUN + S);
        nx_book_offer(book, "lyon", &to, 7, now_us);
        nx_book_offer(book, "lyon", &to, 4, now_us);
        begun[i] = begin(book, now_us);
        for (uint32_t agent = 4; agent <= 7; agent += 3) {
            assert_int_equal(nx_book_run(book, "lyon", &to, agent, &run),
                             agent == begun[i]);
        }
        assert_int_equal(end(book, now_us + RUN), begun[i] != 0 ? 1 : 0);
    }
    assert_int_equal(begun[0] + begun[1], 4 + 7);
    assert_int_equal(begun[2], 0); /* nothing came of either */
}

/* An agent that refuses canary names does not keep the others from it. */
static void test_agents_take_turns(void **state) {
    static const uint32_t order[] = {4, 7, 9, 4, 7};
    struct nx_book *book = *state;
    int64_t now_us = T0;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        offer(book, 1, 7, now_us);
        offer(book, 1, 4, now_us);
        offer(book, 1, 9, now_us);
        assert_int_equal(begin(book, now_us), order[i]);
        assert_true(runs(book, 1, order[i]));
        assert_int_equal(end(book, now_us + RUN), 1);
        now_us += DAY;
    }
}

/* ... and if it is alone it is asked less and less often, up to every_s. */
static void test_backs_off(void **state) {
    static const unsigned after_s[] = {600,   1200,  2400,  4800,  9600,
                                       19200, 38400, 76800, 86400, 86400};
    struct nx_book *book = *state;
    int64_t now_us = T0;
    for (size_t i = 0; i < sizeof(after_s) / sizeof(after_s[0]); i++) {
        offer(book, 1, 4, now_us);
        assert_int_equal(begin(book, now_us), 4);
        now_us += RUN;
        assert_int_equal(end(book, now_us), 1);
        now_us += after_s[i] * S * 4 / 5 - S; /* a fifth early at most */
        offer(book, 1, 4, now_us);
        assert_int_equal(begin(book, now_us), 0);
        now_us += after_s[i] * S / 5 + S;
    }
}

static void want(struct nx_book *book, unsigned i, int64_t now_us) {
    const struct nx_endpoint to = at(i);
    nx_book_want(book, "lyon", &to, 4, now_us);
}

/* Within so long; false: not. */
static bool begins_within(struct nx_book *book, int64_t from_us,
                          int64_t span_us) {
    for (int64_t now_us = from_us; now_us <= from_us + span_us; now_us += S) {
        offer(book, 1, 4, now_us);
        if (begin(book, now_us) != 0) {
            return true;
        }
    }
    return false;
}

/* A verdict waits for it: soon, before others, and no more often than so. */
static void test_wanted(void **state) {
    struct nx_book *book = *state;
    int64_t now_us = T0;
    put(book, 1, T0 - 300 * S);
    want(book, 1, now_us); /* that was a moment ago */
    assert_false(begins_within(book, now_us, NX_BOOK_WANT_US));
    now_us = T0 + 301 * S;
    for (int i = 0; i < 3; i++) {
        want(book, 1, now_us + i);
    }
    assert_true(begins_within(book, now_us, NX_BOOK_WANT_US));
    now_us += NX_BOOK_WANT_US + RUN;
    assert_int_equal(end(book, now_us), 1); /* in vain */
    now_us += 60 * S;
    want(book, 1, now_us);
    assert_false(begins_within(book, now_us, NX_BOOK_WANT_US));
    put(book, 2, T0 - HOUR); /* due in a day */
    now_us = T0 + 3 * DAY;
    want(book, 2, now_us);
    offer(book, 3, 4, now_us); /* never tried */
    offer(book, 2, 4, now_us);
    assert_int_equal(begin(book, now_us), 4);
    assert_true(runs(book, 2, 4));
    want(book, 9, now_us); /* nobody uses it */
}

/* Whoever is listed first and fails is not always first. */
static void test_nobody_starves(void **state) {
    struct nx_book *book = *state;
    unsigned runs_n[4] = {0};
    for (int64_t now_us = T0; now_us < T0 + 12 * HOUR; now_us += HOUR) {
        for (unsigned i = 0; i < 4; i++) {
            offer(book, i, 4, now_us);
        }
        assert_int_equal(begin(book, now_us), 4);
        for (unsigned i = 0; i < 4; i++) {
            runs_n[i] += runs(book, i, 4) ? 1 : 0;
        }
        assert_int_equal(end(book, now_us + RUN), 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(runs_n[i], 3);
    }
}

static void test_one_in_each_network(void **state) {
    struct nx_book *book = *state;
    const struct nx_endpoint to = at(1);
    struct nx_canary_run run;
    offer(book, 1, 4, T0);
    offer(book, 2, 4, T0);
    nx_book_offer(book, "oslo", &to, 5, T0);
    (void)begin(book, T0);
    assert_true(runs(book, 1, 4));
    assert_false(runs(book, 2, 4));
    assert_true(nx_book_run(book, "oslo", &to, 5, &run));
    offer(book, 2, 4, T0 + S);
    assert_int_equal(begin(book, T0 + S), 0);
}

/* What a public resolver was measured as is not what users get. */
static enum nx_book_use use_now;

static void note_use(void *user, const struct nx_book_row *row) {
    use_now = nx_book_use(row, *(const int64_t *)user);
}

static enum nx_book_use use_at(struct nx_book *book, int64_t now_us) {
    nx_book_each(book, note_use, &now_us);
    return use_now;
}

static void test_what_for(void **state) {
    struct nx_book *book = *state;
    struct nx_endpoint to = at(1);
    to.layer = NX_LAYER_CONTROL;
    nx_book_offer(book, "lyon", &to, 4, T0);
    assert_int_equal(use_at(book, T0), NX_BOOK_COMPARISON);
    to.layer = NX_LAYER_NETWORK; /* another agent's, or that one's, too */
    nx_book_offer(book, "lyon", &to, 7, T0);
    to.layer = NX_LAYER_CONTROL;
    nx_book_offer(book, "lyon", &to, 4, T0 + HOUR / 2);
    assert_int_equal(use_at(book, T0 + HOUR / 2), NX_BOOK_SERVING);
    nx_book_offer(book, "lyon", &to, 4, T0 + HOUR);
    assert_int_equal(use_at(book, T0 + HOUR), NX_BOOK_COMPARISON);
    assert_int_equal(use_at(book, T0 + 2 * HOUR), NX_BOOK_UNUSED);
}

static void test_a_network_is_full(void **state) {
    struct nx_book *book = *state;
    const struct nx_endpoint to = at(1);
    for (unsigned i = 0; i <= NX_BOOK_OF_NETWORK_MAX; i++) {
        offer(book, i, 4, T0);
    }
    assert_int_equal(rows(book), NX_BOOK_OF_NETWORK_MAX);
    assert_int_equal(nx_book_turned_away(book), 1);
    nx_book_offer(book, "oslo", &to, 5, T0); /* has room of its own */
    assert_int_equal(rows(book), NX_BOOK_OF_NETWORK_MAX + 1);
    (void)begin(book, T0);
    assert_int_equal(end(book, T0 + RUN), 2);
    offer(book, 7, 4, T0 + HOUR);
    (void)begin(book, T0 + HOUR); /* all but that one are forgotten */
    assert_int_equal(rows(book), 1);
    offer(book, NX_BOOK_OF_NETWORK_MAX, 4, T0 + HOUR + S);
    assert_int_equal(rows(book), 2);
}

static struct nx_book_asked ask(struct nx_book *book, const char *network,
                                int64_t now_us) {
    struct nx_book_asked asked;
    nx_book_measure(book, network, now_us, &asked);
    return asked;
}

/* Long before the day is over, but no more than once a minute. */
static void test_on_demand(void **state) {
    struct nx_book *book = *state;
    put(book, 1, T0);
    put(book, 2, T0);
    struct nx_book_asked asked = ask(book, NULL, T0 + HOUR);
    assert_int_equal(asked.due_n, 0); /* nobody uses them */
    offer(book, 1, 4, T0 + HOUR);
    offer(book, 2, 4, T0 + HOUR);
    assert_int_equal(begin(book, T0 + HOUR), 0);
    assert_int_equal(ask(book, "oslo", T0 + HOUR).due_n, 0);
    asked = ask(book, "lyon", T0 + HOUR);
    assert_int_equal(asked.due_n, 2);
    assert_int_equal(asked.running_n + asked.recent_n, 0);
    offer(book, 1, 4, T0 + HOUR + S);
    offer(book, 2, 4, T0 + HOUR + S);
    assert_int_equal(begin(book, T0 + HOUR + S), 4); /* one at a time */
    asked = ask(book, NULL, T0 + HOUR + 2 * S);
    assert_int_equal(asked.due_n, 1);
    assert_int_equal(asked.running_n, 1);
    assert_int_equal(end(book, T0 + HOUR + S + RUN), 1);
    offer(book, 1, 4, T0 + HOUR + S + RUN);
    offer(book, 2, 4, T0 + HOUR + S + RUN);
    assert_int_equal(begin(book, T0 + HOUR + S + RUN), 4); /* the other */
    int64_t begun_us = T0 + HOUR + S + RUN;
    assert_int_equal(end(book, begun_us + RUN), 1);
    /* A run of RUN is longer than a minute; one that broke off is not. */
    put(book, 3, begun_us + RUN);
    offer(book, 3, 4, begun_us + RUN);
    asked = ask(book, NULL, begun_us + RUN + S);
    assert_int_equal(asked.recent_n, 1);
    assert_true(asked.again_us == begun_us + RUN + NX_BOOK_AGAIN_US);
    offer(book, 3, 4, begun_us + RUN + NX_BOOK_AGAIN_US);
    asked = ask(book, NULL, begun_us + RUN + NX_BOOK_AGAIN_US);
    assert_int_equal(asked.recent_n, 0);
    assert_int_equal(asked.due_n, 1);
}

static void test_measured_is_kept(void **state) {
    struct nx_book *book = *state;
    put(book, 1, T0);
    (void)begin(book, T0);
    (void)begin(book, T0 + NX_BOOK_KEPT_US - S);
    assert_int_equal(rows(book), 1);
    (void)begin(book, T0 + NX_BOOK_KEPT_US + HOUR);
    assert_int_equal(rows(book), 0);
}

/* What was measured of those in use stays, however full it is. */
static void test_room_is_made(void **state) {
    struct nx_book *book = *state;
    for (unsigned i = 0; i < NX_BOOK_OF_NETWORK_MAX; i++) {
        put(book, i, T0);
    }
    (void)begin(book, T0);
    for (unsigned i = 0; i < NX_BOOK_OF_NETWORK_MAX; i++) {
        if (i != 9) {
            offer(book, i, 4, T0 + HOUR);
        }
    }
    (void)begin(book, T0 + HOUR);
    assert_int_equal(rows(book), NX_BOOK_OF_NETWORK_MAX - 1);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

/* --- below a zone in use --- */

#define W_S 900U
#define CAP_S 300

static const struct nx_canary_conf in_use = {.on = true,
                                             .sibling = true,
                                             .zone = "\7example\3com",
                                             .every_s = 86400,
                                             .count_n = NX_CANARY_COUNT_MIN};

/* An unbound: all denials of the zone show one SOA, which ends at over_us. */
static void look_until(struct nx_book *book, const struct nx_canary_run *run,
                       enum nx_canary which, int64_t began_us,
                       int64_t over_us) {
    uint8_t label[NX_DNAME_MAX];
    struct nx_task task;
    nx_canary_task(run, which, label, &task);
    for (unsigned k = 0; k < nx_canary_visit(run, which); k++) {
        int64_t at_us = began_us + task.first_after_ms * INT64_C(1000) +
                        (int64_t)k * task.visit_gap_ms * 1000;
        const struct nx_question question = {
            .name = label, .qtype = task.qtype, .flags = NX_Q_RD, .to = at(1)};
        const struct nx_answer answer = {.rcode = 3,
                                         .flags = NX_ANS_SOA,
                                         .soa_owner = in_use.zone,
                                         .soa_serial = 7,
                                         .soa_minimum_s = W_S};
        const struct nx_obs obs = {.question = &question,
                                   .answer = &answer,
                                   .tx_mono_us = at_us - 2000,
                                   .rx_mono_us = at_us,
                                   .soa_ttl_s =
                                       (uint32_t)((over_us - at_us) / S)};
        assert_true(nx_book_look(book, "lyon", 4, &obs, 0, 0));
    }
}

static void keep_row(void *user, uint32_t agent_id,
                     const struct nx_book_row *row) {
    (void)agent_id;
    assert_non_null(row);
    *(struct nx_book_row *)user = *row;
}

/* When the run is over. */
static int64_t measure_until(struct nx_book *book, int64_t now_us,
                             int64_t over_us, struct nx_book_row *row) {
    static const enum nx_canary asked[] = {
        NX_CANARY_CAP, NX_CANARY_END, NX_CANARY_CLOCK, NX_CANARY_CLOCK_NEXT,
        NX_CANARY_COUNT};
    const struct nx_endpoint to = at(1);
    struct nx_canary_run run;
    assert_true(nx_book_run(book, "lyon", &to, 4, &run));
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        look_until(book, &run, asked[i], now_us, over_us);
    }
    now_us += nx_canary_lasts_us(&run);
    nx_book_end(book, now_us, false, keep_row, row);
    return now_us;
}

static uint32_t begin_at(struct nx_book *book, int64_t now_us) {
    offer(book, 1, 4, now_us);
    return begin(book, now_us);
}

/* Measured once more as the SOA ends that hid the cap, then as usual. */
static void test_follows_a_soa(void **state) {
    struct nx_book *book = NULL;
    struct nx_book_row row;
    (void)state;
    assert_int_equal(nx_book_new(&in_use, &book), 0);
    nx_book_w_set(book, W_S);
    assert_int_equal(begin_at(book, T0), 4);
    int64_t over_us = T0 + 200 * S;
    (void)measure_until(book, T0, over_us, &row);
    assert_int_equal(row.measured.nxdomain_cap_s, NX_NOT_MEASURED);
    assert_in_range(row.measured.soa_over_us, over_us, over_us + 2 * S);
    assert_int_equal(begin_at(book, over_us - S), 0);
    int64_t again_us = row.measured.soa_over_us;
    assert_int_equal(begin_at(book, again_us), 4);
    int64_t fetched_us = again_us + S; /* by the first of our names */
    int64_t t = measure_until(book, again_us, fetched_us + CAP_S * S, &row);
    assert_in_range(row.measured.nxdomain_cap_s, CAP_S - 3, CAP_S);
    assert_int_equal(begin_at(book, t + 12 * HOUR), 0);
    assert_int_equal(begin_at(book, t + DAY), 4);
    nx_book_free(&book);
}

/* Others were measured then, each time: not for ever. */
static void test_follows_in_vain(void **state) {
    struct nx_book *book = NULL;
    struct nx_book_row row;
    int64_t t = T0;
    unsigned n = 0;
    (void)state;
    assert_int_equal(nx_book_new(&in_use, &book), 0);
    nx_book_w_set(book, W_S);
    for (; begin_at(book, t) != 0 && n < 10; n++) {
        (void)measure_until(book, t, t + 200 * S, &row);
        t = row.measured.soa_over_us + 60 * S; /* a minute too late */
    }
    assert_int_equal(n, 3);
    assert_int_equal(row.measured.nxdomain_cap_s, NX_NOT_MEASURED);
    nx_book_free(&book);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(resolvers_of_agents),
        T(each_agent_measures_its_own),
        T(agents_take_turns),
        T(wanted),
        T(backs_off),
        T(nobody_starves),
        T(one_in_each_network),
        T(what_for),
        T(a_network_is_full),
        T(measured_is_kept),
        T(room_is_made),
        T(on_demand),
        cmocka_unit_test(test_follows_a_soa),
        cmocka_unit_test(test_follows_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
