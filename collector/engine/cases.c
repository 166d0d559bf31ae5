/* Open and closed incidents. */
#include <stdlib.h>
#include <string.h>

#include "collector/engine/engine_priv.h"
#include "collector/engine/planner.h"
#include "collector/engine/siblings.h"
#include "collector/engine/targets.h"

/* Targets of a closed incident that are freed at once; of very many that would
 * take so long that others wait. */
#define LEAVE_AT_ONCE 1000U

bool nx_case_open(const struct nx_case *c) {
    return c->items != NULL;
}

struct nx_case *nx_cases_find(const struct nx_engine *engine, uint32_t id) {
    size_t lo = 0;
    size_t hi = engine->cases_n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (engine->cases[mid]->incident.id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < engine->cases_n && engine->cases[lo]->incident.id == id
               ? engine->cases[lo]
               : NULL;
}

static size_t open_n(const struct nx_engine *engine) {
    size_t n = 0;
    for (size_t i = 0; i < engine->cases_n; i++) {
        n += nx_case_open(engine->cases[i]) ? 1U : 0U;
    }
    return n;
}

bool nx_cases_leave(struct nx_engine *engine, size_t max) {
    bool more = false;
    for (size_t i = 0; i < engine->cases_n; i++) {
        more |= nx_items_leave(engine, engine->cases[i], &max);
    }
    return more;
}

static void items_free(struct nx_engine *engine, struct nx_case *c) {
    size_t all = SIZE_MAX;
    if (nx_case_open(c)) {
        nx_items_end(engine, c);
    }
    (void)nx_items_leave(engine, c, &all);
}

static void case_remove(struct nx_engine *engine, size_t at) {
    items_free(engine, engine->cases[at]);
    free(engine->cases[at]->kept);
    free(engine->cases[at]->order);
    free(engine->cases[at]);
    engine->cases_n--;
    for (size_t i = at; i < engine->cases_n; i++) {
        engine->cases[i] = engine->cases[i + 1];
    }
}

static bool drop_closed(struct nx_engine *engine, bool audit) {
    for (size_t i = 0; i < engine->cases_n; i++) {
        const struct nx_case *c = engine->cases[i];
        if (!nx_case_open(c) && c->incident.audit == audit) {
            case_remove(engine, i);
            return true;
        }
    }
    return false;
}

/* The oldest closed audit makes room, then the oldest closed incident. */
static int make_room(struct nx_engine *engine) {
    while (engine->cases_n >= NX_ENGINE_INCIDENTS_MAX) {
        if (!drop_closed(engine, true) && !drop_closed(engine, false)) {
            return NX_ELIMIT;
        }
    }
    return 0;
}

static int reserve(struct nx_engine *engine) {
    if (engine->cases_n < engine->cases_cap) {
        return 0;
    }
    size_t cap = engine->cases_cap == 0 ? 8 : 2 * engine->cases_cap;
    void *cases = realloc(engine->cases, cap * sizeof(*engine->cases));
    if (cases == NULL) {
        return NX_ENOMEM;
    }
    engine->cases = cases;
    const struct nx_incident **incidents = NULL;
    incidents = realloc(engine->incidents, cap * sizeof(*incidents));
    if (incidents == NULL) {
        return NX_ENOMEM;
    }
    engine->incidents = incidents;
    engine->cases_cap = cap;
    return 0;
}

static void insert(struct nx_engine *engine, struct nx_case *c) {
    size_t at = engine->cases_n++;
    while (at > 0 && engine->cases[at - 1]->incident.id > c->incident.id) {
        engine->cases[at] = engine->cases[at - 1];
        at--;
    }
    engine->cases[at] = c;
}

static int case_start(struct nx_engine *engine, struct nx_case *c) {
    c->items = calloc(c->incident.items_n, sizeof(*c->items));
    int err = c->items == NULL ? NX_ENOMEM : 0;
    for (unsigned i = 0; i < c->incident.items_n && err == 0; i++) {
        err = nx_item_init(engine, c, i);
    }
    if (err != 0) {
        items_free(engine, c);
    }
    return err;
}

static int check_incident(const struct nx_engine *engine,
                          const struct nx_incident *incident) {
    if (nx_cases_find(engine, incident->id) != NULL) {
        return NX_EEXISTS;
    }
    bool closed = incident->closed_us != NX_TIME_UNKNOWN;
    return incident->items_n == 0 ||
                   incident->items_n > NX_INCIDENT_ITEMS_MAX ||
                   (!closed && open_n(engine) == NX_ENGINE_OPEN_MAX)
               ? NX_ELIMIT
               : 0;
}

int nx_engine_incident_open(struct nx_engine *engine,
                            const struct nx_incident *incident) {
    int err = check_incident(engine, incident);
    err = err != 0 ? err : make_room(engine);
    err = err != 0 ? err : reserve(engine);
    if (err != 0) {
        return err;
    }
    struct nx_case *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return NX_ENOMEM;
    }
    c->incident = *incident;
    if (incident->closed_us == NX_TIME_UNKNOWN) {
        err = case_start(engine, c);
    }
    if (err != 0) {
        free(c);
        return err;
    }
    insert(engine, c);
    nx_siblings_opened(engine, c);
    engine->told_n++;
    nx_plan_touch_auditors(engine);
    return 0;
}

int nx_engine_incident_close(struct nx_engine *engine, uint32_t id,
                             int64_t at_us) {
    struct nx_case *c = nx_cases_find(engine, id);
    if (c == NULL) {
        return NX_ENOTFOUND;
    }
    if (!nx_case_open(c)) {
        return NX_ESTATE;
    }
    c->incident.closed_us = at_us;
    nx_siblings_closed(engine, c);
    engine->told_n++;
    nx_items_end(engine, c);
    (void)nx_cases_leave(engine, LEAVE_AT_ONCE);
    nx_plan_touch_auditors(engine);
    return 0;
}

/* The one that was closed first gives its text up. */
static void drop_kept(struct nx_engine *engine) {
    struct nx_case *oldest = NULL;
    size_t n = 0;
    for (size_t i = 0; i < engine->cases_n; i++) {
        struct nx_case *c = engine->cases[i];
        if (c->kept == NULL) {
            continue;
        }
        n++;
        if (oldest == NULL ||
            c->incident.closed_us < oldest->incident.closed_us) {
            oldest = c;
        }
    }
    if (n > NX_ENGINE_KEPT_MAX) {
        free(oldest->kept);
        oldest->kept = NULL;
    }
}

int nx_engine_incident_take(struct nx_engine *engine, uint32_t id, char *text) {
    struct nx_case *c = nx_cases_find(engine, id);
    if (c == NULL) {
        return NX_ENOTFOUND;
    }
    if (nx_case_open(c)) {
        return NX_ESTATE;
    }
    free(c->kept);
    c->kept = text;
    engine->told_n++;
    drop_kept(engine);
    return 0;
}

int nx_engine_incident_keep(struct nx_engine *engine, uint32_t id,
                            const char *text) {
    char *kept = strdup(text);
    int err =
        kept == NULL ? NX_ENOMEM : nx_engine_incident_take(engine, id, kept);
    if (err != 0) {
        free(kept);
    }
    return err;
}

const char *nx_engine_incident_kept(const struct nx_engine *engine,
                                    uint32_t id) {
    const struct nx_case *c = nx_cases_find(engine, id);
    return c != NULL ? c->kept : NULL;
}

void nx_cases_free(struct nx_engine *engine) {
    while (engine->cases_n > 0) {
        case_remove(engine, engine->cases_n - 1);
    }
    free(engine->cases);
    free(engine->incidents);
}
