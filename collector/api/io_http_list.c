/* Lists: incidents and transitions; whole, or in pages. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/api/io_http_parts.h"
#include "collector/api/page.h"
#include "collector/status/status.h"
#include "collector/status/status_text.h"
#include "collector/store/io_store.h"

#define TRANSITIONS_PAGE 500U /* entries without a limit */
#define SCANNED_MAX 10000U    /* for a reader of some networks, in one answer */

/* --- transitions --- */

struct history {
    json_t *list;
    const struct nx_sight *sight;
    unsigned left_n; /* of the page */
    unsigned seen_n; /* rows, also those of others */
    int64_t last_id; /* the next page begins after it */
    int64_t seen_id;
    bool more, failed;
};

static json_t *transition_json(const struct nx_store_transition *row) {
    size_t len = strlen(row->name);
    len -= len > 1 && row->name[len - 1] == '.' ? 1 : 0;
    json_t *o = json_object();
    if (nx_json_set(o, "id", json_integer((json_int_t)row->id)) &&
        nx_json_set(o, "at", nx_json_time(row->at_us)) &&
        nx_json_set(o, "network", nx_json_text(row->network)) &&
        nx_json_set(o, "agent", nx_json_text(row->agent)) &&
        nx_json_set(o, "resolver", nx_json_text(row->resolver)) &&
        nx_json_set(o, "name", json_stringn(row->name, len)) &&
        nx_json_set(o, "type", nx_json_text(row->type)) &&
        nx_json_set(o, "from",
                    row->from_state != NULL ? json_string(row->from_state)
                                            : json_null()) &&
        nx_json_set(o, "to", json_string(row->to_state))) {
        return o;
    }
    json_decref(o);
    return NULL;
}

static void add_transition(void *user, const struct nx_store_transition *row) {
    struct history *h = user;
    h->seen_n++;
    h->seen_id = row->id;
    if (!nx_sight_covers(h->sight, row->network)) {
        return;
    }
    if (h->left_n == 0) {
        h->more = true;
        return;
    }
    h->left_n--;
    h->last_id = row->id;
    h->failed |= !nx_json_add(h->list, transition_json(row));
}

/* One more than the page is read, to know whether there is a next one. What a
 * reader may not see is passed over: a page may be short, or empty, and have a
 * next one. */
static int read_rows(struct nx_service *service,
                     const struct nx_api_request *asked, struct history *h) {
    const char *network = asked->network[0] != '\0' ? asked->network : NULL;
    unsigned chunk_n =
        h->sight->networks_n > 0 ? TRANSITIONS_PAGE : h->left_n + 1;
    unsigned before_n = 0;
    h->seen_id = strtoll(asked->cursor, NULL, 10);
    do {
        before_n = h->seen_n;
        int err =
            nx_service_transitions(service, asked->incident_id, network,
                                   h->seen_id, chunk_n, add_transition, h);
        if (err != 0 || h->failed) {
            return err != 0 ? err : NX_ENOMEM;
        }
    } while (!h->more && h->seen_n - before_n == chunk_n &&
             h->seen_n < SCANNED_MAX);
    if (!h->more && h->seen_n - before_n == chunk_n) {
        h->more = true;
        h->last_id = h->left_n > 0 ? h->seen_id : h->last_id;
    }
    return 0;
}

static int read_history(struct nx_service *service,
                        const struct nx_api_request *asked,
                        const struct nx_sight *sight, char *next,
                        json_t **out) {
    unsigned limit = asked->limit != 0 ? asked->limit : TRANSITIONS_PAGE;
    struct history h = {.list = json_array(), .sight = sight, .left_n = limit};
    int err = read_rows(service, asked, &h);
    if (err != 0) {
        json_decref(h.list);
        return err;
    }
    if (h.more) {
        (void)snprintf(next, NX_API_CURSOR_MAX, "%" PRId64, h.last_id);
    }
    *out =
        json_pack("{s:o, s:o}", "now", nx_json_time(nx_service_now_us(service)),
                  "transitions", h.list);
    return *out != NULL ? 0 : NX_ENOMEM;
}

/* --- pages --- */

void nx_http_add_link(struct evhttp_request *request,
                      const struct nx_api_request *asked, const char *next) {
    char uri[512];
    char escaped[NX_URI_CURSOR_MAX];
    char network[NX_URI_CURSOR_MAX];
    const char *path =
        evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    if (next[0] == '\0') {
        return;
    }
    (void)snprintf(uri, sizeof uri,
                   "<%.100s?limit=%u&cursor=%s%s%s>; rel=\"next\"", path,
                   asked->limit != 0 ? asked->limit : TRANSITIONS_PAGE,
                   nx_api_uri_escape(next, escaped),
                   asked->network[0] != '\0' ? "&network=" : "",
                   nx_api_uri_escape(asked->network, network));
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Link",
                            uri);
}

static void get_transitions(struct nx_service *service,
                            struct evhttp_request *request,
                            const struct nx_api_request *asked,
                            const struct nx_sight *sight) {
    struct nx_api_problem problem;
    json_t *document = NULL;
    char next[NX_API_CURSOR_MAX] = "";
    if (asked->network[0] != '\0' && !nx_sight_covers(sight, asked->network)) {
        (void)nx_api_refuse(&problem, 403, "this token is not for network %s",
                            asked->network);
        nx_http_reply_problem(request, &problem);
        return;
    }
    if (asked->cursor[strspn(asked->cursor, "0123456789")] != '\0') {
        (void)nx_api_refuse(&problem, 422, "cursor: not of this list");
        nx_http_reply_problem(request, &problem);
        return;
    }
    int err = read_history(service, asked, sight, next, &document);
    if (err != 0) {
        nx_http_reply_error(request, err, "the transitions were not read");
        return;
    }
    nx_http_add_link(request, asked, next);
    nx_http_reply_tagged(request, document);
}

static void get_incidents(struct nx_service *service,
                          struct evhttp_request *request,
                          const struct nx_api_request *asked,
                          const struct nx_sight *sight) {
    struct nx_api_problem problem;
    char next[NX_API_CURSOR_MAX] = "";
    json_t *document = nx_status_incident_list(
        nx_service_engine(service), nx_service_now_us(service), sight);
    if (document != NULL && nx_api_page(json_object_get(document, "incidents"),
                                        asked, next, &problem) != 0) {
        json_decref(document);
        nx_http_reply_problem(request, &problem);
        return;
    }
    nx_http_add_link(request, asked, next);
    nx_http_reply_tagged(request, document);
}

void nx_http_get_list(struct nx_http *http, struct evhttp_request *request,
                      const struct nx_api_request *asked,
                      const struct nx_sight *sight) {
    if (asked->route == NX_API_INCIDENT_TRANSITIONS) {
        get_transitions(http->service, request, asked, sight);
    } else if (asked->route == NX_API_INCIDENTS) {
        get_incidents(http->service, request, asked, sight);
    } else {
        nx_http_get_rows(http, request, asked, sight);
    }
}
