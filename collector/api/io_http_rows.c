/* Lists of agents, networks, resolvers, which may be long: who is in them is
 * noted at one moment, then entries are written a few at a time, as they are
 * then. */
#include <stdlib.h>
#include <string.h>

#include "collector/api/io_http_parts.h"
#include "collector/api/page.h"
#include "collector/status/json_put.h"
#include "collector/status/status.h"
#include "collector/status/status_resolvers.h"
#include "collector/status/status_text.h"
#include "common/hash.h"

#define ROWS_PER_UNIT 16U /* looked at, or put in order */
#define UNITS_PER_ENTRY 4U

struct list_work;

/* What is listed. */
struct kind {
    const char *member;
    /* Members beside the list; NULL: none. */
    void (*head)(const struct nx_engine *engine, struct nx_text *out);
    /* All there are. NX_ENOMEM. */
    int (*note)(struct nx_http *http, struct list_work *w);
    const char *(*network)(const struct list_work *w, size_t row);
    /* What a cursor says of it. room: NX_API_CURSOR_MAX bytes. */
    const char *(*key)(const struct list_work *w, size_t row, char *room);
    /* False: no memory. *out NULL: it has gone meanwhile. */
    bool (*entry)(struct nx_http *http, struct list_work *w, size_t row,
                  json_t **out);
};

struct list_work {
    const struct kind *kind;
    struct nx_api_request asked;
    struct nx_sight sight;
    enum { NOTE, ORDER, FIND, WRITE } stage;
    struct nx_http_agents *agents; /* one of these */
    struct nx_network_list *networks;
    struct nx_resolver_list *resolvers;
    size_t rows_n, at;
    size_t put_n, last; /* entries, and the row of the last one */
    bool more;          /* ... than the limit */
    struct nx_text text;
    uint64_t digest;
    struct nx_api_problem problem;
    int err; /* NX_EDENIED: problem says why */
};

static void work_free(void *user) {
    struct list_work *w = user;
    if (w != NULL) {
        nx_http_agents_free(&w->agents);
        nx_network_list_free(&w->networks);
        nx_resolver_list_free(&w->resolvers);
        nx_text_fini(&w->text);
        free(w);
    }
}

/* --- agents --- */

static int note_agents(struct nx_http *http, struct list_work *w) {
    int err = nx_http_agents_new(http->service, &w->agents);
    w->rows_n = err == 0 ? nx_http_agents_n(w->agents) : 0;
    return err;
}

static const char *agent_network(const struct list_work *w, size_t row) {
    return nx_http_agents_at(w->agents, row)->agent.network;
}

static const char *agent_key(const struct list_work *w, size_t row,
                             char *room) {
    (void)room;
    return nx_http_agents_at(w->agents, row)->key;
}

static bool agent_entry(struct nx_http *http, struct list_work *w, size_t row,
                        json_t **out) {
    *out = nx_http_agent_json(http->service, nx_http_agents_at(w->agents, row));
    return *out != NULL;
}

/* --- networks --- */

static int note_networks(struct nx_http *http, struct list_work *w) {
    int err = nx_network_list_new(nx_service_engine(http->service), NULL,
                                  &w->networks);
    w->rows_n = err == 0 ? nx_network_list_n(w->networks) : 0;
    return err;
}

static const char *network_name(const struct list_work *w, size_t row) {
    return nx_network_list_at(w->networks, row);
}

static const char *network_key(const struct list_work *w, size_t row,
                               char *room) {
    (void)room;
    return nx_network_list_at(w->networks, row);
}

static bool network_entry(struct nx_http *http, struct list_work *w, size_t row,
                          json_t **out) {
    return nx_status_network_entry(nx_service_engine(http->service),
                                   nx_network_list_at(w->networks, row),
                                   out) == 0;
}

/* --- resolvers --- */

static int note_resolvers(struct nx_http *http, struct list_work *w) {
    int err =
        nx_resolver_list_new(nx_service_engine(http->service), &w->resolvers);
    w->rows_n = err == 0 ? nx_resolver_list_n(w->resolvers) : 0;
    return err;
}

static const char *resolver_network(const struct list_work *w, size_t row) {
    return nx_resolver_list_at(w->resolvers, row)->network;
}

static const char *resolver_key(const struct list_work *w, size_t row,
                                char *room) {
    return nx_resolver_id(nx_resolver_list_at(w->resolvers, row), room);
}

static bool resolver_entry(struct nx_http *http, struct list_work *w,
                           size_t row, json_t **out) {
    *out = nx_status_resolver(nx_service_engine(http->service),
                              nx_resolver_list_at(w->resolvers, row),
                              nx_service_now_us(http->service));
    return *out != NULL;
}

/* --- the work --- */

static const struct kind *kind_of(enum nx_api_route route) {
    static const struct kind agents = {.member = "agents",
                                       .note = note_agents,
                                       .network = agent_network,
                                       .key = agent_key,
                                       .entry = agent_entry};
    static const struct kind networks = {.member = "networks",
                                         .note = note_networks,
                                         .network = network_name,
                                         .key = network_key,
                                         .entry = network_entry};
    static const struct kind resolvers = {.member = "resolvers",
                                          .head = nx_status_put_canary_zones,
                                          .note = note_resolvers,
                                          .network = resolver_network,
                                          .key = resolver_key,
                                          .entry = resolver_entry};
    return route == NX_API_AGENTS     ? &agents
           : route == NX_API_NETWORKS ? &networks
                                      : &resolvers;
}

