/* GET /metrics: the open incidents as the board has them, read and written a
 * piece at a time, as all else. Of very many targets only those are read that
 * are exported. Each list is of one moment, so that no series comes twice. */
#include <stdlib.h>

#include "collector/api/io_http_parts.h"
#include "collector/infer/verdict.h"
#include "collector/status/metrics.h"
#include "collector/status/status.h"
#include "collector/status/status_resolvers.h"
#include "collector/status/status_text.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define BYTES_PER_UNIT 1024U /* read in the time of one unit */
#define UNITS_PER_ENTRY 4U   /* of a list */
#define PUT_PER_UNIT 2U      /* networks, agents or resolvers of one metric */
/* A scrape gives up after 10 s, and wants the rest in any case. */
#define PATIENCE_S 3U

struct metrics_work {
    enum { WAIT, READ, AGENTS, NETWORKS, RESOLVERS, WRITE, FREE } stage;
    bool late; /* what is not made is left out */
    struct nx_board_page *pages;
    size_t pages_n, page, site; /* the next one to be read */
    size_t room;                /* for targets */
    json_t *statuses;
    json_t *networks_of; /* of the page that is read; borrowed */
    struct nx_http_agents *agents_list;
    struct nx_network_list *networks_list;
    struct nx_resolver_list *capped;
    json_t *agents, *networks, *resolvers, *health; /* of the others */
    size_t resolvers_left_out_n;
    size_t left_out_n;
    struct nx_metrics_place place; /* of what is to be written next */
    struct nx_text text;
    int err;
};

static void forget_pages(struct metrics_work *w) {
    for (size_t i = 0; i < w->pages_n; i++) {
        nx_board_copy_fini(&w->pages[i]);
    }
    free(w->pages);
    w->pages = NULL;
    w->pages_n = 0;
    w->left_out_n = 0;
}

static void work_free(void *user) {
    struct metrics_work *w = user;
    if (w != NULL) {
        forget_pages(w);
        nx_http_agents_free(&w->agents_list);
        nx_network_list_free(&w->networks_list);
        nx_resolver_list_free(&w->capped);
        json_decref(w->statuses);
        json_decref(w->networks);
        json_decref(w->agents);
        json_decref(w->health);
        json_decref(w->resolvers);
        nx_text_fini(&w->text);
        free(w);
    }
}

/* --- the pages --- */

static int add_page(struct metrics_work *w, const struct nx_board_page *page) {
    void *grown =
        realloc(w->pages, (w->pages_n + 1) * sizeof(struct nx_board_page));
    if (grown == NULL) {
        return NX_ENOMEM;
    }
    w->pages = grown;
    int err = nx_board_copy(page, &w->pages[w->pages_n]);
    w->pages_n += err == 0 ? 1 : 0;
    return err;
}

/* Every page before any of them is read: one that is being made is waited for,
 * or, when it is late, left out and counted. */
static int take_pages(struct nx_http *http, struct metrics_work *w) {
    const struct nx_incident **incidents = NULL;
    size_t n =
        nx_engine_incidents(nx_service_engine(http->service), &incidents);
    int err = 0;
    forget_pages(w);
    for (size_t i = 0; i < n && (err == 0 || err == NX_EAGAIN); i++) {
        const struct nx_board_page *page = NULL;
        if (incidents[i]->closed_us != NX_TIME_UNKNOWN || incidents[i]->audit) {
            continue;
        }
        int one = nx_http_page(http, incidents[i]->id, &page);
        if (one != 0 && w->late) {
            w->left_out_n++;
            continue;
        }
        err = one != 0 ? one : err;
        if (err == 0) {
            err = add_page(w, page);
        }
    }
    return err;
}

/* --- reading them --- */

static json_t *read_blob(const struct nx_blob *blob, size_t *cost) {
    *cost += blob->len / BYTES_PER_UNIT;
    return json_loadb(blob->bytes, blob->len, 0, NULL);
}

/* Leaves of the targets what is exported: trees of all else would take long to
 * be freed in the end. */
