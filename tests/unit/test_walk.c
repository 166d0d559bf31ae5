/* The walk to the authoritative servers, on a tree in memory. */
#include "tests/lib/walk_tree.h"

static void finds_every_server(void **state) {
    (void)state;
    plant_four();
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_string_equal(found.parent, "com.");
    assert_string_equal(found.servers, "198.51.100.1@53 198.51.100.2@53 "
                                       "198.51.100.3@53 [2001:db8::4]@53 ");
    assert_int_equal(found.problems, 0);
    assert_int_equal(found.ttl_s, 3600);
    assert_int_equal(found.reports, 1);
    assert_int_equal(observed, 8);
    assert_true(asked("1 www.example.com. @2001:db8::4 !"));
    assert_true(asked("6 example.com. @198.51.100.3 !"));
    /* root, com, zone, SOA, NS; A and AAAA of each */
    assert_true(queries - observed <= 5 + 4 * 2);
}

static void asks_each_type(void **state) {
    (void)state;
    static const uint16_t types[] = {NX_TYPE_A, NX_TYPE_AAAA, NX_TYPE_TXT};
    plant_four();
    round_of(types, 3);
    assert_int_equal(observed, 16);
    assert_true(asked("16 www.example.com. @198.51.100.2 !"));
    uint16_t most[NX_WALK_TYPES_MAX];
    for (uint16_t k = 0; k < NX_WALK_TYPES_MAX; k++) {
        most[k] = (uint16_t)(15 + k); /* MX and on, no SOA */
    }
    round_of(most, NX_WALK_TYPES_MAX);
    assert_int_equal(observed, 4 * (NX_WALK_TYPES_MAX + 1));
}

static void starts_again_from_the_parent(void **state) {
    (void)state;
    plant_four();
    round_a();
    unsigned root = servers[0].asked + servers[1].asked;
    assert_int_equal(root, 1);
    for (int i = 0; i < 5; i++) {
        now_us += 5 * SECOND;
        round_a();
        assert_string_equal(found.apex, "example.com.");
        assert_int_equal(observed, 8);
    }
    assert_int_equal(servers[0].asked + servers[1].asked, 1);
    assert_int_equal(server("192.0.2.10")->asked, 6);
    now_us += NX_WALK_FULL_S * SECOND;
    round_a();
    assert_int_equal(servers[0].asked + servers[1].asked, 2);
    assert_int_equal(found.problems, 0);
    assert_int_equal(found.servers_n, 4);
}

static void notices_a_lost_delegation(void **state) {
    (void)state;
    plant_four();
    round_a();
    struct tree_record saved[64];
    memcpy(saved, records, sizeof(saved));
    for (size_t i = 0; i < tree.records_n; i++) {
        if (strcmp(records[i].zone, "com.") == 0 &&
            strstr(records[i].owner, "example") != NULL) {
            records[i].value = NULL;
        }
    }
    now_us += 5 * SECOND;
    round_a();
    assert_string_equal(found.apex, "com.");
    assert_string_equal(found.parent, ".");
    assert_string_equal(found.servers, "192.0.2.10@53 ");
    assert_int_equal(denied_by_com, 2); /* the name, and the one between */
    assert_int_equal(found.problems, 0);
    memcpy(records, saved, sizeof(records));
    now_us += 5 * SECOND;
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.servers_n, 4);
}

static void keeps_a_silent_server_in_the_set(void **state) {
    (void)state;
    plant_four();
    server("198.51.100.2")->mood = TREE_MUTE;
    for (int i = 0; i < 4; i++) {
        round_a();
        assert_int_equal(found.servers_n, 4);
        assert_int_equal(found.problems, 0);
        assert_int_equal(observed, 8);
        now_us += 5 * SECOND;
    }
}

