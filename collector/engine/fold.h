/* Inside of fold.c and fold_delegation.c: a batch on its way into the engine.
 */
#ifndef NX_COLLECTOR_FOLD_H
#define NX_COLLECTOR_FOLD_H

#include "collector/engine/engine_priv.h"

/* An agent's clock beyond this either way is no clock. */
#define NX_FOLD_SANE_US (INT64_C(1) << 60)

struct nx_fold {
    struct nx_engine *engine;
    struct nx_agent_state *agent;
    const struct nx_batch *batch;
    int64_t theta_us;
    uint32_t eps_us;
    int64_t received_us;
    size_t delegations_done; /* in order of time */
    /* The topic found last: neighbouring questions share their name. */
    const uint8_t *name;
    uint16_t qtype;
    struct nx_topic *topic;
};

/* Was the incident open when this came? At a restart the log is folded with all
 * incidents open: each takes what it would have taken then. */
bool nx_fold_was_open(const struct nx_fold *fold, const struct nx_item *item);

/* fold_delegation.c: the batch's delegation records into items that know of no
 * zone yet. NX_ENOMEM. */
int nx_fold_first_sets(struct nx_fold *fold) NX_MUSTUSE;

/* Those up to an instant of the agent's clock that were not applied yet, so
 * that each answer is judged by the server set of its time. NX_ENOMEM. */
int nx_fold_delegations(struct nx_fold *fold, int64_t mono_us) NX_MUSTUSE;

#endif
