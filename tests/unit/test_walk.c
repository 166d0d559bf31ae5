/* The walk to the authoritative servers, on a tree in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/dns/reply.h"
#include "agent/dns/walk.h"
#include "tests/lib/fake_tree.h"

#define SECOND INT64_C(1000000)
#define QUERIES_LIMIT 2000U

static struct tree_record records[64];
static struct tree_server servers[24];
static struct tree tree = {records, 0, servers, 0};
static struct nx_hints hints;
static struct nx_walk *walk;
static int64_t now_us;
static char log_text[65536]; /* "type name @address" of each query */
static unsigned queries;
static unsigned observed;
static unsigned denied_by_com;
static bool refuse_all; /* the caller sends nothing */

/* What was last reported. */
static struct {
    unsigned reports;
    char apex[NX_DNAME_TEXT_MAX];
    char parent[NX_DNAME_TEXT_MAX];
    char servers[1024]; /* "name@address " of each */
    size_t servers_n;
    uint8_t sides[NX_DELEG_SERVERS_MAX];
    uint32_t problems;
    uint32_t ttl_s;
} found;

static size_t rr(const char *zone, const char *owner, const char *type,
                 const char *value) {
    records[tree.records_n] = (struct tree_record){zone, owner, type, value};
    return tree.records_n++;
}

static void serve(const char *address, const char *zones) {
    servers[tree.servers_n++] =
        (struct tree_server){address, zones, TREE_FINE, 0};
}

static size_t find_server(const char *address) {
    size_t i = 0;
    while (i < tree.servers_n && strcmp(servers[i].address, address) != 0) {
        i++;
    }
    return i;
}

static struct tree_server *server(const char *address) {
    size_t i = find_server(address);
    assert_true(i < tree.servers_n);
    return &servers[i];
}

/* Root, com and net; zones below them are up to the test. */
static void plant(void) {
    tree.records_n = 0;
    tree.servers_n = 0;
    serve("192.0.2.1", ". ");
    serve("192.0.2.2", ". ");
    serve("192.0.2.10", "com. ");
    serve("192.0.2.20", "net. ");
    (void)rr(".", "com.", "NS", "ns.com.");
    (void)rr(".", "ns.com.", "A", "192.0.2.10");
    (void)rr(".", "net.", "NS", "ns.net.");
    (void)rr(".", "ns.net.", "A", "192.0.2.20");
    (void)rr("com.", "com.", "NS", "ns.com.");
    (void)rr("com.", "ns.com.", "A", "192.0.2.10");
    (void)rr("net.", "net.", "NS", "ns.net.");
    (void)rr("net.", "ns.net.", "A", "192.0.2.20");
}

static void ns_with_glue(const char *parent, const char *zone, const char *ns,
                         const char *address) {
    (void)rr(parent, zone, "NS", ns);
    (void)rr(parent, ns, "A", address);
    (void)rr(zone, zone, "NS", ns);
    (void)rr(zone, ns, "A", address);
    serve(address, strcmp(zone, "example.com.") == 0 ? "example.com. "
                                                     : "example.net. ");
}

/* example.com on four servers. */
static void plant_four(void) {
    ns_with_glue("com.", "example.com.", "ns1.example.com.", "198.51.100.1");
    ns_with_glue("com.", "example.com.", "ns2.example.com.", "198.51.100.2");
    ns_with_glue("com.", "example.com.", "ns3.example.com.", "198.51.100.3");
    ns_with_glue("com.", "example.com.", "ns4.example.com.", "2001:db8::4");
    (void)rr("example.com.", "www.example.com.", "A", "203.0.113.1");
}

static int setup(void **state) {
    static const char roots[] = "a.root.test. A 192.0.2.1\n"
                                "b.root.test. A 192.0.2.2\n";
    unsigned line = 0;
    const char *why = NULL;
    uint8_t name[NX_DNAME_MAX];
    (void)state;
    plant();
    now_us = 1000 * SECOND;
    memset(&found, 0, sizeof(found));
    refuse_all = false;
    return nx_hints_parse(roots, strlen(roots), &hints, &line, &why) |
           nx_dname_parse("WWW.example.com.", name) |
           nx_walk_new(&hints, name, &walk);
}

static int teardown(void **state) {
    (void)state;
    nx_walk_free(&walk);
    assert_null(walk);
    return 0;
}

