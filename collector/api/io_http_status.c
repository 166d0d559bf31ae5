/* The status of an incident as bytes: pieces of the board, one after the
 * other. */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/api/io_http_parts.h"
#include "collector/api/page.h"
#include "common/rfc3339.h"

static bool add_text(struct evbuffer *out, const char *text) {
    return evbuffer_add(out, text, strlen(text)) == 0;
}

static void sent(const void *bytes, size_t len, void *blob) {
    (void)bytes;
    (void)len;
    nx_blob_unref(blob);
}

static bool add_blob(struct evbuffer *out, struct nx_blob *blob) {
    if (evbuffer_add_reference(out, blob->bytes, blob->len, sent,
                               nx_blob_ref(blob)) != 0) {
        nx_blob_unref(blob);
        return false;
    }
    return true;
}

static bool add_sites(struct evbuffer *out, const struct nx_board_page *page,
                      const struct nx_http_part *part) {
    bool first = true;
    for (size_t i = 0; i < page->sites_n; i++) {
        const struct nx_board_site *site = &page->sites[i];
        uint64_t revision = part->lanes ? site->lane_revision : site->revision;
        if (revision <= part->since) {
            continue;
        }
        if ((!first && !add_text(out, ",")) ||
            !add_blob(out, part->lanes ? site->lane : site->full)) {
            return false;
        }
        first = false;
    }
    return true;
}

bool nx_http_add_status(struct evbuffer *out, const struct nx_board_page *page,
                        const struct nx_http_part *part) {
    char now[NX_TIME_TEXT_MAX];
    if (evbuffer_add_printf(out, "{\"now\":\"%s\",",
                            nx_time_text(page->now_us, now)) < 0) {
        return false;
    }
    bool head = page->head_revision > part->since;
    bool all_lanes = part->lanes && part->since == 0;
    return (!head || (add_blob(out, page->head) && add_text(out, ","))) &&
           add_text(out, "\"networks\":[") &&
           (all_lanes ? add_blob(out, page->lanes)
                      : add_sites(out, page, part)) &&
           add_text(out, "]}");
}

/* As long as somebody asks for pages. */
static void work_soon(struct nx_http *http) {
    const struct timeval in = {0, NX_BOARD_FRESH_US / 10};
    if (evtimer_pending(http->work, NULL) == 0) {
        (void)evtimer_add(http->work, &in);
    }
}

void nx_http_work(evutil_socket_t fd, short what, void *arg) {
    struct nx_http *http = arg;
    (void)fd;
    (void)what;
    if (nx_board_work(http->board, nx_service_engine(http->service),
                      nx_service_problem(http->service),
                      nx_service_now_us(http->service))) {
        work_soon(http);
    }
}

const struct nx_board_page *nx_http_page(struct nx_http *http, uint32_t id) {
    work_soon(http);
    return nx_board_page(http->board, nx_service_engine(http->service), id,
                         nx_service_problem(http->service),
                         nx_service_now_us(http->service));
}

void nx_http_get_status(struct nx_http *http, struct evhttp_request *request,
                        const struct nx_api_request *asked) {
    char etag[NX_ETAG_MAX];
    struct nx_api_problem problem;
    const struct nx_http_part part = {.lanes = asked->no_targets};
    const struct nx_board_page *page = nx_http_page(http, asked->incident_id);
    if (page != NULL) {
        (void)snprintf(etag, sizeof etag, "W/\"%" PRIx64 "-%" PRIx64 "%s\"",
                       http->epoch, page->revision, part.lanes ? "l" : "");
        if (nx_http_reply_unchanged(request, etag)) {
            return;
        }
    }
    struct evbuffer *body = evbuffer_new();
    if (page == NULL || body == NULL ||
        !nx_http_add_status(body, page, &part) || !add_text(body, "\n")) {
        (void)nx_api_refuse(&problem, 500, "out of memory");
        nx_http_reply_problem(request, &problem);
    } else {
        nx_http_common_headers(request, "application/json");
        evhttp_send_reply(request, 200, NULL, body);
    }
    if (body != NULL) {
        evbuffer_free(body);
    }
}
