/* What the rounds of a walk come to for the guard. */
#include "tests/lib/walk_tree.h"

#include "agent/plan/witness.h"

static struct nx_witness witness;
static const uint8_t www[] = "\3www\7example\3com";
static const uint8_t deep[] = "\1a\1b\7example\3com";
static const uint8_t *name;
static enum nx_guard_word word, name_word;

static void tell(void *user, uint16_t qtype, enum nx_guard_word said) {
    (void)user;
    *(qtype == NX_GUARD_EVERY_TYPE ? &name_word : &word) = said;
}

static void hear(const struct nx_walk_query *q, const struct nx_obs *obs) {
    if (q->type == NX_TYPE_DS && nx_walk_has(walk, &q->to)) {
        return; /* as agent/io_walks.c does */
    }
    nx_witness_hear(&witness, name, obs, nx_walk_apex(walk), q->left, tell,
                    NULL);
}

static bool matters(const void *user, const struct nx_endpoint *at) {
    return nx_walk_lists(user, at);
}

/* example.com on four servers, com on three: the second is at 192.0.2.11. */
static int setup_three(void **state) {
    static const char *const ns[][2] = {{"ns2.com.", "192.0.2.11"},
                                        {"ns3.com.", "192.0.2.12"}};
    int err = setup(state);
    plant_four();
    for (size_t i = 0; i < 2; i++) {
        (void)rr(".", "com.", "NS", ns[i][0]);
        (void)rr(".", ns[i][0], "A", ns[i][1]);
        (void)rr("com.", "com.", "NS", ns[i][0]);
        (void)rr("com.", ns[i][0], "A", ns[i][1]);
        serve(ns[i][1], "com. ");
    }
    memset(&witness, 0, sizeof(witness));
    word = name_word = NX_GUARD_NO_WORD;
    on_observed = hear;
    name = www;
    return err;
}

/* As agent/io_walks.c does. */
static enum nx_guard_word after_round(void) {
    static const uint16_t types[] = {NX_TYPE_A};
    struct nx_endpoint left[NX_WALK_LEFT_MAX];
    now_us += 20 * SECOND;
    nx_witness_begin(&witness, types, 1, now_us, tell, NULL);
    nx_walk_set_left(
        walk, left,
        nx_witness_deniers(&witness, matters, walk, left, NX_WALK_LEFT_MAX));
    round_of(types, 1);
    const struct nx_witness_walk end = {nx_walk_arrived(walk),
                                        nx_walk_unasked(walk)};
    nx_witness_end(&witness, &end, tell, NULL);
    return word;
}

/* One of the servers of com does not have the delegation back yet: the walk
 * meets it in one round of three. */
static void remembers_who_denied_above(void **state) {
    (void)state;
    server("192.0.2.11")->mood = TREE_DENIES;
    unsigned before = 0;
    while (after_round() == NX_GUARD_GOOD) {
        before++;
        assert_true(before < 3);
    }
    unsigned arrived = 0;
    for (int i = 0; i < 12; i++) {
        assert_int_equal(after_round(), NX_GUARD_DENIED);
        assert_int_equal(name_word, NX_GUARD_DENIED);
        arrived += strcmp(found.apex, "example.com.") == 0 ? 1 : 0;
    }
    assert_true(arrived > 3);
    server("192.0.2.11")->mood = TREE_FINE;
    for (int i = 0; i < 3; i++) {
        (void)after_round();
    }
    assert_int_equal(word, NX_GUARD_GOOD);
    assert_int_equal(name_word, NX_GUARD_NO_WORD);
    (void)after_round();
    assert_false(asked("1 www.example.com. @192.0.2.11 !"));
}

