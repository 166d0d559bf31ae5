/* The targets of the open incidents: lookup, ring of looks. */
#ifndef NX_COLLECTOR_TARGETS_H
#define NX_COLLECTOR_TARGETS_H

#include "collector/engine/engine_priv.h"

struct nx_target *nx_targets_find(const struct nx_engine *engine,
                                  const struct nx_agent_state *agent,
                                  const struct nx_item *item,
                                  const struct nx_endpoint *at);

/* The same, quicker when targets are looked for in the same order again and
 * again, as agents ask. */
struct nx_target *nx_targets_next(struct nx_engine *engine,
                                  const struct nx_agent_state *agent,
                                  const struct nx_item *item,
                                  const struct nx_endpoint *at);

/* Finds or makes. NX_ELIMIT: targets_max, or the agent's share of the item
 * (twice NX_HELLO_RESOLVERS_MAX, half of it for what it does not list);
 * NX_ENOMEM. */
int nx_targets_make(struct nx_engine *engine, struct nx_agent_state *agent,
                    struct nx_item *item, const struct nx_endpoint *at,
                    struct nx_target **out) NX_MUSTUSE;

void nx_targets_drop(struct nx_engine *engine, struct nx_target *target);

/* A look with CD=1 belongs to the SERVFAIL just before it, which keeps what it
 * showed (NX_LOOK_TWIN_*). False: there is none, or it showed nothing. */
bool nx_target_twin(struct nx_target *target, const struct nx_look *look);

/* The same of a look with another EDNS size (nx_look.sized) and of the look
 * that was lost just before it. */
bool nx_target_sized(struct nx_target *target, const struct nx_look *look);

/* Keeps whose denial the look is, if it is the newest one of the target. */
void nx_target_denied_by(struct nx_target *target,
                         const struct nx_answer *answer,
                         const struct nx_look *look);

/* Takes a look into the ring. When it is full the oldest goes: one that comes
 * late may be that itself. NX_ENOMEM: could not grow, it was full then. */
int nx_target_push(struct nx_target *target,
                   const struct nx_look *look) NX_MUSTUSE;

/* Does a look of that kind say anything of the name? */
bool nx_kind_tells_of_name(unsigned kind);
/* The ring's looks in order of sending time; out has NX_LOOKS_MAX. */
size_t nx_target_looks(const struct nx_target *target, struct nx_look *out);

#endif
