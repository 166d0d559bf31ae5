/* The HTTP server on real sockets: limits, streams, listening. */
#include "tests/lib/http.h"

static void test_big(void **state) {
    static char bytes[128 * 1024];
    (void)state;
    /* Headers of 9 KiB: refused; the server lives. */
    size_t n =
        (size_t)snprintf(bytes, sizeof bytes, "GET /healthz HTTP/1.1\r\nX: ");
    memset(bytes + n, 'a', 9 * 1024);
    memcpy(bytes + n + 9 * 1024, "\r\n\r\n", 4);
    assert_int_equal(raw_status(0, bytes, n + 9 * 1024 + 4), 400);
    /* A body over 64 KiB, announced. */
    n = (size_t)snprintf(bytes, sizeof bytes,
                         "POST /v1/incidents HTTP/1.1\r\n" JSON_TYPE
                         "\r\nContent-Length: 70000\r\n\r\n");
    memset(bytes + n, ' ', 70000);
    unsigned status = raw_status(0, bytes, n + 70000);
    assert_true(status == 413 || status == 0); /* 0: reset while sending */
    /* ... and in one chunk. */
    n = (size_t)snprintf(bytes, sizeof bytes,
                         "POST /v1/incidents HTTP/1.1\r\n" JSON_TYPE
                         "\r\nTransfer-Encoding: chunked\r\n\r\n11171\r\n");
    memset(bytes + n, ' ', 70001);
    status = raw_status(0, bytes, n + 70001);
    assert_true(status == 413 || status == 0);
    json_decref(get("/healthz", 200));
}

static void test_garbage(void **state) {
    static const char *const rows[] = {
        "\r\n\r\n",
        "\033[2J\377\376\r\n\r\n",
        "GET\r\n\r\n",
        "GET /healthz\r\n\r\n",
        "GET /%00 HTTP/1.1\r\n\r\n",
        "GET * HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "POST /v1/incidents HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nno colon\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned status = raw_status(0, rows[i], strlen(rows[i]));
        if (status != 0 && status < 400) {
            print_error("row %zu: %u\n", i, status);
        }
        assert_true(status == 0 || status >= 400);
    }
    json_decref(get("/healthz", 200));
}

#define LONG_S 600    /* a time-out that is waited for by nobody */
#define AT_ONCE_S 120 /* on a loaded machine */

static double now_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A client that sends a byte now and then must not hold its connection. */
static void test_slow(void **state) {
    static const char line[] = "GET /healthz HTTP/1.1\r\nX-Slow: ";
    const struct server server = start(0, 1);
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    double begin = now_s();
    int fd = raw_connect(0);
    bool ended = !send_all(fd, line, sizeof line - 1);
    while (!ended && now_s() - begin < 60) {
        ended = !send_all(fd, "a", 1) || read_all(fd, 200, &text);
    }
    assert_true(ended);
    (void)close(fd);
    nx_text_fini(&text);
    stop(&server);
}

/* More silent connections than there is room for: the oldest must go, others
 * are served. */
static void test_crowd(void **state) {
    int fds[40];
    const struct server server = start(8, LONG_S);
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    for (size_t i = 0; i < 40; i++) {
        fds[i] = raw_connect(i % 2 == 0 ? 0 : server.port);
    }
    for (size_t i = 0; i < 24; i++) {
        assert_true(read_all(fds[i], AT_ONCE_S * 1000, &text));
    }
    double begin = now_s();
    json_decref(get("/healthz", 200));
    assert_true(now_s() - begin < AT_ONCE_S);
    for (size_t i = 0; i < 40; i++) {
        (void)close(fds[i]);
    }
    nx_text_fini(&text);
    stop(&server);
}

