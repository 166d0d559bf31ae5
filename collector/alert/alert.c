#include "collector/alert/alert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include "common/hash.h"
#define HASH_FUNCTION(key, len, hash)                                          \
    ((hash) = (unsigned)nx_hash((key), (len), 0))
#include <uthash.h>

#define US_PER_S INT64_C(1000000)
#define PENALTY_FREE 1.0
#define DOUBLINGS_MAX 6.0

struct network {
    struct nx_alert_told told;
    uint8_t state;
    bool stuck;
    int64_t since_us; /* when it began to be so; NX_TIME_UNKNOWN: not seen */
    /* Affected in whatever way, and not seen clear since; NX_TIME_UNKNOWN. */
    int64_t affected_us;
    bool seen; /* since nx_alerts_seen_all */
    UT_hash_handle hh;
};

struct incident {
    uint32_t id;
    int64_t due_us;  /* of the message being gathered; NX_TIME_UNKNOWN */
    int64_t last_us; /* of the newest message; NX_TIME_UNKNOWN */
    struct network *networks;
    UT_hash_handle hh;
};

struct nx_alerts {
    struct nx_alert_rules rules;
    struct incident *incidents;
    struct nx_alert_change *changes; /* decided last */
    size_t changes_n, changes_cap;
    struct incident *decided; /* whose they are */
    int64_t decided_us;
};

void nx_alert_rules_default(struct nx_alert_rules *out) {
    *out = (struct nx_alert_rules){.hold_us = 30 * US_PER_S,
                                   .group_wait_us = 10 * US_PER_S,
                                   .group_interval_us = 300 * US_PER_S,
                                   .half_life_us = 3600 * US_PER_S};
}

const char *nx_alert_kind_text(unsigned kind) {
    static const char *const text[] = {"affected", "changed", "stuck", "lost",
                                       "recovered"};
    return kind <= NX_ALERT_RECOVERED ? text[kind] : "?";
}

/* --- memory --- */

int nx_alerts_new(const struct nx_alert_rules *rules, struct nx_alerts **out) {
    struct nx_alerts *alerts = calloc(1, sizeof(*alerts));
    if (alerts == NULL) {
        return NX_ENOMEM;
    }
    alerts->rules = *rules;
    *out = alerts;
    return 0;
}

static void incident_free(struct nx_alerts *alerts, struct incident *incident) {
    struct network *network = NULL;
    struct network *next = NULL;
    HASH_ITER(hh, incident->networks, network, next) {
        HASH_DEL(incident->networks, network);
        free(network);
    }
    HASH_DEL(alerts->incidents, incident);
    free(incident);
}

void nx_alerts_free(struct nx_alerts **alerts_p) {
    struct nx_alerts *alerts = *alerts_p;
    struct incident *incident = NULL;
    struct incident *next = NULL;
    if (alerts == NULL) {
        return;
    }
    HASH_ITER(hh, alerts->incidents, incident, next) {
        incident_free(alerts, incident);
    }
    free(alerts->changes);
    free(alerts);
    *alerts_p = NULL;
}

void nx_alerts_rules(struct nx_alerts *alerts,
                     const struct nx_alert_rules *rules) {
    alerts->rules = *rules;
}

static struct incident *find_incident(const struct nx_alerts *alerts,
                                      uint32_t id) {
    struct incident *incident = NULL;
    HASH_FIND(hh, alerts->incidents, &id, sizeof(id), incident);
    return incident;
}

static struct incident *make_incident(struct nx_alerts *alerts, uint32_t id) {
    struct incident *incident = find_incident(alerts, id);
    if (incident != NULL) {
        return incident;
    }
    incident = calloc(1, sizeof(*incident));
    if (incident == NULL) {
        return NULL;
    }
    incident->id = id;
    incident->due_us = NX_TIME_UNKNOWN;
    incident->last_us = NX_TIME_UNKNOWN;
    HASH_ADD(hh, alerts->incidents, id, sizeof(id), incident);
    if (incident->hh.tbl == NULL) {
        free(incident);
        return NULL;
    }
    return incident;
}

static struct network *make_network(struct incident *incident,
                                    const char *name) {
    struct network *network = NULL;
    HASH_FIND(hh, incident->networks, name, strlen(name), network);
    if (network != NULL) {
        return network;
    }
    network = calloc(1, sizeof(*network));
    if (network == NULL) {
        return NULL;
    }
    size_t len = strnlen(name, sizeof(network->told.network) - 1);
    memcpy(network->told.network, name, len);
    network->told.state = NX_STATE_CLEAR;
    network->told.at_us = NX_TIME_UNKNOWN;
    network->state = NX_STATE_UNKNOWN;
    network->since_us = NX_TIME_UNKNOWN;
    network->affected_us = NX_TIME_UNKNOWN;
    HASH_ADD_KEYPTR(hh, incident->networks, network->told.network, len,
                    network);
    if (network->hh.tbl == NULL) {
        free(network);
        return NULL;
    }
    return network;
}

