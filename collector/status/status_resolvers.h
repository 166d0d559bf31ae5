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

/* Those that have a cap, max at most, which are few where there are many, as of
 * one moment; their entries a few at a time. NX_EAGAIN: there are more.
 * NX_ENOMEM. */
struct nx_capped;
int nx_capped_new(const struct nx_engine *engine, size_t max,
                  struct nx_capped **out) NX_MUSTUSE;
void nx_capped_free(struct nx_capped **capped);
int nx_capped_some(struct nx_capped *capped, const struct nx_engine *engine,
                   int64_t now_us, json_t *to, size_t n) NX_MUSTUSE;
/* How many more there were than max. */
size_t nx_capped_left_out(const struct nx_capped *capped);

#endif