/* An even number of servers with two addresses each: none is left out. */
static void comes_to_every_address(void **state) {
    static const char *const at[] = {"192.0.2.10", "192.0.2.11", "192.0.2.12",
                                     "192.0.2.13"};
    bool came[4] = {false};
    (void)state;
    plant_four();
    for (size_t i = 1; i < 4; i++) {
        serve(at[i], "com. ");
    }
    (void)rr(".", "ns.com.", "A", at[1]);
    (void)rr("com.", "ns.com.", "A", at[1]);
    for (size_t i = 2; i < 4; i++) {
        ns_with_glue(".", "com.", "ns2.com.", at[i]);
        (void)rr("com.", "ns2.com.", "A", at[i]);
    }
    (void)rr("com.", "com.", "NS", "ns2.com.");
    for (int round = 0; round < 8; round++) {
        round_a();
        for (size_t i = 0; i < 4; i++) {
            char text[64];
            (void)snprintf(text, sizeof(text), "1 www.example.com. @%s\n",
                           at[i]);
            came[i] = came[i] || asked(text);
        }
        now_us += 5 * SECOND;
    }
    for (size_t i = 0; i < 4; i++) {
        assert_true(came[i]);
    }
}

static void names_a_lame_server(void **state) {
    (void)state;
    static const enum tree_mood moods[] = {TREE_REFUSES, TREE_NOT_AA};
    plant_four();
    for (size_t i = 0; i < 2; i++) {
        server("198.51.100.3")->mood = moods[i];
        round_a();
        assert_int_equal(found.servers_n, 4);
        assert_int_equal(found.problems, NX_DELEG_LAME);
        server("198.51.100.3")->mood = TREE_FINE;
        now_us += 5 * SECOND;
        round_a();
        assert_int_equal(found.problems, 0);
        now_us += 5 * SECOND;
    }
    assert_int_equal(found.reports, 6); /* at the start, and when it changed */
}

static void resolves_servers_without_glue(void **state) {
    (void)state;
    ns_with_glue("net.", "example.net.", "ns.example.net.", "198.51.100.9");
    size_t moves = rr("example.net.", "dns.example.net.", "A", "198.51.100.1");
    (void)rr("example.net.", "dns.example.net.", "A", "2001:db8::1");
    (void)rr("com.", "example.com.", "NS", "dns.example.net.");
    (void)rr("example.com.", "example.com.", "NS", "dns.example.net.");
    (void)rr("example.com.", "www.example.com.", "A", "203.0.113.1");
    serve("198.51.100.1", "example.com. ");
    serve("2001:db8::1", "example.com. ");
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_string_equal(found.servers, "198.51.100.1@53 [2001:db8::1]@53 ");
    assert_int_equal(found.problems, 0);
    now_us += 5 * SECOND;
    round_a(); /* known by now */
    assert_false(asked("dns.example.net."));
    assert_int_equal(found.servers_n, 2);
    records[moves].value = "198.51.100.2";
    serve("198.51.100.2", "example.com. ");
    now_us += 294 * SECOND; /* of a TTL of 300 s */
    round_a();
    assert_true(asked("1 www.example.com. @198.51.100.1 !"));
    now_us += 1 * SECOND;
    server("198.51.100.9")->mood = TREE_MUTE; /* who could tell */
    round_a();
    assert_true(asked("1 www.example.com. @198.51.100.1 !"));
    server("198.51.100.9")->mood = TREE_FINE;
    now_us += 30 * SECOND;
    round_a();
    assert_true(asked("1 www.example.com. @198.51.100.2 !"));
    assert_false(asked("1 www.example.com. @198.51.100.1 !"));
}

static void ends_a_circle_of_servers_without_glue(void **state) {
    (void)state;
    (void)rr("com.", "example.com.", "NS", "ns.example.net.");
    (void)rr("net.", "example.net.", "NS", "ns.example.com.");
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.servers_n, 0);
    assert_int_equal(found.problems, NX_DELEG_NO_GLUE | NX_DELEG_UNREACHED);
    assert_true(queries < 20);
    assert_int_equal(found.reports, 1);
}

