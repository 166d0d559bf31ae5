/* A new epoch for a spool that was put back to an older copy. */
#include <sys/random.h>

#include "agent/io_agent_priv.h"
#include "common/io_clock.h"
#include "common/io_log.h"

/* Who says so again is no honest collector; and all that is held is read and
 * written each time. */
#define ANEW_EVERY_US INT64_C(3600000000)

static void say_not(struct nx_agentd *a, const char *why, int64_t now_us) {
    bool again =
        a->behind_said_us != 0 && now_us - a->behind_said_us < ANEW_EVERY_US;
    nx_log(again ? NX_LOG_DEBUG : NX_LOG_ERROR,
           "the collector has results by this agent's numbers that it never "
           "sent, and it does not begin a new spool: %s: nothing is sent "
           "to that collector, results are kept",
           why);
    a->behind_said_us = again ? a->behind_said_us : now_us;
}

static void anew(struct nx_agentd *a, const struct nx_ack *ack, uint64_t epoch,
                 int64_t now_us) {
    struct nx_ledger before;
    struct nx_spool_moved moved;
    nx_agentd_close_batch(a);
    nx_spool_ledger(a->spool, &before);
    int err = nx_spool_anew(a->spool, ack, epoch, &moved);
    if (err != NX_OK) {
        say_not(a, nx_strerror(err), now_us);
        nx_agentd_spool_changed(a, before.dropped);
        return;
    }
    a->epoch = epoch;
    a->anew_us = now_us;
    nx_batcher_renumber(a->batcher, epoch, nx_spool_next_seq(a->spool));
    nx_log(NX_LOG_ERROR,
           "the collector has results by this agent's numbers that it never "
           "sent: the spool, or this machine, was put back to an older copy, "
           "or another one runs from it: the spool begins anew; of %llu "
           "results that were held all are sent under new numbers, and %llu "
           "are reported as lost",
           (unsigned long long)moved.held, (unsigned long long)moved.lost);
    nx_agentd_spool_changed(a, moved.lost);
}

void nx_agentd_on_behind(void *user, const struct nx_ack *ack) {
    struct nx_agentd *a = user;
    uint64_t epoch = 0;
    int64_t now_us = nx_clock_mono_us();
    if (a->anew_us != 0 && now_us - a->anew_us < ANEW_EVERY_US) {
        say_not(a, "it began one within the hour", now_us);
    } else if (getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch)) {
        say_not(a, nx_strerror(NX_EIO), now_us);
    } else {
        anew(a, ack, epoch, now_us);
    }
}
