/* Clients of the server of tests/lib/http.h: libcurl's, and bare sockets. */
#ifndef NX_TESTS_LIB_HTTP_CLIENT_H
#define NX_TESTS_LIB_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <jansson.h>

#include "common/text.h"

static char socket_path[64]; /* of the server; "": none yet */

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
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
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
    (void)read_all(fd, 120000, &text);
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
        if (poll(&poll_fd, 1, 120000) <= 0) {
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

#endif
