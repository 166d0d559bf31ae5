/* Open and closed incidents; which items ask about which name and type. */
#include <stdlib.h>
#include <string.h>

#include "collector/engine/engine_priv.h"
#include "collector/engine/planner.h"
#include "collector/engine/siblings.h"
#include "collector/engine/targets.h"
#include "common/hash.h"

/* From a look for room to the next one. */
#define FIT_EVERY_US INT64_C(10000000)
/* Targets of a closed incident that are freed at once; of very many that would
 * take so long that others wait. */
#define LEAVE_AT_ONCE 1000U

bool nx_case_open(const struct nx_case *c) {
    return c->items != NULL;
}

/* --- topics: (name, type) to items --- */

static unsigned topic_key(const uint8_t *name, uint16_t qtype, uint8_t *key,
                          unsigned *hash) {
    unsigned len = (unsigned)nx_dname_lower(name, key);
    key[len] = (uint8_t)(qtype >> 8);
    key[len + 1] = (uint8_t)(qtype & 0xff);
    *hash = (unsigned)nx_hash(key, len + 2, 0);
    return len + 2;
}

struct nx_topic *nx_topics_find(const struct nx_engine *engine,
                                const uint8_t *name, uint16_t qtype) {
    uint8_t key[NX_DNAME_MAX + 2];
    unsigned hash = 0;
    unsigned len = topic_key(name, qtype, key, &hash);
    struct nx_topic *found = NULL;
    HASH_FIND_BYHASHVALUE(hh, engine->topics, key, len, hash, found);
    return found;
}

static int topic_join(struct nx_engine *engine, struct nx_item *item) {
    struct nx_topic *topic =
        nx_topics_find(engine, item->spec->name, item->spec->qtype);
    if (topic == NULL) {
        unsigned hash = 0;
        topic = calloc(1, sizeof(*topic));
        if (topic == NULL) {
            return NX_ENOMEM;
        }
        topic->key_len =
            topic_key(item->spec->name, item->spec->qtype, topic->key, &hash);
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, engine->topics, topic->key,
                                    topic->key_len, hash, topic);
        if (topic->hh.tbl == NULL) {
            free(topic);
            return NX_ENOMEM;
        }
    }
    item->same = topic->items;
    topic->items = item;
    return 0;
}

static void topic_leave(struct nx_engine *engine, struct nx_item *item) {
    struct nx_topic *topic =
        nx_topics_find(engine, item->spec->name, item->spec->qtype);
    if (topic == NULL) {
        return;
    }
    struct nx_item **at = &topic->items;
    while (*at != NULL && *at != item) {
        at = &(*at)->same;
    }
    if (*at != NULL) {
        *at = item->same;
    }
    if (topic->items == NULL) {
        HASH_DELETE(hh, engine->topics, topic);
        free(topic);
    }
}

/* --- items --- */

int nx_item_targets(struct nx_engine *engine, struct nx_item *item,
                    struct nx_agent_state *agent) {
    if (!nx_agent_probes(agent) || item->owner->incident.audit) {
        return 0;
    }
    for (size_t i = 0; i < agent->resolvers_n; i++) {
        struct nx_target *target = NULL;
        if (!nx_endpoint_takes(&agent->resolvers[i], item->spec->name,
                               item->spec->qtype)) {
            continue;
        }
        int err =
            nx_targets_make(engine, agent, item, &agent->resolvers[i], &target);
        if (err == NX_ELIMIT) {
            engine->counts.no_room_n++;
            item->crowded = true;
        } else if (err != 0) {
            return err;
        }
    }
    return 0;
}

/* Room may have come since, or who had none may be gone. */
static void item_fit(struct nx_engine *engine, struct nx_item *item) {
    item->crowded = false;
    struct nx_agent_state *agent = engine->agents;
    for (; agent != NULL; agent = agent->hh.next) {
        if (nx_item_targets(engine, item, agent) != 0) {
            item->crowded = true;
            return;
        }
    }
}

/* One in a turn, the one that waited longest. */
void nx_cases_fit(struct nx_engine *engine, int64_t now_us) {
    struct nx_item *next = NULL;
    for (size_t i = 0; i < engine->cases_n; i++) {
        struct nx_case *c = engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            struct nx_item *item = &c->items[k];
            if (item->crowded &&
                (next == NULL || item->fit_us < next->fit_us)) {
                next = item;
            }
        }
    }
    if (next != NULL && now_us >= next->fit_us) {
        next->fit_us = now_us + FIT_EVERY_US;
        item_fit(engine, next);
    }
}

