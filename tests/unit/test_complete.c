#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/cli/complete.h"
#include "collector/cli/screen.h"

/* words: separated by spaces; the last one is being written. */
static unsigned complete(const char *line, const char *want) {
    char copy[256];
    const char *words[16];
    size_t n = 0;
    struct nx_text text;
    (void)snprintf(copy, sizeof copy, "%s", line);
    for (char *p = copy; p != NULL; n++) {
        words[n] = p;
        p = strchr(p, ' ');
        if (p != NULL) {
            *p++ = '\0';
        }
    }
    nx_text_init(&text);
    unsigned more = nx_complete(words, n, &text);
    if (want != NULL) {
        assert_string_equal(text.bytes != NULL ? text.bytes : "", want);
    }
    nx_text_fini(&text);
    return more;
}

static void test_words(void **state) {
    (void)state;
    assert_int_equal(complete("alerts ", "list\ntest\n"), 0);
    assert_int_equal(complete("explain ", ""),
                     NX_COMPLETE_INCIDENTS | NX_COMPLETE_NETWORKS);
    assert_int_equal(complete("explain 7 ", ""), NX_COMPLETE_NETWORKS);
    assert_int_equal(complete("explain 7 lyon ", ""), 0);
    assert_int_equal(complete("alerts test ", ""), NX_COMPLETE_RECEIVERS);
    assert_int_equal(complete("agents revoke ", ""), NX_COMPLETE_AGENTS);
    assert_int_equal(complete("agents accept KEY --network ", ""),
                     NX_COMPLETE_NETWORKS);
    assert_int_equal(
        complete("--api unix:/x report --format ", "md\nhtml\njson\n"), 0);
    assert_int_equal(complete("--api ", "unix:/\nhttp://\nhttps://\n"), 0);
    assert_int_equal(complete("tokens create ops --scope ", "read\nadmin\n"),
                     0);
    assert_int_equal(
        complete("status --group ", "site\nprovider\nasn\ncountry\nresolver\n"),
        0);
    assert_int_equal(complete("no such command ", ""), 0);
    assert_int_equal(
        complete("evidence -",
                 "--api\n--help\n--version\n--output\n--token-file\n"),
        0);
}

/* Each word of a command once. */
static void test_first_word(void **state) {
    (void)state;
    static const char *const line[] = {""};
    struct nx_text text;
    nx_text_init(&text);
    assert_int_equal(nx_complete(line, 1, &text), 0);
    assert_non_null(text.bytes);
    const char *const words[] = {"incident", "status", "agents", "alerts",
                                 "networks"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char row[32];
        (void)snprintf(row, sizeof row, "\n%s\n", words[i]);
        const char *first = strstr(text.bytes, row + (i == 0 ? 1 : 0));
        assert_non_null(first);
        assert_null(strstr(first + 1, row));
    }
    nx_text_fini(&text);
}

/* --- the screen --- */

static void check_key(const char *bytes, enum nx_key key, size_t used) {
    size_t took = 0;
    assert_int_equal(nx_screen_key(bytes, strlen(bytes), &took), key);
    assert_int_equal(took, used);
}

static void test_keys(void **state) {
    (void)state;
    check_key("\033[Aj", NX_KEY_UP, 3);
    check_key("\033[6~", NX_KEY_PAGE_DOWN, 4);
    check_key("\033", NX_KEY_BACK, 1);
    check_key("\033[1;5Cq", NX_KEY_NONE, 6); /* not ours: all of it */
    check_key("x", NX_KEY_NONE, 1);
    check_key("q", NX_KEY_QUIT, 1);
}

static json_t *status(unsigned n) {
    json_t *list = json_array();
    for (unsigned i = 0; i < n; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "net-%03u", i);
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "network", name, "state",
                            i % 2 == 0 ? "cached-nxdomain" : "clear", "outlook",
                            i == 0 ? "stuck" : "waiting"));
    }
    return json_pack("{s:s, s:{s:i, s:s}, s:o}", "now",
                     "2027-01-15T08:00:00.000Z", "incident", "id", 7, "name",
                     "www.example.com.", "networks", list);
}

static char *render(struct nx_screen *screen, json_t *document) {
    const struct nx_show show = {.utf8 = true};
    struct nx_text text;
    nx_text_init(&text);
    nx_screen_render(screen, &show, document, NULL, NULL, &text);
    char *bytes = nx_text_take(&text);
    assert_non_null(bytes);
    return bytes;
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (; (text = strstr(text, what)) != NULL; text++) {
        n++;
    }
    return n;
}

/* However far one goes, the selected row is drawn, and no line too many. */
static void test_moves(void **state) {
    static const enum nx_key keys[] = {
        NX_KEY_DOWN, NX_KEY_PAGE_DOWN, NX_KEY_BOTTOM, NX_KEY_UP,
        NX_KEY_SORT, NX_KEY_FILTER,    NX_KEY_DOWN,   NX_KEY_FILTER,
        NX_KEY_TOP,  NX_KEY_FILTER,    NX_KEY_BOTTOM, NX_KEY_PAGE_UP};
    json_t *document = status(200);
    (void)state;
    for (unsigned rows = 3; rows < 40; rows += 6) {
        struct nx_screen screen = {.rows = rows, .columns = 60};
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
            assert_true(nx_screen_press(&screen, keys[i], document));
            char *text = render(&screen, document);
            assert_true(count(text, "\r\n") < rows);
            if (rows > 10) {
                assert_int_equal(count(text, "\033[7mnet-"), 1);
            }
            free(text);
        }
        assert_false(nx_screen_press(&screen, NX_KEY_QUIT, document));
    }
    json_decref(document);
}

static void test_opens_what_is_selected(void **state) {
    json_t *document = status(5);
    struct nx_screen screen = {.rows = 24, .columns = 80, .sort = NX_SORT_NAME};
    (void)state;
    (void)nx_screen_press(&screen, NX_KEY_DOWN, document);
    (void)nx_screen_press(&screen, NX_KEY_ENTER, document);
    assert_true(screen.open);
    assert_string_equal(screen.network, "net-001");
    (void)nx_screen_press(&screen, NX_KEY_BACK, document);
    assert_false(screen.open);
    screen.filter = NX_FILTER_STUCK;
    screen.selected = 0;
    (void)nx_screen_press(&screen, NX_KEY_ENTER, document);
    assert_string_equal(screen.network, "net-000");
    json_decref(document);
}

static void test_nothing_to_show(void **state) {
    json_t *document = status(0);
    struct nx_screen screen = {.rows = 24, .columns = 80};
    (void)state;
    for (unsigned key = NX_KEY_NONE; key < NX_KEY_QUIT; key++) {
        assert_true(nx_screen_press(&screen, key, document));
        free(render(&screen, document));
    }
    json_decref(document);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_first_word),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_opens_what_is_selected),
        cmocka_unit_test(test_nothing_to_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