/* One that has the delegation back says no more of what is below it. */
static void forgets_what_is_below_a_cut(void **state) {
    (void)state;
    walk_to("a.b.example.com.");
    name = deep;
    (void)rr("example.com.", "a.b.example.com.", "A", "203.0.113.1");
    server("192.0.2.11")->mood = TREE_DENIES;
    for (int i = 0; i < 3; i++) {
        (void)after_round();
    }
    assert_int_equal(name_word, NX_GUARD_DENIED);
    server("192.0.2.11")->mood = TREE_FINE;
    for (int i = 0; i < 3; i++) {
        (void)after_round();
    }
    assert_int_equal(word, NX_GUARD_GOOD);
    assert_int_equal(name_word, NX_GUARD_NO_WORD);
}

/* The audit asks all of them for the DS. */
static void hears_of_the_parent_in_the_audit(void **state) {
    (void)state;
    server("192.0.2.12")->mood = TREE_DENIES;
    nx_walk_set_audit(walk, true);
    assert_int_equal(after_round(), NX_GUARD_NO_WORD);
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(name_word, NX_GUARD_DENIED);
    for (unsigned i = 0; i < 7; i++) { /* by way of each of com's servers */
        lose = "43 example.com. @192.0.2.12";
        lose_n = i % 2;
        (void)after_round();
        assert_true(strcmp(found.apex, "com.") == 0 ||
                    asked("43 example.com. @192.0.2.12 ! do\n"));
    }
    server("192.0.2.12")->mood = TREE_FINE;
    (void)after_round();
    assert_true(asked("43 example.com. @192.0.2.12 ! do\n"));
    assert_int_equal(word, NX_GUARD_GOOD);
    (void)after_round();
    assert_false(asked("43 example.com."));
}

/* ... also where the name is that of the zone. */
static void hears_of_the_parent_at_the_apex(void **state) {
    static const uint8_t apex[] = "\7example\3com";
    (void)state;
    walk_to("example.com.");
    name = apex;
    (void)rr("example.com.", "example.com.", "A", "203.0.113.9");
    server("192.0.2.12")->mood = TREE_DENIES;
    nx_walk_set_audit(walk, true);
    word = name_word = NX_GUARD_NO_WORD;
    for (unsigned i = 0; i < 7; i++) { /* by way of each of com's servers */
        lose = "43 example.com. @192.0.2.12";
        lose_n = i % 2;
        (void)after_round();
        assert_int_equal(name_word, NX_GUARD_DENIED);
        assert_true(strcmp(found.apex, "com.") == 0 ||
                    asked("43 example.com. @192.0.2.12 ! do\n"));
    }
    lose_n = 0;
    server("192.0.2.12")->mood = TREE_FINE;
    (void)after_round();
    assert_int_equal(after_round(), NX_GUARD_GOOD);
    assert_int_equal(name_word, NX_GUARD_NO_WORD);
}

/* com has no delegation, but one of its servers has the zone. */
static void needs_no_delegation_on_one_server(void **state) {
    (void)state;
    for (size_t i = 0; i < tree.records_n; i++) {
        if (strcmp(records[i].zone, "com.") == 0 &&
            strstr(records[i].owner, "example.com.") != NULL) {
            records[i].value = NULL;
        }
    }
    (void)rr("example.com.", "example.com.", "NS", "ns.com.");
    server("192.0.2.10")->zones = "com. example.com. ";
    server("192.0.2.11")->zones = server("192.0.2.12")->zones =
        "com. example.com. ";
    (void)rr("example.com.", "example.com.", "NS", "ns2.com.");
    (void)rr("example.com.", "example.com.", "NS", "ns3.com.");
    nx_walk_set_audit(walk, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(after_round(), NX_GUARD_GOOD);
        assert_string_equal(found.apex, "example.com.");
        assert_int_equal(name_word, NX_GUARD_NO_WORD);
    }
    assert_false(asked("43 example.com."));
}

/* Each round asks one server of the zone for its NS set: not always the same
 * half of them. */