/* Thirty servers in thirty zones that lead nowhere. */
static void bounds_what_a_delegation_may_cost(void **state) {
    (void)state;
    static char names[30][32];
    (void)rr("net.", "example.net.", "NS", "ns.example.net.");
    for (int i = 0; i < 30; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "ns.z%d.example.net.", i);
        (void)rr("com.", "example.com.", "NS", names[i]);
    }
    (void)rr("net.", "ns.example.net.", "A", "198.51.100.9");
    serve("198.51.100.9", "example.net. ");
    server("198.51.100.9")->mood = TREE_MUTE;
    round_a();
    assert_true(queries <= NX_WALK_QUERIES_MAX);
    assert_int_equal(found.servers_n, 0);
    assert_true((found.problems & NX_DELEG_NO_GLUE) != 0);
}

static void does_not_believe_glue_from_elsewhere(void **state) {
    (void)state;
    ns_with_glue("net.", "example.net.", "ns.example.net.", "198.51.100.9");
    (void)rr("com.", "example.com.", "NS", "ns.example.net.");
    (void)rr("com.", "ns.example.net.", "A", "203.0.113.66");
    (void)rr("example.com.", "example.com.", "NS", "ns.example.net.");
    (void)rr("example.com.", "www.example.com.", "A", "203.0.113.1");
    server("198.51.100.9")->zones = "example.net. example.com. ";
    round_a();
    assert_string_equal(found.servers, "198.51.100.9@53 ");
    assert_false(asked("@203.0.113.66"));
}

static void unites_the_sets_of_parent_and_child(void **state) {
    (void)state;
    plant_four();
    round_a();
    assert_int_equal(found.problems, 0);
    (void)rr("example.com.", "example.com.", "NS", "ns5.example.com.");
    (void)rr("example.com.", "ns5.example.com.", "A", "198.51.100.5");
    serve("198.51.100.5", "example.com. ");
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(found.servers_n, 5);
    assert_int_equal(found.problems, NX_DELEG_NS_DIFFERS);
    assert_int_equal(found.sides[0], NX_SIDE_PARENT | NX_SIDE_CHILD);
    assert_int_equal(found.sides[4], NX_SIDE_CHILD);
    (void)rr("com.", "example.com.", "NS", "ns5.example.com.");
    (void)rr("com.", "ns5.example.com.", "A", "198.51.100.5");
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(found.servers_n, 5);
    assert_int_equal(found.problems, 0);
}

static struct tree_record *record(const char *zone, const char *owner,
                                  const char *value) {
    size_t i = 0;
    while (strcmp(records[i].zone, zone) != 0 ||
           strcmp(records[i].owner, owner) != 0 ||
           (records[i].value != NULL && strcmp(records[i].value, value) != 0)) {
        i++;
        assert_true(i < tree.records_n);
    }
    return &records[i];
}

/* Glue is not all: caches ask the addresses that the host's own zone gives,
 * too; here com knows less of ns.example.net, and net other ones. */
static void unites_glue_with_the_hosts_own_zone(void **state) {
    (void)state;
    ns_with_glue("net.", "example.net.", "ns.example.net.", "198.51.100.53");
    (void)rr("com.", "example.com.", "NS", "ns.example.net.");
    (void)rr("example.com.", "example.com.", "NS", "ns.example.net.");
    (void)rr("example.net.", "ns.example.net.", "AAAA", "2001:db8::53");
    (void)rr("example.com.", "www.example.com.", "A", "203.0.113.1");
    server("198.51.100.53")->zones = "example.com. example.net. ";
    serve("2001:db8::53", "example.com. ");
    (void)rr("com.", "example.com.", "NS", "ns1.example.com.");
    (void)rr("com.", "ns1.example.com.", "A", "198.51.100.1");
    (void)rr("example.com.", "example.com.", "NS", "ns1.example.com.");
    (void)rr("example.com.", "ns1.example.com.", "A", "198.51.100.2");
    serve("198.51.100.1", "example.com. ");
    serve("198.51.100.2", "example.com. ");
    round_a();
    assert_int_equal(found.servers_n, 4);
    assert_true(asked("1 www.example.com. @198.51.100.53 !"));
    assert_true(asked("1 www.example.com. @2001:db8::53 !"));
    assert_true(asked("1 www.example.com. @198.51.100.1 !"));
    assert_true(asked("1 www.example.com. @198.51.100.2 !"));
    assert_int_equal(found.problems, 0);
    assert_int_equal(found.glue, NX_GLUE_DIFFERS);
    for (int i = 0; i < 4; i++) { /* and they do not come and go */
        now_us += 5 * SECOND;
        round_a();
        assert_int_equal(found.servers_n, 4);
        assert_false(asked("28 ns.example.net."));
    }
}

