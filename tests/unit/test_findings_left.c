/* What is said of name servers that left the set, of agents that cannot ask
 * them, and of glue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/status/status_audit.h"
#include "tests/lib/engine_bench.h"

#define ENDS                                                                   \
    ": caches may ask it until 2027-01-15T09:00:00.000Z, resolvers are not "   \
    "asked before"
#define UPGRADE                                                                \
    "; no agent in the role authority has asked it since "                     \
    "2027-01-15T08:00:00.000Z: upgrade those of an older release, which do "   \
    "not (auditor, other)"

static struct nx_left_server gone(unsigned class_, bool unasked) {
    struct nx_left_server s = {.class_ = (uint8_t)class_,
                               .unasked = unasked,
                               .left_us = T0,
                               .until_us = T0 + 3600 * S,
                               .last_us = NX_TIME_UNKNOWN};
    assert_int_equal(nx_endpoint_parse("198.51.100.2", &s.at), 0);
    return s;
}

static void says(struct nx_status_audit *audit, const char *tag,
                 const char *detail) {
    json_t *list = nx_status_findings(audit);
    const json_t *first = json_array_get(list, 0);
    if (detail == NULL) {
        assert_int_equal(json_array_size(list), 0);
    } else {
        assert_string_equal(json_string_value(json_object_get(first, "tag")),
                            tag);
        assert_string_equal(json_string_value(json_object_get(first, "detail")),
                            detail);
    }
    json_decref(list);
}

static void test_agents_that_cannot_ask(void **state) {
    static const struct nx_incident incident = {.id = 7};
    struct nx_left_server s;
    struct nx_status_audit audit = {.incident = &incident,
                                    .left = &s,
                                    .left_n = 1,
                                    .audited_us = T0 + 400 * S,
                                    .verified_at_us = NX_TIME_UNKNOWN,
                                    .now_us = T0 + 400 * S,
                                    .auditors = "auditor, other"};
    (void)state;
    s = gone(NX_LEFT_PENDING, false);
    says(
        &audit, "OLD_SERVER_UNSEEN",
        "198.51.100.2@53 left the NS set and is not known to be harmless" ENDS);
    s = gone(NX_LEFT_PENDING, true);
    says(&audit, "OLD_SERVER_UNSEEN",
         "198.51.100.2@53 left the NS set and is not known to be harmless" ENDS
             UPGRADE);
    s = gone(NX_LEFT_DENIES, true);
    says(&audit, "OLD_SERVER_DENIES",
         "198.51.100.2@53 left the NS set and still denies the name (when it "
         "was seen last)" ENDS UPGRADE);
    audit.auditors[0] = '\0'; /* nobody to be upgraded */
    says(&audit, "OLD_SERVER_DENIES",
         "198.51.100.2@53 left the NS set and still denies the name (when it "
         "was seen last)" ENDS);
    s = gone(NX_LEFT_HARMLESS, true); /* it holds nothing up */
    says(&audit, NULL, NULL);
}

static void test_glue(void **state) {
    static const struct nx_incident incident = {.id = 7};
    struct nx_status_audit audit = {.incident = &incident,
                                    .audited_us = T0,
                                    .verified_at_us = NX_TIME_UNKNOWN,
                                    .now_us = T0};
    (void)state;
    says(&audit, NULL, NULL);
    audit.glue = NX_GLUE_DIFFERS;
    says(&audit, "GLUE_DIFFERS",
         "the parent's glue for a name server is not the addresses that this "
         "has in its own zone");
    audit.glue = NX_GLUE_MISSING;
    says(&audit, "GLUE_MISSING",
         "the parent names a name server in the zone itself, and has no glue "
         "for it");
}

static void test_names_of_auditors(void **state) {
    struct engine_bench *b = *state;
    char out[NX_AUDITORS_TEXT_MAX];
    assert_int_equal(nx_status_auditors(b->engine, out), 0);
    assert_string_equal(out, ""); /* none was heard of */
    hello(b, AUDITOR, 0, 0, T0);
    hello(b, LYON, 0, 0, T0); /* of another role */
    assert_int_equal(nx_status_auditors(b->engine, out), 0);
    assert_string_equal(out, "audit");
    for (uint32_t id = 100; id < 140; id++) { /* more than there is room for */
        char name[16];
        (void)snprintf(name, sizeof(name), "auditor-%u", (unsigned)id);
        add_agent(b, id, name, true);
        hello(b, id, 0, 0, T0);
    }
    assert_int_equal(nx_status_auditors(b->engine, out), 0);
    assert_memory_equal(out, "audit, auditor-100, ", 20);
    unsigned more = 0;
    const char *end = strstr(out, " and ");
    assert_non_null(end);
    assert_int_equal(sscanf(end, " and %u more", &more), 1);
    assert_in_range(more, 1, 39);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agents_that_cannot_ask),
        cmocka_unit_test(test_glue),
        cmocka_unit_test_setup_teardown(test_names_of_auditors, bench_setup,
                                        bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