static json_t *trimmed(json_t *network) {
    static const char *const keys[] = {"resolver", "type", "agent", "lines"};
    json_t *targets = json_array();
    size_t i = 0;
    const json_t *from = NULL;
    bool ok = targets != NULL && network != NULL;
    json_array_foreach(json_object_get(network, "targets"), i, from) {
        json_t *to = json_object();
        for (size_t k = 0; ok && k < sizeof keys / sizeof keys[0]; k++) {
            json_t *value = json_object_get(from, keys[k]);
            ok = value == NULL || nx_json_set(to, keys[k], json_incref(value));
        }
        ok = nx_json_add(targets, to) && ok;
    }
    if (!nx_json_set(network, "targets", targets) || !ok) {
        json_decref(network);
        return NULL;
    }
    return network;
}

/* With its targets, if they are to be exported; else how many they are. */
static json_t *network_of(const struct nx_board_site *site, size_t *room,
                          size_t *cost) {
    bool affected = site->state != NX_STATE_CLEAR;
    *cost = 1;
    if (affected && *room > 0) {
        *room -= site->targets_n < *room ? site->targets_n : *room;
        return trimmed(read_blob(site->full, cost));
    }
    json_t *lane = read_blob(site->lane, cost);
    if (!nx_json_set(lane, NX_METRICS_UNREAD,
                     json_integer((json_int_t)site->targets_n))) {
        json_decref(lane);
        return NULL;
    }
    return lane;
}

static int begin_status(struct metrics_work *w) {
    json_t *status = nx_board_head_of(&w->pages[w->page]);
    w->networks_of = json_array();
    w->site = 0;
    if (!nx_json_set(status, "networks", w->networks_of)) {
        json_decref(status);
        return NX_ENOMEM;
    }
    return nx_json_add(w->statuses, status) ? 0 : NX_ENOMEM;
}

/* NX_EAGAIN: there is more to read. */
static int read_pages(struct metrics_work *w, size_t budget) {
    while (w->page < w->pages_n && budget > 0) {
        const struct nx_board_page *page = &w->pages[w->page];
        size_t cost = 1;
        if (w->networks_of == NULL) {
            int err = begin_status(w);
            if (err != 0) {
                return err;
            }
        } else if (w->site == page->sites_n) {
            w->networks_of = NULL;
            w->page++;
        } else if (!nx_json_add(
                       w->networks_of,
                       network_of(&page->sites[w->site++], &w->room, &cost))) {
            return NX_ENOMEM;
        }
        budget -= cost < budget ? cost : budget;
    }
    return w->page < w->pages_n ? NX_EAGAIN : 0;
}

static int some_agents(struct nx_http *http, struct metrics_work *w, size_t n) {
    if (w->agents_list == NULL) {
        int err = nx_http_agents_new(http->service, &w->agents_list);
        return err != 0 ? err : NX_EAGAIN;
    }
    return nx_http_agents_some(w->agents_list, http->service, w->agents, n);
}

static int some_networks(struct nx_http *http, struct metrics_work *w,
                         size_t n) {
    struct nx_engine *engine = nx_service_engine(http->service);
    if (w->networks_list == NULL) {
        int err = nx_network_list_new(engine, NULL, &w->networks_list);
        return err != 0 ? err : NX_EAGAIN;
    }
    return nx_network_list_some(w->networks_list, engine, w->networks, n);
}

static int some_resolvers(struct nx_http *http, struct metrics_work *w,
                          size_t n) {
    const struct nx_engine *engine = nx_service_engine(http->service);
    if (w->capped == NULL) {
        int err = nx_resolver_list_capped(engine, NX_METRICS_RESOLVERS_MAX,
                                          &w->capped);
        return err != 0 ? err : NX_EAGAIN;
    }
    w->resolvers_left_out_n = nx_resolver_list_left_out(w->capped);
    return nx_resolver_list_some(
        w->capped, engine, nx_service_now_us(http->service), w->resolvers, n);
}

