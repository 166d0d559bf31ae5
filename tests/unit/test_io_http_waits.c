/* The HTTP server on real sockets: a status that takes long to make, or that
 * cannot be made. */
#include "tests/lib/http.h"

#include <sys/mman.h>

#include "tests/lib/http_crowd.h"

#define MANY 50U        /* more targets than are drawn unjudged */
#define FEW 8U          /* ... fewer, in many slices */
#define SOME_PIECES 20U /* of memory: too few for a head */
#define STATUS "/v1/incidents/1/status"

static unsigned networks_n;

/* Pieces of memory for documents, in the server: how many were taken, and how
 * many there are. Shared with it. */
static struct { unsigned taken, max; } * memory;

static void *json_memory(size_t n) {
    return memory->taken++ < memory->max ? malloc(n) : NULL;
}

/* Nobody judges its targets: the stand-in of the service has no ticks. */
static void add_crowd(struct nx_engine *engine) {
    crowd_fill(engine, networks_n);
    json_set_alloc_funcs(json_memory, free);
}

static struct server start_crowd(unsigned n, unsigned memory_max) {
    networks_n = n;
    patience_s = n == MANY ? 3 : PATIENT_S;
    fill = add_crowd;
    memory->taken = 0;
    memory->max = memory_max;
    return start(0, 0);
}

static void check_later(const char *detail) {
    const struct ask what = {.path = STATUS};
    struct reply reply = ask(&what);
    assert_int_equal(reply.status, 503);
    assert_non_null(strstr(reply.headers.bytes, "application/problem+json"));
    assert_non_null(strstr(reply.headers.bytes, "Retry-After: "));
    json_t *problem = json_loads(reply.body.bytes, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(problem, "status")),
                     503);
    const char *text = json_string_value(json_object_get(problem, "detail"));
    assert_non_null(text);
    if (strstr(text, detail) == NULL) {
        fail_msg("%s", text);
    }
    json_decref(problem);
    reply_fini(&reply);
}

/* Nobody is kept waiting for what takes longer than a while. */
static void test_progress(void **state) {
    const struct server server = start_crowd(MANY, UINT_MAX);
    (void)state;
    check_later("0 of 1200 targets are judged");
    json_decref(get("/v1/incidents", 200));
    stop(&server);
}

static double used_s(clockid_t clock) {
    struct timespec used;
    assert_int_equal(clock_gettime(clock, &used), 0);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* What waits for judgement is not asked about without a pause. */
static void test_waits_asleep(void **state) {
    const struct server server = start_crowd(MANY, UINT_MAX);
    clockid_t clock;
    (void)state;
    json_decref(get("/v1/incidents", 200));
    assert_int_equal(clock_getcpuclockid(server.pid, &clock), 0);
    double before_s = used_s(clock);
    check_later("0 of 1200 targets are judged");
    double took_s = used_s(clock) - before_s;
    if (took_s > 1.5) { /* of three */
        fail_msg("%.3f s of work while there was nothing to do", took_s);
    }
    stop(&server);
}

/* Memory ends in the middle of it: whoever waits is told, and later served. */
static void test_no_memory(void **state) {
    struct server server = start_crowd(FEW, UINT_MAX);
    (void)state;
    json_decref(get(STATUS, 200));
    stop(&server);
    assert_true(memory->taken > SOME_PIECES);
    server = start_crowd(FEW, SOME_PIECES);
    check_later("memory");
    memory->max = UINT_MAX;
    long status = 503;
    for (unsigned i = 0; i < 5000 && status == 503; i++) {
        const struct timespec pause = {0, 20000000};
        const struct ask what = {.path = STATUS};
        struct reply reply = ask(&what);
        status = reply.status;
        (void)nanosleep(&pause, NULL);
        reply_fini(&reply);
    }
    assert_int_equal(status, 200);
    stop(&server);
}

/* Closed, with a status that names a network without its name. */
static void add_unreadable(struct nx_engine *engine) {
    add_crowd(engine);
    if (nx_engine_incident_close(engine, 1, nx_service_now_us(NULL)) != 0 ||
        nx_engine_incident_keep(engine, 1, "{\"networks\": [{}]}") != 0) {
        abort();
    }
}

/* It is the collector's own fault, not one of the request, and nobody waits for
 * it. */
static void test_kept_is_unreadable(void **state) {
    const char *const paths[] = {STATUS, STATUS "?targets=false"};
    struct server server;
    (void)state;
    networks_n = FEW;
    patience_s = PATIENT_S;
    fill = add_unreadable;
    memory->max = UINT_MAX;
    server = start(0, 0);
    for (unsigned i = 0; i < 4; i++) { /* again: it is not made anew then */
        const struct ask what = {.path = paths[i % 2]};
        struct reply reply = ask(&what);
        if (reply.status != 500 ||
            strstr(reply.body.bytes, "the status that was kept is damaged") ==
                NULL) {
            fail_msg("%ld %s", reply.status, reply.body.bytes);
        }
        assert_non_null(
            strstr(reply.headers.bytes, "application/problem+json"));
        reply_fini(&reply);
    }
    json_decref(get("/v1/incidents", 200));
    stop(&server);
}

/* --- documents that are made of pages --- */

#define ONE "/v1/incidents/1"

/* So that pages are waited for as long as it takes. */
static struct server start_patient(unsigned n) {
    struct server server;
    networks_n = n;
    patience_s = PATIENT_S;
    fill = add_crowd;
    memory->max = UINT_MAX;
    server = start(0, 0);
    patience_s = 0;
    return server;
}

static int send_get(unsigned port, const char *path) {
    char text[256];
    int fd = raw_connect(port);
    int len = snprintf(text, sizeof(text),
                       "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    assert_true(fd >= 0);
    assert_true(send_all(fd, text, (size_t)len));
    return fd;
}

/* A scrape has what is there after a while, and says what is not. */
static void test_metrics_leave_out(void **state) {
    const struct server server = start_patient(MANY);
    const struct ask what = {.path = "/metrics"};
    (void)state;
    struct reply reply = ask(&what);
    assert_int_equal(reply.status, 200);
    assert_non_null(
        strstr(reply.body.bytes, "\nnxclear_left_out{what=\"incidents\"} 1\n"));
    assert_non_null(strstr(reply.body.bytes, "\nnxclear_network_info{"));
    assert_null(strstr(reply.body.bytes, "\nnxclear_network_state{"));
    reply_fini(&reply);
    stop(&server);
}

/* What can be made is all there. */
static void test_metrics_whole(void **state) {
    const struct server server = start_patient(FEW);
    const struct ask what = {.path = "/metrics"};
    (void)state;
    json_decref(get(STATUS, 200)); /* a scrape waits a short while only */
    struct reply reply = ask(&what);
    assert_int_equal(reply.status, 200);
    assert_non_null(
        strstr(reply.body.bytes, "\nnxclear_left_out{what=\"incidents\"} 0\n"));
    assert_non_null(strstr(reply.body.bytes, "network=\"net-008\",state="));
    assert_non_null(strstr(reply.body.bytes, "\nnxclear_build_info{"));
    reply_fini(&reply);
    stop(&server);
}

/* Readers that go away while what they asked for waits for a page, or is made:
 * nothing is left of them (the server looks for leaks when it ends), others are
 * served. */
static void test_readers_go_away(void **state) {
    static const char *const paths[] = {
        "/metrics", ONE "/report", STATUS "?where=site%3Dlyon",
        STATUS "?group=resolver", STATUS "?group=site"};
    const unsigned sizes[] = {MANY, FEW};
    (void)state;
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        const struct server server = start_patient(sizes[k]);
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
            int fd = send_get(0, paths[i]);
            json_decref(get("/v1/incidents", 200)); /* it has come */
            (void)close(fd);
            json_decref(get("/v1/incidents", 200));
        }
        if (sizes[k] == FEW) {
            json_decref(get(STATUS "?group=resolver", 200));
            json_decref(get(ONE "/report", 200));
        }
        /* The last ones are there when it ends. */
        int last = send_get(0, ONE "/report");
        json_decref(get("/v1/incidents", 200));
        stop(&server);
        (void)close(last);
    }
}