int nx_alerts_restore(struct nx_alerts *alerts, uint32_t incident_id,
                      const struct nx_alert_told *told, int64_t now_us) {
    struct incident *incident = make_incident(alerts, incident_id);
    struct network *network =
        incident != NULL ? make_network(incident, told->network) : NULL;
    if (network == NULL) {
        return NX_ENOMEM;
    }
    network->told = *told;
    if (network->told.at_us > now_us) {
        network->told.at_us = now_us;
    }
    if (network->told.at_us > incident->last_us) {
        incident->last_us = network->told.at_us;
    }
    return 0;
}

/* --- what is news --- */

static bool is_affected(unsigned state) {
    return state != NX_STATE_CLEAR && state != NX_STATE_UNKNOWN;
}

static bool is_news(const struct network *n) {
    if (n->since_us == NX_TIME_UNKNOWN) {
        return false;
    }
    if (n->told.state == NX_STATE_CLEAR) {
        return is_affected(n->state);
    }
    return n->state != n->told.state || n->stuck != n->told.stuck;
}

static double penalty_at(const struct nx_alert_rules *rules,
                         const struct nx_alert_told *told, int64_t at_us) {
    if (told->at_us == NX_TIME_UNKNOWN || at_us <= told->at_us) {
        return told->penalty;
    }
    double lives = (double)(at_us - told->at_us) / (double)rules->half_life_us;
    return told->penalty * exp2(-lives);
}

/* How long this change must stand; judged by when it began, so that waiting
 * does not shorten it. */
static int64_t ripe_us(const struct nx_alert_rules *rules,
                       const struct network *n) {
    /* One that goes from bad state to bad state is affected all the time. */
    int64_t since_us =
        n->told.state == NX_STATE_CLEAR ? n->affected_us : n->since_us;
    double over = floor(penalty_at(rules, &n->told, since_us)) - PENALTY_FREE;
    over = over < 0 ? 0 : over > DOUBLINGS_MAX ? DOUBLINGS_MAX : over;
    return since_us + (rules->hold_us << (unsigned)over);
}

static void set_state(struct network *n, unsigned state, bool stuck,
                      int64_t now_us) {
    stuck = stuck && is_affected(state);
    if (n->since_us == NX_TIME_UNKNOWN || n->state != state ||
        n->stuck != stuck) {
        n->state = (uint8_t)state;
        n->stuck = stuck;
        n->since_us = now_us;
    }
    if (state == NX_STATE_CLEAR) {
        n->affected_us = NX_TIME_UNKNOWN;
    } else if (is_affected(state) && n->affected_us == NX_TIME_UNKNOWN) {
        n->affected_us = now_us;
    }
}

int nx_alerts_see(struct nx_alerts *alerts, uint32_t incident_id,
                  const char *network_name, unsigned state, bool stuck,
                  int64_t now_us) {
    struct incident *incident = make_incident(alerts, incident_id);
    struct network *n =
        incident != NULL ? make_network(incident, network_name) : NULL;
    if (n == NULL) {
        return NX_ENOMEM;
    }
    n->seen = true;
    set_state(n, state, stuck, now_us);
    return 0;
}

void nx_alerts_seen_all(struct nx_alerts *alerts, uint32_t incident_id,
                        int64_t now_us) {
    struct incident *incident = find_incident(alerts, incident_id);
    struct network *n = NULL;
    struct network *next = NULL;
    if (incident == NULL) {
        return;
    }
    HASH_ITER(hh, incident->networks, n, next) {
        if (n->seen) {
            n->seen = false;
        } else if (n->told.state != NX_STATE_CLEAR) {
            set_state(n, NX_STATE_UNKNOWN, false, now_us);
        } else {
            HASH_DEL(incident->networks, n);
            free(n);
        }
    }
}

static unsigned kind_of(const struct network *n) {
    if (n->state == NX_STATE_CLEAR) {
        return NX_ALERT_RECOVERED;
    }
    if (n->state == NX_STATE_UNKNOWN) {
        return NX_ALERT_LOST;
    }
    if (n->told.state == NX_STATE_CLEAR) {
        return NX_ALERT_AFFECTED;
    }
    return n->stuck && !n->told.stuck ? NX_ALERT_STUCK : NX_ALERT_CHANGED;
}

/* --- messages --- */

