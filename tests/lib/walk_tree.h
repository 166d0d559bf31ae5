/* A walk on a tree in memory, round by round; for the tests of agent/dns/walk*.
 * Each is one program with one such walk. */
#ifndef NX_TESTS_LIB_WALK_TREE_H
#define NX_TESTS_LIB_WALK_TREE_H

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
static char log_text[65536]; /* "type name @address" of each query, ... */
static unsigned queries;
static unsigned observed;
static unsigned denied_by_com;
static bool refuse_all; /* the caller sends nothing */
static void (*on_observed)(const struct nx_walk_query *q,
                           const struct nx_obs *obs); /* NULL: nobody */
static const char *lose = "", *lose_too; /* queries that begin so are lost */
static unsigned lose_n;                  /* ... so many of them */

/* What was last reported. */
static struct {
    unsigned reports;
    char apex[NX_DNAME_TEXT_MAX];
    char parent[NX_DNAME_TEXT_MAX];
    char servers[1024]; /* "name@address " of each */
    size_t servers_n;
    uint8_t sides[NX_DELEG_SERVERS_MAX];
    uint32_t problems;
    uint32_t unasked_n;
    uint32_t glue;
    uint32_t ttl_s;
} found;

static inline size_t rr(const char *zone, const char *owner, const char *type,
                        const char *value) {
    records[tree.records_n] = (struct tree_record){zone, owner, type, value};
    return tree.records_n++;
}

static inline void serve(const char *address, const char *zones) {
    servers[tree.servers_n++] =
        (struct tree_server){address, zones, TREE_FINE, 0};
}

static inline size_t find_server(const char *address) {
    size_t i = 0;
    while (i < tree.servers_n && strcmp(servers[i].address, address) != 0) {
        i++;
    }
    return i;
}

static inline struct tree_server *server(const char *address) {
    size_t i = find_server(address);
    assert_true(i < tree.servers_n);
    return &servers[i];
}

/* Root, com and net; zones below them are up to the test. */
static inline void plant(void) {
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

static inline void ns_with_glue(const char *parent, const char *zone,
                                const char *ns, const char *address) {
    (void)rr(parent, zone, "NS", ns);
    (void)rr(parent, ns, "A", address);
    (void)rr(zone, zone, "NS", ns);
    (void)rr(zone, ns, "A", address);
    serve(address, strcmp(zone, "example.com.") == 0 ? "example.com. "
                                                     : "example.net. ");
}

/* example.com on four servers. */
static inline void plant_four(void) {
    ns_with_glue("com.", "example.com.", "ns1.example.com.", "198.51.100.1");
    ns_with_glue("com.", "example.com.", "ns2.example.com.", "198.51.100.2");
    ns_with_glue("com.", "example.com.", "ns3.example.com.", "198.51.100.3");
    ns_with_glue("com.", "example.com.", "ns4.example.com.", "2001:db8::4");
    (void)rr("example.com.", "www.example.com.", "A", "203.0.113.1");
}

static inline int setup(void **state) {
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
    lose_n = 0;
    lose_too = NULL;
    on_observed = NULL;
    return nx_hints_parse(roots, strlen(roots), &hints, &line, &why) |
           nx_dname_parse("WWW.example.com.", name) |
           nx_walk_new(&hints, name, &walk);
}

static inline int teardown(void **state) {
    (void)state;
    nx_walk_free(&walk);
    assert_null(walk);
    return 0;
}

/* Another name in the place of www.example.com. */
static inline void walk_to(const char *text) {
    uint8_t name[NX_DNAME_MAX];
    nx_walk_free(&walk);
    assert_int_equal(nx_dname_parse(text, name), 0);
    assert_int_equal(nx_walk_new(&hints, name, &walk), 0);
}

static inline void take_report(void) {
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
    found.unasked_n = d.unasked_n;
    found.glue = d.glue;
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
static inline void answer(const struct nx_walk_query *q) {
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
    char size[8] = "";
    if (question.udp_bytes != 0) {
        (void)snprintf(size, sizeof(size), " %u", question.udp_bytes);
    }
    (void)snprintf(line, sizeof(line), "%u %s @%s%s%s%s%s\n", (unsigned)q->type,
                   name, address, q->observe ? " !" : "",
                   question.flags != 0 ? " do" : "",
                   q->to.transport == NX_TCP ? " tcp" : "", size);
    assert_true(strlen(log_text) + strlen(line) < sizeof(log_text));
    (void)strcat(log_text, line);
    queries++;
    observed += q->observe;
    if (refuse_all) {
        nx_walk_result(walk, q->id, NULL, NULL, 0, now_us);
        return;
    }
    bool lost =
        lose_n > 0 &&
        (strncmp(line, lose, strlen(lose)) == 0 ||
         (lose_too != NULL && strncmp(line, lose_too, strlen(lose_too)) == 0));
    lose_n -= lost ? 1 : 0;
    size_t s = find_server(address);
    bool heard = !lost && s < tree.servers_n &&
                 tree_ask(&tree, &servers[s], name, q->type, &reply);
    if (heard) {
        assert_int_equal(
            nx_reply_parse(reply.bytes, reply.len, 1, &question, &parsed), 0);
        obs.answer = &parsed.answer;
        obs.answer_ttl_s = parsed.answer_ttl_s;
        denied_by_com += q->observe &&
                         parsed.answer.rcode == NX_RCODE_NXDOMAIN &&
                         nx_dname_labels(parsed.answer.soa_owner) == 1;
    }
    if (q->observe && on_observed != NULL) {
        on_observed(q, &obs);
    }
    nx_walk_result(walk, q->id, &obs, reply.bytes, heard ? reply.len : 0,
                   now_us);
}

/* A whole round: takes all queries there are, then answers them. */
static inline void round_of(const uint16_t *types, size_t n) {
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

static inline void round_a(void) {
    static const uint16_t types[] = {NX_TYPE_A};
    round_of(types, 1);
}

static inline bool asked(const char *text) {
    return strstr(log_text, text) != NULL;
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
