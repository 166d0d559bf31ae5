/* Lists of agents, networks, resolvers and whatever else there are lists of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/show.h"

#define T0 INT64_C(1795205946000000) /* 2026-11-20T20:19:06Z */

static const struct nx_show plain = {.utf8 = true};

static char *list_text(const char *json,
                       void (*show)(const json_t *list, int64_t now_us,
                                    const struct nx_show *show,
                                    struct nx_text *out)) {
    json_t *list = json_loads(json, 0, NULL);
    struct nx_text text;
    assert_non_null(list);
    nx_text_init(&text);
    show(list, T0, &plain, &text);
    json_decref(list);
    return nx_text_take(&text);
}

static void test_lists(void **state) {
    (void)state;
    char *text = list_text("[]", nx_show_incidents);
    assert_string_equal(text, "no incident\n");
    free(text);
    text = list_text("[{\"id\":7,\"name\":\"www.example.com.\",\"types\":"
                     "[\"A\",\"AAAA\"],\"opened\":"
                     "\"2026-11-20T20:10:00.000Z\",\"closed\":null,"
                     "\"outlook\":\"waiting\",\"note\":\"bad\\u001bdeploy\"}]",
                     nx_show_incidents);
    assert_string_equal(
        text, "ID  NAME             TYPES   STATE    OPENED    CLOSED  NOTE\n"
              " 7  www.example.com  A,AAAA  waiting  20:10:00  -       "
              "bad\\027deploy\n");
    free(text);
    text = list_text("[{\"network\":\"lyon\",\"agents\":2,\"resolvers\":3,"
                     "\"last_seen\":\"2026-11-20T20:19:00Z\",\"weight\":120.0,"
                     "\"labels\":{\"site\":\"L\\u001b\",\"asn\":64500}},"
                     "{\"network\":\"oslo\",\"agents\":1,\"resolvers\":0,"
                     "\"last_seen\":null}]",
                     nx_show_networks);
    assert_string_equal(
        text,
        "NETWORK  AGENTS  RESOLVERS  SEEN   WEIGHT  SITE   PROVIDER    ASN  "
        "COUNTRY\n"
        "lyon          2          3  6 s       120  L\\027  -         64500  "
        "-\n"
        "oslo          1          0  never       -  -      -             -  "
        "-\n");
    free(text);
    text = list_text(
        "[{\"network\":\"lyon\",\"agent\":null,"
        "\"resolver\":\"192.0.2.53@53\",\"state\":"
        "\"measured\",\"measured\":\"2026-11-20T20:10:00.000Z\","
        "\"nxdomain_cap_s\":900,\"nxdomain_uncapped\":false,\"nodata_cap_s\":"
        "null,\"nodata_uncapped\":true,"
        "\"floor_s\":1,\"soa_clock\":\"own\",\"rounding\":\"F\",\"rd0\":"
        "\"refused\",\"caches\":null,\"caches_at_least\":3,\"chain\":"
        "\"own-address\",\"nsid\":\"res\\u001b-1\",\"instances\":1,"
        "\"validates\":\"said\",\"rewrites_nxdomain\":true,"
        "\"bogus_answer\":\"servfail\",\"extended_errors\":\"yes\","
        "\"extended_error_code\":9},"
        "{\"network\":\"nice\",\"resolver\":\"192.0.2.9@53\",\"state\":"
        "\"aged\",\"validates\":\"said\",\"bogus_answer\":\"answered\","
        "\"chain\":\"unknown\",\"sibling_w_s\":null,"
        "\"extended_errors\":\"unknown\",\"extended_error_code\":null},"
        "{\"network\":\"oslo\",\"resolver\":"
        "\"[fe80::1]@53\",\"scope\":3,\"agent\":\"oslo-1\",\"state\":"
        "\"failed\",\"measured\":null,"
        "\"advice\":\"it is away\"}]",
        nx_show_resolvers);
    assert_string_equal(
        text,
        "NETWORK  AGENT   RESOLVER         STATE     MEASURED  NXDOMAIN  "
        "NODATA  "
        "FLOOR  "
        "CLOCK  ROUNDING  RD=0     CACHES  CHAIN        EDE    VALIDATES  "
        "IDENTITY\n"
        "lyon     -       192.0.2.53@53    measured  20:10:00     900 s    "
        "none  "
        "  1 s  "
        "own    F         refused      3+  own-address  yes 9  yes        "
        "res\\027-1\n"
        "nice     -       192.0.2.9@53     aged      -                -       "
        "-  "
        "    -  "
        "-      -         -             -  unknown      -      no         -\n"
        "oslo     oslo-1  [fe80::1]@53 %3  failed    -                -       "
        "-  "
        "    -  "
        "-      -         -             -  -            -      -          -\n"
        "lyon 192.0.2.53@53: gives an address for names that do not "
        "exist\n"
        "nice 192.0.2.9@53: whether it asks another resolver is not known: "
        "whoami, below the canary zone, told no address\n"
        "nice 192.0.2.9@53: says that it validates, and answers in the bogus "
        "zone: is its DS at its parent, and that signed? Else what fails "
        "validation is handed out there\n"
        "oslo [fe80::1]@53: not measured now: it is away\n");
    free(text);
}

