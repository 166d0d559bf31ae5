#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/preflight.h"
#include "collector/cli/show.h"

/* min(SOA TTL, MINIMUM), RFC 2308 section 3; then what a resolver makes of it.
 */
static void lives(void **state) {
    static const struct {
        uint32_t soa_ttl_s, minimum_s, cap_s, floor_s, w_s, lives_s;
    } rows[] = {
        {900, 3, 0, 0, 3, 3},
        {1200, 4, 0, 0, 4, 4},
        {700, 6, 0, 0, 6, 6},
        {3, 900, 0, 0, 3, 3},
        {900, 3, 3600, 1, 3, 3},                /* a floor of 1 s is none */
        {900, 3, 3600, 5, 3, 5},                /* kresd */
        {900, 3, 3600, 60, 3, 60},              /* cache-min-ttl: 60 */
        {700, 6, 4, 0, 6, 4},                   /* a cap shorter than W */
        {86400, 86400, 3600, 0, 86400, 3600},   /* unbound, PowerDNS */
        {86400, 86400, 10800, 0, 86400, 10800}, /* BIND */
        {86400, 86400, 30, 40, 86400, 40},      /* the floor wins */
        {900, 0, 0, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t w_s = nx_preflight_w_s(rows[i].soa_ttl_s, rows[i].minimum_s);
        assert_int_equal(w_s, rows[i].w_s);
        assert_int_equal(
            nx_preflight_lives_s(w_s, rows[i].cap_s, rows[i].floor_s),
            rows[i].lives_s);
    }
}

/* The rest of an entry made in the outage is even between W - D and W. */
static void costs(void **state) {
    static const struct {
        uint32_t w_s, outage_s;
        double share;
        uint32_t clear_s;
    } rows[] = {
        {900, 300, 0.5, 750},    {900, 300, 0.9, 870},  {900, 300, 1.0, 900},
        {900, 900, 0.5, 450},    {900, 3600, 0.9, 810}, {900, 3600, 1.0, 900},
        {900, 0, 0.5, 900},      {0, 60, 1.0, 0},       {0, 60, 0.9, 0},
        {86400, 60, 0.5, 86370}, {3, 3, 0.5, 2}, /* 1.5: not too early */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct nx_preflight_network one = {1.0, &rows[i].w_s, 1};
        assert_int_equal(
            nx_preflight_clear_s(&one, 1, rows[i].outage_s, rows[i].share),
            rows[i].clear_s);
    }
}

static void networks(void **state) {
    static const uint32_t an_hour = 3600;
    static const uint32_t minute = 60;
    static const uint32_t two[] = {60, 60};
    const struct nx_preflight_network even[] = {{1, &an_hour, 1},
                                                {1, &minute, 1}};
    const struct nx_preflight_network large[] = {{1, &an_hour, 1},
                                                 {99, &minute, 1}};
    const struct nx_preflight_network nobody[] = {{0, &an_hour, 1},
                                                  {0, &minute, 1}};
    const struct nx_preflight_network pair = {1, two, 2};
    (void)state;
    /* Half of them is the quick one; for 90 % the other one decides:
     * 3300 + 0.8 * 300. */
    assert_int_equal(nx_preflight_clear_s(even, 2, 300, 0.5), 60);
    assert_int_equal(nx_preflight_clear_s(even, 2, 300, 0.9), 3540);
    assert_int_equal(nx_preflight_clear_s(nobody, 2, 300, 0.9), 3540);
    /* Where the clients are counts; but all is all. */
    assert_int_equal(nx_preflight_clear_s(large, 2, 300, 0.9), 55);
    assert_int_equal(nx_preflight_clear_s(large, 2, 300, 0.99), 60);
    assert_int_equal(nx_preflight_clear_s(large, 2, 300, 1.0), 3600);
    /* Two resolvers: both must be clear; 60 * sqrt(0.5). */
    assert_int_equal(nx_preflight_clear_s(&pair, 1, 60, 0.5), 43);
    assert_int_equal(nx_preflight_clear_s(NULL, 0, 60, 0.5), 0);
}

/* W is the longest that some cache keeps; and what to lower for that. */
static void advice(void **state) {
    static const struct {
        struct nx_preflight_negative negative;
        uint32_t cap_s; /* of every resolver; 0: none */
        uint32_t w_s;
        const char *lower; /* each, with its value */
    } rows[] = {
        {{60, 3600, 60, 0, 0}, 0, 60, ""},
        {{30, 30, 3600, 0, 0}, 0, 30, ""},
        {{3600, 3600, 3600, 0, 0}, 30, 3600, ""}, /* nobody keeps it so long */
        {{900, 3600, 900, 0, 0}, 0, 900, " SOA MINIMUM 900"},
        {{86400, 86400, 86400, 0, 0}, 3600, 86400, " SOA MINIMUM 86400"},
        /* A server that does not cut the SOA's TTL: BIND keeps that. */
        {{60, 86400, 60, 86400, 0}, 0, 86400, " SOA TTL 86400"},
        {{900, 86400, 900, 86400, 0},
         0,
         86400,
         " SOA MINIMUM 900 SOA TTL 86400"},
        /* Signed before RFC 9077, or as long as it is now. */
        {{60, 3600, 60, 0, 3600}, 0, 3600, " NSEC TTL 3600"},
        {{900, 3600, 900, 0, 900}, 0, 900, " SOA MINIMUM 900"},
        {{900, 3600, 900, 0, 3600}, 0, 3600, " SOA MINIMUM 900 NSEC TTL 3600"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nx_preflight_change c[NX_PREFLIGHT_CHANGES];
        char lower[128] = "";
        uint32_t w_s = nx_preflight_longest_s(&rows[i].negative);
        size_t n =
            nx_preflight_advise(&rows[i].negative, 60,
                                nx_preflight_lives_s(w_s, rows[i].cap_s, 0), c);
        for (size_t k = 0; k < n; k++) {
            size_t len = strlen(lower);
            (void)snprintf(lower + len, sizeof(lower) - len, " %s %u",
                           c[k].what, (unsigned)c[k].from_s);
        }
        assert_int_equal(w_s, rows[i].w_s);
        assert_string_equal(lower, rows[i].lower);
    }
}

/* --- the document --- */

#define NOW "2026-11-20T20:00:00.000Z"

static json_t *status_of(int soa_ttl_s, int minimum_s) {
    json_t *status = json_pack(
        "{s:s, s:{s:s}, s:{s:i, s:i, s:i}, s:{s:s, s:i, s:i, s:i, s:i, s:n, "
        "s:i, s:s, s:[]}}",
        "now", NOW, "incident", "name", "www.example.com.", "negative", "ttl_s",
        soa_ttl_s < minimum_s ? soa_ttl_s : minimum_s, "soa_ttl_s", soa_ttl_s,
        "minimum_s", minimum_s, "authority", "state", "restored", "good", 2,
        "total", 2, "ns_ttl_s", 172800, "zone_ns_ttl_s", 86400, "ds_ttl_s",
        "record_ttl_s", 300, "signatures_end", "2026-11-22T20:00:00.000Z",
        "audit");
    assert_non_null(status);
    return status;
}

static json_t *parse(const char *text) {
    json_error_t error;
    json_t *document = json_loads(text, 0, &error);
    assert_non_null(document);
    return document;
}

/* osl: measured; lyon: one measured, one too long ago; bern: none is;
 * operations asks no resolver. */
#define NETWORKS                                                               \
    "{\"networks\": ["                                                         \
    "{\"network\": \"bern\", \"weight\": 1, \"resolvers\": 1},"                \
    "{\"network\": \"lyon\", \"weight\": 5, \"resolvers\": 2},"                \
    "{\"network\": \"operations\", \"weight\": 1, \"resolvers\": 0},"          \
    "{\"network\": \"osl\", \"weight\": 94, \"resolvers\": 1}]}"
#define RESOLVERS                                                              \
    "{\"canary_zone\": \"canary.example.net.\", \"resolvers\": ["              \
    "{\"network\": \"bern\", \"resolver\": \"127.0.0.1@53\","                  \
    " \"agent\": \"bern-1\", \"state\": \"waiting\", \"measured\": null},"     \
    "{\"network\": \"lyon\", \"resolver\": \"192.0.2.53@53\","                 \
    " \"measured\": \"2026-11-20T08:00:00.000Z\", \"nxdomain_cap_s\": 3600,"   \
    " \"nodata_cap_s\": 600, \"floor_s\": 1, \"chain\": \"other-address\"},"   \
    "{\"network\": \"lyon\", \"resolver\": \"192.0.2.54@53\","                 \
    " \"measured\": \"2026-11-10T08:00:00.000Z\", \"nxdomain_cap_s\": 30,"     \
    " \"nodata_cap_s\": 30, \"floor_s\": 1},"                                  \
    "{\"network\": \"osl\", \"resolver\": \"[2001:db8::1]@53\","               \
    " \"measured\": \"2026-11-20T08:00:00.000Z\", \"nxdomain_cap_s\": 30,"     \
    " \"nodata_cap_s\": 30, \"floor_s\": 1, \"chain\": \"own-address\"}]}"

static json_t *document_of(int soa_ttl_s, int minimum_s, int64_t accident_us) {
    json_t *status = status_of(soa_ttl_s, minimum_s);
    json_t *all = parse(NETWORKS);
    json_t *measured = parse(RESOLVERS);
    json_t *document =
        nx_preflight_document(status, all, measured, accident_us);
    assert_non_null(document);
    json_decref(status);
    json_decref(all);
    json_decref(measured);
    return document;
}

static json_int_t at(const json_t *document, const char *list, size_t i,
                     const char *key) {
    const json_t *value = json_object_get(
        json_array_get(json_object_get(document, list), i), key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

/* A cap holds for the SOA's TTL, not for what is made from NSEC records. */
static void made_from_nsec(void **state) {
    json_t *status = status_of(3600, 3600);
    json_t *all = parse("{\"networks\": ["
                        "{\"network\": \"bern\", \"resolvers\": 1},"
                        "{\"network\": \"lyon\", \"resolvers\": 1},"
                        "{\"network\": \"osl\", \"resolvers\": 1}]}");
#define HABITS                                                                 \
    "\"resolver\": \"192.0.2.53@53\", "                                        \
    "\"measured\": \"2026-11-20T08:00:00.000Z\", \"nxdomain_cap_s\": 30, "     \
    "\"nodata_cap_s\": 40, \"floor_s\": 1"
    json_t *measured =
        parse("{\"resolvers\": ["
              "{\"network\": \"bern\", " HABITS ", \"never_validates\": true},"
              "{\"network\": \"lyon\", " HABITS ", \"never_validates\": false},"
              "{\"network\": \"osl\", " HABITS "}]}");
    json_t *negative = json_object_get(status, "negative");
    (void)state;
    json_t *d = nx_preflight_document(status, all, measured, NX_TIME_NONE);
    assert_int_equal(at(d, "networks", 1, "nxdomain_lives_s"), 30);
    assert_int_equal(at(d, "advice", 0, "from_s"), 86400); /* the NS set's */
    json_decref(d);
    assert_int_equal(
        json_object_set_new(negative, "nsec_s", json_integer(86400)), 0);
    d = nx_preflight_document(status, all, measured, NX_TIME_NONE);
    assert_int_equal(at(d, "networks", 0, "nxdomain_lives_s"), 30);
    assert_int_equal(at(d, "networks", 0, "nodata_lives_s"), 40);
    assert_int_equal(at(d, "networks", 1, "nxdomain_lives_s"), 86400);
    assert_int_equal(at(d, "networks", 1, "nodata_lives_s"), 86400);
    assert_int_equal(at(d, "networks", 2, "nxdomain_lives_s"), 86400);
    assert_int_equal(at(d, "accidents", 0, "clear_all_s"), 86400);
    assert_string_equal(
        json_string_value(json_object_get(
            json_array_get(json_object_get(d, "advice"), 1), "lower")),
        "NSEC TTL");
    assert_int_equal(at(d, "advice", 1, "everywhere_s"), 86400);
    json_decref(d);
    json_decref(status);
    json_decref(all);
    json_decref(measured);
}

/* One for comparison beside the network's own, and one that nobody has any
 * more; a network whose agents are away. */
static void serving(void **state) {
    json_t *status = status_of(86400, 86400);
    json_t *all = parse("{\"networks\": ["
                        "{\"network\": \"bern\", \"resolvers\": 3},"
                        "{\"network\": \"osl\", \"resolvers\": 0}]}");
#define MEASURED(network, address, cap, use)                                   \
    "{\"network\": \"" network "\", \"resolver\": \"" address                  \
    "@53\", \"measured\": \"2026-11-20T08:00:00.000Z\", "                      \
    "\"nxdomain_cap_s\": " cap ", \"nodata_cap_s\": " cap                      \
    ", \"floor_s\": 1, \"use\": \"" use "\"}"
    json_t *measured = parse(
        "{\"resolvers\": [" MEASURED("bern", "192.0.2.8", "600", "none") "," MEASURED(
            "bern", "192.0.2.53", "30",
            "serving") "," MEASURED("bern", "198.51.100.8", "10800",
                                    "comparison") "," MEASURED("osl",
                                                               "192.0.2.53",
                                                               "60",
                                                               "none") "]}");
    (void)state;
    json_t *d = nx_preflight_document(status, all, measured, NX_TIME_NONE);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 2);
    assert_int_equal(at(d, "networks", 0, "nxdomain_lives_s"), 30);
    assert_int_equal(at(d, "networks", 1, "nxdomain_lives_s"), 60);
    assert_int_equal(at(d, "accidents", 0, "clear_all_s"), 60);
    assert_int_equal(at(d, "advice", 0, "from_s"), 86400); /* the NS set's */
    json_decref(d);
    json_decref(status);
    json_decref(all);
    json_decref(measured);
}

static void document(void **state) {
    json_t *d = document_of(86400, 7200, INT64_C(300000000));
    (void)state;
    assert_int_equal(json_integer_value(json_object_get(d, "w_s")), 7200);
    assert_int_equal(json_array_size(json_object_get(d, "networks")), 4);
    assert_int_equal(at(d, "networks", 0, "nxdomain_lives_s"), 7200);
    assert_int_equal(at(d, "networks", 1, "nxdomain_lives_s"), 3600);
    assert_int_equal(at(d, "networks", 1, "nodata_lives_s"), 600);
    assert_int_equal(at(d, "networks", 2, "nxdomain_lives_s"), 7200); /* aged */
    assert_int_equal(at(d, "networks", 3, "nxdomain_lives_s"), 30);
    /* 94 of 100 clients are clear after 30 s, whatever the others do. */
    assert_int_equal(json_array_size(json_object_get(d, "accidents")), 1);
    assert_int_equal(at(d, "accidents", 0, "clear_90_s"), 29);
    assert_true(at(d, "accidents", 0, "clear_99_s") > 6900);
    assert_int_equal(at(d, "accidents", 0, "clear_all_s"), 7200);
    assert_int_equal(json_array_size(json_object_get(d, "advice")), 3);
    assert_int_equal(at(d, "advice", 0, "from_s"), 7200);
    assert_int_equal(at(d, "advice", 0, "to_s"), 60);
    assert_int_equal(at(d, "advice", 0, "everywhere_s"), 7200);
    assert_int_equal(at(d, "advice", 1, "from_s"), 86400); /* NS */
    assert_int_equal(at(d, "advice", 1, "everywhere_s"), 86400);
    /* Caches that keep the parent's set do so whatever the zone has. */
    assert_int_equal(at(d, "advice", 2, "from_s"), 172800);
    assert_int_equal(at(d, "advice", 2, "to_s"), 3600);
    assert_int_equal(at(d, "advice", 2, "everywhere_s"), 172800);
    json_decref(d);
    d = document_of(900, 3, NX_TIME_NONE);
    assert_int_equal(json_integer_value(json_object_get(d, "w_s")), 3);
    assert_int_equal(json_array_size(json_object_get(d, "accidents")), 5);
    assert_int_equal(at(d, "accidents", 4, "clear_all_s"), 3);
    assert_int_equal(json_array_size(json_object_get(d, "advice")), 2);
    json_decref(d);
}

/* A server that sends the SOA whole, and a parent alone that keeps its set. */
static void longest(void **state) {
    json_t *status = status_of(86400, 60);
    json_t *all = parse("{\"networks\": []}");
    json_t *measured = parse("{\"resolvers\": []}");
    json_t *negative = json_object_get(status, "negative");
    json_t *authority = json_object_get(status, "authority");
    const struct nx_show show = {.utf8 = true};
    struct nx_text out;
    (void)state;
    assert_int_equal(
        json_object_set_new(negative, "sent_s", json_integer(86400)), 0);
    assert_int_equal(
        json_object_set_new(authority, "zone_ns_ttl_s", json_integer(300)), 0);
    json_t *d = nx_preflight_document(status, all, measured, NX_TIME_NONE);
    assert_int_equal(json_integer_value(json_object_get(d, "w_s")), 86400);
    assert_int_equal(at(d, "accidents", 0, "clear_all_s"), 86400);
    assert_int_equal(json_array_size(json_object_get(d, "advice")), 2);
    assert_int_equal(at(d, "advice", 0, "from_s"), 86400);
    assert_int_equal(at(d, "advice", 1, "from_s"), 172800);
    nx_text_init(&out);
    nx_show_preflight(d, &show, &out);
    assert_non_null(strstr(out.bytes, "negative    TTL 60 s (SOA TTL 86400, "
                                      "MINIMUM 60); an SOA is sent with 86400"
                                      " s\n"));
    assert_non_null(strstr(out.bytes, "lower       SOA TTL from 24 h to"));
    assert_null(strstr(out.bytes, "short enough"));
    nx_text_fini(&out);
    json_decref(d);
    json_decref(status);
    json_decref(all);
    json_decref(measured);
}

static void text(void **state) {
    static const char *const shown[] = {
        "negative    TTL 7200 s (SOA TTL 86400, MINIMUM 7200)\n",
        "osl",
        "2 of 4 not measured within 7 days",
        "1 ask another resolver",
        "lower       SOA MINIMUM from 2 h to 1 min:\n            in effect "
        "everywhere 2 h after every name server has it\n",
        "lower       NS TTL from 24 h to 1 h, if name servers are to change:\n"
        "            in effect everywhere 24 h after every name server has",
        "lower       NS TTL at the parent from 2 d to 1 h, too: caches that "
        "keep its NS set go by that:\n"
        "            in effect everywhere 2 d after every name server of the "
        "parent has it\n",
        "delegation  NS TTL at the parent 2 d:",
        "and in the zone 24 h;",
        "the first signature ends 2026-11-22 20:00:00Z (in 2 d)",
        "no findings\n"};
    json_t *d = document_of(86400, 7200, NX_TIME_NONE);
    const struct nx_show show = {.utf8 = true};
    struct nx_text out;
    (void)state;
    nx_text_init(&out);
    nx_show_preflight(d, &show, &out);
    assert_false(out.failed);
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (strstr(out.bytes, shown[i]) == NULL) {
            (void)fprintf(stderr, "not shown: %s\nin:\n%s", shown[i],
                          out.bytes);
            fail();
        }
    }
    assert_null(strstr(out.bytes, "DS TTL")); /* not known, not told */
    nx_text_fini(&out);
    json_decref(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives),    cmocka_unit_test(costs),
        cmocka_unit_test(networks), cmocka_unit_test(advice),
        cmocka_unit_test(document), cmocka_unit_test(longest),
        cmocka_unit_test(serving),  cmocka_unit_test(made_from_nsec),
        cmocka_unit_test(text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
