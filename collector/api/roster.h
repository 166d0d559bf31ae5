/* GET /v1/agents: what enrolment knows of a key beside what the engine knows
 * of the agent. Pure. */
#ifndef NX_COLLECTOR_ROSTER_H
#define NX_COLLECTOR_ROSTER_H

#include <jansson.h>

#include "collector/ingest/agent_record.h"
#include "collector/ingest/ledger.h"

/* One agent: {"id","key","name","network","role","own_role" (what it says it
 * is),"state","address","changed","last_seen","last_result","clock_offset_s","clock_error_s","resolvers":[],
 * "results","dropped","software"}; what is not known is null. view: NULL when
 * the engine has none; ledger: NULL before its first hello. New reference; NULL
 * when out of memory. */
json_t *nx_roster_agent(const struct nx_agent_record *record,
                        const struct nx_agent_view *view,
                        const struct nx_ledger *ledger);

/* The ledger of its stream; NULL: null. */
json_t *nx_roster_ledger(const struct nx_ledger *ledger);

#endif
