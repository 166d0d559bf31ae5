/* The recording of an incident as a chunked reply: the next part is read from
 * the store when the client has taken the one before, so that neither a long
 * log nor a slow client holds up anything else. */
#include <event2/buffer.h>
#include <stdlib.h>

#include "collector/api/io_http_parts.h"
#include "collector/store/io_export.h"
#include "common/io_log.h"

#define RECORDING_TYPE "application/x-ndjson"

struct nx_http_recording {
    struct nx_http_recording *next;
    struct nx_http *http;
    struct evhttp_request *request;
    struct nx_export *export;
    struct event *again; /* after a part with nothing in it */
    uint32_t token_id;   /* nx_grant */
};

/* Takes it out of the list and frees it; its request lives on. */
static struct evhttp_request *forget(struct nx_http_recording *r) {
    struct evhttp_request *request = r->request;
    struct nx_http_recording **link = &r->http->recordings;
    while (*link != r) {
        link = &(*link)->next;
    }
    *link = r->next;
    r->http->recordings_n--;
    nx_export_free(&r->export);
    event_free(r->again);
    free(r);
    return request;
}

static void send_part(struct nx_http_recording *r);

static void on_taken(struct evhttp_connection *evcon, void *arg) {
    struct nx_http_recording *r = arg;
    nx_http_conn_takes(r->http, evcon);
    send_part(r);
}

static void on_again(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    send_part(arg);
}

static void go_on(struct nx_http_recording *r, struct evbuffer *chunk) {
    const struct timeval at_once = {0};
    if (evbuffer_get_length(chunk) > 0) {
        evhttp_send_reply_chunk_with_cb(r->request, chunk, on_taken, r);
    } else {
        (void)evtimer_add(r->again, &at_once);
    }
}

/* What breaks off lacks its last record: the reader notices. */
static void send_part(struct nx_http_recording *r) {
    struct nx_text text;
    struct evbuffer *chunk = evbuffer_new();
    nx_text_init(&text);
    int more = nx_export_next(r->export, &text);
    if (chunk == NULL || text.failed ||
        (text.len > 0 && evbuffer_add(chunk, text.bytes, text.len) != 0)) {
        more = NX_ENOMEM;
    }
    nx_text_fini(&text);
    if (more < 0) {
        nx_log(NX_LOG_ERROR, "a recording breaks off: %s", nx_strerror(more));
    }
    if (more == 1) {
        go_on(r, chunk);
    } else {
        if (more == 0 && evbuffer_get_length(chunk) > 0) {
            evhttp_send_reply_chunk(r->request, chunk);
        }
        evhttp_send_reply_end(forget(r));
    }
    if (chunk != NULL) {
        evbuffer_free(chunk);
    }
}

static int make(struct nx_http *http, struct evhttp_request *request,
                uint32_t incident_id, const struct nx_grant *grant,
                struct nx_http_recording **out) {
    struct nx_http_recording *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NX_ENOMEM;
    }
    int err = nx_service_export(http->service, incident_id, &r->export);
    r->again = err == 0 ? evtimer_new(http->base, on_again, r) : NULL;
    if (r->again == NULL) {
        nx_export_free(&r->export);
        free(r);
        return err != 0 ? err : NX_ENOMEM;
    }
    r->http = http;
    r->request = request;
    r->token_id = grant->token_id;
    r->next = http->recordings;
    http->recordings = r;
    http->recordings_n++;
    *out = r;
    return 0;
}

void nx_http_recording_start(struct nx_http *http,
                             struct evhttp_request *request,
                             uint32_t incident_id,
                             const struct nx_grant *grant) {
    struct nx_api_problem problem;
    struct nx_http_recording *r = NULL;
    if (http->recordings_n >= NX_HTTP_RECORDINGS_MAX) {
        (void)nx_api_refuse(&problem, 503,
                            "%u recordings are being read already",
                            NX_HTTP_RECORDINGS_MAX);
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = make(http, request, incident_id, grant, &r);
    if (err != 0) {
        nx_http_reply_error(request, err, "no recording of this incident");
        return;
    }
    nx_http_common_headers(request, RECORDING_TYPE);
    nx_http_conn_is_recording(http, evhttp_request_get_connection(request));
    evhttp_send_reply_start(request, 200, "OK");
    send_part(r);
}

/* A token that is over opens nothing any more. */
void nx_http_recordings_tick(struct nx_http *http) {
    struct nx_http_recording *next = NULL;
    for (struct nx_http_recording *r = http->recordings; r != NULL; r = next) {
        next = r->next;
        if (!nx_http_admits(http, r->token_id)) {
            evhttp_send_reply_end(forget(r));
        }
    }
}

/* See nx_http_stream_closed about requests without a connection. */
void nx_http_recording_closed(struct nx_http *http,
                              const struct evhttp_connection *evcon) {
    struct nx_http_recording *next = NULL;
    for (struct nx_http_recording *r = http->recordings; r != NULL; r = next) {
        struct evhttp_connection *of =
            evhttp_request_get_connection(r->request);
        next = r->next;
        if (of == evcon) {
            (void)forget(r);
        } else if (of == NULL) {
            evhttp_request_free(forget(r));
        }
    }
}
