/* The agent's guard: what is known of the names opens and closes it, and what
 * was not sent yet is not sent then. */
#include "agent/io_agent_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

/* The system asks again by itself, for as long as the child lives: it is not
 * let. Once more when a proof ends. */
void nx_agentd_recall(struct nx_agentd *a) {
    const int64_t now_us = nx_clock_mono_us();
    const int64_t lapses_us = nx_planner_lapses(a->planner, now_us);
    const struct nx_question *question = nx_lookup_question(a->lookup);
    if (question != NULL && !nx_planner_asks(a->planner, question, now_us)) {
        nx_lookup_abandon(a->lookup);
    }
    nx_probe_recheck(a->prober);
    if (lapses_us != NX_PLANNER_NEVER) {
        nx_agentd_arm(a->on_lapse, lapses_us);
    }
}

void nx_agentd_on_lapse(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    nx_agentd_recall(arg);
}

void nx_agentd_on_own(void *user, const uint8_t *name, uint16_t qtype,
                      enum nx_guard_word word, int64_t at_mono_us) {
    struct nx_agentd *a = user;
    bool turned = nx_planner_own(a->planner, name, qtype, word, at_mono_us);
    nx_agentd_recall(a);
    if (turned) {
        nx_agentd_close_batch(a); /* all agents have to know, at once */
    }
}

static void log_stood(const char *seen_by) {
    nx_log(NX_LOG_WARN,
           "this machine may have been paused without counting it: %s; what "
           "was proven before that is not any more: resolvers are asked again "
           "when a plan has come",
           seen_by);
}

int64_t nx_agentd_checked_us(struct nx_agentd *a) {
    int64_t now_us = nx_clock_mono_us();
    if (nx_planner_clocks(a->planner, now_us, nx_clock_wall_us())) {
        log_stood("the clock of day was set forward");
        nx_uplink_renew(a->uplink);
        nx_agentd_arm(a->on_lapse, 0);
    }
    return now_us;
}

void nx_agentd_on_stood(void *user) {
    struct nx_agentd *a = user;
    log_stood("the collector's clock went further");
    nx_planner_stood(a->planner, nx_clock_mono_us());
    nx_agentd_recall(a);
    nx_uplink_hello(a->uplink); /* for a plan */
}

bool nx_agentd_may(void *user, const struct nx_question *question) {
    struct nx_agentd *a = user;
    return nx_planner_may(a->planner, question, nx_agentd_checked_us(a));
}

void nx_agentd_on_heard(void *user) {
    struct nx_agentd *a = user;
    nx_planner_heard(a->planner, nx_agentd_checked_us(a));
}

void nx_agentd_on_unread(void *user) {
    struct nx_agentd *a = user;
    nx_planner_lapse(a->planner);
    nx_agentd_recall(a);
}

void nx_agentd_signed(struct nx_agentd *a, const struct nx_obs *obs) {
    if (nx_planner_signed(a->planner, obs)) {
        nx_log(NX_LOG_WARN,
               "the zone of sibling labels is signed: none is asked any more "
               "(policy.sibling_zones)");
        nx_agentd_recall(a);
    }
}
