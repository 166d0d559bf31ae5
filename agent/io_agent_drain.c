/* The agent's end: what is on its way is waited for, what is held is sent. */
#include <malloc.h>

#include "agent/io_agent_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

#define DRAIN_PROBES_US 2500000 /* for answers that are on their way */
#define DRAIN_MAX_US 4000000    /* and a second to write down the rest */
#define DRAIN_STEP_US 20000
#define SAY_AGAIN_US INT64_C(3600000000)
#define TRIM_AFTER_US 5000000
#define TRIM_BYTES 262144U /* held, worth a malloc_trim afterwards */

/* After a long time without collector the heap is large and full of holes.
 * Not at once: libzmq still holds some of what was sent. */
void nx_agentd_on_trim(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    (void)arg;
    (void)malloc_trim(0);
}

static void give_memory_back(struct nx_agentd *a) {
    size_t bytes = nx_spool_memory_bytes(a->spool);
    if (bytes > TRIM_BYTES) {
        a->trim_due = true;
    } else if (bytes == 0 && a->trim_due) {
        a->trim_due = false;
        nx_agentd_arm(a->on_trim, nx_clock_mono_us() + TRIM_AFTER_US);
    }
}

void nx_agentd_on_acked(void *user) {
    struct nx_agentd *a = user;
    give_memory_back(a);
    nx_agentd_arm_batch(a);
    if (a->draining) {
        nx_agentd_arm(a->on_drain, 0);
    }
}

/* Each try ends so, and there is one each half minute. */
static void say_waits(struct nx_agentd *a, uint64_t held, int64_t now_us) {
    bool again =
        a->again_said_us != 0 && now_us - a->again_said_us < SAY_AGAIN_US;
    nx_log(again ? NX_LOG_DEBUG : NX_LOG_WARN,
           "%llu results are not delivered yet: beginning anew waits for them",
           (unsigned long long)held);
    a->again_said_us = again ? a->again_said_us : now_us;
}

void nx_agentd_on_drain(evutil_socket_t fd, short what, void *arg) {
    struct nx_agentd *a = arg;
    struct nx_ledger ledger;
    int64_t now_us = nx_clock_mono_us();
    int64_t since_us = now_us - a->drain_since_us;
    (void)fd;
    (void)what;
    bool answers_out = (nx_probe_inflight(a->prober) > 0 ||
                        nx_lookup_question(a->lookup) != NULL) &&
                       since_us < DRAIN_PROBES_US;
    if (!answers_out) {
        nx_agentd_close_batch(a);
    }
    nx_spool_ledger(a->spool, &ledger);
    bool waiting =
        answers_out || (ledger.held > 0 && nx_uplink_online(a->uplink));
    if (waiting && since_us < DRAIN_MAX_US) {
        nx_agentd_arm(a->on_drain, now_us + DRAIN_STEP_US);
        return;
    }
    if (ledger.held > 0 && a->again) { /* they would be lost */
        a->again = a->draining = false;
        say_waits(a, ledger.held, now_us);
        nx_agentd_arm(a->on_due, 0);
        return;
    }
    if (ledger.held > 0) {
        nx_log(NX_LOG_WARN, "%llu results could not be delivered%s",
               (unsigned long long)ledger.held,
               a->folder != NULL ? "; they stay in the spool" : "");
    }
    (void)event_base_loopbreak(a->base);
}

void nx_agentd_drain(struct nx_agentd *a) {
    a->again = false;
    if (!a->draining) {
        a->draining = true;
        a->drain_since_us = nx_clock_mono_us();
        nx_walks_keep(a->walks, NULL);
        nx_agentd_arm(a->on_drain, 0);
    }
}
