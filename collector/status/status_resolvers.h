/* Resolvers as canary names measured them, as a document. Pure. */
#ifndef NX_COLLECTOR_STATUS_RESOLVERS_H
#define NX_COLLECTOR_STATUS_RESOLVERS_H

#include <jansson.h>

#include "collector/status/sight.h"

/* {"now", "canary_zone", "sibling_zone", "resolvers": [...]}, those in sight
 * (NULL: all); nxclear-api(7) has the members. New reference; NULL: no memory.
 */
json_t *nx_status_resolvers(const struct nx_engine *engine, int64_t now_us,
                            const struct nx_sight *sight);

/* Sets the members that say what was measured; false: no memory. */
bool nx_status_resolver_habits(json_t *object, const struct nx_measured *m);

/* The list of those that have a cap, which are few where there are many; NULL:
 * no memory. */
json_t *nx_status_capped(const struct nx_engine *engine, int64_t now_us);

#endif
