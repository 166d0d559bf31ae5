/* The clocks of agents against ours. */
#include "collector/engine/engine_priv.h"

#define US_PER_S INT64_C(1000000)
#define SANE_US (INT64_C(1) << 60)      /* no clock shows more */
#define EPS_GUESSED_US 2000000U         /* transport of an unsynced batch */
#define EPS_MAX_US UINT32_C(3600000000) /* an hour */

static bool sane(int64_t us) {
    return us > -SANE_US && us < SANE_US;
}

/* A message was on its way for some unknown time, so of all guesses the one
 * with the latest reading of the agent's clock is the best. */
static void guess(struct nx_agent_state *agent, uint64_t epoch, int64_t mono_us,
                  int64_t received_us) {
    int64_t theta_us = mono_us - received_us;
    if (!agent->guess_known || agent->epoch != epoch ||
        theta_us > agent->guess_us) {
        agent->guess_us = theta_us;
    }
    agent->guess_known = true;
    agent->epoch = epoch;
}

void nx_agent_clock(struct nx_agent_state *agent, uint64_t epoch,
                    const struct nx_clock_sample *clock, int64_t received_us,
                    int64_t *theta_us, uint32_t *eps_us) {
    if (sane(clock->mono_us) && sane(received_us)) {
        guess(agent, epoch, clock->mono_us, received_us);
    }
    *theta_us = agent->guess_us;
    *eps_us = EPS_GUESSED_US;
    if (!clock->offset_known || !sane(clock->offset_us) ||
        !sane(clock->mono_us)) {
        return;
    }
    uint64_t error_us = clock->offset_error_us;
    uint32_t eps = error_us < EPS_MAX_US ? (uint32_t)error_us : EPS_MAX_US;
    /* Sent after it arrived? Then the agent's idea of our clock is wrong. */
    if (clock->mono_us - clock->offset_us <= received_us + eps + US_PER_S) {
        *theta_us = clock->offset_us;
        *eps_us = eps;
    }
}

int64_t nx_agent_wall_offset_us(const struct nx_clock_sample *clock) {
    if (!sane(clock->wall_us) || !sane(clock->mono_us) ||
        !sane(clock->offset_us)) {
        return 0;
    }
    return clock->wall_us - (clock->mono_us - clock->offset_us);
}
