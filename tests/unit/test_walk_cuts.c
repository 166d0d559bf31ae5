/* Zone cuts that no referral shows: a server serves both sides. */
#include "tests/lib/walk_tree.h"

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

static void takes_an_alias_as_an_answer(void **state) {
    (void)state;
    plant_four();
    records[tree.records_n - 1] = (struct tree_record){
        "example.com.", "www.example.com.", "CNAME", "cdn.example.net."};
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.problems, 0);
}

/* example.com and sub.example.com on one server; sub has a second one. */
static void plant_example(void) {
    ns_with_glue("com.", "example.com.", "ns1.example.com.", "198.51.100.1");
    (void)rr("example.com.", "ns3.example.com.", "A", "198.51.100.3");
    walk_to("www.sub.example.com.");
}

static void plant_sub(const char *type, const char *value) {
    server("198.51.100.1")->zones = "example.com. sub.example.com. ";
    serve("198.51.100.3", "sub.example.com. ");
    (void)rr("example.com.", "sub.example.com.", "NS", "ns1.example.com.");
    (void)rr("example.com.", "sub.example.com.", "NS", "ns3.example.com.");
    (void)rr("sub.example.com.", "sub.example.com.", "NS", "ns1.example.com.");
    (void)rr("sub.example.com.", "sub.example.com.", "NS", "ns3.example.com.");
    (void)rr("sub.example.com.", "www.sub.example.com.", type, value);
}

static void assert_sub(uint32_t problems) {
    assert_string_equal(found.apex, "sub.example.com.");
    assert_string_equal(found.parent, "example.com.");
    assert_string_equal(found.servers, "198.51.100.1@53 198.51.100.3@53 ");
    assert_int_equal(found.problems, problems);
}

static void outlives_a_lost_query(void **state) {
    static const char *const texts[] = {"1 www.sub.", "6 www.sub.", "2 sub."};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void)teardown(state);
        assert_int_equal(setup(state), 0);
        plant_example();
        plant_sub("A", "203.0.113.1");
        lose = texts[i];
        lose_n = 1;
        round_a();
        assert_int_equal(lose_n, 0);
        assert_sub(0);
    }
}

/* Whether there is a zone in between is not known then. */
static void says_that_it_did_not_arrive(void **state) {
    (void)state;
    plant_example();
    plant_sub("A", "203.0.113.1");
    lose = "2 sub.";
    lose_n = 100;
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.problems, NX_DELEG_UNREACHED);
    lose_n = 0;
    now_us += 5 * SECOND;
    round_a();
    assert_sub(0);
    lose_n = 100;
    now_us += 5 * SECOND;
    round_a();
    assert_sub(NX_DELEG_UNREACHED);
}

/* Who does not answer for the SOA may do so for the NS set. */
static void finds_a_cut_without_the_soa(void **state) {
    (void)state;
    plant_example();
    plant_sub("A", "203.0.113.1");
    lose = "6 www.sub.";
    lose_n = 100;
    round_a();
    assert_sub(0);
    walk_to("sub.example.com.");
    (void)rr("sub.example.com.", "sub.example.com.", "A", "203.0.113.1");
    round_a();
    assert_sub(0);
}

/* A load balancer that answers for addresses alone is where its parent says;
 * where a zone below was found before, that it is gone is not known. */
static void takes_servers_of_addresses_alone(void **state) {
    (void)state;
    plant_example();
    (void)rr("example.com.", "www.sub.example.com.", "A", "203.0.113.1");
    lose = "6 www.sub.";
    lose_too = "2 sub.";
    lose_n = 100;
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(found.problems, 0);
    lose_n = 0;
    records[tree.records_n - 1].value = NULL;
    plant_sub("A", "203.0.113.1");
    now_us += 5 * SECOND;
    round_a();
    assert_sub(0);
    lose_n = 100;
    now_us += 5 * SECOND;
    round_a();
    assert_sub(NX_DELEG_UNREACHED);
}

