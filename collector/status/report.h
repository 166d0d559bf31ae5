/* The record of an incident: what was affected, when each resolver cleared, and
 * what had been predicted. Folded from the stored transitions and forecasts and
 * the status document (of now, or as it was when the incident was closed).
 * Pure; the document: nxclear-api(7). */
#ifndef NX_COLLECTOR_REPORT_H
#define NX_COLLECTOR_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/text.h"

#define NX_REPORT_EVENTS_MAX 200000U /* rows of each kind that are read */

struct nx_report_key {
    const char *network, *agent, *resolver, *name, *type;
};

struct nx_report;

/* NX_ENOMEM. */
int nx_report_new(struct nx_report **out) NX_MUSTUSE;
void nx_report_free(struct nx_report **report);

/* In order of time. A target that was never affected leaves no trace. */
void nx_report_transition(struct nx_report *report,
                          const struct nx_report_key *key, int64_t at_us,
                          const char *to_state);

struct nx_report_forecast {
    int64_t at_us;
    int64_t point_us, lo90_us, hi90_us;
    const char *basis;
};
/* In order of time, after the transitions. The first one that was made while
 * the target was affected is what counts as the prediction. */
void nx_report_forecast(struct nx_report *report,
                        const struct nx_report_key *key,
                        const struct nx_report_forecast *forecast);

/* A network of the status, after the rows: what it knows better. */
void nx_report_network(struct nx_report *report, const json_t *network);

/* After all of them: appends the document, about so many rows of it at a time.
 * status: without its networks, as they are read already; truncated: not all
 * events were read. Both, and out, are those of the first call until it is
 * done. NX_EAGAIN: there is more to do. NX_ENOMEM. */
int nx_report_write(struct nx_report *report, const json_t *status,
                    bool truncated, size_t rows_max,
                    struct nx_text *out) NX_MUSTUSE;

/* All at once, with the networks of the status. NULL: out of memory. */
json_t *nx_report_document(struct nx_report *report, const json_t *status,
                           bool truncated);

#endif