static int add_change(struct nx_alerts *alerts, const struct network *n,
                      int64_t now_us) {
    if (alerts->changes_n == alerts->changes_cap) {
        size_t cap = alerts->changes_cap == 0 ? 16 : 2 * alerts->changes_cap;
        void *grown = realloc(alerts->changes, cap * sizeof(*alerts->changes));
        if (grown == NULL) {
            return NX_ENOMEM;
        }
        alerts->changes = grown;
        alerts->changes_cap = cap;
    }
    struct nx_alert_change *change = &alerts->changes[alerts->changes_n++];
    change->kind = (uint8_t)kind_of(n);
    change->before = n->told;
    change->now = n->told;
    change->now.state = n->state;
    change->now.stuck = n->stuck;
    change->now.at_us = now_us;
    change->now.penalty = penalty_at(&alerts->rules, &n->told, now_us) + 1;
    return 0;
}

static int by_network(const void *a, const void *b) {
    const struct nx_alert_change *x = a;
    const struct nx_alert_change *y = b;
    return strcmp(x->now.network, y->now.network);
}

static int gather(struct nx_alerts *alerts, struct incident *incident,
                  int64_t now_us, bool all) {
    int err = 0;
    alerts->changes_n = 0;
    alerts->decided = incident;
    alerts->decided_us = now_us;
    for (struct network *n = incident->networks; n != NULL && err == 0;
         n = n->hh.next) {
        bool open = n->told.state != NX_STATE_CLEAR;
        if (all ? open : is_news(n) && ripe_us(&alerts->rules, n) <= now_us) {
            err = add_change(alerts, n, now_us);
        }
    }
    if (err != 0) {
        alerts->changes_n = 0;
    } else if (alerts->changes_n > 0) {
        qsort(alerts->changes, alerts->changes_n, sizeof(*alerts->changes),
              by_network);
    }
    return err;
}

/* When the message is due that holds the changes gathered. */
static int64_t group_due(const struct nx_alerts *alerts,
                         const struct incident *incident, int64_t now_us) {
    int64_t due_us = now_us + alerts->rules.group_wait_us;
    int64_t next_us = incident->last_us + alerts->rules.group_interval_us;
    return incident->last_us != NX_TIME_UNKNOWN && next_us > due_us ? next_us
                                                                    : due_us;
}

int nx_alerts_decide(struct nx_alerts *alerts, uint32_t incident_id,
                     int64_t now_us, const struct nx_alert_change **out,
                     size_t *n) {
    struct incident *incident = find_incident(alerts, incident_id);
    *n = 0;
    if (incident == NULL) {
        return 0;
    }
    int err = gather(alerts, incident, now_us, false);
    if (err != 0) {
        return err;
    }
    if (alerts->changes_n == 0) {
        incident->due_us = NX_TIME_UNKNOWN; /* what stood does not any more */
        return 0;
    }
    if (incident->due_us == NX_TIME_UNKNOWN) {
        incident->due_us = group_due(alerts, incident, now_us);
    }
    if (now_us < incident->due_us) {
        return 0;
    }
    *out = alerts->changes;
    *n = alerts->changes_n;
    return 0;
}

void nx_alerts_told(struct nx_alerts *alerts) {
    struct incident *incident = alerts->decided;
    for (size_t i = 0; i < alerts->changes_n; i++) {
        const struct nx_alert_told *now = &alerts->changes[i].now;
        struct network *n = NULL;
        HASH_FIND(hh, incident->networks, now->network, strlen(now->network),
                  n);
        if (n != NULL) {
            n->told = *now;
        }
    }
    if (incident != NULL && alerts->changes_n > 0) {
        incident->due_us = NX_TIME_UNKNOWN;
        incident->last_us = alerts->decided_us;
    }
    alerts->changes_n = 0;
}

int nx_alerts_ending(struct nx_alerts *alerts, uint32_t incident_id,
                     int64_t now_us, const struct nx_alert_change **out,
                     size_t *n) {
    struct incident *incident = find_incident(alerts, incident_id);
    *n = 0;
    if (incident == NULL) {
        return 0;
    }
    int err = gather(alerts, incident, now_us, true);
    if (err == 0) {
        *out = alerts->changes;
        *n = alerts->changes_n;
    }
    return err;
}

void nx_alerts_forget(struct nx_alerts *alerts, uint32_t incident_id) {
    struct incident *incident = find_incident(alerts, incident_id);
    if (incident == NULL) {
        return;
    }
    if (alerts->decided == incident) {
        alerts->decided = NULL;
        alerts->changes_n = 0;
    }
    incident_free(alerts, incident);
}

/* --- time --- */

int64_t nx_alerts_next_us(const struct nx_alerts *alerts) {
    int64_t next_us = NX_TIME_UNKNOWN;
    const struct incident *incident = alerts->incidents;
    for (; incident != NULL; incident = incident->hh.next) {
        if (incident->due_us != NX_TIME_UNKNOWN) {
            next_us = nx_time_sooner(next_us, incident->due_us);
            continue;
        }
        const struct network *n = incident->networks;
        for (; n != NULL; n = n->hh.next) {
            if (is_news(n)) {
                next_us = nx_time_sooner(next_us, ripe_us(&alerts->rules, n));
            }
        }
    }
    return next_us;
}