static bool lacks_room(const struct nx_engine *engine,
                       const struct nx_item *item,
                       const struct nx_agent_state *agent) {
    for (size_t i = 0; i < agent->resolvers_n; i++) {
        const struct nx_endpoint *at = &agent->resolvers[i];
        if (nx_layer_serves(at->layer) &&
            nx_endpoint_takes(at, item->spec->name, item->spec->qtype) &&
            nx_targets_find(engine, agent, item, at) == NULL) {
            return true;
        }
    }
    return false;
}

bool nx_engine_no_room(const struct nx_engine *engine, uint32_t incident_id,
                       uint32_t agent_id) {
    const struct nx_case *c = nx_cases_find(engine, incident_id);
    const struct nx_agent_state *agent = nx_agents_find(engine, agent_id);
    struct nx_labels own;
    if (c == NULL || agent == NULL || !nx_agent_probes(agent)) {
        return false;
    }
    nx_engine_agent_labels(engine, &agent->agent, &own);
    if (!(own.weight > 0)) {
        return false; /* it does not count for its network */
    }
    for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
        if (c->items[k].crowded && lacks_room(engine, &c->items[k], agent)) {
            return true;
        }
    }
    return false;
}

bool nx_engine_crowded(const struct nx_engine *engine) {
    for (size_t i = 0; i < engine->cases_n; i++) {
        const struct nx_case *c = engine->cases[i];
        for (unsigned k = 0; nx_case_open(c) && k < c->incident.items_n; k++) {
            if (c->items[k].crowded) {
                return true;
            }
        }
    }
    return false;
}

static int item_init(struct nx_engine *engine, struct nx_case *c,
                     unsigned index) {
    struct nx_item *item = &c->items[index];
    item->id = ++engine->items_made;
    item->owner = c;
    item->index = index;
    item->spec = &c->incident.items[index];
    item->expect = (struct nx_expect){.rdata = item->spec->rdata,
                                      .rdata_len = item->spec->rdata_len,
                                      .rdata_n = item->spec->rdata_n};
    int err = nx_authority_new(&item->authority);
    if (err == 0) {
        err = topic_join(engine, item);
    }
    struct nx_agent_state *agent = engine->agents;
    for (; agent != NULL && err == 0; agent = agent->hh.next) {
        err = nx_item_targets(engine, item, agent);
    }
    return err;
}

/* Nobody asks for them any more. */
static void touch_askers(struct nx_engine *engine, const struct nx_case *c) {
    struct nx_agent_state *a = engine->agents;
    for (; a != NULL; a = a->hh.next) {
        const struct nx_target *t = a->targets; /* the newest ones first */
        while (t != NULL && t->item->owner != c) {
            t = t->agent_next;
        }
        if (t != NULL) {
            nx_plan_touch(a);
        }
    }
}

/* What is left of them are targets, which nobody finds. */
static void items_end(struct nx_engine *engine, struct nx_case *c) {
    touch_askers(engine, c);
    for (unsigned i = 0; c->items != NULL && i < c->incident.items_n; i++) {
        struct nx_item *item = &c->items[i];
        if (item->authority != NULL) {
            topic_leave(engine, item);
        }
        nx_authority_free(&item->authority);
        item->over = true;
    }
    c->leaving = c->items;
    c->items = NULL;
    c->ordered = false; /* of targets that nobody finds */
}

/* True: there are more. */
static bool items_leave(struct nx_engine *engine, struct nx_case *c,
                        size_t *max) {
    for (unsigned i = 0; c->leaving != NULL && i < c->incident.items_n; i++) {
        struct nx_item *item = &c->leaving[i];
        for (; item->targets != NULL; --*max) {
            if (*max == 0) {
                return true;
            }
            nx_targets_drop(engine, item->targets);
        }
    }
    free(c->leaving);
    c->leaving = NULL;
    return false;
}

bool nx_cases_leave(struct nx_engine *engine, size_t max) {
    bool more = false;
    for (size_t i = 0; i < engine->cases_n; i++) {
        more |= items_leave(engine, engine->cases[i], &max);
    }
    return more;
}

static void items_free(struct nx_engine *engine, struct nx_case *c) {
    size_t all = SIZE_MAX;
    items_end(engine, c);
    (void)items_leave(engine, c, &all);
}

/* --- incidents --- */

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

static void case_remove(struct nx_engine *engine, size_t at) {
    size_t all = SIZE_MAX;
    if (nx_case_open(engine->cases[at])) {
        items_end(engine, engine->cases[at]);
    }
    (void)items_leave(engine, engine->cases[at], &all);
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
        err = item_init(engine, c, i);
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
    items_end(engine, c);
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
