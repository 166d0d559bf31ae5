/* A running HTTP server in a child process, with a small stand-in for the
 * service (and the real engine), and clients for it. Static functions: each
 * test program includes it once. */
#ifndef NX_TESTS_LIB_HTTP_H
#define NX_TESTS_LIB_HTTP_H

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <jansson.h>

#include "collector/api/io_http.h"
#include "collector/store/io_export.h"
#include "collector/store/io_store.h"
#include "common/text.h"

/* --- the service's stand-in --- */

struct nx_service {
    struct nx_engine *engine;
    struct nx_agent_record agents[4];
    size_t agents_n;
    uint32_t incidents_n;
    bool broken;
};

int64_t nx_service_now_us(const struct nx_service *service) {
    struct timespec now;
    (void)service;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct nx_engine *nx_service_engine(struct nx_service *service) {
    return service->engine;
}

int nx_service_incident_open(struct nx_service *service,
                             struct nx_incident *incident) {
    if (strcmp(incident->note, "break") == 0) {
        service->broken = true;
        return NX_EFULL;
    }
    incident->id = ++service->incidents_n;
    return nx_engine_incident_open(service->engine, incident);
}

int nx_service_incident_close(struct nx_service *service, uint32_t id) {
    return nx_engine_incident_close(service->engine, id,
                                    nx_service_now_us(service));
}

/* Incident 1 has five transitions in two networks. */
int nx_service_transitions(struct nx_service *service, uint32_t id,
                           const char *network, int64_t after_id,
                           unsigned n_max,
                           void (*visit)(void *user,
                                         const struct nx_store_transition *row),
                           void *user) {
    if (nx_engine_incident(service->engine, id) == NULL) {
        return NX_ENOTFOUND;
    }
    for (int64_t i = after_id + 1; id == 1 && i <= 5 && n_max > 0; i++) {
        const struct nx_store_transition row = {
            .id = i,
            .at_us = 1795205946 * INT64_C(1000000) + i,
            .network = i % 2 == 1 ? "lyon" : "oslo",
            .agent = "lyon",
            .resolver = "192.0.2.53@53",
            .name = "www.example.com.",
            .type = "A",
            .from_state = i == 1 ? NULL : "unknown",
            .to_state = "cached-nxdomain"};
        if (network == NULL || strcmp(network, row.network) == 0) {
            visit(user, &row);
            n_max--;
        }
    }
    return 0;
}

/* Three parts of a recording; incident 2 breaks off. */
struct nx_export {
    unsigned parts_n;
    bool breaks;
};

int nx_service_export(struct nx_service *service, uint32_t id,
                      struct nx_export **out) {
    if (nx_engine_incident(service->engine, id) == NULL) {
        return NX_ENOTFOUND;
    }
    *out = calloc(1, sizeof **out);
    (*out)->breaks = id == 2;
    return 0;
}

int nx_export_next(struct nx_export *export, struct nx_text *out) {
    export->parts_n++;
    if (export->breaks && export->parts_n == 2) {
        return NX_EIO;
    }
    for (unsigned i = 0; i < 20000; i++) {
        nx_text_addf(out, "%u.%u\n", export->parts_n, i);
    }
    return export->parts_n < 3 ? 1 : 0;
}

void nx_export_free(struct nx_export **export) {
    free(*export);
    *export = NULL;
}

int nx_service_agent_accept(struct nx_service *service, const char *key,
                            const struct nx_agent *agent,
                            struct nx_agent_record *out) {
    struct nx_agent_record *record = &service->agents[0];
    if (strcmp(key, "unknown") == 0) {
        return NX_ENOTFOUND;
    }
    memset(record, 0, sizeof *record);
    record->agent = *agent;
    record->agent.id = 1;
    record->state = NX_AGENT_ACCEPTED;
    record->changed_us = nx_service_now_us(service);
    (void)snprintf(record->key, sizeof record->key, "%s", key);
    service->agents_n = 1;
    *out = *record;
    return nx_engine_agent_set(service->engine, &record->agent);
}

int nx_service_agent_revoke(struct nx_service *service, const char *who,
                            struct nx_agent_record *out) {
    struct nx_agent_record *record = &service->agents[0];
    if (service->agents_n == 0 || strcmp(record->agent.name, who) != 0) {
        return NX_ENOTFOUND;
    }
    record->state = NX_AGENT_REVOKED;
    *out = *record;
    return 0;
}

int nx_service_label(struct nx_service *service, enum nx_label_kind kind,
                     const char *name, const struct nx_label_change *changes,
                     size_t n) {
    const struct nx_agent *agent = &service->agents[0].agent;
    struct nx_labels labels;
    const char *why = "";
    if (service->agents_n == 0 ||
        strcmp(kind == NX_LABELS_OF_AGENT ? agent->name : agent->network,
               name) != 0) {
        return NX_ENOTFOUND;
    }
    nx_engine_labels_own(service->engine, kind, name, NX_LABELS_STORED,
                         &labels);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(
            nx_labels_set(&labels, changes[i].key, changes[i].value, &why), 0);
    }
    return nx_engine_labels_set(service->engine, kind, name, NX_LABELS_STORED,
                                &labels);
}

