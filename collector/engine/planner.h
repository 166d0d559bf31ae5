/* What each agent is to probe (nxclear-estimator(7) 5.11, 6).
 *
 * Network agents get one task per (item, resolver), and only while the item's
 * authoritative side is verified good: rule 1, do no harm. Authority agents
 * get one per item, and one for each server that left its zone's set lately.
 * The plan's revision grows when its content becomes another one; a due time
 * that merely comes closer is no change: a task is repeated with the numbers
 * that it was given first, and the agent, which counts from the receipt of the
 * plan that brought them, keeps its phase. */
#ifndef NX_COLLECTOR_PLANNER_H
#define NX_COLLECTOR_PLANNER_H

#include "collector/engine/engine_priv.h"

/* Between two queries of a visit: another sub-second phase each time, so that
 * looks narrow the bracket (nxclear-estimator(7) 3.3). */
#define NX_VISIT_GAP_MS 370U

/* After target->verdict was worked out at now_us: when and how to look next.
 * A visit under way is left alone. */
void nx_plan_target(const struct nx_engine *engine, struct nx_target *target,
                    int64_t now_us);

/* When the visit under way counts as over; NX_TIME_UNKNOWN: none is. */
int64_t nx_plan_visit_end(const struct nx_target *target, int64_t now_us);

/* May the item be asked at resolvers? */
bool nx_plan_allowed(const struct nx_item *item);

/* This agent's content changed. */
void nx_plan_touch(struct nx_agent_state *agent);
/* ... of each agent with a target of the item. */
void nx_plan_touch_item(struct nx_item *item);
/* ... because resolvers may not be asked for the item any more: that does not
 * wait for the next tick (nx_engine_withdraw). */
void nx_plan_withdraw(struct nx_engine *engine, struct nx_item *item);
/* ... of each authority agent. */
void nx_plan_touch_auditors(struct nx_engine *engine);

/* The agent has not got our plan: count its tasks anew from now. A visit it
 * missed is due at once. */
void nx_plan_revive(struct nx_agent_state *agent, int64_t now_us);

/* New revisions for the agents whose plan changed or is about to expire. */
void nx_plans_publish(struct nx_engine *engine, int64_t now_us,
                      const struct nx_engine_sink *sink);

#endif
