/* POST /v1/incidents/{id}/close: a piece at a time, beside all else. Once it
 * has begun it goes on, whether the client waits for the end of it or not. */
#include <inttypes.h>
#include <stdlib.h>

#include "collector/api/io_http_parts.h"
#include "common/err.h"
#include "common/io_log.h"

struct close_work {
    uint32_t incident_id;
    struct nx_closing *closing; /* NULL: not begun */
    int err;
};

static void work_free(void *user) {
    struct close_work *w = user;
    if (w != NULL) {
        nx_service_closing_free(&w->closing);
        free(w);
    }
}

/* Whoever asked may not wait for the answer. */
static void log_failure(const struct close_work *w) {
    if (w->err != NX_OK) {
        nx_log(NX_LOG_WARN, "incident %" PRIu32 " was not closed: %s",
               w->incident_id, nx_strerror(w->err));
    }
}

static enum nx_http_progress step(struct nx_http *http, void *user,
                                  size_t budget) {
    struct close_work *w = user;
    if (w->closing == NULL) {
        w->err =
            nx_service_closing_new(http->service, w->incident_id, &w->closing);
        return w->err == 0 ? NX_HTTP_MORE : NX_HTTP_DONE;
    }
    w->err = nx_service_closing_step(w->closing, budget);
    if (w->err > 0) {
        return w->err == NX_CLOSING_LATER ? NX_HTTP_LATER : NX_HTTP_MORE;
    }
    log_failure(w);
    return NX_HTTP_DONE;
}

static bool has_begun(const void *user) {
    const struct close_work *w = user;
    return w->closing != NULL;
}

static void reply(struct nx_http *http, void *user,
                  struct evhttp_request *request) {
    const struct close_work *w = user;
    if (w->err != 0) {
        nx_http_reply_error(request, w->err, "the incident was not closed");
    } else {
        nx_http_reply_json(
            request, 200, nx_http_incident_head(http->service, w->incident_id));
    }
}

void nx_http_close(struct nx_http *http, struct evhttp_request *request,
                   uint32_t incident_id) {
    static const struct nx_http_craft craft = {
        .step = step, .reply = reply, .free = work_free, .goes_on = has_begun};
    struct close_work *w = calloc(1, sizeof *w);
    if (w != NULL) {
        w->incident_id = incident_id;
    }
    nx_http_job_start(http, request, &craft, w);
}