static void takes_turns(void **state) {
    bool all[4] = {false};
    (void)state;
    for (int i = 0; i < 8; i++) {
        (void)after_round();
        all[0] |= asked("2 example.com. @198.51.100.1\n");
        all[1] |= asked("2 example.com. @198.51.100.2\n");
        all[2] |= asked("2 example.com. @198.51.100.3\n");
        all[3] |= asked("2 example.com. @2001:db8::4\n");
    }
    assert_true(all[0] && all[1] && all[2] && all[3]);
}

/* A denial is no less one when the next packet of that server is lost. */
static void a_lost_packet_takes_nothing_back(void **state) {
    (void)state;
    server("198.51.100.3")->mood = TREE_DENIES;
    assert_int_equal(after_round(), NX_GUARD_DENIED);
    lose = "1 www.example.com. @198.51.100.3";
    lose_n = 1;
    assert_int_equal(after_round(), NX_GUARD_DENIED);
    assert_int_equal(lose_n, 0);
    server("198.51.100.3")->mood = TREE_FINE;
    assert_int_equal(after_round(), NX_GUARD_GOOD);
    server("198.51.100.3")->mood = TREE_DENIES;
    assert_int_equal(after_round(), NX_GUARD_DENIED);
    server("198.51.100.3")->mood = TREE_MUTE; /* gone for good */
    now_us += (NX_DENIERS_SILENT_S - 30) * SECOND;
    assert_int_equal(after_round(), NX_GUARD_DENIED);
    now_us += 20 * SECOND;
    assert_int_equal(after_round(), NX_GUARD_GOOD);
}

/* Who is no server of the zone any more is the plan's to ask. */
static void forgets_who_left(void **state) {
    (void)state;
    server("198.51.100.3")->mood = TREE_DENIES;
    assert_int_equal(after_round(), NX_GUARD_DENIED);
    for (size_t i = 0; i < tree.records_n; i++) {
        if (strcmp(records[i].type, "NS") == 0 && records[i].value != NULL &&
            strcmp(records[i].value, "ns3.example.com.") == 0) {
            records[i].value = NULL;
        }
    }
    (void)after_round();
    assert_int_equal(after_round(), NX_GUARD_GOOD);
    assert_false(asked("@198.51.100.3"));
}

/* RFC 9156: a resolver asks for b.example.com first. */
static void asks_what_resolvers_ask_first(void **state) {
    (void)state;
    walk_to("a.b.example.com.");
    name = deep;
    (void)rr("example.com.", "a.b.example.com.", "A", "203.0.113.1");
    server("198.51.100.3")->mood = TREE_NO_ENT;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(after_round(), NX_GUARD_NO_WORD);
        assert_int_equal(name_word, NX_GUARD_DENIED);
    }
    server("198.51.100.3")->mood = TREE_NOT_AA; /* that is no word on it */
    for (int i = 0; i < 3; i++) {
        (void)after_round();
        assert_true(asked("2 b.example.com. @198.51.100.3 !"));
        assert_int_equal(name_word, NX_GUARD_DENIED);
    }
    server("198.51.100.3")->mood = TREE_FINE;
    assert_int_equal(after_round(), NX_GUARD_GOOD);
    assert_int_equal(name_word, NX_GUARD_NO_WORD);
    (void)after_round();
    assert_false(asked("2 b.example.com. @198.51.100.3 !"));
    now_us += NX_WALK_AUDIT_S * SECOND;
    server("198.51.100.1")->mood = TREE_NO_ENT;
    (void)after_round();
    assert_int_equal(name_word, NX_GUARD_DENIED);
}

/* One that has the name, and denies one above it, has not taken that back when
 * a packet is lost; the others above are no word on it either. */
