/* GET /metrics: the open incidents as the board has them. Of very many targets
 * only those are read that are exported. */
#include "collector/api/io_http_parts.h"
#include "collector/infer/verdict.h"
#include "collector/status/json_put.h"
#include "collector/status/metrics.h"
#include "collector/status/status.h"
#include "collector/status/status_resolvers.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static json_t *read_blob(const struct nx_blob *blob) {
    return json_loadb(blob->bytes, blob->len, 0, NULL);
}

/* With its targets, if they are to be exported; else how many they are. */
static json_t *network_of(const struct nx_board_site *site, size_t *room) {
    bool affected = site->state != NX_STATE_CLEAR;
    if (affected && *room > 0) {
        *room -= site->targets_n < *room ? site->targets_n : *room;
        return read_blob(site->full);
    }
    json_t *lane = read_blob(site->lane);
    if (lane != NULL &&
        json_object_set_new(lane, NX_METRICS_UNREAD,
                            json_integer((json_int_t)site->targets_n)) != 0) {
        json_decref(lane);
        return NULL;
    }
    return lane;
}

static json_t *status_of(const struct nx_board_page *page, size_t *room) {
    struct nx_text head;
    nx_text_init(&head);
    nx_put_open(&head, '{');
    nx_text_bytes(&head, page->head->bytes, page->head->len);
    nx_put_close(&head, '}');
    json_t *status = nx_put_read(&head);
    json_t *networks = json_array();
    for (size_t i = 0; i < page->sites_n && networks != NULL; i++) {
        if (json_array_append_new(networks,
                                  network_of(&page->sites[i], room)) != 0) {
            json_decref(networks);
            networks = NULL;
        }
    }
    if (json_object_set_new(status, "networks", networks) != 0) {
        json_decref(status);
        return NULL;
    }
    return status;
}

/* Every page before any of them is read: one that is being made is waited for,
 * or left out and counted, if `left_out` is given. */
static int ask_pages(struct nx_http *http, json_t *list, size_t *left_out) {
    const struct nx_incident **incidents = NULL;
    size_t room = NX_METRICS_RESOLVERS_MAX;
    size_t n =
        nx_engine_incidents(nx_service_engine(http->service), &incidents);
    int err = 0;
    for (size_t i = 0; i < n && (err == 0 || err == NX_EAGAIN); i++) {
        const struct nx_board_page *page = NULL;
        if (incidents[i]->closed_us != NX_TIME_UNKNOWN || incidents[i]->audit) {
            continue;
        }
        int one = nx_http_page(http, incidents[i]->id, &page);
        if (one != 0 && left_out != NULL) {
            ++*left_out;
            continue;
        }
        err = one != 0 ? one : err;
        if (err == 0 && list != NULL &&
            json_array_append_new(list, status_of(page, &room)) != 0) {
            err = NX_ENOMEM;
        }
    }
    return err;
}

static void reply(struct nx_http *http, struct evhttp_request *request,
                  const json_t *statuses, size_t left_out_n) {
    struct nx_service *service = http->service;
    struct nx_engine *engine = nx_service_engine(service);
    int64_t now_us = nx_service_now_us(service);
    json_t *agents = nx_http_agent_list(service, NULL);
    json_t *networks = nx_status_networks(engine, now_us);
    json_t *resolvers = nx_status_resolvers(engine, now_us, NULL);
    json_t *health = nx_http_health(service);
    const struct nx_metrics metrics = {
        .statuses = statuses,
        .left_out_n = left_out_n,
        .agents = agents,
        .networks = json_object_get(networks, "networks"),
        .resolvers = json_object_get(resolvers, "resolvers"),
        .score = nx_service_score_of_late(service),
        .health = health};
    struct nx_text text;
    nx_text_init(&text);
    nx_metrics_text(&metrics, &text);
    char *bytes = nx_text_take(&text);
    nx_http_reply_text(request, 200, METRICS_TYPE, bytes);
    free(bytes);
    json_decref(agents);
    json_decref(networks);
    json_decref(resolvers);
    json_decref(health);
}

bool nx_http_try_metrics(struct nx_http *http, struct evhttp_request *request,
                         bool late) {
    size_t left_out_n = 0;
    size_t *left_out = late ? &left_out_n : NULL;
    int err = late ? 0 : ask_pages(http, NULL, NULL);
    json_t *statuses = json_array();
    err = err == 0 ? ask_pages(http, statuses, left_out) : err;
    if (err == NX_EAGAIN) {
        json_decref(statuses);
        return false;
    }
    if (err != 0) {
        nx_http_reply_error(request, NX_ENOMEM, "the metrics were not made");
    } else {
        reply(http, request, statuses, left_out_n);
    }
    json_decref(statuses);
    return true;
}