static void take_report(void) {
    struct nx_delegation d;
    if (!nx_walk_delegation(walk, &d)) {
        return;
    }
    found.reports++;
    (void)nx_dname_text(d.apex, found.apex);
    found.parent[0] = '\0';
    if (d.parent != NULL) {
        (void)nx_dname_text(d.parent, found.parent);
    }
    found.servers_n = d.servers_n;
    found.problems = d.problems;
    found.ttl_s = d.ns_ttl_s;
    found.servers[0] = '\0';
    memcpy(found.sides, d.sides, d.servers_n);
    for (size_t i = 0; i < d.servers_n; i++) {
        char text[NX_ENDPOINT_TEXT_MAX];
        assert_int_equal(d.servers[i].layer, NX_LAYER_AUTHORITY);
        assert_non_null(d.servers[i].server_name);
        (void)strcat(found.servers, nx_endpoint_text(&d.servers[i], text));
        (void)strcat(found.servers, " ");
    }
}

/* The tree's answer to one query of the walk. */
static void answer(const struct nx_walk_query *q) {
    static struct pkt reply;
    static struct nx_reply parsed;
    char address[INET6_ADDRSTRLEN];
    char name[NX_DNAME_TEXT_MAX];
    char line[2048];
    struct nx_question question;
    struct nx_answer none = {.outcome = NX_TIMEOUT};
    struct nx_obs obs = {.question = &question, .answer = &none};
    nx_walk_question(q, &question);
    assert_int_equal(question.flags & ~NX_Q_DO, 0); /* RD=0 */
    (void)inet_ntop(q->to.address_len == 4 ? AF_INET : AF_INET6, q->to.address,
                    address, sizeof(address));
    (void)nx_dname_text(q->name, name);
    (void)snprintf(line, sizeof(line), "%u %s @%s%s%s%s\n", (unsigned)q->type,
                   name, address, q->observe ? " !" : "",
                   question.flags != 0 ? " do" : "",
                   q->to.transport == NX_TCP ? " tcp" : "");
    assert_true(strlen(log_text) + strlen(line) < sizeof(log_text));
    (void)strcat(log_text, line);
    queries++;
    observed += q->observe;
    if (refuse_all) {
        nx_walk_result(walk, q->id, NULL, NULL, 0, now_us);
        return;
    }
    size_t s = find_server(address);
    if (s == tree.servers_n ||
        !tree_ask(&tree, &servers[s], name, q->type, &reply)) {
        nx_walk_result(walk, q->id, &obs, NULL, 0, now_us);
        return;
    }
    assert_int_equal(
        nx_reply_parse(reply.bytes, reply.len, 1, &question, &parsed), 0);
    obs.answer = &parsed.answer;
    denied_by_com += q->observe && parsed.answer.rcode == NX_RCODE_NXDOMAIN &&
                     nx_dname_labels(parsed.answer.soa_owner) == 1;
    nx_walk_result(walk, q->id, &obs, reply.bytes, reply.len, now_us);
}

/* A whole round: takes all queries there are, then answers them. */
static void round_of(const uint16_t *types, size_t n) {
    static struct nx_walk_query taken[600];
    log_text[0] = '\0';
    queries = 0;
    observed = 0;
    denied_by_com = 0;
    assert_int_equal(nx_walk_start(walk, types, n, now_us), 0);
    size_t taken_n = 1;
    while (taken_n > 0) {
        taken_n = 0;
        while (nx_walk_next(walk, &taken[taken_n])) {
            taken_n++;
            assert_true(taken_n < 600);
            take_report();
        }
        take_report();
        for (size_t i = 0; i < taken_n; i++) {
            answer(&taken[i]);
        }
        assert_true(queries < QUERIES_LIMIT);
    }
    take_report();
    assert_false(nx_walk_busy(walk));
}

static void round_a(void) {
    static const uint16_t types[] = {NX_TYPE_A};
    round_of(types, 1);
}

static bool asked(const char *text) {
    return strstr(log_text, text) != NULL;
}

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
    assert_true(queries - observed <= 5); /* root, com, zone, SOA, NS */
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
    assert_int_equal(denied_by_com, 1);
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
    (void)rr("example.net.", "dns.example.net.", "A", "198.51.100.1");
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

