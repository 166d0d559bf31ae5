/* The status of an incident as bytes: pieces of the board, one after the
 * other. */
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/io_http_parts.h"
#include "collector/api/page.h"
#include "common/io_clock.h"
#include "common/rfc3339.h"

static bool add_text(struct evbuffer *out, const char *text) {
    return evbuffer_add(out, text, strlen(text)) == 0;
}

static void sent(const void *bytes, size_t len, void *blob) {
    (void)bytes;
    (void)len;
    nx_blob_unref(blob);
}

static bool add_bytes(struct evbuffer *out, struct nx_blob *blob, size_t len) {
    if (evbuffer_add_reference(out, blob->bytes, len, sent,
                               nx_blob_ref(blob)) != 0) {
        nx_blob_unref(blob);
        return false;
    }
    return true;
}

static bool add_blob(struct evbuffer *out, struct nx_blob *blob) {
    return add_bytes(out, blob, blob->len);
}

/* A comma of its own would be another piece of memory, of a kilobyte: with many
 * networks those took more time than all else. */
static bool add_sites(struct evbuffer *out, const struct nx_board_page *page,
                      const struct nx_http_part *part) {
    struct nx_blob *before = NULL;
    for (size_t i = 0; i < page->sites_n; i++) {
        const struct nx_board_site *site = &page->sites[i];
        uint64_t revision = part->lanes ? site->lane_revision : site->revision;
        if (revision <= part->since) {
            continue;
        }
        if (before != NULL && !add_bytes(out, before, before->len + 1)) {
            return false;
        }
        before = part->lanes ? site->lane : site->full;
    }
    return before == NULL || add_blob(out, before);
}

/* A closed incident's time stands still. */
static bool add_times(struct nx_http *http, struct evbuffer *out,
                      const struct nx_board_page *page) {
    char now[NX_TIME_TEXT_MAX];
    char as_of[NX_TIME_TEXT_MAX];
    int64_t now_us =
        page->closed ? page->as_of_us : nx_service_now_us(http->service);
    return evbuffer_add_printf(out, "{\"now\":\"%s\",\"as_of\":\"%s\",",
                               nx_time_text(now_us, now),
                               nx_time_text(page->as_of_us, as_of)) >= 0;
}

bool nx_http_add_status(struct nx_http *http, struct evbuffer *out,
                        const struct nx_board_page *page,
                        const struct nx_http_part *part) {
    bool head = page->head_revision > part->since;
    bool all_lanes = part->lanes && part->since == 0;
    return add_times(http, out, page) &&
           (!head || (add_blob(out, page->head) && add_text(out, ","))) &&
           add_text(out, "\"networks\":[") &&
           (all_lanes ? add_blob(out, page->lanes)
                      : add_sites(out, page, part)) &&
           add_text(out, "]") &&
           (page->groups == NULL ||
            (add_text(out, ",\"groups\":") && add_blob(out, page->groups))) &&
           add_text(out, "}");
}

/* --- pages --- */

void nx_http_work_in(struct nx_http *http, int64_t pause_us) {
    const struct timeval in = {pause_us / 1000000, pause_us % 1000000};
    (void)evtimer_add(http->work, &in);
}

int nx_http_page_of(struct nx_http *http, uint32_t id,
                    const struct nx_status_query *query,
                    const struct nx_board_page **out) {
    int err = nx_board_chosen(http->board, nx_service_engine(http->service), id,
                              query, nx_service_problem(http->service),
                              nx_service_now_us(http->service), out);
    if (err == NX_EAGAIN) {
        nx_http_work_in(http, 0);
    } else if (evtimer_pending(http->work, NULL) == 0) {
        nx_http_work_in(http, NX_BOARD_FRESH_US / 10);
    }
    return err;
}

int nx_http_page(struct nx_http *http, uint32_t id,
                 const struct nx_board_page **out) {
    return nx_http_page_of(http, id, NULL, out);
}

/* --- answers --- */

