/* The log of what operators (and the collector itself) changed about who may
 * connect or ask. Rows are added and never changed. Pure. */
#ifndef NX_COLLECTOR_DOOR_LOG_H
#define NX_COLLECTOR_DOOR_LOG_H

#include <jansson.h>
#include <stdint.h>

#define NX_DOOR_LOG_SHOWN_MAX 1000U /* newest entries in one document */

struct nx_door_entry {
    int64_t at_us;
    const char *who;     /* "unix socket, uid 0", "token ops", "join string 3",
                            "collector" */
    const char *action;  /* "agent accepted", "token revoked", ... */
    const char *subject; /* its name; "" */
    const char *key;     /* of an agent, or the collector's next; "" */
    const char *detail;  /* "" */
};

/* {"at", "who", "action", "subject", "key", "detail"}, what is empty is null; a
 * new reference, NULL when out of memory. */
json_t *nx_door_entry_json(const struct nx_door_entry *entry);

#endif
