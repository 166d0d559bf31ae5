/* An incident is closed a piece at a time: of very many targets its last status
 * alone takes seconds. Until the end it is open, and what comes in counts as
 * before; then it is closed by one transaction, which is small. What was
 * written before that says nothing of an incident that is open. */
#include "collector/io_service_priv.h"

#include <stdlib.h>
#include <string.h>

#include "collector/status/board.h"
#include "common/rfc3339.h"

/* What takes as long as it takes to draw one target. */
#define JOINED_PER_UNIT 16384U
/* Of a status: written at a time. */
#define PART_BYTES ((size_t)256 << 10)
#define WHOLE 65536U /* targets, where nothing else is to be done meanwhile */

struct nx_closing {
    struct nx_service *service;
    uint32_t id;
    bool in_turns; /* with others, in the loop */
    enum { DRAW, JOIN, PARTS, NETWORKS, END } stage;
    struct nx_board *board;
    struct nx_board_page page; /* a copy */
    size_t at;                 /* of its networks */
    struct nx_text text;
    uint32_t parts_n;
    bool networks_due;
    uint64_t failures_n; /* of the group, when the first part was written */
};

static int is_open(const struct nx_service *service, uint32_t id) {
    const struct nx_incident *known = nx_engine_incident(service->engine, id);
    return known == NULL                         ? NX_ENOTFOUND
           : known->closed_us != NX_TIME_UNKNOWN ? NX_ESTATE
                                                 : NX_OK;
}

int nx_service_closing_new(struct nx_service *service, uint32_t id,
                           struct nx_closing **out) {
    int err = is_open(service, id);
    struct nx_closing *c = err == NX_OK ? calloc(1, sizeof(*c)) : NULL;
    if (c == NULL) {
        return err != NX_OK ? err : NX_ENOMEM;
    }
    c->service = service;
    c->id = id;
    c->in_turns = true;
    nx_text_init(&c->text);
    err = nx_board_new_exact(&c->board);
    if (err != NX_OK) {
        nx_service_closing_free(&c);
        return err;
    }
    *out = c;
    return NX_OK;
}

void nx_service_closing_free(struct nx_closing **closing) {
    struct nx_closing *c = *closing;
    if (c != NULL) {
        nx_board_free(&c->board);
        nx_board_copy_fini(&c->page);
        nx_text_fini(&c->text);
        free(c);
        *closing = NULL;
    }
}

/* --- its last status --- */

static int draw(struct nx_closing *c, size_t budget) {
    struct nx_engine *engine = c->service->engine;
    int64_t now_us = nx_service_now_us(c->service);
    const struct nx_board_page *page = NULL;
    if (nx_board_work(c->board, engine, NULL, now_us, budget) ==
        NX_BOARD_WANTED) {
        return NX_CLOSING_MORE;
    }
    int err = nx_board_page(c->board, engine, c->id, NULL, now_us, &page);
    if (err == NX_EAGAIN) {
        return NX_CLOSING_MORE;
    }
    err = err == NX_OK ? nx_board_copy(page, &c->page) : err;
    nx_board_free(&c->board);
    return err;
}

static void begin_text(struct nx_closing *c) {
    char as_of[NX_TIME_TEXT_MAX];
    (void)nx_time_text(c->page.as_of_us, as_of);
    nx_text_addf(&c->text, "{\"now\":\"%s\",\"as_of\":\"%s\",", as_of, as_of);
    nx_text_bytes(&c->text, c->page.head->bytes, c->page.head->len);
    nx_text_add(&c->text, ",\"networks\":[");
}

static int join(struct nx_closing *c, size_t budget) {
    const struct nx_board_page *page = &c->page;
    size_t to = c->text.len + budget * JOINED_PER_UNIT;
    if (c->text.len == 0) {
        begin_text(c);
    }
    while (c->at < page->sites_n && c->text.len < to && !c->text.failed) {
        const struct nx_blob *full = page->sites[c->at++].full;
        /* with the comma that stands behind it */
        nx_text_bytes(&c->text, full->bytes,
                      full->len + (c->at < page->sites_n ? 1 : 0));
    }
    if (c->at < page->sites_n && !c->text.failed) {
        return NX_CLOSING_MORE;
    }
    nx_text_add(&c->text, "]}");
    return c->text.failed ? NX_ENOMEM : NX_OK;
}

/* --- into the store --- */

/* Into the transaction that is open, which others write into, too. */
static int put(struct nx_closing *c, int (*write)(struct nx_closing *c)) {
    struct nx_group *group = nx_ingest_group(c->service->ingest);
    if (c->in_turns && nx_group_busy(group, c->service->on_judge)) {
        return NX_CLOSING_LATER; /* else the loop would wait for the disk */
    }
    int err = nx_group_open(group);
    if (err == NX_OK) {
        err = write(c);
        if (err != NX_OK) {
            nx_group_abort(group);
        }
    }
    return err;
}