static void answer(struct nx_http *http, struct evhttp_request *request,
                   const struct nx_http_wish *wish,
                   const struct nx_board_page *page) {
    char etag[NX_ETAG_MAX];
    const struct nx_http_part part = {.lanes = wish->asked.no_targets};
    (void)snprintf(etag, sizeof etag, "W/\"%" PRIx64 "-%" PRIx64 "%s%s\"",
                   http->epoch, wish->chosen ? page->tag : page->revision,
                   wish->chosen ? "c" : "", part.lanes ? "l" : "");
    if (nx_http_reply_unchanged(request, etag)) {
        return;
    }
    struct evbuffer *body = evbuffer_new();
    if (body == NULL || !nx_http_add_status(http, body, page, &part) ||
        !add_text(body, "\n")) {
        nx_http_reply_error(request, NX_ENOMEM, "the status was not made");
    } else {
        nx_http_common_headers(request, "application/json");
        evhttp_send_reply(request, 200, NULL, body);
    }
    if (body != NULL) {
        evbuffer_free(body);
    }
}

/* What was kept is not what the client sent: that it is malformed is no fault
 * of the request. */
void nx_http_reply_not_made(struct evhttp_request *request, int err,
                            const char *what) {
    struct nx_api_problem problem;
    if (err == NX_EMALFORMED) {
        (void)nx_api_refuse(&problem, 500,
                            "%s: the status that was kept is damaged, see "
                            "nxclear-collector --check",
                            what);
        nx_http_reply_problem(request, &problem);
        return;
    }
    nx_http_reply_error(request, err, what);
}

static int chosen_page(struct nx_http *http, const struct nx_http_wish *wish,
                       const struct nx_board_page **out) {
    struct nx_status_query query = wish->query;
    query.sight = &wish->sight;
    return nx_http_page_of(http, wish->asked.incident_id,
                           wish->chosen ? &query : NULL, out);
}

/* False: it is being made. */
static bool try_answer(struct nx_http *http, struct evhttp_request *request,
                       const struct nx_http_wish *wish) {
    const struct nx_board_page *page = NULL;
    int err = chosen_page(http, wish, &page);
    if (err == NX_EAGAIN) {
        return false;
    }
    if (err != 0) {
        nx_http_reply_not_made(request, err, "the status was not made");
    } else {
        answer(http, request, wish, page);
    }
    return true;
}

static void answer_or_wait(struct nx_http *http, struct evhttp_request *request,
                           const struct nx_http_wish *wish) {
    struct nx_http_waiter **last = &http->waiters;
    if (try_answer(http, request, wish)) {
        return;
    }
    struct nx_http_waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL) {
        nx_http_reply_error(request, NX_ENOMEM, "the status was not made");
        return;
    }
    while (*last != NULL) {
        last = &(*last)->next;
    }
    waiter->request = request;
    waiter->wish = *wish;
    *last = waiter;
}

void nx_http_get_status(struct nx_http *http, struct evhttp_request *request,
                        const struct nx_api_request *asked) {
    const struct nx_http_wish wish = {.asked = *asked, .since_s = http->second};
    answer_or_wait(http, request, &wish);
}

void nx_http_get_chosen(struct nx_http *http, struct evhttp_request *request,
                        const struct nx_api_request *asked,
                        const struct nx_status_query *query,
                        const struct nx_sight *sight) {
    const struct nx_http_wish wish = {.asked = *asked,
                                      .chosen = true,
                                      .query = *query,
                                      .sight = *sight,
                                      .since_s = http->second};
    answer_or_wait(http, request, &wish);
}

/* Takes it out of the list and frees it; its request lives on. */
static struct evhttp_request *forget(struct nx_http_waiter **link) {
    struct nx_http_waiter *waiter = *link;
    struct evhttp_request *request = waiter->request;
    *link = waiter->next;
    free(waiter);
    return request;
}

/* As for streams: libevent forgets a request that the network took away. */
void nx_http_waiter_closed(struct nx_http *http,
                           const struct evhttp_connection *evcon) {
    struct nx_http_waiter **link = &http->waiters;
    while (*link != NULL) {
        struct evhttp_connection *of =
            evhttp_request_get_connection((*link)->request);
        if (of == evcon) {
            (void)forget(link);
        } else if (of == NULL) {
            evhttp_request_free(forget(link));
        } else {
            link = &(*link)->next;
        }
    }
}

