/* Server-sent events: the status document of an incident whenever it changes,
 * at most once a second. */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/io_http_parts.h"
#include "collector/status/status.h"
#include "common/hash.h"

#define KEEPALIVE_S 15U
#define PENDING_MAX_BYTES (1U << 20) /* a slow reader gets fewer documents */
#define JSON_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

/* A status document ready to be sent; text NULL when there is none. */
struct page {
    char *text;
    uint64_t digest; /* of all but the time */
    int64_t now_us;
    bool closed;
};

static uint64_t digest_of(json_t *document) {
    json_t *copy = json_copy(document);
    uint64_t digest = 0;
    if (copy != NULL && json_object_del(copy, "now") == 0) {
        char *text = json_dumps(copy, JSON_FLAGS);
        digest = text == NULL ? 0 : nx_hash(text, strlen(text), 1);
        free(text);
    }
    json_decref(copy);
    return digest;
}

static struct page render(struct nx_http *http, uint32_t incident_id,
                          const struct nx_sight *sight) {
    const struct nx_status_query query = {.sight = sight};
    struct page page = {.now_us = nx_service_now_us(http->service)};
    json_t *document =
        nx_http_status(http->service, incident_id, &query, page.now_us);
    if (document != NULL) {
        const json_t *incident = json_object_get(document, "incident");
        page.closed = json_is_string(json_object_get(incident, "closed"));
        page.digest = digest_of(document);
        page.text = json_dumps(document, JSON_FLAGS);
    }
    json_decref(document);
    return page;
}

static size_t pending(const struct nx_http_stream *stream) {
    struct evhttp_connection *evcon =
        evhttp_request_get_connection(stream->request);
    return evbuffer_get_length(
        bufferevent_get_output(evhttp_connection_get_bufferevent(evcon)));
}

static void send_chunk(struct nx_http_stream *stream, struct evbuffer *chunk,
                       uint64_t second) {
    evhttp_send_reply_chunk(stream->request, chunk);
    stream->sent_s = second;
}

static void send_page(struct nx_http_stream *stream, const struct page *page,
                      uint64_t second) {
    struct evbuffer *chunk = evbuffer_new();
    if (chunk != NULL &&
        evbuffer_add_printf(chunk, "id: %" PRId64 "\nevent: status\ndata: ",
                            page->now_us) >= 0 &&
        evbuffer_add(chunk, page->text, strlen(page->text)) == 0 &&
        evbuffer_add(chunk, "\n\n", 2) == 0) {
        send_chunk(stream, chunk, second);
        stream->digest = page->digest;
    }
    if (chunk != NULL) {
        evbuffer_free(chunk);
    }
}

static void send_keepalive(struct nx_http_stream *stream, uint64_t second) {
    struct evbuffer *chunk = evbuffer_new();
    if (chunk != NULL && evbuffer_add(chunk, ": keepalive\n\n", 13) == 0) {
        send_chunk(stream, chunk, second);
    }
    if (chunk != NULL) {
        evbuffer_free(chunk);
    }
}

/* Takes the stream out of the list and frees it; its request lives on. */
static struct evhttp_request *forget(struct nx_http *http,
                                     struct nx_http_stream *stream) {
    struct evhttp_request *request = stream->request;
    struct nx_http_stream **link = &http->streams;
    while (*link != stream) {
        link = &(*link)->next;
    }
    *link = stream->next;
    http->streams_n--;
    free(stream);
    return request;
}

static void deliver(struct nx_http *http, struct nx_http_stream *stream,
                    const struct page *page) {
    stream->looked_s = http->second;
    if (page->text != NULL && page->digest != stream->digest &&
        pending(stream) < PENDING_MAX_BYTES) {
        send_page(stream, page, http->second);
    } else if (http->second - stream->sent_s >= KEEPALIVE_S) {
        send_keepalive(stream, http->second);
    }
    if (page->closed) {
        evhttp_send_reply_end(forget(http, stream));
    }
}

/* The connection went down. libevent forgets a request that the network took
 * away from it (its connection is NULL then): freeing it is up to us. */
void nx_http_stream_closed(struct nx_http *http,
                           const struct evhttp_connection *evcon) {
    struct nx_http_stream *next = NULL;
    for (struct nx_http_stream *s = http->streams; s != NULL; s = next) {
        struct evhttp_connection *of =
            evhttp_request_get_connection(s->request);
        next = s->next;
        if (of == evcon) {
            (void)forget(http, s);
        } else if (of == NULL) {
            evhttp_request_free(forget(http, s));
        }
    }
}

void nx_http_stream_start(struct nx_http *http, struct evhttp_request *request,
                          uint32_t incident_id, const struct nx_grant *grant) {
    struct nx_api_problem problem;
    struct nx_http_stream *stream = calloc(1, sizeof *stream);
    struct page page = render(http, incident_id, &grant->sight);
    if (stream == NULL || page.text == NULL) {
        free(stream);
        free(page.text);
        (void)nx_api_refuse(&problem, 500, "out of memory");
        nx_http_reply_problem(request, &problem);
        return;
    }
    stream->request = request;
    stream->incident_id = incident_id;
    stream->grant = *grant;
    stream->digest = ~page.digest;
    stream->next = http->streams;
    http->streams = stream;
    http->streams_n++;
    nx_http_common_headers(request, "text/event-stream");
    nx_http_conn_is_stream(http, evhttp_request_get_connection(request));
    evhttp_send_reply_start(request, 200, "OK");
    deliver(http, stream, &page);
    free(page.text);
}

/* Is the same page for both? */
static bool alike(const struct nx_http_stream *a,
                  const struct nx_http_stream *b) {
    return a->incident_id == b->incident_id &&
           memcmp(&a->grant.sight, &b->grant.sight, sizeof a->grant.sight) == 0;
}

/* A token that is over opens nothing any more. */
static void drop_expired(struct nx_http *http) {
    struct nx_http_stream *next = NULL;
    for (struct nx_http_stream *s = http->streams; s != NULL; s = next) {
        next = s->next;
        if (s->grant.token_id != 0 &&
            !nx_service_token_valid(http->service, s->grant.token_id)) {
            evhttp_send_reply_end(forget(http, s));
        }
    }
}

void nx_http_streams_tick(struct nx_http *http) {
    drop_expired(http);
    struct nx_http_stream *stream = http->streams;
    while (stream != NULL) {
        if (stream->looked_s == http->second) {
            stream = stream->next;
            continue;
        }
        const struct nx_http_stream like = *stream; /* it may go */
        struct page page = render(http, like.incident_id, &like.grant.sight);
        struct nx_http_stream *next = NULL;
        for (struct nx_http_stream *s = stream; s != NULL; s = next) {
            next = s->next;
            if (alike(s, &like)) {
                deliver(http, s, &page);
            }
        }
        free(page.text);
        stream = http->streams; /* the list may have changed */
    }
}