/* In the zone itself glue shall be the same; elsewhere it needs not be whole,
 * and none is needed. */
static void compares_glue_with_the_hosts_own_zone(void **state) {
    (void)state;
    plant_four();
    ns_with_glue("com.", "example.com.", "ns.other.com.", "198.51.100.5");
    (void)rr("com.", "other.com.", "NS", "ns.other.com.");
    (void)rr("other.com.", "ns.other.com.", "A", "198.51.100.5");
    size_t other = rr("other.com.", "ns.other.com.", "AAAA", "2001:db8::5");
    server("198.51.100.5")->zones = "example.com. other.com. ";
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.servers_n, 6);
    assert_int_equal(found.glue, 0);
    struct tree_record *glue = record("com.", "ns.other.com.", "198.51.100.5");
    glue->value = NULL;
    now_us += NX_WALK_FULL_S * SECOND;
    round_a();
    assert_int_equal(found.glue, 0);
    glue->value = "198.51.100.5";
    records[other].value = NULL;
    size_t more = rr("com.", "ns.other.com.", "A", "198.51.100.6");
    now_us += NX_WALK_FULL_S * SECOND;
    round_a();
    assert_int_equal(found.glue, NX_GLUE_DIFFERS);
    records[more].value = NULL;
    more = rr("example.com.", "ns2.example.com.", "AAAA", "2001:db8::2");
    now_us += NX_WALK_FULL_S * SECOND;
    round_a();
    assert_int_equal(found.glue, NX_GLUE_DIFFERS); /* glue lacks one */
    records[more].value = NULL;
    glue = record("com.", "ns1.example.com.", "198.51.100.1");
    glue->value = NULL;
    now_us += NX_WALK_FULL_S * SECOND;
    round_a();
    assert_int_equal(found.glue, NX_GLUE_MISSING);
    assert_int_equal(found.problems, 0); /* the others say where it is */
    glue->value = "198.51.100.1";
    glue = record("example.com.", "ns1.example.com.", "198.51.100.1");
    glue->value = NULL;
    now_us += NX_WALK_FULL_S * SECOND;
    round_a();
    assert_int_equal(found.glue, NX_GLUE_DIFFERS); /* its zone has none */
    glue->value = "198.51.100.1";
    now_us += NX_WALK_FULL_S * SECOND;
    round_a();
    assert_int_equal(found.glue, 0);
}

/* A zone that is down holds nobody up: glue is what there is, and what was
 * found before stays. */
