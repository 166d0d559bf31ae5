#include "collector/replay/replay.h"

#include <stdlib.h>

#include "collector/status/status.h"

#define QUIET_US INT64_C(600000000)     /* after so long without a record ... */
#define QUIET_STEP_US INT64_C(30000000) /* ... time passes in larger steps */

struct nx_replay {
    struct nx_engine *engine;
    struct nx_incident incident;
    int64_t every_us;
    bool opened;
    int64_t now_us;  /* of the last record; NX_TIME_UNKNOWN */
    int64_t tick_us; /* of the last tick; a multiple of every_us */
};

int nx_replay_new(const struct nx_recording_header *header,
                  struct nx_replay **out) {
    struct nx_replay *replay = calloc(1, sizeof(*replay));
    if (replay == NULL) {
        return NX_ENOMEM;
    }
    int err = nx_engine_new(&header->settings, &replay->engine);
    if (err != 0) {
        free(replay);
        return err;
    }
    replay->incident = header->incident;
    replay->every_us = header->settings.evaluate_every_us;
    replay->now_us = NX_TIME_UNKNOWN;
    *out = replay;
    return 0;
}

void nx_replay_free(struct nx_replay **replay) {
    if (*replay != NULL) {
        nx_engine_free(&(*replay)->engine);
        free(*replay);
        *replay = NULL;
    }
}

/* Ticks before at_us; a record comes before the tick of its instant. */
static void pass(struct nx_replay *r, int64_t at_us) {
    while (r->tick_us + r->every_us < at_us) {
        bool quiet = r->tick_us - r->now_us > QUIET_US;
        int64_t step_us = r->every_us;
        if (quiet && step_us < QUIET_STEP_US) {
            step_us *= QUIET_STEP_US / step_us;
        }
        if (r->tick_us + step_us >= at_us) {
            step_us = r->every_us;
        }
        r->tick_us += step_us;
        nx_engine_tick(r->engine, r->tick_us, NULL);
    }
}

/* Is at_us within reach? Before the incident is open no time needs to pass. */
static int check(const struct nx_replay *r, int64_t at_us) {
    bool far = r->opened && at_us - r->tick_us > NX_REPLAY_GAP_MAX_US;
    return far ? NX_ERANGE : 0;
}

int nx_replay_until(struct nx_replay *r, int64_t at_us) {
    int err = check(r, at_us);
    if (err == 0 && r->opened) {
        pass(r, at_us + 1);
    }
    return err;
}

static int open_incident(struct nx_replay *r, int64_t at_us) {
    int err = nx_engine_incident_open(r->engine, &r->incident);
    if (err == 0) {
        r->opened = true;
        r->now_us = at_us;
        r->tick_us = at_us - at_us % r->every_us;
    }
    return err;
}

static int put_zone(struct nx_engine *engine,
                    const struct nx_ns_book_zone *zone) {
    struct nx_ns_book_loading l = {nx_engine_ns_book(engine), NX_OK};
    for (size_t i = 0; i < zone->servers_n; i++) {
        nx_ns_book_load(&l, zone->apex, &zone->servers[i]);
    }
    return l.err;
}

static int feed(struct nx_replay *r, const struct nx_record *record) {
    int64_t at_us = record->at_us;
    switch (record->kind) {
    case NX_RECORD_AGENT:
        return nx_engine_agent_set(r->engine, &record->u.agent);
    case NX_RECORD_HELLO:
        return nx_engine_hello(r->engine, record->agent_id, &record->u.hello,
                               at_us);
    case NX_RECORD_BATCH:
        return nx_engine_batch(r->engine, record->agent_id, &record->u.batch, 0,
                               at_us);
    case NX_RECORD_PROFILE:
        nx_engine_profile_set(r->engine, &record->u.profile);
        return 0;
    case NX_RECORD_RESOLVER:
        return nx_engine_resolver_put(r->engine, &record->u.resolver);
    case NX_RECORD_ZONE:
        return put_zone(r->engine, record->u.zone);
    case NX_RECORD_OPEN:
        return open_incident(r, at_us);
    case NX_RECORD_CLOSE:
        return r->opened ? nx_status_close(r->engine, r->incident.id, at_us)
                         : NX_ENOTFOUND;
    case NX_RECORD_END:
        return 0;
    }
    return NX_EMALFORMED;
}

int nx_replay_feed(struct nx_replay *r, const struct nx_record *record) {
    int err = check(r, record->at_us);
    if (err != 0) {
        return err;
    }
    if (r->opened) {
        pass(r, record->at_us);
    }
    err = feed(r, record);
    if (err == 0 && record->at_us > r->now_us) {
        r->now_us = record->at_us;
    }
    return err;
}

struct nx_engine *nx_replay_engine(struct nx_replay *r) {
    return r->engine;
}

uint32_t nx_replay_incident(const struct nx_replay *r) {
    return r->opened ? r->incident.id : 0;
}

int64_t nx_replay_now_us(const struct nx_replay *r) {
    return r->now_us;
}