int nx_service_ledger(const struct nx_service *service, uint32_t agent_id,
                      struct nx_ledger *out) {
    (void)service;
    (void)agent_id;
    (void)out;
    return NX_ENOTFOUND;
}

int nx_service_scores(struct nx_service *service,
                      const struct nx_store_period *in, json_t **out) {
    if (service->broken) {
        return NX_EIO;
    }
    *out = json_pack("{s:I, s:[]}", "incident", (json_int_t)in->incident_id,
                     "learnt");
    return *out == NULL ? NX_ENOMEM : 0;
}

const json_t *nx_service_score_of_late(struct nx_service *service) {
    (void)service;
    return NULL;
}

void nx_service_agents(struct nx_service *service,
                       void (*visit)(void *user,
                                     const struct nx_agent_record *record),
                       void *user) {
    for (size_t i = 0; i < service->agents_n; i++) {
        visit(user, &service->agents[i]);
    }
}

const char *nx_service_problem(const struct nx_service *service) {
    return service->broken ? "no space left" : NULL;
}

void nx_service_health(const struct nx_service *service,
                       struct nx_service_health *out) {
    memset(out, 0, sizeof *out);
    out->storing = !service->broken;
    out->admitting = true;
    out->results_n = 1234;
    out->started_us = 1795205946 * INT64_C(1000000);
    (void)snprintf(out->problem, sizeof out->problem, "%s",
                   service->broken ? "no space left" : "");
}

/* --- the server in a child --- */

static char folder[] = "/tmp/nxhttp.XXXXXX";
static char socket_path[64];

struct server {
    pid_t pid;
    unsigned port;
};

/* A token that reads one network, and one that does everything. */
#define TOKEN_READ "nxt_abcdefghijklmnopqrstuvwxyz234567"
#define TOKEN_ADMIN "nxt_234567abcdefghijklmnopqrstuvwxyz"
#define AS_ADMIN "Authorization: Bearer " TOKEN_ADMIN
#define AS_READER "Authorization: Bearer " TOKEN_READ

int nx_service_token_grant(const struct nx_service *service, const char *text,
                           struct nx_grant *out) {
    bool admin = strcmp(text, TOKEN_ADMIN) == 0;
    if (!admin && strcmp(text, TOKEN_READ) != 0) {
        return NX_EDENIED;
    }
    (void)service;
    *out = (struct nx_grant){.scope = admin ? NX_SCOPE_ADMIN : NX_SCOPE_READ,
                             .sight = {.networks_n = admin ? 0 : 1},
                             .token_id = admin ? 1 : 2};
    (void)snprintf(out->sight.networks[0], NX_TEXT_LABEL_MAX, "%s",
                   admin ? "" : "lyon");
    return 0;
}

bool nx_service_token_valid(const struct nx_service *service, uint32_t id) {
    (void)id;
    return !service->broken;
}