static void goes_by_glue_where_the_own_zone_is_down(void **state) {
    (void)state;
    ns_with_glue("net.", "example.net.", "ns.example.net.", "198.51.100.53");
    (void)rr("net.", "other.net.", "NS", "ns.example.net.");
    (void)rr("com.", "example.com.", "NS", "ns1.other.net.");
    (void)rr("com.", "example.com.", "NS", "ns1.example.com.");
    (void)rr("com.", "ns1.example.com.", "A", "198.51.100.1");
    (void)rr("example.com.", "ns1.example.com.", "A", "198.51.100.1");
    (void)rr("other.net.", "ns1.other.net.", "A", "198.51.100.2");
    (void)rr("example.com.", "www.example.com.", "A", "203.0.113.1");
    server("198.51.100.53")->zones = "example.net. other.net. ";
    serve("198.51.100.1", "example.com. ");
    serve("198.51.100.2", "example.com. ");
    round_a();
    assert_int_equal(found.servers_n, 2);
    server("198.51.100.53")->mood = TREE_MUTE;
    for (int i = 0; i < 3; i++) {
        now_us += NX_WALK_FULL_S * SECOND;
        round_a();
        assert_int_equal(found.servers_n, 2);
        assert_int_equal(found.unasked_n, 0);
        assert_int_equal(found.glue, 0); /* with what? */
    }
    record("example.com.", "ns1.example.com.", "198.51.100.1")->value = NULL;
    unsigned before = server("198.51.100.1")->asked;
    now_us += NX_WALK_FULL_S * SECOND;
    round_a();
    assert_int_equal(found.servers_n, 2);
    assert_int_equal(found.unasked_n, 0);
    assert_in_range(server("198.51.100.1")->asked - before, 1, 10);
}

static void follows_a_change_of_servers(void **state) {
    (void)state;
    plant_four();
    round_a();
    for (size_t i = 0; i < tree.records_n; i++) {
        if (strstr(records[i].zone, "com.") != NULL &&
            records[i].value != NULL &&
            strcmp(records[i].value, "198.51.100.1") == 0) {
            records[i].value = "198.51.100.11"; /* moved */
        }
    }
    serve("198.51.100.11", "example.com. ");
    now_us += 5 * SECOND;
    round_a();
    assert_true(asked("1 www.example.com. @198.51.100.11 !"));
    assert_true(asked("1 www.example.com. @198.51.100.1 !")); /* of caches */
    now_us += NX_WALK_RETRY_S * SECOND;
    round_a();
    assert_int_equal(found.servers_n, 4);
    assert_true(asked("1 www.example.com. @198.51.100.11 !"));
    assert_false(asked("@198.51.100.1 "));
    size_t more = rr("com.", "ns1.example.com.", "A", "198.51.100.12");
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(found.servers_n, 5);
    records[more].value = NULL;
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(found.servers_n, 4);
    assert_false(asked("@198.51.100.12 "));
}

static void keeps_the_zone_when_the_parent_is_silent(void **state) {
    (void)state;
    plant_four();
    round_a();
    server("192.0.2.10")->mood = TREE_MUTE;
    now_us += 5 * SECOND;
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.problems, NX_DELEG_UNREACHED);
    assert_int_equal(found.servers_n, 4);
    assert_int_equal(observed, 8);
    servers[0].mood = servers[1].mood = TREE_MUTE;
    now_us += 3600 * SECOND; /* the full walk fails, too */
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.servers_n, 4);
    server("192.0.2.10")->mood = TREE_FINE;
    servers[0].mood = servers[1].mood = TREE_FINE;
    now_us += 60 * SECOND;
    round_a();
    assert_int_equal(found.problems, 0);
}

static void reports_a_root_out_of_reach(void **state) {
    (void)state;
    plant_four();
    servers[0].mood = servers[1].mood = TREE_MUTE;
    round_a();
    assert_string_equal(found.apex, ".");
    assert_string_equal(found.parent, "");
    assert_int_equal(found.servers_n, 0);
    assert_int_equal(found.problems, NX_DELEG_UNREACHED);
    assert_int_equal(observed, 0);
    servers[1].mood = TREE_FINE;
    now_us += 5 * SECOND;
    round_a();
    assert_string_equal(found.apex, "example.com.");
}

static void finds_a_zone_whose_servers_are_all_silent(void **state) {
    (void)state;
    plant_four();
    for (size_t i = 4; i < tree.servers_n; i++) {
        servers[i].mood = TREE_MUTE;
    }
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.servers_n, 4);
    assert_int_equal(found.problems, NX_DELEG_UNREACHED);
    assert_int_equal(observed, 8);
}

