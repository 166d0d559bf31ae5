/* GET /metrics: the open incidents as the board has them, read and written a
 * piece at a time. Of very many targets only those are read that are exported.
 */
#include <stdlib.h>

#include "collector/api/io_http_parts.h"
#include "collector/infer/verdict.h"
#include "collector/status/metrics.h"
#include "collector/status/status.h"
#include "collector/status/status_resolvers.h"
#include "collector/status/status_text.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define BYTES_PER_UNIT 1024U /* read in the time of one unit */
/* A scrape gives up after 10 s, and wants the rest in any case. */
#define PATIENCE_S 3U

struct metrics_work {
    enum { WAIT, READ, LISTS, WRITE, FREE } stage;
    bool late; /* what is not made is left out */
    struct nx_board_page *pages;
    size_t pages_n, page, site; /* the next one to be read */
    size_t room;                /* for targets */
    json_t *statuses;
    json_t *networks_of;     /* of the page that is read; borrowed */
    json_t *networks;        /* ... of all agents */
    json_t *agents, *health; /* lists */
    json_t *resolvers;
    size_t left_out_n;
    size_t metric; /* the next one to be written */
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

/* One list at a time. NX_EAGAIN: there is another one. */
static int make_lists(struct nx_http *http, struct metrics_work *w) {
    struct nx_engine *engine = nx_service_engine(http->service);
    int64_t now_us = nx_service_now_us(http->service);
    json_t **list = NULL;
    if (w->agents == NULL) {
        list = &w->agents;
        *list = nx_http_agent_list(http->service, NULL);
    } else if (w->networks == NULL) {
        list = &w->networks;
        *list = nx_status_networks(engine, now_us);
    } else if (w->resolvers == NULL) {
        list = &w->resolvers;
        *list = nx_status_capped(engine, now_us);
    } else {
        w->health = nx_http_health(http->service);
        return w->health != NULL ? 0 : NX_ENOMEM;
    }
    return *list != NULL ? NX_EAGAIN : NX_ENOMEM;
}

/* NX_EAGAIN: there is another one. */
static int write_next(struct nx_http *http, struct metrics_work *w) {
    const struct nx_metrics metrics = {
        .statuses = w->statuses,
        .left_out_n = w->left_out_n,
        .agents = w->agents,
        .networks = json_object_get(w->networks, "networks"),
        .resolvers = w->resolvers,
        .score = nx_service_score_of_late(http->service),
        .health = w->health};
    bool more = nx_metrics_put(&metrics, w->metric++, &w->text);
    return w->text.failed ? NX_ENOMEM : more ? NX_EAGAIN : 0;
}

/* What was read takes long to be freed, too. NX_EAGAIN: there is more of it. */
static int free_some(struct metrics_work *w, size_t budget) {
    size_t n = json_array_size(w->statuses);
    while (n > 0 && budget > 0) {
        json_t *status = json_array_get(w->statuses, n - 1);
        json_t *networks = json_object_get(status, "networks");
        size_t networks_n = json_array_size(networks);
        if (networks_n > 0) {
            (void)json_array_remove(networks, networks_n - 1);
        } else {
            (void)json_array_remove(w->statuses, --n);
        }
        budget--;
    }
    return n > 0 ? NX_EAGAIN : 0;
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
    case LISTS:
        w->err = make_lists(http, w);
        break;
    case WRITE:
        w->err = write_next(http, w);
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
        nx_http_reply_text(request, 200, METRICS_TYPE, w->text.bytes);
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
        nx_text_init(&w->text);
    }
    nx_http_job_start(http, request, &craft, w);
}
