/* As many tokens, join strings and rejected keys as are kept: a new one takes
 * the room of the oldest that is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

#include "collector/io_service_priv.h"
#include "common/io_log.h"
#include "tests/lib/loop.h"
#include "tests/lib/port.h"

#define FILES_N 4U
#define FAKE_ID 100U /* beyond those that are made here */

struct fixture {
    char folder[64];
    char path[FILES_N][96]; /* key, store and what belongs to it */
    char listen[32], enrol[32];
    struct nx_collector_conf conf;
    struct event_base *base;
    struct nx_service *service;
};

static void free_endpoint(char *out) {
    (void)snprintf(out, 32, "tcp://127.0.0.1:%u", nx_test_free_port());
}

static int setup(void **state) {
    static const char *const names[FILES_N] = {"key", "db", "db-wal", "db-shm"};
    static struct fixture f;
    struct nx_keypair keys;
    char why[NX_SERVICE_WHY_MAX];
    memset(&f, 0, sizeof(f));
    strcpy(f.folder, "/tmp/nx-test-full-XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    for (size_t i = 0; i < FILES_N; i++) {
        (void)snprintf(f.path[i], sizeof(f.path[i]), "%s/%s", f.folder,
                       names[i]);
    }
    assert_int_equal(nx_keys_create(f.path[0], &keys, why, sizeof(why)), NX_OK);
    nx_keys_wipe(&keys);
    free_endpoint(f.listen);
    free_endpoint(f.enrol);
    nx_engine_settings_default(&f.conf.engine);
    f.conf.key_path = f.path[0];
    f.conf.store_path = f.path[1];
    f.conf.listen[0] = f.listen;
    f.conf.listen_n = 1;
    f.conf.enrol_listen = f.enrol;
    f.base = event_base_new();
    if (nx_service_new(f.base, &f.conf, false, &f.service, why, sizeof(why)) !=
        NX_OK) {
        fail_msg("%s", why);
    }
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    nx_service_free(&f->service);
    event_base_free(f->base);
    for (size_t i = 0; i < FILES_N; i++) {
        (void)unlink(f->path[i]);
    }
    assert_int_equal(rmdir(f->folder), 0);
    return 0;
}

/* Copies of the first one, with FAKE_ID in place of its id, up to the limit. */
static void fill(struct nx_shelf *shelf, uint32_t *id) {
    uint8_t copy[sizeof(struct nx_token) + sizeof(struct nx_agent_record) +
                 sizeof(struct nx_enrolment)];
    const uint32_t fake = FAKE_ID;
    size_t at = (size_t)((uint8_t *)id - (uint8_t *)shelf->items);
    assert_true(shelf->n > 0 && shelf->n < shelf->max);
    memcpy(copy, shelf->items, shelf->item_bytes);
    memcpy(copy + at, &fake, sizeof(fake));
    while (shelf->n < shelf->max) {
        assert_int_equal(nx_shelf_load(shelf, copy), NX_OK);
    }
}

static int make_token(struct fixture *f, const char *name, int64_t lasts_us) {
    struct nx_api_token asked = {.lasts_us = lasts_us};
    struct nx_token out;
    char text[NX_TOKEN_TEXT_LEN + 1];
    strcpy(asked.name, name);
    return nx_service_token_create(f->service, &asked, &out, text);
}

static void see_token(void *user, const struct nx_token *token) {
    strcat(user, token->name);
}

static void test_tokens(void **state) {
    struct fixture *f = *state;
    struct nx_service *s = f->service;
    char stored[512] = "";
    assert_int_equal(make_token(f, "a", 0), NX_OK);
    assert_int_equal(make_token(f, "b", 1), NX_OK); /* over at once */
    assert_int_equal(make_token(f, "c", 1), NX_OK);
    fill(&s->tokens, &((struct nx_token *)s->tokens.items)->id);
    assert_int_equal(make_token(f, "d", 0), NX_OK);
    assert_int_equal(make_token(f, "e", 0), NX_OK);
    assert_int_equal(make_token(f, "g", 0), NX_ELIMIT);
    const struct nx_token *tokens = s->tokens.items;
    assert_int_equal(s->tokens.n, NX_TOKENS_MAX);
    assert_string_equal(tokens[0].name, "a");
    assert_int_equal(tokens[1].id, FAKE_ID);
    assert_string_equal(tokens[NX_TOKENS_MAX - 2].name, "d");
    assert_string_equal(tokens[NX_TOKENS_MAX - 1].name, "e");
    assert_int_equal(nx_store_tokens(s->store, see_token, stored), NX_OK);
    assert_string_equal(stored, "ade");
}

static int make_string(struct fixture *f, const char *name, int64_t lasts_us) {
    struct nx_api_enrolment asked = {.network = "lyon", .lasts_us = lasts_us};
    struct nx_enrolment out;
    char text[NX_JOIN_TEXT_MAX];
    strcpy(asked.name, name);
    return nx_service_enrol_create(f->service, &asked, &out, text);
}

static void see_string(void *user, const struct nx_enrolment *enrolment) {
    strcat(user, enrolment->name);
}