static void ends_when_the_caller_refuses(void **state) {
    (void)state;
    plant_four();
    refuse_all = true;
    round_a();
    assert_int_equal(found.problems, NX_DELEG_UNREACHED);
    refuse_all = false;
    now_us += 5 * SECOND;
    round_a();
    assert_string_equal(found.apex, "example.com.");
}

static void does_not_ask_the_soa_twice(void **state) {
    (void)state;
    static const uint16_t types[] = {NX_TYPE_SOA};
    plant_four();
    walk_to("example.com.");
    round_of(types, 1);
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(observed, 4);
}

/* The audit comes with the first round, then every NX_WALK_AUDIT_S, and when
 * the servers are others than last time. */
static void audits_now_and_then(void **state) {
    (void)state;
    plant_four();
    nx_walk_set_audit(walk, true);
    round_a();
    assert_int_equal(observed, 4 * (2 + 7) + 1);
    assert_true(asked("6 example.com. @198.51.100.3 ! tcp\n"));
    assert_true(asked("2 example.com. @2001:db8::4 !\n"));
    assert_true(asked("48 example.com. @198.51.100.1 ! do\n"));
    assert_true(asked("48 example.com. @198.51.100.1 ! do 512\n"));
    assert_true(asked("48 example.com. @2001:db8::4 ! do 4096\n"));
    assert_true(asked("1 www.example.com. @198.51.100.2 ! do\n"));
    assert_true(asked("1 *.example.com. @198.51.100.2 ! do\n"));
    assert_true(asked("43 example.com. @192.0.2.10 ! do\n"));
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * 2);
    now_us += NX_WALK_AUDIT_S * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 7) + 1);
    (void)rr("com.", "example.com.", "NS", "ns5.example.com.");
    (void)rr("com.", "ns5.example.com.", "A", "198.51.100.5");
    serve("198.51.100.5", "example.com. ");
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 5 * (2 + 7) + 1);
    assert_int_equal(found.sides[4], NX_SIDE_PARENT);
    nx_walk_set_audit(walk, true); /* wanted anew */
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 5 * (2 + 7) + 1);
}

/* Where there are keys, what is said of them is asked for sooner. */
static void audits_keys_sooner(void **state) {
    (void)state;
    plant_four();
    nx_walk_set_audit(walk, true);
    round_a();
    now_us += NX_WALK_RETRY_S * SECOND;
    round_a();
    assert_int_equal(observed, 4 * 2);
    (void)rr("com.", "example.com.", "DS", "a digest");
    now_us += NX_WALK_AUDIT_S * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 7) + 1);
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * 2);
    now_us += NX_WALK_RETRY_S * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 2) + 1);
    assert_true(asked("48 example.com. @198.51.100.1 ! do\n"));
    assert_true(asked("1 www.example.com. @198.51.100.2 ! do\n"));
    assert_true(asked("43 example.com. @192.0.2.10 ! do\n"));
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * 2);
}

/* What is asked with DO is asked for each type; a wildcard may be at each level
 * between apex and name. */
static void audits_every_type(void **state) {
    static const uint16_t types[] = {NX_TYPE_A, NX_TYPE_AAAA};
    (void)state;
    plant_four();
    (void)rr("com.", "example.com.", "DS", "a digest");
    walk_to("a.b.example.com.");
    (void)rr("example.com.", "a.b.example.com.", "A", "203.0.113.1");
    nx_walk_set_audit(walk, true);
    round_of(types, 2);
    assert_int_equal(observed, 4 * (3 + 1 + 5 + 2 + 4) + 1);
    assert_true(asked("1 a.b.example.com. @198.51.100.1 ! do\n"));
    assert_true(asked("28 a.b.example.com. @2001:db8::4 ! do\n"));
    assert_true(asked("1 *.b.example.com. @198.51.100.1 ! do\n"));
    assert_true(asked("28 *.b.example.com. @198.51.100.1 ! do\n"));
    assert_true(asked("1 *.example.com. @198.51.100.1 ! do\n"));
    assert_true(asked("28 *.example.com. @198.51.100.1 ! do\n"));
    now_us += NX_WALK_RETRY_S * SECOND;
    round_of(types, 2);
    assert_int_equal(observed, 4 * (3 + 3) + 1);
    assert_true(asked("28 a.b.example.com. @198.51.100.2 ! do\n"));
    assert_false(asked(" *."));
}

