/* The queue's side of alerts: takes each receiver's oldest message from the
 * store, has it carried, and stores how that ended. Messages of one receiver go
 * one after the other, in order; a receiver that does not take them holds up
 * nobody else. A message that was taken but not yet stored as sent when the
 * collector died comes again with the same key: at least once. */
#ifndef NX_COLLECTOR_IO_ALERTS_H
#define NX_COLLECTOR_IO_ALERTS_H

#include <event2/event.h>

#include "collector/alert/io_courier.h"
#include "collector/ingest/io_group.h"
#include "collector/store/io_store_alerts.h"
#include "collector/store/retained.h"
#include "common/io_clock.h"

struct nx_postbox;

struct nx_postbox_parts { /* all borrowed until _free */
    struct event_base *base;
    struct nx_store *store;
    struct nx_group *group;
    const struct nx_steady *clock;
    /* Whether the clock may be far ahead: then ages are not believed, and
     * nothing is given up for its age. */
    const enum nx_retained_clock *retained;
};

/* conf is borrowed until it is replaced. NX_EIO with why
 * (NX_COURIER_WHY_MAX): a secret cannot be read; NX_ENOMEM. */
int nx_postbox_new(const struct nx_postbox_parts *parts,
                   const struct nx_alert_conf *conf, struct nx_postbox **out,
                   char *why) NX_MUSTUSE;
void nx_postbox_free(struct nx_postbox **postbox);

/* Other receivers from now on; on failure the old ones stay. What is queued
 * for a receiver that is gone waits for one of this name. How the last attempt
 * ended is known further on. */
int nx_postbox_conf(struct nx_postbox *postbox,
                    const struct nx_alert_conf *conf, char *why) NX_MUSTUSE;

const struct nx_alert_conf *
nx_postbox_receivers(const struct nx_postbox *postbox);

/* Something was queued: look. */
void nx_postbox_wake(struct nx_postbox *postbox);

struct nx_postbox_counters {
    uint64_t sent_n, failed_n; /* attempts */
    uint64_t given_up_n;       /* messages: too old, or damaged */
};
void nx_postbox_counters(const struct nx_postbox *postbox,
                         struct nx_postbox_counters *out);

#endif
