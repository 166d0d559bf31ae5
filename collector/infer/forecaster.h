/* The forecast of an incident, a piece at a time: where there are very many
 * targets, nobody has to wait for all of it. Pure. */
#ifndef NX_COLLECTOR_FORECASTER_H
#define NX_COLLECTOR_FORECASTER_H

#include "collector/infer/rollup.h"

struct nx_forecaster;

/* Members are borrowed, with all that they point to, until it is freed. n: 0
 * too. NX_ENOMEM. */
int nx_forecaster_new(const struct nx_rollup_member *members, size_t n,
                      int64_t now_us, struct nx_forecaster **out) NX_MUSTUSE;
void nx_forecaster_free(struct nx_forecaster **forecaster);

/* Evaluates about so many distributions. True: it is done. However it is cut
 * into pieces, the result is that of nx_rollup_incident. */
bool nx_forecaster_step(struct nx_forecaster *forecaster, size_t budget);
/* The same; what is left of the budget is the caller's again. */
bool nx_forecaster_spend(struct nx_forecaster *forecaster, size_t *budget);

/* After a step that was the last one. */
const struct nx_incident_forecast *
nx_forecaster_result(const struct nx_forecaster *forecaster);

/* Only the quantiles, at once; out untouched when there is no forecast. */
void nx_forecaster_run(const struct nx_rollup_member *members, size_t n,
                       struct nx_eta *out);

#endif