static void a_lost_packet_takes_nothing_above_back(void **state) {
    static const uint8_t deeper[] = "\1a\1c\1b\7example\3com";
    static const char *const losses[] = {"2 b.example.com. @198.51.100.3",
                                         "2 c.b.example.com. @198.51.100.3"};
    (void)state;
    walk_to("a.c.b.example.com.");
    name = deeper;
    (void)rr("example.com.", "a.c.b.example.com.", "A", "203.0.113.1");
    server("198.51.100.3")->mood = TREE_NO_ENT;
    (void)after_round();
    assert_int_equal(name_word, NX_GUARD_DENIED);
    for (unsigned i = 0; i < 4; i++) {
        if (i == 2) { /* only the upper one is denied */
            (void)rr("example.com.", "c.b.example.com.", "A", "203.0.113.1");
        }
        lose = losses[0];
        lose_too = i < 2 ? losses[1] : NULL;
        lose_n = 2;
        word = NX_GUARD_NO_WORD;
        assert_int_equal(after_round(), NX_GUARD_NO_WORD);
        assert_int_equal(name_word, NX_GUARD_DENIED);
        assert_int_equal(lose_n, i < 2 ? 0 : 1); /* it was asked */
    }
    lose_n = 0;
    server("198.51.100.3")->mood = TREE_FINE;
    assert_int_equal(after_round(), NX_GUARD_GOOD);
    assert_int_equal(name_word, NX_GUARD_NO_WORD);
    (void)after_round();
    assert_false(asked("2 b.example.com. @198.51.100.3"));
    /* Gone for good: it is asked in each round for a while. */
    server("198.51.100.3")->mood = TREE_NO_ENT;
    now_us += NX_WALK_AUDIT_S * SECOND;
    (void)after_round();
    assert_int_equal(name_word, NX_GUARD_DENIED);
    server("198.51.100.3")->mood = TREE_MUTE;
    now_us += (NX_DENIERS_SILENT_S - 30) * SECOND;
    (void)after_round();
    assert_int_equal(name_word, NX_GUARD_DENIED);
    assert_true(asked("2 b.example.com. @198.51.100.3"));
    now_us += 20 * SECOND;
    assert_int_equal(after_round(), NX_GUARD_GOOD);
    assert_int_equal(name_word, NX_GUARD_NO_WORD);
}

/* The servers asked are those of before. */
static void says_nothing_of_yesterday(void **state) {
    (void)state;
    assert_int_equal(after_round(), NX_GUARD_GOOD);
    server("192.0.2.10")->mood = TREE_MUTE;
    server("192.0.2.11")->mood = TREE_MUTE;
    server("192.0.2.12")->mood = TREE_MUTE;
    word = NX_GUARD_NO_WORD;
    assert_int_equal(after_round(), NX_GUARD_NO_WORD);
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.problems, NX_DELEG_UNREACHED);
}

/* One of four has an address: half of them is two. */
static void counts_who_has_no_address(void **state) {
    (void)state;
    for (size_t i = 0; i < tree.records_n; i++) {
        const char *owner = records[i].owner;
        if (strcmp(records[i].type, "A") == 0 && owner[0] == 'n' &&
            strstr(owner, ".example.com.") != NULL && owner[2] > '1') {
            records[i].value = NULL;
        }
    }
    assert_int_equal(after_round(), NX_GUARD_NO_WORD);
    assert_int_equal(found.servers_n, 1);
    assert_int_equal(found.problems, NX_DELEG_NO_GLUE);
    assert_int_equal(found.unasked_n, 3);
}

#undef T
#define T(test) cmocka_unit_test_setup_teardown(test, setup_three, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(remembers_who_denied_above),
        T(forgets_what_is_below_a_cut),
        T(hears_of_the_parent_in_the_audit),
        T(hears_of_the_parent_at_the_apex),
        T(a_lost_packet_takes_nothing_back),
        T(forgets_who_left),
        T(asks_what_resolvers_ask_first),
        T(a_lost_packet_takes_nothing_above_back),
        T(takes_turns),
        T(needs_no_delegation_on_one_server),
        T(says_nothing_of_yesterday),
        T(counts_who_has_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