/* Answering may close connections, and so change the list. */
static void answer_waiters(struct nx_http *http) {
    struct nx_http_waiter *waiting = http->waiters;
    http->waiters = NULL;
    while (waiting != NULL) {
        const struct nx_http_wish wish = waiting->wish;
        struct evhttp_request *request = forget(&waiting);
        answer_or_wait(http, request, &wish);
    }
}

void nx_http_say_progress(struct nx_http *http, struct evhttp_request *request,
                          uint32_t id) {
    struct nx_api_problem problem;
    size_t targets_n = 0;
    size_t waiting_n = 0;
    size_t drawn_n = 0;
    size_t networks_n = 0;
    if (id != 0) {
        nx_engine_backlog_of(nx_service_engine(http->service), id, &targets_n,
                             &waiting_n);
    } else {
        nx_engine_backlog(nx_service_engine(http->service), &targets_n,
                          &waiting_n);
    }
    nx_board_progress(http->board, id, &drawn_n, &networks_n);
    (void)nx_api_refuse(&problem, 503,
                        "the status is being made: %zu of %zu targets are "
                        "judged, %zu of %zu networks are written; ask again",
                        targets_n - waiting_n, targets_n, drawn_n, networks_n);
    nx_http_reply_problem(request, &problem);
}

void nx_http_waiters_tick(struct nx_http *http) {
    struct nx_http_waiter **link = &http->waiters;
    while (*link != NULL) {
        const struct nx_http_wish *wish = &(*link)->wish;
        uint32_t id = wish->asked.incident_id;
        if (http->second - wish->since_s < http->patience_s) {
            link = &(*link)->next;
            continue;
        }
        nx_http_say_progress(http, forget(link), id);
        link = &http->waiters; /* the list may have changed */
    }
}

/* --- work --- */

/* Pages that nobody waits for leave two thirds of the time to others. */
#define WORK_SHARE 3

/* Somebody is to be answered, or told why not. */
static bool waited_for(const struct nx_http *http) {
    bool waits = http->waiters != NULL || nx_http_jobs_wait(http);
    for (const struct nx_http_stream *s = http->streams; s != NULL;
         s = s->next) {
        waits |= s->waits;
    }
    return waits;
}

/* Whatever those asked for who were answered meanwhile: who is told to wait
 * again does not hurry what waits itself. */
static void work_on(struct nx_http *http, enum nx_board_work work,
                    int64_t took_us) {
    switch (work) {
    case NX_BOARD_IDLE:
        break;
    case NX_BOARD_READY:
        nx_http_work_in(http, NX_BOARD_FRESH_US / 10);
        break;
    case NX_BOARD_BUSY:
        nx_http_work_in(http, took_us * (WORK_SHARE - 1));
        break;
    case NX_BOARD_WANTED:
        nx_http_work_in(http, 0);
        break;
    }
}

void nx_http_work(evutil_socket_t fd, short what, void *arg) {
    struct nx_http *http = arg;
    int64_t from_us = nx_clock_mono_us();
    enum nx_board_work work =
        nx_board_work(http->board, nx_service_engine(http->service),
                      nx_service_problem(http->service),
                      nx_service_now_us(http->service), http->slice.n);
    int64_t took_us = nx_clock_mono_us() - from_us;
    (void)fd;
    (void)what;
    if (work == NX_BOARD_WANTED || work == NX_BOARD_BUSY) {
        nx_slice_took(&http->slice, took_us); /* else nothing was done */
    }
    if (work != NX_BOARD_WANTED && waited_for(http)) {
        answer_waiters(http);
        nx_http_streams_ready(http);
        nx_http_jobs_ready(http);
    }
    int64_t pause_us = 0;
    bool more = nx_http_jobs_some(http, &pause_us); /* no page holds them up */
    if (more && work != NX_BOARD_WANTED) {
        nx_http_work_in(http, pause_us);
    } else {
        work_on(http, work, took_us);
    }
}
