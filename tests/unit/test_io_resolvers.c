/* Discovery from real files, and noticing their changes. */
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/io_resolvers.h"
#include "common/io_log.h"

static char folder[] = "/tmp/nx-resolvers-XXXXXX";
static char resolv_conf[64];
static char resolved_conf[64];
static char fresh[64];
static struct nx_agent_conf conf;

struct told {
    struct event_base *base;
    unsigned times;
    size_t n;
    char text[NX_POLICY_RESOLVERS_MAX][NX_ENDPOINT_TEXT_MAX];
    bool named[NX_POLICY_RESOLVERS_MAX];
    unsigned refuses_n; /* so many times it does not take the set */
};

static bool on_set(void *user, const struct nx_resolver *list, size_t n) {
    struct told *told = user;
    told->times++;
    told->n = n;
    for (size_t i = 0; i < n; i++) {
        nx_endpoint_text(&list[i].at, told->text[i]);
        told->named[i] = list[i].named;
    }
    if (told->refuses_n > 0) {
        told->refuses_n--;
        return false;
    }
    (void)event_base_loopbreak(told->base);
    return true;
}

static void write_file(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static int group_setup(void **state) {
    (void)state;
    nx_log_set_level(NX_LOG_ERROR);
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(resolv_conf, sizeof(resolv_conf), "%s/resolv.conf", folder);
    (void)snprintf(resolved_conf, sizeof(resolved_conf), "%s/uplinks", folder);
    (void)snprintf(fresh, sizeof(fresh), "%s/fresh", folder);
    return 0;
}

static int setup(void **state) {
    (void)state;
    (void)unlink(resolv_conf);
    (void)unlink(resolved_conf);
    memset(&conf, 0, sizeof(conf));
    conf.discover = true;
    conf.resolv_conf = resolv_conf;
    conf.resolved_conf = resolved_conf;
    return 0;
}

static int group_teardown(void **state) {
    (void)state;
    (void)unlink(resolv_conf);
    (void)unlink(resolved_conf);
    (void)unlink(fresh);
    return rmdir(folder);
}

static struct nx_resolver_watch *start(struct told *told) {
    struct nx_resolver_watch *watch = NULL;
    memset(told, 0, sizeof(*told));
    told->base = event_base_new();
    assert_int_equal(nx_resolvers_new(told->base, &conf, on_set, told, &watch),
                     NX_OK);
    assert_int_equal(told->times, 1);
    return watch;
}

static void finish(struct nx_resolver_watch **watch, struct told *told) {
    nx_resolvers_free(watch);
    assert_null(*watch);
    event_base_free(told->base);
}

static void test_plain(void **state) {
    (void)state;
    struct told told;
    write_file(resolv_conf, "nameserver 192.0.2.1\nnameserver 2001:db8::1\n");
    struct nx_resolver_watch *watch = start(&told);
    assert_int_equal(told.n, 2);
    assert_string_equal(told.text[0], "192.0.2.1@53");
    assert_string_equal(told.text[1], "[2001:db8::1]@53");
    assert_false(told.named[0]);
    finish(&watch, &told);
}

/* systemd-resolved's stub is the device's own, the uplinks are the network's;
 * without them the stub has to stand for the network. */
static void test_stub(void **state) {
    (void)state;
    struct told told;
    write_file(resolv_conf, "nameserver 127.0.0.53\n");
    write_file(resolved_conf, "nameserver 192.0.2.7\n");
    struct nx_resolver_watch *watch = start(&told);
    const struct nx_resolver *list = NULL;
    assert_int_equal(told.n, 2);
    assert_string_equal(told.text[0], "127.0.0.53@53");
    assert_string_equal(told.text[1], "192.0.2.7@53");
    assert_int_equal(nx_resolvers_get(watch, &list), 2);
    assert_int_equal(list[0].at.layer, NX_LAYER_HOST);
    assert_true(list[0].at.withheld);
    assert_int_equal(list[1].at.layer, NX_LAYER_NETWORK);
    assert_false(list[1].at.withheld);
    finish(&watch, &told);
    assert_int_equal(unlink(resolved_conf), 0);
    watch = start(&told);
    assert_int_equal(told.n, 1);
    assert_string_equal(told.text[0], "127.0.0.53@53");
    assert_int_equal(nx_resolvers_get(watch, &list), 1);
    assert_int_equal(list[0].at.layer, NX_LAYER_NETWORK);
    finish(&watch, &told);
}

static void test_named_first(void **state) {
    (void)state;
    struct nx_conf_resolver named[2];
    struct told told;
    memset(named, 0, sizeof(named));
    assert_int_equal(nx_listed_parse("192.0.2.9@5353", &named[0].at), NX_OK);
    assert_int_equal(nx_listed_parse("192.0.2.1", &named[1].at), NX_OK);
    conf.resolvers = named;
    conf.resolvers_n = 2;
    write_file(resolv_conf, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
    struct nx_resolver_watch *watch = start(&told);
    assert_int_equal(told.n, 3);
    assert_string_equal(told.text[0], "192.0.2.9@5353");
    assert_string_equal(told.text[1], "192.0.2.1@53");
    assert_string_equal(told.text[2], "192.0.2.2@53");
    assert_true(told.named[1]);
    assert_false(told.named[2]);
    conf.discover = false;
    nx_resolvers_reload(watch, &conf);
    assert_int_equal(told.times, 2);
    assert_int_equal(told.n, 2);
    finish(&watch, &told);
}

/* An interface that is not there gives no resolver; lo is there. */
static void test_scope(void **state) {
    (void)state;
    struct told told;
    write_file(resolv_conf,
               "nameserver fe80::1%nosuch0\nnameserver fe80::2%lo\n");
    struct nx_resolver_watch *watch = start(&told);
    const struct nx_resolver *list = NULL;
    assert_int_equal(nx_resolvers_get(watch, &list), 1);
    assert_int_not_equal(list[0].at.scope_id, 0);
    struct nx_listed listed;
    struct nx_endpoint at;
    assert_int_equal(nx_listed_parse("fe80::2%lo", &listed), NX_OK);
    assert_true(nx_resolvers_endpoint(&listed, &at));
    assert_true(nx_endpoint_equal(&at, &list[0].at));
    assert_int_equal(nx_listed_parse("fe80::2%nosuch0", &listed), NX_OK);
    assert_false(nx_resolvers_endpoint(&listed, &at));
    finish(&watch, &told);
}

static void test_notices_changes(void **state) {
    (void)state;
    struct told told;
    struct nx_resolver_watch *watch = start(&told);
    assert_int_equal(told.n, 0); /* no file: a warning, and on we go */
    /* Appears. */
    write_file(resolv_conf, "nameserver 192.0.2.1\n");
    assert_int_equal(event_base_dispatch(told.base), 0);
    assert_int_equal(told.times, 2);
    assert_int_equal(told.n, 1);
    /* Replaced by rename(), as most programs do. */
    write_file(fresh, "nameserver 192.0.2.2\n");
    assert_int_equal(rename(fresh, resolv_conf), 0);
    assert_int_equal(event_base_dispatch(told.base), 0);
    assert_int_equal(told.times, 3);
    assert_string_equal(told.text[0], "192.0.2.2@53");
    /* Written in place. */
    write_file(resolv_conf, "nameserver 192.0.2.3\n");
    assert_int_equal(event_base_dispatch(told.base), 0);
    assert_string_equal(told.text[0], "192.0.2.3@53");
    /* Removed. */
    assert_int_equal(unlink(resolv_conf), 0);
    assert_int_equal(event_base_dispatch(told.base), 0);
    assert_int_equal(told.n, 0);
    /* The same again is no change. */
    write_file(resolv_conf, "nameserver 192.0.2.3\n");
    assert_int_equal(event_base_dispatch(told.base), 0);
    unsigned times = told.times;
    nx_resolvers_reload(watch, &conf);
    assert_int_equal(told.times, times);
    finish(&watch, &told);
}

struct noise {
    struct event *timer;
    unsigned writes;
};

static void on_noise(evutil_socket_t fd, short what, void *arg) {
    struct noise *noise = arg;
    const struct timeval pause = {0, 30000};
    (void)fd;
    (void)what;
    write_file(resolv_conf, "nameserver 192.0.2.1\n");
    noise->writes++;
    assert_true(noise->writes < 300); /* 9 s: it was never looked at */
    assert_int_equal(evtimer_add(noise->timer, &pause), 0);
}

/* Writes without a pause do not put the look off for ever. */
static void test_never_at_rest(void **state) {
    (void)state;
    struct told told;
    struct noise noise = {0};
    struct nx_resolver_watch *watch = start(&told);
    noise.timer = evtimer_new(told.base, on_noise, &noise);
    assert_non_null(noise.timer);
    on_noise(-1, 0, &noise);
    assert_int_equal(event_base_dispatch(told.base), 0);
    assert_int_equal(told.times, 2);
    assert_int_equal(told.n, 1);
    event_free(noise.timer);
    finish(&watch, &told);
}

/* There was no memory for it, say. */
static void test_offered_again(void **state) {
    (void)state;
    struct told told;
    struct nx_resolver_watch *watch = start(&told);
    told.refuses_n = 2;
    write_file(resolv_conf, "nameserver 192.0.2.1\n");
    nx_resolvers_reload(watch, &conf);
    assert_int_equal(told.times, 2);
    assert_int_equal(event_base_dispatch(told.base), 0);
    assert_int_equal(told.times, 4);
    assert_int_equal(told.n, 1);
    finish(&watch, &told);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plain, setup),
        cmocka_unit_test_setup(test_stub, setup),
        cmocka_unit_test_setup(test_named_first, setup),
        cmocka_unit_test_setup(test_scope, setup),
        cmocka_unit_test_setup(test_notices_changes, setup),
        cmocka_unit_test_setup(test_never_at_rest, setup),
        cmocka_unit_test_setup(test_offered_again, setup),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