static void test_join_strings(void **state) {
    const int64_t hour_us = INT64_C(3600000000);
    struct fixture *f = *state;
    struct nx_service *s = f->service;
    char stored[512] = "";
    assert_int_equal(make_string(f, "a", hour_us), NX_OK);
    assert_int_equal(make_string(f, "b", 1), NX_OK); /* over at once */
    fill(&s->enrolments, &((struct nx_enrolment *)s->enrolments.items)->id);
    assert_int_equal(make_string(f, "c", hour_us), NX_OK);
    assert_int_equal(make_string(f, "d", hour_us), NX_ELIMIT);
    const struct nx_enrolment *strings = s->enrolments.items;
    assert_int_equal(s->enrolments.n, NX_ENROLMENTS_MAX);
    assert_int_equal(strings[1].id, FAKE_ID);
    assert_string_equal(strings[NX_ENROLMENTS_MAX - 1].name, "c");
    assert_int_equal(nx_store_enrolments(s->store, see_string, stored), NX_OK);
    assert_string_equal(stored, "ac");
}

static bool are_trimmed(void *user) {
    const struct nx_service *s = ((struct fixture *)user)->service;
    return s->tokens.n == 1 && s->enrolments.n == 1;
}

/* By the first pass of retention, which keeps nothing of the past here. */
static void test_over_for_long(void **state) {
    const int64_t hour_us = INT64_C(3600000000);
    struct fixture *f = *state;
    char stored[512] = "";
    assert_int_equal(make_token(f, "b", 1), NX_OK);
    assert_int_equal(make_token(f, "a", 0), NX_OK);
    assert_int_equal(make_string(f, "c", hour_us), NX_OK);
    assert_int_equal(make_string(f, "d", 1), NX_OK);
    assert_true(nx_test_wait(f->base, are_trimmed, f));
    assert_int_equal(nx_store_tokens(f->service->store, see_token, stored),
                     NX_OK);
    assert_int_equal(nx_store_enrolments(f->service->store, see_string, stored),
                     NX_OK);
    assert_string_equal(stored, "ac");
    assert_string_equal(((struct nx_token *)f->service->tokens.items)->name,
                        "a");
    assert_string_equal(
        ((struct nx_enrolment *)f->service->enrolments.items)->name, "c");
}

static int reject(struct fixture *f, const char *key) {
    struct nx_agent_record out;
    return nx_service_agent_reject(f->service, key, &out);
}

static void see_key(void *user, const struct nx_agent_record *record) {
    size_t len = strlen(user);
    (void)snprintf((char *)user + len, 512 - len, "%.8s %s\n", record->key,
                   nx_agent_state_text(record->state));
}

/* As many keys as strangers like may be turned away: no agent's place is taken,
 * and what is forgotten of them lets nobody in. */
static void test_rejected_keys(void **state) {
    struct fixture *f = *state;
    struct nx_service *s = f->service;
    const struct nx_agent agent = {.network = "lyon"};
    struct nx_agent_record out;
    char key[3][NX_KEY_TEXT_MAX], secret[NX_KEY_TEXT_MAX];
    char stored[512] = "";
    char expected[512];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(zmq_curve_keypair(key[i], secret), 0);
    }
    assert_int_equal(reject(f, key[0]), NX_OK);
    assert_int_equal(reject(f, key[0]), NX_OK); /* once more */
    assert_int_equal(s->strangers.n, 1);
    fill(&s->strangers,
         &((struct nx_agent_record *)s->strangers.items)->agent.id);
    assert_int_equal(reject(f, key[1]), NX_OK);
    assert_int_equal(reject(f, key[2]), NX_OK); /* costs a copy */
    assert_int_equal(s->strangers.n, NX_STRANGERS_MAX);
    assert_null(nx_service_record_of_key(s, key[0]));
    assert_non_null(nx_service_stranger(s, key[2]));
    assert_int_equal(s->records_n, 0);

    /* The operator thinks again. */
    assert_int_equal(nx_service_agent_accept(s, key[1], &agent, &out), NX_OK);
    assert_string_equal(out.agent.name, "lyon");
    assert_null(nx_service_stranger(s, key[1]));
    assert_int_equal(reject(f, key[1]), NX_ESTATE);
    assert_int_equal(s->records_n, 1);
    assert_int_equal(nx_store_agents(s->store, see_key, stored), NX_OK);
    (void)snprintf(expected, sizeof(expected), "%.8s rejected\n%.8s accepted\n",
                   key[2], key[1]);
    assert_string_equal(stored, expected);

    /* A start. */
    char why[NX_SERVICE_WHY_MAX];
    nx_service_free(&f->service);
    assert_int_equal(
        nx_service_new(f->base, &f->conf, false, &f->service, why, sizeof(why)),
        NX_OK);
    assert_int_equal(f->service->records_n, 1);
    assert_int_equal(f->service->strangers.n, 1);
    assert_non_null(nx_service_stranger(f->service, key[2]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_join_strings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_over_for_long, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rejected_keys, setup, teardown),
    };
    nx_log_set_level(NX_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