void nx_service_act_as(struct nx_service *service, const char *who) {
    (void)service;
    (void)who;
}

int nx_service_agent_reject(struct nx_service *service, const char *key,
                            struct nx_agent_record *out) {
    (void)service;
    (void)out;
    return strcmp(key, "lyon-1") == 0 ? NX_ESTATE : NX_ENOTFOUND;
}

int nx_service_agent_quarantine(struct nx_service *service, const char *who,
                                const char *reason,
                                struct nx_agent_record *out) {
    struct nx_agent_record *record = &service->agents[0];
    if (strcmp(who, record->agent.name) != 0) {
        return NX_ENOTFOUND;
    }
    record->state = NX_AGENT_QUARANTINED;
    (void)snprintf(record->reason, sizeof record->reason, "%s", reason);
    *out = *record;
    return 0;
}

int nx_service_agent_release(struct nx_service *service, const char *who,
                             struct nx_agent_record *out) {
    (void)service;
    (void)who;
    (void)out;
    return NX_ESTATE;
}

int nx_service_door_log(struct nx_service *service,
                        void (*visit)(void *user,
                                      const struct nx_door_entry *entry),
                        void *user) {
    const struct nx_door_entry entry = {.at_us = nx_service_now_us(service),
                                        .who = "unix socket, uid 0",
                                        .action = "agent accepted",
                                        .subject = "lyon-1",
                                        .key = "",
                                        .detail = ""};
    visit(user, &entry);
    return 0;
}

int nx_service_enrol_create(struct nx_service *service,
                            const struct nx_api_enrolment *asked,
                            struct nx_enrolment *out, char *text) {
    if (strcmp(asked->network, "noport") == 0) {
        return NX_ESTATE;
    }
    *out = (struct nx_enrolment){.id = 3,
                                 .created_us = nx_service_now_us(service),
                                 .expires_us = nx_service_now_us(service) +
                                               asked->lasts_us,
                                 .revoked_us = NX_TIME_UNKNOWN,
                                 .used_us = NX_TIME_UNKNOWN};
    (void)snprintf(out->network, sizeof out->network, "%s", asked->network);
    (void)snprintf(text, NX_JOIN_TEXT_MAX, "nxj1abc");
    return 0;
}

int nx_service_enrol_revoke(struct nx_service *service, uint32_t id,
                            struct nx_enrolment *out) {
    (void)service;
    (void)out;
    return id == 3 ? NX_ESTATE : NX_ENOTFOUND;
}

void nx_service_enrolments(const struct nx_service *service,
                           void (*visit)(void *user,
                                         const struct nx_enrolment *enrolment),
                           void *user) {
    (void)service;
    (void)visit;
    (void)user;
}

int nx_service_token_create(struct nx_service *service,
                            const struct nx_api_token *asked,
                            struct nx_token *out, char *text) {
    if (strcmp(asked->name, "taken") == 0) {
        return NX_EEXISTS;
    }
    *out = (struct nx_token){.id = 3,
                             .scope = asked->scope,
                             .sight = asked->sight,
                             .created_us = nx_service_now_us(service),
                             .expires_us = NX_TIME_UNKNOWN,
                             .revoked_us = NX_TIME_UNKNOWN};
    (void)snprintf(out->name, sizeof out->name, "%s", asked->name);
    (void)snprintf(text, NX_TOKEN_TEXT_LEN + 1, "%s", TOKEN_READ);
    return 0;
}

int nx_service_token_revoke(struct nx_service *service, const char *name,
                            struct nx_token *out) {
    (void)service;
    (void)name;
    (void)out;
    return NX_ENOTFOUND;
}

void nx_service_tokens(const struct nx_service *service,
                       void (*visit)(void *user, const struct nx_token *token),
                       void *user) {
    const struct nx_token token = {.name = "grafana",
                                   .expires_us = NX_TIME_UNKNOWN,
                                   .revoked_us = NX_TIME_UNKNOWN};
    if (!service->broken) {
        visit(user, &token);
    }
}

