/* The HTTP server on real sockets: clients that take a large reply slowly, and
 * one that takes it no more. */
#include "tests/lib/http.h"

#include <time.h>

#include "tests/lib/http_crowd.h"

#define NETWORKS 250U /* a reply of some megabytes */
#define PAUSE_MS 700
#define STEP_BYTES (160U * 1024U) /* taken at a time */
#define TIMEOUT_S 8U
#define ASKS "GET /v1/incidents/1/status HTTP/1.0\r\nHost: x\r\n\r\n"

static void add_judged(struct nx_engine *engine) {
    size_t targets_n = 0;
    size_t waiting_n = 0;
    crowd_fill(engine, NETWORKS);
    do {
        nx_engine_tick(engine, nx_service_now_us(NULL), NULL);
        nx_engine_backlog(engine, &targets_n, &waiting_n);
    } while (waiting_n > 0);
}

static struct server start_large(void) {
    fill = add_judged;
    reply_timeout_s = TIMEOUT_S;
    return start(0, TIMEOUT_S / 2);
}

/* Reads so many bytes, or up to the end: false. */
static bool read_some(int fd, size_t n, struct nx_text *out) {
    char buf[4096];
    size_t until = out->len + n;
    while (out->len < until) {
        ssize_t got = recv(fd, buf, sizeof(buf), 0);
        if (got <= 0) {
            return false;
        }
        nx_text_bytes(out, buf, (size_t)got);
    }
    return true;
}

static void pause_ms(unsigned ms) {
    const struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

static double now_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Longer than any timeout, but on and on. */
static void test_on_and_on(void **state) {
    const struct server server = start_large();
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    int fd = raw_connect(0);
    double begin = now_s();
    assert_true(send_all(fd, ASKS, strlen(ASKS)));
    while (read_some(fd, STEP_BYTES, &text)) {
        pause_ms(PAUSE_MS);
    }
    double took_s = now_s() - begin;
    (void)close(fd);
    stop(&server);
    const char *body = text.len > 0 ? strstr(text.bytes, "\r\n\r\n") : NULL;
    json_t *status = body != NULL ? json_loads(body, 0, NULL) : NULL;
    if (status == NULL || took_s <= TIMEOUT_S + 2) {
        fail_msg("%zu bytes in %.1f s: %.200s", text.len, took_s,
                 text.len > 0 ? text.bytes : "");
    }
    assert_int_equal(json_array_size(json_object_get(status, "networks")),
                     NETWORKS);
    json_decref(status);
    nx_text_fini(&text);
}

/* Whoever stops holds nothing for long. */
static void test_stops(void **state) {
    const struct server server = start_large();
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    int fd = raw_connect(0);
    double begin = now_s();
    while (!send_all(fd, ASKS, strlen(ASKS)) ||
           !read_until(fd, "\"networks\":[", &text)) {
        (void)close(fd); /* a busy machine was too slow to begin */
        assert_true(now_s() - begin < 120);
        nx_text_fini(&text);
        nx_text_init(&text);
        fd = raw_connect(0);
    }
    struct pollfd end = {.fd = fd}; /* its end is told in any case */
    assert_int_equal(poll(&end, 1, 120000), 1); /* takes nothing meanwhile */
    assert_true(read_all(fd, 120000, &text));   /* ended, */
    assert_null(strstr(text.bytes, "]}]}\n"));  /* ... not at the end */
    (void)close(fd);
    nx_text_fini(&text);
    json_decref(get("/healthz", 200));
    stop(&server);
}

/* A part of a recording is to be taken in time: bytes now and then are not. */
static void test_trickles(void **state) {
    static const char asks[] =
        "GET /v1/incidents/4/recording HTTP/1.0\r\nHost: x\r\n\r\n";
    struct nx_text text;
    (void)state;
    fill = NULL;
    reply_timeout_s = TIMEOUT_S;
    const struct server server = start(0, TIMEOUT_S / 2);
    nx_text_init(&text);
    while (open_incident() < 4) {
    }
    int fd = raw_connect(0);
    double begin = now_s();
    assert_true(send_all(fd, asks, strlen(asks)));
    while (read_some(fd, 4096, &text)) {
        pause_ms(PAUSE_MS);
        if (now_s() - begin > TIMEOUT_S + 5) {
            break; /* what is in the socket may be read for long */
        }
    }
    assert_true(read_all(fd, 120000, &text)); /* ended, */
    assert_null(strstr(text.bytes, "100.19999\n"));
    (void)close(fd);
    nx_text_fini(&text);
    stop(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_and_on),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_trickles),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
