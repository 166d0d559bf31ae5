/* The audit as text: servers of the set, and those that left it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/show.h"

#define DOCUMENT(state)                                                        \
    "{\"now\":\"2026-11-20T20:20:00Z\",\"authority\":{\"state\":\"restored\"," \
    "\"verified\":false,\"good\":1,\"total\":1,\"servers\":[{\"name\":"        \
    "\"ns3.example.com.\",\"address\":\"192.0.2.13@53\",\"state\":\"good\","   \
    "\"serial\":7,\"seen\":\"2026-11-20T20:19:59Z\"}],\"old_servers\":[{"      \
    "\"name\":\"ns1.example.com.\",\"address\":\"192.0.2.11@53\",\"state\":"   \
    "\"" state                                                                 \
    "\",\"rcode\":\"NXDOMAIN\",\"seen\":\"2026-11-20T20:19:58Z\"}],"           \
    "\"audit\":[],\"findings\":[]}}"

static void shows(const char *json, const char *server, const char *head) {
    static const struct nx_show plain = {.columns = 0};
    struct nx_text text;
    json_t *document = json_loads(json, 0, NULL);
    assert_non_null(document);
    nx_text_init(&text);
    nx_show_audit(document, &plain, &text);
    assert_false(text.failed);
    if (strstr(text.bytes, server) == NULL ||
        strstr(text.bytes, head) == NULL) {
        fail_msg("no \"%s\", or no \"%s\" in:\n%s", server, head, text.bytes);
    }
    nx_text_fini(&text);
    json_decref(document);
}

/* Who waits for it: the audit ends without what will not come. */
static void test_asked_in_vain(void **state) {
    static const char *const servers[] = {
        "{\"state\":\"good\"}", "{\"state\":\"pending\",\"in_vain\":false}",
        "{\"state\":\"pending\",\"in_vain\":true}"};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        char text[160];
        (void)snprintf(text, sizeof(text),
                       "{\"authority\":{\"servers\":[%s],\"total\":1,"
                       "\"audited\":1}}",
                       servers[i]);
        json_t *document = json_loads(text, 0, NULL);
        assert_non_null(document);
        assert_int_equal(nx_show_audited(document), i != 1);
        json_decref(document);
    }
}

static void test_servers_that_left(void **state) {
    (void)state;
    shows(
        DOCUMENT("denies"),
        "ns1.example.com  192.0.2.11@53  left the set, denies  -   -    -     "
        "      -       -   2 s\n",
        "1/1 name servers agree, old name servers deny");
    shows(DOCUMENT("pending"), "left the set, pending",
          "1/1 name servers agree, old name servers are not asked");
    shows(DOCUMENT("harmless"), "left the set, harmless", "not verified yet");
}

#define SERVER(name, edns, ns)                                                 \
    "{\"name\":\"" name ".example.com.\",\"address\":\"192.0.2.11@53\","       \
    "\"state\":\"good\",\"serial\":7,\"seen\":\"2026-11-20T20:19:59Z\","       \
    "\"aa\":true,\"tcp\":false,\"edns\":" edns ",\"negative_ttl_s\":60,"       \
    "\"sizes\":{\"512\":\"tcp\",\"4096\":\"whole\"},"                          \
    "\"ns\":[" ns "]}"
#define NS1 "\"ns1.example.com.\""
#define NS2 "\"ns2.example.com.\""
#define FACTS(history, last)                                                   \
    "{\"now\":\"2026-11-20T20:20:00Z\",\"negative\":{\"ttl_s\":60,"            \
    "\"history\":[" history "]},\"authority\":{\"state\":\"restored\","        \
    "\"good\":2,\"total\":2,\"servers\":[" SERVER(                             \
        "ns1", "true",                                                         \
        NS1 "," NS2) "," SERVER("ns2", "null",                                 \
                                last) "],\"audit\":[],\"findings\":[]}}"
#define WAS "{\"from\":\"2026-11-20T20:00:00Z\",\"ttl_s\":300}"
#define IS "{\"from\":\"2026-11-20T20:10:00Z\",\"ttl_s\":60}"

static void test_facts_of_servers(void **state) {
    (void)state;
    shows(FACTS(IS, NS1 "," NS2),
          "good    yes  no   yes      60 s       7   1 s\n",
          "negative    TTL 60 s\n");
    shows(FACTS(WAS "," IS, NS1 "," NS2),
          "good    yes  no   -        60 s       7   1 s\n"
          "NS set of 192.0.2.11@53: ns1.example.com ns2.example.com\n"
          "EDNS sizes of 192.0.2.11@53: 512 tcp, 4096 whole\n\n",
          "negative    TTL 60 s; sent: 60 s from 20:10:00Z, 300 s from "
          "20:00:00Z\n");
    shows(FACTS("", NS1),
          "NS set of 192.0.2.11@53: ns1.example.com ns2.example.com\n"
          "NS set of 192.0.2.11@53: ns1.example.com\n",
          "negative    TTL 60 s\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers_that_left),
        cmocka_unit_test(test_asked_in_vain),
        cmocka_unit_test(test_facts_of_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