static inline void on_term(evutil_socket_t number, short what, void *arg) {
    (void)number;
    (void)what;
    (void)event_base_loopbreak(arg);
}

/* What the engine knows from the start; NULL: nothing. */
static void (*fill)(struct nx_engine *engine);
static unsigned patience_s; /* nx_http_settings */

/* Never returns; tells the port (or an error as a negative one) on out. */
static inline void serve(const struct nx_http_settings *settings, int out) {
    struct nx_engine_settings engine_settings;
    struct nx_service service = {.agents_n = 0};
    struct nx_http *http = NULL;
    char problem[NX_HTTP_PROBLEM_MAX];
    struct event_base *base = event_base_new();
    struct event *term = evsignal_new(base, SIGTERM, on_term, base);
    (void)event_add(term, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* of a test that failed */
    nx_engine_settings_default(&engine_settings);
    int port = nx_engine_new(&engine_settings, &service.engine);
    if (port == 0 && fill != NULL) {
        fill(service.engine);
    }
    if (port == 0) {
        port = nx_http_new(base, &service, settings, problem, &http);
    }
    port = port == 0 ? (int)nx_http_port(http) : port;
    if (write(out, &port, sizeof port) == (ssize_t)sizeof port && port >= 0) {
        (void)event_base_dispatch(base);
    }
    nx_http_free(&http);
    nx_engine_free(&service.engine);
    event_free(term);
    event_base_free(base);
    exit(0); /* with the leak check of a sanitizer */
}

static inline struct server start(unsigned connections_max,
                                  unsigned timeout_s) {
    const struct nx_http_settings settings = {
        .unix_path = socket_path,
        .listen = "127.0.0.1:0",
        .connections_max = connections_max,
        .timeout_s = timeout_s,
        .patience_s = patience_s,
    };
    struct server server = {0};
    int port = -1;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    server.pid = fork();
    assert_true(server.pid >= 0);
    if (server.pid == 0) {
        (void)close(pipes[0]);
        serve(&settings, pipes[1]);
    }
    (void)close(pipes[1]);
    assert_int_equal(read(pipes[0], &port, sizeof port), sizeof port);
    (void)close(pipes[0]);
    assert_true(port > 0);
    server.port = (unsigned)port;
    return server;
}

static inline void stop(const struct server *server) {
    int status = -1;
    assert_int_equal(kill(server->pid, SIGTERM), 0);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static inline int set_up(void **state) {
    static struct server server;
    server = start(0, 0);
    *state = &server;
    return 0;
}

static inline int tear_down(void **state) {
    stop(*state);
    return 0;
}

/* --- clients --- */

struct reply {
    long status;
    struct nx_text headers;
    struct nx_text body;
};

static inline void reply_fini(struct reply *reply) {
    nx_text_fini(&reply->headers);
    nx_text_fini(&reply->body);
}

static inline size_t collect(char *bytes, size_t size, size_t n, void *user) {
    nx_text_bytes(user, bytes, size * n);
    return size * n;
}

struct ask {
    const char *method; /* NULL: GET, or POST with a body */
    const char *path;
    const char *body; /* NULL: none */
    const char *header[3];
    unsigned port; /* 0: Unix socket */
};

static inline struct reply ask(const struct ask *what) {
    struct reply reply = {0};
    struct curl_slist *headers = NULL;
    char url[512];
    CURL *curl = curl_easy_init();
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", what->port,
                   what->path);
    if (what->port == 0) {
        (void)snprintf(url, sizeof url, "http://localhost%s", what->path);
        (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    }
    for (size_t i = 0; i < 3 && what->header[i] != NULL; i++) {
        headers = curl_slist_append(headers, what->header[i]);
    }
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply.headers);
    if (what->body != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, what->body);
    }
    if (what->method != NULL && strcmp(what->method, "HEAD") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (what->method != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, what->method);
    }
    CURLcode code = curl_easy_perform(curl);
    assert_int_equal(code, CURLE_OK);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    nx_text_add(&reply.body, "");
    return reply;
}