static size_t rest_of(const struct nx_closing *c) {
    return c->text.len - (size_t)c->parts_n * PART_BYTES;
}

static int write_part(struct nx_closing *c) {
    int err = nx_store_closed_part_put(
        c->service->store, c->id, c->parts_n,
        c->text.bytes + (size_t)c->parts_n * PART_BYTES, PART_BYTES);
    c->parts_n += err == NX_OK ? 1 : 0;
    return err;
}

static int put_part(struct nx_closing *c) {
    if (rest_of(c) <= PART_BYTES) {
        c->at = 0;
        c->networks_due =
            c->service->networks_told || c->service->networks != NULL;
        return NX_OK;
    }
    int err = put(c, write_part);
    return err == NX_OK ? NX_CLOSING_MORE : err;
}

/* Its forecasts meet what happened until now: a pass over all incidents leaves
 * out what is closed meanwhile. */
static int write_network(struct nx_closing *c) {
    const char *network = c->page.sites[c->at].network;
    int err = nx_service_network_put(c->service, c->id, network, false,
                                     nx_service_now_us(c->service));
    c->at += err == NX_OK ? 1 : 0;
    return err;
}

static int put_networks(struct nx_closing *c) {
    int64_t from_us = nx_clock_mono_us();
    int err = NX_OK;
    while (err == NX_OK && c->networks_due && c->at < c->page.sites_n &&
           (!c->in_turns || nx_clock_mono_us() - from_us < NX_SLICE_US)) {
        err = put(c, write_network);
    }
    bool more = err == NX_OK && c->networks_due && c->at < c->page.sites_n;
    return more ? NX_CLOSING_MORE : err;
}

static int store_close(struct nx_closing *c, int64_t now_us) {
    struct nx_service *service = c->service;
    int err = nx_store_incident_close(service->store, c->id, now_us);
    if (err == NX_OK) {
        err = nx_service_alerts_closing(service, &c->page, now_us);
    }
    return err == NX_OK ? nx_store_closed_status_put(
                              service->store, c->id, c->parts_n,
                              c->text.bytes + (size_t)c->parts_n * PART_BYTES)
                        : err;
}

static int end(struct nx_closing *c) {
    struct nx_service *service = c->service;
    struct nx_group *group = nx_ingest_group(service->ingest);
    int64_t now_us = nx_service_now_us(service);
    int err = nx_group_begin(group);
    if (err == NX_OK) {
        err = nx_group_end(group, store_close(c, now_us));
    }
    if (err == NX_OK) {
        nx_service_alerts_closed(service, c->id);
        err = nx_engine_incident_close(service->engine, c->id, now_us);
    }
    if (err == NX_OK) {
        char *text = nx_text_take(&c->text);
        err = nx_engine_incident_take(service->engine, c->id, text);
        if (err != NX_OK) {
            free(text);
        }
    }
    return err;
}

/* --- in turn --- */

/* What was written of it may have been rolled back with what others wrote. */
static void check_parts(struct nx_closing *c) {
    const struct nx_group *group = nx_ingest_group(c->service->ingest);
    uint64_t failures_n = nx_group_counters(group)->failures_n;
    if (c->stage > PARTS && failures_n != c->failures_n) {
        c->stage = PARTS;
    }
    if (c->stage <= PARTS && failures_n != c->failures_n) {
        c->failures_n = failures_n;
        c->parts_n = 0;
    }
}

int nx_service_closing_step(struct nx_closing *c, size_t budget) {
    int err = is_open(c->service, c->id);
    if (err != NX_OK) {
        return err;
    }
    check_parts(c);
    switch (c->stage) {
    case DRAW:
        err = draw(c, budget);
        break;
    case JOIN:
        err = join(c, budget);
        break;
    case PARTS:
        err = put_part(c);
        break;
    case NETWORKS:
        err = put_networks(c);
        break;
    case END:
        return end(c);
    }
    if (err == NX_OK) {
        c->stage++;
        err = NX_CLOSING_MORE;
    }
    return err;
}

int nx_service_incident_close(struct nx_service *service, uint32_t id) {
    struct nx_closing *c = NULL;
    int err = nx_service_closing_new(service, id, &c);
    if (err != NX_OK) {
        return err;
    }
    c->in_turns = false;
    do {
        err = nx_service_closing_step(c, WHOLE);
    } while (err > 0);
    nx_service_closing_free(&c);
    return err;
}
