/* Internationalised names in lists and explanations: both forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/show.h"

#define BOTH                                                                   \
    "www.xn--bcher-kva.example (www.b\xc3\xbc"                                 \
    "cher.example)"
#define INCIDENT                                                               \
    "{\"id\":7,\"name\":\"www.xn--bcher-kva.example.\",\"types\":[\"A\"],"     \
    "\"closed\":null,\"opened\":\"2026-11-20T20:19:00Z\"}"

static const struct nx_show plain = {.columns = 0};

static json_t *parsed(const char *json) {
    json_t *document = json_loads(json, 0, NULL);
    assert_non_null(document);
    return document;
}

static void has(struct nx_text *text, const char *wanted) {
    assert_false(text->failed);
    if (strstr(text->bytes, wanted) == NULL) {
        fail_msg("no \"%s\" in:\n%s", wanted, text->bytes);
    }
    nx_text_fini(text);
}

static void test_incident_list(void **state) {
    struct nx_text text;
    json_t *list = parsed("[" INCIDENT ",{\"id\":8,\"name\":\"mail.example.\","
                          "\"types\":[\"A\"],\"closed\":null}]");
    (void)state;
    nx_text_init(&text);
    nx_show_incidents(list, 0, &plain, &text);
    assert_null(strstr(text.bytes, "mail.example ("));
    /* Letters are counted, not octets: the columns stand. */
    const char *second = strchr(strchr(text.bytes, '\n') + 1, '\n') + 1;
    const char *first = strchr(text.bytes, '\n') + 1;
    assert_int_equal(strstr(first, "open ") - first,
                     strstr(second, "open ") - second + 1);
    has(&text, " 7  " BOTH "  A ");
    json_decref(list);
}

static void test_one_incident(void **state) {
    struct nx_text text;
    json_t *incident = parsed(INCIDENT);
    (void)state;
    nx_text_init(&text);
    nx_show_incident(incident, 0, &text);
    has(&text, "incident 7  " BOTH " A\n");
    nx_text_init(&text);
    nx_show_opened(incident, NULL, &text);
    has(&text, "incident 7 opened: " BOTH " A\n");
    json_decref(incident);
}

static void test_explain(void **state) {
    struct nx_text text;
    json_t *network =
        parsed("{\"incident\":" INCIDENT ",\"network\":\"lyon-office\"}");
    (void)state;
    nx_text_init(&text);
    nx_show_explain(network, &plain, &text);
    has(&text, "incident 7  " BOTH "   network lyon-office\n");
    json_decref(network);
}

/* Only what comes back the same is shown; the rest in its A-form alone. */
static void test_no_letters(void **state) {
    struct nx_text text;
    json_t *incident =
        parsed("{\"id\":7,\"name\":\"xn--a.example.\",\"types\":[\"A\"]}");
    (void)state;
    nx_text_init(&text);
    nx_show_incident(incident, 0, &text);
    has(&text, "incident 7  xn--a.example A\n");
    json_decref(incident);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incident_list),
        cmocka_unit_test(test_one_incident),
        cmocka_unit_test(test_explain),
        cmocka_unit_test(test_no_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