/* So deep a name has more levels than are worth asking for. */
static void audits_few_wildcards(void **state) {
    (void)state;
    plant_four();
    walk_to("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.example.com.");
    nx_walk_set_audit(walk, true);
    round_a();
    assert_int_equal(observed, 4 * (2 + NX_WALK_BETWEEN_MAX + 6 + 16) + 1);
    assert_true(asked("1 *.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.example.com. "
                      "@198.51.100.1 ! do\n"));
    assert_true(asked("1 *.example.com. @198.51.100.1 ! do\n"));
    assert_true(asked("1 *.a.a.a.a.a.example.com. @198.51.100.1 ! do\n"));
    assert_false(asked("1 *.a.a.a.a.example.com. @198.51.100.1 ! do\n"));
    assert_false(asked("1 *.a.example.com. @198.51.100.1 ! do\n"));
}

/* With as many types as there may be, too, the apex has its wildcards. */
static void audits_the_apex(void **state) {
    uint16_t types[NX_WALK_TYPES_MAX];
    (void)state;
    for (uint16_t i = 0; i < NX_WALK_TYPES_MAX; i++) {
        types[i] = (uint16_t)(256 + i);
    }
    plant_four();
    walk_to("a.b.c.example.com.");
    nx_walk_set_audit(walk, true);
    round_of(types, NX_WALK_TYPES_MAX);
    assert_int_equal(observed, 4 * (17 + 2 + 5 + 16 + 32) + 1);
    assert_true(asked("271 *.b.c.example.com. @198.51.100.1 ! do\n"));
    assert_true(asked("271 *.example.com. @198.51.100.1 ! do\n"));
    assert_false(asked(" *.c.example.com."));
}

/* The name itself, without DO: it is asked for with DO besides. */
static void audits_a_wildcard(void **state) {
    (void)state;
    plant_four();
    walk_to("*.example.com.");
    nx_walk_set_audit(walk, true);
    round_a();
    assert_int_equal(observed, 4 * (2 + 7) + 1);
    assert_true(asked("1 *.example.com. @198.51.100.2 !\n"));
    assert_true(asked("1 *.example.com. @198.51.100.2 ! do\n"));
}

static void audits_keys_after(int64_t seconds, unsigned more_n) {
    now_us += seconds * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 2 + more_n) + 1);
}

/* Are large answers lost, or was one packet? */
static void asks_lost_sizes_again(void **state) {
    (void)state;
    plant_four();
    (void)rr("com.", "example.com.", "DS", "a digest");
    nx_walk_set_audit(walk, true);
    lose = "48 example.com. @198.51.100.1 ! do 4096";
    lose_n = 2;
    round_a();
    audits_keys_after(NX_WALK_RETRY_S, 2);
    assert_int_equal(lose_n, 0);
    audits_keys_after(NX_WALK_RETRY_S, 2);
    audits_keys_after(NX_WALK_RETRY_S, 0);
}

/* Which name is it that does not exist? Asked now and then, and where the round
 * before met NXDOMAIN, of every server, the highest first. */