static void test_ledgers(void **state) {
    (void)state;
    char *text = list_text(
        "[{\"name\":\"lyon-1\",\"network\":\"lyon\",\"ledger\":{\"heard\":true,"
        "\"epoch\":"
        "\"00000000deadbeef\",\"produced\":120,\"received\":90,\"spooled\":20,"
        "\"dropped\":10,\"balanced\":true,\"problem\":null}},{\"name\":"
        "\"oslo\","
        "\"network\":\"oslo\",\"ledger\":{\"heard\":true,\"epoch\":"
        "\"0000000000000001\","
        "\"produced\":7,\"received\":7,\"spooled\":0,\"dropped\":0,"
        "\"balanced\":false,\"problem\":\"runs twice\"}},{\"name\":\"rome\","
        "\"network\":\"rome\",\"ledger\":{\"heard\":false,\"epoch\":"
        "\"0000000000000002\",\"produced\":null,\"received\":5,"
        "\"spooled\":null,\"dropped\":0,\"balanced\":null,\"problem\":null}},"
        "{\"name\":\"gone\","
        "\"ledger\":null}]",
        nx_show_ledgers);
    assert_string_equal(
        text,
        "NAME    NETWORK  EPOCH             PRODUCED  RECEIVED  SPOOLED  LOST  "
        "LEDGER\n"
        "lyon-1  lyon     00000000deadbeef       120        90       20    10  "
        "balanced\n"
        "oslo    oslo     0000000000000001         7         7        0     0  "
        "DOES NOT BALANCE\n"
        "rome    rome     0000000000000002         -         5        -     0  "
        "not heard since the start\n"
        "\noslo: runs twice\n");
    free(text);
    text = list_text("[]", nx_show_ledgers);
    assert_non_null(strstr(text, "no agent was ever accepted"));
    free(text);
}

static void test_agents(void **state) {
    (void)state;
    char *text = list_text(
        "[{\"id\":1,\"key\":\"abcdefghi.\",\"name\":\"lyon-1\",\"network\":"
        "\"lyon\",\"role\":\"network\",\"state\":\"accepted\",\"address\":"
        "\"192.0.2.7\",\"last_seen\":\"2026-11-20T20:19:00Z\","
        "\"last_result\":null,\"clock_offset_s\":-3600.4,\"resolvers\":[\"192."
        "0.2.1@53\","
        "\"192.0.2.2@53\"]},{\"id\":null,\"key\":\"klmnop\",\"name\":null,"
        "\"network\":null,\"role\":null,\"state\":\"pending\",\"address\":"
        "null,\"resolvers\":[]}]",
        nx_show_agents);
    assert_string_equal(
        text,
        "NAME    NETWORK  ROLE     STATE     SEEN   RESULT    CLOCK  RESOLVERS "
        "                 ADDRESS    KEY\n"
        "lyon-1  lyon     network  accepted  6 s    never   -3600 s  "
        "192.0.2.1@53,192.0.2.2@53  192.0.2.7  abcdefghi.\n"
        "-       -        -        pending   never  never         -  -         "
        "                 -          klmnop\n");
    free(text);
    text = list_text("[{\"key\":\"k\",\"role\":\"network\",\"own_role\":"
                     "\"authority\",\"state\":\"accepted\"}]",
                     nx_show_agents);
    assert_non_null(strstr(text, "  network!=authority  accepted  "));
    assert_null(strstr(text, "next key"));
    free(text);
    text =
        list_text("[{\"name\":\"a\",\"state\":\"accepted\",\"next_key\":true},"
                  "{\"name\":\"b\",\"state\":\"accepted\",\"next_key\":false},"
                  "{\"name\":\"c\",\"state\":\"revoked\",\"next_key\":null},"
                  "{\"name\":\"d\\u001b\",\"state\":\"accepted\","
                  "\"next_key\":null}]",
                  nx_show_agents);
    assert_non_null(
        strstr(text, "\nnext key kept by 1 of 3 accepted agents; not by b d"));
    assert_null(strchr(text, '\x1b'));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_ledgers),
        cmocka_unit_test(test_agents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
