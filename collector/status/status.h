/* The documents operators read, as JSON values; a pure function of (engine,
 * now). API and CLI show the same because both come from here. Keys and shapes:
 * nxclear-api(7). */
#ifndef NX_COLLECTOR_STATUS_H
#define NX_COLLECTOR_STATUS_H

#include <jansson.h>

#include "collector/engine/engine.h"
#include "collector/status/sight.h"
#include "common/text.h"

/* What an exit code says (nxclear(1)). */
enum nx_outlook {
    NX_OUTLOOK_CLEAR,   /* 0: all clear */
    NX_OUTLOOK_WAITING, /* 1: negative, on schedule */
    NX_OUTLOOK_STUCK,   /* 2: overdue, stuck or not restored */
    NX_OUTLOOK_UNKNOWN, /* 3: unknown or no data */
};
const char *nx_outlook_text(unsigned outlook); /* "clear", "waiting", ... */

/* New references; NULL when out of memory, or no such incident or network.
 * The list is {"now", "incidents": [head with "outlook"]}. A closed incident is
 * shown as it was when it was closed, if that is kept. */
json_t *nx_status_incident(struct nx_engine *engine, uint32_t id,
                           int64_t now_us);
json_t *nx_status_network(struct nx_engine *engine, uint32_t id,
                          const char *network, int64_t now_us);

/* Networks with these labels, or with an agent that has them, that ask the
 * resolver; with `grouped`, "groups" sums them up by their values of a label,
 * with `by_resolver` by the resolvers that they ask: there a network counts
 * with what is seen of that resolver, and in the group of each. Of an incident
 * that was closed only the networks and their states are counted again,
 * forecasts of the whole and of groups are left out. */
struct nx_status_query {
    struct nx_where where;
    bool grouped;
    bool by_resolver; /* `group` is not used */
    enum nx_label_key group;
    const struct nx_sight *sight; /* no networks but these; NULL: all */
};
/* The incident as text, appended; query: NULL: everything. It fails when there
 * is no memory, or no such incident. */
void nx_status_put_incident(struct nx_text *out, struct nx_engine *engine,
                            uint32_t id, const struct nx_status_query *query,
                            int64_t now_us);
/* sight: the reader sees these networks only; NULL: all. */
json_t *nx_status_incident_list(struct nx_engine *engine, int64_t now_us,
                                const struct nx_sight *sight);
json_t *nx_status_incident_head(const struct nx_incident *incident);
/* A network as the list of networks shows it: {"network", "labels", "weight",
 * "agents", "resolvers", "last_seen", "last_result"}. *out NULL: it has no
 * agent now. NX_ENOMEM. */
int nx_status_network_entry(struct nx_engine *engine, const char *name,
                            json_t **out) NX_MUSTUSE;
/* The networks that there are now: of the list, or that count in the incident
 * (NULL: of the list); to be gone through a few at a time. next: borrowed;
 * NULL: that were all. NX_ENOMEM. */
struct nx_network_list;
int nx_network_list_new(struct nx_engine *engine,
                        const struct nx_incident *incident,
                        struct nx_network_list **out) NX_MUSTUSE;
void nx_network_list_free(struct nx_network_list **list);
const char *nx_network_list_next(struct nx_network_list *list);
size_t nx_network_list_n(const struct nx_network_list *list);
const char *nx_network_list_at(const struct nx_network_list *list, size_t i);
/* The entries of the next n, as they are now. NX_EAGAIN: there are more.
 * NX_ENOMEM. */
int nx_network_list_some(struct nx_network_list *list, struct nx_engine *engine,
                         json_t *to, size_t n) NX_MUSTUSE;

/* The object of a list whose `key` is this text; NULL: none. New reference. */
json_t *nx_status_named(const json_t *list, const char *key, const char *text);

/* The status as a text to keep for the time when the incident is closed; NULL:
 * none. The caller frees it. */
char *nx_status_final(struct nx_engine *engine, uint32_t id, int64_t now_us);

/* Closes the incident in the engine and keeps its last status. Errors of
 * nx_engine_incident_close. */
int nx_status_close(struct nx_engine *engine, uint32_t id,
                    int64_t at_us) NX_MUSTUSE;

/* What is shown of a network now; borrowed during the visit. */
struct nx_status_shown {
    const char *network;
    const struct nx_rollup *rollup;
    bool verified; /* canaries measured every resolver that counts */
    const struct nx_rollup_target *targets;
    size_t targets_n;
    int64_t span_lo_us, span_hi_us; /* of its forecast, where there is one */
    bool cleared; /* it is clear, and was seen denied: the truth is in (lo, hi]
                   */
    int64_t clear_lo_us, clear_hi_us;
};
/* Of one network; judged: as the engine judged last; not visited if it is gone.
 * NX_ENOTFOUND, NX_ENOMEM. */
int nx_status_shown(struct nx_engine *engine, uint32_t id, const char *network,
                    bool judged, int64_t now_us,
                    void (*visit)(void *user,
                                  const struct nx_status_shown *shown),
                    void *user) NX_MUSTUSE;

#endif
