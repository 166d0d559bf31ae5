/* The audit as text: servers of the set, and those that left it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

static void test_servers_that_left(void **state) {
    (void)state;
    shows(DOCUMENT("denies"),
          "ns1.example.com  192.0.2.11@53  left the set, denies       -   "
          "2 s\n",
          "1/1 name servers agree, old name servers deny");
    shows(DOCUMENT("pending"), "left the set, pending",
          "1/1 name servers agree, old name servers are not asked");
    shows(DOCUMENT("harmless"), "left the set, harmless", "not verified yet");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_servers_that_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