/* The report is that of the closed incident then. */
static void test_closed_while_reported(void **state) {
    const struct server server = start_patient(MANY);
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    int fd = send_get(0, ONE "/report");
    json_decref(get("/v1/incidents", 200));
    json_decref(post(ONE "/close", "{}", 200));
    assert_true(read_until(fd, "\"truncated\":false}", &text));
    assert_non_null(strstr(text.bytes, "HTTP/1.1 200 "));
    assert_null(strstr(text.bytes, "\"closed\":null"));
    nx_text_fini(&text);
    (void)close(fd);
    stop(&server);
}

static bool is_closed(void) {
    json_t *head = get(ONE, 200);
    bool closed = json_is_string(json_object_get(head, "closed"));
    json_decref(head);
    return closed;
}

static int send_close(void) {
    static const char bytes[] =
        "POST " ONE "/close HTTP/1.1\r\nHost: x\r\nContent-Type: "
        "application/json\r\nContent-Length: 2\r\n\r\n{}";
    int fd = raw_connect(0);
    assert_int_equal(send(fd, bytes, sizeof bytes - 1, 0), sizeof bytes - 1);
    return fd;
}

static void wait_steps(unsigned n) {
    for (unsigned i = 0; i < 30000 && closings->steps_n < n; i++) {
        const struct timespec pause = {0, 1000000};
        (void)nanosleep(&pause, NULL);
    }
    assert_true(closings->steps_n >= n);
}

/* Others are served meanwhile, the incident is open. Of two that close it, one
 * is told that it is closed already; one that begun is done, whether its client
 * waits or not. */
static void test_closed_in_pieces(void **state) {
    struct server server;
    struct nx_text text;
    (void)state;
    closings = mmap(NULL, sizeof *closings, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(closings != MAP_FAILED);
    for (unsigned leaves = 0; leaves < 2; leaves++) {
        *closings = (struct closings){.held = true};
        nx_text_init(&text);
        server = start_patient(FEW);
        int first = send_close();
        wait_steps(3);
        int second = send_close();
        assert_false(is_closed());
        json_decref(get(STATUS, 200));
        if (leaves != 0) {
            (void)close(first);
            assert_false(is_closed()); /* by then it is known to have gone */
        }
        closings->held = false;
        assert_true(
            read_until(leaves != 0 ? second : first, "\r\n\r\n", &text));
        assert_non_null(strstr(text.bytes, leaves != 0 ? "HTTP/1.1 409 "
                                                       : "HTTP/1.1 200 "));
        assert_true(is_closed());
        nx_text_fini(&text);
        (void)close(second);
        if (leaves == 0) {
            (void)close(first);
        }
        stop(&server);
    }
    (void)munmap(closings, sizeof *closings);
    closings = &own_closings;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_waits_asleep),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_kept_is_unreadable),
        cmocka_unit_test(test_metrics_leave_out),
        cmocka_unit_test(test_metrics_whole),
        cmocka_unit_test(test_readers_go_away),
        cmocka_unit_test(test_closed_while_reported),
        cmocka_unit_test(test_closed_in_pieces),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    memory = mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED
               ? 1
               : cmocka_run_group_tests(tests, make_folder, remove_folder);
}
