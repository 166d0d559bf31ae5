/* Root hints: the text form, and what is built in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <string.h>

#include "agent/dns/hints.h"

static struct nx_hints hints;
static unsigned line;
static const char *why;

static int parse(const char *text) {
    line = 99;
    why = NULL;
    return nx_hints_parse(text, strlen(text), &hints, &line, &why);
}

static void reads_the_forms_of_named_root(void **state) {
    (void)state;
    char text[NX_ENDPOINT_TEXT_MAX];
    assert_int_equal(parse("; comment\n"
                           ".\t3600000\tNS\tA.ROOT.TEST.\r\n"
                           "A.ROOT.TEST. 3600000 IN A 192.0.2.1\r\n"
                           "\n"
                           "  b.root.test  aaaa  2001:db8::2 ; comment\n"
                           "b.root.test. IN A 192.0.2.2"),
                     0);
    assert_int_equal(hints.n, 3);
    assert_string_equal(nx_endpoint_text(&hints.servers[0], text),
                        "192.0.2.1@53");
    assert_string_equal(nx_endpoint_text(&hints.servers[1], text),
                        "[2001:db8::2]@53");
    assert_int_equal(hints.servers[1].layer, NX_LAYER_AUTHORITY);
    assert_memory_equal(hints.servers[2].server_name, "\1b\4root\4test\0", 13);
    assert_int_equal(line, 99);
}

static void says_which_line_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
    } rows[] = {
        {"", 0},
        {"; nothing\n. NS a.\n", 0},
        {"\na.test. A 192.0.2.1 192.0.2.2\n", 2},
        {"a.test. A\n", 1},
        {"a.test. A 2001:db8::1\n", 1},
        {"a.test. AAAA 192.0.2.1\n", 1},
        {"a.test. A 192.0.2\n", 1},
        {"a.test. A 192.0.2.1/tls\n", 1},
        {"a..test. A 192.0.2.1\n", 1},
        {"a.test. MX 192.0.2.1\n", 1},
        {"a.test. A 192.0.2.1\n. 1 CH NS a.\n", 2},
        {"$ORIGIN test.\n", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(parse(rows[i].text), NX_ECONFIG);
        assert_int_equal(line, rows[i].line);
        assert_non_null(why);
    }
    assert_int_equal(
        nx_hints_parse("a. A 192.0.2.1\0x", 16, &hints, &line, &why),
        NX_ECONFIG);
}

static void bounds_the_number(void **state) {
    (void)state;
    char text[4096] = "";
    for (unsigned i = 0; i <= NX_HINTS_MAX; i++) {
        (void)strcat(text, "a. A 192.0.2.1\n");
    }
    assert_int_equal(parse(text), NX_ECONFIG);
    assert_int_equal(line, NX_HINTS_MAX + 1);
}

static void has_the_iana_roots_built_in(void **state) {
    (void)state;
    nx_hints_builtin(&hints);
    assert_int_equal(hints.n, 26);
    for (size_t i = 0; i < hints.n; i++) {
        const struct nx_endpoint *e = &hints.servers[i];
        assert_int_equal(e->address_len, i % 2 == 0 ? 4 : 16);
        assert_int_equal(e->port, 53);
        assert_int_equal(e->server_name[1], 'a' + (int)(i / 2));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_forms_of_named_root),
        cmocka_unit_test(says_which_line_is_wrong),
        cmocka_unit_test(bounds_the_number),
        cmocka_unit_test(has_the_iana_roots_built_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
