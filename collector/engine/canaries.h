/* Resolvers are measured by canary names (collector/profile): when, by which
 * agent, and what came of it. */
#ifndef NX_COLLECTOR_CANARIES_H
#define NX_COLLECTOR_CANARIES_H

#include "collector/engine/engine_priv.h"

/* Ends runs that are over, begins those that are due. */
void nx_canaries_step(struct nx_engine *engine, int64_t now_us,
                      const struct nx_engine_sink *sink);

/* Tasks that nx_canaries_tasks may add for one agent. */
size_t nx_canaries_tasks_max(const struct nx_engine *engine);
/* Adds the agent's canary tasks, names in the arena; returns how many. */
size_t nx_canaries_tasks(const struct nx_engine *engine,
                         const struct nx_agent_state *agent,
                         struct nx_arena *arena, struct nx_task *tasks,
                         size_t cap);

/* Is the question about a canary name? */
bool nx_canaries_own(const struct nx_engine *engine,
                     const struct nx_question *question);

/* The resolver is measured soon, if that would tell more of this agent's
 * denials (nx_verdict.wants_canary). */
void nx_canaries_want(struct nx_engine *engine,
                      const struct nx_agent_state *agent,
                      const struct nx_endpoint *at, int64_t now_us);

/* What this agent's resolver is taken to do: measured, or as any other. */
const struct nx_profile *nx_canaries_profile(const struct nx_engine *engine,
                                             const struct nx_agent_state *agent,
                                             const struct nx_endpoint *at);

#endif