/* An alias does not say whose it is, not even when it is asked for the SOA. */
static unsigned asked_n(const char *text) {
    unsigned n = 0;
    for (const char *p = log_text; (p = strstr(p, text)) != NULL; p++) {
        n++;
    }
    return n;
}

/* They are not waited for in each round as in the first one. */
static void remembers_servers_of_addresses_alone(void **state) {
    (void)state;
    plant_example();
    server("198.51.100.1")->zones = "example.com. ";
    serve("198.51.100.3", "example.com. ");
    ns_with_glue("com.", "example.com.", "ns3.example.com.", "198.51.100.3");
    (void)rr("example.com.", "www.sub.example.com.", "A", "203.0.113.1");
    lose = "6 www.sub.";
    lose_too = "2 ";
    lose_n = 1000;
    round_a();
    assert_string_equal(found.apex, "example.com.");
    assert_int_equal(asked_n("6 www.sub."), 2);
    for (int i = 0; i < 3; i++) {
        now_us += 5 * SECOND;
        round_a();
        assert_string_equal(found.apex, "example.com.");
        assert_int_equal(found.problems, 0);
        assert_int_equal(asked_n("6 www.sub."), 1);
        assert_int_equal(asked_n("1 www.sub.example.com. @198.51.100.1 !"), 1);
        assert_int_equal(asked_n("1 www.sub.example.com. @198.51.100.3 !"), 1);
        /* The walk's last one is for the zone's own NS set. */
        assert_int_equal(asked_n("2 sub.example.com. @198.51.100.1\n"), 0);
        assert_int_equal(asked_n("2 sub.example.com. @198.51.100.3\n"), 0);
    }
    /* A cut that comes is found by the first that answers. */
    lose_n = 0;
    records[tree.records_n - 1].value = NULL;
    plant_sub("A", "203.0.113.1");
    now_us += 5 * SECOND;
    round_a();
    assert_string_equal(found.apex, "sub.example.com.");
}

static void finds_the_zone_of_an_alias(void **state) {
    (void)state;
    plant_example();
    plant_sub("CNAME", "web.example.net.");
    round_a();
    assert_sub(0);
    now_us += 5 * SECOND;
    round_a();
    assert_sub(0);
}

/* The name stays where it was, and in the next round is another zone's. */
static void finds_a_cut_that_comes(void **state) {
    (void)state;
    plant_example();
    (void)rr("example.com.", "www.sub.example.com.", "A", "203.0.113.1");
    round_a();
    assert_string_equal(found.apex, "example.com.");
    records[tree.records_n - 1].value = NULL;
    plant_sub("A", "203.0.113.1");
    now_us += 5 * SECOND;
    round_a();
    assert_sub(0);
}

/* RFC 4035 section 3.1.4.1: the DS of a zone is its parent's. */
static void takes_the_ds_from_the_parent(void **state) {
    static const uint16_t types[] = {NX_TYPE_DS};
    (void)state;
    plant_example();
    plant_sub("A", "203.0.113.1");
    server("198.51.100.1")->zones = "example.com. ";
    (void)rr("example.com.", "sub.example.com.", "DS", "rdata");
    walk_to("sub.example.com.");
    round_of(types, 1);
    assert_string_equal(found.apex, "example.com.");
    assert_true(asked("43 sub.example.com. @198.51.100.1 !\n"));
    assert_false(asked("@198.51.100.3"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(finds_cuts_on_one_server),
        T(takes_an_alias_as_an_answer),
        T(outlives_a_lost_query),
        T(says_that_it_did_not_arrive),
        T(finds_a_cut_without_the_soa),
        T(finds_the_zone_of_an_alias),
        T(takes_servers_of_addresses_alone),
        T(remembers_servers_of_addresses_alone),
        T(finds_a_cut_that_comes),
        T(takes_the_ds_from_the_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