/* Who comes while twice as many are there as may be is ended at once. */
static bool is_served(void) {
    static const char line[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n"
                               "Connection: close\r\n\r\n";
    struct nx_text text;
    nx_text_init(&text);
    int fd = raw_connect(0);
    bool served = send_all(fd, line, sizeof line - 1) &&
                  read_all(fd, AT_ONCE_S * 1000, &text) && text.bytes != NULL &&
                  strstr(text.bytes, "\"status\":\"ok\"") != NULL;
    (void)close(fd);
    nx_text_fini(&text);
    return served;
}

/* Clients that ask and ask and never read a reply hold no place for long, and
 * the server does not buffer for them without end. */
static void test_no_reader(void **state) {
    static char requests[30 * 1024];
    int fds[16];
    const struct server server = start(8, LONG_S);
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    while (strlen(requests) < sizeof requests - 64) {
        (void)strcat(requests, "GET /metrics HTTP/1.1\r\n\r\n");
    }
    for (size_t i = 0; i < 16; i++) {
        fds[i] = raw_connect(0);
        assert_true(send_all(fds[i], requests, strlen(requests)));
    }
    assert_true(read_all(fds[0], AT_ONCE_S * 1000, &text)); /* made room */
    double begin = now_s();
    while (!is_served()) {
        assert_true(now_s() - begin < AT_ONCE_S);
    }
    for (size_t i = 0; i < 16; i++) {
        (void)close(fds[i]);
    }
    nx_text_fini(&text);
    stop(&server);
}

static void test_keepalive(void **state) {
    static const char two[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
                              "GET /v1/agents HTTP/1.1\r\nHost: x\r\n"
                              "Connection: close\r\n\r\n";
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    int fd = raw_connect(0);
    assert_true(send_all(fd, two, sizeof two - 1));
    assert_true(read_all(fd, 120000, &text));
    assert_non_null(strstr(text.bytes, "\"status\":\"ok\""));
    assert_non_null(strstr(text.bytes, "\"agents\":["));
    nx_text_fini(&text);
    (void)close(fd);
}

/* --- events --- */

/* header: with its line end, or "". */
static int begin(unsigned id, const char *what, const char *header) {
    char line[160];
    int fd = raw_connect(0);
    (void)snprintf(line, sizeof line,
                   "GET /v1/incidents/%u/%s HTTP/1.1\r\nHost: x\r\n%s\r\n", id,
                   what, header);
    assert_true(send_all(fd, line, strlen(line)));
    return fd;
}

static int watch(unsigned id) {
    return begin(id, "events", "");
}

static void test_events(void **state) {
    struct nx_text text;
    char path[64];
    (void)state;
    nx_text_init(&text);
    unsigned id = open_incident();
    int fd = watch(id);
    assert_true(read_until(fd, "\n\n\r\n", &text));
    assert_non_null(strstr(text.bytes, "Content-Type: text/event-stream"));
    assert_non_null(strstr(text.bytes, "\nevent: status\ndata: {\"now\":"));
    assert_non_null(strstr(text.bytes, "id: "));
    nx_text_fini(&text);
    /* The end of the incident is the end of the stream, and is shown. */
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/close", id);
    json_decref(post(path, "{}", 200));
    assert_true(read_until(fd, "\r\n0\r\n\r\n", &text));
    assert_non_null(strstr(text.bytes, "event: status\ndata: {"));
    assert_null(strstr(text.bytes, "\"closed\":null"));
    nx_text_fini(&text);
    (void)close(fd);
}

static void test_events_end(void **state) {
    struct nx_text text;
    int fds[NX_HTTP_STREAMS_MAX];
    (void)state;
    nx_text_init(&text);
    unsigned id = open_incident();
    for (size_t i = 0; i < NX_HTTP_STREAMS_MAX; i++) {
        fds[i] = watch(id);
        assert_true(read_until(fds[i], "event: status", &text));
        nx_text_fini(&text);
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/events", id);
    json_decref(get(path, 503));
    /* A reader that leaves makes room. */
    (void)close(fds[0]);
    int fd = -1;
    do {
        nx_text_fini(&text);
        fd = fd >= 0 ? (close(fd), watch(id)) : watch(id);
        assert_true(read_until(fd, "\r\n\r\n", &text));
    } while (strstr(text.bytes, "HTTP/1.1 503") != NULL);
    assert_non_null(strstr(text.bytes, "HTTP/1.1 200"));
    nx_text_fini(&text);
    fds[0] = fd;
    for (size_t i = 0; i < NX_HTTP_STREAMS_MAX; i += 2) {
        (void)close(fds[i]);
    }
    json_decref(get("/healthz", 200));
    for (size_t i = 1; i < NX_HTTP_STREAMS_MAX; i += 2) {
        (void)close(fds[i]); /* or the server is stopped with them open */
    }
}

/* One reader leaves room for others, and none outlives its token. */
static void test_events_of_reader(void **state) {
    struct nx_text text;
    int fds[NX_HTTP_STREAMS_OF_READER_MAX];
    (void)state;
    nx_text_init(&text);
    unsigned id = open_incident();
    for (size_t i = 0; i < NX_HTTP_STREAMS_OF_READER_MAX; i++) {
        fds[i] = begin(id, "events", AS_READER "\r\n");
        assert_true(read_until(fds[i], "event: status", &text));
        nx_text_fini(&text);
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/events", id);
    const struct ask more = {.path = path, .header = {AS_READER}};
    json_decref(document(&more, 503));
    int other = begin(id, "events", AS_ADMIN "\r\n");
    assert_true(read_until(other, "event: status", &text));
    nx_text_fini(&text);
    json_decref(post("/v1/tokens/revoke", "{\"who\":\"reader\"}", 200));
    for (size_t i = 0; i < NX_HTTP_STREAMS_OF_READER_MAX; i++) {
        assert_true(read_until(fds[i], "0\r\n\r\n", &text));
        nx_text_fini(&text);
        (void)close(fds[i]);
    }
    (void)snprintf(path, sizeof path, "/v1/incidents/%u/close", id);
    json_decref(post(path, "{}", 200));
    assert_true(read_until(other, "\"closed\":\"", &text)); /* to its end */
    nx_text_fini(&text);
    (void)close(other);
}

static void test_recording_of_token(void **state) {
    struct nx_text text;
    int fds[NX_HTTP_RECORDINGS_MAX];
    const struct ask more = {.path = "/v1/incidents/1/recording"};
    unsigned status = 503;
    (void)state;
    nx_text_init(&text);
    while (open_incident() < 4) { /* long enough to be read on and on */
    }
    for (size_t i = 0; i < NX_HTTP_RECORDINGS_MAX; i++) {
        fds[i] = begin(4, "recording", AS_ADMIN "\r\n");
        assert_true(read_until(fds[i], "1.0\n", &text));
        nx_text_fini(&text);
    }
    json_decref(document(&more, 503));
    json_decref(post("/v1/tokens/revoke", "{\"who\":\"admin\"}", 200));
    while (status == 503) { /* up to the next tick */
        struct reply reply = ask(&more);
        status = (unsigned)reply.status;
        reply_fini(&reply);
    }
    assert_int_equal(status, 200);
    for (size_t i = 0; i < NX_HTTP_RECORDINGS_MAX; i++) {
        assert_true(read_until(fds[i], "0\r\n\r\n", &text));
        assert_null(strstr(text.bytes, "100.19999\n"));
        nx_text_fini(&text);
        (void)close(fds[i]);
    }
}

/* Stopped while clients read and send. */
static void test_stop_busy(void **state) {
    const struct server server = start(0, 0);
    struct nx_text text;
    (void)state;
    nx_text_init(&text);
    unsigned id = open_incident();
    int stream = watch(id);
    assert_true(read_until(stream, "event: status", &text));
    int idle = raw_connect(server.port);
    int half = raw_connect(0);
    assert_true(send_all(half, "GET /hea", 8));
    stop(&server);
    assert_true(read_all(stream, 120000, &text));
    nx_text_fini(&text);
    (void)close(stream);
    (void)close(idle);
    (void)close(half);
}

/* --- listening --- */

static bool no_tokens;
static bool expired;

static int try_listen(const char *unix_path, const char *listen,
                      char *problem) {
    const struct nx_http_settings settings = {.unix_path = unix_path,
                                              .listen = listen};
    struct nx_service service = {
        .agents_n = 0, .broken = no_tokens, .expired = expired};
    struct nx_http *http = NULL;
    struct event_base *base = event_base_new();
    int err = nx_http_new(base, &service, &settings, problem, &http);
    assert_true((err == 0) == (http != NULL));
    nx_http_free(&http);
    event_base_free(base);
    return err;
}

static void test_mode(void **state) {
    struct stat st;
    (void)state;
    assert_int_equal(lstat(socket_path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 07777, 0660);
}

static void test_occupied(void **state) {
    char problem[NX_HTTP_PROBLEM_MAX];
    struct stat st;
    (void)state;
    assert_int_equal(try_listen(socket_path, NULL, problem), NX_EEXISTS);
    assert_non_null(strstr(problem, "somebody serves there already"));
    assert_int_equal(lstat(socket_path, &st), 0); /* not removed */
    json_decref(get("/healthz", 200));
}

static void test_stale(void **state) {
    char problem[NX_HTTP_PROBLEM_MAX];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct stat st;
    (void)state;
    memcpy(at.sun_path, socket_path, sizeof socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    (void)close(fd);
    assert_int_equal(lstat(socket_path, &st), 0);
    assert_int_equal(try_listen(socket_path, NULL, problem), 0);
    assert_int_not_equal(lstat(socket_path, &st), 0); /* gone with it */
}

static void test_no_socket(void **state) {
    char problem[NX_HTTP_PROBLEM_MAX];
    char path[256];
    (void)state;
    FILE *f = fopen(socket_path, "w");
    assert_non_null(f);
    (void)fclose(f);
    assert_int_equal(try_listen(socket_path, NULL, problem), NX_EEXISTS);
    assert_non_null(strstr(problem, "is no socket"));
    assert_int_equal(unlink(socket_path), 0);
    (void)snprintf(path, sizeof path, "%s/none/x.sock", folder);
    assert_int_equal(try_listen(path, NULL, problem), NX_ECONFIG);
    assert_non_null(strstr(problem, "/none: No such file"));
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(try_listen(path, NULL, problem), NX_ECONFIG);
    assert_non_null(strstr(problem, "at most 107 bytes"));
    assert_int_equal(try_listen("", NULL, problem), NX_ECONFIG);
}

/* Open to others only when somebody has a token. */
static void test_not_loopback(void **state) {
    static const char *const open[] = {"0.0.0.0:0", "[::]:0"};
    static const char *const bad[] = {"localhost:1", "127.0.0.1", "8053",
                                      "127.0.0.1:99999"};
    char problem[NX_HTTP_PROBLEM_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        assert_int_equal(try_listen(NULL, open[i], problem), 0);
        no_tokens = true;
        assert_int_equal(try_listen(NULL, open[i], problem), NX_ECONFIG);
        assert_non_null(strstr(problem, "there is no token"));
        assert_int_equal(try_listen(NULL, "127.0.0.1:0", problem), 0);
        no_tokens = false;
        expired = true; /* not at the price of the agents */
        assert_int_equal(try_listen(NULL, open[i], problem), 0);
        expired = false;
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(try_listen(NULL, bad[i], problem), NX_ECONFIG);
        assert_non_null(strstr(problem, bad[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_big),
        WITH_SERVER(test_garbage),
        WITH_SERVER(test_keepalive),
        WITH_SERVER(test_events),
        WITH_SERVER(test_events_end),
        WITH_SERVER(test_events_of_reader),
        WITH_SERVER(test_recording_of_token),
        WITH_SERVER(test_mode),
        WITH_SERVER(test_occupied),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_no_reader),
        cmocka_unit_test(test_stop_busy),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_no_socket),
        cmocka_unit_test(test_not_loopback),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