/* What was written from there on; that is what a reader may know already. */
static int digest(struct list_work *w, size_t from) {
    if (w->text.failed) {
        return NX_ENOMEM;
    }
    w->digest = nx_hash(w->text.bytes + from, w->text.len - from, w->digest);
    return 0;
}

static int begin(struct nx_http *http, struct list_work *w) {
    int err = w->kind->note(http, w);
    if (err != 0) {
        return err;
    }
    nx_put_open(&w->text, '{');
    nx_put_key(&w->text, "now");
    nx_put_time(&w->text, nx_service_now_us(http->service));
    size_t from = w->text.len;
    if (w->kind->head != NULL) {
        w->kind->head(nx_service_engine(http->service), &w->text);
    }
    nx_put_key(&w->text, w->kind->member);
    nx_put_open(&w->text, '[');
    return digest(w, from);
}

static bool is_seen(const struct list_work *w, size_t row) {
    return nx_sight_covers(&w->sight, w->kind->network(w, row));
}

/* The row behind the cursor. NX_EAGAIN: there are more to look at. */
static int find(struct list_work *w, size_t rows) {
    char room[NX_API_CURSOR_MAX];
    if (w->asked.cursor[0] == '\0') {
        return 0;
    }
    for (; w->at < w->rows_n && rows > 0; rows--) {
        size_t row = w->at++;
        if (is_seen(w, row) &&
            strcmp(w->kind->key(w, row, room), w->asked.cursor) == 0) {
            return 0;
        }
    }
    return w->at < w->rows_n ? NX_EAGAIN : nx_api_no_cursor(&w->problem);
}

static int put(struct nx_http *http, struct list_work *w, size_t row) {
    json_t *entry = NULL;
    size_t from = w->text.len;
    if (!w->kind->entry(http, w, row, &entry)) {
        return NX_ENOMEM;
    }
    if (entry == NULL) {
        return 0;
    }
    nx_put_value(&w->text, entry);
    w->put_n++;
    w->last = row;
    return digest(w, from);
}

/* NX_EAGAIN: there are more of them. */
static int write_some(struct nx_http *http, struct list_work *w, size_t rows) {
    while (w->at < w->rows_n && rows > 0) {
        size_t row = w->at++;
        size_t cost = 1;
        if (is_seen(w, row)) {
            w->more = w->asked.limit != 0 && w->put_n == w->asked.limit;
            int err = w->more ? 0 : put(http, w, row);
            if (w->more || err != 0) {
                return err;
            }
            cost = (size_t)UNITS_PER_ENTRY * ROWS_PER_UNIT;
        }
        rows -= cost < rows ? cost : rows;
    }
    return w->at < w->rows_n ? NX_EAGAIN : 0;
}

static void end(struct list_work *w) {
    nx_put_close(&w->text, ']');
    nx_put_close(&w->text, '}');
}

static enum nx_http_progress step(struct nx_http *http, void *user,
                                  size_t budget) {
    struct list_work *w = user;
    size_t rows = budget * ROWS_PER_UNIT;
    switch (w->stage) {
    case NOTE:
        w->err = begin(http, w);
        break;
    case ORDER:
        w->err =
            w->resolvers == NULL || nx_resolver_list_sort(w->resolvers, rows)
                ? 0
                : NX_EAGAIN;
        break;
    case FIND:
        w->err = find(w, rows);
        break;
    case WRITE:
        w->err = write_some(http, w, rows);
        break;
    }
    if (w->err == NX_EAGAIN) {
        return NX_HTTP_MORE;
    }
    if (w->err != 0 || w->stage == WRITE) {
        end(w);
        return NX_HTTP_DONE;
    }
    w->stage++;
    return NX_HTTP_MORE;
}

static void reply(struct nx_http *http, void *user,
                  struct evhttp_request *request) {
    struct list_work *w = user;
    char room[NX_API_CURSOR_MAX];
    char etag[NX_ETAG_MAX];
    (void)http;
    if (w->err == NX_EDENIED) {
        nx_http_reply_problem(request, &w->problem);
        return;
    }
    if (w->err != 0 || w->text.failed) {
        nx_http_reply_error(request, NX_ENOMEM, "the list was not made");
        return;
    }
    nx_http_add_link(request, &w->asked,
                     w->more ? w->kind->key(w, w->last, room) : "");
    if (!nx_http_reply_unchanged(request, nx_api_etag_of(w->digest, etag))) {
        nx_http_reply_document(request, &w->text);
    }
}

void nx_http_get_rows(struct nx_http *http, struct evhttp_request *request,
                      const struct nx_api_request *asked,
                      const struct nx_sight *sight) {
    static const struct nx_http_craft craft = {
        .step = step, .reply = reply, .free = work_free};
    struct list_work *w = calloc(1, sizeof *w);
    if (w != NULL) {
        w->kind = kind_of(asked->route);
        w->asked = *asked;
        w->sight = *sight;
        nx_text_init(&w->text);
    }
    nx_http_job_start(http, request, &craft, w);
}