static void asks_names_between(void **state) {
    (void)state;
    plant_four();
    walk_to("a.b.c.example.com.");
    nx_walk_set_audit(walk, true);
    round_a();
    assert_int_equal(observed, 4 * (2 + 2 + 9) + 1);
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 2));
    assert_true(asked("2 c.example.com. @198.51.100.1 !\n"));
    assert_true(asked("2 b.c.example.com. @2001:db8::4 !\n"));
    assert_false(asked("2 a.b.c.example.com. @198.51.100.1 !\n"));
    nx_walk_set_audit(walk, true); /* both in one round */
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 2 + 9) + 1);
    assert_true(asked("43 example.com. @192.0.2.10 ! do\n"));
    (void)rr("example.com.", "a.b.c.example.com.", "A", "203.0.113.1");
    now_us += 5 * SECOND;
    round_a(); /* it was not there a moment ago */
    assert_int_equal(observed, 4 * (2 + 2));
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * 2);
}

/* Whom the set does not have any more, for the name alone. */
static void asks_servers_that_left(void **state) {
    (void)state;
    struct nx_endpoint left[3];
    plant_four();
    serve("198.51.100.9", "example.com. ");
    assert_int_equal(nx_endpoint_parse("198.51.100.9", &left[0]), 0);
    assert_int_equal(nx_endpoint_parse("198.51.100.2", &left[1]),
                     0); /* in it */
    assert_int_equal(nx_endpoint_parse("2001:db8::9", &left[2]), 0);
    nx_walk_set_left(walk, left, 3);
    round_a();
    assert_int_equal(observed, 4 * 2 + 2);
    assert_true(asked("1 www.example.com. @198.51.100.9 !\n"));
    assert_true(asked("1 www.example.com. @2001:db8::9 !\n"));
    assert_false(asked("6 example.com. @198.51.100.9 !\n"));
    assert_int_equal(found.servers_n, 4);
    assert_int_equal(found.problems, 0); /* a dead one is no lame one */
    nx_walk_set_audit(walk, true);
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 7) + 1 + 2);
    nx_walk_set_left(walk, NULL, 0);
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * 2);
}

static void refuses_a_second_start(void **state) {
    (void)state;
    static const uint16_t types[NX_WALK_TYPES_MAX + 1] = {
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
    struct nx_walk_query q;
    assert_int_equal(nx_walk_start(walk, types, 0, now_us), NX_ELIMIT);
    assert_int_equal(nx_walk_start(walk, types, NX_WALK_TYPES_MAX + 1, now_us),
                     NX_ELIMIT);
    assert_false(nx_walk_next(walk, &q));
    assert_int_equal(nx_walk_start(walk, types, NX_WALK_TYPES_MAX, now_us), 0);
    assert_int_equal(nx_walk_start(walk, types, 1, now_us), NX_ESTATE);
    assert_true(nx_walk_next(walk, &q));
    nx_walk_result(walk, q.id + 1000, NULL, NULL, 0, now_us); /* unknown */
    assert_false(nx_walk_next(walk, &q));
    assert_true(nx_walk_busy(walk));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(finds_every_server),
        T(asks_each_type),
        T(starts_again_from_the_parent),
        T(notices_a_lost_delegation),
        T(keeps_a_silent_server_in_the_set),
        T(comes_to_every_address),
        T(names_a_lame_server),
        T(resolves_servers_without_glue),
        T(ends_a_circle_of_servers_without_glue),
        T(bounds_what_a_delegation_may_cost),
        T(does_not_believe_glue_from_elsewhere),
        T(unites_the_sets_of_parent_and_child),
        T(unites_glue_with_the_hosts_own_zone),
        T(compares_glue_with_the_hosts_own_zone),
        T(goes_by_glue_where_the_own_zone_is_down),
        T(follows_a_change_of_servers),
        T(keeps_the_zone_when_the_parent_is_silent),
        T(reports_a_root_out_of_reach),
        T(finds_a_zone_whose_servers_are_all_silent),
        T(ends_when_the_caller_refuses),
        T(does_not_ask_the_soa_twice),
        T(audits_now_and_then),
        T(audits_keys_sooner),
        T(audits_every_type),
        T(audits_few_wildcards),
        T(audits_the_apex),
        T(audits_a_wildcard),
        T(asks_lost_sizes_again),
        T(asks_names_between),
        T(asks_servers_that_left),
        T(refuses_a_second_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
