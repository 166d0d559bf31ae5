/* What operators are told of an open incident, and when.
 *
 * A pure state machine. It is shown each network as it is now and says which
 * changes to tell; when those are stored it is told so. Rules:
 *
 * - A network is told of when it becomes affected, when that changes (another
 *   state, stuck, no evidence any more), and once when it has recovered. A
 *   network that was never affected is never told of; `unknown` is no news
 *   unless it was affected before (silence is not all-clear).
 * - A change counts when it has stood for hold_us. A network that changes often
 *   must stand longer: each telling adds 1 to its penalty, which halves every
 *   half_life_us; from 2 on the time doubles with each further one, up to 64
 *   times.
 * - One message per incident holds all changes that stand. The first one waits
 *   group_wait_us for others; the next message comes group_interval_us after
 *   it, at the earliest. */
#ifndef NX_COLLECTOR_ALERT_H
#define NX_COLLECTOR_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/engine/engine.h"

struct nx_alert_rules {
    int64_t hold_us;           /* 30 s */
    int64_t group_wait_us;     /* 10 s */
    int64_t group_interval_us; /* 5 min */
    int64_t half_life_us;      /* 1 h */
};
void nx_alert_rules_default(struct nx_alert_rules *out);

/* What was told of a network last. */
struct nx_alert_told {
    char network[NX_TEXT_LABEL_MAX];
    uint8_t state; /* enum nx_state; clear: that it recovered, or nothing */
    bool stuck;    /* overdue, or cannot clear as things stand */
    int64_t at_us;
    double penalty; /* as of at_us */
};

enum nx_alert_kind {
    NX_ALERT_AFFECTED,
    NX_ALERT_CHANGED,
    NX_ALERT_STUCK,
    NX_ALERT_LOST, /* no evidence any more */
    NX_ALERT_RECOVERED,
};
const char *nx_alert_kind_text(unsigned kind); /* "affected", ... */

struct nx_alert_change {
    uint8_t kind;                /* enum nx_alert_kind */
    struct nx_alert_told before; /* state clear: nothing was told */
    struct nx_alert_told now;    /* what is told with this change */
};

struct nx_alerts;

/* rules are copied. NX_ENOMEM. */
int nx_alerts_new(const struct nx_alert_rules *rules,
                  struct nx_alerts **out) NX_MUSTUSE;
void nx_alerts_free(struct nx_alerts **alerts);
void nx_alerts_rules(struct nx_alerts *alerts,
                     const struct nx_alert_rules *rules);

/* At start: what was told before; by a clock that was ahead, as told now.
 * NX_ENOMEM. */
int nx_alerts_restore(struct nx_alerts *alerts, uint32_t incident_id,
                      const struct nx_alert_told *told,
                      int64_t now_us) NX_MUSTUSE;

/* A network of the incident as it is now. NX_ENOMEM. */
int nx_alerts_see(struct nx_alerts *alerts, uint32_t incident_id,
                  const char *network, unsigned state, bool stuck,
                  int64_t now_us) NX_MUSTUSE;

/* All networks of the incident were shown: what was told of one that was not
 * is true no more, it has no agent now and is unknown. */
void nx_alerts_seen_all(struct nx_alerts *alerts, uint32_t incident_id,
                        int64_t now_us);

/* The changes to tell of now; 0: none. They are borrowed until the next call,
 * ordered by network, and decided again until nx_alerts_told. NX_ENOMEM leaves
 * *n 0. */
int nx_alerts_decide(struct nx_alerts *alerts, uint32_t incident_id,
                     int64_t now_us, const struct nx_alert_change **out,
                     size_t *n) NX_MUSTUSE;
/* What nx_alerts_decide said last is stored. */
void nx_alerts_told(struct nx_alerts *alerts);

/* The incident ends: the networks that were told of and have not recovered, as
 * changes to what they are now, due at once. Rules as of nx_alerts_decide. */
int nx_alerts_ending(struct nx_alerts *alerts, uint32_t incident_id,
                     int64_t now_us, const struct nx_alert_change **out,
                     size_t *n) NX_MUSTUSE;
void nx_alerts_forget(struct nx_alerts *alerts, uint32_t incident_id);

/* When nx_alerts_decide may have something new to say although nothing is
 * seen to change; NX_TIME_UNKNOWN: never. */
int64_t nx_alerts_next_us(const struct nx_alerts *alerts);

#endif
