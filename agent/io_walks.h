/* Drives the authority walks: one per name, their queries through the token
 * buckets and the prober. */
#ifndef NX_AGENT_IO_WALKS_H
#define NX_AGENT_IO_WALKS_H

#include "agent/dns/io_probe.h"
#include "agent/dns/walk.h"
#include "agent/plan/plan.h"

#define NX_WALKS_MAX 64U      /* names at once */
#define NX_WALKS_LEFT_MAX 32U /* servers that left the set, of a name */

struct event_base;
struct nx_walks;

struct nx_walks_handler {
    /* Something to report; borrowed. */
    void (*observed)(void *user, const struct nx_obs *obs);
    void (*delegation)(void *user, const struct nx_delegation *delegation);
    /* A name server denies (name, type), or a whole round found the record
     * and none that does. Type NX_GUARD_EVERY_TYPE: the name. at_mono_us: when
     * the round began, whose answers these are. */
    void (*own)(void *user, const uint8_t *name, uint16_t qtype,
                enum nx_guard_word word, int64_t at_mono_us);
    void *user;
};

struct nx_walks_settings {
    const struct nx_hints *hints;
    struct nx_rate server_rate;
    unsigned timeout_ms;
    unsigned inflight_max; /* of the prober's queries, before walks wait */
    /* Addresses that are not routed in the internet may be asked: only when
     * the owner gave a root of his own. Else a zone anywhere could point the
     * agent at hosts of its network. */
    bool allow_private;
    bool audit; /* step 4 of agent/dns/walk.h */
};

/* All borrowed but the settings, whose hints are. NX_ENOMEM. */
int nx_walks_new(struct event_base *base, struct nx_prober *prober,
                 struct nx_ratelimit *limit,
                 const struct nx_walks_settings *settings,
                 const struct nx_walks_handler *handler,
                 struct nx_walks **out) NX_MUSTUSE;
/* To be freed together with the prober, without a turn of the loop between. */
void nx_walks_free(struct nx_walks **walks);

/* Begins a round for the name; NX_EAGAIN: one is under way. left: servers to be
 * asked beside those that the walk finds, at most NX_WALKS_LEFT_MAX. audit: see
 * nx_planner_audit. NX_ELIMIT: too many names; NX_ENOMEM.
 */
int nx_walks_round(struct nx_walks *walks, const uint8_t *name,
                   const uint16_t *types, size_t types_n,
                   const struct nx_endpoint *left, size_t left_n,
                   uint64_t audit) NX_MUSTUSE;

/* Begins every name's walk anew, with other settings. What was seen denied
 * stays so until the next round. */
void nx_walks_reload(struct nx_walks *walks,
                     const struct nx_walks_settings *settings);

/* Forgets the names that the plan does not have any more; NULL: all. */
void nx_walks_keep(struct nx_walks *walks, const struct nx_planner *planner);

#endif
