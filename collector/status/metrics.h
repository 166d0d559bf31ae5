/* GET /metrics: the documents of the API as Prometheus text (exposition format
 * 0.0.4). Pure. Label values are escaped; a value that is not known is not
 * exported, never 0. */
#ifndef NX_COLLECTOR_METRICS_H
#define NX_COLLECTOR_METRICS_H

#include <jansson.h>

#include "common/text.h"

/* Series are bounded: so many networks of all incidents, those that are not
 * clear first, so many resolvers, of networks that are not clear, and so many
 * that were measured.
 * nxclear_left_out says how many were left out. */
#define NX_METRICS_NETWORKS_MAX 2000U
#define NX_METRICS_RESOLVERS_MAX 5000U

/* Of a network without "targets": how many there are. */
#define NX_METRICS_UNREAD "targets_n"

/* All borrowed. */
struct nx_metrics {
    const json_t *statuses;  /* list of status documents, of open incidents;
                                beyond NX_METRICS_RESOLVERS_MAX targets of
                                networks that are not clear, none */
    size_t left_out_n;       /* open incidents whose status is not made yet */
    const json_t *agents;    /* list of nx_roster_agent */
    const json_t *networks;  /* list of GET /v1/networks */
    const json_t *resolvers; /* those with a cap, NX_METRICS_RESOLVERS_MAX */
    size_t resolvers_left_out_n; /* ... of so many more */
    const json_t *score;         /* document of GET /v1/score; NULL: none */
    const json_t *health;        /* document of /healthz */
};

/* How far they are written; zero at first. */
struct nx_metrics_place {
    size_t metric;
    bool begun;     /* its head is there */
    bool clear_too; /* networks that are clear fit in, too */
    size_t at[2];   /* in its lists */
    size_t n;       /* written of what is limited */
};

/* Appends to text, which holds the failure if there is one. */
void nx_metrics_text(const struct nx_metrics *metrics, struct nx_text *text);
/* The same a piece at a time, however they are cut: of so many networks, agents
 * or resolvers. True: that was all. */
bool nx_metrics_step(const struct nx_metrics *metrics,
                     struct nx_metrics_place *place, size_t budget,
                     struct nx_text *text);

#endif
