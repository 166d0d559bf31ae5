/* Server-sent events: the status document of an incident whenever it changes,
 * at most once a second. */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/io_http_parts.h"
#include "collector/api/page.h"

#define KEEPALIVE_S 15U
#define PENDING_MAX_BYTES (1U << 20) /* a slow reader gets fewer documents */

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

/* Whoever has seen all networks there are can go on from there. */
static bool can_go_on(const struct nx_http_stream *stream,
                      const struct nx_board_page *page) {
    return stream->changes && stream->revision != 0 &&
           stream->revision >= page->sites_revision;
}

/* data: one line, for the texts have no line ends. */
static bool add_event(struct nx_http *http, struct nx_http_stream *stream,
                      const struct nx_board_page *page, struct evbuffer *out) {
    bool change = can_go_on(stream, page);
    const struct nx_http_part part = {.lanes = stream->lanes,
                                      .since = change ? stream->revision : 0};
    return evbuffer_add_printf(
               out,
               "id: %" PRIx64 "-%" PRIx64 "\nevent: %s\ndata: ", http->epoch,
               page->revision, change ? "change" : "status") >= 0 &&
           nx_http_add_status(http, out, page, &part) &&
           evbuffer_add(out, "\n\n", 2) == 0;
}

static void send_page(struct nx_http *http, struct nx_http_stream *stream,
                      const struct nx_board_page *page) {
    struct evbuffer *chunk = evbuffer_new();
    if (chunk != NULL && add_event(http, stream, page, chunk)) {
        send_chunk(stream, chunk, http->second);
        stream->revision = page->revision;
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

/* --- delivery --- */

/* Readers of some networks only have a page of their own. */
static bool is_narrow(const struct nx_http_stream *stream) {
    return stream->grant.sight.networks_n > 0;
}

/* Sent where more than the times is another. */
static int send_narrow(struct nx_http *http, struct nx_http_stream *stream) {
    const struct nx_status_query query = {.sight = &stream->grant.sight};
    const struct nx_http_part all = {.since = 0};
    const struct nx_board_page *page = NULL;
    int err = nx_http_page_of(http, stream->incident_id, &query, &page);
    if (err != 0 || page->tag == stream->tag) {
        return err;
    }
    struct evbuffer *chunk = evbuffer_new();
    err = NX_ENOMEM;
    if (chunk != NULL &&
        evbuffer_add_printf(chunk, "event: status\ndata: ") >= 0 &&
        nx_http_add_status(http, chunk, page, &all) &&
        evbuffer_add(chunk, "\n\n", 2) == 0) {
        stream->tag = page->tag;
        send_chunk(stream, chunk, http->second);
        err = 0;
    }
    if (chunk != NULL) {
        evbuffer_free(chunk);
    }
    return err;
}

/* The page of all says when to look anew. */
static int send_news(struct nx_http *http, struct nx_http_stream *stream,
                     const struct nx_board_page *page) {
    uint64_t revision = page->revision;
    if (stream->revision > revision) {
        stream->revision = 0; /* never said */
    }
    if (revision == stream->revision || pending(stream) >= PENDING_MAX_BYTES) {
        return 0;
    }
    if (!is_narrow(stream)) {
        send_page(http, stream, page);
        return 0;
    }
    int err = send_narrow(http, stream);
    stream->revision = err == 0 ? revision : stream->revision;
    return err;
}

/* err: of nx_http_page. A page that is being made is waited for. */
static void deliver(struct nx_http *http, struct nx_http_stream *stream,
                    int err, const struct nx_board_page *page) {
    bool closed = err == 0 && page->closed;
    stream->looked_s = http->second;
    err = err == 0 ? send_news(http, stream, page) : err;
    stream->waits = err == NX_EAGAIN;
    if (http->second - stream->sent_s >= KEEPALIVE_S) {
        send_keepalive(stream, http->second);
    }
    if ((err != 0 && err != NX_EAGAIN) || (err == 0 && closed)) {
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

/* What the client says it has, if it was this collector in this run that said
 * so. */
static uint64_t known_revision(const struct nx_http *http,
                               struct evhttp_request *request) {
    uint64_t epoch = 0;
    uint64_t revision = 0;
    const char *id = evhttp_find_header(
        evhttp_request_get_input_headers(request), "Last-Event-ID");
    if (id == NULL || strlen(id) > 40 ||
        sscanf(id, "%" SCNx64 "-%" SCNx64, &epoch, &revision) != 2 ||
        epoch != http->epoch) {
        return 0;
    }
    return revision;
}

unsigned nx_http_streams_of(const struct nx_http *http, uint32_t token_id) {
    unsigned n = 0;
    for (struct nx_http_stream *s = http->streams; s != NULL; s = s->next) {
        n += s->grant.token_id == token_id ? 1 : 0;
    }
    return n;
}

static struct nx_http_stream *add(struct nx_http *http,
                                  struct evhttp_request *request,
                                  const struct nx_api_request *asked,
                                  const struct nx_grant *grant) {
    struct nx_http_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->request = request;
    stream->incident_id = asked->incident_id;
    stream->grant = *grant;
    stream->changes = asked->changes;
    stream->lanes = asked->no_targets || (asked->changes && !asked->targets);
    stream->revision = is_narrow(stream) ? 0 : known_revision(http, request);
    stream->sent_s = http->second;
    stream->next = http->streams;
    http->streams = stream;
    http->streams_n++;
    return stream;
}

void nx_http_stream_start(struct nx_http *http, struct evhttp_request *request,
                          const struct nx_api_request *asked,
                          const struct nx_grant *grant) {
    const struct nx_board_page *page = NULL;
    int err = nx_http_page(http, asked->incident_id, &page);
    struct nx_http_stream *stream =
        err == 0 || err == NX_EAGAIN ? add(http, request, asked, grant) : NULL;
    if (stream == NULL) {
        nx_http_reply_error(request, err == NX_EAGAIN ? NX_ENOMEM : err,
                            "the status was not made");
        return;
    }
    nx_http_common_headers(request, "text/event-stream");
    nx_http_conn_is_stream(http, evhttp_request_get_connection(request));
    evhttp_send_reply_start(request, 200, "OK");
    deliver(http, stream, err, page);
}

void nx_http_streams_ready(struct nx_http *http) {
    struct nx_http_stream *next = NULL;
    for (struct nx_http_stream *s = http->streams; s != NULL; s = next) {
        const struct nx_board_page *page = NULL;
        next = s->next;
        if (s->waits) {
            int err = nx_http_page(http, s->incident_id, &page);
            deliver(http, s, err, page);
        }
    }
}

bool nx_http_admits(const struct nx_http *http, uint32_t token_id) {
    return token_id == 0 || nx_service_token_valid(http->service, token_id);
}

/* A token that is over opens nothing any more. */
static void drop_expired(struct nx_http *http) {
    struct nx_http_stream *next = NULL;
    for (struct nx_http_stream *s = http->streams; s != NULL; s = next) {
        next = s->next;
        if (!nx_http_admits(http, s->grant.token_id)) {
            evhttp_send_reply_end(forget(http, s));
        }
    }
}

void nx_http_streams_tick(struct nx_http *http) {
    struct nx_http_stream *next = NULL;
    drop_expired(http);
    for (struct nx_http_stream *s = http->streams; s != NULL; s = next) {
        const struct nx_board_page *page = NULL;
        next = s->next;
        if (s->looked_s != http->second) {
            int err = nx_http_page(http, s->incident_id, &page);
            deliver(http, s, err, page);
        }
    }
}
