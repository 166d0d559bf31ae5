/* Runs a story's world: collector engine, agents with the real planner of
 * agent/plan/plan.h, and the model, in virtual time. */
#ifndef NX_TESTS_SCENARIO_WORLD_H
#define NX_TESTS_SCENARIO_WORLD_H

#include "agent/plan/plan.h"
#include "collector/engine/engine.h"
#include "tests/scenario/model.h"

#define WORLD_AGENTS_MAX 8U
#define WORLD_QUEUE_MAX 4096U
#define WORLD_EPOCH_US (INT64_C(1800000000) * US_PER_S) /* story's 0s */
#define WORLD_INCIDENT 7U

/* A question under way, or answered and not sent yet. */
struct queued {
    struct nx_question question;
    struct reply reply;
    int64_t tx_us, rx_us; /* story time */
    uint16_t src_port;
};

struct world_agent {
    struct nx_agent agent;
    struct resolver *resolvers[MODEL_RESOLVERS_MAX];
    size_t resolvers_n;
    bool cut; /* no connection to the collector */
    bool plan_waits;
    int64_t offset_us; /* its monotonic clock minus story time */
    struct nx_planner *planner;
    struct nx_ratelimit *limit;
    struct nx_policy policy;
    uint64_t next_seq;
    struct queued *queue;
    size_t queue_n;
    bool walked; /* a delegation record waits to be sent */
    int64_t walked_us;
};

struct world {
    struct model model;
    struct nx_engine_settings settings;
    struct nx_engine *engine;
    int64_t now_us; /* story time */
    struct world_agent agents[WORLD_AGENTS_MAX];
    size_t agents_n;
    struct nx_incident incident; /* as it will be opened */
    uint16_t next_port;
};

void world_init(struct world *w);
void world_fini(struct world *w);

/* NULL: too many. */
struct world_agent *world_agent(struct world *w, const char *name,
                                bool authority);
struct world_agent *world_find(struct world *w, const char *name);

/* After the agents are made: engine, planners, hellos. 0 or nx_err. */
int world_start(struct world *w) NX_MUSTUSE;

/* Lets time pass until `until_us` (story time). 0 or nx_err. */
int world_run(struct world *w, int64_t until_us) NX_MUSTUSE;

/* The agent's connection comes back. */
int world_reconnect(struct world *w, struct world_agent *a) NX_MUSTUSE;

/* Tasks of the agent's plan now. */
size_t world_tasks(struct world *w, const struct world_agent *a);

#endif