/* One address for the root, com and example.com: no referral is ever seen. */
static void finds_cuts_on_one_server(void **state) {
    (void)state;
    plant_four();
    for (size_t i = 0; i < 2; i++) {
        servers[i].zones = ". com. example.com. ";
    }
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_string_equal(found.parent, "com.");
    assert_int_equal(found.servers_n, 4);
    assert_int_equal(found.problems, 0);
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

static void takes_an_alias_as_an_answer(void **state) {
    (void)state;
    plant_four();
    records[tree.records_n - 1] = (struct tree_record){
        "example.com.", "www.example.com.", "CNAME", "cdn.example.net."};
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.problems, 0);
}

static void does_not_ask_the_soa_twice(void **state) {
    (void)state;
    static const uint16_t types[] = {NX_TYPE_SOA};
    uint8_t name[NX_DNAME_MAX];
    plant_four();
    nx_walk_free(&walk);
    assert_int_equal(nx_dname_parse("example.com.", name), 0);
    assert_int_equal(nx_walk_new(&hints, name, &walk), 0);
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
    assert_int_equal(observed, 4 * (2 + 5) + 1);
    assert_true(asked("6 example.com. @198.51.100.3 ! tcp\n"));
    assert_true(asked("2 example.com. @2001:db8::4 !\n"));
    assert_true(asked("48 example.com. @198.51.100.1 ! do\n"));
    assert_true(asked("1 www.example.com. @198.51.100.2 ! do\n"));
    assert_true(asked("1 *.example.com. @198.51.100.2 !\n"));
    assert_true(asked("43 example.com. @192.0.2.10 ! do\n"));
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * 2);
    now_us += NX_WALK_AUDIT_S * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 5) + 1);
    (void)rr("com.", "example.com.", "NS", "ns5.example.com.");
    (void)rr("com.", "ns5.example.com.", "A", "198.51.100.5");
    serve("198.51.100.5", "example.com. ");
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 5 * (2 + 5) + 1);
    assert_int_equal(found.sides[4], NX_SIDE_PARENT);
    nx_walk_set_audit(walk, true); /* wanted anew */
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 5 * (2 + 5) + 1);
}

/* Which name is it that does not exist? Asked where the round before met
 * NXDOMAIN, of every server, the highest first. */
static void asks_names_between(void **state) {
    (void)state;
    uint8_t name[NX_DNAME_MAX];
    plant_four();
    nx_walk_free(&walk);
    assert_int_equal(nx_dname_parse("a.b.c.example.com.", name), 0);
    assert_int_equal(nx_walk_new(&hints, name, &walk), 0);
    nx_walk_set_audit(walk, true);
    round_a();
    assert_int_equal(observed, 4 * (2 + 5) + 1);
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 2));
    assert_true(asked("2 c.example.com. @198.51.100.1 !\n"));
    assert_true(asked("2 b.c.example.com. @2001:db8::4 !\n"));
    assert_false(asked("2 a.b.c.example.com. @198.51.100.1 !\n"));
    nx_walk_set_audit(walk, true); /* both in one round */
    now_us += 5 * SECOND;
    round_a();
    assert_int_equal(observed, 4 * (2 + 2 + 5) + 1);
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
    assert_int_equal(observed, 4 * (2 + 5) + 1 + 2);
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

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(finds_every_server),
        T(asks_each_type),
        T(starts_again_from_the_parent),
        T(notices_a_lost_delegation),
        T(keeps_a_silent_server_in_the_set),
        T(names_a_lame_server),
        T(resolves_servers_without_glue),
        T(ends_a_circle_of_servers_without_glue),
        T(bounds_what_a_delegation_may_cost),
        T(does_not_believe_glue_from_elsewhere),
        T(unites_the_sets_of_parent_and_child),
        T(follows_a_change_of_servers),
        T(finds_cuts_on_one_server),
        T(keeps_the_zone_when_the_parent_is_silent),
        T(reports_a_root_out_of_reach),
        T(finds_a_zone_whose_servers_are_all_silent),
        T(ends_when_the_caller_refuses),
        T(takes_an_alias_as_an_answer),
        T(does_not_ask_the_soa_twice),
        T(audits_now_and_then),
        T(asks_names_between),
        T(asks_servers_that_left),
        T(refuses_a_second_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
