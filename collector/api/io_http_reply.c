/* Replies: documents, problems, texts; each with the same headers. */
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/io_http_parts.h"
#include "collector/api/page.h"
#include "collector/status/json_put.h"
#include "common/rfc3339.h"
#include "common/text.h"

void nx_http_common_headers(struct evhttp_request *request, const char *type) {
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    (void)evhttp_add_header(headers, "Content-Type", type);
    (void)evhttp_add_header(
        headers, "Cache-Control",
        evhttp_find_header(headers, "ETag") != NULL ? "no-cache" : "no-store");
    (void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    (void)evhttp_add_header(headers, "Content-Security-Policy",
                            "default-src 'none'");
}

static void sent(const void *bytes, size_t len, void *owned) {
    (void)bytes;
    (void)len;
    free(owned);
}

/* Takes the bytes; NULL: no memory. */
static void reply_bytes(struct evhttp_request *request, unsigned status,
                        const char *type, char *bytes, size_t len) {
    struct evbuffer *body = evbuffer_new();
    if (body == NULL || bytes == NULL ||
        evbuffer_add_reference(body, bytes, len, sent, bytes) != 0) {
        free(bytes);
        status = 500;
    }
    nx_http_common_headers(request, type);
    evhttp_send_reply(request, (int)status, NULL, body);
    if (body != NULL) {
        evbuffer_free(body);
    }
}

void nx_http_reply_text(struct evhttp_request *request, unsigned status,
                        const char *type, const char *text) {
    char *copy = text != NULL ? strdup(text) : NULL;
    reply_bytes(request, status, type, copy, copy != NULL ? strlen(copy) : 0);
}

void nx_http_reply_made(struct evhttp_request *request, const char *type,
                        struct nx_text *text) {
    size_t len = text->len;
    reply_bytes(request, 200, type, nx_text_take(text), len);
}

/* With a newline at the end: people read it with curl, too. */
static void send_text(struct evhttp_request *request, unsigned status,
                      const char *type, struct nx_text *text) {
    nx_text_bytes(text, "\n", 1);
    size_t len = text->len;
    reply_bytes(request, status, type, nx_text_take(text), len);
}

static void send_json(struct evhttp_request *request, unsigned status,
                      const char *type, json_t *document) {
    struct nx_text text;
    nx_text_init(&text);
    nx_put_value(&text, document);
    send_text(request, status, type, &text);
}

void nx_http_reply_json(struct evhttp_request *request, unsigned status,
                        json_t *document) {
    send_json(request, status, "application/json", document);
}

void nx_http_reply_document(struct evhttp_request *request,
                            struct nx_text *text) {
    send_text(request, 200, "application/json", text);
}

/* no-cache: to be kept, but asked about each time. */
bool nx_http_reply_unchanged(struct evhttp_request *request, const char *etag) {
    const char *known = evhttp_find_header(
        evhttp_request_get_input_headers(request), "If-None-Match");
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    (void)evhttp_add_header(headers, "ETag", etag);
    if (!nx_api_etag_known(known, etag)) {
        return false;
    }
    (void)evhttp_add_header(headers, "Cache-Control", "no-cache");
    evhttp_send_reply(request, 304, NULL, NULL);
    return true;
}

/* The text is taken. */
static void reply_put(struct evhttp_request *request, struct nx_text *text) {
    char etag[NX_ETAG_MAX];
    if (!text->failed &&
        nx_http_reply_unchanged(request,
                                nx_api_etag(text->bytes, text->len, etag))) {
        nx_text_fini(text);
        return;
    }
    send_text(request, 200, "application/json", text);
}

void nx_http_reply_tagged(struct evhttp_request *request, json_t *document) {
    struct nx_text text;
    nx_text_init(&text);
    nx_put_value(&text, document);
    reply_put(request, &text);
}

void nx_http_reply_problem(struct evhttp_request *request,
                           const struct nx_api_problem *problem) {
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    if (problem->allow != NULL) {
        (void)evhttp_add_header(headers, "Allow", problem->allow);
    }
    if (problem->status == 401) { /* RFC 6750 section 3 */
        (void)evhttp_add_header(headers, "WWW-Authenticate",
                                "Bearer realm=\"nxclear\"");
    }
    if (problem->status == 503) {
        (void)evhttp_add_header(headers, "Retry-After", "5");
    }
    json_t *document = nx_api_problem_json(problem);
    if (document == NULL) { /* that there is no memory can be said without */
        nx_http_reply_text(request, 503, "application/problem+json",
                           "{\"type\":\"about:blank\",\"title\":\"Service "
                           "Unavailable\",\"status\":503,\"detail\":\"out of "
                           "memory: ask again\"}\n");
        return;
    }
    send_json(request, problem->status, "application/problem+json", document);
}

/* What the service could not do, said to the client. */
void nx_http_reply_error(struct evhttp_request *request, int err,
                         const char *what) {
    struct nx_api_problem problem;
    unsigned status = 500;
    if (err == NX_ENOTFOUND) {
        status = 404;
    } else if (err == NX_EEXISTS || err == NX_ESTATE) {
        status = 409;
    } else if (err == NX_EMALFORMED || err == NX_ELIMIT || err == NX_ERANGE) {
        status = 422;
    } else if (err == NX_EIO || err == NX_EAGAIN || err == NX_ENOMEM) {
        status = 503;
    } else if (err == NX_EFULL) {
        status = 507;
    }
    (void)nx_api_refuse(&problem, status, "%s: %s", what,
                        err == NX_EIO
                            ? "the store cannot be read or written: the "
                              "collector's log and nxclear-collector --check "
                              "say more"
                            : nx_strerror(err));
    nx_http_reply_problem(request, &problem);
}

struct nx_http_body nx_http_body(struct evhttp_request *request) {
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t len = evbuffer_get_length(input);
    const char *bytes =
        len == 0 ? "" : (const char *)evbuffer_pullup(input, (ev_ssize_t)len);
    return (struct nx_http_body){bytes == NULL ? "" : bytes,
                                 bytes == NULL ? 0 : len};
}

json_t *nx_http_now_json(struct nx_service *service) {
    char now[NX_TIME_TEXT_MAX];
    return json_string(nx_time_text(nx_service_now_us(service), now));
}
