/* GET /v1/incidents/{id}/report: the stored rows and the networks of the page
 * are read, then the document is written, a piece at a time. */
#include <stdlib.h>

#include "collector/api/io_http_parts.h"
#include "collector/status/report.h"
#include "collector/status/status_text.h"

/* What takes about as long. */
#define ROWS_PER_UNIT 4U
#define BYTES_PER_UNIT 1024U
#define WRITTEN_PER_UNIT 2U

struct report_work {
    uint32_t incident_id;
    enum { WAIT, ROWS, NETWORKS, WRITE } stage;
    struct nx_board_page page; /* a copy */
    size_t at;                 /* of its networks */
    struct nx_service_rows rows;
    struct nx_report *report;
    json_t *head;
    struct nx_text text;
    int err;
};

static void work_free(void *user) {
    struct report_work *w = user;
    if (w != NULL) {
        nx_board_copy_fini(&w->page);
        nx_report_free(&w->report);
        json_decref(w->head);
        nx_text_fini(&w->text);
        free(w);
    }
}

static int read_head(struct nx_http *http, struct report_work *w) {
    int64_t now_us =
        w->page.closed ? w->page.as_of_us : nx_service_now_us(http->service);
    w->head = nx_board_head_of(&w->page);
    return nx_json_set(w->head, "now", nx_json_time(now_us)) ? 0 : NX_ENOMEM;
}

static int take_page(struct nx_http *http, struct report_work *w) {
    const struct nx_board_page *page = NULL;
    int err = nx_http_page(http, w->incident_id, &page);
    err = err == 0 ? nx_board_copy(page, &w->page) : err;
    err = err == 0 ? read_head(http, w) : err;
    return err == 0 ? nx_report_new(&w->report) : err;
}

/* NX_EAGAIN: there are more. */
static int read_networks(struct report_work *w, size_t budget) {
    while (w->at < w->page.sites_n && budget > 0) {
        const struct nx_blob *full = w->page.sites[w->at++].full;
        size_t cost = full->len / BYTES_PER_UNIT + 1;
        json_t *network = json_loadb(full->bytes, full->len, 0, NULL);
        if (network == NULL) {
            return NX_ENOMEM;
        }
        nx_report_network(w->report, network);
        json_decref(network);
        budget -= cost < budget ? cost : budget;
    }
    return w->at < w->page.sites_n ? NX_EAGAIN : 0;
}

static enum nx_http_progress step(struct nx_http *http, void *user,
                                  size_t budget) {
    struct report_work *w = user;
    switch (w->stage) {
    case WAIT:
        w->err = take_page(http, w);
        if (w->err == NX_EAGAIN) {
            return NX_HTTP_WAITS;
        }
        break;
    case ROWS:
        w->err =
            nx_service_report_rows(http->service, w->incident_id, &w->rows,
                                   (unsigned)budget * ROWS_PER_UNIT, w->report);
        break;
    case NETWORKS:
        w->err = read_networks(w, budget);
        break;
    case WRITE:
        w->err = nx_report_write(w->report, w->head, w->rows.truncated,
                                 budget * WRITTEN_PER_UNIT, &w->text);
        break;
    }
    if (w->err == NX_EAGAIN) {
        return NX_HTTP_MORE;
    }
    if (w->err != 0 || w->stage == WRITE) {
        return NX_HTTP_DONE;
    }
    w->stage++;
    return NX_HTTP_MORE;
}

static void reply(struct nx_http *http, void *user,
                  struct evhttp_request *request) {
    struct report_work *w = user;
    (void)http;
    if (w->err != 0) {
        nx_http_reply_not_made(request, w->err, "the report was not made");
    } else {
        nx_http_reply_document(request, &w->text);
    }
}

static uint32_t incident_of(const void *user) {
    const struct report_work *w = user;
    return w->incident_id;
}

void nx_http_report(struct nx_http *http, struct evhttp_request *request,
                    uint32_t incident_id) {
    static const struct nx_http_craft craft = {.step = step,
                                               .reply = reply,
                                               .free = work_free,
                                               .incident_of = incident_of};
    struct report_work *w = calloc(1, sizeof *w);
    if (w != NULL) {
        w->incident_id = incident_id;
        nx_text_init(&w->text);
    }
    nx_http_job_start(http, request, &craft, w);
}