/* NX_EAGAIN: there is more of it. */
static int write_some(struct nx_http *http, struct metrics_work *w,
                      size_t budget) {
    if (w->health == NULL) {
        w->health = nx_http_health(http->service);
        return w->health != NULL ? NX_EAGAIN : NX_ENOMEM;
    }
    const struct nx_metrics metrics = {
        .statuses = w->statuses,
        .left_out_n = w->left_out_n,
        .agents = w->agents,
        .networks = w->networks,
        .resolvers = w->resolvers,
        .resolvers_left_out_n = w->resolvers_left_out_n,
        .score = nx_service_score_of_late(http->service),
        .health = w->health};
    bool all =
        nx_metrics_step(&metrics, &w->place, budget * PUT_PER_UNIT, &w->text);
    return w->text.failed ? NX_ENOMEM : all ? 0 : NX_EAGAIN;
}

/* The last ones of it; true: it is empty. */
static bool shorten(json_t *list, size_t *budget) {
    size_t n = json_array_size(list);
    for (; n > 0 && *budget > 0; --*budget) {
        (void)json_array_remove(list, --n);
    }
    return n == 0;
}

/* What was read takes long to be freed, too. NX_EAGAIN: there is more of it. */
static int free_some(struct metrics_work *w, size_t budget) {
    json_t *const lists[] = {w->agents, w->networks, w->resolvers};
    size_t n = 0;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (!shorten(lists[i], &budget)) {
            return NX_EAGAIN;
        }
    }
    while ((n = json_array_size(w->statuses)) > 0) {
        const json_t *status = json_array_get(w->statuses, n - 1);
        if (budget == 0 ||
            !shorten(json_object_get(status, "networks"), &budget)) {
            return NX_EAGAIN;
        }
        (void)json_array_remove(w->statuses, n - 1);
        budget -= budget > 0 ? 1 : 0;
    }
    return 0;
}

/* --- the work --- */

static enum nx_http_progress step(struct nx_http *http, void *user,
                                  size_t budget) {
    struct metrics_work *w = user;
    switch (w->stage) {
    case WAIT:
        w->err = take_pages(http, w);
        if (w->err == NX_EAGAIN) {
            return NX_HTTP_WAITS;
        }
        break;
    case READ:
        w->err = read_pages(w, budget);
        break;
    case AGENTS:
        w->err = some_agents(http, w, budget / UNITS_PER_ENTRY + 1);
        break;
    case NETWORKS:
        w->err = some_networks(http, w, budget / UNITS_PER_ENTRY + 1);
        break;
    case RESOLVERS:
        w->err = some_resolvers(http, w, budget / UNITS_PER_ENTRY + 1);
        break;
    case WRITE:
        w->err = write_some(http, w, budget);
        break;
    case FREE:
        w->err = free_some(w, budget);
        break;
    }
    if (w->err == NX_EAGAIN) {
        return NX_HTTP_MORE;
    }
    if (w->err != 0 || w->stage == FREE) {
        return NX_HTTP_DONE;
    }
    w->stage++;
    return NX_HTTP_MORE;
}

static void hurry(void *user) {
    struct metrics_work *w = user;
    w->late = true;
}

static void reply(struct nx_http *http, void *user,
                  struct evhttp_request *request) {
    struct metrics_work *w = user;
    (void)http;
    if (w->err != 0) {
        nx_http_reply_error(request, w->err, "the metrics were not made");
    } else {
        nx_http_reply_made(request, METRICS_TYPE, &w->text);
    }
}

void nx_http_metrics(struct nx_http *http, struct evhttp_request *request) {
    static const struct nx_http_craft craft = {.step = step,
                                               .reply = reply,
                                               .free = work_free,
                                               .hurry = hurry,
                                               .hurry_s = PATIENCE_S};
    struct metrics_work *w = calloc(1, sizeof *w);
    if (w != NULL) {
        w->room = NX_METRICS_RESOLVERS_MAX;
        w->statuses = json_array();
        w->agents = json_array();
        w->networks = json_array();
        w->resolvers = json_array();
        nx_text_init(&w->text);
    }
    nx_http_job_start(http, request, &craft, w);
}