#define JSON_TYPE "Content-Type: application/json"

static inline long status_of(const struct ask *what) {
    struct reply reply = ask(what);
    long status = reply.status;
    reply_fini(&reply);
    return status;
}

static inline json_t *document(const struct ask *what, long status) {
    struct reply reply = ask(what);
    json_t *value = json_loads(reply.body.bytes, 0, NULL);
    if (reply.status != status || value == NULL) {
        print_error("%s: %ld %s\n", what->path, reply.status, reply.body.bytes);
    }
    assert_int_equal(reply.status, status);
    assert_non_null(value);
    reply_fini(&reply);
    return value;
}

static inline json_t *get(const char *path, long status) {
    const struct ask what = {.path = path};
    return document(&what, status);
}

static inline json_t *post(const char *path, const char *body, long status) {
    const struct ask what = {.path = path, .body = body, .header = {JSON_TYPE}};
    return document(&what, status);
}

static inline void assert_member(json_t *value, const char *key,
                                 const char *text) {
    const char *is = json_string_value(json_object_get(value, key));
    assert_non_null(is);
    assert_string_equal(is, text);
}

/* Opens an incident; its id. */
static inline unsigned open_incident(void) {
    json_t *head = post("/v1/incidents",
                        "{\"name\":\"www.example.com\",\"types\":[\"A\"],"
                        "\"expect\":{\"A\":[\"192.0.2.10\"]}}",
                        201);
    unsigned id = (unsigned)json_integer_value(json_object_get(head, "id"));
    json_decref(head);
    assert_true(id > 0);
    return id;
}

static inline int raw_connect(unsigned port) {
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(un.sun_path, socket_path, sizeof socket_path);
    int fd = socket(port != 0 ? AF_INET : AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(port != 0 ? connect(fd, (struct sockaddr *)&in, sizeof in)
                               : connect(fd, (struct sockaddr *)&un, sizeof un),
                     0);
    return fd;
}

/* Reads up to the end of the connection, at most so long; true: it ended. */
static inline bool read_all(int fd, int timeout_ms, struct nx_text *out) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char buf[4096];
    while (poll(&poll_fd, 1, timeout_ms) > 0) {
        ssize_t n = recv(fd, buf, sizeof buf, 0);
        if (n <= 0) {
            return true;
        }
        nx_text_bytes(out, buf, (size_t)n);
    }
    return false;
}

/* Sends as much as the server takes; false: it closed. */
static inline bool send_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* One raw request on a connection of its own; the reply's status, or 0. */
static inline unsigned raw_status(unsigned port, const char *bytes,
                                  size_t len) {
    struct nx_text text;
    unsigned status = 0;
    nx_text_init(&text);
    int fd = raw_connect(port);
    (void)send_all(fd, bytes, len);
    (void)shutdown(fd, SHUT_WR);
    (void)read_all(fd, 15000, &text);
    if (text.bytes != NULL && strncmp(text.bytes, "HTTP/1.", 7) == 0) {
        status = (unsigned)strtoul(text.bytes + 9, NULL, 10);
    }
    nx_text_fini(&text);
    (void)close(fd);
    return status;
}

/* Reads until the text holds `part`. */
static inline bool read_until(int fd, const char *part, struct nx_text *out) {
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    char buf[4096];
    while (out->bytes == NULL || strstr(out->bytes, part) == NULL) {
        if (poll(&poll_fd, 1, 10000) <= 0) {
            return false;
        }
        ssize_t n = recv(fd, buf, sizeof buf, 0);
        if (n <= 0) {
            return false;
        }
        nx_text_bytes(out, buf, (size_t)n);
    }
    return true;
}

static inline int make_folder(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(socket_path, sizeof socket_path, "%s/x.sock", folder);
    return 0;
}

static inline int remove_folder(void **state) {
    (void)state;
    return rmdir(folder); /* fails if a socket was left behind */
}

#define WITH_SERVER(test)                                                      \
    cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
